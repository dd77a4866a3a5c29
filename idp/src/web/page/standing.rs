//! Pages that stand by themselves: where to go when stuck, help, and the declarations the law asks for.
//!
//! What only the operator knows (who runs the service, whom to write to) are messages named `operator-*`, which the
//! theme folder says over.

use serde::Serialize;

use super::{Around, Page};
use crate::text::Message;

/// `/oubli`: whom to ask, as long as nobody can be reached by a confirmed contact.
#[derive(Serialize)]
pub struct Forgotten {
    pub sign_in: String,
}

impl Page for Forgotten {
    const TEMPLATE: &'static str = "pages/forgotten.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("forgotten-title")
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        Some(Message::new("forgotten-lead"))
    }

    fn samples() -> Vec<Self> {
        vec![Self { sign_in: "/connexion".to_owned() }]
    }
}

/// `/premiere-connexion`.
#[derive(Serialize)]
pub struct FirstTime {
    pub sign_in: String,
}

impl Page for FirstTime {
    const TEMPLATE: &'static str = "pages/first_time.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("first-time-title")
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        Some(Message::new("first-time-lead"))
    }

    fn samples() -> Vec<Self> {
        vec![Self { sign_in: "/connexion".to_owned() }]
    }
}

#[derive(Serialize)]
pub struct Help;

impl Page for Help {
    const TEMPLATE: &'static str = "pages/help.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("help-title")
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        Some(Message::new("help-lead"))
    }

    fn samples() -> Vec<Self> {
        vec![Self]
    }
}

#[derive(Serialize)]
pub struct Accessibility;

impl Page for Accessibility {
    const TEMPLATE: &'static str = "pages/accessibility.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("accessibility-title")
    }

    fn lead(&self, around: &Around<'_>) -> Option<Message> {
        Some(Message::new("accessibility-lead").with("service", around.service))
    }

    fn samples() -> Vec<Self> {
        vec![Self]
    }
}

#[derive(Serialize)]
pub struct Privacy;

impl Page for Privacy {
    const TEMPLATE: &'static str = "pages/privacy.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("privacy-title")
    }

    fn lead(&self, around: &Around<'_>) -> Option<Message> {
        Some(Message::new("privacy-lead").with("service", around.service))
    }

    fn samples() -> Vec<Self> {
        vec![Self]
    }
}

#[derive(Serialize)]
pub struct Legal;

impl Page for Legal {
    const TEMPLATE: &'static str = "pages/legal.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("legal-title")
    }

    fn samples() -> Vec<Self> {
        vec![Self]
    }
}
