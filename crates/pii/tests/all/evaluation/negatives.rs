//! What looks like something and is nothing: as much of it as of the rest. Written before any template.

use crate::{
    dice::Dice,
    ids::{self, layout},
};

pub(super) const SLOTS: &[&str] = &[
    "n6",
    "n7",
    "n8",
    "n9",
    "n10",
    "n11",
    "n12",
    "n13",
    "n16",
    "epoch",
    "epoch_ms",
    "iso",
    "date",
    "time",
    "ean",
    "isbn",
    "uuid",
    "sha256",
    "md5",
    "commit",
    "amount",
    "amount_int",
    "version",
    "iban_wrong",
    "card_wrong",
    "id_wrong",
    "tracking",
    "sscc",
    "coordinates",
    "part",
    "sku",
    "handle",
    "package",
    "path",
    "remote",
    "netmask",
    "range",
    "percent",
    "port",
    "vat",
    "placeholder",
    "blob",
    "meter",
    "dotted",
    "ratio",
    "file",
];

const HEX: &str = "0123456789abcdef";
const WORD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

pub(super) fn fill(slot: &str, dice: &mut Dice) -> String {
    let made = numbers(slot, dice).or_else(|| machines(slot, dice));
    made.unwrap_or_else(|| panic!("no such slot: {slot}"))
}

fn numbers(slot: &str, dice: &mut Dice) -> Option<String> {
    let year = dice.between(2019, 2026);
    let (month, day) = (dice.between(1, 12), dice.between(1, 28));
    Some(match slot {
        "n6" | "n7" | "n8" | "n9" | "n10" | "n11" | "n12" | "n13" | "n16" => {
            let length: usize = slot[1..].parse().unwrap();
            format!("{}{}", dice.between(1, 9), dice.digits(length - 1))
        }
        "epoch" => (1_500_000_000 + dice.below(300_000_000)).to_string(),
        "epoch_ms" => format!("{}{}", 1_500_000_000 + dice.below(300_000_000), dice.digits(3)),
        "iso" => format!(
            "{year}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{}Z",
            dice.below(24),
            dice.below(60),
            dice.below(60),
            dice.digits(6)
        ),
        "date" => match dice.below(4) {
            0 => format!("{day:02}.{month:02}.{year}"),
            1 => format!("{year}-{month:02}-{day:02}"),
            2 => format!("{day:02}/{month:02}/{year}"),
            _ => format!("{day:02}-{month:02}-{year}"),
        },
        "time" => format!("{:02}:{:02}:{:02}", dice.below(24), dice.below(60), dice.below(60)),
        "ean" => ean(&["400", "401", "570", "731", "871", "590", "841", "800", "380"], dice),
        "isbn" => layout(&ean(&["978", "979"], dice), dice.pick(&["", "3-2-5-2-1", "3-1-4-4-1"])),
        "amount" => match dice.below(4) {
            0 => format!("{}.{},{}", dice.between(1, 999), dice.digits(3), dice.digits(2)),
            1 => format!("{} {},{}", dice.between(1, 999), dice.digits(3), dice.digits(2)),
            2 => format!("{},{}.{}", dice.between(1, 999), dice.digits(3), dice.digits(2)),
            _ => format!("{} {} {}", dice.between(1, 99), dice.digits(3), dice.digits(3)),
        },
        "amount_int" => dice.between(10_000_000, 999_999_999).to_string() + ",00",
        "iban_wrong" => wrong(pii::Kind::Iban, dice),
        "card_wrong" => layout(&card_wrong(dice), dice.pick(&["", "4 4 4 4", "4-4-4-4"])),
        "id_wrong" => {
            let kinds = [
                pii::Kind::BeNationalNumber,
                pii::Kind::DeTaxId,
                pii::Kind::NoFnr,
                pii::Kind::ChAhv,
                pii::Kind::FrNir,
                pii::Kind::RoCnp,
                pii::Kind::EsDni,
                pii::Kind::ItCodiceFiscale,
                pii::Kind::PlPesel,
                pii::Kind::NlBsn,
            ];
            wrong(kinds[dice.below(kinds.len())], dice)
        }
        "percent" => format!("{},{} %", dice.below(99), dice.digits(2)),
        "vat" => match dice.below(4) {
            0 => format!("DE{}", dice.digits(9)),
            1 => format!("DK{}", dice.digits(8)),
            2 => format!("NL{}B01", dice.digits(9)),
            _ => format!("ATU{}", dice.digits(8)),
        },
        _ => return None,
    })
}

fn machines(slot: &str, dice: &mut Dice) -> Option<String> {
    let year = dice.between(2019, 2026);
    let (month, day) = (dice.between(1, 12), dice.between(1, 28));
    Some(match slot {
        "uuid" => format!(
            "{}-{}-4{}-a{}-{}",
            dice.text(HEX, 8),
            dice.text(HEX, 4),
            dice.text(HEX, 3),
            dice.text(HEX, 3),
            dice.text(HEX, 12)
        ),
        "sha256" => dice.text(HEX, 64),
        "md5" => dice.text(HEX, 32),
        "commit" => dice.text(HEX, 8),
        "version" => format!(
            "{}.{}.{}.{}",
            dice.between(1, 20),
            dice.below(30),
            dice.below(255),
            dice.below(255)
        ),
        "tracking" => {
            format!("1Z{}{}", dice.text("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ", 8), dice.digits(8))
        }
        "sscc" => format!("00{}", dice.digits(18)),
        "coordinates" => format!(
            "{}.{}, {}.{}",
            dice.between(36, 69),
            dice.digits(6),
            dice.between(1, 28),
            dice.digits(6)
        ),
        "part" => format!("{}-{}{}", dice.digits(8), dice.text("ABCDEF", 1), dice.digits(1)),
        "sku" => {
            format!("{}-{}-{}", dice.text("ABCDEFGHKLMNPRST", 3), dice.digits(4), dice.digits(5))
        }
        "handle" => format!("@{}{}", dice.text("abcdefghiklmnoprstu", 6), dice.digits(2)),
        "package" => format!(
            "@scope/{}@{}.{}.{}",
            dice.text("abcdefgh", 5),
            dice.below(9),
            dice.below(20),
            dice.below(9)
        ),
        "path" => format!("core::{}::{}", dice.text("abcdef", 4), dice.text("abcdef", 3)),
        "remote" => format!(
            "git@code.example.org:{}/{}.git",
            dice.text("abcdefgh", 5),
            dice.text("abcdefgh", 6)
        ),
        "netmask" => {
            dice.pick(&["255.255.255.0", "127.0.0.1", "0.0.0.0", "255.255.0.0"]).to_owned()
        }
        "range" => format!("{}-{}", dice.between(1000, 4999), dice.between(5000, 9999)),
        "port" => format!("localhost:{}", dice.between(1024, 65535)),
        "placeholder" => dice
            .pick(&[
                "sk-your-key-goes-here",
                "password=${DB_PASSWORD}",
                "api_key: <your key>",
                "AKIAEXAMPLE",
                "token: ********",
                "ghp_xxxxxxxxxxxx",
            ])
            .to_owned(),
        "blob" => dice.text(WORD, 72) + "==",
        "meter" => format!("{} {} {}", dice.digits(3), dice.digits(4), dice.digits(4)),
        "dotted" => format!("{}.{}.{}", dice.between(1, 40), dice.below(40), dice.below(40)),
        "ratio" => format!("{}/{}", dice.digits(4), dice.digits(3)),
        "file" => format!("IMG_{year}{month:02}{day:02}_{}.jpg", dice.digits(6)),
        _ => return None,
    })
}

fn ean(starts: &[&str], dice: &mut Dice) -> String {
    let body = format!("{}{}", dice.pick(starts), dice.digits(9));
    let total: u32 = body
        .bytes()
        .zip([1, 3].into_iter().cycle())
        .map(|(byte, weight)| u32::from(byte - b'0') * weight)
        .sum();
    format!("{body}{}", (10 - total % 10) % 10)
}

/// A number whose check digit is off by one.
fn wrong(kind: pii::Kind, dice: &mut Dice) -> String {
    let number = ids::plain(kind, dice);
    let place = number.rfind(|one: char| one.is_ascii_digit()).unwrap();
    let digit = (number.as_bytes()[place] - b'0' + 1) % 10;
    format!("{}{digit}{}", &number[..place], &number[place + 1..])
}

fn card_wrong(dice: &mut Dice) -> String {
    loop {
        let card = wrong(pii::Kind::Card, dice);
        if card.len() == 16 {
            return card;
        }
    }
}
