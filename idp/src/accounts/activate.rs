//! The first sign-in: whose letter it is, then a password of one's own (journeys E1, P3).

use directory::model::Person;
use time::{Date, Duration, OffsetDateTime};

use super::{Accounts, CameBy, Error, Opened};
use crate::domain::password::{self, About, Password, PasswordRefusal};
use crate::domain::session::{Pending, Session};
use crate::store::{Hash, Outcome, Recorded};

/// Wrong birth dates of one day after which the school helps (journeys section 1).
const BIRTH_DATES: u32 = 5;

/// What became of a birth date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BirthDateCheck {
    Right,
    Wrong { left: u32 },
    /// Five wrong in a day: the school must help.
    AskSchool,
    /// The session was not at this step any more (AR-01).
    NotAsked,
}

/// What became of a new password.
pub enum Chosen {
    Done(Opened),
    Refused(PasswordRefusal),
    Busy(super::hashing::Busy),
    /// The session was not at this step any more (AR-01): another tab was quicker, or the school reset the account.
    NotAsked,
}

impl Accounts {
    /// Whether this session's student was born on `date`. The count is raised before the date is compared, so that
    /// fifty guesses sent together count fifty.
    pub async fn confirm_birth_date(
        &self,
        session: &Session,
        token: &Hash,
        date: Date,
        came_by: &CameBy,
        now: OffsetDateTime,
    ) -> Result<BirthDateCheck, Error> {
        let (Some(Pending::BirthDate), Some(recorded)) = (session.pending, self.store.account(&session.account).await?)
        else {
            return Ok(BirthDateCheck::NotAsked);
        };
        let since = now - Duration::DAY;
        let spent = |count: u32, at: Option<OffsetDateTime>| count >= BIRTH_DATES && at.is_some_and(|at| at > since);
        if spent(recorded.birth_date_failures, recorded.birth_date_failed_at) {
            return Ok(BirthDateCheck::AskSchool);
        }
        let tries = self.store.count_birth_date_try(&recorded.account.id, since, now).await?;
        if tries > BIRTH_DATES {
            return Ok(BirthDateCheck::AskSchool);
        }
        if self.was_born_on(&recorded, date).await? {
            self.store.forget_birth_date_tries(&recorded.account.id).await?;
            let advanced = self.store.advance_session(token, Pending::BirthDate, Pending::Password).await?;
            return Ok(if advanced { BirthDateCheck::Right } else { BirthDateCheck::NotAsked });
        }
        self.journal("birth-date", Outcome::Refused("wrong"), Some(&recorded), came_by, now).await?;
        Ok(match BIRTH_DATES - tries {
            0 => BirthDateCheck::AskSchool,
            left => BirthDateCheck::Wrong { left },
        })
    }

    async fn was_born_on(&self, recorded: &Recorded, date: Date) -> Result<bool, Error> {
        let known = self.directory.known(&recorded.account.people).await?;
        Ok(known.iter().any(|known| match &known.person {
            Person::Student(student) => student.birth_date == date,
            Person::Guardian(_) | Person::Staff(_) => false,
        }))
    }

    /// Replaces the provisional password by the person's own. Every other session of the account ends, and this one
    /// goes on under a new token (LS-05, LS-08).
    pub async fn choose_password(
        &self,
        session: &Session,
        password: Password,
        came_by: &CameBy,
        now: OffsetDateTime,
    ) -> Result<Chosen, Error> {
        let (Some(Pending::Password), Some(recorded)) = (session.pending, self.store.account(&session.account).await?)
        else {
            return Ok(Chosen::NotAsked);
        };
        let (Some(_), Some(provisional)) = (recorded.provisional_until, &recorded.password) else {
            return Ok(Chosen::NotAsked);
        };
        let about = self.about(&recorded).await?;
        if let Err(refusal) = password::check(&password, &about) {
            return Ok(Chosen::Refused(refusal));
        }
        match self.hashing.verify(password.as_provisional(), Some(provisional.clone())).await {
            Ok(verified) if verified.matches => return Ok(Chosen::Refused(PasswordRefusal::SameAsBefore)),
            Ok(_) => {}
            Err(busy) => return Ok(Chosen::Busy(busy)),
        }
        let hash = match self.hashing.hash(password).await {
            Ok(hash) => hash,
            Err(busy) => return Ok(Chosen::Busy(busy)),
        };
        if !self.store.choose_password(&recorded.account.id, provisional, &hash, now).await? {
            return Ok(Chosen::NotAsked);
        }
        self.journal("password-chosen", Outcome::Done, Some(&recorded), came_by, now).await?;
        Ok(Chosen::Done(self.open_session(&recorded, None, came_by, now).await?))
    }

    /// What the person's password must not hold.
    async fn about(&self, recorded: &Recorded) -> Result<About, Error> {
        let mut about = About { words: vec![recorded.login.as_str().to_owned(), self.service_name.clone()], dates: vec![] };
        for known in self.directory.known(&recorded.account.people).await? {
            let names = known.person.names();
            about.words.extend([names.family.clone(), names.given.clone()]);
            about.words.extend(names.birth.clone());
            if let Person::Student(student) = &known.person {
                about.dates.push(student.birth_date);
            }
            for child in &known.children {
                about.words.push(child.student.names.given.clone());
                about.dates.push(child.student.birth_date);
            }
        }
        Ok(about)
    }
}
