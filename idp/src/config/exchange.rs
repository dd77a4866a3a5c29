//! What this service exchanges with others by itself: how it reaches them, and how metadata is taken and given.

use std::path::PathBuf;

use serde::Deserialize;

/// How other servers are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outbound {
    /// Plain `http`, this machine and private networks may be asked: a test bench's, never a production's.
    pub allow_private: bool,
    /// Authorities in PEM that are believed beside those of the system.
    pub extra_ca_file: Option<PathBuf>,
}
