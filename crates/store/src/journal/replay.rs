//! From the files back to what was in memory.

use std::collections::HashMap;

use domain::RequestId;

use super::{
    record::{Intent, Record, Settlement},
    segment::Segment,
    state::State,
};

/// What the files say, read in order.
#[derive(Default)]
pub(super) struct Replay {
    found: HashMap<RequestId, Found>,
    /// Settled requests in the order of their settlements.
    order: Vec<RequestId>,
}

struct Found {
    intent: Intent,
    segment: u64,
    settled: Option<(Settlement, u64)>,
}

impl Replay {
    pub(super) fn apply(&mut self, segment: u64, record: Record) {
        match record {
            Record::Reserving(intent, nano) => {
                let intent = Intent { reserved_nano: Some(nano), ..intent };
                self.apply(segment, Record::Intent(intent));
            }
            Record::Intent(intent) => match self.found.get_mut(&intent.request) {
                // Written anew after a failed flush.
                Some(found) if found.settled.is_some() => {}
                _ => {
                    let found = Found { segment, settled: None, intent };
                    self.found.insert(found.intent.request, found);
                }
            },
            // Without its intent the request is in the database: the segment that announced it is gone.
            Record::Settlement(settlement) => {
                if let Some(found) = self.found.get_mut(&settlement.request)
                    && found.settled.is_none()
                {
                    self.order.push(settlement.request);
                    found.settled = Some((settlement, segment));
                }
            }
            Record::Swept => {
                self.found.retain(|_, found| found.settled.is_none());
                self.order.clear();
            }
        }
    }

    /// The state to go on with, and the requests that were left in the middle.
    pub(super) fn finish(mut self, active: Segment, segments: Vec<u64>) -> (State, Vec<Intent>) {
        let mut state = State::new(active, segments);
        for request in self.order {
            if let Some(Found { intent, segment, settled: Some((settlement, settled_in)) }) =
                self.found.remove(&request)
            {
                state.intended(&intent, segment);
                state.settled(&settlement, Some(settled_in));
            }
        }
        let mut left: Vec<Intent> = Vec::new();
        for found in self.found.into_values() {
            state.intended(&found.intent, found.segment);
            left.push(found.intent);
        }
        left.sort_by_key(|intent| intent.request);
        (state, left)
    }
}
