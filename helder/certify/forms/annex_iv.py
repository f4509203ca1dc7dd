"""A draft of the technical documentation of Annex IV of the EU AI Act, as far as evidence fills it.

It documents a model. A high-risk system is more than its model, and whether something is one is not decided here.
"""

from __future__ import annotations

from typing import Any

from helder.certify.evidence import Evidence, Fact
from helder.certify.forms import answers, form, gpai
from helder.certify.forms.form import all_of, derived, together

NAME = "annex_iv"


def to_json(evidence: Evidence) -> dict[str, Any]:
    """Every field with value, evidence, grade and audience, or visibly open; see `form.to_json`."""
    return form.to_json(NAME, ANSWERS, evidence)


def to_markdown(evidence: Evidence) -> str:
    return form.to_markdown(to_json(evidence))


def version(evidence: Evidence) -> Fact:
    digest = evidence.model["digest"]
    before = answers.tried_before(evidence)
    named = {key: evidence.release.get(key) for key in ("name", "version")}
    return derived({**named, "sha256": digest.value, "made before": before.value}, digest)


def design(evidence: Evidence) -> Fact:
    return together(
        "statements",
        optimises=gpai.training_objective(evidence),
        trainings=answers.training_process(evidence),
        answers=answers.data_scope(evidence),
    )


def resources(evidence: Evidence) -> Fact:
    return together(
        "statements",
        architecture=answers.design(evidence),
        computation=gpai.computation(evidence),
        hardware=all_of("statements: environment", evidence.hardware, ("processor", "cpus", "machine", "device")),
        seconds=evidence.seconds,
        energy=answers.energy_mwh(evidence),
        energy_method=answers.energy_method(evidence),
    )


def data(evidence: Evidence) -> Fact:
    return together(
        "data/summary.json and statements",
        provenance=answers.data_provenance(evidence),
        amount=answers.data_points(evidence),
        scope=answers.data_scope(evidence),
        cleaning=answers.curation(evidence),
    )


def changes_beforehand(evidence: Evidence) -> Fact:
    words = "None: the files are fixed by their digests and do not learn in use; another model is another release."
    return derived(words, evidence.model["digest"])


def integrity(evidence: Evidence) -> Fact:
    """How a change of any file would be seen, and what was not closed."""
    words = (
        "Every stage's inputs, settings and outputs are named by SHA-256 in a signed statement; the release is a "
        "signed list of all files. A change of one byte of model, data or documents is seen by whoever verifies."
    )
    return together("statements", method=derived(words, evidence.model["digest"]), seal_level=evidence.seal)


def input_data(evidence: Evidence) -> Fact:
    return together(
        "data/summary.json: task and config.json",
        modality=derived(gpai.MODALITY, evidence.task["kind"]),
        longest=gpai.input_size(evidence),
    )


def metrics(evidence: Evidence) -> Fact:
    keys = ("measures", "main_measure", "confidence", "margin", "test_sets")
    return together("scores/scores.json", **{key: evidence.verdict[key] for key in keys})


ANSWERS: form.Answers = {
    "1a_version": version,
    "1c_software": answers.software,
    "1d_forms": answers.technical_means,
    "1e_hardware": answers.hardware,
    "2a_steps": lambda evidence: together(
        "statements", stages=answers.steps(evidence), of_others=answers.dependencies(evidence)
    ),
    "2b_design": design,
    "2c_architecture": resources,
    "2d_data": data,
    "2f_changes": changes_beforehand,
    "2g_validation": answers.testing,
    "2h_integrity": integrity,
    "3_limits": answers.limits,
    "3_input": input_data,
    "4_metrics": metrics,
    "6_changes": answers.tried_before,
}
