//! IM-06 and IM-07: an import killed at any moment leaves old or new, and the next one works at once.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use directory::db::Place;
use directory::testing;
use serde_json::json;

use super::guichet::Guichet;
use super::people::{changed, cut, everything, later, people, write};

const KILLS: u64 = 100;

/// Moments that are the same at each run of the test (SplitMix64).
struct Moments(u64);

impl Moments {
    fn within(&mut self, whole: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        Duration::from_nanos(mixed % u64::try_from(whole.as_nanos()).unwrap().max(1))
    }
}

fn spawn(guichet: &Guichet, words: &[&str]) -> Child {
    let mut command = guichet.command(words);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits for a moment by the clock; a moment is what is tested here.
fn until(moment: Instant) {
    while Instant::now() < moment {
        std::thread::yield_now();
    }
}

async fn killed_at_random_moments(place: &Place) {
    let guichet = Guichet::over(place);
    let whole = people(300);
    let first = write(&whole, &guichet.path("first"));
    // Everything changes, half of it leaves: applied by hand through the brake.
    guichet.write(
        "guichet.toml",
        "[service]\npublic_address = 'https://a.example'\n[directory]\nsource_percent = 100\nschool_percent = 100\n",
    );
    let second = write(&later(&changed(&cut(&whole)), 1), &guichet.path("second"));
    let import =
        |path| ["directory", "import", path, "--academy", "14", "--config", "guichet.toml", "--by", "a", "--json"];
    assert_eq!(guichet.run(&import(&first)).code, 0);
    let before = everything(place).await;
    let started = Instant::now();
    let ended = guichet.run(&import(&second));
    assert_eq!(ended.code, 0, "{ended:?}");
    let whole_time = started.elapsed();
    let after = everything(place).await;
    assert_ne!(before, after);
    let run = ended.json()["run"].to_string();
    assert_eq!(guichet.run(&["directory", "undo", &run, "--yes"]).code, 0);
    assert!(everything(place).await == before, "undone");

    let (mut moments, mut olds, mut news) = (Moments(2026), 0, 0);
    for kill in 0..KILLS {
        let moment = Instant::now() + moments.within(whole_time);
        let mut child = spawn(&guichet, &import(&second));
        until(moment);
        let _ended_already = child.kill();
        child.wait().unwrap();
        let now = everything(place).await;
        if now == before {
            olds += 1;
        } else {
            assert!(now == after, "kill {kill} left something between");
            news += 1;
            let history = guichet.json(&["directory", "history", "--limit", "1", "--json"]);
            let run = history[0]["report"]["run"].to_string();
            let undone = guichet.run(&["directory", "undo", &run, "--yes"]);
            assert_eq!(undone.code, 0, "{undone:?}");
        }
        // The next one works at once, whatever the one that died held; every tenth, to its end.
        if kill % 10 == 9 {
            let next = guichet.run(&import(&second));
            assert_eq!((next.code, everything(place).await == after), (0, true), "{next:?}");
            let run = next.json()["run"].to_string();
            assert_eq!(guichet.run(&["directory", "undo", &run, "--yes"]).code, 0);
        }
    }
    eprintln!("killed {KILLS} times within {whole_time:?}: {olds} times old, {news} times new");
    assert!(olds > 0);
}

#[tokio::test]
async fn im_06_killed_at_a_hundred_moments_on_sqlite() {
    killed_at_random_moments(&testing::folder()).await;
}

#[tokio::test]
async fn im_06_killed_at_a_hundred_moments_on_postgresql() {
    if let Some(place) = testing::postgres().await {
        killed_at_random_moments(&place).await;
    }
}

#[tokio::test]
async fn im_07_of_two_imports_one_works_and_the_other_says_so() {
    for place in testing::places().await {
        let guichet = Guichet::over(&place);
        assert_eq!(guichet.run(&["db", "migrate"]).code, 0);
        let whole = write(&people(300), &guichet.path("first"));
        let words = ["directory", "import", &whole, "--academy", "14", "--json"];
        let mut children: Vec<Child> = (0..2)
            .map(|_| {
                let mut command = guichet.command(&words);
                command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let mut ended: Vec<_> = children.drain(..).map(|child| child.wait_with_output().unwrap()).collect();
        ended.sort_by_key(|output| output.status.code());
        let told = String::from_utf8_lossy(&ended[1].stderr).into_owned();
        match ended[1].status.code() {
            Some(1) => assert!(told.contains("another import is under way"), "{told}"),
            // One had ended before the other began.
            code => assert_eq!(code, Some(0), "{told}"),
        }
        assert_eq!(ended[0].status.code(), Some(0));
        let status = guichet.json(&["directory", "history", "--json"]);
        assert_eq!((status.as_array().unwrap().len(), &status[0]["outcome"]), (1, &json!("applied")));
    }
}
