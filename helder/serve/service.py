"""One model and its task: a question as text -> an answer, held to the task's form and read back.

The model is asked as it was trained: the bare text is the one message of the user. A question that does not
fit is refused by name and never cut. An answer that does not end, or cannot be read, is an error beside its
text, never a guess. Where the recipe says so, an answer that is less sure than the threshold of the trust stage is
withheld.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

from helder.data.task import AnswerError, Task
from helder.errors import ExitCode, HelderError
from helder.serve.abstention import Abstention
from helder.serve.answer import Answer
from helder.serve.calibrated import Calibration, Probability
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
        passages: what the model was given beside the question, as it is told to clients.
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
    prompt_ids: tuple[int, ...] | None = field(default=None, compare=False)
    receipt: dict[str, Any] | None = field(default=None, compare=False)
    trace: str | None = field(default=None, compare=False)


class Service:
    """An engine, a tokenizer, a chat format and a task that belong together."""

    mode: Literal["exact", "fast"] = "exact"  # "fast": answers may differ in their last bits from one time to the next

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        chat: str,
        task: Task,
        located: Located,
        abstention: Abstention | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.engine, self.tokenizer, self.chat = engine, tokenizer, chat
        self.task, self.located, self.grammar = task, located, task.grammar()
        self.abstention, self.calibration = abstention, calibration

    @classmethod
    def open(
        cls,
        run: Runs,
        format: str | None = None,
        *,
        threads: int | None = None,
        context: int = CONTEXT,
        abstain: bool = False,
    ) -> Service:
        """Load the model file of a run.

        Args:
            abstain: the recipe wants answers withheld that are too unsure: without a sealed threshold none is given.

        Raises:
            HelderError: see `locate`, `Abstention.load` and `Engine.open`; or there is no threshold yet (code 5).
        """
        from helder.tokens import chat
        from helder.tokens.tokenizer import Tokenizer

        located = locate(run, format)
        task = Task.load(located.task)
        abstention = None if located.abstention is None else Abstention.load(located.abstention, located.format)
        if abstain and abstention is None:
            raise HelderError(
                f"{located.format} may not answer yet: the recipe withholds answers that are too unsure.",
                "No threshold was sealed for this file since the recipe says so.",
                "Measure one: helder run. Or set abstain = false in [trust].",
                ExitCode.REFUSED,
            )
        tokenizer = Tokenizer.load(located.folder)
        calibration = None if located.trust is None else Calibration.load(located.trust, located.format)
        engine = Engine.open(located.gguf, threads=threads, context=context)
        return cls(engine, tokenizer, chat.format_of(located.folder), task, located, abstention, calibration)

    @property
    def name(self) -> str:
        return self.task.name

    @cached_property
    def pieces(self) -> Pieces:
        """What each token stands for."""
        return Pieces(self.tokenizer)

    @cached_property
    def engine_name(self) -> str:
        """What runs the model, with its version, as records name it."""
        return f"llama.cpp (xllamacpp {version('xllamacpp')})"

    def prompt(self, question: str) -> list[int]:
        """The prompt's tokens.

        Raises:
            TooLong: no room is left for an answer.
            HelderError: the question is empty.
        """
        from helder.tokens import chat

        if not question.strip():
            raise HelderError("The question is empty.", "", "Give a text.")
        ids, _ = chat.render(self.tokenizer, self.chat, [{"role": "user", "content": question}])
        if len(ids) >= self.engine.context:
            raise TooLong(
                f"The question {shown(question)} has {len(ids)} tokens with its chat format; "
                f"the context holds {self.engine.context}, the answer included.",
                "A question is never cut, because the cut part may be what matters.",
                "Split the question.",
            )
        return list(ids)

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
        stream: Callable[[str], bool] | None = None,
    ) -> Reply:
        """Answer one question; arguments as `Engine.complete`.

        Where answers may be withheld, nothing is streamed before it is known whether this one is: it comes whole.
        """
        ids = self.prompt(question)
        held = self.abstention is not None
        whole = None if stream is None else (lambda text: stream("")) if held else stream
        answer = self.engine.complete(
            ids,
            grammar=self.grammar,
            max_tokens=min(max_tokens or LONGEST_ANSWER, self.engine.context - len(ids)),
            temperature=temperature,
            top_p=top_p,
            seed=seed,
            stop=stop,
            logprobs=logprobs or self._weighs,
            top=top,
            stream=whole,
        )
        promised = held and temperature == 0 and not stop
        reply = replace(self.read(question, answer), promised=promised, prompt_ids=tuple(ids))
        if held and stream is not None and reply.answer is not None:
            stream(reply.answer.text)
        return reply

    def ask_many(self, questions: Sequence[str]) -> list[Reply]:
        """Answer many questions greedily, in order; one that cannot be asked gets a reply with the error."""
        prompts: list[list[int]] = []
        errors: dict[int, str] = {}
        for index, question in enumerate(questions):
            try:
                prompts.append(self.prompt(question))
            except HelderError as error:
                errors[index] = error.what
        held = self.abstention is not None
        answers = iter(
            self.engine.complete_many(prompts, grammar=self.grammar, max_tokens=LONGEST_ANSWER, logprobs=self._weighs)
        )
        return [
            Reply(question, None, None, errors[index])
            if index in errors
            else replace(self.read(question, next(answers)), promised=held)
            for index, question in enumerate(questions)
        ]

    def read(self, question: str, answer: Answer) -> Reply:
        """Decode an answer, or withhold it."""
        sure = None if self.abstention is None else answer.confidence(self.abstention.score)
        if self.abstention is not None and self.abstention.withholds(answer):
            say = self.abstention.say
            said = replace(answer, text=say, ids=(), logprobs=(), alternatives=(), finish_reason="stop")
            return Reply(question, said, None, None, abstained=True, confidence=sure)
        if answer.finish_reason == "length":
            error = f"the answer did not end within {answer.completion_tokens} tokens"
            return Reply(question, answer, None, error, confidence=sure)
        try:
            output = self.task.decode(answer.text)
            return Reply(question, answer, output, None, confidence=sure, probability=self._probability(answer))
        except AnswerError as error:
            return Reply(question, answer, None, str(error), confidence=sure)

    @property
    def _weighs(self) -> bool:
        """Whether log-probabilities are needed of every answer."""
        return self.abstention is not None or self.task.kind == "label"

    def _probability(self, answer: Answer) -> Probability | None:
        if self.task.kind != "label":
            return None
        return Probability(answer.confidence("whole")) if self.calibration is None else self.calibration.of(answer)

    def close(self) -> None:
        self.engine.close()


def shown(text: str, longest: int = 60) -> str:
    """A text for a message: quoted, and shortened with a mark when it is long."""
    return repr(text if len(text) <= longest else text[: longest - 1] + "…")
