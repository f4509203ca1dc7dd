"""CycloneDX: valid by the strict schema of the library, every reference leads somewhere, nothing is invented."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from jsonschema import Draft7Validator

from helder.certify.boms import common, cyclonedx
from helder.certify.evidence import Evidence
from tests.certify.boms import releases

STRICT = JsonStrictValidator(SchemaVersion.V1_7)
# The validator reads every address with a grammar, a tenth of a second each; the same one need not be read twice.
ADDRESSES = Draft7Validator.FORMAT_CHECKER.checkers
READ, RAISES = ADDRESSES["iri-reference"]
ADDRESSES["iri-reference"] = (cache(READ), RAISES)


def problems(rendered: bytes) -> list[str]:
    return [str(error) for error in STRICT.validate_str(rendered.decode("utf-8"), all_errors=True) or ()]


def document(evidence: Evidence) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cyclonedx.render(evidence))
    return found


def components(tree: Any) -> Iterator[dict[str, Any]]:
    """Every component, wherever it stands."""
    if isinstance(tree, dict):
        if "bom-ref" in tree and "type" in tree and "name" in tree:
            yield tree
        for value in tree.values():
            yield from components(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from components(value)


def named(tree: Any, ref: str) -> dict[str, Any]:
    return next(one for one in components(tree) if one["bom-ref"] == ref)


def properties(component: Mapping[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in component.get("properties", ())}


def card(found: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = found["metadata"]["component"]["modelCard"]
    return made


def test_every_kind_of_release_is_valid_by_the_strict_schema(evidence: Evidence) -> None:
    assert problems(cyclonedx.render(evidence)) == []


def test_the_schema_refuses_what_is_wrong(all_kinds: Mapping[str, Evidence]) -> None:
    found = document(all_kinds["made from nothing"])
    card(found)["modelParameters"]["approach"]["type"] = "guessed"
    found["invented"] = 1
    assert len(problems(json.dumps(found).encode())) == 2


def test_every_reference_leads_to_one_thing(evidence: Evidence) -> None:
    found = document(evidence)
    refs = [one["bom-ref"] for one in components(found)]
    tasks = [task["bom-ref"] for task in found["formulation"][0]["workflows"][0]["tasks"]]
    assert len(set(refs + tasks)) == len(refs + tasks)
    led = {ref for one in found["dependencies"] for ref in (one["ref"], *one.get("dependsOn", ()))}
    led |= {ref for one in found["compositions"] for ref in one["assemblies"]}
    led |= {one["ref"] for one in card(found)["modelParameters"]["datasets"]}
    workflow = found["formulation"][0]["workflows"][0]
    for task in workflow["tasks"]:
        led |= {one["resource"]["ref"] for one in (*task["inputs"], *task["outputs"]) if "resource" in one}
    assert led <= set(refs)
    assert {one["ref"] for one in workflow["taskDependencies"]} == set(tasks)
    assert {ref for one in workflow["taskDependencies"] for ref in one.get("dependsOn", ())} <= set(tasks)


def test_every_file_stands_there_with_its_digest_and_withheld_ones_have_no_address(evidence: Evidence) -> None:
    found = document(evidence)
    withheld = {one["path"]: one["why"] for one in evidence.release["withheld"]}
    for stage, said in evidence.statements.items():
        for one in said.predicate["outputs"]:
            file = named(found, f"file:{stage}/{one['path']}")
            assert file["hashes"] == [{"alg": "SHA-256", "content": one["sha256"]}]
            path = f"artifacts/{stage}/{one['path']}"
            assert properties(file).get("helder:withheld") == withheld.get(path)
            assert ("externalReferences" in file) == (path not in withheld)


def test_the_card_says_every_score_with_its_interval_and_the_baseline(all_kinds: Mapping[str, Evidence]) -> None:
    metrics = card(document(all_kinds["LoRA"]))["quantitativeAnalysis"]["performanceMetrics"]
    assert len(metrics) == 6
    assert metrics[0] == {
        "type": "whole: The answer equals the expected one.",
        "value": "0.333333",
        "slice": "test (n = 3), model weights: the tuned model",
        "confidenceInterval": {"lowerBound": "0.06149", "upperBound": "0.792345"},
    }
    assert [one["slice"].split(", ")[1] for one in metrics[4:]] == ["baseline trivial: the most frequent answer"] * 2
    assert "confidenceInterval" not in metrics[1], "a mean over labels has none"


@pytest.mark.parametrize(
    ("kind", "approach", "datasets"),
    [
        ("made from nothing", "reinforcement-learning", 3),  # tokens, pairs, and the records once for two trainings
        ("only texts", "self-supervised", 1),
        ("imported base", "supervised", 1),
        ("a teacher", "supervised", 1),  # a teacher is a model, no data
    ],
)
def test_the_card_says_how_the_last_training_learnt_and_from_what(
    kind: str, approach: str, datasets: int, all_kinds: Mapping[str, Evidence]
) -> None:
    parameters = card(document(all_kinds[kind]))["modelParameters"]
    assert parameters["approach"] == {"type": approach}
    assert parameters["architectureFamily"] == "transformer decoder"
    assert parameters["modelArchitecture"].startswith("olmo2 (")
    assert len(parameters["datasets"]) == datasets


def test_a_base_model_of_others_is_an_ancestor_and_a_dependency(all_kinds: Mapping[str, Evidence]) -> None:
    found = document(all_kinds["LoRA"])
    theirs = all_kinds["LoRA"].base["sha256"].value
    [ancestor] = found["metadata"]["component"]["pedigree"]["ancestors"]
    assert ancestor["name"] == "SmolLM2-135M-Instruct"
    assert ancestor["hashes"] == [{"alg": "SHA-256", "content": theirs}]
    assert ancestor["licenses"] == [{"license": {"id": "Apache-2.0", "acknowledgement": "declared"}}]
    depends = {one["ref"]: one.get("dependsOn", []) for one in found["dependencies"]}
    assert "artifact:base" in depends["model"]
    assert depends["artifact:base"] == [f"source:{theirs}"]
    assert found["compositions"][1] == {"aggregate": "unknown", "assemblies": ["artifact:base"]}
    assert "pedigree" not in document(all_kinds["made from nothing"])["metadata"]["component"]


def test_a_teacher_is_another_model_with_a_statement_of_its_own(all_kinds: Mapping[str, Evidence]) -> None:
    found = document(all_kinds["a teacher"])
    teacher, base = named(found, "artifact:teacher-train"), named(found, "artifact:base")
    assert teacher["type"] == "machine-learning-model"
    assert teacher["licenses"] == base["licenses"]
    depends = {one["ref"]: one.get("dependsOn", []) for one in found["dependencies"]}
    assert {"artifact:teacher-train", "artifact:base"} <= set(depends["model"])
    assert found["compositions"][1]["assemblies"] == ["artifact:base", "artifact:teacher-train"]
    for one in (teacher, base):
        [said] = one["externalReferences"]
        assert said["url"].endswith(f"-{one['bom-ref'].removeprefix('artifact:')}.json")


def test_what_a_stage_read_that_is_no_data_stands_there_without_an_address(all_kinds: Mapping[str, Evidence]) -> None:
    evidence = all_kinds["LoRA"]
    [secret] = common.sources(evidence, "other")
    component = named(document(evidence), f"source:{secret.digest}")
    assert (component["name"], component["data"][0]["type"]) == ("commitment.secret", "other")
    assert properties(component)["helder:withheld"] == "not handed over"
    assert properties(card(document(evidence)))["helder:commitment:root"] == "d" * 64


def test_energy_is_told_by_what_it_was_used_for_and_sums_to_the_whole(evidence: Evidence) -> None:
    used = card(document(evidence))["considerations"]["environmentalConsiderations"]["energyConsumptions"]
    whole = sum(one["activityEnergyCost"]["value"] for one in used)
    assert whole == pytest.approx(240.0 * len(evidence.statements) / 3.6e6, rel=1e-5)
    assert {properties(one)["helder:how"] for one in used} == {"estimated: 8 W for each busy core (assumption)"}
    activities = {one["activity"] for one in used}
    only_texts = {fact.value["objective"] for fact in evidence.trainings} == {"text"}
    assert ("fine-tuning" in activities) != only_texts


def test_what_nobody_said_is_not_stated(all_kinds: Mapping[str, Evidence]) -> None:
    found = document(all_kinds["LoRA"])
    assert card(found)["considerations"]["users"] == ["not stated"]
    assert card(found)["considerations"]["ethicalConsiderations"][0] == {"name": "risks: not stated"}
    assert "supplier" not in found["metadata"]
    assert "licenses" not in found["metadata"]["component"]
    assert properties(found["metadata"]["component"])["helder:licence"] == "not stated"
    assert properties(named(found, "artifact:data"))["helder:licence"] == "not stated"


def test_what_people_said_stands_there_as_theirs(all_kinds: Mapping[str, Evidence]) -> None:
    found = document(all_kinds["imported base"])
    considerations = card(found)["considerations"]
    assert considerations["users"] == ["For pharmacists."]
    assert considerations["useCases"] == ["Read doses.", "For pharmacists."]
    assert considerations["technicalLimitations"][:2] == ["Not meant for: Children.", "Only 3 items."]
    risk = {"name": "risks: A wrong dose.", "mitigationStrategy": "A pharmacist looks."}
    assert considerations["ethicalConsiderations"][0] == risk
    assert found["metadata"]["supplier"]["name"] == releases.PEOPLE["provider"]
    licence = {"license": {"id": "Apache-2.0", "acknowledgement": "declared"}}
    assert found["metadata"]["component"]["licenses"] == [licence]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("mit", {"license": {"id": "MIT", "acknowledgement": "declared"}}),
        ("MIT OR apache-2.0", {"expression": "MIT OR Apache-2.0", "acknowledgement": "declared"}),
        ("Ours, ask us", {"license": {"name": "Ours, ask us", "acknowledgement": "declared"}}),
        ("MIT OR Ours", {"license": {"name": "MIT OR Ours", "acknowledgement": "declared"}}),
    ],
)
def test_a_licence_has_its_identifier_or_its_words(
    said: str, written: dict[str, Any], all_kinds: Mapping[str, Evidence]
) -> None:
    changed = releases.again(all_kinds["LoRA"], people={"licence": said})
    found = document(changed)
    assert found["metadata"]["component"]["licenses"] == [written]
    assert problems(json.dumps(found).encode()) == []


def test_every_licence_known_here_is_one_that_cyclonedx_knows(all_kinds: Mapping[str, Evidence]) -> None:
    from helder.certify import licences

    found = document(all_kinds["LoRA"])
    found["components"] = [
        {"type": "data", "name": name, "licenses": [{"license": {"id": one.id}}]}
        for name, one in licences.known().items()
        if not one.id.startswith("LicenseRef-")
    ]
    assert len(found["components"]) > 30
    assert problems(json.dumps(found).encode()) == []


def test_packages_stand_there_once_with_their_address(all_kinds: Mapping[str, Evidence]) -> None:
    found = document(all_kinds["LoRA"])
    assert named(found, "pkg:pypi/torch@2.13.0")["purl"] == "pkg:pypi/torch@2.13.0"
    libraries = [one for one in found["components"] if one["type"] == "library"]
    assert len(libraries) == 2


def test_each_stage_is_a_task_with_settings_times_and_its_signed_statement(all_kinds: Mapping[str, Evidence]) -> None:
    evidence = all_kinds["made from nothing"]
    tasks = {task["name"]: task for task in document(evidence)["formulation"][0]["workflows"][0]["tasks"]}
    assert list(tasks) == list(evidence.statements)
    task = tasks["train"]
    assert (task["timeStart"][:10], task["taskTypes"]) == ("2026-11-24", ["build"])
    [parameters] = [one["parameters"] for one in task["inputs"] if "parameters" in one]
    assert {"name": "objective", "value": "reward", "dataType": "string"} in parameters
    assert properties(task)["helder:statement:sha256"] in {one["sha256"] for one in evidence.release["ledger"]}


def test_a_version_that_is_too_long_is_named_by_its_digest(all_kinds: Mapping[str, Evidence]) -> None:
    changed = releases.again(all_kinds["LoRA"], version="9" * 5000)
    assert document(changed)["metadata"]["component"]["version"].startswith("sha256:")
    assert problems(cyclonedx.render(changed)) == []
