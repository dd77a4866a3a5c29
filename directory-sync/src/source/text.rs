//! The bytes of a file as UTF-8 text, decoded exactly; a file that lies about its encoding is refused (IM-04).

use std::io::{self, BufRead, Read};

use memchr::{memchr, memchr_iter, memmem};

/// The encodings deliveries are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Latin1,
    Latin9,
}

/// More bytes in one tag, text or comment than any delivery has: what a parser would have to hold in memory.
const LONGEST_PIECE: usize = 256 * 1024;
/// The XML declaration is looked for in this many bytes.
const HEAD: usize = 1024;
const CHUNK: usize = 64 * 1024;

/// Reads bytes, gives UTF-8, counts lines, and refuses a piece of markup that never ends.
pub(super) struct Utf8Reader<R> {
    inner: R,
    encoding: Encoding,
    raw: Vec<u8>,
    text: Vec<u8>,
    given: usize,
    line: u64,
    since_piece: usize,
    ended: bool,
    lie: Utf8Watch,
}

impl<R: Read> Utf8Reader<R> {
    pub(super) fn new(mut inner: R) -> io::Result<Self> {
        let mut raw = Vec::with_capacity(CHUNK);
        while raw.len() < HEAD {
            let read = (&mut inner).take((HEAD - raw.len()) as u64).read_to_end(&mut raw)?;
            if read == 0 {
                break;
            }
        }
        let encoding = declared(&raw)?;
        if raw.starts_with(b"\xEF\xBB\xBF") {
            raw.drain(..3);
        }
        let mut reader = Self {
            inner,
            encoding,
            raw,
            text: Vec::with_capacity(2 * CHUNK),
            given: 0,
            line: 1,
            since_piece: 0,
            ended: false,
            lie: Utf8Watch::default(),
        };
        reader.decode()?;
        Ok(reader)
    }

    /// The line of the next byte to be given.
    pub(super) const fn line(&self) -> u64 {
        self.line
    }

    /// Says that a piece of markup was taken whole.
    pub(super) const fn piece_taken(&mut self) {
        self.since_piece = 0;
    }

    /// Takes out what stands from `open` to the first `close`, with the line where it begins, when nothing but white
    /// space stands before it, and nothing in it but tags, text and entities, without a second `open`. Else nothing is
    /// taken.
    pub(super) fn cut_out(&mut self, open: &str, close: &str) -> io::Result<Option<(String, u64)>> {
        let mut looked = 0;
        loop {
            let rest = self.text.get(self.given..).unwrap_or_default();
            let white = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let piece = rest.get(white..).unwrap_or_default();
            let begins = piece.get(..open.len() + 1);
            if begins.is_some_and(|begins| !is_tag(begins, open)) {
                return Ok(None);
            }
            let from = looked.min(piece.len());
            let found = memmem::find(piece.get(from..).unwrap_or_default(), close.as_bytes()).map(|at| from + at);
            if let Some(end) = found.filter(|_| begins.is_some()) {
                let length = end + close.len();
                let piece = piece.get(..length).unwrap_or_default();
                if length > LONGEST_PIECE || !is_plain(piece, open) {
                    return Ok(None);
                }
                let text = String::from_utf8(piece.to_vec()).map_err(|_| invalid("its text is not UTF-8"))?;
                self.consume(white);
                let line = self.line;
                self.consume(length);
                self.piece_taken();
                return Ok(Some((text, line)));
            }
            looked = (piece.len() + 1).saturating_sub(close.len());
            if rest.len() > LONGEST_PIECE || self.ended {
                return Ok(None);
            }
            self.refill()?;
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        let before = self.raw.len();
        (&mut self.inner).take(CHUNK as u64).read_to_end(&mut self.raw)?;
        if self.raw.len() == before {
            self.ended = true;
            if !self.raw.is_empty() {
                return Err(invalid("it ends in the middle of a character"));
            }
            if self.encoding != Encoding::Utf8 && self.lie.is_utf8() {
                return Err(invalid("its bytes are UTF-8, not the ISO-8859 that it declares"));
            }
            return Ok(());
        }
        self.decode()
    }

    /// Moves what `raw` holds behind what `text` holds and was not given; an unfinished UTF-8 character stays in `raw`.
    fn decode(&mut self) -> io::Result<()> {
        self.text.drain(..self.given);
        self.given = 0;
        let before = self.text.len();
        match self.encoding {
            Encoding::Utf8 => {
                let whole = match std::str::from_utf8(&self.raw) {
                    Ok(text) => text.len(),
                    Err(error) if error.error_len().is_none() => error.valid_up_to(),
                    Err(_) => return Err(invalid("its bytes are not the UTF-8 that it declares or that is the rule")),
                };
                self.text.extend_from_slice(self.raw.get(..whole).unwrap_or_default());
                self.raw.drain(..whole);
            }
            Encoding::Latin1 | Encoding::Latin9 => {
                self.lie.look(&self.raw);
                // Most of it is ASCII, which is the same in UTF-8.
                for run in self.raw.chunk_by(|one, other| one.is_ascii() == other.is_ascii()) {
                    if run.first().is_some_and(u8::is_ascii) {
                        self.text.extend_from_slice(run);
                        continue;
                    }
                    for &byte in run {
                        let letter = if self.encoding == Encoding::Latin9 { latin9(byte) } else { char::from(byte) };
                        self.text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                }
                self.raw.clear();
            }
        }
        if memchr(0, self.text.get(before..).unwrap_or_default()).is_some() {
            return Err(invalid("it holds a null byte (UTF-16 is not read)"));
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buf)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for Utf8Reader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.since_piece > LONGEST_PIECE {
            return Err(invalid("a tag, text or comment is longer than 256 KiB"));
        }
        while self.given == self.text.len() && !self.ended {
            self.refill()?;
        }
        Ok(self.text.get(self.given..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        let end = (self.given + amount).min(self.text.len());
        let taken = self.text.get(self.given..end).unwrap_or_default();
        self.line += memchr_iter(b'\n', taken).count() as u64;
        self.given = end;
        self.since_piece += amount;
    }
}

/// Whether a tag of that name begins there, and not one whose name only begins so.
fn is_tag(bytes: &[u8], open: &str) -> bool {
    bytes
        .strip_prefix(open.as_bytes())
        .is_some_and(|rest| rest.first().is_some_and(|b| *b == b'>' || b.is_ascii_whitespace()))
}

/// Whether there is no markup but tags, and no second `open`.
fn is_plain(piece: &[u8], open: &str) -> bool {
    memchr_iter(b'<', piece).skip(1).all(|at| {
        let rest = piece.get(at..).unwrap_or_default();
        !matches!(rest.get(1), Some(b'!' | b'?')) && !rest.starts_with(open.as_bytes())
    })
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.to_owned())
}

/// What the head of a file declares; UTF-8 where it declares nothing.
fn declared(head: &[u8]) -> io::Result<Encoding> {
    if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") {
        return Err(invalid("it is UTF-16, which is not read"));
    }
    let head = head.strip_prefix(b"\xEF\xBB\xBF").map_or((head, false), |rest| (rest, true));
    let Some(declaration) = head.0.strip_prefix(b"<?xml") else { return Ok(Encoding::Utf8) };
    let end = declaration
        .windows(2)
        .position(|two| two == b"?>")
        .ok_or_else(|| invalid("its XML declaration does not end"))?;
    let declaration = String::from_utf8_lossy(declaration.get(..end).unwrap_or_default());
    let Some((_, after)) = declaration.split_once("encoding") else { return Ok(Encoding::Utf8) };
    let after = after.trim_start().strip_prefix('=').unwrap_or_default().trim_start();
    let quote = after.chars().next().filter(|c| matches!(c, '"' | '\'')).unwrap_or('"');
    let name = after.trim_start_matches(quote).split(quote).next().unwrap_or_default();
    let encoding = match name.to_ascii_uppercase().as_str() {
        "UTF-8" | "UTF8" | "US-ASCII" => Encoding::Utf8,
        "ISO-8859-1" | "ISO8859-1" | "ISO_8859-1" | "LATIN1" => Encoding::Latin1,
        "ISO-8859-15" | "ISO8859-15" | "ISO_8859-15" | "LATIN9" | "LATIN-9" => Encoding::Latin9,
        _ => return Err(invalid("it declares an encoding other than UTF-8, ISO-8859-1 and ISO-8859-15")),
    };
    if head.1 && encoding != Encoding::Utf8 {
        return Err(invalid("it begins as UTF-8 and declares another encoding"));
    }
    Ok(encoding)
}

/// The eight letters in which ISO-8859-15 differs from ISO-8859-1.
const fn latin9(byte: u8) -> char {
    match byte {
        0xA4 => '€',
        0xA6 => 'Š',
        0xA8 => 'š',
        0xB4 => 'Ž',
        0xB8 => 'ž',
        0xBC => 'Œ',
        0xBD => 'œ',
        0xBE => 'Ÿ',
        _ => byte as char,
    }
}

/// Whether all that is not ASCII is UTF-8, which no French text in ISO-8859 is by chance.
#[derive(Default)]
struct Utf8Watch {
    /// Bytes still to come of the character begun.
    owed: u8,
    characters: u64,
    broken: bool,
}

impl Utf8Watch {
    fn look(&mut self, bytes: &[u8]) {
        if self.broken {
            return;
        }
        for &byte in bytes {
            let follows = byte & 0xC0 == 0x80;
            match (self.owed, byte) {
                (0, 0..=0x7F) => {}
                (0, 0xC2..=0xDF) => self.owed = 1,
                (0, 0xE0..=0xEF) => self.owed = 2,
                (0, 0xF0..=0xF4) => self.owed = 3,
                (owed, _) if owed > 0 && follows => {
                    self.owed -= 1;
                    self.characters += u64::from(self.owed == 0);
                }
                _ => {
                    self.broken = true;
                    return;
                }
            }
        }
    }

    const fn is_utf8(&self) -> bool {
        !self.broken && self.owed == 0 && self.characters > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> io::Result<String> {
        let mut text = String::new();
        Utf8Reader::new(bytes)?.read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn the_two_latin_encodings_differ_in_eight_letters() {
        let bytes = b"\xA4\xA6\xA8\xB4\xB8\xBC\xBD\xBE\xE9";
        let nine = [b"<?xml version=\"1.0\" encoding=\"ISO-8859-15\"?>".as_slice(), bytes].concat();
        let one = [b"<?xml version='1.0' encoding='iso-8859-1'?>".as_slice(), bytes].concat();
        assert!(read(&nine).unwrap().ends_with("€ŠšŽžŒœŸé"));
        assert!(read(&one).unwrap().ends_with("¤¦¨´¸¼½¾é"));
    }

    #[test]
    fn every_byte_of_iso_8859_1_is_the_letter_of_its_number() {
        let head = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>".as_slice();
        let text = read(&[head, &(1..=255).collect::<Vec<u8>>()].concat()).unwrap();
        let letters: Vec<u32> = text.chars().skip(head.len()).map(u32::from).collect();
        assert_eq!(letters, (1..=255).collect::<Vec<u32>>());
    }

    #[test]
    fn a_lie_about_the_encoding_refuses_the_file() {
        let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-15\"?><a>".as_slice();
        assert!(read(&[latin, "é".as_bytes()].concat()).is_err());
        assert!(read(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>\xE9</a>").is_err());
        assert!(read(b"<a>\xE9</a>").is_err());
        assert!(read(b"<a>\xC3").is_err());
        assert!(read(b"\xFF\xFE<\0a\0").is_err());
        assert!(read(b"<\0a\0>\0").is_err());
        assert!(read(b"<?xml version=\"1.0\" encoding=\"UTF-7\"?><a/>").is_err());
        assert!(read(b"\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>").is_err());
    }

    #[test]
    fn characters_cut_by_a_buffer_are_whole() {
        let text = format!("<a>{}</a>", "é€".repeat(CHUNK));
        assert_eq!(read(text.as_bytes()).err().map(|e| e.to_string()).as_deref(), Some(TOO_LONG));
        let mut reader = Utf8Reader::new(text.as_bytes()).unwrap();
        let mut read = Vec::new();
        loop {
            let piece = reader.fill_buf().unwrap().to_vec();
            if piece.is_empty() {
                break;
            }
            reader.consume(piece.len());
            reader.piece_taken();
            read.extend(piece);
        }
        assert_eq!(String::from_utf8(read).unwrap(), text);
    }

    const TOO_LONG: &str = "a tag, text or comment is longer than 256 KiB";
}
