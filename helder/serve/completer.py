"""What every engine is: token ids → an answer, within a context, by a grammar; in a process of ours, or elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Literal, Self

from helder.errors import ExitCode, HelderError
from helder.serve.answer import Answer, Decoding
from helder.serve.constrain import follows


class Completer(ABC):
    """An engine that is ready to answer; close it, or use it in a `with`.

    Attributes:
        context: longest prompt and answer together, in tokens.
        mode: "exact": the same question gets the same bits, whatever else is asked.
        name: of what answers, where it is not llama.cpp in a process of ours.
    """

    context: int
    mode: Literal["exact", "fast"] = "exact"
    name: str | None = None

    def complete(
        self,
        prompt_ids: Sequence[int],
        *,
        grammar: str | None = None,
        max_tokens: int = 512,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        logprobs: bool = False,
        top: int = 0,
        stream: Callable[[str], bool] | None = None,
        text: str = "",
    ) -> Answer:
        """Answer one prompt.

        Args:
            prompt_ids: the prompt's tokens.
            grammar: Lark text that the answer follows.
            max_tokens: at most so many tokens are generated.
            temperature: 0 is greedy; otherwise tokens are drawn with `top_p` and `seed`.
            stop: texts that end the answer; they are not part of it.
            logprobs: also return the log-probability of each token.
            top: also return so many of the most probable tokens in the place of each.
            stream: called with each piece of text as it comes; returns False to stop the answer there.
            text: the question, for an engine that takes no token ids.

        Raises:
            HelderError: the prompt does not fit the context, a token id is not in the vocabulary, the grammar
                cannot be read, the answer does not follow it, or what answers died.
        """
        self._check_length(prompt_ids)
        wanted = Decoding(grammar, max_tokens, temperature, top_p, seed, tuple(stop), logprobs, top)
        return checked(self._answer(prompt_ids, wanted, stream, text), grammar)

    @abstractmethod
    def _answer(
        self, prompt_ids: Sequence[int], wanted: Decoding, stream: Callable[[str], bool] | None, text: str
    ) -> Answer:
        """`complete`, before the answer is held against its grammar."""

    def complete_many(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        grammar: str | None = None,
        max_tokens: int = 512,
        logprobs: bool = False,
    ) -> list[Answer]:
        """Answer many prompts greedily, in order; one bad prompt fails the call before anything is generated.

        Raises:
            HelderError: as `complete`.
        """
        for prompt in prompts:
            self._check_length(prompt)
        return [self.complete(one, grammar=grammar, max_tokens=max_tokens, logprobs=logprobs) for one in prompts]

    @property
    def broken(self) -> HelderError | None:
        """Why nothing is answered any more; None while all is well."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Free what answers. Closing twice is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_length(self, prompt_ids: Sequence[int]) -> None:
        if not prompt_ids:
            raise HelderError("The prompt is empty.", "", "Give at least one token.")
        if len(prompt_ids) >= self.context:
            raise HelderError(
                f"The prompt has {len(prompt_ids)} tokens and the context holds {self.context}.",
                "A prompt is never cut, and at least one token must be left for the answer.",
                "Shorten the text, or open the model with a longer context.",
            )


def checked(answer: Answer, grammar: str | None) -> Answer:
    """llama.cpp drops a grammar that it cannot read: an answer that breaks its grammar is never passed on."""
    if grammar is not None and not follows(grammar, answer.text, complete=False):
        raise HelderError(
            "An answer does not have the form that was asked for.",
            f"llama.cpp wrote {answer.text!r}, which the grammar does not allow.",
            "This is a defect of Helder or of llama.cpp: report it with the recipe and the model's digest.",
            ExitCode.OURS,
        )
    return answer
