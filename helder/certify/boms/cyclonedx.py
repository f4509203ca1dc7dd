"""CycloneDX 1.7: the release as a bill of materials for machine learning (ML-BOM), in JSON.

The model with its card is the component that the document is about. Below it stand its files, what it began with, the
data, what every stage made, the packages of every environment, and as formulation the stages with their inputs,
settings and outputs. Format: https://cyclonedx.org/docs/1.7/json/ (Ecma-424).

Two things that CycloneDX has no word for stand in properties: the digest of a folder (`helder:artifact:sha256`, of its
canonical manifest) and why a file is not handed over (`helder:withheld`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from helder.certify import document_words
from helder.certify.boms import common
from helder.certify.boms.common import NOT_STATED, File, Role, Source
from helder.certify.document_facts import SAID
from helder.certify.evidence import Evidence
from helder.certify.reading import AVERAGES, IMPORTS, SCRATCH, TEACHES, TOKENIZES, TRAINS, payload_digest
from helder.ledger.statement import Statement

Json = dict[str, Any]
ROLES: tuple[Role, ...] = ("data", "model", "other")
MODEL = "model"
VERSION_LIMIT = 1024  # letters; the schema's own bound
APPROACHES = {
    "text": "self-supervised",
    "answers": "supervised",
    "distil": "supervised",
    "preference": "supervised",  # pairs that somebody ordered; nothing is tried out
    "reward": "reinforcement-learning",
}
TASKS = {"label": "text classification", "record": "records from text", "text": "text generation"}
OUTPUTS = {"label": "label, as text", "record": "application/json", "text": "text/plain"}
# What a stage does, in CycloneDX's words for tasks and for what energy is used for.
KINDS = {
    "helder.data.stage:run": ("other", "data-preparation"),
    "helder.tokens.bpe:run": ("build", "data-preparation"),
    TOKENIZES: ("build", "data-preparation"),
    TEACHES: ("build", "data-preparation"),
    TRAINS: ("build", "training"),
    AVERAGES: ("merge", "training"),
    SCRATCH: ("build", "training"),
    IMPORTS: ("copy", "other"),
    "helder.compress.stage:run": ("build", "deployment"),
    "helder.evaluate.predict:run": ("test", "validation"),
    "helder.evaluate.baselines:run": ("test", "validation"),
    "helder.evaluate.stage:run": ("test", "validation"),
}


def render(evidence: Evidence) -> bytes:
    """The document, as the bytes of a JSON file."""
    made = common.stated_time(evidence)
    document: Json = {
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{common.release_uuid(evidence, 'cyclonedx')}",
        "version": 1,
        "metadata": {
            "timestamp": made,
            "lifecycles": [{"phase": "post-build"}],
            "tools": {"components": [_tool(evidence)]},
            "component": _model(evidence),
            **_provider(evidence),
            **_licensed(evidence.person("documents_licence").value),
        },
        "components": _components(evidence),
        "dependencies": _dependencies(evidence),
        "compositions": _compositions(evidence),
        "formulation": [_formula(evidence)],
    }
    return common.dump(document)


# -- the model -------------------------------------------------------------------------------------------------------


def _model(evidence: Evidence) -> Json:
    stage, release = evidence.model_stage, evidence.release
    component: Json = {
        "type": "machine-learning-model",
        "bom-ref": MODEL,
        "name": str(release["name"]),
        **_version(release.get("version")),
        **({"description": str(release["purpose"])} if release.get("purpose") else {}),
        **_licensed(evidence.person("licence").value),
    }
    if stage in evidence.statements:
        made = common.files(evidence, stage)
        weights = [file for file in made if file.path.endswith(".safetensors")]
        if len(weights) == 1:
            component["hashes"] = _hashes(weights[0].sha256)
        component |= _pedigree(evidence)
        component["externalReferences"] = _references(evidence, stage)
        component["components"] = [_file(file) for file in made]
    component["modelCard"] = _card(evidence)
    component["properties"] = _properties(
        {
            "helder:artifact:sha256": evidence.model["digest"].value,
            "helder:stage": stage,
            "helder:audience": release.get("audience"),
            "helder:parameters": evidence.model["parameters"].value,
            "helder:licence": None if evidence.person("licence").known else NOT_STATED,
        }
    )
    return component


def _pedigree(evidence: Evidence) -> Json:
    """The base model as an ancestor; its component stands in full among the others."""
    base = evidence.base
    if base["kind"].value != "imported":
        return {}
    ancestor = {"type": "machine-learning-model", "name": _base_name(evidence), **_licensed(base["licence"].value)}
    if base["sha256"].value:
        ancestor["hashes"] = _hashes(base["sha256"].value)
    notes = [f"trained in this order: {', '.join(str(fact.value['stage']) for fact in evidence.trainings)}"]
    if quantised := base["quantised"].value:
        notes.insert(0, f"the base model was quantised before ({', '.join(map(str, quantised))})")
    return {"pedigree": {"ancestors": [ancestor], "notes": "; ".join(notes)}}


def _card(evidence: Evidence) -> Json:
    parameters: Json = {}
    if evidence.trainings:
        objective = evidence.trainings[-1].value["objective"]
        if objective in APPROACHES:
            parameters["approach"] = {"type": APPROACHES[objective]}
    kind = evidence.task["kind"].value
    if kind in TASKS:
        parameters["task"] = TASKS[kind]
    parameters["architectureFamily"] = "transformer decoder"  # the only one that Helder makes
    family, shape = evidence.model["family"].value, evidence.model["architecture"].value
    if family is not None:
        sizes = ", ".join(f"{key} {value}" for key, value in common.flat(shape or {}))
        parameters["modelArchitecture"] = f"{family} ({sizes})" if sizes else str(family)
    learnt = _datasets(evidence)
    if learnt:
        parameters["datasets"] = [{"ref": ref} for ref in learnt]
    parameters["inputs"] = [{"format": "text/plain"}]
    if kind in OUTPUTS:
        parameters["outputs"] = [{"format": OUTPUTS[kind]}]
    return {
        "bom-ref": "model-card",
        "modelParameters": parameters,
        "quantitativeAnalysis": {"performanceMetrics": _metrics(evidence)},
        "considerations": _considerations(evidence),
        "properties": _properties(
            {
                "helder:score-confidence": evidence.verdict["confidence"].value,
                "helder:recommendation": (evidence.verdict["recommendation"].value or {}).get("text"),
                "helder:objectives": ", ".join(str(fact.value["objective"]) for fact in evidence.trainings) or None,
                "helder:training-flops": evidence.compute["flops"].value,
                "helder:training-tokens": evidence.compute["tokens"].value,
                "helder:commitment:root": (evidence.commitment.value or {}).get("root"),
            }
        ),
    }


def _metrics(evidence: Evidence) -> list[Json]:
    """Every subject on every test set by every measure: the model, its files, and the simple ways beside them."""
    told = evidence.verdict["measures"].value or {}
    found = []
    for fact in evidence.scores:
        row = fact.value
        if common.number(row["value"]) is None:
            continue
        subject = f"{row['role']} {row['subject']}: {row['title']}"
        metric: Json = {
            "type": f"{row['measure']}: {told[row['measure']]}" if row["measure"] in told else str(row["measure"]),
            "value": common.words(row["value"]),
            "slice": f"{row['test_set']} (n = {common.words(row['n'])}), {subject}",
        }
        if None not in (common.number(row["low"]), common.number(row["high"])):
            metric["confidenceInterval"] = {
                "lowerBound": common.words(row["low"]),
                "upperBound": common.words(row["high"]),
            }
        found.append(metric)
    return found


def _considerations(evidence: Evidence) -> Json:
    """What people said, as theirs; what the evidence itself limits; and energy."""
    found: Json = {}
    meant, purpose = common.lines(evidence.person("intended_use").value), evidence.release.get("purpose")
    found["users"] = meant or [NOT_STATED]  # one answer says by whom and for what
    found["useCases"] = [*([str(purpose)] if purpose else []), *meant] or [NOT_STATED]
    found["technicalLimitations"] = common.limits(evidence)
    lost = evidence.verdict["compression"].value or []
    if lost:
        found["performanceTradeoffs"] = [
            f"{row['subject']} on {row['test_set']}, {row['measure']}: {common.words(row['points_lost'])} points lost "
            f"against the weights ({common.words(row['low'])} to {common.words(row['high'])})"
            for row in lost
        ]
    found["ethicalConsiderations"] = [
        {"name": f"{what}: {' '.join(common.lines(evidence.person(key).value)) or NOT_STATED}"}
        for key, what in (("risks", "risks"), ("bias", "bias"), ("personal_data", "personal data"))
    ]
    if (searched := document_words.personal(evidence)) is not None:
        found["ethicalConsiderations"].append({"name": f"personal data, as looked for: {searched}"})
    if oversight := common.lines(evidence.person("oversight").value):
        found["ethicalConsiderations"][0]["mitigationStrategy"] = " ".join(oversight)
    if (used := _energy(evidence)) is not None:
        found["environmentalConsiderations"] = used
    return found


def _energy(evidence: Evidence) -> Json | None:
    """What was used, by what it was used for; from whom the energy came is not known, so nobody is named."""
    if not evidence.energy.known:
        return None
    sums: dict[str, float] = {}
    imported = evidence.base["kind"].value == "imported"
    for stage, joules in evidence.energy.value["stages"].items():
        activity = _kind(evidence.statements[stage])[1]
        if activity == "training":
            objective = evidence.statements[stage].predicate["settings"].get("objective", "text")
            activity = "training" if objective == "text" and not imported else "fine-tuning"
        sums[activity] = sums.get(activity, 0.0) + joules
    how = "; ".join(evidence.energy.value["how"])
    return {
        "energyConsumptions": [
            {
                "activity": activity,
                "energyProviders": [],
                "activityEnergyCost": {"value": common.kilowatt_hours(joules), "unit": "kWh"},
                "properties": _properties({"helder:how": how}),
            }
            for activity, joules in sorted(sums.items())
        ],
        "properties": _properties({"helder:stages-without": ", ".join(evidence.energy.value["without"]) or None}),
    }


# -- everything beside it --------------------------------------------------------------------------------------------


def _components(evidence: Evidence) -> list[Json]:
    """What stages made, what no stage made, the packages, the machines; each with a reference of its own."""
    found = [_artifact(evidence, stage) for stage in evidence.statements if stage != evidence.model_stage]
    for role in ROLES:
        found += [_source(evidence, source, role) for source in common.sources(evidence, role)]
    found += _packages(evidence)
    return found


def _artifact(evidence: Evidence, stage: str) -> Json:
    said = evidence.statements[stage]
    is_model = common.holds_model(said)
    component: Json = {
        "type": "machine-learning-model" if is_model else "data",
        "bom-ref": _ref(stage),
        "name": stage,
        "description": f"What the stage {stage} made ({common.function_of(said)}).",
    }
    made, more = common.files(evidence, stage), {}
    if stage == "base":
        component["name"] = _base_name(evidence)
        component |= _licensed(evidence.base["licence"].value)
        more = {f"helder:base:{key}": evidence.base[key].value for key in ("kind", "origin", "note", "training_data")}
        if evidence.base["kind"].value == "imported" and not evidence.base["licence"].known:
            more["helder:licence"] = NOT_STATED
    elif common.function_of(said) == IMPORTS:
        settings = said.predicate["settings"]
        component["name"] = str(settings.get("title") or settings.get("name") or stage)
        component |= _licensed(settings.get("licence"))
        more = {"helder:role": stage, "helder:licence": None if settings.get("licence") else NOT_STATED}
    elif not is_model:
        component["data"] = [{"type": "dataset" if _is_data(said) else "other", "name": stage}]
    if stage == "data":
        component |= _licensed(evidence.licence_of_data.value)
        more = {f"helder:rows:{fact.value['split']}": fact.value["kept"] for fact in evidence.splits}
        more["helder:licence"] = None if evidence.licence_of_data.known else NOT_STATED
    component["externalReferences"] = _references(evidence, stage)
    component["components"] = [_file(file) for file in made]
    component["properties"] = _properties({"helder:artifact:sha256": said.digest, **more})
    return component


def _source(evidence: Evidence, source: Source, role: Role) -> Json:
    said = {
        f"helder:{key}": fact.value[key]
        for fact in evidence.folders
        for key in SAID[1:]
        if fact.value["sha256"] == source.digest
    }
    value = source.fact.value
    component: Json = {
        "type": "machine-learning-model" if role == "model" else "data",
        "bom-ref": f"source:{source.digest}",
        "name": source.name,
        **_licensed(source.licence),
    }
    if source.kind == "file":
        component["hashes"] = _hashes(source.digest)
    if role != "model":
        component["data"] = [
            {
                "type": "dataset" if role == "data" else "other",
                "name": source.name,
                "contents": {"url": _where(source.path, source.digest)},
            }
        ]
    if source.path is not None:
        component["externalReferences"] = [{"type": "distribution", "url": common.link(source.path)}]
    component["properties"] = _properties(
        {
            "helder:artifact:sha256": source.digest if source.kind != "file" else None,
            "helder:bytes": value["bytes"],
            "helder:rows": value["rows"],
            "helder:read-by": ", ".join(f"{stage}.{known_as}" for stage, known_as in source.read_by),
            "helder:licence": None if source.licence or role == "other" else NOT_STATED,
            "helder:withheld": source.withheld,
            **said,
        }
    )
    return component


def _file(file: File) -> Json:
    component: Json = {
        "type": "file",
        "bom-ref": f"file:{common.escape(file.stage)}/{common.escape(file.path)}",
        "mime-type": common.media_type(file.path),
        "name": file.path,
        "hashes": _hashes(file.sha256),
    }
    if file.withheld is None:
        component["externalReferences"] = [{"type": "distribution", "url": common.link(file.place)}]
    component["properties"] = _properties({"helder:bytes": file.size, "helder:withheld": file.withheld})
    return component


def _packages(evidence: Evidence) -> list[Json]:
    """Helder and the packages of every environment that a stage ran in, each version once, with the stages."""
    stages: dict[tuple[str, str], list[str]] = {}
    pythons: dict[str, list[str]] = {}
    for fact in evidence.software:
        value = fact.value
        if value["python"]:
            pythons.setdefault(str(value["python"]), []).extend(value["stages"])
        for name, version in value["packages"].items():
            stages.setdefault((str(name), str(version)), []).extend(value["stages"])
    found: list[Json] = []
    for version, where in sorted(pythons.items()):
        found.append(
            {"type": "platform", "bom-ref": f"python:{common.escape(version)}", "name": "Python", **_version(version)}
            | {"properties": _properties({"helder:stages": ", ".join(sorted(where))})}
        )
    for (name, version), where in sorted(stages.items()):
        found.append(
            {
                "type": "library",
                "bom-ref": _purl(name, version),
                "name": name,
                **_version(version),
                "purl": _purl(name, version),
                "properties": _properties({"helder:stages": ", ".join(sorted(where))}),
            }
        )
    return found


def _tool(evidence: Evidence) -> Json:
    said = evidence.release.get("helder", {})
    return {
        "type": "application",
        "name": "helder",
        **_version(said.get("version") or said.get("helder")),
        "properties": _properties({"helder:code:sha256": said.get("sha256")}),
    }


def _provider(evidence: Evidence) -> Json:
    """Who answers for the release, where somebody said so."""
    name, contact = evidence.person("provider").value, evidence.person("contact").value
    if not name:
        return {}
    supplier: Json = {"name": common.words(name)}
    if contact:
        supplier["contact"] = [{"name": common.words(contact)}]
    return {"supplier": supplier}


# -- how they hang together ------------------------------------------------------------------------------------------


def _dependencies(evidence: Evidence) -> list[Json]:
    """What each thing was made from; and for the model, the packages it was made with."""
    found: dict[str, set[str]] = {}
    for stage, said in evidence.statements.items():
        found[_ref(stage, evidence)] = {
            f"source:{digest}" if maker is None else _ref(maker, evidence)
            for _, maker, digest in common.inputs_of(evidence, said)
            if maker != stage
        }
    for component in _packages(evidence):
        found.setdefault(MODEL, set()).add(component["bom-ref"])
    return [
        {"ref": ref, **({"dependsOn": sorted(depends_on)} if depends_on else {})}
        for ref, depends_on in sorted(found.items())
    ]


def _compositions(evidence: Evidence) -> list[Json]:
    """How whole the list is: all of what was made here; of what others made, only what lies here is known."""
    found: list[Json] = [{"aggregate": "complete", "assemblies": [MODEL]}]
    others = [
        _ref(stage, evidence) for stage, said in evidence.statements.items() if common.function_of(said) == IMPORTS
    ]
    if others:
        found.append({"aggregate": "unknown", "assemblies": sorted(others)})
    return found


def _formula(evidence: Evidence) -> Json:
    """The run as a workflow, each stage a task."""
    tasks = [_task(evidence, stage, said) for stage, said in evidence.statements.items()]
    before = {
        stage: sorted({f"task:{common.escape(maker)}" for _, maker, _ in common.inputs_of(evidence, said) if maker})
        for stage, said in evidence.statements.items()
    }
    workflow: Json = {
        "bom-ref": "workflow",
        "uid": common.release_uuid(evidence, "workflow"),
        "name": f"{evidence.release['name']}: the stages",
        "taskTypes": sorted({kind for task in tasks for kind in task["taskTypes"]}) or ["other"],
        "tasks": tasks,
        "taskDependencies": [
            {"ref": f"task:{common.escape(stage)}", **({"dependsOn": needed} if needed else {})}
            for stage, needed in sorted(before.items())
        ],
    }
    return {"bom-ref": "formula", "workflows": [workflow]}


def _task(evidence: Evidence, stage: str, said: Statement) -> Json:
    predicate = said.predicate
    inputs: list[Json] = [
        {
            "resource": {"ref": f"source:{digest}" if maker is None else _ref(maker, evidence)},
            "properties": _properties({"helder:known-as": known_as}),
        }
        for known_as, maker, digest in common.inputs_of(evidence, said)
    ]
    settings = [
        {"name": name, "value": text, "dataType": "string"} for name, text in common.flat(predicate["settings"])
    ]
    if settings:
        inputs.append({"parameters": settings})
    variables = predicate["stage"].get("variables") or {}
    if variables:
        inputs.append({"environmentVars": [{"name": name, "value": text} for name, text in common.flat(variables)]})
    task: Json = {
        "bom-ref": f"task:{common.escape(stage)}",
        "uid": said.key,
        "name": stage,
        "description": str(predicate["stage"]["function"]),
        "taskTypes": [_kind(said)[0]],
        "inputs": inputs,
        "outputs": [{"type": "artifact", "resource": {"ref": _ref(stage, evidence)}}],
    }
    timings = predicate["timings"]
    if (began := common.utc(timings.get("started"))) is not None:
        task["timeStart"] = began
        if (ended := common.utc(timings["started"], timings.get("seconds", 0))) is not None:
            task["timeEnd"] = ended
    environment = predicate["environment"]
    task["properties"] = _properties(
        {
            "helder:statement:sha256": payload_digest(said),
            "helder:code:sha256": predicate["code"].get("sha256"),
            "helder:log:sha256": said.facts.get("log_sha256"),
            "helder:seal": predicate["seal"].get("level"),
            "helder:processor": environment.get("processor", {}).get("model"),
            "helder:machine": environment.get("system", {}).get("machine"),
            "helder:threads": environment.get("threads"),
        }
    )
    return task


def _references(evidence: Evidence, stage: str) -> list[Json]:
    """The signed statement about a stage; the digest is that of what is signed, not of the file."""
    said = payload_digest(evidence.statements[stage])
    return [
        {
            "type": "attestation",
            "url": common.link(entry["file"]),
            "properties": _properties({"helder:statement:sha256": entry["sha256"]}),
        }
        for entry in evidence.release.get("ledger", ())
        if entry["sha256"] == said
    ]


# -- small parts -----------------------------------------------------------------------------------------------------


def _datasets(evidence: Evidence) -> list[str]:
    """References to what the model learnt from."""
    by_name = {source.name: f"source:{source.digest}" for source in common.sources(evidence)}
    found = []
    for name in common.learnt_from(evidence):
        ref = _ref(name, evidence) if name in evidence.statements else by_name.get(name)
        if ref is not None:
            found.append(ref)
    return found


def _ref(stage: str, evidence: Evidence | None = None) -> str:
    """The reference of what a stage made; the model's own stage made the model."""
    return MODEL if evidence is not None and stage == evidence.model_stage else f"artifact:{common.escape(stage)}"


def _kind(said: Statement) -> tuple[str, str]:
    return KINDS.get(common.function_of(said), ("other", "other"))


def _is_data(said: Statement) -> bool:
    return common.function_of(said) in ("helder.data.stage:run", TOKENIZES, TEACHES) or said.stage == "data"


def _base_name(evidence: Evidence) -> str:
    return str(evidence.base["title"].value or evidence.base["name"].value or "base model")


def _where(path: str | None, digest: str) -> str:
    return common.named_by_digest(digest) if path is None else common.link(path)


def _licensed(licence: Any) -> Json:
    """A licence as somebody declared it: by identifier where SPDX has one, otherwise in its words."""
    if not licence:
        return {}
    text = common.words(licence)
    known = common.expression(text)
    if known is not None and " " in known:
        return {"licenses": [{"expression": known, "acknowledgement": "declared"}]}
    one = {"name": text} if known is None else {"id": known}
    return {"licenses": [{"license": {**one, "acknowledgement": "declared"}}]}


def _hashes(sha256: str) -> list[Json]:
    return [{"alg": "SHA-256", "content": sha256}]


def _version(version: Any) -> Json:
    """A version, if there is one; one that is too long for the format is named by its digest, not cut."""
    if not version:
        return {}
    text = common.visible(common.words(version))
    short = len(text) <= VERSION_LIMIT
    return {"version": text if short else f"sha256:{hashlib.sha256(text.encode('utf-8')).hexdigest()}"}


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{common.segment(name)}@{common.segment(version)}"


def _properties(values: Mapping[str, Any]) -> list[Json]:
    return [{"name": name, "value": common.words(value)} for name, value in values.items() if value is not None]
