//! The words: complete, the same in the templates, the code and the files, and those of the journeys.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use fluent_bundle::FluentResource;

use super::*;
use crate::text::variables;

type Messages = BTreeMap<String, BTreeSet<String>>;

/// The vocabulary of the journeys, kept whole: a word may be there before its page.
const VOCABULARY: &str = "messages.ftl";

fn house() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn files_of(folder: &Path, extension: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_of(&path, extension, found);
        } else if path.extension().is_some_and(|is| is == extension) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn messages_of(language: &str, wanted: impl Fn(&str) -> bool) -> Messages {
    let mut files = Vec::new();
    files_of(&house().join("templates/locales").join(language), "ftl", &mut files);
    assert!(!files.is_empty());
    let mut all = Messages::new();
    for (name, text) in files.into_iter().filter(|(name, _)| wanted(name)) {
        for (key, uses) in variables(&FluentResource::try_new(text).unwrap()) {
            assert!(all.insert(key.clone(), uses).is_none(), "{language}/{name}: {key} is said twice");
        }
    }
    all
}

/// What stands between quotes right after `opening`, and the text up to the end of that call.
fn calls<'a>(source: &'a str, opening: &str, quote: char) -> Vec<(&'a str, &'a str)> {
    let starts = source
        .match_indices(opening)
        .filter(|(at, _)| !source[..*at].ends_with(|before: char| before.is_alphanumeric() || before == '_'));
    starts
        .filter_map(|(at, _)| {
            let (key, rest) = source[at + opening.len()..].split_once(quote)?;
            Some((key, &rest[..rest.find(')').unwrap()]))
        })
        .collect()
}

/// Each message the templates ask for, with the values they give it.
fn asked_by_templates() -> Vec<(String, BTreeSet<String>)> {
    let mut files = Vec::new();
    files_of(&house().join("templates/pages"), "html", &mut files);
    files_of(&house().join("templates/components"), "html", &mut files);
    let mut asked = Vec::new();
    for (_, source) in &files {
        for (key, values) in calls(source, "t('", '\'').into_iter().chain(calls(source, "attr('", '\'')) {
            let values =
                values.split(',').filter_map(|pair| pair.split_once('=')).map(|(name, _)| name.trim().to_owned());
            asked.push((key.to_owned(), values.collect()));
        }
    }
    asked
}

fn asked_by_code() -> BTreeSet<String> {
    let mut files = Vec::new();
    files_of(&house().join("idp/src"), "rs", &mut files);
    files.retain(|(name, _)| name != "messages.rs");
    let mut asked = BTreeSet::new();
    for (_, source) in &files {
        for start in ["Message::new(\"", "word(\""] {
            asked.extend(calls(source, start, '"').into_iter().map(|(key, _)| key.to_owned()));
        }
    }
    asked
}

#[test]
fn every_language_says_every_message_with_the_same_values() {
    let french = messages_of("fr", |_| true);
    let english = messages_of("en", |_| true);
    let missing: Vec<_> = french.keys().filter(|key| !english.contains_key(*key)).collect();
    let unknown: Vec<_> = english.keys().filter(|key| !french.contains_key(*key)).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:?}, unknown {unknown:?}");
    for (key, uses) in &french {
        assert_eq!(&english[key], uses, "{key}");
    }
}

#[test]
fn templates_name_messages_that_exist_and_give_what_they_need() {
    let french = messages_of("fr", |_| true);
    for (key, values) in asked_by_templates() {
        let needed = french.get(&key).unwrap_or_else(|| panic!("no message is called {key}"));
        assert_eq!(needed, &values, "{key}");
    }
}

#[test]
fn code_names_messages_that_exist() {
    let french = messages_of("fr", |_| true);
    for key in asked_by_code() {
        assert!(french.contains_key(&key), "no message is called {key}");
    }
}

#[test]
fn no_message_is_left_without_a_page() {
    let asked: BTreeSet<String> = asked_by_templates().into_iter().map(|(key, _)| key).chain(asked_by_code()).collect();
    let unused: Vec<_> =
        messages_of("fr", |name| name != VOCABULARY).into_keys().filter(|key| !asked.contains(key)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn no_sentence_stands_in_a_template() {
    let mut files = Vec::new();
    files_of(&house().join("templates/pages"), "html", &mut files);
    files_of(&house().join("templates/components"), "html", &mut files);
    for (name, source) in files {
        let mut left = source.clone();
        for (open, close) in [("{%", "%}"), ("{{", "}}"), ("<", ">")] {
            while let Some(start) = left.find(open) {
                let end = left[start..].find(close).unwrap() + start + close.len();
                left.replace_range(start..end, "");
            }
        }
        let words: String = left.chars().filter(|letter| letter.is_alphabetic()).collect();
        assert_eq!(words, "", "{name}");
    }
}

/// Journeys section 1, "Tone": what families are never told.
#[test]
fn the_tone_is_kept() {
    let french = ["veuillez", "désolé", "invalide", "oups", "saml", "jeton", "assertion", "openid"];
    let english = ["please enter", "sorry", "invalid", "oops", "saml", "token", "assertion", "openid"];
    for (language, refused) in [("fr", french), ("en", english)] {
        let mut files = Vec::new();
        files_of(&house().join("templates/locales").join(language), "ftl", &mut files);
        for (name, text) in files {
            let text = text.to_lowercase();
            let said: Vec<_> = refused.iter().filter(|word| text.contains(*word)).collect();
            assert!(said.is_empty(), "{language}/{name}: {said:?}");
        }
    }
}

fn said(message: &Message) -> (String, String) {
    let pages = pages();
    let [french, english] = ["fr", "en"].map(|code| pages.text().choose(Some(code), None, None, None));
    (french.say(message), english.say(message))
}

#[test]
fn refusals_are_said_in_the_words_of_the_journeys() {
    let both = |message: Message, french: &str, english: &str| {
        let (in_french, in_english) = said(&message);
        // Word for word; that a mark does not begin a line is typography.
        assert_eq!((in_french.replace('\u{a0}', " "), in_english), (french.to_owned(), english.to_owned()));
    };
    both(
        Message::new("pair"),
        "L'identifiant ou le mot de passe ne correspond pas. Vérifiez les majuscules, ou choisissez « Mot de passe oublié ».",
        "The username or password does not match. Check capital letters, or choose \"Forgotten password\".",
    );
    both(Message::new("id-empty"), "Saisissez votre identifiant", "Enter your username");
    both(Message::new("pw-empty"), "Saisissez votre mot de passe", "Enter your password");
    both(
        Message::new("wait").with("n", 4),
        "Trop d'essais. Réessayez dans 4 minutes, ou changez votre mot de passe maintenant.",
        "Too many attempts. Try again in 4 minutes, or change your password now.",
    );
    both(
        Message::new("wait").with("n", 1),
        "Trop d'essais. Réessayez dans 1 minute, ou changez votre mot de passe maintenant.",
        "Too many attempts. Try again in 1 minute, or change your password now.",
    );
    both(Message::new("date-empty"), "Saisissez la date de naissance", "Enter the date of birth");
    both(Message::new("date-real"), "Cette date n'existe pas", "This is not a real date");
    both(
        Message::new("date-past"),
        "La date de naissance doit être dans le passé",
        "The date of birth must be in the past",
    );
    both(
        Message::new("pw-short").with("n", 7),
        "Le mot de passe doit avoir au moins 12 caractères. Il en a 7.",
        "The password must have at least 12 characters. It has 7.",
    );
    both(
        Message::new("pw-common"),
        "Ce mot de passe est trop courant. Choisissez par exemple trois mots sans rapport.",
        "This password is too common. Try three unrelated words.",
    );
    both(
        Message::new("svc-unknown"),
        "Cette adresse de connexion n'est pas reconnue. Repartez de la page d'accueil de votre ENT.",
        "This sign-in address is not recognised. Start again from your school portal.",
    );
    both(
        Message::new("busy").with("n", 12),
        "Beaucoup de personnes se connectent. Nous réessayons dans 12 secondes.",
        "Many people are signing in. We will try again in 12 seconds.",
    );
}

#[test]
fn lists_and_dates_follow_the_language() {
    let parts = Message::new("list-two")
        .with("first", Message::new("date-part-month"))
        .with("second", Message::new("date-part-year"));
    assert_eq!(
        said(&Message::new("date-part").with("parts", parts)),
        (
            "Il manque le mois et l'année dans la date de naissance".to_owned(),
            "The date of birth must include a month and a year".to_owned()
        )
    );
    let closed = |date: time::Date| said(&Message::new("closed-since").with("date", date));
    assert_eq!(
        closed(time::macros::date!(2026 - 09 - 01)),
        (
            "Ce compte n'est plus actif depuis le 1er septembre 2026.".to_owned(),
            "This account has not been active since 1 September 2026.".to_owned()
        )
    );
    assert_eq!(closed(time::macros::date!(2026 - 02 - 28)).0, "Ce compte n'est plus actif depuis le 28 février 2026.");
}

#[test]
fn the_language_is_the_asked_one_then_the_kept_one_then_the_portal_s_then_the_browser_s() {
    let pages = pages();
    let chosen = |query, cookie, portal, browser| pages.text().choose(query, cookie, portal, browser).code().to_owned();
    assert_eq!(chosen(None, None, None, None), "fr");
    assert_eq!(chosen(Some("en"), Some("fr"), Some("fr"), Some("fr")), "en");
    assert_eq!(chosen(Some("xx"), Some("en"), Some("fr"), Some("fr")), "en");
    assert_eq!(chosen(None, None, Some("de en-GB fr"), Some("fr")), "en");
    assert_eq!(chosen(None, None, None, Some("de;q=1.0, en-US;q=0.8, fr;q=0.9")), "fr");
    assert_eq!(chosen(None, None, None, Some("en-US,en;q=0.5")), "en");
    assert_eq!(chosen(None, None, None, Some("en;q=0, *")), "fr");
    assert_eq!(chosen(None, None, None, Some(";;,,q=,en;q=x")), "fr");
}

#[test]
fn a_language_is_a_folder_and_french_fills_its_holes() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("ar")).unwrap();
    let words = "language-name = العربية\nlanguage-direction = rtl\nidentifier = المعرّف\n";
    fs::write(folder.path().join("ar/words.ftl"), words).unwrap();
    let pages = Pages::load(None, Some(folder.path()), "Guichet").unwrap();
    let html = pages.render(&sign_in(View::Neutral, "", vec![]), &shell(&pages, "ar")).unwrap();
    assert!(html.contains("<html lang=\"ar\" dir=\"rtl\">"));
    assert!(html.contains("<label for=\"identifiant\">المعرّف</label>"));
    assert!(html.contains("<label for=\"mot_de_passe\"><span lang=\"fr\" dir=\"ltr\">Mot de passe</span></label>"));
    assert!(html.contains("<title>Se connecter à ENT Exemple - Guichet</title>"));
    assert!(html.contains("data-show=\"Afficher le mot de passe\""));
    let english = pages.render(&sign_in(View::Neutral, "", vec![]), &shell(&pages, "en")).unwrap();
    assert!(english.contains("lang=\"ar\" hreflang=\"ar\" dir=\"rtl\">العربية</a>"));
    pages.check().unwrap();
}

#[test]
fn a_theme_may_say_a_message_over() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("locales/fr")).unwrap();
    fs::write(folder.path().join("locales/fr/ours.ftl"), "operator-name = l'académie d'Exemple\n").unwrap();
    let pages = Pages::load(Some(folder.path()), None, "Guichet").unwrap();
    let html = pages.render(&Legal, &shell(&pages, "fr")).unwrap();
    assert!(html.contains("Guichet est mis en œuvre par\u{a0}: l&#39;académie d&#39;Exemple."));
}

#[test]
fn a_bad_language_folder_is_refused_by_name() {
    let refusal = |folder: &str, words: &str| {
        let languages = tempfile::tempdir().unwrap();
        fs::create_dir(languages.path().join(folder)).unwrap();
        fs::write(languages.path().join(folder).join("words.ftl"), words).unwrap();
        Pages::load(None, Some(languages.path()), "Guichet").err().unwrap().to_string()
    };
    assert!(refusal("deutsch-und-mehr", "a = b\n").contains("deutsch-und-mehr"));
    assert!(refusal("de", "wait = Noch { $minuten }\n").contains("the message wait uses $minuten"));
    assert!(refusal("de", "wait Noch\n").contains("words.ftl is not a message file"));
    let missing = Pages::load(None, Some(Path::new("/nowhere/languages")), "Guichet").err().unwrap();
    assert!(missing.to_string().contains("/nowhere/languages"));
}

#[test]
fn a_broken_theme_component_is_refused_by_name() {
    let theme = tempfile::tempdir().unwrap();
    fs::create_dir(theme.path().join("components")).unwrap();
    fs::write(theme.path().join("components/button.html"), "{% macro button(").unwrap();
    let error = Pages::load(Some(theme.path()), None, "Guichet").err().unwrap();
    assert_eq!(error.to_string(), "the template components/button.html could not be used");
    fs::write(theme.path().join("components/button.html"), "{% macro button(text) %}{{ txet }}{% endmacro %}").unwrap();
    assert!(Pages::load(Some(theme.path()), None, "Guichet").unwrap().check().is_err());
    let scripted = "{% macro button(text, kind='', name=none, value='') %}<button style=\"x\">{{ text }}</button>{% endmacro %}\
                    {% macro button_link(text, href, kind='') %}{% endmacro %}";
    fs::write(theme.path().join("components/button.html"), scripted).unwrap();
    let error = Pages::load(Some(theme.path()), None, "Guichet").unwrap().check().err().unwrap();
    assert!(error.to_string().starts_with("the page pages/sign_in.html, sample 0 in fr from a portal is not fit"));
}
