//! Reading the forms of a page, as far as pressing their button needs it.

/// A form with the fields that a browser would send as they stand, and the first button's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// The one form of a page that has `field`.
    pub fn with<'a>(forms: &'a [Self], field: &str) -> Option<&'a Self> {
        forms.iter().find(|form| form.value(field).is_some())
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Types `value` into a field.
    pub fn fill(&mut self, name: &str, value: &str) {
        for field in self.fields.iter_mut().filter(|(field, _)| field == name) {
            value.clone_into(&mut field.1);
        }
    }

    pub fn encoded(&self) -> String {
        serde_urlencoded::to_string(&self.fields).unwrap_or_default()
    }
}

/// Every form of a page, in order.
pub fn read(html: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut open: Option<(Form, bool)> = None;
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, next) = split_tag(after);
        rest = next;
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let attribute = |wanted: &str| attribute(tag.get(name.len()..).unwrap_or_default(), wanted);
        match name.as_str() {
            "script" | "style" => rest = rest.split_once("</").map_or("", |(_, after)| after),
            "form" => {
                forms.extend(open.take().map(|(form, _)| form));
                open = Some((Form { action: attribute("action").unwrap_or_default(), fields: Vec::new() }, false));
            }
            "input" => {
                let kind = attribute("type").unwrap_or_default();
                let is_sent = match kind.as_str() {
                    "submit" | "button" | "reset" | "image" | "file" => false,
                    "checkbox" | "radio" => attribute("checked").is_some(),
                    _ => true,
                };
                if let (Some((form, _)), Some(field), true) = (open.as_mut(), attribute("name"), is_sent) {
                    form.fields.push((field, attribute("value").unwrap_or_default()));
                }
            }
            "button" => {
                let is_submit = !matches!(attribute("type").as_deref(), Some("button" | "reset"));
                if let (Some((form, pressed @ false)), true) = (open.as_mut(), is_submit) {
                    *pressed = true;
                    form.fields.extend(attribute("name").map(|name| (name, attribute("value").unwrap_or_default())));
                }
            }
            _ if tag.starts_with("/form") => forms.extend(open.take().map(|(form, _)| form)),
            _ => {}
        }
    }
    forms.extend(open.map(|(form, _)| form));
    forms
}

/// The text of a tag up to the `>` that ends it: one inside quotes does not.
fn split_tag(text: &str) -> (&str, &str) {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None, '>') => return text.split_at_checked(at).map_or((text, ""), |(tag, rest)| (tag, &rest[1..])),
            _ => {}
        }
    }
    (text, "")
}

fn attribute(tag: &str, wanted: &str) -> Option<String> {
    let mut rest = tag.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end)?;
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('=').map(str::trim_start) {
            None => ("", after),
            Some(quoted) if quoted.starts_with('"') => quoted.get(1..)?.split_once('"')?,
            Some(quoted) if quoted.starts_with('\'') => quoted.get(1..)?.split_once('\'')?,
            Some(bare) => bare.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((bare, "")),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(unescape(value));
        }
        // A stray slash or equals sign must not stop the walk.
        rest = if end == 0 { next.get(1..).unwrap_or_default().trim_start() } else { next.trim_start() };
    }
    None
}

/// Character references of attribute values, as templates write them.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let known = after.split_once(';').and_then(|(name, next)| Some((character(name)?, next)));
        if let Some((character, next)) = known {
            out.push(character);
            rest = next;
        } else {
            out.push('&');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_sign_in_form_is_filled_and_keeps_its_hidden_field() {
        let page = r#"<style>form > p { color: red }</style><form method="post" action="/connexion/abc" novalidate>
            <input type="hidden" name="csrf" value="t&#x2f;k&amp;n">
            <input id="identifiant" name="identifiant" value="" autocapitalize=none>
            <input type="password" name="mot_de_passe"><button type="button" name="voir">Afficher</button>
            <input type="checkbox" name="rester" value="oui"><button>Se connecter</button></form>"#;
        let forms = read(page);
        let mut form = Form::with(&forms, "mot_de_passe").unwrap().clone();
        form.fill("identifiant", "c.exemple12");
        form.fill("mot_de_passe", "a b&c");
        assert_eq!(form.action, "/connexion/abc");
        assert_eq!(
            form.fields,
            [pair("csrf", "t/k&n"), pair("identifiant", "c.exemple12"), pair("mot_de_passe", "a b&c")]
        );
        assert_eq!(form.encoded(), "csrf=t%2Fk%26n&identifiant=c.exemple12&mot_de_passe=a+b%26c");
    }

    #[test]
    fn the_first_button_is_the_one_pressed() {
        let forms =
            read("<form action='/c'><button name=choix value=continuer>Oui<button name=choix value=autre>Non</form>");
        assert_eq!(forms[0].fields, [pair("choix", "continuer")]);
    }

    #[test]
    fn the_right_form_is_found_among_several() {
        let forms =
            read("<form action=/lang><input name=lang></form><form action=/in><input name=mot_de_passe></form>");
        assert_eq!(Form::with(&forms, "mot_de_passe").unwrap().action, "/in");
        assert_eq!(Form::with(&forms, "SAMLResponse"), None);
    }

    #[test]
    fn a_bracket_inside_quotes_does_not_end_a_tag() {
        let forms = read(r#"<form action="/a?b>c"><input name="x" value="1>2"></form>"#);
        assert_eq!(forms[0].action, "/a?b>c");
        assert_eq!(forms[0].value("x"), Some("1>2"));
    }

    #[test]
    fn an_unknown_reference_stays_as_written() {
        assert_eq!(unescape("a&nope;b&c &lt;&#39;&#x27;"), "a&nope;b&c <''");
    }
}
