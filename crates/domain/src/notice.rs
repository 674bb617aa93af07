//! The register of sub-processors: what was announced about each provider, when, and from when it may be used.
//!
//! Announcements are only ever added. Replaying them gives the register: each fact (company, country, region, company
//! behind it) is dated by the announcement that brought it, so that a new region holds up what would go to that region
//! and nothing else, and taking a fact away holds up nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{Catalogue, ProviderEntry, Timestamp};

/// A name in the register that stands for no company: the gate is tried on it. It is announced anew before its notice
/// ends, so that it is always too early to use it.
pub const DRILL: &str = "notice-drill";

/// A region that is not stated.
const NOT_STATED: &str = "not stated";

/// What is announced about a provider: what a controller has to know to object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    pub name: String,
    pub legal_entity: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub regions: BTreeSet<String>,
    /// Those of the regions that the name of a model stands for, whatever address it is asked at.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub places: BTreeSet<String>,
    /// Name and country of the companies behind it.
    pub subprocessors: BTreeSet<(String, String)>,
    /// Whether it sends requests on to companies of its own choice.
    pub chooses: bool,
}

impl From<&ProviderEntry> for Sheet {
    fn from(entry: &ProviderEntry) -> Self {
        let region = |region: Option<&String>| region.map_or(NOT_STATED, String::as_str).to_owned();
        let behind = entry.subprocessors.iter();
        let places: BTreeSet<String> = entry.places.iter().map(|one| one.place.clone()).collect();
        let regions = entry.endpoints.iter().map(|one| region(one.region.as_ref()));
        Self {
            name: entry.name.clone(),
            legal_entity: entry.legal_entity.clone(),
            country: entry.country.clone(),
            regions: regions.chain(places.iter().cloned()).collect(),
            places,
            subprocessors: behind.map(|one| (one.name.clone(), one.country.clone())).collect(),
            chooses: entry.chooses,
        }
    }
}

/// One fact of a sheet that must not be new to whoever it concerns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Company(Option<String>, String),
    Region(String),
    Behind(String, String),
    Chooses,
}

impl Part {
    /// For people, as the rest of a sentence about the provider.
    fn says(&self) -> String {
        match self {
            Self::Company(Some(entity), country) => format!("{entity} ({country}) runs it"),
            Self::Company(None, country) => format!("it is run from {country}"),
            Self::Region(region) if region == NOT_STATED => {
                "it does not state where requests are processed".to_owned()
            }
            Self::Region(region) => format!("requests may be processed in {region}"),
            Self::Behind(name, country) => format!("{name} ({country}) stands behind it"),
            Self::Chooses => "it sends requests on to companies of its own choice".to_owned(),
        }
    }
}

impl Sheet {
    fn parts(&self) -> BTreeSet<Part> {
        let company = Part::Company(self.legal_entity.clone(), self.country.clone());
        let regions = self.regions.iter().cloned().map(Part::Region);
        let behind = self.subprocessors.iter().cloned();
        regions
            .chain(behind.map(|(name, country)| Part::Behind(name, country)))
            .chain(self.chooses.then_some(Part::Chooses))
            .chain([company])
            .collect()
    }
}

/// Why something was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It was there when the register began.
    Installed,
    Added,
    /// Something is new about it: company, country, region, or a company behind it.
    Changed,
    /// Something is no longer so; nothing is new.
    Corrected,
    Removed,
}

impl Cause {
    const ALL: [Self; 5] =
        [Self::Installed, Self::Added, Self::Changed, Self::Corrected, Self::Removed];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Corrected => "corrected",
            Self::Removed => "removed",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == text)
    }

    /// Whether what it brings has to wait for the notice period.
    #[must_use]
    pub const fn waits(self) -> bool {
        matches!(self, Self::Added | Self::Changed)
    }
}

/// One row of the register. Rows are added, never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Its id in the catalogue.
    pub provider: String,
    /// From 1, per provider.
    pub revision: u32,
    pub cause: Cause,
    pub sheet: Sheet,
    pub announced: Timestamp,
    /// From when what is new in it may be used by those who did not accept it earlier.
    pub usable_from: Timestamp,
    /// What a change brought, for people. Not stored: it follows from the row before, where that is known.
    pub news: Vec<String>,
}

/// What an organization decided about a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Everything that was announced up to this revision may be used at once.
    Accepted {
        revision: u32,
    },
    Objected,
}

/// Whether a provider may be used now, as far as its notice is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    Open,
    /// Not before then.
    Until(Timestamp),
    /// Nobody announced it, so no date is known.
    NotAnnounced,
    Objected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dated {
    revision: u32,
    from: Timestamp,
}

/// A provider as it stands in the register now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    pub provider: String,
    pub sheet: Sheet,
    /// Of its newest announcement.
    pub revision: u32,
    /// When it was put on the list, this time.
    pub announced: Timestamp,
    /// When anything about it was last announced.
    pub changed: Timestamp,
    parts: BTreeMap<Part, Dated>,
}

impl Listing {
    /// From when all of it may be used by an organization that decided nothing.
    #[must_use]
    pub fn usable_from(&self) -> Timestamp {
        self.parts.values().map(|dated| dated.from).max().unwrap_or(self.changed)
    }

    fn since(&self, region: Option<&str>, accepted: u32) -> Option<Timestamp> {
        let known = region.filter(|region| self.sheet.regions.contains(*region));
        // Where nobody knows which region is meant, every one is.
        let touched = |part: &Part| match part {
            // A name may lead there from any region.
            Part::Region(one) if self.sheet.places.contains(one) => true,
            Part::Region(one) => known.is_none_or(|known| known == one),
            _ => true,
        };
        let new = self.parts.iter().filter(|(part, of)| of.revision > accepted && touched(part));
        new.map(|(_, dated)| dated.from).max()
    }
}

/// Everything that was announced, and what follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Register {
    listings: BTreeMap<String, Listing>,
    /// In the order in which it was announced, the drill left out.
    changes: Vec<Announcement>,
}

impl Register {
    /// `rows` of each provider in the order of their revisions.
    #[must_use]
    pub fn replay(rows: impl IntoIterator<Item = Announcement>) -> Self {
        let mut register = Self::default();
        for mut row in rows {
            row.news = register.new_in(&row.provider, &row.sheet);
            register.take(&row);
            if row.provider != DRILL {
                register.changes.push(row);
            }
        }
        register.changes.sort_by_key(|row| row.announced);
        register
    }

    fn take(&mut self, row: &Announcement) {
        let known = self.listings.remove(&row.provider);
        if row.cause == Cause::Removed {
            return;
        }
        let fresh = Dated { revision: row.revision, from: row.usable_from };
        let before = |part: &Part| known.as_ref().and_then(|known| known.parts.get(part)).copied();
        let parts = row.sheet.parts().into_iter();
        let listing = Listing {
            provider: row.provider.clone(),
            sheet: row.sheet.clone(),
            revision: row.revision,
            announced: known.as_ref().map_or(row.announced, |known| known.announced),
            changed: row.announced,
            parts: parts.map(|part| (part.clone(), before(&part).unwrap_or(fresh))).collect(),
        };
        self.listings.insert(row.provider.clone(), listing);
    }

    /// By id, the drill left out.
    pub fn listings(&self) -> impl Iterator<Item = &Listing> {
        self.listings.values().filter(|listing| listing.provider != DRILL)
    }

    #[must_use]
    pub fn listing(&self, provider: &str) -> Option<&Listing> {
        self.listings.get(provider)
    }

    /// Everything that was announced, oldest first, the drill left out.
    #[must_use]
    pub fn changes(&self) -> &[Announcement] {
        &self.changes
    }

    /// How long what is new has to wait, as far as anything was announced that waits.
    #[must_use]
    pub fn notice(&self) -> Option<Duration> {
        let drill = self.listings.get(DRILL)?;
        Some(drill.usable_from().since(drill.changed))
    }

    /// Whether requests may go to a provider that processes them in `region`, at the time `now`.
    #[must_use]
    pub fn gate(
        &self,
        provider: &str,
        region: Option<&str>,
        decision: Option<Decision>,
        now: Timestamp,
    ) -> Gate {
        let accepted = match decision {
            Some(Decision::Objected) => return Gate::Objected,
            Some(Decision::Accepted { revision }) => revision,
            None => 0,
        };
        let Some(listing) = self.listings.get(provider) else { return Gate::NotAnnounced };
        match listing.since(region, accepted) {
            Some(from) if from > now => Gate::Until(from),
            _ => Gate::Open,
        }
    }

    /// What has to be announced so that the register says what the catalogue says. In an empty register everything was
    /// there from the beginning and waits for nothing.
    #[must_use]
    pub fn news(
        &self,
        catalogue: &Catalogue,
        now: Timestamp,
        notice: Duration,
    ) -> Vec<Announcement> {
        let first = self.changes.is_empty() && self.listings.is_empty();
        let mut news: Vec<_> = catalogue
            .providers()
            .filter_map(|entry| {
                let sheet = Sheet::from(entry);
                let cause = self.cause(&entry.id, &sheet, first)?;
                Some(self.announcement(&entry.id, cause, sheet, (now, notice)))
            })
            .collect();
        let gone = self.listings().filter(|known| catalogue.provider(&known.provider).is_none());
        news.extend(gone.map(|known| {
            let sheet = known.sheet.clone();
            self.announcement(&known.provider, Cause::Removed, sheet, (now, notice))
        }));
        news.extend(self.drill(now, notice));
        news
    }

    /// A drill whose notice has run for at least half of its time, or has another length, is announced anew.
    #[must_use]
    pub fn drill(&self, now: Timestamp, notice: Duration) -> Option<Announcement> {
        let long = |known: &Listing| known.usable_from().since(now) > notice / 2;
        let same = self.notice() == Some(notice);
        if same && self.listings.get(DRILL).is_some_and(long) {
            return None;
        }
        let sheet = Sheet {
            name: "Drill of the notice period".to_owned(),
            legal_entity: Some(format!("Nobody, {}", now.rfc3339())),
            country: "ZZ".to_owned(),
            regions: BTreeSet::new(),
            places: BTreeSet::new(),
            subprocessors: BTreeSet::new(),
            chooses: false,
        };
        Some(self.announcement(DRILL, Cause::Added, sheet, (now, notice)))
    }

    fn cause(&self, provider: &str, sheet: &Sheet, first: bool) -> Option<Cause> {
        let Some(known) = self.listings.get(provider) else {
            return Some(if first { Cause::Installed } else { Cause::Added });
        };
        if known.sheet == *sheet {
            return None;
        }
        let new = !self.new_in(provider, sheet).is_empty();
        Some(if new { Cause::Changed } else { Cause::Corrected })
    }

    /// What the sheet says that is not known of the provider yet; nothing where the whole provider is new.
    fn new_in(&self, provider: &str, sheet: &Sheet) -> Vec<String> {
        let Some(known) = self.listings.get(provider) else { return Vec::new() };
        let parts = sheet.parts().into_iter();
        parts.filter(|part| !known.parts.contains_key(part)).map(|part| part.says()).collect()
    }

    fn announcement(
        &self,
        provider: &str,
        cause: Cause,
        sheet: Sheet,
        (now, notice): (Timestamp, Duration),
    ) -> Announcement {
        let past = self.changes.iter().filter(|row| row.provider == provider);
        let known = self.listings.get(provider).map(|known| known.revision);
        let last = past.map(|row| row.revision).chain(known).max().unwrap_or(0);
        let news = self.new_in(provider, &sheet);
        Announcement {
            provider: provider.to_owned(),
            revision: last + 1,
            cause,
            sheet,
            announced: now,
            usable_from: if cause.waits() { now.plus(notice) } else { now },
            news,
        }
    }
}

#[cfg(test)]
mod tests;
