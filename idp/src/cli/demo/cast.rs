//! The people of the demo: one account in each state, everyone else active with the one printed password.

use directory::model::{Known, Person, PersonId};
use serde_json::{Value, json};
use time::Duration;

use crate::accounts::Accounts;
use crate::clock::Clock;
use crate::domain::account::{AccountId, Profile};
use crate::domain::identity::Identity;
use crate::domain::password::Password;
use crate::domain::throttle::FORGOTTEN_AFTER;
use crate::store::Recorded;

/// Everyone's, in the demo. Printed: nothing that must stay secret is behind it.
const PASSWORD: &str = "lanterne-bocage-tilleul";

/// The states that are not "active", and how many accounts of each profile are in them.
const SPECIAL: [(State, usize); 4] =
    [(State::Letter, 3), (State::LetterTooOld, 1), (State::Waiting, 1), (State::Closed, 1)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    /// A provisional password is out.
    Letter,
    LetterTooOld,
    /// Too many wrong passwords just now.
    Waiting,
    Closed,
    /// No password at all.
    ToActivate,
}

impl State {
    const fn code(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Letter => "letter",
            Self::LetterTooOld => "letter-expired",
            Self::Waiting => "waiting",
            Self::Closed => "closed",
            Self::ToActivate => "to-activate",
        }
    }
}

struct Player {
    login: String,
    password: Option<String>,
    profile: Profile,
    state: State,
    name: String,
    birth_date: Option<String>,
    children: usize,
    people: Vec<PersonId>,
}

pub struct Cast(Vec<Player>);

impl Cast {
    /// Puts every account of the directory's people into its state.
    pub async fn prepare(accounts: &Accounts, clock: &Clock) -> anyhow::Result<Self> {
        let mut cast = Vec::new();
        let mut active = Vec::new();
        let mut met = std::collections::HashSet::new();
        let mut counts = std::collections::HashMap::new();
        let mut after = None;
        loop {
            let page = accounts.directory.page(None, after.as_ref(), 500).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.person.id().clone());
            for known in &page {
                let Some(recorded) = accounts.store.account_of(known.person.id()).await? else { continue };
                if !met.insert(recorded.account.id.clone()) {
                    continue;
                }
                let seen = counts.entry(recorded.account.profile).or_insert(0_usize);
                *seen += 1;
                let state = state_of(*seen);
                let password = give(accounts, clock, &recorded, state).await?;
                if matches!(state, State::Active | State::Waiting) {
                    active.push(recorded.account.id.clone());
                }
                cast.push(player(known, &recorded, state, password));
            }
        }
        activate(accounts, clock, &active).await?;
        // The ones that a person tries first: a guardian of several children, then the rest as they came.
        cast.sort_by_key(|player| (player.profile != Profile::Guardian, std::cmp::Reverse(player.children.min(3))));
        Ok(Self(cast))
    }

    pub fn size(&self) -> usize {
        self.0.len()
    }

    pub fn described(&self) -> Vec<Value> {
        let described = self.0.iter().map(|player| {
            json!({
                "login": player.login,
                "password": player.password,
                "profile": player.profile,
                "state": player.state.code(),
                "birth_date": player.birth_date,
                "people": player.people.iter().map(|id| json!({"id": id, "name": player.name})).collect::<Vec<_>>(),
            })
        });
        described.collect()
    }

    /// Who, login and password, for each thing worth trying.
    pub fn introduced(&self) -> Vec<(String, &str, &str)> {
        let scenes = [
            (Profile::Guardian, State::Active, "a parent"),
            (Profile::Student, State::Active, "a student"),
            (Profile::Guardian, State::Letter, "a parent with a letter"),
            (Profile::Student, State::Letter, "a student with a letter"),
            (Profile::Student, State::Waiting, "a student who must wait"),
        ];
        let introduce = |(profile, state, who): (Profile, State, &str)| {
            let player = self.0.iter().find(|player| player.profile == profile && player.state == state)?;
            let born = player.birth_date.as_ref().filter(|_| state == State::Letter);
            let who = born.map_or_else(|| who.to_owned(), |born| format!("{who}, born {born}"));
            Some((who, player.login.as_str(), player.password.as_deref().unwrap_or("-")))
        };
        scenes.into_iter().filter_map(introduce).collect()
    }
}

/// The second to the eighth of a profile are the special ones, the ninth has nothing; everyone else is active.
fn state_of(number: usize) -> State {
    let mut before = 1;
    for (state, count) in SPECIAL {
        if number > before && number <= before + count {
            return state;
        }
        before += count;
    }
    if number == before + 1 { State::ToActivate } else { State::Active }
}

/// What makes a state; active ones are set together afterwards.
async fn give(accounts: &Accounts, clock: &Clock, recorded: &Recorded, state: State) -> anyhow::Result<Option<String>> {
    let now = clock.now();
    let store = &accounts.store;
    Ok(match state {
        State::Active => Some(PASSWORD.to_owned()),
        State::Letter => Some(accounts.reset(recorded, now).await?.password.text().to_owned()),
        State::LetterTooOld => {
            Some(accounts.reset(recorded, now - Duration::days(91)).await?.password.text().to_owned())
        }
        State::Waiting => {
            let key = crate::accounts::login_key(recorded.login.as_str());
            for _ in 0..6 {
                store.count_failure(&key, now - FORGOTTEN_AFTER, now).await?;
            }
            Some(PASSWORD.to_owned())
        }
        State::Closed => {
            store.close_account(&recorded.account.id, now).await?;
            None
        }
        State::ToActivate => None,
    })
}

/// One hash for all: the demo must be ready in seconds, and everyone has the same password anyway.
async fn activate(accounts: &Accounts, clock: &Clock, active: &[AccountId]) -> anyhow::Result<()> {
    let hash = accounts.hashing.hash(Password::typed(PASSWORD)).await?;
    accounts.store.activate_all(active, &hash, clock.now()).await?;
    Ok(())
}

fn player(known: &Known, recorded: &Recorded, state: State, password: Option<String>) -> Player {
    let identity = Identity {
        account: recorded.account.id.clone(),
        profile: recorded.account.profile,
        records: vec![known.clone()],
    };
    let birth_date = match &known.person {
        Person::Student(student) => Some(student.birth_date.to_string()),
        Person::Guardian(_) | Person::Staff(_) => None,
    };
    Player {
        login: recorded.login.as_str().to_owned(),
        password,
        profile: recorded.account.profile,
        state,
        name: identity.short_name(),
        birth_date,
        children: known.children.len(),
        people: recorded.account.people.clone(),
    }
}
