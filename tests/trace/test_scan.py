"""A string is found in every form that it is written in."""

from __future__ import annotations

import json
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.errors import HelderError
from helder.trace.kernels import kernels
from helder.trace.scan import Hit, Scanner, form, plain_json

SLOW = kernels(compiled=False)
NAME = Scanner("José García de Vries", SLOW)
NUMBER = Scanner("06-12345678", SLOW)


def found(scanner: Scanner, text: str) -> list[str]:
    data = text.encode("utf-8")
    return [data[hit.start : hit.stop].decode("utf-8") for hit in scanner.hits(data)]


@pytest.mark.parametrize(
    "written",
    [
        "José García de Vries",
        "jose garcia DE VRIES",
        "JOSÉ GARCÍA DE VRIES",
        "José  García\tde \n  Vries",
        "José García de\r\nVries",
        "JoséGarcíadeVries",
        "José Gar-\ncía de Vries",
        "José Gar\u2010 \n   cía de Vries",
        "José Gar\ncía de Vries",
        "Jo\u00adsé Gar\u200bcía de\u00a0Vries",
        "José García\n> de Vries",
        "José García\n>> de Vries",
        "Ｊｏｓé Ｇarcía de Vries",
        unicodedata.normalize("NFD", "José García de Vries"),
        "José García\\nde Vries",
    ],
)
def test_a_name_is_found_however_it_is_written(written: str) -> None:
    assert found(NAME, f"Aan {written}, hier") == [written]


@pytest.mark.parametrize(
    "written", ["José García van Vries", "José García de Fries", "José en García de Vries", "José"]
)
def test_another_name_is_not_found(written: str) -> None:
    assert found(NAME, written) == []


@pytest.mark.parametrize(
    "written",
    [
        "0612345678",
        "06-12345678",
        "06 12 34 56 78",
        "06.12.34.56.78",
        "(06) 12345678",
        "06-1234\n5678",
        "０６－１２３４５６７８",
    ],
)
def test_a_number_is_found_however_it_is_grouped(written: str) -> None:
    digits = written.lstrip("(")
    assert found(NUMBER, f"bel {written}.") == [digits]


def test_another_number_and_the_columns_of_a_table_are_not_found() -> None:
    assert found(NUMBER, "06-12345679, 06 1234    5678") == []


def test_ligatures_and_the_german_double_s_are_what_they_stand_for() -> None:
    assert found(Scanner("office", SLOW), "the oﬃce") == ["oﬃce"]
    assert found(Scanner("Straße", SLOW), "STRASSE, strasse, Straße") == ["STRASSE", "strasse", "Straße"]


def test_signs_that_are_written_for_each_other_are_the_same() -> None:
    assert found(Scanner("Anne-Marie O'Neill", SLOW), "Anne‑Marie O’Neill") == ["Anne‑Marie O’Neill"]


def test_every_finding_says_how_it_is_written() -> None:
    data = b"Jan de Vries, jan de vries, Jan  de Vries, Jan de Vriesman"
    forms = [form(data, hit, "Jan de Vries") for hit in Scanner("Jan de Vries", SLOW).hits(data)]
    assert forms == [("as asked", False), ("other case", False), ("other form", False), ("as asked", True)]


def test_json_with_escapes_by_number_is_decoded_first() -> None:
    line = json.dumps({"text": "José García de Vries"}).encode()
    assert NAME.hits(line) == []
    assert len(NAME.hits(plain_json(line))) == 1
    assert plain_json(b"no json \\u00e9") == b"no json \\u00e9"


def test_of_the_beginnings_of_a_finding_the_last_counts_and_findings_may_be_many() -> None:
    scanner = Scanner("aba", SLOW)
    assert scanner.hits(b"ababa") == [Hit(0, 3), Hit(2, 5)]
    assert len(scanner.hits(b"aba " * 100)) == 100


@given(st.text("abAB é-\n", min_size=1, max_size=6).filter(lambda text: any(map(str.isalnum, text))), st.data())
@settings(max_examples=15, deadline=None)
def test_what_is_planted_is_found_whatever_stands_around_it(text: str, data: st.DataObject) -> None:
    scanner = Scanner(text, SLOW)
    before, after = (data.draw(st.text("abAB é-\n.", max_size=8)) for _ in range(2))
    variant = data.draw(st.sampled_from([text, text.upper(), text.lower(), unicodedata.normalize("NFD", text)]))
    planted = (before + variant + after).encode("utf-8")
    start = len(before.encode("utf-8"))
    stop = start + len(variant.encode("utf-8"))
    inside = [hit for hit in scanner.hits(planted) if start <= hit.start and hit.stop <= stop]
    assert inside, (scanner.units, planted)


def test_compiled_loops_find_the_same() -> None:
    pytest.importorskip("numba")
    random = np.random.default_rng(0)
    data = random.choice(np.frombuffer(b"abAB -\n", dtype=np.uint8), 20_000).tobytes()
    assert Scanner("ab ba", kernels(True)).hits(data) == Scanner("ab ba", SLOW).hits(data) != []


@pytest.mark.parametrize(
    ("text", "why"), [("", "nothing to look for"), (" \u200b", "nothing"), ("x" * 300, "too long")]
)
def test_a_string_that_cannot_be_looked_for_is_refused(text: str, why: str) -> None:
    with pytest.raises(HelderError, match=why):
        Scanner(text, SLOW)
