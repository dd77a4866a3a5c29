//! The server under test and its database, started here and stopped again.

mod demo;
mod postgres;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::options::Engine;

pub use demo::Demo;
use postgres::Cluster;
pub use postgres::free_port;

/// A fresh place for data, gone when dropped.
pub struct House {
    // Before the folder that it lives in: fields are dropped in this order.
    cluster: Option<Cluster>,
    folder: TempDir,
    /// As `--data` takes it.
    pub data: String,
}

impl House {
    pub fn open(engine: Engine) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("loadtest-").tempdir().context("making a temporary folder")?;
        // The database server runs as somebody else and must pass through.
        open_to_all(folder.path())?;
        let cluster = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Cluster::start(folder.path())?),
        };
        let data = match &cluster {
            Some(cluster) => cluster.url.clone(),
            None => folder.path().join("data").display().to_string(),
        };
        Ok(Self { cluster, folder, data })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the server may write what it says.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("guichet.log")
    }

    pub fn version(&self) -> Option<String> {
        self.cluster.as_ref().map(|cluster| cluster.version.clone())
    }

    /// Processes of the database's own.
    pub fn pids(&self) -> Vec<u32> {
        self.cluster.iter().map(|cluster| cluster.postmaster).collect()
    }
}

fn open_to_all(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
        .with_context(|| format!("opening {}", folder.display()))
}

pub fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.trim().to_owned())
}
