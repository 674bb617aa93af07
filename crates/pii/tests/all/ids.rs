//! Numbers that hold, made from their rules: the check digit is computed here by other code than the scanner's.

#[path = "ids/central.rs"]
mod central;
#[path = "ids/north.rs"]
mod north;
#[path = "ids/south.rs"]
mod south;
#[path = "ids/west.rs"]
mod west;

use pii::Kind;

use crate::dice::Dice;

fn values(text: &str) -> Vec<i64> {
    text.chars().filter_map(|one| one.to_digit(10).map(i64::from)).collect()
}

fn sum(text: &str, weights: &[i64]) -> i64 {
    values(text).iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

fn luhn_digit(text: &str) -> i64 {
    let total: i64 = values(text)
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, double) => double / 10 + double % 10,
            _ => *digit,
        })
        .sum();
    (10 - total % 10) % 10
}

/// A day that every month has, a month, a year within people's lives.
struct Born {
    year: usize,
    month: usize,
    day: usize,
}

impl Born {
    fn new(dice: &mut Dice) -> Self {
        Self {
            year: dice.between(1931, 2019),
            month: dice.between(1, 12),
            day: dice.between(1, 28),
        }
    }

    fn day_first(&self) -> String {
        format!("{:02}{:02}{:02}", self.day, self.month, self.year % 100)
    }

    fn year_first(&self) -> String {
        format!("{:02}{:02}{:02}", self.year % 100, self.month, self.day)
    }

    fn this_century(&self) -> bool {
        self.year >= 2000
    }
}

/// Groups of the given lengths between the given marks: `layout("0101901234", "6-4")`.
pub(crate) fn layout(digits: &str, shape: &str) -> String {
    let (mut written, mut rest) = (String::new(), digits);
    for mark in shape.chars() {
        match mark.to_digit(10) {
            Some(length) => {
                let (group, after) = rest.split_at(length as usize);
                written.push_str(group);
                rest = after;
            }
            None => written.push(mark),
        }
    }
    written + rest
}

/// Tries until the rule gives a check digit.
fn until(mut one: impl FnMut() -> Option<String>) -> String {
    (0..1000).find_map(|_| one()).expect("a number of this kind")
}

fn digit(value: i64) -> Option<char> {
    char::from_digit(u32::try_from(value).ok()?, 10)
}

/// Digits only, where the kind has only digits.
pub(crate) fn plain(kind: Kind, dice: &mut Dice) -> String {
    let made = [north::plain, west::plain, central::plain, south::plain];
    made.into_iter().find_map(|plain| plain(kind, dice)).expect("a number of this kind")
}

fn mod_11_10_digit(body: &str) -> i64 {
    let mut carry = 10;
    for digit in values(body) {
        let mut sum = (digit + carry) % 10;
        if sum == 0 {
            sum = 10;
        }
        carry = (2 * sum) % 11;
    }
    (11 - carry) % 10
}

/// The ways in which a number is commonly written; the first is the one with nothing between.
pub(crate) fn shapes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::DkCpr | Kind::IsKennitala => &["", "6-4"],
        Kind::SePersonnummer => &["", "6-4"],
        Kind::NoFnr => &["", "6 5"],
        Kind::LvPersonalCode => &["", "6-5"],
        Kind::BeNationalNumber => &["", "2.2.2-3.2"],
        Kind::FrNir => &["", "1 2 2 2 3 3 2"],
        Kind::DeTaxId => &["", "2 3 3 3"],
        Kind::AtSvnr => &["", "4 6"],
        Kind::ChAhv => &["", "3.4.4.2"],
        Kind::CzSkBirthNumber => &["", "6/4"],
        Kind::HuTaj | Kind::PtNif => &["", "3 3 3"],
        Kind::Iban => &["", "4 4 4 3"],
        _ => &[""],
    }
}

/// As somebody would write it.
pub(crate) fn written(kind: Kind, dice: &mut Dice) -> String {
    let number = plain(kind, dice);
    match kind {
        Kind::Card if number.len() == 16 => layout(&number, dice.pick(&["", "4 4 4 4", "4-4-4-4"])),
        Kind::Card if number.len() == 15 => layout(&number, dice.pick(&["", "4 6 5"])),
        Kind::Iban if dice.chance(60) => {
            let groups: Vec<&str> = number
                .as_bytes()
                .chunks(4)
                .map(|group| std::str::from_utf8(group).unwrap())
                .collect();
            groups.join(" ")
        }
        _ => layout(&number, dice.pick(shapes(kind))),
    }
}

/// A word that people write before such a number.
pub(crate) fn cue(kind: Kind) -> &'static str {
    match kind {
        Kind::DkCpr => "CPR-nr.",
        Kind::SePersonnummer => "Personnummer",
        Kind::NoFnr => "Fødselsnummer",
        Kind::IsKennitala => "Kennitala",
        Kind::EeLtPersonalCode => "Isikukood",
        Kind::LvPersonalCode => "Personas kods",
        Kind::BeNationalNumber => "Rijksregisternummer",
        Kind::NlBsn => "BSN",
        Kind::FrNir => "Numéro de sécurité sociale",
        Kind::LuMatricule => "Matricule",
        Kind::DeTaxId => "Steuer-ID",
        Kind::HrOib => "OIB",
        Kind::AtSvnr => "SVNR",
        Kind::ChAhv => "AHV-Nr.",
        Kind::PlPesel => "PESEL",
        Kind::CzSkBirthNumber => "Rodné číslo",
        Kind::HuTaj => "TAJ szám",
        Kind::HuTaxId => "Adóazonosító jel",
        Kind::PtNif => "Contribuinte",
        Kind::GrAfm => "ΑΦΜ",
        Kind::GrAmka => "ΑΜΚΑ",
        Kind::SiEmso => "EMŠO",
        Kind::BgEgn => "ЕГН",
        Kind::RoCnp => "CNP",
        Kind::EsDni => "DNI",
        Kind::EsNie => "NIE",
        Kind::FiHetu => "Henkilötunnus",
        Kind::IePps => "PPS number",
        Kind::CyTic => "TIC",
        Kind::ItCodiceFiscale => "Codice fiscale",
        Kind::Card => "Kort",
        Kind::Iban => "IBAN",
        other => other.name(),
    }
}
