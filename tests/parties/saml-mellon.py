"""A SAML service provider over mod_auth_mellon (and Lasso beneath it), of the system's own packages.

Settings, commands, pages and the line protocol are those of saml-node.mjs, but for what follows. It asks by Redirect
only, always signed, and writes its own metadata; there is no ?forceAuthn. Without `encrypts` its metadata are those that
it wrote, less the key for encryption. Sign-out starts at /mellon/logout?ReturnTo=ADDRESS.
"""

import re

import apache

ENCRYPTION = re.compile(r'\s*<KeyDescriptor use="encryption">.*?</KeyDescriptor>', re.DOTALL)

# It wants one to begin with.
NOBODY = """<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="urn:nobody">
<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://127.0.0.1/"/>
</IDPSSODescriptor></EntityDescriptor>"""


class Mellon(apache.Party):
    name = "mellon"
    first_page = "/mellon/metadata"
    commands = ("trust",)

    def __init__(self, settings, folder):
        super().__init__(settings, folder)
        self.write("sp.pem", settings["key"]["cert"])
        self.write("sp.key.pem", settings["key"]["key"])
        self.write("idp.xml", NOBODY)

    def configure(self):
        self.fill("module.conf", id=f"{self.origin}{self.first_page}")

    def ready(self):
        metadata = self.fetch(self.first_page)
        if not self.settings.get("encrypts"):
            metadata = ENCRYPTION.sub("", metadata)
        return {"id": f"{self.origin}{self.first_page}", "metadata": metadata}

    def trust(self, metadata, certificates):
        self.write("idp.xml", metadata)
        self.restart()


if __name__ == "__main__":
    apache.serve(Mellon)
