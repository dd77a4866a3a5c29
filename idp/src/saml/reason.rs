//! Why a request is not taken: for the log and for the choice of the page, never for the relying party.

use thiserror::Error;

use super::tree::Fault;

/// Nothing is sent to any address of the message for these (SI-14, SO-08).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Reason {
    #[error("the message is larger than what is accepted")]
    TooLarge,
    #[error("the parameters are missing, repeated or not written literally")]
    Parameters,
    #[error("the message is not encoded as its binding says")]
    Encoding,
    #[error("the message is not acceptable XML: {0}")]
    Xml(Fault),
    #[error("the message is not an AuthnRequest as SAML 2.0 describes it")]
    NotARequest,
    #[error("the message is not a LogoutRequest or LogoutResponse as SAML 2.0 describes them")]
    NotALogout,
    #[error("no relying party is known by that entityID")]
    UnknownParty,
    #[error("the relying party is suspended, expired or speaks another protocol")]
    ClosedParty,
    #[error("the signature does not cover the message as the SAML profile asks")]
    SignatureShape,
    #[error("the signature uses an algorithm or a key that is not accepted")]
    Algorithm,
    #[error("the relying party signs its requests, and this one is not signed")]
    Unsigned,
    #[error("the signature was not made by a registered key")]
    Signature,
    #[error("the message is meant for another address")]
    Destination,
    #[error("the message is too old or from the future")]
    Time,
    #[error("the address for the answer is not registered")]
    Consumer,
    #[error("the answer is asked for over a binding that is not offered")]
    ConsumerBinding,
    #[error("the request was used before")]
    Replayed,
}

impl Reason {
    /// A word that stays: for logs, counters and the choice of a text.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::Parameters => "parameters",
            Self::Encoding => "encoding",
            Self::Xml(_) => "xml",
            Self::NotARequest => "not-a-request",
            Self::NotALogout => "not-a-logout",
            Self::UnknownParty => "unknown-party",
            Self::ClosedParty => "closed-party",
            Self::SignatureShape => "signature-shape",
            Self::Algorithm => "algorithm",
            Self::Unsigned => "unsigned",
            Self::Signature => "signature",
            Self::Destination => "destination",
            Self::Time => "time",
            Self::Consumer => "consumer",
            Self::ConsumerBinding => "consumer-binding",
            Self::Replayed => "replayed",
        }
    }
}

impl From<Fault> for Reason {
    fn from(fault: Fault) -> Self {
        match fault.kind {
            super::lexis::Kind::TooLarge => Self::TooLarge,
            _ => Self::Xml(fault),
        }
    }
}
