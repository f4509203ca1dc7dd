"""SPDX: read by the library that SPDX generates from its model, complete, and by the profiles' own rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import spdx_python_model
from spdx_python_model import v3_0_1 as spdx3

from helder.certify.boms import spdx
from helder.certify.evidence import Evidence
from tests.certify.boms import releases

INDIVIDUALS = "https://spdx.org/rdf/3.0.1/terms/"


def elements(evidence: Evidence) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(spdx.render(evidence))["@graph"]
    return found


def of(kind: str, graph: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in graph if one["type"] == kind]


def led(graph: list[dict[str, Any]], kind: str, here: str) -> list[str]:
    """The names after "#" of what a relationship leads to."""
    return [
        to.partition("#")[2] or to
        for one in graph
        if one.get("relationshipType") == kind and one["from"].partition("#")[2] == here
        for to in one["to"]
    ]


def named(graph: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(one for one in graph if one.get("spdxId", "").endswith(f"#{name}"))


def test_every_kind_of_release_is_read_by_the_library_of_spdx(evidence: Evidence) -> None:
    model, objects = spdx_python_model.load_data(json.loads(spdx.render(evidence)))
    assert model is spdx3
    objects.link()
    strangers = {name for name in objects.missing_ids if not name.startswith(INDIVIDUALS)}
    assert strangers == set()
    [package] = [one for one in objects.foreach_type("ai_AIPackage") if one._id.endswith("#model")]
    assert package.name == evidence.release["name"]


def test_the_library_refuses_what_is_wrong(all_kinds: Mapping[str, Evidence]) -> None:
    document = json.loads(spdx.render(all_kinds["LoRA"]))
    named(document["@graph"], "model")["ai_useSensitivePersonalInformation"] = "perhaps"
    with pytest.raises(ValueError, match="perhaps"):
        spdx_python_model.load_data(document)


def test_every_identifier_is_used_once_and_every_element_is_in_the_document(evidence: Evidence) -> None:
    graph = elements(evidence)
    names = [one["spdxId"] for one in graph if "spdxId" in one]
    assert len(set(names)) == len(names)
    [document] = of("SpdxDocument", graph)
    [sbom] = of("software_Sbom", graph)
    assert set(document["element"]) == set(names) - {document["spdxId"]}
    assert document["rootElement"] == [sbom["spdxId"]]
    assert sbom["rootElement"] == [named(graph, "model")["spdxId"]]


def test_the_profiles_of_ai_and_data_get_what_they_ask_for(evidence: Evidence) -> None:
    """The restrictions in AIPackage.md and DatasetPackage.md, which the generated schema does not hold."""
    graph = elements(evidence)
    for package in of("ai_AIPackage", graph):
        for key in ("suppliedBy", "software_packageVersion", "software_primaryPurpose", "releaseTime"):
            assert package[key], (package["name"], key)
        assert package["software_downloadLocation"]
    for package in of("dataset_DatasetPackage", graph):
        for key in ("originatedBy", "software_primaryPurpose", "releaseTime", "dataset_datasetType"):
            assert package[key], (package["name"], key)


def test_each_build_has_what_the_build_profile_asks_for(evidence: Evidence) -> None:
    graph = elements(evidence)
    builds = of("build_Build", graph)
    assert [one["name"] for one in builds] == sorted(evidence.statements)
    for build in builds:
        mine = [one for one in graph if one.get("from") == build["spdxId"]]
        assert {one["type"] for one in mine} == {"LifecycleScopedRelationship"}
        assert {one["scope"] for one in mine} == {"build"}
        assert {"hasOutput", "invokedBy", "usesTool"} <= {one["relationshipType"] for one in mine}


def test_it_was_trained_on_one_set_and_tested_on_another(all_kinds: Mapping[str, Evidence]) -> None:
    graph = elements(all_kinds["made from nothing"])
    pairs = next(one for one in of("dataset_DatasetPackage", graph) if one["name"] == "pairs.jsonl")
    assert set(led(graph, "trainedOn", "model")) == {
        "artifact-tokens-text",
        "set-data/train.jsonl",
        pairs["spdxId"].partition("#")[2],
    }
    assert led(graph, "testedOn", "model") == ["set-data/test.jsonl"]
    assert named(graph, "set-data/test.jsonl")["software_primaryPurpose"] == "test"


def test_a_base_model_is_an_ancestor_on_which_the_model_depends(all_kinds: Mapping[str, Evidence]) -> None:
    graph = elements(all_kinds["LoRA"])
    assert led(graph, "ancestorOf", "artifact-base") == ["model"]
    assert "artifact-base" in led(graph, "dependsOn", "model")
    theirs = all_kinds["LoRA"].base["sha256"].value
    assert led(graph, "generates", f"source-{theirs}") == ["artifact-base"]
    assert named(graph, f"source-{theirs}")["verifiedUsing"][0]["hashValue"] == theirs
    alone = elements(all_kinds["made from nothing"])
    assert led(alone, "ancestorOf", "artifact-base") == []


def test_a_teacher_is_a_model_of_others_and_no_data(all_kinds: Mapping[str, Evidence]) -> None:
    graph = elements(all_kinds["a teacher"])
    assert named(graph, "artifact-teacher-train")["type"] == "ai_AIPackage"
    assert "artifact-teacher-train" in led(graph, "hasInput", "build-train")
    assert led(graph, "trainedOn", "model") == ["set-data/train.jsonl"]
    [licence] = led(graph, "hasDeclaredLicense", "artifact-teacher-train")
    assert named(graph, licence)["simplelicensing_licenseExpression"] == "Apache-2.0"


def test_licences_are_declared_and_nobody_concludes(all_kinds: Mapping[str, Evidence]) -> None:
    graph = elements(all_kinds["lists of records"])
    [licence] = led(graph, "hasDeclaredLicense", "artifact-data")
    expression = named(graph, licence)
    assert expression["simplelicensing_licenseExpression"].startswith("LicenseRef-")
    words = expression["simplelicensing_customIdToUri"][0]["value"].partition("#")[2]
    assert named(graph, words)["simplelicensing_licenseText"] == "Ours, ask us"
    assert led(graph, "hasDeclaredLicense", "model") == [spdx.NO_LICENCE]
    assert led(graph, "hasConcludedLicense", "model") == [spdx.NO_LICENCE]
    [known] = led(graph, "hasDeclaredLicense", "artifact-base")
    assert named(graph, known)["simplelicensing_licenseExpression"] == "Apache-2.0"


def test_the_model_has_its_settings_scores_limits_and_energy(all_kinds: Mapping[str, Evidence]) -> None:
    model = named(elements(all_kinds["imported base"]), "model")
    assert {"type": "DictionaryEntry", "key": "train.objective", "value": "answers"} in model["ai_hyperparameter"]
    assert model["ai_metric"][0] == {
        "type": "DictionaryEntry",
        "key": "whole on test, model weights",
        "value": "0.333333 (0.06149 to 0.792345, n = 3)",
    }
    assert model["ai_limitation"].startswith("Not meant for: Children.\nOnly 3 items.\nNot proved: ")
    [used] = model["ai_energyConsumption"]["ai_finetuningEnergyConsumption"]
    assert float(used["ai_energyQuantity"]) == pytest.approx(240 / 3.6e6, rel=1e-5)
    assert "e" not in used["ai_energyQuantity"], "a decimal has no exponent"
    assert model["ai_useSensitivePersonalInformation"] == "noAssertion", "words of people are no finding"


def test_what_is_withheld_says_so_and_has_its_digest(all_kinds: Mapping[str, Evidence]) -> None:
    evidence = all_kinds["records withheld"]
    graph = elements(evidence)
    digests = {one["path"]: one["sha256"] for one in evidence.statements["data"].predicate["outputs"]}
    split = named(graph, "set-data/train.jsonl")
    assert split["comment"] == "withheld: It holds records."
    assert split["verifiedUsing"][0]["hashValue"] == digests["train.jsonl"]
    assert split["software_downloadLocation"].startswith("ni:///sha-256;")
    assert "comment" not in named(graph, "file-data/summary.json")


def test_a_provider_is_an_organisation_and_nobody_is_not_stated(all_kinds: Mapping[str, Evidence]) -> None:
    told = named(elements(all_kinds["imported base"]), "provider")
    assert (told["type"], told["name"]) == ("Organization", releases.PEOPLE["provider"])
    open_ = named(elements(all_kinds["LoRA"]), "provider")
    assert (open_["type"], open_["name"]) == ("Agent", "not stated")
