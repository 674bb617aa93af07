//! Portugal, Spain, Italy, Greece, Cyprus, Croatia, Slovenia, Bulgaria, Romania.

use pii::Kind;

use super::*;

pub(super) fn plain(kind: Kind, dice: &mut Dice) -> Option<String> {
    Some(match kind {
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
        Kind::HrOib => {
            let body = dice.digits(10);
            format!("{body}{}", mod_11_10_digit(&body))
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
        Kind::ItCodiceFiscale => codice_fiscale(dice),
        _ => return None,
    })
}

fn spanish_letter(number: usize) -> char {
    "TRWAGMYFPDXBNJZSQVHLCKE".chars().nth(number % 23).unwrap()
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
