"""What the server gives to a browser: files that it knows, small, with a strict policy, and no address outside."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import re
import tomllib
from pathlib import Path

import httpx
import pytest

import helder
from helder.serve import page
from helder.serve.access import Access
from helder.serve.app import create_app
from helder.serve.served import Served
from helder.serve.turns import Turns
from tests.serve.scripted import Scripted

FOLDER = Path(helder.__file__).parent / "serve" / "page"
LARGEST = 100_000  # bytes, compressed, all files together; the bar
VENDOR = {  # as NOTICE says; a new version is looked at first
    "htm.js": "ab33dd3f38059b9be4d5f5350128eefb2356639c4e0bbe9d9e8b3ba75847e9e4",
    "hooks.js": "5c65ab263688d0805862fd0807c779af02c2799c44fda0873dfcb870d0da70a0",
    "preact.js": "225d7a773766e6fb2cfcc45274fe41d2059f5782f3f2c4569aa5132a2d3a2902",
}


def got(path: str, **headers: str) -> httpx.Response:
    async def run() -> httpx.Response:
        app = create_app(Served(Scripted(), Turns(), Access("o" * 24)))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://here") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(run())


def test_all_files_together_are_small() -> None:
    files = page.assets()
    assert {"index.html", "style.css", "app.js", "vendor/preact.js", "texts/fr.json"} < files.keys()
    total = sum(len(file.packed) for file in files.values())
    assert total <= LARGEST, total
    assert all(gzip.decompress(file.packed) == file.data for file in files.values())


def test_no_file_names_an_address_outside() -> None:
    for name, file in page.assets().items():
        text = file.data.decode("utf-8")
        # The names of SVG and MathML are identifiers, which no browser fetches.
        found = {one for one in re.findall(r"(?:https?:|wss?:)?//[\w.-]+\.[a-z]{2,}[^\s\"'`]*", text)}
        assert {one for one in found if not one.startswith("http://www.w3.org/")} == set(), name
        if not name.startswith("vendor/"):  # Preact can set innerHTML; that the page never asks it to is tested below
            assert not re.search(r"\beval\(|new Function|innerHTML|document\.write", text), name


def test_nothing_stands_inline_in_the_page() -> None:
    text = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)
    for module in FOLDER.glob("*.js"):
        assert not re.search(r"\sstyle=(?!\")|dangerouslySetInnerHTML", module.read_text(encoding="utf-8")), module


def test_every_file_has_the_strict_policy() -> None:
    for path in ("/", "/page/app.js", "/page/texts/nl.json"):
        headers = got(path).headers
        policy = headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"} < set(policy)
        assert {"frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} < set(policy)
        assert "unsafe" not in headers["content-security-policy"] and "http" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"


def test_files_are_compressed_and_asked_for_once() -> None:
    first = got("/page/app.js", **{"Accept-Encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip" and first.content == (FOLDER / "app.js").read_bytes()
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "content-encoding" not in got("/page/app.js", **{"Accept-Encoding": "identity"}).headers
    again = got("/page/app.js", **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name",
    ["", "texts.toml", "__init__.py", "../served.py", "%2e%2e/served.py", "vendor", "index.html",
     "vendor%2fpreact.js%00", "/etc/passwd", "texts/xx.json", "APP.JS"],
)  # fmt: skip
def test_only_the_page_s_own_files_are_given(name: str) -> None:
    assert got(f"/page/{name}").status_code in (401, 404)  # a path that leaves the folder is not public


def test_the_vendored_files_are_the_ones_that_were_looked_at() -> None:
    notice = (Path(helder.__file__).parent.parent / "NOTICE").read_text(encoding="utf-8")
    found = {}
    for file in sorted((FOLDER / "vendor").iterdir()):
        found[file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
        assert file.name in notice
    assert found == VENDOR


# -- texts ----------------------------------------------------------------------------------------------------------


def test_every_language_has_the_same_texts_with_the_same_places() -> None:
    texts = page.texts()
    assert list(texts) == ["en", "nl", "de", "fr"]
    for language, table in texts.items():
        assert list(table) == list(texts["en"]), language
        for key, text in table.items():
            assert text.strip() == text and text, (language, key)
            places = [set(re.findall(r"\{(\w+)\}", one)) for one in (text, texts["en"][key])]
            assert places[0] == places[1], (language, key)
            assert text.count("`") == texts["en"][key].count("`"), (language, key)


def test_no_text_is_left_in_another_language() -> None:
    texts = page.texts()
    alike = {"language", "sign_in.token", "ask.stop", "view.model", "trace.passage"}
    for language in ("nl", "de", "fr"):
        same = {key for key, text in texts[language].items() if text == texts["en"][key] and len(text.split()) > 2}
        assert same - alike == set(), language


def test_every_text_is_used_and_every_used_text_is_there() -> None:
    modules = "\n".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.js")))
    named = set(re.findall(r"\"([a-z_]+\.[a-z_]+)\"", modules))
    made = {
        re.sub(r"\$\{[^}]*(?:\{[^}]*\})*[^}]*\}", "*", one) for one in re.findall(r"t(?:\.has)?\(`([^`]+)`", modules)
    }
    keys = {re.sub(r"\.(?:one|other)$", "", key) for key in page.texts()["en"]} - {"language"}
    assert named - keys == set()
    patterns = [re.compile(re.escape(one).replace(r"\*", r"[\w.]+") + "$") for one in made]
    unused = {key for key in keys - named if not any(pattern.match(key) for pattern in patterns)}
    assert {key for key in unused if not key.startswith("error.")} == set()


def test_the_package_carries_the_page() -> None:
    project = tomllib.loads((Path(helder.__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
    carried = project["tool"]["setuptools"]["package-data"]["helder"]
    root = Path(helder.__file__).parent
    files = {file for pattern in carried for file in root.glob(pattern)}
    assert {file for file in FOLDER.rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")} <= files


def test_texts_reach_the_browser_as_json() -> None:
    assert json.loads(page.assets()["texts/de.json"].data) == page.texts()["de"]
