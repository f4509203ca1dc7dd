"""Releases to make pages of: from a few made-up stages, or from the ledger and artifacts of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from helder.certify.evidence import Evidence
from helder.ledger import artifact, canonical, statement
from helder.ledger.artifact import Artifact
from helder.ledger.keys import PublicKey, SigningKey
from helder.ledger.statement import Statement


def key(number: int = 1) -> SigningKey:
    """The same key for the same number, every time."""
    private = ec.derive_private_key(number + 1000, ec.SECP256R1())
    return SigningKey(private, PublicKey.of(private.public_key()))


def sign(predicate: Mapping[str, Any], *keys: SigningKey) -> bytes:
    """`release.dsse.json`."""
    payload = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "release", "digest": {"sha256": canonical.digest(dict(predicate))}}],
        "predicateType": "https://helder.dev/release/v1",
        "predicate": dict(predicate),
    }
    envelopes = [json.loads(statement.sign(payload, one)) for one in keys or (key(),)]
    envelopes[0]["signatures"] = [one["signatures"][0] for one in envelopes]
    return json.dumps(envelopes[0]).encode("ascii")


def release(
    statements: Mapping[str, Statement], withheld: Mapping[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    """The predicate of a release with all files of these stages; `withheld`: path → why."""
    hidden = withheld or {}
    files = [
        {**one, "path": f"artifacts/{stage}/{one['path']}"}
        for stage, said in statements.items()
        for one in said.predicate["outputs"]
    ]
    files.sort(key=lambda one: str(one["path"]))
    return {
        "name": "sums",
        "purpose": "Add small numbers.",
        "version": "1.0",
        "made": "2026-11-25T02:00:00Z",
        "audience": "public",
        "model": "train",
        "files": [one for one in files if one["path"] not in hidden],
        "withheld": [{**one, "why": hidden[one["path"]]} for one in files if one["path"] in hidden],
        "ledger": [],
        "sources": [],
        "people": {},
        "previous": None,
        "helder": {"helder": "0.1.0", "sha256": "c" * 64},
        **more,
    }


class Maker:
    """Makes stages one by one, each a folder with a statement."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.statements: dict[str, Statement] = {}
        self.places: dict[str, Path | None] = {}

    def stage(
        self,
        name: str,
        function: str,
        files: Mapping[str, Any],
        inputs: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """One stage.

        Args:
            files: name → text, or JSON.
            inputs: known as → an earlier stage, or the name of a file from outside.
        """
        place = self.folder / name
        place.mkdir(parents=True)
        for path, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (place / path).write_text(text, encoding="utf-8")
        built = statement.build(
            name=name, version=1, function=function, key=f"{name}-key", settings=settings or {},
            inputs={known_as: self.input(one) for known_as, one in (inputs or {}).items()},
            outputs=artifact.manifest(place), environment_record=more.get("environment", {}),
            timings=more.get("timings", {"seconds": 2.0, "energy": {"joules": 90.0, "how": "estimated: assumption"}}),
            facts=more.get("facts", {}), seal_level=more.get("seal", 0),
        )  # fmt: skip
        self.statements[name] = Statement(built)
        self.places[name] = place

    def input(self, name: str) -> Artifact:
        if name in self.statements:
            place = self.places[name]
            assert place is not None
            return Artifact(place, self.statements[name].digest, name)
        return Artifact(self.folder / name, canonical.digest({"source": name}), name)

    def evidence(self, withheld: Mapping[str, str] | None = None, **more: Any) -> Evidence:
        return Evidence.of(release(self.statements, withheld, **more), self.statements, self.places)


def of_run(run: Path, store: Mapping[str, Path] | None = None, **more: Any) -> Evidence:
    """The newest statements of a run's ledger as a release; nothing is verified."""
    import base64

    files = sorted((run / "ledger").glob("*.json"))
    found = [Statement(json.loads(base64.b64decode(json.loads(path.read_bytes())["payload"]))) for path in files]
    statements = {said.stage: said for said in found}
    ledger = [
        {
            "file": f"ledger/{path.name}",
            "sha256": canonical.digest(dict(said.payload)),
            "stage": said.stage,
            "digest": said.digest,
            "role": "way" if statements[said.stage] is said else "superseded",
        }
        for path, said in zip(files, found, strict=True)
    ]
    places = {name: run / "artifacts" / f"{name}-{said.digest[:12]}" for name, said in statements.items()}
    there = {name: place if place.is_dir() else (store or {}).get(name) for name, place in places.items()}
    return Evidence.of(release(statements, ledger=ledger, **more), statements, there)


def signed(evidence: Evidence, keys: Sequence[SigningKey] = ()) -> tuple[bytes, list[bytes]]:
    """(release.dsse.json, the public keys in PEM)."""
    used = tuple(keys) or (key(),)
    return sign(evidence.release, *used), [one.public.to_pem() for one in used]
