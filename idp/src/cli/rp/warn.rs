//! What `rp list` says beside the list.

use std::io::Write;

use time::OffsetDateTime;

use super::Failure;
use super::show::plain;
use crate::domain::logout::FLAGGED_FROM;
use crate::parties::{self, Ending};
use crate::store::{Silence, Store};

/// What an operator should do something about: certificates that end, and parties that do not hear a sign-out.
pub async fn warn(store: &Store, now: OffsetDateTime, notes: &mut impl Write) -> Result<(), Failure> {
    for Ending { name, what, at, .. } in parties::endings(store, now).await? {
        let (what, verb) = (what.words(), if at <= now { "ended" } else { "ends" });
        writeln!(notes, "{}: its {what} {verb} on {}", plain(&name), at.date())?;
    }
    for Silence { party, count, since } in store.silences(FLAGGED_FROM).await? {
        let since = since.date();
        writeln!(notes, "{}: did not take part in its last {count} sign-outs, since {since}", plain(&party))?;
    }
    Ok(())
}
