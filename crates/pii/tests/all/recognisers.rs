//! Each recogniser: what it has to find, and what it has to leave alone.

use std::sync::LazyLock;

use pii::{Finding, Kind, Scanner};

use crate::{dice::Dice, ids};

pub(crate) fn scanner() -> &'static Scanner {
    static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::new);
    &SCANNER
}

pub(crate) fn scan(text: &str) -> Vec<(Kind, &str)> {
    let mut found = Vec::new();
    scanner().scan(text, &mut found);
    found.iter().map(|one: &Finding| (one.kind, &text[one.start..one.end])).collect()
}

/// `«...»` marks what has to be found in each text, and nothing else may be.
pub(crate) fn finds(kind: Kind, texts: &[&str]) {
    for marked in texts {
        let text = marked.replace(['«', '»'], "");
        let wanted: Vec<_> =
            marked.split('«').skip(1).map(|rest| (kind, rest.split('»').next().unwrap())).collect();
        assert_eq!(scan(&text), wanted, "in {text:?}");
    }
}

pub(crate) fn leaves(texts: &[&str]) {
    for text in texts {
        assert_eq!(scan(text), [], "in {text:?}");
    }
}

fn numbered() -> impl Iterator<Item = Kind> {
    Kind::ALL
        .into_iter()
        .filter(|kind| *kind >= Kind::AtSvnr && *kind != Kind::Person)
        .chain([Kind::Iban, Kind::Card])
}

#[test]
fn numbers_that_hold_are_found_beside_their_word_however_they_are_written() {
    for kind in numbered() {
        let mut dice = Dice::new(11);
        for _ in 0..200 {
            let number = ids::written(kind, &mut dice);
            let text = format!("{}: {number}.", ids::cue(kind));
            assert_eq!(scan(&text), [(kind, number.as_str())], "in {text:?}");
        }
    }
}

#[test]
fn one_wrong_digit_makes_it_another_number() {
    // A CPR number has no check digit and is tested with wrong dates instead.
    for kind in numbered().filter(|kind| *kind != Kind::DkCpr) {
        let (mut dice, mut missed) = (Dice::new(12), 0);
        for _ in 0..200 {
            let number = ids::plain(kind, &mut dice);
            // The last digit of a kennitala is its century.
            let after = usize::from(kind == Kind::IsKennitala);
            let wrong = spoilt(&number, after, &mut dice);
            let text = format!("{}: {wrong}.", ids::cue(kind));
            missed += usize::from(scan(&text).iter().any(|(found, _)| *found == kind));
        }
        // Rules that fold a remainder of 10 into 0 let a few wrong digits pass by design.
        let most = match kind {
            Kind::BgEgn | Kind::GrAfm | Kind::PtNif | Kind::EeLtPersonalCode | Kind::RoCnp => 10,
            Kind::LvPersonalCode | Kind::CzSkBirthNumber => 10,
            _ => 0,
        };
        assert!(missed <= most, "{}: {missed} of 200 wrong numbers", kind.name());
    }
}

/// The last digit, or the last letter, replaced by another.
fn spoilt(number: &str, after: usize, dice: &mut Dice) -> String {
    let place = number.rfind(|one: char| one.is_ascii_digit()).unwrap() - after;
    let old = number.as_bytes()[place] - b'0';
    let new = (old + 1 + dice.below(8) as u8) % 10;
    format!("{}{new}{}", &number[..place], &number[place + 1..])
}

#[test]
fn numbers_that_chance_meets_too_often_need_their_word() {
    let need = [
        Kind::NlBsn,
        Kind::PlPesel,
        Kind::BgEgn,
        Kind::HrOib,
        Kind::PtNif,
        Kind::GrAfm,
        Kind::GrAmka,
        Kind::HuTaj,
        Kind::HuTaxId,
        Kind::EeLtPersonalCode,
        Kind::IsKennitala,
        Kind::IePps,
        Kind::CyTic,
        Kind::DkCpr,
    ];
    for kind in need {
        let mut dice = Dice::new(13);
        for _ in 0..50 {
            let number = ids::plain(kind, &mut dice);
            let text = format!("It says {number} on the lid");
            assert!(scan(&text).iter().all(|(found, _)| *found != kind), "in {text:?}");
        }
    }
}

#[test]
fn numbers_with_strong_checks_stand_alone_but_not_as_orders() {
    let strong = [
        Kind::BeNationalNumber,
        Kind::NoFnr,
        Kind::ChAhv,
        Kind::FrNir,
        Kind::DeTaxId,
        Kind::RoCnp,
        Kind::SiEmso,
        Kind::LuMatricule,
        Kind::Card,
    ];
    for kind in strong {
        let mut dice = Dice::new(14);
        for _ in 0..50 {
            let number = ids::plain(kind, &mut dice);
            let text = format!("It says {number} on the lid");
            assert_eq!(scan(&text), [(kind, number.as_str())], "in {text:?}");
            leaves(&[
                &format!("Order no. {number}"),
                &format!("INV-{number}"),
                &format!("7{number}7{number}"),
            ]);
        }
    }
}

#[test]
fn danish_dates_and_centuries() {
    finds(Kind::DkCpr, &["Hun har «010190-1234» i dag"]);
    finds(Kind::DkCpr, &["cpr nr «3112991234»", "«0101901234» (cpr)", "kun «290200-4123»"]);
    leaves(&[
        "kun 290200-0123 her",
        "kun 310490-1234",
        "kun 011390-1234",
        "kun 000190-1234",
        "varenr 0101901234",
    ]);
}

#[test]
fn swedish_centuries_and_coordination_numbers() {
    finds(
        Kind::SePersonnummer,
        &["hon är «811218-9876»", "hon är «811278-9873»", "«19811218-9876»", "«198112189876»"],
    );
    leaves(&["hon är 811218-9875", "hon är 811318-9876", "hon är 811298-9876"]);
}

#[test]
fn cards_need_an_issuer_and_the_right_length() {
    finds(
        Kind::Card,
        &[
            "«4111 1111 1111 1111» 12/27",
            "«5555555555554444»",
            "«378282246310005»",
            "«4111-1111-1111-1111»",
            "«3782 822463 10005»",
            "«36227206271667»",
            "kort:«4111111111111111»",
        ],
    );
    leaves(&[
        "4111 1111 1111 1112",
        "551234567890122",
        "40123456789017",
        "9999 9999 9999 9995",
        "4111 1111 1111 111",
        "411111111111 1111",
        "4006381333931",
        "0000 0000 0000 0000",
        "4111111111111111-22",
        "x4111111111111111",
        "41111111.11111111",
    ]);
}

#[test]
fn ibans_need_country_length_and_remainder() {
    finds(
        Kind::Iban,
        &[
            "«DE89 3704 0044 0532 0130 00»",
            "«DE89370400440532013000»",
            "an «NL91ABNA0417164300».",
            "«GB82 WEST 1234 5698 7654 32»",
            "iban=«de89370400440532013000»",
            "«BE68-5390-0754-7034»",
            "(«NO9386011117947»)",
        ],
    );
    leaves(&[
        "DE88370400440532013000",
        "DE8937040044053201300",
        "DE893704004405320130001",
        "XX89370400440532013000",
        "De89370400440532013000",
        "ADE89370400440532013000",
        "DE89 3704  0044 0532 0130 00x",
    ]);
}

#[test]
fn numbers_inside_of_other_things_are_left() {
    leaves(&[
        "550e8400-e29b-41d4-a716-446655440000",
        "2024-11-20T18:39:17.123456Z",
        "1732129138000",
        "1.234.567,89 EUR",
        "12,345,678.90",
        "build 20241120123456789",
        "ISBN 978-3-16-148410-0",
        "EAN 4006381333931",
        "55.676098, 12.568337",
        "#0101901234abc",
        "1234567890123456789012345678901234567890",
    ]);
}

#[test]
fn a_number_in_a_column_is_judged_by_the_head_of_the_column() {
    let table = "name;bsn;order\nA;111222333;111222333\nB;123456782;123456782\n";
    assert_eq!(scan(table), [(Kind::NlBsn, "111222333"), (Kind::NlBsn, "123456782")]);
    // A first line with digits is a row like the others.
    let rows = format!(
        "bsn 1;{0}\n2;{0}\n123456782;{0}\n",
        "somewhere in the middle of a long street of houses"
    );
    leaves(&[&rows]);
    finds(Kind::NlBsn, &[&rows.replace("bsn 1", "bsn").replace("123456782", "«123456782»")]);
}

#[test]
fn what_two_countries_could_have_written_is_the_one_at_home() {
    // A day of a month in both orders of its digits, and right by Luhn.
    let scan = |regions: &[&str]| {
        let mut found = Vec::new();
        Scanner::new().with_regions(regions).scan("120711-7647", &mut found);
        found.iter().map(|one| one.kind).collect::<Vec<_>>()
    };
    assert_eq!(scan(&["DK"]), [Kind::DkCpr]);
    assert_eq!(scan(&["SE"]), [Kind::SePersonnummer]);
}

#[test]
fn the_less_common_forms_of_each_country() {
    finds(
        Kind::FrNir,
        &["née «2 85 05 2A 123 456 80».", "«285052A12345680»", "«185052B12345660» ici"],
    );
    finds(
        Kind::ItCodiceFiscale,
        &["«RCCMNL83S18D969H»", "«RCCMNL83S18D96VW»", "cf «rccmnl83s18d969h»"],
    );
    finds(Kind::NoFnr, &["D-nummer «41019012393»"]);
    finds(Kind::BeNationalNumber, &["BIS «85453012310»"]);
    finds(Kind::CzSkBirthNumber, &["«057101/1001»"]);
    finds(Kind::LvPersonalCode, &["personas kods «320010-10017»"]);
    leaves(&[
        "2 85 05 2A 123 456 81",
        "2 85 05 2C 123 456 80",
        "2 85 13 2A 123 456 14",
        "2 85 13 75 123 456 54",
        "RCCMNL83S18D969G",
        "RCCMNL83S32D969V",
        "81019012393",
        "85993012310",
        "320010-10017",
        "057101/1002",
    ]);
}

#[test]
fn a_finnish_check_character_is_stronger_than_a_danish_date() {
    finds(Kind::FiHetu, &["Asiakas «180882-3971» tuli", "«131052-308T»", "«131052A308T»"]);
    finds(Kind::DkCpr, &["cpr «180882-3971»"]);
    leaves(&["131052-308U", "131352-308T", "131052-001X", "131052Z308T", "131052-308Tx"]);
}
