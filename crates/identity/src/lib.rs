//! Who you are and what you may: sign-in, sessions, organizations, members, grants, keys, provider credentials.
//! Every use-case is a method of [`Identity`]; rights are decided by [`decide`] and nowhere else.
//!
//! Invariants:
//! * signing in answers alike, and after the same work, whether or not there is such an account;
//! * a foreign id answers as an absent one;
//! * nobody gives a role they do not hold, and no organization is left without an owner;
//! * every change is one commit with one audit event, in which people's details are disclosures only;
//! * nothing waits for Argon2 while a transaction is open.

mod account;
mod alias;
mod base_url;
mod budget;
mod config;
mod connection;
mod content;
mod contract;
mod directory;
mod egress;
mod email_code;
mod guessing;
mod hashing;
mod health;
mod invitation;
mod key;
mod key_scope;
mod leak;
mod limit;
mod masking;
mod member;
mod names;
mod notice;
mod operator;
mod organization;
mod password_policy;
mod policies;
mod project;
mod provider;
mod reconcile;
mod rights;
mod routing;
mod second_factor;
mod sign_in;
mod sign_in_policy;
mod sso;
mod subscriber;
mod webhook;

use std::sync::Arc;

use domain::{Clock, Error, Kind, LiveCatalogue, Result, Secret};
use store::{Authority, Deployment, Scope, Session, Store};
use vault::api_key;

pub use account::NewAccount;
pub use alias::{is_alias_target, is_model_name};
pub use config::{Config, OrganizationCreators, PrivateProviders, SecondFactor};
pub use connection::{ConnectionEdit, ConnectionEntry};
pub use contract::{FREE_TIER, contract_end, contract_refusal};
pub use directory::DirectoryChange;
pub use egress::{NO_BAA, Refusal, Terms, UNDECIDED, egress_refusals, refusal_words};
pub use email_code::CodeAsked;
pub use health::signed as agreement_signed;
pub use invitation::CreatedInvitation;
pub use key::{CreatedKey, NewAdminKey, NewApiKey};
pub use key_scope::KeyScope;
pub use leak::Leak;
pub use names::slug_from;
pub use notice::{Subprocessor, Verdict, notice_refusal};
pub use operator::OperatorLink;
pub use password_policy::PASSWORD_LEAST;
pub use provider::{CUSTOM, ProviderEdit, ProviderEntry};
pub use rights::{Denial, MatrixRow, ROLES, Role, Standing, Who, decide, matrix};
pub use routing::{Effect, ModelTerms, Registered, spoken_terms, terms_of};
pub use second_factor::{NewAuthenticator, SecondFactorState};
pub use sign_in::{Half, SignIn, SignInStep, SignedIn};
pub use sso::{Aim, Arrived, Callback, Identities, Leaving, Onward, Problem, SingleSignOn};
pub use webhook::{CreatedWebhook, WebhookEntry};

use guessing::UnderWay;
use hashing::Hashing;

/// The use-cases. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    store: Store,
    config: Config,
    catalogue: LiveCatalogue,
    hashing: Hashing,
    under_way: UnderWay,
}

impl Identity {
    /// Needs a migrated store: the pepper is among its keys.
    ///
    /// # Errors
    /// `Invalid` when the configuration contradicts itself; `Internal` when the policies of rights cannot be evaluated;
    /// `Unavailable` before the first migration.
    pub async fn new(
        config: Config,
        store: Store,
        catalogue: impl Into<LiveCatalogue>,
    ) -> Result<Self> {
        let catalogue = catalogue.into();
        config.check()?;
        rights::prepare()?;
        let passwords = store.deployment(Authority::SignIn).await?.passwords()?;
        Ok(Self(Arc::new(Inner {
            hashing: Hashing::new(Arc::new(passwords)),
            under_way: UnderWay::default(),
            store,
            config,
            catalogue,
        })))
    }

    /// The session a cookie's token belongs to.
    ///
    /// # Errors
    /// `Unauthenticated` with code `signed_out`.
    pub async fn session(&self, token: &Secret<String>) -> Result<Session> {
        let session = self.store().session(token).await?;
        Ok(match self.0.config.second_factor {
            SecondFactor::Admins => session,
            SecondFactor::Offered => session.without_second_factor(),
        })
    }

    /// The person inside one of their organizations.
    ///
    /// # Errors
    /// `NotFound` when there is no such organization or they are not a member; `Forbidden` with code
    /// `second_factor_required` or `session_too_old` when the organization asks for more than this session has shown.
    pub async fn enter(&self, session: &Session, slug: &str) -> Result<Scope> {
        self.store().enter(session, slug).await
    }

    /// The scope of an API key or admin key as presented by a caller. Answers from memory.
    ///
    /// # Errors
    /// `Unauthenticated` with code `invalid_key`, `key_revoked` or `key_expired`.
    pub fn api_key(&self, presented: &str) -> Result<Scope> {
        let key = api_key::parse(&self.0.config.key_prefix, presented).ok_or_else(|| {
            Error::unauthenticated("This API key does not exist.").with_code("invalid_key")
        })?;
        self.store().api_key(&key)
    }

    /// Refuses an API key that was not given `scope`; people and admin keys have none.
    ///
    /// # Errors
    /// `Forbidden` with code `scope_missing`.
    pub fn key_scope(scope: &Scope, wanted: KeyScope) -> Result<()> {
        rights::require_key_scope(scope, wanted)
    }

    fn store(&self) -> &Store {
        &self.0.store
    }

    fn clock(&self) -> &Clock {
        self.0.store.clock()
    }

    async fn as_nobody(&self) -> Result<Deployment> {
        self.store().deployment(Authority::SignIn).await
    }

    async fn as_self(&self, session: &Session) -> Result<Deployment> {
        self.store().deployment(Authority::Account(session)).await
    }
}

/// What is absent, as a value.
fn optional<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
