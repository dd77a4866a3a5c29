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
    Comment(String),
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
        Ok(Self { xml, buffer: Vec::with_capacity(1024), root: Root::Before, doctype: false })
    }

    fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault { line: self.xml.get_ref().line(), reason: reason.into() }
    }

    /// The next thing under the root; nothing once the file has ended well.
    pub(super) fn next(&mut self) -> Result<Option<Item>, Fault> {
        loop {
            self.buffer.clear();
            self.xml.get_mut().piece_taken();
            let event = match self.xml.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(error) => return Err(fault_at(&self.xml, ill_formed(&error))),
            };
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

    /// Reads one request up to its end.
    fn record(&mut self, request: Request) -> Result<Raw, Fault> {
        let mut raw = Raw { request, line: self.xml.get_ref().line(), ..Raw::default() };
        let mut places = vec![Place::Request];
        let mut text = String::new();
        while let Some(&place) = places.last() {
            self.buffer.clear();
            self.xml.get_mut().piece_taken();
            let event = match self.xml.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(error) => return Err(fault_at(&self.xml, ill_formed(&error))),
            };
            match event {
                Event::Start(tag) => {
                    if places.len() >= DEEPEST {
                        return Err(self.fault("its elements are nested too deep"));
                    }
                    places.push(enter(place, &tag, &mut raw));
                    text.clear();
                }
                Event::End(_) => {
                    leave(place, &mut text, &mut raw);
                    places.pop();
                }
                Event::Text(piece) => put(place, &piece, &mut text, &mut raw),
                Event::CData(piece) => put(place, &piece, &mut text, &mut raw),
                Event::GeneralRef(name) => match entity::resolve(&name) {
                    Some(letter) => put(place, letter.encode_utf8(&mut [0; 4]), &mut text, &mut raw),
                    None => raw.fault("an entity that is not known"),
                },
                Event::Eof => return Err(self.fault("it is cut off inside a record")),
                Event::DocType(_) => return Err(self.fault("its document type is not the one of these files")),
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::Empty(_) => {}
            }
        }
        Ok(raw)
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
            Ok(Some(name)) if next == Place::Attr => raw.attributes.push((name.value.into_owned(), Vec::new())),
            Ok(Some(name)) => raw.operational.push((name.value.into_owned(), String::new())),
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
