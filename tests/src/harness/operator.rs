//! What an operator's commands do while the service runs.

use std::time::Duration;

use idp::domain::signing_key::{KeyName, Place};
use idp::signing::{self, Urgency, may_activate, may_retire};

use super::House;
use super::tls::certificates;

/// Waits until the running service publishes this many certificates; there is nothing else to wait for.
pub async fn published(house: &House, many: usize) -> String {
    let read = async {
        loop {
            let metadata = house.metadata().await;
            if certificates(&metadata).len() == many {
                return metadata;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), read).await.expect("the service takes up what a command changed")
}

/// What `guichet keys` does in a process of its own, over the same database and folder.
pub struct Operator<'a> {
    pub house: &'a House,
}

impl Operator<'_> {
    pub async fn make(&self, key: &str) {
        let ring = idp::serve::open_ring(self.house.config()).unwrap().into();
        let named = (key.parse().unwrap(), Place::Folder);
        signing::make(&self.house.accounts().store, &ring, named, false, self.house.clock.now()).await.unwrap();
    }

    pub async fn activate(&self, key: &str) {
        let (store, key, now) = (&self.house.accounts().store, key.parse().unwrap(), self.house.clock.now());
        let register = store.key_register().await.unwrap();
        let breaks = may_activate(&register, key, time::Duration::ZERO, Urgency::Planned, now).unwrap();
        assert_eq!(breaks, None);
        signing::activate(store, key, now).await.unwrap();
    }

    pub async fn retire(&self, key: &str) {
        let (store, now) = (&self.house.accounts().store, self.house.clock.now());
        let (register, parties) = (store.key_register().await.unwrap(), store.parties().await.unwrap());
        let key: KeyName = key.parse().unwrap();
        let parties = signing::parties_of(&parties, key.purpose, now);
        assert_eq!(may_retire(&register, key, &parties, Urgency::Planned, now).unwrap(), None);
        signing::retire(store, key, Urgency::Planned, now).await.unwrap();
    }
}
