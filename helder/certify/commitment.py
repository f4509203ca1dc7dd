"""The stage "commitment": one salted digest over every record and document, and the way to reveal one of them.

Whoever holds the root can later be shown that a document was among what the model learnt from, or was tested on,
without being shown any other. The salts come from a secret of the run; without it, a short record cannot be found out
by hashing guesses. The root binds what the signer says; that it belongs to the data is checked by whoever has both.

What is committed to, in this order: the lines of train, dev and every test set of the data artifact, then the documents
of the texts that trainings read. A line or document is the bytes of its text in UTF-8. Of a folder of documents these
are the texts that were learnt from, as they were extracted, cleaned and perhaps redacted; each is called by its path in
the folder. What was held, refused or left out as a copy was not learnt from and is not among them.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.errors import ExitCode, HelderError
from helder.evaluate.records import test_sets
from helder.ledger import canonical, merkle
from helder.ledger.artifact import write_atomic
from helder.tokens.documents import is_taken_in, read_documents

STAGE, FUNCTION = "commitment", "helder.certify.commitment:run"
FILE, SECRET = "commitment.json", "commitment.secret"
DOCUMENTS = "documents"
SECRET_BYTES = 32


@dataclass(frozen=True)
class Document:
    """One leaf of the tree.

    Attributes:
        part: "data/train", "text/<name of the file>", "text/documents" of those of [documents], …
        name: the id of a record, or the name of a document.
    """

    part: str
    name: str
    content: bytes


def run(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Stage function, see `helder.stage`: records, documents and a secret → `commitment.json`.

    Args:
        inputs: "secret", a file; "data", the artifact of the stage "data"; "text", "text-2", … documents.

    Raises:
        HelderError: a document cannot be read.
    """
    secret = inputs["secret"].read_bytes()
    parts: dict[str, int] = {}
    leaves = []
    for place, document in enumerate(documents(inputs)):
        parts[document.part] = parts.get(document.part, 0) + 1
        leaves.append(merkle.leaf(document.content, merkle.salt(secret, place)))
    record = {
        "format": 1,
        "tree": "RFC 6962, SHA-256; leaf = SHA-256(0x00, salt, document)",
        "salt": "the first 16 bytes of HMAC-SHA-256(secret, 'helder/salt/' + place in decimal)",
        "root": merkle.root(leaves).hex(),
        "leaves": len(leaves),
        "parts": [{"part": part, "leaves": count} for part, count in parts.items()],
    }
    (output / FILE).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return {"root": record["root"], "leaves": len(leaves)}


def documents(inputs: Mapping[str, Path]) -> Iterator[Document]:
    """Everything that is committed to, in its order."""
    if data := inputs.get("data"):
        for name in ("train", "dev", *test_sets(data)):
            path = data / f"{name}.jsonl"
            for line in path.read_text(encoding="utf-8").split("\n") if path.exists() else []:
                if line:
                    yield Document(f"data/{name}", str(json.loads(line)["id"]), line.encode("utf-8"))
    names = sorted((name for name in inputs if name.startswith("text")), key=lambda name: (len(name), name))
    for known_as in names:
        path = inputs[known_as]
        # An artifact lies under another name in a run's folder than in a bundle.
        called = DOCUMENTS if is_taken_in(path) else path.name
        for name, text in read_documents(path):
            yield Document(f"{known_as}/{called}", name, text.encode("utf-8"))


def secret_of(run: Path) -> Path:
    """The secret of a run, made once; it stays in the house, and decides the root."""
    path = run / SECRET
    if not path.exists():
        write_atomic(path, secrets.token_bytes(SECRET_BYTES), 0o600)
    return path


def reveal(inputs: Mapping[str, Path], commitment: Mapping[str, Any], wanted: str) -> dict[str, Any]:
    """One document with the proof that it is among those committed to.

    Args:
        inputs: as of the stage.
        commitment: `commitment.json`.
        wanted: "<part>:<name>", or a name that only one document has.

    Raises:
        HelderError: there is no such document, or several.
    """
    secret = inputs["secret"].read_bytes()
    found: list[tuple[int, Document]] = []
    leaves = []
    for place, document in enumerate(documents(inputs)):
        leaves.append(merkle.leaf(document.content, merkle.salt(secret, place)))
        if wanted in (document.name, f"{document.part}:{document.name}"):
            found.append((place, document))
    if len(found) != 1:
        raise HelderError(
            f"{len(found) or 'No'} documents are called {wanted!r}.",
            f"Among: {', '.join(f'{one.part}:{one.name}' for _, one in found[:5])}." if found else "",
            "Name a record by its id (in train.jsonl of the data artifact), a document by its file; with its part "
            f"before it where that is not enough, such as {commitment['parts'][0]['part']}:{wanted}.",
        )
    ((place, document),) = found
    if merkle.root(leaves).hex() != commitment["root"]:
        raise HelderError(
            "The documents are not those that were committed to.",
            "Their root is another than the one in commitment.json.",
            "Restore the data of the run.",
            ExitCode.FAILED,
        )
    return {
        "format": 1,
        "part": document.part,
        "name": document.name,
        "document": document.content.decode("utf-8"),
        "place": place,
        "leaves": len(leaves),
        "salt": merkle.salt(secret, place).hex(),
        "proof": [digest.hex() for digest in merkle.proof(leaves, place)],
        "root": commitment["root"],
    }


def proved(revealed: Mapping[str, Any], commitment: Mapping[str, Any]) -> bool:
    """Whether a revealed document stands where it says among those committed to."""
    try:
        leaf = merkle.leaf(revealed["document"].encode("utf-8"), bytes.fromhex(revealed["salt"]))
        beside = [bytes.fromhex(digest) for digest in revealed["proof"]]
        place, count = revealed["place"], revealed["leaves"]
        fits = (count, revealed["root"]) == (commitment["leaves"], commitment["root"])
        return fits and merkle.proves(leaf, place, count, beside, bytes.fromhex(commitment["root"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def encoded(revealed: Mapping[str, Any]) -> bytes:
    """A revealed document as a file."""
    return canonical.dumps(dict(revealed)) + b"\n"
