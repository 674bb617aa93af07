//! Repositories: inherent methods of the four handles, one file per thing, and the plain rows they give out.

pub(crate) mod alias;
pub(crate) mod budget;
pub(crate) mod connection;
pub(crate) mod contact;
pub(crate) mod directory;
pub(crate) mod evidence;
pub(crate) mod exposure;
pub(crate) mod grant;
pub(crate) mod invitation;
pub(crate) mod key;
pub(crate) mod limit;
pub(crate) mod masking;
pub(crate) mod member;
pub(crate) mod notice;
pub(crate) mod operator_link;
pub(crate) mod organization;
pub(crate) mod project;
pub(crate) mod provider;
pub(crate) mod routing_policy;
pub(crate) mod second_factor;
pub(crate) mod sessions;
pub(crate) mod setting;
pub(crate) mod sign_in_attempt;
pub(crate) mod sign_in_code;
pub(crate) mod sign_in_policy;
pub(crate) mod sso;
pub(crate) mod subscriber;
pub(crate) mod usage;
pub(crate) mod user;
pub(crate) mod webhook;

pub use alias::Alias;
pub use budget::Budget;
pub use connection::{Connection, ConnectionChange, ConnectionKind, NewConnection};
pub use contact::Contact;
pub use directory::{DirectoryState, NameDirectory};
pub use evidence::{Evidence, EvidenceFilter, NewEvidence, NewSlot, Slot};
pub use exposure::{Exposed, PersonTag};
pub use grant::Grant;
pub use invitation::{Accepted, Invitation, NewInvitation};
pub use key::{Key, NewKey};
pub use limit::OrgLimits;
pub use member::Member;
pub use notice::Decided;
pub use organization::{NewOrganization, Organization};
pub use project::{NewProject, Project};
pub use provider::{NewProvider, Provider, ProviderChange, ProviderRecord};
pub use second_factor::{Authenticator, HalfSignIn};
pub use sessions::{NewSession, SessionRow};
pub use sign_in_code::{CodesAsked, NewSignInCode, Tried};
pub use sso::{LinkedIdentity, NewFlow};
pub use subscriber::Asked;
pub use usage::{Receipt, UsageFilter, UsagePoint, UsageRow, UsageSummary};
pub use user::{NewUser, User};
pub use webhook::{LastDelivery, NewWebhook, Webhook};

use domain::Timestamp;

/// Milliseconds of the database as a time.
pub(crate) const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn maybe_at(millis: Option<i64>) -> Option<Timestamp> {
    millis.map(Timestamp::from_millis)
}
