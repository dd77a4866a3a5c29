//! A held delivery, let through by a second person (IM-09).

use super::{Error, Order, Report};
use crate::writer::Staging;

/// Lets a held delivery through: the very same one, compared with the very same people, by somebody else.
pub(super) async fn approve(staging: &mut Staging, order: &Order, run: i64, report: &mut Report) -> Result<(), Error> {
    let refused = |reason| Err(Error::NotApproved { run, reason });
    let Some(held) = staging.held(run).await? else { return refused("there is no such run") };
    let asked_by = held.asked_by.trim().to_lowercase();
    if held.outcome != "held" {
        return refused("it was not held");
    }
    let same = held.parcel == order.parcel || (!held.fingerprint.is_empty() && held.fingerprint == report.fingerprint);
    if held.source != report.source || !same {
        return refused("it was of other files than these");
    }
    if held.base != report.base {
        return refused("another delivery was applied since; import this one again to see what it would do now");
    }
    if order.by.trim().is_empty() || asked_by == order.by.trim().to_lowercase() {
        return refused("it takes a second person, and the name given is the one that imported it");
    }
    report.held = false;
    report.approves = Some(run);
    report.approved_by = Some(order.by.trim().to_owned());
    report.asked_by = held.asked_by;
    Ok(())
}
