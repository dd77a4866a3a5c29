"""What the pages behind Apache's modules have in common."""

import html
import json
import os
from urllib.parse import parse_qs


def said(name):
    # Apache hands on UTF-8, and to scripts no name with a hyphen.
    return os.environb.get(name.replace("-", "_").encode(), b"").decode()


def query():
    return parse_qs(os.environ["QUERY_STRING"], keep_blank_values=True)


def go(location):
    print(f"Status: 302 Found\nLocation: {location}\n")


def show(title, **texts):
    """Texts become `<pre id>`, what is not a text among them JSON."""
    shown = {id: text if isinstance(text, str) else json.dumps(text, indent=1) for id, text in texts.items()}
    body = "\n".join(f'<h2>{id}</h2>\n<pre id="{id}">{html.escape(text)}</pre>' for id, text in shown.items())
    print(
        "Content-Type: text/html; charset=utf-8\nCache-Control: no-store\n\n"
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body><main><h1>{title}</h1>\n{body}\n</main></body></html>"
    )
