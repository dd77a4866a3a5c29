//! The signature over a whole metadata document, however large.
//!
//! The same strict path as for messages, but for memory: a federation's tree is some ten times its text, so it is dropped
//! while libxml2 holds its own, and what both readings said is compared by a digest of it (SI-04).

use aws_lc_rs::digest::{Context, SHA256};

use crate::saml::lexis;
use crate::saml::names::DSIG;
use crate::saml::reason::Reason;
use crate::saml::tree::{self, Element, Limits};
use crate::saml::trust::{self, Key};

use super::certificate;

/// What the signature covers, read from the very octets that were digested.
pub fn verified(text: &str, certificates: &[String], limits: Limits) -> Result<Element, Reason> {
    let received = tree::read(text, limits)?;
    let method = trust::enveloped(&received)?.ok_or(Reason::Unsigned)?;
    let said = sense(&received);
    drop(received);
    let signed = trust::reduced(text, method, &Key::registered(certificates))?;
    let signed = tree::read(&signed, limits)?;
    if sense(&signed) == said { Ok(signed) } else { Err(Reason::SignatureShape) }
}

/// The certificate in the root's signature that has this SHA-256: how a fingerprint told over the telephone becomes a
/// pinned certificate. It is believed because of the fingerprint, not because it is there (SI-06).
pub fn pinned(root: &Element, fingerprint: &str) -> Option<String> {
    let infos = root.all(DSIG, "Signature").flat_map(|signature| signature.all(DSIG, "KeyInfo"));
    let holders = infos.flat_map(|info| info.all(DSIG, "X509Data"));
    let certificates = holders.flat_map(|data| data.all(DSIG, "X509Certificate")).filter_map(Element::value);
    let dense = certificates.map(|text| text.chars().filter(|c| !lexis::is_space(*c)).collect::<String>());
    let mut dense = dense.filter(|text| certificate::fingerprint(text).as_deref() == Some(fingerprint));
    dense.next()
}

/// A digest of all that `Element::says_same_as` compares, without the signature of the root.
fn sense(root: &Element) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    let children = root.children.iter().filter(|child| !child.is(DSIG, "Signature"));
    say(&mut context, root, children);
    let mut sense = [0; 32];
    sense.copy_from_slice(context.finish().as_ref());
    sense
}

/// As deep as the reader lets a document be.
fn say<'a>(context: &mut Context, element: &'a Element, children: impl Iterator<Item = &'a Element>) {
    let mut word = |text: &str| {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    };
    word(&element.namespace);
    word(&element.name);
    word(&element.text);
    let mut attributes: Vec<_> = element.attributes.iter().map(|a| (&*a.namespace, &*a.name, &*a.value)).collect();
    attributes.sort_unstable();
    word(&attributes.len().to_string());
    for (namespace, name, value) in attributes {
        word(namespace);
        word(name);
        word(value);
    }
    for child in children {
        context.update(b"<");
        say(context, child, child.children.iter());
    }
    context.update(b">");
}
