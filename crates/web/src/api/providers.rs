//! Provider credentials and model aliases.

use axum::response::Response;
use domain::{
    AliasId, Error, Protocol, ProviderId, Result as DomainResult, Secret,
    tags::{ProvidersManage, ProvidersRead},
};
use identity::{ProviderEdit, ProviderEntry};

use super::{
    created, gone, one,
    types::{Alias, NewAlias, NewProvider, Provider, ProviderChange},
    whole,
};
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let (all, each) = ("/api/v1/providers", "/api/v1/providers/{provider}");
    let aliases = "/api/v1/aliases";
    Routes::new()
        .api("GET", all, Operation::new("Providers").lists::<Provider>(), index)
        .api(
            "POST",
            all,
            Operation::new("Register a provider credential")
                .takes::<NewProvider>()
                .creates::<Provider>(),
            create,
        )
        .api("GET", each, Operation::new("One provider").gives::<Provider>(), fetch)
        .api(
            "PATCH",
            each,
            Operation::new("Change it").takes::<ProviderChange>().gives::<Provider>(),
            change,
        )
        .api("DELETE", each, Operation::new("Remove it and wipe its credential").removes(), remove)
        .api("GET", aliases, Operation::new("Model aliases").lists::<Alias>(), aliases_index)
        .api(
            "PUT",
            aliases,
            Operation::new("Point an alias at a model").takes::<NewAlias>().gives::<Alias>(),
            alias_set,
        )
        .api(
            "DELETE",
            "/api/v1/aliases/{alias}",
            Operation::new("Remove an alias").removes(),
            alias_remove,
        )
}

async fn index(cx: Cx<ProvidersRead>, (): ()) -> Result<Response> {
    Ok(whole::<_, Provider>(cx.app().identity.providers_list(cx.scope()?).await?))
}

fn protocol(text: Option<String>) -> DomainResult<Option<Protocol>> {
    let unknown = || {
        Error::invalid(
            "protocol is openai, anthropic, responses, gemini, bedrock, cohere or rerank.",
        )
        .with_code("unknown_protocol")
    };
    text.map(|text| Protocol::parse(&text).ok_or_else(unknown)).transpose()
}

async fn create(cx: Cx<ProvidersManage>, Json(new): Json<NewProvider>) -> Result<Response> {
    let entry = ProviderEntry {
        catalog: new.catalog,
        name: new.name,
        base_url: new.base_url,
        protocol: protocol(new.protocol)?,
        secret: new.secret.map(Secret::new),
        models: new.models,
        region: new.region,
        allow_private: new.allow_private,
        contract: new.contract,
        contract_until: new.contract_until,
        terms: new.terms.map(Into::into),
        baa_signed: new.baa_signed,
        baa_until: new.baa_until,
    };
    Ok(created(Provider::from(cx.app().identity.provider_create(cx.scope()?, entry).await?)))
}

async fn fetch(cx: Cx<ProvidersRead>, (): ()) -> Result<Response> {
    let id: ProviderId = cx.id("provider")?;
    Ok(one(Provider::from(cx.app().identity.provider_fetch(cx.scope()?, id).await?)))
}

async fn change(cx: Cx<ProvidersManage>, Json(new): Json<ProviderChange>) -> Result<Response> {
    let (id, identity): (ProviderId, _) = (cx.id("provider")?, &cx.app().identity);
    let edit = ProviderEdit {
        name: new.name,
        base_url: new.base_url,
        secret: new.secret.map(Secret::new),
        models: new.models,
        region: new.region,
        allow_private: new.allow_private,
        contract: new.contract,
        contract_until: new.contract_until,
        terms: new.terms.map(Into::into),
        baa_signed: new.baa_signed,
        baa_until: new.baa_until,
    };
    identity.provider_change(cx.scope()?, id, edit).await?;
    Ok(one(Provider::from(identity.provider_fetch(cx.scope()?, id).await?)))
}

async fn remove(cx: Cx<ProvidersManage>, (): ()) -> Result<Response> {
    let id: ProviderId = cx.id("provider")?;
    cx.app().identity.provider_remove(cx.scope()?, id).await?;
    Ok(gone())
}

async fn aliases_index(cx: Cx<ProvidersRead>, (): ()) -> Result<Response> {
    Ok(whole::<_, Alias>(cx.app().identity.aliases_list(cx.scope()?).await?))
}

async fn alias_set(cx: Cx<ProvidersManage>, Json(new): Json<NewAlias>) -> Result<Response> {
    Ok(one(Alias::from(cx.app().identity.alias_set(cx.scope()?, &new.name, &new.target).await?)))
}

async fn alias_remove(cx: Cx<ProvidersManage>, (): ()) -> Result<Response> {
    let id: AliasId = cx.id("alias")?;
    cx.app().identity.alias_remove(cx.scope()?, id).await?;
    Ok(gone())
}
