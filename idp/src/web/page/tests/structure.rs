//! What holds for every page, state and language (journeys sections 1 and 8).

use std::collections::HashSet;

use scraper::{ElementRef, Html, Selector};

use super::*;

fn all<'a>(document: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    document.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn name(shown: &Shown) -> String {
    format!("{} sample {} in {}", shown.template, shown.number, shown.language.code())
}

#[test]
fn every_page_has_one_title_told_twice() {
    for shown in every_sample() {
        let document = Html::parse_document(&shown.html);
        let headings = all(&document, "h1");
        assert_eq!(headings.len(), 1, "{}", name(&shown));
        let prefix = match (shown.has_error, shown.language.code()) {
            (false, _) => "",
            (true, "fr") => "Erreur : ",
            (true, _) => "Error: ",
        };
        let title = text(all(&document, "title")[0]);
        assert_eq!(title, format!("{prefix}{} - Guichet", text(headings[0])), "{}", name(&shown));
        let root = document.root_element().value();
        assert_eq!(root.attr("lang"), Some(shown.language.code()));
        assert_eq!(root.attr("dir"), Some("ltr"));
    }
}

#[test]
fn pages_are_shared_between_threads() {
    fn shared<T: std::marker::Send + Sync + 'static>(_: &T) {}
    shared(&pages());
}

#[test]
fn every_identifier_is_unique_and_every_reference_resolves() {
    for shown in every_sample() {
        let document = Html::parse_document(&shown.html);
        let ids: Vec<&str> = all(&document, "[id]").iter().filter_map(|element| element.attr("id")).collect();
        let known: HashSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), known.len(), "{}: {ids:?}", name(&shown));
        for attribute in ["for", "aria-describedby", "aria-labelledby", "aria-controls"] {
            for element in all(&document, &format!("[{attribute}]")) {
                for id in element.attr(attribute).unwrap().split_whitespace() {
                    assert!(known.contains(id), "{}: {attribute}={id}", name(&shown));
                }
            }
        }
        for link in all(&document, "a[href^='#']") {
            let target = link.attr("href").unwrap().trim_start_matches('#');
            assert!(known.contains(target), "{}: #{target}", name(&shown));
        }
    }
}

#[test]
fn every_field_has_a_label_and_leaves_the_checks_to_us() {
    for shown in every_sample() {
        let document = Html::parse_document(&shown.html);
        for input in all(&document, "input:not([type=hidden])") {
            let id = input.attr("id").unwrap();
            assert_eq!(all(&document, &format!("label[for={id}]")).len(), 1, "{}: {id}", name(&shown));
            assert_eq!(input.attr("name"), Some(id));
            for refused in ["placeholder", "maxlength", "required", "autofocus", "onfocus"] {
                assert_eq!(input.attr(refused), None, "{}: {id} has {refused}", name(&shown));
            }
        }
        assert!(all(&document, "form").len() <= 1, "{}", name(&shown));
        for form in all(&document, "form:not([data-send])") {
            assert!(form.attr("novalidate").is_some(), "{}", name(&shown));
            assert_eq!(form.attr("method"), Some("post"));
        }
    }
}

#[test]
fn an_error_is_said_on_top_and_at_its_field_in_the_same_words() {
    let mut seen = 0;
    for shown in every_sample().into_iter().filter(|shown| shown.has_error) {
        let document = Html::parse_document(&shown.html);
        let summary = all(&document, "[role=alert]");
        assert_eq!(summary.len(), 1, "{}", name(&shown));
        assert_eq!(summary[0].attr("tabindex"), Some("-1"));
        let prefix = if shown.language.code() == "fr" { "Erreur :" } else { "Error:" };
        for link in summary[0].select(&Selector::parse("a").unwrap()) {
            let field = link.attr("href").unwrap().trim_start_matches('#');
            let input = all(&document, &format!("input#{field}"))[0];
            assert_eq!(input.attr("aria-invalid"), Some("true"), "{}: {field}", name(&shown));
            let said = input.attr("aria-describedby").unwrap().split_whitespace();
            let said = said.filter(|id| id.ends_with("-error")).map(|id| text(all(&document, &format!("#{id}"))[0]));
            assert_eq!(said.collect::<Vec<_>>(), [format!("{prefix} {}", text(link))], "{}", name(&shown));
            seen += 1;
        }
    }
    assert!(seen > 20);
}

#[test]
fn a_page_without_an_error_announces_none() {
    for shown in every_sample().into_iter().filter(|shown| !shown.has_error) {
        let document = Html::parse_document(&shown.html);
        assert!(all(&document, "[role=alert], [aria-invalid], .wrong").is_empty(), "{}", name(&shown));
    }
}

#[test]
fn no_page_holds_what_the_content_policy_forbids() {
    let pages = pages();
    for shown in every_sample() {
        let document = Html::parse_document(&shown.html);
        for script in all(&document, "script") {
            assert!(script.attr("src").is_some_and(|src| src.starts_with("/static/")), "{}", name(&shown));
            assert!(script.attr("defer").is_some() && text(script).is_empty(), "{}", name(&shown));
        }
        let styles = all(&document, "style");
        assert_eq!(styles.len(), 1, "{}", name(&shown));
        let hash =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, styles[0].text().collect::<String>().as_bytes());
        let hash = format!("'sha256-{}'", data_encoding::BASE64.encode(hash.as_ref()));
        assert!(pages.style_hash().contains(&hash), "{}", name(&shown));
        for element in all(&document, "*") {
            let attributes = element.value().attrs().map(|(attribute, _)| attribute);
            let inline: Vec<&str> = attributes.filter(|a| *a == "style" || a.starts_with("on")).collect();
            assert!(inline.is_empty(), "{}: {inline:?}", name(&shown));
        }
    }
}

#[test]
fn every_file_a_page_asks_for_is_served() {
    let pages = pages();
    for shown in every_sample() {
        let document = Html::parse_document(&shown.html);
        for element in all(&document, "script[src], img[src], link[href]") {
            let address = element.attr("src").or(element.attr("href")).unwrap();
            let file = address.trim_start_matches("/static/").split('?').next().unwrap();
            assert!(pages.asset(file).is_some(), "{}: {address}", name(&shown));
        }
    }
}

#[test]
fn the_visitor_always_finds_the_way_out_help_and_the_other_language() {
    for shown in every_sample().into_iter().filter(|shown| shown.template != "pages/busy.html") {
        let document = Html::parse_document(&shown.html);
        let links: Vec<&str> = all(&document, "a").iter().filter_map(|link| link.attr("href")).collect();
        for expected in ["/aide", "/accessibilite", "/donnees-personnelles", "/mentions-legales"] {
            assert!(links.contains(&expected), "{}: {expected}", name(&shown));
        }
        assert!(links.contains(&"/resume/3f9c?lang=en"), "{}: {links:?}", name(&shown));
        assert_eq!(links[0], "#contenu", "{}", name(&shown));
        assert_eq!(all(&document, "#contenu").len(), 1);
        if shown.with_portal {
            assert!(links.contains(&"https://ent.example/accueil?a=1&b=2"), "{}", name(&shown));
        }
    }
}

#[test]
fn a_refusal_shows_its_reference() {
    let mut seen = 0;
    for shown in every_sample().into_iter().filter(|shown| !shown.with_portal) {
        assert!(shown.html.contains("K7QF-2M9D"), "{}", name(&shown));
        seen += usize::from(shown.html.contains("Référence\u{a0}: K7QF-2M9D"));
    }
    assert!(seen > 20);
}

#[test]
fn outside_text_never_becomes_markup() {
    for shown in every_sample() {
        assert!(!shown.html.contains("alert(1)</script>"), "{}", name(&shown));
    }
    let pages = pages();
    let mut hostile = shell(&pages, "fr");
    hostile.portal = Some(Portal {
        name: "<b onclick=x>ENT".to_owned(),
        logo: Some("\"><script src=x>".to_owned()),
        start: Some("https://ent.example/\"><i>".to_owned()),
    });
    hostile.here = "/resume/\"><u>".to_owned();
    let html = pages.render(&sign_in(View::Neutral, "</title>", vec![]), &hostile).unwrap();
    let document = Html::parse_document(&html);
    assert!(all(&document, "b, i, u, script[src=x]").is_empty());
    assert_eq!(text(all(&document, "h1")[0]), "Se connecter à <b onclick=x>ENT");
}

#[test]
fn the_answer_to_a_portal_arrives_unchanged() {
    let pages = pages();
    let field = |name: &str, value: &str| SendField { name: name.to_owned(), value: value.to_owned() };
    let (action, state) = ("https://ent.example/acs?a=\"1\"&b=é", "\"/><script>'&amp;\u{2028}");
    let fields = vec![field("SAMLResponse", "PHNh/bWw+=="), field("RelayState", state)];
    let html = pages
        .render(&Send { action: action.to_owned(), fields, carries: Carries::Answer }, &shell(&pages, "fr"))
        .unwrap();
    let document = Html::parse_document(&html);
    let form = all(&document, "form")[0];
    assert_eq!(form.attr("action"), Some(action));
    let values: Vec<_> = all(&document, "form input").iter().map(|input| input.attr("value").unwrap()).collect();
    assert_eq!(values, ["PHNh/bWw+==", state]);
    assert_eq!(text(all(&document, "form button")[0]), "Continuer vers ENT Exemple");
}

#[test]
fn so_06_the_page_that_carries_an_answer_says_no_more_than_is_true() {
    let pages = pages();
    let title = |carries| {
        let page = Send { action: "https://ent.example/".to_owned(), fields: Vec::new(), carries };
        let html = pages.render(&page, &shell(&pages, "fr")).unwrap();
        text(all(&Html::parse_document(&html), "h1")[0])
    };
    assert_eq!(title(Carries::Answer), "Vous êtes connecté");
    assert_eq!(title(Carries::Refusal), "Retour à votre portail");
    assert_eq!(title(Carries::Farewell), "Vous êtes déconnecté.");
}

#[test]
fn the_sign_in_form_is_where_password_managers_look() {
    let pages = pages();
    let html = pages.render(&sign_in(View::Guardian, "c.exemple12", vec![]), &shell(&pages, "fr")).unwrap();
    let document = Html::parse_document(&html);
    let login = all(&document, "input#identifiant")[0];
    assert_eq!((login.attr("autocomplete"), login.attr("value")), (Some("username"), Some("c.exemple12")));
    assert_eq!((login.attr("autocapitalize"), login.attr("spellcheck")), (Some("none"), Some("false")));
    let password = all(&document, "input#mot_de_passe")[0];
    assert_eq!((password.attr("autocomplete"), password.attr("type")), (Some("current-password"), Some("password")));
    assert_eq!(password.attr("value"), None);
    assert_eq!(all(&document, "form input[name=csrf]")[0].attr("value"), Some("c5rf"));
    assert_eq!(text(all(&document, "form button")[0]), "Se connecter");
    assert_eq!(text(all(&document, "a[aria-current]")[1]), "Je suis responsable d'élève");
}
