//! Names of what rows of usage mention by id.

use std::collections::BTreeSet;

use domain::{KeyId, ProjectId, ProviderId, Result};
use store::{Page, Project, ProviderRecord, Read, UsageRow as Row};

use crate::view::Choice;

#[derive(Clone, Default)]
pub(super) struct Names {
    projects: Vec<Project>,
    /// Removed ones included.
    providers: Vec<ProviderRecord>,
}

impl Names {
    pub(super) async fn read(read: &mut Read, projects: bool) -> Result<Self> {
        let providers = read.provider_records().await?;
        let projects = if projects {
            read.projects_list(&Page::first(Page::MOST)).await?.data
        } else {
            Vec::new()
        };
        Ok(Self { projects, providers })
    }

    pub(super) fn projects(&self, chosen: Option<ProjectId>) -> Vec<Choice> {
        let mut all = vec![Choice::new("", "All projects").chosen(chosen.is_none())];
        all.extend(self.projects.iter().map(|project| {
            Choice::new(project.id.to_string(), project.name.clone())
                .chosen(chosen == Some(project.id))
        }));
        all
    }

    pub(super) fn providers(&self, chosen: Option<ProviderId>) -> Vec<Choice> {
        let mut all = vec![Choice::new("", "All providers").chosen(chosen.is_none())];
        all.extend(self.providers.iter().map(|one| {
            let removed = if one.removed { ", removed" } else { "" };
            Choice::new(one.id.to_string(), format!("{}{removed}", one.name))
                .chosen(chosen == Some(one.id))
        }));
        all
    }

    /// Empty when no provider says where it is.
    pub(super) fn regions(&self, chosen: Option<&str>) -> Vec<Choice> {
        let known: BTreeSet<_> =
            self.providers.iter().filter_map(|one| one.region.as_deref()).collect();
        if known.is_empty() {
            return Vec::new();
        }
        let mut all = vec![Choice::new("", "All regions").chosen(chosen.is_none())];
        all.extend(known.into_iter().map(|one| Choice::new(one, one).chosen(chosen == Some(one))));
        all
    }

    pub(super) fn project(&self, id: ProjectId) -> String {
        let named = self.projects.iter().find(|one| one.id == id);
        named.map(|one| one.name.clone()).unwrap_or_default()
    }

    /// Where a provider is stated to be now; empty when it does not say.
    pub(super) fn region_of(&self, id: Option<ProviderId>) -> String {
        let provider = self.providers.iter().find(|one| Some(one.id) == id);
        provider.and_then(|one| one.region.clone()).unwrap_or_default()
    }

    pub(super) fn region(&self, row: &Row) -> String {
        self.region_of(row.provider)
    }

    pub(super) fn provider_of(&self, id: Option<ProviderId>) -> String {
        let Some(id) = id else { return "no provider".to_owned() };
        let known = self.providers.iter().find(|one| one.id == id);
        known.map_or_else(|| "a removed provider".to_owned(), |one| one.name.clone())
    }

    pub(super) fn provider(&self, row: &Row) -> String {
        self.provider_of(row.provider)
    }
}

/// The providers of a region, as they are stated now.
pub(crate) async fn of_region(read: &mut Read, region: &str) -> Result<Vec<ProviderId>> {
    let all = read.provider_records().await?;
    Ok(all
        .into_iter()
        .filter(|one| one.region.as_deref() == Some(region))
        .map(|one| one.id)
        .collect())
}

/// What a key is called; its id when it cannot be read.
pub(super) async fn key(read: &mut Read, id: &str) -> String {
    match id.parse::<KeyId>() {
        Ok(key) => read.key_fetch(key).await.map_or_else(|_| id.to_owned(), |key| key.name),
        Err(_) => id.to_owned(),
    }
}
