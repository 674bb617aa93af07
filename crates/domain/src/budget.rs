//! Budgets: how much may be spent, by whom, in which stretch of time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, Time};

use crate::{KeyId, ProjectId, Timestamp, UserId};

/// The deployment's currency: that of the catalogue's prices. Amounts are nano-units of it.
pub const CURRENCY: &str = "USD";

/// Whose spending a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BudgetOf {
    Organization,
    Project(ProjectId),
    /// All keys that this member made, in every project.
    User(UserId),
    Key(KeyId),
}

/// Who pays for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payer {
    pub project: ProjectId,
    /// Who made the key; `None` when no person did.
    pub user: Option<UserId>,
    pub key: KeyId,
}

impl BudgetOf {
    /// Everybody whose spending a request is, the widest first.
    pub fn all(payer: Payer) -> impl Iterator<Item = Self> {
        let Payer { project, user, key } = payer;
        let user = user.map(Self::User);
        let all =
            [Some(Self::Organization), Some(Self::Project(project)), user, Some(Self::Key(key))];
        all.into_iter().flatten()
    }

    /// For people: `organization`, `project`, `member`, `API key`.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Project(_) => "project",
            Self::User(_) => "member",
            Self::Key(_) => "API key",
        }
    }
}

/// After which time a budget begins anew: a calendar's, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    Day,
    Month,
    /// Never.
    Total,
}

/// The stretch of time that a moment lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    /// The first moment after it; `None` when it does not end.
    pub until: Option<Timestamp>,
}

impl Span {
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        at >= self.from && self.until.is_none_or(|until| at < until)
    }
}

impl Period {
    pub const ALL: [Self; 3] = [Self::Day, Self::Month, Self::Total];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Total => "total",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.as_str() == text)
    }

    /// For people: `per day`, `per month`, `in total`.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::Day => "per day",
            Self::Month => "per month",
            Self::Total => "in total",
        }
    }

    /// The day or month that `at` lies in.
    #[must_use]
    pub fn span(self, at: Timestamp) -> Span {
        let day = at.to_datetime().replace_time(Time::MIDNIGHT);
        let millis = |at: OffsetDateTime| {
            Timestamp::from_millis(
                i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0),
            )
        };
        match self {
            Self::Day => {
                let from = millis(day);
                Span { from, until: Some(from.plus(Duration::from_secs(86_400))) }
            }
            Self::Month => {
                let days = i64::from(day.month().length(day.year())) - i64::from(day.day()) + 1;
                let until = millis(day.saturating_add(time::Duration::days(days)));
                let from = day.saturating_sub(time::Duration::days(i64::from(day.day()) - 1));
                Span { from: millis(from), until: Some(until) }
            }
            Self::Total => Span { from: Timestamp::from_millis(0), until: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months_are_the_calendars() {
        // 29 Feb 2028, 13:37:11.123 UTC.
        let at = Timestamp::from_millis(1_835_444_231_123);
        let text = |span: Span| (span.from.rfc3339(), span.until.map(Timestamp::rfc3339));
        let some = |from: &str, until: &str| (from.to_owned(), Some(until.to_owned()));
        let day = Period::Day.span(at);
        assert_eq!(text(day), some("2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"));
        let month = Period::Month.span(at);
        assert_eq!(text(month), some("2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"));
        assert_eq!(Period::Total.span(at).until, None);
        let until = day.until.unwrap();
        assert!(day.holds(day.from) && !day.holds(until), "the next one begins where it ends");
        assert_eq!(Period::Day.span(until).from, until);
        let december = Timestamp::from_millis(1_798_761_599_999);
        let span = text(Period::Month.span(december));
        assert_eq!(span, some("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"));
    }

    #[test]
    fn a_request_is_paid_by_the_widest_first_and_by_nobody_who_is_not_there() {
        let at = Timestamp::from_millis(0);
        let (project, user, key) = (ProjectId::new(at), UserId::new(at), KeyId::new(at));
        let all = |user| BudgetOf::all(Payer { project, user, key }).collect::<Vec<_>>();
        let (whole, project, key) =
            (BudgetOf::Organization, BudgetOf::Project(project), BudgetOf::Key(key));
        assert_eq!(all(Some(user)), [whole, project, BudgetOf::User(user), key]);
        assert_eq!(all(None), [whole, project, key]);
    }

    #[test]
    fn periods_are_read_as_they_are_written() {
        for period in Period::ALL {
            assert_eq!(Period::parse(period.as_str()), Some(period));
        }
        assert_eq!(Period::parse("week"), None);
    }
}
