//! Numbers that hold, made from their rules: the check digit is computed here by other code than the scanner's.

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
    match kind {
        Kind::DkCpr => {
            let born = Born::new(dice);
            let seventh = if born.this_century() {
                dice.between(4, 8).min(if born.year > 2036 { 8 } else { 9 })
            } else {
                dice.between(0, 3)
            };
            format!("{}{seventh}{}", born.day_first(), dice.digits(3))
        }
        Kind::SePersonnummer => {
            let body = format!("{}{}", Born::new(dice).year_first(), dice.digits(3));
            format!("{body}{}", luhn_digit(&body))
        }
        Kind::NoFnr => until(|| {
            let born = Born::new(dice);
            let series =
                if born.this_century() { dice.between(500, 999) } else { dice.between(0, 499) };
            let body = format!("{}{series:03}", born.day_first());
            let first = (11 - sum(&body, &[3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11) % 11;
            let body = format!("{body}{}", digit(first).filter(|_| first < 10)?);
            let second = (11 - sum(&body, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
            Some(format!("{body}{}", digit(second).filter(|_| second < 10)?))
        }),
        Kind::IsKennitala => until(|| {
            let born = Born::new(dice);
            let body = format!("{}{}", born.day_first(), dice.between(20, 99));
            let check = (11 - sum(&body, &[3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
            let century = if born.this_century() { 0 } else { 9 };
            Some(format!("{body}{}{century}", digit(check).filter(|_| check < 10)?))
        }),
        Kind::EeLtPersonalCode => {
            let born = Born::new(dice);
            let first = if born.this_century() { 5 } else { 3 } + dice.below(2);
            let body = format!("{first}{}{}", born.year_first(), dice.digits(3));
            let check = sum(&body, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
            let again = sum(&body, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10;
            format!("{body}{}", if check < 10 { check } else { again })
        }
        Kind::LvPersonalCode => {
            let born = Born::new(dice);
            let century = if born.this_century() { 2 } else { 1 };
            let body = format!("{}{century}{}", born.day_first(), dice.digits(3));
            let check = (1101 - sum(&body, &[1, 6, 3, 7, 9, 10, 5, 8, 4, 2])) % 11 % 10;
            format!("{body}{check}")
        }
        Kind::BeNationalNumber => {
            let born = Born::new(dice);
            let body = format!("{}{:03}", born.year_first(), dice.between(1, 997));
            let number: i64 =
                format!("{}{body}", if born.this_century() { "2" } else { "" }).parse().unwrap();
            format!("{body}{:02}", 97 - number % 97)
        }
        Kind::NlBsn => until(|| {
            let body = format!("{}{}", dice.between(1, 9), dice.digits(7));
            let check = sum(&body, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            Some(format!("{body}{}", digit(check).filter(|_| check < 10)?))
        }),
        Kind::FrNir => {
            let born = Born::new(dice);
            let body = format!(
                "{}{:02}{:02}{:02}{:03}{:03}",
                dice.between(1, 2),
                born.year % 100,
                born.month,
                dice.between(1, 95),
                dice.between(1, 600),
                dice.between(1, 999)
            );
            format!("{body}{:02}", 97 - body.parse::<i64>().unwrap() % 97)
        }
        Kind::LuMatricule => {
            let born = Born::new(dice);
            let body = format!("{}{:02}{:02}{}", born.year, born.month, born.day, dice.digits(3));
            format!("{body}{}{}", luhn_digit(&body), verhoeff_digit(&body))
        }
        Kind::DeTaxId => {
            // Ten digits of which one comes twice, and so one is missing.
            let mut digits: Vec<usize> = (0..10).collect();
            for place in (1..10).rev() {
                digits.swap(place, dice.below(place + 1));
            }
            if digits[0] == 0 {
                digits.swap(0, 9);
            }
            let (from, to) = (dice.below(9), 9);
            digits[to] = digits[from];
            let body: String = digits.iter().map(usize::to_string).collect();
            format!("{body}{}", mod_11_10_digit(&body))
        }
        Kind::HrOib => {
            let body = dice.digits(10);
            format!("{body}{}", mod_11_10_digit(&body))
        }
        Kind::AtSvnr => until(|| {
            let (serial, born) = (dice.between(100, 999).to_string(), Born::new(dice).day_first());
            let check = (sum(&serial, &[3, 7, 9]) + sum(&born, &[5, 8, 4, 2, 1, 6])) % 11;
            Some(format!("{serial}{}{born}", digit(check).filter(|_| check < 10)?))
        }),
        Kind::ChAhv => {
            let body = format!("756{}", dice.digits(9));
            let total = sum(&body, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]);
            format!("{body}{}", (10 - total % 10) % 10)
        }
        Kind::PlPesel => {
            let born = Born::new(dice);
            let month = born.month + if born.this_century() { 20 } else { 0 };
            let body = format!("{:02}{month:02}{:02}{}", born.year % 100, born.day, dice.digits(4));
            let total = sum(&body, &[9, 7, 3, 1, 9, 7, 3, 1, 9, 7]);
            format!("{body}{}", total % 10)
        }
        Kind::CzSkBirthNumber => until(|| {
            let born = Born::new(dice);
            let month = born.month + 50 * dice.below(2);
            let body = format!("{:02}{month:02}{:02}{}", born.year % 100, born.day, dice.digits(3));
            let rest = body.parse::<i64>().unwrap() % 11;
            (born.year >= 1954 && rest < 10).then(|| format!("{body}{rest}"))
        }),
        Kind::HuTaj => {
            let body = dice.digits(8);
            format!("{body}{}", sum(&body, &[3, 7, 3, 7, 3, 7, 3, 7]) % 10)
        }
        Kind::HuTaxId => until(|| {
            let body = format!("8{}", dice.digits(8));
            let check = sum(&body, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11;
            Some(format!("{body}{}", digit(check).filter(|_| check < 10)?))
        }),
        Kind::PtNif => {
            let body = format!("{}{}", dice.between(1, 3), dice.digits(7));
            let check = 11 - sum(&body, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            format!("{body}{}", if check > 9 { 0 } else { check })
        }
        Kind::GrAfm => {
            let body = format!("{}{}", dice.between(1, 9), dice.digits(7));
            format!("{body}{}", sum(&body, &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10)
        }
        Kind::GrAmka => {
            let body = format!("{}{}", Born::new(dice).day_first(), dice.digits(4));
            format!("{body}{}", luhn_digit(&body))
        }
        Kind::SiEmso => until(|| {
            let born = Born::new(dice);
            let body = format!(
                "{:02}{:02}{:03}50{}",
                born.day,
                born.month,
                born.year % 1000,
                dice.digits(3)
            );
            let check = (11 - sum(&body, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
            Some(format!("{body}{}", digit(check).filter(|_| check < 10)?))
        }),
        Kind::BgEgn => {
            let born = Born::new(dice);
            let month = born.month + if born.this_century() { 40 } else { 0 };
            let body = format!("{:02}{month:02}{:02}{}", born.year % 100, born.day, dice.digits(3));
            format!("{body}{}", sum(&body, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10)
        }
        Kind::RoCnp => {
            let born = Born::new(dice);
            let first = if born.this_century() { 5 } else { 1 } + dice.below(2);
            let body = format!(
                "{first}{}{:02}{:03}",
                born.year_first(),
                dice.between(1, 46),
                dice.between(1, 999)
            );
            let check = sum(&body, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
            format!("{body}{}", if check == 10 { 1 } else { check })
        }
        Kind::EsDni => {
            let number = dice.between(1_000_000, 99_999_999);
            format!("{number:08}{}", spanish_letter(number))
        }
        Kind::EsNie => {
            let (lead, number) = (dice.below(3), dice.between(0, 9_999_999));
            format!(
                "{}{number:07}{}",
                ["X", "Y", "Z"][lead],
                spanish_letter(lead * 10_000_000 + number)
            )
        }
        Kind::FiHetu => {
            let (born, series) = (Born::new(dice), dice.between(2, 899));
            let mark = if born.this_century() {
                dice.pick(&["A", "B", "C"])
            } else {
                dice.pick(&["-", "-", "Y", "X"])
            };
            let number: usize = format!("{}{series:03}", born.day_first()).parse().unwrap();
            let check = "0123456789ABCDEFHJKLMNPRSTUVWXY".chars().nth(number % 31).unwrap();
            format!("{}{mark}{series:03}{check}", born.day_first())
        }
        Kind::IePps => {
            let body = dice.digits(7);
            let second = dice.pick(&["", "A", "B", "W"]);
            let extra = match second {
                "A" => 9,
                "B" => 18,
                _ => 0,
            };
            let rest = (sum(&body, &[8, 7, 6, 5, 4, 3, 2]) + extra) % 23;
            let letter = "WABCDEFGHIJKLMNOPQRSTUV".chars().nth(rest as usize).unwrap();
            format!("{body}{letter}{second}")
        }
        Kind::CyTic => {
            let body = format!("{}{}", dice.pick(&["0", "2", "3"]), dice.digits(7));
            let odd = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
            let total: i64 = values(&body)
                .iter()
                .enumerate()
                .map(|(place, digit)| if place % 2 == 0 { odd[*digit as usize] } else { *digit })
                .sum();
            format!("{body}{}", (b'A' + (total % 26) as u8) as char)
        }
        Kind::ItCodiceFiscale => codice_fiscale(dice),
        Kind::Card => {
            let (start, length) = *dice.pick(&[
                &("4", 16),
                &("51", 16),
                &("55", 16),
                &("2221", 16),
                &("34", 15),
                &("37", 15),
                &("36", 14),
                &("6011", 16),
                &("3530", 16),
                &("5019", 16),
            ]);
            let body = format!("{start}{}", dice.digits(length - 1 - start.len()));
            format!("{body}{}", luhn_digit(&body))
        }
        Kind::Iban => iban(dice),
        other => panic!("no number: {other:?}"),
    }
}

fn spanish_letter(number: usize) -> char {
    "TRWAGMYFPDXBNJZSQVHLCKE".chars().nth(number % 23).unwrap()
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

fn verhoeff_digit(body: &str) -> usize {
    // The group of a pentagon's turns and flips, as pairs (turn, flipped).
    let join = |a: (i64, bool), b: (i64, bool)| {
        let turn = if a.1 { a.0 - b.0 } else { a.0 + b.0 };
        (turn.rem_euclid(5), a.1 != b.1)
    };
    let of = |digit: i64| (digit % 5, digit >= 5);
    let permutation = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut state = (0, false);
    for (place, digit) in values(body).into_iter().rev().enumerate() {
        let mut moved = digit;
        for _ in 0..(place + 1) % 8 {
            moved = permutation[moved as usize];
        }
        state = join(state, of(moved));
    }
    (0..10).find(|digit| join(state, of(*digit)) == (0, false)).unwrap() as usize
}

fn codice_fiscale(dice: &mut Dice) -> String {
    let born = Born::new(dice);
    let day = born.day + 40 * dice.below(2);
    let month = "ABCDEHLMPRST".chars().nth(born.month - 1).unwrap();
    let body = format!(
        "{}{:02}{month}{day:02}{}{}",
        dice.text("BCDFGLMNPRSTVZ", 6),
        born.year % 100,
        dice.pick(&["H", "F", "L", "A"]),
        dice.between(100, 999)
    );
    let odd = b"BAFHJNPRTVCESULDGIMOQKWZYX";
    let total: usize = body
        .chars()
        .enumerate()
        .map(|(place, one)| {
            let value = one.to_digit(36).unwrap() as usize;
            let value = if value > 9 { value - 10 } else { value };
            if place % 2 == 1 { value } else { usize::from(odd[value] - b'A') }
        })
        .sum();
    format!("{body}{}", (b'A' + (total % 26) as u8) as char)
}

fn iban(dice: &mut Dice) -> String {
    let (country, length, letters) = *dice.pick(&[
        &("DE", 22, 0),
        &("DK", 18, 0),
        &("NL", 18, 4),
        &("BE", 16, 0),
        &("FR", 27, 0),
        &("ES", 24, 0),
        &("IT", 27, 0),
        &("PL", 28, 0),
        &("SE", 24, 0),
        &("FI", 18, 0),
        &("AT", 20, 0),
        &("CH", 21, 0),
        &("GB", 22, 4),
        &("BG", 22, 4),
        &("RO", 24, 4),
        &("PT", 25, 0),
        &("IE", 22, 4),
        &("NO", 15, 0),
        &("CZ", 24, 0),
        &("LU", 20, 0),
    ]);
    let head = if country == "IT" { "X" } else { "" };
    let body = format!(
        "{head}{}{}",
        dice.text("ABNRGKL", letters),
        dice.digits(length - 4 - letters - head.len())
    );
    let spelled: String = format!("{body}{country}00")
        .chars()
        .map(|one| one.to_digit(36).unwrap().to_string())
        .collect();
    let rest = spelled.bytes().fold(0u64, |sum, byte| (sum * 10 + u64::from(byte - b'0')) % 97);
    format!("{country}{:02}{body}", 98 - rest)
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
