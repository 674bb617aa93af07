//! The record of one routing decision: who could have served the request, who was passed over and why,
//! who was asked and what came of it. No content.

use std::{sync::Arc, time::Duration};

use domain::{ProviderId, RequestId, Timestamp, Units, ranking::Basis};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::{
    masking::Report,
    plan::{Candidate, Plan},
    rank::Ranked,
    routes::Route,
};

/// Gathered while the request is served, written once it is settled.
pub(crate) struct Receipt {
    asked: Asked,
    order: Option<Basis>,
    alias_of: Option<String>,
    candidates: Vec<Candidate>,
    excluded: Vec<Excluded>,
    attempts: Vec<Attempt>,
    /// Fields of the request or answer that the other side's format cannot carry; never values.
    dropped: Vec<String>,
    /// What was found in the request's texts; absent when they were not looked at.
    pub masking: Option<Report>,
    /// What was used besides tokens, so that the cost can be worked out again.
    units: Units,
}

/// What the receipt says about the request itself.
#[derive(Clone)]
pub(crate) struct Asked {
    pub request: RequestId,
    pub at: Timestamp,
    /// The client's format, or what it asked for when that is no conversation.
    pub format: &'static str,
    pub model: String,
    pub stream: bool,
    pub strict: bool,
    /// The request beside which this one was made, because its provider was slow.
    pub beside: Option<RequestId>,
}

struct Excluded {
    route: Arc<Route>,
    reason: &'static str,
    ranked: Option<Ranked>,
    fields: Vec<String>,
}

#[derive(Serialize)]
struct Attempt {
    /// Position in the list of candidates.
    candidate: usize,
    outcome: &'static str,
    /// As the provider said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    ms: u64,
}

impl Receipt {
    pub(crate) fn new(asked: Asked, plan: &Plan) -> Self {
        let excluded = plan.excluded.iter().map(|exclusion| Excluded {
            route: Arc::clone(&exclusion.route),
            reason: exclusion.reason,
            ranked: exclusion.ranked,
            fields: Vec::new(),
        });
        Self {
            asked,
            order: plan.order,
            alias_of: plan.alias_of.clone(),
            candidates: plan.candidates.clone(),
            excluded: excluded.collect(),
            attempts: Vec::new(),
            dropped: Vec::new(),
            masking: None,
            units: Units::default(),
        }
    }

    /// What is on record of a candidate that was asked beside another: a request of its own.
    pub(crate) fn beside(&self, request: RequestId, candidate: &Candidate) -> Self {
        let asked = Asked { request, beside: Some(self.asked.request), ..self.asked.clone() };
        Self {
            asked,
            order: None,
            alias_of: self.alias_of.clone(),
            candidates: vec![Candidate { ranked: None, ..candidate.clone() }],
            excluded: Vec::new(),
            attempts: Vec::new(),
            dropped: Vec::new(),
            masking: self.masking.clone(),
            units: Units::default(),
        }
    }

    /// From here on it is about this candidate alone.
    pub(crate) fn exchange(&mut self, candidate: &Candidate) {
        self.candidates = vec![Candidate { ranked: None, ..candidate.clone() }];
    }

    pub(crate) const fn count(&mut self, units: Units) {
        self.units = units;
    }

    pub(crate) fn model(&self) -> &str {
        &self.asked.model
    }

    /// A candidate that turned out not to be able to serve this very request.
    pub(crate) fn exclude(
        &mut self,
        route: &Arc<Route>,
        reason: &'static str,
        fields: Vec<String>,
    ) {
        self.excluded.push(Excluded { route: Arc::clone(route), reason, ranked: None, fields });
    }

    pub(crate) fn attempt(
        &mut self,
        candidate: &Candidate,
        outcome: &'static str,
        status: Option<u16>,
        took: Duration,
    ) {
        let is = |other: &Candidate| {
            other.route.provider == candidate.route.provider && other.model == candidate.model
        };
        let at = self.candidates.iter().position(is);
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let candidate = at.unwrap_or_default();
        self.attempts.push(Attempt { candidate, outcome, status, ms });
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
        let mut out = Vec::with_capacity(768);
        // Serialising plain data into memory cannot fail.
        drop(serde_json::to_writer(&mut out, self));
        String::from_utf8(out).unwrap_or_default()
    }
}

impl Serialize for Receipt {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let asked = &self.asked;
        let mut out = to.serialize_struct("Receipt", 14)?;
        out.serialize_field("version", &1)?;
        out.serialize_field("request", &asked.request)?;
        out.serialize_field("at", &asked.at)?;
        out.serialize_field("client_format", asked.format)?;
        out.serialize_field("requested_model", &asked.model)?;
        if let Some(beside) = &asked.beside {
            out.serialize_field("beside", beside)?;
        }
        if let Some(alias_of) = &self.alias_of {
            out.serialize_field("alias_of", alias_of)?;
        }
        out.serialize_field("stream", &asked.stream)?;
        if asked.strict {
            out.serialize_field("strict", &true)?;
        }
        if let Some(order) = &self.order {
            out.serialize_field("order", order)?;
        }
        out.serialize_field("candidates", &self.candidates)?;
        if !self.excluded.is_empty() {
            out.serialize_field("excluded", &self.excluded)?;
        }
        out.serialize_field("attempts", &self.attempts)?;
        if !self.dropped.is_empty() {
            out.serialize_field("dropped", &self.dropped)?;
        }
        if let Some(masking) = &self.masking {
            out.serialize_field("masking", masking)?;
        }
        if !self.units.is_empty() {
            out.serialize_field("units", &self.units)?;
        }
        out.end()
    }
}

impl Serialize for Candidate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let route = &self.route;
        let mut out = to.serialize_struct("Candidate", 10)?;
        out.serialize_field("provider", &route.provider)?;
        out.serialize_field("name", &route.name)?;
        out.serialize_field("catalog", &route.catalog)?;
        out.serialize_field("model", &*self.model)?;
        let format = self.dialect().map_or(self.format().as_str(), llm::Dialect::as_str);
        out.serialize_field("format", format)?;
        if let Some(region) = &route.region {
            out.serialize_field("region", region)?;
        }
        let terms = self.spoken().and_then(|spoken| spoken.terms_for(&self.model));
        let evidence = terms.and_then(|terms| terms.evidence.as_ref());
        if let Some(evidence) = evidence {
            out.serialize_field("terms", evidence)?;
        }
        place(&mut out, self.ranked.as_ref())?;
        out.end()
    }
}

impl Serialize for Excluded {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let provider: &ProviderId = &self.route.provider;
        let mut out = to.serialize_struct("Excluded", 7)?;
        out.serialize_field("provider", provider)?;
        out.serialize_field("name", &self.route.name)?;
        out.serialize_field("reason", self.reason)?;
        if !self.fields.is_empty() {
            out.serialize_field("fields", &self.fields)?;
        }
        place(&mut out, self.ranked.as_ref())?;
        if let Some(at) = self.route.usable_from.filter(|_| self.reason == "notice_period") {
            out.serialize_field("usable_from", &at.rfc3339())?;
        }
        out.end()
    }
}

/// Why somebody stands where they stand, so that it can be worked out again.
fn place<S: SerializeStruct>(out: &mut S, ranked: Option<&Ranked>) -> Result<(), S::Error> {
    let Some(Ranked { inputs, score }) = ranked else { return Ok(()) };
    out.serialize_field("inputs", inputs)?;
    if let Some(cost) = score.cost_nano {
        out.serialize_field("cost_nano", &cost)?;
    }
    out.serialize_field("score", &score.score)
}
