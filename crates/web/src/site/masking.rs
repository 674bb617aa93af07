//! Personal data in requests: the organization's setting, and what a project strengthens.

use axum::response::Response;
use domain::{
    Error, Masking, MaskingMode, PERSONAL_DATA, Permission, kind_says,
    tags::{ProjectRead, ProvidersManage, ProvidersRead},
};
use store::Project;

use crate::{
    Cx,
    fields::Fields,
    page::done,
    pages::masking::Masking as Page,
    refusal::Result,
    route::Routes,
    view::{Choice, Link, Problem},
};

pub(super) const TITLE: &str = "Personal data";

pub(super) fn routes() -> Routes {
    Routes::new()
        .merge(super::directory::routes())
        .get("/o/{org}/masking", show)
        .post("/o/{org}/masking", save)
        .get("/o/{org}/p/{project}/masking", show_of_project)
        .post("/o/{org}/p/{project}/masking", save_of_project)
}

fn address<P>(cx: &Cx<P>, project: Option<&Project>) -> String {
    match project {
        None => format!("{}/masking", cx.base()),
        Some(project) => format!("{}/p/{}/masking", cx.base(), project.slug),
    }
}

pub(super) async fn page<P>(cx: &Cx<P>, project: Option<&Project>) -> Result<Page> {
    let (scope, identity) = (cx.scope()?, &cx.app().identity);
    let id = project.map(|project| project.id);
    let setting = identity.masking(scope, id).await?;
    let in_force = identity.masking_in_force(scope, id).await?;
    let (trail, purpose) = match project {
        None => (
            Vec::new(),
            "What becomes of personal data in requests. It holds for every project, which can only be stricter.",
        ),
        Some(_) => (
            vec![Link::new(address(cx, None), "Personal data in the organization", false)],
            "What becomes of personal data in this project’s requests. It can be stricter than its organization, never \
             laxer.",
        ),
    };
    let kind = |&(name, says): &(&str, &str)| {
        Choice::new(name, says).chosen(setting.except.contains(name))
    };
    Ok(Page {
        trail,
        purpose: purpose.to_owned(),
        action: address(cx, project),
        problems: Vec::new(),
        may_manage: cx.may(Permission::ProvidersManage, None),
        modes: MaskingMode::ALL.into_iter().map(|mode| choice(mode, setting.mode)).collect(),
        names: setting.names,
        kinds: PERSONAL_DATA.iter().map(kind).collect(),
        excepted: !setting.except.is_empty(),
        words: words(&in_force),
        known: match project {
            None => Some(super::directory::known(cx, &Fields::default()).await?),
            Some(_) => None,
        },
    })
}

fn choice(mode: MaskingMode, chosen: MaskingMode) -> Choice {
    let (label, help) = match mode {
        MaskingMode::Off => ("Leave it alone", "Texts are not looked at."),
        MaskingMode::Detect => (
            "Count it",
            "Requests stay as they are. Receipts say how much of which kind was found.",
        ),
        MaskingMode::Mask => (
            "Replace it",
            "Providers receive codes such as MAILK7QXM. The answer has the values again when it reaches you.",
        ),
        MaskingMode::Block => {
            ("Refuse the request", "Nothing is sent. The error names the kinds that were found.")
        }
    };
    Choice::new(mode.as_str(), label).help(help).chosen(mode == chosen)
}

fn words(setting: &Masking) -> Vec<String> {
    let says = match setting.mode {
        MaskingMode::Off => return vec!["Texts are not looked at.".to_owned()],
        MaskingMode::Detect => "Personal data is counted and sent as it is.",
        MaskingMode::Mask => "Personal data is replaced by codes, and comes back in the answer.",
        MaskingMode::Block => "A request in which personal data is found is refused.",
    };
    let mut words = vec![says.to_owned()];
    words.push(
        if setting.names { "Names of people count." } else { "Names of people do not count." }
            .to_owned(),
    );
    if !setting.except.is_empty() {
        let named: Vec<_> = setting.except.iter().filter_map(|kind| kind_says(kind)).collect();
        words.push(format!("Left alone: {}.", named.join(", ")));
    }
    words
}

fn entered(sent: &Fields) -> domain::Result<Masking> {
    let mode = MaskingMode::parse(sent.text("mode")).ok_or_else(|| {
        Error::invalid("Choose what becomes of personal data.").with_code("invalid_mode")
    })?;
    let except = sent.pairs().filter(|(name, _)| *name == "except");
    Ok(Masking {
        mode,
        except: except.map(|(_, kind)| kind.to_owned()).collect(),
        names: sent.text("names") == "yes",
    })
}

async fn put<P>(cx: &Cx<P>, project: Option<&Project>, sent: &Fields) -> Result<Response> {
    let id = project.map(|project| project.id);
    let saved = match entered(sent) {
        Ok(setting) => cx.app().identity.masking_set(cx.scope()?, id, setting).await,
        Err(error) => Err(error),
    };
    match saved {
        Ok(_) => Ok(done(&address(cx, project), "saved")),
        Err(error) if super::mendable(&error) => {
            let field = if error.code() == "invalid_mode" { "mode" } else { "except" };
            let problems = vec![Problem::at(field, error.message())];
            let page = Page { problems, ..page(cx, project).await? };
            Ok(cx.again(&error, TITLE, page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn show(cx: Cx<ProvidersRead>, (): ()) -> Result<Response> {
    let page = page(&cx, None).await?;
    Ok(cx.page(TITLE, page).await?)
}

async fn save(cx: Cx<ProvidersManage>, sent: Fields) -> Result<Response> {
    put(&cx, None, &sent).await
}

async fn show_of_project(cx: Cx<ProjectRead>, (): ()) -> Result<Response> {
    let page = page(&cx, Some(cx.project()?)).await?;
    Ok(cx.page(TITLE, page).await?)
}

async fn save_of_project(cx: Cx<ProvidersManage>, sent: Fields) -> Result<Response> {
    let project = cx.app().identity.project_by_slug(cx.scope()?, cx.param("project")).await?;
    put(&cx, Some(&project), &sent).await
}
