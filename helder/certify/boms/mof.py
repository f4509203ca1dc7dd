"""The YAML of the Model Openness Framework: the 17 components of a release and their licences, for its own tool.

The format is that of schema/mof_schema.json in lfai/model_openness_tool (at 6ece5872). It only declares; what shows a
component, and how well, is in our own documents (`helder.certify.openness`), from which the sentences here come.
"""

from __future__ import annotations

from typing import Any

from helder.certify import openness
from helder.certify.boms import common, yaml
from helder.certify.evidence import Evidence
from helder.certify.openness import Component

FRAMEWORK = {"name": "Model Openness Framework", "version": "1.0", "date": "2024-12-15"}
# The tool's own words for what has no licence (mof.settings.yml at 1711a30a).
NOT_INCLUDED, NO_LICENCE = "Component not included", "License not specified"
# Where a component lies in the bundle, when it is included: the first of these in which a file is handed over.
PLACES = {
    "model_parameters_final": ("artifacts/{model}/", "artifacts/files/"),
    "evaluation_results": ("artifacts/scores/scores.json",),
    "model_card": ("documents/model_card.md",),
    "data_card": ("documents/croissant.json",),
    "technical_report": ("documents/annex_iv.md",),
    "sample_model_outputs": tuple(f"artifacts/predict-{what}/" for what in ("weights", "q8_0", "f16", "q4_0")),
    "evaluation_data": ("artifacts/data/",),
    "datasets": ("artifacts/data/",),
    "model_parameters_intermediate": ("artifacts/",),
    "model_metadata": ("ledger/",),
}
# The files of a component, by how their paths begin; those that are withheld are named by their digests.
FILES = {
    "model_parameters_final": ("artifacts/{model}/", "artifacts/files/"),
    "evaluation_results": ("artifacts/scores/",),
    "sample_model_outputs": ("artifacts/predict-",),
    "evaluation_data": ("artifacts/data/test",),
    "datasets": ("artifacts/data/", "artifacts/tokens-", "artifacts/teach-", "sources/"),
    "model_parameters_intermediate": ("artifacts/base/", "artifacts/train", "artifacts/average-"),
}


def render(evidence: Evidence) -> bytes:
    """The document, as the bytes of a YAML file."""
    release = evidence.release
    document: dict[str, Any] = {
        "framework": FRAMEWORK,
        "release": {
            "name": str(release["name"]),
            "version": common.words(release.get("version") or ""),
            "date": common.stated_time(evidence)[:10],
            "type": "language",
            "architecture": "transformer decoder",
            "treatment": _treatment(evidence),
            "origin": _origin(evidence),
            "producer": common.words(evidence.person("provider").value or ""),
            "contact": common.words(evidence.person("contact").value or ""),
            "components": [_component(evidence, one) for one in openness.judge(evidence).components],
        },
    }
    return yaml.dump(common.shown(document)).encode("utf-8")


def _component(evidence: Evidence, component: Component) -> dict[str, str]:
    licence = common.words(component.licence) if component.licence else NO_LICENCE
    return {
        "name": component.name,
        "description": component.reason + _withheld(evidence, component.id),
        "location": _location(evidence, component.id) if component.included else "",
        "license_name": licence if component.included else NOT_INCLUDED,
        "license_path": "",
    }


def _location(evidence: Evidence, component: str) -> str:
    handed_over = [
        file.place for stage in evidence.statements for file in common.files(evidence, stage) if file.withheld is None
    ]
    for place in _filled(evidence, PLACES.get(component, ())):
        if not place.startswith("artifacts/") or any(file.startswith(place) for file in handed_over):
            return place
    return ""


def _withheld(evidence: Evidence, component: str) -> str:
    """The files of a component that are not handed over, each with its digest."""
    begins = _filled(evidence, FILES.get(component, ()))
    found = [one for one in evidence.release.get("withheld", ()) if str(one["path"]).startswith(begins or ("\0",))]
    told = [f"{one['path']}, SHA-256 {one['sha256']} ({one['why']})" for one in found]
    return f" Withheld: {'; '.join(sorted(told))}." if told else ""


def _filled(evidence: Evidence, places: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(place.replace("{model}", evidence.model_stage) for place in places)


def _treatment(evidence: Evidence) -> str:
    """Whether it only went on with texts, or was taught to answer."""
    only_texts = all(fact.value["objective"] == "text" for fact in evidence.trainings)
    return "pre-trained" if only_texts and evidence.base["kind"].value != "imported" else "instruct fine-tuned"


def _origin(evidence: Evidence) -> str:
    """The model that it comes from; one made from nothing comes from itself."""
    if evidence.base["kind"].value != "imported":
        return str(evidence.release["name"])
    return str(evidence.base["title"].value or evidence.base["name"].value or common.NOT_STATED)
