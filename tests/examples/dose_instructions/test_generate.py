"""The generator: reproducible, valid against the schema, with phrases of the test that training never shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.data.schema import conform, resolve
from helder.errors import HelderError
from helder.examples.dose_instructions.concepts import PROPERTIES, Concept, Record, pattern
from helder.examples.dose_instructions.generate import concepts, generate, key, main, says_held_out
from helder.examples.files import json_lines, read

CONCEPTS: list[Concept] = [*concepts("en"), *concepts("nl")]
SCHEMA = resolve(json.loads(read("helder.examples.dose_instructions", "schema.json")))

# Values for the slots of a phrase, as they come in instructions.
SLOTS = {
    "n": ("2", "three"), "m": ("3", "four"), "N": ("2",), "M": ("3",), "k": ("2", "three"), "am": ("8",), "mid": ("2",),
    "pm": ("9",), "late": ("21",), "size": ("10",), "day": ("monday", "thurs", "vrijdag"), "other": ("friday", "sat"),
    "ordinal": ("third", "8th"), "latin": ("bd", "qds"), "times": ("twice", "3 times", "2 or 3 times"),
    "units": ("days", "week", "dagen"),
}  # fmt: skip


@cache
def made(split: str, seed: int = 11, count: int = 3000) -> tuple[dict[str, Any], ...]:
    return tuple(generate(seed, count, "test" if split == "test" else "train"))


def wordings(phrase: str) -> list[str]:
    """A phrase with its slots filled in every way."""
    result = []
    for form in phrase.split("|"):
        names = re.findall(r"\{(\w+)\}", form)
        for values in product(*(SLOTS[name] for name in names)):
            text = form
            for name, value in zip(names, values, strict=True):
                text = text.replace("{" + name + "}", value, 1)
            result.append(text)
    return result


def test_the_schema_has_the_properties_of_the_record_in_its_order() -> None:
    assert tuple(SCHEMA["properties"]) == PROPERTIES
    blank = vars(Record())
    assert [rule["default"] for rule in SCHEMA["properties"].values()] == list(blank.values())


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_output_is_a_list_of_records_of_the_schema(split: str) -> None:
    for line in made(split):
        assert 1 <= len(line["output"]) <= 4
        for record in line["output"]:
            assert record, line
            assert list(record) == [name for name in PROPERTIES if name in record], "the order of the schema"
            full = conform(record, SCHEMA)
            assert all(full[name] == value for name, value in record.items())


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_range_has_a_lower_end_below_its_upper_end(split: str) -> None:
    for line in made(split):
        for record in line["output"]:
            for name in ("dose", "times", "for"):
                if f"{name}_to" in record:
                    assert 0 <= record[name] < record[f"{name}_to"], line
            assert ("for" in record) == ("for_unit" in record), line
            assert "per" not in record or "times" in record, line


@pytest.mark.parametrize("split", ["train", "test"])
def test_units_are_the_largest_that_fit(split: str) -> None:
    smaller = {"24 hour", "48 hour", "7 day", "14 day", "4 week", "12 month", "1 day"}
    units = {record.get("per") for line in made(split) for record in line["output"]}
    assert not units & smaller


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_unreadable_instruction_says_nothing_else(split: str) -> None:
    lines = [line for line in made(split) if any("unreadable" in record for record in line["output"])]
    assert 0.01 < len(lines) / len(made(split)) < 0.1
    assert all(line["output"] == [{"unreadable": True}] and "unreadable" in line["tags"] for line in lines)


def test_a_whole_dose_or_its_word_stands_in_the_text() -> None:
    for line in made("train"):
        for record in line["output"]:
            dose = record.get("dose")
            if "en" in line["tags"] and dose and dose > 8 and record.get("form") in ("mg", "microgram", "unit"):
                assert f"{dose:g}" in line["input"], line


@pytest.mark.parametrize("split", ["train", "test"])
def test_no_input_occurs_twice(split: str) -> None:
    keys = [key(line["input"]) for line in made(split)]
    assert len(set(keys)) == len(keys)
    assert len({line["id"] for line in made(split)}) == len(keys)


def test_inputs_are_short() -> None:
    words = sorted(len(line["input"].split()) for split in ("train", "test") for line in made(split))
    assert words[len(words) // 2] <= 9
    assert words[int(0.9 * len(words))] <= 20
    assert max(len(line["input"]) for line in made("train")) <= 160


def test_most_lines_are_english_and_some_dutch() -> None:
    dutch = sum("nl" in line["tags"] for line in made("train")) / len(made("train"))
    assert 0.12 < dutch < 0.18
    assert all("nl" not in line["tags"] for line in generate(3, 200, "train", dutch_share=0))
    assert all("nl" in line["tags"] for line in generate(3, 200, "train", dutch_share=1))


# ---- phrases of training and of the test -----------------------------------------------------------------------


def test_no_held_out_phrase_is_a_training_phrase() -> None:
    languages: tuple[Literal["en"], Literal["nl"]] = ("en", "nl")
    for language in languages:
        mine = concepts(language)
        train = {phrase.lower() for concept in mine for phrase in concept.train}
        held_out = {phrase.lower() for concept in mine for phrase in concept.held_out}
        assert not train & held_out


@pytest.mark.parametrize("concept", CONCEPTS, ids=lambda concept: str(concept.name))
def test_no_training_phrase_contains_a_held_out_phrase(concept: Concept) -> None:
    for phrase in concept.train:
        for wording in wordings(phrase):
            assert not says_held_out(wording), wording


@pytest.mark.parametrize("concept", CONCEPTS, ids=lambda concept: str(concept.name))
def test_a_held_out_phrase_is_found_however_it_is_written(concept: Concept) -> None:
    for phrase in concept.held_out:
        for wording in wordings(phrase):
            for text in (wording, f"take 2 {wording} then", wording.upper(), wording.replace(" ", "  ")):
                assert says_held_out(text), text


def test_training_lines_never_say_a_held_out_phrase() -> None:
    """Searched here in another way than in the generator: all phrases, one by one, with their slots filled."""
    phrases = {phrase for concept in CONCEPTS for phrase in concept.held_out}
    patterns = [re.compile(pattern(phrase)) for phrase in sorted(phrases)]
    for line in made("train"):
        text = re.sub(r"\s+", " ", line["input"].lower())
        assert not [found.pattern for found in patterns if found.search(text)], line["input"]
        assert not any(tag.startswith("unseen:") for tag in line["tags"])
    literal = sorted(
        phrase.lower() for phrase in phrases if "{" not in phrase and "|" not in phrase and len(phrase) > 5
    )
    everything = "\n".join(line["input"].lower() for line in made("train"))
    assert not [phrase for phrase in literal if f" {phrase} " in everything]


def test_every_test_line_says_a_held_out_phrase_that_bears_meaning() -> None:
    bearing = {f"unseen:{concept.name}" for concept in CONCEPTS if not concept.neutral}
    for line in made("test"):
        assert says_held_out(line["input"]), line
        assert bearing & set(line["tags"]), line


def test_all_concepts_with_held_out_phrases_come_up_in_the_test() -> None:
    seen = {tag for line in made("test", count=12_000) for tag in line["tags"]}
    expected = {f"unseen:{concept.name}" for concept in CONCEPTS if concept.held_out and not concept.neutral}
    assert not expected - seen


def test_all_training_phrases_can_come_up() -> None:
    everything = "\n".join(re.sub(r"\s+", " ", line["input"].lower()) for line in made("train", count=30_000))
    phrases = {phrase for concept in CONCEPTS for phrase in concept.train}
    missing = [phrase for phrase in phrases if not re.search(pattern(phrase), everything)]
    assert len(missing) < 0.02 * len(phrases), missing


def test_about_a_fifth_of_the_phrases_are_held_out() -> None:
    train = sum(len(set(concept.train)) for concept in CONCEPTS)
    held_out = sum(len(concept.held_out) for concept in CONCEPTS)
    assert 0.18 < held_out / (train + held_out) < 0.25


def test_common_concepts_have_many_training_phrases() -> None:
    names = ("once a day", "twice a day", "as required", "as directed", "in the morning", "at night", "then")
    for concept in CONCEPTS:
        if concept.name in names:
            assert len(set(concept.train)) >= 8, concept.name


# ---- the same everywhere ---------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 40), split=st.sampled_from(["train", "test"]))
def test_the_same_seed_gives_the_same_lines(seed: int, count: int, split: Any) -> None:
    lines = generate(seed, count, split)
    assert len(lines) == count
    assert json_lines(generate(seed, count, split)) == json_lines(lines)
    assert generate(seed, count + 3, split)[:count] == lines


def test_another_seed_gives_other_lines() -> None:
    assert generate(1, 50, "train") != generate(2, 50, "train")


def test_the_bytes_do_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    written = []
    for hash_seed in ("0", "1", "4711"):
        out = tmp_path / f"{hash_seed}.jsonl"
        module = "helder.examples.dose_instructions.generate"
        arguments = ["--seed", "5", "--count", "150", "--split", "test", "--out", str(out)]
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        subprocess.run([sys.executable, "-m", module, *arguments], check=True, env=environment)
        written.append(out.read_bytes())
    assert written[0] == written[1] == written[2]


def test_excluded_inputs_do_not_occur() -> None:
    first = [line["input"] for line in generate(1, 100, "train")]
    again = generate(1, 100, "train", exclude=[text.upper() for text in first])
    assert not {key(line["input"]) for line in again} & {key(text) for text in first}


def test_more_lines_than_there_are_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    only = ("1 bd", [Record(dose=1, times=2, per="day")], ["en"])
    monkeypatch.setattr("helder.examples.dose_instructions.generate.compose", lambda *_: only)
    with pytest.raises(HelderError, match="Only 1 of 5 distinct"):
        generate(1, 5, "train")


def test_the_command_writes_json_lines(tmp_path: Path) -> None:
    main(["--seed", "1", "--count", "5", "--split", "train", "--out", str(tmp_path / "x.jsonl")])
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines == generate(1, 5, "train")
    assert list(lines[0]) == ["id", "input", "output", "tags"]
