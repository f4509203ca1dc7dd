"""The bill of materials over wheels and model, and the page of documents."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from helder.airgap import bom, own_wheel, pages, wheels
from helder.airgap.target import Target
from helder.ledger.artifact import FileEntry
from tests.airgap import sticks

TARGET = Target("x86_64", (2, 34), "3.11")
RELEASE = {"name": "doses", "version": "1.2", "purpose": "Dose → record", "audience": "public"}
OWN = {bom.MODELS_OWN: FileEntry(bom.MODELS_OWN, 10, "cd" * 32)}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[wheels.Wheel]:
    folder = tmp_path_factory.mktemp("wheels")
    sticks.wheel(
        folder,
        "helder",
        metadata="License-Expression: Apache-2.0\nRequires-Dist: second\nRequires-Dist: pip; extra == 'x'\n",
    )
    sticks.wheel(folder, "second", "2.0+cpu", metadata="License: Some words of its own\n")
    sticks.wheel(folder, "third", metadata="Classifier: License :: OSI Approved :: MIT License\n")
    sticks.wheel(folder, "pip")
    return [wheels.read(path) for path in sorted(folder.glob("*.whl"))]


def document(found: list[wheels.Wheel]) -> dict[str, Any]:
    rendered: dict[str, Any] = json.loads(
        bom.render(RELEASE, "ab" * 32, found, TARGET, (), OWN, "2026-11-25T12:00:00Z")
    )
    return rendered


def test_it_is_valid_by_the_strict_schema_and_the_same_each_time(found: list[wheels.Wheel]) -> None:
    once = bom.render(RELEASE, "ab" * 32, found, TARGET, (), OWN, "2026-11-25T12:00:00Z")
    assert once == bom.render(dict(RELEASE), "ab" * 32, found, TARGET, (), OWN, "2026-11-25T12:00:00Z")
    problems = JsonStrictValidator(SchemaVersion.V1_7).validate_str(once.decode("utf-8"), all_errors=True)
    assert [str(one) for one in problems or ()] == []


def test_every_wheel_stands_in_it_with_its_digest_and_what_it_needs(found: list[wheels.Wheel]) -> None:
    said = document(found)
    by_ref = {one["bom-ref"]: one for one in said["components"]}
    for wheel in found:
        one = by_ref[f"wheel:{wheel.name}"]
        assert one["hashes"] == [{"alg": "SHA-256", "content": wheel.sha256}] and one["version"] == str(wheel.version)
    needs = {one["ref"]: one.get("dependsOn", []) for one in said["dependencies"]}
    assert needs["wheel:helder"] == ["wheel:second"]  # an extra that nobody asked for needs nothing
    assert set(needs) == {*by_ref, bom.FOLDER} and {ref for refs in needs.values() for ref in refs} <= set(by_ref)
    assert by_ref["wheel:second"]["purl"] == "pkg:pypi/second@2.0%2Bcpu"
    shown = {name: by_ref[f"wheel:{name}"].get("licenses") for name in ("helder", "second", "third", "pip")}
    assert shown["helder"][0]["license"]["id"] == "Apache-2.0" and shown["third"] and shown["pip"] is None


def test_the_models_own_bill_is_pointed_to_by_its_digest(found: list[wheels.Wheel]) -> None:
    model = next(one for one in document(found)["components"] if one["bom-ref"] == bom.MODEL)
    assert model["externalReferences"][0]["hashes"][0]["content"] == "cd" * 32
    assert {"name": "helder:release:sha256", "value": "ab" * 32} in model["properties"]


def test_documents_open_without_a_network() -> None:
    page = pages.render(own_wheel.documents()).decode("utf-8")
    assert "<table>" in page and "data:image/png;base64," in page and '<section id="readme">' in page
    assert not re.search(r"<(script|link|iframe|object)|\ssrc=\"(?!data:)|url\(|@import", page)
    anchors = set(re.findall(r'<section id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= anchors
    assert {path.name for path in (Path(__file__).parents[2] / "docs").glob("*.md")} <= set(own_wheel.documents())


def test_html_in_a_document_is_text() -> None:
    page = pages.render(
        {"README.md": b"# A\n\n<script>x</script> ![p](http://out/x.png) [l](docs/b.md)\n", "b.md": b"# B\n"}
    )
    assert b"<script" not in page and b"http://out" not in page and b'href="#b"' in page
