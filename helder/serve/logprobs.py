"""Log-probabilities of an answer's tokens in the form of the OpenAI API.

They are those of the model before any constraint, so that a token that the form of the task forced shows how little
the model thought of it. A token is not always text: a character may be split over several; `bytes` says what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from helder.serve.answer import Answer

if TYPE_CHECKING:
    from helder.tokens.tokenizer import Tokenizer


class Pieces:
    """The bytes that each token stands for."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        from helder.tokens.tokenizer import byte_alphabet

        self._bytes: dict[str, int] = {letter: byte for byte, letter in byte_alphabet().items()}
        self._tokens: dict[int, str] = {id: token for token, id in tokenizer.vocabulary().items()}

    def of(self, id: int) -> bytes:
        token = self._tokens.get(id, "")
        if all(letter in self._bytes for letter in token):
            return bytes(self._bytes[letter] for letter in token)
        return token.encode("utf-8")  # an added token, which is written as it is

    def text(self, id: int) -> str:
        """As the OpenAI API writes it where there is no place for bytes; no two tokens are written alike."""
        raw = self.of(id)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return "bytes:" + "".join(f"\\x{byte:02x}" for byte in raw)


def chat(answer: Answer, pieces: Pieces, top: int) -> dict[str, Any]:
    """`choices[].logprobs` of a chat completion; no content where the engine reported none.

    Args:
        top: how many alternatives to each token are told.
    """

    def token(id: int, logprob: float) -> dict[str, Any]:
        raw = pieces.of(id)
        return {"token": raw.decode("utf-8", "replace"), "logprob": logprob, "bytes": list(raw)}

    if len(answer.logprobs) != len(answer.ids):
        return {"content": None, "refusal": None}
    content = [
        {**token(id, logprob), "top_logprobs": [token(*one) for one in others[:top]]}
        for id, logprob, others in zip(answer.ids, answer.logprobs, _alternatives(answer), strict=True)
    ]
    return {"content": content, "refusal": None}


def completion(answer: Answer, pieces: Pieces, top: int) -> dict[str, Any] | None:
    """`choices[].logprobs` of a plain completion; None where the engine reported none."""
    if len(answer.logprobs) != len(answer.ids):
        return None
    tokens = [pieces.text(id) for id in answer.ids]
    offsets, raw = [], b""
    for id in answer.ids:
        offsets.append(len(raw.decode("utf-8", "ignore")))
        raw += pieces.of(id)
    tops = [{pieces.text(id): logprob for id, logprob in others[:top]} for others in _alternatives(answer)]
    return {
        "tokens": tokens,
        "token_logprobs": list(answer.logprobs),
        "top_logprobs": tops if top else None,
        "text_offset": offsets,
    }


def _alternatives(answer: Answer) -> Sequence[Sequence[tuple[int, float]]]:
    return answer.alternatives or ((),) * len(answer.ids)
