//! What a relying party may learn of a person: the one place that turns directory records into values.
//!
//! Formats are those ENTs already read (`ÉduConnect`'s attributes). Whatever nobody outside knows, the middle field of
//! `FrEduCtRefId` for instance, is a setting. Values are the same over SAML and OpenID Connect; names differ there.

use aws_lc_rs::hmac;
use directory::model::{Child, Known, ParentalAuthority, Person, Stage};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::format_description;

use super::account::{AccountId, Profile};
use super::identity::Identity;
use super::relying_party::{PartyId, ReleasePolicy, RelyingParty};
use super::session::SessionId;

/// Everything a policy can grant, by the name relying parties know (`FriendlyName`, claim).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Attribute {
    #[serde(rename = "sn")]
    FamilyName,
    #[serde(rename = "givenName")]
    GivenName,
    #[serde(rename = "personalTitle")]
    Title,
    #[serde(rename = "FrEduUrlRetour")]
    ReturnUrl,
    #[serde(rename = "FrEduCtDateConnexion")]
    ConnectionDate,
    #[serde(rename = "FrEduCtPersonAffiliation")]
    PersonAffiliation,
    #[serde(rename = "FrEduCtId")]
    OpaqueId,
    #[serde(rename = "FrEduCtRefId")]
    DirectoryReference,
    #[serde(rename = "FrEduVecteur")]
    EduVector,
    #[serde(rename = "FrEduCtEleveINE")]
    StudentNumber,
    #[serde(rename = "FrEduCtEleveINEHash")]
    StudentNumberHash,
    #[serde(rename = "FrEduCtDateNaissance")]
    BirthDate,
    #[serde(rename = "FrEduCtEleveUAI")]
    StudentSchool,
    #[serde(rename = "FrEduCtEleveNiveau")]
    StudentLevel,
}

impl Attribute {
    /// Every attribute, in the order in which answers carry them.
    pub const ALL: [Self; 14] = [
        Self::FamilyName,
        Self::GivenName,
        Self::Title,
        Self::ReturnUrl,
        Self::ConnectionDate,
        Self::PersonAffiliation,
        Self::OpaqueId,
        Self::DirectoryReference,
        Self::EduVector,
        Self::StudentNumber,
        Self::StudentNumberHash,
        Self::BirthDate,
        Self::StudentSchool,
        Self::StudentLevel,
    ];

    /// What an ENT needs to find the person in its own copy of the directory (educonnect 2.4).
    pub const FOR_ENTS: [Self; 7] = [
        Self::FamilyName,
        Self::GivenName,
        Self::ReturnUrl,
        Self::ConnectionDate,
        Self::PersonAffiliation,
        Self::DirectoryReference,
        Self::EduVector,
    ];

    /// What a service without a copy of the directory is given of a pupil (educonnect 2.4).
    pub const FOR_SERVICES: [Self; 9] = [
        Self::FamilyName,
        Self::GivenName,
        Self::ReturnUrl,
        Self::ConnectionDate,
        Self::PersonAffiliation,
        Self::StudentNumberHash,
        Self::BirthDate,
        Self::StudentSchool,
        Self::StudentLevel,
    ];

    /// The name relying parties know it by.
    pub const fn friendly_name(self) -> &'static str {
        match self {
            Self::FamilyName => "sn",
            Self::GivenName => "givenName",
            Self::Title => "personalTitle",
            Self::ReturnUrl => "FrEduUrlRetour",
            Self::ConnectionDate => "FrEduCtDateConnexion",
            Self::PersonAffiliation => "FrEduCtPersonAffiliation",
            Self::OpaqueId => "FrEduCtId",
            Self::DirectoryReference => "FrEduCtRefId",
            Self::EduVector => "FrEduVecteur",
            Self::StudentNumber => "FrEduCtEleveINE",
            Self::StudentNumberHash => "FrEduCtEleveINEHash",
            Self::BirthDate => "FrEduCtDateNaissance",
            Self::StudentSchool => "FrEduCtEleveUAI",
            Self::StudentLevel => "FrEduCtEleveNiveau",
        }
    }

    pub fn from_friendly_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.friendly_name() == name)
    }
}

/// One granted attribute with its values, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    pub attribute: Attribute,
    pub values: Vec<String>,
}

/// The secret behind every pairwise identifier. It lives as long as the service: a new one would make strangers of
/// everyone, everywhere.
pub struct PairwiseKey(hmac::Key, hmac::Key);

impl PairwiseKey {
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret), hmac::Key::new(hmac::HMAC_SHA384, secret))
    }

    /// The account as one sector knows it, for SAML persistent `NameID` and OpenID Connect `sub`: 32 characters of
    /// base32 (160 bits), stable for life, never differing by case only (SO-04, OP-11).
    pub fn subject(&self, account: &AccountId, sector: &str) -> String {
        let tag = digest(&self.0, &["subject", account.as_str(), sector]);
        data_encoding::BASE32.encode(tag.as_ref().get(..20).unwrap_or_default())
    }

    /// The session as one party knows it, for `SessionIndex` and `sid`: two parties cannot find out by it that they have
    /// the same person in front of them.
    pub fn session_name(&self, session: &SessionId, party: &PartyId) -> SessionId {
        SessionId::from_random(self.half(&["session", session.as_str(), &party.0]))
    }

    /// A transient `NameID`: one for each session and party, so that a sign-out names the person as every answer of the
    /// session did (SAML Core 8.3.8).
    pub fn transient(&self, session: &SessionId, party: &PartyId) -> String {
        format!("_{}", data_encoding::HEXLOWER.encode(&self.half(&["transient", session.as_str(), &party.0])))
    }

    /// 128 bits of the digest.
    fn half(&self, parts: &[&str]) -> [u8; 16] {
        let tag = digest(&self.0, parts);
        let mut half = [0; 16];
        for (to, from) in half.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        half
    }

    /// `FrEduCtId`: 96 hex digits. Whether the original is the same for every service is not known; ours is not.
    fn opaque_id(&self, account: &AccountId, sector: &str) -> String {
        data_encoding::HEXLOWER.encode(digest(&self.1, &["FrEduCtId", account.as_str(), sector]).as_ref())
    }

    /// `FrEduCtEleveINEHash`: 32 hex digits by an algorithm that is not published; ours is keyed, so that nobody can
    /// find an INE by trying them all, and pairwise.
    fn ine_hash(&self, ine: &str, sector: &str) -> String {
        let tag = digest(&self.0, &["FrEduCtEleveINEHash", ine, sector]);
        data_encoding::HEXLOWER.encode(tag.as_ref().get(..16).unwrap_or_default())
    }
}

/// Parts are told apart by their lengths, so that no two lists of parts give the same input.
fn digest(key: &hmac::Key, parts: &[&str]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.sign()
}

/// What is the same for every answer of this service.
pub struct Terms {
    pub pairwise: PairwiseKey,
    /// `FrEduUrlRetour`: where a portal sends the browser when the person signs out.
    pub return_url: String,
    /// The middle field of `FrEduCtRefId`; `None` for the category of the record (educonnect 2.4.1: content unknown).
    pub reference_middle: Option<String>,
}

/// The values that `party`'s policy grants of `identity`, each attribute at most once; one without value is left out.
pub fn for_party(
    identity: &Identity,
    party: &RelyingParty,
    authenticated_at: OffsetDateTime,
    terms: &Terms,
) -> Vec<Released> {
    let view = View { identity, party, terms, authenticated_at };
    Attribute::ALL
        .into_iter()
        .filter(|attribute| party.policy.attributes.contains(attribute))
        .map(|attribute| Released { attribute, values: view.values(attribute) })
        .filter(|released| !released.values.is_empty())
        .collect()
}

struct View<'a> {
    identity: &'a Identity,
    party: &'a RelyingParty,
    terms: &'a Terms,
    authenticated_at: OffsetDateTime,
}

impl View<'_> {
    fn values(&self, attribute: Attribute) -> Vec<String> {
        let pairwise = &self.terms.pairwise;
        let account = &self.identity.account;
        let sector = self.party.sector();
        match attribute {
            Attribute::FamilyName => self.first(|known| Some(known.person.names().family.clone())),
            Attribute::GivenName => self.first(|known| Some(known.person.names().given.clone())),
            Attribute::Title => match self.identity.profile {
                Profile::Guardian => self.first(|known| known.person.names().title.clone()),
                Profile::Student | Profile::Staff => Vec::new(),
            },
            Attribute::ReturnUrl => vec![self.terms.return_url.clone()],
            Attribute::ConnectionDate => vec![connection_date(self.authenticated_at)],
            Attribute::PersonAffiliation => self.each(affiliation),
            Attribute::OpaqueId => vec![pairwise.opaque_id(account, sector)],
            Attribute::DirectoryReference => self.each(|known| Some(self.reference(known))),
            Attribute::EduVector => edu_vectors(self.identity, &self.party.policy),
            Attribute::StudentNumber => self.students(|student, _| student.ine.clone()),
            Attribute::StudentNumberHash => {
                self.students(|student, _| student.ine.as_ref().map(|ine| pairwise.ine_hash(ine, sector)))
            }
            Attribute::BirthDate => self.students(|student, _| Some(iso_date(student.birth_date))),
            Attribute::StudentSchool => {
                self.students(|_, known| known.school.as_ref()?.uai.as_ref().map(ToString::to_string))
            }
            Attribute::StudentLevel => self.students(|student, _| student.level.clone()),
        }
    }

    fn first(&self, value: impl Fn(&Known) -> Option<String>) -> Vec<String> {
        self.identity.first().and_then(value).into_iter().collect()
    }

    /// One value for each record that counts for this party, without repeats.
    fn each(&self, value: impl Fn(&Known) -> Option<String>) -> Vec<String> {
        let mut values = Vec::new();
        for known in self.identity.records.iter().filter(|known| counts(known, &self.party.policy)) {
            values.extend(value(known).filter(|value| !values.contains(value)));
        }
        values
    }

    fn students(&self, value: impl Fn(&directory::model::Student, &Known) -> Option<String>) -> Vec<String> {
        self.each(|known| match &known.person {
            Person::Student(student) => value(student, known),
            Person::Guardian(_) | Person::Staff(_) => None,
        })
    }

    /// `{AAF}<academy>|<middle>|<ENTPersonJointure>`, the academy without padding (educonnect 2.4.1).
    fn reference(&self, known: &Known) -> String {
        let id = known.person.id();
        let category = match &known.person {
            Person::Student(_) => "Eleve",
            Person::Guardian(_) => "PersRelEleve",
            Person::Staff(_) => "PersEducNat",
        };
        let middle = self.terms.reference_middle.as_deref().unwrap_or(category);
        format!("{{AAF}}{}|{middle}|{}", id.academy(), id.key())
    }
}

/// Whether an adult answers for a child here: a contact never does, a *personne en charge* where the policy says so.
fn answers_for(child: &Child, policy: &ReleasePolicy) -> bool {
    match child.authority {
        ParentalAuthority::Legal => true,
        ParentalAuthority::InCharge => policy.in_charge,
        ParentalAuthority::Contact => false,
    }
}

/// A guardian's record without a child they answer for says nothing to this party.
fn counts(known: &Known, policy: &ReleasePolicy) -> bool {
    match &known.person {
        Person::Guardian(_) => known.children.iter().any(|child| answers_for(child, policy)),
        Person::Student(_) | Person::Staff(_) => true,
    }
}

/// `FrEduCtPersonAffiliation`; staff have no value there, they sign in elsewhere.
fn affiliation(known: &Known) -> Option<String> {
    let who = match &known.person {
        Person::Guardian(_) => "resp",
        Person::Student(_) => "eleve",
        Person::Staff(_) => return None,
    };
    Some(format!("{who}{}", known.person.id().stage()))
}

/// `FrEduVecteur`: one value for each child of a guardian, exactly one for a pupil (educonnect 2.4.2). A child without
/// number or UAI gives none, since readers refuse the whole answer on an empty field.
fn edu_vectors(identity: &Identity, policy: &ReleasePolicy) -> Vec<String> {
    let mut vectors = Vec::new();
    for known in &identity.records {
        match &known.person {
            Person::Guardian(guardian) => {
                let profile = match guardian.id.stage() {
                    Stage::Primary => 1,
                    Stage::Secondary => 2,
                };
                let names = format!("{}|{}", field(&guardian.names.family), field(&guardian.names.given));
                for child in known.children.iter().filter(|child| answers_for(child, policy)) {
                    vectors.extend(edu_vector(profile, &names, &child.student, child.school.as_ref()));
                }
            }
            Person::Student(student) if vectors.is_empty() => {
                let profile = match student.id.stage() {
                    Stage::Primary => 3,
                    Stage::Secondary => 4,
                };
                // A pupil's names may stay empty: number and school identify them, so no more is said.
                vectors.extend(edu_vector(profile, "|", student, known.school.as_ref()));
            }
            Person::Student(_) | Person::Staff(_) => {}
        }
    }
    vectors
}

fn edu_vector(
    profile: u8,
    names: &str,
    student: &directory::model::Student,
    school: Option<&directory::model::School>,
) -> Option<String> {
    let number = student.school_number.as_ref()?;
    let uai = school?.uai.as_ref()?;
    Some(format!("{profile}|{names}|{}|{uai}", field(number)))
}

/// The delivered spelling; a separator inside it would shift every field after it.
fn field(text: &str) -> String {
    text.replace(['|', '\r', '\n'], " ")
}

/// `YYYY-MM-DD HH:MM:SS.mmm`, as `ÉduConnect` writes it; the zone is not said there, ours is UTC.
fn connection_date(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]");
    at.format(&format).unwrap_or_default()
}

/// `YYYY-MM-DD`.
fn iso_date(date: time::Date) -> String {
    date.format(format_description!("[year]-[month]-[day]")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
