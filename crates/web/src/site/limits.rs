//! Rate limits of the organization and its keys.

use axum::response::Response;
use domain::{Error, LimitOf, Result as DomainResult, tags::OrganizationManage};
use store::OrgLimits;

use super::budgets::{Names, live};
use crate::{
    Cx,
    fields::Fields,
    page::done,
    pages::limits::{LimitRow, Limits},
    refusal::Result,
    route::Routes,
    view::{Choice, Problem, count},
};

pub(super) fn routes() -> Routes {
    Routes::new().get("/o/{org}/limits", show).post("/o/{org}/limits", set)
}

fn row(whose: &str, note: &str, limits: domain::Limits) -> LimitRow {
    let text = |most: Option<u64>| most.map_or_else(|| "no limit".to_owned(), count);
    LimitRow {
        whose: whose.to_owned(),
        note: note.to_owned(),
        requests: text(limits.requests_per_minute.map(u64::from)),
        tokens: text(limits.tokens_per_minute),
        concurrent: text(limits.concurrent.map(u64::from)),
    }
}

fn rows(limits: &OrgLimits, names: &Names) -> Vec<LimitRow> {
    let none = domain::Limits::default();
    let mut rows = Vec::new();
    if limits.whole != none {
        rows.push(row("The organization", "all keys together", limits.whole));
    }
    if limits.each_key != none {
        rows.push(row("Each key", "that has none of its own", limits.each_key));
    }
    let mut keys: Vec<_> = limits.keys.iter().collect();
    keys.sort_by_key(|(id, _)| **id);
    for (id, limits) in keys {
        let (whose, within) = names.whose(domain::BudgetOf::Key(*id));
        rows.push(row(&whose, &within, *limits));
    }
    rows
}

async fn page(cx: &Cx<OrganizationManage>, sent: &Fields) -> DomainResult<Limits> {
    let limits = cx.app().identity.limits(cx.scope()?).await?;
    let names = Names::of(cx, live(cx).await?).await?;
    let chosen = sent.filled("whose").unwrap_or("each_key");
    let mut whose = vec![
        Choice::new("each_key", "Each key that has none of its own"),
        Choice::new("organization", "The organization, all keys together"),
    ];
    whose.extend(names.keys());
    Ok(Limits {
        action: format!("{}/limits", cx.base()),
        problems: Vec::new(),
        rows: rows(&limits, &names),
        whose: whose
            .into_iter()
            .map(|one| {
                let is = one.value == chosen;
                one.chosen(is)
            })
            .collect(),
        requests: sent.field("requests"),
        tokens: sent.field("tokens"),
        concurrent: sent.field("concurrent"),
    })
}

/// A number that may be left out; what is none fails as a limit of 0 does.
fn number<T: std::str::FromStr + Default>(sent: &Fields, name: &str) -> Option<T> {
    sent.filled(name).map(|text| text.replace([',', ' '], "").parse().unwrap_or_default())
}

fn entered(sent: &Fields) -> DomainResult<(LimitOf, domain::Limits)> {
    let of = match sent.text("whose") {
        "organization" => LimitOf::Organization,
        "each_key" => LimitOf::EachKey,
        key => LimitOf::Key(key.parse().map_err(|_| {
            Error::invalid("Choose whom the limits are for.").with_code("invalid_payer")
        })?),
    };
    let limits = domain::Limits {
        requests_per_minute: number(sent, "requests"),
        tokens_per_minute: number(sent, "tokens"),
        concurrent: number(sent, "concurrent"),
    };
    Ok((of, limits))
}

async fn show(cx: Cx<OrganizationManage>, (): ()) -> Result<Response> {
    let page = page(&cx, &Fields::default()).await?;
    Ok(cx.page("Rate limits", page).await?)
}

async fn set(cx: Cx<OrganizationManage>, sent: Fields) -> Result<Response> {
    let made = match entered(&sent) {
        Ok((of, limits)) => cx.app().identity.limits_set(cx.scope()?, of, limits).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(()) => Ok(done(&format!("{}/limits", cx.base()), "saved")),
        Err(error) if super::mendable(&error) => {
            let mut page = page(&cx, &sent).await?;
            page.problems = marked(&mut page, &error);
            Ok(cx.again(&error, "Rate limits", page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Marks the first field that cannot be meant.
fn marked(page: &mut Limits, error: &Error) -> Vec<Problem> {
    if error.code() != "invalid_limit" {
        return vec![Problem::at("whose", error.message())];
    }
    let fields = [
        ("requests", &mut page.requests, 1_000_000),
        ("tokens", &mut page.tokens, 1_000_000_000_000),
        ("concurrent", &mut page.concurrent, 100_000),
    ];
    for (name, field, most) in fields {
        let number: u64 = field.value.replace([',', ' '], "").parse().unwrap_or(0);
        if !field.value.is_empty() && !(1..=most).contains(&number) {
            field.error = Some(error.message().to_owned());
            return vec![Problem::at(name, error.message())];
        }
    }
    vec![Problem::whole(error.message())]
}
