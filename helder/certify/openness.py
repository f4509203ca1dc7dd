"""How open a release is: the 17 components of the Model Openness Framework, each graded by what shows it.

The framework's own tool asks what somebody declares. Here a component has a grade: 0 declared, 1 present, 2 bound in
the signed ledger, 3 exercised (it was run, and gave what is stated); and the class is said twice, as declared and as
proven at grade 2 and better. A base model of others is graded apart: what was done here does not open what is not known
of it. Beside it stand the three demands of the Open Source AI Definition 1.0.

Code is Helder's own, Apache-2.0, named by its digest in every statement. Components and classes: `data/mof.toml`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from helder.certify import licences
from helder.certify.evidence import Evidence
from helder.certify.forms.form import read_data
from helder.certify.licences import Fit
from helder.certify.reading import BOUND, DECLARED, EXERCISED, PRESENT, Fact

HELDERS = "Apache-2.0"  # the licence of Helder's own code
# What a verification can have exercised, by the names of the components.
EXERCISABLE = frozenset(
    {
        *("model_architecture", "model_parameters_final", "evaluation_results", "sample_model_outputs"),
        *("training_code", "inference_code", "evaluation_code", "evaluation_data", "data_preprocessing_code"),
        *("datasets", "model_parameters_intermediate", "model_card", "data_card", "technical_report"),
    }
)


@dataclass(frozen=True)
class Shown:
    """What there is of a component.

    Attributes:
        included: whether the release has it, or says that it has.
        grade: how well that is shown.
        reason: why, a sentence.
        evidence: SHA-256 of the statement or file that shows it.
        licence: under which it is, as stated.
    """

    included: bool
    grade: int
    reason: str
    evidence: str | None = None
    licence: str | None = None


@dataclass(frozen=True)
class Component:
    """A component of the framework with its grade.

    Attributes:
        id, name: its own; `kinds`: what a licence for it is made for; `class_`: 3, 2 or 1, of which it is part.
        required: whether the class needs it.
        fit: how well its licence fits.
        counts: whether a class may count it, if its grade suffices.
        conditional: whether it counts although its open licence is made for something else.
    """

    id: str
    name: str
    kinds: tuple[str, ...]
    class_: int
    required: bool
    included: bool
    grade: int
    reason: str
    evidence: str | None
    licence: str | None
    fit: Fit
    counts: bool
    conditional: bool

    def to_json(self) -> dict[str, Any]:
        record = asdict(self)
        return {"class" if key == "class_" else key: value for key, value in record.items()} | {
            "kinds": list(self.kinds)
        }


@dataclass(frozen=True)
class Reached:
    """A class of the framework.

    Attributes:
        class_: 3, 2, 1, or 0 for none.
        name: in words.
        next_: the class that comes next, None after the highest.
        missing: the components that the next one still lacks.
        conditional: those that counted by a conditional pass.
    """

    class_: int
    name: str
    next_: int | None
    missing: tuple[str, ...]
    conditional: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "class": self.class_,
            "name": self.name,
            "next": self.next_,
            "missing": list(self.missing),
            "conditional": list(self.conditional),
        }


@dataclass(frozen=True)
class Openness:
    """What a release is found to be.

    Attributes:
        components: all 17.
        declared, proven: the classes of what was done here: as declared, and at grade 2 and better.
        whole: the class at grade 2 and better with what the base model of others lacks.
        base: {grade, words, licence, fit, missing} of the base model; None when there is none of others.
        definition: the three demands of the Open Source AI Definition: {demand: {met, reason, evidence}}.
    """

    components: tuple[Component, ...]
    declared: Reached
    proven: Reached
    whole: Reached
    base: dict[str, Any] | None
    definition: dict[str, dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        return {
            "components": [component.to_json() for component in self.components],
            "declared": self.declared.to_json(),
            "proven": self.proven.to_json(),
            "whole": self.whole.to_json(),
            "base": self.base,
            "definition": self.definition,
        }


def judge(evidence: Evidence, exercised: Collection[str] = ()) -> Openness:
    """Grade a release.

    Args:
        exercised: components that a verification exercised (`EXERCISABLE`), beside what stages of the run did.
    """
    ran = {*exercised, *exercised_in_the_run(evidence)} & EXERCISABLE
    components = tuple(_graded(one, _SHOWN[one["id"]](evidence), ran) for one in read_data("mof")["component"])
    base = _base(evidence)
    lacking = () if base is None else base["missing"]
    return Openness(
        components,
        _class(components, DECLARED),
        _class(components, BOUND),
        _class(components, BOUND, lacking),
        base,
        _definition(evidence, {component.id: component for component in components}),
    )


def exercised_in_the_run(evidence: Evidence) -> frozenset[str]:
    """What stages of the run exercised: the round trip loads the weights into our code and llama.cpp and compares."""
    if evidence.round_trip.grade < EXERCISED:
        return frozenset()
    return frozenset({"model_architecture", "model_parameters_final", "inference_code"})


def _graded(about: dict[str, Any], shown: Shown, ran: Collection[str]) -> Component:
    grade = EXERCISED if shown.included and shown.grade >= BOUND and about["id"] in ran else shown.grade
    fit = licences.fit(shown.licence, about["kinds"])
    conditional = fit == "conditional" and about.get("conditional", False)
    return Component(
        about["id"],
        about["name"],
        tuple(about["kinds"]),
        about["class"],
        about["required"],
        shown.included,
        grade,
        shown.reason,
        shown.evidence,
        shown.licence,
        fit,
        shown.included and (fit == "open" or conditional),
        conditional and shown.included,
    )


def _class(components: Iterable[Component], grade: int, lacking: Collection[str] = ()) -> Reached:
    """The highest class whose required components, and those of the lower classes, all count."""
    names = {int(number): name for number, name in read_data("mof")["classes"].items()}
    needed = [component for component in components if component.required]
    good = {one.id for one in needed if one.counts and one.grade >= grade and one.id not in lacking}
    if "research_paper" in good:
        good.add("technical_report")  # the framework lets the one stand in for the other
    reached = 0
    missing: tuple[str, ...] = ()
    for number in (3, 2, 1):
        missing = tuple(one.id for one in needed if one.class_ >= number and one.id not in good)
        if missing:
            break
        reached = number
    passed = tuple(one.id for one in needed if one.conditional and one.class_ >= reached > 0)
    following = None if reached == 1 else (reached or 4) - 1
    return Reached(reached, names.get(reached, "no class"), following, missing, passed)


# -- one function a component: what there is of it ---------------------------------------------------------------------


def _code(what: str) -> Callable[[Evidence], Shown]:
    """Helder's own code, which is in every statement by its digest."""

    def shown(evidence: Evidence) -> Shown:
        codes = sorted({str(one.value["code_sha256"]) for one in evidence.software})
        if not codes:
            return Shown(False, DECLARED, "No statement says which code ran.")
        several = "" if len(codes) == 1 else f", of {len(codes)} versions"
        reason = f"{what}: Helder's own{several}, named by its digest ({codes[0][:12]}…) in every statement."
        return Shown(True, BOUND, reason, evidence.software[0].evidence, HELDERS)

    return shown


def _files(evidence: Evidence, stage: str, facts: Collection[Fact], what: str, licence: Fact) -> Shown:
    """Files of a stage: bound when they are in the bundle, else only their digests are known."""
    there = [fact for fact in facts if evidence.has(stage, fact.value["file"])]
    digest = next((fact.evidence for fact in facts), None)
    if there:
        listed = ", ".join(f"{fact.value['file']} ({fact.value['sha256'][:12]}…)" for fact in there[:3])
        return Shown(
            True, BOUND, f"{what}: {listed}, as the signed statement of {stage} names them.", digest, licence.value
        )
    if facts:
        return Shown(False, DECLARED, f"{what} are withheld; the statement of {stage} names their digests.", digest)
    return Shown(False, DECLARED, f"No statement names {what.lower()}.")


def _final(evidence: Evidence) -> Shown:
    licence = evidence.person("licence")
    weights = _files(evidence, evidence.model_stage, evidence.weights, "Weights", licence)
    return weights if weights.included else _files(evidence, "files", evidence.formats, "GGUF files", licence)


def _intermediate(evidence: Evidence) -> Shown:
    """Weights of earlier stages, and states that the last training kept."""
    last, there, digest = evidence.model_stage, [], None
    for stage, said in evidence.statements.items():
        for one in said.predicate["outputs"]:
            kept = one["path"].endswith(".safetensors") and (stage != last or "/" in one["path"])
            makes_models = stage == "base" or stage.startswith(("train", "average"))
            if kept and makes_models and evidence.has(stage, one["path"]):
                there.append(f"{stage}/{one['path']}")
                digest = digest or evidence.model["digest"].evidence
    if evidence.base["kind"].value == "imported":
        there = [path for path in there if not path.startswith("base/")]
    if not there:
        return Shown(False, DECLARED, "No weights of earlier stages or states of the training are in the release.")
    reason = f"{len(there)} files of earlier weights, such as {there[0]}, are named in signed statements."
    return Shown(True, BOUND, reason, digest, evidence.person("licence").value)


def _results(evidence: Evidence) -> Shown:
    if not evidence.scores:
        return Shown(False, DECLARED, "The scores are withheld, or were not made.")
    reason = f"{len(evidence.scores)} scores with intervals, of baselines too, in scores.json, which a statement names."
    return Shown(True, BOUND, reason, evidence.scores[0].evidence, evidence.person("documents_licence").value)


def _outputs(evidence: Evidence) -> Shown:
    """What the models answered, item by item."""
    for stage, said in evidence.statements.items():
        if stage in ("predict-weights", "predict-q8_0", "predict-f16", "predict-q4_0"):
            for one in said.predicate["outputs"]:
                if one["path"].startswith("test") and evidence.has(stage, one["path"]):
                    reason = f"Every answer of {stage} is in {one['path']}, which a statement names."
                    licence = evidence.person("documents_licence").value
                    return Shown(True, BOUND, reason, evidence.model["digest"].evidence, licence)
    return Shown(False, DECLARED, "The answers to the test sets are withheld.")


def _test_data(evidence: Evidence) -> Shown:
    said = evidence.statements.get("data")
    tests = [one["path"] for one in said.predicate["outputs"] if one["path"].startswith("test")] if said else []
    there = [path for path in tests if evidence.has("data", path)]
    licence, digest = evidence.licence_of_data.value, evidence.licence_of_data.evidence
    if not tests or len(there) < len(tests):
        return Shown(False, DECLARED, "Test data are withheld; a statement names their digests.", digest)
    return Shown(True, BOUND, f"{', '.join(there)}, as the signed statement of data names them.", digest, licence)


def _datasets(evidence: Evidence) -> Shown:
    """Everything that was learnt from and tested on here, as it was read or as it was cleaned."""
    taken = [one.value for one in evidence.sources if not evidence.imported(one.value["stage"])]
    said = evidence.statements.get("data")
    cleaned = said is not None and all(evidence.has("data", one["path"]) for one in said.predicate["outputs"])
    # Of a folder of documents what was learnt from is what was kept of it; the rest is nobody's to hand out.
    kept = {stage for stage in ("extract", "clean") if evidence.has("clean", "documents.jsonl")}
    missing = sorted(
        {
            one["name"]
            for one in taken
            if not one["in_bundle"] and not (one["stage"] == "data" and cleaned) and one["stage"] not in kept
        }
    )
    digest = evidence.licence_of_data.evidence
    if not taken:
        return Shown(False, DECLARED, "No statement names data.")
    if missing:
        return Shown(False, DECLARED, f"Withheld: {', '.join(missing[:5])}; statements name their digests.", digest)
    licences_ = sorted({str(one["licence"]) for one in taken if one["licence"]})
    licence = " AND ".join(licences_) or evidence.licence_of_data.value
    return Shown(
        True, BOUND, "All files that were learnt from are in the release, as statements name them.", digest, licence
    )


def _metadata(evidence: Evidence) -> Shown:
    if not evidence.trainings:
        return Shown(False, DECLARED, "No statement names a training.")
    reason = f"The resolved settings of {len(evidence.trainings)} trainings stand in their signed statements."
    return Shown(True, BOUND, reason, evidence.trainings[-1].evidence, evidence.person("documents_licence").value)


def _libraries(evidence: Evidence) -> Shown:
    if not evidence.software:
        return Shown(False, DECLARED, "No statement names packages.")
    count = max(len(one.value["packages"]) for one in evidence.software)
    reason = f"{count} packages with their versions stand in the signed statements; each has a licence of its own."
    return Shown(True, BOUND, reason, evidence.software[0].evidence)


def _card(what: str, needed: tuple[str, ...]) -> Callable[[Evidence], Shown]:
    """A document that Helder renders from the ledger: bound, but for words that only people can add."""

    def shown(evidence: Evidence) -> Shown:
        licence = evidence.person("documents_licence").value
        missing = [key for key in needed if not evidence.person(key).known]
        digest = evidence.model["digest"].evidence
        if missing:
            reason = f"{what} is rendered from the signed ledger, but people left open: {', '.join(missing)}."
            return Shown(True, PRESENT, reason, digest, licence)
        return Shown(
            True, BOUND, f"{what} is rendered from the signed ledger; a verifier renders it again.", digest, licence
        )

    return shown


def _paper(evidence: Evidence) -> Shown:
    paper = evidence.person("paper")
    if not paper.known:
        return Shown(False, DECLARED, "No research paper is named.")
    return Shown(True, DECLARED, f"Named by people: {paper.value}", None, evidence.person("documents_licence").value)


_SHOWN: dict[str, Callable[[Evidence], Shown]] = {
    "model_architecture": _code("The transformer in one file"),
    "model_parameters_final": _final,
    "evaluation_results": _results,
    "model_card": _card("The model card", ("intended_use", "out_of_scope", "risks")),
    "data_card": _card("The data card", ("data_origin",)),
    "technical_report": _card("The technical documentation", ("intended_use", "rationale")),
    "sample_model_outputs": _outputs,
    "training_code": _code("The training loop and its objectives"),
    "inference_code": _code("The generator, beside llama.cpp"),
    "evaluation_code": _code("The scoring"),
    "evaluation_data": _test_data,
    "supporting_libraries": _libraries,
    "datasets": _datasets,
    "data_preprocessing_code": _code("Reading, cleaning, splitting and tokenizing"),
    "model_parameters_intermediate": _intermediate,
    "model_metadata": _metadata,
    "research_paper": _paper,
}


# -- the base model, and the Open Source AI Definition -----------------------------------------------------------------


def _base(evidence: Evidence) -> dict[str, Any] | None:
    """What is known of a base model of others, apart from what was done here."""
    base = evidence.base
    if base["kind"].value != "imported":
        return None
    quantised = ", ".join(base["quantised"].value or ())
    words = ["weights", base["licence"].value or "licence not known"]
    words += [f"quantised before import ({quantised})"] if quantised else []
    words += ["training data not on site", "training code and evaluation not on site"]
    fit = licences.fit(base["licence"].value, ("data", "code"))
    missing = ["datasets", "data_preprocessing_code", "training_code", "model_parameters_intermediate"]
    if fit not in ("open", "conditional"):
        missing.append("model_parameters_final")  # what is made of it cannot be opened by whoever made it
    return {
        "name": base["title"].value or base["name"].value,
        "words": ", ".join(words),
        "grade": BOUND,  # of the weights: their digest is an input of the first statement
        "evidence": base["kind"].evidence,
        "sha256": base["sha256"].value,
        "licence": base["licence"].value,
        "fit": fit,
        "missing": missing,
    }


def _definition(evidence: Evidence, components: dict[str, Component]) -> dict[str, dict[str, Any]]:
    """Data information, code, parameters: whether each is there under terms that the definition asks for."""
    imported = evidence.base["kind"].value == "imported"
    origin = evidence.person("data_origin")
    digest = evidence.licence_of_data.evidence
    if imported:
        data = (
            False,
            "Of the base model's data nothing is known here; of the data used here files, counts and digests are.",
        )
    elif not origin.known:
        data = (False, "Files, counts and digests are known; how the data were obtained and selected nobody said.")
    elif not evidence.splits:
        data = (False, "The account of the data is withheld.")
    else:
        data = (True, "Every file with digest, rows and licence, how it was cleaned, and where it is from (declared).")
    code = [components[name] for name in ("training_code", "inference_code", "data_preprocessing_code")]
    coded = all(one.included and licences.osi_approved(one.licence) for one in code)
    final = components["model_parameters_final"]
    if not final.included:
        parameters = (False, "The weights are withheld.")
    elif licences.osi_approved(final.licence):
        parameters = (True, f"The weights are in the release under {final.licence}.")
    else:
        stated = final.licence or "no licence that anybody stated"
        parameters = (False, f"The weights are in the release, under {stated}: not terms that the OSI approved.")
    base = " The base model was trained by code that is not here." if imported else ""
    told = (
        "Code to clean, train, run and evaluate is Helder's, Apache-2.0, named by digest."
        if coded
        else "Code is missing."
    )
    return {
        "data_information": {"met": data[0], "reason": data[1], "evidence": digest},
        "code": {"met": coded and not imported, "reason": told + base, "evidence": code[0].evidence},
        "parameters": {"met": parameters[0], "reason": parameters[1], "evidence": final.evidence},
    }
