//! Every sentence a family reads: Fluent messages, one folder a language, chosen for each visitor.
//!
//! French is complete by definition and stands in for whatever another language lacks; that is settled at the start,
//! so a request never finds a hole. Messages without a variable are formatted once at the start, because a sign-in
//! page says forty of them. No sentence may stand in Rust or in a template: they name a message and give its values.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_syntax::ast;
use include_dir::{Dir, include_dir};
use time::Date;
use unic_langid::LanguageIdentifier;

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../templates/locales");
const REFERENCE: &str = "fr";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("could not read the messages in {}", .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    #[error("{file} is not a message file: {detail}")]
    Syntax { file: String, detail: String },
    #[error("the language folder {0} is not named after a language (fr, en, ar, pt-BR)")]
    NotALanguage(String),
    #[error("{language}: the message {key} uses ${variable}, which is not given to it")]
    Variable { language: String, key: String, variable: String },
}

/// A message by its name, with the values it speaks of.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    key: &'static str,
    values: Vec<(&'static str, Value)>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    Number(i64),
    Message(Message),
}

impl Message {
    #[must_use]
    pub const fn new(key: &'static str) -> Self {
        Self { key, values: Vec::new() }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.values.push((name, value.into()));
        self
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<Message> for Value {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}

/// A date in words; the order and the names of months are the language's.
impl From<Date> for Value {
    fn from(date: Date) -> Self {
        let message = Message::new("date-long")
            .with("day", u32::from(date.day()))
            .with("month", u32::from(u8::from(date.month())))
            .with("year", Value::Number(date.year().into()));
        Self::Message(message)
    }
}

/// One language that pages can be written in.
#[derive(Clone)]
pub struct Language(Arc<Locale>);

struct Locale {
    code: String,
    name: String,
    right_to_left: bool,
    bundle: FluentBundle<FluentResource>,
    /// Messages without variables, already escaped for HTML.
    fixed: HashMap<String, minijinja::Value>,
    variables: BTreeMap<String, BTreeSet<String>>,
    french: Option<Language>,
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Language {
    /// The value of `lang`, of `?lang=` and of the cookie.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What its speakers call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    #[must_use]
    pub fn direction(&self) -> &'static str {
        if self.0.right_to_left { "rtl" } else { "ltr" }
    }

    /// The words alone, for `<title>` and whatever is not HTML.
    #[must_use]
    pub fn say(&self, message: &Message) -> String {
        let values = message.values.iter().map(|(name, value)| (*name, self.fluent(value)));
        self.plain(message.key, &values.collect()).0
    }

    /// The words escaped for HTML, marked with their own language when they had to be borrowed from French.
    #[must_use]
    pub fn html(&self, message: &Message) -> minijinja::Value {
        let values = message.values.iter().map(|(name, value)| (*name, self.fluent(value)));
        self.html_of(message.key, &values.collect())
    }

    /// The message `key`, if it says the same whatever the values.
    pub(crate) fn fixed(&self, key: &str) -> Option<minijinja::Value> {
        self.0.fixed.get(key).cloned()
    }

    pub(crate) fn html_of(&self, key: &str, values: &FluentArgs<'_>) -> minijinja::Value {
        match self.plain(key, values) {
            (said, true) => borrowed(escape(&said)),
            (said, false) => minijinja::Value::from_safe_string(escape(&said).into_owned()),
        }
    }

    /// The words, and whether they are French in a page of another language.
    pub(crate) fn plain(&self, key: &str, values: &FluentArgs<'_>) -> (String, bool) {
        if let Some(said) = format(&self.0.bundle, key, values) {
            return (said, false);
        }
        match &self.0.french {
            Some(french) => (french.plain(key, values).0, true),
            None => (key.to_owned(), false),
        }
    }

    pub(crate) fn knows(&self, key: &str) -> bool {
        self.0.bundle.has_message(key) || self.0.french.as_ref().is_some_and(|french| french.knows(key))
    }

    fn fluent(&self, value: &Value) -> FluentValue<'static> {
        match value {
            Value::Text(text) => FluentValue::from(text.clone()),
            Value::Number(number) => FluentValue::from(*number),
            Value::Message(message) => FluentValue::from(self.say(message)),
        }
    }
}

fn format(bundle: &FluentBundle<FluentResource>, key: &str, values: &FluentArgs<'_>) -> Option<String> {
    let pattern = bundle.get_message(key)?.value()?;
    let mut faults = Vec::new();
    Some(bundle.format_pattern(pattern, Some(values), &mut faults).into_owned())
}

fn borrowed(escaped: impl fmt::Display) -> minijinja::Value {
    minijinja::Value::from_safe_string(format!("<span lang=\"{REFERENCE}\" dir=\"ltr\">{escaped}</span>"))
}

pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// Every language of this service, French first.
#[derive(Clone)]
pub struct Text {
    french: Language,
    languages: Vec<Language>,
}

impl Text {
    /// The shipped languages, those of the `languages` folder, and over both the theme's own wording
    /// (`<theme>/locales/<language>/*.ftl`).
    pub fn load(languages: Option<&Path>, theme: Option<&Path>) -> Result<Self, Error> {
        let mut sources: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for folder in SHIPPED.dirs() {
            let code = folder.path().to_string_lossy().into_owned();
            let files = folder.files().filter_map(|file| {
                Some((file.path().to_string_lossy().into_owned(), file.contents_utf8()?.to_owned()))
            });
            sources.entry(code).or_default().extend(files);
        }
        let of_theme = theme.map(|folder| folder.join("locales")).filter(|folder| folder.is_dir());
        for folder in languages.map(Path::to_path_buf).into_iter().chain(of_theme) {
            read_folder(&folder, &mut sources)?;
        }
        let french_files = sources.remove(REFERENCE).unwrap_or_default();
        let french = Language::load(REFERENCE, french_files, None)?;
        let mut all = vec![french.clone()];
        for (code, files) in sources {
            all.push(Language::load(&code, files, Some(&french))?);
        }
        Ok(Self { french, languages: all })
    }

    #[must_use]
    pub fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// The visitor's language: what the page asked for, then the cookie, then the portal, then the browser, then French.
    /// `ui_locales` is the parameter of OpenID Connect (Core 3.1.2.1), best first.
    #[must_use]
    pub fn choose(
        &self,
        query: Option<&str>,
        cookie: Option<&str>,
        ui_locales: Option<&str>,
        accept_language: Option<&str>,
    ) -> Language {
        let portal = ui_locales.into_iter().flat_map(str::split_whitespace);
        let browser = accept_language.map(by_preference).unwrap_or_default();
        let wishes = query.into_iter().chain(cookie).chain(portal).chain(browser);
        let mut known = wishes.filter_map(|wish| self.find(wish));
        known.next().unwrap_or(&self.french).clone()
    }

    fn find(&self, wish: &str) -> Option<&Language> {
        let root = |tag: &str| tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let exact = self.languages.iter().find(|language| language.code().eq_ignore_ascii_case(wish));
        exact.or_else(|| self.languages.iter().find(|language| root(language.code()) == root(wish)))
    }
}

/// RFC 9110, 12.5.4: best quality first, the order of the header between equals, `q=0` never.
fn by_preference(header: &str) -> Vec<&str> {
    let mut ranges: Vec<(&str, f32)> = header
        .split(',')
        .take(20)
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().filter(|tag| !tag.is_empty())?;
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok())?;
            (quality > 0.0).then_some((tag, quality))
        })
        .collect();
    ranges.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranges.into_iter().map(|(tag, _)| tag).collect()
}

fn read_folder(folder: &Path, sources: &mut BTreeMap<String, Vec<(String, String)>>) -> Result<(), Error> {
    let unreadable = |error| Error::Unreadable(folder.to_path_buf(), error);
    for language in fs::read_dir(folder).map_err(unreadable)? {
        let language = language.map_err(unreadable)?;
        if !language.path().is_dir() {
            continue;
        }
        let code = language.file_name().to_string_lossy().into_owned();
        let mut files = Vec::new();
        for file in fs::read_dir(language.path()).map_err(unreadable)? {
            let path = file.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "ftl") {
                let text = fs::read_to_string(&path).map_err(|error| Error::Unreadable(path.clone(), error))?;
                files.push((path.display().to_string(), text));
            }
        }
        files.sort();
        sources.entry(code).or_default().extend(files);
    }
    Ok(())
}

impl Language {
    fn load(code: &str, files: Vec<(String, String)>, french: Option<&Language>) -> Result<Self, Error> {
        let id: LanguageIdentifier = code.parse().map_err(|_| Error::NotALanguage(code.to_owned()))?;
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        // Isolation marks would break every comparison of a page with its message; `dir` on `html` does that work.
        bundle.set_use_isolating(false);
        let mut own: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (file, text) in files {
            let resource = FluentResource::try_new(text).map_err(|(_, faults)| {
                let detail = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                Error::Syntax { file, detail }
            })?;
            own.extend(variables(&resource));
            bundle.add_resource_overriding(resource);
        }
        let mut fixed = HashMap::new();
        for (key, uses) in &own {
            if uses.is_empty() {
                let said = format(&bundle, key, &FluentArgs::new()).unwrap_or_default();
                fixed.insert(key.clone(), minijinja::Value::from_safe_string(escape(&said).into_owned()));
            }
        }
        if let Some(french) = french {
            borrow_from(french, code, &own, &mut fixed)?;
        }
        let word = |key: &str| format(&bundle, key, &FluentArgs::new());
        let name = word("language-name").unwrap_or_else(|| code.to_owned());
        let right_to_left = word("language-direction").is_some_and(|direction| direction == "rtl");
        let french = french.cloned();
        let code = code.to_owned();
        Ok(Self(Arc::new(Locale { code, name, right_to_left, bundle, fixed, variables: own, french })))
    }
}

/// Fills what `code` lacks, saying so once, and refuses a message that speaks of a value it will never be given.
fn borrow_from(
    french: &Language,
    code: &str,
    own: &BTreeMap<String, BTreeSet<String>>,
    fixed: &mut HashMap<String, minijinja::Value>,
) -> Result<(), Error> {
    for key in french.0.variables.keys().filter(|key| !own.contains_key(*key)) {
        tracing::warn!(language = code, key, "message missing, French is shown");
        if let Some(said) = french.0.fixed.get(key) {
            fixed.insert(key.clone(), borrowed(said));
        }
    }
    for (key, uses) in own {
        let Some(given) = french.0.variables.get(key) else { continue };
        if let Some(variable) = uses.difference(given).next() {
            let (language, key, variable) = (code.to_owned(), key.clone(), variable.clone());
            return Err(Error::Variable { language, key, variable });
        }
    }
    Ok(())
}

/// The messages of a file and the variables each of them uses.
pub(crate) fn variables(resource: &FluentResource) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for entry in resource.entries() {
        if let ast::Entry::Message(ast::Message { id, value: Some(pattern), .. }) = entry {
            let mut uses = BTreeSet::new();
            in_pattern(pattern, &mut uses);
            found.insert(id.name.to_owned(), uses);
        }
    }
    found
}

fn in_pattern(pattern: &ast::Pattern<&str>, uses: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let ast::PatternElement::Placeable { expression } = element {
            in_expression(expression, uses);
        }
    }
}

fn in_expression(expression: &ast::Expression<&str>, uses: &mut BTreeSet<String>) {
    match expression {
        ast::Expression::Select { selector, variants } => {
            in_inline(selector, uses);
            for variant in variants {
                in_pattern(&variant.value, uses);
            }
        }
        ast::Expression::Inline(inline) => in_inline(inline, uses),
    }
}

fn in_inline(inline: &ast::InlineExpression<&str>, uses: &mut BTreeSet<String>) {
    match inline {
        ast::InlineExpression::VariableReference { id } => {
            uses.insert(id.name.to_owned());
        }
        ast::InlineExpression::Placeable { expression } => in_expression(expression, uses),
        _ => {}
    }
}
