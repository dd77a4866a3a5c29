//! Pages that stop someone: what happened, never a protocol word, and always a way on (P1 cases, P8).

use serde::Serialize;
use time::Date;

use super::{Around, Page, School};
use crate::text::{Message, Value};

#[derive(Serialize)]
pub struct CookiesBlocked {
    /// Where to come back once cookies are allowed.
    pub retry: String,
}

impl Page for CookiesBlocked {
    const TEMPLATE: &'static str = "pages/cookies_blocked.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("cookies-title")
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        Some(Message::new("cookies-lead"))
    }

    fn samples() -> Vec<Self> {
        vec![Self { retry: "/resume/3f9c".to_owned() }]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    Guardian,
    Student,
    Staff,
}

/// The portal does not receive people of this profile.
#[derive(Serialize)]
pub struct NotOpen {
    pub portal: String,
    pub profile: Profile,
}

impl Page for NotOpen {
    const TEMPLATE: &'static str = "pages/not_open.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("not-open-title")
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        let message = match self.profile {
            Profile::Guardian => Message::new("not-open-guardians"),
            Profile::Student => Message::new("not-open-students"),
            Profile::Staff => Message::new("not-open-staff"),
        };
        Some(message.with("portal", self.portal.as_str()))
    }

    fn samples() -> Vec<Self> {
        let profiles = [Profile::Guardian, Profile::Student, Profile::Staff];
        profiles.into_iter().map(|profile| Self { portal: "ENT Exemple".to_owned(), profile }).collect()
    }
}

/// Shown only after a right password (LS-01).
#[derive(Serialize)]
pub struct AccountClosed {
    #[serde(skip)]
    pub since: Date,
    pub school: Option<School>,
}

impl Page for AccountClosed {
    const TEMPLATE: &'static str = "pages/account_closed.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("closed-title")
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        Some(Message::new("closed-since").with("date", Value::from(self.since)))
    }

    fn samples() -> Vec<Self> {
        let (first, last) = (time::macros::date!(2026 - 09 - 01), time::macros::date!(2026 - 08 - 31));
        vec![Self { since: first, school: None }, Self { since: last, school: Some(School::sample()) }]
    }
}

/// Why the visitor cannot go on; `Shell::reference` says which line of the journal knows more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The asking service or its address is not registered (SI-13, SI-14, OP-01).
    UnknownService,
    /// The portal's request cannot be honoured.
    RefusedRequest,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    TooMany,
    /// The form was left open too long.
    Expired,
    /// The anti-forgery token is missing or wrong (LS-09).
    Forged,
    Internal,
}

#[derive(Serialize)]
pub struct Problem {
    #[serde(skip)]
    reason: Reason,
    to_sign_in: bool,
    retry: Option<String>,
}

impl Problem {
    /// `retry` is where the same attempt can be made again, if anywhere.
    #[must_use]
    pub fn new(reason: Reason, retry: Option<String>) -> Self {
        Self { reason, to_sign_in: matches!(reason, Reason::Expired | Reason::Forged), retry }
    }
}

impl Page for Problem {
    const TEMPLATE: &'static str = "pages/problem.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        match self.reason {
            Reason::UnknownService => Message::new("unknown-service-title"),
            Reason::RefusedRequest => Message::new("refused-title"),
            Reason::NotFound => Message::new("not-found-title"),
            Reason::MethodNotAllowed => Message::new("method-title"),
            Reason::TooLarge => Message::new("too-large-title"),
            Reason::TooMany => Message::new("too-many-title"),
            Reason::Expired => Message::new("expired-title"),
            Reason::Forged => Message::new("forged-title"),
            Reason::Internal => Message::new("internal-title"),
        }
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        Some(match self.reason {
            Reason::UnknownService => Message::new("svc-unknown"),
            Reason::RefusedRequest => Message::new("refused-lead"),
            Reason::NotFound => Message::new("not-found-lead"),
            Reason::MethodNotAllowed => Message::new("method-lead"),
            Reason::TooLarge => Message::new("too-large-lead"),
            Reason::TooMany => Message::new("too-many-lead"),
            Reason::Expired => Message::new("expired-lead"),
            Reason::Forged => Message::new("forged-lead"),
            Reason::Internal => Message::new("internal-lead"),
        })
    }

    fn samples() -> Vec<Self> {
        let every = [
            Reason::UnknownService,
            Reason::RefusedRequest,
            Reason::NotFound,
            Reason::MethodNotAllowed,
            Reason::TooLarge,
            Reason::TooMany,
            Reason::Expired,
            Reason::Forged,
            Reason::Internal,
        ];
        let retried = Self::new(Reason::Internal, Some("/resume/3f9c".to_owned()));
        every.into_iter().map(|reason| Self::new(reason, None)).chain([retried]).collect()
    }
}

/// More people than there is room for: under 5 kB, sent with `Refresh` and `Retry-After` of as many seconds.
#[derive(Serialize)]
pub struct Busy {
    #[serde(skip)]
    pub seconds: u32,
    pub retry: String,
}

impl Page for Busy {
    const TEMPLATE: &'static str = "pages/busy.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("busy-title")
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        Some(Message::new("busy").with("n", self.seconds))
    }

    fn samples() -> Vec<Self> {
        let retry = "/resume/3f9c".to_owned();
        vec![Self { seconds: 1, retry: retry.clone() }, Self { seconds: 12, retry }]
    }
}
