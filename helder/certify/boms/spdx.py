"""SPDX 3.0.1 with the AI, Dataset and Build profiles: the release as a graph, in JSON-LD.

The model is an AIPackage, what it began with another; records, texts and files that somebody brought are
DatasetPackages; each stage is a Build with its inputs and outputs; every file stands there with its SHA-256. Format:
https://spdx.github.io/spdx-spec/v3.0.1/ (Serialization: JSON-LD with the context of SPDX, keys as its schema has them).

Written as plain JSON, because a library of 300 kB would only put the same keys under the same names; the tests read it
with that library. What nobody said is "NoAssertion" where the profile asks for a value, and is left out elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from helder.certify import document_words
from helder.certify.boms import common
from helder.certify.boms.common import NOT_STATED, File, Source
from helder.certify.evidence import Evidence
from helder.certify.reading import IMPORTS, TEACHES, TOKENIZES, payload_digest
from helder.ledger.statement import Statement

Json = dict[str, Any]
CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
PROFILES = ["ai", "build", "core", "dataset", "simpleLicensing", "software"]
BUILD_TYPE = "https://helder.dev/stage/v1"
NO_LICENCE = "https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertionLicense"
CREATION = "_:creationinfo"
PURPOSES = {"safetensors": "model", "gguf": "model", "jsonl": "data", "npy": "data", "json": "configuration"}


def render(evidence: Evidence) -> bytes:
    """The document, as the bytes of a JSON-LD file."""
    return common.dump({"@context": CONTEXT, "@graph": _Graph(evidence).whole()})


class _Graph:
    """Collects the elements of one document; each is added once under a name that is made from what it stands for."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.made = common.stated_time(evidence)
        self.space = f"https://helder.dev/spdx/{common.release_uuid(evidence, 'spdx')}"
        self.elements: dict[str, Json] = {}

    def whole(self) -> list[Json]:
        """Every element, sorted by name, after the information about who created them when."""
        agent = self.add("SoftwareAgent", "agent-helder", name=self._helder()[0])
        tool = self.add("Tool", "tool-helder", name=self._helder()[0])
        self.provider = self._provider()
        self.helder = self._packages()
        for source in common.sources(self.evidence):
            self._source(source)
        for source in common.sources(self.evidence, "model"):
            self._imported(source)
        for source in common.sources(self.evidence, "other"):
            self._other(source)
        for stage in self.evidence.statements:
            self._artifact(stage)
        for stage, said in self.evidence.statements.items():
            self._build(stage, said, agent)
        model = self._model()
        sbom = self._collection("software_Sbom", "sbom", [model], software_sbomType=["build"])
        document = self._collection("SpdxDocument", "document", [sbom], name=str(self.evidence.release["name"]))
        creation = {
            "type": "CreationInfo",
            "@id": CREATION,
            "specVersion": "3.0.1",
            "created": self.made,
            "createdBy": [agent],
            "createdUsing": [tool],
        }
        first = [creation, self.elements.pop(document)]
        return first + [element for _, element in sorted(self.elements.items())]

    def add(self, kind: str, called: str, /, **fields: Any) -> str:
        """Add an element; its identifier. Fields that hold nothing are left out."""
        identifier = self._id(called)
        kept = {key: value for key, value in fields.items() if value not in (None, [], "")}
        self.elements[identifier] = {"type": kind, "spdxId": identifier, "creationInfo": CREATION, **kept}
        return identifier

    def relate(self, kind: str, here: str, there: Iterable[str], scope: str | None = None, **fields: Any) -> None:
        """Add a relationship, if it leads anywhere. Its name is made from its ends."""
        to = sorted(set(there))
        if to:
            name = hashlib.sha256("\n".join([kind, here, *to]).encode("utf-8")).hexdigest()[:16]
            type_ = "Relationship" if scope is None else "LifecycleScopedRelationship"
            more = {} if scope is None else {"scope": scope}
            self.add(type_, f"relationship-{name}", relationshipType=kind, to=to, **{"from": here}, **more, **fields)

    # -- the model ---------------------------------------------------------------------------------------------------

    def _model(self) -> str:
        evidence, release = self.evidence, self.evidence.release
        stage = evidence.model_stage
        weights = [one.value["sha256"] for one in evidence.weights]
        uses = [str(release.get("purpose") or ""), *common.lines(evidence.person("intended_use").value)]
        kind = evidence.task["kind"].value
        model = self.add(
            "ai_AIPackage",
            "model",
            name=str(release["name"]),
            description=release.get("purpose"),
            verifiedUsing=[_hash(sha256) for sha256 in weights],
            releaseTime=self.made,
            builtTime=self._ended(stage),
            suppliedBy=self.provider,
            software_packageVersion=str(release.get("version") or NOT_STATED),
            software_primaryPurpose="model",
            software_downloadLocation=self._location(stage),
            ai_domain=[] if kind is None else [f"{kind} task: {evidence.task['name'].value or release['name']}"],
            ai_typeOfModel=["transformer decoder", *common.lines(evidence.model["family"].value)],
            ai_informationAboutTraining=self._training(),
            ai_informationAboutApplication="\n".join(filter(None, uses)),
            ai_hyperparameter=[
                _entry(f"{fact.value['stage']}.{key}", text)
                for fact in evidence.trainings
                for key, text in common.flat(fact.value["settings"])
            ],
            ai_metric=self._metrics(),
            ai_modelDataPreprocessing=self._preprocessing(),
            ai_energyConsumption=self._energy(),
            ai_limitation="\n".join(common.limits(evidence)),
            ai_standardCompliance=common.lines(evidence.person("standards").value),
            ai_useSensitivePersonalInformation="noAssertion",
        )
        self._licence(model, evidence.person("licence").value)
        if stage in evidence.statements:
            self.relate("contains", model, [self._file(file) for file in common.files(evidence, stage)])
        by_name = {source.name: self._id(f"source-{source.digest}") for source in common.sources(evidence)}
        learnt = []
        for name in common.learnt_from(evidence):
            if name == "data":
                learnt += [self._set(file) for file in common.files(evidence, "data") if file.path == "train.jsonl"]
            elif name in evidence.statements:
                learnt.append(self._id(f"artifact-{common.escape(name)}"))
            elif name in by_name:
                learnt.append(by_name[name])
        self.relate("trainedOn", model, learnt)
        self.relate("testedOn", model, [self._set(file) for file in common.tested_on(evidence)])
        base = evidence.base["kind"].value
        if base == "imported":
            self.relate("ancestorOf", self._id("artifact-base"), [model])
            self.relate("dependsOn", model, [self._id("artifact-base")])
        if self.helder is not None:
            self.relate("dependsOn", model, [self.helder], "build")
        if "files" in evidence.statements:
            self.relate("generates", model, [self._id("artifact-files")])
        return model

    def _training(self) -> str:
        """What was trained in which order, in sentences."""
        told = []
        for fact in self.evidence.trainings:
            one = fact.value
            counts = [f"{one[key]} {what}" for key, what in COUNTED if one[key] is not None]
            lessons = ", ".join(sorted(map(str, one["learns_from"].values()))) or NOT_STATED
            begins = f"begins with {one['begins_with'] or NOT_STATED}, learns from {lessons}"
            how = f"objective {one['objective'] or NOT_STATED}, method {one['method'] or NOT_STATED}, {begins}"
            told.append(f"{one['stage']}: {how}" + "".join(f"; {count}" for count in counts) + ".")
        for fact in self.evidence.averages:
            told.append(f"{fact.value['stage']}: the mean of the weights of {', '.join(fact.value['of'])}.")
        return "\n".join(told)

    def _metrics(self) -> list[Json]:
        found = []
        for fact in self.evidence.scores:
            row = fact.value
            if common.number(row["value"]) is None:
                continue
            span = f"{common.words(row['low'])} to {common.words(row['high'])}, " if row["low"] is not None else ""
            key = f"{row['measure']} on {row['test_set']}, {row['role']} {row['subject']}"
            found.append(_entry(key, f"{common.words(row['value'])} ({span}n = {common.words(row['n'])})"))
        return found

    def _preprocessing(self) -> list[str]:
        told = [common.split_words(fact.value) for fact in self.evidence.splits]
        for fact in self.evidence.texts:
            one = fact.value
            told.append(
                f"{one['stage']}: {one['documents']} documents as {one['tokens']} tokens; {one['empty']} empty."
            )
        return told

    def _energy(self) -> Json | None:
        """Of what trains weights; the rest of the stages is not training and has no place in SPDX."""
        evidence = self.evidence
        if not evidence.energy.known:
            return None
        names = {fact.value["stage"]: fact.value["objective"] for fact in evidence.trainings}
        imported = evidence.base["kind"].value == "imported"
        sums = {"ai_trainingEnergyConsumption": 0.0, "ai_finetuningEnergyConsumption": 0.0}
        for stage, joules in evidence.energy.value["stages"].items():
            if stage in names:
                from_text = names[stage] == "text" and not imported
                sums["ai_trainingEnergyConsumption" if from_text else "ai_finetuningEnergyConsumption"] += joules
        found: Json = {"type": "ai_EnergyConsumption"}
        for key, joules in sums.items():
            if joules:
                quantity = format(Decimal(repr(common.kilowatt_hours(joules))), "f")  # xsd:decimal has no exponent
                found[key] = [
                    {
                        "type": "ai_EnergyConsumptionDescription",
                        "ai_energyQuantity": quantity,
                        "ai_energyUnit": "kilowattHour",
                    }
                ]
        return found if len(found) > 1 else None

    # -- what stages made, and what nobody here made -----------------------------------------------------------------

    def _artifact(self, stage: str) -> None:
        """The package of what a stage made; the model itself is `_model`."""
        evidence = self.evidence
        said, made = evidence.statements[stage], common.files(evidence, stage)
        if stage == evidence.model_stage:
            return
        name, function = f"artifact-{common.escape(stage)}", common.function_of(said)
        shared: Json = {
            "name": stage,
            "builtTime": self._ended(stage),
            "releaseTime": self.made,
            "software_downloadLocation": self._location(stage),
            "comment": f"SHA-256 of its manifest: {said.digest}",
        }
        contained = [self._file(file) for file in made]
        if function in ("helder.data.stage:run", TEACHES) or stage == "data":
            kind = evidence.task["kind"].value
            shared |= {
                "dataset_datasetType": ["structured" if kind == "record" else "text"],
                "originatedBy": [self.provider],
            }
            shared |= {"software_primaryPurpose": "data", "dataset_hasSensitivePersonalInformation": "noAssertion"}
            shared["dataset_datasetSize"] = sum(file.size for file in made)
            if stage == "data" and (committed := evidence.commitment.value) is not None:
                shared["comment"] += f"; salted Merkle root over records and documents: {committed['root']}"
            package = self.add(
                "dataset_DatasetPackage", name, **shared, dataset_dataPreprocessing=self._preprocessing()
            )
            sets = [self._add_set(file) for file in made if file.path.endswith(".jsonl")]
            contained += sets
            if stage == "data":
                for element in (package, *sets):
                    self._licence(element, evidence.licence_of_data.value)
        elif function == TOKENIZES:
            told = [fact.value for fact in evidence.texts if fact.value["stage"] == stage]
            package = self.add(
                "dataset_DatasetPackage",
                name,
                **shared,
                dataset_datasetType=["text"],
                dataset_datasetSize=sum(file.size for file in made),
                dataset_dataPreprocessing=[
                    *document_words.account(evidence),
                    *(f"{one['documents']} documents as {one['tokens']} tokens" for one in told),
                ],
                dataset_hasSensitivePersonalInformation="noAssertion",
                originatedBy=[self.provider],
                software_primaryPurpose="data",
            )
        elif common.holds_model(said):
            is_base = stage == "base"
            shared["name"] = str((evidence.base["title"].value if is_base else None) or stage)
            shared["suppliedBy"] = self.provider
            if function == IMPORTS:
                shared["suppliedBy"] = self.add("Agent", f"agent-of-{common.escape(stage)}", name=NOT_STATED)
            package = self.add(
                "ai_AIPackage",
                name,
                **shared,
                description=evidence.base["note"].value if is_base else None,
                software_packageVersion=NOT_STATED,
                software_primaryPurpose="model",
                software_sourceInfo=evidence.base["origin"].value if is_base else None,
            )
            if function == IMPORTS:
                licence = said.predicate["settings"].get("licence")
                self._licence(package, evidence.base["licence"].value if is_base else licence)
        else:
            purpose = "evidence" if stage == "scores" or stage.startswith("predict-") else "data"
            package = self.add("software_Package", name, **shared, software_primaryPurpose=purpose)
        self.relate("contains", package, contained)
        brought = [f"source-{digest}" for _, maker, digest in common.inputs_of(evidence, said) if maker is None]
        for source in brought:
            self.relate("generates", self._id(source), [package])

    def _source(self, source: Source) -> None:
        """A file or folder that the recipe names."""
        value = source.fact.value
        declared = " ".join(
            document_words.folder(fact.value) for fact in self.evidence.folders if fact.value["sha256"] == source.digest
        )
        identifier = self.add(
            "dataset_DatasetPackage",
            f"source-{source.digest}",
            name=source.name,
            verifiedUsing=[_hash(source.digest)] if source.kind == "file" else [],
            releaseTime=self.made,
            originatedBy=[self.provider],
            software_primaryPurpose="data",
            software_downloadLocation=_where(source),
            dataset_datasetType=["text"],
            dataset_datasetSize=value["bytes"],
            dataset_dataCollectionProcess=" ".join(common.lines(self.evidence.person("data_origin").value)),
            dataset_knownBias=common.lines(self.evidence.person("bias").value),
            dataset_hasSensitivePersonalInformation="noAssertion",
            comment="; ".join(filter(None, (_withheld(source.withheld), declared))) or None,
        )
        self._licence(identifier, source.licence)

    def _imported(self, source: Source) -> None:
        """The file of someone else's model, as it was before it was imported."""
        identifier = self.add(
            "ai_AIPackage",
            f"source-{source.digest}",
            name=source.name,
            verifiedUsing=[_hash(source.digest)] if source.kind == "file" else [],
            releaseTime=self.made,
            suppliedBy=self.add("Agent", f"agent-of-source-{source.digest}", name=NOT_STATED),
            software_packageVersion=NOT_STATED,
            software_primaryPurpose="model",
            software_downloadLocation=_where(source),
            comment=_withheld(source.withheld),
        )
        self._licence(identifier, source.licence)

    def _other(self, source: Source) -> None:
        """What a stage read that is neither data nor a model."""
        self.add(
            "software_File",
            f"source-{source.digest}",
            name=source.name,
            verifiedUsing=[_hash(source.digest)] if source.kind == "file" else [],
            software_primaryPurpose="other",
            comment=_withheld(source.withheld),
        )

    def _set(self, file: File) -> str:
        return self._id(f"set-{common.escape(file.stage)}/{common.escape(file.path)}")

    def _add_set(self, file: File) -> str:
        """One split of the records: what is learnt from, and what it is tested on."""
        split = file.path.removesuffix(".jsonl")
        counts = {fact.value["split"]: fact.value for fact in self.evidence.splits} if file.stage == "data" else {}
        kind = self.evidence.task["kind"].value
        return self.add(
            "dataset_DatasetPackage",
            f"set-{common.escape(file.stage)}/{common.escape(file.path)}",
            name=split,
            verifiedUsing=[_hash(file.sha256)],
            builtTime=self._ended(file.stage),
            releaseTime=self.made,
            originatedBy=[self.provider],
            software_primaryPurpose="test" if split.startswith("test") else "data",
            software_downloadLocation=_place(file),
            dataset_datasetType=["structured" if kind == "record" else "text"],
            dataset_datasetSize=file.size,
            dataset_dataPreprocessing=[common.split_words(counts[split])] if split in counts else [],
            dataset_hasSensitivePersonalInformation="noAssertion",
            comment=_withheld(file.withheld),
        )

    def _file(self, file: File) -> str:
        ending = file.path.rpartition(".")[2]
        return self.add(
            "software_File",
            f"file-{common.escape(file.stage)}/{common.escape(file.path)}",
            name=file.path,
            verifiedUsing=[_hash(file.sha256)],
            contentType=common.media_type(file.path),
            software_primaryPurpose=PURPOSES.get(ending, "file"),
            comment=_withheld(file.withheld),
        )

    # -- stages ------------------------------------------------------------------------------------------------------

    def _build(self, stage: str, said: Statement, agent: str) -> None:
        evidence, predicate = self.evidence, said.predicate
        code = predicate["code"].get("sha256")
        build = self.add(
            "build_Build",
            f"build-{common.escape(stage)}",
            name=stage,
            comment=f"SHA-256 of the signed statement: {payload_digest(said)}",
            build_buildType=BUILD_TYPE,
            build_buildId=said.key,
            build_buildStartTime=common.utc(predicate["timings"].get("started")),
            build_buildEndTime=self._ended(stage),
            build_configSourceEntrypoint=[str(predicate["stage"]["function"])],
            build_configSourceDigest=[_hash(code)] if code else [],
            build_parameter=[_entry(key, text) for key, text in common.flat(predicate["settings"])],
            build_environment=[
                _entry(key, text) for key, text in common.flat(predicate["stage"].get("variables") or {})
            ],
        )
        inputs = [
            self._id(f"source-{digest}") if maker is None else self._made_by(maker)
            for _, maker, digest in common.inputs_of(evidence, said)
            if maker != stage
        ]
        self.relate("hasInput", build, inputs, "build")
        self.relate("hasOutput", build, [self._made_by(stage)], "build")
        self.relate("invokedBy", build, [agent], "build")
        if self.helder is not None:
            self.relate("usesTool", build, [self.helder], "build")

    def _packages(self) -> str | None:
        """Helder with the packages beside it; each version once. Its identifier."""
        versions = {
            (str(name), str(version))
            for fact in self.evidence.software
            for name, version in fact.value["packages"].items()
            if name != "helder"
        }
        name, version, code = self._helder()
        helder = self.add(
            "software_Package",
            "package-helder",
            name=name,
            software_packageVersion=version,
            software_primaryPurpose="application",
            comment=f"SHA-256 of its code: {code}" if code else None,
        )
        made = [
            self.add(
                "software_Package",
                f"package-{common.escape(one)}@{common.escape(number)}",
                name=one,
                software_packageVersion=number,
                software_packageUrl=f"pkg:pypi/{common.segment(one)}@{common.segment(number)}",
                software_primaryPurpose="library",
            )
            for one, number in sorted(versions)
        ]
        self.relate("dependsOn", helder, made, "build", completeness="complete" if made else None)
        return helder

    # -- small parts -------------------------------------------------------------------------------------------------

    def _licence(self, element: str, licence: Any) -> None:
        """What was declared; nobody concluded anything from reading."""
        declared = NO_LICENCE
        if licence:
            text = common.words(licence)
            known = common.expression(text)
            name = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
            fields: Json = {"simplelicensing_licenseExpression": known}
            if known is None:
                own = f"LicenseRef-{name}"
                wording = self.add(
                    "simplelicensing_SimpleLicensingText", f"licence-text-{name}", simplelicensing_licenseText=text
                )
                fields = {
                    "simplelicensing_licenseExpression": own,
                    "simplelicensing_customIdToUri": [_entry(own, wording)],
                }
            declared = self.add("simplelicensing_LicenseExpression", f"licence-{name}", **fields)
        self.relate("hasDeclaredLicense", element, [declared])
        self.relate("hasConcludedLicense", element, [NO_LICENCE])

    def _provider(self) -> str:
        name = self.evidence.person("provider").value
        if name:
            return self.add("Organization", "provider", name=common.words(name))
        return self.add("Agent", "provider", name=NOT_STATED)

    def _helder(self) -> tuple[str, str, str | None]:
        said = self.evidence.release.get("helder", {})
        version = str(said.get("helder") or said.get("version") or NOT_STATED)
        return "helder", version, said.get("sha256")

    def _ended(self, stage: str) -> str | None:
        said = self.evidence.statements.get(stage)
        timings = said.predicate["timings"] if said else {}
        return common.utc(timings.get("started"), timings.get("seconds", 0))

    def _location(self, stage: str) -> str | None:
        """The folder of an artifact in the bundle; if nothing of it is handed over, its largest file by digest."""
        made = common.files(self.evidence, stage) if stage in self.evidence.statements else []
        if any(file.withheld is None for file in made):
            return common.link(f"artifacts/{stage}/")
        return common.named_by_digest(max(made, key=lambda file: file.size).sha256) if made else None

    def _made_by(self, stage: str) -> str:
        return self._id("model" if stage == self.evidence.model_stage else f"artifact-{common.escape(stage)}")

    def _collection(self, kind: str, called: str, roots: list[str], /, **fields: Any) -> str:
        within = sorted(self.elements)
        return self.add(kind, called, rootElement=roots, element=within, profileConformance=PROFILES, **fields)

    def _id(self, name: str) -> str:
        return f"{self.space}#{name}"


COUNTED = (
    ("steps", "steps"),
    ("tokens", "tokens"),
    ("examples_seen", "examples seen"),
    ("trained_parameters", "trained parameters"),
    ("flops", "floating-point operations (counted, an upper bound)"),
)


def _where(source: Source) -> str | None:
    if source.path is not None:
        return common.link(source.path)
    return common.named_by_digest(source.digest) if source.kind == "file" else None


def _place(file: File) -> str:
    return common.link(file.place) if file.withheld is None else common.named_by_digest(file.sha256)


def _withheld(why: str | None) -> str | None:
    return None if why is None else f"withheld: {why}"


def _hash(sha256: str) -> Json:
    return {"type": "Hash", "algorithm": "sha256", "hashValue": sha256}


def _entry(key: str, value: str) -> Json:
    return {"type": "DictionaryEntry", "key": key, "value": value}
