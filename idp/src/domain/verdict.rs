//! One sentence of a test bench: what was looked at, what was found, and what to do about it (journeys R3).

use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// `certificate`, `destination`, `redirect_uri`…: stays, for scripts.
    pub about: &'static str,
    pub grade: Grade,
    pub found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    Good,
    /// It works, but not for long or not as well as it could.
    Warning,
    /// Nobody signs in this way.
    Refused,
}

impl Grade {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Refused => "REFUSED",
        }
    }
}

impl Verdict {
    pub fn good(about: &'static str, found: impl Into<String>) -> Self {
        Self { about, grade: Grade::Good, found: found.into(), fix: None }
    }

    pub fn warning(about: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { about, grade: Grade::Warning, found: found.into(), fix: Some(fix.into()) }
    }

    pub fn refused(about: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { about, grade: Grade::Refused, found: found.into(), fix: Some(fix.into()) }
    }
}
