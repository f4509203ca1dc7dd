"""`helder bundle make`: one signed folder with all that a machine without a network needs.

FOLDER/
  install.py              helder/airgap/install.py as it is
  manifest.dsse.json      the signed list of every other file (an in-toto statement in a DSSE envelope)
  SHA256SUMS, .sig        the same list for sha256sum and openssl, so that install.py too is checked before it is run
  keys/                   public keys of those who signed the folder or the model
  wheels/                 Helder, what it needs, and the pip that installs them
  model/                  the bundle of `helder certify`, with its certificate
  docs/index.html         README and docs on one page
  policy.toml             what `helder serve` demands of the model
  bom/cyclonedx.json      the bill of materials over wheels and model
  serve/                  a systemd unit and a container file

It is made beside its place and moved there whole. Whoever signs the folder vouches for the keys of the model's signers:
only those are put in that the maker's machine believes.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from helder import __version__
from helder.airgap import bom, collect, install, own_wheel, pages, units
from helder.airgap.target import Target, glibc_of
from helder.airgap.units import INTO, Limits
from helder.airgap.wheels import Wheel
from helder.certify import archive, bundle, layout
from helder.certify.opened import keys_in
from helder.certify.verdict import Verdict
from helder.certify.verify import verify
from helder.errors import HelderError
from helder.ledger import artifact as artifacts
from helder.ledger import canonical, envelope, environment, keys, statement
from helder.ledger.artifact import FileEntry, manifest_digest
from helder.ledger.keys import PublicKey, SigningKey
from helder.project import Project
from helder.recipe import FILE_NAME
from helder.serve.policy import Demands
from helder.stage import OnEvent

MODEL, WHEELS = "model", "wheels"
MOST_FAT = (1 << 32) - 1  # bytes of a file on FAT32, as sticks are often formatted


@dataclass
class Folder:
    """A folder on its way: where it grows, and the files that are in it."""

    root: Path
    files: dict[str, FileEntry] = field(default_factory=dict)

    def write(self, path: str, data: bytes) -> None:
        artifacts.write_atomic(self.root / path, data)
        self.files[path] = FileEntry(path, len(data), hashlib.sha256(data).hexdigest())

    def add(self, path: str, source: Path, expected: str | None = None) -> None:
        """Copy a file; refuse one that is no longer what it was."""
        size, digest = bundle.copy(source, self.root / path)
        if expected is not None and digest != expected:
            raise HelderError(f"{source} has changed while it was copied.", fix="Make it again.")
        self.files[path] = FileEntry(path, size, digest)


def make(
    source: Path,
    out: Path,
    target: Target,
    *,
    what: str = "serve",
    given: Path | None = None,
    lock: Path | None = None,
    signers: Sequence[SigningKey] = (),
    policy: Path | None = None,
    limits: Limits | None = None,
    made: datetime | None = None,
    allow_network: bool = False,
    on_event: OnEvent = lambda event: None,
) -> dict[str, Any]:
    """Make the folder; what is to be said of it.

    Args:
        source: a project, or a bundle (folder or archive) that this machine can verify.
        out: a folder that is not there yet.
        what: "serve" for the light install, "all" with training, documents, judging and tracing.
        given, lock, allow_network: see `collect.collect`.
        signers: whose signatures it gets; without any, this machine's key.
        policy: what `helder serve` is to demand there; without it, that the model's signers are those known here.
        limits: of a served model, for the files of serve/; without them there are none.
        made: the time that it states; without it now.

    Raises:
        HelderError: the model does not pass `helder verify`, a wheel is missing, or `out` is there already.
    """
    if out.exists() or out.is_symlink():
        raise HelderError(f"{out} is there already.", fix="Name another folder with --out, or remove it.")
    out = out.absolute()
    signing = list(signers) or [keys.signing_key()]
    stated = (made or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    aside = artifacts.temporary_beside(out)
    folder = Folder(aside)
    try:
        aside.mkdir(parents=True)
        verdict = _model(source, folder, signing, on_event)
        wheels = collect.collect(
            target, collect.EXTRAS[what], aside / WHEELS,
            given=given, lock=lock, allow_network=allow_network, on_event=on_event,
        )  # fmt: skip
        for wheel in wheels:
            path = f"{WHEELS}/{wheel.path.name}"
            folder.files[path] = FileEntry(path, wheel.size, wheel.sha256)
        vouched = _keys(folder, verdict, signing)
        folder.write("policy.toml", _policy(vouched, policy))
        folder.write("install.py", Path(install.__file__).read_bytes())
        folder.write("docs/index.html", pages.render(own_wheel.documents()))
        if limits is not None:
            glibc, fingerprint = _glibc(wheels)[0], signing[0].public.id
            files = units.on_stick(verdict.name, INTO, fingerprint, target.python, glibc, limits)
            for name, data in files.items():
                folder.write(f"serve/{name}", data)
        extras = collect.EXTRAS[what]
        release = str(verdict.release)
        folder.write(
            "bom/cyclonedx.json", bom.render(verdict.predicate, release, wheels, target, extras, folder.files, stated)
        )
        _check_names(folder.files)
        said = _said(folder, verdict, wheels, target, what, sorted(map(_key_path, vouched)), stated)
        _sign(folder, said, signing)
        artifacts.fsync_tree(aside)
        artifacts.move_folder(aside, out)
    finally:
        artifacts.remove(aside)
    return _about(out, folder, said, signing, wheels)


def _model(source: Path, folder: Folder, signing: Sequence[SigningKey], on_event: OnEvent) -> Verdict:
    """Put the model in; only one that passes `helder verify`, as it lies in the folder."""
    place = folder.root / MODEL
    if (source / FILE_NAME).is_file() or source.name == FILE_NAME:
        bundle.certify(Project.open(source), place, signers=signing, on_event=on_event)
    elif source.is_dir() and (source / layout.RELEASE).is_file():
        for entry in artifacts.manifest(source):
            folder.add(f"{MODEL}/{entry.path}", source / entry.path, entry.sha256)
    elif zipfile.is_zipfile(source):
        archive.unpack(source, place)
    else:
        raise HelderError(
            f"{source} is neither a project nor a bundle.", fix="Name a project, or what `helder certify` made of it."
        )
    on_event({"event": "note", "stage": "model", "text": "is verified as it lies in the folder"})
    verdict = verify(place)
    verdict.require(f"{source} is not put into a folder")
    for entry in artifacts.manifest(place):
        folder.files[f"{MODEL}/{entry.path}"] = FileEntry(f"{MODEL}/{entry.path}", entry.size, entry.sha256)
    return verdict


def _policy(vouched: Sequence[PublicKey], given: Path | None) -> bytes:
    """What `helder serve` demands there: that one of these keys signed the model, and what else was given.

    Raises:
        HelderError: what was given cannot be followed.
    """
    ids = ", ".join(f'"{key.id}"' for key in vouched)
    first = f"# Whoever signed this folder vouches for these keys.\ntrusted_keys = [{ids}]\n"
    if given is None:
        return first.encode("ascii")
    demands, text = Demands.load(given), given.read_bytes()
    return text if demands.trusted_keys is not None else first.encode("ascii") + text


def _keys(folder: Folder, verdict: Verdict, signing: Sequence[SigningKey]) -> list[PublicKey]:
    """Write the keys; those that signed the model and are believed here."""
    known = {key.id: key for key in [*keys_in(folder.root / MODEL), *keys.believed()]}
    of_model = [known[signer.id] for signer in verdict.signers if signer.known]
    for key in [*of_model, *(one.public for one in signing)]:
        folder.write(_key_path(key), key.to_pem())
    return of_model


def _key_path(key: PublicKey) -> str:
    return f"keys/{key.id[:12]}.pem"


def _said(
    folder: Folder,
    verdict: Verdict,
    wheels: Sequence[Wheel],
    target: Target,
    what: str,
    vouched: Sequence[str],
    made: str,
) -> dict[str, Any]:
    """What is signed."""
    glibc, needing = _glibc(wheels)
    listed = [folder.files[path] for path in sorted(folder.files)]
    predicate = {
        "name": verdict.name,
        "made": made,
        "for": what,
        "helder": {"helder": __version__, "sha256": environment.code_digest()},
        "python": target.python,
        "platform": {"machine": target.machine, "glibc": glibc, "glibc_for": needing},
        "model": {"name": verdict.name, "release": str(verdict.release), "keys": list(vouched)},
        "wheels": [
            {"name": str(one.name), "version": str(one.version), "path": f"{WHEELS}/{one.path.name}"}
            for one in wheels
            if one.name != "pip"
        ],
        "pip": next(f"{WHEELS}/{one.path.name}" for one in wheels if one.name == "pip"),
        "unpacked": sum(wheel.unpacked for wheel in wheels),
        "files": [entry.to_json() for entry in listed],
    }
    return {
        "_type": statement.STATEMENT_TYPE,
        "subject": [{"name": verdict.name, "digest": {"sha256": manifest_digest(listed)}}],
        "predicateType": install.KIND,
        "predicate": predicate,
    }


def _glibc(wheels: Sequence[Wheel]) -> tuple[str, str]:
    """The C library that all of them need, and which of them needs it."""
    glibc, needing = max((glibc_of(wheel.tags), str(wheel.name)) for wheel in wheels)
    return f"{glibc[0]}.{glibc[1]}", needing


def _sign(folder: Folder, said: Mapping[str, Any], signing: Sequence[SigningKey]) -> None:
    sealed = envelope.seal(canonical.dumps(dict(said)), install.PAYLOAD_TYPE, signing)
    listed = {path: (entry.size, entry.sha256) for path, entry in folder.files.items()}
    sums = install.sums(sealed, listed)
    artifacts.write_atomic(folder.root / install.LIST, sealed)
    artifacts.write_atomic(folder.root / install.SUMS, sums)
    artifacts.write_atomic(folder.root / install.SUMS_SIGNATURE, signing[0].sign(sums))


def _check_names(files: Mapping[str, FileEntry]) -> None:
    """Refuse what a stick's file system (FAT, exFAT) cannot keep apart or cannot hold.

    Raises:
        HelderError: it names the file.
    """
    seen: dict[str, str] = {}
    for path, entry in files.items():
        try:
            install.relative(path)
        except ValueError as error:
            raise HelderError(f"A stick cannot carry {path!a}.", str(error)) from error
        if (other := seen.setdefault(path.casefold(), path)) != path:
            raise HelderError(f"A stick cannot tell {path!a} from {other!a}.", "FAT knows no case in names.")
        if any(part.endswith((" ", ".")) or len(os.fsencode(part)) > 255 for part in path.split("/")):
            raise HelderError(f"A stick cannot carry {path!a}.", "A name ends in a dot or a space, or is too long.")
        if entry.size < 0:
            raise ValueError(path)


def _about(
    out: Path, folder: Folder, said: Mapping[str, Any], signing: Sequence[SigningKey], wheels: Sequence[Wheel]
) -> dict[str, Any]:
    """What the command tells."""
    sizes = {path: entry.size for path, entry in folder.files.items()}
    outside = sum((out / path).stat().st_size for path in install.OUTSIDE)
    model = sum(size for path, size in sizes.items() if path.startswith(f"{MODEL}/"))
    predicate = said["predicate"]
    return {
        "folder": str(out),
        "name": predicate["name"],
        "for": predicate["for"],
        "files": len(sizes) + len(install.OUTSIDE),
        "bytes": sum(sizes.values()) + outside,
        "model_bytes": model,
        "beside_the_model_bytes": sum(sizes.values()) + outside - model,
        "wheels": {str(one.name): one.size for one in sorted(wheels, key=lambda one: -one.size)},
        "platform": {**predicate["platform"], "python": predicate["python"]},
        "signers": [key.public.id for key in signing],
        "fingerprints": [key.public.fingerprint for key in signing],
        "install_sha256": folder.files["install.py"].sha256,
        "larger_than_fat32": sorted(path for path, size in sizes.items() if size > MOST_FAT),
    }
