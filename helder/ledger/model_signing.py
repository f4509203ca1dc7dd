"""OpenSSF Model Signing v1.0: signatures over models that tools of others check, such as `model_signing verify key`.

A Sigstore bundle v0.3 (JSON) around a DSSE envelope around an in-toto Statement, whose predicate lists every file with
its digest; the subject's digest is the SHA-256 over those digests, one after the other. It says that these bytes are
the signer's, and nothing of how they were made. Written: one SHA-256 for each file, no links. Read: also BLAKE2b,
shards, and lists that leave out files; these are named, because nothing is said of them.

Where the specification and the tool `model-signing` 1.1.1 part: a model that is one file is listed as "." by the tool
and under its name by the specification; written is ".", which the tool needs, read are both. The order of files is
that of the specification (the tool sorts folder by folder, and takes any order).

Formats: https://github.com/ossf/model-signing-spec (v1.0), https://docs.sigstore.dev/about/bundle/.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from helder.errors import ExitCode, HelderError
from helder.ledger import artifact, canonical
from helder.ledger import envelope as dsse
from helder.ledger.keys import PublicKey, SigningKey
from helder.ledger.statement import PAYLOAD_TYPE, STATEMENT_TYPE

PREDICATE_TYPE = "https://model_signing/signature/v1.0"
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
ALGORITHMS: dict[str, Callable[[], Any]] = {
    "sha256": hashlib.sha256,
    "blake2b": hashlib.blake2b,
}  # of the specification's three; blake3 is optional
GIT = (".git", ".gitattributes", ".github", ".gitignore")  # left out of every model, says the specification (6.2)
ITSELF = "."  # the tool's name for a model that is one file
WHERE = "The signature of the model"


@dataclass(frozen=True)
class Verified:
    """A model whose files are all as the signer says.

    Args:
        signer: the believed key that signed.
        name: what the signer called the model.
        files: how many files are covered.
        ignored: what the signature leaves out: paths that it names, files of git that are there, and empty files when
            it is over shards. Of these nothing is said.
    """

    signer: PublicKey
    name: str
    files: int
    ignored: tuple[str, ...]


def sign(path: Path, key: SigningKey, name: str | None = None) -> bytes:
    """The bundle for a folder or a single file, as the bytes of a JSON file. Put it outside of the folder.

    Args:
        name: what to call the model; default: the name of the folder or file. It is not checked by anybody.

    Raises:
        HelderError: nothing is there, or it holds links or other things that are not plain files.
    """
    if path.is_dir():
        listed = {entry.path: entry.sha256 for entry in artifact.manifest(path)}
    else:
        listed = {ITSELF: artifact.digest_path(path)}
    return sign_listed(listed, key, name or path.absolute().name)


def sign_listed(listed: Mapping[str, str], key: SigningKey, name: str) -> bytes:
    """The bundle for files whose digests are known: path → SHA-256, "." for a model that is one file."""
    method: dict[str, Any] = {"method": "files", "hash_type": "sha256", "allow_symlinks": False}
    if left_out := sorted({one for one in listed if _below(one, GIT)}):
        method["ignore_paths"] = left_out
        listed = {one: digest for one, digest in listed.items() if one not in left_out}
    if not listed:
        raise HelderError(f"There is no file in {name}.", "A signature over nothing says nothing.")
    names = sorted(listed)
    statement: dict[str, Any] = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": _root([listed[one] for one in names])}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "serialization": method,
            "resources": [{"name": one, "algorithm": "sha256", "digest": listed[one]} for one in names],
        },
    }
    envelope = json.loads(dsse.seal(canonical.dumps(statement), PAYLOAD_TYPE, [key]))
    bundle = {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {"publicKey": {"hint": hint(key.public)}, "tlogEntries": []},
        "dsseEnvelope": envelope,
    }
    return json.dumps(bundle, indent=1).encode("ascii") + b"\n"


def verify(path: Path, bundle: bytes, keys: Iterable[PublicKey], where: str = WHERE) -> Verified:
    """Check a folder or a file against a bundle: every file as signed, none added, none missing.

    Raises:
        HelderError: code 3, with what differs, or the bundle is broken; code 4, signed with a key that is not known,
            with a certificate, or with a digest that is not known here.
    """
    signer, name, method, expected = _open(bundle, keys, where)
    if not path.is_dir() and list(expected) == [path.name]:
        expected = {ITSELF: expected[path.name]}
    found, silent = _digests(path, method, expected, where)
    _compare(found, expected, where)
    return Verified(signer, name, len({method.file(one) for one in expected}), (*method.ignored, *silent))


def listed(bundle: bytes, keys: Iterable[PublicKey], where: str = WHERE) -> dict[str, str]:
    """Path → SHA-256 of the files that a bundle signs, for who knows the files' digests already.

    Raises:
        HelderError: as `verify`; or the bundle is not a list of SHA-256 digests of whole files, none left out.
    """
    _, _, method, expected = _open(bundle, keys, where)
    if method != _Method("sha256", 0, (), False):
        raise dsse.failed(where, "It does not list every file with its SHA-256.")
    return expected


def hint(key: PublicKey) -> str:
    """The name of a key in a bundle: SHA-256 over its PEM form, as the tool `model-signing` has it."""
    return hashlib.sha256(key.to_pem()).hexdigest()


@dataclass(frozen=True)
class _Method:
    """How a signer turned a model into a list: digest, size of shards (0: whole files), what was left out, links."""

    algorithm: str
    shard: int
    ignored: tuple[str, ...]
    links: bool

    @classmethod
    def of(cls, said: Mapping[str, Any], where: str) -> _Method:
        algorithm, method = said["hash_type"], said["method"]
        if method not in ("files", "shards") or algorithm not in ALGORITHMS:
            raise HelderError(
                f"{where} cannot be checked: {method!a} with {algorithm!a} is not known here.",
                f"Known are files and shards with {' or '.join(ALGORITHMS)}.",
                "Check it with the tool model-signing.",
                ExitCode.UNCHECKED,
            )
        shard = int(said["shard_size"]) if method == "shards" else 0
        if shard < 0 or (method == "shards" and shard == 0):
            raise ValueError("a shard has at least one byte")
        ignored = said.get("ignore_paths", [])
        if not all(isinstance(one, str) for one in ignored):
            raise TypeError("a path that is left out is not a text")
        paths = tuple(sorted(str(PurePosixPath(one)) for one in ignored))
        return cls(algorithm, shard, paths, bool(said["allow_symlinks"]))

    def file(self, resource: str) -> str:
        return resource.rsplit(":", 2)[0] if self.shard else resource


def _open(bundle: bytes, keys: Iterable[PublicKey], where: str) -> tuple[PublicKey, str, _Method, dict[str, str]]:
    """(signer, name of the model, how it is listed, name → digest) of a bundle that a known key signed."""
    envelope, named = _unwrap(bundle, where)
    known = list(keys)
    opened = dsse.open(envelope, known, where)
    if opened.payload_type != PAYLOAD_TYPE:
        raise dsse.failed(where, f"Its payload type is {opened.payload_type!a}, not {PAYLOAD_TYPE!r}.")
    if opened.broken or (not opened.signers and any(named in (hint(key), key.id) for key in known)):
        raise dsse.failed(where, "The signature does not fit what is written.")
    if not opened.signers:
        raise HelderError(
            f"{where} was made with a key that this machine does not know.",
            "Whether it is true cannot be checked without that key.",
            "If you trust the signer, take up the public key: helder key trust FILE.pem",
            ExitCode.UNCHECKED,
        )
    signer = opened.signers[0]
    if len(opened.signers) + len(opened.unknown) != 1 or named not in ("", hint(signer), signer.id):
        raise dsse.failed(where, "It names another key than the one that signed.")
    try:
        statement = canonical.loads(opened.payload)
        if statement["_type"] != STATEMENT_TYPE or statement["predicateType"] != PREDICATE_TYPE:
            raise dsse.failed(where, f"It is a statement of another kind: {statement['predicateType']!a}.")
        (subject,), said = statement["subject"], statement["predicate"]
        method = _Method.of(said["serialization"], where)
        expected = _resources(said["resources"], method, subject["digest"]["sha256"], where)
        name = str(subject["name"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise dsse.failed(where, f"It is signed, but its form is wrong: {error!r}.") from error
    return signer, name, method, expected


def _unwrap(bundle: bytes, where: str) -> tuple[bytes, str]:
    """The DSSE envelope in a Sigstore bundle, and the name of the key ("" where there is none)."""
    if len(bundle) > dsse.MAXIMUM:
        raise dsse.failed(where, f"It has {len(bundle):,} bytes; a bundle has at most {dsse.MAXIMUM:,}.")
    try:
        outer = canonical.loads(bundle)
        if outer["mediaType"] != BUNDLE_TYPE:
            raise ValueError(f"its media type is {outer['mediaType']!a}, not {BUNDLE_TYPE!r}")
        if set(outer) != {"mediaType", "verificationMaterial", "dsseEnvelope"}:
            raise ValueError("a field is missing or does not belong there")
        envelope = outer["dsseEnvelope"]
        for signature in envelope["signatures"]:
            if signature.get("keyid", "") is None:
                del signature["keyid"]  # so before version 1.1 of the tool
        material = {name: value for name, value in outer["verificationMaterial"].items() if value}
        key = material.get("publicKey", {})
        named = key.get("hint") or ""
        if not isinstance(named, str):
            raise TypeError("the name of the key is not a text")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise dsse.failed(where, f"It is not a Sigstore bundle: {error}.") from error
    if material and set(material) != {"publicKey"}:
        raise HelderError(
            f"{where} comes with {', '.join(map(ascii, sorted(material)))}: a certificate, or an entry in a log.",
            "Helder believes keys; what a certificate or a log says is not checked here.",
            "Check it with the tool model-signing.",
            ExitCode.UNCHECKED,
        )
    return json.dumps(envelope).encode("ascii"), named


def _resources(listed: Any, method: _Method, root: str, where: str) -> dict[str, str]:
    """Name → digest as the signer lists them, if they are those of the subject."""
    found: dict[str, str] = {}
    # The tool calls the digest of a shard so; the specification calls it by its plain name.
    algorithms = (method.algorithm, f"{method.algorithm}-sharded-{method.shard}")
    for one in listed:
        if one["algorithm"] not in algorithms or one["name"] in found:
            raise ValueError(f"{one['name']!a} is listed twice, or with another digest than the rest")
        found[str(one["name"])] = str(one["digest"])
    if not found:
        raise ValueError("no file is listed")
    if _root(list(found.values())) != root:
        raise dsse.failed(where, "The files that are listed are not those that its digest was made of.")
    return found


def _digests(path: Path, method: _Method, expected: Mapping[str, str], where: str) -> tuple[dict[str, str], list[str]]:
    """Name → digest of what lies there now, in the signer's way; and the files there of which the signer says nothing
    without naming them."""
    try:
        # Whole: also for other digests, because it refuses what is not a plain file.
        whole = (
            {entry.path: entry.sha256 for entry in artifact.manifest(path)}
            if path.is_dir()
            else {ITSELF: artifact.digest_path(path)}
        )
    except HelderError as error:
        if method.links:
            raise HelderError(
                f"{where} cannot be checked: it was made with links followed, which is not done here.",
                error.what,
                "Put the files themselves there, or check it with the tool model-signing.",
                ExitCode.UNCHECKED,
            ) from error
        raise dsse.failed(where, f"What lies there cannot be what was signed: {error.what}") from error
    listed = {method.file(name) for name in expected}
    git = [name for name in whole if name not in listed and _below(name, GIT) and not _below(name, method.ignored)]
    covered = [name for name in whole if name in listed or not _below(name, (*method.ignored, *git))]
    if method.algorithm == "sha256" and not method.shard:
        return {name: whole[name] for name in covered}, git
    pieces = {name: list(_pieces(name, path / name, method)) for name in covered}
    found = dict(piece for several in pieces.values() for piece in several)
    return found, [*git, *(name for name, several in pieces.items() if not several)]


def _pieces(name: str, file: Path, method: _Method) -> Iterator[tuple[str, str]]:
    """A file, whole or in shards of the same size, each with its digest."""
    size, start = file.stat().st_size, 0
    with file.open("rb") as stream:
        while start < size or (start == 0 and not method.shard):
            end = min(size, start + method.shard) if method.shard else size
            hasher, left = ALGORITHMS[method.algorithm](), end - start
            while left and (chunk := stream.read(min(left, artifact.CHUNK))):
                hasher.update(chunk)
                left -= len(chunk)
            yield (f"{name}:{start}:{end}" if method.shard else name), hasher.hexdigest()
            if end == size:
                return
            start = end


def _compare(found: Mapping[str, str], expected: Mapping[str, str], where: str) -> None:
    kinds = {
        "changed": [name for name in sorted(found) if name in expected and found[name] != expected[name]],
        "added": sorted(set(found) - set(expected)),
        "missing": sorted(set(expected) - set(found)),
    }
    told = [
        f"{kind}: {', '.join(map(ascii, names[:5]))}{' …' if names[5:] else ''}"
        for kind, names in kinds.items()
        if names
    ]
    if told:
        raise dsse.failed(where, f"The files are not those that were signed; {'; '.join(told)}.")


def _root(digests: list[str]) -> str:
    return hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests)).hexdigest()


def _below(name: str, paths: Iterable[str]) -> bool:
    """Whether a file is one of these paths or lies below one."""
    return any(PurePosixPath(name).is_relative_to(one) for one in paths)
