//! Processor time of whole process trees, from /proc (Linux).

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// Linux counts in hundredths of a second for every program (`USER_HZ`), whatever the kernel's own tick.
const TICK_MS: u64 = 10;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Spent {
    pub user_ms: u64,
    pub system_ms: u64,
}

impl Spent {
    pub fn since(self, before: Self) -> Self {
        Self {
            user_ms: self.user_ms.saturating_sub(before.user_ms),
            system_ms: self.system_ms.saturating_sub(before.system_ms),
        }
    }

    pub fn total_ms(self) -> u64 {
        self.user_ms + self.system_ms
    }

    pub fn plus(self, other: Self) -> Self {
        Self { user_ms: self.user_ms + other.user_ms, system_ms: self.system_ms + other.system_ms }
    }
}

struct Process {
    parent: u32,
    spent: Spent,
}

/// What a process and all its descendants have used so far. Descendants that have ended count through their parents,
/// who were told: PostgreSQL's backends come and go within a measurement.
pub fn tree(root: u32) -> Result<Spent> {
    let processes = processes()?;
    if !processes.contains_key(&root) {
        anyhow::bail!("there is no process {root}");
    }
    let belongs = |mut pid: u32| {
        while pid != root {
            match processes.get(&pid) {
                Some(process) if process.parent != pid => pid = process.parent,
                _ => return false,
            }
        }
        true
    };
    let within = processes.iter().filter(|(pid, _)| belongs(**pid)).map(|(_, process)| process.spent);
    Ok(within.fold(Spent::default(), Spent::plus))
}

/// This process alone.
pub fn own() -> Result<Spent> {
    let text = std::fs::read_to_string("/proc/self/stat").context("reading /proc/self/stat")?;
    read(&text).map(|process| process.spent).context("/proc/self/stat is not as expected")
}

fn processes() -> Result<HashMap<u32, Process>> {
    let mut found = HashMap::new();
    for entry in std::fs::read_dir("/proc").context("listing /proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end between the listing and the reading.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        found.extend(stat.and_then(|text| read(&text)).map(|process| (pid, process)));
    }
    Ok(found)
}

/// proc(5): after the name in parentheses, which may hold anything, come state and parent, then utime, stime, cutime
/// and cstime as fields 14 to 17.
fn read(stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Process {
        parent: fields.get(1)?.parse().ok()?,
        spent: Spent { user_ms: (ticks(11)? + ticks(13)?) * TICK_MS, system_ms: (ticks(12)? + ticks(14)?) * TICK_MS },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let line = "42 (odd ) name) S 7 42 42 0 -1 4194304 100 0 0 0 11 5 3 1 20 0 4 0 100 0 0";
        let process = read(line).unwrap();
        assert_eq!(process.parent, 7);
        assert_eq!(process.spent, Spent { user_ms: 140, system_ms: 60 });
    }

    #[test]
    fn this_process_is_found_with_its_time() {
        assert!(tree(std::process::id()).is_ok());
        assert!(tree(u32::MAX).is_err());
    }
}
