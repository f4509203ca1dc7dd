"""`helder certify`: from a finished run to a bundle that a stranger can check.

The bundle is made beside its place and moved there whole. Files are hashed while they are copied and held against the
statements, so that nothing is signed that is not what the run made. Documents and page are rendered from the bundle's
own contents (`documents`), so that whoever has it can render them again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from helder import __version__, pipeline
from helder import stage as stages
from helder.certify import again, commitment, documents, layout
from helder.certify import audience as audiences
from helder.certify.audience import Audience
from helder.certify.document_facts import CLEANS, EXTRACTS
from helder.certify.opened import WAY, keys_in
from helder.data import accounts
from helder.errors import HelderError
from helder.ledger import artifact as artifacts
from helder.ledger import canonical, envelope, environment, keys, model_signing, predicates, statement, timestamp
from helder.ledger.artifact import CHUNK, Artifact, FileEntry, manifest_digest
from helder.ledger.keys import SigningKey
from helder.ledger.statement import Statement
from helder.pipeline import Step
from helder.project import Project
from helder.stage import OnEvent, Stage

REVEALED = "revealed"
LICENCE_FILE = re.compile(r"(?i)^(licen[cs]e|copying)\b|\.licen[cs]e$")
ENDS = ("scores", "trust", commitment.STAGE)  # what nothing else is made of; the indexes of `helder trace` as well


@dataclass
class Making:
    """A bundle on its way."""

    root: Path
    audience: Audience
    open_data: bool
    files: dict[str, FileEntry] = field(default_factory=dict)
    held_back: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, path: str, source: Path, expected: str | None = None) -> None:
        """Copy a file into the bundle.

        Raises:
            HelderError: it is not what it is said to be.
        """
        size, digest = copy(source, self.root / path)
        if expected is not None and digest != expected:
            raise HelderError(
                f"{source} has changed since the run.",
                f"Its digest is {digest[:12]}; its statement says {expected[:12]}.",
                "helder run makes it again; then certify.",
            )
        self.files[path] = FileEntry(path, size, digest)

    def write(self, path: str, data: bytes) -> None:
        artifacts.write_atomic(self.root / path, data)
        self.files[path] = FileEntry(path, len(data), hashlib.sha256(data).hexdigest())

    def hold_back(self, path: str, size: int, digest: str, why: str) -> None:
        self.held_back[path] = {"path": path, "size": size, "sha256": digest, "why": why}


def certify(
    project: Project,
    target: Path,
    *,
    audience: Audience | None = None,
    signers: Sequence[SigningKey] = (),
    reveal: Sequence[str] = (),
    previous: Path | None = None,
    made: datetime | None = None,
    authority: str | None = None,
    allow_network: bool = False,
    on_event: OnEvent = lambda event: None,
) -> Path:
    """Write the bundle of a finished run.

    Args:
        target: a folder that is not there yet.
        audience: who it is for; without it as the recipe's [release] says.
        signers: whose signatures it gets; without any, this machine's key.
        reveal: documents to show with their proof, see `commitment.reveal`.
        previous: the bundle of the version before, from which differences are told.
        made: the time that the release states; without it now.
        authority: the address of an authority that is asked for a time stamp (RFC 3161); it sees one digest.
        allow_network: whether it may be asked.
        on_event: gets progress.

    Returns:
        The bundle.

    Raises:
        HelderError: the run is not finished, something in it has changed, or `target` is there already.
    """
    if target.exists() or target.is_symlink():
        raise HelderError(f"{target} is there already.", fix="Name another folder with --out, or remove it.")
    if authority is not None and not allow_network:
        timestamp.send(b"", authority, allow_network=False)  # refused before anything is made
    signing = list(signers) or [keys.signing_key()]
    if previous is not None:
        check_previous(previous)
    target = target.absolute()
    aside = artifacts.temporary_beside(target)
    with project.run_folder.lock() as lock:  # for all of it: what another `certify` left half-made is nobody's
        for left in target.parent.glob(f".{target.name}.*.part"):
            artifacts.remove(left)
        steps = finished(project)
        commit(project, steps, lock, on_event)
        steps += indexes(project, steps)
        release = project.recipe.release
        making = Making(aside, audience or release.audience, all_open(project, steps))
        try:
            _make(project, steps, making, signing, reveal, previous, made or datetime.now(UTC), on_event)
            if authority is not None:
                digest = payload_digest((aside / layout.RELEASE).read_bytes())
                stamp = timestamp.send(timestamp.request(digest), authority, allow_network=allow_network)
                artifacts.write_atomic(aside / layout.TIME_STAMP, stamp)
            artifacts.fsync_tree(aside)
            artifacts.move_folder(aside, target)
        finally:
            artifacts.remove(aside)
    return target


def check_previous(bundle: Path) -> None:
    """Refuse to tell differences from a release that is not whole, or that somebody unknown signed.

    Raises:
        HelderError: level 1 or 2 of its verification has not passed.
    """
    from helder.certify.verify import verify

    verify(bundle).require(f"{bundle} cannot stand as the release before")


def finished(project: Project) -> list[Step]:
    """The steps of a run, all done.

    Raises:
        HelderError: one is not, or its artifact has changed.
    """
    steps = pipeline.status(project)
    for step in steps:
        if step.state != "done":
            why = {"damaged": "What it made has changed since.", "waiting": "What it needs is not made yet."}
            raise HelderError(
                f"The stage {step.name} is not done.",
                why.get(
                    step.state, "The recipe, the data or Helder itself changed since the last run, or it never ran."
                ),
                f"helder run {project.folder}",
            )
    return steps


def commit(project: Project, steps: list[Step], lock: int | None, on_event: OnEvent) -> None:
    """Have the records committed to, unless they are; the step is added to `steps`."""
    folder = project.run_folder
    secret = commitment.secret_of(folder.root)
    inputs: dict[str, Artifact] = {"secret": Artifact.of(secret, commitment.SECRET)}
    texts: dict[str, Artifact] = {}
    for step in steps:
        if step.stage is None or step.artifact is None:
            continue
        if step.name == "data":
            inputs["data"] = step.artifact
        if step.name.startswith("tokens-"):
            texts |= {one.digest: one for name, one in step.stage.inputs.items() if name.startswith("text")}
    for place, text in enumerate(texts.values()):
        inputs["text" if place == 0 else f"text-{place + 1}"] = text
    stage = Stage(commitment.STAGE, commitment.FUNCTION, {}, inputs)
    said = folder.find(stage.key)
    made = None if said is None else folder.held(said)
    if made is None or not made.intact():
        made = stages.run(stage, folder, on_event, lock)
        said = folder.find(stage.key)
    steps.append(Step(commitment.STAGE, "done", stage, made, said))


def indexes(project: Project, steps: list[Step]) -> list[Step]:
    """The indexes that `helder trace` made of what this run learnt from; those that are not made are not made now."""
    from helder.trace.streams import streams

    found = []
    if any(step.stage is not None and step.stage.function == again.TRAINS for step in steps):
        walk = pipeline.Walk(project)
        looked = [walk.look(stream.stage) for stream in streams(project, steps)]
        found = [step for step in looked if step.state == "done"]
    return found


def _make(
    project: Project,
    steps: Sequence[Step],
    making: Making,
    signing: Sequence[SigningKey],
    reveal: Sequence[str],
    previous: Path | None,
    made: datetime,
    on_event: OnEvent,
) -> None:
    making.root.mkdir(parents=True)
    way = {step.name: step.statement for step in steps if step.statement}
    for step in steps:
        if step.statement and step.artifact:
            on_event({"event": "note", "stage": "certify", "text": f"copies {step.name}"})
            _artifact(making, step.name, step.statement, step.artifact.path)
    sources = list(_sources(making, steps, way, project.recipe.data.licence))
    release = {
        "name": project.recipe.name,
        "purpose": project.recipe.purpose,
        "version": documents.version_of(project.recipe),
        "made": made.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "audience": making.audience,
        "model": "train",
        "ends": [name for name, said in way.items() if name in ENDS or again.function_of(said) in again.INDEXES],
        "ledger": _ledger(project, making, way),
        "sources": sources,
        "people": documents.said_by_people(project.recipe),
        "previous": None,
        "helder": {"helder": __version__, "sha256": environment.code_digest()},
    }
    if previous is not None:
        kept = documents.kept_of_previous(previous)
        for path, data in kept.items():
            making.write(f"{documents.PREVIOUS}/{path}", data)
        release["previous"] = documents.about_previous(kept)
    for wanted in reveal:
        _reveal(making, steps, wanted)
    release["licences"] = list(_licence_texts(making, project.folder))
    for key in signing:
        making.write(f"{layout.KEYS}/{key.public.id[:12]}.pem", key.public.to_pem())
    for rotation in keys.rotations():
        making.write(f"{layout.KEYS}/rotation-{rotation.path.name}", rotation.path.read_bytes())
    _sign_models(making, way, signing)
    held_back = [making.held_back[path] for path in sorted(making.held_back)]
    evidence = documents.evidence_of({**release, "withheld": held_back}, way, making.root)
    for path, data in documents.render(evidence).items():
        making.write(f"{layout.DOCUMENTS}/{path}", data)
    listed = [making.files[path] for path in sorted(making.files)]
    full = {**release, "withheld": held_back, "files": [entry.to_json() for entry in listed]}
    sealed = seal(predicates.RELEASE, project.recipe.name, manifest_digest(listed), full, signing)
    artifacts.write_atomic(making.root / layout.RELEASE, sealed)
    before = documents.evidence_before(making.root, release)
    page = documents.page(evidence, sealed, [key.public for key in signing], before)
    artifacts.write_atomic(making.root / layout.PAGE, page)
    digest = hashlib.sha256(page).hexdigest()
    shown = [key.public.id for key in signing]
    about = {"page": digest, "release": payload_digest(sealed), "signers": shown}
    artifacts.write_atomic(
        making.root / layout.PAGE_STATEMENT, seal(predicates.CERTIFICATE, layout.PAGE, digest, about, signing)
    )


def _artifact(making: Making, stage: str, said: Statement, folder: Path) -> None:
    for one in said.predicate["outputs"]:
        path = f"{layout.ARTIFACTS}/{stage}/{one['path']}"
        why = audiences.withheld(making.audience, audiences.kind_of(stage, one["path"]), making.open_data)
        if why is None:
            making.add(path, folder / one["path"], one["sha256"])
        else:
            making.hold_back(path, one["size"], one["sha256"], why)


def _sources(
    making: Making, steps: Sequence[Step], way: Mapping[str, Statement], licence: str | None
) -> Iterator[dict[str, Any]]:
    """What came from outside: the inputs of stages that no stage of the way made."""
    made = {said.digest for said in way.values()}
    places_of = {
        artifact.digest: artifact.path for step in steps if step.stage for artifact in step.stage.inputs.values()
    }
    for stage, said in way.items():
        for name, one in said.predicate["inputs"].items():
            digest = one["digest"]["sha256"]
            if digest in made:
                continue
            place = places_of.get(digest)
            yield {
                "stage": stage,
                "name": name,
                "kind": one["kind"],
                "digest": digest,
                "licence": _licence(said, name, licence),
                "path": None if place is None else _source(making, name, one, digest, place),
            }


def _licence_texts(making: Making, folder: Path) -> Iterator[dict[str, Any]]:
    """Copy the licence texts that lie beside the recipe; each with the licences that its text is."""
    for place in sorted(path for path in folder.iterdir() if path.is_file() and LICENCE_FILE.search(path.name)):
        path = f"{layout.LICENCES}/{place.name}"
        making.add(path, place)
        yield {"licences": documents.licences_in(making.root / path), "path": path}


def _licence(said: Statement, name: str, of_data: str | None) -> str | None:
    """The licence of a source: of an imported model and of a folder as it was stated then, of all else of the data."""
    if name in ("secret", "decisions"):
        return None
    settings, function = said.predicate["settings"], said.predicate["stage"]["function"]
    if function == EXTRACTS:
        _, _, place = name.partition("-")
        return licences_of_folders(said)[int(place or 1) - 1] or None
    stated = settings.get("licence") if function in again.IMPORTS else of_data
    return stated or None


def licences_of_folders(said: Statement) -> list[str]:
    """The licences of folders of documents, in their order, as a statement of the stage "extract" names them."""
    return [str(one.get("licence") or "unknown") for one in said.predicate["settings"]["sources"]]


def all_open(project: Project, steps: Sequence[Step]) -> bool:
    """Whether anybody may have what was learnt from: records, and documents of every folder.

    Documents in which personal data or secrets were found and left standing are nobody's to hand out, whatever their
    licence says.
    """
    stated = [project.recipe.data.licence]
    for step in steps:
        if step.statement is None or step.artifact is None:
            continue
        function = again.function_of(step.statement)
        if function == EXTRACTS:
            stated += licences_of_folders(step.statement)
        if function == CLEANS:
            account = accounts.documents(step.artifact.path)
            if any(one["state"] == "kept" and one.get("personal_data") for one in account):
                return False
    return all(documents.data_are_open(licence) for licence in stated)


def _source(making: Making, name: str, one: Mapping[str, Any], digest: str, place: Path) -> str | None:
    """Copy a source that this machine still has, or list it as withheld; where it lies in the bundle."""
    target = f"{layout.SOURCES}/{digest[:12]}/{one['name']}"
    kind: audiences.Kind = "folder" if name.partition("-")[0] in ("folder", "decisions") else "records"
    why = audiences.withheld(making.audience, kind, making.open_data)
    if name == "secret":
        why = None if making.audience == "regulator" else "It salts the commitment: with it, records could be guessed."
    listed = _listed(place)
    if why is None and place.is_dir() and manifest_digest(listed) != digest:
        why = "It holds links or names that no bundle can carry; its digest is over all of them."
    if why is not None:
        # Of a folder not even the names of its files are told.
        making.hold_back(target, sum(entry.size for entry in listed), digest, why)
        return None
    for entry in listed:
        path = f"{target}/{entry.path}" if entry.path else target
        if path not in making.files:
            making.add(path, place / entry.path if entry.path else place, entry.sha256)
    return target


def _listed(place: Path) -> list[FileEntry]:
    """The plain files of a source, hashed; nothing where it holds something else."""
    if place.is_file():
        return [FileEntry("", *artifacts.hash_file(place))]
    try:
        return artifacts.manifest(place)
    except HelderError:
        return []


def _ledger(project: Project, making: Making, way: Mapping[str, Statement]) -> list[dict[str, Any]]:
    """Every statement of the run, those that led nowhere too: how often something was tried is part of the truth."""
    on_the_way = {canonical.digest(dict(said.payload)): stage for stage, said in way.items()}
    found = []
    for entry in project.run_folder.entries():
        if entry.statement is None:
            raise entry.problem or HelderError(f"{entry.path} cannot be read.")
        payload = canonical.digest(dict(entry.statement.payload))
        # A statement about the same work can stand there twice; the one that is believed counts once.
        stage = on_the_way.pop(payload, None)
        role = WAY if stage else "superseded" if entry.statement.stage in way else "other"
        path = f"{layout.LEDGER}/{entry.path.name}"
        making.add(path, entry.path)
        found.append(
            {
                "file": path,
                "stage": stage or entry.statement.stage,
                "digest": entry.statement.digest,
                "role": role,
                "sha256": payload,
            }
        )
    if on_the_way:
        raise HelderError(
            f"The ledger holds no statement about {', '.join(sorted(on_the_way.values()))}.",
            "What a run builds on stands in its ledger.",
            f"helder run {project.folder}",
        )
    return found


def _sign_models(making: Making, way: Mapping[str, Statement], signing: Sequence[SigningKey]) -> None:
    """A signature in the form of OpenSSF Model Signing for the model folder, and one for each GGUF file."""
    targets = {"train"} if "train" in way else set()
    targets |= {path.removeprefix(f"{layout.ARTIFACTS}/") for path in making.files if path.endswith(".gguf")}
    for target in sorted(targets):
        data = model_signing.sign(making.root / layout.ARTIFACTS / target, signing[0])
        making.write(f"{layout.SIGNATURES}/{target}.sig", data)


def _reveal(making: Making, steps: Sequence[Step], wanted: str) -> None:
    step = next(step for step in steps if step.name == commitment.STAGE)
    assert step.stage is not None and step.artifact is not None
    record = json.loads((step.artifact.path / commitment.FILE).read_text(encoding="utf-8"))
    inputs = {name: artifact.path for name, artifact in step.stage.inputs.items()}
    shown = commitment.reveal(inputs, record, document_of(steps, wanted))
    making.write(f"{REVEALED}/{shown['place']}.json", commitment.encoded(shown))


def document_of(steps: Sequence[Step], wanted: str) -> str:
    """What a document is called among those committed to, when it is asked for by its id or by where its file lies.

    Raises:
        HelderError: it was taken in and not learnt from; why, and which document stands in its place.
    """
    cleans = next((one for one in steps if one.statement and again.function_of(one.statement) == CLEANS), None)
    if cleans is None or cleans.artifact is None:
        return wanted
    extract = next(one.statement for one in steps if one.statement and again.function_of(one.statement) == EXTRACTS)
    folders = [str(one["name"]).rstrip("/") for one in extract.predicate["settings"]["sources"]]
    account = accounts.documents(cleans.artifact.path)
    names = {wanted, *(wanted.removeprefix(f"{name}/") for name in folders)}

    def called(one: Mapping[str, Any]) -> str:
        return f"{one['path']}:{one['row']}" if one.get("row") else str(one["path"])

    meant = [one for one in account if one["id"] == wanted or called(one) in names]
    learnt = [one for one in meant if one["state"] in ("kept", "redacted")]
    if len(learnt) == 1:
        return called(learnt[0])
    if meant and not learnt:
        one = meant[0]
        of = f" {called(one['of'])} stands in its place." if one.get("of") else ""
        raise HelderError(
            f"{called(one)} was not learnt from.",
            f"It is {one['state']}: {one.get('why') or 'no reason is named'}.{of}",
            "Only what was learnt from is committed to; the account of the documents shows the rest to a regulator.",
        )
    return wanted


def seal(
    predicate_type: str, name: str, digest: str, predicate: Mapping[str, Any], signing: Sequence[SigningKey]
) -> bytes:
    """A signed statement about one thing."""
    said: dict[str, Any] = {
        "_type": statement.STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}}],
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }
    return envelope.seal(canonical.dumps(said), statement.PAYLOAD_TYPE, signing)


def payload_digest(sealed: bytes) -> str:
    """SHA-256 of what is signed in an envelope."""
    return hashlib.sha256(envelope.open(sealed, []).payload).hexdigest()


def about(bundle: Path) -> dict[str, Any]:
    """What `helder certify` tells of the bundle that it made."""
    opened = envelope.open((bundle / layout.RELEASE).read_bytes(), keys_in(bundle))
    predicate = canonical.loads(opened.payload)["predicate"]
    return {
        "name": predicate["name"],
        "version": predicate["version"],
        "release_sha256": hashlib.sha256(opened.payload).hexdigest(),
        "audience": predicate["audience"],
        "files": len(predicate["files"]),
        "bytes": sum(one["size"] for one in predicate["files"]),
        "withheld": len(predicate["withheld"]),
        "signers": [key.id for key in opened.signers],
        "openness": _openness(bundle),
    }


def _openness(bundle: Path) -> str:
    """The class of the Model Openness Framework, as declared and as proven."""
    found = layout.read_json(bundle / layout.DOCUMENTS / "openness.json")
    declared, proven = (found[key]["class"] for key in ("declared", "proven"))
    return f"class {declared or 'none'} declared, class {proven or 'none'} proven"


def cosign(bundle: Path, key: SigningKey) -> dict[str, Any]:
    """Add a signature to the release; the others stay, and so does everything that is signed.

    Raises:
        HelderError: the bundle is not whole, or its lineage has a gap: nobody should sign that.
    """
    from helder.certify.verify import verify

    verdict = verify(bundle, trusted=[*keys.believed(), *keys_in(bundle)])
    verdict.require(f"{bundle} is not signed")
    artifacts.write_atomic(bundle / layout.KEYS / f"{key.public.id[:12]}.pem", key.public.to_pem())
    signed = envelope.add_signature((bundle / layout.RELEASE).read_bytes(), key, layout.RELEASE)
    artifacts.write_atomic(bundle / layout.RELEASE, signed)
    return about(bundle)


def copy(source: Path, target: Path) -> tuple[int, str]:
    """Copy a file and hash what was copied: (bytes, SHA-256)."""
    target.parent.mkdir(parents=True, exist_ok=True)
    hasher, size, buffer = hashlib.sha256(), 0, bytearray(CHUNK)
    view = memoryview(buffer)
    with os.fdopen(os.open(source, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0) as read, target.open("xb") as write:
        while count := read.readinto(buffer):
            hasher.update(view[:count])
            write.write(view[:count])
            size += count
    return size, hasher.hexdigest()
