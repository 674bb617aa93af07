//! Counting tokens. Free of charge, so nothing is settled.

use bytes::Bytes;
use http::Response;
use llm::{Format, Prepared};
use tokio::time::Instant;

use crate::{Body, Call, Inner, plan::Candidate, reply};

const PATH: &str = "/messages/count_tokens";

impl Inner {
    pub(crate) async fn count_tokens(&self, mut call: Call<'_>) -> Response<Body> {
        let began = Instant::now();
        let (_, _entry, head, plan, _) = match self.ready(&mut call).await {
            Ok(ready) => ready,
            Err(refused) => return self.show(refused, &call),
        };
        let speaks = |candidate: &&Candidate| candidate.format() == Format::AnthropicMessages;
        // Where it is limited who sees what, nobody is shown a conversation only to count it.
        let mut asked = plan.candidates.iter().filter(|_| plan.exposed.is_none());
        let Some(candidate) = asked.find(speaks) else {
            return reply::document(call.inbound, call.request, estimate(&call.body));
        };
        let quirks = candidate.quirks(&head);
        let outbound = candidate.format();
        let prepared =
            llm::prepare(call.inbound, outbound, &call.body, &head, &candidate.model, &quirks);
        let answered = match prepared {
            Ok(prepared) => {
                let mut prepared = Prepared { path: PATH.into(), ..prepared };
                candidate.force(&mut prepared);
                if let Some(venue) = &candidate.route.venue {
                    prepared = venue.address_count(prepared);
                }
                self.attempts(&call, &head, began).plain(candidate, &prepared).await
            }
            Err(bad) => Err((&bad).into()),
        };
        match answered {
            Ok(body) => reply::document(call.inbound, call.request, body),
            Err(failure) => {
                reply::refusal(call.inbound, call.request, &failure.refusal, failure.retry_after)
            }
        }
    }
}

fn estimate(body: &Bytes) -> Bytes {
    let tokens = llm::estimate_tokens(body.len() as u64);
    format!("{{\"input_tokens\":{tokens}}}").into()
}
