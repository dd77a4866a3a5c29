#!/usr/bin/python3
"""What Apache shows behind mod_auth_openidc: `/in`, which asks for a session, and `/seen`, which does not, show what the
module passes on; `/bye` is where its sign-out ends.
"""

import json
import os

from shown import said, show

CLAIM = "OIDC_CLAIM_"


def answer():
    # Each claim is a text of its own; what came as a list is one with commas.
    claims = {name[len(CLAIM) :]: said(name) for name in os.environ if name.startswith(CLAIM)}
    userinfo = json.loads(said("OIDC_userinfo_json") or "null")
    name = " ".join(claims.get(part, "") for part in ("given_name", "family_name"))
    return name, {"remoteUser": said("REMOTE_USER") or None, "claims": claims, "userinfo": userinfo}


if os.environ.get("PATH_INFO") == "/bye":
    show("Signed out")
else:
    name, learnt = answer()
    show("Signed in", name=name, answer=learnt, id_token=said("OIDC_id_token"))
