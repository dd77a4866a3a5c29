//! Metadata from an address: what is believed of it and what is not (SI-20, SI-04, SI-21).

use std::collections::BTreeSet;

use time::Duration;

use super::*;
use crate::domain::source::{Mark, Trust};
use crate::saml::canonical::Writer;
use crate::saml::metadata::{self, NotTaken, Taken, Wanted, certificate};
use crate::saml::names::{METADATA, METADATA_RPI};
use crate::saml::signing::Halves;

pub const OTHER: &str = "https://other.example/saml";
const MOST: usize = 5 * 1024 * 1024;

/// One service provider, without an end of its own.
pub fn entity(id: &str, consumer: &str, key: Option<TestKey>) -> String {
    let certificate = key.map(|key| {
        format!(
            "<md:KeyDescriptor><ds:KeyInfo xmlns:ds=\"{DSIG}\"><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate>\
             </ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
            key.certificate()
        )
    });
    format!(
        "<md:EntityDescriptor entityID=\"{id}\"><md:SPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{}<md:AssertionConsumerService \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"{consumer}\" index=\"0\">\
         </md:AssertionConsumerService></md:SPSSODescriptor></md:EntityDescriptor>",
        certificate.unwrap_or_default()
    )
}

/// A document to be bent by each test: a federation's unless `is_single`.
#[derive(Clone)]
pub struct Copy {
    attributes: BTreeMap<&'static str, String>,
    pub created: Option<&'static str>,
    pub entities: String,
    is_single: bool,
}

pub fn copy() -> Copy {
    let until = "2027-01-14T08:00:00Z".to_owned();
    Copy {
        attributes: BTreeMap::from([("ID", "_copy".to_owned()), ("validUntil", until)]),
        created: None,
        entities: entity(PARTY, CONSUMER, Some(PARTY_KEY)) + &entity(OTHER, "https://other.example/acs", None),
        is_single: false,
    }
}

pub fn single() -> Copy {
    let mut copy = Copy { entities: entity(PARTY, CONSUMER, Some(PARTY_KEY)), is_single: true, ..copy() };
    copy.attributes.insert("entityID", PARTY.to_owned());
    copy
}

impl Copy {
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.attributes.insert(name, value.to_owned());
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.attributes.remove(name);
        self
    }

    fn name(&self) -> &'static str {
        if self.is_single { "md:EntityDescriptor" } else { "md:EntitiesDescriptor" }
    }

    /// Both halves, the signature's place between them.
    fn halves(&self) -> Halves {
        let mut attributes = vec![("xmlns:md", METADATA)];
        attributes.extend(self.attributes.iter().map(|(name, value)| (*name, value.as_str())));
        let mut out = Writer::default();
        out.open(self.name(), &attributes);
        let at = out.len();
        if let Some(created) = self.created {
            out.open("md:Extensions", &[]);
            out.empty(
                "mdrpi:PublicationInfo",
                &[("xmlns:mdrpi", METADATA_RPI), ("creationInstant", created), ("publisher", "x")],
            );
            out.close("md:Extensions");
        }
        let inside = self.entities.as_str();
        let inside = if self.is_single {
            let start = inside.find("<md:SPSSO").unwrap();
            &inside[start..inside.find("</md:EntityDescriptor>").unwrap()]
        } else {
            inside
        };
        out.append(inside);
        out.close(self.name());
        Halves::cut(out, at)
    }

    pub fn unsigned(&self) -> String {
        let Halves { head, tail } = self.halves();
        head + &tail
    }

    pub fn signed(&self) -> String {
        self.signed_by(PARTY_KEY)
    }

    pub fn signed_by(&self, key: TestKey) -> String {
        let id = self.attributes.get("ID").cloned().unwrap_or_default();
        self.halves().seal(&id, &key).unwrap()
    }
}

fn pinned() -> Trust {
    Trust::Signed(vec![PARTY_KEY.certificate().to_owned()])
}

fn take_as(xml: &str, trust: &Trust, only: &[&str], last: Option<&Mark>) -> Result<Taken, NotTaken> {
    let only: BTreeSet<PartyId> = only.iter().map(|id| PartyId((*id).to_owned())).collect();
    let wanted = Wanted { trust, only: &only, environment: Environment::Production, most: MOST, last };
    metadata::take(xml.as_bytes(), &wanted, NOW)
}

fn take(xml: &str) -> Result<Taken, NotTaken> {
    take_as(xml, &pinned(), &[], None)
}

fn ids(taken: &Taken) -> Vec<&str> {
    taken.parties.iter().map(|party| party.entity_id.0.as_str()).collect()
}

#[test]
fn a_signed_federation_gives_its_parties_with_its_end() {
    let taken = take(&copy().with("cacheDuration", "PT6H").signed()).unwrap();
    assert_eq!(ids(&taken), [PARTY, OTHER]);
    assert_eq!(taken.mark.valid_until, datetime!(2027-01-14 08:00 UTC));
    assert_eq!(taken.cache, Some(Duration::hours(6)));
    assert!(taken.parties.iter().all(|party| party.saml.valid_until == Some(taken.mark.valid_until)));

    let mut nested = copy();
    nested.entities = format!("<md:EntitiesDescriptor>{}</md:EntitiesDescriptor>", nested.entities);
    assert_eq!(ids(&take(&nested.signed()).unwrap()), [PARTY, OTHER]);
    assert_eq!(ids(&take(&single().signed()).unwrap()), [PARTY]);
    let chosen = take_as(&copy().signed(), &pinned(), &[OTHER], None).unwrap();
    assert_eq!(ids(&chosen), [OTHER]);
    let missing = take_as(&copy().signed(), &pinned(), &["https://nobody.example"], None).unwrap_err();
    assert_eq!(missing, NotTaken::Missing("https://nobody.example".to_owned()));
}

#[test]
fn what_xmlsec_signs_is_believed_too() {
    let Halves { head, tail } = copy().halves();
    let signed = sign(&format!("{head}{}{tail}", template("_copy", RSA_SHA256, SHA256)), PARTY_KEY);
    assert_eq!(ids(&take(&signed).unwrap()), [PARTY, OTHER]);
}

#[test]
fn si_20_an_unsigned_or_strangely_signed_copy_is_not_believed() {
    assert_eq!(take(&copy().unsigned()).unwrap_err(), NotTaken::Unsigned);
    let foreign = take(&copy().signed_by(STRANGER)).unwrap_err();
    assert_eq!(foreign, NotTaken::Signature(Reason::Signature), "SI-06: the key inside the document is nobody's");
    let changed = copy().signed().replace("other.example/acs", "evil.example/acs");
    assert_eq!(take(&changed).unwrap_err(), NotTaken::Signature(Reason::Signature));
    // The signature of one entity says nothing of the whole.
    let inner = single().with("ID", "_inner").signed();
    let mut outer = copy();
    outer.entities = inner;
    assert_eq!(take(&outer.unsigned()).unwrap_err(), NotTaken::Signature(Reason::SignatureShape));
    let sha1 = copy().signed().replace(RSA_SHA256, "http://www.w3.org/2000/09/xmldsig#rsa-sha1");
    assert_eq!(take(&sha1).unwrap_err(), NotTaken::Signature(Reason::Algorithm));
}

#[test]
fn si_20_a_copy_has_an_end_within_thirty_days() {
    assert_eq!(take(&copy().without("validUntil").signed()).unwrap_err(), NotTaken::NoEnd);
    let ends = |end: &str| take(&copy().with("validUntil", end).signed());
    assert!(matches!(ends("tomorrow"), Err(NotTaken::End(_))));
    assert!(matches!(ends("2027-01-04T08:00:00Z"), Err(NotTaken::Expired(_))));
    assert!(matches!(ends("2027-02-03T08:06:00Z"), Err(NotTaken::TooLong(_))));
    assert!(ends("2027-02-03T08:00:00Z").is_ok());
    assert!(ends("2027-01-04T08:00:01Z").is_ok());
}

#[test]
fn si_20_a_copy_older_than_the_last_is_not_taken() {
    let mark = |xml: &str| take(xml).unwrap().mark;
    let old = copy().with("validUntil", "2027-01-10T08:00:00Z").signed();
    let new = copy().signed();
    assert!(take_as(&new, &pinned(), &[], Some(&mark(&old))).is_ok());
    assert!(take_as(&new, &pinned(), &[], Some(&mark(&new))).is_ok());
    assert_eq!(take_as(&old, &pinned(), &[], Some(&mark(&new))).unwrap_err(), NotTaken::RolledBack);

    let created = |created| Copy { created: Some(created), ..copy() }.signed();
    let (early, late) = (created("2027-01-03T08:00:00Z"), created("2027-01-04T07:00:00Z"));
    assert!(take_as(&late, &pinned(), &[], Some(&mark(&early))).is_ok());
    assert_eq!(take_as(&early, &pinned(), &[], Some(&mark(&late))).unwrap_err(), NotTaken::RolledBack);
}

#[test]
fn a_fingerprint_becomes_a_pinned_certificate() {
    let xml = copy().signed();
    let fingerprint = certificate::fingerprint(PARTY_KEY.certificate()).unwrap();
    let certificate = metadata::pinned(xml.as_bytes(), &fingerprint, MOST).unwrap();
    assert_eq!(certificate, PARTY_KEY.certificate());
    // An attacker may send the certificate along, but not sign with its key.
    let forged = copy().signed_by(STRANGER).replace(STRANGER.certificate(), PARTY_KEY.certificate());
    let certificate = metadata::pinned(forged.as_bytes(), &fingerprint, MOST).unwrap();
    let taken = take_as(&forged, &Trust::Signed(vec![certificate]), &[], None);
    assert_eq!(taken.unwrap_err(), NotTaken::Signature(Reason::Signature));
    let other = certificate::fingerprint(STRANGER.certificate()).unwrap();
    assert_eq!(metadata::pinned(xml.as_bytes(), &other, MOST).unwrap_err(), NotTaken::NoSuchCertificate(other.clone()));
}

#[test]
fn unsigned_metadata_is_believed_for_a_pinned_key_only() {
    let pin = |key: TestKey| Trust::Key(certificate::fingerprint(key.certificate()).unwrap());
    let xml = single().unsigned();
    assert_eq!(ids(&take_as(&xml, &pin(PARTY_KEY), &[PARTY], None).unwrap()), [PARTY]);
    let refused = take_as(&xml, &pin(STRANGER), &[PARTY], None).unwrap_err();
    assert_eq!(refused, NotTaken::OtherKey(PARTY.to_owned()));
    let endless = single().without("validUntil").unsigned();
    assert_eq!(take_as(&endless, &pin(PARTY_KEY), &[PARTY], None).unwrap_err(), NotTaken::NoEnd);
}

#[test]
fn si_21_an_unfit_party_does_not_keep_the_others_out() {
    let mut mixed = copy();
    mixed.entities += &entity("https://bad.example", "javascript:alert(1)", None);
    mixed.entities += &entity("https://short.example", "https://short.example/acs", Some(SHORT_KEY));
    mixed.entities += &entity("https://twice.example", "https://twice.example/acs", None);
    mixed.entities += &entity("https://twice.example", "https://evil.example/acs", None);
    let taken = take(&mixed.signed()).unwrap();
    assert_eq!(ids(&taken), [PARTY, OTHER]);
    let unfit: Vec<&str> = taken.unfit.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(
        unfit,
        ["https://bad.example", "https://short.example", "https://twice.example", "https://twice.example"]
    );
    let alone = take_as(&mixed.signed(), &pinned(), &["https://bad.example"], None);
    assert!(matches!(alone, Err(NotTaken::Party(_))));
}

#[test]
fn si_01_a_document_over_its_bound_is_not_read() {
    let xml = copy().signed();
    let only = BTreeSet::new();
    let wanted =
        Wanted { trust: &pinned(), only: &only, environment: Environment::Production, most: xml.len() - 1, last: None };
    let refused = metadata::take(xml.as_bytes(), &wanted, NOW).unwrap_err();
    assert!(matches!(refused, NotTaken::Signature(Reason::TooLarge)), "{refused}");
}

/// The wrappings of `wrapping`, with a forged party where a careless reader looks.
fn wrapped(genuine: &Copy) -> Vec<(&'static str, String)> {
    let signed = genuine.signed();
    let end = "</ds:Signature>";
    let start = signed.find("<ds:Signature").unwrap();
    let signature = signed[start..signed.find(end).unwrap() + end.len()].to_owned();
    let bare = signed.replace(&signature, "");
    let name = genuine.name();
    let forged = |id: &str, inside: &str| {
        let mut forged = genuine.clone().with("ID", id);
        forged.entities = forged.entities.replace(CONSUMER, "https://evil.example/acs");
        let Halves { head, tail } = forged.halves();
        format!("{head}{inside}{tail}")
    };
    let in_signature = |more: &str| signature.replace(end, &format!("{more}{end}"));
    let at_end = |outer: &str, more: &str| {
        let close = format!("</{name}>");
        let cut = outer.rfind(&close).unwrap();
        format!("{}{more}{}", &outer[..cut], &outer[cut..])
    };
    let extended = |inside: &str| format!("<md:Extensions>{inside}</md:Extensions>");
    vec![
        ("1: the genuine copy inside the signature of the forged one", forged("_evil", &in_signature(&bare))),
        ("2: the genuine copy beside its signature", forged("_evil", &format!("{signature}{bare}"))),
        ("3: the forged copy around the genuine one", forged("_evil", &signed)),
        ("4: the forged copy inside the genuine one", at_end(&signed, &forged("_evil", ""))),
        (
            "5: the signature on the forged copy, the genuine one at the end",
            at_end(&forged("_evil", &signature), &bare),
        ),
        ("6: inside an unknown child of the signature", forged("_evil", &in_signature(&format!("<x>{bare}</x>")))),
        ("7: inside Extensions", forged("_evil", &extended(&signed))),
        ("8: inside an Object", forged("_evil", &in_signature(&format!("<ds:Object>{bare}</ds:Object>")))),
        ("the same ID twice", forged("_copy", &extended(&signed))),
        ("the same ID twice, the signature outside", forged("_copy", &format!("{signature}{}", extended(&bare)))),
    ]
}

#[test]
fn si_04_wrapped_metadata_is_refused() {
    for genuine in [copy(), single()] {
        assert!(take(&genuine.signed()).is_ok());
        for (variant, xml) in wrapped(&genuine) {
            let is_refused = match take(&xml) {
                Err(NotTaken::Signature(reason)) => matches!(reason, Reason::SignatureShape | Reason::Signature),
                Err(NotTaken::Xml(fault)) => fault.kind == super::super::lexis::Kind::DuplicateId,
                _ => false,
            };
            assert!(is_refused, "{variant}");
        }
    }
}

#[test]
fn si_02_what_two_readers_could_read_differently_is_refused() {
    let xml = copy().signed();
    for (what, bent) in [
        ("DOCTYPE", format!("<!DOCTYPE md [<!ENTITY x \"y\">]>{xml}")),
        ("entity", xml.replace(OTHER, "https://other.example/&x;")),
        ("comment in a value", xml.replace("<ds:DigestValue>", "<ds:DigestValue><!-- -->")),
        ("instruction", format!("<?x y?>{xml}")),
        ("repaired", xml.replace("</md:EntitiesDescriptor>", "")),
    ] {
        assert!(matches!(take(&bent), Err(NotTaken::Xml(_))), "{what}");
    }
}
