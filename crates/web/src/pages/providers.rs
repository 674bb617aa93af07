//! Provider credentials.

use askama::Template;

use crate::view::{Choice, Field, Problem, When};

#[derive(Clone, Debug)]
pub struct ProviderRow {
    pub id: String,
    pub href: String,
    pub name: String,
    pub address: String,
    pub format: String,
    pub entity: String,
    pub place: String,
    pub credential: String,
    pub trains: String,
    pub keeps: String,
    pub condition: String,
    pub source: Option<String>,
    pub read: String,
    /// What was agreed with it; empty for its ordinary terms.
    pub contract: String,
    /// Since when and until when a business associate agreement holds; empty where there is none.
    pub agreement: String,
    /// Why the organization's rules refuse it; empty when they do not.
    pub refused: String,
    pub created: When,
}

/// What the catalogue says about a provider.
#[derive(Clone, Debug)]
pub struct EntryRow {
    pub id: String,
    pub name: String,
    /// The company behind it, where somebody says which.
    pub entity: Option<String>,
    pub place: String,
    pub trains: String,
    pub keeps: String,
    /// What has to be agreed or switched on for that.
    pub condition: String,
    pub source: Option<String>,
    pub read: String,
    /// Whether an organization here has registered it.
    pub in_use: bool,
}

impl EntryRow {
    #[must_use]
    pub fn company(&self) -> &str {
        self.entity.as_deref().unwrap_or("not known")
    }
}

#[derive(Clone, Debug)]
pub struct ModelRow {
    pub id: String,
    pub input: String,
    pub cached: String,
    pub output: String,
}

#[derive(Debug, Template)]
#[template(path = "providers/index.html")]
pub struct Index {
    pub base: String,
    pub providers: Vec<ProviderRow>,
    pub may_manage: bool,
}

#[derive(Debug, Template)]
#[template(path = "providers/show.html")]
pub struct Show {
    pub base: String,
    pub provider: ProviderRow,
    pub models: Vec<ModelRow>,
    pub may_manage: bool,
}

#[derive(Debug, Template)]
#[template(path = "providers/choose.html")]
pub struct Choose {
    pub base: String,
    pub entries: Vec<EntryRow>,
}

/// The open part of an address.
#[derive(Clone, Debug)]
pub struct Blank {
    pub label: String,
    pub help: String,
    /// Whether every address of the provider has it.
    pub required: bool,
    pub field: Field,
}

/// What some providers want to know beside the secret.
#[derive(Clone, Debug)]
pub struct Part {
    pub name: &'static str,
    pub label: &'static str,
    pub help: &'static str,
    pub required: bool,
    pub field: Field,
}

#[derive(Debug, Template)]
#[template(path = "providers/new.html")]
pub struct New {
    pub base: String,
    pub heading: String,
    pub problems: Vec<Problem>,
    pub catalog: String,
    pub custom: bool,
    /// The provider's addresses, where there is more than one to choose from.
    pub endpoints: Vec<Choice>,
    /// What the organization fills into the provider's address; `None` where nothing is open.
    pub blank: Option<Blank>,
    /// Whether the provider does not say where it processes prompts.
    pub placeless: bool,
    /// What can be agreed with the provider besides its ordinary terms.
    pub contracts: Vec<Choice>,
    /// The last day of what was agreed.
    pub contract_until: Field,
    pub baa_signed: Field,
    pub baa_until: Field,
    /// What is said about a server of the organization's own choice.
    pub trains: Vec<Choice>,
    pub retention: Field,
    pub entry: Option<EntryRow>,
    pub name: Field,
    pub base_url: Field,
    pub protocols: Vec<Choice>,
    /// Whom the credential belongs to, where it does not say so itself.
    pub parts: Vec<Part>,
    pub secret: Field,
    pub secret_help: String,
    pub models: Field,
    pub region: Field,
    pub allow_private: bool,
}
