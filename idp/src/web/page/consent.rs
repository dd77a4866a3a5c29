//! What a portal will be told, and what each may be told that a person said yes to.

use serde::Serialize;

use super::{Around, Page};
use crate::text::Message;

/// One line of the list, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    Names,
    Kind,
    Children,
    School,
    Birth,
    Number,
    Reference,
    Moment,
    /// It may come back while the person is away.
    Offline,
}

#[derive(Serialize)]
pub struct Consent {
    pub action: String,
    pub csrf: String,
    pub portal: String,
    /// Who is signed in.
    pub name: String,
    pub told: Vec<Told>,
}

impl Page for Consent {
    const TEMPLATE: &'static str = "pages/consent.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("consent-title").with("portal", self.portal.as_str())
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        Some(Message::new("consent-lead").with("name", self.name.as_str()))
    }

    fn samples() -> Vec<Self> {
        let sample = |told: &[Told]| Self {
            action: "/accord/3f9c".to_owned(),
            csrf: "sample".to_owned(),
            portal: "Mon lycée & moi".to_owned(),
            name: "Camille E.".to_owned(),
            told: told.to_vec(),
        };
        vec![
            sample(&[]),
            sample(&[Told::Names, Told::Kind, Told::Children, Told::Reference, Told::Moment]),
            sample(&[Told::Names, Told::School, Told::Birth, Told::Number, Told::Offline]),
        ]
    }
}

/// What a person agreed to, portal by portal, each to be taken back (P7, *Portails*).
#[derive(Serialize)]
pub struct Consents {
    pub action: String,
    pub csrf: String,
    /// Who is signed in.
    pub name: String,
    pub given: Vec<Given>,
    /// Something was taken back just now.
    pub done: bool,
    pub back: String,
}

#[derive(Serialize)]
pub struct Given {
    /// The party's identifier.
    pub party: String,
    pub portal: String,
    pub told: Vec<Told>,
}

impl Page for Consents {
    const TEMPLATE: &'static str = "pages/consents.html";

    fn title(&self, _around: &Around<'_>) -> Message {
        Message::new("consents-title")
    }

    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        Some(Message::new("consent-lead").with("name", self.name.as_str()))
    }

    fn samples() -> Vec<Self> {
        let given = |portal: &str, told: &[Told]| Given {
            party: "ent-1".to_owned(),
            portal: portal.to_owned(),
            told: told.to_vec(),
        };
        let sample = |given, done| Self {
            action: "/compte/portails".to_owned(),
            csrf: "sample".to_owned(),
            name: "Camille E.".to_owned(),
            given,
            done,
            back: "/connexion".to_owned(),
        };
        vec![
            sample(vec![], false),
            sample(vec![], true),
            sample(
                vec![
                    given("Mon lycée & moi", &[Told::Names, Told::Children, Told::Offline]),
                    given("ENT Exemple", &[Told::Moment]),
                ],
                true,
            ),
        ]
    }
}
