//! Provider credentials.

mod add;

use axum::response::Response;
use domain::{
    OWN_CONTRACT, Permission, Price, Protocol, ProviderEntry as CatalogueEntry, ProviderId,
    STANDARD_CONTRACT,
    tags::{ProvidersManage, ProvidersRead},
};
use identity::{Effect, Refusal, Registered, terms_of};
use store::Provider;

use crate::{
    App, Cx,
    country::country,
    fields::Fields,
    page::done,
    pages::{
        Confirm, Fact,
        providers::{EntryRow, Index, ModelRow, ProviderRow, Show},
    },
    refusal::Result,
    route::Routes,
    view::{Field, Link, When, date, money},
};

/// The catalogue's twin on this machine. There is one only while the demo runs.
const SANDBOX: &str = "sandbox";

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/o/{org}/providers", index)
        .get("/o/{org}/providers/{provider}", show)
        .get("/o/{org}/providers/{provider}/remove", confirm)
        .post("/o/{org}/providers/{provider}/remove", remove)
        .merge(add::routes())
}

pub(super) fn trains(says: Option<bool>) -> &'static str {
    match says {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not known",
    }
}

pub(super) fn keeps(days: Option<u32>) -> String {
    match days {
        Some(0) => "not kept".to_owned(),
        Some(1) => "1 day".to_owned(),
        Some(days) => format!("{days} days"),
        None => "not known".to_owned(),
    }
}

/// Whether a list for everybody names it: what nobody can use here is no company that could receive anything.
pub(crate) fn listed(app: &App, entry: &CatalogueEntry, in_use: bool) -> bool {
    let here = entry.id != SANDBOX || app.sandbox.is_some();
    in_use || (here && entry.callable().next().is_some())
}

/// What the catalogue says, ready to print.
pub(super) fn entry_row(entry: &CatalogueEntry) -> EntryRow {
    let posture = entry.general_posture().cloned().unwrap_or_default();
    EntryRow {
        id: entry.id.clone(),
        name: entry.name.clone(),
        entity: entry.legal_entity.clone(),
        place: country(&entry.country).to_owned(),
        trains: trains(posture.trains).to_owned(),
        keeps: keeps(posture.retention_days),
        condition: posture.condition.unwrap_or_default(),
        read: posture.read.as_deref().map(date).unwrap_or_default(),
        source: posture.source,
        in_use: false,
    }
}

fn row(app: &App, provider: &Provider, effects: &[Effect], base: &str) -> ProviderRow {
    let catalogue = app.catalogue.current();
    let known = catalogue.provider(&provider.catalog).map(entry_row);
    // The last terms are those for every model.
    let terms = terms_of(&catalogue, &Registered::from(provider)).pop();
    let stated = provider.terms.is_some();
    let posture = terms.as_ref().and_then(|one| one.posture).filter(|_| !stated);
    let (entity, place) = match &known {
        Some(known) => {
            let region = provider.region.as_deref().map(|region| format!(", {region}"));
            (known.company().to_owned(), format!("{}{}", known.place, region.unwrap_or_default()))
        }
        None => {
            ("this organization’s choice".to_owned(), provider.region.clone().unwrap_or_default())
        }
    };
    let credential = match (provider.has_secret, provider.secret_last_four.as_str()) {
        (false, _) => "none".to_owned(),
        (true, "") => "stored".to_owned(),
        (true, four) => format!("ends in {four}"),
    };
    ProviderRow {
        id: provider.id.to_string(),
        href: format!("{base}/providers/{}", provider.id),
        name: provider.name.clone(),
        address: provider.base_url.clone(),
        format: format_name(provider.protocol).to_owned(),
        entity,
        place,
        credential,
        trains: trains(terms.as_ref().and_then(|one| one.terms.trains)).to_owned(),
        keeps: keeps(terms.as_ref().and_then(|one| one.terms.retention_days)),
        condition: if stated {
            "As this organization says.".to_owned()
        } else {
            posture.and_then(|posture| posture.condition.clone()).unwrap_or_default()
        },
        source: posture.and_then(|posture| posture.source.clone()),
        read: posture.and_then(|posture| posture.read.as_deref()).map(date).unwrap_or_default(),
        contract: agreed(provider),
        agreement: agreement(provider),
        refused: refused(provider, effects),
        created: When(provider.created),
    }
}

/// What was agreed with it, and until when; nothing for the ordinary terms without an end.
fn agreed(provider: &Provider) -> String {
    let terms = match provider.contract.as_str() {
        STANDARD_CONTRACT => "the ordinary terms of its paid service",
        OWN_CONTRACT => "this organization’s own affair",
        other => other,
    };
    let until = provider.contract_until.map(|end| date(&domain::last_day(end)));
    let usual = matches!(provider.contract.as_str(), STANDARD_CONTRACT | OWN_CONTRACT);
    match until {
        Some(until) => format!("{terms}, until {until}"),
        None if usual => String::new(),
        None => terms.to_owned(),
    }
}

/// The agreement under which it may receive health data.
fn agreement(provider: &Provider) -> String {
    let Some(baa) = provider.baa else { return String::new() };
    let signed = date(&identity::agreement_signed(baa));
    match baa.until {
        Some(until) => format!("signed {signed}, until {}", date(&domain::last_day(until))),
        None => format!("signed {signed}"),
    }
}

/// Why nothing is sent there, whatever the model; empty when something may be.
fn refused(provider: &Provider, effects: &[Effect]) -> String {
    let of = |effect: &&Effect| effect.provider.id == provider.id;
    if effects.iter().filter(of).any(|effect| effect.refusals.is_empty()) {
        return String::new();
    }
    let Some(last) = effects.iter().rfind(of) else { return String::new() };
    last.refusals.iter().map(Refusal::words).collect::<Vec<_>>().join(", ")
}

pub(super) const fn format_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::OpenAi => "OpenAI",
        Protocol::Anthropic => "Anthropic",
        Protocol::OpenAiResponses => "OpenAI Responses",
        Protocol::Gemini => "Gemini",
        Protocol::Cohere => "Cohere",
        Protocol::Rerank => "ranking",
        Protocol::Embeddings => "embeddings",
        Protocol::Moderation => "moderation",
        Protocol::Images => "images",
        Protocol::ImageEdits => "image edits",
        Protocol::Transcription => "transcription",
        Protocol::Speech => "speech",
        Protocol::Bedrock => "Bedrock Converse",
        Protocol::Watsonx => "watsonx.ai",
        Protocol::Translation => "translation",
        Protocol::Stability => "Stability AI",
        Protocol::Replicate => "Replicate",
        Protocol::Realtime => "realtime",
    }
}

async fn index(cx: Cx<ProvidersRead>, (): ()) -> Result<Response> {
    let base = cx.base();
    let (scope, identity) = (cx.scope()?, &cx.app().identity);
    let providers = identity.providers_list(scope).await?;
    let effects = identity.routing_effects(scope, None).await?;
    let row = |provider| row(cx.app(), provider, &effects, &base);
    let page = Index {
        providers: providers.iter().map(row).collect(),
        may_manage: cx.may(Permission::ProvidersManage, None),
        base,
    };
    Ok(cx.page("Providers", page).await?)
}

async fn find<P>(cx: &Cx<P>) -> domain::Result<Provider> {
    let id: ProviderId = cx.id("provider")?;
    cx.app().identity.provider_fetch(cx.scope()?, id).await
}

async fn show(cx: Cx<ProvidersRead>, (): ()) -> Result<Response> {
    let provider = find(&cx).await?;
    let base = cx.base();
    let effects = cx.app().identity.routing_effects(cx.scope()?, None).await?;
    let catalogue = cx.app().catalogue.current();
    let page = Show {
        provider: row(cx.app(), &provider, &effects, &base),
        models: super::models::names(cx.app(), std::slice::from_ref(&provider))
            .into_iter()
            .map(|id| model_row(catalogue.prices(&provider.catalog, &id).map(|all| all.base), id))
            .collect(),
        may_manage: cx.may(Permission::ProvidersManage, None),
        base,
    };
    Ok(cx.page(&provider.name, page).await?)
}

fn model_row(price: Option<Price>, id: String) -> ModelRow {
    let million = |nano: u64| money(nano.saturating_mul(1_000_000), "USD");
    ModelRow {
        id,
        input: price.and_then(|price| price.input).map(million).unwrap_or_default(),
        cached: price.and_then(|price| price.cache_read).map(million).unwrap_or_default(),
        output: price.and_then(|price| price.output).map(million).unwrap_or_default(),
    }
}

fn question<P>(cx: &Cx<P>, provider: &Provider) -> Confirm {
    let base = cx.base();
    let row = row(cx.app(), provider, &[], &base);
    Confirm {
        trail: vec![
            Link::new(format!("{base}/providers"), "Providers", false),
            Link::new(row.href.clone(), row.name.clone(), false),
        ],
        heading: format!("Remove “{}”?", provider.name),
        problems: Vec::new(),
        facts: vec![Fact::mono("Address", row.address), Fact::new("Credential", row.credential)],
        lost: "requests for its models are refused from now on unless another provider serves them, and the \
               credential is wiped. Past usage stays."
            .to_owned(),
        action: format!("{}/remove", row.href),
        expected: provider.name.clone(),
        confirm: Field::default(),
        verb: "Remove provider".to_owned(),
        cancel: row.href,
    }
}

async fn confirm(cx: Cx<ProvidersManage>, (): ()) -> Result<Response> {
    let page = question(&cx, &find(&cx).await?);
    Ok(cx.page("Remove a provider", page).await?)
}

async fn remove(cx: Cx<ProvidersManage>, form: Fields) -> Result<Response> {
    let provider = find(&cx).await?;
    if let Some(again) = super::unconfirmed(&form, question(&cx, &provider)) {
        return Ok(cx.again(&super::not_confirmed(), "Remove a provider", again).await?);
    }
    cx.app().identity.provider_remove(cx.scope()?, provider.id).await?;
    Ok(done(&format!("{}/providers", cx.base()), "provider-removed"))
}
