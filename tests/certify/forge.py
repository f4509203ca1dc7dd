"""A forger: changes a bundle and makes everything that is signed consistent again, as an insider with the key could.

`Forger.close` follows every digest from the changed place onwards: outputs of statements, inputs of those behind them,
keys, the ledger, the list of files, the model signatures, the documents and the page. What is found afterwards is found
because somebody did the work again, not because a digest did not fit.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from helder.certify import bundle as making
from helder.certify import documents, layout
from helder.certify.evidence import Evidence
from helder.ledger import canonical, envelope, model_signing, predicates, statement
from helder.ledger.artifact import FileEntry, hash_file, manifest_digest
from helder.ledger.keys import PublicKey, SigningKey
from helder.ledger.statement import PAYLOAD_TYPE, Statement
from helder.train import chain

Json = dict[str, Any]


def payload(path: Path) -> Json:
    """What an envelope holds, whoever signed it."""
    found: Json = canonical.loads(envelope.open(path.read_bytes(), []).payload)
    return found


class Forger:
    """Somebody who has a bundle and a key.

    Attributes:
        root: the bundle, which is changed in place.
        release: its predicate.
        said: file in the ledger → statement, as JSON to be changed.
        late: (file in the ledger, change of its predicate, who signs it): what is changed when all else is consistent.
    """

    def __init__(self, bundle: Path, target: Path, key: SigningKey) -> None:
        shutil.copytree(bundle, target)
        self.root, self.key = target, key
        self.late: list[tuple[str, Callable[[Json], None], SigningKey]] = []
        self.release: Json = payload(target / layout.RELEASE)["predicate"]
        self.said: dict[str, Json] = {one["file"]: payload(target / one["file"]) for one in self.release["ledger"]}

    def file_of(self, stage: str) -> str:
        files = [str(one["file"]) for one in self.release["ledger"] if (one["stage"], one["role"]) == (stage, "way")]
        return files[0]

    def predicate(self, stage: str) -> Json:
        """The predicate of a stage's statement, to be changed in place."""
        found: Json = self.said[self.file_of(stage)]["predicate"]
        return found

    def settings(self, stage: str) -> Json:
        found: Json = self.predicate(stage)["settings"]
        return found

    def artifact(self, stage: str, path: str) -> Path:
        return self.root / layout.ARTIFACTS / stage / path

    def edit(self, stage: str, path: str, change: Callable[[bytes], bytes]) -> None:
        """Change a file of an artifact."""
        file = self.artifact(stage, path)
        before = file.read_bytes()
        after = change(before)
        assert after != before, f"{stage}/{path} did not change"
        file.write_bytes(after)

    def edit_json(self, stage: str, path: str, change: Callable[[Any], None]) -> None:
        def edited(data: bytes) -> bytes:
            value = json.loads(data)
            change(value)
            return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8")

        self.edit(stage, path, edited)

    def edit_log(self, stage: str, change: Callable[[list[Json]], None]) -> None:
        """Change the training log and chain it anew from the changed line on; the stated head follows."""
        lines = chain.read(self.artifact(stage, chain.LOG))
        before = [dict(line) for line in lines]
        change(lines)
        assert lines != before, "the log did not change"
        self._write_log(stage, lines)

    def chain_anew(self, stage: str) -> None:
        """Chain the log from what the training is said to have begun with."""
        self._write_log(stage, chain.read(self.artifact(stage, chain.LOG)))

    def _write_log(self, stage: str, lines: list[Json]) -> None:
        facts = self.predicate(stage)["facts"]
        head = chain.begin(self.settings(stage), facts["first_weights_sha256"])
        for line in lines:
            head = line["chain"] = chain.link(head, line)
        facts["log_sha256"] = head
        text = "".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n" for line in lines)
        self.artifact(stage, chain.LOG).write_text(text, encoding="utf-8")

    # -- closing --------------------------------------------------------------------------------------------

    def close(self, *, page: bool = True, rendered: bool = True) -> Path:
        """Make everything consistent and sign it; the bundle.

        Args:
            page, rendered: whether the page and the documents follow; if not, they stay as they are in the folder.
        """
        self._follow_digests()
        signers = dict.fromkeys(self.said, self.key)
        for file, change, signer in self.late:
            change(self.said[file]["predicate"])
            signers[file] = signer
        for file, said in self.said.items():
            (self.root / file).write_bytes(statement.sign(said, signers[file]))
        for one in self.release["ledger"]:
            said = self.said[one["file"]]
            data = canonical.dumps(said)
            one |= {
                "sha256": hashlib.sha256(data).hexdigest(),
                "digest": said["subject"][0]["digest"]["sha256"],
                "stage": said["predicate"]["stage"]["name"],
            }
        self._sign_models()
        if rendered:
            for path, data in documents.render(self._evidence()).items():
                (self.root / layout.DOCUMENTS / path).write_bytes(data)
        self.sign_release()
        if page:
            data = documents.page(self._evidence(), (self.root / layout.RELEASE).read_bytes(), [self.key.public], None)
            (self.root / layout.PAGE).write_bytes(data)
        self.sign_page()
        return self.root

    def sign_release(self, keys: Sequence[SigningKey] = ()) -> None:
        """List what lies there, and sign the list."""
        known = {*layout.OUTSIDE}
        paths = sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())
        listed = [FileEntry(path, *hash_file(self.root / path)) for path in paths if path not in known]
        self.release["files"] = [entry.to_json() for entry in listed]
        sealed = making.seal(
            predicates.RELEASE, self.release["name"], manifest_digest(listed), self.release, keys or [self.key]
        )
        (self.root / layout.RELEASE).write_bytes(sealed)

    def sign_page(self) -> None:
        digest = hash_file(self.root / layout.PAGE)[1]
        release = making.payload_digest((self.root / layout.RELEASE).read_bytes())
        about = {"page": digest, "release": release, "signers": [self.key.public.id]}
        sealed = making.seal(predicates.CERTIFICATE, layout.PAGE, digest, about, [self.key])
        (self.root / layout.PAGE_STATEMENT).write_bytes(sealed)

    def _way(self) -> list[str]:
        return [one["file"] for one in self.release["ledger"] if one["role"] == "way"]

    def _follow_digests(self) -> None:
        """Outputs as they lie there, then inputs and keys of what is behind, until nothing changes any more."""
        moved: dict[str, str] = {}
        for _ in range(len(self.said) + 1):
            before = dict(moved)
            for file in self._way():
                said = self.said[file]
                predicate = said["predicate"]
                for one in predicate["inputs"].values():
                    digest = one["digest"]["sha256"]
                    one["digest"]["sha256"] = moved.get(digest, digest)
                stage = predicate["stage"]
                for one in predicate["outputs"]:
                    path = self.root / layout.ARTIFACTS / stage["name"] / one["path"]
                    if path.is_file():
                        one["size"], one["sha256"] = hash_file(path)
                entries = [FileEntry(one["path"], one["size"], one["sha256"]) for one in predicate["outputs"]]
                old, new = said["subject"][0]["digest"]["sha256"], manifest_digest(entries)
                if old != new:
                    moved[old] = said["subject"][0]["digest"]["sha256"] = new
                inputs = {name: one["digest"]["sha256"] for name, one in predicate["inputs"].items()}
                predicate["seed"] = predicate["settings"].get("seed")
                predicate["key"] = statement.stage_key(
                    stage["name"],
                    stage["version"],
                    stage["function"],
                    predicate["settings"],
                    inputs,
                    stage.get("variables", {}),
                )
            if moved == before:
                return

    def _sign_models(self) -> None:
        for path in sorted((self.root / layout.SIGNATURES).rglob("*.sig")):
            name = path.relative_to(self.root / layout.SIGNATURES).as_posix().removesuffix(".sig")
            path.write_bytes(model_signing.sign(self.root / layout.ARTIFACTS / name, self.key))

    def _evidence(self) -> Evidence:
        way = {self.said[file]["predicate"]["stage"]["name"]: Statement(self.said[file]) for file in self._way()}
        return documents.evidence_of(self.release, way, self.root)


def rewrap(path: Path, change: Callable[[Json], None], keys: Sequence[SigningKey]) -> None:
    """Change what an envelope holds and sign it with these keys."""
    said = payload(path)
    change(said)
    path.write_bytes(envelope.seal(canonical.dumps(said), PAYLOAD_TYPE, list(keys)))


def keys_of(bundle: Path) -> list[PublicKey]:
    return [PublicKey.from_pem(path.read_bytes()) for path in sorted((bundle / layout.KEYS).glob("*.pem"))]
