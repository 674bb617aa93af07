//! The audit log of an organization: list, filter, export.

use axum::response::{IntoResponse, Response};
use domain::{Action, ActorKind, Outcome, Timestamp, UserId, tags::AuditRead};
use http::header;
use serde_json::{Map, Value};
use store::{AuditFilter, AuditPerson, AuditRow as Row, Page};

use crate::{
    Cx,
    fields::Fields,
    pages::{
        Fact,
        audit::{AuditRow, Index},
    },
    refusal::Result,
    route::Routes,
    view::{Choice, When, count, label},
};

const ROWS: u32 = 50;

pub(super) fn routes() -> Routes {
    Routes::new().get("/o/{org}/audit", index).post("/o/{org}/audit/export", export)
}

/// The periods one can ask for, in hours; the first is everything.
const PERIODS: &[(&str, &str, u64)] = &[
    ("", "All time", 0),
    ("24h", "Last 24 hours", 24),
    ("7d", "Last 7 days", 168),
    ("30d", "Last 30 days", 720),
];

/// The acts of an organization's own log; those of the deployment stand in the spine.
const ACTIONS: &[Action] = &[
    Action::OrganizationCreate,
    Action::OrganizationChange,
    Action::SignInPolicySet,
    Action::ProjectCreate,
    Action::ProjectChange,
    Action::ProjectArchive,
    Action::MemberInvite,
    Action::MemberJoin,
    Action::MemberRoleChange,
    Action::MemberRemove,
    Action::InvitationRevoke,
    Action::GrantCreate,
    Action::GrantRevoke,
    Action::KeyCreate,
    Action::KeyRevoke,
    Action::AdminKeyCreate,
    Action::AdminKeyRevoke,
    Action::ProviderCreate,
    Action::ProviderChange,
    Action::ProviderRemove,
    Action::AliasSet,
    Action::AliasRemove,
    Action::UsageSettle,
    Action::AuditExport,
    Action::DataKeyCreate,
];

async fn index(cx: Cx<AuditRead>, (): ()) -> Result<Response> {
    let query = cx.query();
    let (action, period) = (query.text("action"), query.text("period"));
    let user: Option<UserId> = query.filled("user").and_then(|text| text.parse().ok());
    let hours = PERIODS.iter().find(|(name, ..)| *name == period).map_or(0, |(.., hours)| *hours);
    let since = (hours > 0).then(|| cx.now().minus(std::time::Duration::from_secs(hours * 3_600)));
    let filter =
        AuditFilter { action: Action::parse(action), user, since, ..AuditFilter::default() };
    let after = query.filled("after").map(str::to_owned);
    let listed = cx.read().await?.audit_list(&filter, &Page { after, limit: ROWS }).await?;
    let members = cx.app().identity.members_list(cx.scope()?, &Page::first(Page::MOST)).await?.data;
    let mut actors = vec![Choice::new("", "Everybody").chosen(user.is_none())];
    actors.extend(members.into_iter().map(|member| {
        Choice::new(member.user.to_string(), member.name).chosen(user == Some(member.user))
    }));
    let rows: Vec<_> = listed.data.iter().map(audit_row).collect();
    let page = Index {
        actions: actions(action),
        actors,
        periods: PERIODS
            .iter()
            .map(|(value, label, _)| Choice::new(*value, *label).chosen(*value == period))
            .collect(),
        filtered: !action.is_empty() || user.is_some() || !period.is_empty(),
        shown: match (rows.first(), rows.last()) {
            (Some(first), Some(last)) => {
                format!("Entries {} to {}, newest first", last.number, first.number)
            }
            _ => String::new(),
        },
        rows,
        next: listed.next.map(|after| next(&cx, action, user, period, &after)),
        verify: format!(
            "probity verify {} --root {}",
            file_name(&cx)?,
            cx.app().store.log_fingerprint()?
        ),
        base: cx.base(),
    };
    Ok(cx.page("Audit", page).await?)
}

fn actions(chosen: &str) -> Vec<Choice> {
    let mut all = vec![Choice::new("", "All acts").chosen(chosen.is_empty())];
    all.extend(ACTIONS.iter().map(|action| {
        Choice::new(action.as_str(), action.says()).chosen(action.as_str() == chosen)
    }));
    all
}

fn next(
    cx: &Cx<AuditRead>,
    action: &str,
    user: Option<UserId>,
    period: &str,
    after: &str,
) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    let user = user.map(|user| user.to_string()).unwrap_or_default();
    for (name, value) in
        [("action", action), ("user", user.as_str()), ("period", period), ("after", after)]
    {
        if !value.is_empty() {
            pairs.append_pair(name, value);
        }
    }
    format!("{}/audit?{}", cx.base(), pairs.finish())
}

/// Who acted, and what else is known of them.
pub(super) fn actor(row: &Row) -> (String, String) {
    if let Some(person) = &row.actor {
        return (name(person), person.email.clone().unwrap_or_default());
    }
    if let Some((id, name)) = &row.actor_key {
        return (name.clone().unwrap_or_else(|| "A key".to_owned()), id.to_string());
    }
    let who = match row.actor_kind {
        ActorKind::System => "The server",
        ActorKind::Prober => "The prober",
        ActorKind::Operator => "An operator",
        ActorKind::User | ActorKind::Anonymous => "Somebody",
        ActorKind::ApiKey | ActorKind::AdminKey => "A key",
    };
    (who.to_owned(), String::new())
}

fn name(person: &AuditPerson) -> String {
    person.name.clone().unwrap_or_else(|| "Somebody who was forgotten".to_owned())
}

fn audit_row(row: &Row) -> AuditRow {
    let (actor, actor_note) = actor(row);
    let target = row.targets.first().map(|target| target.id.clone());
    let told = |values: &Map<String, Value>, name| {
        values.get(name).and_then(Value::as_str).map(str::to_owned)
    };
    let about = told(&row.personal, "name")
        .or_else(|| told(&row.personal, "email"))
        .or_else(|| row.subject.as_ref().map(name))
        .or_else(|| told(&row.facts, "name"));
    AuditRow {
        number: count(row.seq + 1),
        at: When(row.time),
        actor,
        actor_note,
        says: row.says.clone(),
        action: row.action.clone(),
        failed: row.outcome == Outcome::Failure,
        summary: about.or(target).unwrap_or_else(|| "Details".to_owned()),
        details: details(row),
    }
}

fn details(row: &Row) -> Vec<Fact> {
    let mut facts: Vec<_> = row
        .targets
        .iter()
        .map(|target| Fact::mono(label(target.kind.as_str()), target.id.clone()))
        .collect();
    if let Some(subject) = &row.subject {
        facts.push(Fact::new("Person", name(subject)));
    }
    let pairs = row.personal.iter().chain(&row.facts);
    facts.extend(pairs.map(|(name, value)| Fact::new(label(name), said(name, value))));
    if row.erased > 0 {
        facts.push(Fact::new("Erased", format!("{} personal details", row.erased)));
    }
    if let Some(request) = &row.request {
        facts.push(Fact::mono("Request", request.clone()));
    }
    facts.push(Fact::mono("Hash", row.leaf_hash.clone()));
    facts
}

/// A value of the log as people read it.
fn said(name: &str, value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Array(all) => all.iter().map(|one| said("", one)).collect::<Vec<_>>().join(", "),
        Value::Number(millis) if name == "expires" => millis
            .as_i64()
            .map_or_else(|| millis.to_string(), |at| When(Timestamp::from_millis(at)).text()),
        other => other.to_string(),
    }
}

fn file_name<P>(cx: &Cx<P>) -> domain::Result<String> {
    Ok(format!("{}-audit.tar", cx.scope()?.org_slug()))
}

async fn export(cx: Cx<AuditRead>, _: Fields) -> Result<Response> {
    let bytes = cx.app().store.audit_export(cx.scope()?).await?;
    let name = format!("attachment; filename=\"{}\"", file_name(&cx)?);
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, bytes).into_response())
}
