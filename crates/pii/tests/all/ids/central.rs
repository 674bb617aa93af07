//! Germany, Austria, Switzerland, Poland, Czechia and Slovakia, Hungary.

use pii::Kind;

use super::*;

pub(super) fn plain(kind: Kind, dice: &mut Dice) -> Option<String> {
    Some(match kind {
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
        _ => return None,
    })
}
