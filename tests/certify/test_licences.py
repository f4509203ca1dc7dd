"""Licences are known by identifier and by text; what is not known is never called open."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.certify import licences

APACHE = (Path(__file__).parents[2] / "LICENSE").read_text(encoding="utf-8")
CODE, DATA, DOCUMENT = ("code",), ("data",), ("document",)


@pytest.mark.parametrize(
    ("identifier", "kinds", "expected"),
    [
        ("Apache-2.0", CODE, "open"),
        ("apache-2.0", CODE, "open"),
        ("Apache-2.0", DATA, "conditional"),
        ("Apache-2.0", ("data", "code"), "open"),
        ("CC-BY-4.0", DOCUMENT, "open"),
        ("CC-BY-4.0", CODE, "conditional"),
        ("CC0-1.0", DATA, "open"),
        ("CC-BY-NC-4.0", DATA, "not open"),
        ("LicenseRef-of-our-own", DATA, "not known"),
        ("LicenseRef-public-domain-US", DATA, "open"),
        ("unknown", DATA, "not stated"),
        ("", DATA, "not stated"),
        (None, DATA, "not stated"),
        ("MIT OR CC-BY-NC-4.0", CODE, "open"),
        ("MIT AND CC-BY-NC-4.0", CODE, "not open"),
        ("MIT AND LicenseRef-of-our-own", CODE, "not known"),
        ("CC0-1.0 AND CC-BY-4.0", DATA, "open"),
    ],
)
def test_how_well_a_licence_fits(identifier: str | None, kinds: tuple[str, ...], expected: str) -> None:
    assert licences.fit(identifier, kinds) == expected


@given(st.text(max_size=40))
def test_what_is_not_in_the_list_is_never_open(identifier: str) -> None:
    if licences.find(identifier) is None and " OR " not in identifier:
        assert licences.fit(identifier, CODE) in ("not known", "not stated")
        assert not licences.osi_approved(identifier)


def test_only_what_the_osi_approved_is_called_so() -> None:
    assert licences.osi_approved("MIT")
    assert licences.osi_approved("CC0-1.0 OR MIT")
    assert not licences.osi_approved("CC0-1.0 AND MIT")
    assert not licences.osi_approved("CC-BY-4.0")


def test_the_text_of_a_licence_is_recognised_however_it_is_set() -> None:
    narrow = "\n".join(line.strip() for line in APACHE.splitlines())
    commented = "\n".join(f"# {line}" for line in APACHE.splitlines())
    own = f"Copyright 2026 Somebody Else\n{APACHE}"
    for text in (APACHE, narrow, commented, own, APACHE.replace("http://", "https://")):
        assert [licence.id for licence in licences.recognise(text)] == ["Apache-2.0"]


@pytest.mark.parametrize(("old", "new"), [("free of charge", "for a fee"), ("no-charge", "charged"), ("not ", "")])
def test_a_changed_clause_makes_it_another_text(old: str, new: str) -> None:
    changed = APACHE.replace(old, new, 1)
    if changed != APACHE:
        assert licences.recognise(changed) == []


def test_a_text_of_nobody_is_none_of_them() -> None:
    assert licences.recognise("Do what you like.") == []
    assert licences.recognise("") == []


def test_every_licence_of_the_list_is_whole() -> None:
    for licence in licences.known().values():
        assert licence.name
        assert set(licence.kinds) <= {"code", "data", "document"}
        assert licence.kinds
        assert licence.open or not licence.osi, "what the OSI approved is open"
        assert len(licence.text_sha256) in (0, 64)
