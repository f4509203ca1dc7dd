"""The ICD-10-CM example: its labels, its splits, its attribution."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import Any

import pytest

from helder.examples.files import read
from helder.examples.icd10cm import contents

LABELS: dict[str, dict[str, str]] = json.loads(read("helder.examples.icd10cm", "labels.json"))


@pytest.fixture(scope="module")
def splits() -> dict[str, list[dict[str, Any]]]:
    files = contents()
    return {
        name: [json.loads(line) for line in files[f"{name}.jsonl"].decode("utf-8").splitlines()]
        for name in ("train", "dev", "test")
    }


def test_the_splits_have_the_sizes_that_the_readme_tells(splits: dict[str, list[dict[str, Any]]]) -> None:
    assert {name: len(lines) for name, lines in splits.items()} == {"train": 35_255, "dev": 614, "test": 1_336}
    assert Counter(line["source"] for line in splits["train"]) == {"title": 26_705, "synonym": 8_550}


def test_every_block_has_a_name_and_one_of_21_chapters() -> None:
    assert len(LABELS) == 284
    assert all(set(about) == {"name", "chapter"} and all(about.values()) for about in LABELS.values())
    assert len({about["chapter"] for about in LABELS.values()}) == 21
    assert LABELS["K55-K64"]["chapter"] == "11 Diseases of the digestive system"


def test_every_block_is_trained_and_every_answer_is_a_block(splits: dict[str, list[dict[str, Any]]]) -> None:
    assert {line["block"] for line in splits["train"]} == set(LABELS)
    assert {line["block"] for name in ("dev", "test") for line in splits[name]} <= set(LABELS)


def test_inclusion_terms_of_one_code_are_in_one_split(splits: dict[str, list[dict[str, Any]]]) -> None:
    codes = {
        name: {line["id"].split("#")[0] for line in lines if line["source"] == "synonym"}
        for name, lines in splits.items()
    }
    assert not codes["train"] & codes["dev"]
    assert not codes["train"] & codes["test"]
    assert not codes["dev"] & codes["test"]


def test_the_shipped_training_file_is_small_and_has_no_clock_in_it() -> None:
    packed = read("helder.examples.icd10cm", "train.jsonl.gz")
    assert len(packed) < 1_500_000
    assert packed[4:8] == bytes(4), "gzip header: no modification time"
    assert gzip.decompress(packed) == contents()["train.jsonl"]


def test_the_readme_attributes_the_words_to_their_owners() -> None:
    readme = read("helder.examples.icd10cm", "README.md").decode("utf-8")
    for words in (
        "National Center for Health Statistics",
        "World Health",
        "17 U.S.C. § 105",
        "not for billing or care",
    ):
        assert words in readme
