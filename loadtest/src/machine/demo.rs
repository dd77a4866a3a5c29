//! The server under test: `guichet demo`, started here, on a place of its own.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::postgres::free_port;
use crate::accounts::Cast;

const READY_WITHIN: Duration = Duration::from_secs(90);
const ENDS_WITHIN: Duration = Duration::from_secs(10);

pub struct Demo {
    child: Child,
    pub pid: u32,
    line: String,
}

impl Demo {
    /// Starts it on `data` and waits for the line that says where it is and who can sign in.
    pub async fn start(guichet: &Path, families: u32, data: &str, log: &Path) -> Result<Self> {
        let stderr = std::fs::File::create(log).with_context(|| format!("making {}", log.display()))?;
        let mut child = Command::new(guichet)
            .args(["demo", "--tls", "--json", "--data", data, "--families", &families.to_string()])
            .args(["--listen", &format!("127.0.0.1:{}", free_port()?)])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", guichet.display()))?;
        let pid = child.id().context("the server ended at once")?;
        let mut lines = BufReader::new(child.stdout.take().context("the server has no output")?).lines();
        let said = timeout(READY_WITHIN, async {
            while let Some(line) = lines.next_line().await? {
                if line.starts_with('{') {
                    return Ok(Some(line));
                }
            }
            anyhow::Ok(None)
        });
        let Some(line) = said.await.context("the server was not ready in time")?? else {
            let text = std::fs::read_to_string(log).unwrap_or_default();
            bail!("the server ended before it was ready:\n{}", text.trim());
        };
        // What it says later is of no use, but a full pipe would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, pid, line })
    }

    pub fn cast(&self) -> Result<Cast> {
        Cast::parse(&self.line)
    }

    pub async fn stop(mut self) -> Result<()> {
        Command::new("kill").args(["-TERM", &self.pid.to_string()]).status().await.context("ending the server")?;
        if timeout(ENDS_WITHIN, self.child.wait()).await.is_err() {
            self.child.kill().await.context("ending the server")?;
        }
        Ok(())
    }
}
