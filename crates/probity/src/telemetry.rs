//! Structured logs, to standard error. They carry ids and codes, never content.

use domain::{Error, Result};
use tracing_subscriber::EnvFilter;

use crate::config::LogSection;

pub(crate) fn start(section: &LogSection) -> Result<()> {
    let filter = EnvFilter::try_new(&section.filter).map_err(|_| {
        Error::invalid(format!("log.filter = {:?} is not a filter", section.filter))
    })?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if section.json { logs.json().try_init() } else { logs.try_init() }.map_err(Error::internal)
}
