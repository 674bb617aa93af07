//! Data classes: every column and object has one; it decides encryption, retention and erasure.

use serde::{Deserialize, Serialize};

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, sealed: $sealed:literal, $what:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum DataClass { $($(#[$doc])* $name),* }

        impl DataClass {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable name, also the label of its data key.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// Whether each value is sealed on its own, on top of the encrypted database.
            #[must_use]
            pub const fn sealed(self) -> bool {
                match self { $(Self::$name => $sealed),* }
            }

            /// What it holds, in plain words for the trust page.
            #[must_use]
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$name => $what),* }
            }
        }
    };
}

classes! {
    /// Never stored for a request; kept under keys of their own in the files and batches that a project asks for.
    Prompt = "prompt", sealed: true, "What people and programs send to a model, and what it answers";
    Email = "email", sealed: true, "E-mail addresses of people";
    PersonName = "person_name", sealed: true, "Names of people";
    Password = "password", sealed: true, "Password hashes";
    /// Provider credentials and other secrets that must be recoverable.
    Credential = "credential", sealed: true, "Provider credentials; addresses and secrets of webhooks; seeds of authenticator apps";
    /// Gone once it was delivered or given up.
    Message = "message", sealed: true, "Letters and events on their way to people and webhooks";
    /// Personal values of audit events, erasable apart from the log.
    Disclosure = "audit_disclosure", sealed: true, "Personal details of audit events";
    /// Wrapped keys: ciphertext already.
    Key = "key", sealed: false, "Wrapped encryption keys";
    /// SHA-256 of random tokens and keys.
    Digest = "digest", sealed: false, "Hashes of random keys and session tokens, and keyed indexes";
    Name = "name", sealed: false, "Names of organizations, projects, keys and providers";
    Configuration = "configuration", sealed: false, "Settings, roles, model names and addresses of providers";
    Usage = "usage", sealed: false, "Token counts, models, costs and times of requests";
    Audit = "audit", sealed: false, "Audit entries without personal data, and their tree";
    Evidence = "evidence", sealed: false, "Results of probes";
    /// Ids and times that say nothing by themselves.
    Identifier = "identifier", sealed: false, "Ids, times, counters and states";
}
