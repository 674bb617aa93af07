//! The registry: every control this deployment answers for, read from `controls/*.toml`.
//!
//! Ids are permanent; any change of wording or parameter raises `rev`, and evidence for an older one stops counting.

mod change;
mod control;
mod files;
mod value;

use std::collections::BTreeMap;

pub use change::{Change, changes};
pub use control::{
    Area, Attested, Binding, Control, Enforced, Gate, Kind, Lifecycle, Mapping, Planned, Probed,
    Relation,
};
pub use value::{
    ControlId, Day, Direction, Param, ParamValue, PlannedKind, ProbeId, Quarter, Reach, Severity,
    Span, Vantage,
};

use crate::Digest;

/// Why a set of control files was refused.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("controls/{file}.toml: {source}")]
    Parse { file: String, source: toml::de::Error },
    #[error("controls/{file}.toml: the id must equal the file's name")]
    Name { file: String },
    #[error("{0}: {1}")]
    Control(ControlId, &'static str),
    #[error("the registry cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// An immutable set of controls with the digest of its published form.
#[derive(Clone, Debug)]
pub struct Registry {
    areas: Vec<Area>,
    places: BTreeMap<ControlId, (usize, usize)>,
    json: Vec<u8>,
    digest: Digest,
}

impl Registry {
    /// The registry this build ships.
    ///
    /// # Errors
    /// A file is malformed; a test keeps that from being released.
    pub fn shipped() -> Result<Self, RegistryError> {
        Self::parse(files::SHIPPED.iter().copied())
    }

    /// Parses `(file stem, text)` pairs in the order in which a page shows them. The first problem refuses the set.
    ///
    /// # Errors
    /// Malformed TOML, an unknown field, a repeated id, or a control that could never be shown to fail.
    pub fn parse<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, RegistryError> {
        let mut areas = Vec::new();
        for (stem, text) in files {
            let area: Area = toml::from_str(text)
                .map_err(|source| RegistryError::Parse { file: stem.to_owned(), source })?;
            if area.id != stem {
                return Err(RegistryError::Name { file: stem.to_owned() });
            }
            areas.push(area);
        }
        Self::of(areas)
    }

    /// Reads the published form back.
    ///
    /// # Errors
    /// As for [`Registry::parse`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, RegistryError> {
        Self::of(serde_json::from_slice(bytes)?)
    }

    fn of(areas: Vec<Area>) -> Result<Self, RegistryError> {
        let mut places = BTreeMap::new();
        for (at, area) in areas.iter().enumerate() {
            for (index, control) in area.controls.iter().enumerate() {
                control.check().map_err(|what| RegistryError::Control(control.id.clone(), what))?;
                if places.insert(control.id.clone(), (at, index)).is_some() {
                    return Err(RegistryError::Control(control.id.clone(), "appears twice"));
                }
            }
        }
        let json = serde_json::to_vec(&areas)?;
        let digest = Digest::of(&json);
        Ok(Self { areas, places, json, digest })
    }

    #[must_use]
    pub fn areas(&self) -> &[Area] {
        &self.areas
    }

    #[must_use]
    pub fn control(&self, id: &ControlId) -> Option<&Control> {
        let (area, index) = self.places.get(id)?;
        self.areas.get(*area)?.controls.get(*index)
    }

    /// All controls in the order of the page.
    pub fn controls(&self) -> impl Iterator<Item = &Control> {
        self.areas.iter().flat_map(|area| &area.controls)
    }

    /// The published form: the exact bytes that [`Registry::digest`] names.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

#[cfg(test)]
mod tests;
