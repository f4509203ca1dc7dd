"""An answer of the log, given once more: the same tokens to the same model under the same settings, and compared.

It is asked as the engine answers in exact mode: one at a time, with no cache between requests. What comes is compared
by text and by the digests in the record, so that neither the log nor the text beside it can be wrong unseen.

Whether it can be compared at all is said apart: the text was erased or never kept, the model here is another one, the
answer was given in fast mode or by another version of the engine. Then a difference proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helder.certify.verdict import Result
from helder.errors import ExitCode, HelderError
from helder.serve.audit.record import digests
from helder.serve.audit.texts import Line

if TYPE_CHECKING:
    from helder.serve.audit.reading import Reading
    from helder.serve.service import Reply, Service

EXIT = {Result.PASSED: ExitCode.DONE, Result.FAILED: ExitCode.FAILED, Result.UNCHECKED: ExitCode.UNCHECKED}


@dataclass(frozen=True)
class Replay:
    """What came of asking again.

    Attributes:
        result: passed: the same text; failed: another, and it should be the same; or it could not be compared.
        what: a sentence that says why.
        logged, again: the text then and now, as far as they are known.
    """

    id: str
    index: int
    result: Result
    what: str
    logged: str | None = None
    again: str | None = None

    @property
    def exit_code(self) -> ExitCode:
        return EXIT[self.result]

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "index": self.index,
            "result": self.result.value,
            "what": self.what,
            "logged": self.logged,
            "again": self.again,
        }


def replay(log: Reading, id: str, open_service: Callable[[dict[str, Any]], Service]) -> Replay:
    """Answer again what a record is about.

    Args:
        open_service: loads the model that the record names, given the record; raises HelderError with code 4 when it
            is not here. What it returns is closed.

    Raises:
        HelderError: there is no such answer in the log.
    """
    index = log.find(id)
    if index is None:
        raise HelderError(f"There is no record {id!r} in {log.folder}.", "", "See: helder audit show")
    entry = log.entry(index)
    if entry["kind"] != "answer":
        raise HelderError(f"Record {index} is about an {entry['kind']}, not an answer.", "", "See: helder audit show")

    def ended(result: Result, what: str, *texts: str | None) -> Replay:
        return Replay(id, index, result, what, *texts)

    line = log.texts(index)
    if line is None or "prompt" not in line:
        return ended(Result.UNCHECKED, f"What was asked is not known: {_why_not_kept(log, index, entry)}.")
    salts = {name: bytes.fromhex(salt) for name, salt in line["salts"].items()}
    if digests(line, salts) != entry["digests"]:
        return ended(Result.FAILED, "The text that lies beside the record is not the one that was logged.")
    if line["answer"] is None or entry["finish_reason"] == "error":
        return ended(Result.UNCHECKED, "No answer was given: the engine failed.", line["answer"])
    if entry["settings"].get("form", "task") != "task":
        return ended(Result.UNCHECKED, "It has the form of a client's schema, which no record holds.", line["answer"])
    try:
        service = open_service(entry)
    except HelderError as error:
        if error.code != ExitCode.UNCHECKED:
            raise
        return ended(Result.UNCHECKED, f"{error.what} {error.why}".strip(), line["answer"])
    try:
        reply = _ask(service, entry, line)
        engine = service.engine_name
    finally:
        service.close()
    assert reply.answer is not None
    again, logged = reply.answer.text, line["answer"]
    cancelled = entry["finish_reason"] == "cancelled"
    same_tokens = line["answer_ids"] is None or cancelled or list(reply.answer.ids) == line["answer_ids"]
    if again == logged and same_tokens:
        return ended(Result.PASSED, "The same text, token for token.", logged, again)
    if cancelled and again.startswith(logged):
        return ended(Result.PASSED, "The same text, as far as it went: the client left.", logged, again)
    what = "Another text." if again != logged else "The same text from other tokens."
    if entry["mode"] != "exact":
        what += " It was given in fast mode, which does not promise the same."
        return ended(Result.UNCHECKED, what, logged, again)
    if engine != entry["engine"]["name"]:
        what += f" It was given by {entry['engine']['name']}, and this is {engine}."
        return ended(Result.UNCHECKED, what, logged, again)
    return ended(Result.FAILED, what, logged, again)


def _ask(service: Service, entry: dict[str, Any], line: Line) -> Reply:
    """The kept tokens once more, so that neither a chat format nor a search can have changed them meanwhile."""
    settings, question = entry["settings"], line["prompt"]
    ids = line["prompt_ids"] or service.prompt(question)
    limit = settings.get("max_tokens") or service.engine.context
    answer = service.engine.complete(
        ids,
        grammar=service.grammar,
        max_tokens=min(limit, service.engine.context - len(ids)),
        temperature=float(settings.get("temperature", 0.0)),
        top_p=float(settings.get("top_p", 1.0)),
        seed=int(settings.get("seed", 0)),
        stop=tuple(line["stop"]),
        logprobs=service.abstention is not None,
    )
    return service.read(question, answer)


def _why_not_kept(log: Reading, index: int, entry: dict[str, Any]) -> str:
    if entry["kept"] != "texts":
        kept = "only digests are kept" if entry["kept"] == "digests" else "nothing is kept"
        return f"of this answer {kept}"
    for place, later in log.entries(index + 1):
        if any(first <= index <= last for first, last in later.get("records", ())):
            return f"it was erased on {later['time'][:10]}, says record {place}"
    return "it is missing, and no record says that it was erased (helder audit verify)"
