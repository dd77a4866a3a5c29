//! A request, looked at point by point.

use time::Duration;

use crate::domain::interaction::AuthnContext;
use crate::domain::verdict::Verdict;
use crate::saml::names;
use crate::saml::reason::Reason;
use crate::saml::request::{Choice, Findings, Refused};
use crate::saml::response::Status;

pub fn of_request(found: &Findings) -> Vec<Verdict> {
    let mut verdicts = vec![
        told("registration", &found.registration, |()| {
            "the request is of this party, and the party is open".to_owned()
        }),
        told("signature", &found.signature, |is_signed| {
            let words = if *is_signed { "made by a registered key" } else { "none, and none is asked for" };
            words.to_owned()
        }),
        told("id", &found.id, Clone::clone),
        told("destination", &found.destination, |()| "this address".to_owned()),
        clock(found),
        told("reply-address", &found.consumer, |(location, choice)| {
            let why = match choice {
                Choice::Url => "asked for by its URL",
                Choice::Index => "asked for by its index",
                Choice::Default => "the default, as the request names none",
            };
            format!("{location}, {why}")
        }),
        told("options", &found.asked, |asked| {
            let word = |is_set, word| if is_set { word } else { "" };
            let set = [word(asked.fresh, "ForceAuthn"), word(asked.passive, "IsPassive")];
            let set: Vec<_> = set.into_iter().filter(|word| !word.is_empty()).collect();
            if set.is_empty() { "neither ForceAuthn nor IsPassive".to_owned() } else { set.join(", ") }
        }),
        refusable("encryption", found.encryption.as_ref(), |()| "as registered".to_owned()),
        refusable("subject", found.subject.as_ref(), |subject| match subject {
            None => "nobody in particular".to_owned(),
            Some(_) => "one person, who must be the one that signs in".to_owned(),
        }),
        refusable("scoping", found.scoping.as_ref(), |()| "leaves us in".to_owned()),
        refusable("name-id", found.name_id_format.as_ref(), |format| format.word().to_owned()),
        refusable("context", found.authn_context.as_ref(), |context| said(*context).to_owned()),
    ];
    if found.relay_state.as_ref().is_some_and(|state| state.len() > 80) {
        let found = "RelayState is longer than 80 bytes, which Bindings 3.4.3 forbids; it is returned all the same";
        verdicts.push(Verdict::warning("relay-state", found, "keep what it says in the portal, and send a short key"));
    }
    verdicts
}

/// A link of the unsolicited address.
pub fn of_unsolicited<T>(outcome: &Result<T, Refused>) -> Verdict {
    match outcome {
        Ok(_) => Verdict::good("link", "leads to a sign-in"),
        Err(Refused::Local(reason)) => of_reason("link", *reason),
        Err(Refused::Reply { status, .. }) => refused_with("link", *status),
    }
}

/// Why a message gets a page here and nothing else.
pub fn of_reason(about: &'static str, reason: Reason) -> Verdict {
    Verdict::refused(about, reason.to_string(), fix(reason))
}

fn told<T>(about: &'static str, found: &Result<T, Reason>, words: impl FnOnce(&T) -> String) -> Verdict {
    match found {
        Ok(found) => Verdict::good(about, words(found)),
        Err(reason) => of_reason(about, *reason),
    }
}

fn refusable<T>(about: &'static str, found: Result<&T, &Status>, words: impl FnOnce(&T) -> String) -> Verdict {
    match found {
        Ok(found) => Verdict::good(about, words(found)),
        Err(status) => refused_with(about, *status),
    }
}

fn refused_with(about: &'static str, status: Status) -> Verdict {
    let last = status.nested().rsplit(':').next().unwrap_or_default();
    Verdict::refused(about, format!("{} The portal is told {last}.", status.message()), fix_of(status))
}

fn clock(found: &Findings) -> Verdict {
    let gap = |age: Duration| {
        let words = if age.is_negative() { "ahead of" } else { "before" };
        format!("issued {} s {words} our clock", age.whole_seconds().abs())
    };
    match (found.time(), found.age) {
        (Ok(age), _) if age.abs() > Duration::minutes(1) => {
            Verdict::warning("clock", gap(age), "set the portal's clock by NTP: above five minutes it is refused")
        }
        (Ok(age), _) => Verdict::good("clock", gap(age)),
        (Err(reason), Some(age)) => Verdict::refused("clock", gap(age), fix(reason)),
        (Err(_), None) => {
            let found = "IssueInstant is missing or not a date and time";
            Verdict::refused("clock", found, "write it as 2030-01-31T08:00:00Z")
        }
    }
}

const fn said(context: AuthnContext) -> &'static str {
    names::authn_context_class(context)
}

/// For the developer of the portal.
const fn fix(reason: Reason) -> &'static str {
    match reason {
        Reason::TooLarge => "send a shorter message; RelayState has 1024 bytes at most",
        Reason::Parameters => {
            "send each of SAMLRequest, RelayState, SigAlg and Signature once, under that very name; Signature and SigAlg together or not at all"
        }
        Reason::Encoding => "Redirect: raw deflate, then base64, then percent-encoding; POST: base64 without deflate",
        Reason::Xml(_) => "send one XML document without DOCTYPE, entities, processing instructions or doubled IDs",
        Reason::NotARequest => {
            "send an AuthnRequest with ID, Version=\"2.0\", IssueInstant and Issuer; name the reply address by URL or by index, not both"
        }
        Reason::NotALogout => {
            "send a LogoutRequest with ID, Version=\"2.0\", IssueInstant, Issuer and the NameID that you were given"
        }
        Reason::UnknownParty => "write the registered entityID as Issuer, letter by letter",
        Reason::ClosedParty => "have an operator open the party, or publish metadata that is still valid",
        Reason::SignatureShape => {
            "POST: one enveloped signature right below the root, over the root's ID, exclusive C14N; Redirect: in the query, not inside the message"
        }
        Reason::Algorithm => "sign with RSA-SHA256 or stronger, digest SHA-256 or stronger, RSA of 2048 bits or more",
        Reason::Unsigned => "sign the request, or set AuthnRequestsSigned to false in the metadata",
        Reason::Signature => {
            "publish the certificate of the key that signs; Redirect: sign the very octets that are sent, as SAMLRequest, RelayState, SigAlg"
        }
        Reason::Destination => {
            "write as Destination the address to which the request is sent, as our metadata gives it"
        }
        Reason::Time => "set the portal's clock by NTP; send each request when it is written, not later",
        Reason::Consumer => {
            "ask for an address of the metadata, letter by letter, or publish this one and have it registered"
        }
        Reason::ConsumerBinding => "ask for HTTP-POST as ProtocolBinding, or leave it out",
        Reason::Replayed => "make a new request with a new ID for each sign-in",
    }
}

const fn fix_of(status: Status) -> &'static str {
    match status {
        Status::NoPassive => "leave IsPassive out where nobody is signed in yet",
        Status::RequestDenied => "have the profile of this person granted to the portal",
        Status::RequestUnsupported => {
            "in Subject, send the NameID that you were given and no SubjectConfirmation; leave out a ProxyCount that is no number"
        }
        Status::UnknownPrincipal => "send as Subject the NameID that you were given, with its qualifiers, or none",
        Status::NoAuthnContext => {
            "ask for PasswordProtectedTransport, or leave RequestedAuthnContext out: a password over TLS is what we do"
        }
        Status::InvalidNameIdPolicy => {
            "ask for persistent, transient or unspecified, with no SPNameQualifier but your own"
        }
        Status::NoSupportedIdp => "name our entityID in the IDPList, or leave Scoping out",
        Status::NoEncryptionKey => "publish an RSA certificate for encryption, or have encrypt set to auto",
        Status::AuthnFailed => "start again",
    }
}
