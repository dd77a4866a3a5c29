//! One ID token as the token endpoint makes it, beside the bare signature of the same key: what is between the two lines
//! of one algorithm is ours. Ratios matter, seconds are the machine's.

#![expect(clippy::unwrap_used, reason = "a bench that cannot start has nothing to measure")]

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use idp::domain::account::Profile;
use idp::domain::relying_party::{IdTokenAlgorithm, PartyId};
use idp::domain::session::SessionId;
use idp::keys::{EcKey, OidcKeys, RsaKey};
use idp::oidc::id_token::IdToken;
use time::macros::datetime;

fn id_token(c: &mut Criterion) {
    let rs256 = Arc::new(RsaKey::from_pkcs8(include_bytes!("../src/oidc/testdata/rs256.pk8")).unwrap());
    let es256 = Arc::new(EcKey::from_pkcs8(include_bytes!("../src/oidc/testdata/es256.pk8")).unwrap());
    let keys = OidcKeys { rs256: Some(rs256.clone()), es256: Some(es256.clone()), published: Vec::new() };
    let client = PartyId("ent-exemple".to_owned());
    let session = SessionId::from_random([7; 16]);
    let now = datetime!(2026-09-01 08:00 UTC);
    let told = serde_json::Map::new();
    let token = IdToken {
        issuer: "https://guichet.example",
        client: &client,
        subject: "PAIRWISE2SUBJECT3FOR4THIS5CLIENT",
        profile: Profile::Guardian,
        authenticated_at: now,
        nonce: Some("n-0S6_WzA2Mj"),
        session: &session,
        told: &told,
    };
    let access_token = "A".repeat(43);
    let message = token.sign(&access_token, IdTokenAlgorithm::Rs256, &keys, now).unwrap();
    let message = message.rsplit_once('.').unwrap().0.as_bytes();

    let mut group = c.benchmark_group("id token");
    for (name, algorithm) in [("RS256", IdTokenAlgorithm::Rs256), ("ES256", IdTokenAlgorithm::Es256)] {
        group.bench_function(format!("{name}/token"), |b| {
            b.iter(|| token.sign(&access_token, algorithm, &keys, now).unwrap());
        });
        group.bench_function(format!("{name}/bare signature"), |b| {
            b.iter(|| match algorithm {
                IdTokenAlgorithm::Rs256 => rs256.sign_rsa_sha256(message).unwrap(),
                IdTokenAlgorithm::Es256 => es256.sign_es256(message).unwrap(),
            });
        });
    }
    group.finish();
}

criterion_group!(benches, id_token);
criterion_main!(benches);
