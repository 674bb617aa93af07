//! Model aliases.

use axum::response::Response;
use domain::{
    AliasId, Error, Permission, TaskClass,
    tags::{ProvidersManage, ProvidersRead},
};
use store::Provider;

use super::open::problems;
use crate::{
    App, Cx,
    fields::Fields,
    page::done,
    pages::models::{AliasRow, Index},
    refusal::Result,
    route::Routes,
    view::{Field, When},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/o/{org}/models", index)
        .post("/o/{org}/models", set)
        .post("/o/{org}/models/{alias}/remove", remove)
}

/// The models that providers serve, as listed by the organization or the catalogue, by name.
pub(super) fn names(app: &App, providers: &[Provider]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let catalogue = app.catalogue.current();
    for provider in providers {
        if !provider.models.is_empty() {
            names.extend(provider.models.iter().cloned());
        } else if let Some(entry) = catalogue.provider(&provider.catalog) {
            names.extend(entry.chat_models().map(|model| model.id.clone()));
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// The kinds of work that some model of the providers can do, as far as the catalogue says.
pub(super) fn classes(app: &App, providers: &[Provider]) -> Vec<&'static str> {
    let catalogue = app.catalogue.current();
    let fits = |class: &TaskClass| {
        providers.iter().any(|provider| {
            let entry = catalogue.provider(&provider.catalog);
            let mut models = entry.into_iter().flat_map(|entry| &entry.models);
            let listed = |id| provider.models.is_empty() || provider.models.contains(id);
            models.any(|model| listed(&model.id) && class.fits(model))
        })
    };
    TaskClass::ALL.into_iter().filter(fits).map(TaskClass::name).collect()
}

async fn page<P>(cx: &Cx<P>) -> domain::Result<Index> {
    let scope = cx.scope()?;
    let identity = &cx.app().identity;
    let aliases = identity.aliases_list(scope).await?.into_iter().map(|alias| AliasRow {
        action: format!("{}/models/{}/remove", cx.base(), alias.id),
        name: alias.name,
        target: alias.target.replace(',', ", "),
        changed: When(alias.changed),
    });
    let providers = identity.providers_list(scope).await?;
    Ok(Index {
        base: cx.base(),
        problems: Vec::new(),
        aliases: aliases.collect(),
        models: names(cx.app(), &providers),
        classes: classes(cx.app(), &providers),
        may_manage: cx.may(Permission::ProvidersManage, None),
        name: Field::default(),
        target: Field::default(),
    })
}

async fn index(cx: Cx<ProvidersRead>, (): ()) -> Result<Response> {
    let page = page(&cx).await?;
    Ok(cx.page("Model names", page).await?)
}

async fn set(cx: Cx<ProvidersManage>, form: Fields) -> Result<Response> {
    let made =
        cx.app().identity.alias_set(cx.scope()?, form.text("name"), form.text("target")).await;
    match made {
        Ok(_) => Ok(done(&format!("{}/models", cx.base()), "alias")),
        Err(error) if super::mendable(&error) => {
            let [name, target] = marked(&form, &error);
            let problems = problems(&[("name", &name), ("target", &target)], &error);
            let page = Index { problems, name, target, ..page(&cx).await? };
            Ok(cx.again(&error, "Model names", page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Both fields, the wrong ones marked.
fn marked(form: &Fields, error: &Error) -> [Field; 2] {
    let (name, target) = (form.field("name"), form.field("target"));
    if error.code() != "invalid_model" {
        return [name, target];
    }
    let mark = |field: Field, fine: bool| if fine { field } else { field.wrong(error.message()) };
    let named = identity::is_model_name(&name.value);
    // Two good names that are refused are the same one.
    let same = name.value == target.value;
    let answered = identity::is_alias_target(&target.value) && !(named && same);
    [mark(name, named), mark(target, answered)]
}

async fn remove(cx: Cx<ProvidersManage>, _: Fields) -> Result<Response> {
    let id: AliasId = cx.id("alias")?;
    cx.app().identity.alias_remove(cx.scope()?, id).await?;
    Ok(done(&format!("{}/models", cx.base()), "alias-removed"))
}
