//! Where requests may go.

use askama::Template;

use crate::view::{Choice, Field, Link, Problem};

/// What the rules mean for some models of a provider.
#[derive(Clone, Debug)]
pub struct EffectRow {
    pub href: String,
    pub name: String,
    /// Such as "models that begin with labs-"; empty for every model.
    pub models: String,
    /// Why it is not asked; empty when it may be.
    pub against: Vec<String>,
}

#[derive(Debug, Template)]
#[template(path = "rules/index.html")]
pub struct Rules {
    pub trail: Vec<Link>,
    pub purpose: String,
    pub action: String,
    pub problems: Vec<Problem>,
    pub may_manage: bool,
    pub training: Vec<Choice>,
    /// Whether requests may hold health data of people.
    pub health: bool,
    pub retention: Field,
    pub regions: Field,
    pub deny_countries: Field,
    pub only_providers: Field,
    pub deny_providers: Field,
    /// The largest share of one person's conversations, in percent, and over how many days.
    pub share: Field,
    pub share_days: Field,
    /// These are the rules of the whole organization.
    pub of_organization: bool,
    /// How much providers see of people; `None` where that is not limited.
    pub seen: Option<String>,
    /// The rules in words, for those who may not change them.
    pub words: Vec<String>,
    pub effects: Vec<EffectRow>,
}
