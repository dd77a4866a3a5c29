//! `[keys]`: where the signing keys are, and how slowly they change.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::Every;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// Where the keys are; `keys` inside the data folder unless said. Required with PostgreSQL.
    pub folder: Option<PathBuf>,
    /// How long a key is published before it signs: as long as others may keep a copy of our metadata.
    pub publish: Every,
    /// The token in which new signing keys are made. Without it they are sealed files in the folder.
    pub pkcs11: Option<Pkcs11>,
}

/// A PKCS#11 token: a hardware security module, or SoftHSM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pkcs11 {
    /// The vendor's library.
    pub module: PathBuf,
    /// The label the token was initialised with.
    pub token_label: String,
    /// A file that only its owner reads, with the PIN of the token's user on its first line.
    pub pin_file: PathBuf,
}

impl Keys {
    /// SO-07.
    const LEAST: Duration = Duration::from_hours(24);

    pub(super) fn problems(&self, data: &str, is_test: bool) -> impl Iterator<Item = &'static str> {
        let nowhere = (data.starts_with("postgres") && self.folder.is_none())
            .then_some("keys.folder: expected a folder for the keys, since the data is in PostgreSQL");
        let in_haste = (self.publish.0 < Self::LEAST && !is_test).then_some(
            "keys.publish: expected 24h or more; `guichet keys activate --urgent` is for the day that cannot wait",
        );
        nowhere.into_iter().chain(in_haste)
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self { folder: None, publish: Every(Self::LEAST), pkcs11: None }
    }
}
