//! A registration, looked at as it stands.

use data_encoding::BASE64;
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::domain::relying_party::{RelyingParty, SamlParty};
use crate::domain::saml_options::Encrypt;
use crate::domain::verdict::Verdict;
use crate::saml::encryption;
use crate::saml::trust::{Key, Weakness};

/// Journeys R4: a certificate that production starts with is good for so long.
const SOON: Duration = Duration::days(60);

pub fn of_party(party: &RelyingParty, saml: &SamlParty, now: OffsetDateTime) -> Vec<Verdict> {
    let mut verdicts = vec![registration(party, saml, now), start(party), addresses(saml)];
    verdicts.extend(certificates("signing-certificate", &saml.signing_certificates, now));
    verdicts.push(requests(saml));
    verdicts.extend(certificates("encryption-certificate", &saml.encryption_certificates, now));
    verdicts.push(answers(saml));
    verdicts.push(Verdict::good("name-id", format!("{} where the request asks for none", saml.usual_name_id().word())));
    verdicts
}

fn registration(party: &RelyingParty, saml: &SamlParty, now: OffsetDateTime) -> Verdict {
    let about = "registration";
    if party.is_suspended {
        return Verdict::refused(
            about,
            "the party is suspended: every request gets a page here",
            "have an operator open it again",
        );
    }
    match saml.valid_until {
        Some(end) if end <= now => Verdict::refused(
            about,
            format!("the metadata ended on {} (validUntil)", end.date()),
            "publish metadata with a later validUntil and have it registered again",
        ),
        Some(end) if end - now <= SOON => Verdict::warning(
            about,
            format!("open as \"{}\", until {} (validUntil)", party.name, end.date()),
            "publish metadata with a later validUntil before that day",
        ),
        Some(end) => Verdict::good(about, format!("open as \"{}\", until {} (validUntil)", party.name, end.date())),
        None => Verdict::good(about, format!("open as \"{}\"", party.name)),
    }
}

fn start(party: &RelyingParty) -> Verdict {
    match &party.start {
        Some(start) => Verdict::good("start", start),
        None => Verdict::warning(
            "start",
            "no start address: whoever comes back to a request that is too old is left on a page here",
            "register the address where a person starts to sign in (rp add --start)",
        ),
    }
}

fn addresses(saml: &SamlParty) -> Verdict {
    let usual = saml.default_consumer().map(|consumer| consumer.location.as_str());
    let list = saml.assertion_consumers.iter().map(|consumer| {
        let mark = if Some(consumer.location.as_str()) == usual { ", the default" } else { "" };
        format!("{} (index {}{mark})", consumer.location, consumer.index)
    });
    let list = list.collect::<Vec<_>>().join("; ");
    if list.is_empty() {
        let fix = "publish an AssertionConsumerService with the HTTP-POST binding";
        return Verdict::refused("reply-address", "no address for answers is registered", fix);
    }
    Verdict::good("reply-address", list)
}

fn certificates(about: &'static str, certificates: &[String], now: OffsetDateTime) -> Vec<Verdict> {
    let der = certificates.iter().map(|text| BASE64.decode(text.as_bytes()).unwrap_or_default());
    der.map(|der| certificate(about, &der, now)).collect()
}

fn certificate(about: &'static str, der: &[u8], now: OffsetDateTime) -> Verdict {
    let weakness = Key::from_certificate(der).err().map(|weakness| match weakness {
        Weakness::NotACertificate => "this is no certificate".to_owned(),
        Weakness::ShortRsa(bits) => format!("its RSA key has {bits} bits; 2048 is the least"),
        Weakness::Algorithm => "its key is neither RSA nor on the curves P-256 and P-384".to_owned(),
    });
    if let Some(found) = weakness {
        return Verdict::refused(about, found, "make a new key, RSA with 3072 bits for instance, and publish it");
    }
    let Ok((_, read)) = X509Certificate::from_der(der) else {
        return Verdict::refused(about, "this is no certificate", "publish the certificate in base64");
    };
    let bits = read.public_key().parsed().map_or(0, |key| key.key_size());
    let end = read.validity().not_after.to_datetime();
    let found = format!("{} bits, until {}", bits, end.date());
    if end <= now {
        let found = format!("{found}: expired. The key is used all the same, since metadata says which keys are good");
        return Verdict::warning(about, found, "publish a new certificate, beside this one at first");
    }
    if end - now <= SOON {
        return Verdict::warning(about, found, "publish the next certificate beside this one before that day");
    }
    Verdict::good(about, found)
}

fn requests(saml: &SamlParty) -> Verdict {
    let about = "requests";
    match (saml.requests_signed, Key::registered(&saml.signing_certificates).is_empty()) {
        (true, true) => Verdict::refused(
            about,
            "the metadata says that requests are signed (AuthnRequestsSigned), but no usable key is registered",
            "publish the signing certificate, or set AuthnRequestsSigned to false",
        ),
        (true, false) => Verdict::good(about, "must be signed by a registered key (AuthnRequestsSigned)"),
        (false, true) => Verdict::good(about, "unsigned; a signed one would be refused, for no key is registered"),
        (false, false) => Verdict::good(about, "may be unsigned; a signature, where there is one, must be good"),
    }
}

fn answers(saml: &SamlParty) -> Verdict {
    let about = "encryption";
    let publishes = !saml.encryption_certificates.is_empty();
    match (encryption::chosen(saml), saml.options.encrypt) {
        (Err(_), _) => Verdict::refused(
            about,
            "nothing may be told in clear (encrypt=required), and the metadata has no RSA key for encryption",
            "publish an RSA certificate for encryption, or have encrypt set to auto",
        ),
        (Ok(Some(_)), _) => Verdict::good(about, "assertions are encrypted with AES-GCM, their key by RSA-OAEP"),
        (Ok(None), Encrypt::Never) if publishes => Verdict::warning(
            about,
            "assertions go in clear (encrypt=never), though a key is published",
            "set encrypt=auto if the party can open AES-GCM",
        ),
        (Ok(None), _) if publishes => Verdict::warning(
            about,
            "assertions go in clear: none of the published keys is RSA",
            "publish an RSA certificate for encryption",
        ),
        (Ok(None), _) => {
            Verdict::good(about, "assertions go in clear, over TLS: the metadata has no key for encryption")
        }
    }
}
