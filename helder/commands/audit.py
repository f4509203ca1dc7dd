"""`helder audit`: the log of what a server answered: shown, verified, exported, replayed, erased."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from helder.commands import talk

if TYPE_CHECKING:
    from helder.serve.audit import AuditLog
    from helder.serve.audit.reading import Reading
    from helder.serve.service import Service

MARKS = {"passed": "✓", "failed": "✗", "could not be checked": "?", "not asked for": "·"}
LARGEST_CHECKPOINT = 100_000  # bytes, as `helder.serve.audit.note.MAXIMUM`

folder_argument = click.argument("folder", required=False, type=click.Path(path_type=Path))
folder_option = click.option(
    "--log", "folder", type=click.Path(path_type=Path), help="The log; default: the one of this machine."
)


@click.group()
def audit() -> None:
    """The log of what a server answered.

    Every answer is a record in a tree (RFC 6962) before it is given. Without FOLDER the log is the one under
    $HELDER_HOME/serve/log, where there is only one.
    """


@audit.command()
@folder_argument
@click.option("--id", help="One record, with its proof and what is kept beside it.")
@click.option("--start", type=click.IntRange(0), help="From this number on; default: the last ones.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True, help="At most so many.")
@click.option("--texts", is_flag=True, help="Show what was asked and answered, as far as it is kept.")
@talk.json_option
def show(folder: Path | None, id: str | None, start: int | None, limit: int, texts: bool, as_json: bool) -> None:
    """Show records of the log in FOLDER. A running server is not disturbed."""
    log = _reading(folder)
    if id is not None:
        _show_one(log, id, texts, as_json)
        return
    first = max(0, log.size - limit) if start is None else start
    found = [(place, entry, log.texts(place) if texts else None) for place, entry in log.entries(first, first + limit)]
    if as_json:
        records = [
            {"index": place, "record": entry} | ({"texts": line} if texts else {}) for place, entry, line in found
        ]
        talk.data({"log": log.key.name, "size": log.size, "records": records})
        return
    rows = [[str(place), *map(_line, (entry["time"], *_in_words(entry)))] for place, entry, _ in found]
    click.echo(talk.table(rows, ["record", "time", "who", "what", "id"], right=(0,)))
    for place, _, line in found:
        if line is not None and "prompt" in line:
            click.echo(f"\n{place}  {_safe(line['prompt'])}\n{' ' * len(str(place))}  → {_safe(line['answer'])}")
    talk.say(f"{len(found)} of {log.size:,} records of {log.key.name}")


def _show_one(log: Reading, id: str, texts: bool, as_json: bool) -> None:
    from helder.errors import HelderError

    place = log.find(id)
    if place is None:
        raise HelderError(f"There is no record {id!r} in {log.folder}.", "", "See: helder audit show")
    line = log.texts(place)
    if as_json:
        talk.data({**log.stamped(place).to_json(), "vkey": log.key.vkey} | ({"texts": line} if texts else {}))
        return
    entry = log.entry(place)
    rows = [["record", str(place)]]
    for name, value in entry.items():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        rows += [[f"{name} {key}".strip(), _plain(found)] for key, found in inner]
    click.echo(talk.table(rows, ["what", "found"]))
    kept = "nothing" if line is None else "texts and salts" if "prompt" in line else "salts"
    talk.say(f"kept beside it: {kept}" + ("" if line is None or texts else " (--texts shows them)"))
    if texts and line is not None and "prompt" in line:
        click.echo(f"\n{_safe(line['prompt'])}\n→ {_safe(line['answer'])}")


@audit.command()
@folder_argument
@click.option(
    "--against",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="CHECKPOINT",
    help="A checkpoint that was kept elsewhere: every record of that time must still be there.",
)
@click.option(
    "--key",
    "pems",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PEM",
    help="Believe this key of an organisation; default: this machine's and those it trusts.",
)
@talk.json_option
def verify(folder: Path | None, against: tuple[Path, ...], pems: tuple[Path, ...], as_json: bool) -> None:
    """Check every byte of the log in FOLDER.

    Exit codes: 0 passed, 3 failed, 4 could not be checked.

    A log alone shows that it agrees with itself. That it is the only history, only a checkpoint that was kept elsewhere
    can show: on paper, on a stick, on another machine (helder audit checkpoint > FILE).
    """
    from helder.ledger import keys
    from helder.serve.audit.verify import verify as verify_log

    known = [keys.PublicKey.from_pem(_contents(pem), str(pem)) for pem in pems] if pems else keys.believed()
    report = verify_log(_folder(folder), against={str(path): _contents(path) for path in against}, known=known)
    if as_json:
        talk.data(report.to_json())
    else:
        for finding in report.findings:
            click.echo(f"{MARKS[finding.result.value]} {finding.place}: {finding.what}")
        for sentence in report.not_shown:
            click.echo(f"not shown: {sentence}")
    if report.exit_code:
        raise SystemExit(int(report.exit_code))


@audit.command()
@folder_argument
@talk.json_option
def checkpoint(folder: Path | None, as_json: bool) -> None:
    """Print the signed checkpoint of the log in FOLDER: keep it where nobody who has the log can reach it."""
    log = _reading(folder)
    if as_json:
        found = {"log": log.key.name, "size": log.point.size, "root": log.point.root.hex(), "vkey": log.key.vkey}
        talk.data({**found, "checkpoint": log.note})
        return
    click.echo(log.note, nl=False)
    if log.waiting:
        talk.say(f"{len(log.waiting):,} records wait for the next one.")


@audit.command()
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@folder_option
@talk.json_option
def export(target: Path, folder: Path | None, as_json: bool) -> None:
    """Copy into the new folder OUT what somebody else needs to check the log: records, tree, checkpoint, whose it is.

    No texts, no salts, and not the key that signs.
    """
    from helder.errors import HelderError
    from helder.ledger.artifact import temporary_beside

    log = _reading(folder)
    if target.exists():
        raise HelderError(f"{target} is there already.", "Nothing is written over.", "Name a new folder.")
    temporary = temporary_beside(target)
    count = 0
    for name, data in log.files():
        path = temporary / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        count += 1
    temporary.rename(target)
    if as_json:
        talk.data({"folder": str(target), "files": count, "records": log.point.size})
        return
    talk.say(f"{log.point.size:,} records in {count:,} files. Check: helder audit verify {target}")
    click.echo(str(target))


@audit.command()
@click.argument("id")
@folder_option
@click.option("--project", default=".", type=click.Path(path_type=Path), help="Where the model is; default: here.")
@click.option("--threads", type=click.IntRange(1), help="Threads of one answer; default: all cores.")
@click.option("--context", type=click.IntRange(64), default=2048, show_default=True, help="As it was served with.")
@talk.json_option
def replay(id: str, folder: Path | None, project: Path, threads: int | None, context: int, as_json: bool) -> None:
    """Answer once more what record ID is about, and compare.

    Exit codes: 0 the same, 3 another answer, 4 it cannot be compared: the text is erased or was never kept, the model
    is not here, or the answer was given in fast mode or by another version of the engine.
    """
    from helder.serve.audit.replay import replay as answer_again

    def open_service(entry: dict[str, Any]) -> Service:
        return _service(project, entry, threads, context)

    found = answer_again(_reading(folder), id, open_service)
    if as_json:
        talk.data(found.to_json())
    else:
        click.echo(f"{MARKS[found.result.value]} {found.what}")
        if found.again is not None and found.again != found.logged:
            click.echo(f"then: {_safe(found.logged)}\nnow:  {_safe(found.again)}")
    if found.exit_code:
        raise SystemExit(int(found.exit_code))


@audit.command()
@folder_option
@click.option("--id", help="What is kept beside this record.")
@click.option("--who", help="What is kept beside every record of this token.")
@click.option("--by", default="owner", show_default=True, help="Who erases; it stands in the log.")
@click.option("--reason", default="", help="A few words, without names; they stay in the log for ever.")
@talk.json_option
def erase(folder: Path | None, id: str | None, who: str | None, by: str, reason: str, as_json: bool) -> None:
    """Erase the texts and salts of an answer, or of all that one asked. The tree stays whole and says that it was done.

    A running server has the log open: ask it with POST /v1/log/erase.
    """
    if (id is None) == (who is None):
        raise click.UsageError("Give either --id or --who.", click.get_current_context())
    with _writing(folder) as log:
        count = log.erase(id=id, who=who, by=by, reason=reason)
        _tell_erased(count, log, as_json)


@audit.command()
@folder_option
@click.option("--days", type=click.IntRange(1), required=True, help="Keep what is younger.")
@talk.json_option
def retain(folder: Path | None, days: int, as_json: bool) -> None:
    """Erase the texts and salts that are older than so many days. `helder serve --keep-days` does it by itself."""
    from helder.serve.audit import Keep

    with _writing(folder) as log:
        log.keep = Keep(log.keep.what, days)
        _tell_erased(log.retain(), log, as_json)


def _tell_erased(count: int, log: AuditLog, as_json: bool) -> None:
    if as_json:
        talk.data({"erased": count, "log": log.origin, "size": log.size})
        return
    talk.say("What was erased can lie in free blocks, snapshots and backups until they are overwritten.")
    click.echo(f"erased what was kept beside {count:,} records of {log.origin}")


def _folder(folder: Path | None) -> Path:
    from helder.errors import HelderError
    from helder.ledger.keys import helder_home

    if folder is not None:
        return folder
    place = helder_home() / "serve" / "log"
    found = sorted(path for path in place.iterdir() if path.is_dir()) if place.is_dir() else []
    if len(found) == 1:
        return found[0]
    known = ", ".join(str(path) for path in found) or f"{place} holds none yet; `helder serve` begins one"
    raise HelderError("Which log?", known, "Name its folder.")


def _reading(folder: Path | None) -> Reading:
    from helder.serve.audit.reading import Reading

    return Reading(_folder(folder))


def _writing(folder: Path | None) -> AuditLog:
    from helder.ledger import keys
    from helder.serve.audit import AuditLog, Keep, log_key

    place = _folder(folder)
    return AuditLog.open(place, keys.signing_key(), log_key.read(place).name, Keep(), publish_every=None)


def _service(project: Path, entry: dict[str, Any], threads: int | None, context: int) -> Service:
    """The model that a record names."""
    from helder.errors import ExitCode, HelderError
    from helder.project import Project
    from helder.serve.locate import locate
    from helder.serve.service import Service

    run, model = Project.open(project).run_folder, entry["model"]
    located = locate(run, model["format"])
    if located.sha256 != model["sha256"]:
        raise HelderError(
            f"The model that answered is not the {model['format']} file of {project}.",
            f"Its SHA-256 was {model['sha256'][:12]}…, this one has {located.sha256[:12]}….",
            "Name the project that it is in with --project.",
            ExitCode.UNCHECKED,
        )
    return Service.open(run, model["format"], threads=threads, context=context)


def _contents(path: Path) -> bytes:
    from helder.errors import HelderError

    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_CHECKPOINT + 1)
    except OSError as error:
        raise HelderError(f"{path} cannot be read.", os.strerror(error.errno or 0), "Check the name.") from error
    if len(data) > LARGEST_CHECKPOINT:
        raise HelderError(
            f"{path} is too large for what it should be.", f"It has more than {LARGEST_CHECKPOINT:,} bytes."
        )
    return data


def _in_words(entry: dict[str, Any]) -> list[str]:
    if entry["kind"] == "answer":
        what = f"{entry['model']['name']} {entry['model']['format']}, {entry['finish_reason']}"
        return [entry["who"], what + (", withheld" if entry["abstained"] else ""), entry["id"]]
    spans = entry.get("records", ())
    count = sum(last - first + 1 for first, last in spans)
    told = f"{entry['kind']}, {count:,} {'record' if count == 1 else 'records'}" if spans else entry["kind"]
    return [entry["who"], told + (f" ({entry['reason']})" if entry.get("reason") else ""), entry["id"]]


def _plain(value: Any) -> str:
    if value in (None, [], ""):
        return "–"
    return _line(" ".join(map(str, value)) if isinstance(value, list) else str(value))


def _line(text: str) -> str:
    return _safe(text).replace("\n", "\\n")


def _safe(text: str | None) -> str:
    """What somebody wrote, for a terminal: no character of it steers the terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in text or "–")
