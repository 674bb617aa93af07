//! Sub-processors: the list for everybody, and what an organization decides about it.

use std::time::Duration;

use axum::response::Response;
use domain::{
    Cause, Decision, Error, Gate, Permission, Timestamp,
    tags::{ProvidersManage, ProvidersRead, Public},
};
use identity::{Subprocessor, Verdict};

use super::providers::{keeps, trains};
use crate::{
    App, Cx,
    country::country,
    fields::Fields,
    page::done,
    pages::subprocessors::{ChangeRow, List, OwnList, OwnRow, Row},
    refusal::Result,
    register::{PURPOSE, PublicRow, public_list},
    route::Routes,
    view::{Field, Problem, When, date, plural},
};

/// Changes that the page tells of; the feed has more.
const SHOWN: usize = 20;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/subprocessors", show)
        .get("/o/{org}/subprocessors", own)
        .post("/o/{org}/subprocessors", decide)
}

fn row(row: PublicRow, now: Timestamp) -> Row {
    Row {
        place: country(&row.country).to_owned(),
        regions: row.regions.iter().map(|one| country(one)).collect::<Vec<_>>().join(", "),
        behind: row
            .subprocessors
            .iter()
            .map(|one| format!("{} ({})", one.name, country(&one.country)))
            .collect::<Vec<_>>()
            .join(", "),
        trains: trains(row.trains).to_owned(),
        keeps: keeps(row.retention_days),
        condition: row.condition.unwrap_or_default(),
        read: row.read.as_deref().map(date).unwrap_or_default(),
        waits: row.usable_from > now,
        announced: When(row.announced),
        usable_from: When(row.usable_from),
        id: row.id,
        name: row.name,
        entity: row.legal_entity,
        source: row.source,
        in_use: row.in_use,
        chooses: row.chooses,
    }
}

fn notice_words(notice: Option<Duration>) -> String {
    notice.map_or_else(
        || "the notice period".to_owned(),
        |notice| plural(notice.as_secs() / 86_400, "day", "days"),
    )
}

async fn show(cx: Cx<Public>, (): ()) -> Result<Response> {
    let page = list(&cx, Field::default()).await?;
    Ok(cx.page("Sub-processors", page).await?)
}

/// The public page, with what was entered in its form.
pub(super) async fn list(cx: &Cx<Public>, email: Field) -> Result<List> {
    let (list, now) = (public_list(cx.app()).await?, cx.now());
    let told = list.changes.iter().filter(|change| change.cause != Cause::Installed);
    Ok(List {
        mail_hosts: list.mail_hosts.join(", "),
        mail: cx.app().store.has_mail(),
        problems: Problem::of(&[("email", &email)]),
        email,
        purpose: PURPOSE.to_owned(),
        updated: list.updated.map(When),
        notice: notice_words(list.notice),
        changes: told
            .take(SHOWN)
            .map(|change| ChangeRow { at: When(change.announced), text: change.sentence() })
            .collect(),
        entries: list.rows.into_iter().map(|one| row(one, now)).collect(),
    })
}

fn own_row(app: &App, one: Subprocessor) -> OwnRow {
    let catalogue = app.catalogue.current();
    let entry = catalogue.provider(&one.listing.provider);
    let posture = entry.and_then(|entry| entry.general_posture()).cloned().unwrap_or_default();
    let (state, tone) = match one.gate {
        Gate::Open => ("may be used".to_owned(), "good"),
        Gate::Until(at) => (format!("not before {}", at.day()), "waiting"),
        Gate::Objected => ("objected to".to_owned(), "bad"),
        Gate::NotAnnounced => ("not announced".to_owned(), "bad"),
    };
    let decided = one.decided.map(|decided| match decided.decision {
        Decision::Accepted { .. } => format!("accepted on {}", decided.at.day()),
        Decision::Objected => format!("objected on {}", decided.at.day()),
    });
    let accepted = matches!(
        one.decided.map(|decided| decided.decision),
        Some(Decision::Accepted { revision }) if revision >= one.listing.revision
    );
    let sheet = &one.listing.sheet;
    OwnRow {
        id: one.listing.provider.clone(),
        name: sheet.name.clone(),
        entity: sheet.legal_entity.clone(),
        place: country(&sheet.country).to_owned(),
        regions: sheet.regions.iter().cloned().collect::<Vec<_>>().join(", "),
        trains: trains(posture.trains).to_owned(),
        keeps: keeps(posture.retention_days),
        announced: When(one.listing.announced),
        usable_from: When(one.listing.usable_from()),
        registered: one.registered,
        state,
        tone,
        decided: decided.unwrap_or_default(),
        may_accept: !accepted && one.gate != Gate::Open,
        may_object: one.gate != Gate::Objected,
    }
}

async fn own(cx: Cx<ProvidersRead>, (): ()) -> Result<Response> {
    let listed = cx.app().identity.subprocessors_list(cx.scope()?).await?;
    let catalogue = cx.app().catalogue.current();
    let shown = listed.into_iter().filter(|one| {
        let entry = catalogue.provider(&one.listing.provider);
        entry.is_some_and(|entry| super::listed(cx.app(), entry, one.registered))
    });
    let notice = notice_words(cx.app().store.register().await?.notice());
    let mut rows: Vec<_> = shown.map(|one| own_row(cx.app(), one)).collect();
    // What has to be decided first, then what is in use.
    rows.sort_by_key(|row| (row.tone == "good", !row.registered));
    let page = OwnList {
        action: format!("{}/subprocessors", cx.base()),
        purpose: PURPOSE.to_owned(),
        notice,
        may_manage: cx.may(Permission::ProvidersManage, None),
        rows,
    };
    Ok(cx.page("Sub-processors", page).await?)
}

async fn decide(cx: Cx<ProvidersManage>, form: Fields) -> Result<Response> {
    let (identity, scope, id) = (&cx.app().identity, cx.scope()?, form.text("subprocessor"));
    match form.text("decision") {
        "accept" => identity.subprocessor_decide(scope, id, Verdict::Accept).await?,
        "object" => identity.subprocessor_decide(scope, id, Verdict::Object).await?,
        "withdraw" => identity.subprocessor_withdraw(scope, id).await?,
        _ => return Err(Error::invalid("Choose accept, object or withdraw.").into()),
    }
    Ok(done(&format!("{}/subprocessors", cx.base()), "subprocessor"))
}
