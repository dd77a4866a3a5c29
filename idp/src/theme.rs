//! The look: tokens, one style sheet, logo, scripts; the operator's theme folder laid over the neutral default.
//!
//! Everything is read once at the start and kept in memory, so a request opens no file and a half-copied theme is
//! refused then. The style is inlined in each page, since a first paint in one response matters more than a cache, and
//! allowed by its hash: no page may carry another. No State emblem, font or design-system asset may be added here.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use data_encoding::{BASE64, HEXLOWER};
use include_dir::{Dir, include_dir};

static DEFAULT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../templates/theme");
static STATIC: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../templates/static");

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the theme folder {} does not exist", .0.display())]
    Missing(PathBuf),
    #[error("could not read the theme file {}", .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    #[error("the theme file {0} is not text in UTF-8")]
    NotText(String),
    #[error("the theme file {0} holds a '<', which could close the style of the page")]
    NotStyle(String),
}

pub struct Theme {
    style: String,
    brief_style: String,
    style_hashes: String,
    assets: HashMap<String, Asset>,
    components: BTreeMap<String, String>,
}

struct Asset {
    content_type: &'static str,
    bytes: Vec<u8>,
    version: String,
}

impl Theme {
    /// A theme folder may hold `tokens.css`, `style.css`, `logo.svg`, other pictures, and `components/*.html`.
    pub fn load(folder: Option<&Path>) -> Result<Self, Error> {
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for file in DEFAULT.files().chain(STATIC.files()) {
            files.insert(file.path().to_string_lossy().into_owned(), file.contents().to_vec());
        }
        let mut components = BTreeMap::new();
        if let Some(folder) = folder {
            if !folder.is_dir() {
                return Err(Error::Missing(folder.to_path_buf()));
            }
            files.extend(read(folder)?);
            for (name, bytes) in read(&folder.join("components"))? {
                let text = String::from_utf8(bytes).map_err(|_| Error::NotText(name.clone()))?;
                components.insert(format!("components/{name}"), text);
            }
        }
        let tokens = style_of(&files, "tokens.css")?;
        let style = format!("{tokens}{}", style_of(&files, "style.css")?);
        let brief_style = format!("{tokens}{}", style_of(&files, "brief.css")?);
        let style_hashes = format!("{} {}", source_hash(&style), source_hash(&brief_style));
        let assets = files.into_iter().filter_map(|(name, bytes)| Some((name.clone(), Asset::new(&name, bytes)?)));
        Ok(Self { style, brief_style, style_hashes, assets: assets.collect(), components })
    }

    pub(crate) fn style(&self) -> &str {
        &self.style
    }

    pub(crate) fn brief_style(&self) -> &str {
        &self.brief_style
    }

    pub(crate) fn style_hashes(&self) -> &str {
        &self.style_hashes
    }

    pub(crate) fn asset(&self, name: &str) -> Option<(&'static str, &[u8])> {
        self.assets.get(name).map(|asset| (asset.content_type, asset.bytes.as_slice()))
    }

    /// The address changes with the content, so an answer may be cached for a year.
    pub(crate) fn addresses(&self) -> HashMap<String, String> {
        let address = |(name, asset): (&String, &Asset)| (name.clone(), format!("/static/{name}?v={}", asset.version));
        self.assets.iter().map(address).collect()
    }

    /// Where the logo is, with its width and height; `None` where it does not say how large it is.
    pub(crate) fn logo(&self) -> Option<(String, u32, u32)> {
        const LOGO: &str = "logo.svg";
        let text = std::str::from_utf8(&self.assets.get(LOGO)?.bytes).ok()?;
        let (width, height) = size(text)?;
        Some((self.addresses().remove(LOGO)?, width, height))
    }

    pub(crate) fn components(&self) -> &BTreeMap<String, String> {
        &self.components
    }
}

impl Asset {
    fn new(name: &str, bytes: Vec<u8>) -> Option<Self> {
        let content_type = match Path::new(name).extension()?.to_str()? {
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "ico" => "image/x-icon",
            _ => return None,
        };
        let mut version = HEXLOWER.encode(digest::digest(&digest::SHA256, &bytes).as_ref());
        version.truncate(8);
        Some(Self { content_type, bytes, version })
    }
}

/// Of a picture in SVG: by its first tag's `width` and `height` in pixels, else by the last two numbers of its `viewBox`.
fn size(svg: &str) -> Option<(u32, u32)> {
    let (_, from_tag) = svg.split_once("<svg")?;
    let (tag, _) = from_tag.split_once('>')?;
    let value = |name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}="))?;
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest.get(1..)?.split_once(quote).map(|(value, _)| value)
    };
    let pixels = |text: &str| text.trim_end_matches("px").parse::<u32>().ok().filter(|pixels| *pixels > 0);
    if let (Some(width), Some(height)) = (value("width").and_then(pixels), value("height").and_then(pixels)) {
        return Some((width, height));
    }
    let numbers: Vec<&str> = value("viewBox")?.split([' ', ',']).filter(|part| !part.is_empty()).collect();
    let [_, _, width, height] = numbers.as_slice() else { return None };
    Some((pixels(width)?, pixels(height)?))
}

fn read(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut files = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    let unreadable = |error| Error::Unreadable(folder.to_path_buf(), error);
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() {
            let bytes = fs::read(&path).map_err(|error| Error::Unreadable(path.clone(), error))?;
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            files.insert(name, bytes);
        }
    }
    Ok(files)
}

fn style_of(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Result<String, Error> {
    let bytes = files.get(name).map(Vec::as_slice).unwrap_or_default();
    let style = std::str::from_utf8(bytes).map_err(|_| Error::NotText(name.to_owned()))?;
    let style = without_waste(style);
    if style.contains('<') { Err(Error::NotStyle(name.to_owned())) } else { Ok(style) }
}

fn source_hash(style: &str) -> String {
    let hash = digest::digest(&digest::SHA256, style.as_bytes());
    format!("'sha256-{}'", BASE64.encode(hash.as_ref()))
}

/// Drops comments and the white space that means nothing beside `{`, `}`, `;` and `,`; quoted text is kept as it is.
fn without_waste(style: &str) -> String {
    let mut kept = String::with_capacity(style.len());
    let mut quoted = None;
    let mut letters = style.chars().peekable();
    while let Some(letter) = letters.next() {
        if let Some(quote) = quoted {
            kept.push(letter);
            if letter == '\\' {
                kept.extend(letters.next());
            } else if letter == quote {
                quoted = None;
            }
        } else if letter == '/' && letters.peek() == Some(&'*') {
            letters.next();
            let mut last = ' ';
            for inside in letters.by_ref() {
                if last == '*' && inside == '/' {
                    break;
                }
                last = inside;
            }
        } else if letter.is_whitespace() {
            if !kept.is_empty() && !kept.ends_with([' ', '{', '}', ';', ',']) {
                kept.push(' ');
            }
        } else {
            if matches!(letter, '{' | '}' | ';' | ',') && kept.ends_with(' ') {
                kept.pop();
            }
            if letter == '}' && kept.ends_with(';') {
                kept.pop();
            }
            quoted = matches!(letter, '"' | '\'').then_some(letter);
            kept.push(letter);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_loses_its_waste_and_keeps_its_meaning() {
        let style = "/* why */ @media (min-width: 4px) {\n  a , b > c { color : red; content: \"  ;} \"; }\n}\n";
        assert_eq!(without_waste(style), "@media (min-width: 4px){a,b > c{color : red;content: \"  ;} \"}}");
    }

    #[test]
    fn a_theme_folder_lies_over_the_default() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tokens.css"), ":root { --accent: #004400; }").unwrap();
        fs::write(folder.path().join("logo.svg"), "<svg xmlns='http://www.w3.org/2000/svg'/>").unwrap();
        let default = Theme::load(None).unwrap();
        let theme = Theme::load(Some(folder.path())).unwrap();
        assert!(theme.style().starts_with(":root{--accent: #004400}@layer"));
        assert_ne!(theme.style_hashes(), default.style_hashes());
        assert_eq!(
            theme.asset("logo.svg").unwrap(),
            ("image/svg+xml", &b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..])
        );
        assert_eq!(theme.asset("guichet.js").unwrap().0, "text/javascript; charset=utf-8");
        assert_ne!(theme.addresses()["logo.svg"], default.addresses()["logo.svg"]);
    }

    #[test]
    fn the_size_of_a_logo_is_known_or_it_is_not_announced() {
        for (svg, size_is) in [
            ("<svg width='40' height=\"20px\" viewBox='0 0 9 9'>", Some((40, 20))),
            ("<?xml version='1.0'?>\n<svg viewBox=\"0 0 32 16\">", Some((32, 16))),
            ("<svg stroke-width='4' height='2'>", None),
            ("<svg width='100%' height='100%'/>", None),
            ("<svg/>", None),
            ("", None),
        ] {
            assert_eq!(size(svg), size_is, "{svg}");
        }
        let (address, width, height) = Theme::load(None).unwrap().logo().unwrap();
        assert!(address.starts_with("/static/logo.svg?v=") && (width, height) == (32, 32));
    }

    #[test]
    fn a_style_that_could_leave_its_element_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("style.css"), "a { content: \"</style><script>\" }").unwrap();
        assert!(matches!(Theme::load(Some(folder.path())), Err(Error::NotStyle(file)) if file == "style.css"));
    }

    #[test]
    fn a_theme_that_is_not_there_is_named() {
        let error = Theme::load(Some(Path::new("/nowhere/theme"))).err().unwrap();
        assert_eq!(error.to_string(), "the theme folder /nowhere/theme does not exist");
    }

    #[test]
    fn style_sheets_are_not_served_apart() {
        let theme = Theme::load(None).unwrap();
        assert_eq!(theme.asset("style.css"), None);
        assert_eq!(theme.asset("../theme.rs"), None);
    }
}
