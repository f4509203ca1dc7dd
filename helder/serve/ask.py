"""`helder ask`: questions from the command line or a file -> answers as JSON, JSON lines or CSV.

Answers come in the order of the questions and are the same however many cores there are. A question that
cannot be asked (empty, longer than the context) or whose answer cannot be read keeps its place, with the
reason instead of an answer; nothing is cut and nothing is left out. An answer that was withheld because the model was
too unsure is no error: its answer is null, and it says so.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from helder.data.read import decode, read_file
from helder.data.task import Task
from helder.errors import HelderError
from helder.serve.service import CONTEXT, Reply, Service

if TYPE_CHECKING:
    from helder.project import Project

BLOCK = 64  # questions answered before their lines are written

Write = Callable[[int, Reply], None]


def main(
    project: Project,
    questions: Sequence[str],
    file: Path | None = None,
    format: str | None = None,
    out: Path | None = None,
    *,
    human: bool = False,
    threads: int | None = None,
    context: int = CONTEXT,
    stdout: IO[str] | None = None,
) -> None:
    """Answer questions.

    One question from the command line prints its answer as one JSON value. Several, or a file, give one
    JSON object
    a line: `input`, and `answer` or `error`.

    Args:
        project: its run must have made a model file.
        questions: from the command line.
        file: more questions: one a line, or a .jsonl or .csv file with the recipe's input column.
        format: which file answers; see `helder.serve.locate.locate`.
        out: a .jsonl or .csv file, written whole or not at all; default: stdout.
        human: lines for a person instead of JSON.

    Raises:
        HelderError: no model file; a file that cannot be read or written; after everything is written, when
        some
            questions have no answer.
    """
    stdout = stdout or sys.stdout
    asked = [*questions, *(read_questions(file, project.recipe.data.input) if file else ())]
    if not asked:
        raise HelderError("There is no question.", f"{file} is empty." if file else "", "Give at least one.")
    if out and out.suffix not in (".jsonl", ".csv"):
        raise HelderError(f"Answers cannot be written to {out}.", "The name says no known form.", "Use .jsonl or .csv.")
    abstain = project.recipe.trust is not None and project.recipe.trust.abstain
    service = Service.open(project.run_folder, format, threads=threads, context=context, abstain=abstain)
    try:
        if len(asked) == 1 and not file and not out:
            _one(service.ask(asked[0]), service.task, human, stdout)
            return
        with _writer(out, service.task, human, stdout) as write:
            missing = _all(service, asked, write)
    finally:
        service.close()
    if missing:
        shown = "; ".join(f"question {number}: {error}" for number, error in missing[:3])
        raise HelderError(
            f"{len(missing)} of {len(asked)} questions have no answer.",
            shown + ("; …" if len(missing) > 3 else ""),
            "Their lines hold the reason in `error`. The other answers are complete.",
        )


def _one(reply: Reply, task: Task, human: bool, stdout: IO[str]) -> None:
    if reply.error is not None:
        written = f" It wrote: {reply.answer.text}" if reply.answer else ""
        raise HelderError(
            "The model gave no usable answer.", reply.error + "." + written, "Put the question otherwise."
        )
    if reply.abstained and not human:
        sys.stderr.write(f"{_withheld(reply)}\n")
    said = _withheld(reply) if reply.abstained else _for_people(reply.output, task)
    sources = "".join(f"\n  {line}" for line in _sources(reply)) if human else ""
    stdout.write((said if human else _json(reply.output)) + sources + "\n")
    stdout.flush()


def _all(service: Service, asked: Sequence[str], write: Write) -> list[tuple[int, str]]:
    """Answer and write in blocks; the questions without an answer."""
    missing = []
    for first in range(0, len(asked), BLOCK):
        for number, reply in enumerate(service.ask_many(asked[first : first + BLOCK]), start=first + 1):
            write(number, reply)
            if reply.error is not None:
                missing.append((number, reply.error))
    return missing


# -- reading questions ----------------------------------------------------------------------------------------------


def read_questions(path: Path, column: str) -> list[str]:
    """The questions of a file, in the encodings and with the separators that are read as data too.

    Args:
        path: .jsonl (a string a line, or an object with `column`), .csv or .tsv (with a header that names
            `column`), or any other text file with one question a line.
        column: the input column of the recipe.

    Raises:
        HelderError: not there, not text, or a line without a question; the line's number is named.
    """
    if path.suffix.lower() in (".csv", ".tsv"):
        if not path.exists():
            raise _missing(path)
        rows, source = read_file(path, str(path), (column,))
        _warn(source.warnings)
        return [row.values[column] for row in rows]
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise _missing(path) from None
    except OSError as error:
        raise HelderError(f"{path} cannot be read.", str(error), "Give a text file.") from error
    text, _, warnings = decode(content, str(path))
    _warn(warnings)
    if path.suffix.lower() == ".jsonl":
        return [_from_json(line, number, path, column) for number, line in _lines(text)]
    return [line for _, line in _lines(text)]


def _missing(path: Path) -> HelderError:
    return HelderError(f"There is no file {path}.", "", "Check the name.")


def _warn(warnings: Sequence[str]) -> None:
    for text in warnings:
        sys.stderr.write(f"warning: {text}\n")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines; only line feeds end a line, and a last empty one is none."""
    lines = text.removesuffix("\n").split("\n") if text else []
    return ((number, line.removesuffix("\r")) for number, line in enumerate(lines, start=1))


def _from_json(line: str, number: int, path: Path, column: str) -> str:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise HelderError(f"Line {number} of {path} is not JSON.", str(error), "Correct the line.") from error
    question = value.get(column) if isinstance(value, dict) else value
    if not isinstance(question, str):
        raise HelderError(
            f"Line {number} of {path} holds no question.",
            f"A question is a string, or the string under {column!r} of an object.",
            "Correct the line, or the input column in the recipe.",
        )
    return question


# -- writing answers ------------------------------------------------------------------------------------------------


@contextmanager
def _writer(out: Path | None, task: Task, human: bool, stdout: IO[str]) -> Iterator[Write]:
    """A function that writes one reply."""
    if out is None:
        yield _people(stdout, task) if human else _json_lines(stdout)
        return
    part = out.with_name(f".{out.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield _csv_rows(file, task) if out.suffix == ".csv" else _json_lines(file)
        part.replace(out)
    except OSError as error:
        raise HelderError(f"{out} cannot be written.", str(error), "Choose another place.") from error
    finally:
        with suppress(OSError):  # a read-only folder, where there is nothing to remove
            part.unlink(missing_ok=True)


def _json_lines(file: IO[str]) -> Write:
    def write(number: int, reply: Reply) -> None:
        said = {"answer": reply.output} if reply.error is None else {"error": reply.error}
        if reply.abstained:
            said |= {"abstained": True, "confidence": reply.confidence}
        if reply.passages:
            said |= {"passages": [one["id"] for one in reply.passages]}
        file.write(_json({"input": reply.question, **said}) + "\n")
        file.flush()

    return write


def _csv_rows(file: IO[str], task: Task) -> Write:
    """One row for each record of a list, otherwise one for each question."""
    fields = task.fields or ("answer",)
    rows = csv.writer(file)
    rows.writerow(["question", *(["record"] if task.many else []), "input", *fields, "error"])

    def write(number: int, reply: Reply) -> None:
        records = reply.output if task.many and reply.error is None else [reply.output]
        for place, record in enumerate(records or [None], start=1):
            values = [record.get(name) for name in fields] if isinstance(record, dict) else [record]
            cells = [_cell(value) for value in values] + [""] * (len(fields) - len(values))
            part = [str(place) if record is not None else ""] if task.many else []
            error = _withheld(reply) if reply.abstained else reply.error or ""
            rows.writerow([str(number), *part, reply.question, *cells, error])

    return write


def _withheld(reply: Reply) -> str:
    """What is said in place of an answer, and why."""
    sure = "its confidence is not known" if reply.confidence is None else f"confidence {reply.confidence:.2g}"
    return f"{reply.answer.text if reply.answer else ''} ({sure})"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value)


def _people(file: IO[str], task: Task) -> Write:
    def write(number: int, reply: Reply) -> None:
        answer = f"(no answer: {reply.error})" if reply.error is not None else ""
        answer = answer or (_withheld(reply) if reply.abstained else _for_people(reply.output, task))
        lines = [*answer.splitlines(), *_sources(reply)]
        file.write(reply.question + "\n" + "\n".join(f"  {line}" for line in lines) + "\n")
        file.flush()

    return write


def _sources(reply: Reply) -> Iterator[str]:
    """Where the passages of an answer stand; those that it quotes with what is quoted."""
    for one in reply.passages:
        parts = [" ".join(one["text"][slice(*place)].split()) for place in one["quoted"]]
        said = f": “{'”, “'.join(parts)}”" if parts else ""
        yield "".join(letter if letter.isprintable() else " " for letter in f"[{one['document']}]{said}")


def _for_people(output: Any, task: Task) -> str:
    """An answer in plain words: one line for each record, with the fields that say something."""
    if task.kind != "record":
        return str(output)
    records = output if task.many else [output]
    lines = []
    for place, record in enumerate(records, start=1):
        said = [f"{name} {_cell(value)}" for name, value in record.items() if value != task.default(name)]
        lines.append((f"{place}. " if len(records) > 1 else "") + (", ".join(said) or "(nothing)"))
    return "\n".join(lines) or "(nothing)"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
