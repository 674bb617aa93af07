//! The badge: counts and the time until which they hold, as an image that other pages can show.

use domain::Timestamp;

use crate::{
    page::mark,
    snapshot::{Counts, Snapshot},
};

/// One line of SVG text. A badge read after `valid_until` says so in its own words when it is fetched again;
/// a copy somebody kept still carries the time it stopped holding.
#[must_use]
pub fn badge(snapshot: &Snapshot, now: Timestamp) -> String {
    let counts = snapshot.counts_at(now);
    let parts: Vec<_> = counts
        .parts()
        .into_iter()
        .filter(|(name, _, count)| *count > 0 || *name == "verified" || *name == "failing")
        .map(|(name, words, count)| format!("{} {count} {words}", mark(name)))
        .collect();
    let text = parts.join("  ");
    let held = crate::page::moment(snapshot.valid_until);
    // Seven pixels per character is wide enough for the widest digits of the fallback font.
    let width = 20 + 7 * text.chars().count().max(held.chars().count() + 12);
    let colour = colour(&counts);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"44\" role=\"img\" \
         aria-label=\"{text}, holds until {held}\">\
         <rect width=\"{width}\" height=\"44\" rx=\"4\" fill=\"#ffffff\" stroke=\"{colour}\"/>\
         <rect width=\"4\" height=\"44\" fill=\"{colour}\"/>\
         <g font-family=\"system-ui, sans-serif\" fill=\"#1b1f23\">\
         <text x=\"12\" y=\"19\" font-size=\"13\">{text}</text>\
         <text x=\"12\" y=\"36\" font-size=\"11\">holds until {held}</text></g></svg>"
    )
}

/// The worst there is decides; nothing verified is grey, not green.
const fn colour(counts: &Counts) -> &'static str {
    if counts.failing > 0 {
        "#b3261e"
    } else if counts.stale > 0 || counts.recovering > 0 {
        "#9a6700"
    } else if counts.verified > 0 && counts.not_yet_verified == 0 {
        "#1a7f5a"
    } else {
        "#6e7781"
    }
}
