//! What can be measured of the look: weight and contrast (journeys section 1, design.md).

use std::collections::HashMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn gzipped(text: &[u8]) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap().len()
}

#[test]
fn the_first_paint_needs_one_response() {
    for shown in every_sample() {
        let weight = gzipped(shown.html.as_bytes());
        assert!(weight <= 14_000, "{} weighs {weight}", shown.template);
    }
}

#[test]
fn style_and_scripts_stay_small() {
    let pages = pages();
    assert!(gzipped(pages.theme.style().as_bytes()) <= 8_000);
    for script in ["guichet.js", "send.js"] {
        assert!(gzipped(pages.asset(script).unwrap().1) <= 5_000, "{script}");
    }
}

#[test]
fn the_page_for_a_crowd_is_the_lightest() {
    for shown in every_sample().into_iter().filter(|shown| shown.template == "pages/busy.html") {
        assert!(shown.html.len() < 5_000, "{} bytes", shown.html.len());
        assert!(!shown.html.contains("/static/"));
    }
}

#[test]
fn the_style_works_from_right_to_left() {
    let style = pages().theme.style().to_owned();
    for side in [
        "margin-left",
        "margin-right",
        "padding-left",
        "padding-right",
        "border-left",
        "border-right",
        ";left:",
        "{left:",
        ";right:",
        "{right:",
        "float",
        "align: left",
        "align: right",
    ] {
        assert!(!style.contains(side), "{side}");
    }
}

type Tokens = HashMap<String, String>;

/// The colours of `tokens.css`: light, then dark laid over it.
fn tokens() -> (Tokens, Tokens) {
    let source = include_str!("../../../../../templates/theme/tokens.css");
    let (light, dark) = source.split_once("@media").unwrap();
    let read = |text: &str| -> Tokens {
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix("--")?.strip_suffix(';'));
        lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    };
    let light = read(light);
    let mut both = light.clone();
    both.extend(read(dark));
    (light, both)
}

/// WCAG 2.2, relative luminance.
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn colours_that_meet_can_be_told_apart() {
    assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 0.01);
    let text = [
        ("ink", "paper"),
        ("ink", "ground"),
        ("ink", "accent-ground"),
        ("ink", "wrong-ground"),
        ("ink", "right-ground"),
        ("ink", "note-ground"),
        ("ink-soft", "paper"),
        ("ink-soft", "ground"),
        ("ink-soft", "accent-ground"),
        ("accent", "paper"),
        ("accent", "ground"),
        ("accent", "accent-ground"),
        ("accent-strong", "paper"),
        ("accent-strong", "ground"),
        ("accent-strong", "accent-ground"),
        ("on-accent", "accent"),
        ("on-accent", "accent-strong"),
        ("wrong", "paper"),
        ("wrong", "wrong-ground"),
        ("right", "right-ground"),
        ("note", "note-ground"),
    ];
    let shapes = [
        ("line", "paper"),
        ("line", "ground"),
        ("accent", "paper"),
        ("wrong", "paper"),
        ("right", "paper"),
        ("note", "paper"),
        ("focus-ring", "paper"),
        ("focus-ring", "ground"),
        ("focus-ring", "wrong-ground"),
        ("focus", "accent"),
    ];
    let (light, dark) = tokens();
    for (scheme, tokens) in [("light", &light), ("dark", &dark)] {
        for (pairs, least) in [(&text[..], 4.5), (&shapes[..], 3.0)] {
            for (one, other) in pairs {
                let found = contrast(&tokens[*one], &tokens[*other]);
                let (one, other) = if scheme == "dark" && *one == "focus" { continue } else { (one, other) };
                assert!(found >= least, "{scheme}: {one} on {other} is {found:.2}, needs {least}");
            }
        }
    }
}

#[test]
fn the_default_tokens_are_those_of_the_design() {
    let (light, _) = tokens();
    let expected = [
        ("ink", "#16202c"),
        ("ink-soft", "#4a5868"),
        ("paper", "#ffffff"),
        ("ground", "#f3f5f8"),
        ("line", "#7a8797"),
        ("accent", "#1f4fbf"),
        ("accent-strong", "#163b91"),
        ("focus", "#ffbf1f"),
        ("wrong", "#b3261e"),
        ("right", "#1b6e3c"),
        ("note", "#7a4b00"),
    ];
    for (name, colour) in expected {
        assert_eq!(light[name], colour, "{name}");
    }
}

/// Leaves every sample in `$CARGO_TARGET_DIR/pages`, to be looked at and given to axe.
#[test]
fn every_sample_can_be_looked_at() {
    let binary = std::env::current_exe().unwrap();
    let folder = binary.ancestors().find(|folder| folder.ends_with("debug") || folder.ends_with("release")).unwrap();
    let folder = folder.with_file_name("pages");
    std::fs::create_dir_all(&folder).unwrap();
    for shown in every_sample() {
        let page = shown.template.trim_start_matches("pages/").trim_end_matches(".html");
        let from = if shown.with_portal { "portal" } else { "alone" };
        let file = format!("{page}-{}-{from}-{}.html", shown.number, shown.language.code());
        std::fs::write(folder.join(file), &shown.html).unwrap();
    }
    for name in ["guichet.js", "send.js", "logo.svg"] {
        std::fs::create_dir_all(folder.join("static")).unwrap();
        std::fs::write(folder.join("static").join(name), pages().asset(name).unwrap().1).unwrap();
    }
    assert!(folder.join("sign_in-0-portal-fr.html").exists());
}
