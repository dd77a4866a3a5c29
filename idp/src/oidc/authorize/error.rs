//! What a client is told where there is no sign-in.

use crate::domain::interaction::Refusal;

/// The `error` a client receives (RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    InvalidRequest(&'static str),
    UnsupportedResponseType,
    InvalidScope,
    /// RFC 8707 2.
    InvalidTarget,
    /// RFC 9101 10.4.
    InvalidRequestObject(&'static str),
    RequestUriNotSupported,
    RegistrationNotSupported,
    LoginRequired,
    InteractionRequired,
    ConsentRequired,
    /// OpenID Connect Core Error Code `unmet_authentication_requirements` 1.0.
    UnmetAuthenticationRequirements,
    /// The person may not go there.
    AccessDenied,
    /// The person does not wish to.
    Declined,
    ServerError,
    TemporarilyUnavailable,
}

impl Error {
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidRequestObject(_) => "invalid_request_object",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::ConsentRequired => "consent_required",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::AccessDenied | Self::Declined => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// For the client's developer. Fixed text: nothing of the request is repeated (OP-17).
    pub(in crate::oidc) const fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest(why) | Self::InvalidRequestObject(why) => why,
            Self::UnsupportedResponseType => "only response_type=code is supported",
            Self::InvalidScope => "scope must contain openid",
            Self::InvalidTarget => "resource is not one that the client is registered for",
            Self::RequestUriNotSupported => {
                "request_uri is supported as the pushed authorization endpoint gives it only"
            }
            Self::RegistrationNotSupported => "the registration parameter is not supported",
            Self::LoginRequired => "the person asked for is not the one who is signed in, or nobody is",
            Self::InteractionRequired => "the person must answer a question and prompt=none forbids it",
            Self::ConsentRequired => "the person must agree and prompt=none forbids asking",
            Self::UnmetAuthenticationRequirements => "the essential acr is not true of the person who signed in",
            Self::AccessDenied => "this service is not open to the person who signed in",
            Self::Declined => "the person did not agree",
            Self::ServerError => "the request could not be answered",
            Self::TemporarilyUnavailable => "too busy to answer now",
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoPassive | Refusal::SomeoneElse => Self::LoginRequired,
            Refusal::InteractionRequired => Self::InteractionRequired,
            Refusal::NotOpenTo(_) => Self::AccessDenied,
            Refusal::Unmet => Self::UnmetAuthenticationRequirements,
            Refusal::ConsentRequired => Self::ConsentRequired,
            Refusal::Declined => Self::Declined,
        }
    }
}
