//! What people and programs are told: the words of each piece of news, as a letter and as an event of a webhook.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    Announcement, BudgetId, BudgetOf, CURRENCY, Cause, DRILL, KeyId, OrgRole, Period, Secret,
    Timestamp,
};

/// How something leaves the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    Mail,
    Webhook,
}

impl Channel {
    pub const ALL: [Self; 2] = [Self::Mail, Self::Webhook];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text)
    }
}

/// What a letter or an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Somebody asked whether a webhook works.
    Test,
    BudgetReached,
    SubprocessorsChanged,
    /// The same without a change: do those who should be told hear of it?
    SubprocessorsTest,
    /// Somebody found a key where it does not belong, and it was revoked.
    KeyLeaked,
    /// Somebody wants to be told of changes of sub-processors: is the address theirs?
    Subscription,
    /// Somebody wants to sign in without a password.
    SignInCode,
    /// Somebody is invited into an organization.
    Invitation,
}

impl Topic {
    pub const ALL: [Self; 8] = [
        Self::Test,
        Self::BudgetReached,
        Self::SubprocessorsChanged,
        Self::SubprocessorsTest,
        Self::KeyLeaked,
        Self::Subscription,
        Self::SignInCode,
        Self::Invitation,
    ];

    /// The stable name, which is also the `type` of an event.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "webhook.test",
            Self::BudgetReached => "budget.reached",
            Self::SubprocessorsChanged => "subprocessors.changed",
            Self::SubprocessorsTest => "subprocessors.test",
            Self::KeyLeaked => "key.leaked",
            Self::Subscription => "subscription",
            Self::SignInCode => "sign_in.code",
            Self::Invitation => "invitation",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text)
    }
}

/// A link in a letter: a path of this server. The address in front is added when the letter leaves.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetterLink {
    pub says: String,
    pub path: String,
}

/// A letter without its address: plain text in paragraphs. Has no `Debug`, because it is content.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letter {
    pub subject: String,
    pub paragraphs: Vec<String>,
    pub link: Option<LetterLink>,
    /// The path that ends the subscription.
    pub unsubscribe: Option<String>,
}

/// Something that the administrators and the webhooks of an organization are told.
pub struct News {
    pub topic: Topic,
    pub letter: Letter,
    /// Of the event.
    pub data: Map<String, Value>,
}

impl News {
    /// The body of the event, as webhooks receive it.
    #[must_use]
    pub fn event(&self, at: Timestamp) -> String {
        event(self.topic, at, &self.data)
    }
}

fn event(topic: Topic, at: Timestamp, data: &Map<String, Value>) -> String {
    json!({"type": topic.as_str(), "timestamp": at.rfc3339(), "data": data}).to_string()
}

/// The event that tries a webhook out.
#[must_use]
pub fn test_event(at: Timestamp) -> String {
    let says = "This is a test. Nothing has happened.";
    event(Topic::Test, at, &members(json!({"says": says})))
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// An amount of the deployment's currency with two decimals, rounded down.
fn amount(nano: u64) -> String {
    format!("{}.{:02} {CURRENCY}", nano / 1_000_000_000, nano % 1_000_000_000 / 10_000_000)
}

/// A budget, and whose it is in words.
#[derive(Clone, Copy)]
pub struct BudgetFacts<'a> {
    /// Part of addresses.
    pub slug: &'a str,
    pub organization: &'a str,
    /// Such as `The organization`, `Project Website`, `Member Mara Lind` or `Key backend`.
    pub whose: &'a str,
    pub id: BudgetId,
    pub of: BudgetOf,
    pub period: Period,
    pub limit_nano: u64,
}

/// That `percent` of a budget is spent, in the period that began at `from`.
#[must_use]
pub fn budget_news(budget: &BudgetFacts<'_>, (percent, from): (u8, Timestamp)) -> News {
    let BudgetFacts { slug, organization, whose, .. } = *budget;
    let (limit, period) = (amount(budget.limit_nano), budget.period.says());
    let subject = format!("{organization}: {percent} % of a budget is spent");
    let what = format!("{whose}: {percent} % of {limit} {period} is spent.");
    let then = match (percent, budget.period.span(from).until) {
        (100.., Some(until)) => format!(
            "Requests that it pays for are refused until {}, when it begins anew, or until somebody raises it.",
            until.day()
        ),
        (100.., None) => {
            "Requests that it pays for are refused until somebody raises it.".to_owned()
        }
        _ => "Nothing is refused yet.".to_owned(),
    };
    let data = json!({
        "organization": slug,
        "budget": budget.id.to_string(),
        "of": budget.of.noun(),
        "percent": percent,
        "period": budget.period.as_str(),
        "since": from.rfc3339(),
        "limit_nano": budget.limit_nano,
        "currency": CURRENCY,
    });
    let link = LetterLink { says: "Budgets".to_owned(), path: format!("/o/{slug}/budgets") };
    let letter =
        Letter { subject, paragraphs: vec![what, then], link: Some(link), unsubscribe: None };
    News { topic: Topic::BudgetReached, letter, data: members(data) }
}

impl Announcement {
    /// Whether people are told of it: neither the drill nor what was there from the beginning is news.
    #[must_use]
    pub fn is_news(&self) -> bool {
        self.cause != Cause::Installed && self.provider != DRILL
    }

    /// The change in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let name = &self.sheet.name;
        match self.cause {
            Cause::Installed => format!("{name} was on the list from the beginning."),
            Cause::Added => {
                format!("{name} was added. It may be used from {}.", self.usable_from.day())
            }
            Cause::Changed => format!(
                "New about {name}: {}. That may be used from {}.",
                self.news.join("; "),
                self.usable_from.day()
            ),
            Cause::Corrected => format!("{name} was corrected. Nothing is new about it."),
            Cause::Removed => format!("{name} was taken off the list."),
        }
    }
}

/// Changes of sub-processors, for administrators; `slug` is their organization's.
#[must_use]
pub fn subprocessor_news(changes: &[Announcement], slug: &str) -> News {
    let letter = Letter {
        link: Some(LetterLink {
            says: "Accept earlier, or object".to_owned(),
            path: format!("/o/{slug}/subprocessors"),
        }),
        ..subprocessor_letter(changes)
    };
    let change = |one: &Announcement| {
        json!({
            "provider": one.provider,
            "revision": one.revision,
            "cause": one.cause.as_str(),
            "name": one.sheet.name,
            "legal_entity": one.sheet.legal_entity,
            "country": one.sheet.country,
            "regions": one.sheet.regions,
            "announced": one.announced.rfc3339(),
            "usable_from": one.usable_from.rfc3339(),
            "says": one.sentence(),
        })
    };
    let changes: Vec<Value> = changes.iter().map(change).collect();
    let data = members(json!({"organization": slug, "changes": changes}));
    News { topic: Topic::SubprocessorsChanged, letter, data }
}

/// A key that somebody found and reported, as the organization knows it.
#[derive(Clone, Copy)]
pub struct LeakedKey<'a> {
    /// Of the organization; part of addresses.
    pub slug: &'a str,
    pub id: KeyId,
    pub name: &'a str,
    pub last_four: &'a str,
    /// A key of the whole organization rather than of a project.
    pub admin: bool,
}

/// A key was found where it does not belong: it is revoked already, and what used it fails now.
#[must_use]
pub fn leak_news(key: &LeakedKey<'_>) -> News {
    let (kind, path) = if key.admin {
        ("admin key", format!("/o/{}/settings", key.slug))
    } else {
        ("API key", format!("/o/{}/audit?action=key.revoke", key.slug))
    };
    let letter = Letter {
        subject: format!("A leaked {kind} was revoked"),
        paragraphs: vec![
            format!(
                "Somebody found the {kind} {} (…{}) where it does not belong, and showed it to this server as a proof.",
                key.name, key.last_four
            ),
            "It was revoked at once: programs that use it are refused from now on. Create another one for them, \
             and find out where it was found: whoever else saw it could use it until now."
                .to_owned(),
        ],
        link: Some(LetterLink { says: "What is on record".to_owned(), path }),
        unsubscribe: None,
    };
    let data = members(json!({
        "organization": key.slug, "key": key.id, "last_four": key.last_four, "admin": key.admin,
    }));
    News { topic: Topic::KeyLeaked, letter, data }
}

/// Nothing has changed: whether those who should be told hear of it.
#[must_use]
pub fn subprocessor_test(slug: &str) -> News {
    let says = "This is a test. No sub-processor has changed.";
    let letter = Letter {
        subject: "Test: changes of sub-processors".to_owned(),
        paragraphs: vec![says.to_owned(), "A real notice would have come the same way.".to_owned()],
        link: Some(LetterLink {
            says: "What was sent".to_owned(),
            path: format!("/o/{slug}/webhooks"),
        }),
        unsubscribe: None,
    };
    let data = members(json!({"organization": slug, "test": true, "changes": [], "says": says}));
    News { topic: Topic::SubprocessorsTest, letter, data }
}

/// The same for whoever subscribed on the public page.
#[must_use]
pub fn subprocessor_letter(changes: &[Announcement]) -> Letter {
    let why = "The companies that this installation can send requests to have changed:";
    Letter {
        subject: "Changes of sub-processors".to_owned(),
        paragraphs: std::iter::once(why.to_owned())
            .chain(changes.iter().map(Announcement::sentence))
            .collect(),
        link: Some(LetterLink {
            says: "The whole list".to_owned(),
            path: "/subprocessors".to_owned(),
        }),
        unsubscribe: None,
    }
}

/// Asks whether an address really wants to be told; `path` says so.
#[must_use]
pub fn subscription_letter(path: String) -> Letter {
    let ask = "Somebody, hopefully you, asked to be told at this address when the list of sub-processors changes.";
    let ignore = "If it was not you, do nothing: the address is forgotten within two days.";
    Letter {
        subject: "Confirm that you want to hear of changes of sub-processors".to_owned(),
        paragraphs: vec![ask.to_owned(), ignore.to_owned()],
        link: Some(LetterLink { says: "Confirm".to_owned(), path }),
        unsubscribe: None,
    }
}

/// Brings a code to sign in with, such as `482 913`, and the link that fills it in.
#[must_use]
pub fn sign_in_letter(code: &str) -> Letter {
    let typed: String = code.chars().filter(|one| one.is_ascii_alphanumeric()).collect();
    Letter {
        // Without the code: screens that are locked show subjects.
        subject: "Your code to sign in".to_owned(),
        paragraphs: vec![
            code.to_owned(),
            "This code signs you in. It holds for ten minutes, and only in the browser in which you asked for it. \
             Nobody will ever ask you for it."
                .to_owned(),
            "If you did not ask for it, do nothing: without that browser the code opens nothing."
                .to_owned(),
        ],
        link: Some(LetterLink {
            says: "Or open this in the same browser".to_owned(),
            path: format!("/sign-in/code/{typed}"),
        }),
        unsubscribe: None,
    }
}

/// What whoever is invited is told.
#[derive(Clone, Copy)]
pub struct Invited<'a> {
    pub organization: &'a str,
    pub role: OrgRole,
    pub token: &'a Secret<String>,
    pub expires: Timestamp,
}

/// Brings an invitation, with the link that accepts it.
#[must_use]
pub fn invitation_letter(invited: &Invited<'_>) -> Letter {
    let Invited { organization, role, token, expires } = *invited;
    Letter {
        subject: format!("You are invited to {organization}"),
        paragraphs: vec![
            format!(
                "You are invited to join {organization} as {role}. The invitation holds until {}, for one person.",
                expires.day()
            ),
            "If you do not know why, do nothing: nothing happens then.".to_owned(),
        ],
        link: Some(LetterLink {
            says: "Join".to_owned(),
            path: format!("/invitations/{}", token.expose()),
        }),
        unsubscribe: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_budget_says_what_is_refused_and_until_when() {
        let at = Timestamp::from_millis(1_767_225_600_000);
        let mut budget = BudgetFacts {
            slug: "acme",
            organization: "Acme",
            whose: "The organization",
            id: BudgetId::new(at),
            of: BudgetOf::Organization,
            period: Period::Month,
            limit_nano: 25_009_999_999,
        };
        let news = budget_news(&budget, (80, at));
        assert_eq!(
            news.letter.paragraphs[0],
            "The organization: 80 % of 25.00 USD per month is spent."
        );
        assert_eq!(news.letter.paragraphs[1], "Nothing is refused yet.");
        let news = budget_news(&budget, (100, at));
        assert!(news.letter.paragraphs[1].contains("until 1 Feb 2026"));
        budget.period = Period::Total;
        let news = budget_news(&budget, (100, at));
        assert!(news.letter.paragraphs[1].ends_with("until somebody raises it."));
        let event: Value = serde_json::from_str(&news.event(at)).unwrap();
        assert_eq!(event["type"], "budget.reached");
        assert_eq!(event["data"]["limit_nano"], 25_009_999_999_u64);
    }

    #[test]
    fn a_leaked_key_is_named_and_never_shown() {
        let id = KeyId::new(Timestamp::from_millis(1));
        let key = LeakedKey { slug: "acme", id, name: "backend", last_four: "aB3d", admin: false };
        let news = leak_news(&key);
        assert!(news.letter.paragraphs[0].contains("API key backend (…aB3d)"));
        assert_eq!(news.data["last_four"], "aB3d");
        let path = leak_news(&LeakedKey { admin: true, ..key }).letter.link.unwrap().path;
        assert_eq!(path, "/o/acme/settings");
    }

    #[test]
    fn names_are_read_back() {
        assert!(Topic::ALL.iter().all(|topic| Topic::parse(topic.as_str()) == Some(*topic)));
        assert!(Channel::ALL.iter().all(|one| Channel::parse(one.as_str()) == Some(*one)));
    }
}
