//! Keys and passwords are in the memory of every command that signs or hashes (KM-01).

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// From now on no core file of this process is written, and no other process of the same account reads its memory
/// (prctl(2), `PR_SET_DUMPABLE`). The limit alone would leave the collectors of `core_pattern`, which do not look at it;
/// it is there for who reads `/proc`.
pub(super) fn keep() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}
