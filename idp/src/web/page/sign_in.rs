//! Proving who is there: the sign-in form, the same for someone already known, and the first sign-in (P1, E1).

use serde::Serialize;
use time::Date;

use super::{Around, FieldError, Page};
use crate::text::{Message, Value};

const IDENTIFIER: &str = "identifiant";
const PASSWORD: &str = "mot_de_passe";

/// Which help is shown. The account decides the profile: a wrong view never refuses a right password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    Neutral,
    Guardian,
    Student,
}

/// `identifiant` and `mot_de_passe`, posted to `action`.
#[derive(Serialize)]
pub struct SignIn {
    pub action: String,
    pub csrf: String,
    pub view: View,
    /// As it was typed; never the password.
    pub identifier: String,
    #[serde(skip)]
    pub wrong: Vec<SignInError>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInError {
    Pair,
    IdentifierEmpty,
    PasswordEmpty,
    Wait {
        minutes: u32,
    },
    /// Said after the right provisional password only.
    LetterTooOld {
        date: Date,
    },
}

impl SignInError {
    fn shown(&self) -> FieldError {
        let (field, message) = match self {
            Self::Pair => (IDENTIFIER, Message::new("pair")),
            Self::IdentifierEmpty => (IDENTIFIER, Message::new("id-empty")),
            Self::PasswordEmpty => (PASSWORD, Message::new("pw-empty")),
            Self::Wait { minutes } => (IDENTIFIER, Message::new("wait").with("n", *minutes)),
            Self::LetterTooOld { date } => (PASSWORD, Message::new("prov-old").with("date", Value::from(*date))),
        };
        FieldError { field, message }
    }
}

impl Page for SignIn {
    const TEMPLATE: &'static str = "pages/sign_in.html";

    fn title(&self, around: &Around<'_>) -> Message {
        around.with_portal(Message::new("sign-in-title"), Message::new("sign-in-title-plain"))
    }

    fn lead(&self, around: &Around<'_>) -> Option<Message> {
        Some(Message::new("sign-in-lead").with("service", around.service))
    }

    fn errors(&self) -> Vec<FieldError> {
        self.wrong.iter().map(SignInError::shown).collect()
    }

    fn samples() -> Vec<Self> {
        let sample = |view, identifier: &str, wrong| Self {
            action: "/sign-in/3f9c".to_owned(),
            csrf: "sample".to_owned(),
            view,
            identifier: identifier.to_owned(),
            wrong,
        };
        vec![
            sample(View::Neutral, "", vec![]),
            sample(View::Guardian, "", vec![]),
            sample(View::Student, "", vec![]),
            sample(View::Guardian, "c.exemple12", vec![SignInError::Pair]),
            sample(View::Neutral, "", vec![SignInError::IdentifierEmpty, SignInError::PasswordEmpty]),
            sample(View::Student, "l.exemple34", vec![SignInError::PasswordEmpty]),
            sample(View::Neutral, "c.exemple12", vec![SignInError::Wait { minutes: 1 }]),
            sample(View::Neutral, "\"><script>alert(1)</script>", vec![SignInError::Wait { minutes: 4 }]),
        ]
    }
}

/// The portal wants a fresh proof from the person whose session is open; `choix=autre` says it is someone else.
#[derive(Serialize)]
pub struct Reauthenticate {
    pub action: String,
    pub csrf: String,
    pub identifier: String,
    #[serde(skip)]
    pub wrong: Vec<SignInError>,
}

impl Page for Reauthenticate {
    const TEMPLATE: &'static str = "pages/reauthenticate.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("reauthenticate-title")
    }

    fn lead(&self, around: &Around<'_>) -> Option<Message> {
        Some(around.with_portal(Message::new("reauthenticate-lead"), Message::new("reauthenticate-lead-plain")))
    }

    fn errors(&self) -> Vec<FieldError> {
        self.wrong.iter().map(SignInError::shown).collect()
    }

    fn samples() -> Vec<Self> {
        let sample = |wrong| Self {
            action: "/sign-in/3f9c".to_owned(),
            csrf: "sample".to_owned(),
            identifier: "c.exemple12".to_owned(),
            wrong,
        };
        vec![sample(vec![]), sample(vec![SignInError::Pair]), sample(vec![SignInError::Wait { minutes: 2 }])]
    }
}

/// Asked of a student before a password is chosen, so that a stranger's letter stops here (E1). Fields `jour`, `mois`
/// (a number or a word), `annee`.
#[derive(Serialize)]
pub struct BirthDate {
    action: String,
    csrf: String,
    typed: TypedDate,
    wrong_parts: Vec<&'static str>,
    #[serde(skip)]
    wrong: Option<BirthDateError>,
}

/// The three fields as they were typed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TypedDate {
    pub day: String,
    pub month: String,
    pub year: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BirthDatePart {
    Day,
    Month,
    Year,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BirthDateError {
    Empty,
    /// One or two parts.
    Missing(Vec<BirthDatePart>),
    NotReal,
    NotPast,
    NoMatch {
        left: u32,
    },
}

impl BirthDatePart {
    const ALL: [Self; 3] = [Self::Day, Self::Month, Self::Year];

    const fn field(self) -> &'static str {
        match self {
            Self::Day => "jour",
            Self::Month => "mois",
            Self::Year => "annee",
        }
    }

    const fn words(self) -> Message {
        match self {
            Self::Day => Message::new("date-part-day"),
            Self::Month => Message::new("date-part-month"),
            Self::Year => Message::new("date-part-year"),
        }
    }
}

impl BirthDateError {
    fn parts(&self) -> &[BirthDatePart] {
        match self {
            Self::Missing(parts) if !parts.is_empty() => parts,
            _ => &BirthDatePart::ALL,
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::Empty => Message::new("date-empty"),
            Self::Missing(parts) => match parts.as_slice() {
                [one] => Message::new("date-part").with("parts", one.words()),
                [one, other] => {
                    let both = Message::new("list-two").with("first", one.words()).with("second", other.words());
                    Message::new("date-part").with("parts", both)
                }
                _ => Message::new("date-empty"),
            },
            Self::NotReal => Message::new("date-real"),
            Self::NotPast => Message::new("date-past"),
            Self::NoMatch { left } => Message::new("date-wrong").with("n", *left),
        }
    }
}

impl BirthDate {
    #[must_use]
    pub fn new(action: String, csrf: String, typed: TypedDate, wrong: Option<BirthDateError>) -> Self {
        let parts = wrong.as_ref().map(BirthDateError::parts).unwrap_or_default();
        let wrong_parts = parts.iter().map(|part| part.field()).collect();
        Self { action, csrf, typed, wrong_parts, wrong }
    }
}

impl Page for BirthDate {
    const TEMPLATE: &'static str = "pages/birth_date.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("birth-date-title")
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        Some(Message::new("birth-date-lead"))
    }

    fn errors(&self) -> Vec<FieldError> {
        let field = self.wrong_parts.first().copied().unwrap_or("jour");
        self.wrong.iter().map(|wrong| FieldError { field, message: wrong.message() }).collect()
    }

    fn samples() -> Vec<Self> {
        let typed = |day: &str, month: &str, year: &str| TypedDate {
            day: day.to_owned(),
            month: month.to_owned(),
            year: year.to_owned(),
        };
        let sample = |typed, wrong| Self::new("/sign-in/3f9c/naissance".to_owned(), "sample".to_owned(), typed, wrong);
        let (month, year) = (BirthDatePart::Month, BirthDatePart::Year);
        vec![
            sample(TypedDate::default(), None),
            sample(TypedDate::default(), Some(BirthDateError::Empty)),
            sample(typed("27", "", "2012"), Some(BirthDateError::Missing(vec![month]))),
            sample(typed("27", "", ""), Some(BirthDateError::Missing(vec![month, year]))),
            sample(typed("31", "février", "2012"), Some(BirthDateError::NotReal)),
            sample(typed("27", "3", "2112"), Some(BirthDateError::NotPast)),
            sample(typed("27", "mars", "2012"), Some(BirthDateError::NoMatch { left: 1 })),
        ]
    }
}

/// Five wrong birth dates: only the school can help.
#[derive(Serialize)]
pub struct AskSchool {
    pub school: Option<School>,
}

#[derive(Debug, Clone, Serialize)]
pub struct School {
    pub name: String,
    pub phone: Option<String>,
}

impl School {
    pub(super) fn sample() -> Self {
        Self { name: "Collège du Test".to_owned(), phone: Some("01 99 00 12 34".to_owned()) }
    }
}

impl Page for AskSchool {
    const TEMPLATE: &'static str = "pages/ask_school.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("ask-school-title")
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        Some(Message::new("ask-school-lead"))
    }

    fn samples() -> Vec<Self> {
        vec![Self { school: None }, Self { school: Some(School::sample()) }]
    }
}

/// One field, `mot_de_passe` (P2, step 7); `first` when it replaces a provisional one.
#[derive(Serialize)]
pub struct NewPassword {
    pub action: String,
    pub csrf: String,
    pub identifier: String,
    pub first: bool,
    #[serde(skip)]
    pub wrong: Option<PasswordError>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordError {
    Empty,
    Short { length: u32 },
    Long { length: u32 },
    Common,
    Personal,
    Same,
}

impl PasswordError {
    fn message(&self) -> Message {
        match self {
            Self::Empty => Message::new("pw-new-empty"),
            Self::Short { length } => Message::new("pw-short").with("n", Value::from(*length)),
            Self::Long { length } => Message::new("pw-long").with("n", Value::from(*length)),
            Self::Common => Message::new("pw-common"),
            Self::Personal => Message::new("pw-self"),
            Self::Same => Message::new("pw-same"),
        }
    }
}

impl Page for NewPassword {
    const TEMPLATE: &'static str = "pages/new_password.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("new-password-title")
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        Some(if self.first { Message::new("new-password-lead") } else { Message::new("new-password-lead-asked") })
    }

    fn errors(&self) -> Vec<FieldError> {
        self.wrong.iter().map(|wrong| FieldError { field: PASSWORD, message: wrong.message() }).collect()
    }

    fn samples() -> Vec<Self> {
        let sample = |first, wrong| Self {
            action: "/sign-in/3f9c/mot-de-passe".to_owned(),
            csrf: "sample".to_owned(),
            identifier: "c.exemple12".to_owned(),
            first,
            wrong,
        };
        vec![
            sample(true, None),
            sample(false, None),
            sample(true, Some(PasswordError::Empty)),
            sample(true, Some(PasswordError::Short { length: 7 })),
            sample(true, Some(PasswordError::Common)),
            sample(true, Some(PasswordError::Personal)),
            sample(false, Some(PasswordError::Same)),
        ]
    }
}
