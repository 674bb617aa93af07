//! The order in which candidates are asked: what is known of each of them, and the rule that ranks them.

use std::hash::{BuildHasher as _, RandomState};

use domain::{
    Catalogue, OrgId, Price, ProviderId, Timestamp,
    ranking::{self, Basis, Inputs, RULE, Score},
};
use llm::{Format, Head};

use crate::{
    GatewayConfig,
    plan::{Candidate, Plan},
    wishes,
};

/// Output tokens that a request is expected to take, unless it allows fewer.
const EXPECTED_OUTPUT: u64 = 500;

/// A request, as far as the order of candidates depends on it.
#[derive(Clone, Copy)]
pub(crate) struct Moment<'a> {
    /// Milliseconds on the gateway's steady clock.
    pub now: u64,
    pub today: Timestamp,
    pub config: &'a GatewayConfig,
    pub catalogue: &'a Catalogue,
    pub org: OrgId,
    pub inbound: Format,
    pub head: &'a Head,
    pub body: &'a [u8],
    /// The providers that saw the conversation before, where it shall stay whole.
    pub home: &'a [ProviderId],
    /// Keyed anew at every start: what it gives says nothing about a conversation, and is kept nowhere.
    pub random: &'a RandomState,
}

/// What the rule was told of a candidate, and what it said.
#[derive(Clone, Copy)]
pub(crate) struct Ranked {
    pub inputs: Inputs,
    pub score: Score,
}

/// Tells conversations apart, by how they begin.
pub(crate) fn conversation(
    random: &RandomState,
    org: OrgId,
    (inbound, head, body): (Format, &Head, &[u8]),
) -> u64 {
    random.hash_one((org, &head.model, llm::beginning(inbound, head, body)))
}

/// Puts candidates, given in order of registration, each with its health, into the order in which they are asked.
/// With one there is nothing to rank.
pub(crate) fn rank(
    candidates: Vec<(Candidate, bool)>,
    moment: &Moment<'_>,
) -> (Vec<Candidate>, Option<Basis>) {
    if candidates.len() < 2 {
        return (candidates.into_iter().map(|(candidate, _)| candidate).collect(), None);
    }
    let basis = moment.basis();
    let mut inputs: Vec<Inputs> = candidates
        .iter()
        .zip(0..)
        .map(|((candidate, healthy), place)| moment.inputs(candidate, *healthy, place))
        .collect();
    moment.attract(&candidates, &mut inputs);
    let mut ranked = Vec::with_capacity(candidates.len());
    for (at, score) in ranking::rank(&basis, &inputs) {
        if let (Some((candidate, _)), Some(inputs)) = (candidates.get(at), inputs.get(at)) {
            ranked.push(Candidate {
                ranked: Some(Ranked { inputs: *inputs, score }),
                ..candidate.clone()
            });
        }
    }
    (ranked, Some(basis))
}

/// Ranks those anew that are left after somebody was excluded: a score says how one stands among the others. Who was
/// passed over before stood among others.
pub(crate) fn again(plan: &mut Plan) {
    for passed_over in &mut plan.excluded {
        passed_over.ranked = None;
    }
    let inputs: Option<Vec<Inputs>> =
        plan.candidates.iter().map(|one| Some(one.ranked?.inputs)).collect();
    let Some((inputs, basis)) = inputs.zip(plan.order.as_ref()) else { return };
    let one = |(at, score): (usize, Score)| {
        let ranked = Some(Ranked { inputs: *inputs.get(at)?, score });
        Some(Candidate { ranked, ..plan.candidates.get(at)?.clone() })
    };
    plan.candidates = ranking::rank(basis, &inputs).into_iter().filter_map(one).collect();
}

impl Moment<'_> {
    fn basis(&self) -> Basis {
        let head = self.head;
        let written = head.max_output.map_or(EXPECTED_OUTPUT, |most| most.min(EXPECTED_OUTPUT));
        // Only conversations are answered in tokens.
        let output = if head.task.is_some() { 0 } else { written };
        Basis {
            rule: RULE,
            sort: head.wishes.as_ref().and_then(|wishes| wishes.sort).unwrap_or_default(),
            stream: head.stream,
            input_tokens: llm::estimate_tokens(self.body.len() as u64),
            output_tokens: output.saturating_mul(head.choices.max(1)),
        }
    }

    fn inputs(&self, candidate: &Candidate, healthy: bool, place: u32) -> Inputs {
        let route = &candidate.route;
        let seen = route.observations.find(&candidate.model);
        let seen = seen.map(|seen| seen.at(self.head.stream, self.now)).unwrap_or_default();
        let wishes = self.head.wishes.as_ref();
        Inputs {
            place,
            healthy,
            home: self.home.contains(&route.provider),
            wished: wishes.and_then(|wishes| wishes::place(wishes, route)),
            price: self.price(candidate),
            cached_permille: seen.cached_permille,
            wait_ms: seen.wait_ms,
            pace_ms: seen.pace_ms,
            errors_permille: seen.errors_permille,
            affinity: None,
        }
    }

    /// The prices of an ordinary request of this size.
    fn price(&self, candidate: &Candidate) -> Option<Price> {
        let prices = candidate.route.prices(self.catalogue, &candidate.model)?;
        let all = prices.at(llm::estimate_tokens(self.body.len() as u64), None);
        let Price { input, cache_read, output, request, .. } = all;
        Some(Price { input, cache_read, output, request, ..Price::default() })
    }

    /// Says to which of those that were seen lately the conversation belongs, in that order: by rendezvous hashing of
    /// its beginning, so that it stays at one of them, whoever else comes and goes.
    fn attract(&self, candidates: &[(Candidate, bool)], inputs: &mut [Inputs]) {
        let seen = |inputs: &Inputs| inputs.wait_ms.is_some();
        if inputs.iter().filter(|inputs| seen(inputs)).count() < 2 {
            return;
        }
        let asked = (self.inbound, self.head, self.body);
        let conversation = conversation(self.random, self.org, asked);
        let mut weights: Vec<(u64, &mut Inputs)> = candidates
            .iter()
            .zip(inputs.iter_mut())
            .filter(|(_, inputs)| seen(inputs))
            .map(|((candidate, _), inputs)| {
                let whom = (candidate.route.provider, &*candidate.model);
                (self.random.hash_one((conversation, whom)), inputs)
            })
            .collect();
        weights.sort_unstable_by_key(|(weight, _)| *weight);
        for ((_, inputs), rank) in weights.into_iter().zip(0..) {
            inputs.affinity = Some(rank);
        }
    }
}
