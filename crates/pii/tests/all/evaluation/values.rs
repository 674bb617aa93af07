//! Values of the kinds that are no national numbers.

use crate::dice::Dice;

const WORD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &str = "0123456789abcdef";

pub(super) fn email(dice: &mut Dice) -> String {
    let first = dice.pick(&[
        "anna",
        "lars",
        "s.jensen",
        "maria.lindqvist",
        "p_kowalski",
        "info+news",
        "jean-luc",
        "o.brien",
        "k",
    ]);
    let number = if dice.chance(40) { dice.digits(2) } else { String::new() };
    let host = dice.pick(&[
        "example.org",
        "mail.example.com",
        "firma.example.net",
        "post.example.org",
        "example.com",
    ]);
    format!("{first}{number}@{host}")
}

/// Calling code, national digits behind the trunk prefix, the prefix, and how they are grouped.
fn plan(region: &str, dice: &mut Dice) -> (&'static str, String, &'static str, &'static str) {
    let (code, start, rest, trunk, shape): (_, &str, _, _, _) = match region {
        "DK" => ("45", dice.pick(&["20", "22", "26", "28", "30", "40", "51"]), 6, "", "2 2 2 2"),
        "SE" => ("46", dice.pick(&["70", "72", "73", "76"]), 7, "0", "2 3 2 2"),
        "NO" => ("47", dice.pick(&["90", "91", "92", "95", "97"]), 6, "", "3 2 3"),
        "DE" => ("49", dice.pick(&["151", "160", "170", "171", "175"]), 7, "0", "3 7"),
        "NL" => ("31", dice.pick(&["61", "62", "63", "64", "65"]), 7, "0", "1 8"),
        "FR" => ("33", dice.pick(&["61", "62", "66", "67"]), 7, "0", "1 2 2 2 2"),
        "ES" => ("34", dice.pick(&["61", "62", "65", "66", "67"]), 7, "", "3 3 3"),
        "IT" => ("39", dice.pick(&["320", "328", "333", "347", "349"]), 7, "", "3 3 4"),
        "PL" => ("48", dice.pick(&["501", "502", "601", "602", "691", "790"]), 6, "", "3 3 3"),
        "FI" => ("358", dice.pick(&["40", "50"]), 7, "0", "2 3 4"),
        "BG" => ("359", dice.pick(&["878", "879", "888", "889"]), 6, "0", "2 3 4"),
        "PT" => ("351", dice.pick(&["912", "913", "916", "962", "932"]), 6, "", "3 3 3"),
        "GB" => ("44", dice.pick(&["7400", "7412", "7500", "7712"]), 6, "0", "4 3 3"),
        "BE" => ("32", dice.pick(&["470", "472", "475", "485", "496"]), 6, "0", "3 2 2 2"),
        other => panic!("no plan: {other}"),
    };
    // Plans leave out numbers with a zero in this place.
    let mut digits = format!("{start}{}{}", dice.between(1, 9), dice.digits(rest - 1));
    if region == "DE" && digits.starts_with("151") {
        digits.push_str(&dice.digits(1));
    }
    (code, digits, trunk, shape)
}

fn grouped(digits: &str, shape: &str) -> String {
    let (mut out, mut rest) = (String::new(), digits);
    for mark in shape.chars() {
        match mark.to_digit(10) {
            Some(length) => {
                let (group, after) = rest.split_at((length as usize).min(rest.len()));
                out.push_str(group);
                rest = after;
            }
            None => out.push(mark),
        }
    }
    out + rest
}

pub(super) fn phone_abroad(region: &str, dice: &mut Dice) -> String {
    let (code, digits, trunk, shape) = plan(region, dice);
    match dice.below(5) {
        0 => format!("+{code}{digits}"),
        1 => format!("00{code} {}", grouped(&digits, shape)),
        2 => format!("+{code} {}", grouped(&digits, shape).replace(' ', "-")),
        3 if trunk == "0" => format!("+{code} (0){}", grouped(&digits, shape)),
        _ => format!("+{code} {}", grouped(&digits, shape)),
    }
}

pub(super) fn phone_home(region: &str, dice: &mut Dice) -> String {
    let (_, digits, trunk, shape) = plan(region, dice);
    if dice.chance(50) {
        format!("{trunk}{digits}")
    } else {
        format!("{trunk}{}", grouped(&digits, shape))
    }
}

pub(super) fn ip(dice: &mut Dice) -> String {
    if dice.chance(70) {
        return format!(
            "{}.{}.{}.{}",
            dice.between(11, 223),
            dice.below(256),
            dice.below(256),
            dice.between(1, 254)
        )
        .replace("127.", "128.");
    }
    let groups: Vec<String> = (0..8).map(|_| dice.text(HEX, 4)).collect();
    if dice.chance(50) {
        groups.join(":")
    } else {
        format!("2001:db8::{}:{}", groups[0], groups[1])
    }
}

pub(super) fn mac(dice: &mut Dice) -> String {
    let pairs: Vec<String> = (0..6).map(|_| dice.text(HEX, 2)).collect();
    pairs.join(":")
}

pub(super) fn url_credential(dice: &mut Dice) -> String {
    format!(
        "{}:{}@{}",
        dice.pick(&["anna", "svc-backup", "root"]),
        dice.text(WORD, 12),
        dice.pick(&["db.example.org:5432", "ftp.example.com", "10.2.3.4"])
    )
}

pub(super) fn secret(dice: &mut Dice) -> String {
    match dice.below(9) {
        0 => format!("sk-{}", dice.text(WORD, 48)),
        1 => format!("sk-ant-api03-{}", dice.text(WORD, 80)),
        2 => format!("ghp_{}", dice.text(WORD, 36)),
        3 => format!("AKIA{}", dice.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
        4 => format!("glpat-{}", dice.text(WORD, 20)),
        5 => format!("xoxb-{}-{}-{}", dice.digits(12), dice.digits(12), dice.text(WORD, 24)),
        6 => format!("AIza{}", dice.text(WORD, 35)),
        7 => format!("hf_{}", dice.text(WORD, 34)),
        _ => format!(
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ{}.{}",
            dice.text(WORD, 40),
            dice.text(WORD, 43)
        ),
    }
}
