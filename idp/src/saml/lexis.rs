//! XML 1.0 below the level of elements: characters, names, references, attributes. As strict as the recommendation,
//! where the tokenizer beneath `tree` is lenient.

use thiserror::Error;

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Kind {
    #[error("the document is larger, deeper or fuller than what is accepted")]
    TooLarge,
    #[error("the XML is not well-formed")]
    Malformed,
    #[error("a character that XML does not allow")]
    Character,
    #[error("the encoding must be UTF-8")]
    Encoding,
    #[error("a DOCTYPE is not accepted")]
    DocType,
    #[error("a processing instruction is not accepted")]
    ProcessingInstruction,
    #[error("an entity other than the five of XML is not accepted")]
    Entity,
    #[error("a comment inside a value is not accepted")]
    CommentInValue,
    #[error("two elements carry the same identifier")]
    DuplicateId,
}

pub const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// XML 1.0, production 2.
pub const fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

/// Namespaces in XML 1.0, production 4.
pub fn is_ncname(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_char)
}

const fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

const fn is_name_char(c: char) -> bool {
    is_name_start(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Prefix, empty for none, and local name.
pub fn split(name: &str) -> Result<(&str, &str), Kind> {
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    let is_good = is_ncname(local) && (!name.contains(':') || is_ncname(prefix));
    if is_good { Ok((prefix, local)) } else { Err(Kind::Malformed) }
}

/// The attributes of a start tag, namespace declarations included, from what follows the element's name.
pub fn attributes(raw: &str) -> Result<Vec<(&str, String)>, Kind> {
    let mut found = Vec::new();
    let mut rest = raw;
    loop {
        let from_name = rest.trim_start_matches(is_space);
        if from_name.is_empty() {
            return Ok(found);
        }
        if from_name.len() == rest.len() {
            return Err(Kind::Malformed);
        }
        let (name, from_value) = from_name.split_once('=').ok_or(Kind::Malformed)?;
        let from_value = from_value.trim_start_matches(is_space);
        let quote = from_value.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or(Kind::Malformed)?;
        let (_, from_value) = from_value.split_at(1);
        let (value, after) = from_value.split_once(quote).ok_or(Kind::Malformed)?;
        found.push((name.trim_end_matches(is_space), attribute_value(value)?));
        rest = after;
    }
}

/// XML 1.0, section 3.3.3.
fn attribute_value(raw: &str) -> Result<String, Kind> {
    if raw.contains('<') {
        return Err(Kind::Malformed);
    }
    let mut value = String::with_capacity(raw.len());
    let mut parts = newlines(raw);
    parts = parts.replace(['\t', '\n'], " ");
    let mut rest = parts.as_str();
    while let Some((before, from_name)) = rest.split_once('&') {
        let (name, after) = from_name.split_once(';').ok_or(Kind::Malformed)?;
        value.push_str(before);
        value.push(reference(name).ok_or(Kind::Entity)?);
        rest = after;
    }
    value.push_str(rest);
    Ok(value)
}

/// Character data between tags and references.
pub fn text(raw: &str) -> Result<String, Kind> {
    if raw.contains("]]>") { Err(Kind::Malformed) } else { Ok(newlines(raw)) }
}

/// XML 1.0, section 2.11.
pub fn newlines(raw: &str) -> String {
    if raw.contains('\r') { raw.replace("\r\n", "\n").replace('\r', "\n") } else { raw.to_owned() }
}

/// What stands between `&` and `;`.
pub fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |hex| (hex, 16));
            // `from_str_radix` would take a sign.
            let code = digits.chars().all(|c| c.is_digit(radix)).then(|| u32::from_str_radix(digits, radix))?.ok()?;
            char::from_u32(code).filter(|c| is_char(*c))
        }
    }
}

/// `<?xml version="1.0" encoding="UTF-8"?>`: another encoding would give libxml2 other characters than ours.
pub fn check_declaration(raw: &str) -> Result<(), Kind> {
    let inner = raw.strip_prefix("<?xml").and_then(|rest| rest.strip_suffix("?>")).ok_or(Kind::Malformed)?;
    let mut parts = attributes(inner)?.into_iter().peekable();
    if parts.next() != Some(("version", "1.0".to_owned())) {
        return Err(Kind::Malformed);
    }
    if let Some((_, encoding)) = parts.next_if(|(name, _)| *name == "encoding")
        && !encoding.eq_ignore_ascii_case("UTF-8")
    {
        return Err(Kind::Encoding);
    }
    parts.next_if(|(name, value)| *name == "standalone" && matches!(value.as_str(), "yes" | "no"));
    if parts.next().is_some() { Err(Kind::Malformed) } else { Ok(()) }
}
