//! One sign-in, as the browser and the relying party make it together.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::header::{HeaderName, HeaderValue, ORIGIN};

use crate::accounts::Account;
use crate::client::{Answer, Site, Visitor};
use crate::failure::Failure;
use crate::form::{self, Form};
use crate::oidc::{self, Client};
use crate::saml::{self, ServiceProvider};

/// Pages that a person would click through before giving up.
const PAGES: usize = 5;
const HOPS: usize = 8;

/// Both relying parties and the way to the identity provider.
pub struct Stage {
    pub site: Arc<Site>,
    pub saml: Option<ServiceProvider>,
    pub oidc: Option<Client>,
    /// The servers of relying parties keep their connections.
    back: Mutex<Vec<Visitor>>,
}

pub enum Request {
    Saml(saml::Prepared),
    Oidc(oidc::Prepared),
}

/// Where the browser stands once it leaves the identity provider.
pub enum Departure {
    /// A form that would post itself to the relying party.
    Post(Form),
    /// A redirect to another site.
    Redirect(String),
}

enum Arrival {
    Page(String),
    Elsewhere(String),
}

/// Who the browser belongs to.
#[derive(Clone, Copy)]
pub enum Person<'a> {
    /// Types login and password when asked.
    Arriving(&'a Account),
    /// Signed in before; being asked again is a failure.
    SignedIn,
}

impl Stage {
    pub fn new(site: Arc<Site>, saml: Option<ServiceProvider>, oidc: Option<Client>) -> Self {
        Self { site, saml, oidc, back: Mutex::default() }
    }

    /// The whole flow; answers how many requests the relying party's own server made.
    pub async fn sign_in(&self, visitor: &mut Visitor, request: &Request, person: Person<'_>) -> Result<u32, Failure> {
        let path = match request {
            Request::Saml(prepared) => &prepared.path,
            Request::Oidc(prepared) => &prepared.path,
        };
        let departure = self.through(visitor, path, person).await?;
        match (request, departure) {
            (Request::Saml(prepared), Departure::Post(form)) => {
                let provider = self.saml.as_ref().ok_or(Failure::Answer("no service provider"))?;
                provider.check(&form, prepared).map(|()| 0)
            }
            (Request::Oidc(prepared), Departure::Redirect(location)) => {
                let client = self.oidc.as_ref().ok_or(Failure::Answer("no client"))?;
                let known = self.back.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let mut back = known.unwrap_or_else(|| Visitor::new(Arc::clone(&self.site)));
                let outcome = client.finish(&location, prepared, &mut back).await;
                let requests = back.take_requests();
                if outcome.is_ok() {
                    self.back.lock().unwrap_or_else(PoisonError::into_inner).push(back);
                }
                outcome.map(|()| requests)
            }
            (Request::Saml(_), Departure::Redirect(_)) => Err(Failure::Answer("a redirect instead of a form")),
            (Request::Oidc(_), Departure::Post(_)) => Err(Failure::Answer("a form instead of a redirect")),
        }
    }

    /// From the relying party's redirect to the moment the browser leaves the identity provider.
    pub async fn through(&self, visitor: &mut Visitor, path: &str, person: Person<'_>) -> Result<Departure, Failure> {
        let first = visitor.get(path).await?;
        let mut arrival = self.follow(visitor, first, "request").await?;
        let mut has_typed = false;
        for _ in 0..PAGES {
            let page = match arrival {
                Arrival::Elsewhere(address) => return Ok(Departure::Redirect(address)),
                Arrival::Page(page) => page,
            };
            let forms = form::read(&page);
            if let Some(answer) = Form::with(&forms, "SAMLResponse") {
                return Ok(Departure::Post(answer.clone()));
            }
            let (form, step) = match Form::with(&forms, "mot_de_passe") {
                Some(_) if has_typed => return Err(Failure::Refused),
                Some(form) => {
                    has_typed = true;
                    (typed(form, person)?, "password")
                }
                // "Vous êtes connecté": the button goes on.
                None => (forms.last().cloned().ok_or(Failure::Page("no form to go on with"))?, "confirmation"),
            };
            let origin =
                HeaderValue::try_from(self.site.origin.as_str()).map_err(|_| Failure::Page("an unusable origin"))?;
            let same_site = (HeaderName::from_static("sec-fetch-site"), HeaderValue::from_static("same-origin"));
            let path = self.own_path(&form.action).ok_or(Failure::Page("a form to another site"))?.to_owned();
            let answer = visitor.post(&path, form.encoded(), &[(ORIGIN, origin), same_site]).await?;
            arrival = self.follow(visitor, answer, step).await?;
        }
        Err(Failure::Page("no end of pages"))
    }

    async fn follow(&self, visitor: &mut Visitor, first: Answer, step: &'static str) -> Result<Arrival, Failure> {
        let mut answer = first;
        for _ in 0..HOPS {
            match (answer.status, &answer.location) {
                (301..=303 | 307 | 308, Some(location)) => match self.own_path(location) {
                    Some(path) => {
                        let path = path.to_owned();
                        answer = visitor.get(&path).await?;
                    }
                    None => return Ok(Arrival::Elsewhere(location.clone())),
                },
                (200, _) => {
                    let page = String::from_utf8(answer.body.to_vec());
                    return page.map(Arrival::Page).map_err(|_| Failure::Page("not text"));
                }
                (503, _) => return Err(Failure::Shed),
                (status, _) => return Err(Failure::Status { step, status }),
            }
        }
        Err(Failure::Page("no end of redirects"))
    }

    /// The path of an address on the identity provider; `None` elsewhere.
    fn own_path<'a>(&self, address: &'a str) -> Option<&'a str> {
        let path = address.strip_prefix(self.site.origin.as_str()).unwrap_or(address);
        (path.starts_with('/') && !path.starts_with("//")).then_some(path)
    }
}

fn typed(form: &Form, person: Person<'_>) -> Result<Form, Failure> {
    let Person::Arriving(account) = person else { return Err(Failure::Forgotten) };
    let mut form = form.clone();
    form.fill("identifiant", &account.login);
    form.fill("mot_de_passe", &account.password);
    Ok(form)
}

/// Browsers with an open session, used in turn.
#[derive(Default)]
pub struct Sessions(Mutex<VecDeque<Visitor>>);

impl Sessions {
    pub fn give_back(&self, visitor: Visitor) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(visitor);
    }

    pub fn borrow(&self) -> Option<Visitor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
