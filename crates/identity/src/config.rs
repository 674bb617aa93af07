//! The `[identity]` section of the configuration.

use std::time::Duration;

use domain::{Error, Result};
use serde::{Deserialize, Serialize};
use vault::api_key;

/// Who may found an organization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrganizationCreators {
    #[default]
    Operators,
    /// Everybody with an account.
    Everybody,
}

/// Who may register a model server inside the own network, such as Ollama or vLLM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrivateProviders {
    /// Operators, and admin keys that an operator created.
    #[default]
    Operators,
    /// Admins of any organization. Only where they are trusted with everything that this machine can reach.
    Admins,
    Nobody,
}

/// Whom rights ask for a second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondFactor {
    /// Operators, admins and owners, and owners of projects; others as they like.
    #[default]
    Admins,
    /// Nobody has to; for installations to try things out.
    Offered,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Begins every API key; two to eight lower-case letters.
    pub key_prefix: String,
    pub organization_creators: OrganizationCreators,
    pub private_providers: PrivateProviders,
    pub second_factor: SecondFactor,
    /// Whether people can sign in with a code that is sent to them, where letters can be sent at all.
    pub email_codes: bool,
    /// Wrong passwords for one account within the window before further attempts are refused.
    pub failures_per_account: u32,
    /// Wrong passwords from one network address within the window.
    pub failures_per_address: u32,
    /// Minutes.
    pub failure_window: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            key_prefix: api_key::DEFAULT_PREFIX.to_owned(),
            organization_creators: OrganizationCreators::default(),
            private_providers: PrivateProviders::default(),
            second_factor: SecondFactor::default(),
            email_codes: true,
            failures_per_account: 10,
            failures_per_address: 60,
            failure_window: 15,
        }
    }
}

impl Config {
    /// # Errors
    /// `Invalid` with a sentence that says what to change.
    pub fn check(&self) -> Result<()> {
        if !api_key::is_prefix(&self.key_prefix) {
            return Err(Error::invalid(
                "identity.key_prefix must have two to eight lower-case letters.",
            ));
        }
        let budgets = [self.failures_per_account, self.failures_per_address, self.failure_window];
        if budgets.contains(&0) {
            return Err(Error::invalid(
                "identity.failures_per_account, failures_per_address and failure_window must be at least 1.",
            ));
        }
        Ok(())
    }

    pub(crate) fn window(&self) -> Duration {
        Duration::from_secs(u64::from(self.failure_window) * 60)
    }
}
