use serde_json::json;

use super::guichet::Guichet;

const CLIENT: &str = r#"{"client_name": "ENT Exemple", "redirect_uris": ["https://ent.example/cb"]}"#;

#[test]
fn a_client_is_added_listed_and_shown_without_its_secret() {
    let guichet = Guichet::new();
    let file = guichet.write("client.json", CLIENT);
    let added = guichet.json(&["rp", "add", "--oidc", &file, "--json"]);
    let (id, secret) = (added["client_id"].as_str().unwrap(), added["client_secret"].as_str().unwrap());
    let list = guichet.run(&["rp", "list", "--json"]);
    assert_eq!(list.json().as_array().unwrap().len(), 1);
    let show = guichet.run(&["rp", "show", id, "--json"]);
    assert_eq!(show.json()["redirect_uris"], json!(["https://ent.example/cb"]));
    assert!(!list.out.contains(secret) && !show.out.contains(secret));
    guichet.run(&["rp", "show", "nobody"]).assert_refused(1, &["nobody"]);
}

#[test]
fn a_wrong_file_is_refused_in_words_that_name_it_and_what_is_wrong() {
    let guichet = Guichet::new();
    let doctype = r#"<!DOCTYPE a [<!ENTITY b "c">]><EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>"#;
    for (kind, name, text, words) in [
        ("--metadata", "other.xml", "<html/>", "the root element is html"),
        ("--metadata", "cut.xml", "<EntityDescriptor", ""),
        ("--metadata", "doctype.xml", doctype, ""),
        ("--oidc", "cut.json", "{", ""),
        ("--oidc", "http.json", r#"{"client_name": "a", "redirect_uris": ["http://ent.example/cb"]}"#, "redirect"),
    ] {
        guichet.write(name, text);
        guichet.run(&["rp", "add", kind, name]).assert_refused(1, &[name, words]);
    }
    guichet.run(&["rp", "add", "--metadata", "absent.xml"]).assert_refused(1, &["absent.xml"]);
    guichet.run(&["rp", "add"]).assert_refused(2, &["--metadata", "--oidc"]);
    let file = guichet.write("client.json", CLIENT);
    guichet.run(&["rp", "add", "--oidc", &file, "--release", "secret"]).assert_refused(2, &["givenName"]);
    assert_eq!(guichet.json(&["rp", "list", "--json"]), json!([]));
}
