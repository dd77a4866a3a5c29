//! The people and relying parties to play, as `guichet demo --json` prints them on one line.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Printed {
    #[serde(default)]
    issuer: String,
    accounts: Vec<PrintedAccount>,
    relying_parties: Vec<Party>,
    ca_file: Option<std::path::PathBuf>,
}

#[derive(Debug, Deserialize)]
struct PrintedAccount {
    login: String,
    /// Absent where the account cannot sign in.
    password: Option<String>,
    #[serde(default)]
    profile: String,
    state: String,
}

#[derive(Debug, Clone)]
pub struct Account {
    pub login: String,
    pub password: String,
}

#[derive(Debug, Deserialize)]
struct Party {
    kind: String,
    id: String,
    acs_url: Option<String>,
    signing_key: Option<String>,
    client_secret: Option<String>,
    redirect_uri: Option<String>,
}

/// Who signs in where.
#[derive(Debug)]
pub struct Cast {
    pub issuer: String,
    pub accounts: Vec<Account>,
    pub saml: Option<SamlParty>,
    pub oidc: Option<OidcParty>,
    pub ca_file: Option<std::path::PathBuf>,
}

#[derive(Debug)]
pub struct SamlParty {
    pub entity_id: String,
    pub acs_url: String,
    /// PKCS#8 in base64; requests are unsigned without it.
    pub signing_key: Option<String>,
}

#[derive(Debug)]
pub struct OidcParty {
    pub client_id: String,
    pub client_secret: String,
    pub redirect_uri: String,
}

impl Cast {
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    pub fn parse(text: &str) -> Result<Self> {
        let file: Printed =
            serde_json::from_str(text.trim()).context("not the line that `guichet demo --json` prints")?;
        let accounts: Vec<Account> = file
            .accounts
            .into_iter()
            .filter(|account| account.state == "active" && account.profile != "staff")
            .filter_map(|account| Some(Account { login: account.login, password: account.password? }))
            .collect();
        if accounts.is_empty() {
            bail!("`accounts` has no student or guardian whose `state` is \"active\"");
        }
        let (mut saml, mut oidc) = (None, None);
        for party in file.relying_parties {
            match party.kind.as_str() {
                "saml" => {
                    let acs_url = party.acs_url.context("a `saml` relying party has no `acs_url`")?;
                    saml = Some(SamlParty { entity_id: party.id, acs_url, signing_key: party.signing_key });
                }
                "oidc" => {
                    let client_secret =
                        party.client_secret.context("an `oidc` relying party has no `client_secret`")?;
                    let redirect_uri = party.redirect_uri.context("an `oidc` relying party has no `redirect_uri`")?;
                    oidc = Some(OidcParty { client_id: party.id, client_secret, redirect_uri });
                }
                other => bail!("a relying party is of the unknown kind {other:?}"),
            }
        }
        Ok(Self { issuer: file.issuer, accounts, saml, oidc, ca_file: file.ca_file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_people_who_can_sign_in_take_part() {
        let cast = Cast::parse(
            r#"{"issuer":"x","relying_parties":[{"kind":"saml","name":"E","start_url":"s","id":"sp","acs_url":"a"}],
               "accounts":[{"login":"a","password":"p","profile":"guardian","state":"active","people":[]},
                           {"login":"b","password":null,"profile":"guardian","state":"closed","people":[]},
                           {"login":"c","password":"p","profile":"staff","state":"active","people":[]}]}"#,
        )
        .unwrap();
        let logins: Vec<&str> = cast.accounts.iter().map(|account| account.login.as_str()).collect();
        assert_eq!(logins, ["a"]);
        assert_eq!(cast.saml.unwrap().acs_url, "a");
    }

    #[test]
    fn a_missing_address_is_named() {
        let error = Cast::parse(
            r#"{"relying_parties":[{"kind":"saml","id":"sp"}],"accounts":[{"login":"a","password":"p","state":"active"}]}"#,
        );
        assert!(error.unwrap_err().to_string().contains("acs_url"));
    }
}
