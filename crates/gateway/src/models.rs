//! The models a key can ask for.

use domain::{Catalogue, ProjectId, TaskClass};
use llm::ModelRow;

use crate::routes::OrgRoutes;

/// Every model that a provider of the organization lists and the project may use, every alias, and the kinds of work
/// that can be asked for, by name.
pub(crate) fn rows(
    routes: &OrgRoutes,
    catalogue: &Catalogue,
    project: Option<ProjectId>,
) -> Vec<ModelRow> {
    let row = |id: &str, owner: &str| ModelRow {
        id: id.to_owned(),
        display_name: id.to_owned(),
        owned_by: owner.to_owned(),
        created: 0,
        context: None,
        output_limit: None,
    };
    let mut rows: Vec<ModelRow> = routes
        .models(project)
        .map(|(model, route)| {
            let known = catalogue
                .provider(&route.catalog)
                .and_then(|entry| entry.models.iter().find(|known| known.id == model));
            ModelRow {
                context: known.and_then(|known| known.context),
                output_limit: known.and_then(|known| known.output_limit),
                ..row(model, &route.catalog)
            }
        })
        .collect();
    rows.extend(routes.aliases().map(|alias| row(alias, "alias")));
    // A kind of work can be asked for where some model does it that the project may use.
    let fits = |class: &TaskClass| {
        let mut usable = routes.models(project);
        usable.any(|(model, route)| route.known(model).is_some_and(|known| class.fits(known)))
    };
    let classes = TaskClass::ALL.into_iter().filter(fits);
    rows.extend(classes.map(|class| row(class.name(), "auto")));
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    rows.dedup_by(|one, other| one.id == other.id);
    rows
}
