"""The page: what a browser gets from a server, from memory, compressed once.

    index.html, style.css, icon.svg
    *.js             modules that the browser loads as they are; nothing is built
    vendor/          Preact (MIT) and htm (Apache-2.0) as their packages bring them; see NOTICE
    texts.toml       what the page says, one table for each language; the browser gets texts/<language>.json

A name is looked up among these files and never made into a path.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from helder.certify.page.texts import Texts
from helder.certify.page.texts import texts as of_package

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}
# Scripts, styles and requests of this server alone, nothing inline, no text becomes markup, nobody frames the page.
POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
        "frame-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'", "trusted-types 'none'",
    )
)  # fmt: skip
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True)
class Asset:
    """A file of the page.

    Attributes:
        type: its media type.
        data: as it is.
        packed: compressed.
        tag: so that a browser asks again without loading again.
    """

    type: str
    data: bytes
    packed: bytes
    tag: str


@cache
def assets() -> Mapping[str, Asset]:
    """name ("index.html", "vendor/preact.js", "texts/nl.json") → file."""
    return {name: _asset(name, data) for name, data in sorted(_files())}


def texts() -> Texts:
    """language → key ("ask.send") → text."""
    return of_package(__name__)


def _files() -> Iterator[tuple[str, bytes]]:
    folder = resources.files("helder.serve.page")
    for place, before in ((folder, ""), (folder / "vendor", "vendor/")):
        for file in place.iterdir():
            if file.name.rpartition(".")[2] in TYPES:
                yield before + file.name, file.read_bytes()
    for language, table in texts().items():
        yield f"texts/{language}.json", json.dumps(table, ensure_ascii=False, sort_keys=True).encode("utf-8")


def _asset(name: str, data: bytes) -> Asset:
    packed = gzip.compress(data, 9, mtime=0)
    return Asset(TYPES[name.rpartition(".")[2]], data, packed, f'"{hashlib.sha256(data).hexdigest()[:32]}"')
