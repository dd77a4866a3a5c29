"""Apache as a relying party of a kind: what the parties behind one of its modules share.

Settings on the first line, commands after it, pages: as in saml-node.mjs. The servers run in a folder of their own, as
nobody when started by root, and end with this process. In that folder lie the files of `apache/` and those of the
party's own folder; `apache2.conf` includes the party's `module.conf`.
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

PARTIES = os.path.dirname(os.path.abspath(__file__))
MODULES = "/usr/lib/apache2/modules"
APACHE = "/usr/sbin/apache2"
PATIENCE = 30


class Party:
    """One Apache and what it needs beside it. A party says where it shows that it is there."""

    name = ""
    # Answers with 200 once everything runs.
    first_page = "/"

    def __init__(self, settings, folder):
        self.folder = folder
        self.settings = settings
        self.children = {}
        self.port = 0
        for name in ("apache", self.name):
            shutil.copytree(os.path.join(PARTIES, name), folder, dirs_exist_ok=True)
        os.chmod(self.path("page.py"), 0o755)
        self.write("server.pem", settings["tls"]["cert"])
        self.write("server.key.pem", settings["tls"]["key"])

    def configure(self):
        """Writes `module.conf` and whatever belongs to it; the port is known."""
        raise NotImplementedError

    def begin(self):
        """Starts what has to run beside Apache, and waits for it."""

    def is_up(self):
        return self.fetch(self.first_page) is not None

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def fill(self, name, **values):
        for folder in (self.name, "apache"):
            template = os.path.join(PARTIES, folder, name)
            if os.path.exists(template):
                break
        with open(template, encoding="utf-8") as file:
            text = string.Template(file.read()).substitute(
                folder=self.folder, origin=self.origin, modules=MODULES, **values
            )
        self.write(name, text)

    @property
    def origin(self):
        return f"https://127.0.0.1:{self.port}"

    def start(self):
        # The port is free when it is drawn; if somebody was quicker, another one is.
        while True:
            with socket.create_server(("127.0.0.1", 0)) as drawn:
                self.port = drawn.getsockname()[1]
            self.fill("apache2.conf", port=self.port)
            self.configure()
            self.own()
            self.begin()
            self.run("apache2", [APACHE, "-DFOREGROUND", "-f", self.path("apache2.conf")])
            if self.answers():
                return

    def restart(self):
        """The same anew, on the same address, over what `configure` writes now."""
        self.configure()
        self.own()
        self.stop("apache2")
        self.run("apache2", [APACHE, "-DFOREGROUND", "-f", self.path("apache2.conf")])
        if not self.answers():
            raise RuntimeError("the address was taken meanwhile")

    def own(self):
        """The servers refuse to be root, and so do we."""
        if os.getuid() == 0:
            for folder, _, files in os.walk(self.folder):
                for name in [folder] + [os.path.join(folder, file) for file in files]:
                    shutil.chown(name, "nobody", "nogroup")

    def run(self, name, command):
        as_nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
        with open(self.path(f"{name}.out"), "ab") as output:
            self.children[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **as_nobody
            )

    def answers(self):
        """Waits for the first page; false where the port was taken."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for name, child in self.children.items():
                if child.poll() is None:
                    continue
                if name != "apache2" or "Address already in use" not in self.told():
                    raise RuntimeError(f"{name} ended: {self.told()}")
                self.stop()
                return False
            if self.is_up():
                return True
            time.sleep(0.05)
        raise RuntimeError(f"no answer: {self.told()}")

    def fetch(self, path):
        context = ssl.create_default_context(cadata=self.settings["tls"]["cert"])
        try:
            with urllib.request.urlopen(f"{self.origin}{path}", context=context) as answer:
                return answer.read().decode()
        except OSError:
            return None

    def told(self):
        names = sorted(name for name in os.listdir(self.folder) if name.endswith((".log", ".out")))
        parts = []
        for name in names:
            with open(self.path(name), encoding="utf-8", errors="replace") as file:
                parts.append(f"{name}: {file.read()[-2000:]}")
        return "\n".join(parts)

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


def serve(kind):
    """Runs a party of this kind until its stdin closes: its `ready()` is told first, each method of `commands` on demand."""
    # Whoever started this may kill it without a word; the child sees its stdin close and clears up behind itself.
    # In a session of its own, since an interrupt at the terminal is meant for the tests.
    if child := os.fork():
        os.waitpid(child, 0)
        return
    os.setsid()
    settings = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory(prefix=f"guichet-{kind.name}-") as folder:
        party = kind(settings, folder)
        try:
            try:
                party.start()
                say(ok={"url": party.origin, **party.ready()})
            except Exception as error:
                return say(error=str(error))
            for line in sys.stdin:
                command = json.loads(line)
                named = command.pop("do")
                try:
                    if named not in party.commands:
                        raise ValueError("not a command of this party")
                    say(ok=getattr(party, named)(**command))
                except Exception as error:
                    say(error=f"{named}: {error}")
        finally:
            party.stop()
