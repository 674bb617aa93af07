//! A letter as a mail server takes it: RFC 5322, plain text, marked as sent by a program.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::{Error, Letter, Result, Timestamp};
use lettre::{
    Address, Message,
    message::{
        Mailbox,
        header::{HeaderName, HeaderValue},
    },
};
use store::Outgoing;

/// Who writes, and where links lead.
pub(crate) struct Sender {
    pub(crate) from: Mailbox,
    /// Without a trailing slash.
    pub(crate) public_url: String,
}

impl Sender {
    /// The bytes of the message. Its id stays the same however often it is sent.
    ///
    /// # Errors
    /// `Internal` when address or text cannot be written as mail; says nothing about either.
    pub(crate) fn write(
        &self,
        message: &Outgoing,
        to: &Address,
        letter: &Letter,
    ) -> Result<Vec<u8>> {
        let id = format!("<{}@{}>", message.id, self.from.email.domain());
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(&letter.subject)
            .date(time(message.created))
            .message_id(Some(id))
            // Nobody's holiday should answer this (RFC 3834).
            .raw_header(header("Auto-Submitted", "auto-generated")?);
        if let Some(path) = &letter.unsubscribe {
            let link = format!("<{}{path}>", self.public_url);
            builder = builder.raw_header(header("List-Unsubscribe", &link)?);
            if self.public_url.starts_with("https://") {
                let one_click = "List-Unsubscribe=One-Click";
                builder = builder.raw_header(header("List-Unsubscribe-Post", one_click)?);
            }
        }
        builder.body(self.text(letter)).map(|built| built.formatted()).map_err(unwritable)
    }

    fn text(&self, letter: &Letter) -> String {
        let mut parts = letter.paragraphs.clone();
        if let Some(link) = &letter.link {
            parts.push(format!("{}: {}{}", link.says, self.public_url, link.path));
        }
        if let Some(path) = &letter.unsubscribe {
            parts.push(format!("--\r\nNo more of these letters: {}{path}", self.public_url));
        }
        let mut text = parts.join("\r\n\r\n");
        text.push_str("\r\n");
        text
    }
}

fn header(name: &str, value: &str) -> Result<HeaderValue> {
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(unwritable)?;
    Ok(HeaderValue::new(name, value.to_owned()))
}

fn unwritable<E>(_: E) -> Error {
    // The error quotes what could not be written.
    Error::internal("a letter cannot be written as mail")
}

fn time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use domain::{LetterLink, MessageId, OrgId, Secret, Topic};
    use store::Cargo;

    use super::*;

    #[test]
    fn the_text_is_whole_and_links_lead_home() {
        let at = Timestamp::from_millis(1_767_225_600_000);
        let empty = || Secret::new(String::new());
        let message = Outgoing {
            id: MessageId::new(at),
            org: OrgId::DEPLOYMENT,
            topic: Topic::SubprocessorsChanged,
            attempts: 0,
            created: at,
            ends: at,
            cargo: Cargo::Letter { to: empty(), letter: empty() },
        };
        let letter = Letter {
            subject: "Änderung\r\nBcc: evil@example.org".to_owned(),
            paragraphs: vec!["Grüße.".to_owned()],
            link: Some(LetterLink { says: "List".to_owned(), path: "/subprocessors".to_owned() }),
            unsubscribe: Some("/subprocessors/unsubscribe/x".to_owned()),
        };
        let sender = Sender {
            from: "Probity <notices@example.org>".parse().unwrap(),
            public_url: "https://ai.example".to_owned(),
        };
        let bytes = sender.write(&message, &"ada@example.org".parse().unwrap(), &letter).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("\r\nBcc:"), "a subject cannot add a header: {text}");
        assert!(text.contains(&format!("Message-ID: <{}@example.org>", message.id)), "{text}");
        assert!(text.contains("Date: Thu, 01 Jan 2026 00:00:00 +0000"), "{text}");
        assert!(text.contains("Auto-Submitted: auto-generated"), "{text}");
        assert!(
            text.contains("List-Unsubscribe: <https://ai.example/subprocessors/unsubscribe/x>")
        );
        assert!(text.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{text}");
        assert!(text.contains("https://ai.example/subprocessors"), "{text}");
    }
}
