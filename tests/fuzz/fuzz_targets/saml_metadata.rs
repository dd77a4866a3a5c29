//! Any bytes as metadata: `0` a file that an operator gives, `1` a signed copy from an address, `2` an unsigned one for a
//! pinned key. What is taken is fit to be acted upon.
#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use idp::domain::relying_party::Environment;
use idp::domain::source::{Mark, Trust};
use idp::saml::metadata::{self, Read, Wanted, certificate};
use libfuzzer_sys::fuzz_target;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = datetime!(2027-01-04 08:00:00 UTC);
const PARTY: &str = include_str!("../../../idp/src/saml/testdata/for-tests-only-party.cert.b64");

static SIGNED: LazyLock<Trust> = LazyLock::new(|| Trust::Signed(vec![PARTY.trim_end().to_owned()]));
static KEY: LazyLock<Trust> =
    LazyLock::new(|| Trust::Key(certificate::fingerprint(PARTY.trim_end()).expect("a certificate")));

fn check(read: &Read) {
    assert!((1..=1024).contains(&read.entity_id.0.len()));
    assert!(!read.saml.assertion_consumers.is_empty());
    for consumer in &read.saml.assertion_consumers {
        // A scheme is the same in either case (RFC 3986 3.1).
        let is_https = consumer.location.to_ascii_lowercase().starts_with("https://");
        assert!(is_https && !consumer.location.contains(['<', '"', '\'', ' ', '#']));
    }
    for certificate in read.saml.signing_certificates.iter().chain(&read.saml.encryption_certificates) {
        assert!(certificate::fingerprint(certificate).is_some());
    }
    assert!(!read.saml.requests_signed || !read.saml.signing_certificates.is_empty());
    assert!(read.saml.valid_until.is_none_or(|end| end > NOW));
}

fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let trust = match how {
        b'1' => &*SIGNED,
        b'2' => &*KEY,
        _ => {
            if let Ok(read) = metadata::read(bytes, None, Environment::Production, NOW) {
                check(&read);
            }
            return;
        }
    };
    let last = Mark { valid_until: NOW + Duration::days(1), created: None };
    let only = BTreeSet::new();
    let wanted =
        Wanted { trust, only: &only, environment: Environment::Production, most: 64 * 1024, last: Some(&last) };
    if let Ok(taken) = metadata::take(bytes, &wanted, NOW) {
        assert!(!taken.mark.is_before(&last) && taken.mark.valid_until <= NOW + Duration::days(31));
        taken.parties.iter().for_each(check);
    }
});
