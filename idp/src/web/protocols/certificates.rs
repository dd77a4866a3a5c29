//! Clients that are known by the certificate of their connection, and tokens that are bound to it (RFC 8705).

use crate::domain::holder::Holder;
use crate::domain::relying_party::{ClientAuthentication, OidcParty};
use crate::mutual_tls::NotCertified;
use crate::oidc::certificate::{self, Refused};
use crate::oidc::token;
use crate::parties::client_keys::NotVerified;
use crate::web::caller::Caller;
use crate::web::state::App;

/// For the journal of operators: a client learns no more than `invalid_client`.
#[derive(Debug, thiserror::Error)]
pub enum NotTheirs {
    #[error("it came without a certificate")]
    None,
    #[error(transparent)]
    NotCertified(#[from] NotCertified),
    #[error("of its certificate: {0}")]
    Certificate(#[from] Refused),
    #[error("its keys: {0}")]
    Keys(#[from] NotVerified),
    #[error("it is registered with another method")]
    Method,
}

/// Whether the caller is the client, by the certificate that it came with (RFC 8705 2).
pub async fn check(app: &App, caller: &Caller, client: &OidcParty) -> Result<(), NotTheirs> {
    let chain = caller.certificates();
    let own = chain.first().ok_or(NotTheirs::None)?;
    let now = app.clock.now();
    match &client.client_authentication {
        ClientAuthentication::TlsClientAuth { name } => {
            app.authorities.certify(chain, u64::try_from(now.unix_timestamp()).unwrap_or_default())?;
            Ok(certificate::check_name(own, name)?)
        }
        ClientAuthentication::SelfSignedTlsClientAuth => {
            Ok(app.client_keys.holds_certificate(client.keys.as_ref(), own, now).await?)
        }
        ClientAuthentication::None
        | ClientAuthentication::ClientSecretBasic { .. }
        | ClientAuthentication::ClientSecretPost { .. }
        | ClientAuthentication::PrivateKeyJwt { .. } => Err(NotTheirs::Method),
    }
}

/// Whom the tokens of this request are bound to (RFC 8705 3), whatever the method by which the client is known.
pub fn holder(caller: &Caller) -> Result<Holder, token::Error> {
    check_no_proof(caller)?;
    let own = caller.certificates().first();
    let own = own.ok_or(token::Error::InvalidRequest("a certificate over mutual TLS is required of this client"))?;
    Ok(Holder::Certificate(certificate::thumbprint(own)))
}

/// A token has one holder: a client does not prove a key beside its certificate.
pub fn check_no_proof(caller: &Caller) -> Result<(), token::Error> {
    if caller.proofs().is_empty() {
        Ok(())
    } else {
        Err(token::Error::InvalidProof("the tokens of this client are bound to its certificate"))
    }
}

/// Whether the caller came with the certificate of this thumbprint.
pub fn has(caller: &Caller, thumbprint: &str) -> bool {
    caller.certificates().first().is_some_and(|own| certificate::thumbprint(own) == thumbprint)
}
