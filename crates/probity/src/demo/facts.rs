//! The file that `--demo-json` names, in the contract's shape.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use domain::{Error, Result};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct Facts {
    base_url: String,
    openai_base_url: String,
    anthropic_base_url: String,
    operator: Operator,
    organizations: Vec<Organization>,
    sandbox: Twin,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Operator {
    pub(super) email: String,
    pub(super) password: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Organization {
    pub(super) id: String,
    pub(super) slug: String,
    pub(super) projects: Vec<Project>,
    pub(super) users: Vec<Person>,
    pub(super) admin_key: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Project {
    pub(super) id: String,
    pub(super) slug: String,
    pub(super) api_key: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) email: String,
    pub(super) password: String,
    pub(super) role: String,
}

/// The sandbox provider, for tests that look at what it received.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Twin {
    pub(super) base_url: String,
    pub(super) inspect_url: String,
}

impl Facts {
    pub(super) fn new(operator: Operator, organizations: Vec<Organization>) -> Self {
        Self {
            base_url: String::new(),
            openai_base_url: String::new(),
            anthropic_base_url: String::new(),
            operator,
            organizations,
            sandbox: Twin::default(),
        }
    }

    /// E-mail and password of the operator.
    pub(super) fn operator(&self) -> (String, String) {
        (self.operator.email.clone(), self.operator.password.clone())
    }

    pub(super) fn organizations(&self) -> &[Organization] {
        &self.organizations
    }

    /// The same facts for the addresses of this start.
    pub(super) fn at(self, base_url: &str, sandbox: Twin) -> Self {
        Self {
            base_url: base_url.to_owned(),
            openai_base_url: format!("{base_url}/v1"),
            anthropic_base_url: base_url.to_owned(),
            sandbox,
            ..self
        }
    }

    pub(super) fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(file).ok()?).ok()
    }

    /// Only its owner may read it: it holds keys.
    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(Error::internal)?;
        let beside = file.with_extension("json.new");
        let mut new = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&beside)
            .map_err(|error| cannot(file, &error))?;
        new.write_all(&text).map_err(|error| cannot(file, &error))?;
        std::fs::rename(&beside, file).map_err(|error| cannot(file, &error))
    }
}

fn cannot(file: &Path, error: &std::io::Error) -> Error {
    Error::invalid(format!("{} cannot be written: {error}.", file.display()))
}
