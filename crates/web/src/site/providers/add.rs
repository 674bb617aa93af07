//! Adding a provider: the choice, the form.

use axum::response::{IntoResponse, Redirect, Response};
use domain::{
    Auth, Catalogue, Error, Kind, Protocol, ProviderEntry as CatalogueEntry, Secret, StatedTerms,
    tags::ProvidersManage,
};
use identity::{CUSTOM, ProviderEntry};

use super::{
    super::{days, mendable},
    SANDBOX, entry_row, listed,
};
use crate::{
    App, Cx,
    country::country,
    fields::Fields,
    pages::providers::{Blank, Choose, New, Part},
    refusal::Result,
    route::Routes,
    view::{Choice, Field, Problem},
};

pub(super) fn routes() -> Routes {
    Routes::new().get("/o/{org}/providers/new", new).post("/o/{org}/providers", create)
}

/// What this installation can add.
fn offered<'a>(app: &App, catalogue: &'a Catalogue) -> impl Iterator<Item = &'a CatalogueEntry> {
    catalogue.providers().filter(|entry| listed(app, entry, false))
}

async fn new(cx: Cx<ProvidersManage>, (): ()) -> Result<Response> {
    let chosen = cx.query().text("catalog");
    let catalogue = cx.app().catalogue.current();
    if chosen == CUSTOM || offered(cx.app(), &catalogue).any(|entry| entry.id == chosen) {
        let page = form(&cx, chosen, None);
        return Ok(cx.page("Add a provider", page).await?);
    }
    let entries = offered(cx.app(), &catalogue).map(entry_row).collect();
    Ok(cx.page("Add a provider", Choose { base: cx.base(), entries }).await?)
}

/// The empty form, or the one that was sent.
fn form<P>(cx: &Cx<P>, catalog: &str, sent: Option<&Fields>) -> New {
    let known = cx.app().catalogue.current();
    let entry = known.provider(catalog);
    let field = |name| sent.map(|sent| sent.field(name)).unwrap_or_default();
    let protocol = sent.map_or("openai", |sent| sent.text("protocol"));
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
        blank: entry.and_then(|entry| blank(entry, field("filled"))),
        placeless: entry
            .is_some_and(|entry| entry.callable().any(|endpoint| endpoint.region.is_none())),
        contracts: entry.map(|entry| contracts(entry, sent)).unwrap_or_default(),
        contract_until: field("contract_until"),
        baa_signed: field("baa_signed"),
        baa_until: field("baa_until"),
        trains: said(sent),
        retention: field("retention"),
        name: match (sent, entry) {
            (None, Some(entry)) => Field::new(&entry.name),
            _ => field("name"),
        },
        base_url: field("base_url"),
        protocols: formats(protocol),
        parts: entry.map(|entry| parts(entry, sent)).unwrap_or_default(),
        secret: Field::default(),
        secret_help: secret_help(entry),
        models: sent.map(|sent| Field::new(sent.text("models"))).unwrap_or_default(),
        region: field("region"),
        allow_private: sent.is_some_and(|sent| sent.text("allow_private") == "yes"),
        entry: entry.map(entry_row),
    }
}

/// What a server of the organization's own choice may speak.
fn formats(sent: &str) -> Vec<Choice> {
    let sent = Protocol::parse(sent).filter(|protocol| protocol.is_of_providers());
    let chosen = sent.unwrap_or(Protocol::OpenAi).as_str();
    [
        ("openai", "OpenAI", "Chat Completions: Ollama, vLLM, llama.cpp and most others"),
        ("anthropic", "Anthropic", "Messages"),
        ("responses", "OpenAI Responses", "Servers that speak the newer format only"),
        ("gemini", "Gemini", "generateContent"),
        ("bedrock", "Bedrock Converse", "A private endpoint of Amazon Bedrock"),
        ("cohere", "Cohere", "Version 2: conversations, embeddings, ranking"),
        ("rerank", "Jina", "Embeddings and ranking only, as Jina and its likes speak"),
    ]
    .map(|(value, label, help)| Choice::new(value, label).help(help).chosen(value == chosen))
    .into()
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

/// What is to be filled into the provider's address. The catalogue leaves at most one name open.
fn blank(entry: &CatalogueEntry, field: Field) -> Option<Blank> {
    let open = entry.callable().find(|endpoint| endpoint.blanks().next().is_some())?;
    let name = open.blanks().next()?;
    let label = match name {
        "resource" => "Resource",
        "account" => "Account",
        "region" => "Region in the address",
        other => other,
    };
    Some(Blank {
        label: label.to_owned(),
        help: format!("What stands for {{{name}}} in {}.", open.base_url),
        required: entry.callable().all(|endpoint| endpoint.blanks().next().is_some()),
        field,
    })
}

/// What goes with the secret of providers that exchange it for a token.
fn parts(entry: &CatalogueEntry, sent: Option<&Fields>) -> Vec<Part> {
    let part = |name, label, help, required| Part {
        name,
        label,
        help,
        required,
        field: sent.map(|sent| sent.field(name)).unwrap_or_default(),
    };
    match (entry.auth, entry.token.is_some()) {
        (Auth::IbmIam, _) => vec![part(
            "project",
            "Project",
            "The id of the project that requests belong to, or space: and the id of a deployment space.",
            true,
        )],
        (Auth::ApiKey, true) => vec![
            part(
                "tenant",
                "Tenant of the application",
                "For an application of Entra ID: the tenant's id or domain. Left empty, the credential is a resource's key.",
                false,
            ),
            part("client", "Client id of the application", "Of the same application.", false),
        ],
        _ => Vec::new(),
    }
}

/// The credential with what was entered beside it, as the API takes it.
fn credential(sent: &Fields) -> Secret<String> {
    let secret = sent.secret("secret");
    let text = |name| sent.filled(name).map(str::trim);
    let whole = match (text("project"), text("tenant"), text("client")) {
        (Some(project), ..) => format!("{}:{project}", secret.expose().trim()),
        (None, None, None) => return secret,
        (None, tenant, client) => {
            let (tenant, client) = (tenant.unwrap_or_default(), client.unwrap_or_default());
            format!("{tenant}:{client}:{}", secret.expose().trim())
        }
    };
    if secret.expose().trim().is_empty() { secret } else { Secret::new(whole) }
}

fn secret_help(entry: Option<&CatalogueEntry>) -> String {
    let kept = "Encrypted before it is stored. Afterwards only its last four characters are shown.";
    let says = match entry.map(|entry| (entry.auth, entry.token.is_some())) {
        Some((Auth::SigV4, _)) => {
            "An API key of the service, or an access key as ACCESS_KEY_ID:SECRET_ACCESS_KEY."
        }
        Some((Auth::GoogleServiceAccount, _)) => {
            "The key of a service account: the JSON file that Google gives out, whole. Requests belong to its project."
        }
        Some((Auth::IbmIam, _)) => "An API key of IBM Cloud.",
        Some((Auth::ApiKey, true)) => {
            "The resource's key, or the client secret of an application of Entra ID."
        }
        _ => return kept.to_owned(),
    };
    format!("{says} {kept}")
}

/// What can be agreed with a provider besides its ordinary terms; nothing to choose where nothing can.
fn contracts(entry: &CatalogueEntry, sent: Option<&Fields>) -> Vec<Choice> {
    let names = entry.contracts();
    if names.is_empty() {
        return Vec::new();
    }
    let chosen = sent.map(|sent| sent.text("contract")).unwrap_or_default();
    let choice = |name: &str| match name {
        "zero-retention" => Choice::new(name, "Zero retention was agreed with the provider"),
        other => Choice::new(other, other),
    };
    let ordinary = Choice::new("", "The ordinary terms of its paid service");
    let all = std::iter::once(ordinary).chain(names.into_iter().map(choice));
    all.map(|one| {
        let chosen = one.value == chosen;
        one.chosen(chosen)
    })
    .collect()
}

/// Whether a server of the organization's own choice trains on prompts.
fn said(sent: Option<&Fields>) -> Vec<Choice> {
    let chosen = sent.map(|sent| sent.text("trains")).unwrap_or_default();
    [("", "Not known"), ("no", "No"), ("yes", "Yes")]
        .map(|(value, label)| Choice::new(value, label).chosen(value == chosen))
        .into()
}

/// What was said about it. Nothing leaves an own server to be counted as one, and any other as unknown.
fn terms(sent: &Fields) -> domain::Result<Option<StatedTerms>> {
    let trains = match sent.text("trains") {
        "no" => Some(false),
        "yes" => Some(true),
        _ => None,
    };
    let retention_days = days(sent, "retention")?;
    let terms = StatedTerms { trains, retention_days };
    Ok((terms != StatedTerms::default()).then_some(terms))
}

/// The address behind a choice of [`endpoints`], with what is open in it filled in.
fn endpoint(app: &App, catalog: &str, sent: &Fields) -> domain::Result<Option<String>> {
    let known = app.catalogue.current();
    let Some(entry) = known.provider(catalog) else { return Ok(None) };
    let wanted = sent.filled("endpoint");
    let meant = |endpoint: &&domain::Endpoint| wanted.is_none_or(|id| endpoint.id == id);
    let Some(endpoint) = entry.callable().find(meant) else { return Ok(None) };
    let filled = endpoint.filled(|_| sent.filled("filled").map(|text| text.trim().to_owned()));
    filled.map(Some).ok_or_else(|| {
        let says = format!("Fill in {}: letters, digits and dashes only.", endpoint.base_url);
        Error::invalid(says).with_code("invalid_address_part")
    })
}

fn entered(app: &App, sent: &Fields) -> domain::Result<ProviderEntry> {
    let text = |name| sent.filled(name).map(str::to_owned);
    let catalog = sent.filled("catalog").unwrap_or(CUSTOM);
    Ok(ProviderEntry {
        catalog: catalog.to_owned(),
        name: text("name"),
        base_url: match catalog {
            SANDBOX => app.sandbox.clone(),
            catalog => match text("base_url") {
                Some(text) => Some(text),
                None => endpoint(app, catalog, sent)?,
            },
        },
        protocol: Protocol::parse(sent.text("protocol")),
        secret: Some(credential(sent)),
        models: sent.text("models").split([',', '\n']).map(|name| name.trim().to_owned()).collect(),
        region: text("region"),
        // In the form the box says it; the API may leave it to the address.
        allow_private: sent.filled("base_url").map(|_| sent.text("allow_private") == "yes"),
        contract: text("contract"),
        contract_until: text("contract_until"),
        terms: terms(sent)?,
        baa_signed: text("baa_signed"),
        baa_until: text("baa_until"),
    })
}

async fn create(cx: Cx<ProvidersManage>, sent: Fields) -> Result<Response> {
    let made = match entered(cx.app(), &sent) {
        Ok(entry) => cx.app().identity.provider_create(cx.scope()?, entry).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(provider) => {
            Ok(Redirect::to(&format!("{}/providers/{}?done=provider", cx.base(), provider.id))
                .into_response())
        }
        Err(error) if mendable(&error) => {
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
        "invalid_address_part" if page.blank.is_some() => "filled",
        "secret_needed" | "invalid_secret" => "secret",
        "invalid_contract_until" => "contract_until",
        "invalid_baa_signed" => "baa_signed",
        "invalid_baa_until" => "baa_until",
        code if page.parts.iter().any(|part| code.strip_prefix("invalid_") == Some(part.name)) => {
            code.trim_start_matches("invalid_")
        }
        "invalid_model" if page.custom => "models",
        "invalid_region" if page.custom || page.placeless => "region",
        "invalid_retention" if page.custom => "retention",
        _ => "",
    };
    let shown = [
        ("name", &mut page.name),
        ("base_url", &mut page.base_url),
        ("secret", &mut page.secret),
        ("models", &mut page.models),
        ("region", &mut page.region),
        ("contract_until", &mut page.contract_until),
        ("baa_signed", &mut page.baa_signed),
        ("baa_until", &mut page.baa_until),
        ("retention", &mut page.retention),
    ];
    for (name, field) in shown {
        if name == at {
            field.error = Some(error.message().to_owned());
        }
    }
    for part in page.parts.iter_mut().filter(|part| part.name == at) {
        part.field.error = Some(error.message().to_owned());
    }
    if let Some(blank) = page.blank.as_mut().filter(|_| at == "filled") {
        blank.field.error = Some(error.message().to_owned());
    }
    page.problems = vec![Problem::at(at, error.message())];
    page
}
