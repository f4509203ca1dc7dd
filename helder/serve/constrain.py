"""The form of an answer, enforced while it is written: Lark text -> a mask over the vocabulary at each step.

The same Lark text goes to our generator (through `Constraint`) and to llama.cpp (through `for_llama_cpp`),
and both run llguidance on it. llama.cpp ignores a grammar that it cannot read and generates freely, so a
grammar is checked here before it is sent (`check`), and an answer is checked against it afterwards
(`follows`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helder.errors import ExitCode, HelderError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def for_llama_cpp(lark: str) -> str:
    """The text for the `grammar` field of a llama.cpp completion."""
    return "%llguidance {}\n" + lark


@lru_cache(maxsize=64)
def check(lark: str) -> None:
    """Refuse a grammar that llguidance cannot read.

    Raises:
        HelderError: the grammar is not valid; the reason names line and column.
    """
    from llguidance import LLMatcher

    problem = LLMatcher.validate_grammar(LLMatcher.grammar_from_lark(lark))
    if problem:
        raise HelderError(
            "The grammar of the answers cannot be read.",
            f"llguidance says: {problem.strip()}",
            "Correct the Lark text; its reference is the syntax page of llguidance.",
            ExitCode.OURS,
        )


class _Bytes:
    """A vocabulary of the 256 bytes, for checking text without a tokenizer."""

    eos_token_id = 256
    bos_token_id = None
    special_token_ids: Sequence[int] = [256]
    tokens: Sequence[bytes] = [bytes([byte]) for byte in range(256)] + [b"<end>"]

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text.encode() if isinstance(text, str) else text)


@lru_cache(maxsize=64)
def _byte_matcher(lark: str) -> Any:
    from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

    check(lark)
    return LLMatcher(LLTokenizer(TokenizerWrapper(_Bytes())), LLMatcher.grammar_from_lark(lark))


def follows(lark: str, text: str, *, complete: bool) -> bool:
    """Whether `text` has the form of the grammar.

    Args:
        lark: the grammar.
        text: an answer.
        complete: the whole answer must be there; otherwise a beginning of one is enough.
    """
    matcher = _byte_matcher(lark).deep_copy()
    raw = text.encode()
    if matcher.try_consume_tokens(list(raw)) != len(raw):
        return False
    return bool(matcher.is_accepting()) or not complete


class Constraint:
    """A grammar over the tokens of one vocabulary.

    Args:
        lark: the grammar.
        tokenizer: path of a tokenizer.json.
        vocabulary_size: rows of the model's output, at least the tokenizer's size.
        stop_ids: tokens that may end an answer, and only where the grammar allows an end.

    Raises:
        HelderError: the grammar cannot be read.
    """

    def __init__(self, lark: str, tokenizer: Path, vocabulary_size: int, stop_ids: Sequence[int]) -> None:
        from llguidance import LLMatcher, LLTokenizer

        check(lark)
        self.lark, self.vocabulary_size = lark, vocabulary_size
        self._tokens = LLTokenizer(str(tokenizer), n_vocab=vocabulary_size, eos_token=list(stop_ids))
        self._start = LLMatcher(self._tokens, LLMatcher.grammar_from_lark(lark))
        _raise_on_error(self._start)

    def start(self) -> Matcher:
        """A matcher at the beginning of an answer."""
        return Matcher(self._start.deep_copy(), self.vocabulary_size)


class Matcher:
    """Where one answer stands in its grammar."""

    def __init__(self, matcher: Any, vocabulary_size: int) -> None:
        self._matcher, self._vocabulary_size = matcher, vocabulary_size

    @property
    def ended(self) -> bool:
        """Nothing can follow: the answer is complete."""
        return bool(self._matcher.is_stopped())

    @property
    def complete(self) -> bool:
        """The answer may end here."""
        return bool(self._matcher.is_accepting())

    def allowed(self) -> NDArray[np.bool_]:
        """(vocabulary_size,) true where a token may come next."""
        import numpy as np
        from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

        mask = allocate_token_bitmask(1, self._vocabulary_size)
        fill_next_token_bitmask(self._matcher, mask, 0)
        _raise_on_error(self._matcher)
        bits = np.unpackbits(mask.view(np.uint8), bitorder="little")
        return bits[: self._vocabulary_size].astype(np.bool_)

    def accept(self, token: int) -> None:
        """Move over `token`, which must be allowed."""
        self._matcher.consume_token(token)
        _raise_on_error(self._matcher)


def _raise_on_error(matcher: Any) -> None:
    """llguidance never raises: its matcher remembers an error instead."""
    if matcher.is_error():
        raise HelderError(
            "The form of an answer could not be followed.",
            f"llguidance says: {matcher.get_error().strip()}",
            "Simplify the output form of the task, or report this with the recipe.",
            ExitCode.OURS,
        )
