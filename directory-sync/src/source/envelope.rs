//! The XML around the records: `ficAlimMENESR`, its requests, their attributes. What the attributes mean is not known
//! here.
//!
//! A file that is not well formed, is cut, or brings a document type of its own is refused; a record that breaks the
//! envelope inside itself is handed on with its fault.

use std::io::Read;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::entity;
use super::text::Utf8Reader;

/// Longest value (IM-02) and largest record.
const LONGEST_VALUE: usize = 64 * 1024;
const LARGEST_RECORD: usize = 1024 * 1024;
/// No name of the format is half as long, and a report lists those that are not known.
const LONGEST_NAME: usize = 100;
const DEEPEST: usize = 16;

/// What is asked for a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Request {
    #[default]
    Add,
    Modify,
    Delete,
}

impl Request {
    fn named(tag: &str) -> Option<Self> {
        match tag {
            "addRequest" => Some(Self::Add),
            "modifyRequest" => Some(Self::Modify),
            "deleteRequest" => Some(Self::Delete),
            _ => None,
        }
    }
}

/// One request, as written.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) request: Request,
    pub(super) line: u64,
    pub(super) operational: Vec<(String, String)>,
    pub(super) id: Option<String>,
    /// Those of `attributes`, or of `modifications`: both give the values that an attribute has from now on.
    pub(super) attributes: Vec<(String, Vec<String>)>,
    /// The first thing that breaks the envelope.
    pub(super) fault: Option<String>,
    pub(super) size: usize,
}

impl Raw {
    fn fault(&mut self, reason: impl Into<String>) {
        if self.fault.is_none() {
            self.fault = Some(reason.into());
        }
    }
}

/// What stands under the root.
#[derive(Debug)]
pub(super) enum Item {
    Request(Raw),
    Sealed(Sealed),
    Comment(String),
}

/// An `addRequest` whose text is all here, not yet looked into: whoever knows the text knows the record.
///
/// Between its tags there is no comment, no CDATA section, no processing instruction and no other `addRequest`. In XML
/// that is well formed, the first `</addRequest>` is then its end, so what is cut out is what a parser would take.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) text: String,
    pub(super) line: u64,
}

impl Sealed {
    pub(super) const OPEN: &str = "<addRequest";
    pub(super) const CLOSE: &str = "</addRequest>";

    /// What seems to be the identifier: good for a question, not for an answer.
    pub(super) fn hint(&self) -> Option<&str> {
        let (_, rest) = self.text.split_once("<id>")?;
        let (id, _) = rest.split_once("</id>")?;
        Some(id.trim()).filter(|id| !id.contains(['<', '&']))
    }

    /// Reads it.
    pub(super) fn open(&self) -> Result<Raw, Fault> {
        let fault = |reason: String| Fault { line: self.line, reason };
        let mut xml = Reader::from_str(&self.text);
        xml.config_mut().expand_empty_elements = true;
        let mut inside = Inside::new(Request::Add, self.line);
        match xml.read_event().map_err(|error| fault(ill_formed(&error)))? {
            Event::Start(_) => {}
            _ => return Err(fault("it is not well-formed XML".to_owned())),
        }
        loop {
            let event = xml.read_event().map_err(|error| fault(ill_formed(&error)))?;
            if inside.take(event).map_err(|reason| fault(reason.to_owned()))? {
                return Ok(inside.raw);
            }
        }
    }
}

/// Where and why a file is refused.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) line: u64,
    pub(super) reason: String,
}

pub(super) struct Envelope<R> {
    xml: Reader<Utf8Reader<R>>,
    buffer: Vec<u8>,
    root: Root,
    doctype: bool,
    /// The parser has not begun a text: what stands next is its to take, or ours.
    between: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    Before,
    Inside,
    After,
}

/// Where in a record the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Request,
    Operational,
    Identifier,
    Attributes,
    Modifications,
    Id,
    OperationalAttr,
    Attr,
    OperationalValue,
    Value,
    /// Inside something that has no business here.
    Stray,
}

impl<R: Read> Envelope<R> {
    pub(super) fn new(bytes: R) -> Result<Self, Fault> {
        let text = Utf8Reader::new(bytes).map_err(|e| Fault { line: 1, reason: e.to_string() })?;
        let mut xml = Reader::from_reader(text);
        xml.config_mut().expand_empty_elements = true;
        Ok(Self { xml, buffer: Vec::with_capacity(1024), root: Root::Before, doctype: false, between: true })
    }

    fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault { line: self.xml.get_ref().line(), reason: reason.into() }
    }

    /// The next thing under the root; nothing once the file has ended well.
    pub(super) fn next(&mut self) -> Result<Option<Item>, Fault> {
        loop {
            self.buffer.clear();
            self.xml.get_mut().piece_taken();
            if let Some(sealed) = self.sealed()? {
                return Ok(Some(Item::Sealed(sealed)));
            }
            let event = match self.xml.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(error) => return Err(fault_at(&self.xml, ill_formed(&error))),
            };
            self.between = !matches!(event, Event::Text(_));
            match (event, self.root) {
                (Event::Start(tag), Root::Before) if tag.name().as_ref() == "ficAlimMENESR" => self.root = Root::Inside,
                (Event::Start(_), Root::Before) => return Err(self.fault("its root is not ficAlimMENESR")),
                (Event::Start(tag), Root::Inside) => match Request::named(tag.name().as_ref()) {
                    Some(request) => return self.record(request).map(Item::Request).map(Some),
                    None => return Err(self.fault("an element under the root is no request")),
                },
                (Event::End(_), _) => self.root = Root::After,
                (Event::Comment(text), _) => return Ok(Some(Item::Comment(text.into_inner().into_owned()))),
                (Event::DocType(text), Root::Before) if !self.doctype && is_the_doctype(&text) => self.doctype = true,
                // IM-03
                (Event::DocType(_), _) => return Err(self.fault("its document type is not the one of these files")),
                (Event::Text(text), _) if is_blank(&text) => {}
                (Event::Decl(_) | Event::PI(_), _) => {}
                (Event::Eof, Root::After) => return Ok(None),
                (Event::Eof, _) => return Err(self.fault("it is cut off: </ficAlimMENESR> is missing")),
                (Event::Start(_), Root::After) => return Err(self.fault("something follows </ficAlimMENESR>")),
                (Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) | Event::Empty(_), _) => {
                    return Err(self.fault("there is text outside of the requests"));
                }
            }
        }
    }

    /// The next request, where it is one that can be cut out whole.
    fn sealed(&mut self) -> Result<Option<Sealed>, Fault> {
        if self.root != Root::Inside || !self.between {
            return Ok(None);
        }
        let cut =
            self.xml.get_mut().cut_out(Sealed::OPEN, Sealed::CLOSE).map_err(|error| self.fault(error.to_string()))?;
        Ok(cut.map(|(text, line)| Sealed { text, line }))
    }

    /// Reads one request up to its end.
    fn record(&mut self, request: Request) -> Result<Raw, Fault> {
        let mut inside = Inside::new(request, self.xml.get_ref().line());
        loop {
            self.buffer.clear();
            self.xml.get_mut().piece_taken();
            let event = match self.xml.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(error) => return Err(fault_at(&self.xml, ill_formed(&error))),
            };
            match inside.take(event) {
                Ok(true) => return Ok(inside.raw),
                Ok(false) => {}
                Err(reason) => return Err(fault_at(&self.xml, reason.to_owned())),
            }
        }
    }
}

/// A request being read: what was found of it, and where the reader is.
struct Inside {
    raw: Raw,
    places: Vec<Place>,
    text: String,
}

impl Inside {
    fn new(request: Request, line: u64) -> Self {
        Self { raw: Raw { request, line, ..Raw::default() }, places: vec![Place::Request], text: String::new() }
    }

    /// Takes what follows; whether it was the end of the request.
    fn take(&mut self, event: Event<'_>) -> Result<bool, &'static str> {
        let Self { raw, places, text } = self;
        let Some(&place) = places.last() else { return Ok(true) };
        match event {
            Event::Start(tag) => {
                if places.len() >= DEEPEST {
                    return Err("its elements are nested too deep");
                }
                places.push(enter(place, &tag, raw));
                text.clear();
            }
            Event::End(_) => {
                leave(place, text, raw);
                places.pop();
            }
            Event::Text(piece) => put(place, &piece, text, raw),
            Event::CData(piece) => put(place, &piece, text, raw),
            Event::GeneralRef(name) => match entity::resolve(&name) {
                Some(letter) => put(place, letter.encode_utf8(&mut [0; 4]), text, raw),
                None => raw.fault("an entity that is not known"),
            },
            Event::Eof => return Err("it is cut off inside a record"),
            Event::DocType(_) => return Err("its document type is not the one of these files"),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::Empty(_) => {}
        }
        Ok(places.is_empty())
    }
}

fn fault_at<R: Read>(xml: &Reader<Utf8Reader<R>>, reason: String) -> Fault {
    Fault { line: xml.get_ref().line(), reason }
}

fn ill_formed(error: &quick_xml::Error) -> String {
    match error {
        quick_xml::Error::Io(error) => error.to_string(),
        other => format!("it is not well-formed XML ({other})"),
    }
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

/// `ficAlimMENESR SYSTEM "ficAlimMENESR.dtd"` and nothing else; it is never fetched.
fn is_the_doctype(text: &str) -> bool {
    let mut words = text.split_ascii_whitespace();
    let (name, system, file, rest) = (words.next(), words.next(), words.next(), words.next());
    name == Some("ficAlimMENESR")
        && system == Some("SYSTEM")
        && matches!(file, Some("\"ficAlimMENESR.dtd\"" | "'ficAlimMENESR.dtd'"))
        && rest.is_none()
}

fn enter(place: Place, tag: &BytesStart<'_>, raw: &mut Raw) -> Place {
    let next = match (place, tag.name().as_ref()) {
        (Place::Request, "operationalAttributes") => Place::Operational,
        (Place::Request, "identifier") => Place::Identifier,
        (Place::Request, "attributes") if raw.request == Request::Add => Place::Attributes,
        (Place::Request, "modifications") if raw.request == Request::Modify => Place::Modifications,
        (Place::Identifier, "id") => Place::Id,
        (Place::Operational, "attr") => Place::OperationalAttr,
        (Place::Attributes, "attr") => Place::Attr,
        (Place::Modifications, "modification") => {
            // The only one that the DTD knows; there is no adding or taking away of one value (AAF section 2).
            let replaces = tag.try_get_attribute("operation").ok().flatten().is_some_and(|o| o.value == "replace");
            if !replaces {
                raw.fault("a modification whose operation is not replace");
            }
            Place::Attr
        }
        (Place::OperationalAttr, "value") => Place::OperationalValue,
        (Place::Attr, "value") => Place::Value,
        _ => {
            raw.fault("an element that has no place there");
            Place::Stray
        }
    };
    if matches!(next, Place::OperationalAttr | Place::Attr) {
        if raw.size > LARGEST_RECORD {
            raw.fault("a record larger than 1 MiB");
            return Place::Stray;
        }
        match tag.try_get_attribute("name") {
            Ok(Some(name)) if name.value.len() > LONGEST_NAME => {
                raw.fault("an attribute whose name is longer than 100 bytes");
                return Place::Stray;
            }
            Ok(Some(name)) => {
                raw.size += name.value.len();
                if next == Place::Attr {
                    raw.attributes.push((name.value.into_owned(), Vec::new()));
                } else {
                    raw.operational.push((name.value.into_owned(), String::new()));
                }
            }
            _ => {
                raw.fault("an attr without a name");
                return Place::Stray;
            }
        }
    }
    next
}

fn put(place: Place, piece: &str, text: &mut String, raw: &mut Raw) {
    match place {
        Place::Id | Place::Value | Place::OperationalValue => {
            raw.size += piece.len();
            if text.len() + piece.len() > LONGEST_VALUE {
                raw.fault("a value longer than 64 KiB");
            } else if raw.size > LARGEST_RECORD {
                raw.fault("a record larger than 1 MiB");
            } else {
                text.push_str(piece);
            }
        }
        Place::Stray => {}
        _ if is_blank(piece) => {}
        _ => raw.fault("text outside of a value"),
    }
}

fn leave(place: Place, text: &mut String, raw: &mut Raw) {
    let value = text.trim();
    // What an empty value costs in memory, so that a million of them are no small record.
    raw.size += 16;
    match place {
        Place::Id if raw.id.is_some() => raw.fault("two identifiers"),
        Place::Id => raw.id = Some(value.to_owned()),
        Place::Value if raw.size > LARGEST_RECORD => raw.fault("a record larger than 1 MiB"),
        // An empty value is not a value.
        Place::Value if !value.is_empty() => {
            if let Some((_, values)) = raw.attributes.last_mut() {
                values.push(value.to_owned());
            }
        }
        Place::OperationalValue => {
            if let Some((_, known)) = raw.operational.last_mut() {
                value.clone_into(known);
            }
        }
        _ => {}
    }
    text.clear();
}
