//! Two nodes over one database, each with a folder of its own, on both databases.

use std::path::Path;

use directory::testing::{self, Throwaway};
use tempfile::TempDir;
use time::macros::datetime;

use super::*;
use crate::domain::relying_party::PartyId;
use crate::domain::signing_key::{How, Place};
use crate::keys::{RsaSize, Settings};

const NOW: OffsetDateTime = datetime!(2026-09-20 08:00:07 UTC);
const TOKENS_END: Duration = Duration::minutes(15);

struct Node {
    folder: TempDir,
    store: Store,
}

impl Node {
    fn new(store: &Store) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), store: store.clone() }
    }

    fn ring(&self) -> Ring {
        let settings = Settings { host: "guichet.example.org".to_owned(), rsa: RsaSize::Bits2048, pkcs11: None };
        Ring::open(self.folder.path(), settings).unwrap()
    }

    async fn start(&self) -> Result<Signing, Error> {
        Signing::open(self.store.clone(), self.ring(), TOKENS_END, NOW).await
    }

    async fn make(&self, text: &str) {
        let ring = Arc::new(self.ring());
        make(&self.store, &ring, (name(text), Place::Folder), false, NOW).await.unwrap();
    }

    fn bring(&self, file: &str, from: &Self) {
        std::fs::copy(from.folder.path().join(file), self.folder.path().join(file)).unwrap();
    }

    fn bring_all(&self, from: &Self) {
        for text in ["saml-1", "oidc-rs256-1", "oidc-es256-1"] {
            self.bring(&format!("{text}.key.pem"), from);
        }
    }
}

fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

fn party() -> PartyId {
    PartyId("https://ent.example/saml".to_owned())
}

async fn places() -> Vec<(Node, Throwaway)> {
    let mut nodes = Vec::new();
    for place in testing::places().await {
        nodes.push((Node::new(&Store::open(&place, 4).await.unwrap()), place));
    }
    nodes
}

/// Which certificate a party is answered with.
fn certificate(signing: &Signing) -> String {
    signing.now().saml(&party()).unwrap().certificate.base64().to_owned()
}

fn names(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[tokio::test]
async fn the_first_start_makes_a_key_for_each_purpose_and_the_next_takes_the_same() {
    for (node, _place) in places().await {
        let first = node.start().await.unwrap();
        assert_eq!(names(node.folder.path()), 4, "three keys and a certificate");
        let again = node.start().await.unwrap();
        assert_eq!(certificate(&first), certificate(&again));
        assert_eq!(first.now().certificates(), [certificate(&first)]);
        let published = |signing: &Signing| signing.now().oidc().published.clone();
        assert_eq!(published(&first).len(), 2);
        assert_eq!(published(&first), published(&again));
        assert!(again.now().saml_es256(&party()).is_none(), "nobody gets ECDSA unasked");
    }
}

#[tokio::test]
async fn a_second_node_makes_no_keys_of_its_own_and_says_which_files_it_needs() {
    for (node, _place) in places().await {
        let first = node.start().await.unwrap();
        let second = Node::new(&node.store);
        let said = second.start().await.err().unwrap().to_string();
        assert!(said.contains("saml-1.key.pem") && said.contains("missing"), "{said}");
        assert_eq!(names(second.folder.path()), 0);
        second.bring_all(&node);
        assert_eq!(certificate(&second.start().await.unwrap()), certificate(&first));
    }
}

#[tokio::test]
async fn so_07_every_node_publishes_a_new_key_and_one_without_its_file_signs_with_the_old_one_and_says_so() {
    for (node, _place) in places().await {
        let first = node.start().await.unwrap();
        let second = Node::new(&node.store);
        second.bring_all(&node);
        let other = second.start().await.unwrap();
        let old = certificate(&first);

        node.make("saml-2").await;
        first.refresh(NOW).await.unwrap();
        other.refresh(NOW).await.unwrap();
        assert_eq!(first.now().certificates().len(), 2);
        assert_eq!(first.now().certificates(), other.now().certificates());
        assert_eq!(first.now().certificates()[0], old);
        assert_eq!(certificate(&first), old, "published, it signs nothing");
        let snapshot = first.now();
        let (tried, keys) = snapshot.on_trial(&party()).unwrap();
        assert_eq!((tried, keys.certificate.base64()), (name("saml-2"), &*first.now().certificates()[1]));
        assert!(other.now().on_trial(&party()).is_none(), "it has none to try");
        assert_eq!(first.now().lacking(), []);
        assert_eq!(other.now().lacking().iter().map(|lacking| lacking.name).collect::<Vec<_>>(), [name("saml-2")]);

        activate(&node.store, name("saml-2"), NOW).await.unwrap();
        node.store.key_accepted(&party(), name("saml-2"), How::Logout, NOW).await.unwrap();
        first.refresh(NOW).await.unwrap();
        other.refresh(NOW).await.unwrap();
        assert_ne!(certificate(&first), old);
        assert!(first.now().on_trial(&party()).is_none(), "nothing is left to try");
        assert_eq!(certificate(&other), old, "the party accepts both, and this node has one");
        assert_eq!(other.now().nothing_signs(), None);

        second.bring("saml-2.key.pem", &node);
        other.refresh(NOW).await.unwrap();
        assert_eq!(certificate(&other), certificate(&first), "taken up without a restart");
        assert_eq!(other.now().lacking(), []);
    }
}

#[tokio::test]
async fn km_02_a_withdrawn_key_signs_nothing_even_on_a_node_that_has_no_other() {
    for (node, _place) in places().await {
        let first = node.start().await.unwrap();
        let second = Node::new(&node.store);
        second.bring_all(&node);
        let other = second.start().await.unwrap();
        for (old, new) in [("saml-1", "saml-2"), ("oidc-rs256-1", "oidc-rs256-2")] {
            node.make(new).await;
            activate(&node.store, name(new), NOW).await.unwrap();
            retire(&node.store, name(old), Urgency::Urgent, NOW).await.unwrap();
        }
        let old = certificate(&first);
        first.refresh(NOW).await.unwrap();
        other.refresh(NOW).await.unwrap();
        assert_ne!(certificate(&first), old);
        assert_eq!(first.now().certificates(), [certificate(&first)]);
        assert_eq!(first.now().oidc().published.len(), 2, "the withdrawn one is gone");
        assert_eq!(first.now().oidc_ever().len(), 2, "nor is a token of its believed when it is brought back (OP-15)");
        assert!(other.now().saml(&party()).is_err());
        assert!(other.now().oidc().rs256.is_none() && other.now().oidc().es256.is_some());
        let (purpose, why) = other.now().nothing_signs().unwrap();
        assert!(purpose == Purpose::Saml && why.contains("saml-2.key.pem"), "{why}");
        assert_eq!(
            other.now().certificates(),
            first.now().certificates(),
            "it still publishes what others verify with"
        );
    }
}

#[tokio::test]
async fn op_20_id_tokens_move_at_once_and_the_old_key_is_published_until_the_last_has_ended() {
    for (node, _place) in places().await {
        let signing = node.start().await.unwrap();
        let kid = |signing: &Signing| signing.now().oidc().es256.as_ref().unwrap().kid().to_owned();
        let published = |signing: &Signing| signing.now().oidc().published.len();
        let old = kid(&signing);
        node.make("oidc-es256-2").await;
        signing.refresh(NOW).await.unwrap();
        assert_eq!((kid(&signing), published(&signing)), (old.clone(), 3));
        activate(&node.store, name("oidc-es256-2"), NOW).await.unwrap();
        retire(&node.store, name("oidc-es256-1"), Urgency::Planned, NOW).await.unwrap();
        signing.refresh(NOW + TOKENS_END - Duration::SECOND).await.unwrap();
        assert_ne!(kid(&signing), old);
        assert_eq!(published(&signing), 3);
        signing.refresh(NOW + TOKENS_END).await.unwrap();
        assert_eq!(published(&signing), 2);
        assert_eq!(signing.now().oidc_ever().len(), 3, "a client may bring an old ID token back (OP-15)");
    }
}

#[tokio::test]
async fn a_key_is_made_by_one_of_two_who_make_it_at_once_and_what_is_read_is_news_once() {
    for (node, _place) in places().await {
        let signing = node.start().await.unwrap();
        assert_eq!(signing.now().news_to(&party()), []);
        node.make("saml-2").await;
        let second = Node::new(&node.store);
        let ring = Arc::new(second.ring());
        let lost = make(&node.store, &ring, (name("saml-2"), Place::Folder), false, NOW).await;
        assert!(matches!(lost, Err(Error::Meanwhile(_))));
        node.make("saml-es256-1").await;
        signing.refresh(NOW).await.unwrap();
        assert_eq!(signing.now().news_to(&party()), [name("saml-2"), name("saml-es256-1")]);
        node.store.key_accepted(&party(), name("saml-2"), How::Metadata, NOW).await.unwrap();
        signing.refresh(NOW).await.unwrap();
        assert_eq!(signing.now().news_to(&party()), [name("saml-es256-1")]);
        assert_eq!(signing.now().certificates().len(), 3);
    }
}

#[test]
fn an_urgent_change_overrides_waiting_and_nothing_else() {
    use crate::domain::signing_key::Register;
    let register = Register::default();
    for urgency in [Urgency::Planned, Urgency::Urgent] {
        let unknown = Objection::Unknown(name("saml-2"));
        assert_eq!(may_activate(&register, name("saml-2"), Duration::DAY, urgency, NOW), Err(unknown.clone()));
        assert_eq!(may_retire(&register, name("saml-2"), &[], urgency, NOW), Err(unknown));
    }
}
