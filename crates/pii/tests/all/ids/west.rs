//! Belgium, the Netherlands, France, Luxembourg, Ireland; accounts and cards.

use pii::Kind;

use super::*;

pub(super) fn plain(kind: Kind, dice: &mut Dice) -> Option<String> {
    Some(match kind {
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
        Kind::Iban => iban(dice),
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
        _ => return None,
    })
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
