"""The Model Documentation Form of the EU's Code of Practice for general-purpose AI, as far as evidence fills it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helder.certify import compute
from helder.certify.evidence import Evidence, Fact
from helder.certify.forms import answers, form
from helder.certify.forms.form import all_of, derived, together
from helder.certify.reading import BOUND

NAME = "gpai"
MODALITY = "Text"


def to_json(evidence: Evidence) -> dict[str, Any]:
    """Every field with value, evidence, grade and audience, or visibly open; see `form.to_json`."""
    return form.to_json(NAME, ANSWERS, evidence)


def to_markdown(evidence: Evidence) -> str:
    return form.to_markdown(to_json(evidence))


def model_name(evidence: Evidence) -> Fact:
    name = evidence.task["name"]
    value = {"name": evidence.release.get("name") or name.value, "version": evidence.release.get("version")}
    return Fact(value, name.source, name.evidence, BOUND)  # which name it was given is what is bound


def input_size(evidence: Evidence) -> Fact:
    length = evidence.model["context_length"]
    return derived(f"{length.value} tokens, question and answer together", length)


def other_assets(evidence: Evidence) -> Fact:
    """Beside the model: data and scores that are in the release, with their licences."""
    shown = [one for one in evidence.sources if one.value["in_bundle"]]
    sources = all_of("release: sources", shown, ("name", "sha256", "licence"), when_none=[])
    licence = evidence.person("documents_licence")
    value = {"sources": sources.value, "licence of scores and documents, as declared": licence.value}
    value["withheld files"] = len(evidence.withheld)
    return derived(value, evidence.model["digest"], "release: sources and withheld")


def data_type(evidence: Evidence) -> Fact:
    kind = evidence.task["kind"]
    return derived({"modality": MODALITY, "task": kind.value}, kind)


def training_objective(evidence: Evidence) -> Fact:
    return all_of("statements of the trainings", evidence.trainings, ("stage", "objective"))


def training_time(evidence: Evidence) -> Fact:
    trainings = all_of("statements: timings", evidence.trainings, ("stage", "seconds", "cpu_seconds", "processes"))
    return together("statements: timings", seconds=evidence.compute["seconds"], trainings=trainings)


def computation(evidence: Evidence) -> Fact:
    """FLOPs of the trainings here; of a base model nobody here knows them."""
    total = evidence.compute["flops"]
    base = "not known" if evidence.base["kind"].value == "imported" else "there is none"
    return derived({"flops": total.value, "base model": base}, total)


def inference(evidence: Evidence) -> Fact:
    counted = [fact for fact in evidence.inference if fact.value["flops"] is not None]
    return all_of("statements: facts", counted, ("subject", "tokens", "flops"))


def _said(words: str, of: Callable[[Evidence], Fact]) -> Callable[[Evidence], Fact]:
    """An answer in words that holds where another is known."""
    return lambda evidence: derived(words, of(evidence))


ANSWERS: form.Answers = {
    "model_name": model_name,
    "model_authenticity": answers.authenticity,
    "model_dependencies": answers.dependencies,
    "architecture": answers.architecture,
    "design_specifications": answers.design,
    "input_modalities": _said(MODALITY, lambda evidence: evidence.task["kind"]),
    "input_size": input_size,
    "output_modalities": _said(MODALITY, lambda evidence: evidence.task["kind"]),
    "output_size": input_size,
    "parameters": lambda evidence: evidence.model["parameters"],
    "other_assets": other_assets,
    "technical_means": answers.technical_means,
    "required_hardware": answers.hardware,
    "required_software": answers.software,
    "training_process": answers.training_process,
    "training_objective": training_objective,
    "data_type": data_type,
    "data_provenance": answers.data_provenance,
    "data_points": answers.data_points,
    "data_scope": answers.data_scope,
    "data_curation": answers.curation,
    "training_time": training_time,
    "compute": computation,
    "compute_method": _said(compute.HOW, lambda evidence: evidence.compute["flops"]),
    "energy": answers.energy_mwh,
    "energy_method": answers.energy_method,
    "inference_compute": inference,
    "inference_compute_method": _said(
        "Counted, for the mean length of question and answer over the test sets, each token once through the model",
        inference,
    ),
}
