//! What a provider says it does with what it is sent, and under which conditions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Serves;

/// What is said for a certain use. `None` is unknown and is treated as the worst: trains on it, keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posture {
    /// Nothing for what holds in general.
    #[serde(default, skip_serializing_if = "When::is_always")]
    pub when: When,
    pub trains: Option<bool>,
    /// Days.
    pub retention_days: Option<u32>,
    /// In a sentence, what has to be agreed or switched on.
    pub condition: Option<String>,
    /// Request parameters that make it true; the gateway sets them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, serde_json::Value>,
    /// Where it says so.
    pub source: Option<String>,
    /// The day it was read, as `YYYY-MM-DD`.
    pub read: Option<String>,
}

/// The use that a posture is about: everything that is named has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// What the operator has agreed with the provider, such as `zero-retention`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// The start of the model's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serves: Option<Serves>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// A use of a provider, as far as its posture depends on it; the model is left open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use<'a> {
    pub endpoint: &'a str,
    /// `None` for the provider's ordinary terms.
    pub contract: Option<&'a str>,
    pub serves: Option<Serves>,
    pub region: Option<&'a str>,
}

impl When {
    pub(super) fn is_always(&self) -> bool {
        *self == Self::default()
    }

    /// Whether everything that is named is so, but for the model.
    pub(super) fn holds(&self, of: &Use<'_>) -> bool {
        let same = |wanted: &Option<String>, given: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| given == Some(wanted))
        };
        same(&self.endpoint, Some(of.endpoint))
            && same(&self.contract, of.contract)
            && same(&self.region, of.region)
            && self.serves.is_none_or(|wanted| of.serves == Some(wanted))
    }
}
