//! What cannot be rebuilt: accounts, sessions, requests under way, grants, relying parties, the audit trail.
//!
//! All SQL of the IdP is here and no rule is: "may she?" is asked in the deeds. Tokens and codes are stored as hashes
//! only; races are settled by one conditional statement. Reads and writes have a pool each, since SQLite has one writer.

mod accounts;
mod audit;
mod consents;
mod departures;
mod following;
mod grants;
mod interactions;
mod keys;
mod logouts;
mod parties;
mod pushed;
mod refresh;
mod registrations;
mod sessions;
mod sources;
mod spent;
mod throttles;

#[cfg(test)]
mod tests;

use directory::db::{self, Access, Db, Migrations, Place};

pub use accounts::{NewAccount, Recorded};
pub use audit::{Event, Noted, Outcome};
pub use consents::Consented;
pub use following::{Change, Deed, Followed, Seen};
pub use grants::{Granted, NewGrant, NewRefreshToken, Opened, Spent};
pub use interactions::{Kept, Trace};
pub use keys::Step;
pub use logouts::Silence;
pub use parties::Added;
pub use pushed::PushedRequest;
pub use refresh::{Refreshable, Rotated};
pub use registrations::{Held as HeldRegistration, RegistrationToken, SelfRegistered, Yes};
pub use sessions::{BrowserHash, NewSession};
pub use sources::{Held, Introduced, Introduction, KnownSource, Renewal, SourcedParty};

/// A SHA-256 of what its holder keeps: session token, authorization code, access token.
pub type Hash = [u8; 32];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Database(#[from] db::Error),
    /// A row that this version cannot read: written by a newer one, or by hand.
    #[error("reading {what} from the store: {problem}")]
    Unreadable { what: &'static str, problem: String },
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

pub type Result<T> = std::result::Result<T, Error>;

fn unreadable(what: &'static str) -> impl Fn(&dyn std::fmt::Display) -> Error {
    move |problem| Error::Unreadable { what, problem: problem.to_string() }
}

/// The IdP's database.
#[derive(Debug, Clone)]
pub struct Store {
    read: Db,
    write: Db,
}

fn migrations() -> Migrations {
    Migrations {
        database: "idp",
        sqlite: sqlx::migrate!("migrations/sqlite"),
        postgres: sqlx::migrate!("migrations/postgres"),
    }
}

impl Store {
    /// Opens the database at `place`, made and brought up to date where it is not, with at most `connections`.
    pub async fn open(place: &Place, connections: u32) -> Result<Self> {
        let write = db::open(place, "idp", Access::Write, connections).await?;
        db::migrate(&write, &migrations()).await?;
        let read = match place {
            Place::Folder(_) => db::open(place, "idp", Access::Read, connections).await?,
            Place::Postgres(_) => write.clone(),
        };
        Ok(Self { read, write })
    }

    /// Whether the database answers at all, for readiness.
    pub async fn ping(&self) -> Result<()> {
        directory::db::on!(&self.read, c => sqlx::query("SELECT 1").execute(c).await.map(drop))?;
        Ok(())
    }
}
