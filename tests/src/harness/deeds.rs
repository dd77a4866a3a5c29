//! What persons do in nearly every test: signing in, letting the answer go on to the party.

use super::{Somebody, Visitor};

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
}
