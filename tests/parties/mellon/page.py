#!/usr/bin/python3
"""What Apache shows behind mod_auth_mellon: `/` starts a sign-in; `/in`, which asks for a session, and `/seen`, which
does not, show what the module passes on; `/bye` is where its sign-out ends.
"""

import os
from urllib.parse import urlencode

from shown import go, query, said, show

# As `module.conf` renames them, and two that have no other name.
NAMES = {
    "sn": "urn:oid:2.5.4.4",
    "givenName": "urn:oid:2.5.4.42",
    "FrEduUrlRetour": "urn:oid:1.3.6.1.4.1.20326.10.999.1.5",
    "FrEduCtDateConnexion": "urn:oid:1.3.6.1.4.1.20326.10.999.1.6",
    "FrEduCtPersonAffiliation": "urn:oid:1.3.6.1.4.1.20326.10.999.1.7",
    "FrEduCtId": "urn:oid:1.3.6.1.4.1.20326.10.999.1.57",
    "FrEduCtRefId": "FrEduCtRefId",
    "FrEduVecteur": "FrEduVecteur",
}


def start():
    wanted = query()
    asked = {"ReturnTo": f"https://{said('HTTP_HOST')}/in?" + urlencode({"relay": wanted.get("relay", [""])[0]})}
    if "passive" in wanted:
        asked["IsPassive"] = "true"
    go(f"/mellon/login?{urlencode(asked)}")


def values(name):
    count = int(said(f"MELLON_{name}_N") or 0)
    return [said(f"MELLON_{name}_{place}") for place in range(count)]


def answer():
    attributes = {name: values(short) for short, name in NAMES.items() if values(short)}
    name = " ".join(values("givenName") + values("sn"))
    return name, {
        "issuer": said("MELLON_IDP"),
        "nameID": said("MELLON_NAME_ID") or None,
        "relayState": query().get("relay", [""])[0],
        "attributes": attributes,
    }


if (path := os.environ.get("PATH_INFO")) in ("/in", "/seen"):
    name, learnt = answer()
    show("Signed in", name=name, answer=learnt)
elif path == "/bye":
    show("Signed out")
else:
    start()
