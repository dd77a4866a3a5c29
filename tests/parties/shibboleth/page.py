#!/usr/bin/python3
"""What Apache shows behind mod_shib: `/` and `/post` start a sign-in; `/in`, which asks for a session, and `/seen`, which
does not, show what mod_shib passes on.
"""

import os
import re
import xml.etree.ElementTree as xml
from urllib.parse import urlencode

from shown import go, query, said, show

FOLDER = os.environ["PARTY_FOLDER"]
MAP = "{urn:mace:shibboleth:2.0:attribute-map}Attribute"


def start(handler):
    """To mod_shib's own way of asking; what the other parties call `relay` is where it comes back to."""
    wanted = query()
    with open(f"{FOLDER}/idp.id", encoding="utf-8") as file:
        asked = {"entityID": file.read()}
    asked["target"] = "/in?" + urlencode({"relay": wanted.get("relay", [""])[0]})
    if "forceAuthn" in wanted:
        asked["forceAuthn"] = "true"
    if "passive" in wanted:
        asked["isPassive"] = "true"
    if "acr" in wanted:
        asked["authnContextClassRef"] = " ".join(wanted["acr"])
    if "compare" in wanted:
        asked["authnContextComparison"] = wanted["compare"][0]
    go(f"/Shibboleth.sso/{handler}?{urlencode(asked)}")


def answer():
    attributes = {}
    for known in xml.parse(f"{FOLDER}/attribute-map.xml").iter(MAP):
        values = said(known.get("id"))
        if values and known.get("id") != "persistent-id":
            # One value after another; a semicolon inside is escaped.
            parts = re.split(r"(?<!\\);", values)
            attributes[known.get("name")] = [part.replace("\\;", ";") for part in parts]
    qualifier, party, name_id = (said("persistent-id").split("!") + ["", "", ""])[:3]
    name = " ".join(attributes.get("urn:oid:2.5.4.42", []) + attributes.get("urn:oid:2.5.4.4", []))
    return name, {
        "issuer": said("Shib-Identity-Provider"),
        "nameID": name_id or None,
        "nameQualifier": qualifier,
        "spNameQualifier": party,
        "sessionIndex": said("Shib-Session-Index"),
        "authnInstant": said("Shib-Authentication-Instant"),
        "authnContext": said("Shib-AuthnContext-Class"),
        "relayState": query().get("relay", [""])[0],
        "attributes": attributes,
    }


if os.environ.get("PATH_INFO") in ("/in", "/seen"):
    name, learnt = answer()
    show("Signed in", name=name, answer=learnt)
else:
    start("LoginPost" if os.environ.get("PATH_INFO") == "/post" else "Login")
