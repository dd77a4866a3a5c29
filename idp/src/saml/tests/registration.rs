use proptest::prelude::*;
use time::Duration;
use time::macros::datetime;

use super::super::lexis::Kind;
use super::super::metadata::{About, Logo, MetadataRefused, Ours, Unfit, Warning, ours, read};
use super::super::names::{self, METADATA};
use super::super::tree;
use super::*;
use crate::domain::relying_party::{ContentCipher, KeyTransport};

fn certificate(key: TestKey, used: &str) -> String {
    format!(
        "<md:KeyDescriptor{used}><ds:KeyInfo xmlns:ds=\"{DSIG}\"><ds:X509Data><ds:X509Certificate>\n{}\n\
         </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
        key.certificate()
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect::<Vec<_>>()
            .join("\n")
    )
}

const ACS: &str = "<md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
                   Location=\"https://ent.example/saml/acs\" index=\"1\"/>";

fn provider(entity_id: &str, attributes: &str, inside: &str) -> String {
    format!(
        "<md:EntityDescriptor xmlns:md=\"{METADATA}\" entityID=\"{entity_id}\"><md:SPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"{attributes}>{inside}</md:SPSSODescriptor>\
         </md:EntityDescriptor>"
    )
}

fn take(xml: &str) -> Result<super::super::metadata::Read, MetadataRefused> {
    read(xml.as_bytes(), None, Environment::Production, NOW)
}

fn unfit(xml: &str) -> Unfit {
    match take(xml) {
        Err(MetadataRefused::Unfit(entity_id, unfit)) => {
            assert_eq!(entity_id, PARTY);
            unfit
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_we_act_on_is_kept() {
    let inside = format!(
        "<!-- keys -->{}{}{}<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:transient</md:NameIDFormat>{ACS}\
         <md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact\" \
         Location=\"https://ent.example/saml/artifact\" index=\"2\"/>\
         <md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" isDefault=\"true\" \
         Location=\"https://ent.example/saml/acs?a=1&amp;b=2\" index=\"3\"/>",
        certificate(PARTY_KEY, " use=\"signing\""),
        certificate(STRANGER, " use=\"encryption\""),
        certificate(P256, ""),
    );
    let xml = provider(PARTY, " AuthnRequestsSigned=\"true\" validUntil=\"2027-02-01T00:00:00Z\"", &inside);
    let taken = take(&xml).unwrap();
    assert_eq!(taken.entity_id.0, PARTY);
    assert_eq!(taken.name, None);
    let consumer =
        |location: &str, index, is_default| AssertionConsumer { location: location.into(), index, is_default };
    let expected = SamlParty {
        assertion_consumers: vec![
            consumer("https://ent.example/saml/acs", 1, false),
            consumer("https://ent.example/saml/acs?a=1&b=2", 3, true),
        ],
        signing_certificates: vec![PARTY_KEY.certificate().to_owned(), P256.certificate().to_owned()],
        encryption_certificates: vec![STRANGER.certificate().to_owned(), P256.certificate().to_owned()],
        requests_signed: true,
        name_id_format: NameIdFormat::Transient,
        valid_until: Some(datetime!(2027-02-01 00:00:00 UTC)),
        attribute_names: BTreeMap::new(),
        wants_signed_assertions: false,
        encryption: EncryptionMethods::default(),
        options: SamlOptions::default(),
        logout_services: Vec::new(),
    };
    assert_eq!(taken.saml, expected);
    let binding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact".to_owned();
    assert_eq!(
        taken.warnings,
        [Warning::OtherBinding { location: "https://ent.example/saml/artifact".into(), binding }]
    );
}

#[test]
fn the_name_is_taken_in_french_from_the_place_meant_for_people() {
    let ui = "<md:Extensions><ui:UIInfo xmlns:ui=\"urn:oasis:names:tc:SAML:metadata:ui\">\
              <ui:DisplayName xml:lang=\"en\">School portal</ui:DisplayName>\
              <ui:DisplayName xml:lang=\"fr-FR\"> Mon\n  ENT </ui:DisplayName></ui:UIInfo></md:Extensions>";
    let service = "<md:AttributeConsumingService index=\"0\"><md:ServiceName xml:lang=\"fr\">Service</md:ServiceName>\
                   </md:AttributeConsumingService>";
    let organization = "<md:Organization><md:OrganizationDisplayName xml:lang=\"de\">Schule</md:OrganizationDisplayName>\
                        <md:OrganizationDisplayName xml:lang=\"en\">School</md:OrganizationDisplayName></md:Organization>";
    let name = |inside: &str| take(&provider(PARTY, "", inside)).unwrap().name;
    assert_eq!(name(&format!("{ui}{organization}{ACS}{service}")).as_deref(), Some("Mon ENT"));
    assert_eq!(name(&format!("{organization}{ACS}{service}")).as_deref(), Some("School"));
    assert_eq!(name(&format!("{ACS}{service}")).as_deref(), Some("Service"));
}

#[test]
fn one_provider_is_chosen_among_several_by_its_name() {
    let entity = |id: &str| provider(id, "", ACS);
    let group =
        |inside: &str| format!("<md:EntitiesDescriptor xmlns:md=\"{METADATA}\">{inside}</md:EntitiesDescriptor>");
    let idp = format!(
        "<md:EntityDescriptor xmlns:md=\"{METADATA}\" entityID=\"https://other.example/idp\">\
                       <md:IDPSSODescriptor/></md:EntityDescriptor>"
    );
    assert_eq!(take(&group(&format!("{idp}{}", group(&entity(PARTY))))).unwrap().entity_id.0, PARTY);
    let two = group(&format!("{}{}", entity(PARTY), entity("https://second.example")));
    let Err(refused) = take(&two) else { panic!("taken") };
    assert_eq!(refused, MetadataRefused::Several(vec![PARTY.into(), "https://second.example".into()]));
    assert!(refused.to_string().contains("2 service providers") && refused.to_string().contains(PARTY));
    let named = |id: &str| read(two.as_bytes(), Some(id), Environment::Production, NOW);
    assert_eq!(named("https://second.example").unwrap().entity_id.0, "https://second.example");
    assert_eq!(named("https://third.example"), Err(MetadataRefused::NotInFile("https://third.example".into())));
    assert_eq!(take(&idp), Err(MetadataRefused::IdentityProvider("https://other.example/idp".into())));
    assert_eq!(take(&group("")), Err(MetadataRefused::NoServiceProvider));
    let saml1 = entity(PARTY).replace("SAML:2.0:protocol", "SAML:1.1:protocol");
    assert_eq!(take(&saml1), Err(MetadataRefused::NoServiceProvider));
}

#[test]
fn files_that_are_something_else_are_told_so() {
    assert_eq!(take("<html/>"), Err(MetadataRefused::NotMetadata("html".into())));
    assert_eq!(read(b"\xff\xfe", None, Environment::Test, NOW), Err(MetadataRefused::Encoding));
    let kind = |xml: &str| match take(xml) {
        Err(MetadataRefused::Xml(fault)) => (fault.kind, fault.line),
        other => panic!("{other:?}"),
    };
    assert_eq!(kind("{\"client_id\": \"x\"}"), (Kind::Malformed, 1));
    assert_eq!(kind("<a>\n<b>\n</a>"), (Kind::Malformed, 3));
    let good = provider(PARTY, "", ACS);
    assert_eq!(kind(&format!("<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>{good}")), (Kind::DocType, 1));
    assert!(take(&format!("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{good}")).is_ok());
}

#[test]
fn si_21_an_address_that_is_not_https_refuses_the_party() {
    let with = |location: &str| provider(PARTY, "", &ACS.replace("https://ent.example/saml/acs", location));
    let bad = [
        "http://ent.example/acs",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://ent.example/&lt;script&gt;",
        "https://ent.example/&quot;onclick=",
        "https://user:pass@ent.example/acs",
        "https://ent.example/acs#x",
        "https://ent.example/a b",
        "https:///acs",
        "https:/ent.example/acs",
        "/acs",
        "",
        "http://localhost:8080/acs",
    ];
    for location in bad {
        assert!(matches!(unfit(&with(location)), Unfit::Consumer(_)), "{location}");
    }
    // Nor may it hide behind a binding that is left out.
    let hidden = ACS.replace("HTTP-POST", "HTTP-Artifact").replace("https://ent.example/saml/acs", "javascript:x");
    assert!(matches!(unfit(&provider(PARTY, "", &format!("{ACS}{hidden}"))), Unfit::Consumer(_)));
    let in_test = |location: &str| read(with(location).as_bytes(), None, Environment::Test, NOW);
    for location in ["http://localhost:8080/acs", "http://127.0.0.1/acs", "http://[::1]:9/acs"] {
        assert!(in_test(location).is_ok(), "{location}");
    }
    for location in ["http://ent.example/acs", "http://localhost.example/acs", "javascript:alert(1)"] {
        assert!(in_test(location).is_err(), "{location}");
    }
}

#[test]
fn si_21_keys_are_strong_or_the_party_is_refused() {
    let with = |keys: &str| provider(PARTY, "", &format!("{keys}{ACS}"));
    assert_eq!(unfit(&with(&certificate(SHORT_KEY, " use=\"signing\""))), Unfit::ShortKey(1024));
    assert_eq!(unfit(&with(&certificate(SHORT_KEY, " use=\"encryption\""))), Unfit::ShortKey(1024));
    let broken = certificate(PARTY_KEY, "").replace("MII", "!!!");
    assert_eq!(unfit(&with(&broken)), Unfit::Certificate);
    let cut = certificate(TestKey { certificate: &PARTY_KEY.certificate[..100], ..PARTY_KEY }, "");
    assert_eq!(unfit(&with(&cut)), Unfit::Certificate);
    assert_eq!(unfit(&with("<md:KeyDescriptor/>")), Unfit::NoCertificate);
    assert_eq!(unfit(&provider(PARTY, " AuthnRequestsSigned=\"1\"", ACS)), Unfit::NothingToVerifyWith);
}

#[test]
fn an_expired_document_is_refused_and_an_expired_certificate_is_said() {
    let ended = provider(PARTY, " validUntil=\"2027-01-04T08:00:00Z\"", ACS);
    assert_eq!(take(&ended), Err(MetadataRefused::Expired(PARTY.into(), NOW)));
    let outer = format!(
        "<md:EntitiesDescriptor xmlns:md=\"{METADATA}\" validUntil=\"2026-01-01T00:00:00Z\">{}</md:EntitiesDescriptor>",
        provider(PARTY, " validUntil=\"2030-01-01T00:00:00Z\"", ACS)
    );
    assert_eq!(take(&outer), Err(MetadataRefused::Expired(PARTY.into(), datetime!(2026-01-01 00:00:00 UTC))));
    assert!(matches!(unfit(&provider(PARTY, " validUntil=\"soon\"", ACS)), Unfit::ValidUntil(_)));
    let signed = provider(PARTY, "", &format!("{}{ACS}", certificate(PARTY_KEY, " use=\"signing\"")));
    assert!(take(&signed).unwrap().warnings.is_empty());
    let later = read(signed.as_bytes(), None, Environment::Production, datetime!(2200-01-01 00:00:00 UTC)).unwrap();
    assert!(matches!(later.warnings.as_slice(), [Warning::ExpiredCertificate { serves: "signing", .. }]));
    assert_eq!(later.saml.signing_certificates.len(), 1);
}

#[test]
fn consumers_are_told_apart_by_their_index() {
    assert_eq!(unfit(&provider(PARTY, "", "")), Unfit::NoConsumer);
    assert_eq!(unfit(&provider(PARTY, "", &ACS.replace("HTTP-POST", "PAOS"))), Unfit::NoConsumer);
    assert_eq!(unfit(&provider(PARTY, "", &format!("{ACS}{ACS}"))), Unfit::Index(1));
    for index in ["", "x", "70000", "-1"] {
        let bent = ACS.replace("index=\"1\"", &format!("index=\"{index}\""));
        assert!(matches!(unfit(&provider(PARTY, "", &bent)), Unfit::Value { attribute: "index", .. }), "{index}");
    }
    let bent = ACS.replace("index=", "isDefault=\"yes\" index=");
    assert!(matches!(unfit(&provider(PARTY, "", &bent)), Unfit::Value { attribute: "isDefault", .. }));
    for id in ["", "a b", &"a".repeat(1025)] {
        assert_eq!(take(&provider(id, "", ACS)), Err(MetadataRefused::EntityId), "{id}");
    }
}

#[test]
fn a_registered_party_is_answered_at_what_its_file_says() {
    let xml = provider(PARTY, " AuthnRequestsSigned=\"true\"", &format!("{}{ACS}", certificate(PARTY_KEY, "")));
    let party = party_with(take(&xml).unwrap().saml);
    assert!(judge(&draft().signed(PARTY_KEY), &party).is_ok());
    assert_eq!(judge(&draft().xml(), &party), local(Reason::Unsigned));
}

fn published() -> String {
    published_with(&About::default())
}

fn published_with(about: &About) -> String {
    let (current, next) = (IDP_KEY.certificate(), STRANGER.certificate());
    let ours_are = Ours {
        entity_id: IDP,
        redirect: "https://idp.example/idp/profile/SAML2/Redirect/SSO",
        post: ENDPOINT,
        logout_redirect: "https://idp.example/idp/profile/SAML2/Redirect/SLO",
        logout_post: "https://idp.example/idp/profile/SAML2/POST/SLO",
        names: &[("fr", "Guichet d'essai"), ("en", "Test desk")],
        about,
        certificates: &[current, next],
        validity: Duration::days(7),
        cache: Duration::hours(6),
    };
    ours(&ours_are, NOW, [0x55; 16], &IDP_KEY).unwrap()
}

#[test]
fn our_metadata_to_the_last_byte() {
    insta::assert_snapshot!(published().replace("><", ">\n<"));
}

#[test]
fn our_metadata_is_signed_and_dated() {
    let xml = published();
    super::answers::verify_with_xmlsec1("metadata", &xml, &["EntityDescriptor"]);
    let root = tree::read(&xml, tree::MESSAGE).unwrap();
    assert_eq!(root.attribute("validUntil"), Some("2027-01-11T08:00:00Z"));
    assert_eq!(root.attribute("cacheDuration"), Some("PT21600S"));
    let descriptor = root.only(METADATA, "IDPSSODescriptor").unwrap().unwrap();
    let order: Vec<_> = descriptor.children.iter().map(|child| child.name.as_str()).collect();
    assert_eq!(
        order,
        [
            "Extensions",
            "KeyDescriptor",
            "KeyDescriptor",
            "SingleLogoutService",
            "SingleLogoutService",
            "NameIDFormat",
            "NameIDFormat",
            "SingleSignOnService",
            "SingleSignOnService"
        ]
    );
}

/// The order of the schema (SAML Metadata 2.3.2, 2.4.3), with everything that can be said.
#[test]
fn all_that_is_said_of_us_stands_in_the_order_of_the_schema() {
    let text = |text: &str| text.to_owned();
    let about = About {
        descriptions: vec![(text("fr"), text("Pour <les> familles")), (text("en"), text("For families"))],
        logo: Some(Logo { address: text("https://idp.example/static/logo.svg?v=1&x"), width: 32, height: 16 }),
        information: Some(text("https://idp.example/aide")),
        privacy: Some(text("https://idp.example/donnees-personnelles")),
        scopes: vec![text("academie.example")],
        attributes: vec![("sn", text("urn:oid:2.5.4.4")), ("FrEduVecteur", text("FrEduVecteur"))],
        organization: Some((text("Académie d'essai"), text("https://academie.example/"))),
        contacts: vec![("technical", text("aide@academie.example")), ("support", text("appui@academie.example"))],
    };
    let xml = published_with(&about);
    super::answers::verify_with_xmlsec1("metadata-about", &xml, &["EntityDescriptor"]);
    let root = tree::read(&xml, tree::MESSAGE).unwrap();
    let names = |element: &tree::Element| {
        let mut names: Vec<String> = element.children.iter().map(|child| child.name.clone()).collect();
        names.dedup();
        names.join(" ")
    };
    assert_eq!(names(&root), "Signature IDPSSODescriptor Organization ContactPerson");
    let role = root.only(METADATA, "IDPSSODescriptor").unwrap().unwrap();
    assert_eq!(names(role), "Extensions KeyDescriptor SingleLogoutService NameIDFormat SingleSignOnService Attribute");
    let extensions = role.only(METADATA, "Extensions").unwrap().unwrap();
    assert_eq!(names(extensions), "DigestMethod SigningMethod Scope UIInfo");
    assert_eq!(
        names(extensions.children.last().unwrap()),
        "DisplayName Description Logo InformationURL PrivacyStatementURL"
    );
    let formats: Vec<_> = role.children.iter().filter_map(|child| child.attribute("NameFormat")).collect();
    assert_eq!(formats, [names::NAME_FORMAT_URI, names::NAME_FORMAT_BASIC]);
    insta::assert_snapshot!(xml.split_once("</ds:Signature>").unwrap().1.replace("><", ">\n<"));
}

#[test]
fn our_metadata_given_as_a_partys_is_recognised() {
    assert_eq!(take(&published()), Err(MetadataRefused::IdentityProvider(IDP.into())));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_of_metadata_panic(
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 0..8),
        cut in 0_usize..4,
    ) {
        let inside = format!("{}{ACS}", certificate(PARTY_KEY, " use=\"signing\""));
        let mut file = provider(PARTY, " AuthnRequestsSigned=\"true\"", &inside).into_bytes();
        let at = at.index(file.len());
        file.splice(at..(at + cut).min(file.len()), bytes);
        // Whatever is still taken has an address that may be posted to.
        if let Ok(taken) = read(&file, None, Environment::Production, NOW) {
            prop_assert!(taken.saml.assertion_consumers.iter().all(|acs| acs.location.starts_with("https://")));
        }
    }
}

#[test]
fn so_03_what_the_metadata_wants_of_encryption_is_kept_as_far_as_it_is_sound() {
    let method = |algorithm: &str, inside: &str| {
        format!("<md:EncryptionMethod Algorithm=\"{algorithm}\">{inside}</md:EncryptionMethod>")
    };
    let (xenc, xenc11) = ("http://www.w3.org/2001/04/xmlenc#", "http://www.w3.org/2009/xmlenc11#");
    let read = |methods: &str| {
        let key = certificate(STRANGER, " use=\"encryption\"").replace("</md:KeyDescriptor>", "");
        let inside = format!("{key}{methods}</md:KeyDescriptor>{ACS}");
        let taken = take(&provider(PARTY, " WantAssertionsSigned=\"1\"", &inside)).unwrap();
        assert!(taken.saml.wants_signed_assertions);
        (taken.saml.encryption.content, taken.saml.encryption.key, taken.warnings)
    };
    let (cbc, gcm128) = (method(&format!("{xenc}aes256-cbc"), ""), method(&format!("{xenc11}aes128-gcm"), ""));
    let gcm256 = method(&format!("{xenc11}aes256-gcm"), "");
    let oaep = method(
        &format!("{xenc11}rsa-oaep"),
        &format!(
            "<ds:DigestMethod xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" Algorithm=\"{SHA256}\"/>\
             <x:MGF xmlns:x=\"{xenc11}\" Algorithm=\"{xenc11}mgf1sha256\"/>"
        ),
    );
    let old = method(&format!("{xenc}rsa-oaep-mgf1p"), "");
    let pkcs1 = method(&format!("{xenc}rsa-1_5"), "");
    let usual = (ContentCipher::Aes256Gcm, KeyTransport::OaepSha1, Vec::new());
    assert_eq!(read(""), usual);
    assert_eq!(read(&(gcm256.clone() + &pkcs1)), usual);
    assert_eq!(
        read(&(cbc.clone() + &gcm128 + &gcm256 + &oaep + &old)),
        (ContentCipher::Aes128Gcm, usual.1, Vec::new())
    );
    assert_eq!(read(&(gcm256 + &oaep)), (usual.0, KeyTransport::OaepSha256, Vec::new()));
    // Never CBC, whatever the metadata says: the operator is told.
    assert_eq!(read(&(cbc + &pkcs1)), (usual.0, usual.1, vec![Warning::CbcOnly]));
}
