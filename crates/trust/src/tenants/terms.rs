//! Providers whose contract or terms probes are about. Most of them could not be registered through the API: they are
//! put below it, as a mistake or somebody with a hand in the database would.

use domain::{Catalogue, Posture, Protocol, ProviderEntry, STANDARD_CONTRACT, StatedTerms};
use store::NewProvider;

use crate::{
    probe::places::{SILENT, TERM, TERMED, TRAINS, UNCONTRACTED, UNLISTED, opted},
    wire::Abroad,
};

/// The company that one of them stands for, at an address that is not its own.
const COMPANY: &str = "deepseek";
/// Nobody is reached under it (RFC 6761).
const NOBODYS: &str = "https://models.unlisted.example/v1";

/// All of them, `like` another one but for what they are about.
pub(super) fn all(catalogue: &Catalogue, abroad: &Abroad, like: &NewProvider) -> Vec<NewProvider> {
    let at = |name: &str, catalog: &str, base_url: &str| NewProvider {
        name: name.to_owned(),
        catalog: catalog.to_owned(),
        base_url: base_url.to_owned(),
        models: vec![TERMED.to_owned()],
        region: Some("SE".to_owned()),
        ..like.clone()
    };
    let trains = StatedTerms { trains: Some(true), retention_days: Some(0) };
    let mut all = vec![
        NewProvider {
            contract: Some("nobodys-2025".to_owned()),
            ..at(UNCONTRACTED, "sandbox", &abroad.far)
        },
        NewProvider { allow_private: false, ..at(UNLISTED, COMPANY, NOBODYS) },
        NewProvider { terms: Some(trains), ..at(TRAINS, "custom", &abroad.far) },
        NewProvider { terms: None, ..at(SILENT, "custom", &abroad.far) },
        at(TERM, "sandbox", &abroad.far),
    ];
    let opted = catalogue.providers().flat_map(|entry| {
        let terms = entry.postures.iter().filter_map(|posture| Opted::of(entry, posture));
        terms.collect::<Vec<_>>()
    });
    all.extend(opted.map(|one| NewProvider {
        protocol: one.protocol,
        contract: one.contract.clone(),
        terms: None,
        ..at(&one.name(), &one.catalog, &abroad.near)
    }));
    all
}

/// Terms of a provider that hold only while a request sets certain parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opted {
    pub(crate) catalog: String,
    pub(crate) contract: Option<String>,
    pub(crate) protocol: Protocol,
    pub(crate) set: serde_json::Value,
}

impl Opted {
    /// `None` for a posture that sets nothing, or that depends on an address or a model: a twin has neither.
    pub(crate) fn of(entry: &ProviderEntry, posture: &Posture) -> Option<Self> {
        let when = &posture.when;
        let open = when.endpoint.is_none() && when.model.is_none() && when.region.is_none();
        let all = [Protocol::OpenAi, Protocol::OpenAiResponses, Protocol::Anthropic];
        let protocol = match when.serves {
            None => Protocol::OpenAi,
            Some(serves) => all.into_iter().find(|protocol| protocol.serves() == serves)?,
        };
        (open && !posture.set.is_empty()).then(|| Self {
            catalog: entry.id.clone(),
            contract: when.contract.clone().filter(|name| name != STANDARD_CONTRACT),
            protocol,
            set: serde_json::to_value(&posture.set).unwrap_or_default(),
        })
    }

    /// The name under which it is registered.
    pub(crate) fn name(&self) -> String {
        opted(&self.catalog, self.contract.as_deref(), self.protocol.as_str())
    }
}
