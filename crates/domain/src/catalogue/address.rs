//! Addresses with blanks: `https://{resource}.openai.azure.com/openai/v1` is a provider's for every resource.

use super::Endpoint;

/// Longest label of a host.
const LONGEST: usize = 63;

impl Endpoint {
    /// What the operator has to fill in, in order.
    pub fn blanks(&self) -> impl Iterator<Item = &str> {
        self.base_url
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}'))
            .map(|(name, _)| name)
    }

    /// The address with its blanks filled; `None` when one is missing or is no single label of a host.
    pub fn filled(&self, with: impl Fn(&str) -> Option<String>) -> Option<String> {
        let mut pieces = self.base_url.split('{');
        let mut text = pieces.next()?.to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('}')?;
            let value = with(name).filter(|value| is_label(value))?;
            text.push_str(&value.to_ascii_lowercase());
            text.push_str(rest);
        }
        Some(text)
    }

    /// Whether `url` is this address, with something in its blanks.
    #[must_use]
    pub fn is_at(&self, url: &str) -> bool {
        fits(&self.base_url, url)
    }

    /// Whether `host` is that of this address, with something in its blanks.
    #[must_use]
    pub fn has_host(&self, host: &str) -> bool {
        let own = self.base_url.split_once("://").map_or("", |(_, rest)| rest);
        fits(own.split(['/', ':']).next().unwrap_or_default(), host)
    }
}

/// Whether `text` is `pattern` with a label for each blank. A label holds no dot, so that no blank reaches into
/// another domain.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('{') else { return pattern == text };
    let Some((_, after)) = rest.split_once('}') else { return false };
    let Some(text) = text.strip_prefix(before) else { return false };
    // What follows a blank begins with a dot or a dash; the label may hold dashes itself.
    (1..=text.len().min(LONGEST)).any(|end| {
        text.split_at_checked(end).is_some_and(|(label, rest)| is_label(label) && fits(after, rest))
    })
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Family, Serves};

    fn endpoint(base_url: &str) -> Endpoint {
        Endpoint {
            id: "default".to_owned(),
            base_url: base_url.to_owned(),
            region: None,
            serves: vec![Serves::Chat],
            family: Some(Family::OpenAi),
            auth: None,
        }
    }

    #[test]
    fn a_blank_takes_one_label() {
        let azure = endpoint("https://{resource}.openai.azure.com/openai/v1");
        assert_eq!(azure.blanks().collect::<Vec<_>>(), ["resource"]);
        let at = |value: &str| azure.filled(|_| Some(value.to_owned()));
        assert_eq!(at("Acme-1").as_deref(), Some("https://acme-1.openai.azure.com/openai/v1"));
        for wrong in ["", "a.b", "a/b", "-a", "a-", "a b", "ä", "a:1", "a@b", "{b}"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
        assert_eq!(azure.filled(|_| None), None);
        assert!(azure.is_at("https://acme-1.openai.azure.com/openai/v1"));
        assert!(azure.has_host("acme-1.openai.azure.com"));
        for other in [
            "https://openai.azure.com/openai/v1",
            "https://.openai.azure.com/openai/v1",
            "https://evil.example/.openai.azure.com/openai/v1",
            "https://a.b.openai.azure.com/openai/v1",
            "https://acme.openai.azure.com.evil.example/openai/v1",
            "https://acme.openai.azure.com/openai",
        ] {
            assert!(!azure.is_at(other), "{other}");
        }
        assert!(!azure.has_host("bucket.x.openai.azure.com"));
    }

    #[test]
    fn a_blank_may_stand_anywhere_and_an_address_without_is_itself() {
        let vertex = endpoint("https://{region}-aiplatform.googleapis.com");
        assert!(vertex.is_at("https://europe-west4-aiplatform.googleapis.com"));
        assert!(!vertex.is_at("https://aiplatform.googleapis.com"));
        let plain = endpoint("https://api.example.com/v1");
        assert_eq!(plain.blanks().count(), 0);
        assert!(plain.is_at("https://api.example.com/v1") && plain.has_host("api.example.com"));
        assert!(!plain.is_at("https://api.example.com/v2"));
    }
}
