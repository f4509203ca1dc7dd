"""One model and its task: a question as text -> an answer, held to the task's form and read back.

The model is asked as it was measured: the bare text is the one message of the user, with the passages that fit it
before it where this file was measured with passages (`helder.retrieve`). A question that does not
fit is refused by name and never cut. An answer that does not end, or cannot be read, is an error beside its
text, never a guess. Where the recipe says so, an answer that is less sure than the threshold of the trust stage is
withheld.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from helder.data.task import AnswerError, Task
from helder.errors import ExitCode, HelderError
from helder.retrieve import SUFFIX, quotes
from helder.retrieve.ground import Grounded, Retriever, combined
from helder.retrieve.index import Index
from helder.serve.abstention import Abstention
from helder.serve.answer import Answer, Score
from helder.serve.calibrated import Calibration, Probability
from helder.serve.completer import Completer
from helder.serve.engine import Engine
from helder.serve.locate import Located, Runs, locate
from helder.serve.logprobs import Pieces

if TYPE_CHECKING:
    from helder.tokens.tokenizer import Tokenizer

CONTEXT = 2048  # tokens of question and answer together
LONGEST_ANSWER = 512  # tokens, where the client sets no limit


class TooLong(HelderError):
    """A question that does not fit the context."""


@dataclass(frozen=True)
class Reply:
    """An answer and what it says.

    Attributes:
        question: as it was asked.
        answer: as the model wrote it; None when the question could not be asked.
        output: the decoded answer, defaults put back; None when there is an error.
        error: why there is no output.
        abstained: the answer was too unsure and is withheld: `answer.text` is what is said instead, there is neither
            output nor error.
        confidence: how sure the model was; None where answers are never withheld, or it is not known.
        promised: the promise of the threshold holds for this answer: it was neither drawn nor cut by the client.
        probability: label tasks: how probable it is that the label is right.
        passages: what the model was given beside the question, as it is told to clients: document, id, text, score, and
            quoted, the parts of the text that the answer quotes or says as a whole.
        quotes: what stands between quotation marks in the answer: start, stop, and whether a passage holds it verbatim.
        dropped: passages that fit the question and did not fit the room.
        prompt_ids: the tokens that the model was given.
        receipt: of the audit log, as it is told to clients; None when there is no log.
        trace: the path at which the answer can be traced; None when it cannot.
    """

    question: str
    answer: Answer | None
    output: Any
    error: str | None
    abstained: bool = False
    confidence: float | None = None
    promised: bool = False
    probability: Probability | None = None
    passages: tuple[dict[str, Any], ...] = ()
    quotes: tuple[dict[str, Any], ...] = ()
    dropped: int = 0
    prompt_ids: tuple[int, ...] | None = field(default=None, compare=False)
    receipt: dict[str, Any] | None = field(default=None, compare=False)
    trace: str | None = field(default=None, compare=False)


class Service:
    """An engine, a tokenizer, a chat format and a task that belong together."""

    def __init__(
        self,
        engine: Completer,
        tokenizer: Tokenizer,
        chat: str,
        task: Task,
        located: Located,
        abstention: Abstention | None = None,
        calibration: Calibration | None = None,
        retriever: Retriever | None = None,
    ) -> None:
        self.engine, self.tokenizer, self.chat = engine, tokenizer, chat
        self.task, self.located, self.grammar = task, located, task.grammar()
        self.abstention, self.calibration, self.retriever = abstention, calibration, retriever

    @classmethod
    def open(
        cls,
        run: Runs,
        format: str | None = None,
        *,
        threads: int | None = None,
        context: int = CONTEXT,
        abstain: bool = False,
        engine: Callable[[Path], Completer] | None = None,
    ) -> Service:
        """Load the model file of a run.

        Args:
            engine: makes the engine of a model file; default: `Engine.open` with `threads` and `context`.
            abstain: the recipe wants answers withheld that are too unsure: without a sealed threshold none is given.

        Raises:
            HelderError: see `locate`, `Abstention.load` and `Engine.open`; or there is no threshold yet (code 5).
        """
        from helder.tokens import chat
        from helder.tokens.tokenizer import Tokenizer

        located = locate(run, format)
        task = Task.load(located.task)
        subject = located.format if located.passages is None else f"{located.format}{SUFFIX}"
        abstention = None if located.abstention is None else Abstention.load(located.abstention, subject)
        if abstain and abstention is None:
            raise HelderError(
                f"{located.format} may not answer yet: the recipe withholds answers that are too unsure.",
                "No threshold was sealed for this file since the recipe says so.",
                "Measure one: helder run. Or set abstain = false in [trust].",
                ExitCode.REFUSED,
            )
        tokenizer = Tokenizer.load(located.folder)
        calibration = None if located.trust is None else Calibration.load(located.trust, subject)
        retriever = None
        if located.passages is not None:
            top, room = int(located.grounding["top"]), int(located.grounding["room"])
            retriever = Retriever(Index(located.passages), tokenizer, top, room)
        made: Completer
        made = engine(located.gguf) if engine else Engine.open(located.gguf, threads=threads, context=context)
        if made.name is not None:  # elsewhere: what was measured of this file does not hold for it
            if abstain:
                made.close()
                raise HelderError(
                    "The engine may not answer: the recipe withholds answers that are too unsure.",
                    "Its threshold was measured for a model file of this run, and another engine answers here.",
                    "Serve the file itself, without --engine. Or set abstain = false in [trust].",
                    ExitCode.REFUSED,
                )
            located = replace(located, sha256="", format="remote", reason=made.name)
            abstention = calibration = None
        return cls(made, tokenizer, chat.format_of(located.folder), task, located, abstention, calibration, retriever)

    @property
    def name(self) -> str:
        return self.task.name

    @property
    def mode(self) -> Literal["exact", "fast"]:
        """ "fast": answers may differ in their last bits from one time to the next."""
        return self.engine.mode

    @cached_property
    def pieces(self) -> Pieces:
        """What each token stands for."""
        return Pieces(self.tokenizer)

    @cached_property
    def engine_name(self) -> str:
        """What runs the model, with its version, as records name it."""
        return self.engine.name or f"llama.cpp (xllamacpp {version('xllamacpp')})"

    def prompt(self, question: str) -> list[int]:
        """The prompt's tokens, with passages where there are any.

        Raises:
            TooLong: no room is left for an answer.
            HelderError: the question is empty.
        """
        return self._prompt(question)[0]

    def _prompt(self, question: str) -> tuple[list[int], Grounded | None]:
        """The prompt's tokens, and the passages in it. Question before passages: what does not fit is dropped."""
        if not question.strip():
            raise HelderError("The question is empty.", "", "Give a text.")
        ids = self._rendered(question)
        if len(ids) >= self.engine.context:
            raise TooLong(
                f"The question {shown(question)} has {len(ids)} tokens with its chat format; "
                f"the context holds {self.engine.context}, the answer included.",
                "A question is never cut, because the cut part may be what matters.",
                "Split the question.",
            )
        if self.retriever is None:
            return ids, None
        left = self.engine.context - len(ids) - min(LONGEST_ANSWER, self.engine.context // 4)
        grounded = self.retriever.ground(question, max(0, left))
        return (self._rendered(grounded.text) if grounded.passages else ids), grounded

    def _rendered(self, text: str) -> list[int]:
        from helder.tokens import chat

        return list(chat.render(self.tokenizer, self.chat, [{"role": "user", "content": text}])[0])

    def ask(
        self,
        question: str,
        *,
        max_tokens: int | None = None,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        logprobs: bool = False,
        top: int = 0,
        form: str | None = None,
        stream: Callable[[str], bool] | None = None,
    ) -> Reply:
        """Answer one question; arguments as `Completer.complete`.

        `form` is the Lark text of JSON that the client asked for in place of the task's own form; nothing is promised
        of such an answer, because none was measured.

        Where answers may be withheld, nothing is streamed before it is known whether this one is: it comes whole.
        """
        ids, grounded = self._prompt(question)
        held = self.abstention is not None
        whole = None if stream is None else (lambda text: stream("")) if held else stream
        text = grounded.text if grounded and grounded.passages else question
        answer = self.engine.complete(
            ids,
            grammar=form or self.grammar,
            max_tokens=min(max_tokens or LONGEST_ANSWER, self.engine.context - len(ids)),
            temperature=temperature,
            top_p=top_p,
            seed=seed,
            stop=stop,
            logprobs=logprobs or self._weighs,
            top=top,
            stream=whole,
            text=text,
        )
        promised = held and temperature == 0 and not stop and form is None
        reply = replace(self.read(question, answer, grounded, form), promised=promised, prompt_ids=tuple(ids))
        if held and stream is not None and reply.answer is not None:
            stream(reply.answer.text)
        return reply

    def ask_many(self, questions: Sequence[str]) -> list[Reply]:
        """Answer many questions greedily, in order; one that cannot be asked gets a reply with the error."""
        prompts: list[tuple[list[int], Grounded | None]] = []
        errors: dict[int, str] = {}
        for index, question in enumerate(questions):
            try:
                prompts.append(self._prompt(question))
            except HelderError as error:
                errors[index] = error.what
        held = self.abstention is not None
        ids = [ids for ids, _ in prompts]
        made = self.engine.complete_many(ids, grammar=self.grammar, max_tokens=LONGEST_ANSWER, logprobs=self._weighs)
        answers = iter(zip(made, (grounded for _, grounded in prompts), strict=True))
        return [
            Reply(question, None, None, errors[index])
            if index in errors
            else replace(self.read(question, *next(answers)), promised=held)
            for index, question in enumerate(questions)
        ]

    def read(self, question: str, answer: Answer, grounded: Grounded | None = None, form: str | None = None) -> Reply:
        """Decode an answer, or withhold it; `form` as in `ask`."""
        reply = self._read(question, answer, grounded, form)
        if grounded is None:
            return reply
        said = "" if reply.abstained else answer.text
        texts = [one.text for one in grounded.passages]
        passages = tuple(
            {"document": one.document, "id": one.id, "text": one.text, "score": round(one.score, 6)}
            | {"quoted": [list(place) for place in quotes.quoted(said, one.text)]}
            for one in grounded.passages
        )
        marked = tuple(asdict(one) for one in quotes.quotations(said, texts))
        return replace(reply, passages=passages, quotes=marked, dropped=grounded.dropped)

    def _read(self, question: str, answer: Answer, grounded: Grounded | None, form: str | None) -> Reply:
        sure = None if self.abstention is None else self._sure(answer, self.abstention.score, grounded)
        if self.abstention is not None and self.abstention.below(sure):
            say = self.abstention.say
            said = replace(answer, text=say, ids=(), logprobs=(), alternatives=(), finish_reason="stop")
            return Reply(question, said, None, None, abstained=True, confidence=sure)
        if answer.finish_reason == "length":
            error = f"the answer did not end within {answer.completion_tokens} tokens"
            return Reply(question, answer, None, error, confidence=sure)
        try:
            output = self.task.decode(answer.text) if form is None else _json(answer.text)
            return Reply(
                question, answer, output, None, confidence=sure, probability=self._probability(answer, grounded)
            )
        except AnswerError as error:
            return Reply(question, answer, None, str(error), confidence=sure)

    @property
    def _weighs(self) -> bool:
        """Whether log-probabilities are needed of every answer."""
        return self.abstention is not None or self.task.kind == "label"

    def _sure(self, answer: Answer, score: Score, grounded: Grounded | None) -> float | None:
        """How sure an answer is, as it was measured: less so where passages support it little."""
        sure = answer.confidence(score)
        if sure is None or grounded is None:
            return sure
        return combined(sure, grounded.share, grounded.context, answer.text, self.task.kind)

    def _probability(self, answer: Answer, grounded: Grounded | None) -> Probability | None:
        if self.task.kind != "label":
            return None
        if self.calibration is None:
            return Probability(answer.confidence("whole"))
        return self.calibration.of(answer, self._sure(answer, self.calibration.score, grounded))

    def close(self) -> None:
        self.engine.close()


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AnswerError(f"not JSON: {error}") from error


def shown(text: str, longest: int = 60) -> str:
    """A text for a message: quoted, and shortened with a mark when it is long."""
    return repr(text if len(text) <= longest else text[: longest - 1] + "…")
