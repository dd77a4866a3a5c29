//! KM-01: what is in memory while the service runs stays there.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

use super::guichet::{Guichet, entries};

/// Ends a process as a fault of its own would, with core files of any size allowed; how it ended.
fn abort(child: &mut Child) -> ExitStatus {
    let pid = Pid::from_child(child);
    // Whoever may lift a limit lifts this one: what keeps the memory from a file must be more than that.
    let _as_far_as_allowed = prlimit(Some(pid), Resource::Core, Rlimit { current: None, maximum: None });
    kill_process(pid, Signal::ABORT).unwrap();
    child.wait().unwrap()
}

fn core_files(folder: &Path) -> usize {
    entries(folder).iter().filter(|file| file.file_name().unwrap().to_str().unwrap().starts_with("core")).count()
}

#[test]
fn km_01_a_service_that_dies_leaves_nothing_of_its_memory() {
    let guichet = Guichet::new();
    guichet.write(
        "guichet.toml",
        "[service]\npublic_address = 'http://localhost:8080'\n[listen]\nmain = '127.0.0.1:0'\n[data]\nplace = 'data'\n",
    );
    let mut running = guichet.start(&["serve", "--config", "guichet.toml"]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).collect::<Vec<_>>(), ["0", "0", "bytes"]);
    let ended = abort(&mut running.child);
    assert_eq!((ended.signal(), ended.core_dumped(), core_files(&guichet.path("."))), (Some(6), false, 0));

    // The same end of a program that hides nothing: where this machine keeps its memory, the claim above says something.
    let mut open = Command::new("sleep").arg("600").current_dir(guichet.path(".")).spawn().unwrap();
    if !abort(&mut open).core_dumped() {
        let told = "PASSED OVER half a test of core files: this machine keeps none of anybody's\n";
        std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes()).unwrap();
    }
}
