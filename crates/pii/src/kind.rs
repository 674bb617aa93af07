//! What can be found: one row each with its stable name and the four letters its codes begin with.

/// A kind of thing that identifies a person or opens a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Email,
    Phone,
    Iban,
    Card,
    IpAddress,
    MacAddress,
    UrlCredential,
    Secret,
    AtSvnr,
    BeNationalNumber,
    BgEgn,
    ChAhv,
    CyTic,
    CzSkBirthNumber,
    DeTaxId,
    DkCpr,
    EeLtPersonalCode,
    EsDni,
    EsNie,
    FiHetu,
    FrNir,
    GrAfm,
    GrAmka,
    HrOib,
    HuTaj,
    HuTaxId,
    IePps,
    IsKennitala,
    ItCodiceFiscale,
    LuMatricule,
    LvPersonalCode,
    NlBsn,
    NoFnr,
    PlPesel,
    PtNif,
    RoCnp,
    SePersonnummer,
    SiEmso,
    Person,
}

/// In the order of the enum, which a test holds.
const ROWS: [(Kind, &str, &str); 39] = [
    (Kind::Email, "email", "MAIL"),
    (Kind::Phone, "phone", "TELE"),
    (Kind::Iban, "iban", "IBAN"),
    (Kind::Card, "card", "CARD"),
    (Kind::IpAddress, "ip_address", "IPAD"),
    (Kind::MacAddress, "mac_address", "MACA"),
    (Kind::UrlCredential, "url_credential", "LINK"),
    (Kind::Secret, "secret", "KEYS"),
    (Kind::AtSvnr, "at_svnr", "ATSV"),
    (Kind::BeNationalNumber, "be_national_number", "BENN"),
    (Kind::BgEgn, "bg_egn", "BGEG"),
    (Kind::ChAhv, "ch_ahv", "CHAV"),
    (Kind::CyTic, "cy_tic", "CYTI"),
    (Kind::CzSkBirthNumber, "cz_sk_birth_number", "CZRC"),
    (Kind::DeTaxId, "de_tax_id", "DETX"),
    (Kind::DkCpr, "dk_cpr", "DKCP"),
    (Kind::EeLtPersonalCode, "ee_lt_personal_code", "EELT"),
    (Kind::EsDni, "es_dni", "ESDN"),
    (Kind::EsNie, "es_nie", "ESNI"),
    (Kind::FiHetu, "fi_hetu", "FIHE"),
    (Kind::FrNir, "fr_nir", "FRNI"),
    (Kind::GrAfm, "gr_afm", "GRAF"),
    (Kind::GrAmka, "gr_amka", "GRAM"),
    (Kind::HrOib, "hr_oib", "HROI"),
    (Kind::HuTaj, "hu_taj", "HUTA"),
    (Kind::HuTaxId, "hu_tax_id", "HUTX"),
    (Kind::IePps, "ie_pps", "IEPP"),
    (Kind::IsKennitala, "is_kennitala", "ISKE"),
    (Kind::ItCodiceFiscale, "it_codice_fiscale", "ITCF"),
    (Kind::LuMatricule, "lu_matricule", "LUMA"),
    (Kind::LvPersonalCode, "lv_personal_code", "LVPK"),
    (Kind::NlBsn, "nl_bsn", "NLBS"),
    (Kind::NoFnr, "no_fnr", "NOFN"),
    (Kind::PlPesel, "pl_pesel", "PLPE"),
    (Kind::PtNif, "pt_nif", "PTNI"),
    (Kind::RoCnp, "ro_cnp", "ROCN"),
    (Kind::SePersonnummer, "se_personnummer", "SEPN"),
    (Kind::SiEmso, "si_emso", "SIEM"),
    (Kind::Person, "person", "PERS"),
];

const fn kinds() -> [Kind; ROWS.len()] {
    let mut all = [Kind::Person; ROWS.len()];
    let mut at = 0;
    while at < ROWS.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            all[at] = ROWS[at].0;
        }
        at += 1;
    }
    all
}

impl Kind {
    pub const ALL: [Self; ROWS.len()] = kinds();

    /// The stable name in settings, receipts and reports.
    pub fn name(self) -> &'static str {
        ROWS.get(self as usize).map_or("", |row| row.1)
    }

    /// The letters that a code for this kind begins with.
    pub fn code(self) -> &'static str {
        ROWS.get(self as usize).map_or("", |row| row.2)
    }

    pub fn from_name(name: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// Names rest on lists and neighbours; everything else has a shape of its own and comes first.
    pub(crate) fn is_structured(self) -> bool {
        self != Self::Person
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_enum_and_are_distinct() {
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
            assert!(kind.code().len() == 4 && kind.code().bytes().all(|b| b.is_ascii_uppercase()));
        }
        let codes: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), Kind::ALL.len());
        assert_eq!(Kind::from_name("nothing"), None);
    }
}
