//! Sentences of the other countries, and lines of machines.

use pii::Kind;

/// The numbers of the other countries, each with a sentence of theirs.
pub(super) const OTHERS: &[(&str, Kind, &[&str])] = &[
    (
        "nb",
        Kind::NoFnr,
        &["Fødselsnummeret mitt er {id}.", "fnr {id}", "Pasienten {id} kom i går."],
    ),
    ("is", Kind::IsKennitala, &["Kennitalan mín er {id}.", "Kennitala: {id}", "kt. {id}"]),
    ("et", Kind::EeLtPersonalCode, &["Minu isikukood on {id}.", "Isikukood: {id}"]),
    ("lt", Kind::EeLtPersonalCode, &["Mano asmens kodas {id}.", "Asmens kodas: {id}"]),
    ("lv", Kind::LvPersonalCode, &["Mans personas kods ir {id}.", "Personas kods: {id}"]),
    ("de-AT", Kind::AtSvnr, &["Meine Sozialversicherungsnummer ist {id}.", "SVNR: {id}"]),
    ("de-CH", Kind::ChAhv, &["Meine AHV-Nummer ist {id}.", "AHV: {id}", "Numéro AVS {id}"]),
    (
        "fr-BE",
        Kind::BeNationalNumber,
        &["Mon numéro de registre national est {id}.", "NISS {id}", "La personne {id} habite ici."],
    ),
    ("lb", Kind::LuMatricule, &["Mäi Matricule ass {id}.", "Matricule: {id}"]),
    ("cs", Kind::CzSkBirthNumber, &["Moje rodné číslo je {id}.", "Rodné číslo: {id}", "r.č. {id}"]),
    ("hu", Kind::HuTaj, &["A TAJ számom {id}.", "TAJ: {id}"]),
    ("hu", Kind::HuTaxId, &["Az adóazonosító jelem {id}.", "Adóazonosító jel: {id}"]),
    ("el", Kind::GrAmka, &["Το ΑΜΚΑ μου είναι {id}.", "ΑΜΚΑ: {id}"]),
    ("el", Kind::GrAfm, &["Το ΑΦΜ μου είναι {id}.", "ΑΦΜ: {id}"]),
    ("hr", Kind::HrOib, &["Moj OIB je {id}.", "OIB: {id}"]),
    ("sl", Kind::SiEmso, &["Moj EMŠO je {id}.", "EMŠO: {id}"]),
    ("ro", Kind::RoCnp, &["CNP-ul meu este {id}.", "CNP: {id}", "Persoana {id} a semnat."]),
    ("el-CY", Kind::CyTic, &["Ο αριθμός ΑΦΤ μου είναι {id}.", "TIC: {id}"]),
];

/// Lines of machines, which speak no language.
pub(super) const MACHINES: &[&str] = &[
    "{iso} INFO request {uuid} from {ip_address} took {n6} us",
    "commit {commit} sha256:{sha256}",
    "{epoch_ms} WARN retry of {uuid} on {port}",
    "export OPENAI_API_KEY={secret}",
    "Authorization: Bearer {secret}",
    "psql postgres://{url_credential}/shop",
    "dhcp lease {mac_address} {ip_address}",
    "upgraded to version {version} ({dotted})",
    "clone {remote} with {package}",
    "etag {md5} expires {epoch}",
    "{path} panicked at line {n6}",
    "net {netmask} gateway {ip_address}",
    "config has {placeholder} and listens on {port}",
    "{epoch} GET /items/{n9} 200 {n7}",
    "data:{blob}",
    "saved {file} at {coordinates}",
    "thanks {handle}, see {dotted}",
    "pallet {sscc} part {part} sku {sku}",
    "id {n16} rows {range}",
    "{date} {time} {amount} {n13}",
    "not valid: {iban_wrong}",
    "declined: {card_wrong}",
    "wrong: {id_wrong}",
    "book {isbn} code {ean}",
    "batch {n12} of {date}",
    "curl -u {email} {port}",
];
