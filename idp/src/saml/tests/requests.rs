use time::Duration;

use super::super::names;
use super::super::response::Status;
use super::asked::refused_with;
use super::*;
use crate::domain::interaction::AuthnContext::{self, Password, PasswordProtectedTransport, Unspecified};

#[test]
fn a_plain_request_asks_for_nothing_special() {
    let request = judge(&draft().xml(), &party(false)).unwrap();
    assert_eq!(request.id, "_request-1");
    assert!(!request.asked.fresh && !request.asked.passive);
    assert_eq!(request.reply.request_id.as_deref(), Some("_request-1"));
    assert_eq!(request.reply.consumer, CONSUMER);
    assert_eq!(request.reply.name_id_format, NameIdFormat::Persistent);
    assert_eq!(request.reply.relay_state, None);
}

#[test]
fn force_authn_and_is_passive_are_read() {
    for (text, expected) in [("true", true), ("1", true), ("false", false), ("0", false)] {
        let request = judge(&draft().with("ForceAuthn", text).with("IsPassive", text).xml(), &party(false)).unwrap();
        assert_eq!((request.asked.fresh, request.asked.passive), (expected, expected));
    }
    assert_eq!(judge(&draft().with("ForceAuthn", "TRUE").xml(), &party(false)), local(Reason::NotARequest));
}

#[test]
fn what_is_not_an_authn_request_is_refused() {
    let good = draft().xml();
    let bad = [
        good.replace("urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:1.1:protocol"),
        good.replace("AuthnRequest", "LogoutRequest"),
        good.replace("<saml:Issuer>", "<samlp:Issuer>").replace("</saml:Issuer>", "</samlp:Issuer>"),
        good.replace(&format!("<saml:Issuer>{PARTY}</saml:Issuer>"), ""),
        good.replace("</saml:Issuer>", "<saml:x/></saml:Issuer>"),
        draft().inside(&format!("<saml:Issuer>{PARTY}</saml:Issuer>")).xml(),
        draft().with("Version", "1.1").xml(),
        draft().without("Version").xml(),
        draft().without("ID").xml(),
        draft().with("ID", "1").xml(),
        draft().with("ID", &"a".repeat(257)).xml(),
        draft().without("IssueInstant").xml(),
        draft().with("IssueInstant", "yesterday").xml(),
        draft().with("IssueInstant", "2027-01-04T07:59:58").xml(),
    ];
    for xml in bad {
        assert_eq!(judge(&xml, &party(false)), local(Reason::NotARequest), "{xml}");
    }
}

#[test]
fn si_10_the_destination_is_this_very_address() {
    let bad = [
        "https://other.example/idp/profile/SAML2/POST/SSO",
        "https://idp.example/idp/profile/SAML2/Redirect/SSO",
        "https://idp.example/idp/profile/SAML2/POST/SSO/",
        "http://idp.example/idp/profile/SAML2/POST/SSO",
        "https://IDP.example/idp/profile/SAML2/POST/SSO",
        "https://idp.example:443/idp/profile/SAML2/POST/SSO",
        "",
    ];
    for destination in bad {
        let bent = draft().with("Destination", destination);
        assert_eq!(judge(&bent.xml(), &party(false)), local(Reason::Destination), "{destination}");
        assert_eq!(judge(&bent.signed(PARTY_KEY), &party(true)), local(Reason::Destination), "{destination}");
    }
    let silent = draft().without("Destination");
    assert!(judge(&silent.xml(), &party(false)).is_ok());
    assert_eq!(judge(&silent.signed(PARTY_KEY), &party(true)), local(Reason::Destination));
    let query = signed_query(&query(&silent.xml(), None), RSA_SHA256, false, by_party);
    assert_eq!(judge_query(&query, &party(true)), local(Reason::Destination));
}

#[test]
fn si_11_the_request_is_of_this_moment() {
    let at = |offset: Duration| {
        let instant = super::super::response::instant(NOW + offset);
        judge(&draft().with("IssueInstant", &instant).xml(), &party(false))
    };
    for good in [Duration::minutes(-4), Duration::minutes(4), Duration::minutes(-5), Duration::minutes(5)] {
        assert!(at(good).is_ok(), "{good}");
    }
    for bad in [Duration::minutes(-6), Duration::minutes(6), Duration::seconds(301), Duration::days(-365)] {
        assert_eq!(at(bad), local(Reason::Time), "{bad}");
    }
    for same in ["2027-01-04T09:00:00+01:00", "2027-01-04T08:00:00.123456Z"] {
        assert!(judge(&draft().with("IssueInstant", same).xml(), &party(false)).is_ok(), "{same}");
    }
}

#[test]
fn si_13_the_answer_goes_to_a_registered_address_only() {
    let bad = [
        "https://ent.example/saml/acs/",
        "https://ent.example/saml/ACS",
        "https://ENT.example/saml/acs",
        "https://ent.example:443/saml/acs",
        "https://user@ent.example/saml/acs",
        "https://ent.example/saml/acs#x",
        "https://ent.example/saml/acs?x=1",
        "https://ent.example/saml/../saml/acs",
        "https://ent.example/saml/%61cs",
        "http://ent.example/saml/acs",
        "https://evil.example/saml/acs",
        " https://ent.example/saml/acs",
        "javascript:alert(1)",
        "",
    ];
    for url in bad {
        let bent = draft().with("AssertionConsumerServiceURL", url);
        assert_eq!(judge(&bent.xml(), &party(false)), local(Reason::Consumer), "{url}");
        // A signature proves who asks, not where the answer may go.
        assert_eq!(judge(&bent.signed(PARTY_KEY), &party(true)), local(Reason::Consumer), "{url}");
    }
    for index in ["0", "3", "-1", "x", "", "65537"] {
        let bent = draft().with("AssertionConsumerServiceIndex", index);
        assert_eq!(judge(&bent.xml(), &party(false)), local(Reason::Consumer), "{index}");
    }
}

#[test]
fn si_13_a_registered_address_is_found_by_url_by_index_or_by_default() {
    let goes_to = |draft: Draft| judge(&draft.xml(), &party(false)).unwrap().reply.consumer;
    assert_eq!(goes_to(draft()), CONSUMER);
    assert_eq!(goes_to(draft().with("AssertionConsumerServiceURL", SECOND_CONSUMER)), SECOND_CONSUMER);
    assert_eq!(goes_to(draft().with("AssertionConsumerServiceIndex", "2")), SECOND_CONSUMER);
    assert_eq!(goes_to(draft().with("ProtocolBinding", names::POST)), CONSUMER);
    let both = draft().with("AssertionConsumerServiceURL", CONSUMER).with("AssertionConsumerServiceIndex", "1");
    assert_eq!(judge(&both.xml(), &party(false)), local(Reason::NotARequest));
    for binding in [names::REDIRECT, "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact", ""] {
        let bent = draft().with("ProtocolBinding", binding);
        assert_eq!(judge(&bent.xml(), &party(false)), local(Reason::ConsumerBinding), "{binding}");
    }
}

#[test]
fn si_14_a_party_that_is_unknown_suspended_or_expired_gets_nothing() {
    let xml = draft().xml();
    let mut suspended = party(false);
    suspended.is_suspended = true;
    let mut expired = saml_party(false, &[]);
    expired.valid_until = Some(NOW);
    let mut other = party(false);
    other.id = PartyId("https://other.example".into());
    assert_eq!(judge(&xml, &suspended), local(Reason::ClosedParty));
    assert_eq!(judge(&xml, &party_with(expired)), local(Reason::ClosedParty));
    assert_eq!(judge(&xml, &other), local(Reason::UnknownParty));
}

#[test]
fn the_claimed_issuer_is_all_that_an_unverified_request_tells() {
    let unverified = request::read(posted(&draft().xml()).unwrap()).unwrap();
    assert_eq!(unverified.issuer().0, PARTY);
}

#[test]
fn so_04_the_name_identifier_is_the_one_asked_for_else_the_registered_one() {
    let policy = |attributes: &str| draft().inside(&format!("<samlp:NameIDPolicy {attributes}/>")).xml();
    let format = |xml: &str, party: &RelyingParty| judge(xml, party).unwrap().reply.name_id_format;
    let persistent = party(false);
    let mut transient = saml_party(false, &[]);
    transient.name_id_format = NameIdFormat::Transient;
    let transient = party_with(transient);
    let asked = |format: &str| policy(&format!("AllowCreate=\"true\" Format=\"{format}\""));
    assert_eq!(format(&asked(names::TRANSIENT), &persistent), NameIdFormat::Transient);
    assert_eq!(format(&asked(names::PERSISTENT), &transient), NameIdFormat::Persistent);
    let open = names::UNSPECIFIED.map(asked).into_iter().chain([policy(""), draft().xml()]);
    for xml in open {
        assert_eq!(format(&xml, &persistent), NameIdFormat::Persistent);
        assert_eq!(format(&xml, &transient), NameIdFormat::Transient);
    }
    assert!(judge(&policy(&format!("SPNameQualifier=\"{PARTY}\"")), &persistent).is_ok());
    for bad in [
        asked("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"),
        asked("urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted"),
        policy("SPNameQualifier=\"https://other.example\""),
        draft().inside("<samlp:NameIDPolicy/><samlp:NameIDPolicy/>").xml(),
    ] {
        assert_eq!(refused_with(&bad), Status::InvalidNameIdPolicy, "{bad}");
    }
}

#[test]
fn si_18_an_authentication_context_is_honoured_or_refused() {
    let asked = |comparison: &str, classes: &[&str]| {
        let classes: String = classes.iter().fold(String::new(), |all, class| {
            all + &format!("<saml:AuthnContextClassRef> {class} </saml:AuthnContextClassRef>")
        });
        draft()
            .inside(&format!("<samlp:RequestedAuthnContext{comparison}>{classes}</samlp:RequestedAuthnContext>"))
            .xml()
    };
    let (ours, password, any) = (names::PASSWORD_PROTECTED_TRANSPORT, names::PASSWORD, names::UNSPECIFIED_CONTEXT);
    let smartcard = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI";
    let (exact, minimum) = (" Comparison=\"exact\"", " Comparison=\"minimum\"");
    let (better, maximum) = (" Comparison=\"better\"", " Comparison=\"maximum\"");
    let good: [(&str, &[&str], AuthnContext); 13] = [
        ("", &[ours], PasswordProtectedTransport),
        (exact, &[ours], PasswordProtectedTransport),
        // The first that is true, by its own name.
        (exact, &[smartcard, password], Password),
        (exact, &[password, ours], Password),
        (exact, &[any], Unspecified),
        (minimum, &[ours], PasswordProtectedTransport),
        (minimum, &[smartcard, password], PasswordProtectedTransport),
        (minimum, &[any], PasswordProtectedTransport),
        (better, &[password, any], PasswordProtectedTransport),
        (maximum, &[ours, smartcard], PasswordProtectedTransport),
        (maximum, &[any, ours], PasswordProtectedTransport),
        (maximum, &[any, password], Password),
        (maximum, &[any], Unspecified),
    ];
    for (comparison, classes, told) in good {
        let request = judge(&asked(comparison, classes), &party(false)).unwrap();
        assert_eq!(request.reply.authn_context, told, "{comparison} {classes:?}");
    }
    let bad: [(&str, &[&str]); 9] = [
        ("", &[smartcard]),
        (exact, &[smartcard]),
        (minimum, &[smartcard]),
        (better, &[ours]),
        (better, &[smartcard]),
        (better, &[]),
        (maximum, &[smartcard]),
        (exact, &[]),
        (" Comparison=\"other\"", &[ours]),
    ];
    for (comparison, classes) in bad {
        assert_eq!(refused_with(&asked(comparison, classes)), Status::NoAuthnContext, "{comparison} {classes:?}");
    }
    let declaration = "<samlp:RequestedAuthnContext><saml:AuthnContextDeclRef>x</saml:AuthnContextDeclRef></samlp:RequestedAuthnContext>";
    assert_eq!(refused_with(&draft().inside(declaration).xml()), Status::NoAuthnContext);
}

#[test]
fn so_04_the_operator_s_choice_of_identifier_yields_to_the_request() {
    let mut saml = saml_party(false, &[]);
    saml.options.set("name-id", "transient").unwrap();
    let party = party_with(saml);
    assert_eq!(judge(&draft().xml(), &party).unwrap().reply.name_id_format, NameIdFormat::Transient);
    let asked = draft().inside(&format!("<samlp:NameIDPolicy Format=\"{}\"/>", names::PERSISTENT)).xml();
    assert_eq!(judge(&asked, &party).unwrap().reply.name_id_format, NameIdFormat::Persistent);
}

#[test]
fn a_party_with_a_key_for_encryption_only_cannot_sign_what_it_asks() {
    let mut saml = saml_party(false, &[]);
    saml.encryption_certificates = vec![PARTY_KEY.certificate().to_owned()];
    let party = party_with(saml);
    assert!(judge(&draft().xml(), &party).is_ok(), "unsigned, as it is registered");
    assert_eq!(judge(&draft().signed(PARTY_KEY), &party), local(Reason::Signature), "SI-09: never ignored");
}

#[test]
fn si_11_a_link_with_a_time_is_good_for_that_moment() {
    let link = |rest: &str| {
        let asked = binding::unsolicited(&format!("providerId={}{rest}", escape(PARTY, false)))?;
        asked.verify(&party(false), NOW)
    };
    let at = |offset: i64| link(&format!("&time={}", NOW.unix_timestamp() + offset));
    let reply = link("&target=%2Faccueil&shire=https%3A%2F%2Fent.example%2Fsaml%2Facs2").unwrap();
    assert_eq!((reply.consumer.as_str(), reply.relay_state.as_deref()), (SECOND_CONSUMER, Some("/accueil")));
    assert_eq!(reply.request_id, None);
    assert!(at(0).is_ok() && at(-300).is_ok() && at(300).is_ok());
    for late in [-301, 301, -1_000_000] {
        assert_eq!(at(late), local(Reason::Time), "{late}");
    }
    for bad in ["&time=now", "&time=", "&time=99999999999999", "&time=1&time=1"] {
        assert_eq!(link(bad), local(Reason::Parameters), "{bad}");
    }
    assert_eq!(link("&shire=https%3A%2F%2Fevil.example%2F"), local(Reason::Consumer));
}

proptest::proptest! {
    /// The words of the test bench and the deed of sign-on come from one reading: whatever is wrong, the verdict is
    /// refused if and only if something was found wrong.
    #[test]
    fn the_verdict_is_what_was_found(
        version in proptest::option::of("2\\.0|1\\.1"),
        destination in proptest::option::of("https://idp\\.example/idp/profile/SAML2/POST/SSO|https://x\\.example"),
        issued in "2027-01-04T0[78]:5[0-9]:00Z|gestern",
        consumer in proptest::option::of("https://ent\\.example/saml/acs2?|https://evil\\.example"),
        passive in proptest::option::of("true|0|TRUE"),
        inside in "(<samlp:NameIDPolicy Format=\"(urn:x|urn:oasis:names:tc:SAML:2\\.0:nameid-format:transient)\"/>)?(<samlp:Scoping( ProxyCount=\"x\")?/>)?",
        is_closed in proptest::bool::ANY,
        is_signed in proptest::bool::ANY,
    ) {
        let mut request = draft().with("IssueInstant", &issued).inside(&inside);
        let optional = [
            ("Version", version), ("Destination", destination), ("AssertionConsumerServiceURL", consumer), ("IsPassive", passive),
        ];
        for (name, value) in optional {
            request = match value {
                Some(value) => request.with(name, &value),
                None => request.without(name),
            };
        }
        let xml = if is_signed { request.signed(PARTY_KEY) } else { request.xml() };
        let mut party = party(false);
        party.is_suspended = is_closed;
        let unverified = || request::read(posted(&xml).unwrap()).unwrap();
        let found = unverified().examine(&party, HERE, NOW).unwrap();
        let is_good = found.registration.is_ok() && found.signature.is_ok() && found.id.is_ok()
            && found.destination.is_ok() && found.time().is_ok() && found.consumer.is_ok() && found.asked.is_ok()
            && found.encryption.is_ok() && found.subject.is_ok() && found.scoping.is_ok()
            && found.name_id_format.is_ok() && found.authn_context.is_ok();
        let verdict = unverified().verify(&party, HERE, NOW);
        proptest::prop_assert_eq!(verdict.is_ok(), is_good);
        proptest::prop_assert_eq!(verdict, found.verdict());
    }
}

#[test]
fn so_08_with_an_unregistered_address_even_a_bad_policy_stays_here() {
    let xml = draft()
        .with("AssertionConsumerServiceURL", "https://evil.example/")
        .inside("<samlp:NameIDPolicy Format=\"urn:x\"/>")
        .xml();
    assert_eq!(judge(&xml, &party(false)), local(Reason::Consumer));
}
