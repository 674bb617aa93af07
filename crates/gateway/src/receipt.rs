//! The record of one routing decision: who could have served the request, who was passed over and why,
//! who was asked and what came of it. No content.

use std::time::Duration;

use domain::{RequestId, Timestamp};
use llm::Format;
use serde::Serialize;

use crate::{
    plan::{Candidate, Exclusion, Plan},
    routes::Route,
};

#[derive(Serialize)]
pub(crate) struct Receipt {
    version: u8,
    request: RequestId,
    at: Timestamp,
    client_format: &'static str,
    requested_model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias_of: Option<String>,
    stream: bool,
    strict: bool,
    candidates: Vec<Place>,
    excluded: Vec<Excluded>,
    attempts: Vec<Attempt>,
    /// Where it ran, or was last tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen: Option<Place>,
    /// Fields of the request or answer that the other side's format cannot carry; never values.
    dropped: Vec<String>,
}

#[derive(Clone, Serialize)]
pub(crate) struct Place {
    provider: domain::ProviderId,
    name: String,
    catalog: String,
    model: String,
    format: &'static str,
    region: Option<String>,
}

#[derive(Serialize)]
struct Excluded {
    provider: domain::ProviderId,
    name: String,
    reason: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<String>,
}

#[derive(Serialize)]
struct Attempt {
    provider: domain::ProviderId,
    outcome: &'static str,
    /// As the provider said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    ms: u64,
}

impl Place {
    fn of(candidate: &Candidate) -> Self {
        let route = &candidate.route;
        Self {
            provider: route.provider,
            name: route.name.clone(),
            catalog: route.catalog.clone(),
            model: candidate.model.clone(),
            format: route.format.as_str(),
            region: route.region.clone(),
        }
    }
}

/// What the receipt says about the request itself.
pub(crate) struct Asked<'a> {
    pub request: RequestId,
    pub at: Timestamp,
    pub format: Format,
    pub model: &'a str,
    pub stream: bool,
    pub strict: bool,
}

impl Receipt {
    pub(crate) fn new(asked: &Asked<'_>, plan: &Plan) -> Self {
        let excluded = |exclusion: &Exclusion| Excluded {
            provider: exclusion.route.provider,
            name: exclusion.route.name.clone(),
            reason: exclusion.reason,
            fields: Vec::new(),
        };
        Self {
            version: 1,
            request: asked.request,
            at: asked.at,
            client_format: asked.format.as_str(),
            requested_model: asked.model.to_owned(),
            alias_of: plan.alias_of.clone(),
            stream: asked.stream,
            strict: asked.strict,
            candidates: plan.candidates.iter().map(Place::of).collect(),
            excluded: plan.excluded.iter().map(excluded).collect(),
            attempts: Vec::new(),
            chosen: None,
            dropped: Vec::new(),
        }
    }

    /// A candidate that turned out not to be able to serve this very request.
    pub(crate) fn exclude(&mut self, route: &Route, reason: &'static str, fields: Vec<String>) {
        let (provider, name) = (route.provider, route.name.clone());
        self.excluded.push(Excluded { provider, name, reason, fields });
    }

    pub(crate) fn attempt(
        &mut self,
        candidate: &Candidate,
        outcome: &'static str,
        status: Option<u16>,
        took: Duration,
    ) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let provider = candidate.route.provider;
        self.attempts.push(Attempt { provider, outcome, status, ms });
        self.chosen = Some(Place::of(candidate));
    }

    pub(crate) fn drop_fields(&mut self, fields: &[String]) {
        for field in fields {
            if !self.dropped.contains(field) {
                self.dropped.push(field.clone());
            }
        }
    }

    pub(crate) fn dropped(&self) -> &[String] {
        &self.dropped
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
