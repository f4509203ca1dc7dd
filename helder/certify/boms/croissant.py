"""Croissant 1.0: the data of a release as machine learning tools read it, in JSON-LD.

Every file that somebody brought and every file of records and tokens stands in it with its SHA-256, and for the records
their fields, so that `mlcroissant` can load them from the bundle. A file that is not handed over has the name of its
bytes (RFC 6920) where its address would be: who has it can tell that it is the one.
Format: http://mlcommons.org/croissant/1.0, with http://mlcommons.org/croissant/RAI/1.0 for what people said of it.

How the data are to be cited is left open; nobody is asked for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from helder.certify import document_words
from helder.certify.boms import common
from helder.certify.boms.common import File, Source
from helder.certify.document_facts import CLEANS
from helder.certify.evidence import Evidence
from helder.certify.reading import TEACHES, TOKENIZES

Json = dict[str, Any]
CROISSANT = "http://mlcommons.org/croissant/1.0"
RESPONSIBLE = "http://mlcommons.org/croissant/RAI/1.0"
# The context that every Croissant 1.0 document has; readers warn of any other.
CONTEXT: Json = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
# What people said in [release], under the names of the Responsible AI vocabulary.
SAID = {
    "rai:dataCollection": "data_origin",
    "rai:dataCollectionTimeframe": "data_until",
    "rai:dataAnnotationProtocol": "labelling",
    "rai:dataBiases": "bias",
    "rai:dataUseCases": "intended_use",
    "rai:dataLimitations": "unsuitable_data",
    "rai:personalSensitiveInformation": "personal_data",
}
TYPES = {"string": "sc:Text", "integer": "sc:Integer", "number": "sc:Float", "boolean": "sc:Boolean"}
VERSION = re.compile(r"(0|[1-9]\d{0,8})(\.(0|[1-9]\d{0,8})){0,2}")  # as the format asks for it
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # names that JSONPath reads without quotes


def render(evidence: Evidence) -> bytes:
    """The document, as the bytes of a JSON-LD file."""
    name = str(evidence.task["name"].value or evidence.release["name"])
    sources, made = common.sources(evidence), _made(evidence)
    said = _said(evidence)
    document: Json = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": f"{name}: the data",
        "description": _description(evidence, sources),
        "conformsTo": [CROISSANT, RESPONSIBLE] if said else CROISSANT,
    }
    if licence := evidence.licence_of_data.value:
        document["license"] = _licence(licence)
    if (provider := evidence.person("provider").value) is not None:
        document["creator"] = {"@type": "sc:Organization", "name": common.words(provider)}
    document["datePublished"] = common.words(evidence.person("released").value or common.stated_time(evidence)[:10])
    if VERSION.fullmatch(version := str(evidence.release.get("version"))):
        document["version"] = version
    if languages := common.lines(evidence.person("data_languages").value):
        document["inLanguage"] = languages
    document |= said
    document["distribution"] = [_source(source) for source in sources if source.kind == "file"]
    document["distribution"] += [_file(file) for file in made]
    document["recordSet"] = [
        _records(evidence, file) for file in made if file.stage == "data" and file.path.endswith(".jsonl")
    ]
    return common.dump({key: value for key, value in document.items() if value != []})


def _made(evidence: Evidence) -> list[File]:
    """Records, split and cleaned; texts as tokens; answers that a teacher wrote."""
    found = []
    for stage, said in evidence.statements.items():
        if stage == "data" or common.function_of(said) in (TOKENIZES, TEACHES):
            found += [file for file in common.files(evidence, stage) if file.path.endswith((".jsonl", ".npy"))]
        if common.function_of(said) == CLEANS:
            found += [file for file in common.files(evidence, stage) if file.path == "documents.jsonl"]
    return found


def _description(evidence: Evidence, sources: list[Source]) -> str:
    told = [f"What the model {evidence.release['name']} learnt from and was tested on."]
    told += [common.split_words(fact.value) for fact in evidence.splits]
    for fact in evidence.texts:
        told.append(f"{fact.value['stage']}: {fact.value['documents']} documents, {fact.value['tokens']} tokens.")
    for source in sources:
        if source.kind != "file":
            told.append(f"The folder {source.name}: SHA-256 of its manifest {source.digest}, not listed file by file.")
    told += [document_words.folder(fact.value) for fact in evidence.folders]
    if (committed := evidence.commitment.value) is not None:
        told.append(f"Salted Merkle root over {committed['leaves']} records and documents: {committed['root']}.")
    if not evidence.licence_of_data.known:
        told.append("Licence: not stated.")
    if (rights := evidence.person("data_rights").value) is not None:
        told.append(f"Rights: {common.words(rights)}")
    return " ".join(told)


def _said(evidence: Evidence) -> Json:
    """What people said of the data, and what was counted of their cleaning."""
    found: Json = {
        name: common.words(evidence.person(key).value) for name, key in SAID.items() if evidence.person(key).known
    }
    if (searched := document_words.personal(evidence)) is not None:
        key = "rai:personalSensitiveInformation"
        found[key] = f"{found[key]} {searched}" if key in found else searched
    cleaned = [common.split_words(fact.value) for fact in evidence.splits] + document_words.account(evidence)
    return found | ({"rai:dataPreprocessingProtocol": cleaned} if cleaned else {})


def _source(source: Source) -> Json:
    value = source.fact.value
    where = common.named_by_digest(source.digest) if source.path is None else common.link(source.path)
    read = ", ".join(f"{stage} as {known_as}" for stage, known_as in source.read_by)
    told = f"As it was brought; read by {read}."
    if source.licence is not None:
        told += f" Licence, as declared: {source.licence}."
    told += f" Withheld: {source.withheld}." if source.withheld is not None else ""
    return _object(f"source-{source.digest}", source.name, told, where, value["bytes"], source.digest)


def _file(file: File) -> Json:
    where = common.named_by_digest(file.sha256) if file.withheld is not None else common.link(file.place)
    told = f"Made by the stage {file.stage}."
    if file.withheld is not None:
        told += f" Withheld: {file.withheld}."
    return _object(_id(file), file.path, told, where, file.size, file.sha256)


def _object(called: str, name: str, told: str, where: str, size: int | None, sha256: str) -> Json:
    return {
        "@type": "cr:FileObject",
        "@id": called,
        "name": name,
        "description": told,
        **({"contentSize": f"{size} B"} if size is not None else {}),
        "contentUrl": where,
        "encodingFormat": common.media_type(name),
        "sha256": sha256,
    }


def _records(evidence: Evidence, file: File) -> Json:
    """The records of one split; what an answer holds is described when the task is handed over."""
    split = file.path.removesuffix(".jsonl")
    here = f"records/{common.escape(split)}"
    fields = [
        _field(here, file, "id", "sc:Text", "A name of the record, unique in the data."),
        _field(here, file, "input", "sc:Text", "What the model is given."),
    ]
    answer = _answer(evidence, here, file)
    told = f"The records of {split}, in their order."
    if answer is None:
        told += " The answer, `output`, is not described: it is no text, and what it holds is withheld or not plain."
    else:
        fields.append(answer)
    return {
        "@type": "cr:RecordSet",
        "@id": here,
        "name": split,
        "description": told,
        "key": {"@id": f"{here}/id"},
        "field": fields,
    }


def _answer(evidence: Evidence, here: str, file: File) -> Json | None:
    """The field of the right answers: a text, or the fields of a record; None when its form is not known."""
    kind = evidence.task["kind"].value
    if kind in ("label", "text"):
        return _field(here, file, "output", "sc:Text", f"The right answer: a {kind}.")
    read = evidence._json("data", "task.json") if kind == "record" else None
    if read is None:
        return None
    properties: Mapping[str, Any] = (read[0].get("schema") or {}).get("properties", {})
    typed = {name: _type(one) for name, one in properties.items() if PLAIN.fullmatch(name)}
    described = {name: kind for name, kind in typed.items() if kind is not None}
    left_out = len(properties) - len(described)
    if not described:
        return None
    told = "The right answer: a record." if not evidence.task["many"].value else "The right answer: a list of records."
    if left_out:
        told += f" {left_out} of its {len(properties)} fields are not described: their values or names are not plain."
    parent: Json = {
        "@type": "cr:Field",
        "@id": f"{here}/output",
        "name": "output",
        "description": told,
        **({"repeated": True} if evidence.task["many"].value else {}),
        "subField": [],
    }
    for name, type_ in described.items():
        one = _field(f"{here}/output", file, name, type_, f"{name} of the record.")
        one["source"]["extract"] = {"column": "output"}
        one["source"]["transform"] = {"jsonPath": name}
        parent["subField"].append(one)
    return parent


def _field(here: str, file: File, name: str, type_: str, told: str) -> Json:
    return {
        "@type": "cr:Field",
        "@id": f"{here}/{name}",
        "name": name,
        "description": told,
        "dataType": type_,
        "source": {"fileObject": {"@id": _id(file)}, "extract": {"column": name}},
    }


def _type(schema: Mapping[str, Any]) -> str | None:
    """The type of one plain value; None for objects, lists, and values of several types."""
    kinds = schema.get("type", [])
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if "enum" in schema:
        kinds = {_kind(value) for value in schema["enum"]}
    found = {TYPES.get(kind) for kind in kinds - {"null"}}
    if found == {"sc:Integer", "sc:Float"}:
        return "sc:Float"
    return found.pop() if len(found) == 1 else None


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for type_, kind in ((str, "string"), (int, "integer"), (float, "number")):
        if isinstance(value, type_):
            return kind
    return "object"


def _licence(licence: Any) -> str:
    """The address of a licence that SPDX knows, as the format recommends; otherwise the words themselves."""
    known = common.expression(common.words(licence))
    return common.words(licence) if known is None or " " in known else f"https://spdx.org/licenses/{known}"


def _id(file: File) -> str:
    return f"files/{common.escape(file.stage)}/{common.escape(file.path)}"
