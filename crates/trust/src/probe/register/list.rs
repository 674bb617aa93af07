//! The public list, read as a program of a customer reads it.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Error, Register, Result, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use store::{Contact, Registration};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::Run;
use crate::{
    client::{Auth, Payload},
    seed::Seed,
};

/// One company on the list.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Entry {
    pub(super) id: String,
    legal_entity: Option<String>,
    country: String,
    regions: BTreeSet<String>,
    hosts: BTreeSet<String>,
    in_use: bool,
    #[serde(deserialize_with = "at")]
    pub(super) announced: Timestamp,
    #[serde(deserialize_with = "at")]
    pub(super) usable_from: Timestamp,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Published {
    #[serde(deserialize_with = "maybe_at")]
    pub(super) updated: Option<Timestamp>,
    mail_hosts: BTreeSet<String>,
    #[serde(rename = "data")]
    pub(super) entries: Vec<Entry>,
}

fn parsed(text: &str) -> Option<Timestamp> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some(Timestamp::from_millis(i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()?))
}

fn at<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    parsed(&text).ok_or_else(|| serde::de::Error::custom("not a time"))
}

fn maybe_at<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.as_deref().and_then(parsed))
}

impl Published {
    pub(super) async fn read(cx: Run<'_>) -> Result<Self> {
        let path = "/subprocessors.json";
        let answer = cx.site.client.send("GET", path, Auth::Nobody, Payload::Empty).await?.ok()?;
        serde_json::from_slice(&answer.body)
            .map_err(|_| Error::upstream("The list of sub-processors cannot be read."))
    }

    /// Whether a company on the list is reached at `host`.
    pub(super) fn reaches(&self, id: &str, host: &str) -> bool {
        let entry = self.entries.iter().find(|entry| entry.id == id);
        entry.is_some_and(|entry| entry.hosts.iter().any(|pattern| matches(pattern, host)))
    }

    /// Whether letters leave to `host`, as the list says.
    pub(super) fn mails(&self, host: &str) -> bool {
        self.mail_hosts.contains(host)
    }

    /// The ids of companies that are listed wrongly, are missing, or are listed without reason.
    pub(super) fn differences(
        &self,
        register: &Register,
        reachable: &BTreeSet<String>,
        used: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        let listed: BTreeMap<_, _> = self.entries.iter().map(|entry| (&entry.id, entry)).collect();
        let right = |entry: &Entry| {
            register.listing(&entry.id).is_some_and(|known| {
                known.sheet.legal_entity == entry.legal_entity
                    && known.sheet.country == entry.country
                    && known.sheet.regions == entry.regions
            }) && entry.in_use == used.contains(&entry.id)
        };
        let wrong = self.entries.iter().filter(|entry| !right(entry)).map(|entry| &entry.id);
        let missing = reachable.union(used).filter(|id| !listed.contains_key(id));
        wrong.chain(missing).cloned().collect()
    }

    /// The same without one company, drawn from `seed`; `None` when there is none.
    pub(super) fn without_one(&self, seed: Seed) -> Option<Self> {
        let mut short = self.clone();
        let bound = u64::try_from(short.entries.len()).ok().filter(|count| *count > 0)?;
        let at = usize::try_from(seed.below("company", bound)).ok()?;
        short.entries.remove(at);
        Some(short)
    }
}

/// The companies that the catalogue in force can call; the twin of the demo is none.
pub(super) fn reachable(catalogue: &Value) -> BTreeSet<String> {
    let all = catalogue.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |one: &Value, name: &str| {
        one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let callable = |one: &Value| {
        let entry = serde_json::from_value::<domain::ProviderEntry>(one.clone());
        entry.is_ok_and(|entry| entry.id != "sandbox" && entry.callable().next().is_some())
    };
    all.iter().filter(|one| callable(one)).map(|one| text(one, "id")).collect()
}

/// The registration behind a contact. The place that gives a provider's tokens stands under the provider's id.
pub(super) fn registered<'a>(
    contact: &Contact,
    all: &'a [Registration],
) -> Option<&'a Registration> {
    let id = contact.id.strip_suffix("/token").unwrap_or(&contact.id);
    all.iter().find(|one| one.id.to_string() == id)
}

/// The host of an address.
pub(super) fn host_of(base_url: &str) -> String {
    let url = url::Url::parse(base_url).ok();
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

/// `{name}` in a pattern stands for one or more characters of a name, without a dot.
fn matches(pattern: &str, host: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('{') else {
        return pattern.eq_ignore_ascii_case(host);
    };
    let Some((_, after)) = rest.split_once('}') else { return false };
    let Some(open) = host.strip_prefix(before) else { return false };
    let ends = open.char_indices().skip(1).map(|(at, _)| at).chain([open.len()]);
    ends.filter(|end| open.get(..*end).is_some_and(|name| !name.is_empty() && !name.contains('.')))
        .any(|end| open.get(end..).is_some_and(|rest| matches(after, rest)))
}

/// Whether the page says that it was last changed then.
pub(super) fn dated(page: &str, at: Timestamp) -> bool {
    let said = page.split_once("id=\"updated\"").map_or("", |(_, rest)| rest);
    let said = said.split_once("datetime=\"").map_or("", |(_, rest)| rest);
    said.split('"').next().is_some_and(|text| parsed(text) == Some(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_those_of_the_pattern_and_no_others() {
        assert!(matches("api.acme.example", "API.acme.example"));
        assert!(matches("{region}.acme.example", "eu-1.acme.example"));
        assert!(matches("{name}-{region}.acme.example", "a-b-eu.acme.example"));
        for (pattern, host) in [
            ("api.acme.example", "evil.acme.example"),
            ("{region}.acme.example", "acme.example"),
            ("{region}.acme.example", "a.b.acme.example"),
            ("{region}.acme.example", "eu.acme.example.evil"),
            ("{region", "eu"),
        ] {
            assert!(!matches(pattern, host), "{pattern} {host}");
        }
    }

    #[test]
    fn the_place_that_gives_tokens_belongs_to_its_provider() {
        let at = Timestamp::from_millis(1_795_167_703_123);
        let one = Registration {
            org: domain::OrgId::new(at),
            id: domain::ProviderId::new(at),
            catalog: "vertex".to_owned(),
            base_url: "https://aiplatform.googleapis.com".to_owned(),
            removed: false,
        };
        let contact = |id: String| Contact {
            id,
            host: "oauth2.googleapis.com".to_owned(),
            kind: "provider".to_owned(),
            first: at,
            last: at,
        };
        let all = [one];
        let found = |id: String| registered(&contact(id), &all).is_some();
        let id = all[0].id.to_string();
        assert!(found(id.clone()) && found(format!("{id}/token")));
        assert!(!found(format!("{id}/tokens")) && !found("token".to_owned()));
    }

    #[test]
    fn a_page_says_its_date_in_one_place() {
        let at = Timestamp::from_millis(1_795_167_703_123);
        let page = format!("<dd id=\"updated\"><time datetime=\"{}\">x</time></dd>", at.rfc3339());
        assert!(dated(&page, at) && !dated(&page, at.plus(std::time::Duration::from_millis(1))));
        assert!(!dated("", at) && !dated("<time datetime=\"\">", at));
    }
}
