//! Where requests may go: the organization's rules, and what a project narrows further.

use std::collections::BTreeSet;

use axum::response::Response;
use domain::{
    Error, Exposure, Permission, RoutingPolicy,
    tags::{ProjectRead, ProvidersManage, ProvidersRead},
};
use gateway::ExposureState;
use identity::{Effect, Refusal};
use store::Project;

use crate::{
    Cx,
    fields::Fields,
    page::done,
    pages::rules::{EffectRow, Rules},
    refusal::Result,
    route::Routes,
    view::{Choice, Field, Link, Problem},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/o/{org}/rules", show)
        .post("/o/{org}/rules", save)
        .get("/o/{org}/p/{project}/rules", show_of_project)
        .post("/o/{org}/p/{project}/rules", save_of_project)
}

/// Where the rules of the organization or of a project stand.
fn address<P>(cx: &Cx<P>, project: Option<&Project>) -> String {
    match project {
        None => format!("{}/rules", cx.base()),
        Some(project) => format!("{}/p/{}/rules", cx.base(), project.slug),
    }
}

/// The page as it stands, or with what was `sent`.
async fn page<P>(cx: &Cx<P>, project: Option<&Project>, sent: Option<&Fields>) -> Result<Rules> {
    let (scope, identity, base) = (cx.scope()?, &cx.app().identity, cx.base());
    let id = project.map(|project| project.id);
    let rules = identity.routing_policy(scope, id).await?;
    let effects = identity.routing_effects(scope, id).await?;
    let field = |name: &str, value: String| sent.map_or(Field::new(value), |sent| sent.field(name));
    let open = sent.map_or(rules.allow_training, |sent| sent.text("training") == "any");
    let none = BTreeSet::new();
    let (trail, purpose) = match project {
        None => (
            Vec::new(),
            "Where requests of this organization may go. They hold for every project and key, and do not bend when a \
             provider fails.",
        ),
        Some(_) => (
            vec![Link::new(address(cx, None), "Rules of the organization", false)],
            "What this project narrows further. It can never allow what its organization does not.",
        ),
    };
    Ok(Rules {
        trail,
        purpose: purpose.to_owned(),
        action: address(cx, project),
        problems: Vec::new(),
        may_manage: cx.may(Permission::ProvidersManage, None),
        training: vec![
            Choice::new("no", "Only providers that say they do not train on prompts")
                .help("A provider that does not say counts as one that does.")
                .chosen(!open),
            Choice::new("any", any(project.is_some())).chosen(open),
        ],
        health: sent.map_or(rules.health_data, |sent| sent.text("health") == "yes"),
        retention: field(
            "retention",
            rules.max_retention_days.map(|days| days.to_string()).unwrap_or_default(),
        ),
        regions: field("regions", listed(rules.regions.as_ref().unwrap_or(&none))),
        deny_countries: field("deny_countries", listed(&rules.deny_countries)),
        only_providers: field(
            "only_providers",
            listed(rules.only_providers.as_ref().unwrap_or(&none)),
        ),
        deny_providers: field("deny_providers", listed(&rules.deny_providers)),
        share: field(
            "share",
            rules.exposure.map(|exposure| exposure.percent.to_string()).unwrap_or_default(),
        ),
        share_days: field(
            "share_days",
            rules.exposure.map_or_else(|| WEEK.to_string(), |exposure| exposure.days.to_string()),
        ),
        of_organization: project.is_none(),
        seen: match project {
            None => cx.app().gateway.exposure(scope).await?.map(seen),
            Some(_) => None,
        },
        words: words(&rules),
        effects: effects.iter().map(|effect| row(effect, &base)).collect(),
    })
}

/// Days that a share is counted over unless somebody says otherwise.
const WEEK: u32 = 7;

/// How much providers see of people, in words.
fn seen(state: ExposureState) -> String {
    let ExposureState { limit: Exposure { days, .. }, people, median, p95, most } = state;
    let fewest = Exposure::FEWEST;
    if people == 0 {
        return format!(
            "Nobody has begun {fewest} conversations in {} yet; the share holds from then on.",
            period(days)
        );
    }
    format!(
        "{people} people began {fewest} conversations or more in {}. The provider that saw most of somebody saw {median} % \
         of the middle one of them, {p95} % at most of 95 in a hundred, and {most} % at most of anybody.",
        period(days)
    )
}

fn period(days: u32) -> String {
    if days == 1 { "one day".to_owned() } else { format!("{days} days") }
}

const fn any(project: bool) -> &'static str {
    if project {
        "As the organization’s rules say"
    } else {
        "Any provider, also those that train"
    }
}

fn row(effect: &Effect, base: &str) -> EffectRow {
    EffectRow {
        href: format!("{base}/providers/{}", effect.provider.id),
        name: effect.provider.name.clone(),
        models: which(effect),
        against: effect.refusals.iter().map(Refusal::words).collect(),
    }
}

/// The models and the format that are meant; empty for all.
fn which(effect: &Effect) -> String {
    let models = match effect.models.as_str() {
        "" => String::new(),
        start => format!("models that begin with {start}"),
    };
    let unusual = effect.format.serves() != effect.provider.protocol.serves();
    let how = if effect.format.is_conversation() { "as" } else { "for" };
    match (unusual, models.is_empty()) {
        (false, _) => models,
        (true, true) => format!("{how} {}", super::providers::format_name(effect.format)),
        (true, false) => {
            format!("{models}, {how} {}", super::providers::format_name(effect.format))
        }
    }
}

fn listed(all: &BTreeSet<String>) -> String {
    all.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// For those who may read but not change.
fn words(rules: &RoutingPolicy) -> Vec<String> {
    let mut words = vec![
        if rules.allow_training {
            "Providers may train on prompts."
        } else {
            "Only providers that say they do not train on prompts."
        }
        .to_owned(),
    ];
    if rules.health_data {
        words.push(
            "Requests may hold health data: only providers with a business associate agreement in force are asked, and \
             nothing is stored."
                .to_owned(),
        );
    }
    match rules.max_retention_days {
        Some(0) => words.push("Only providers that do not keep prompts.".to_owned()),
        Some(days) => {
            words.push(format!("Only providers that keep prompts for {days} days at most."))
        }
        None => {}
    }
    let mut list =
        |says: &str, all: &BTreeSet<String>| words.push(format!("{says}: {}.", listed(all)));
    if let Some(regions) = &rules.regions {
        list("Only in these regions", regions);
    }
    if !rules.deny_countries.is_empty() {
        list("No companies from", &rules.deny_countries);
    }
    if let Some(only) = &rules.only_providers {
        list("Only these providers", only);
    }
    if !rules.deny_providers.is_empty() {
        list("Never these providers", &rules.deny_providers);
    }
    if let Some(Exposure { percent, days }) = rules.exposure {
        let days = period(days);
        words.push(format!(
            "No provider sees more than {percent} % of a person’s conversations in {days}."
        ));
    }
    words
}

fn entered(sent: &Fields) -> domain::Result<RoutingPolicy> {
    let list = |name| -> BTreeSet<String> {
        sent.text(name)
            .split([',', ';', ' ', '\n'])
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    // An empty field is no rule; a list of nothing would rule out everything.
    let some = |name| Some(list(name)).filter(|all| !all.is_empty());
    Ok(RoutingPolicy {
        allow_training: sent.text("training") == "any",
        max_retention_days: super::days(sent, "retention")?,
        regions: some("regions"),
        deny_countries: list("deny_countries"),
        only_providers: some("only_providers"),
        deny_providers: list("deny_providers"),
        exposure: share(sent)?,
        health_data: sent.text("health") == "yes",
    })
}

/// The largest share; an empty field is no rule.
fn share(sent: &Fields) -> domain::Result<Option<Exposure>> {
    if sent.text("share").trim().is_empty() {
        return Ok(None);
    }
    let number = |name| {
        let text = sent.text(name).trim().trim_end_matches('%').trim();
        text.parse::<u32>().map_err(|_| {
            Error::invalid(
                "A share is a whole number of percent, counted over a whole number of days.",
            )
            .with_code("invalid_exposure")
        })
    };
    Ok(Some(Exposure { percent: number("share")?, days: number("share_days")? }))
}

/// The form again, with the wrong field marked.
fn marked(mut page: Rules, error: &Error) -> Rules {
    let (name, field) = match error.code() {
        "invalid_retention" => ("retention", &mut page.retention),
        "invalid_region" => ("regions", &mut page.regions),
        "invalid_country" => ("deny_countries", &mut page.deny_countries),
        "invalid_only_providers" => ("only_providers", &mut page.only_providers),
        "invalid_deny_providers" => ("deny_providers", &mut page.deny_providers),
        "invalid_exposure" => ("share", &mut page.share),
        "storage_on" => {
            page.problems = vec![Problem::at("health", error.message())];
            return page;
        }
        _ => {
            page.problems = vec![Problem::whole(error.message())];
            return page;
        }
    };
    field.error = Some(error.message().to_owned());
    page.problems = vec![Problem::at(name, error.message())];
    page
}

async fn put<P>(cx: &Cx<P>, project: Option<&Project>, sent: &Fields) -> Result<Response> {
    let id = project.map(|project| project.id);
    let saved = match entered(sent) {
        Ok(rules) => cx.app().identity.routing_policy_set(cx.scope()?, id, rules).await,
        Err(error) => Err(error),
    };
    match saved {
        Ok(_) => Ok(done(&address(cx, project), "saved")),
        Err(error) if super::mendable(&error) => {
            let page = marked(page(cx, project, Some(sent)).await?, &error);
            Ok(cx.again(&error, "Rules", page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn show(cx: Cx<ProvidersRead>, (): ()) -> Result<Response> {
    let page = page(&cx, None, None).await?;
    Ok(cx.page("Rules", page).await?)
}

async fn save(cx: Cx<ProvidersManage>, sent: Fields) -> Result<Response> {
    put(&cx, None, &sent).await
}

async fn show_of_project(cx: Cx<ProjectRead>, (): ()) -> Result<Response> {
    let page = page(&cx, Some(cx.project()?), None).await?;
    Ok(cx.page("Rules", page).await?)
}

async fn save_of_project(cx: Cx<ProvidersManage>, sent: Fields) -> Result<Response> {
    let project = cx.app().identity.project_by_slug(cx.scope()?, cx.param("project")).await?;
    put(&cx, Some(&project), &sent).await
}
