//! One settings file, one struct: what an operator can set, with a default for whatever can have one.
//!
//! Every key is also `GUICHET_SECTION__KEY`; unknown keys are refused. Read once at the start; secrets come from files.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

mod every;
mod exchange;
mod keys;
mod listen;

pub use every::Every;
pub use exchange::{Metadata, Outbound};
pub use keys::{Keys, Pkcs11};
pub use listen::{Listen, MutualTls};

/// Everything that can be set. `Config::default()` is what `guichet serve` runs with, but for the public address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub service: Service,
    pub listen: Listen,
    pub data: Data,
    pub keys: Keys,
    pub password: Password,
    pub sessions: Sessions,
    pub saml: Saml,
    pub directory: Directory,
    pub outbound: Outbound,
    pub metadata: Metadata,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// What browsers and parties call: `https://guichet.example`, without a path. Issuer of OpenID Connect.
    pub public_address: String,
    /// The name families read.
    pub name: String,
    /// A folder laid over the neutral theme.
    pub theme: Option<PathBuf>,
    /// A folder of further languages.
    pub languages: Option<PathBuf>,
    /// Loopback and plain `http` parties are welcome, as in a demo or a test bench.
    pub is_test: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// A folder, or `postgres://…`.
    pub place: String,
    /// At most this many connections to each of the two databases.
    pub connections: u32,
}

/// argon2id. The default and `m=7168, t=5` are equivalent to OWASP; the latter is the service profile of `crates.md`'s
/// measurements: same strength, less memory traffic.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Password {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
    /// Hashes at once; 0 for one a core.
    pub permits: usize,
    /// Checks that may wait for a permit; one more is refused at once.
    pub queue: usize,
    pub engine: Engine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// argon2-rust, compared with the other at each start.
    Fast,
    /// RustCrypto argon2.
    Reference,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sessions {
    pub idle_minutes: u32,
    pub total_minutes: u32,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Saml {
    /// `<public address>/idp` unless said.
    pub entity_id: Option<String>,
    /// The middle field of `FrEduCtRefId`; the category of the record unless said.
    pub reference_middle: Option<String>,
    /// The `Name` sent for an attribute, by its `FriendlyName`, where the built-in one does not suit.
    pub attribute_names: BTreeMap<String, String>,
}

/// The standing import of deliveries (`guichet directory watch`), and the brake of every import.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Directory {
    /// Where deliveries arrive: a folder for each academy, `14`, or `14-private` for its private schools.
    pub inbox: Option<PathBuf>,
    /// How often the inbox is looked at: `30s`, `5m`, `1h`.
    pub every: Every,
    /// A delivery that changed less than this ago is still arriving.
    pub settle: Every,
    /// Where the watch answers `/metrics`; it is a process of its own, so this is not `listen.private`.
    pub metrics: Option<SocketAddr>,
    /// A delivery is held for a second person (IM-09, IM-10) above these: departures in hundredths of the persons of a
    /// source, or of a school of at least `school_from`; rejected records in hundredths, from `rejects_from` on.
    pub source_percent: u8,
    pub school_percent: u8,
    pub school_from: u32,
    pub rejects_percent: u8,
    pub rejects_from: u32,
    /// Days that a delta may come after the delivery before it.
    pub gap_days: u16,
    /// Days after which the account of someone who left is removed (IM-09).
    pub grace_days: u16,
    /// Hundredths of the time in which an import works on PostgreSQL (IM-12); below 100 SQLite is written to in pieces.
    pub share: u8,
}

impl Default for Service {
    fn default() -> Self {
        Self { public_address: String::new(), name: "Guichet".to_owned(), theme: None, languages: None, is_test: false }
    }
}

impl Default for Data {
    fn default() -> Self {
        Self { place: "./guichet-data".to_owned(), connections: 16 }
    }
}

impl Default for Password {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1, permits: 0, queue: 128, engine: Engine::Fast }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self { idle_minutes: 60, total_minutes: 8 * 60 }
    }
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            inbox: None,
            every: Every(Duration::from_mins(5)),
            settle: Every(Duration::from_secs(30)),
            metrics: None,
            source_percent: 2,
            school_percent: 10,
            school_from: 20,
            rejects_percent: 1,
            rejects_from: 10,
            gap_days: 3,
            grace_days: 90,
            // At which the 99th percentile of sign-ins stands where it stood (IM-12, `directory-sync/reports/2026-11-import`).
            share: 8,
        }
    }
}

/// Why the settings cannot be used; one line for each thing that is wrong.
#[derive(Debug, thiserror::Error)]
#[error("the settings are refused:\n{}", .0.join("\n"))]
pub struct Refused(pub Vec<String>);

impl Config {
    /// Reads a settings file with the overrides of `variables` (the process's environment) and checks all of it.
    pub fn read(file: &Path, variables: impl Iterator<Item = (String, String)>) -> Result<Self, Refused> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Refused(vec![format!("{}: cannot be read: {error}", file.display())]))?;
        let config = Self::parse(&text, variables)
            .map_err(|Refused(lines)| Refused(lines.iter().map(|l| format!("{}: {l}", file.display())).collect()))?;
        Ok(config)
    }

    fn parse(text: &str, variables: impl Iterator<Item = (String, String)>) -> Result<Self, Refused> {
        // First as written, so that an error names its line; then with the overrides, which have none.
        toml::from_str::<Self>(text).map_err(|error| Refused(vec![error.to_string().trim_end().to_owned()]))?;
        let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| Refused(vec![error.to_string()]))?;
        let mut overrides = Vec::new();
        for (name, value) in variables {
            if let Some((section, key)) = name.strip_prefix("GUICHET_").and_then(|rest| rest.split_once("__")) {
                overrides.push(name.clone());
                let section = table.entry(section.to_lowercase()).or_insert_with(|| toml::Table::new().into());
                if let Some(section) = section.as_table_mut() {
                    section.insert(key.to_lowercase(), scalar(&value));
                }
            }
        }
        let config: Self =
            table.try_into().map_err(|error| Refused(vec![format!("with {}: {error}", overrides.join(", "))]))?;
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(Refused(problems)) }
    }

    /// All that is wrong, each with its key and what is expected.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut say = |wrong: bool, what: &str| {
            if wrong {
                problems.push(what.to_owned());
            }
        };
        let address = url::Url::parse(&self.service.public_address).ok();
        let is_bare =
            address.as_ref().is_some_and(|a| a.path() == "/" && a.query().is_none() && a.fragment().is_none());
        let is_https = address.as_ref().is_some_and(|a| a.scheme() == "https");
        let is_local = address.as_ref().is_some_and(is_loopback);
        say(
            !is_bare || self.service.public_address.ends_with('/') || !(is_https || is_local),
            "service.public_address: expected an address like https://guichet.example, without a path",
        );
        say(self.service.name.trim().is_empty(), "service.name: expected the name families read");
        self.listen.problems().into_iter().for_each(|problem| say(true, problem));
        say(self.data.connections == 0, "data.connections: expected 1 or more");
        for problem in self.keys.problems(&self.data.place, self.service.is_test) {
            say(true, problem);
        }
        let hash = &self.password;
        say(
            !(7_168..=1_048_576).contains(&hash.memory_kib) || !(1..=16).contains(&hash.passes),
            "password.memory_kib and password.passes: expected 7168 to 1048576 KiB and 1 to 16 passes",
        );
        say(
            u64::from(hash.memory_kib) * u64::from(hash.passes) < 35_840,
            "password: weaker than OWASP's least (memory_kib 7168 with 5 passes, or 19456 with 2)",
        );
        say(!(1..=4).contains(&hash.lanes), "password.lanes: expected 1 to 4");
        say(hash.queue == 0, "password.queue: expected 1 or more");
        say(
            self.sessions.idle_minutes == 0 || self.sessions.total_minutes < self.sessions.idle_minutes,
            "sessions: expected idle_minutes of 1 or more and total_minutes not below it",
        );
        let directory = &self.directory;
        let percents = [directory.source_percent, directory.school_percent, directory.rejects_percent];
        say(
            percents.iter().any(|percent| *percent > 100),
            "directory.source_percent, school_percent and rejects_percent: expected 0 to 100",
        );
        say(!(1..=100).contains(&directory.share), "directory.share: expected 1 to 100");
        say(directory.every.0.is_zero(), "directory.every: expected 1s or more");
        say(
            self.outbound.allow_private && !self.service.is_test,
            "outbound.allow_private: expected in an installation with service.is_test only",
        );
        self.metadata.problems().into_iter().for_each(|problem| say(true, problem));
        problems
    }

    /// The public address as an origin: what `Origin` headers are compared with.
    pub fn origin(&self) -> &str {
        &self.service.public_address
    }

    /// The same where clients come with a certificate, if they can.
    pub fn mutual_tls_origin(&self) -> Option<String> {
        self.listen.mutual_tls_origin(&self.service.public_address)
    }

    pub fn entity_id(&self) -> String {
        self.saml.entity_id.clone().unwrap_or_else(|| format!("{}/idp", self.service.public_address))
    }

    pub fn keys_folder(&self) -> PathBuf {
        self.keys.folder.clone().unwrap_or_else(|| Path::new(&self.data.place).join("keys"))
    }
}

/// An environment value as TOML would have it: a number, a boolean, a list, else text.
fn scalar(value: &str) -> toml::Value {
    let typed: Option<toml::Table> = format!("value = {value}").parse().ok();
    typed.and_then(|mut table| table.remove("value")).unwrap_or_else(|| toml::Value::String(value.to_owned()))
}

fn is_loopback(address: &url::Url) -> bool {
    match address.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "[service]\npublic_address = 'https://guichet.example'\n";

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, Refused> {
        Config::parse(text, variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn the_public_address_is_all_one_must_say() {
        let config = read(LEAST, &[]).unwrap();
        assert_eq!(config.entity_id(), "https://guichet.example/idp");
        assert_eq!(config.sessions.idle_minutes, 60);
    }

    #[test]
    fn an_unknown_key_is_refused_by_its_line() {
        let Refused(lines) = read("[service]\npublic_adress = 'https://a.example'\n", &[]).unwrap_err();
        assert!(lines[0].contains("line 2") && lines[0].contains("public_adress"), "{lines:?}");
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let text =
            "[service]\npublic_address = 'http://a.example/x'\n[data]\nconnections = 0\n[password]\npasses = 1\n";
        let Refused(lines) = read(text, &[]).unwrap_err();
        assert_eq!(lines.len(), 3, "{lines:?}");
    }

    #[test]
    fn the_watch_of_the_inbox_is_set_in_words_that_people_write() {
        let text = format!("{LEAST}[directory]\ninbox = '/in'\nevery = '90s'\nsource_percent = 3\n");
        let directory = read(&text, &[("GUICHET_DIRECTORY__SETTLE", "1h")]).unwrap().directory;
        assert_eq!((directory.every.to_string(), directory.settle.to_string()), ("90s".to_owned(), "1h".to_owned()));
        assert_eq!((directory.source_percent, directory.gap_days), (3, 3));
        for wrong in [
            "every = '5'",
            "every = ''",
            "every = 'm'",
            "every = '0s'",
            "school_percent = 101",
            "each = '5m'",
            "share = 0",
        ] {
            assert!(read(&format!("{LEAST}[directory]\n{wrong}\n"), &[]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn op_16_only_a_test_instance_may_ask_private_networks() {
        let asked = "[outbound]\nallow_private = true\n";
        assert!(read(&format!("{LEAST}{asked}"), &[]).is_err());
        assert!(read(&format!("{LEAST}is_test = true\n{asked}"), &[]).is_ok());
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let variables = [("GUICHET_DATA__CONNECTIONS", "4"), ("GUICHET_SERVICE__NAME", "Mon guichet"), ("HOME", "/")];
        let config = read(LEAST, &variables).unwrap();
        assert_eq!(config.data.connections, 4);
        assert_eq!(config.service.name, "Mon guichet");
        assert!(read(LEAST, &[("GUICHET_DATA__CONNEXIONS", "4")]).is_err());
    }
}
