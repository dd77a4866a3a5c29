//! What can be said of a client and of an authorization request, each with its fix (journeys R3). Words only: what is
//! said of a request is what `authorize::read` did with it.

use super::authorize::{self, Parameters, Reason, Refused};
use crate::domain::interaction::Outgoing;
use crate::domain::relying_party::{ClientAuthentication, IdTokenAlgorithm, OidcParty, RelyingParty};
use crate::domain::verdict::Verdict;

pub fn of_party(party: &RelyingParty, client: &OidcParty) -> Vec<Verdict> {
    let registration = if party.is_suspended {
        let found = "the client is suspended: every request gets a page here";
        Verdict::refused("registration", found, "have an operator open it again")
    } else {
        Verdict::good("registration", format!("open as \"{}\"", party.name))
    };
    let addresses = if client.redirect_uris.is_empty() {
        Verdict::refused("redirect_uri", "no address for answers is registered", "register one with redirect_uris")
    } else {
        Verdict::good("redirect_uri", client.redirect_uris.join("; "))
    };
    let authentication = match (&client.client_authentication, client.pkce_required) {
        (ClientAuthentication::None, true) => Verdict::good("authentication", "a public client, with PKCE"),
        (ClientAuthentication::None, false) => {
            let found = "a public client without PKCE: whoever steals a code can use it";
            Verdict::refused("authentication", found, "register it with PKCE (require_pkce)")
        }
        (ClientAuthentication::ClientSecretBasic { .. }, pkce) => secret("client_secret_basic", pkce),
        (ClientAuthentication::ClientSecretPost { .. }, pkce) => secret("client_secret_post", pkce),
        (ClientAuthentication::PrivateKeyJwt { .. }, _) if client.keys.is_none() => {
            let found = "private_key_jwt without keys: nothing it signs can be verified";
            Verdict::refused("authentication", found, "register its jwks or jwks_uri")
        }
        (ClientAuthentication::SelfSignedTlsClientAuth, _) if client.keys.is_none() => {
            let found = "self_signed_tls_client_auth without keys: none of its certificates is known";
            Verdict::refused("authentication", found, "register its jwks or jwks_uri, with the certificate as x5c")
        }
        (
            method @ (ClientAuthentication::PrivateKeyJwt { .. }
            | ClientAuthentication::TlsClientAuth { .. }
            | ClientAuthentication::SelfSignedTlsClientAuth),
            pkce,
        ) => secret(method.name(), pkce),
    };
    let algorithm = match client.id_token_algorithm {
        IdTokenAlgorithm::Rs256 => "RS256",
        IdTokenAlgorithm::Es256 => "ES256",
    };
    let start = match &party.start {
        Some(start) => Verdict::good("start", start),
        None => Verdict::warning(
            "start",
            "no start address: whoever comes back to a request that is too old is left on a page here",
            "register the address where a person starts to sign in (client_uri, or rp add --start)",
        ),
    };
    vec![registration, addresses, authentication, Verdict::good("id_token", algorithm), start]
}

fn secret(method: &str, pkce: bool) -> Verdict {
    if pkce {
        return Verdict::good("authentication", format!("{method}, with PKCE"));
    }
    let found = format!("{method}; PKCE is not required of it");
    Verdict::warning("authentication", found, "send code_challenge with S256, then have require_pkce set")
}

/// From the query as it was sent.
pub fn of_request(query: &str, party: &RelyingParty, issuer: &str) -> Vec<Verdict> {
    let read = Parameters::parse(query).map_err(Refused::Local);
    if read.as_ref().is_ok_and(|parameters| parameters.reference().is_some()) {
        return vec![Verdict::good("request", "a reference to a pushed request, which was checked when it was pushed")];
    }
    let outcome = read.and_then(|parameters| authorize::read(&parameters, party, issuer));
    match outcome {
        Ok((_, reply)) => {
            let pkce = if reply.code_challenge.is_some() { "with PKCE" } else { "without PKCE" };
            let scopes = format!("granted: {}", reply.scopes.join(" "));
            vec![
                Verdict::good("request", format!("leads to a sign-in, {pkce}")),
                Verdict::good("redirect_uri", reply.redirect_uri),
                Verdict::good("scope", scopes),
            ]
        }
        Err(Refused::Local(reason)) => vec![Verdict::refused("request", reason.to_string(), fix(reason))],
        Err(Refused::Reply(outgoing)) => {
            let found = format!("the portal is told {}", error(&outgoing));
            vec![Verdict::refused("request", found, "change what error_description names")]
        }
    }
}

/// The error as the client will read it.
fn error(outgoing: &Outgoing) -> String {
    let pairs: Vec<(String, String)> = match outgoing {
        Outgoing::Redirect(address) => {
            let query = address.split_once('?').map_or("", |(_, query)| query);
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
        }
        Outgoing::Form { fields, .. } => {
            fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        }
    };
    let told = |name: &str| pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
    format!("{}: {}", told("error"), told("error_description"))
}

const fn fix(reason: Reason) -> &'static str {
    match reason {
        Reason::Unreadable(_) => "send each parameter once, percent-encoded as a form",
        Reason::ClientId => "send the registered client_id, once",
        Reason::UnknownClient => "send the registered client_id, letter by letter",
        Reason::SuspendedClient => "have an operator open the client again",
        Reason::NoRedirectUri => "send redirect_uri, once",
        Reason::RequestObject => "sign it with a registered key, for this issuer, with exp and the right typ",
        Reason::UnregisteredRedirectUri => {
            "send one of the registered addresses, letter by letter, or register this one"
        }
    }
}
