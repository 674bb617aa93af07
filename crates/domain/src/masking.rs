//! What becomes of personal data in the requests of a project: what its administrators decide.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// From the weakest to the strictest.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum MaskingMode {
    /// Texts are not looked at.
    #[default]
    Off,
    /// Receipts say how much was found; nothing is changed.
    Detect,
    /// Codes go to the provider, and the values come back in the answer.
    Mask,
    /// A request in which something is found goes to nobody.
    Block,
}

impl MaskingMode {
    pub const ALL: [Self; 4] = [Self::Off, Self::Detect, Self::Mask, Self::Block];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Detect => "detect",
            Self::Mask => "mask",
            Self::Block => "block",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }

    /// Whether a text that cannot be looked at may be sent on all the same.
    #[must_use]
    pub const fn lets_pass(self) -> bool {
        matches!(self, Self::Off | Self::Detect)
    }
}

/// The setting of an organization or a project. Nobody has to set any: then texts are not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Masking {
    pub mode: MaskingMode,
    /// Kinds that are left alone, by their names in [`PERSONAL_DATA`].
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub except: BTreeSet<String>,
    /// Whether names of people are looked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub names: bool,
}

impl Masking {
    /// What holds for a project under its organization's setting: never less than either.
    #[must_use]
    pub fn strengthened(&self, by: &Self) -> Self {
        let except = match (self.mode, by.mode) {
            // Who looks for nothing has left nothing alone on purpose.
            (MaskingMode::Off, _) => by.except.clone(),
            (_, MaskingMode::Off) => self.except.clone(),
            _ => &self.except & &by.except,
        };
        Self { mode: self.mode.max(by.mode), except, names: self.names || by.names }
    }

    /// The setting as it is kept.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_kind` for a kind that does not exist.
    pub fn checked(self) -> Result<Self> {
        match self.except.iter().find(|kind| kind_says(kind).is_none()) {
            // What was entered may be anything, so it is not repeated.
            Some(_) => Err(Error::invalid(
                "A kind of personal data is named as in the list, such as email.",
            )
            .with_code("invalid_kind")),
            None => Ok(self),
        }
    }
}

/// A kind's name in words.
#[must_use]
pub fn kind_says(name: &str) -> Option<&'static str> {
    PERSONAL_DATA.iter().find(|(known, _)| *known == name).map(|(_, says)| *says)
}

/// The kinds of personal data and secrets that are looked for, with their names in words.
pub const PERSONAL_DATA: [(&str, &str); 39] = [
    ("email", "E-mail address"),
    ("phone", "Phone number"),
    ("iban", "Bank account (IBAN)"),
    ("card", "Payment card"),
    ("ip_address", "IP address"),
    ("mac_address", "Hardware address (MAC)"),
    ("url_credential", "Password in a web address"),
    ("secret", "Password, token or key"),
    ("at_svnr", "Austrian social insurance number"),
    ("be_national_number", "Belgian national number"),
    ("bg_egn", "Bulgarian personal number"),
    ("ch_ahv", "Swiss AHV number"),
    ("cy_tic", "Cypriot tax number"),
    ("cz_sk_birth_number", "Czech or Slovak birth number"),
    ("de_tax_id", "German tax number"),
    ("dk_cpr", "Danish CPR number"),
    ("ee_lt_personal_code", "Estonian or Lithuanian personal code"),
    ("es_dni", "Spanish DNI"),
    ("es_nie", "Spanish NIE"),
    ("fi_hetu", "Finnish personal identity code"),
    ("fr_nir", "French social security number"),
    ("gr_afm", "Greek tax number"),
    ("gr_amka", "Greek social security number"),
    ("hr_oib", "Croatian OIB"),
    ("hu_taj", "Hungarian social security number"),
    ("hu_tax_id", "Hungarian tax number"),
    ("ie_pps", "Irish PPS number"),
    ("is_kennitala", "Icelandic kennitala"),
    ("it_codice_fiscale", "Italian codice fiscale"),
    ("lu_matricule", "Luxembourgish matricule"),
    ("lv_personal_code", "Latvian personal code"),
    ("nl_bsn", "Dutch BSN"),
    ("no_fnr", "Norwegian national number"),
    ("pl_pesel", "Polish PESEL"),
    ("pt_nif", "Portuguese tax number"),
    ("ro_cnp", "Romanian CNP"),
    ("se_personnummer", "Swedish personal number"),
    ("si_emso", "Slovenian EMSO"),
    ("person", "Name of a person"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn set(mode: MaskingMode, except: &[&str]) -> Masking {
        let except = except.iter().map(|&kind| kind.to_owned()).collect();
        Masking { mode, except, names: false }
    }

    #[test]
    fn a_project_only_strengthens() {
        use MaskingMode::{Block, Detect, Mask, Off};
        for organization in MaskingMode::ALL {
            for project in MaskingMode::ALL {
                let both = set(organization, &[]).strengthened(&set(project, &[]));
                assert!(both.mode >= organization && both.mode >= project);
            }
        }
        let both = set(Detect, &["email", "card"]).strengthened(&set(Mask, &["email", "phone"]));
        assert_eq!(both, set(Mask, &["email"]), "left alone by both only");
        assert_eq!(set(Off, &[]).strengthened(&set(Mask, &["email"])), set(Mask, &["email"]));
        assert_eq!(set(Block, &["card"]).strengthened(&set(Off, &[])), set(Block, &["card"]));
    }

    #[test]
    fn a_kind_that_does_not_exist_is_refused_without_being_repeated() {
        let error = set(MaskingMode::Mask, &["emial"]).checked().unwrap_err();
        assert_eq!(error.code(), "invalid_kind");
        assert!(!error.message().contains("emial"));
        set(MaskingMode::Mask, &["email"]).checked().unwrap();
    }

    #[test]
    fn modes_are_read_as_they_are_written() {
        for mode in MaskingMode::ALL {
            assert_eq!(MaskingMode::parse(mode.as_str()), Some(mode));
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.as_str());
        }
    }
}
