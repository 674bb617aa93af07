//! The catalogue: what the binary carries, with the operator's own files on top. A version that is not right never
//! takes effect: at a start the overlays that were last right are used instead, while running the version in force stays.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use domain::{Catalogue, CatalogueState, Error, LiveCatalogue, Result};
use store::{CatalogueVersion, Store};

use crate::config::CatalogueSection;

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/catalog.rs"));

/// No overlay is larger, in bytes.
const LARGEST: u64 = 4 << 20;

/// Overlays by name, as text.
pub(crate) type Overlays = BTreeMap<String, String>;

/// The shipped catalogue with `overlays` on top.
///
/// # Errors
/// `Invalid` with the file and what is wrong with it.
pub(crate) fn laid(overlays: &Overlays) -> Result<Catalogue> {
    let over = overlays.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    Catalogue::overlaid(FILES.iter().copied(), over).map_err(|error| {
        let says = error.to_string();
        Error::invalid(format!("Catalogue: {}", says.trim_end())).with_code("invalid_catalogue")
    })
}

/// The shipped catalogue by itself.
///
/// # Errors
/// `Invalid`, never in practice.
pub(crate) fn load() -> Result<Catalogue> {
    laid(&Overlays::new())
}

/// The files of a directory that are meant: `NAME.toml`.
///
/// # Errors
/// `Invalid` when the directory or one of them cannot be read.
pub(crate) fn read(directory: Option<&Path>) -> Result<Overlays> {
    let Some(directory) = directory else { return Ok(Overlays::new()) };
    let unreadable = |path: &Path, error: std::io::Error| {
        Error::invalid(format!("Catalogue: {} cannot be read: {error}.", path.display()))
            .with_code("invalid_catalogue")
    };
    let mut overlays = Overlays::new();
    for entry in fs::read_dir(directory).map_err(|error| unreadable(directory, error))? {
        let path = entry.map_err(|error| unreadable(directory, error))?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_none_or(|kind| kind != "toml") || stem.starts_with('.') {
            continue;
        }
        let size = fs::metadata(&path).map_err(|error| unreadable(&path, error))?.len();
        if size > LARGEST {
            return Err(Error::invalid(format!("Catalogue: {} is too large.", path.display()))
                .with_code("invalid_catalogue"));
        }
        overlays.insert(stem, fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?);
    }
    Ok(overlays)
}

/// The version in force and what came of the last attempt to load another. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shelf(Arc<Inner>);

struct Inner {
    live: LiveCatalogue,
    overlays: Option<PathBuf>,
    notice: Duration,
    store: Store,
    /// Loads take turns.
    turn: tokio::sync::Mutex<()>,
}

impl Shelf {
    /// Loads the catalogue at a start and announces what is new in it.
    ///
    /// # Errors
    /// `Invalid` when the overlays are wrong and none were ever right; `Unavailable` when nothing can be announced.
    pub(crate) async fn open(section: &CatalogueSection, store: &Store) -> Result<Self> {
        let directory = section.overlays.clone();
        let read = read(directory.as_deref()).and_then(|found| Ok((laid(&found)?, found)));
        let (catalogue, overlays, problem) = match read {
            Ok((catalogue, overlays)) => (catalogue, overlays, None),
            Err(error) => {
                let last = store.catalogue_overlays().await?;
                if last.is_empty() {
                    return Err(error);
                }
                tracing::error!("{error} The overlays that were last right are used.");
                (laid(&last)?, last, Some(error.to_string()))
            }
        };
        let notice = Duration::from_secs(u64::from(section.notice_days) * 86_400);
        let shelf = Self(Arc::new(Inner {
            live: LiveCatalogue::default(),
            overlays: directory,
            notice,
            store: store.clone(),
            turn: tokio::sync::Mutex::default(),
        }));
        shelf.put(catalogue, &overlays).await?;
        if let Some(problem) = problem {
            shelf.0.live.keep(problem);
        }
        Ok(shelf)
    }

    pub(crate) fn live(&self) -> LiveCatalogue {
        self.0.live.clone()
    }

    /// Reads the overlays again. What is wrong with them changes nothing.
    ///
    /// # Errors
    /// As [`laid`] and [`read`] say.
    pub(crate) async fn reload(&self) -> Result<String> {
        let _turn = self.0.turn.lock().await;
        let directory = self.0.overlays.clone();
        let found = read(directory.as_deref()).and_then(|found| Ok((laid(&found)?, found)));
        let loaded = match found {
            Ok((catalogue, overlays)) => self.put(catalogue, &overlays).await,
            Err(error) => Err(error),
        };
        loaded.inspect_err(|error| {
            tracing::error!("{error} The catalogue in force stays.");
            self.0.live.keep(error.to_string());
        })
    }

    /// Announces what is new before anybody can use it, then puts the version in force.
    async fn put(&self, catalogue: Catalogue, overlays: &Overlays) -> Result<String> {
        let inner = &self.0;
        let version = CatalogueVersion { catalogue: &catalogue, overlays, notice: inner.notice };
        let news = inner.store.catalogue_announce(version).await?;
        let lost = catalogue.unpriced_since(&inner.live.current());
        for model in &lost {
            tracing::warn!(model, "the price is unknown from now on: requests show no cost");
        }
        let digest = |text: &String| hex(&vault::sha256(text.as_bytes()));
        let files = overlays.iter().map(|(name, text)| (format!("{name}.toml"), digest(text)));
        let announced = news.iter().filter(|one| one.provider != domain::DRILL).count();
        let says = said(&catalogue, announced, &lost);
        let state = CatalogueState {
            loaded: Some(inner.store.clock().now()),
            files: files.collect(),
            unpriced: lost,
            problem: None,
        };
        inner.live.replace(catalogue, state);
        Ok(says)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn said(catalogue: &Catalogue, announced: usize, lost: &[String]) -> String {
    let mut says = format!(
        "The catalogue is in force: {} providers; announced changes: {announced}.",
        catalogue.providers().count()
    );
    if !lost.is_empty() {
        says.push_str(&format!(" Prices unknown from now on: {}.", lost.join(", ")));
    }
    says
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Catalogue {
        laid(&Overlays::new()).unwrap()
    }

    /// The companies that the register promises, the sandbox and Vertex beside Gemini.
    const PROMISED: usize = 34 + 2;

    #[test]
    fn every_promised_provider_is_there() {
        let catalogue = shipped();
        let ids: Vec<&str> = catalogue.providers().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids.len(), PROMISED, "{ids:?}");
        let callable = catalogue.providers().filter(|entry| entry.callable().next().is_some());
        assert!(callable.count() >= 31);
    }

    /// One key serves all that it does; a server that only ranks has no conversations.
    #[test]
    fn cohere_is_called_in_its_own_format() {
        let catalogue = shipped();
        let at = |catalog, base_url| identity::Registered {
            catalog,
            protocol: domain::Protocol::Cohere,
            base_url,
            region: None,
            allow_private: false,
            contract: "standard",
            contract_until: None,
            terms: None,
            baa: None,
        };
        use domain::Protocol::{Cohere, Embeddings, Rerank};
        let entry = catalogue.provider("cohere").unwrap();
        let first = entry.callable().next().unwrap();
        assert_eq!(entry.protocol_of(first), Some(Cohere));
        let own = at("cohere", first.base_url.as_str());
        assert_eq!(own.formats(&catalogue), [Cohere]);
        assert_eq!(own.tasks(&catalogue), [Embeddings, Rerank]);
        let ranks = at("azure", "https://acme.services.ai.azure.com/providers/cohere/v2");
        assert_eq!(ranks.formats(&catalogue), []);
        assert_eq!(ranks.tasks(&catalogue), [Rerank]);
    }

    #[test]
    fn a_conversation_has_an_input_and_an_output_price_or_none() {
        let catalogue = shipped();
        for provider in catalogue.providers() {
            for (model, price) in provider.chat_models().map(|model| (&model.id, model.price)) {
                let whole =
                    price.is_none_or(|price| price.input.is_some() && price.output.is_some());
                assert!(whole, "{}/{model}: half a price", provider.id);
            }
        }
    }

    #[test]
    fn what_is_said_of_terms_can_be_looked_up() {
        for provider in shipped().providers().filter(|entry| entry.id != "sandbox") {
            for posture in &provider.postures {
                let source = posture.source.as_deref().unwrap_or("https://");
                assert!(source.starts_with("https://"), "{}: {source}", provider.id);
            }
        }
    }

    /// A store and a directory of overlays in one place.
    async fn place() -> (testkit::Backend, Store, CatalogueSection) {
        let backend = testkit::Backend::sqlite();
        let store = backend.open().await;
        let overlays = backend.directory().join("overlays");
        fs::create_dir(&overlays).unwrap();
        let section = CatalogueSection { overlays: Some(overlays), notice_days: 30 };
        (backend, store, section)
    }

    fn write(section: &CatalogueSection, name: &str, text: &str) {
        fs::write(section.overlays.as_ref().unwrap().join(name), text).unwrap();
    }

    const OWN: &str = "id = \"own\"\nname = \"Own\"\nlegal_entity = \"Own GmbH\"\ncountry = \"DE\"\n\
        family = \"openai\"\nauth = \"bearer\"\n[[endpoints]]\nid = \"de\"\n\
        base_url = \"https://models.own.example/v1\"\nregion = \"DE\"\nserves = [\"chat\"]\n[[postures]]\n";

    #[tokio::test]
    async fn overlays_are_loaded_while_running_and_what_is_new_waits() {
        let (_backend, store, section) = place().await;
        let shelf = Shelf::open(&section, &store).await.unwrap();
        let before = shelf.live().current();
        let now = store.clock().now();
        let gate = |register: &domain::Register| register.gate("own", Some("DE"), None, now);
        assert!(before.provider("own").is_none());
        write(&section, "own.toml", OWN);
        write(&section, "notes.txt", "not meant");
        let says = shelf.reload().await.unwrap();
        assert!(says.contains("announced changes: 1"), "{says}");
        assert!(before.provider("own").is_none(), "whoever holds a version keeps it");
        assert!(shelf.live().current().provider("own").is_some());
        let from = now.plus(Duration::from_secs(30 * 86_400));
        assert_eq!(gate(&store.register().await.unwrap()), domain::Gate::Until(from));
        assert_eq!(shelf.live().state().files.len(), 1);
        // The shipped ones were there from the beginning.
        let open = store.register().await.unwrap().gate("mistral", None, None, now);
        assert_eq!(open, domain::Gate::Open);
    }

    #[tokio::test]
    async fn a_wrong_overlay_changes_nothing_also_across_a_start() {
        let (_backend, store, section) = place().await;
        write(&section, "own.toml", OWN);
        let shelf = Shelf::open(&section, &store).await.unwrap();
        write(&section, "own.toml", &OWN.replace("country", "kountry"));
        let error = shelf.reload().await.unwrap_err().to_string();
        assert!(error.contains("overlay own.toml") && error.contains("kountry"), "{error}");
        assert!(shelf.live().current().provider("own").is_some());
        assert_eq!(shelf.live().state().problem.as_deref(), Some(error.as_str()));
        let again = Shelf::open(&section, &store).await.unwrap();
        assert!(again.live().current().provider("own").is_some());
        assert!(again.live().state().problem.is_some());
        write(&section, "own.toml", OWN);
        again.reload().await.unwrap();
        assert_eq!(again.live().state().problem, None);
    }

    #[tokio::test]
    async fn a_first_start_with_a_wrong_overlay_is_refused() {
        let (_backend, store, section) = place().await;
        write(&section, "own.toml", "id = 7");
        let error = Shelf::open(&section, &store).await.err().unwrap();
        assert_eq!(error.code(), "invalid_catalogue");
        let none = CatalogueSection { overlays: Some("/nowhere/at/all".into()), notice_days: 30 };
        assert!(Shelf::open(&none, &store).await.err().unwrap().to_string().contains("/nowhere"));
    }

    #[tokio::test]
    async fn a_price_that_is_withdrawn_is_said_and_not_zero() {
        let (_backend, store, section) = place().await;
        let shelf = Shelf::open(&section, &store).await.unwrap();
        let shipped = shelf.live().current();
        let model =
            shipped.provider("mistral").unwrap().models.iter().find(|one| one.price.is_some());
        let model = &model.unwrap().id;
        write(
            &section,
            "mistral.toml",
            &format!("[[models]]\nid = \"{model}\"\nprice = \"unknown\""),
        );
        let says = shelf.reload().await.unwrap();
        assert!(says.contains(&format!("mistral/{model}")), "{says}");
        assert!(shelf.live().current().prices("mistral", model).is_none());
    }
}
