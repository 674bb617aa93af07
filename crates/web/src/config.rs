//! The `[web]` section of the configuration.

use serde::{Deserialize, Serialize};

/// Every field has a default that works on a laptop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Largest request body of the data plane, in bytes.
    pub body_bytes: usize,
    /// How long running requests may take to end after a stop was asked for, in seconds.
    pub drain_seconds: u64,
    /// Proxies whose word about their clients counts, and that may connect in clear: networks such as `10.20.0.7/32`.
    pub trusted_proxies: Vec<String>,
    /// Who runs this installation, for the public pages.
    pub operated_by: Option<String>,
    /// Where to report a vulnerability: `mailto:` or `https:`.
    pub security_contact: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            drain_seconds: 30,
            trusted_proxies: Vec::new(),
            operated_by: None,
            security_contact: None,
        }
    }
}
