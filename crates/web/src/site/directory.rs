//! The organization's own names, on the page about personal data: given and counted, never shown.

use axum::response::Response;
use domain::{Error, Result as DomainResult, names_in_csv, names_in_lines, tags::ProvidersManage};
use identity::DirectoryChange;

use super::masking;
use crate::{
    Cx,
    fields::Fields,
    page::done,
    pages::masking::{KnownNames, Masking as Page},
    refusal::Result,
    route::Routes,
    upload::Upload,
    view::{Choice, Problem, When, plural},
};

const LIST: &str = "names-list";

pub(super) fn routes() -> Routes {
    Routes::new().post("/o/{org}/masking/directory", save)
}

/// The section as it stands, with what was `sent` in its form.
pub(super) async fn known<P>(cx: &Cx<P>, sent: &Fields) -> DomainResult<KnownNames> {
    let state = cx.app().identity.masking_directory(cx.scope()?).await?;
    let members = if state.members { ", and those of members" } else { "" };
    let says = match (state.entries, state.changed) {
        (0, _) if state.members => "The names of members are known.".to_owned(),
        (0, _) | (_, None) => "None are known yet.".to_owned(),
        (entries, Some(changed)) => {
            let names = plural(entries, "name is known", "names are known");
            format!("{names}{members}, changed {}.", When(changed).text())
        }
    };
    let chosen = sent.filled("how").unwrap_or("add");
    let how = |value: &str, label| Choice::new(value, label).chosen(value == chosen);
    Ok(KnownNames {
        action: format!("{}/masking/directory", cx.base()),
        says,
        members: state.members,
        how: vec![
            how("add", "They stay, and these are added"),
            how("remove", "These are removed from them"),
            how("replace", "These take their place"),
            how("forget", "All are forgotten"),
        ],
        text: sent.field(LIST),
    })
}

/// Names from the list, then from the file.
fn entered(sent: &Upload) -> DomainResult<DirectoryChange> {
    let mut names = names_in_lines(sent.fields.text(LIST))?;
    if !sent.file.is_empty() {
        let text = std::str::from_utf8(&sent.file).map_err(|_| {
            Error::invalid("The file is not UTF-8 text. Save it as CSV (UTF-8).")
                .with_code("unreadable_csv")
        })?;
        names.extend(names_in_csv(text)?);
    }
    match sent.fields.text("how") {
        "forget" => Ok(DirectoryChange::Replace(Vec::new())),
        "replace" if names.is_empty() => {
            Err(Error::invalid("Give the names that take their place.").with_code("invalid_name"))
        }
        "replace" => Ok(DirectoryChange::Replace(names)),
        "remove" => Ok(DirectoryChange::Edit { add: Vec::new(), remove: names }),
        _ => Ok(DirectoryChange::Edit { add: names, remove: Vec::new() }),
    }
}

async fn save(cx: Cx<ProvidersManage>, sent: Upload) -> Result<Response> {
    let members = Some(sent.fields.text("members") == "yes");
    let saved = match entered(&sent) {
        Ok(change) => {
            cx.app().identity.masking_directory_change(cx.scope()?, change, members).await
        }
        Err(error) => Err(error),
    };
    match saved {
        Ok(_) => Ok(done(&format!("{}/masking", cx.base()), "saved")),
        Err(error) if super::mendable(&error) => {
            let known = known(&cx, &sent.fields).await?;
            let problems = vec![Problem::at(LIST, error.message())];
            let page = Page { problems, known: Some(known), ..masking::page(&cx, None).await? };
            Ok(cx.again(&error, masking::TITLE, page).await?)
        }
        Err(error) => Err(error.into()),
    }
}
