//! Each function of the store on both databases: this is what checks the queries.

mod accounts;
mod authorization;
mod grants;
mod interactions;
mod keys;
mod logouts;
mod refresh;
mod registrations;
mod sessions;
mod small_tables;
mod sources;

use std::collections::BTreeSet;

use directory::model::PersonId;
use directory::testing::{self, Throwaway};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::*;
use crate::domain::account::{AccountId, Profile};
use crate::domain::interaction::{
    Asked, AuthnContext, ClaimsAsked, Interaction, InteractionId, OidcReply, ReplyTo, RequestedSubject, ResponseMode,
    SamlReply,
};
use crate::domain::password::{Cost, PasswordHash};
use crate::domain::relying_party::{NameIdFormat, PartyId};
use crate::domain::session::{Pending, SessionId};

const NOW: OffsetDateTime = datetime!(2026-09-20 08:00:07 UTC);

/// A fresh store on each engine; the place goes with it.
async fn stores() -> Vec<(Store, Throwaway)> {
    let mut stores = Vec::new();
    for place in testing::places().await {
        stores.push((Store::open(&place, 4).await.unwrap(), place));
    }
    stores
}

fn person(key: u32) -> PersonId {
    format!("14-2d-{key}").parse().unwrap()
}

fn account_id(number: u8) -> AccountId {
    AccountId::from_random([number; 16])
}

fn password(number: u8) -> PasswordHash {
    PasswordHash::new(Cost { memory_kib: 64, passes: 1, lanes: 1 }, None, [number; 16], [number; 32])
}

fn new_account(number: u8) -> NewAccount {
    NewAccount {
        id: account_id(number),
        login: format!("c.exemple{number}").parse().unwrap(),
        profile: Profile::Guardian,
        people: vec![person(number.into())],
    }
}

async fn open_account(store: &Store, number: u8) -> AccountId {
    assert!(store.open_account(&new_account(number), NOW).await.unwrap());
    account_id(number)
}

fn new_session(account: &AccountId, token: Hash, browser: Hash) -> NewSession {
    let [first, ..] = token;
    NewSession {
        token_hash: token,
        id: SessionId::from_random([first; 16]),
        account: account.clone(),
        profile: Profile::Guardian,
        browser,
        authenticated_at: NOW,
        expires_at: NOW + Duration::hours(8),
        pending: None,
        replaces: None,
        interaction: None,
    }
}

fn happened(event: &'static str, at: OffsetDateTime) -> Event<'static> {
    Event { at, event, outcome: Outcome::Done, account: None, party: None, address: None, reference: "ABCD-2345" }
}

async fn open_session(store: &Store, new: &NewSession) {
    store.open_session(new, &happened("sign-in", NOW), NOW).await.unwrap();
}

fn party() -> PartyId {
    PartyId("https://ent.example/metadata".to_owned())
}

fn new_grant(account: &AccountId, code: Hash, session: &SessionId) -> NewGrant {
    NewGrant {
        code_hash: code,
        party: party(),
        account: account.clone(),
        session: session.clone(),
        terms: OidcReply {
            redirect_uri: "https://ent.example/retour".to_owned(),
            response_mode: ResponseMode::Query,
            state: Some("s".to_owned()),
            nonce: Some("n".to_owned()),
            scopes: vec!["openid".to_owned()],
            code_challenge: None,
            resources: vec!["https://api.example/".to_owned()],
            dpop_jkt: Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".to_owned()),
            claims: ClaimsAsked { userinfo: ["family_name".to_owned()].into(), ..ClaimsAsked::default() },
        },
        authenticated_at: NOW,
        expires_at: NOW + Duration::MINUTE,
        offline: false,
    }
}

/// A code given out with an answer.
async fn grant_by_answer(store: &Store, new: &NewGrant) {
    let asked = request(&format!("{:?}", new.code_hash), None);
    let event = happened("answer", NOW);
    let trace = Trace { grant: Some(new), ..Trace::of(&event) };
    assert_eq!(store.keep_answered(&asked, &[9; 32], trace).await.unwrap(), Kept::New);
}

/// The person agrees to something, and takes it back with all that the party was granted.
async fn take_back(store: &Store, grant: &NewGrant) {
    let (interaction, browser) = (request("of-the-consent", None), [3; 32]);
    let event = happened("consent", NOW);
    let by = (&interaction.id, &browser);
    store.agree(by, (&grant.account, &grant.party), &BTreeSet::from(["sn".to_owned()]), &event).await.unwrap();
    assert!(store.take_back(&grant.account, &grant.party, &event).await.unwrap());
}

async fn is_first(store: &Store, code: Hash) -> bool {
    matches!(store.spend_code(&code, None, NOW).await.unwrap(), Spent::Now(_))
}

fn request(id: &str, request_id: Option<&str>) -> Interaction {
    Interaction {
        id: InteractionId(id.to_owned()),
        party: Some(party()),
        asked: Asked { fresh: true, max_age: Some(60), languages: vec!["fr".to_owned()], ..Asked::default() },
        reply_to: ReplyTo::Saml(SamlReply {
            request_id: request_id.map(str::to_owned),
            consumer: "https://ent.example/acs".to_owned(),
            relay_state: Some("état".to_owned()),
            name_id_format: NameIdFormat::Persistent,
            authn_context: AuthnContext::Password,
            subject: Some(RequestedSubject { format: NameIdFormat::Transient, value: "_t".to_owned() }),
        }),
        created_at: NOW,
        answered_at: None,
        signed_in: None,
        confirmed: false,
        consented: false,
    }
}

/// Table and column, without the migrators' own.
async fn columns(store: &Store) -> Vec<(String, String)> {
    let sqlite = "SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c \
                  WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '_sqlx%' ORDER BY 1, 2";
    let postgres = "SELECT table_name::text, column_name::text FROM information_schema.columns \
                    WHERE table_schema = 'idp' AND table_name NOT LIKE '_sqlx%' ORDER BY 1, 2";
    match &store.read {
        Db::Sqlite(pool) => sqlx::query_as(sqlite).fetch_all(pool).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_as(postgres).fetch_all(pool).await.unwrap(),
    }
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let mut seen = BTreeSet::new();
    for (store, _place) in stores().await {
        let mut columns = columns(&store).await;
        // The two sort underscores differently.
        columns.sort();
        assert!(columns.len() > 50, "{columns:?}");
        seen.insert(columns);
    }
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn opening_the_store_again_keeps_what_it_holds() {
    for (store, place) in stores().await {
        let id = open_account(&store, 1).await;
        let again = Store::open(&place, 2).await.unwrap();
        again.ping().await.unwrap();
        assert_eq!(again.account(&id).await.unwrap().unwrap().account.people, [person(1)]);
    }
}

/// LS-07: the same 32 bytes open nothing but what they were drawn for.
#[tokio::test]
async fn ls_07_a_secret_of_one_kind_is_not_accepted_as_another() {
    for (store, _place) in stores().await {
        let account = open_account(&store, 1).await;
        let (session, code, refresh) = ([1; 32], [2; 32], [3; 32]);
        let new = NewSession { pending: Some(Pending::Password), ..new_session(&account, session, [9; 32]) };
        open_session(&store, &new).await;
        grant_by_answer(&store, &NewGrant { offline: true, ..new_grant(&account, code, &new.id) }).await;
        let kept = NewRefreshToken { hash: refresh, holder: None, expires_at: NOW + Duration::DAY };
        for other in [session, refresh, [9; 32]] {
            assert!(matches!(store.spend_code(&other, Some(&kept), NOW).await.unwrap(), Spent::Unknown));
        }
        assert!(store.refreshable(&refresh, NOW).await.unwrap().is_none());
        assert!(matches!(store.spend_code(&code, Some(&kept), NOW).await.unwrap(), Spent::Now(_)));
        for other in [code, refresh, [9; 32]] {
            assert!(store.session(&other).await.unwrap().is_none());
            assert!(!store.advance_session(&other, Pending::Password, Pending::BirthDate).await.unwrap());
            store.end_session(&other, NOW).await.unwrap();
        }
        for other in [session, code, [9; 32]] {
            assert!(store.refreshable(&other, NOW).await.unwrap().is_none());
            let rotated = store.rotate(&other, (&party(), None), &[5; 32], NOW).await.unwrap();
            assert!(matches!(rotated, Rotated::Unknown));
        }
        for other in [session, refresh, [9; 32]] {
            assert!(store.opened(&other).await.unwrap().is_none());
        }
        let name = InteractionId(new.id.as_str().to_owned());
        assert!(store.interaction(&name, &[9; 32]).await.unwrap().is_none());
        assert!(store.session(&session).await.unwrap().is_some());
        assert!(store.refreshable(&refresh, NOW).await.unwrap().is_some());
    }
}
