//! What the conformance suite of the OpenID Foundation asks of a provider: each of its modules that can be asked of this one
//! is a test of the same name, over a client library of another language. The suite itself is not run here.
//!
//! | profile | modules | not expressed, and why |
//! | --- | --- | --- |
//! | Basic OP | `basic` | `oidcc-userinfo-post-body`: an access token is taken in its header only (OP-10); `oidcc-refresh-token`: belongs to the tests of tokens; `oidcc-ensure-request-object-with-redirect-uri`: is about unsigned request objects, which are refused (OP-14) |
//! | Form Post OP | `form_post` | the same; the modules are those of the basic profile, answered by a form |
//! | Config OP | `config` | none |
//! | RP-Initiated Logout OP | `logout` | none; where the suite wants the picture of a page, the page is read |
//! | Back-Channel Logout OP | `logout` | none |
//! | Front-Channel Logout OP | `logout` | none |
//! | Dynamic OP | `dynamic` | `oidcc-server-rotate-keys`: is in `key_rotation`; `oidcc-request-uri-*`: a foreign `request_uri` is never fetched (OP-13); `oidcc-refresh-token-rp-key-rotation`, `oidcc-registration-jwks-uri`, `oidcc-ensure-client-assertion-with-iss-aud-succeeds`: belong to the tests of tokens |
//!
//! Session Management, Implicit and Hybrid profiles are of flows that this provider does not have (OP-02).

mod basic;
mod config;
pub mod dynamic;
mod logout;

use directory::sample::Shape;
use idp::domain::relying_party::PartyId;
use serde_json::{Value, json};

use crate::harness::{FlowsParty, House, Somebody, Visitor, open_policy};

/// How answers come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Query,
    FormPost,
}

/// One client, one person, one browser.
pub struct Suite {
    pub house: House,
    pub party: FlowsParty,
    pub id: PartyId,
    pub who: Somebody,
    pub visitor: Visitor,
    mode: Mode,
}

impl Suite {
    pub async fn set(mode: Mode) -> Option<Self> {
        Self::with(mode, json!({})).await
    }

    pub async fn with(mode: Mode, metadata: Value) -> Option<Self> {
        let house = House::one().await;
        let who = house.guardian(Shape::TwoParents).await;
        let (party, id) = FlowsParty::welcomed(&house, open_policy(), metadata).await?;
        Some(Self { house, party, id, who, visitor: Visitor::new(), mode })
    }

    /// Asks for a sign-in with these parameters; an answer by form is sent on.
    pub async fn ask(&mut self, query: &str) {
        let mode = if self.mode == Mode::FormPost { "response_mode=form_post&" } else { "" };
        self.visitor.open(&format!("{}?{mode}{query}", self.party.at("/"))).await;
        self.carry().await;
    }

    async fn carry(&mut self) {
        if self.visitor.page().buttons() == ["Continuer vers ENT d'essai"] {
            self.visitor.press_on().await;
        }
    }

    pub async fn sign_in(&mut self) {
        let who = self.who.clone();
        self.visitor.sign_in(&who).await;
        self.carry().await;
    }

    /// The same with the login fixed.
    pub async fn prove_again(&mut self) {
        let password = self.who.password.clone();
        self.visitor.fill_in("Mot de passe", &password);
        self.visitor.press("Continuer").await;
        self.carry().await;
    }

    /// Asks, signs in where it is asked, and gives what the client learnt.
    pub async fn learnt(&mut self, query: &str) -> Value {
        self.ask(query).await;
        if self.visitor.is_asked_to_sign_in() {
            self.sign_in().await;
        }
        let answer = self.visitor.page().answer();
        let came_by = if self.mode == Mode::FormPost { "POST" } else { "GET" };
        assert_eq!(answer["came_by"], json!(came_by), "{answer}");
        answer
    }

    pub fn error(&self) -> String {
        self.party.error_brought(&self.visitor)
    }
}
