"""Everything that is rendered into a bundle: documents in other people's formats, and the page.

What is rendered follows from the bundle's own contents and nothing else, so that a verifier renders it again and
compares bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from helder.certify import layout, licences, openness
from helder.certify.boms import croissant, cyclonedx, mof, spdx
from helder.certify.evidence import Evidence
from helder.certify.forms import annex_iv, gpai, model_card, training_summary
from helder.certify.opened import WAY
from helder.errors import ExitCode, HelderError
from helder.ledger import canonical, envelope, predicates
from helder.ledger.keys import PublicKey
from helder.ledger.statement import Statement
from helder.recipe import Recipe

# What telling of artifacts ends with that a stage did not make so: a field that is missing or of another kind.
UNTELLABLE = (HelderError, KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError)
PREVIOUS = "previous"
KEPT_OF_PREVIOUS = (
    "config.json",
    "summary.json",
    "scores.json",
    "about.json",
    "source.json",
    "files.json",
    "task.json",
)
FIRST_VERSION = "1"

Form = tuple[Callable[[Evidence], dict[str, Any]], Callable[[Evidence], str]]
FORMS: Mapping[str, Form] = {
    "annex_iv": (annex_iv.to_json, annex_iv.to_markdown),
    "gpai": (gpai.to_json, gpai.to_markdown),
    "training_summary": (training_summary.to_json, training_summary.to_markdown),
}


def render(evidence: Evidence) -> dict[str, bytes]:
    """Name → bytes of every document."""
    found: dict[str, bytes] = {
        "cyclonedx.json": cyclonedx.render(evidence),
        "spdx.json": spdx.render(evidence),
        "croissant.json": croissant.render(evidence),
        "mof.yml": mof.render(evidence),
        "openness.json": as_json(
            {**openness.judge(evidence).to_json(), "licence_texts": list(evidence.release.get("licences", ()))}
        ),
        "model_card.md": model_card.to_markdown(evidence).encode("utf-8"),
    }
    for name, (to_json, to_markdown) in FORMS.items():
        found[f"{name}.json"] = as_json(to_json(evidence))
        found[f"{name}.md"] = to_markdown(evidence).encode("utf-8")
    for stage, said in evidence.statements.items():
        found[f"slsa/{stage}.json"] = as_json(predicates.slsa(said))
    return found


def page(evidence: Evidence, sealed: bytes, signers: Sequence[PublicKey], before: Evidence | None) -> bytes:
    """certificate.html.

    Args:
        sealed: the release, signed by `signers` and nobody else.
        before: the release before this one.
    """
    from helder.certify.page.render import render as render_page

    pems = [key.to_pem() for key in signers]
    return render_page(evidence, sealed, pems, openness.judge(evidence), before).encode("utf-8")


def as_json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def places(root: Path, way: Mapping[str, Statement]) -> dict[str, Path | None]:
    """Stage → where its artifact lies below a bundle's root; None when nothing of it does."""
    found = {stage: root / layout.ARTIFACTS / stage for stage in way}
    return {stage: path if path.is_dir() else None for stage, path in found.items()}


def evidence_of(release: Mapping[str, Any], way: Mapping[str, Statement], root: Path) -> Evidence:
    """What a release's statements and artifacts say; its list of files is no part of it."""
    return Evidence.of({key: value for key, value in release.items() if key != "files"}, way, places(root, way))


def shown_signatures(root: Path, keys: Sequence[PublicKey]) -> tuple[bytes, list[PublicKey]]:
    """The release with the signatures that it had when the page was made, and the keys that made them.

    Raises:
        HelderError: the page's statement names a key whose signature or public half is not there.
    """
    about = canonical.loads(envelope.open(layout.read(root / layout.PAGE_STATEMENT), []).payload)
    known = {key.id: key for key in keys}
    sealed = json.loads(layout.read(root / layout.RELEASE))
    signatures = {one.get("keyid"): one for one in sealed["signatures"]}
    wanted = about["predicate"]["signers"]
    for key in wanted:
        if key not in known or key not in signatures:
            raise layout.refuse(root / layout.PAGE, f"It shows a signature of the key {key[:16]}…, which is not there.")
    sealed["signatures"] = [signatures[key] for key in wanted]
    return json.dumps(sealed, indent=1).encode("ascii") + b"\n", [known[key] for key in wanted]


def licences_in(path: Path) -> list[str]:
    """SPDX identifiers of the licences whose text a file is; none when the text is none that is known."""
    return sorted(one.id for one in licences.recognise(layout.read(path).decode("utf-8", "replace")))


# -- what the recipe and the release before say ------------------------------------------------------------------------


def data_are_open(licence: str) -> bool:
    """Whether anybody may have the records: their licence is an open one for data."""
    return licences.fit(licence, ("data",)) in ("open", "conditional")


def version_of(recipe: Recipe) -> str:
    return recipe.release.version or FIRST_VERSION


def said_by_people(recipe: Recipe) -> dict[str, Any]:
    """What only people can say; what they did not say is not there."""
    said = recipe.release.model_dump(mode="json", exclude={"audience", "version"})
    return {key: value for key, value in sorted(said.items()) if value is not None}


def kept_of_previous(previous: Path) -> dict[str, bytes]:
    """What a bundle carries along of the release before it, so that differences can be told: path → bytes.

    Raises:
        HelderError: it is no bundle.
    """
    sealed = layout.read(previous / layout.RELEASE)
    statement = predicates.read(envelope.open(sealed, []).payload, predicates.RELEASE, str(previous))
    found = {layout.RELEASE: sealed}
    for one in statement["predicate"]["ledger"]:
        if one["role"] == WAY:
            found[one["file"]] = layout.read(previous / layout.relative(one["file"]))
    for one in statement["predicate"]["files"]:
        path = layout.relative(one["path"])
        if path.startswith(f"{layout.ARTIFACTS}/") and Path(path).name in KEPT_OF_PREVIOUS:
            found[path] = layout.read(previous / path)
            if sha256(found[path]).hexdigest() != one["sha256"]:
                raise HelderError(f"{previous / path} is not what was signed.", fix="helder verify says all.")
    return found


def about_previous(kept: Mapping[str, bytes]) -> dict[str, Any]:
    """By which release a release names the one before it."""
    payload = envelope.open(kept[layout.RELEASE], []).payload
    predicate = canonical.loads(payload)["predicate"]
    return {"name": predicate["name"], "version": predicate["version"], "release": sha256(payload).hexdigest()}


def evidence_before(root: Path, release: Mapping[str, Any]) -> Evidence | None:
    """The release before this one, as far as the bundle carries it; None when it names none.

    Raises:
        HelderError: code 3, what it carries is another release.
    """
    if release["previous"] is None:
        return None
    inside = root / PREVIOUS
    payload = envelope.open(layout.read(inside / layout.RELEASE), []).payload
    if sha256(payload).hexdigest() != release["previous"]["release"]:
        raise HelderError(f"{PREVIOUS}/ holds another release.", "It is not the one named.", "", ExitCode.FAILED)
    before = predicates.read(payload, predicates.RELEASE, f"{PREVIOUS}/{layout.RELEASE}")["predicate"]
    way: dict[str, Statement] = {}
    for one in before["ledger"]:
        if one["role"] == WAY:
            path = f"{PREVIOUS}/{layout.relative(one['file'])}"
            said = envelope.open(layout.read(root / path), []).payload
            if sha256(said).hexdigest() != one["sha256"]:
                raise HelderError(f"{path} is another statement.", "Its digest is not that of the release before.", "",
                                  ExitCode.FAILED)  # fmt: skip
            way[one["stage"]] = Statement(predicates.read(said, predicates.STAGE, path))
    return evidence_of(before, way, inside)
