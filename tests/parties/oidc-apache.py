"""An OpenID Connect client over mod_auth_openidc, of the system's own package.

Settings tls {cert, key} (its chain is whom it trusts) and key {cert, key} of its own. Command trust {issuer, client_id, client_secret, scope, more:
lines of Apache's settings}. Pages: /in starts a sign-in, and its parameters `prompt`, `max_age`, `acr_values`, `claims`
join the request; /callback?logout=ADDRESS signs out, /callback?info=json tells what it keeps, /callback?refresh=ADDRESS
&access_token=TOKEN gets new tokens.
"""

import apache

# A parameter that the page was not asked with is left out.
PARAMETERS = "prompt=#&max_age=#&acr_values=#&claims=#&ui_locales=#&login_hint=#"


class OpenIdc(apache.Party):
    name = "openidc"
    first_page = "/bye"
    commands = ("trust",)

    def __init__(self, settings, folder):
        super().__init__(settings, folder)
        self.write("ca.pem", settings["tls"]["cert"])
        self.write("own.pem", settings["key"]["cert"])
        self.write("own.key.pem", settings["key"]["key"])
        # It does not start without anybody to trust.
        self.known = {"issuer": "https://127.0.0.1", "client_id": "nobody", "client_secret": "none"}

    def configure(self):
        known = {"scope": "openid profile", "more": [], "parameters": PARAMETERS, **self.known}
        known["client_secret"] = f"OIDCClientSecret {known['client_secret']}" if known["client_secret"] else ""
        known["more"] = "\n".join(known["more"]).replace("$folder", self.folder)
        self.fill("module.conf", **known)

    def ready(self):
        return {"redirect_uri": f"{self.origin}/callback"}

    def trust(self, **known):
        self.known = known
        self.restart()


if __name__ == "__main__":
    apache.serve(OpenIdc)
