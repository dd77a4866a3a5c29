use data_encoding::BASE64;

use super::super::binding::{post, redirect, unsolicited};
use super::super::reason::Reason;

use super::*;

fn refused<T: std::fmt::Debug>(result: Result<T, Reason>) -> Reason {
    result.expect_err("refused")
}

#[test]
fn si_01_a_query_or_a_body_above_its_limit_is_not_read() {
    let query = format!("SAMLRequest={}", "A".repeat(16 * 1024));
    assert_eq!(refused(redirect(&query)), Reason::TooLarge);
    let body = format!("SAMLRequest={}", "A".repeat(256 * 1024));
    assert_eq!(refused(post(body.as_bytes())), Reason::TooLarge);
}

#[test]
fn si_01_a_bomb_is_given_up_at_the_limit() {
    // 12 KiB that become 8 MiB: the most that fits in a query.
    let bomb = deflate(&vec![b' '; 8 * 1024 * 1024]);
    let query = format!("SAMLRequest={}", escape(&BASE64.encode(&bomb), false));
    assert_eq!(refused(redirect(&query)), Reason::TooLarge);
}

#[test]
fn si_01_a_message_above_its_limit_is_not_read() {
    let xml = draft().inside(&format!("<x>{}</x>", " ".repeat(128 * 1024))).xml();
    assert_eq!(refused(posted(&xml)), Reason::TooLarge);
    assert_eq!(refused(redirect(&query(&xml, None))), Reason::TooLarge);
}

#[test]
fn si_08_names_are_literal_and_occur_once() {
    let good = query(&draft().xml(), Some("state"));
    assert!(redirect(&good).is_ok());
    let message = good.split('&').next().unwrap();
    let bad = [
        good.replace("SAMLRequest", "%53AMLRequest"),
        good.replace("RelayState", "Relay%53tate"),
        format!("{good}&{message}"),
        format!("{good}&RelayState=other"),
        format!("{good}&SAMLResponse=AAAA"),
        format!("{good}&%53AMLRequest=AAAA"),
        format!("{good}&Sig+Alg=x"),
        "RelayState=alone".to_owned(),
        String::new(),
        format!("{good}&SigAlg=x"),
        format!("{good}&Signature=AAAA"),
        format!("{good}%4"),
        format!("{good}%zz"),
        format!("{good}%ff"),
    ];
    for query in bad {
        assert_eq!(refused(redirect(&query)), Reason::Parameters, "{query}");
    }
}

#[test]
fn si_08_both_cases_of_escapes_are_verified_over_the_octets_received() {
    for lower in [false, true] {
        let message = escape(&BASE64.encode(&deflate(draft().xml().as_bytes())), lower);
        let unsigned = format!("SAMLRequest={message}&RelayState=a%{}", if lower { "2fb" } else { "2Fb" });
        let query = signed_query(&unsigned, RSA_SHA256, lower, by_party);
        assert_eq!(judge_query(&query, &party(true)).unwrap().reply.relay_state.as_deref(), Some("a/b"));
    }
    // The other case is the same text, but not what was signed.
    let signed = signed_query(&query(&draft().xml(), Some("a/b")), RSA_SHA256, false, by_party);
    assert_eq!(judge_query(&signed.replace("a%2Fb", "a%2fb"), &party(true)), local(Reason::Signature));
}

#[test]
fn si_08_the_order_in_the_address_does_not_matter_to_the_signature() {
    let signed = signed_query(&query(&draft().xml(), Some("state")), RSA_SHA256, false, by_party);
    let mut parts: Vec<_> = signed.split('&').collect();
    parts.reverse();
    assert!(judge_query(&parts.join("&"), &party(true)).is_ok());
}

#[test]
fn si_08_what_was_not_signed_is_not_slipped_in() {
    let signed = signed_query(&query(&draft().xml(), None), RSA_SHA256, false, by_party);
    assert!(judge_query(&signed, &party(true)).is_ok());
    assert_eq!(judge_query(&format!("{signed}&RelayState=late"), &party(true)), local(Reason::Signature));
}

#[test]
fn only_deflate_is_an_encoding_of_the_redirect_binding() {
    let good = query(&draft().xml(), None);
    let named = |uri: &str| format!("{good}&SAMLEncoding={}", escape(uri, false));
    assert!(redirect(&named("urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE")).is_ok());
    assert_eq!(refused(redirect(&named("urn:example:other"))), Reason::Encoding);
    let plain = format!("SAMLRequest={}", escape(&BASE64.encode(draft().xml().as_bytes()), false));
    assert_eq!(refused(redirect(&plain)), Reason::Encoding);
    let mut trailing = deflate(draft().xml().as_bytes());
    trailing.extend(b"more");
    let trailing = format!("SAMLRequest={}", escape(&BASE64.encode(&trailing), false));
    assert_eq!(refused(redirect(&trailing)), Reason::Encoding);
    assert_eq!(refused(redirect("SAMLRequest=%21%21")), Reason::Encoding);
}

#[test]
fn a_posted_message_may_be_broken_into_lines() {
    let message = BASE64.encode(draft().xml().as_bytes());
    let lines: Vec<&str> = message.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let body = format!("SAMLRequest={}", escape(&lines.join("\r\n"), false));
    assert!(request::read(post(body.as_bytes()).unwrap()).is_ok());
}

#[test]
fn a_posted_form_with_a_signature_beside_the_message_is_refused() {
    let message = escape(&BASE64.encode(draft().xml().as_bytes()), false);
    for more in ["Signature=AAAA", "SigAlg=x", "SAMLResponse=AAAA", "SAMLRequest=AAAA"] {
        let body = format!("SAMLRequest={message}&{more}");
        assert_eq!(refused(post(body.as_bytes())), Reason::Parameters, "{more}");
    }
    assert_eq!(refused(post(b"SAMLRequest=\xff")), Reason::Parameters);
}

#[test]
fn si_16_relay_state_comes_back_unchanged_up_to_its_ceiling() {
    let state = "\"><script>alert(1)</script>&amp;é";
    let request = judge_query(&query(&draft().xml(), Some(state)), &party(false)).unwrap();
    assert_eq!(request.reply.relay_state.as_deref(), Some(state));
    let longest = "é".repeat(512);
    let request = judge_query(&query(&draft().xml(), Some(&longest)), &party(false)).unwrap();
    assert_eq!(request.reply.relay_state, Some(longest));
    assert_eq!(refused(redirect(&query(&draft().xml(), Some(&"a".repeat(1025))))), Reason::TooLarge);
    assert_eq!(refused(unsolicited(&format!("providerId=x&target={}", "a".repeat(1025)))), Reason::TooLarge);
}

#[test]
fn si_13_an_unsolicited_answer_goes_to_a_registered_address_only() {
    let party = party(true);
    let ask = |query: &str| unsolicited(query).map_err(Refused::Local)?.verify(&party, NOW);
    let provider = format!("providerId={}", escape(PARTY, false));
    let reply = ask(&format!("{provider}&target=%2Fcahier")).unwrap();
    assert_eq!((reply.request_id, reply.consumer.as_str()), (None, CONSUMER));
    assert_eq!(reply.relay_state.as_deref(), Some("/cahier"));
    let second = ask(&format!("{provider}&shire={}", escape(SECOND_CONSUMER, false))).unwrap();
    assert_eq!((second.consumer.as_str(), second.relay_state), (SECOND_CONSUMER, None));
    let evil = format!("{provider}&shire={}", escape("https://evil.example/", false));
    assert_eq!(ask(&evil), local(Reason::Consumer));
    assert_eq!(ask("providerId=https%3A%2F%2Fother.example"), local(Reason::UnknownParty));
    assert_eq!(ask("target=x"), local(Reason::Parameters));
}
