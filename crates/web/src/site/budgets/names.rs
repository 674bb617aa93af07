//! What those are called who can have a budget.

use std::collections::HashMap;

use domain::{BudgetOf, KeyId, Kind, ProjectId, Result as DomainResult, UserId};
use gateway::BudgetState;
use store::{Member, Page, Project};

use crate::{Cx, view::Choice};

/// Keys of one project that can be chosen.
const KEYS: u32 = 200;

/// What projects, members and keys are called.
#[derive(Default)]
pub(in crate::site) struct Names {
    /// Live ones, in their order.
    projects: Vec<Project>,
    keys: HashMap<KeyId, NamedKey>,
    /// Members, in the order of their accounts.
    people: Vec<Member>,
}

struct NamedKey {
    project: ProjectId,
    name: String,
    live: bool,
}

impl Names {
    pub(in crate::site) async fn of<P>(cx: &Cx<P>, projects: Vec<Project>) -> DomainResult<Self> {
        let mut read = cx.read().await?;
        let mut keys = HashMap::new();
        for project in &projects {
            for key in read.keys_list(Some(project.id), &Page::first(KEYS)).await?.data {
                let named =
                    NamedKey { project: project.id, name: key.name, live: key.revoked.is_none() };
                keys.insert(key.id, named);
            }
        }
        Ok(Self { projects, keys, people: Vec::new() })
    }

    /// With what members are called: those who can be chosen, those who have one of these budgets, and `besides`.
    pub(in crate::site) async fn with_people<P>(
        mut self,
        cx: &Cx<P>,
        states: &[BudgetState],
        besides: Option<UserId>,
    ) -> DomainResult<Self> {
        let (identity, scope) = (&cx.app().identity, cx.scope()?);
        self.people = identity.members_list(scope, &Page::first(Page::MOST)).await?.data;
        let payers = states.iter().filter_map(|state| match state.budget.of {
            BudgetOf::User(user) => Some(user),
            _ => None,
        });
        for user in payers.chain(besides) {
            if self.person(user).is_some() {
                continue;
            }
            match identity.member_fetch(scope, user).await {
                Ok(member) => self.people.push(member),
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self)
    }

    fn person(&self, id: UserId) -> Option<&Member> {
        self.people.iter().find(|one| one.user == id)
    }

    fn project(&self, id: ProjectId) -> Option<&str> {
        self.projects.iter().find(|one| one.id == id).map(|one| one.name.as_str())
    }

    /// The payer, and in which project it is.
    pub(in crate::site) fn whose(&self, of: BudgetOf) -> (String, String) {
        let named =
            |id| self.project(id).map_or_else(|| "archived project".to_owned(), str::to_owned);
        match of {
            BudgetOf::Organization => ("The organization".to_owned(), String::new()),
            BudgetOf::Project(id) => (format!("Project {}", named(id)), String::new()),
            BudgetOf::User(id) => match self.person(id) {
                Some(one) => {
                    (format!("Member {}", one.name), format!("all keys made by {}", one.email))
                }
                None => ("Former member".to_owned(), format!("{id}, for the keys that they made")),
            },
            BudgetOf::Key(id) => match self.keys.get(&id) {
                Some(key) => (format!("Key {}", key.name), named(key.project)),
                None => (format!("Key {id}"), String::new()),
            },
        }
    }

    /// The keys of a project that are in use, to choose from.
    fn keys_of<'a>(&'a self, project: &'a Project) -> impl Iterator<Item = Choice> + 'a {
        let mut keys: Vec<_> =
            self.keys.iter().filter(|(_, key)| key.project == project.id && key.live).collect();
        keys.sort_by_key(|(id, _)| **id);
        keys.into_iter().map(|(id, key)| {
            Choice::new(id.to_string(), format!("Key {}, in {}", key.name, project.name))
        })
    }

    /// The same of every project.
    pub(in crate::site) fn keys(&self) -> impl Iterator<Item = Choice> + '_ {
        self.projects.iter().flat_map(|project| self.keys_of(project))
    }

    /// Everybody who can have a budget, `chosen` already.
    pub(in crate::site) fn choices(&self, chosen: &str) -> Vec<Choice> {
        let mut all = vec![Choice::new("organization", "The organization")];
        for project in &self.projects {
            all.push(Choice::new(project.id.to_string(), format!("Project {}", project.name)));
            all.extend(self.keys_of(project));
        }
        let member = |one: &Member| {
            let Member { user, name, email, .. } = one;
            Choice::new(user.to_string(), format!("Member {name}, all keys made by {email}"))
        };
        all.extend(self.people.iter().map(member));
        all.into_iter()
            .map(|one| {
                let is = one.value == chosen;
                one.chosen(is)
            })
            .collect()
    }
}
