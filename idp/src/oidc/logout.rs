//! What a client asks at `end_session_endpoint` (RP-Initiated Logout 1.0 2), and how one is told of a sign-out in a frame
//! (Front-Channel Logout 1.0 3).

use super::authorize::{is_echoed, languages, with_query};
use super::form::{Form, Unreadable, is_visible_ascii};
use crate::domain::interaction::Outgoing;
use crate::domain::logout::Participant;
use crate::domain::relying_party::{OidcParty, PartyId};

const MAX_STATE: usize = 1024;
const MAX_CLIENT_ID: usize = 255;

/// What is asked, believed in nothing yet.
pub struct Request(Form);

impl Request {
    /// `None` where a parameter is repeated (OP-17).
    pub fn parse(raw: &str) -> Result<Option<Self>, Unreadable> {
        let form = Form::parse(raw.as_bytes())?;
        Ok((!form.has_repetition()).then_some(Self(form)))
    }

    pub fn id_token_hint(&self) -> Option<&str> {
        self.0.get("id_token_hint")
    }

    pub fn client_id(&self) -> Option<PartyId> {
        let id = self.0.get("client_id").filter(|id| id.len() <= MAX_CLIENT_ID && is_visible_ascii(id));
        id.map(|id| PartyId(id.to_owned()))
    }

    /// `ui_locales`, in order of preference. `logout_hint` is of no use here: who is signed in is known.
    pub fn languages(&self) -> Vec<String> {
        languages(self.0.get("ui_locales").unwrap_or_default())
    }

    /// The same for an address: nothing in it says who the person is.
    pub fn without_hint(&self, client: &PartyId) -> String {
        let mut form = Form::default();
        form.add("client_id".to_owned(), client.0.clone());
        for name in ["post_logout_redirect_uri", "state", "ui_locales"] {
            if let Some(value) = self.0.get(name) {
                form.add(name.to_owned(), value.to_owned());
            }
        }
        form.encoded()
    }

    /// Where the client wishes the browser to go on to, whether or not it may.
    pub fn wish(&self) -> Option<Wish<'_>> {
        let state = self.0.get("state").filter(|state| is_echoed(state, MAX_STATE));
        self.0.get("post_logout_redirect_uri").map(|address| Wish { address, state })
    }
}

/// An address to go on to, with what the client wants back there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish<'a> {
    pub address: &'a str,
    pub state: Option<&'a str>,
}

impl Wish<'_> {
    /// The whole address, where it is registered, character for character (OP-15).
    pub fn granted(self, client: &OidcParty) -> Option<String> {
        let known = client.options.post_logout_redirect_uris.iter().find(|known| *known == self.address)?;
        Some(match self.state {
            Some(state) if is_echoed(state, MAX_STATE) => with_query(known, &[("state", state.to_owned())]),
            _ => known.clone(),
        })
    }
}

/// The address of the frame that tells a client: `iss` and `sid` always, so that it ends no other session.
pub fn frame(client: &OidcParty, participant: &Participant, issuer: &str) -> Option<Outgoing> {
    let address = client.options.frontchannel_logout_uri.as_deref()?;
    let fields = [("iss", issuer.to_owned()), ("sid", participant.session.as_str().to_owned())];
    Some(Outgoing::Redirect(with_query(address, &fields)))
}

#[cfg(test)]
mod tests {
    use super::super::authorize::tests::client;
    use super::*;
    use crate::domain::relying_party::{Protocol, RelyingParty};
    use crate::domain::session::SessionId;

    const BACK: &str = "https://ent.example/au-revoir?a=1";

    fn party() -> RelyingParty {
        client(|party| {
            party.options.post_logout_redirect_uris = vec![BACK.to_owned()];
            party.options.frontchannel_logout_uri = Some("https://ent.example/sortie?x=1".to_owned());
        })
    }

    fn granted(address: &str, state: Option<&str>) -> Option<String> {
        let Protocol::Oidc(client) = party().protocol else { panic!("a client") };
        Wish { address, state }.granted(&client)
    }

    #[test]
    fn op_15_only_a_registered_address_is_gone_on_to_with_the_state_unchanged() {
        assert_eq!(granted(BACK, None).as_deref(), Some(BACK));
        assert_eq!(granted(BACK, Some("é&=")), Some(format!("{BACK}&state=%C3%A9%26%3D")));
        for other in ["https://ent.example/au-revoir", "https://ENT.example/au-revoir?a=1", "https://evil.example", ""]
        {
            assert_eq!(granted(other, None), None, "{other}");
        }
    }

    #[test]
    fn op_17_a_repeated_parameter_is_refused() {
        assert!(Request::parse("state=a&state=b").unwrap().is_none());
        let request =
            Request::parse("client_id=x&post_logout_redirect_uri=y&state=z&ui_locales=fr+en").unwrap().unwrap();
        assert_eq!(request.client_id(), Some(PartyId("x".to_owned())));
        assert_eq!(request.wish(), Some(Wish { address: "y", state: Some("z") }));
        assert_eq!((request.languages(), request.id_token_hint()), (vec!["fr".to_owned(), "en".to_owned()], None));
    }

    #[test]
    fn a_frame_names_the_issuer_and_the_session_behind_the_registered_query() {
        let participant = Participant {
            party: PartyId("ent-exemple".to_owned()),
            subject: "SUBJECT".to_owned(),
            session: SessionId::stored("_1".to_owned()),
            name_id_format: None,
        };
        let Protocol::Oidc(client) = party().protocol else { panic!("a client") };
        let Some(Outgoing::Redirect(address)) = frame(&client, &participant, "https://guichet.example") else {
            panic!("a frame")
        };
        assert_eq!(address, "https://ent.example/sortie?x=1&iss=https%3A%2F%2Fguichet.example&sid=_1");
    }
}
