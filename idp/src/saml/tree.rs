//! The one XML tree from which SAML is read: a single pass that builds it and refuses whatever two parsers could read
//! differently. libxml2 sees a text only after this pass took it whole, since libxml2 repairs what is broken (SI-04).

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::lexis::{self, Kind};
use super::names;

/// How large a document may grow while it is read (SI-03).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub bytes: usize,
    pub depth: usize,
    pub attributes: usize,
    pub declarations: usize,
    pub elements: usize,
}

pub const MESSAGE: Limits = Limits { bytes: 128 * 1024, depth: 32, attributes: 64, declarations: 32, elements: 2_000 };
/// A federation's file holds thousands of entities.
pub const METADATA: Limits = Limits { bytes: 5 * 1024 * 1024, elements: 200_000, ..MESSAGE };

/// Why a text is not taken, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub kind: Kind,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.kind)
    }
}

#[derive(Debug, Clone)]
pub struct Element {
    /// Empty for none.
    pub namespace: Arc<str>,
    pub name: String,
    pub attributes: Vec<Attribute>,
    /// All text directly inside, joined.
    pub text: String,
    pub children: Vec<Element>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    pub namespace: Arc<str>,
    pub name: String,
    pub value: String,
}

impl Element {
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        &*self.namespace == namespace && self.name == name
    }

    /// An attribute without a namespace, as all of SAML's are.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attribute_of("", name)
    }

    pub fn attribute_of(&self, namespace: &str, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|a| &*a.namespace == namespace && a.name == name);
        found.map(|attribute| attribute.value.as_str())
    }

    pub fn all<'a>(&'a self, namespace: &'a str, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(namespace, name))
    }

    /// The only child of that name; `Err` where there are several.
    pub fn only(&self, namespace: &str, name: &str) -> Result<Option<&Self>, Several> {
        let mut found = self.children.iter().filter(|child| child.is(namespace, name));
        match (found.next(), found.next()) {
            (first, None) => Ok(first),
            (_, Some(_)) => Err(Several),
        }
    }

    /// The text of an element that holds nothing else, without the white space around it.
    pub fn value(&self) -> Option<&str> {
        let value = self.text.trim_matches(lexis::is_space);
        (self.children.is_empty() && !value.is_empty()).then_some(value)
    }

    /// This element and all beneath it.
    pub fn descendants(&self) -> Vec<&Self> {
        let mut found = vec![self];
        let mut next = 0;
        while let Some(element) = found.get(next) {
            let children: Vec<_> = element.children.iter().collect();
            found.extend(children);
            next += 1;
        }
        found
    }

    /// Whether both say the same, whatever the prefixes and the order of attributes.
    pub fn says_same_as(&self, other: &Self) -> bool {
        self.namespace == other.namespace
            && self.name == other.name
            && self.text == other.text
            && self.attributes.len() == other.attributes.len()
            && self.attributes.iter().all(|attribute| other.attributes.contains(attribute))
            && self.children.len() == other.children.len()
            && self.children.iter().zip(&other.children).all(|(ours, theirs)| ours.says_same_as(theirs))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Several;

/// Reads a whole document.
pub fn read(text: &str, limits: Limits) -> Result<Element, Fault> {
    let at = |offset: usize, kind| locate(text, offset, kind);
    if text.len() > limits.bytes {
        return Err(at(0, Kind::TooLarge));
    }
    if let Some((offset, _)) = text.char_indices().find(|(_, c)| !lexis::is_char(*c)) {
        return Err(at(offset, Kind::Character));
    }
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.enable_all_checks(true);
    config.expand_empty_elements = true;
    let mut builder = Builder::new(limits);
    loop {
        let start = offset(reader.buffer_position());
        let event = reader.read_event().map_err(|_| at(offset(reader.error_position()), Kind::Malformed))?;
        if event == Event::Eof {
            return builder.finish().map_err(|kind| at(start, kind));
        }
        let raw = text.get(start..offset(reader.buffer_position())).unwrap_or_default();
        builder.take(&event, raw, start == 0).map_err(|kind| at(start, kind))?;
    }
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

fn locate(text: &str, offset: usize, kind: Kind) -> Fault {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    Fault { kind, line: before.matches('\n').count() + 1, column }
}

struct Open {
    element: Element,
    declared: Vec<String>,
    has_comment: bool,
}

struct Builder {
    limits: Limits,
    open: Vec<Open>,
    /// What each prefix stands for, the innermost declaration last.
    bindings: HashMap<String, Vec<Arc<str>>>,
    ids: HashSet<String>,
    elements: usize,
    root: Option<Element>,
}

impl Builder {
    fn new(limits: Limits) -> Self {
        let bindings = HashMap::from([("xml".to_owned(), vec![Arc::from(names::XML)])]);
        Self { limits, open: Vec::new(), bindings, ids: HashSet::new(), elements: 0, root: None }
    }

    fn take(&mut self, event: &Event, raw: &str, is_first: bool) -> Result<(), Kind> {
        match event {
            Event::Decl(_) if is_first => lexis::check_declaration(raw),
            Event::DocType(_) => Err(Kind::DocType),
            Event::PI(_) | Event::Decl(_) => Err(Kind::ProcessingInstruction),
            Event::Start(tag) => self.open(tag.name().0, tag.attributes_raw()),
            Event::End(_) => self.close(),
            Event::Text(text) => self.text(&lexis::text(text)?),
            Event::CData(text) if !self.open.is_empty() => self.text(&lexis::newlines(text)),
            Event::GeneralRef(name) if !self.open.is_empty() => {
                let c = lexis::reference(name).ok_or(Kind::Entity)?;
                self.text(c.encode_utf8(&mut [0; 4]))
            }
            Event::Comment(_) => {
                self.open.last_mut().into_iter().for_each(|open| open.has_comment = true);
                Ok(())
            }
            Event::CData(_) | Event::GeneralRef(_) | Event::Empty(_) | Event::Eof => Err(Kind::Malformed),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Kind> {
        match self.open.last_mut() {
            Some(open) => open.element.text.push_str(text),
            None if text.chars().all(lexis::is_space) => {}
            None => return Err(Kind::Malformed),
        }
        Ok(())
    }

    fn open(&mut self, name: &str, raw: &str) -> Result<(), Kind> {
        self.elements += 1;
        if self.root.is_some() {
            return Err(Kind::Malformed);
        }
        if self.elements > self.limits.elements || self.open.len() >= self.limits.depth {
            return Err(Kind::TooLarge);
        }
        let (declarations, attributes): (Vec<_>, Vec<_>) =
            lexis::attributes(raw)?.into_iter().partition(|(name, _)| *name == "xmlns" || name.starts_with("xmlns:"));
        if declarations.len() > self.limits.declarations || attributes.len() > self.limits.attributes {
            return Err(Kind::TooLarge);
        }
        let mut declared = Vec::with_capacity(declarations.len());
        for (name, value) in declarations {
            declared.push(self.declare(name, &value, &declared)?);
        }
        let (prefix, local) = lexis::split(name)?;
        let element = Element {
            namespace: self.resolve(prefix)?,
            name: local.to_owned(),
            attributes: self.attributes(attributes)?,
            text: String::new(),
            children: Vec::new(),
        };
        self.open.push(Open { element, declared, has_comment: false });
        Ok(())
    }

    fn declare(&mut self, name: &str, uri: &str, declared: &[String]) -> Result<String, Kind> {
        let prefix = name.strip_prefix("xmlns").unwrap_or_default().strip_prefix(':');
        let is_reserved = matches!(prefix, Some("xml" | "xmlns"))
            || uri == names::XML
            || uri == "http://www.w3.org/2000/xmlns/"
            || (prefix.is_some() && uri.is_empty());
        let prefix = prefix.unwrap_or_default().to_owned();
        if is_reserved || declared.contains(&prefix) || (name != "xmlns" && !lexis::is_ncname(&prefix)) {
            return Err(Kind::Malformed);
        }
        self.bindings.entry(prefix.clone()).or_default().push(Arc::from(uri));
        Ok(prefix)
    }

    fn resolve(&self, prefix: &str) -> Result<Arc<str>, Kind> {
        match self.bindings.get(prefix).and_then(|uris| uris.last()) {
            Some(uri) => Ok(uri.clone()),
            None if prefix.is_empty() => Ok(Arc::from("")),
            None => Err(Kind::Malformed),
        }
    }

    fn attributes(&mut self, raw: Vec<(&str, String)>) -> Result<Vec<Attribute>, Kind> {
        let mut attributes: Vec<Attribute> = Vec::with_capacity(raw.len());
        for (name, value) in raw {
            let (prefix, local) = lexis::split(name)?;
            let namespace = if prefix.is_empty() { Arc::from("") } else { self.resolve(prefix)? };
            if attributes.iter().any(|known| known.name == local && known.namespace == namespace) {
                return Err(Kind::Malformed);
            }
            // Both libxml2 and SAML stacks take any of these for an identifier (SI-05).
            let is_id = match &*namespace {
                "" => matches!(local, "ID" | "Id" | "id"),
                names::XML => local == "id",
                _ => false,
            };
            if is_id && !self.ids.insert(value.clone()) {
                return Err(Kind::DuplicateId);
            }
            attributes.push(Attribute { namespace, name: local.to_owned(), value });
        }
        Ok(attributes)
    }

    fn close(&mut self) -> Result<(), Kind> {
        let Open { element, declared, has_comment } = self.open.pop().ok_or(Kind::Malformed)?;
        // SI-15: some stacks read the text up to the comment only.
        if has_comment && !element.text.chars().all(lexis::is_space) {
            return Err(Kind::CommentInValue);
        }
        for prefix in declared {
            self.bindings.get_mut(&prefix).and_then(Vec::pop);
        }
        match self.open.last_mut() {
            Some(parent) => parent.element.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, Kind> {
        if self.open.is_empty() { self.root.ok_or(Kind::Malformed) } else { Err(Kind::Malformed) }
    }
}
