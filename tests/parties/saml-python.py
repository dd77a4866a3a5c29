"""A SAML service provider over python3-saml in strict mode: the twin of saml-node.mjs.

Settings, commands, pages and the line protocol are the same (see party.mjs). Beside what saml-node shows, the answer
has `friendlyAttributes`: this library reads FriendlyName as well.
"""

import base64
import copy
import html
import json
import os
import ssl
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.logout_request import OneLogin_Saml2_Logout_Request
from onelogin.saml2.logout_response import OneLogin_Saml2_Logout_Response
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML
from onelogin.saml2.utils import OneLogin_Saml2_Utils

REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"


def page(title, **texts):
    shown = (
        (name, text if isinstance(text, str) else json.dumps(text, indent=1, ensure_ascii=False))
        for name, text in texts.items()
    )
    body = "\n".join(f'<h2>{name}</h2>\n<pre id="{name}">{html.escape(text)}</pre>' for name, text in shown)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body><main><h1>{title}</h1>\n{body}\n</main></body></html>\n"
    )


class Refused(Exception):
    """The library said no; its words are shown."""


class Party:
    def __init__(self, settings):
        self.origin = settings["origin"]
        self.id = f"{self.origin}/metadata"
        self.signs = bool(settings.get("signs"))
        self.unsolicited = bool(settings.get("unsolicited"))
        self.encrypts = bool(settings.get("encrypts"))
        self.key = settings.get("key") if self.signs or self.encrypts else None
        self.asked = set()
        self.known = None
        self.leaving = set()
        self.idp = {}
        self.idp_post = None

    def settings(self, acr=()):
        return {
            "strict": True,
            "sp": {
                "entityId": self.id,
                "assertionConsumerService": {"url": f"{self.origin}/acs", "binding": POST},
                "singleLogoutService": {"url": f"{self.origin}/slo", "binding": REDIRECT},
                "NameIDFormat": PERSISTENT,
                "x509cert": self.key["cert"] if self.key else "",
                "privateKey": self.key["key"] if self.key else "",
            },
            "idp": copy.deepcopy(self.idp),  # The library writes its defaults into what it is given.
            "security": {
                "authnRequestsSigned": self.signs,
                "logoutRequestSigned": self.signs,
                "logoutResponseSigned": self.signs,
                "wantAssertionsSigned": True,
                "wantMessagesSigned": True,
                "wantAssertionsEncrypted": self.encrypts,
                "wantNameId": True,
                "wantAttributeStatement": True,
                "rejectUnsolicitedResponsesWithInResponseTo": True,
                "rejectDeprecatedAlgorithm": True,
                "requestedAuthnContext": list(acr) or False,
                "failOnAuthnContextMismatch": True,
                "signatureAlgorithm": RSA_SHA256,
                "digestAlgorithm": SHA256,
            },
        }

    def metadata(self):
        settings = OneLogin_Saml2_Settings(self.settings(), sp_validation_only=True)
        text = settings.get_sp_metadata()
        text = text.decode() if isinstance(text, bytes) else text
        errors = settings.validate_metadata(text)
        if errors:
            raise Refused(", ".join(errors))
        return text

    def trust(self, metadata):
        read = OneLogin_Saml2_IdPMetadataParser.parse(metadata, required_sso_binding=REDIRECT)
        post = OneLogin_Saml2_IdPMetadataParser.parse(metadata, required_sso_binding=POST)
        self.idp = read["idp"]
        self.idp_post = post["idp"]["singleSignOnService"]["url"]

    def auth(self, path, fields=None, acr=(), query_string=""):
        if not self.idp:
            raise Refused("no identity provider is trusted yet")
        request = {
            "https": "on",
            "http_host": urlsplit(self.origin).netloc,
            "script_name": path,
            "get_data": {name: values[0] for name, values in parse_qs(query_string, keep_blank_values=True).items()},
            "post_data": fields or {},
            # Signed is what was sent, not what this library would have written.
            "query_string": query_string,
            "validate_signature_from_qs": True,
        }
        return OneLogin_Saml2_Auth(request, self.settings(acr))

    def login(self, query):
        auth = self.auth("/", acr=query.get("acr", ()))
        relay = query.get("relay", [""])[0]
        location = auth.login(relay, force_authn="forceAuthn" in query, is_passive="passive" in query)
        self.asked.add(auth.get_last_request_id())
        return auth, relay, location

    def redirect(self, query):
        return self.login(query)[2]

    def post(self, query):
        auth, relay, _ = self.login(query)
        # This library asks by Redirect only; its own signer signs the same request for the other binding.
        document = OneLogin_Saml2_XML.to_etree(auth.get_last_request_xml())
        document.set("Destination", self.idp_post)
        request = OneLogin_Saml2_XML.to_string(document)
        if self.signs:
            request = OneLogin_Saml2_Utils.add_sign(
                request, self.key["key"], self.key["cert"], sign_algorithm=RSA_SHA256, digest_algorithm=SHA256
            )
        encoded = base64.b64encode(request if isinstance(request, bytes) else request.encode()).decode()
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Go on</title></head>\n'
            f'<body><h1>Go on</h1><form method="post" action="{html.escape(self.idp_post)}">\n'
            f'<input type="hidden" name="SAMLRequest" value="{encoded}">\n'
            f'<input type="hidden" name="RelayState" value="{html.escape(relay)}">\n'
            '<button>Continue</button></form></body></html>\n'
        )

    def acs(self, fields):
        auth = self.auth("/acs", fields)
        answers = OneLogin_Saml2_Response(auth.get_settings(), fields["SAMLResponse"]).get_in_response_to()
        if answers is None and not self.unsolicited:
            raise Refused("this party takes answers to its own requests only")
        if answers is not None and answers not in self.asked:
            raise Refused("InResponseTo names no request of this party")
        self.asked.discard(answers)
        auth.process_response(request_id=answers)
        if auth.get_errors():
            raise Refused(f"{', '.join(auth.get_errors())}: {auth.get_last_error_reason()}")
        attributes = auth.get_attributes()
        answer = {
            "issuer": self.idp["entityId"],
            "nameID": auth.get_nameid(),
            "nameIDFormat": auth.get_nameid_format(),
            "nameQualifier": auth.get_nameid_nq(),
            "spNameQualifier": auth.get_nameid_spnq(),
            "sessionIndex": auth.get_session_index(),
            "inResponseTo": answers,
            "relayState": fields.get("RelayState"),
            "attributes": attributes,
            "friendlyAttributes": auth.get_friendlyname_attributes(),
        }
        self.known = (answer["nameID"], answer["sessionIndex"])
        name = " ".join(attributes.get("urn:oid:2.5.4.42", []) + attributes.get("urn:oid:2.5.4.4", []))
        response = base64.b64decode(fields["SAMLResponse"]).decode()
        return page("Signed in", name=name, answer=answer, response=response)

    def logout(self, query):
        """Asks for the sign-out of whoever came last (?nameID= &sessionIndex= say another)."""
        name_id, index = self.known
        auth = self.auth("/logout")
        location = auth.logout(
            name_id=query.get("nameID", [name_id])[0],
            session_index=query.get("sessionIndex", [index])[0],
            name_id_format=PERSISTENT,
        )
        self.leaving.add(auth.get_last_request_id())
        return location

    def slo(self, query_string):
        """A sign-out that is asked of this party, or the answer to one of its own: where to go, or what to show."""
        auth = self.auth("/slo", query_string=query_string)
        fields = auth.get_last_response_xml  # Read after the library has looked at it.
        answered = None
        if "SAMLResponse" in parse_qs(query_string):
            answer = OneLogin_Saml2_Logout_Response(auth.get_settings(), parse_qs(query_string)["SAMLResponse"][0])
            answered = answer.get_in_response_to()
            if answered not in self.leaving:
                raise Refused("InResponseTo names no request of this party")
            self.leaving.discard(answered)
        location = auth.process_slo(keep_local_session=True, request_id=answered)
        if auth.get_errors():
            raise Refused(f"{', '.join(auth.get_errors())}: {auth.get_last_error_reason()}\n{fields()}")
        if answered:
            return None, page("Signed out", answer=fields())
        asked = auth.get_last_request_xml()
        named = OneLogin_Saml2_Logout_Request.get_nameid(asked), OneLogin_Saml2_Logout_Request.get_session_indexes(asked)
        if self.known is None or named != (self.known[0], [self.known[1]]):
            raise Refused("a stranger")
        self.known = None
        return location, ""


class Door(BaseHTTPRequestHandler):
    party = None
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, body="", location=None, kind="text/html; charset=utf-8"):
        data = body.encode()
        self.send_response(302 if location else status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(data)

    def answer(self, fields=None):
        url = urlsplit(self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        try:
            if url.path == "/":
                self.send(302, location=self.party.redirect(query))
            elif url.path == "/post":
                self.send(200, self.party.post(query))
            elif url.path == "/logout":
                self.send(302, location=self.party.logout(query))
            elif url.path == "/slo":
                location, shown = self.party.slo(url.query)
                self.send(200, shown, location)
            elif url.path == "/metadata":
                self.send(200, self.party.metadata(), kind="application/samlmetadata+xml")
            elif url.path == "/acs" and fields is not None:
                self.send(200, self.party.acs(fields))
            else:
                self.send(404, page("Not found"))
        except Exception as error:  # Whatever the library throws is its refusal.
            self.send(400, page("Refused", error=f"{type(error).__name__}: {error}"))

    def do_GET(self):
        self.answer()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        self.answer({name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()})


class TlsServer(ThreadingHTTPServer):
    """Shakes hands in the visitor's own thread: one that keeps silent does not hold up the others."""

    daemon_threads = True

    def __init__(self, tls):
        super().__init__(("127.0.0.1", 0), Door)
        self.tls = tls

    def finish_request(self, request, client_address):
        try:
            with self.tls.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        except OSError:  # The visitor left, or does not trust us.
            pass


def server_context(tls):
    # `ssl` reads its certificate from a file only; the folder goes with this block.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        paths = {part: os.path.join(folder, part) for part in ("cert", "key")}
        for part, path in paths.items():
            with open(path, "w", encoding="ascii") as file:
                file.write(tls[part])
        context.load_cert_chain(paths["cert"], paths["key"])
    return context


def say(**line):
    print(json.dumps(line), flush=True)


def main():
    settings = json.loads(sys.stdin.readline())
    server = TlsServer(server_context(settings["tls"]))
    settings["origin"] = f"https://127.0.0.1:{server.server_port}"
    party = Door.party = Party(settings)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say(ok={"url": party.origin, "id": party.id, "metadata": party.metadata()})
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command["do"] != "trust":
                raise Refused("not a command of this party")
            party.trust(command["metadata"])
            say(ok=None)
        except Exception as error:
            say(error=f"{command['do']}: {error}")


if __name__ == "__main__":
    main()
