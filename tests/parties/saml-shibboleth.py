"""A SAML service provider as many ENTs run it: Apache with mod_shib, and shibd, of the system's own packages.

Settings, commands, pages and the line protocol are those of saml-node.mjs, but for what follows. Command trust takes
`certificates` (PEM, one or two) as well: one of them must have signed the metadata. /logout is `/Shibboleth.sso/Logout`, and
`/Shibboleth.sso/LogoutAndStay` wants no answer.
"""

import os
import xml.etree.ElementTree as xml

import apache

SHIBD = "/usr/sbin/shibd"
LOGGER = """log4j.rootCategory=INFO, {0}_log
log4j.appender.{0}_log=org.apache.log4j.FileAppender
log4j.appender.{0}_log.fileName={1}
log4j.appender.{0}_log.layout=org.apache.log4j.PatternLayout
log4j.appender.{0}_log.layout.ConversionPattern=%d %p %c: %m%n
"""
# Before there is anybody to trust.
NOBODY = '<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>'


class Shibboleth(apache.Party):
    name = "shibboleth"
    first_page = "/Shibboleth.sso/Metadata"
    commands = ("trust",)

    def __init__(self, settings, folder):
        super().__init__(settings, folder)
        self.write("sp.pem", settings["key"]["cert"])
        self.write("sp.key.pem", settings["key"]["key"])
        self.pin([settings["key"]["cert"]])
        self.write("idp.xml", NOBODY)
        for name in ("shibd", "native"):
            self.write(f"{name}.logger", LOGGER.format(name, self.path(f"{name}.log")))

    @property
    def id(self):
        return f"{self.origin}/shibboleth"

    def ready(self):
        return {"id": self.id, "metadata": self.fetch(self.first_page)}

    def credentials(self):
        resolver = '<CredentialResolver type="File" use="{}" key="{}" certificate="{}"/>'
        uses = ["signing"] + (["encryption"] if self.settings.get("encrypts") else [])
        return "\n".join(resolver.format(use, self.path("sp.key.pem"), self.path("sp.pem")) for use in uses)

    def configure(self):
        self.fill("module.conf")
        signing = "true" if self.settings.get("signs") else "false"
        self.fill("shibboleth2.xml", entity_id=self.id, signing=signing, credentials=self.credentials())

    def begin(self):
        self.run("shibd", [SHIBD, "-F", "-f", "-c", self.path("shibboleth2.xml"), "-p", self.path("shibd.pid")])

    def is_up(self):
        # Without it mod_shib waits for longer and longer.
        return os.path.exists(self.path("shibd.sock")) and super().is_up()

    def pin(self, certificates):
        self.write("idp.pem", certificates[0])
        self.write("idp-next.pem", certificates[-1])

    def trust(self, metadata, certificates):
        self.write("idp.id", xml.fromstring(metadata).get("entityID"))
        self.write("idp.xml", metadata)
        self.pin(certificates)
        self.own()
        # It would read them by itself, at a moment of its own. Sessions are in its memory, and go.
        self.stop("shibd")
        self.begin()
        self.answers()


if __name__ == "__main__":
    apache.serve(Shibboleth)
