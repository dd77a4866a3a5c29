//! xmlsec1 on what we sign: the reference implementation of XML signatures, in another process.

use std::{io::Write as _, path::PathBuf, process::Command};

use tempfile::NamedTempFile;

use super::{program, tls::Identity};

/// Which element's own signature is judged.
#[derive(Clone, Copy)]
pub enum Signed {
    Response,
    /// The one inside a Response.
    Assertion,
    AuthnRequest,
    Metadata,
}

const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const IN_RESPONSE: [(&str, &str); 2] = [(PROTOCOL, "Response"), (ASSERTION, "Assertion")];

const SIGNABLE: [(&str, &str); 4] = [
    ("protocol", "Response"),
    ("protocol", "LogoutRequest"),
    ("assertion", "Assertion"),
    ("metadata", "EntityDescriptor"),
];

pub struct Judge(PathBuf);

impl Judge {
    pub fn find() -> Option<Self> {
        program::on_path("xmlsec1").map(Self)
    }

    /// Accepts the signature under this certificate's key and no other, or says what xmlsec1 said.
    pub fn verify(&self, xml: &str, certificate: &str, signed: Signed) -> Result<(), String> {
        let (elements, ids): (&[&str], &[(&str, &str)]) = match signed {
            Signed::Response => (&["Response"], &IN_RESPONSE),
            Signed::Assertion => (&["Response", "Assertion"], &IN_RESPONSE),
            Signed::AuthnRequest => (&["AuthnRequest"], &[(PROTOCOL, "AuthnRequest")]),
            Signed::Metadata => (&["EntityDescriptor"], &[(METADATA, "EntityDescriptor")]),
        };
        let element = |name: &&str| format!("/*[local-name()='{name}']");
        let path = elements.iter().chain(&["Signature"]).map(element).collect::<Vec<_>>().concat();
        let (document, key) = (written(xml), written(certificate));
        let mut command = Command::new(&self.0);
        command.args(["--verify", "--node-xpath", &path, "--pubkey-cert-pem"]).arg(key.path());
        for (namespace, name) in ids {
            command.args(["--id-attr:ID", &format!("{namespace}:{name}")]);
        }
        let told = command.arg(document.path()).output().unwrap();
        if told.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&told.stderr).into_owned()) }
    }

    /// Fills in the signatures that are yet to be made (`unsigned`), those inside first.
    pub fn sign(&self, xml: &str, key: &Identity, elements: &[&str]) -> String {
        let key = written(&key.key);
        let mut xml = xml.to_owned();
        for element in elements {
            let (from, to) = (written(&xml), NamedTempFile::new().unwrap());
            let place = format!("//*[local-name()='{element}']/*[local-name()='Signature']");
            let mut command = Command::new(&self.0);
            command.args(["--sign", "--node-xpath", &place, "--privkey-pem"]).arg(key.path());
            for (space, name) in SIGNABLE {
                command.args(["--id-attr:ID", &format!("urn:oasis:names:tc:SAML:2.0:{space}:{name}")]);
            }
            let told = command.arg("--output").arg(to.path()).arg(from.path()).output().unwrap();
            assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
            xml = std::fs::read_to_string(to.path()).unwrap();
        }
        xml
    }
}

/// A signature yet to be made over the element of that id.
pub fn unsigned(id: &str) -> String {
    let (ds, c14n) = ("http://www.w3.org/2000/09/xmldsig#", "http://www.w3.org/2001/10/xml-exc-c14n#");
    format!(
        r##"<Signature xmlns="{ds}"><SignedInfo><CanonicalizationMethod Algorithm="{c14n}"/>
<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><Reference URI="#{id}"><Transforms>
<Transform Algorithm="{ds}enveloped-signature"/><Transform Algorithm="{c14n}"/></Transforms>
<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue/></Reference></SignedInfo>
<SignatureValue/></Signature>"##
    )
}

fn written(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}
