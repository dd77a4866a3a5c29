//! Every page in every state and language, for the tests and for `guichet config check` with the operator's theme.

use minijinja::Error;

use super::{
    Accessibility, AccountClosed, AskSchool, BirthDate, Busy, Consent, Consents, CookiesBlocked, FirstTime, Forgotten,
    Help, Home, Legal, LoadError, NewPassword, NotOpen, OpenSession, Page, Pages, Portal, Privacy, Problem,
    Reauthenticate, Send, Shell, SignIn, SignOut, SignedIn, SignedOut, SigningOut,
};
use crate::text::Language;

/// A sample as it was written.
pub(super) struct Shown {
    pub template: &'static str,
    pub number: usize,
    pub language: Language,
    pub with_portal: bool,
    pub has_error: bool,
    pub html: String,
}

impl Shown {
    /// What an overridden component may have broken and no compiler sees.
    fn fault(&self) -> Option<&'static str> {
        let count = |part: &str| self.html.matches(part).count();
        if count("<h1") != 1 {
            return Some("it has not exactly one title (h1)");
        }
        if count("role=\"alert\"") != usize::from(self.has_error) {
            return Some("it does not announce what is wrong, or announces what is not");
        }
        if count("<style") != 1 || count("<script") != count("<script defer src=\"/static/") || count(" style=") > 0 {
            return Some("it holds a script or a style of its own, which the content policy forbids");
        }
        None
    }
}

impl Pages {
    /// Writes every page once in each state and language, so that a broken theme is found before a family does.
    pub fn check(&self) -> Result<(), LoadError> {
        let mut found = None;
        self.every_sample(&mut |shown| {
            if let (None, Some(fault)) = (&found, shown.fault()) {
                let Shown { template, number, language, with_portal, .. } = &shown;
                let from = if *with_portal { "from a portal" } else { "without a portal" };
                let sample = format!("{template}, sample {number} in {} {from}", language.code());
                found = Some(LoadError::Sample { sample, fault });
            }
        })?;
        found.map_or(Ok(()), Err)
    }

    pub(super) fn every_sample(&self, seen: &mut dyn FnMut(Shown)) -> Result<(), LoadError> {
        self.samples_of::<SignIn>(seen)?;
        self.samples_of::<Reauthenticate>(seen)?;
        self.samples_of::<BirthDate>(seen)?;
        self.samples_of::<AskSchool>(seen)?;
        self.samples_of::<NewPassword>(seen)?;
        self.samples_of::<Home>(seen)?;
        self.samples_of::<OpenSession>(seen)?;
        self.samples_of::<Consent>(seen)?;
        self.samples_of::<Consents>(seen)?;
        self.samples_of::<SignedIn>(seen)?;
        self.samples_of::<Send>(seen)?;
        self.samples_of::<SignOut>(seen)?;
        self.samples_of::<SigningOut>(seen)?;
        self.samples_of::<SignedOut>(seen)?;
        self.samples_of::<CookiesBlocked>(seen)?;
        self.samples_of::<NotOpen>(seen)?;
        self.samples_of::<AccountClosed>(seen)?;
        self.samples_of::<Problem>(seen)?;
        self.samples_of::<Busy>(seen)?;
        self.samples_of::<Forgotten>(seen)?;
        self.samples_of::<FirstTime>(seen)?;
        self.samples_of::<Help>(seen)?;
        self.samples_of::<Accessibility>(seen)?;
        self.samples_of::<Privacy>(seen)?;
        self.samples_of::<Legal>(seen)
    }

    fn samples_of<P: Page>(&self, seen: &mut dyn FnMut(Shown)) -> Result<(), LoadError> {
        let broken = |source: Error| LoadError::Template { template: P::TEMPLATE.to_owned(), source: Box::new(source) };
        for language in self.text().languages() {
            for (number, page) in P::samples().into_iter().enumerate() {
                for with_portal in [true, false] {
                    let shell = sample_shell(language, with_portal);
                    let html = self.render(&page, &shell).map_err(broken)?;
                    let (template, language) = (P::TEMPLATE, language.clone());
                    let has_error = !page.errors().is_empty();
                    seen(Shown { template, number, language, with_portal, has_error, html });
                }
            }
        }
        Ok(())
    }
}

fn sample_shell(language: &Language, with_portal: bool) -> Shell {
    let portal = Portal {
        name: "ENT Exemple & Co".to_owned(),
        logo: None,
        start: Some("https://ent.example/accueil?a=1&b=2".to_owned()),
    };
    Shell {
        language: language.clone(),
        portal: with_portal.then_some(portal),
        here: "/resume/3f9c?lang=fr".to_owned(),
        reference: (!with_portal).then(|| "K7QF-2M9D".to_owned()),
    }
}
