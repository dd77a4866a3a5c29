//! XML signature wrapping: a genuine signed message is kept in the message so that its signature verifies, while a
//! forged one stands where a careless reader looks (Somorovsky et al., "On Breaking SAML", variants 1 to 8).

use super::*;

const SIGNATURE_END: &str = "</ds:Signature>";

struct Parts {
    /// The genuine message, signed, without declaration.
    genuine: String,
    /// Its signature.
    signature: String,
    /// The genuine message without its signature.
    bare: String,
}

fn parts(genuine: &Draft) -> Parts {
    let xml = genuine.signed(PARTY_KEY);
    let genuine = xml.split_once("?>").unwrap().1.trim().to_owned();
    let start = genuine.find("<ds:Signature").unwrap();
    let end = genuine.find(SIGNATURE_END).unwrap() + SIGNATURE_END.len();
    let signature = genuine[start..end].to_owned();
    let bare = genuine.replace(&signature, "");
    Parts { genuine, signature, bare }
}

fn in_signature(signature: &str, more: &str) -> String {
    signature.replace(SIGNATURE_END, &format!("{more}{SIGNATURE_END}"))
}

/// Messages that say what `evil` says, while the signature of `genuine` verifies.
pub fn variants(genuine: &Draft, evil: &Draft) -> Vec<(&'static str, String)> {
    let end = format!("</samlp:{}>", genuine.element);
    let Parts { genuine, signature, bare } = parts(genuine);
    let forged = |id: &str, inside: &str| evil.clone().with("ID", id).xml_with(inside);
    let wrapped = |inside: &str| format!("<samlp:Extensions>{inside}</samlp:Extensions>");
    let object = |inside: &str| format!("<ds:Object>{inside}</ds:Object>");
    let at_end = |outer: &str, more: &str| outer.replace(&end, &format!("{more}{end}"));
    vec![
        (
            "1: the genuine message inside the signature of the forged one",
            forged("_evil", &in_signature(&signature, &bare)),
        ),
        ("2: the genuine message beside its signature", forged("_evil", &format!("{signature}{bare}"))),
        ("3: the forged message around the genuine one, signature included", forged("_evil", &genuine)),
        ("4: the forged message inside the genuine one", at_end(&genuine, &forged("_evil", ""))),
        (
            "5: the signature moved to the forged message, the genuine one at the end",
            at_end(&forged("_evil", &signature), &bare),
        ),
        (
            "6: the genuine message inside an unknown child of the signature",
            forged("_evil", &in_signature(&signature, &format!("<x>{bare}</x>"))),
        ),
        ("7: the genuine message inside Extensions", forged("_evil", &wrapped(&genuine))),
        (
            "8: the genuine message inside an Object of the signature",
            forged("_evil", &in_signature(&signature, &object(&bare))),
        ),
        ("the same ID twice", forged("_request-1", &wrapped(&genuine))),
        (
            "the same ID twice, the signature on the forged one",
            forged("_request-1", &format!("{signature}{}", wrapped(&bare))),
        ),
        (
            "the same ID in another attribute",
            forged("_evil", &format!("{signature}{}", wrapped(&bare))).replacen(
                "ID=\"_evil\"",
                "ID=\"_evil\" id=\"_request-1\"",
                1,
            ),
        ),
    ]
}

fn forged_requests() -> Vec<(&'static str, String)> {
    variants(&draft(), &draft().with("AssertionConsumerServiceURL", SECOND_CONSUMER))
}

#[test]
fn si_04_the_genuine_request_alone_is_accepted() {
    let request = judge(&parts(&draft()).genuine, &party(true)).unwrap();
    assert_eq!((request.id.as_str(), request.reply.consumer.as_str()), ("_request-1", CONSUMER));
}

/// Whether this is said of a signature that covers something else than the message.
pub fn is_wrapped(reason: Reason) -> bool {
    match reason {
        Reason::SignatureShape | Reason::Signature => true,
        Reason::Xml(fault) => fault.kind == super::super::lexis::Kind::DuplicateId,
        _ => false,
    }
}

#[test]
fn si_04_wrapped_requests_are_refused() {
    for (variant, xml) in forged_requests() {
        for required in [true, false] {
            let judged = judge(&xml, &party(required));
            let is_refused = matches!(&judged, Err(Refused::Local(reason)) if is_wrapped(*reason));
            assert!(is_refused, "{variant}: {judged:?}");
        }
    }
}

#[test]
fn si_04_the_verifier_alone_would_not_have_been_enough() {
    // Why the shape is checked first: the library says yes to the forged document and hands out the genuine part.
    let (_, xml) = forged_requests().into_iter().nth(2).unwrap();
    let certificate = [samael::crypto::CertificateDer::from(PARTY_KEY.der())];
    let reduced = Crypto::reduce_xml_to_signed(&xml, &certificate, samael::crypto::ReduceMode::PreDigest).unwrap();
    assert!(!reduced.contains("_evil") && xml.contains("_evil"));
}
