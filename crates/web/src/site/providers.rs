//! Provider credentials.

use axum::response::{IntoResponse, Redirect, Response};
use domain::{
    Error, Kind, Permission, Price, Protocol, ProviderEntry as CatalogueEntry, ProviderId,
    tags::{ProvidersManage, ProvidersRead},
};
use identity::ProviderEntry;
use store::Provider;

use crate::{
    App, Cx,
    country::country,
    fields::Fields,
    page::done,
    pages::{
        Confirm, Fact,
        providers::{Choose, EntryRow, Index, ModelRow, New, ProviderRow, Show},
    },
    refusal::Result,
    route::Routes,
    view::{Choice, Field, Link, Problem, When, date, money},
};

const CUSTOM: &str = "custom";
/// The catalogue's twin on this machine. There is one only while the demo runs.
const SANDBOX: &str = "sandbox";

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/o/{org}/providers", index)
        .get("/o/{org}/providers/new", new)
        .post("/o/{org}/providers", create)
        .get("/o/{org}/providers/{provider}", show)
        .get("/o/{org}/providers/{provider}/remove", confirm)
        .post("/o/{org}/providers/{provider}/remove", remove)
}

fn trains(says: Option<bool>) -> &'static str {
    match says {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not known",
    }
}

fn keeps(days: Option<u32>) -> String {
    match days {
        Some(0) => "not kept".to_owned(),
        Some(1) => "1 day".to_owned(),
        Some(days) => format!("{days} days"),
        None => "not known".to_owned(),
    }
}

/// What this installation can add.
fn offered(app: &App) -> impl Iterator<Item = &CatalogueEntry> {
    app.catalogue.providers().filter(|entry| listed(app, entry, false))
}

/// Whether a list for everybody names it: what nobody can use here is no company that could receive anything.
pub(super) fn listed(app: &App, entry: &CatalogueEntry, in_use: bool) -> bool {
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

fn row(app: &App, provider: &Provider, base: &str) -> ProviderRow {
    let known = app.catalogue.provider(&provider.catalog).map(entry_row);
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
        trains: known.as_ref().map_or_else(|| "not known".to_owned(), |known| known.trains.clone()),
        keeps: known.as_ref().map_or_else(|| "not known".to_owned(), |known| known.keeps.clone()),
        condition: known.as_ref().map(|known| known.condition.clone()).unwrap_or_default(),
        source: known.as_ref().and_then(|known| known.source.clone()),
        read: known.map(|known| known.read).unwrap_or_default(),
        created: When(provider.created),
    }
}

const fn format_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::OpenAi => "OpenAI",
        Protocol::Anthropic => "Anthropic",
    }
}

async fn index(cx: Cx<ProvidersRead>, (): ()) -> Result<Response> {
    let base = cx.base();
    let providers = cx.app().identity.providers_list(cx.scope()?).await?;
    let page = Index {
        providers: providers.iter().map(|provider| row(cx.app(), provider, &base)).collect(),
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
    let page = Show {
        provider: row(cx.app(), &provider, &base),
        models: super::models::names(cx.app(), std::slice::from_ref(&provider))
            .into_iter()
            .map(|id| {
                model_row(cx.app().catalogue.prices(&provider.catalog, &id).map(|all| all.base), id)
            })
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

async fn new(cx: Cx<ProvidersManage>, (): ()) -> Result<Response> {
    let chosen = cx.query().text("catalog");
    if chosen == CUSTOM || offered(cx.app()).any(|entry| entry.id == chosen) {
        let page = form(&cx, chosen, None);
        return Ok(cx.page("Add a provider", page).await?);
    }
    let entries = offered(cx.app()).map(entry_row).collect();
    Ok(cx.page("Add a provider", Choose { base: cx.base(), entries }).await?)
}

/// The empty form, or the one that was sent.
fn form<P>(cx: &Cx<P>, catalog: &str, sent: Option<&Fields>) -> New {
    let entry = cx.app().catalogue.provider(catalog);
    let field = |name| sent.map(|sent| sent.field(name)).unwrap_or_default();
    let protocol = sent.map_or("openai", |sent| sent.text("protocol"));
    let anthropic = protocol == Protocol::Anthropic.as_str();
    New {
        base: cx.base(),
        heading: entry.map_or_else(
            || "Add a server of your own choice".to_owned(),
            |entry| format!("Add {}", entry.name),
        ),
        problems: Vec::new(),
        catalog: catalog.to_owned(),
        custom: entry.is_none(),
        endpoints: entry.map(|entry| endpoints(entry, sent)).unwrap_or_default(),
        name: match (sent, entry) {
            (None, Some(entry)) => Field::new(&entry.name),
            _ => field("name"),
        },
        base_url: field("base_url"),
        protocols: vec![
            Choice::new("openai", "OpenAI")
                .help("Chat Completions: Ollama, vLLM, llama.cpp and most others")
                .chosen(!anthropic),
            Choice::new("anthropic", "Anthropic").help("Messages").chosen(anthropic),
        ],
        secret: Field::default(),
        secret_help:
            "Encrypted before it is stored. Afterwards only its last four characters are shown."
                .to_owned(),
        models: sent.map(|sent| Field::new(sent.text("models"))).unwrap_or_default(),
        region: field("region"),
        allow_private: sent.is_some_and(|sent| sent.text("allow_private") == "yes"),
        entry: entry.map(entry_row),
    }
}

/// Where a provider that has several addresses can be called; nothing to choose where there is one.
fn endpoints(entry: &CatalogueEntry, sent: Option<&Fields>) -> Vec<Choice> {
    let callable: Vec<_> = entry.callable().collect();
    if callable.len() < 2 {
        return Vec::new();
    }
    let chosen = sent.and_then(|sent| sent.filled("endpoint"));
    let chosen = chosen.or(callable.first().map(|endpoint| endpoint.id.as_str()));
    let choice = |endpoint: &&domain::Endpoint| {
        let place = match endpoint.region.as_deref() {
            Some("global") => "Anywhere in the world".to_owned(),
            Some("EU") => "European Union".to_owned(),
            Some(code) => country(code).to_owned(),
            None => "Not stated by the provider".to_owned(),
        };
        Choice::new(&endpoint.id, &place)
            .help(&endpoint.base_url)
            .chosen(chosen == Some(endpoint.id.as_str()))
    };
    callable.iter().map(choice).collect()
}

/// The address behind a choice of [`endpoints`].
fn endpoint(app: &App, catalog: &str, sent: &Fields) -> Option<String> {
    let wanted = sent.filled("endpoint")?;
    let mut callable = app.catalogue.provider(catalog)?.callable();
    callable.find(|endpoint| endpoint.id == wanted).map(|endpoint| endpoint.base_url.clone())
}

fn entered(app: &App, sent: &Fields) -> ProviderEntry {
    let text = |name| sent.filled(name).map(str::to_owned);
    let catalog = sent.filled("catalog").unwrap_or(CUSTOM);
    ProviderEntry {
        catalog: catalog.to_owned(),
        name: text("name"),
        base_url: match catalog {
            SANDBOX => app.sandbox.clone(),
            catalog => text("base_url").or_else(|| endpoint(app, catalog, sent)),
        },
        protocol: Protocol::parse(sent.text("protocol")),
        secret: Some(sent.secret("secret")),
        models: sent.text("models").split([',', '\n']).map(|name| name.trim().to_owned()).collect(),
        region: text("region"),
        // In the form the box says it; the API may leave it to the address.
        allow_private: sent.filled("base_url").map(|_| sent.text("allow_private") == "yes"),
    }
}

async fn create(cx: Cx<ProvidersManage>, sent: Fields) -> Result<Response> {
    match cx.app().identity.provider_create(cx.scope()?, entered(cx.app(), &sent)).await {
        Ok(provider) => {
            Ok(Redirect::to(&format!("{}/providers/{}?done=provider", cx.base(), provider.id))
                .into_response())
        }
        Err(error) if super::mendable(&error) => {
            let page = form(&cx, sent.filled("catalog").unwrap_or(CUSTOM), Some(&sent));
            let page = marked(page, &error);
            Ok(cx.again(&error, "Add a provider", page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The form with the wrong field marked. A problem with a field that this form does not show is the form's own.
fn marked(mut page: New, error: &Error) -> New {
    let at = match error.code() {
        "invalid_name" => "name",
        "private_address" if page.custom && error.kind() == Kind::Forbidden => "allow_private",
        "invalid_base_url" | "private_address" if page.custom => "base_url",
        "unknown_protocol" if page.custom => "protocol",
        "secret_needed" | "invalid_secret" => "secret",
        "invalid_model" if page.custom => "models",
        "invalid_region" if page.custom => "region",
        _ => "",
    };
    let shown = [
        ("name", &mut page.name),
        ("base_url", &mut page.base_url),
        ("secret", &mut page.secret),
        ("models", &mut page.models),
        ("region", &mut page.region),
    ];
    for (name, field) in shown {
        if name == at {
            field.error = Some(error.message().to_owned());
        }
    }
    page.problems = vec![Problem::at(at, error.message())];
    page
}

fn question<P>(cx: &Cx<P>, provider: &Provider) -> Confirm {
    let base = cx.base();
    let row = row(cx.app(), provider, &base);
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
