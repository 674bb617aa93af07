//! How the passwords of people are stored, without what could help to guess one.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use domain::{DataClass, OrgId, Result};
use sea_orm::{ColumnTrait as _, QueryFilter as _};
use vault::{Key, RootKey};
use zeroize::Zeroizing;

use super::Inspector;
use crate::{
    entity::user,
    error::from_db,
    keyring::{Keyring, Place},
    tenant,
};

/// What every stored password looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredPasswords {
    /// How many there are.
    pub all: u64,
    /// Those that do not open with this deployment's keys to what a password hash looks like.
    pub odd: u64,
    /// Those that are readable as they lie there, or open with another root key.
    pub loose: u64,
    /// Algorithm, version and parameters, such as `argon2id$v=19$m=19456,t=2,p=1`.
    pub forms: BTreeSet<String>,
    /// Different salts.
    pub salts: u64,
    /// The shortest salt and the shortest hash, in characters of base64.
    pub shortest: Option<(usize, usize)>,
}

impl Inspector {
    /// What is stored of every password, and whether the key that opens them lies in the database as well.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn stored_passwords(&self) -> Result<StoredPasswords> {
        self.keyring.forget();
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        let rows = tenant::deployed::<user::Entity>()
            .filter(user::Column::Password.is_not_null())
            .all(tx.on())
            .await
            .map_err(from_db)?;
        let keys = self.keyring.of(&tx, OrgId::DEPLOYMENT).await?;
        // Somebody who has the database and not the root key has any other key at best.
        let other = Keyring::new(RootKey::received(Key::from_bytes(vault::random()?)));
        let guessed = other.load(&tx, OrgId::DEPLOYMENT).await.ok();
        let mut found = StoredPasswords::default();
        let mut salts = BTreeSet::new();
        for row in rows {
            let Some(sealed) = row.password else { continue };
            found.all += 1;
            let place = || Place {
                class: DataClass::Password,
                table: "users",
                column: "password",
                row: row.id.as_bytes(),
            };
            let opens = guessed.as_ref().is_some_and(|keys| keys.open(place(), &sealed).is_ok());
            found.loose += u64::from(opens || reads_as_hash(&sealed));
            let open = keys.open(place(), &sealed).ok();
            let parts = open.as_deref().and_then(|open| parts(open));
            let Some((form, salt, hash)) = parts else {
                found.odd += 1;
                continue;
            };
            let shortest = found.shortest.unwrap_or((salt.len(), hash));
            found.shortest = Some((shortest.0.min(salt.len()), shortest.1.min(hash)));
            found.forms.insert(form);
            salts.insert(salt);
        }
        found.salts = salts.len() as u64;
        Ok(found)
    }

    /// Whether any value of the database holds the root key, as it is or encoded; and whether one that does would be
    /// recognised.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn holds_root_key(&self) -> Result<(bool, bool)> {
        let root = self.keyring.root().hand_over();
        let bytes = Zeroizing::new(root.expose().to_vec());
        let digits = Zeroizing::new(hex::encode(bytes.as_slice()));
        let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(bytes.as_slice()));
        let forms = [bytes.as_slice(), digits.as_bytes(), encoded.as_bytes()];
        let holds = |value: &[u8]| {
            forms.iter().any(|form| value.windows(form.len()).any(|window| window == *form))
        };
        let mut found = false;
        self.values(&mut |seen| found |= holds(seen.value)).await?;
        let seen = forms.iter().all(|form| holds(&Zeroizing::new([b"x", *form].concat())));
        Ok((found, seen))
    }
}

fn reads_as_hash(value: &[u8]) -> bool {
    value.windows(6).any(|window| window == b"argon2")
}

/// Algorithm and parameters, the salt, and the length of the hash, of a PHC string.
fn parts(phc: &[u8]) -> Option<(String, String, usize)> {
    let text = std::str::from_utf8(phc).ok()?.strip_prefix('$')?;
    let (rest, hash) = text.rsplit_once('$')?;
    let (form, salt) = rest.rsplit_once('$')?;
    Some((form.to_owned(), salt.to_owned(), hash.len()))
}
