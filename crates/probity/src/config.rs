//! Settings: one TOML file, environment variables above it, the command line above both.
//! Each crate owns its section; unknown keys are errors.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use domain::{Error, Result, Secret};
use figment::{
    Figment, Metadata,
    providers::{Env, Format, Toml},
};
use serde::Deserialize;

use crate::{
    cli::{Place, Serve},
    traces::TelemetrySection,
};

/// Bytes that `sun_path` holds, less its end.
const SOCKET_PATH_LIMIT: usize = 107;

/// As written. `Settings` is what the rest of the program sees.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Address to listen on. Loopback only unless TLS or the proxy in front is configured.
    pub(crate) listen: SocketAddr,
    /// Data directory.
    pub(crate) data: PathBuf,
    /// Root-key file, outside the data directory.
    pub(crate) root_key: PathBuf,
    /// The address people use, when a proxy on this machine stands in front.
    pub(crate) public_url: Option<String>,
    pub(crate) store: StoreSection,
    pub(crate) storage: StorageSection,
    pub(crate) identity: identity::Config,
    pub(crate) gateway: gateway::GatewayConfig,
    pub(crate) egress: egress::Config,
    pub(crate) web: web::Config,
    pub(crate) tls: web::TlsConfig,
    pub(crate) log: LogSection,
    pub(crate) telemetry: TelemetrySection,
    pub(crate) catalogue: CatalogueSection,
    pub(crate) mail: courier::Config,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StoreSection {
    /// `sqlite:` with a path, or `postgres://…`; empty means `probity.db` in the data directory.
    pub(crate) url: Secret<String>,
    /// The owner role's URL, for migrations on PostgreSQL; empty means `url`.
    pub(crate) migrate_url: Option<Secret<String>>,
    pub(crate) max_connections: u32,
    /// Page cache per SQLite connection, in MiB.
    pub(crate) cache_mb: u32,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StorageSection {
    /// Where data may be kept besides this machine: networks such as `10.20.0.0/16`.
    pub(crate) networks: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CatalogueSection {
    /// A directory of files that add to the shipped catalogue or correct it.
    pub(crate) overlays: Option<PathBuf>,
    /// How long a sub-processor that was not there before is announced before it may be used, in days.
    pub(crate) notice_days: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogSection {
    /// A tracing filter, such as `info` or `warn,gateway=debug`.
    pub(crate) filter: String,
    pub(crate) json: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from("var/data"),
            root_key: PathBuf::from("var/root.key"),
            public_url: None,
            store: StoreSection::default(),
            storage: StorageSection::default(),
            identity: identity::Config::default(),
            gateway: gateway::GatewayConfig::default(),
            egress: egress::Config::default(),
            web: web::Config::default(),
            tls: web::TlsConfig::default(),
            log: LogSection::default(),
            telemetry: TelemetrySection::default(),
            catalogue: CatalogueSection::default(),
            mail: courier::Config::default(),
        }
    }
}

impl Default for StoreSection {
    fn default() -> Self {
        let inner = store::Config::default();
        Self {
            url: Secret::new(String::new()),
            migrate_url: None,
            max_connections: inner.max_connections,
            cache_mb: inner.cache_mb,
        }
    }
}

impl Default for CatalogueSection {
    fn default() -> Self {
        Self { overlays: None, notice_days: 30 }
    }
}

impl Default for LogSection {
    fn default() -> Self {
        Self { filter: "info,sea_orm_migration=warn".to_owned(), json: false }
    }
}

impl Config {
    /// Reads defaults, file and environment, and lays the command line's values on top.
    pub(crate) fn load(place: &Place, serve: Option<&Serve>) -> Result<Self> {
        let written = figment(place)?;
        let mut config: Self = written.extract().map_err(explain)?;
        // Whoever looks at the demo has no authenticator app for its made-up people.
        let demo = serve.is_some_and(|serve| serve.demo);
        if demo && written.find_value("identity.second_factor").is_err() {
            config.identity.second_factor = identity::SecondFactor::Offered;
        }
        if let Some(data) = &place.data {
            config.data.clone_from(data);
        }
        if let Some(key) = &place.root_key {
            config.root_key.clone_from(key);
        }
        if let Some(listen) = serve.and_then(|serve| serve.listen) {
            config.listen = listen;
        }
        config.check()?;
        Ok(config)
    }

    pub(crate) fn store(&self) -> store::Config {
        let url = if self.store.url.expose().is_empty() {
            Secret::new(format!("sqlite:{}", self.data.join("probity.db").display()))
        } else {
            self.store.url.clone()
        };
        store::Config {
            url,
            migrate_url: self.store.migrate_url.clone(),
            data_dir: self.data.clone(),
            root_key: self.root_key.clone(),
            max_connections: self.store.max_connections,
            cache_mb: self.store.cache_mb,
        }
    }

    /// Every setting with its effective value; secrets are hidden.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        let hidden = |set: bool| if set { "(hidden)".to_owned() } else { String::new() };
        let optional = |value: &Option<String>| value.clone().unwrap_or_default();
        let path = |path: Option<&PathBuf>| {
            path.map(|path| path.display().to_string()).unwrap_or_default()
        };
        let (store, identity, gateway) = (&self.store, &self.identity, &self.gateway);
        let limit = |most: Option<u64>| most.map(|most| most.to_string()).unwrap_or_default();
        let requests = limit(gateway.requests_per_minute.map(u64::from));
        let concurrent = limit(gateway.concurrent_requests.map(u64::from));
        let mut rows = vec![
            ("listen", self.listen.to_string()),
            ("data", self.data.display().to_string()),
            ("root_key", self.root_key.display().to_string()),
            ("public_url", optional(&self.public_url)),
            ("store.url", hidden(!store.url.expose().is_empty())),
            ("store.migrate_url", hidden(store.migrate_url.is_some())),
            ("store.max_connections", store.max_connections.to_string()),
            ("store.cache_mb", store.cache_mb.to_string()),
            ("storage.networks", self.storage.networks.join(", ")),
            ("identity.key_prefix", identity.key_prefix.clone()),
            ("identity.organization_creators", word(&identity.organization_creators)),
            ("identity.private_providers", word(&identity.private_providers)),
            ("identity.second_factor", word(&identity.second_factor)),
            ("identity.email_codes", identity.email_codes.to_string()),
            ("identity.failures_per_account", identity.failures_per_account.to_string()),
            ("identity.failures_per_address", identity.failures_per_address.to_string()),
            ("identity.failure_window", identity.failure_window.to_string()),
            ("gateway.connect_ms", gateway.connect_ms.to_string()),
            ("gateway.first_token_ms", gateway.first_token_ms.to_string()),
            ("gateway.stall_ms", gateway.stall_ms.to_string()),
            ("gateway.total_ms", gateway.total_ms.to_string()),
            ("gateway.attempts", gateway.attempts.to_string()),
            ("gateway.backoff_ms", gateway.backoff_ms.to_string()),
            ("gateway.retry_after_ms", gateway.retry_after_ms.to_string()),
            ("gateway.circuit_failures", gateway.circuit_failures.to_string()),
            ("gateway.circuit_ms", gateway.circuit_ms.to_string()),
            ("gateway.hedge_percent", gateway.hedge_percent.to_string()),
            ("gateway.requests_per_minute", requests),
            ("gateway.tokens_per_minute", limit(gateway.tokens_per_minute)),
            ("gateway.concurrent_requests", concurrent),
            ("gateway.budget_output_tokens", gateway.budget_output_tokens.to_string()),
            ("gateway.counters", gateway.counters.says()),
            ("gateway.batch_at_once", gateway.batch_at_once.to_string()),
            ("gateway.batch_lines", gateway.batch_lines.to_string()),
            ("gateway.batch_bytes", gateway.batch_bytes.to_string()),
            ("gateway.realtime_minutes", gateway.realtime_minutes.to_string()),
            ("gateway.answer_bytes", gateway.answer_bytes.to_string()),
            ("gateway.event_bytes", gateway.event_bytes.to_string()),
            ("egress.idle_connections", self.egress.idle_connections.to_string()),
            ("egress.idle_seconds", self.egress.idle_seconds.to_string()),
            ("egress.h2_connections", self.egress.h2_connections.to_string()),
            ("egress.h2_streams", self.egress.h2_streams.to_string()),
            ("egress.extra_ca", path(self.egress.extra_ca.as_ref())),
            ("catalogue.overlays", path(self.catalogue.overlays.as_ref())),
            ("catalogue.notice_days", self.catalogue.notice_days.to_string()),
            ("mail.url", hidden(self.mail.url.is_some())),
            ("mail.password_file", path(self.mail.password_file.as_ref())),
            ("mail.from", optional(&self.mail.from)),
            ("log.filter", self.log.filter.clone()),
            ("log.json", self.log.json.to_string()),
            ("telemetry.otlp_url", optional(&self.telemetry.otlp_url)),
            ("telemetry.otlp_header", hidden(self.telemetry.otlp_header.is_some())),
            ("telemetry.sample_percent", self.telemetry.sample_percent.to_string()),
            ("telemetry.service_name", self.telemetry.service_name.clone()),
        ];
        rows.extend(self.edge_rows());
        rows
    }

    /// Of the side that faces people.
    fn edge_rows(&self) -> [(&'static str, String); 11] {
        let (web, tls) = (&self.web, &self.tls);
        let path = |path: Option<&PathBuf>| {
            path.map(|path| path.display().to_string()).unwrap_or_default()
        };
        [
            ("web.body_bytes", web.body_bytes.to_string()),
            ("web.drain_seconds", web.drain_seconds.to_string()),
            ("web.trusted_proxies", web.trusted_proxies.join(", ")),
            ("web.operated_by", web.operated_by.clone().unwrap_or_default()),
            ("web.security_contact", web.security_contact.clone().unwrap_or_default()),
            ("tls.mode", word(&tls.mode)),
            ("tls.certificate", path(tls.certificate.as_ref())),
            ("tls.key", path(tls.key.as_ref())),
            ("tls.names", tls.names.join(", ")),
            ("tls.allow_tls12", tls.allow_tls12.to_string()),
            ("tls.http_redirect", tls.http_redirect.map(|at| at.to_string()).unwrap_or_default()),
        ]
    }

    /// The control socket of a running server. Socket paths are short: a deep data directory gets one in the
    /// system's directory for temporary files, named after the data directory.
    pub(crate) fn control_socket(&self) -> PathBuf {
        let path = absolute(&self.data).join("control.sock");
        if path.as_os_str().len() < SOCKET_PATH_LIMIT {
            return path;
        }
        let name = vault::sha256(path.as_os_str().as_encoded_bytes());
        let tail: String = name.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        std::env::temp_dir().join(format!("probity-{tail}.sock"))
    }
}

/// A value as it stands in the file.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Defaults below, then the file, then `PROBITY__SECTION__KEY`.
pub(crate) fn figment(place: &Place) -> Result<Figment> {
    let mut figment = Figment::new();
    let named = place.config.as_deref();
    let file = named.unwrap_or(Path::new("probity.toml"));
    if file.exists() {
        figment = figment.merge(Toml::file_exact(file));
    } else if named.is_some() {
        return Err(Error::invalid(format!("There is no configuration file {}.", file.display())));
    }
    Ok(figment.merge(Env::prefixed("PROBITY__").split("__")))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn explain(error: figment::Error) -> Error {
    let place = error.metadata.as_ref().map(source_name).unwrap_or_default();
    let key = error.path.join(".");
    Error::invalid(format!(
        "Configuration{place}: {}{}{}",
        key,
        if key.is_empty() { "" } else { ": " },
        error.kind
    ))
}

/// Where a value came from, in words.
pub(crate) fn source_name(metadata: &Metadata) -> String {
    metadata
        .source
        .as_ref()
        .map_or_else(|| format!(" ({})", metadata.name), |source| format!(" ({source})"))
}

mod check;
#[cfg(test)]
mod tests;
