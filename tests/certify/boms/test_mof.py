"""The Model Openness Framework: the YAML fits the schema of its tool, and names its 17 components.

`mof_schema.json` beside this file is schema/mof_schema.json of github.com/lfai/model_openness_tool at 6ece5872,
Copyright 2024 The Model Openness Tool Authors, under the MIT licence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from helder.certify.boms import mof
from helder.certify.evidence import Evidence
from tests.certify.boms import releases

SCHEMA = json.loads((Path(__file__).parent / "mof_schema.json").read_text(encoding="utf-8"))
CHECK = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
# The names of mof.settings.yml: the tool finds components by them.
NAMES = {
    *("Datasets", "Data preprocessing code", "Model architecture", "Model parameters (Final)", "Model metadata"),
    *("Model parameters (Intermediate)", "Training code", "Inference code", "Evaluation code", "Evaluation data"),
    *("Evaluation results", "Supporting libraries and tools", "Model card", "Data card", "Technical report"),
    *("Research paper", "Sample model outputs"),
}


def read(evidence: Evidence) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(mof.render(evidence))
    return found


def components(evidence: Evidence) -> dict[str, dict[str, str]]:
    return {one["name"]: one for one in read(evidence)["release"]["components"]}


def test_every_kind_of_release_fits_the_schema(evidence: Evidence) -> None:
    found = read(evidence)
    CHECK.validate(found)
    assert {one["name"] for one in found["release"]["components"]} == NAMES


def test_the_schema_refuses_what_is_wrong(all_kinds: Mapping[str, Evidence]) -> None:
    found = read(all_kinds["LoRA"])
    found["release"]["components"].pop()
    with pytest.raises(jsonschema.ValidationError, match="too short"):
        CHECK.validate(found)


def test_licences_come_from_the_evidence(all_kinds: Mapping[str, Evidence]) -> None:
    told = components(all_kinds["imported base"])
    assert told["Model parameters (Final)"]["license_name"] == "apache-2.0"
    assert told["Model parameters (Final)"]["location"] == "artifacts/train/"
    assert told["Evaluation results"]["license_name"] == "CC-BY-4.0"
    assert told["Evaluation data"]["license_name"] == "CC0-1.0"
    assert told["Training code"]["license_name"] == "Apache-2.0"
    open_ = components(all_kinds["LoRA"])
    assert open_["Model parameters (Final)"]["license_name"] == "License not specified"
    assert open_["Research paper"]["license_name"] == "Component not included"


def test_what_is_withheld_is_not_included_and_named_by_its_digest(all_kinds: Mapping[str, Evidence]) -> None:
    evidence = all_kinds["records withheld"]
    told = components(evidence)
    test = next(one for one in evidence.release["withheld"] if one["path"] == "artifacts/data/test.jsonl")
    assert told["Evaluation data"]["license_name"] == "Component not included"
    assert told["Evaluation data"]["location"] == ""
    assert f"artifacts/data/test.jsonl, SHA-256 {test['sha256']}" in told["Evaluation data"]["description"]
    assert told["Model parameters (Final)"]["location"] == "artifacts/train/", "the weights are handed over"


@pytest.mark.parametrize(
    ("kind", "treatment", "origin"),
    [
        ("only texts", "pre-trained", "sums"),
        ("made from nothing", "instruct fine-tuned", "sums"),
        ("LoRA", "instruct fine-tuned", "SmolLM2-135M-Instruct"),
    ],
)
def test_it_says_where_the_model_comes_from(
    kind: str, treatment: str, origin: str, all_kinds: Mapping[str, Evidence]
) -> None:
    told = read(all_kinds[kind])["release"]
    assert (told["treatment"], told["origin"], told["date"]) == (treatment, origin, "2026-11-25")


def test_producer_and_contact_are_those_that_people_named_or_empty(all_kinds: Mapping[str, Evidence]) -> None:
    told = read(all_kinds["imported base"])["release"]
    assert (told["producer"], told["contact"]) == (releases.PEOPLE["provider"], "ask@linde.example")
    open_ = read(all_kinds["LoRA"])["release"]
    assert (open_["producer"], open_["contact"]) == ("", "")
