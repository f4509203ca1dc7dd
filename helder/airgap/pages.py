"""README and docs as one page that opens without a network: pictures and links between documents inside, no script."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping

from markdown_it import MarkdownIt
from markdown_it.token import Token

TITLE = "Helder: how it is used, checked and run"
# Which document a reader of the folder needs first; the rest follows by name.
FIRST = ("airgap.md", "README.md")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 54rem; margin: 0 auto; padding: 1rem; }
pre { overflow-x: auto; padding: .6rem; border: 1px solid; border-radius: .3rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { border: 1px solid; padding: .2rem .5rem; text-align: left; vertical-align: top; }
img { max-width: 100%; height: auto; }
section { border-top: 3px solid; margin-top: 3rem; }
"""


def render(documents: Mapping[str, bytes]) -> bytes:
    """One HTML page.

    Args:
        documents: name → contents; Markdown (.md) is shown, pictures (.png) where it names them.
    """
    names = [name for name in FIRST if name in documents]
    names += [name for name in sorted(documents) if name.endswith(".md") and name not in names]
    parts = [_section(name, documents) for name in names]
    links = "".join(
        f'<li><a href="#{_anchor(name)}">{html.escape(_heading(documents[name]))}</a></li>' for name in names
    )
    page = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{TITLE}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<nav><ul>{links}</ul></nav>\n<main>\n{''.join(parts)}</main>\n"
        "</body>\n</html>\n"
    )
    return page.encode("utf-8")


def _section(name: str, documents: Mapping[str, bytes]) -> str:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(documents[name].decode("utf-8"))
    for token in tokens:
        for one in token.children or ():
            if one.type == "image":
                one.attrs["src"] = _picture(str(one.attrs.get("src", "")), documents)
            elif one.type == "link_open":
                _link(one, documents)
    shown = reader.renderer.render(tokens, reader.options, {})
    return f'<section id="{_anchor(name)}">\n{shown}</section>\n'


def _link(token: Token, documents: Mapping[str, bytes]) -> None:
    """A link to another document leads into the page; one to outside is left, it is only followed where one clicks."""
    name = str(token.attrs.get("href", "")).partition("#")[0].rpartition("/")[2]
    if name in documents and name.endswith(".md"):
        token.attrs["href"] = f"#{_anchor(name)}"


def _picture(place: str, documents: Mapping[str, bytes]) -> str:
    name = place.rpartition("/")[2]
    if name not in documents:
        return "data:,"  # nothing from outside is ever fetched
    return f"data:image/png;base64,{base64.b64encode(documents[name]).decode('ascii')}"


def _anchor(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.removesuffix(".md").lower())


def _heading(document: bytes) -> str:
    found = re.search(r"^# (.+)$", document.decode("utf-8"), re.MULTILINE)
    return found.group(1) if found else "?"
