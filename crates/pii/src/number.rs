//! Numbers made of digits alone: national ids and cards, by length, shape, check and context.

use crate::{
    Finding, Kind,
    candidate::{Candidate, Edge, edge_after, edge_before},
    context::Context,
    scanner::Scan,
};

/// When a number of a shape is believed, once its check digit is right.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Without more, unless the words before it speak of a thing.
    Alone,
    /// Only beside a cue.
    Cue,
}

/// One kind of number: `shapes` lists how it is written (`6-4`; empty for all digits in one group).
pub(crate) struct Spec {
    pub(crate) kind: Kind,
    pub(crate) length: usize,
    pub(crate) shapes: &'static [(&'static str, Rule)],
    pub(crate) check: fn(&[u8]) -> bool,
}

const GROUPS: usize = 8;

pub(crate) fn look(scan: &mut Scan<'_>, start: usize) {
    let text = scan.text;
    let edge = edge_before(text, start);
    if edge == Edge::Inside {
        return;
    }
    let Some(mut number) = Candidate::new(text, start) else { return };
    for _ in 0..GROUPS {
        judge(scan, &number, edge);
        if !number.grow(text) {
            return;
        }
    }
}

fn judge(scan: &mut Scan<'_>, number: &Candidate, edge: Edge) {
    let specs = scan.ids.of_length(number.digits().len());
    if specs.is_empty() || edge_after(scan.text, number.end) == Edge::Inside {
        return;
    }
    // What two countries could have written is the one's that is named nearer, then the one's at home.
    let mut best: Option<((usize, bool), Kind)> = None;
    for spec in specs {
        let Some((_, rule)) = spec.shapes.iter().find(|(shape, _)| number.has_shape(shape)) else {
            continue;
        };
        if !(spec.check)(number.digits()) {
            continue;
        }
        let context = scan.around.look(scan.text, number.start, number.end, spec.kind);
        let Some(distance) = weigh(*rule, edge, number.is_compact(), context) else { continue };
        let weight = (distance, !scan.regions.are_home_of(spec.kind));
        if best.is_none_or(|(least, _)| weight < least) {
            best = Some((weight, spec.kind));
        }
    }
    if let Some((_, kind)) = best {
        scan.found.push(Finding::new(kind, number.start, number.end));
    }
}

/// Smaller is surer: the distance of the cue, or a large number for a check digit alone.
fn weigh(rule: Rule, edge: Edge, compact: bool, context: Context) -> Option<usize> {
    if context.speaks_for() {
        return context.cue;
    }
    let alone = rule == Rule::Alone && edge == Edge::Free;
    (alone && !(compact && context.speaks_against())).then_some(usize::MAX - 1)
}
