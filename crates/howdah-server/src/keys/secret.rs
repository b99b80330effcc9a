//! The secret of a key: 256 random bits, of which the database has only the SHA-256.
//!
//! A slow hash is for secrets that people choose. Of 2^256 there is none to guess, and a request
//! is checked by one lookup of the hash, which tells nothing by its time.

use std::fmt;

use howdah_error::{Error, Kind, Result};
use sha2::{Digest as _, Sha256};

/// What each secret begins with, so that a leaked one is known for what it is.
const MARK: &str = "hwd_";
/// How much of a secret is shown wherever a key is spoken of: the mark and 32 of the 256 bits.
const SHOWN: usize = MARK.len() + 8;

/// The secret of a key; never logged.
pub struct Secret(String);

impl Secret {
    /// A new one, of the operating system's random numbers.
    pub fn generate() -> Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| {
            Error::new(Kind::Io, "the operating system gives no random numbers").source(error)
        })?;
        Ok(Self(format!("{MARK}{}", hex(&bytes))))
    }

    /// The secret itself, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The part by which the key is known.
    pub fn shown(&self) -> &str {
        &self.0[..SHOWN]
    }

    /// What the database keeps.
    pub fn hash(&self) -> [u8; 32] {
        hash(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What the database keeps of a secret.
pub(super) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_new_and_not_printed() {
        let (one, other) =
            (Secret::generate().expect("random"), Secret::generate().expect("random"));
        assert_eq!(one.reveal().len(), MARK.len() + 64);
        assert_ne!(one.hash(), other.hash());
        assert!(one.reveal().starts_with(one.shown()) && one.shown().len() == 12);
        assert!(!format!("{one:?}").contains(&one.reveal()[SHOWN..]));
    }
}
