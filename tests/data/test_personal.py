"""Personal data: what is planted is found, what only looks like it is not, and policies do what they say."""

from __future__ import annotations

import random
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.planted import Generator
from helder.data import checksums, personal, recognisers
from helder.data.personal import Finding
from helder.data.recognisers import KINDS
from helder.errors import HelderError

RECALL = 0.98  # of each kind
CHECKED = ("iban", "card", "bsn", "nhs")
PIECES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [" ", "\n", "@", "+31 6 ", "06-12345678", "Kerkstraat 12, 3511 AB Utrecht", "né le 3 mars 1980", "::1", "="]
    ),
    st.from_regex(r"[0-9 .-]{0,40}", fullmatch=True),
)


def kinds(text: str) -> list[str]:
    return [finding.kind for finding in personal.find(text)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_planted_is_found_whole(kind: str) -> None:
    generator, found = Generator(11), 0
    for _ in range(250):
        planted = generator.plant(kind)
        found += any(
            one.kind == kind and one.start <= planted.start and one.end >= planted.end
            for one in personal.find(planted.text)
        )
    assert found >= RECALL * 250


@pytest.mark.parametrize("kind", [*CHECKED, "ssn", "ip", "date-of-birth", "e-mail"])
def test_what_only_looks_like_it_is_not_flagged(kind: str) -> None:
    generator = Generator(12)
    for _ in range(250):
        planted = generator.plant_false(kind)
        assert not personal.find(planted.text), planted.text


def test_prose_with_numbers_years_and_amounts_has_no_findings() -> None:
    assert not personal.find(Generator(13).prose(200_000))


@pytest.mark.parametrize(
    ("right", "check"),
    [
        ("NL91ABNA0417164300", checksums.is_iban), ("GB29NWBK60161331926819", checksums.is_iban),
        ("4111111111111111", checksums.is_card), ("378282246310005", checksums.is_card),
        ("111222333", checksums.is_bsn), ("123456782", checksums.is_bsn), ("9434765919", checksums.is_nhs),
    ],
)  # fmt: skip
def test_published_examples_are_right_and_every_other_last_digit_is_wrong(right: str, check: Any) -> None:
    assert check(right)
    others = [right[:-1] + digit for digit in "0123456789" if digit != right[-1]]
    assert not any(check(other) for other in others)


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(PIECES, max_size=12))
def test_places_are_of_the_text_in_order_and_never_overlap(parts: list[str]) -> None:
    text = "".join(parts).encode("utf-8", "replace").decode("utf-8")
    data, last = text.encode("utf-8"), 0
    for finding in personal.find(text):
        assert last <= finding.start < finding.end <= len(data)
        data[finding.start : finding.end].decode("utf-8")  # never half a character
        last = finding.end


def test_places_count_bytes() -> None:
    text = "één € naar zoë@example.org"
    (finding,) = personal.find(text, "d1")
    assert text.encode("utf-8")[finding.start : finding.end].decode("utf-8") == "zoë@example.org"
    assert finding.to_json() == {"document": "d1", "kind": "e-mail", "start": finding.start, "end": finding.end}


def test_a_number_in_a_word_or_behind_a_point_is_none() -> None:
    assert kinds("id_123456782 0.123456782 x123456782 123456782,5 3.14159265358979") == []
    assert kinds("BSN 123456782.") == ["bsn"]


def test_versions_headings_and_this_machine_are_no_addresses_of_persons() -> None:
    assert kinds("version 1.2.3.4, v10.0.0.1\n 6.6.3.1. Event reading\n127.0.0.1 0.0.0.0 255.255.255.0 ::1") == []
    assert kinds("host 192.168.1.50 port") == ["ip"]


def test_dates_need_a_word_of_birth() -> None:
    assert kinds("uitgave van 03-04-1980") == []
    assert kinds("geboren op 03-04-1980") == ["date-of-birth"]
    assert kinds("stubborn 03-04-1980") == []


def test_redaction_puts_stable_words_in_and_nothing_is_found_again() -> None:
    text = "Mail anna@example.org of bel 06-12345678, NL91 ABNA 0417 1643 00."
    redacted = personal.redact(text, personal.find(text))
    assert redacted == "Mail [E-MAIL] of bel [PHONE], [IBAN]."
    assert not personal.find(redacted)


@pytest.mark.parametrize("kind", KINDS)
def test_redacted_text_holds_nothing_of_what_was_planted(kind: str) -> None:
    generator = Generator(14)
    for _ in range(50):
        planted = generator.plant(kind)
        findings = personal.find(planted.text)
        if any(one.kind == kind and one.start <= planted.start and one.end >= planted.end for one in findings):
            value = planted.text.encode("utf-8")[planted.start : planted.end].decode("utf-8")
            assert value not in personal.redact(planted.text, findings)


def test_places_move_with_the_text() -> None:
    text = "a anna@example.org b 06-12345678 c"
    findings = personal.find(text)
    redacted = personal.redact(text, findings)
    places = [text.index("a "), text.index("b"), text.index("c", 25), text.index("example")]
    moved = personal.moved(places, findings)
    assert [redacted[place] for place in moved] == ["a", "b", "c", "["]


def test_an_unknown_policy_names_those_that_are_known() -> None:
    with pytest.raises(HelderError, match="no policy 'hide'") as caught:
        personal.check_policy("hide")
    assert "redact" in caught.value.why


def test_presidio_adds_what_ours_do_not_find() -> None:
    text = "Ask Jan at jan@example.org"
    results = [
        SimpleNamespace(entity_type="PERSON", start=4, end=7),
        SimpleNamespace(entity_type="EMAIL_ADDRESS", start=11, end=26),
    ]
    engine = SimpleNamespace(analyze=lambda **given: results)
    assert personal.find_with_presidio(text, engine, "d") == [
        Finding("person", 4, 7, "d"),
        Finding("e-mail", 11, 26, "d"),
    ]


def test_presidio_itself_is_asked_as_it_wants_to_be() -> None:
    analyzer = pytest.importorskip("presidio_analyzer", reason="presidio is not installed")
    registry = analyzer.RecognizerRegistry(supported_languages=["en"])
    registry.add_recognizer(analyzer.predefined_recognizers.EmailRecognizer(supported_language="en"))
    spacy = pytest.importorskip("spacy")
    nlp = analyzer.nlp_engine.SpacyNlpEngine()
    nlp.nlp = {"en": spacy.blank("en")}
    engine = analyzer.AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["en"])
    found = personal.find_with_presidio("mail jan@example.org", engine)
    assert [finding.kind for finding in found] == ["e-mail"]


def test_long_rows_of_digits_take_no_longer_than_their_length() -> None:
    drawn = random.Random(1)
    times = []
    for size in (20_000, 80_000):
        text = " ".join(str(drawn.randrange(10**9)) for _ in range(size // 10))
        started = time.process_time()
        personal.find(text)
        times.append(time.process_time() - started)
    assert times[1] < 16 * times[0] + 0.5  # four times the text; the square would be sixteen


NUMBERLIKE = st.lists(
    st.one_of(
        st.sampled_from(
            ["0", "12", "2019", "00000", "A", "AB", " ", ".", "-", "/", "(", ")", "\n", ", ", "é", "–", "\xa0"]
        ),
        st.sampled_from(
            [" 1234 AB Ede", "SW1A 1AA", "192.168.1.10", "020 1234567", "jan@huis.nl", "hf_", "token=", "born "]
        ),
        st.text("0123456789 .-/AZ", max_size=12),
    )
).map("".join)


@given(st.lists(NUMBERLIKE, min_size=1, max_size=5))
def test_texts_that_are_looked_at_together_give_what_each_gives_alone(texts: list[str]) -> None:
    assert recognisers.spans_of([text.encode() for text in texts]) == [
        recognisers.spans(text.encode()) for text in texts
    ]


@given(NUMBERLIKE)
def test_a_number_begins_wherever_the_pattern_finds_one(text: str) -> None:
    shape = text.encode().translate(recognisers._SHAPE)
    places = recognisers._may_start(shape).tolist()
    found = [match.span() for match in recognisers._starts(shape, places)]
    assert found == [match.span() for match in recognisers._START.finditer(shape)]
