"""Judges SAML metadata on standard input by the schemas of OASIS, as python3-saml carries them."""

import copy
import os
import sys

import onelogin.saml2
from lxml import etree

SCHEMAS = os.path.join(os.path.dirname(onelogin.saml2.__file__), "schemas")
UI = "{urn:oasis:names:tc:SAML:metadata:ui}UIInfo"


def check(name, tree):
    schema = etree.XMLSchema(etree.parse(os.path.join(SCHEMAS, name)))
    if not schema.validate(tree):
        sys.exit("\n".join(f"{name}: line {e.line}: {e.message}" for e in schema.error_log))


tree = etree.fromstring(sys.stdin.buffer.read()).getroottree()
check("saml-schema-metadata-2.0.xsd", tree)
# What stands in an Extensions is judged by no schema but its own.
for found in tree.iter(UI):
    check("sstc-saml-metadata-ui-v1.0.xsd", etree.ElementTree(copy.deepcopy(found)))
