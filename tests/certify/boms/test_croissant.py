"""Croissant: mlcroissant accepts the document, and loads the very records from the bundle."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlcroissant
import pytest

from helder.certify.boms import croissant
from helder.certify.evidence import Evidence
from tests.certify.boms import releases


def load(evidence: Evidence, folder: Path) -> mlcroissant.Dataset:
    """Read the document where it lies in a bundle."""
    (folder / "documents").mkdir(exist_ok=True)
    path = folder / "documents" / "croissant.json"
    path.write_bytes(croissant.render(evidence))
    return mlcroissant.Dataset(path)


def document(evidence: Evidence) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(croissant.render(evidence))
    return found


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_kind_of_release_is_accepted_with_only_the_citation_open(
    evidence: Evidence, bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="absl"):
        issues = load(evidence, bundle).metadata.ctx.issues
    assert issues.errors == set()
    told = " ".join(sorted(issues.warnings))
    stated = {"citeAs"} if evidence.licence_of_data.known else {"citeAs", "license"}
    assert len(issues.warnings) == len(stated), told
    assert all(what in told for what in stated)
    assert "not standard" not in caplog.text, "the context is the one that readers expect"


def test_mlcroissant_refuses_what_is_wrong(all_kinds: Mapping[str, Evidence]) -> None:
    found = document(all_kinds["LoRA"])
    del found["distribution"][0]["sha256"]
    with pytest.raises(mlcroissant.ValidationError, match="sha256"):
        mlcroissant.Dataset(found)


@pytest.mark.parametrize("kind", ["made from nothing", "LoRA"])
def test_the_records_are_loaded_from_the_bundle(kind: str, all_kinds: Mapping[str, Evidence]) -> None:
    evidence = all_kinds[kind]
    data = evidence.places["data"]
    assert data is not None
    dataset = load(evidence, data.parent.parent)
    for split in ("train", "test"):
        here = f"records/{split}"
        found = [
            {key: row[f"{here}/{key}"].decode("utf-8") for key in ("id", "input", "output")}
            for row in dataset.records(here)
        ]
        assert found == lines(data / f"{split}.jsonl")


@pytest.mark.parametrize(("kind", "many"), [("imported base", False), ("lists of records", True)])
def test_the_fields_of_records_are_loaded_from_the_bundle(
    kind: str, many: bool, all_kinds: Mapping[str, Evidence]
) -> None:
    evidence = all_kinds[kind]
    data = evidence.places["data"]
    assert data is not None
    here = "records/train/output"
    fields = ("form", "dose", "often")
    found = []
    for row in load(evidence, data.parent.parent).records("records/train"):
        answers = row[here] if many else [row[here]]
        found.append([{name: answer[f"{here}/{name}"] for name in fields} for answer in answers])
    expected = [
        [
            {**{name: one[name] for name in fields}, "form": one["form"] and one["form"].encode()}
            for one in (line["output"] if many else [line["output"]])
        ]
        for line in lines(data / "train.jsonl")
    ]
    assert found == expected


def test_fields_that_are_not_plain_are_counted_not_dropped(all_kinds: Mapping[str, Evidence]) -> None:
    [train] = [one for one in document(all_kinds["imported base"])["recordSet"] if one["name"] == "train"]
    answer = train["field"][2]
    assert [one["name"] for one in answer["subField"]] == ["form", "dose", "often"]
    assert "2 of its 5 fields are not described" in answer["description"]
    assert [one["dataType"] for one in answer["subField"]] == ["sc:Text", "sc:Float", "sc:Integer"]


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    evidence = releases.make(tmp_path)
    dataset = load(evidence, tmp_path)
    with (tmp_path / "artifacts" / "data" / "test.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "x", "input": "x", "output": "x"}\n')
    with pytest.raises(mlcroissant.GenerationError, match=r"Download\(files/data/test.jsonl\)"):
        list(dataset.records("records/test"))


def test_what_is_withheld_is_named_by_its_digest(all_kinds: Mapping[str, Evidence]) -> None:
    files = {one["@id"]: one for one in document(all_kinds["records withheld"])["distribution"]}
    train = files["files/data/train.jsonl"]
    name = train["contentUrl"].removeprefix("ni:///sha-256;")
    assert base64.urlsafe_b64decode(name + "=").hex() == train["sha256"]
    assert train["description"].endswith("Withheld: It holds records..")
    brought = [one for key, one in files.items() if key.startswith("source-")]
    assert {one["contentUrl"][:3] for one in brought} == {"ni:"}


def test_everything_learnt_from_stands_there_with_its_digest(all_kinds: Mapping[str, Evidence]) -> None:
    evidence = all_kinds["made from nothing"]
    found = {one["sha256"] for one in document(evidence)["distribution"]}
    brought = {fact.value["sha256"] for fact in evidence.sources}
    tokens = {one["sha256"] for one in evidence.statements["tokens-text"].predicate["outputs"] if "npy" in one["path"]}
    assert brought | tokens <= found


def test_the_file_of_an_imported_model_is_no_data(all_kinds: Mapping[str, Evidence]) -> None:
    names = {one["name"] for one in document(all_kinds["LoRA"])["distribution"]}
    assert names == {"train.jsonl", "dev.jsonl", "test.jsonl"}, "nor is the secret of the commitment"


def test_the_commitment_to_the_records_is_named(all_kinds: Mapping[str, Evidence]) -> None:
    told = document(all_kinds["records withheld"])["description"]
    assert f"Salted Merkle root over 9 records and documents: {'d' * 64}." in told


def test_what_people_said_of_the_data_stands_under_responsible_ai(all_kinds: Mapping[str, Evidence]) -> None:
    found = document(all_kinds["imported base"])
    assert found["rai:dataCollection"] == "Written by hand."
    assert found["rai:personalSensitiveInformation"] == "None."
    assert found["inLanguage"] == ["nl", "en"]
    assert found["license"] == "https://spdx.org/licenses/CC0-1.0"
    assert found["creator"] == {"@type": "sc:Organization", "name": releases.PEOPLE["provider"]}
    assert "citeAs" not in found
    open_ = document(all_kinds["LoRA"])
    assert not {"rai:dataCollection", "license", "creator", "inLanguage"} & set(open_)
    assert "Licence: not stated." in open_["description"]
