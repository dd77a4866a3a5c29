//! A rotation while people sign in (SO-07, OP-20, KM-02): real relying parties check each answer against what they have
//! read of us, and not one fails.

use std::collections::BTreeSet;
use std::time::Duration;

use directory::sample::Shape;
use idp::chance;
use idp::domain::relying_party::PartyId;
use idp::domain::signing_key::{How, KeyName, METADATA_CACHE, Place};
use idp::keys::Keys;
use idp::signing::{self, Urgency};
use tokio::sync::watch;

use crate::harness::{
    Habits, House, Judge, OidcParty, Operator, SamlParty, Signed, Somebody, Stack, Visitor, certificates, ent_policy,
    published,
};

/// What a party saw so far: how many answers, and what the last one was signed with.
type Seen = watch::Receiver<(usize, String)>;

/// Signs on until told to stop. The party shows `Signed in` only for an answer it accepts; xmlsec1 says the same under a
/// key that was published before the answer was asked for.
async fn sign_on(house: &House, judge: &Judge, url: &str, person: &Somebody, seen: watch::Sender<(usize, String)>) {
    let mut visitor = Visitor::new();
    visitor.open(url).await;
    visitor.sign_in(person).await;
    visitor.press_on().await;
    while !seen.is_closed() {
        let published = certificates(&house.metadata().await);
        visitor.open(url).await;
        visitor.press_on().await;
        assert!(visitor.page().answer()["nameID"].is_string());
        let response = visitor.page().pre("response");
        let signed_with = certificates(&response).remove(0);
        assert!(published.contains(&signed_with), "signed with a key that is not published");
        for signed in [Signed::Response, Signed::Assertion] {
            judge.verify(&response, &signed_with, signed).unwrap();
        }
        seen.send_modify(|(count, last)| {
            *count += 1;
            *last = signed_with;
        });
    }
}

/// The same over OpenID Connect; the name of the key is that of the ID token.
async fn sign_on_by_oidc(url: &str, person: &Somebody, seen: watch::Sender<(usize, String)>) {
    let mut visitor = Visitor::new();
    visitor.open(url).await;
    visitor.sign_in(person).await;
    while !seen.is_closed() {
        visitor.open(url).await;
        let kid = visitor.page().answer()["header"]["kid"].as_str().unwrap().to_owned();
        seen.send_modify(|(count, last)| {
            *count += 1;
            *last = kid;
        });
    }
}

/// Waits for five more answers; what the last was signed with.
async fn five_more(seen: &mut Seen) -> String {
    let until = seen.borrow().0 + 5;
    seen.wait_for(|(count, _)| *count >= until).await.unwrap().1.clone()
}

#[tokio::test]
async fn so_07_op_20_not_one_sign_on_fails_while_the_keys_are_rotated_party_by_party() {
    for house in House::each().await {
        let Some(judge) = Judge::find() else { return };
        let Some(mut ready) = SamlParty::known_to(&house, Stack::NodeSaml, Habits::default(), ent_policy()).await
        else {
            return;
        };
        let Some(mut late) = SamlParty::known_to(&house, Stack::PythonSaml, Habits::default(), ent_policy()).await
        else {
            return;
        };
        let Some(mut client) = OidcParty::start().await else { return };
        let (id, secret) = house.welcome_oidc(&client, ent_policy()).await;
        client.trust(&house.url, &id.0, &secret, "client_secret_basic").await.unwrap();
        let person = house.guardian(Shape::TwoParents).await;
        let urls = (ready.url.clone(), late.url.clone(), format!("{}/?scope=openid+profile", client.url));

        let (of_ready, mut by_ready) = watch::channel((0, String::new()));
        let (of_late, mut by_late) = watch::channel((0, String::new()));
        let (of_client, mut by_client) = watch::channel((0, String::new()));
        let rotation = async {
            let operator = Operator { house: &house };
            let (old, old_kid) = (five_more(&mut by_ready).await, five_more(&mut by_client).await);
            assert_eq!(five_more(&mut by_late).await, old);

            operator.make("oidc-rs256-2").await;
            // Last, so that whoever sees it published sees the other one too.
            operator.make("saml-2").await;
            let both = published(&house, 2).await;
            let new = certificates(&both).remove(1);
            assert_eq!(certificates(&both)[0], old, "the one everybody has stays first");
            // A day later whoever keeps a copy has read again.
            client.trust(&house.url, &id.0, &secret, "client_secret_basic").await.unwrap();
            let before =
                (five_more(&mut by_ready).await, five_more(&mut by_late).await, five_more(&mut by_client).await);
            assert_eq!(before, (old.clone(), old.clone(), old_kid.clone()), "published, a key signs nothing");

            operator.activate("saml-2").await;
            operator.activate("oidc-rs256-2").await;
            by_client.wait_for(|(_, kid)| *kid != old_kid).await.unwrap();
            assert_eq!(five_more(&mut by_ready).await, old, "nobody has proved anything yet");

            ready.trust(&both).await.unwrap();
            let accepted = "saml-2".parse().unwrap();
            let (store, now) = (&house.accounts().store, house.clock.now());
            store.key_accepted(&PartyId(ready.id.clone()), accepted, How::Logout, now).await.unwrap();
            by_ready.wait_for(|(_, signed_with)| *signed_with == new).await.unwrap();
            assert_eq!(five_more(&mut by_late).await, old, "it has read nothing, so it is answered as ever");

            late.trust(&both).await.unwrap();
            signing::accept(store, &[&PartyId(late.id.clone())], accepted, now).await.unwrap();
            by_late.wait_for(|(_, signed_with)| *signed_with == new).await.unwrap();

            operator.retire("saml-1").await;
            operator.retire("oidc-rs256-1").await;
            let one = published(&house, 1).await;
            assert_eq!(certificates(&one), std::slice::from_ref(&new));
            ready.trust(&one).await.unwrap();
            late.trust(&one).await.unwrap();
            let after = BTreeSet::from([five_more(&mut by_ready).await, five_more(&mut by_late).await]);
            assert_eq!(after, BTreeSet::from([new]));
            assert_ne!(five_more(&mut by_client).await, old_kid);
            let answers = [by_ready.borrow().0, by_late.borrow().0, by_client.borrow().0];
            // Told to the loops, which end with the answer they are at.
            drop((by_ready, by_late, by_client));
            answers
        };
        let (answers, (), (), ()) = tokio::join!(
            rotation,
            sign_on(&house, &judge, &urls.0, &person, of_ready),
            sign_on(&house, &judge, &urls.1, &person, of_late),
            sign_on_by_oidc(&urls.2, &person, of_client),
        );
        assert!(answers.iter().all(|count| *count >= 20), "{answers:?}");
    }
}

#[tokio::test]
async fn so_07_a_party_that_reads_its_own_address_moves_when_all_its_machines_have_read_it() {
    let house = House::one().await;
    let Some(party) = SamlParty::known_to(&house, Stack::NodeSaml, Habits::default(), ent_policy()).await else {
        return;
    };
    let keys = Keys::open(&house.config().keys_folder()).unwrap();
    let operator = Operator { house: &house };
    operator.make("saml-2").await;
    operator.activate("saml-2").await;
    published(&house, 2).await;

    let id = PartyId(party.id.clone());
    let moves = async |query: String| {
        let mut visitor = Visitor::new();
        visitor.open(&house.at_path(&format!("/idp/profile/SAML2/metadata?{query}"))).await;
        house.later(METADATA_CACHE.unsigned_abs());
        let register = house.accounts().store.key_register().await.unwrap();
        let key: KeyName = "saml-2".parse().unwrap();
        register.is_answered_with(&id, key, house.clock.now())
    };
    let provider: String = url::form_urlencoded::byte_serialize(party.id.as_bytes()).collect();
    let drawn: [u8; 32] = chance::bytes();
    let forged = data_encoding::BASE64URL_NOPAD.encode(&drawn);
    assert!(!moves(format!("providerId={provider}")).await, "anybody can say who they are");
    assert!(!moves(format!("providerId={provider}&reader={forged}")).await);
    assert!(!moves(format!("providerId={provider}&reader={}", keys.reader_tag("https://other.example"))).await);
    let seal = keys.reader_tag(&party.id);
    assert!(moves(format!("providerId={provider}&reader={seal}")).await);
}

#[tokio::test]
async fn a_node_says_that_it_can_sign_and_what_it_lacks() {
    let house = House::one().await;
    let ready = async || {
        let answer = reqwest::get(format!("http://{}/readyz", house.private())).await.unwrap();
        (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
    };
    let (status, told) = ready().await;
    assert_eq!((status, &told["keys"], &told["keys_lacking"]), (200, &true.into(), &serde_json::json!([])));
    // Made on another node, and not brought here.
    let elsewhere = tempfile::tempdir().unwrap();
    let mut other = house.config().clone();
    other.keys.folder = Some(elsewhere.path().to_owned());
    let (store, now) = (&house.accounts().store, house.clock.now());
    let ring = idp::serve::open_ring(&other).unwrap().into();
    signing::make(store, &ring, ("saml-2".parse().unwrap(), Place::Folder), false, now).await.unwrap();
    published(&house, 2).await;
    let (status, told) = ready().await;
    assert_eq!((status, &told["keys_lacking"]), (200, &serde_json::json!(["saml-2"])), "{told}");
    signing::activate(store, "saml-2".parse().unwrap(), now).await.unwrap();
    signing::retire(store, "saml-1".parse().unwrap(), Urgency::Urgent, now).await.unwrap();
    let until_told = async { while ready().await.0 != 503 {} };
    tokio::time::timeout(Duration::from_mins(1), until_told).await.expect("it cannot sign, so it is not ready");
}

#[tokio::test]
async fn km_02_our_own_certificates_are_watched_for_their_end() {
    let house = House::one().await;
    let ending = async || {
        let answer = reqwest::get(format!("http://{}/readyz", house.private())).await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<serde_json::Value>().await.unwrap()["certificates_ending"].take())
    };
    assert_eq!(ending().await, (200, serde_json::json!([])));
    // Twenty years, but for sixty days.
    house.later(Duration::from_hours(24) * (7_305 - 60));
    assert_eq!(ending().await, (200, serde_json::json!(["saml-1"])), "it is told, and takes nobody away");
    let now = house.clock.now();
    let found = idp::parties::endings(&house.accounts().store, now).await.unwrap();
    let ours: Vec<_> = found.iter().filter(|ending| ending.what == idp::parties::What::OwnCertificate).collect();
    assert_eq!(
        (ours.len(), ours[0].whose.as_str(), ours[0].stage),
        (1, "saml-1", 60),
        "the journal has it in its turn"
    );
}
