//! Relying parties, failures and the journal.

use super::*;
use crate::domain::oidc_options::OidcOptions;
use crate::domain::relying_party::{
    ClientAuthentication, EncryptionMethods, Environment, IdTokenAlgorithm, OidcParty, Protocol, ReleasePolicy,
    RelyingParty, SamlParty,
};
use crate::domain::saml_options::SamlOptions;
use crate::domain::token_options::TokenOptions;

type Line = (OffsetDateTime, String, String, Option<String>, Option<String>, Option<String>, String);

pub(super) async fn journal(store: &Store) -> Vec<Line> {
    let all = "SELECT at, event, outcome, account, party, address, reference FROM audit ORDER BY id";
    directory::db::on!(&store.read, c => sqlx::query_as(all).fetch_all(c).await).unwrap()
}

pub(super) fn saml(id: &str) -> RelyingParty {
    RelyingParty {
        id: PartyId(id.to_owned()),
        name: "ENT d’essai".to_owned(),
        environment: Environment::Test,
        is_suspended: false,
        start: None,
        policy: ReleasePolicy::default(),
        protocol: Protocol::Saml(SamlParty {
            assertion_consumers: Vec::new(),
            signing_certificates: vec!["MIIB".to_owned()],
            encryption_certificates: Vec::new(),
            requests_signed: true,
            name_id_format: NameIdFormat::Transient,
            valid_until: Some(NOW),
            attribute_names: std::collections::BTreeMap::new(),
            wants_signed_assertions: false,
            encryption: EncryptionMethods::default(),
            options: SamlOptions::default(),
            logout_services: Vec::new(),
        }),
    }
}

pub(super) fn oidc(id: &str) -> RelyingParty {
    let client = OidcParty {
        redirect_uris: vec!["https://ent.example/retour".to_owned()],
        client_authentication: ClientAuthentication::ClientSecretBasic { secret_hash: "00".repeat(32) },
        pkce_required: true,
        id_token_algorithm: IdTokenAlgorithm::Es256,
        scopes: BTreeSet::from(["openid".to_owned()]),
        sector: "ent.example".to_owned(),
        backchannel_logout_uri: None,
        keys: None,
        options: OidcOptions::default(),
        tokens: TokenOptions::default(),
    };
    RelyingParty { protocol: Protocol::Oidc(client), ..saml(id) }
}

#[tokio::test]
async fn a_party_is_added_once_and_comes_back_as_it_was() {
    for (store, _place) in stores().await {
        let (ent, service) = (saml("https://b.example"), oidc("a"));
        for party in [&ent, &service] {
            assert_eq!(store.add_party(party, NOW).await.unwrap(), Added::New);
            assert_eq!(store.party(&party.id).await.unwrap().as_ref(), Some(party));
        }
        let renamed = RelyingParty { name: "Autre".to_owned(), ..ent.clone() };
        assert_eq!(store.add_party(&renamed, NOW).await.unwrap(), Added::AlreadyThere);
        assert_eq!(store.parties().await.unwrap(), [service, ent]);
        assert_eq!(store.party(&PartyId("c".to_owned())).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_party_this_version_cannot_read_is_an_error_that_says_so() {
    for (store, _place) in stores().await {
        let newer = "INSERT INTO parties (id, document, created_at, updated_at) VALUES ('x', '{\"v\":2}', $1, $1)";
        directory::db::on!(&store.write, c => sqlx::query(newer).bind(NOW).execute(c).await.map(drop)).unwrap();
        let error = store.party(&PartyId("x".to_owned())).await.unwrap_err();
        assert!(error.to_string().starts_with("reading a relying party from the store"), "{error}");
    }
}

#[tokio::test]
async fn failures_count_each_one_and_are_forgotten_after_their_window() {
    for (store, _place) in stores().await {
        let login = [1; 32];
        assert_eq!(store.failures(&login).await.unwrap(), (0, None));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..30 {
            let store = store.clone();
            tasks.spawn(async move { store.count_failure(&login, NOW - Duration::DAY, NOW).await.unwrap() });
        }
        tasks.join_all().await;
        assert_eq!(store.failures(&login).await.unwrap(), (30, Some(NOW)));
        let count = |at: OffsetDateTime| store.count_failure(&login, at - Duration::DAY, at);
        count(NOW + Duration::DAY - Duration::SECOND).await.unwrap();
        assert_eq!(store.failures(&login).await.unwrap().0, 31);
        let quiet = NOW + Duration::DAY * 2 - Duration::SECOND;
        count(quiet).await.unwrap();
        assert_eq!(store.failures(&login).await.unwrap(), (1, Some(quiet)));
        store.forget_failures(&login).await.unwrap();
        assert_eq!(store.failures(&login).await.unwrap(), (0, None));
    }
}

#[tokio::test]
async fn failures_of_one_login_are_not_anothers_and_old_ones_are_swept() {
    for (store, _place) in stores().await {
        for (login, at) in [([1; 32], NOW), ([2; 32], NOW + Duration::SECOND)] {
            store.count_failure(&login, at - Duration::DAY, at).await.unwrap();
        }
        store.forget_failures(&[3; 32]).await.unwrap();
        assert_eq!(store.sweep_failures(NOW + Duration::SECOND).await.unwrap(), 1);
        assert_eq!(store.failures(&[1; 32]).await.unwrap().0, 0);
        assert_eq!(store.failures(&[2; 32]).await.unwrap().0, 1);
    }
}

#[tokio::test]
async fn au_01_a_line_of_the_journal_holds_what_happened_in_order() {
    for (store, _place) in stores().await {
        let (account, party) = (account_id(1), party());
        store.record(&happened("reset", NOW)).await.unwrap();
        let refused = Event {
            at: NOW + Duration::SECOND,
            event: "sign-in",
            outcome: Outcome::Refused("pair"),
            account: Some(&account),
            party: Some(&party),
            address: Some("2001:db8::1".to_owned()),
            reference: "EFGH-6789",
        };
        store.record(&refused).await.unwrap();
        let text = |text: &str| text.to_owned();
        let expected = [
            (NOW, text("reset"), text("done"), None, None, None, text("ABCD-2345")),
            (
                NOW + Duration::SECOND,
                text("sign-in"),
                text("pair"),
                Some(text(account.as_str())),
                Some(text(&party.0)),
                Some(text("2001:db8::1")),
                text("EFGH-6789"),
            ),
        ];
        assert_eq!(journal(&store).await, expected);
    }
}

#[tokio::test]
async fn a_party_is_changed_by_whoever_knows_it_as_it_is() {
    for (store, _place) in stores().await {
        let before = saml("https://ent.example/sp");
        store.add_party(&before, NOW).await.unwrap();
        let mut after = before.clone();
        let Protocol::Saml(options) = &mut after.protocol else { panic!("a SAML party") };
        options.options.set("encrypt", "required").unwrap();
        assert!(store.change_party(&before, &after, NOW).await.unwrap());
        assert_eq!(store.party(&before.id).await.unwrap(), Some(after.clone()));
        // The second one had read it before the first one's change.
        assert!(!store.change_party(&before, &before, NOW).await.unwrap());
        assert_eq!(store.party(&before.id).await.unwrap(), Some(after.clone()));
        let stranger = saml("https://other.example/sp");
        assert!(!store.change_party(&stranger, &after, NOW).await.unwrap());
    }
}

#[tokio::test]
async fn the_latest_requests_of_a_party_are_found_without_those_of_others() {
    for (store, _place) in stores().await {
        let (one, other) = (PartyId("https://one.example".to_owned()), PartyId("https://other.example".to_owned()));
        let note = |party, event, outcome, reference| Event {
            at: NOW,
            event,
            outcome,
            account: None,
            party: Some(party),
            address: None,
            reference,
        };
        store.record(&note(&one, "request", Outcome::Refused("time"), "a")).await.unwrap();
        store.record(&note(&other, "request", Outcome::Refused("consumer"), "b")).await.unwrap();
        store.record(&note(&one, "party-set", Outcome::Done, "c")).await.unwrap();
        store.record(&note(&one, "answer", Outcome::Done, "d")).await.unwrap();
        let seen: Vec<_> = store
            .recent_of(&one, 10)
            .await
            .unwrap()
            .into_iter()
            .map(|noted| (noted.outcome, noted.reference))
            .collect();
        assert_eq!(seen, [("done".to_owned(), "d".to_owned()), ("time".to_owned(), "a".to_owned())]);
        assert_eq!(store.recent_of(&one, 1).await.unwrap().len(), 1);
    }
}
