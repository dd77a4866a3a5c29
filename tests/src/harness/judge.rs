//! xmlsec1 on what we sign: the reference implementation of XML signatures, in another process.

use std::{io::Write as _, path::PathBuf, process::Command};

use tempfile::NamedTempFile;

use super::program;

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
}

fn written(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}
