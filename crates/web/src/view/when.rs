//! Times as people read them: `20 Nov 2026, 09:41 UTC`, and how long ago.

use std::time::Duration;

use domain::Timestamp;
use time::OffsetDateTime;

/// A moment in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When(pub Timestamp);

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn day(at: OffsetDateTime) -> String {
    let month = MONTHS.get(usize::from(u8::from(at.month())) - 1).unwrap_or(&"");
    format!("{} {month} {}", at.day(), at.year())
}

impl When {
    /// For the `datetime` attribute.
    #[must_use]
    pub fn iso(&self) -> String {
        self.0.rfc3339()
    }

    #[must_use]
    pub fn text(&self) -> String {
        let at = self.0.to_datetime();
        format!("{}, {:02}:{:02} UTC", day(at), at.hour(), at.minute())
    }

    /// For tables of many: `20 Nov, 09:41:43`, in UTC as the column's head says.
    #[must_use]
    pub fn short(&self) -> String {
        let at = self.0.to_datetime();
        let day = day(at);
        let short = day.rsplit_once(' ').map_or(day.as_str(), |(short, _)| short);
        format!("{short}, {:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
    }

    #[must_use]
    pub fn seconds(&self) -> String {
        let at = self.0.to_datetime();
        format!("{}, {:02}:{:02}:{:02} UTC", day(at), at.hour(), at.minute(), at.second())
    }

    #[must_use]
    pub fn day(&self) -> String {
        day(self.0.to_datetime())
    }
}

/// `2026-11-20` as `20 Nov 2026`; anything else as it is.
#[must_use]
pub fn date(text: &str) -> String {
    let parse = |text: &str| {
        let mut parts = text.split('-');
        let year: i32 = parts.next()?.parse().ok()?;
        let month: usize = parts.next()?.parse().ok()?;
        let day: u8 = parts.next()?.parse().ok()?;
        Some(format!("{day} {} {year}", MONTHS.get(month.checked_sub(1)?)?))
    };
    parse(text).unwrap_or_else(|| text.to_owned())
}

/// A span in its largest unit: `40 seconds`, `3 minutes`, `2 days`.
#[must_use]
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (number, one, many) = match seconds {
        0..60 => (seconds, "second", "seconds"),
        60..3_600 => (seconds / 60, "minute", "minutes"),
        3_600..172_800 => (seconds / 3_600, "hour", "hours"),
        _ => (seconds / 86_400, "day", "days"),
    };
    super::plural(number, one, many)
}

/// How long before `now` it was.
#[must_use]
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let since = now.since(at);
    if since.as_secs() < 5 { "just now".to_owned() } else { format!("{} ago", span(since)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_as_the_style_says() {
        let at = Timestamp::from_millis(1_795_167_703_000);
        assert_eq!(When(at).text(), "20 Nov 2026, 09:41 UTC");
        assert_eq!(When(at).day(), "20 Nov 2026");
        assert_eq!(When(at).short(), "20 Nov, 09:41:43");
        assert_eq!(date("2026-11-20"), "20 Nov 2026");
        assert_eq!(date("soon"), "soon");
        assert_eq!(ago(at, at.plus(Duration::from_secs(200))), "3 minutes ago");
        assert_eq!(ago(at, at.minus(Duration::from_secs(200))), "just now");
    }
}
