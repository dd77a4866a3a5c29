//! The first sign-in: whose letter it is, then a password of one's own (journeys E1, P3).

use directory::model::{Person, Phone};
use time::{Date, Duration, OffsetDateTime};

use super::sign_in::as_provisional;
use super::{Accounts, CameBy, Error, Opened, hashing};
use crate::domain::password::{self, About, Acceptable, Password, PasswordRefusal};
use crate::domain::session::{Pending, Session};
use crate::store::{Hash, Outcome, Recorded};

/// Wrong birth dates of one day after which the school helps (journeys section 1).
const BIRTH_DATES: u32 = 5;

/// What became of a birth date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BirthDateCheck {
    Right,
    Wrong {
        left: u32,
    },
    /// Five wrong in a day: the school must help.
    AskSchool,
    /// The session was not at this step any more (AR-01).
    NotAsked,
}

/// What became of a new password.
pub enum Chosen {
    Done(Opened),
    Refused(PasswordRefusal),
    Busy {
        retry_after: std::time::Duration,
    },
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
        let known = self.directory.named(&recorded.account.people).await?;
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
        let acceptable = match self.check(password.clone(), &recorded).await? {
            Ok(acceptable) => acceptable,
            Err(refusal) => return Ok(Chosen::Refused(refusal)),
        };
        let hash = async {
            let same = self.hashing.verify(as_provisional(password), Some(provisional)).await?;
            if same.matches { Ok(None) } else { self.hashing.hash(acceptable.into_password()).await.map(Some) }
        };
        let hash = match hash.await {
            Ok(Some(hash)) => hash,
            Ok(None) => return Ok(Chosen::Refused(PasswordRefusal::SameAsBefore)),
            Err(hashing::Error::Busy { retry_after }) => return Ok(Chosen::Busy { retry_after }),
            Err(error) => return Err(error.into()),
        };
        if !self.store.choose_password(&recorded.account.id, provisional, &hash, now).await? {
            return Ok(Chosen::NotAsked);
        }
        self.journal("password-chosen", Outcome::Done, Some(&recorded), came_by, now).await?;
        Ok(Chosen::Done(self.open_session(&recorded, None, came_by, now).await?))
    }

    /// Holds the password against the rules and against what a guesser would know of this person.
    async fn check(
        &self,
        password: Password,
        recorded: &Recorded,
    ) -> Result<Result<Acceptable, PasswordRefusal>, Error> {
        let known = self.directory.known(&recorded.account.people).await?;
        let (mut names, mut birth_dates, mut phones) = (Vec::new(), Vec::new(), Vec::new());
        for known in &known {
            let own = known.person.names();
            names.extend([own.family.as_str(), own.given.as_str()]);
            names.extend(own.birth.as_deref());
            match &known.person {
                Person::Student(student) => birth_dates.push(student.birth_date),
                Person::Guardian(guardian) => phones.extend(guardian.mobiles.iter().map(Phone::as_str)),
                Person::Staff(_) => {}
            }
            for child in &known.children {
                names.push(&child.student.names.given);
                birth_dates.push(child.student.birth_date);
            }
        }
        let about = About {
            login: Some(&recorded.login),
            names: &names,
            birth_dates: &birth_dates,
            phones: &phones,
            services: &[&self.service_name],
            previous: None,
        };
        Ok(password::check(password, &about))
    }
}
