//! The words that stand beside numbers, without diacritics and in lower case, in the languages of Europe.

use aho_corasick::AhoCorasick;

use crate::{Kind, bytes};

const ROWS: &[(Kind, &[&str])] = &[
    (
        Kind::SePersonnummer,
        &[
            "personnummer",
            "personnr",
            "person nr",
            "pnr",
            "pers.nr",
            "pers nr",
            "samordningsnummer",
            "fodelsenummer",
        ],
    ),
    (Kind::DkCpr, &["cpr", "personnummer", "person nr", "personnr", "danish id", "fodselsnummer"]),
    (
        Kind::NoFnr,
        &["fodselsnummer", "fodselsnr", "fnr", "personnummer", "d-nummer", "norwegian id"],
    ),
    (Kind::IsKennitala, &["kennitala", "kt"]),
    (
        Kind::EeLtPersonalCode,
        &["isikukood", "asmens kod", "asmens k", "personal code", "personal id"],
    ),
    (Kind::LvPersonalCode, &["personas kod", "pers. kod", "personal code"]),
    (
        Kind::BeNationalNumber,
        &[
            "rijksregister",
            "registre national",
            "niss",
            "insz",
            "national number",
            "numero national",
            "rrn",
            "nationalregister",
        ],
    ),
    (Kind::NlBsn, &["bsn", "burgerservice", "sofinummer", "sofi-nummer", "citizen service"]),
    (
        Kind::FrNir,
        &[
            "securite sociale",
            "secu",
            "nir",
            "insee",
            "numero de ss",
            "assure social",
            "social security",
        ],
    ),
    (Kind::LuMatricule, &["matricule", "sozialversicherung", "identification national"]),
    (
        Kind::DeTaxId,
        &[
            "steuer-id",
            "steueridentifikation",
            "steuerliche identifikation",
            "idnr",
            "steuer id",
            "tax id",
            "identifikationsnummer",
            "tin",
        ],
    ),
    (
        Kind::AtSvnr,
        &["svnr", "sv-nr", "sozialversicherung", "versicherungsnummer", "sv nummer", "sv-nummer"],
    ),
    (Kind::ChAhv, &["ahv", "avs", "sozialversicherung", "navs"]),
    (Kind::PlPesel, &["pesel"]),
    (
        Kind::CzSkBirthNumber,
        &["rodne cislo", "rodnym cislem", "rodneho cisla", "rod. cislo", "r.c.", "rc"],
    ),
    (Kind::HuTaj, &["taj"]),
    (Kind::HuTaxId, &["adoazonosito", "ado azonosito", "adojel"]),
    (Kind::PtNif, &["nif", "contribuinte", "identificacao fiscal", "numero fiscal", "n.i.f"]),
    (Kind::GrAfm, &["αφμ", "α.φ.μ", "afm", "φορολογικο μητρωο", "φορολογικου μητρωου"]),
    (Kind::GrAmka, &["αμκα", "α.μ.κ.α", "amka"]),
    (Kind::HrOib, &["oib", "osobni identifikacijski"]),
    (Kind::SiEmso, &["emso", "jmbg", "maticna stevilka", "maticni broj"]),
    (Kind::BgEgn, &["егн", "egn", "единен граждански"]),
    (Kind::RoCnp, &["cnp", "cod numeric personal", "codul numeric"]),
    (
        Kind::Card,
        &[
            "card",
            "kort",
            "karte",
            "carte",
            "tarjeta",
            "carta",
            "kaart",
            "karta",
            "kartu",
            "cartao",
            "kortti",
            "visa",
            "mastercard",
            "amex",
            "kreditkort",
            "карта",
            "καρτα",
        ],
    ),
    (
        Kind::IpAddress,
        &[
            "version", "ver", "section", "oid", "chapter", "kap", "kapitel", "afsnit", "clause",
            "v", "release", "firmware", "build", "kernel", "udgave", "versio", "wersja", "verze",
        ],
    ),
    (
        Kind::Phone,
        &[
            "tel",
            "tlf",
            "telefon",
            "telefoon",
            "telephone",
            "telefono",
            "telefone",
            "phone",
            "mobil",
            "mobile",
            "mobiel",
            "movil",
            "telemovel",
            "handy",
            "cell",
            "puhelin",
            "puh",
            "gsm",
            "portable",
            "cellulare",
            "komork",
            "kom.",
            "call me",
            "ring mig",
            "ring til",
            "ring pa",
            "bel mij",
            "bel me",
            "appelez",
            "llame",
            "chiam",
            "zadzwo",
            "zavolej",
            "soita",
            "whatsapp",
            "sms",
            "fax",
            "тел",
            "телефон",
            "мобилен",
            "gsm",
            "τηλ",
            "τηλεφωνο",
            "κινητο",
            "fon",
            "rufnummer",
            "erreichbar",
            "numero de tel",
            "direkte",
            "hotline",
            "dial",
        ],
    ),
    (Kind::EsDni, &["dni", "nif", "documento nacional", "identidad"]),
    (Kind::EsNie, &["nif", "extranjero", "identidad"]),
    (Kind::IePps, &["pps", "ppsn", "personal public service", "uimhir psp"]),
    (Kind::CyTic, &["tic", "tax identification", "φορολογικη ταυτοτητα", "αφτ"]),
    (Kind::FiHetu, &["hetu", "henkilotunnu", "personbeteckning", "sotu"]),
];

/// Words that say the number names a thing: an order, a parcel, a product. A nearer cue overrules them.
const THINGS: &[&str] = &[
    "order",
    "ordre",
    "bestell",
    "bestil",
    "commande",
    "pedido",
    "ordine",
    "zamow",
    "objednav",
    "comand",
    "tilaus",
    "invoice",
    "faktur",
    "rechnung",
    "facture",
    "factura",
    "fattura",
    "lasku",
    "tracking",
    "parcel",
    "pakke",
    "paket",
    "colis",
    "sendung",
    "zending",
    "przesyl",
    "ean",
    "isbn",
    "gtin",
    "sku",
    "serial",
    "serien",
    "serie",
    "batch",
    "charge nr",
    "lot",
    "ticket",
    "artikel",
    "article",
    "articulo",
    "articolo",
    "varenr",
    "tuote",
    "product",
    "produkt",
    "transaction",
    "transakt",
    "timestamp",
    "build",
    "nummer der bestellung",
    "реф",
    "поръчка",
    "фактура",
    "παραγγελια",
    "τιμολογιο",
    "barcode",
    "stregkode",
    "streckkod",
    "kod kreskowy",
    "ref",
    "vorgang",
    "aktenzeichen",
    "sagsnr",
    "meter",
    "zaehler",
    "zahler",
    "imei",
];

/// One slot for each kind and one for things.
pub(crate) const SLOTS: usize = Kind::ALL.len() + 1;
pub(crate) const THING: usize = Kind::ALL.len();

/// All words in one automaton, so that each window is read once.
pub(crate) struct Cues {
    automaton: Option<AhoCorasick>,
    /// The slot and the number of letters of each word.
    words: Vec<(usize, usize)>,
}

impl Default for Cues {
    fn default() -> Self {
        let kinds =
            ROWS.iter().flat_map(|(kind, list)| list.iter().map(|word| (*kind as usize, *word)));
        let all: Vec<(usize, &str)> =
            kinds.chain(THINGS.iter().map(|word| (THING, *word))).collect();
        let automaton = AhoCorasick::new(all.iter().map(|(_, word)| *word)).ok();
        let words = all.into_iter().map(|(slot, word)| (slot, word.chars().count())).collect();
        Self { automaton, words }
    }
}

impl Cues {
    /// Each word in the window: its slot, where it begins and where it ends.
    pub(crate) fn each(&self, folded: &str, mut found: impl FnMut(usize, usize, usize)) {
        let Some(automaton) = &self.automaton else { return };
        for one in automaton.find_overlapping_iter(folded) {
            if let Some((slot, letters)) = self.words.get(one.pattern().as_usize())
                && stands_alone(folded, one.start(), one.end(), *letters)
            {
                found(*slot, one.start(), one.end());
            }
        }
    }
}

/// Long cues may be parts of longer words, short ones must be words: `bsn`, not `absnt`.
fn stands_alone(folded: &str, start: usize, end: usize, letters: usize) -> bool {
    (letters > 6 || !bytes::word_before(folded, start))
        && (letters > 4 || !bytes::word_after(folded, end))
}
