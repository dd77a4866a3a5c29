//! Pages as a reader, a screen reader and a content policy meet them.

mod look;
mod messages;
mod structure;

use super::samples::Shown;
use super::*;

fn pages() -> Pages {
    Pages::load(None, None, "Guichet").unwrap()
}

fn every_sample() -> Vec<Shown> {
    let mut all = Vec::new();
    pages().every_sample(&mut |shown| all.push(shown)).unwrap();
    all
}

fn shell(pages: &Pages, code: &str) -> Shell {
    let language = pages.text().choose(Some(code), None, None, None);
    let portal = Portal { name: "ENT Exemple".to_owned(), logo: None, start: Some("https://ent.example/".to_owned()) };
    Shell { language, portal: Some(portal), here: "/resume/3f9c".to_owned(), reference: None }
}

fn sign_in(view: View, identifier: &str, wrong: Vec<SignInError>) -> SignIn {
    let (action, csrf) = ("/sign-in/3f9c".to_owned(), "c5rf".to_owned());
    SignIn { action, csrf, view, identifier: identifier.to_owned(), wrong }
}
