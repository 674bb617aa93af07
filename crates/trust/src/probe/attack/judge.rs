//! One route, asked with somebody else's ids and with ids of nothing.

use domain::Result;

use super::values::{Values, fill, parameters, payloads};
use crate::{
    client::{Answer, Auth, Client, Payload},
    probe::{Household, Route},
};

/// How a route answered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    /// Without the ids that were asked for and without the id of the request itself.
    body: String,
}

/// What became of one route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Judgement {
    /// An id that does not exist was answered with 404 at least once, so the route looked it up.
    pub(super) looked_up: bool,
    /// How a foreign id was answered and how one that does not exist, where these differ.
    pub(super) crossed: Option<(u16, u16)>,
    /// Something else got in the way.
    pub(super) disturbed: bool,
    pub(super) requests: u64,
}

pub(super) struct Target<'a> {
    pub(super) client: &'a Client,
    /// Whose credentials are used.
    pub(super) house: &'a Household,
    pub(super) route: &'a Route,
}

impl Target<'_> {
    pub(super) async fn judge(&self, foreign: &Household, absent: &Values) -> Result<Judgement> {
        let mut judged = Judgement::default();
        for values in self.cases(foreign, absent) {
            for payload in payloads(self.route) {
                let (theirs, nobodys) = &values;
                let mut answers = Vec::new();
                for ids in [theirs, nobodys] {
                    answers.push(self.ask(ids, payload.clone()).await?);
                    judged.requests += 1;
                }
                if let [Some(theirs), Some(nobodys)] = answers.as_slice() {
                    judged.looked_up |= nobodys.status == 404;
                    if theirs != nobodys {
                        judged.crossed = Some((theirs.status, nobodys.status));
                    }
                } else {
                    judged.disturbed = true;
                }
            }
        }
        Ok(judged)
    }

    /// Pairs of values: with foreign ids, and with ids of nothing in the same places.
    fn cases(&self, foreign: &Household, absent: &Values) -> Vec<(Values, Values)> {
        let all = (foreign.objects.clone(), absent.clone());
        let names: Vec<_> = parameters(&self.route.path).collect();
        let inner = names.iter().any(|name| !matches!(*name, "org" | "organization"));
        if !inner || !names.iter().any(|name| matches!(*name, "org" | "organization")) {
            return vec![all];
        }
        // Inside the caller's own organization as well: the outer door is open there.
        let within = |mut values: Values| {
            for name in ["org", "organization"] {
                if let Some(own) = self.house.objects.get(name) {
                    values.insert(name, own.clone());
                }
            }
            values
        };
        let own = (within(all.0.clone()), within(all.1.clone()));
        vec![all, own]
    }

    /// `None` when the installation is too busy or broken to answer.
    async fn ask(&self, values: &Values, payload: Payload) -> Result<Option<Seen>> {
        let Some(mut path) = fill(&self.route.path, values) else { return Ok(None) };
        if path.starts_with("/api/") {
            path.push_str("?organization=");
            path.push_str(&self.house.slug);
        }
        // The data plane knows keys only.
        let auth = if self.route.permission == "inference" {
            Auth::Key(&self.house.api_key)
        } else {
            Auth::Session(&self.house.session)
        };
        let answer = self.client.send(&self.route.method, &path, auth, payload).await?;
        let readable = answer.status != 429 && answer.status < 500;
        Ok(readable.then(|| seen(&answer, values)))
    }
}

/// The answer without what differs between any two requests.
fn seen(answer: &Answer, values: &Values) -> Seen {
    let mut body = String::from_utf8_lossy(&answer.body).into_owned();
    for value in values.values().filter(|value| !value.is_empty()) {
        body = body.replace(value.as_str(), "…");
    }
    Seen { status: answer.status, body: without_ids(&body, "req_") }
}

/// `text` without the ids that begin with `prefix`.
fn without_ids(text: &str, prefix: &str) -> String {
    let mut parts = text.split(prefix);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(prefix);
        out.push_str(part.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_compared_without_what_always_differs() {
        let text = r#"{"request":"req_01abc","detail":"No such key."}"#;
        let other = r#"{"request":"req_77xyz","detail":"No such key."}"#;
        assert_eq!(without_ids(text, "req_"), without_ids(other, "req_"));
        assert_ne!(without_ids(text, "req_"), without_ids("{\"request\":\"req_1\"}", "req_"));
    }
}
