//! The status of everything at one instant, signed, with the moment until which it holds.
//!
//! A reader needs nothing but the snapshot and a clock: past `valid_until`, or past a control's own deadlines,
//! [`Entry::status_at`] turns it amber and red without any server.

use std::time::Duration;

use domain::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use vault::SigningKey;

use crate::{
    Digest,
    dsse::Envelope,
    registry::{ControlId, Day, Quarter},
    stamp,
    status::{Deadlines, FailReason, Profile, StaleReason, Status},
};

pub const PAYLOAD_TYPE: &str = "application/vnd.probity.snapshot+json";

/// The longest a snapshot may hold.
pub const LONGEST: Duration = Duration::from_secs(300);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    pub deployment: String,
    /// SHA-256 of the running program.
    pub build: Digest,
    /// SHA-256 of the registry's published form.
    pub registry: Digest,
    pub log: Option<LogHead>,
    /// Where the log holds the last result that was taken into account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    pub profile: Profile,
    /// What the page says about its own limits, such as "checked from inside only".
    pub labels: Vec<String>,
    #[serde(with = "stamp")]
    pub issued: Timestamp,
    #[serde(with = "stamp")]
    pub valid_until: Timestamp,
    pub headline: String,
    pub counts: Counts,
    pub controls: Vec<Entry>,
}

/// The newest signed head of the deployment's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogHead {
    pub origin: String,
    pub size: u64,
    pub root: Digest,
    #[serde(with = "stamp")]
    pub at: Timestamp,
    /// The checkpoint itself, a signed note.
    pub note: String,
}

/// How many controls have each status: counts, never a percentage over kinds that cannot be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    pub verified: u32,
    pub failing: u32,
    pub recovering: u32,
    pub stale: u32,
    pub not_yet_verified: u32,
    pub attested: u32,
    pub inherited: u32,
    pub coming_soon: u32,
    pub not_applicable: u32,
}

/// One control in a snapshot: its status with the clocks that make it decay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub id: ControlId,
    pub rev: u32,
    pub status: String,
    #[serde(default, with = "stamp::option", skip_serializing_if = "Option::is_none")]
    pub last_passed: Option<Timestamp>,
    #[serde(default, with = "stamp::option", skip_serializing_if = "Option::is_none")]
    pub fresh_until: Option<Timestamp>,
    #[serde(default, with = "stamp::option", skip_serializing_if = "Option::is_none")]
    pub red_after: Option<Timestamp>,
    #[serde(default, with = "stamp::option", skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<StaleReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<FailReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Quarter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slips: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Counts {
    pub(crate) fn add(&mut self, status: &str) {
        let counter = match status {
            "verified" => &mut self.verified,
            "failing" => &mut self.failing,
            "recovering" => &mut self.recovering,
            "stale" => &mut self.stale,
            "attested" => &mut self.attested,
            "inherited" => &mut self.inherited,
            "coming_soon" => &mut self.coming_soon,
            "not_applicable" => &mut self.not_applicable,
            _ => &mut self.not_yet_verified,
        };
        *counter += 1;
    }

    /// Status name, words and count, in the order of the headline; `failing` is always there, the others when not zero.
    #[must_use]
    pub fn parts(&self) -> Vec<(&'static str, &'static str, u32)> {
        let all = [
            ("verified", "verified", self.verified),
            ("failing", "failing", self.failing),
            ("recovering", "recovering", self.recovering),
            ("stale", "stale", self.stale),
            ("not_yet_verified", "not yet verified", self.not_yet_verified),
            ("attested", "attested", self.attested),
            ("inherited", "inherited", self.inherited),
            ("coming_soon", "coming soon", self.coming_soon),
            ("not_applicable", "not applicable here", self.not_applicable),
        ];
        let shown = |name: &str, count| count > 0 || name == "verified" || name == "failing";
        all.into_iter().filter(|(name, _, count)| shown(name, *count)).collect()
    }

    /// `171 verified · 3 failing · 41 coming soon`.
    #[must_use]
    pub fn headline(&self) -> String {
        let parts: Vec<_> =
            self.parts().iter().map(|(_, words, count)| format!("{count} {words}")).collect();
        parts.join(" · ")
    }
}

impl Entry {
    pub(crate) fn of(id: &ControlId, rev: u32, status: &Status) -> Self {
        let mut entry = Self::bare(id, rev, status.as_str());
        if let Some(deadlines) = status.deadlines() {
            entry.last_passed = Some(deadlines.passed);
            entry.fresh_until = Some(deadlines.until);
            entry.red_after = Some(deadlines.hard);
        }
        match status {
            Status::Recovering { failed, .. } => entry.since = Some(*failed),
            Status::Stale { why, .. } => entry.stale = Some(*why),
            Status::Failing { why, since } => {
                entry.failing = Some(*why);
                entry.since = Some(*since);
            }
            Status::Attested { expires, .. } => entry.expires = Some(*expires),
            Status::Inherited { expires, from, .. } => {
                entry.expires = Some(*expires);
                entry.reason = Some(from.clone());
            }
            Status::ComingSoon { announced, target, slips } => {
                entry.announced = Some(*announced);
                entry.target = Some(*target);
                entry.slips = Some(*slips);
            }
            Status::NotApplicable { reason } => entry.reason = Some(reason.clone()),
            Status::Verified(_) | Status::NotYetVerified => {}
        }
        entry
    }

    fn bare(id: &ControlId, rev: u32, status: &str) -> Self {
        Self {
            id: id.clone(),
            rev,
            status: status.to_owned(),
            last_passed: None,
            fresh_until: None,
            red_after: None,
            since: None,
            stale: None,
            failing: None,
            announced: None,
            target: None,
            slips: None,
            expires: None,
            reason: None,
        }
    }

    /// The status's name at `now`, for a reader who has heard nothing since: only ever worse than it was.
    #[must_use]
    pub fn status_at(&self, valid_until: Timestamp, now: Timestamp) -> &str {
        let green = matches!(self.status.as_str(), "verified" | "recovering");
        let past = |limit: Option<Timestamp>| limit.is_none_or(|limit| now > limit);
        let expired = self.expires.is_some_and(|day| day.get() < now.to_datetime().date());
        if (green || self.status == "stale") && past(self.red_after) || expired {
            "failing"
        } else if green && (past(self.fresh_until) || now > valid_until) {
            "stale"
        } else {
            &self.status
        }
    }
}

impl Snapshot {
    /// The moment until which a snapshot of `statuses` taken at `now` holds.
    pub(crate) fn holds_until<'a>(
        statuses: impl Iterator<Item = &'a Status>,
        now: Timestamp,
    ) -> Timestamp {
        let green = statuses
            .filter(|status| matches!(status, Status::Verified(_) | Status::Recovering { .. }));
        let first = green.filter_map(Status::deadlines).map(|Deadlines { until, .. }| until).min();
        let longest = now.plus(LONGEST);
        first.map_or(longest, |first| first.clamp(now, longest))
    }

    /// The counts at `now`, for a reader who has heard nothing since.
    #[must_use]
    pub fn counts_at(&self, now: Timestamp) -> Counts {
        let mut counts = Counts::default();
        for entry in &self.controls {
            counts.add(entry.status_at(self.valid_until, now));
        }
        counts
    }

    /// # Errors
    /// `Internal`, never in practice.
    pub fn sign(&self, key: &SigningKey) -> Result<Envelope> {
        let payload = serde_json::to_vec(self).map_err(Error::internal)?;
        Ok(Envelope::sign(key, PAYLOAD_TYPE, &payload))
    }

    /// # Errors
    /// `Invalid`: signed by somebody else, or not a snapshot.
    pub fn open(envelope: &Envelope, public: &[u8; 32]) -> Result<Self> {
        let payload = envelope.open(public, PAYLOAD_TYPE)?;
        serde_json::from_slice(&payload)
            .map_err(|_| Error::invalid("Not a snapshot.").with_code("bad_snapshot"))
    }
}

/// What `decayed` says and what a reader of the published form computes must be the same.
#[cfg(test)]
pub(crate) fn agrees(status: &Status, valid_until: Timestamp, now: Timestamp) -> bool {
    let id = "XX-01".parse().unwrap();
    Entry::of(&id, 1, status).status_at(valid_until, now)
        == crate::status::decayed(status, valid_until, now).as_str()
}
