//! A throwaway PostgreSQL cluster, durable as installed: what a commit costs is part of what is measured.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

const READY_WITHIN: Duration = Duration::from_secs(30);

pub struct Cluster {
    /// `runuser` where we are root, else the server itself.
    child: Child,
    pub postmaster: u32,
    pub url: String,
    pub version: String,
}

impl Cluster {
    /// Makes and starts a cluster below `folder`.
    pub fn start(folder: &Path) -> Result<Self> {
        let programs = programs()?;
        let is_root = is_root()?;
        let folder = folder.join("postgres");
        std::fs::create_dir(&folder).with_context(|| format!("making {}", folder.display()))?;
        if is_root {
            // PostgreSQL refuses to run as root.
            finished(Command::new("chown").arg("postgres").arg(&folder))?;
        }
        let data = folder.join("data");
        let run = |name: &str| command(&programs.join(name), is_root, &folder);
        finished(run("initdb").args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "-D"]).arg(&data))?;
        let port = free_port()?;
        let log = std::fs::File::create(folder.join("log")).context("making the cluster's log")?;
        let mut server = run("postgres");
        server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        server.arg("-c").arg(format!("unix_socket_directories={}", folder.display()));
        server.stderr(log);
        let mut child = server.stdout(Stdio::null()).spawn().context("starting PostgreSQL")?;
        let asked = Instant::now();
        let at = ["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "postgres"].map(str::to_owned);
        while !run("pg_isready").arg("-q").args(&at).status()?.success() {
            if child.try_wait()?.is_some() || asked.elapsed() > READY_WITHIN {
                bail!("PostgreSQL did not start; its log is in {}", folder.display());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        finished(run("createdb").args(&at).arg("guichet"))?;
        let pid_file = std::fs::read_to_string(data.join("postmaster.pid")).context("reading postmaster.pid")?;
        let postmaster = pid_file.lines().next().and_then(|line| line.trim().parse().ok());
        let version = run("postgres").arg("--version").output()?;
        Ok(Self {
            child,
            postmaster: postmaster.context("postmaster.pid has no number")?,
            url: format!("postgres://postgres@127.0.0.1:{port}/guichet"),
            version: String::from_utf8_lossy(&version.stdout).trim().to_owned(),
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // SIGINT: end at once, without waiting for clients. There is nobody to tell where it fails.
        let told = Command::new("kill").args(["-INT", &self.postmaster.to_string()]).status();
        if told.is_ok_and(|status| status.success()) {
            let _ = self.child.wait();
        }
    }
}

/// Debian keeps them out of the path.
fn programs() -> Result<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten() {
        let entry = entry?;
        let version = entry.file_name().to_str().and_then(|name| name.parse().ok());
        found.extend(version.map(|version| (version, entry.path().join("bin"))));
    }
    if let Some((_, path)) = found.into_iter().max() {
        return Ok(path);
    }
    let output = Command::new("pg_config").arg("--bindir").output().context("PostgreSQL is not installed here")?;
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().context("asking who we are")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

fn command(program: &Path, is_root: bool, folder: &Path) -> Command {
    let mut command = if is_root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(folder);
    command
}

fn finished(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("running {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// A port that nobody uses at this moment.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0)).context("looking for a free port")?.local_addr()?.port())
}
