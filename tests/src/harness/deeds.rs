//! What persons do in nearly every test: signing in, letting the answer go on to the party, being told of by it.

use super::{House, SamlParty, Somebody, Visitor};

impl Visitor {
    /// Fills in the sign-in form in front of them.
    pub async fn sign_in(&mut self, who: &Somebody) {
        self.sign_in_as(&who.login, &who.password).await;
    }

    pub async fn sign_in_as(&mut self, login: &str, password: &str) {
        self.fill_in("Identifiant", login);
        self.fill_in("Mot de passe", password);
        self.press("Se connecter").await;
    }

    pub fn is_asked_to_sign_in(&self) -> bool {
        self.page().buttons().iter().any(|button| button == "Se connecter")
    }

    /// Signs on at a SAML party; gives back the response that the browser carried there.
    pub async fn sign_on(&mut self, url: &str, who: &Somebody) -> String {
        self.open(url).await;
        if self.page().buttons().concat() == "Continue" {
            // Its own form: a request over POST.
            self.press_on().await;
        }
        if self.is_asked_to_sign_in() {
            self.sign_in(who).await;
        }
        self.arrive().await
    }

    /// Lets our answer go on to the party; gives back the response in it.
    pub async fn arrive(&mut self) -> String {
        let form = self.page().submission(&self.page().buttons().concat());
        let (_, encoded) = form.fields.iter().find(|(name, _)| name == "SAMLResponse").unwrap();
        let response = data_encoding::BASE64.decode(encoded.as_bytes()).unwrap();
        self.press_on().await;
        String::from_utf8(response).unwrap()
    }

    /// Opens the frame of a sign-out under way that tells the other portal, and lets it do its part.
    pub async fn tell_the_other(&mut self, house: &House) {
        let source = self.page().source.clone();
        let (_, rest) = source.split_once("<iframe src=\"").expect("a frame for the other portal");
        let frame = rest.split('"').next().unwrap().replace("&#x2f;", "/");
        self.open(&house.at_path(&frame)).await;
    }

    /// Whether the page behind Apache has a session of theirs.
    pub async fn is_known_to(&self, party: &SamlParty) -> bool {
        let mut again = self.beside();
        again.open(&format!("{}/seen", party.url)).await;
        again.page().answer()["nameID"].is_string()
    }
}
