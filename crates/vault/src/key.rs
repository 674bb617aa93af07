//! A 256-bit key.

use aws_lc_rs::rand;
use domain::{Error, Result};
use zeroize::Zeroizing;

/// 256 secret bits in one heap cell, wiped when dropped.
///
/// It cannot be printed, and copying it takes an explicit [`Key::duplicate`]:
///
/// ```compile_fail
/// let key = vault::Key::generate().unwrap();
/// println!("{key:?}");
/// ```
///
/// ```compile_fail
/// let key = vault::Key::generate().unwrap();
/// let other = key.clone();
/// ```
pub struct Key(Box<Zeroizing<[u8; 32]>>);

impl Key {
    /// A new key from the operating system's generator.
    ///
    /// # Errors
    /// `Internal` when the generator fails.
    pub fn generate() -> Result<Self> {
        let mut key = Self(Box::default());
        fill(key.0.as_mut_slice())?;
        Ok(key)
    }

    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Box::new(Zeroizing::new(bytes)))
    }

    /// A second owner of the same key.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self::from_bytes(**self.0)
    }

    /// The bytes, for the one call that needs them.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Fresh random bytes, such as the id of a data key or a salt.
///
/// # Errors
/// `Internal` when the operating system's generator fails.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn fill(bytes: &mut [u8]) -> Result<()> {
    rand::fill(bytes).map_err(|_| Error::internal("the random generator failed"))
}
