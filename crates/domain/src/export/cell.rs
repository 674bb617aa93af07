//! What stands in a cell: a number, a day, a kind of tokens, a unit, a model.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::Day;

const NANO: i128 = 1_000_000_000;
/// Digits that are looked at: more than any amount has.
const DIGITS: usize = 34;

/// A number in thousand-millionths, rounded to the nearest. With `comma`, a comma is the decimal mark.
pub(super) fn nano(text: &str, comma: bool) -> Option<i128> {
    let text = text.trim().trim_start_matches(['$', '€', '£']).trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start_matches(['$', '€', '£'])),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (number, power) = match text.split_once(['e', 'E']) {
        Some((number, power)) => (number, power.parse::<i32>().ok().filter(|by| by.abs() <= 30)?),
        None => (text, 0),
    };
    let (mark, group) = if comma && number.contains(',') { (',', '.') } else { ('.', ',') };
    let (whole, part) = number.split_once(mark).unwrap_or((number, ""));
    if whole.is_empty() && part.is_empty() || !part.bytes().all(|one| one.is_ascii_digit()) {
        return None;
    }
    let part = part.trim_end_matches('0');
    let mut groups = whole.split(group);
    let first = groups.next().unwrap_or_default();
    let mut digits = first.to_owned();
    for more in groups {
        // `1,5` is no number here: better refused than taken for fifteen.
        if more.len() != 3 || first.is_empty() || first.len() > 3 {
            return None;
        }
        digits.push_str(more);
    }
    digits.push_str(part);
    let digits = digits.trim_start_matches('0');
    if digits.len() > DIGITS || !digits.bytes().all(|one| one.is_ascii_digit()) {
        return None;
    }
    let number = if digits.is_empty() { 0 } else { digits.parse::<i128>().ok()? };
    let shift = 9 + power - i32::try_from(part.len()).ok()?;
    let ten = 10_i128.checked_pow(shift.unsigned_abs().min(38))?;
    let nano =
        if shift >= 0 { number.checked_mul(ten)? } else { number.checked_add(ten / 2)? / ten };
    Some(if negative { -nano } else { nano })
}

/// A whole number, such as a count of tokens, also written `1200.0`.
pub(super) fn whole(text: &str, comma: bool) -> Option<i64> {
    let nano = nano(text, comma)?;
    (nano % NANO == 0).then_some(nano / NANO).and_then(|number| i64::try_from(number).ok())
}

/// How many one of a unit is: `1K`, `1 M tokens`, `1000`, `Tokens`.
pub(super) fn unit(text: &str) -> Option<i128> {
    let text = text.trim().to_lowercase();
    let words = text.trim_end_matches("tokens").trim_end_matches("token").trim();
    let digits = words.bytes().take_while(|one| one.is_ascii_digit() || *one == b',').count();
    let (number, rest) = words.split_at(digits);
    let number: i128 = match number.replace(',', "").as_str() {
        "" => 1,
        digits => digits.parse().ok()?,
    };
    let scale = match rest.trim() {
        "" | "units" | "unit" | "count" | "each" | "requests" => 1,
        "k" | "thousand" | "thousands" => 1_000,
        "m" | "million" | "millions" => 1_000_000,
        _ => return None,
    };
    number.checked_mul(scale).filter(|unit| *unit > 0)
}

fn moment(date: Date, time: Time, offset: UtcOffset) -> i64 {
    PrimitiveDateTime::new(date, time).assume_offset(offset).unix_timestamp()
}

/// Seconds since 1970 of a day or a moment. What has no zone is UTC.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.bytes().all(|one| one.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        return match text.len() {
            8 => date(text.get(..4)?, text.get(4..6)?, text.get(6..)?).map(midnight),
            10 => Some(number),
            13 => Some(number.div_euclid(1_000)),
            _ => None,
        };
    }
    let head = text.get(..10).unwrap_or(text);
    let (date, rest) = if head.as_bytes().get(4) == Some(&b'-') {
        let mut parts = head.split('-');
        (date(parts.next()?, parts.next()?, parts.next()?)?, text.get(10..)?)
    } else {
        let end = text.find([' ', 'T', ',']).unwrap_or(text.len());
        (written(text.get(..end)?)?, text.get(end..)?)
    };
    let rest = rest.trim_start_matches(['T', ',', ' ']).trim_end();
    if rest.is_empty() {
        return Some(midnight(date));
    }
    let (time, offset) = clock(rest)?;
    Some(moment(date, time, offset))
}

fn midnight(date: Date) -> i64 {
    moment(date, Time::MIDNIGHT, UtcOffset::UTC)
}

fn date(year: &str, month: &str, day: &str) -> Option<Date> {
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let year: i32 = year.parse().ok().filter(|year| (2015..=2100).contains(year))?;
    Date::from_calendar_date(year, month, day.parse().ok()?).ok()
}

/// `11/20/2026`, month first, as American exports write it, and `20.11.2026`.
fn written(text: &str) -> Option<Date> {
    if let Some((month, rest)) = text.split_once('/') {
        let (day, year) = rest.split_once('/')?;
        return date(year, month, day);
    }
    let (day, rest) = text.split_once('.')?;
    let (month, year) = rest.split_once('.')?;
    date(year, month, day)
}

/// `09:30`, `09:30:00.5`, with `Z`, `UTC` or an offset behind it.
fn clock(text: &str) -> Option<(Time, UtcOffset)> {
    let end = text.find(|one: char| !one.is_ascii_digit() && !matches!(one, ':' | '.'));
    let (time, zone) = text.split_at(end.unwrap_or(text.len()));
    let mut parts = time.split(':');
    let hour = parts.next()?.parse().ok()?;
    let minute = parts.next()?.parse().ok()?;
    let second = parts.next().unwrap_or("0").split('.').next()?.parse().ok()?;
    let time = Time::from_hms(hour, minute, second).ok()?;
    let zone = zone.trim();
    if matches!(zone, "" | "Z" | "z" | "UTC" | "GMT") {
        return Some((time, UtcOffset::UTC));
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone.get(1..)?.chars().filter(|one| *one != ':').collect();
    if !zone.starts_with(['+', '-']) || digits.len() != 4 {
        return None;
    }
    let (hours, minutes) =
        (digits.get(..2)?.parse::<i8>().ok()?, digits.get(2..)?.parse::<i8>().ok()?);
    Some((time, UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()?))
}

/// The day of a moment, between 2015 and 2100.
pub(super) fn day(seconds: i64) -> Option<Day> {
    let at = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    (2015..=2100).contains(&at.year()).then(|| Day::from_number(seconds.div_euclid(86_400)))
}

/// What the tokens of a row are, where each kind has a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Input,
    CacheRead,
    CacheWrite,
    Output,
    Requests,
}

/// `input-tokens`, `gpt-4o Outp glbl Tokens`, `cache_read_input_tokens`.
pub(super) fn kind(text: &str) -> Option<Kind> {
    let text = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["cache", "cachd", "cchd"]) {
        let writes = has(&["write", "writ", "creation", "wrt"]);
        return Some(if writes { Kind::CacheWrite } else { Kind::CacheRead });
    }
    if has(&["output", "outp", "completion", "generated", "opt-", "-opt"]) {
        return Some(Kind::Output);
    }
    if has(&["input", "inp", "prompt", "context"]) {
        return Some(Kind::Input);
    }
    has(&["request", "invocation"]).then_some(Kind::Requests)
}

/// A model's name as it is compared: snapshots of one model by their common name.
///
/// `GPT-4o-2024-08-06`, `claude-sonnet-4@20250514`, `models/gemini-2.5-pro` and `claude-3-5-haiku-latest` lose their
/// dates, prefixes and `latest`.
pub(super) fn model(name: &str) -> String {
    let lower = name.trim().to_lowercase();
    let mut name = lower.as_str();
    while let Some(shorter) = shorter(name) {
        name = shorter;
    }
    name.to_owned()
}

/// The name without one of its additions; never empty.
fn shorter(name: &str) -> Option<&str> {
    let digits = |text: &str| text.bytes().all(|one| one.is_ascii_digit());
    let dated = name.rsplit_once(['@', '-']).filter(|(_, date)| date.len() == 8 && digits(date));
    let dashed = name.len().checked_sub(11).and_then(|at| Some((name.get(..at)?, name.get(at..)?)));
    let dashed = dashed.filter(|(_, date)| {
        let mut parts = date.split('-').map(|part| (part.len(), digits(part)));
        [(0, true), (4, true), (2, true), (2, true)].iter().all(|is| parts.next() == Some(*is))
    });
    [
        name.strip_prefix("models/"),
        name.strip_suffix("-latest"),
        dated.map(|(base, _)| base),
        dashed.map(|(base, _)| base),
    ]
    .into_iter()
    .flatten()
    .map(str::trim)
    .find(|shorter| !shorter.is_empty())
}
