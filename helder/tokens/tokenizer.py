"""Text ↔ token ids, with the library `tokenizers`; user text can never become a special token.

Byte-level BPE only (GPT-2's kind, as SmolLM2, Qwen2 and OLMo 2 use it). What is read from a GGUF is written as a
`tokenizer.json`, which is the form that everything here works with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helder.errors import HelderError

if TYPE_CHECKING:
    import tokenizers

FILE_NAME = "tokenizer.json"
CONTROL, USER_DEFINED = 3, 4  # token types in GGUF files (gguf.TokenType)

# How text is cut before BPE, by the name that GGUF files give it (`tokenizer.ggml.pre`).
GPT2_SPLIT: dict[str, Any] = {
    "type": "ByteLevel",
    "add_prefix_space": False,
    "trim_offsets": True,
    "use_regex": True,
}
PRE_TOKENIZERS: dict[str, dict[str, Any]] = {
    "smollm": {
        "type": "Sequence",
        "pretokenizers": [{"type": "Digits", "individual_digits": True}, GPT2_SPLIT],
    },
    "gpt-2": GPT2_SPLIT,
}


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer with the name of every special token.

    Attributes:
        path: the file it was read from.
        specials: special token → id.
    """

    path: Path
    specials: Mapping[str, int]
    _tokenizer: tokenizers.Tokenizer

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Read `tokenizer.json` of a model folder.

        Raises:
            HelderError: the file is missing or is not a tokenizer.
        """
        import tokenizers

        path = folder / FILE_NAME
        try:
            tokenizer = tokenizers.Tokenizer.from_str(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise HelderError(
                f"{folder.name} has no {FILE_NAME}.",
                "Without it text cannot be turned into tokens.",
                f"Import a model folder that holds {FILE_NAME}; other tokenizer files are not read.",
            ) from None
        except Exception as error:
            # The library raises its own bare Exception for a file that it cannot read.
            raise HelderError(f"{path} is not a tokenizer file.", str(error), "Import the model again.") from error
        added = tokenizer.get_added_tokens_decoder()
        specials = {token.content: number for number, token in sorted(added.items()) if token.special}
        tokenizer.encode_special_tokens = True  # "<|im_end|>" in a text is nine characters, not a token
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return cls(path, specials, tokenizer)

    def encode(self, text: str) -> list[int]:
        """Token ids of a text; special tokens written in the text are ordinary characters."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, special tokens written out."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def special(self, name: str) -> int:
        """The id of a special token.

        Raises:
            HelderError: the tokenizer has no such token.
        """
        if name not in self.specials:
            raise HelderError(
                f"The tokenizer has no special token {name}.",
                f"It has {', '.join(sorted(self.specials)) or 'none'}.",
                "Import a model whose tokenizer fits its chat format.",
            )
        return self.specials[name]

    @property
    def vocabulary_size(self) -> int:
        """How many ids there are, special tokens counted."""
        size: int = self._tokenizer.get_vocab_size(with_added_tokens=True)
        return size


def from_gguf(fields: Mapping[str, Any]) -> str:
    """The text of a `tokenizer.json` from the metadata of a GGUF file.

    Args:
        fields: key → value, with the keys `tokenizer.ggml.*`.

    Raises:
        HelderError: another kind of tokenizer, or a split that is not known.
    """
    kind, pre = fields.get("tokenizer.ggml.model"), fields.get("tokenizer.ggml.pre", "gpt-2")
    if kind != "gpt2":
        raise HelderError(
            f"The tokenizer kind {kind!r} of this GGUF file is not supported.",
            'Helder reads byte-level BPE (kind "gpt2").',
            "Import the Hugging Face folder of the model, with its tokenizer.json.",
        )
    if pre not in PRE_TOKENIZERS:
        raise HelderError(
            f"The way this GGUF file cuts text ({pre!r}) is not known.",
            f"Known are {', '.join(sorted(PRE_TOKENIZERS))}; guessing would give other tokens.",
            "Import the Hugging Face folder of the model, with its tokenizer.json.",
        )
    tokens, types = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    added = [
        {
            "id": number,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": kind == CONTROL,
        }
        for number, (token, kind) in enumerate(zip(tokens, types, strict=True))
        if kind in (CONTROL, USER_DEFINED)
    ]
    record = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": PRE_TOKENIZERS[pre],
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in fields["tokenizer.ggml.merges"]],
        },
    }
    return json.dumps(record, ensure_ascii=False, indent=1) + "\n"


def pre_tokenizer_name(path: Path) -> str:
    """The name that GGUF files give to the split of a `tokenizer.json`.

    Raises:
        HelderError: the split is not one of the known ones.
    """
    record = json.loads(path.read_text(encoding="utf-8"))
    for name, form in PRE_TOKENIZERS.items():
        if record.get("pre_tokenizer") == form:
            return name
    raise HelderError(
        "The way this tokenizer cuts text has no known name in GGUF files.",
        f"Known are {', '.join(sorted(PRE_TOKENIZERS))}; with a guessed name llama.cpp would make other tokens.",
        "Use a base model of the SmolLM2 family.",
    )
