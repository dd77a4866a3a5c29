//! What families see: one struct a page, its template beside the others in `templates/pages`.
//!
//! A page holds facts, never a sentence nor HTML: its words are messages of `text`, its markup is in the components.
//! Templates are compiled once for each language at the start, with that language's words bound to `t`, so rendering
//! looks nothing up. A page must list its samples: the tests render every page, sample and language, and so does
//! `Pages::check` with the operator's theme, so that a broken template never meets a family.

mod consent;
mod refusal;
mod samples;
mod session;
mod sign_in;
mod standing;
#[cfg(test)]
mod tests;

use std::path::Path;

use fluent_bundle::{FluentArgs, FluentValue};
use include_dir::{Dir, File, include_dir};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, context};
use serde::Serialize;

pub use consent::{Consent, Consents, Given, Told};
pub use refusal::{AccountClosed, Busy, CookiesBlocked, NotOpen, Problem, Profile, Reason};
pub use session::{
    Carries, Home, OpenSession, PortalLink, Send, SendField, SignOut, SignOutWish, SignedIn, SignedOut, SigningOut,
};
pub use sign_in::{
    AskSchool, BirthDate, BirthDateError, BirthDatePart, NewPassword, PasswordError, Reauthenticate, School, SignIn,
    SignInError, TypedDate, View,
};
pub use standing::{Accessibility, FirstTime, Forgotten, Help, Legal, Privacy};

use crate::text::{Language, Message, Text};
use crate::theme::Theme;

static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../templates/pages");
static COMPONENTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../templates/components");

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Text(#[from] crate::text::Error),
    #[error(transparent)]
    Theme(#[from] crate::theme::Error),
    #[error("the template {template} could not be used")]
    Template { template: String, source: Box<Error> },
    #[error("the page {sample} is not fit to be shown: {fault}")]
    Sample { sample: String, fault: &'static str },
}

/// One page: facts for its template, the message of its title, and what is wrong with the form it shows again.
pub trait Page: Serialize {
    const TEMPLATE: &'static str;

    fn title(&self, around: &Around<'_>) -> Message;

    /// The one sentence under the title.
    fn lead(&self, _around: &Around<'_>) -> Option<Message> {
        None
    }

    /// In the order of the fields.
    fn errors(&self) -> Vec<FieldError> {
        Vec::new()
    }

    /// Made-up states of this page, one for each way it can look.
    fn samples() -> Vec<Self>
    where
        Self: Sized;
}

/// What is wrong with one field, named by the `id` of its input.
pub struct FieldError {
    pub field: &'static str,
    pub message: Message,
}

/// What surrounds a page.
#[derive(Debug, Clone)]
pub struct Shell {
    pub language: Language,
    pub portal: Option<Portal>,
    /// Where a link that changes the language or the view leads: this page's own path, with its query if it has one.
    pub here: String,
    /// Shown on refusals, found again in the journal.
    pub reference: Option<String>,
}

/// The ENT the person came from.
#[derive(Debug, Clone, Serialize)]
pub struct Portal {
    pub name: String,
    pub logo: Option<String>,
    pub start: Option<String>,
}

/// What a page's title and lead may speak of.
pub struct Around<'a> {
    service: &'a str,
    portal: Option<&'a str>,
}

impl Around<'_> {
    /// `named` with the portal's name when there is a portal, `plain` otherwise.
    fn with_portal(&self, named: Message, plain: Message) -> Message {
        match self.portal {
            Some(name) => named.with("portal", name),
            None => plain,
        }
    }
}

/// Every page, ready to be written in every language.
pub struct Pages {
    service_name: String,
    text: Text,
    theme: Theme,
    /// In the order of `text.languages()`.
    environments: Vec<Environment<'static>>,
}

impl Pages {
    pub fn load(theme: Option<&Path>, languages: Option<&Path>, service_name: &str) -> Result<Self, LoadError> {
        let text = Text::load(languages, theme)?;
        let theme = Theme::load(theme)?;
        let compiled = compile(&theme)?;
        let environments = text.languages().iter().map(|language| speaking(&compiled, language)).collect();
        Ok(Self { service_name: service_name.to_owned(), text, theme, environments })
    }

    #[must_use]
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// For `style-src`: the hashes of the inlined styles, quoted and ready.
    #[must_use]
    pub fn style_hash(&self) -> &str {
        self.theme.style_hashes()
    }

    /// A file of `/static/`: its content type and its bytes.
    #[must_use]
    pub fn asset(&self, name: &str) -> Option<(&'static str, &[u8])> {
        self.theme.asset(name)
    }

    /// Address, width and height.
    pub fn logo(&self) -> Option<(String, u32, u32)> {
        self.theme.logo()
    }

    pub fn render<P: Page>(&self, page: &P, shell: &Shell) -> Result<String, Error> {
        let language = &shell.language;
        let portal = shell.portal.as_ref().map(|portal| portal.name.as_str());
        let around = Around { service: &self.service_name, portal };
        let title = page.title(&around);
        let errors = page.errors();
        let page_title = if errors.is_empty() { Message::new("page-title") } else { Message::new("page-title-error") };
        let page_title = page_title.with("title", title.clone()).with("service", self.service_name.as_str());
        let errors: Vec<Value> = errors
            .iter()
            .map(|error| context! { field => error.field, text => language.html(&error.message) })
            .collect();
        let environment = self.environment(language)?;
        environment.get_template(P::TEMPLATE)?.render(context! {
            page => Value::from(Serde(page)),
            page_title => language.say(&page_title),
            title => language.html(&title),
            lead => page.lead(&around).map(|lead| language.html(&lead)),
            errors => errors,
            shell => self.shell(shell),
        })
    }

    fn environment(&self, language: &Language) -> Result<&Environment<'static>, Error> {
        let known = self.text.languages().iter().zip(&self.environments);
        let mut known = known.filter(|(known, _)| known.code() == language.code());
        known.next().map(|(_, environment)| environment).ok_or_else(|| {
            Error::new(ErrorKind::InvalidOperation, format!("no page is written in {}", language.code()))
        })
    }

    fn shell(&self, shell: &Shell) -> Value {
        let languages: Vec<Value> = self
            .text
            .languages()
            .iter()
            .map(|language| {
                context! {
                    code => language.code(),
                    name => language.name(),
                    direction => language.direction(),
                    href => with_query(&shell.here, "lang", language.code()),
                    current => language.code() == shell.language.code(),
                }
            })
            .collect();
        context! {
            language => shell.language.code(),
            direction => shell.language.direction(),
            service => self.service_name.as_str(),
            portal => shell.portal.as_ref().map(|portal| Value::from(Serde(portal))),
            reference => shell.reference.as_deref(),
            views => context! {
                guardian => with_query(&shell.here, "profil", "responsable"),
                student => with_query(&shell.here, "profil", "eleve"),
            },
            languages => languages,
        }
    }
}

/// `here` with one more parameter, or another value for it.
fn with_query(here: &str, name: &str, value: &str) -> String {
    let (path, query) = here.split_once('?').unwrap_or((here, ""));
    let others = query.split('&').filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(name));
    let mut address = path.to_owned();
    address.push('?');
    for pair in others {
        address.push_str(pair);
        address.push('&');
    }
    address + name + "=" + value
}

fn compile(theme: &Theme) -> Result<Environment<'static>, LoadError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.add_global("style", Value::from_safe_string(theme.style().to_owned()));
    environment.add_global("brief_style", Value::from_safe_string(theme.brief_style().to_owned()));
    let addresses = theme.addresses();
    environment.add_function("asset", move |name: &str| {
        let address = addresses.get(name).cloned().map(Value::from_safe_string);
        address.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("no file {name} in /static/")))
    });
    environment.add_filter("of", |errors: Vec<Value>, field: &str| -> Result<Value, Error> {
        for error in errors {
            if error.get_attr("field")?.as_str() == Some(field) {
                return error.get_attr("text");
            }
        }
        Ok(Value::from(()))
    });
    // A value of which no byte has a meaning in HTML, as whole messages are sent: it is not escaped byte by byte.
    environment.add_filter("encoded", |value: Value| match value.as_str() {
        Some(text) if text.bytes().all(is_base64) => Value::from_safe_string(text.to_owned()),
        _ => value,
    });
    environment.add_filter("first_text", |errors: Vec<Value>| match errors.first() {
        Some(error) => error.get_attr("text"),
        None => Ok(Value::from(())),
    });
    for (name, source) in embedded().into_iter().chain(theme.components().clone()) {
        let broken = |source| LoadError::Template { template: name.clone(), source: Box::new(source) };
        environment.add_template_owned(name.clone(), source).map_err(broken)?;
    }
    Ok(environment)
}

/// RFC 4648 4.
const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

fn embedded() -> Vec<(String, String)> {
    let folders = [("pages", &PAGES), ("components", &COMPONENTS)];
    let named = folders.into_iter().flat_map(|(folder, files)| {
        let text =
            |file: &File<'_>| Some((format!("{folder}/{}", file.path().display()), file.contents_utf8()?.to_owned()));
        files.files().filter_map(text).collect::<Vec<_>>()
    });
    named.collect()
}

/// The templates with `t` (words for HTML) and `attr` (words for an attribute) bound to one language.
fn speaking(compiled: &Environment<'static>, language: &Language) -> Environment<'static> {
    let mut environment = compiled.clone();
    let spoken = language.clone();
    environment.add_function("t", move |key: &str, values: Kwargs| {
        if let Some(said) = spoken.fixed(key) {
            return Ok(said);
        }
        let values = known_values(&spoken, key, &values)?;
        Ok(spoken.html_of(key, &values))
    });
    let spoken = language.clone();
    environment.add_function("attr", move |key: &str, values: Kwargs| -> Result<String, Error> {
        let values = known_values(&spoken, key, &values)?;
        Ok(spoken.plain(key, &values).0)
    });
    environment
}

fn known_values(language: &Language, key: &str, values: &Kwargs) -> Result<FluentArgs<'static>, Error> {
    if !language.knows(key) {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("no message is called {key}")));
    }
    let mut known = FluentArgs::new();
    for name in values.args() {
        let value: Value = values.get(name)?;
        let value = match value.as_i64() {
            Some(number) => FluentValue::from(number),
            None => FluentValue::from(value.to_string()),
        };
        known.set(name.to_owned(), value);
    }
    Ok(known)
}
