#!/usr/bin/python3
"""What Apache shows behind mod_shib: `/` and `/post` start a sign-in; `/in`, which asks for a session, and `/seen`, which
does not, show what mod_shib passes on.
"""

import html
import json
import os
import re
import xml.etree.ElementTree as xml
from urllib.parse import parse_qs, urlencode

FOLDER = os.environ["PARTY_FOLDER"]
MAP = "{urn:mace:shibboleth:2.0:attribute-map}Attribute"


def said(name):
    # Apache hands on UTF-8, and to scripts no name with a hyphen.
    return os.environb.get(name.replace("-", "_").encode(), b"").decode()


def start(handler):
    """To mod_shib's own way of asking; what the other parties call `relay` is where it comes back to."""
    query = parse_qs(os.environ["QUERY_STRING"], keep_blank_values=True)
    with open(f"{FOLDER}/idp.id", encoding="utf-8") as file:
        asked = {"entityID": file.read()}
    asked["target"] = "/in?" + urlencode({"relay": query.get("relay", [""])[0]})
    if "forceAuthn" in query:
        asked["forceAuthn"] = "true"
    if "passive" in query:
        asked["isPassive"] = "true"
    if "acr" in query:
        asked["authnContextClassRef"] = " ".join(query["acr"])
    if "compare" in query:
        asked["authnContextComparison"] = query["compare"][0]
    print(f"Status: 302 Found\nLocation: /Shibboleth.sso/{handler}?{urlencode(asked)}\n")


def answer():
    attributes = {}
    for known in xml.parse(f"{FOLDER}/attribute-map.xml").iter(MAP):
        values = said(known.get("id"))
        if values and known.get("id") != "persistent-id":
            # One value after another; a semicolon inside is escaped.
            parts = re.split(r"(?<!\\);", values)
            attributes[known.get("name")] = [part.replace("\\;", ";") for part in parts]
    qualifier, party, name_id = (said("persistent-id").split("!") + ["", "", ""])[:3]
    return attributes, {
        "issuer": said("Shib-Identity-Provider"),
        "nameID": name_id or None,
        "nameQualifier": qualifier,
        "spNameQualifier": party,
        "sessionIndex": said("Shib-Session-Index"),
        "authnInstant": said("Shib-Authentication-Instant"),
        "authnContext": said("Shib-AuthnContext-Class"),
        "relayState": parse_qs(os.environ["QUERY_STRING"], keep_blank_values=True).get("relay", [""])[0],
        "attributes": attributes,
    }


def show():
    attributes, learnt = answer()
    name = " ".join(attributes.get("urn:oid:2.5.4.42", []) + attributes.get("urn:oid:2.5.4.4", []))
    shown = {"name": name, "answer": json.dumps(learnt, indent=1)}
    body = "\n".join(f'<h2>{id}</h2>\n<pre id="{id}">{html.escape(text)}</pre>' for id, text in shown.items())
    print(
        "Content-Type: text/html; charset=utf-8\nCache-Control: no-store\n\n"
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Signed in</title></head>\n'
        f"<body><main><h1>Signed in</h1>\n{body}\n</main></body></html>"
    )


if os.environ.get("PATH_INFO") in ("/in", "/seen"):
    show()
else:
    start("LoginPost" if os.environ.get("PATH_INFO") == "/post" else "Login")
