//! What stands around a page: where one is, who one is, where one may go.

use super::Choice;

#[derive(Clone, Debug, Default)]
pub struct Link {
    pub href: String,
    pub label: String,
    pub current: bool,
}

impl Link {
    pub fn new(href: impl Into<String>, label: impl Into<String>, current: bool) -> Self {
        Self { href: href.into(), label: label.into(), current }
    }
}

#[derive(Clone, Debug)]
pub struct Person {
    pub name: String,
    pub email: String,
}

#[derive(Clone, Debug)]
pub struct ProjectNav {
    pub name: String,
    pub links: Vec<Link>,
}

#[derive(Clone, Debug)]
pub struct OrganizationNav {
    pub name: String,
    pub slug: String,
    pub links: Vec<Link>,
    /// The person's other organizations.
    pub others: Vec<Link>,
    pub project: Option<ProjectNav>,
}

/// Light, dark, or as the reader's system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::Auto,
        }
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// For the root element; the system's choice needs none.
    #[must_use]
    pub const fn attribute(&self) -> Option<&'static str> {
        match self {
            Self::Auto => None,
            _ => Some(self.as_str()),
        }
    }

    #[must_use]
    pub fn options(&self) -> Vec<Choice> {
        let one =
            |theme: Self, label: &str| Choice::new(theme.as_str(), label).chosen(*self == theme);
        vec![one(Self::Auto, "Auto"), one(Self::Light, "Light"), one(Self::Dark, "Dark")]
    }
}

#[derive(Clone, Debug, Default)]
pub struct Chrome {
    pub theme: Theme,
    pub person: Option<Person>,
    /// Somebody is signed in, though this page did not look up who.
    pub known: bool,
    pub organization: Option<OrganizationNav>,
    /// Somebody with the rights of an admin is signed in without the second factor these ask for: where to show it.
    pub weak: Option<String>,
    /// What just happened, after a form was carried out.
    pub notice: Option<String>,
    /// Path and query of this page, to come back to it.
    pub here: String,
}

impl Chrome {
    /// Pages that stand apart from any organization.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        let path = self.here.split('?').next();
        let link = |href: &str, label: &str| Link::new(href, label, path == Some(href));
        if self.person.is_some() {
            vec![link("/trust", "Trust"), link("/safe", "Am I safe?"), link("/account", "Account")]
        } else if self.known {
            vec![link("/trust", "Trust"), link("/", "Your organizations")]
        } else {
            vec![link("/trust", "Trust"), link("/sign-in", "Sign in")]
        }
    }
}
