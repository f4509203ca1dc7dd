"""`helder certify`, `helder verify`, `helder sign`: from a run to a bundle, and what a bundle proves."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from helder.commands import talk
from helder.errors import HelderError

if TYPE_CHECKING:
    from helder.certify.verdict import Verdict
    from helder.ledger.keys import PublicKey

AUDIENCES = ("public", "customer", "regulator")
BUNDLE = "bundle"
MARKS = {"passed": "✓", "failed": "✗", "could not be checked": "?", "not asked for": "–"}
COLOURS = {"passed": "green", "failed": "red", "could not be checked": "yellow"}


@click.command()
@talk.project_argument
@click.option("--out", type=click.Path(path_type=Path), help="The bundle's folder; default: bundle in the project.")
@click.option("--audience", type=click.Choice(AUDIENCES), help="Who it is for; default: [release] of the recipe.")
@click.option("--key", "names", multiple=True, metavar="NAME", help="Sign with this key; several sign together.")
@click.option("--reveal", multiple=True, metavar="DOC", help="Show this record or document, with its proof.")
@click.option("--previous", type=click.Path(path_type=Path), help="The bundle of the version before, to tell changes.")
@click.option("--archive", type=click.Path(path_type=Path), help="Also write the bundle as this one file.")
@click.option("--timestamp", "authority", metavar="URL", help="Have this authority stamp the time (RFC 3161).")
@click.option("--allow-network", is_flag=True, help="Allow to ask that authority; it sees one digest.")
@talk.json_option
def certify(
    project: Path,
    out: Path | None,
    audience: Any,
    names: tuple[str, ...],
    reveal: tuple[str, ...],
    previous: Path | None,
    archive: Path | None,
    authority: str | None,
    allow_network: bool,
    as_json: bool,
) -> None:
    """Make the bundle of PROJECT: model, signed ledger and certificate, for people who do not trust us.

    What an audience may not see is withheld, and listed with its digest. A record that is revealed comes with the proof
    that it is among those that were committed to; nothing else is given away.
    """
    from helder.certify import archive as archives
    from helder.certify import bundle
    from helder.ledger import keys
    from helder.project import Project

    opened = Project.open(project)
    target = out or opened.folder / BUNDLE
    if archive is not None and archive.exists():
        raise HelderError(f"{archive} is there already.", fix="Name another file, or remove it.")
    signers = [keys.signing_key(name=name) for name in names]
    with talk.events(as_json) as on_event:
        made = bundle.certify(
            opened,
            target,
            audience=audience,
            signers=signers,
            reveal=reveal,
            previous=previous,
            authority=authority,
            allow_network=allow_network,
            on_event=on_event,
        )
        if archive is not None:
            archives.pack(made, archive)
    told = bundle.about(made)
    if as_json:
        talk.data({**told, "bundle": str(made), "archive": None if archive is None else str(archive)})
        return
    click.echo(f"bundle:      {made} ({told['files']} files, {talk.size(told['bytes'])})")
    if archive is not None:
        click.echo(f"archive:     {archive}")
    click.echo(f"for:         {told['audience']}; {told['withheld']} files are withheld and listed")
    for key in told["signers"]:
        click.echo(f"signed by:   {key}")
    click.echo(f"openness:    {told['openness']}")
    click.echo(f"certificate: {made / 'certificate.html'}")
    click.echo(f"\nhelder verify {shlex.quote(str(made))}")


@click.command()
@click.argument("path", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option("--level", type=click.IntRange(1, 5), default=2, show_default=True, help="The highest level, see below.")
@click.option("--replay", type=click.IntRange(1), metavar="K", help="Run K slices of training again (level 4).")
@click.option("--scores", type=click.IntRange(1), metavar="K", help="Ask K of the questions again (level 5).")
@click.option("--nonce", help="What decides which slices and questions; default: a new one. Say it to nobody before.")
@click.option("--key", "pems", multiple=True, type=click.Path(path_type=Path), help="Believe this public key (.pem).")
@click.option(
    "--authority",
    "roots",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PEM",
    help="Believe the time stamps of this authority.",
)
@click.option("--all", "every", is_flag=True, help="Show every finding, the good ones too.")
@click.option("--keep", is_flag=True, help="Keep the verdict, dated and signed, for the policies of `helder serve`.")
@talk.json_option
def verify(
    path: Path,
    level: int,
    replay: int | None,
    scores: int | None,
    nonce: str | None,
    pems: tuple[Path, ...],
    roots: tuple[Path, ...],
    every: bool,
    keep: bool,
    as_json: bool,
) -> None:
    """Verify BUNDLE, a folder or an archive made by `helder certify`.

    Exit codes: 0 passed, 3 failed, 4 could not be checked.

    \b
    1 integrity  every file is what was signed, nothing is missing or extra
    2 lineage    every input is an earlier stage's output or a declared source
    3 rebuild    the cheap stages are run again and compare byte for byte
    4 replay     slices of training are run again and compare bit for bit
    5 scores     questions are asked again, scores follow from the stored answers

    Levels 1 and 2 need only the light install. Without --key, the keys of this machine and those it trusts are believed
    (`helder key trust`).
    """
    from helder.certify.verify import verify as verify_bundle

    trusted = _keys(pems) if pems else None
    with talk.events(as_json) as on_event:
        verdict = verify_bundle(
            path,
            level=level,
            replay=replay,
            scores=scores,
            nonce=nonce,
            trusted=trusted,
            authorities=[_read(root, "certificate") for root in roots],
            on_event=on_event,
        )
    if keep:
        from helder.serve import admission

        talk.say(f"kept: {admission.keep(verdict)}")
    if as_json:
        talk.data(verdict.to_json())
    else:
        _tell(verdict, every)
    if verdict.exit_code:
        raise SystemExit(int(verdict.exit_code))


@click.command()
@click.argument("path", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option("--key", "name", metavar="NAME", help="The key to sign with; default: this machine's.")
@talk.json_option
def sign(path: Path, name: str | None, as_json: bool) -> None:
    """Add a signature to BUNDLE, after levels 1 and 2 of `helder verify` have passed or only its signer is unknown."""
    from helder.certify import bundle
    from helder.ledger import keys

    key = keys.signing_key() if name is None else keys.signing_key(name=name)
    told = bundle.cosign(path, key)
    if as_json:
        talk.data(told)
        return
    click.echo("\n".join(f"signed by: {one}" for one in told["signers"]))


def _keys(pems: tuple[Path, ...]) -> list[PublicKey]:
    from helder.ledger.keys import PublicKey

    return [PublicKey.from_pem(_read(path, "key"), str(path)) for path in pems]


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise HelderError(f"The {what} {path} cannot be read.", os.strerror(error.errno or 0)) from error


def _tell(verdict: Verdict, every: bool) -> None:
    """The verdict for people: a line for each level, and under it what is wrong, or everything."""
    click.echo(f"{verdict.name or verdict.path}: {verdict.purpose}".rstrip(": "))
    if verdict.release:
        click.echo(f"release {verdict.release}")
    for signer in verdict.signers:
        click.echo(f"signed by {signer.id}" + ("" if signer.known else " – not a key that you believe"))
    click.echo("")
    for level in verdict.levels:
        result = level.result.value
        mark = click.style(MARKS[result], fg=COLOURS.get(result))
        click.echo(f"{mark} {level.number} {level.name:<10} {result}")
        for finding in level.findings:
            if every or finding.result.value in ("failed", "could not be checked"):
                click.echo(f"      {MARKS[finding.result.value]} {finding.place}: {finding.what}")
        for sentence in _sentences(level.number, level.facts):
            click.echo(f"        {sentence}")
    if verdict.openness is not None:
        declared, proven = (verdict.openness[key]["class"] or "none" for key in ("declared", "proven"))
        click.echo(
            f"\nopenness: class {declared} declared, class {proven} proven; --json tells every component and fact"
        )


def _sentences(number: int, facts: dict[str, Any]) -> list[str]:
    """What a level's numbers mean."""
    if number == 3 and facts.get("not_made_again"):
        made, left = facts["made_again"], facts["not_made_again"]
        return [f"{len(made)} of {len(made) + len(left)} stages were made again; not made again: {', '.join(left)}."]
    if number == 4 and facts.get("power"):
        drawn, of = facts["replayed"], facts["slices"]
        found = ", ".join(f"{one['found']:.0%} if {one['share']:.0%} of them were forged" for one in facts["power"][:4])
        return [
            f"{drawn} of {of} slices, drawn by the nonce {facts['nonce']}.",
            f"A forgery would have been found with a probability of {found}.",
        ]
    if number == 5 and facts.get("power"):
        found = ", ".join(f"{one['found']:.0%} if {one['share']:.0%} of them were" for one in facts["power"][:4])
        return [
            f"{facts['asked_again']} of {facts['answers']} answers, drawn by the nonce {facts['nonce']}.",
            f"Made-up answers would have been found with a probability of {found}.",
        ]
    return []
