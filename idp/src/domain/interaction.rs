//! A request for a sign-in under way, whatever the protocol, and the one rule that says what comes next.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::account::Profile;
use super::relying_party::{NameIdFormat, PartyId, RelyingParty};
use super::session::{Pending, Session, SessionId};

/// The key of an interaction in addresses (`/resume/{id}`): 128 random bits in base64url. Useless without the cookie of
/// the browser it was made for (LS-06).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InteractionId(pub String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interaction {
    pub id: InteractionId,
    /// `None` for a person who came by themselves.
    pub party: Option<PartyId>,
    pub asked: Asked,
    pub reply_to: ReplyTo,
    pub created_at: OffsetDateTime,
    /// When an answer was last sent; a later visit is a reload, a back button or a second click.
    pub answered_at: Option<OffsetDateTime>,
    /// The session opened by signing in for this very interaction.
    pub signed_in: Option<SessionId>,
    /// The person confirmed whose session it is.
    pub confirmed: bool,
    /// The person agreed, for this very request, that the party is told.
    pub consented: bool,
}

/// What the party asks of the sign-in.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word of its own in a request, and they come in any company"
)]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// A new proof, whatever session is open: `ForceAuthn`, `prompt=login`.
    pub fresh: bool,
    /// No page may be shown: `IsPassive`, `prompt=none`.
    pub passive: bool,
    /// The person says which account, even with a session open: `prompt=select_account`.
    pub choose: bool,
    /// The greatest age of the proof, in seconds: `max_age`.
    pub max_age: Option<u32>,
    /// Which view of the page to open: `acr_values=eleve` or `responsable`.
    pub view: Option<Profile>,
    /// `ui_locales`, in order of preference.
    pub languages: Vec<String>,
    /// `login_hint`: what to write in the identifier field.
    pub login_hint: Option<String>,
    /// The person agrees anew that the party is told: `prompt=consent`.
    #[serde(default)]
    pub consent: bool,
    /// Who must be the one that signs in, as the party knows them: `id_token_hint`, or `sub` of `claims`.
    #[serde(default)]
    pub subject: Option<String>,
    /// The kinds of person of which one must sign in, by an essential `acr`; empty for any.
    #[serde(default)]
    pub profiles: Vec<Profile>,
}

/// Where and how the answer goes: one variant a protocol. The address has been checked against the registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplyTo {
    Saml(SamlReply),
    Oidc(OidcReply),
    /// To the person in front of us: they came without a request.
    Here,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlReply {
    /// `ID` of the AuthnRequest; absent for an unsolicited answer.
    pub request_id: Option<String>,
    /// A registered AssertionConsumerService, HTTP-POST.
    pub consumer: String,
    /// Opaque, at most 1 KiB, returned unchanged (SI-16).
    pub relay_state: Option<String>,
    pub name_id_format: NameIdFormat,
    #[serde(default)]
    pub authn_context: AuthnContext,
    /// The one person that the party wants to hear about, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<RequestedSubject>,
}

/// A person by the identifier that the party was given of them (SAML Profiles 4.1.4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedSubject {
    pub format: NameIdFormat,
    pub value: String,
}

/// What the answer says of the proof. It is always a password over TLS; a party that asked by one of the weaker names is
/// told that very name (SI-18), and each of them is true of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AuthnContext {
    Unspecified,
    Password,
    #[default]
    PasswordProtectedTransport,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OidcReply {
    /// A registered address, exactly.
    pub redirect_uri: String,
    pub response_mode: ResponseMode,
    pub state: Option<String>,
    pub nonce: Option<String>,
    /// Granted scopes: those asked for and registered.
    pub scopes: Vec<String>,
    /// PKCE `code_challenge`, method S256.
    pub code_challenge: Option<String>,
    /// `resource` (RFC 8707): what the access token is for; empty for our own endpoints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// `dpop_jkt` (RFC 9449 10): the key that alone may spend the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
    /// What is asked by name, beside the scopes (OpenID Connect Core 5.5).
    #[serde(default)]
    pub claims: ClaimsAsked,
}

/// Claims of a person, by name, where each is to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsAsked {
    pub id_token: BTreeSet<String>,
    pub userinfo: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResponseMode {
    Query,
    FormPost,
}

/// What comes next for an interaction. Every page ends by asking this again: one door, however long the corridor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    SignIn,
    /// The session is open, but the party asks for the password again.
    Reauthenticate,
    /// "Vous êtes connecté : Camille E.": continue, or someone else.
    ConfirmAccount,
    ConfirmBirthDate,
    ChangePassword,
    /// What the party would be told: agreed, or not.
    Consent,
    Answer,
    Refuse(Refusal),
}

/// Why a party gets no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A page would be needed and the party forbade pages: `NoPassive`, `login_required`.
    NoPassive,
    /// Passive, with an open session whose owner must be asked: `NoPassive`, `interaction_required`.
    InteractionRequired,
    /// The party is not open to this profile.
    NotOpenTo(Profile),
    /// Somebody else than the party means signed in: `login_required`.
    SomeoneElse,
    /// The person is of none of the kinds that the party insists on: `unmet_authentication_requirements`.
    Unmet,
    /// Passive, and the person has not agreed yet: `consent_required`.
    ConsentRequired,
    /// The person said no: `access_denied`.
    Declined,
}

/// What is known of the session's person towards the party that asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Towards {
    /// The name that the party knows the person by; found out only where the request names one.
    pub subject: Option<String>,
    /// What the party would be told, where the person has to agree to it.
    pub to_be_told: Option<BTreeSet<String>>,
    /// What the person agreed to before.
    pub agreed: BTreeSet<String>,
}

impl Towards {
    /// Whether the person has to be asked. What was agreed to before is withdrawn once the party wants to know more.
    fn lacks_consent(&self) -> bool {
        self.to_be_told.as_ref().is_some_and(|told| !told.is_subset(&self.agreed))
    }
}

/// The form stays good this long; after that the person signs in and starts the portal anew (journeys section 1).
pub const FORM_LIFE: Duration = Duration::hours(12);
/// A second click on the button arrives within this time and gets the answer again; later visits restart the portal,
/// which would refuse a second answer to one request.
pub const SECOND_CLICK: Duration = Duration::seconds(10);

impl Interaction {
    /// Whether the request can still be answered; if not, the person is led to the portal's start.
    pub fn is_answerable(&self, now: OffsetDateTime) -> bool {
        now - self.created_at < FORM_LIFE && self.answered_at.is_none_or(|at| now - at <= SECOND_CLICK)
    }
}

/// The next step of a live interaction for the session of this browser, if any. `party` is `None` for `ReplyTo::Here`.
pub fn next_step(
    interaction: &Interaction,
    party: Option<&RelyingParty>,
    session: Option<&Session>,
    towards: &Towards,
    now: OffsetDateTime,
) -> Step {
    let asked = &interaction.asked;
    let unless_passive = |step| if asked.passive { Step::Refuse(Refusal::NoPassive) } else { step };
    let Some(session) = session else {
        return unless_passive(Step::SignIn);
    };
    match session.pending {
        Some(Pending::BirthDate) => return unless_passive(Step::ConfirmBirthDate),
        Some(Pending::Password) => return unless_passive(Step::ChangePassword),
        None => {}
    }
    let signed_in_here = interaction.signed_in.as_ref() == Some(&session.id);
    if let Some(refusal) = unfit(asked, session, towards) {
        // Whoever just signed in is not asked again and again.
        return if asked.passive || signed_in_here { Step::Refuse(refusal) } else { Step::SignIn };
    }
    let too_old = asked.max_age.is_some_and(|age| now - session.authenticated_at > Duration::seconds(age.into()));
    if (asked.fresh || too_old) && !signed_in_here {
        return unless_passive(Step::Reauthenticate);
    }
    if party.is_some_and(|party| !party.policy.profiles.contains(&session.profile)) {
        return Step::Refuse(Refusal::NotOpenTo(session.profile));
    }
    if (session.on_shared_device || asked.choose) && !signed_in_here && !interaction.confirmed {
        return if asked.passive { Step::Refuse(Refusal::InteractionRequired) } else { Step::ConfirmAccount };
    }
    if (asked.consent || towards.lacks_consent()) && !interaction.consented {
        return if asked.passive { Step::Refuse(Refusal::ConsentRequired) } else { Step::Consent };
    }
    Step::Answer
}

/// Why this is not the person that the party insists on.
fn unfit(asked: &Asked, session: &Session, towards: &Towards) -> Option<Refusal> {
    if asked.subject.is_some() && asked.subject != towards.subject {
        return Some(Refusal::SomeoneElse);
    }
    let is_met = asked.profiles.is_empty() || asked.profiles.contains(&session.profile);
    (!is_met).then_some(Refusal::Unmet)
}

/// How an answer travels: the browser carries it to an address that was checked before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// 303 to this address, parameters included.
    Redirect(String),
    /// A form that posts itself.
    Form { action: String, fields: Vec<(&'static str, String)> },
}

#[cfg(test)]
mod tests;
