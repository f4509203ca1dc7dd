"""The Commission's public summary of the content used for training, as far as evidence fills it."""

from __future__ import annotations

from typing import Any

from helder.certify.evidence import Evidence, Fact
from helder.certify.forms import answers, form, gpai
from helder.certify.forms.form import all_of, derived
from helder.certify.reading import TEACHES

NAME = "training_summary"


def to_json(evidence: Evidence) -> dict[str, Any]:
    """Every field with value, evidence, grade and audience, or visibly open; see `form.to_json`."""
    return form.to_json(NAME, ANSWERS, evidence)


def to_markdown(evidence: Evidence) -> str:
    return form.to_markdown(to_json(evidence))


def model(evidence: Evidence) -> Fact:
    digest = evidence.model["digest"]
    named = {key: evidence.release.get(key) for key in ("name", "version")}
    return derived({**named, "sha256": digest.value}, digest)


def size(evidence: Evidence) -> Fact:
    """Tokens learnt from, every repetition counted, as the range of the template and as a number."""
    tokens = evidence.compute["tokens"]
    if not tokens.known:
        return tokens
    value = {
        "text": answers.size_range(tokens.value),
        "tokens learnt from, with repetitions": tokens.value,
        "records": evidence.data["records"].value,
        "documents": sum(one.value["documents"] or 0 for one in evidence.texts),
        "base model": "not known" if evidence.base["kind"].value == "imported" else "there is none",
    }
    return derived(value, tokens)


def synthetic(evidence: Evidence) -> Fact:
    """What a teacher wrote or showed."""
    taught = [one for one in evidence.stages if one.value["function"] == TEACHES]
    distilled = [one for one in evidence.trainings if one.value["objective"] == "distil"]
    told = [*taught, *distilled]
    if not told:
        none = "None: no stage learnt from another model."
        return derived(none, evidence.model["digest"], "statements of all stages")
    value = {
        "teachers": [one.value for one in evidence.others],
        "stages": [one.value["stage"] for one in told],
    }
    return derived(value, told[0])


def own_answers(evidence: Evidence) -> Fact:
    rewarded = [one for one in evidence.trainings if one.value["objective"] == "reward"]
    none = "None: no training rewarded the model for answers of its own."
    if not rewarded:
        return derived(none, evidence.model["digest"], "statements of the trainings")
    return all_of("statements of the trainings", rewarded, ("stage", "tokens", "examples_seen"))


ANSWERS: form.Answers = {
    "model": model,
    "dependencies": answers.dependencies,
    "modalities": gpai.ANSWERS["input_modalities"],
    "size": size,
    "files": answers.data_provenance,
    "synthetic": synthetic,
    "own_answers": own_answers,
    "processing": answers.curation,
}
