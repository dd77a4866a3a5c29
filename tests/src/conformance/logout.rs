//! RP-Initiated, Back-Channel and Front-Channel Logout OP.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{Mode, Suite};

const BYE: &str = "Vous êtes déconnecté.";

impl Suite {
    /// Signs out at the provider as the client does it, with these parameters in the place of its own.
    async fn leave(&mut self, query: &str) {
        let address = format!("{}?{query}", self.party.at("/logout"));
        self.visitor.open(&address).await;
    }

    fn came_back(&self) -> Value {
        assert_eq!(self.visitor.page().h1(), "Signed out", "{}", self.visitor.page().text());
        self.visitor.page().answer()
    }

    async fn is_signed_out(&mut self) -> bool {
        self.ask("prompt=none").await;
        self.visitor.page().h1() == "Refused" && self.error() == "login_required"
    }

    /// The person is asked, and whatever they say the browser stays here.
    async fn is_asked_and_goes_nowhere(&mut self) {
        assert_eq!(self.visitor.page().h1(), "Se déconnecter", "{}", self.visitor.page().url);
        assert!(self.visitor.page().url.as_str().starts_with(&self.house.url));
        self.visitor.press("Se déconnecter").await;
        while self.visitor.page().links().iter().any(|link| link == "Continuer") {
            self.house.later(Duration::from_secs(6));
            self.visitor.reload().await;
        }
        assert_eq!(self.visitor.page().h1(), BYE);
        assert!(self.visitor.page().url.as_str().starts_with(&self.house.url));
        assert!(self.is_signed_out().await);
    }

    async fn signed_in(metadata: Value) -> Option<Self> {
        let mut suite = Self::with(Mode::Query, metadata).await?;
        suite.learnt("").await;
        Some(suite)
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let Some(mut suite) = Suite::signed_in(json!({})).await else { return };
    suite.leave("").await;
    assert_eq!(suite.came_back(), json!({ "state": "au-revoir" }));
    assert!(suite.is_signed_out().await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let Some(mut suite) = Suite::signed_in(json!({})).await else { return };
    suite.leave("state=").await;
    assert_eq!(suite.came_back(), json!({}));
    assert!(suite.is_signed_out().await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let Some(mut suite) = Suite::signed_in(json!({})).await else { return };
    let other = suite.party.at("/elsewhere");
    suite.leave(&format!("post_logout_redirect_uri={other}")).await;
    suite.is_asked_and_goes_nowhere().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let Some(mut suite) = Suite::signed_in(json!({})).await else { return };
    let other = suite.party.at("/bye%3Ffoo=bar");
    suite.leave(&format!("post_logout_redirect_uri={other}")).await;
    suite.is_asked_and_goes_nowhere().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let Some(mut suite) = Suite::signed_in(json!({})).await else { return };
    let token = suite.visitor.page().pre("id_token");
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let claims = BASE64URL_NOPAD.decode(parts[1].as_bytes()).unwrap();
    let mut claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["sub"] = json!("SOMEONE");
    parts[1] = BASE64URL_NOPAD.encode(claims.to_string().as_bytes());
    suite.leave(&format!("id_token_hint={}", parts.join("."))).await;
    suite.is_asked_and_goes_nowhere().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    let Some(mut suite) = Suite::signed_in(json!({})).await else { return };
    let token = suite.visitor.page().pre("id_token");
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", BASE64URL_NOPAD.encode(&[7; 256]));
    suite.leave(&format!("id_token_hint={forged}")).await;
    suite.is_asked_and_goes_nowhere().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    // The library sends its client_id: then the person is asked, and the browser goes on to the registered address.
    let Some(mut suite) = Suite::signed_in(json!({})).await else { return };
    suite.leave("id_token_hint=").await;
    assert_eq!(suite.visitor.page().h1(), "Se déconnecter");
    suite.visitor.press("Se déconnecter").await;
    suite.wait_for_the_way_back().await;
    assert_eq!(suite.came_back(), json!({ "state": "au-revoir" }));
    assert!(suite.is_signed_out().await);
    // Without even that, nobody says whose address it is.
    suite.learnt("").await;
    suite.leave("id_token_hint=&client_id=").await;
    suite.is_asked_and_goes_nowhere().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    let Some(mut suite) = Suite::signed_in(json!({})).await else { return };
    suite.leave("id_token_hint=&client_id=&state=&post_logout_redirect_uri=").await;
    suite.is_asked_and_goes_nowhere().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let Some(mut suite) = Suite::signed_in(json!({})).await else { return };
    suite.leave("post_logout_redirect_uri=").await;
    assert_eq!(suite.visitor.page().h1(), BYE);
    assert!(suite.is_signed_out().await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    let Some(mut suite) = Suite::signed_in(json!({})).await else { return };
    suite.leave("id_token_hint=&client_id=&post_logout_redirect_uri=").await;
    suite.is_asked_and_goes_nowhere().await;
}

impl Suite {
    /// The page that tells the others goes on by itself; a test reloads it, with the clock moved.
    async fn wait_for_the_way_back(&mut self) {
        for _ in 0..5 {
            if !self.visitor.page().links().iter().any(|link| link == "Continuer") {
                break;
            }
            self.house.later(Duration::from_secs(2));
            self.visitor.reload().await;
        }
        let back = "Revenir à ENT d'essai".to_owned();
        if self.visitor.page().links().contains(&back) {
            self.visitor.follow(&back).await;
        }
    }
}

#[tokio::test]
async fn oidcc_frontchannel_rp_initiated_logout() {
    let Some(mut suite) = Suite::with(Mode::Query, json!({})).await else { return };
    let address = suite.party.at("/frontchannel");
    let metadata = json!({ "frontchannel_logout_uri": address, "frontchannel_logout_session_required": true });
    suite.id = suite.party.join(&suite.house, crate::harness::open_policy(), metadata).await;
    let claims = suite.learnt("").await["claims"].take();
    suite.leave("").await;
    assert_eq!(suite.visitor.page().h1(), BYE, "the frames are shown first");
    let frame =
        suite.visitor.page().source.split_once("<iframe src=\"").unwrap().1.split('"').next().unwrap().to_owned();
    let mut inside = suite.visitor.beside();
    inside.open(&suite.house.at_path(&frame.replace("&#x2f;", "/"))).await;
    assert_eq!(
        suite.party.told(1).await,
        [json!({ "way": "front", "iss": suite.house.url, "sid": claims["sid"] })],
        "the sid is that of the ID token"
    );
    suite.house.later(Duration::from_secs(6));
    suite.visitor.reload().await;
    assert_eq!(suite.came_back(), json!({ "state": "au-revoir" }));
    assert!(suite.is_signed_out().await);
}

#[tokio::test]
async fn oidcc_backchannel_rp_initiated_logout() {
    let Some(mut suite) = Suite::with(Mode::Query, json!({})).await else { return };
    suite.house.restart_with(allow_private).await;
    let address = suite.party.at("/backchannel");
    let metadata = json!({ "backchannel_logout_uri": address, "backchannel_logout_session_required": true });
    suite.id = suite.party.join(&suite.house, crate::harness::open_policy(), metadata).await;
    let claims = suite.learnt("").await["claims"].take();
    suite.leave("").await;
    // The service carries it by itself.
    let told = suite.party.told(1).await;
    let token = told[0]["logout_token"].as_str().unwrap();
    let claim = BASE64URL_NOPAD.decode(token.split('.').nth(1).unwrap().as_bytes()).unwrap();
    let claim: Value = serde_json::from_slice(&claim).unwrap();
    for member in ["iss", "aud", "sub", "sid"] {
        assert_eq!(claim[member], claims[member], "{member}");
    }
    assert!(claim["events"]["http://schemas.openid.net/event/backchannel-logout"].is_object());
    assert!(claim.get("nonce").is_none() && claim["jti"].is_string() && claim["iat"].is_i64());
    suite.wait_for_the_way_back().await;
    assert_eq!(suite.came_back(), json!({ "state": "au-revoir" }));
    assert!(suite.is_signed_out().await);
}

fn allow_private(config: &mut idp::config::Config) {
    config.outbound.allow_private = true;
    config.outbound.extra_ca_file = Some(authority_file());
}

/// The tests' own authority, as a file; it stays as long as the run.
fn authority_file() -> std::path::PathBuf {
    use std::io::Write as _;
    static FILE: std::sync::LazyLock<tempfile::NamedTempFile> = std::sync::LazyLock::new(|| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(crate::harness::authority().ca_pem.as_bytes()).unwrap();
        file
    });
    FILE.path().to_owned()
}
