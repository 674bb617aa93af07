//! Denmark, Sweden, Norway, Iceland, Finland and the Baltic states.

use pii::Kind;

use super::*;

pub(super) fn plain(kind: Kind, dice: &mut Dice) -> Option<String> {
    Some(match kind {
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
        _ => return None,
    })
}
