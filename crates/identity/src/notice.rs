//! Sub-processors: what was announced, and what an organization decides about it.
//!
//! The organization is the controller and the operator its processor: a company that was not there before may be used
//! for an organization only after the notice period, unless the organization accepted it earlier, and never against its
//! objection. Registering a provider with a credential of one's own is such an acceptance.

use domain::{
    Action, Decision, Error, Event, Gate, Listing, Permission, Register, Result, Timestamp,
};
use store::{Decided, Scope};

use crate::{CUSTOM, Identity, Refusal, Registered, decide, egress::refusal};

/// What an organization can say about a sub-processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be used before its notice period ends.
    Accept,
    /// It may not be used.
    Object,
}

/// A sub-processor as an organization sees it.
#[derive(Clone, Debug)]
pub struct Subprocessor {
    pub listing: Listing,
    pub decided: Option<Decided>,
    /// Whether requests of this organization may go there now, wherever it processes them.
    pub gate: Gate,
    /// Whether the organization has registered a credential for it.
    pub registered: bool,
}

/// What speaks against a provider because of its notice.
#[must_use]
pub const fn notice_refusal(gate: Gate) -> Option<Refusal> {
    Some(match gate {
        Gate::Open => return None,
        Gate::Until(at) => Refusal {
            until: Some(at),
            ..refusal(
                "notice_period",
                "was announced and may not be used without your consent before",
            )
        },
        Gate::NotAnnounced => {
            refusal("not_announced", "was never announced as a sub-processor here")
        }
        Gate::Objected => refusal("objected", "was objected to by your organization"),
    })
}

impl Registered<'_> {
    /// Whether its notice lets requests through. A server of the organization's own choice is no sub-processor.
    #[must_use]
    pub fn gate(&self, register: &Register, decision: Option<Decision>, now: Timestamp) -> Gate {
        if self.catalog == CUSTOM {
            return Gate::Open;
        }
        register.gate(self.catalog, self.region, decision, now)
    }
}

impl Identity {
    /// Everything on the register, by name, with what the organization decided.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot say.
    pub async fn subprocessors_list(&self, scope: &Scope) -> Result<Vec<Subprocessor>> {
        decide(scope, Permission::ProvidersRead, None)?;
        let (register, now) = (self.store().register().await?, self.clock().now());
        let mut read = self.store().read(scope).await?;
        let decisions = read.subprocessor_decisions().await?;
        let registered = read.providers_list().await?;
        let one = |listing: &Listing| {
            let decided = decisions.get(&listing.provider).copied();
            let decision = decided.map(|decided| decided.decision);
            Subprocessor {
                gate: register.gate(&listing.provider, None, decision, now),
                registered: registered.iter().any(|one| one.catalog == listing.provider),
                listing: listing.clone(),
                decided,
            }
        };
        let mut all: Vec<_> = register.listings().map(one).collect();
        all.sort_by_key(|one| one.listing.sheet.name.to_lowercase());
        Ok(all)
    }

    /// Accepts a sub-processor as it was announced so far, or objects to it; in place of what was decided before.
    ///
    /// # Errors
    /// `NotFound` when it is not on the register.
    pub async fn subprocessor_decide(
        &self,
        scope: &Scope,
        provider: &str,
        verdict: Verdict,
    ) -> Result<()> {
        decide(scope, Permission::ProvidersManage, None)?;
        let revision = self.listed(provider).await?;
        let (decision, action) = match verdict {
            Verdict::Accept => (Decision::Accepted { revision }, Action::SubprocessorAccept),
            Verdict::Object => (Decision::Objected, Action::SubprocessorObject),
        };
        let mut write = self.store().write(scope).await?;
        write.subprocessor_decide(provider, Some(decision)).await?;
        let event = Event::new(action).on("subprocessor", provider).fact("revision", revision);
        write.commit(event).await.map(drop)
    }

    /// Takes a decision back: then the notice period counts again.
    ///
    /// # Errors
    /// `NotFound` when nothing was decided.
    pub async fn subprocessor_withdraw(&self, scope: &Scope, provider: &str) -> Result<()> {
        decide(scope, Permission::ProvidersManage, None)?;
        let mut write = self.store().write(scope).await?;
        if !write.subprocessor_decide(provider, None).await? {
            return Err(Error::not_found("decision"));
        }
        let event = Event::new(Action::SubprocessorWithdraw).on("subprocessor", provider);
        write.commit(event).await.map(drop)
    }

    async fn listed(&self, provider: &str) -> Result<u32> {
        let register = self.store().register().await?;
        let listing = register.listing(provider);
        listing.map(|known| known.revision).ok_or_else(|| Error::not_found("sub-processor"))
    }

    /// The revision that is accepted by registering a provider; nothing for a server of one's own choice.
    pub(crate) async fn accepts(&self, scope: &Scope, catalog: &str) -> Result<Option<u32>> {
        if catalog == CUSTOM {
            return Ok(None);
        }
        let decisions = self.store().read(scope).await?.subprocessor_decisions().await?;
        if decisions.get(catalog).is_some_and(|known| known.decision == Decision::Objected) {
            return Err(Error::conflict(
                "Your organization objected to this sub-processor. Withdraw the objection first.",
            )
            .with_code("objected"));
        }
        self.listed(catalog).await.map(Some)
    }
}
