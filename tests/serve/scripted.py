"""A service whose answers are written down: the real server around it, and no model in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from helder.data.task import Task
from helder.errors import HelderError
from helder.serve.abstention import Abstention
from helder.serve.answer import Answer
from helder.serve.calibrated import Probability
from helder.serve.engine import Engine
from helder.serve.locate import Located
from helder.serve.service import Reply, Service, TooLong

TEXT = Task(kind="text", name="handbook", purpose="Answer questions from the handbook.")
CONTEXT = 64  # words, which stand for tokens here


@dataclass(frozen=True)
class Written:
    """An answer.

    Attributes:
        text: as the model would write it.
        error: instead of an answer.
        waits: the second half comes when this is set.
    """

    text: str = ""
    abstained: bool = False
    confidence: float | None = None
    probability: Probability | None = None
    passages: tuple[dict[str, Any], ...] = ()
    quotes: tuple[dict[str, Any], ...] = ()
    error: Exception | None = None
    waits: threading.Event | None = None


class Scripted(Service):
    """Answers by its script; what is not in it is answered with "–"."""

    def __init__(
        self, task: Task = TEXT, script: Mapping[str, Written] | None = None, abstention: Abstention | None = None
    ) -> None:
        nowhere = Path("nowhere")
        self.task, self.script, self.abstention = task, dict(script or {}), abstention
        self.calibration = None
        self.engine = cast(Engine, SimpleNamespace(context=CONTEXT, name="by hand", mode="exact", close=lambda: None))
        self.located = Located(nowhere, "q8_0", "5e" * 32, nowhere, nowhere, "as usual")

    def prompt(self, question: str) -> list[int]:
        if not question.strip():
            raise HelderError("The question is empty.", "", "Give a text.")
        words = len(question.split())
        if words >= CONTEXT:
            raise TooLong(
                f"The question has {words} tokens; the context holds {CONTEXT}, the answer included.",
                "A question is never cut, because the cut part may be what matters.",
                "Split the question.",
            )
        return list(range(words))

    def ask(self, question: str, *, stream: Callable[[str], bool] | None = None, **settings: Any) -> Reply:
        written = self.script.get(question, Written("–"))
        if written.error is not None:
            raise written.error
        ids, given = tuple(self.prompt(question)), ""
        # Withheld ones come whole.
        pieces = [written.text]
        if not written.abstained:
            first, *others = written.text.split(" ")
            pieces = [first, *(f" {word}" for word in others)]
        for place, piece in enumerate(pieces):
            if written.waits is not None and place == (len(pieces) + 1) // 2:
                while not written.waits.wait(0.02):
                    if stream is not None and not stream(""):
                        break
            if stream is not None and not stream(piece):
                break
            given += piece
        answer = Answer(given, tuple(range(len(pieces))), "stop", len(ids), len(pieces))
        if written.abstained:
            return Reply(question, answer, None, None, abstained=True, confidence=written.confidence, prompt_ids=ids)
        return Reply(
            question, answer, self.task.decode(given) if given == written.text else None, None,
            confidence=written.confidence, promised=written.confidence is not None, probability=written.probability,
            passages=written.passages, quotes=written.quotes, prompt_ids=ids,
        )  # fmt: skip

    def close(self) -> None:
        pass
