//! A sign-out under way: the session here is over before it begins, and what remains is telling each party that was
//! answered on it. No party, however silent, can make the whole fail.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::relying_party::{NameIdFormat, PartyId, SamlBinding};
use super::session::SessionId;

/// The key of a sign-out in addresses (`/deconnexion/{id}`): 128 random bits in base64url. Useless without the cookie of
/// the browser it was made for (LS-06).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogoutId(pub String);

/// How long the browser waits for the parties before the person is told how it went.
pub const PATIENCE: Duration = Duration::seconds(5);
/// How long a party that asked for the sign-out waits while the person reads which portals did not answer.
pub const READING_TIME: Duration = Duration::seconds(20);
/// A party that was asked and has not answered by then has failed once more.
pub const ANSWER_TIME: Duration = Duration::minutes(2);
/// So many failures in a row, and operators are shown the party.
pub const FLAGGED_FROM: i64 = 5;

/// A party that was answered on a session, under the names it knows person and session by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    pub party: PartyId,
    /// `NameID`, or `sub`.
    pub subject: String,
    /// `SessionIndex`, or `sid`.
    pub session: SessionId,
    /// `None` over OpenID Connect.
    pub name_id_format: Option<NameIdFormat>,
}

/// The party's own request for the sign-out, to be answered at an address it registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutReply {
    /// `ID` of the LogoutRequest.
    pub request_id: String,
    pub relay_state: Option<String>,
    pub binding: SamlBinding,
    pub location: String,
}

/// How a party is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// By the browser: its single logout address over SAML.
    Browser,
    /// By this service: its back-channel address over OpenID Connect.
    Service,
    /// It registered no address for this, or it is suspended.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing has left yet.
    NotYet,
    /// Asked, and silent so far.
    Asked,
    /// It says that the person is signed out there.
    Done,
    /// It says that it could not, or it was not reached.
    Failed,
}

/// One party of one sign-out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    /// 128 random bits in hex; with `_` before it, the `ID` of the LogoutRequest that the party gets.
    pub id: String,
    pub participant: Participant,
    pub channel: Channel,
    pub told: Told,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logout {
    pub id: LogoutId,
    /// The party that asked for it; `None` where the person did, here.
    pub asked_by: Option<PartyId>,
    /// `ID` of the LogoutRequest by which it asked.
    pub request_id: Option<String>,
    /// `None` where nobody waits for an answer.
    pub reply: Option<LogoutReply>,
    /// An allowed address that the person wished to go on to.
    pub onward: Option<String>,
    pub began_at: OffsetDateTime,
    pub answered_at: Option<OffsetDateTime>,
    pub farewells: Vec<Farewell>,
}

impl Logout {
    /// Whether every party says that the person is signed out there.
    pub fn is_complete(&self) -> bool {
        self.farewells.iter().all(|farewell| farewell.told == Told::Done)
    }

    /// Whether there is nothing to wait for: each has answered, cannot be reached, or has had its time.
    pub fn is_settled(&self, now: OffsetDateTime) -> bool {
        let is_open = |farewell: &Farewell| {
            farewell.channel != Channel::None && matches!(farewell.told, Told::NotYet | Told::Asked)
        };
        now - self.began_at >= PATIENCE || !self.farewells.iter().any(is_open)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-09-20 08:00 UTC);

    fn logout(states: &[(Channel, Told)]) -> Logout {
        let farewell = |(number, (channel, told)): (usize, &(Channel, Told))| Farewell {
            id: format!("{number:032x}"),
            participant: Participant {
                party: PartyId(format!("https://ent{number}.example")),
                subject: "SUBJECT".to_owned(),
                session: SessionId::from_random([1; 16]),
                name_id_format: None,
            },
            channel: *channel,
            told: *told,
        };
        Logout {
            id: LogoutId("l".to_owned()),
            asked_by: None,
            request_id: None,
            reply: None,
            onward: None,
            began_at: NOW,
            answered_at: None,
            farewells: states.iter().enumerate().map(farewell).collect(),
        }
    }

    #[test]
    fn a_sign_out_is_complete_when_every_party_said_so() {
        assert!(logout(&[]).is_complete());
        assert!(logout(&[(Channel::Browser, Told::Done), (Channel::Service, Told::Done)]).is_complete());
        for told in [Told::NotYet, Told::Asked, Told::Failed] {
            assert!(!logout(&[(Channel::Browser, Told::Done), (Channel::Browser, told)]).is_complete(), "{told:?}");
        }
        assert!(!logout(&[(Channel::None, Told::NotYet)]).is_complete());
    }

    #[test]
    fn a_silent_party_is_waited_for_no_longer_than_the_patience() {
        let silent = logout(&[(Channel::Browser, Told::Done), (Channel::Browser, Told::Asked)]);
        assert!(!silent.is_settled(NOW));
        assert!(!silent.is_settled(NOW + PATIENCE - Duration::SECOND));
        assert!(silent.is_settled(NOW + PATIENCE));
    }

    #[test]
    fn nobody_waits_for_a_party_that_cannot_be_reached_or_has_said_no() {
        assert!(logout(&[(Channel::None, Told::NotYet), (Channel::Browser, Told::Failed)]).is_settled(NOW));
        assert!(!logout(&[(Channel::Service, Told::NotYet)]).is_settled(NOW));
    }
}
