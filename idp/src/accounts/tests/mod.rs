//! The deeds on a real store and a directory that a real import filled.

mod first_time;
mod leaving;
mod opening;
mod sign_in;

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::time::Duration as Span;

use directory::import::{Import, import};
use directory::model::{PersonId, Stage};
use directory::sample::{Dialect, People, Plan, Sample, Shape};
use directory::testing::{self, Throwaway};
use time::macros::{date, datetime};

use super::hashing::{Engine, Hashing, Settings};
use super::throttle::{Addresses, Allowance};
use super::*;
use crate::clock::Clock;
use crate::domain::account::{AccountId, AccountState, Profile};
use crate::domain::password::{Cost, Password};
use crate::domain::session::Session;
use crate::store::NewAccount;

const NOW: OffsetDateTime = datetime!(2026-09-20 08:00 UTC);
const OWN: &str = "girafe tricycle ombrage";
/// Enough to be argon2id; the price is another test's.
const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

struct Deeds {
    accounts: Accounts,
    place: Throwaway,
}

fn hashing(cost: Cost) -> Hashing {
    let many = NonZeroUsize::new(1_000).unwrap();
    let permits = NonZeroUsize::new(2).unwrap();
    Hashing::start(Settings { cost, permits, queue: many, engine: Engine::default(), pepper: None }).unwrap()
}

impl Deeds {
    async fn at(place: Throwaway) -> Self {
        directory::writer::open(&place).await.unwrap();
        let accounts = Accounts {
            store: Store::open(&place, 4).await.unwrap(),
            directory: Directory::open(&place, 4).await.unwrap(),
            hashing: hashing(CHEAP),
            addresses: Arc::new(Addresses::new(Allowance::default(), &Clock::held(NOW))),
            under_way: UnderWay::default(),
            lifetimes: Lifetimes { idle: Duration::minutes(30), total: Duration::hours(8) },
            service_name: "Guichet".to_owned(),
        };
        Self { accounts, place }
    }

    /// On a folder: what the store answers is tested on both databases where the store is.
    async fn one() -> Self {
        Self::at(testing::folder()).await
    }

    async fn import(&self, people: &People) {
        let folder = tempfile::tempdir().unwrap();
        let paths = vec![people.write(folder.path()).unwrap()];
        let order = Import::new(paths, people.academy, NOW);
        import(&self.place, order, Arc::default(), &mut |_| {}).await.unwrap();
    }

    /// Somebody with a password of their own.
    async fn somebody(&self) -> Recorded {
        let recorded = self.dormant("c.exemple1", Profile::Guardian).await;
        let hash = self.accounts.hashing.hash(Password::typed(OWN)).await.unwrap();
        self.accounts.store.activate_all(std::slice::from_ref(&recorded.account.id), &hash, NOW).await.unwrap();
        self.recorded(&recorded.account.id).await
    }

    /// Somebody who has not even a letter.
    async fn dormant(&self, login: &str, profile: Profile) -> Recorded {
        let id = AccountId::from_random(chance::bytes());
        let people = vec![format!("14-2d-{}", chance::below(u32::MAX)).parse().unwrap()];
        let new = NewAccount { id: id.clone(), login: login.parse().unwrap(), profile, people };
        assert!(self.accounts.store.open_account(&new, NOW).await.unwrap());
        self.recorded(&id).await
    }

    async fn recorded(&self, id: &AccountId) -> Recorded {
        self.accounts.store.account(id).await.unwrap().unwrap()
    }

    async fn sign_in(&self, login: &str, password: &str, now: OffsetDateTime) -> Result<Opened, Refusal> {
        self.sign_in_from(came_by(), login, password, now).await
    }

    async fn sign_in_from(
        &self,
        came_by: CameBy,
        login: &str,
        password: &str,
        now: OffsetDateTime,
    ) -> Result<Opened, Refusal> {
        let attempt = Attempt { login: login.to_owned(), password: Password::typed(password), came_by };
        match self.accounts.sign_in(attempt, now).await.unwrap() {
            SignIn::Granted(opened) => Ok(opened),
            SignIn::Refused(refusal) => Err(refusal),
        }
    }

    async fn session(&self, opened: &Opened) -> Option<Session> {
        self.accounts.store.session(&opened.token.hash()).await.unwrap()
    }

    async fn failures(&self, login: &str) -> u32 {
        self.accounts.store.failures(&login_key(login)).await.unwrap().0
    }
}

fn came_by() -> CameBy {
    CameBy {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        browser: [9; 32],
        session: None,
        interaction: None,
        reference: "ABCD-2345".to_owned(),
    }
}

fn sample() -> Sample {
    let academy = "14".parse().unwrap();
    let (stage, date) = (Stage::Secondary, date!(2026 - 09 - 15));
    Plan { families: 20, seed: 7, academy, stage, date, dialect: Dialect::Current }.sample()
}
