//! Being signed in and leaving: choosing a portal, going back to it, signing out (P1 steps 2 and 3, P8).

use serde::Serialize;

use super::{Around, Page};
use crate::text::Message;

#[derive(Debug, Clone, Serialize)]
pub struct PortalLink {
    pub name: String,
    pub start: String,
}

fn sample_portals() -> Vec<PortalLink> {
    let link = |name: &str, start: &str| PortalLink { name: name.to_owned(), start: start.to_owned() };
    vec![link("ENT Exemple", "https://ent.example/"), link("Mon lycée & moi", "https://lycee.example/start?a=1&b=2")]
}

/// The front door, for whoever did not come from a portal.
#[derive(Serialize)]
pub struct Home {
    pub portals: Vec<PortalLink>,
    pub sign_in: String,
}

impl Page for Home {
    const TEMPLATE: &'static str = "pages/home.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("home-title")
    }

    fn lead(&self, around: &Around<'_>) -> Option<Message> {
        Some(Message::new("home-lead").with("service", around.service))
    }

    fn samples() -> Vec<Self> {
        let sign_in = "/connexion".to_owned();
        vec![Self { portals: sample_portals(), sign_in: sign_in.clone() }, Self { portals: vec![], sign_in }]
    }
}

/// A session is open: `choix=continuer` goes on with it, `choix=autre` ends it and shows the form.
#[derive(Serialize)]
pub struct OpenSession {
    pub action: String,
    pub csrf: String,
    /// Short, as in "Camille E.": the next person at a shared computer may read it.
    pub name: String,
}

impl Page for OpenSession {
    const TEMPLATE: &'static str = "pages/open_session.html";

    fn title(&self, around: &Around<'_>) -> Message {
        around.with_portal(Message::new("open-session-title"), Message::new("open-session-title-plain"))
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        Some(Message::new("open-session-who").with("name", self.name.as_str()))
    }

    fn samples() -> Vec<Self> {
        let (action, csrf) = ("/resume/3f9c".to_owned(), "sample".to_owned());
        vec![Self { action, csrf, name: "Camille E.".to_owned() }]
    }
}

/// Signed in without a portal waiting.
#[derive(Serialize)]
pub struct SignedIn {
    pub name: String,
    pub portals: Vec<PortalLink>,
    /// What they agreed to.
    pub consents: String,
    pub sign_out: String,
}

impl Page for SignedIn {
    const TEMPLATE: &'static str = "pages/signed_in.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("signed-in-title")
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        let nowhere = self.portals.is_empty();
        let message = if nowhere { Message::new("signed-in-none") } else { Message::new("signed-in-lead") };
        Some(message.with("name", self.name.as_str()))
    }

    fn samples() -> Vec<Self> {
        let sample = |portals| Self {
            name: "Camille E.".to_owned(),
            portals,
            consents: "/compte/portails".to_owned(),
            sign_out: "/deconnexion".to_owned(),
        };
        vec![sample(sample_portals()), sample(vec![])]
    }
}

/// Carries the answer to the portal: a form that a script presses, and a button for whoever has no script (SO-06).
#[derive(Serialize)]
pub struct Send {
    pub action: String,
    pub fields: Vec<SendField>,
    pub carries: Carries,
}

/// Whether the person is signed in, as far as they are concerned.
#[derive(Debug, Clone, Copy, Serialize)]
pub enum Carries {
    Answer,
    /// Nobody may have signed in.
    Refusal,
    Farewell,
}

#[derive(Serialize)]
pub struct SendField {
    pub name: String,
    pub value: String,
}

impl Page for Send {
    const TEMPLATE: &'static str = "pages/send.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        match self.carries {
            Carries::Answer => Message::new("signed-in-title"),
            Carries::Refusal => Message::new("send-title"),
            Carries::Farewell => Message::new("signed-out-title"),
        }
    }

    fn lead(&self, around: &Around<'_>) -> Option<Message> {
        Some(around.with_portal(Message::new("send-lead"), Message::new("send-lead-plain")))
    }

    fn samples() -> Vec<Self> {
        let field = |name: &str, value: &str| SendField { name: name.to_owned(), value: value.to_owned() };
        let fields = vec![field("SAMLResponse", "PHNhbWw+"), field("RelayState", "\"/><script>alert(1)</script>")];
        let plain = || vec![field("SAMLResponse", "PHNhbWw+")];
        let page = |fields, carries| Self { action: "https://ent.example/acs?x=\"y\"&z".to_owned(), fields, carries };
        vec![page(fields, Carries::Answer), page(plain(), Carries::Refusal), page(plain(), Carries::Farewell)]
    }
}

#[derive(Serialize)]
pub struct SignOut {
    pub action: String,
    pub csrf: String,
    pub name: String,
    /// Where "stay" leads.
    pub stay: String,
    /// Where the person wished to go on to.
    pub onward: Option<String>,
    pub wish: Option<SignOutWish>,
}

/// The client that sent the person here.
#[derive(Serialize)]
pub struct SignOutWish {
    pub service: String,
    pub state: String,
}

impl Page for SignOut {
    const TEMPLATE: &'static str = "pages/sign_out.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("sign-out-title")
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        Some(Message::new("sign-out-lead").with("name", self.name.as_str()))
    }

    fn samples() -> Vec<Self> {
        let (action, csrf) = ("/deconnexion".to_owned(), "sample".to_owned());
        let onward = Some("https://ent.example/au-revoir?a=1&b=2".to_owned());
        let wish = Some(SignOutWish { service: "ent-exemple".to_owned(), state: "\"><script>".to_owned() });
        vec![Self { action, csrf, name: "Lina E.".to_owned(), stay: "/connexion".to_owned(), onward, wish }]
    }
}

/// The portals are being told, each in a frame of its own; the page goes on by itself.
#[derive(Serialize)]
pub struct SigningOut {
    pub portals: Vec<String>,
    pub frames: Vec<String>,
    /// Where it goes on to, for whoever does not want to wait.
    pub next: String,
    /// The portal where the person asked to sign out.
    pub asked_by: Option<String>,
}

impl Page for SigningOut {
    const TEMPLATE: &'static str = "pages/signing_out.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("signed-out-title")
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        Some(Message::new("signing-out-lead"))
    }

    fn samples() -> Vec<Self> {
        let portals = vec!["ENT Exemple".to_owned(), "Mon lycée & moi".to_owned()];
        let frames = vec!["/deconnexion/3f9c/0a".to_owned()];
        vec![Self { portals, frames, next: "/deconnexion/3f9c".to_owned(), asked_by: None }]
    }
}

#[derive(Serialize)]
pub struct SignedOut {
    /// Portals that say that the person is signed out there.
    pub told: Vec<String>,
    /// Portals that were not told, or did not answer, with a way to their own sign-out, or to them.
    pub still_open: Vec<PortalLink>,
    /// The portal to go back to, and the way.
    pub back: Option<PortalLink>,
    pub sign_in: String,
}

impl Page for SignedOut {
    const TEMPLATE: &'static str = "pages/signed_out.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("signed-out-title")
    }

    fn samples() -> Vec<Self> {
        let sample = |told: &[&str], still_open, back| Self {
            told: told.iter().map(ToString::to_string).collect(),
            still_open,
            back,
            sign_in: "/connexion".to_owned(),
        };
        let back = Some(PortalLink { name: "ENT Exemple".to_owned(), start: "/deconnexion/3f9c/retour".to_owned() });
        let unreached = PortalLink { name: "Atelier".to_owned(), start: String::new() };
        vec![
            sample(&[], vec![], None),
            sample(&["ENT Exemple"], sample_portals(), back),
            sample(&["Mon lycée & moi"], vec![unreached], None),
        ]
    }
}
