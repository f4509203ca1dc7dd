"""Every answer into the audit log, before its last piece is given: what was asked of which model, and what it said.

An answer that the log does not take is not given (503). What the client got of an answer that did not come to its end,
because it left or the engine failed, is in the log too.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.ledger import keys
from helder.serve.answering import Piece
from helder.serve.audit import AuditLog, Keep, NotLogged, Record
from helder.serve.audit.record import FinishReason
from helder.serve.refusals import Refused
from helder.serve.service import Reply, Service
from helder.serve.turns import Turn


def open_log(service: Service, folder: Path | None, keep: Keep, origin: str | None = None) -> AuditLog:
    """The log of a model's answers, begun if there is none.

    Args:
        folder: where it lies; default: under `$HELDER_HOME/serve/log`, by the model's name.
        keep: what is kept beside the records.
        origin: its name, which stands in every checkpoint; default: the one it has, or host and model.

    Raises:
        HelderError: see `AuditLog.open`.
    """
    from helder.serve.audit import log_key

    folder = folder or keys.helder_home() / "serve" / "log" / _plain(service.name)
    if origin is None:
        begun = (folder / log_key.STATEMENT).exists()
        origin = log_key.read(folder).name if begun else f"{_plain(socket.gethostname())}/{_plain(service.name)}"
    return AuditLog.open(folder, keys.signing_key(), origin, keep)


@dataclass(frozen=True)
class Stamper:
    """Puts the answers of one request into the log.

    Attributes:
        log: None: nothing is recorded, and no answer has a receipt.
        who: the name of the token.
        turn: of the request; tells whether its client left.
        settings: decoding settings in effect, as the record holds them.
        stop: texts that end an answer.
    """

    log: AuditLog | None
    service: Service
    who: str
    turn: Turn
    settings: dict[str, Any]
    stop: tuple[str, ...]

    def answered(self, id: str, question: str, piece: Piece, ask: Callable[[Piece], Reply]) -> Reply:
        """Ask, and put into the log what became of it. Runs in the engine's thread.

        Args:
            id: of the answer.
            piece: gets the answer's text as it comes.
            ask: asks the model.

        Raises:
            Refused: 503, it could not be put into the log.
            HelderError: of `ask`, after what was given until then is in the log.
        """
        if self.log is None:
            return ask(piece)
        given: list[str] = []

        def kept(text: str) -> bool:
            given.append(text)
            return piece(text)

        try:
            reply = ask(kept)
        except HelderError:
            if any(given):
                self._append(self._record(id, question, None, "error", "".join(given)))
            raise
        assert reply.answer is not None
        finish: FinishReason = "cancelled" if self.turn.ended else reply.answer.finish_reason
        receipt = self._append(self._record(id, question, reply, finish, reply.answer.text))
        return replace(reply, receipt=receipt)

    def _append(self, record: Record) -> dict[str, Any]:
        assert self.log is not None
        try:
            return self.log.append(record).to_json()
        except NotLogged as error:
            message = f"The answer could not be put into the audit log, and is not given. {error.what}"
            raise Refused(503, message, code="not_logged", retry_after=30) from error

    def _record(self, id: str, question: str, reply: Reply | None, finish: FinishReason, text: str) -> Record:
        located, service = self.service.located, self.service
        answer = None if reply is None else reply.answer
        return Record(
            id=id,
            who=self.who,
            model=service.name,
            model_sha256=located.sha256 or None,
            format=located.format,
            engine=service.engine_name,
            settings=self.settings,
            prompt=question,
            answer=text,
            finish_reason=finish,
            prompt_ids=None if reply is None else reply.prompt_ids,
            answer_ids=answer.ids if answer is not None and reply is not None and not reply.abstained else None,
            stop=self.stop,
            abstained=reply is not None and reply.abstained,
            confidence=None if reply is None else reply.confidence,
            passages=tuple(digest(one["text"]) for one in reply.passages) if reply is not None else (),
            mode=service.mode,
            restarts=0 if answer is None else answer.restarts,
        )


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _plain(name: str) -> str:
    """A name without what a path or a checkpoint cannot hold."""
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in ".-_") else "-" for letter in name)
    return kept.strip(".") or "model"
