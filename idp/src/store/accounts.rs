//! Accounts and the directory records they stand for.

use directory::db::{self, on};
use directory::model::PersonId;
use time::{Date, OffsetDateTime};

use super::{Result, Store, unreadable};
use crate::domain::account::{Account, AccountId, AccountState, Profile};
use crate::domain::login::Login;
use crate::domain::password::PasswordHash;

/// An account as the store holds it, with what sign-in must check.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub account: Account,
    pub login: Login,
    pub password: Option<PasswordHash>,
    /// Set where the password is a provisional one: until when.
    pub provisional_until: Option<OffsetDateTime>,
    /// Wrong birth dates since the last right one or reset, and when the last one was.
    pub birth_date_failures: u32,
    pub birth_date_failed_at: Option<OffsetDateTime>,
    /// The day the last of its people left, also where the account was closed by a person.
    pub departed_on: Option<Date>,
}

/// An account about to be opened.
#[derive(Debug, Clone)]
pub struct NewAccount {
    pub id: AccountId,
    pub login: Login,
    pub profile: Profile,
    /// At least one; the first is the one whose names are shown.
    pub people: Vec<PersonId>,
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: String,
    login: String,
    profile: String,
    password: Option<String>,
    provisional_until: Option<OffsetDateTime>,
    birth_date_failures: i64,
    birth_date_failed_at: Option<OffsetDateTime>,
    activated_at: Option<OffsetDateTime>,
    closed_at: Option<OffsetDateTime>,
    departed_on: Option<Date>,
    person: Option<String>,
    position: Option<i64>,
}

macro_rules! columns {
    () => {
        "a.id, a.login, a.profile, a.password, a.provisional_until, a.birth_date_failures, a.birth_date_failed_at, \
         a.activated_at, a.closed_at, a.departed_on, p.person, p.position"
    };
}
pub(super) use columns;

/// One row for each person of the account, to be gathered.
macro_rules! select {
    ($clause:expr) => {
        concat!(
            "SELECT ",
            $crate::store::accounts::columns!(),
            " FROM accounts a LEFT JOIN account_people p ON p.account = a.id ",
            $clause
        )
    };
}
pub(super) use select;

impl Store {
    /// Opens an account; `false`, and nothing written, where the login is taken or one of the people has an account.
    pub async fn open_account(&self, new: &NewAccount, now: OffsetDateTime) -> Result<bool> {
        const ACCOUNT: &str = "INSERT INTO accounts (id, login, profile, created_at) VALUES ($1, $2, $3, $4) \
                               ON CONFLICT DO NOTHING";
        const PERSON: &str =
            "INSERT INTO account_people (person, account, position) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        let mut tx = db::begin(&self.write).await?;
        let made = on!(&mut tx, c => sqlx::query(ACCOUNT)
            .bind(new.id.as_str()).bind(new.login.as_str()).bind(new.profile.code()).bind(now)
            .execute(&mut **c).await?.rows_affected());
        if made == 0 {
            return Ok(false); // Dropped, the transaction is rolled back.
        }
        for (position, person) in (0_i64..).zip(&new.people) {
            let tied = on!(&mut tx, c => sqlx::query(PERSON)
                .bind(person.to_string()).bind(new.id.as_str()).bind(position)
                .execute(&mut **c).await?.rows_affected());
            if tied == 0 {
                return Ok(false);
            }
        }
        db::commit(tx).await?;
        Ok(true)
    }

    pub async fn account_by_login(&self, login: &Login) -> Result<Option<Recorded>> {
        const FIND: &str = select!("WHERE a.login = $1");
        let rows: Vec<Row> = on!(&self.read, c => sqlx::query_as(FIND).bind(login.as_str()).fetch_all(c).await)?;
        Ok(gather(rows)?.pop())
    }

    pub async fn account(&self, id: &AccountId) -> Result<Option<Recorded>> {
        const FIND: &str = select!("WHERE a.id = $1");
        let rows: Vec<Row> = on!(&self.read, c => sqlx::query_as(FIND).bind(id.as_str()).fetch_all(c).await)?;
        Ok(gather(rows)?.pop())
    }

    /// The account that stands for a directory record.
    pub async fn account_of(&self, person: &PersonId) -> Result<Option<Recorded>> {
        const FIND: &str = select!("WHERE a.id = (SELECT account FROM account_people WHERE person = $1)");
        let rows: Vec<Row> = on!(&self.read, c => sqlx::query_as(FIND).bind(person.to_string()).fetch_all(c).await)?;
        Ok(gather(rows)?.pop())
    }

    /// Gives a provisional password in place of any other, forgives earlier failures and ends every session and token
    /// of the account (LS-08).
    pub async fn give_provisional(
        &self,
        account: &AccountId,
        password: &PasswordHash,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<()> {
        const GIVE: &str = "UPDATE accounts SET password = $2, provisional_until = $3, activated_at = NULL, \
                            birth_date_failures = 0, birth_date_failed_at = NULL WHERE id = $1";
        let mut tx = db::begin(&self.write).await?;
        on!(&mut tx, c => sqlx::query(GIVE)
            .bind(account.as_str()).bind(password.to_stored()).bind(until).execute(&mut **c).await.map(drop))?;
        end_everything(&mut tx, account, now).await?;
        db::commit(tx).await?;
        Ok(())
    }

    /// Replaces whatever password there is by the person's own; every session and token of the account ends (LS-08).
    /// `false` where the password was no longer the one the person proved, `proved`: somebody was quicker.
    pub async fn choose_password(
        &self,
        account: &AccountId,
        proved: &PasswordHash,
        password: &PasswordHash,
        now: OffsetDateTime,
    ) -> Result<bool> {
        const CHOOSE: &str = "UPDATE accounts SET password = $3, provisional_until = NULL, \
                              activated_at = COALESCE(activated_at, $4) WHERE id = $1 AND password = $2";
        let mut tx = db::begin(&self.write).await?;
        let changed = on!(&mut tx, c => sqlx::query(CHOOSE)
            .bind(account.as_str()).bind(proved.to_stored()).bind(password.to_stored()).bind(now)
            .execute(&mut **c).await?.rows_affected());
        if changed == 0 {
            return Ok(false);
        }
        end_everything(&mut tx, account, now).await?;
        db::commit(tx).await?;
        Ok(true)
    }

    /// Makes accounts active with one password for all: the demo's people, and those of load tests.
    pub async fn activate_all(
        &self,
        accounts: &[AccountId],
        password: &PasswordHash,
        now: OffsetDateTime,
    ) -> Result<()> {
        const ACTIVATE: &str =
            "UPDATE accounts SET password = $2, provisional_until = NULL, activated_at = $3 WHERE id = $1";
        let stored = password.to_stored();
        let mut tx = db::begin(&self.write).await?;
        for account in accounts {
            on!(&mut tx, c => sqlx::query(ACTIVATE)
                .bind(account.as_str()).bind(&stored).bind(now).execute(&mut **c).await.map(drop))?;
        }
        db::commit(tx).await?;
        Ok(())
    }

    /// The account opens nothing any more; its sessions and tokens end.
    pub async fn close_account(&self, account: &AccountId, now: OffsetDateTime) -> Result<()> {
        const CLOSE: &str = "UPDATE accounts SET closed_at = $2 WHERE id = $1 AND closed_at IS NULL";
        let mut tx = db::begin(&self.write).await?;
        on!(&mut tx, c => sqlx::query(CLOSE).bind(account.as_str()).bind(now).execute(&mut **c).await.map(drop))?;
        end_everything(&mut tx, account, now).await?;
        db::commit(tx).await?;
        Ok(())
    }

    /// Keeps the same password under newer parameters (LS-03), unless it changed meanwhile.
    pub async fn rehash(&self, account: &AccountId, old: &PasswordHash, new: &PasswordHash) -> Result<()> {
        const REHASH: &str = "UPDATE accounts SET password = $3 WHERE id = $1 AND password = $2";
        on!(&self.write, c => sqlx::query(REHASH)
            .bind(account.as_str()).bind(old.to_stored()).bind(new.to_stored()).execute(c).await.map(drop))?;
        Ok(())
    }

    /// Counts a try at the birth date and gives the new count; what was counted before `since` is forgotten.
    pub async fn count_birth_date_try(
        &self,
        account: &AccountId,
        since: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<u32> {
        const COUNT: &str = "UPDATE accounts SET birth_date_failed_at = $3, birth_date_failures = \
                             CASE WHEN birth_date_failed_at <= $2 THEN 1 ELSE birth_date_failures + 1 END \
                             WHERE id = $1 RETURNING birth_date_failures";
        let count: Option<i64> = on!(&self.write, c => sqlx::query_scalar(COUNT)
            .bind(account.as_str()).bind(since).bind(now).fetch_optional(c).await)?;
        Ok(u32::try_from(count.unwrap_or(i64::MAX)).unwrap_or(u32::MAX))
    }

    /// The birth date was right.
    pub async fn forget_birth_date_tries(&self, account: &AccountId) -> Result<()> {
        const FORGET: &str = "UPDATE accounts SET birth_date_failures = 0, birth_date_failed_at = NULL WHERE id = $1";
        on!(&self.write, c => sqlx::query(FORGET).bind(account.as_str()).execute(c).await.map(drop))?;
        Ok(())
    }

    /// Ties one record more to an account, after the others; nothing changes where the record has an account.
    pub async fn join_person(&self, account: &AccountId, person: &PersonId) -> Result<()> {
        const JOIN: &str = "INSERT INTO account_people (person, account, position) \
                            SELECT $1, $2, COALESCE(MAX(position) + 1, 0) FROM account_people WHERE account = $2 \
                            ON CONFLICT DO NOTHING";
        on!(&self.write, c => sqlx::query(JOIN)
            .bind(person.to_string()).bind(account.as_str()).execute(c).await.map(drop))?;
        Ok(())
    }
}

/// Ends the sessions of an account and revokes what was granted on them, inside the caller's transaction.
pub(super) async fn end_everything(tx: &mut db::Tx, account: &AccountId, now: OffsetDateTime) -> Result<()> {
    const SESSIONS: &str = "DELETE FROM sessions WHERE account = $1";
    const GRANTS: &str = "UPDATE grants SET revoked_at = $2 WHERE account = $1 AND revoked_at IS NULL";
    on!(tx, c => {
        sqlx::query(SESSIONS).bind(account.as_str()).execute(&mut **c).await?;
        sqlx::query(GRANTS).bind(account.as_str()).bind(now).execute(&mut **c).await?;
    });
    Ok(())
}

/// Accounts in the order of their logins, each with its people in their order: a sort of a handful of rows here costs the
/// database none.
pub(super) fn gather(mut rows: Vec<Row>) -> Result<Vec<Recorded>> {
    rows.sort_by(|one, other| (&one.login, one.position).cmp(&(&other.login, other.position)));
    let mut accounts: Vec<Recorded> = Vec::new();
    for row in rows {
        let wrong = unreadable("an account");
        let person = row.person.as_ref().map(|person| person.parse()).transpose().map_err(|error| wrong(&error))?;
        match accounts.last_mut() {
            Some(last) if last.account.id.as_str() == row.id => last.account.people.extend(person),
            _ => accounts.push(recorded(&row, person)?),
        }
    }
    Ok(accounts)
}

fn recorded(row: &Row, person: Option<PersonId>) -> Result<Recorded> {
    let wrong = unreadable("an account");
    // A hash that cannot be used (LS-03) is nobody's password: the account answers like a stranger's.
    let password = row.password.as_deref().and_then(|stored| {
        PasswordHash::read(stored)
            .inspect_err(|problem| tracing::error!(account = row.id, %problem, "a stored password cannot be used"))
            .ok()
    });
    let state = match (row.closed_at, row.departed_on, row.activated_at) {
        (Some(since), _, _) => AccountState::Closed { since },
        (None, Some(since), _) => AccountState::Departed { since },
        (None, None, Some(_)) => AccountState::Active,
        (None, None, None) => AccountState::ToActivate,
    };
    Ok(Recorded {
        account: Account {
            id: row.id.parse().map_err(|error| wrong(&error))?,
            profile: row.profile.parse().map_err(|error| wrong(&error))?,
            state,
            people: person.into_iter().collect(),
        },
        login: row.login.parse().map_err(|error| wrong(&error))?,
        password,
        provisional_until: row.provisional_until,
        birth_date_failures: u32::try_from(row.birth_date_failures).unwrap_or(u32::MAX),
        birth_date_failed_at: row.birth_date_failed_at,
        departed_on: row.departed_on,
    })
}
