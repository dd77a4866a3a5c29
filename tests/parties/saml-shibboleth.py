"""A SAML service provider as many ENTs run it: Apache with mod_shib, and shibd, of the system's own packages.

Settings, commands, pages and the line protocol are those of saml-node.mjs, but for what follows. Command trust takes
`certificates` (PEM, one or two) as well: one of them must have signed the metadata. /logout is `/Shibboleth.sso/Logout`, and
`/Shibboleth.sso/LogoutAndStay` wants no answer. Both servers run in a folder of their own, as nobody when started by
root, and end with this process.
"""

import json
import os
import shutil
import signal
import socket
import ssl
import string
import subprocess
import sys
import tempfile
import time
import urllib.request
import xml.etree.ElementTree as xml

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shibboleth")
MODULES = "/usr/lib/apache2/modules"
APACHE = "/usr/sbin/apache2"
SHIBD = "/usr/sbin/shibd"
PATIENCE = 30
LOGGER = """log4j.rootCategory=INFO, {0}_log
log4j.appender.{0}_log=org.apache.log4j.FileAppender
log4j.appender.{0}_log.fileName={1}
log4j.appender.{0}_log.layout=org.apache.log4j.PatternLayout
log4j.appender.{0}_log.layout.ConversionPattern=%d %p %c: %m%n
"""
# Before there is anybody to trust.
NOBODY = '<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>'


class Party:
    def __init__(self, settings, folder):
        self.folder = folder
        self.settings = settings
        self.children = {}
        self.port = 0
        shutil.copytree(HERE, folder, dirs_exist_ok=True)
        os.chmod(self.path("page.py"), 0o755)
        self.write("server.pem", settings["tls"]["cert"])
        self.write("server.key.pem", settings["tls"]["key"])
        self.write("sp.pem", settings["key"]["cert"])
        self.write("sp.key.pem", settings["key"]["key"])
        self.pin([settings["key"]["cert"]])
        self.write("idp.xml", NOBODY)
        for name in ("shibd", "native"):
            self.write(f"{name}.logger", LOGGER.format(name, self.path(f"{name}.log")))

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def fill(self, name, **values):
        with open(os.path.join(HERE, name), encoding="utf-8") as file:
            self.write(name, string.Template(file.read()).substitute(folder=self.folder, **values))

    def credentials(self):
        resolver = '<CredentialResolver type="File" use="{}" key="{}" certificate="{}"/>'
        uses = ["signing"] + (["encryption"] if self.settings.get("encrypts") else [])
        return "\n".join(resolver.format(use, self.path("sp.key.pem"), self.path("sp.pem")) for use in uses)

    def start(self):
        # The port is free when it is drawn; if somebody was quicker, another one is.
        while True:
            with socket.create_server(("127.0.0.1", 0)) as drawn:
                self.port = drawn.getsockname()[1]
            self.fill("apache2.conf", port=self.port, modules=MODULES)
            self.fill(
                "shibboleth2.xml",
                entity_id=self.id,
                signing="true" if self.settings.get("signs") else "false",
                credentials=self.credentials(),
            )
            self.own()
            self.run("shibd")
            self.run("apache2")
            if self.answers():
                return

    @property
    def origin(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def id(self):
        return f"{self.origin}/shibboleth"

    def own(self):
        """The servers refuse to be root, and so do we."""
        if os.getuid() == 0:
            for folder, _, files in os.walk(self.folder):
                for name in [folder] + [os.path.join(folder, file) for file in files]:
                    shutil.chown(name, "nobody", "nogroup")

    def run(self, name):
        command = {
            "shibd": [SHIBD, "-F", "-f", "-c", self.path("shibboleth2.xml"), "-p", self.path("shibd.pid")],
            "apache2": [APACHE, "-DFOREGROUND", "-f", self.path("apache2.conf")],
        }[name]
        as_nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
        output = open(self.path(f"{name}.out"), "ab")
        self.children[name] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **as_nobody
        )

    def answers(self):
        """Waits for the first page; false where the port was taken."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self.children["shibd"].poll() is not None:
                raise RuntimeError(f"shibd ended: {self.told()}")
            if self.children["apache2"].poll() is not None:
                if "Address already in use" not in self.told():
                    raise RuntimeError(f"Apache ended: {self.told()}")
                self.stop()
                return False
            if os.path.exists(self.path("shibd.sock")) and self.metadata():
                return True
            time.sleep(0.05)
        raise RuntimeError(f"Apache and shibd did not answer: {self.told()}")

    def told(self):
        names = sorted(name for name in os.listdir(self.folder) if name.endswith((".log", ".out")))
        parts = []
        for name in names:
            with open(self.path(name), encoding="utf-8", errors="replace") as file:
                parts.append(f"{name}: {file.read()[-2000:]}")
        return "\n".join(parts)

    def metadata(self):
        context = ssl.create_default_context(cadata=self.settings["tls"]["cert"])
        try:
            with urllib.request.urlopen(f"{self.origin}/Shibboleth.sso/Metadata", context=context) as answer:
                return answer.read().decode()
        except OSError:
            return None

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
        self.run("shibd")
        self.answers()

    def stop(self, *names):
        children = [self.children.pop(name) for name in names or list(self.children)]
        for child in children:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM)
        for child in children:
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def say(**line):
    print(json.dumps(line), flush=True)


def main():
    # Whoever started this may kill it without a word; the child sees its stdin close and clears up behind itself.
    # In a session of its own, since an interrupt at the terminal is meant for the tests.
    if child := os.fork():
        os.waitpid(child, 0)
        return
    os.setsid()
    settings = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory(prefix="guichet-shibboleth-") as folder:
        party = Party(settings, folder)
        try:
            try:
                party.start()
            except Exception as error:
                return say(error=str(error))
            say(ok={"url": party.origin, "id": party.id, "metadata": party.metadata()})
            for line in sys.stdin:
                command = json.loads(line)
                try:
                    if command["do"] != "trust":
                        raise ValueError("not a command of this party")
                    party.trust(command["metadata"], command["certificates"])
                    say(ok=None)
                except Exception as error:
                    say(error=f"{command['do']}: {error}")
        finally:
            party.stop()


if __name__ == "__main__":
    main()
