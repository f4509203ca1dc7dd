"""The bill of materials of a folder: CycloneDX 1.7 over its wheels, the Python that they need, and the model.

What the model was made from stands in the model's own bill (`helder.certify.boms.cyclonedx`); this one points to it, by
its digest. Format: https://cyclonedx.org/docs/1.7/json/ (Ecma-424).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name

from helder import __version__
from helder.airgap.target import Target
from helder.airgap.wheels import Wheel
from helder.certify.boms import common
from helder.ledger import canonical
from helder.ledger.artifact import FileEntry

Json = dict[str, Any]
MODEL, FOLDER, PYTHON = "model", "folder", "python"
MODELS_OWN = "model/documents/cyclonedx.json"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://helder.dev/air-gap/v1")


def render(
    release: Mapping[str, Any],
    digest: str,
    wheels: Sequence[Wheel],
    target: Target,
    extras: Sequence[str],
    files: Mapping[str, FileEntry],
    made: str,
) -> bytes:
    """The document, as the bytes of a JSON file; a pure function of what is in the folder.

    Args:
        release: the model's release.
        digest: by which it is known.
        files: path → file of the folder, as far as it is made.
        made: the time that the folder states.
    """
    what = [[one.path.name, one.sha256] for one in wheels]
    serial = uuid.uuid5(NAMESPACE, canonical.digest([digest, made, what]))
    document: Json = {
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "timestamp": made,
            "lifecycles": [{"phase": "post-build"}],
            "tools": {"components": [{"type": "application", "name": "helder", "version": __version__}]},
            "component": {
                "type": "application",
                "bom-ref": FOLDER,
                "name": f"{common.words(release['name'])}, to be installed without a network",
                "properties": _properties({"helder:target": f"{target.name}, CPython {target.python}"}),
            },
        },
        "components": [_model(release, digest, files), _python(target), *(_wheel(one) for one in wheels)],
        "dependencies": _dependencies(wheels, target, extras),
        "compositions": [{"aggregate": "complete", "assemblies": [FOLDER]}],
    }
    return common.dump(document)


def _model(release: Mapping[str, Any], digest: str, files: Mapping[str, FileEntry]) -> Json:
    component: Json = {
        "type": "machine-learning-model",
        "bom-ref": MODEL,
        "name": common.words(release["name"]),
        **({"version": common.words(release["version"])[:1024]} if release.get("version") else {}),
        **({"description": common.words(release["purpose"])} if release.get("purpose") else {}),
        "properties": _properties({"helder:release:sha256": digest, "helder:audience": release.get("audience")}),
    }
    if MODELS_OWN in files:
        own = {"type": "bom", "url": f"../{MODELS_OWN}", "hashes": _hashes(files[MODELS_OWN].sha256)}
        component["externalReferences"] = [own]
    return component


def _python(target: Target) -> Json:
    """The Python of the machine is needed and does not come along."""
    return {
        "type": "platform",
        "bom-ref": PYTHON,
        "name": "CPython",
        "version": target.python,
        "scope": "excluded",
        "description": "The machine's own; it is not in the folder.",
    }


def _wheel(one: Wheel) -> Json:
    known = common.expression(one.licence) if one.licence else None
    licence: Json = {}
    if known is not None and " " in known:
        licence = {"licenses": [{"expression": known, "acknowledgement": "declared"}]}
    elif one.licence:
        said = {"name": one.licence} if known is None else {"id": known}
        licence = {"licenses": [{"license": {**said, "acknowledgement": "declared"}}]}
    return {
        "type": "library",
        "bom-ref": _ref(one.name),
        "name": str(one.name),
        "version": str(one.version),
        "hashes": _hashes(one.sha256),
        **licence,
        "purl": f"pkg:pypi/{common.segment(one.name)}@{common.segment(str(one.version))}",
        "externalReferences": [{"type": "distribution", "url": f"../wheels/{common.segment(one.path.name)}"}],
        "properties": _properties({"helder:bytes": one.size, "helder:licence": None if licence else common.NOT_STATED}),
    }


def _dependencies(wheels: Sequence[Wheel], target: Target, extras: Sequence[str]) -> list[Json]:
    names = {str(one.name) for one in wheels}
    found: list[Json] = [
        {"ref": FOLDER, "dependsOn": sorted([MODEL, PYTHON, *map(_ref, names & {"helder", "pip"})])},
        {"ref": MODEL},
        {"ref": PYTHON},
    ]
    for one in wheels:
        asked = {
            str(canonicalize_name(more.name))
            for more in one.requires
            if target.needs(more.marker, extras if one.name == "helder" else ())
        }
        needed = sorted(_ref(name) for name in asked & names)
        found.append({"ref": _ref(one.name), **({"dependsOn": needed} if needed else {})})
    return found


def _ref(name: str) -> str:
    return f"wheel:{name}"


def _hashes(sha256: str) -> list[Json]:
    return [{"alg": "SHA-256", "content": sha256}]


def _properties(values: Mapping[str, Any]) -> list[Json]:
    return [{"name": name, "value": common.words(value)} for name, value in values.items() if value is not None]
