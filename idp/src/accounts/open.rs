//! Accounts come to be: one for each human whom the directory knows and who may sign in.

use std::collections::HashMap;

use directory::model::{Known, ParentalAuthority, Person, PersonId};
use time::OffsetDateTime;

use super::{Accounts, Error, PROVISIONAL_LIFE};
use crate::chance;
use crate::domain::account::{AccountId, Profile};
use crate::domain::login::Login;
use crate::domain::password::ProvisionalPassword;
use crate::domain::spelling;
use crate::store::{Event, NewAccount, Outcome, Recorded};

/// What opening accounts did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenedAccounts {
    pub opened: u64,
    /// Records tied to the account of the same human in another delivery.
    pub joined: u64,
    /// Records that had an account already.
    pub known: u64,
    /// Records whose person does not sign in here: staff, and adults who are contacts only.
    pub passed_over: u64,
}

/// A provisional password, shown once.
pub struct Provisional {
    pub password: ProvisionalPassword,
    pub until: OffsetDateTime,
}

/// People of the directory read at a time.
const PAGE: u32 = 500;

impl Accounts {
    /// Opens an account for each present person who may sign in and has none; `progress` hears the number read so far.
    pub async fn open_all(
        &self,
        now: OffsetDateTime,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<OpenedAccounts, Error> {
        let mut opened = OpenedAccounts::default();
        // Adults who may be known already under another record: it may come later in the order of identifiers.
        let (mut humans, mut waiting) = (HashMap::new(), Vec::new());
        let mut after: Option<PersonId> = None;
        let mut read = 0;
        loop {
            let page = self.directory.page(None, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.person.id().clone());
            read += page.len() as u64;
            for known in &page {
                let human = fingerprint(&known.person);
                if let Some(recorded) = self.store.account_of(known.person.id()).await? {
                    opened.known += 1;
                    humans.extend(human.map(|human| (human, recorded.account.id)));
                } else if human.is_some() {
                    waiting.push(known.person.id().clone());
                } else {
                    self.open_one(known, &mut humans, &mut opened, now).await?;
                }
            }
            progress(read);
        }
        for page in waiting.chunks(PAGE as usize) {
            for known in &self.directory.known(page).await? {
                self.open_one(known, &mut humans, &mut opened, now).await?;
            }
        }
        Ok(opened)
    }

    /// Opens the account of a record that has none.
    async fn open_one(
        &self,
        known: &Known,
        humans: &mut HashMap<[u8; 32], AccountId>,
        opened: &mut OpenedAccounts,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let id = known.person.id();
        let human = fingerprint(&known.person);
        let Some(profile) = profile(known) else {
            opened.passed_over += 1;
            return Ok(());
        };
        let same = match human.and_then(|human| humans.get(&human)) {
            Some(account) => Some(account.clone()),
            None => self.own_account(known, opened, now).await?,
        };
        if let Some(account) = same {
            self.store.join_person(&account, id).await?;
            opened.joined += 1;
            return Ok(());
        }
        let account = self.open_new(known, profile, now).await?;
        opened.opened += 1;
        if let Some(human) = human {
            humans.insert(human, account);
        }
        Ok(())
    }

    /// An adult pupil who is their own responsible has a second record under another key; the pupil's own record names
    /// it with the link "the pupil himself" (70), which is the delivery's word that both are one human.
    async fn own_account(
        &self,
        known: &Known,
        opened: &mut OpenedAccounts,
        now: OffsetDateTime,
    ) -> Result<Option<AccountId>, Error> {
        const SELF: u8 = 70;
        let Some(own) = known.children.iter().find(|child| child.link == SELF) else { return Ok(None) };
        if let Some(recorded) = self.store.account_of(&own.student.id).await? {
            return Ok(Some(recorded.account.id));
        }
        let pupil = self.directory.known(std::slice::from_ref(&own.student.id)).await?;
        let Some(pupil) = pupil.first() else { return Ok(None) };
        opened.opened += 1;
        Ok(Some(self.open_new(pupil, Profile::Student, now).await?))
    }

    async fn open_new(&self, known: &Known, profile: Profile, now: OffsetDateTime) -> Result<AccountId, Error> {
        let names = known.person.names();
        for attempt in 0..20 {
            // Two digits as long as they last, like the letters families know; then more room.
            let bound = if attempt < 5 { 90 } else { 99_990 };
            let new = NewAccount {
                id: AccountId::from_random(chance::bytes()),
                login: Login::generate(&names.given, &names.family, 10 + chance::below(bound)),
                profile,
                people: vec![known.person.id().clone()],
            };
            if self.store.open_account(&new, now).await? {
                return Ok(new.id);
            }
        }
        Err(Error::NoFreeLogin)
    }

    /// Gives a provisional password; the one before, every session and the waits of failures end.
    pub async fn reset(&self, recorded: &Recorded, now: OffsetDateTime) -> Result<Provisional, Error> {
        let password = ProvisionalPassword::draw(chance::below);
        let hash = self.hashing.hash(password.to_password()).await?;
        let until = now + PROVISIONAL_LIFE;
        let account = &recorded.account;
        self.store.give_provisional(&account.id, &hash, until, now).await?;
        self.unlock(recorded).await?;
        let event = Event {
            at: now,
            event: "reset",
            outcome: Outcome::Done,
            account: Some(&account.id),
            party: None,
            address: None,
            reference: "",
        };
        self.store.record(&event).await?;
        Ok(Provisional { password, until })
    }

    /// Forgets the failures that make the owner wait.
    pub async fn unlock(&self, recorded: &Recorded) -> Result<(), Error> {
        self.store.forget_failures(&super::login_key(recorded.login.as_str())).await?;
        Ok(())
    }
}

/// Who signs in as what; `None` for staff, who sign in elsewhere, and for adults who are a contact and no more.
fn profile(known: &Known) -> Option<Profile> {
    match &known.person {
        Person::Student(_) => Some(Profile::Student),
        Person::Guardian(_) => known
            .children
            .iter()
            .any(|child| child.authority != ParentalAuthority::Contact)
            .then_some(Profile::Guardian),
        Person::Staff(_) => None,
    }
}

/// What makes two guardian records certainly one human: the same names, the same first mobile and the same address,
/// all four present. That is ÉduConnect's own rule; anything less would join couples who share a phone, or homonyms.
fn fingerprint(person: &Person) -> Option<[u8; 32]> {
    let Person::Guardian(guardian) = person else { return None };
    let (mobile, mail) = (guardian.mobiles.first()?, guardian.mail.as_ref()?);
    let names = &guardian.names;
    let text = format!(
        "{}\n{}\n{}\n{}",
        spelling::plain(&names.family),
        spelling::plain(&names.given),
        mobile.as_str(),
        mail.as_str().to_lowercase()
    );
    Some(super::login_key(&text))
}
