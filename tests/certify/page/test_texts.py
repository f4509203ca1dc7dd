"""The page's texts: complete in four languages, and put together safely."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markupsafe import Markup

import helder
from helder.certify.forms.form import read_data
from helder.certify.page import lineage, texts, view
from helder.certify.page.texts import LANGUAGES, PLACEHOLDER, Capital, Duration, Listed, Moment, Number, Power, say
from helder.evaluate.stage import SUBJECTS
from helder.recipe_tables import Release
from helder.retrieve import SUFFIX

ENGLISH = texts.texts()["en"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything_with_the_same_placeholders(language: str) -> None:
    told = texts.texts()[language]
    assert set(texts.texts()) == set(LANGUAGES)
    assert set(told) == set(ENGLISH)
    for key, text in told.items():
        assert text.strip() == text and text, key
        assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(ENGLISH[key])), key
        assert re.findall(r"`[^`]+`", text) == re.findall(r"`[^`]+`", ENGLISH[key]), key
        assert text.count("`") % 2 == 0 and not re.search(r"[<>&]|https?:", text), key
    assert len(told["months.list"].split()) == 12


def test_other_languages_are_not_english_left_over() -> None:
    for language in LANGUAGES[1:]:
        same = [key for key, text in texts.texts()[language].items() if text == ENGLISH[key] and len(text.split()) > 3]
        assert same == [], language


def test_everything_that_is_shown_by_its_key_has_a_text() -> None:
    needed = [f"openness.{one['id']}" for one in read_data("mof")["component"]]
    needed += [f"people.{key}" for key in Release.model_fields if key not in view.ELSEWHERE]
    bare = {name.removesuffix(SUFFIX) for name in SUBJECTS}
    needed += [f"scores.{name}" for name in sorted(bare)]
    needed += [f"lineage.{what}" for what in lineage.DOES.values()]
    needed += [f"lineage.{what}" for what in ("answers", "text", "preference", "reward", "distil")]
    needed += [f"unproved.{name}{end}" for name in view.GRAVEST for end in ("", "_why")]
    assert [key for key in needed if not texts.known(key)] == []
    assert set(view.SUBJECTS) == bare


def test_the_stages_that_are_described_are_those_of_the_pipeline() -> None:
    root = Path(helder.__file__).parent
    for function in (*lineage.DOES, lineage.TRAINING):
        module, name = function.split(":")
        path = root.parent / (module.replace(".", "/") + ".py")
        assert f"def {name}(" in path.read_text(encoding="utf-8"), function


def test_numbers_and_times_are_written_as_each_language_writes_them() -> None:
    def said(value: texts.Spoken) -> list[str]:
        return [str(value.in_(language)) for language in LANGUAGES]

    assert said(Number(1234567.891, 1)) == ["1,234,567.9", "1.234.567,9", "1.234.567,9", "1\u202f234\u202f567,9"]
    assert said(texts.percent(0.8375)) == ["83.8%", "83,8%", "83,8\u00a0%", "83,8\u00a0%"]
    assert said(Number(-1.24, 1, sign=True))[0] == "\u22121.2" and said(Number(-0.04, 1))[0] == "0.0"
    assert said(Number(0.0, 1, sign=True))[0] == "+0.0"
    assert said(texts.size(98_400_000))[1] == "98,4\u00a0MB" and said(texts.energy(9.0))[0] == "9.0\u00a0J"
    assert said(texts.energy(7200.0))[2] == "2,00\u00a0Wh" and said(texts.energy(7.2e6))[0] == "2.0\u00a0kWh"
    assert said(Duration(59.96))[0] == "1\u00a0min 00\u00a0s" and said(Duration(7800))[3] == "2\u00a0h 10\u00a0min"
    assert said(Power(3.21e15))[1] == "3,2\u00a0×\u00a010<sup>15</sup>"
    assert said(Moment("2026-03-05T23:04:05+02:00")) == [
        "5 March 2026, 21:04 UTC",
        "5 maart 2026, 21.04 uur UTC",
        "5. März 2026, 21:04 Uhr UTC",
        "5 mars 2026, 21 h 04 UTC",
    ]
    assert said(Moment("<yesterday>"))[0] == "<bdi>&lt;yesterday&gt;</bdi>"


def test_what_is_put_into_a_sentence_is_escaped_and_isolated() -> None:
    sentence = say("page.title", name="<b>\u202e&{version}`x`")
    assert sentence.in_("en") == Markup("Certificate of <bdi>&lt;b&gt;\u202e&amp;{version}`x`</bdi>")
    inside = say("scores.use_model", model=say("scores.q8_0"), baseline=Listed(["<i>", "b"]))
    assert "the best simple method" in inside.in_("en") and "<bdi>&lt;i&gt;</bdi>, <bdi>b</bdi>" in inside.in_("en")
    assert str(Capital(say("scores.nearest")).in_("fr")).startswith("L&#39;exemple")


def test_a_sentence_that_is_the_same_in_all_languages_stands_there_once() -> None:
    assert Number(7).__html__() == "7"
    assert say("energy.machine").__html__().count("<span lang=") == 4
