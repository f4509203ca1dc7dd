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
# Tokens with which models fill gaps in code. llama.cpp takes them for special because of their names, whatever the file
# says (llama-vocab.cpp); ours must too, or a text that holds one would have other tokens there.
FILLING = {
    f"{left}{part}{right}"
    for left, right, parts in (
        ("<|", "|>", ("fim_prefix", "fim_suffix", "fim_middle", "fim_pad", "fim_repo", "repo_name", "file_sep")),
        (
            "<",
            ">",
            ("fim_prefix", "fim_suffix", "fim_middle", "fim_pad", "PRE", "SUF", "MID", "PAD", "REPO", "reponame"),
        ),
        ("<", ">", ("fim-prefix", "fim-suffix", "fim-middle", "fim-pad", "fim-repo")),
        ("<|", "|>", ("code_prefix", "code_suffix", "code_middle")),
    )
    for part in parts
}


@dataclass(frozen=True)
class Cut:
    """How text is cut into pieces before BPE, and how a piece becomes tokens.

    Attributes:
        pattern: the regular expression of the pieces; None for GPT-2's, which the library has built in.
        digits: digits are cut off one by one first.
        whole: a piece that is a token as it stands is taken whole, whatever the merges say.
    """

    pattern: str | None = None
    digits: bool = False
    whole: bool = False

    def to_json(self) -> dict[str, Any]:
        """The `pre_tokenizer` of a tokenizer.json."""
        level = {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "trim_offsets": True,
            "use_regex": self.pattern is None,
        }
        steps: list[dict[str, Any]] = [{"type": "Digits", "individual_digits": True}] if self.digits else []
        if self.pattern is not None:
            split = {"type": "Split", "pattern": {"Regex": self.pattern}, "behavior": "Isolated", "invert": False}
            steps.append(split)
        return {"type": "Sequence", "pretokenizers": [*steps, level]} if steps else level


# The letters after an apostrophe, words, digits, signs, line ends, spaces: Llama 3's and Qwen2's patterns as llama.cpp
# has them (llama-vocab.cpp) differ in how many digits stand together.
_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CUTS = {  # by the name that GGUF files give to it (tokenizer.ggml.pre)
    "smollm": Cut(digits=True),
    "gpt-2": Cut(),
    "llama-bpe": Cut(pattern=_PATTERN % "{1,3}", whole=True),
    "dbrx": Cut(pattern=_PATTERN % "{1,3}"),  # GPT-4's and so OLMo 2's; the name is that of the first model that had it
    "qwen2": Cut(pattern=_PATTERN % ""),
}
IDENTITY_TEXTS = (
    "2 tabs tds pc, 1/2 op. 12.5mg",
    "  two  spaces,\ttab\n\nand\r\nlines \n",
    "½ €5 — naïve Ångström ﬁ 𝒳 👩🏽‍⚕️ 日本語 עברית",
    "e\u0301 is not \u00e9",
)


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
    _missing: bytes  # bytes for which there is no token

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Read `tokenizer.json` of a model folder.

        Raises:
            HelderError: the file is missing or is not a tokenizer.
        """
        path = folder / FILE_NAME
        try:
            tokenizer = _parse(path.read_text(encoding="utf-8"), str(path))
        except FileNotFoundError:
            raise HelderError(
                f"{folder.name} has no {FILE_NAME}.",
                "Without it text cannot be turned into tokens.",
                f"Import a model folder that holds {FILE_NAME}; other tokenizer files are not read.",
            ) from None
        except UnicodeDecodeError as error:
            raise HelderError(f"{path} is not a text file.", str(error), "Fetch the model again.") from error
        added = tokenizer.get_added_tokens_decoder()
        specials = {token.content: number for number, token in sorted(added.items()) if token.special}
        tokenizer.encode_special_tokens = True  # "<|im_end|>" in a text is nine characters, not a token
        tokenizer.no_truncation()
        tokenizer.no_padding()
        vocabulary = tokenizer.get_vocab(with_added_tokens=False)
        missing = bytes(byte for byte, written in byte_alphabet().items() if written not in vocabulary)
        return cls(path, specials, tokenizer, missing)

    def encode(self, text: str) -> list[int]:
        """Token ids of a text; special tokens written in the text are ordinary characters.

        Raises:
            HelderError: a character that the vocabulary cannot write. The library would leave it out silently.
                (SmolLM2 has no tokens for six control characters and for U+40000 to U+BFFFF.)
        """
        self.check_writable(text)
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def join(self, piece: str) -> list[int]:
        """Token ids of one piece of a text that was cut already, in the characters of `byte_alphabet`."""
        return [token.id for token in self._tokenizer.model.tokenize(piece)]

    def check_writable(self, text: str) -> None:
        """Refuse a text with a character that the vocabulary cannot write; see `encode`."""
        try:
            data = text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise _unwritable(text[error.start], "It is half of a surrogate pair, no character.") from None
        if self._missing and len(data.translate(None, self._missing)) < len(data):
            first = next(character for character in text if set(character.encode()) & set(self._missing))
            raise _unwritable(first, "The model's vocabulary has no token for it.")

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
        """One more than the largest id, special tokens counted."""
        return 1 + max(self._tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)

    def vocabulary(self) -> dict[str, int]:
        """Token as it is written in the file → id, special tokens too."""
        found: dict[str, int] = self._tokenizer.get_vocab(with_added_tokens=True)
        return found

    def check_identity(self) -> None:
        """Refuse a tokenizer that changes text: what is learnt and what is answered would not be what was written.

        Raises:
            HelderError: a text came back different.
        """
        for text in IDENTITY_TEXTS:
            if (back := self.decode(self.encode(text))) != text:
                raise HelderError(
                    f"The tokenizer in {self.path.parent.name} does not keep text as it is.",
                    f"It turns {text!r} into {back!r}.",
                    "Use a model with a byte-level tokenizer, as SmolLM2, Qwen2 and OLMo 2 have.",
                )


def byte_alphabet() -> dict[int, str]:
    """Byte → the character that stands for it in byte-level vocabularies (GPT-2's `bytes_to_unicode`)."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + place) for place, byte in enumerate(others)}


def from_gguf(fields: Mapping[str, Any]) -> str:
    """The text of a `tokenizer.json` from the metadata of a GGUF file.

    Args:
        fields: key → value, with the keys `tokenizer.ggml.*`.

    Raises:
        HelderError: another kind of tokenizer, a cut that is not known, or what is said contradicts itself.
    """
    kind, pre = fields.get("tokenizer.ggml.model"), fields.get("tokenizer.ggml.pre")
    way_out = "Import the Hugging Face folder of the model, with its tokenizer.json."
    if kind != "gpt2":
        raise HelderError(
            f"The tokenizer kind {kind!r} of this GGUF file is not supported.",
            'Helder reads byte-level BPE (kind "gpt2").',
            way_out,
        )
    if pre not in CUTS:
        raise HelderError(
            f"The way this GGUF file cuts text ({pre!r}) is not known.",
            f"Known are {', '.join(sorted(CUTS))}; guessing would give other tokens.",
            way_out,
        )
    lists = [fields.get(f"tokenizer.ggml.{key}") for key in ("tokens", "token_type", "merges")]
    if not all(isinstance(value, list) for value in lists):
        raise _broken("It lacks its tokens, their types or its merges.")
    tokens, types, merges = (list(value or []) for value in lists)
    if len(tokens) != len(types):
        raise _broken(f"It has {len(tokens)} tokens and {len(types)} types.")
    vocabulary = {token: number for number, token in enumerate(tokens)}
    if len(vocabulary) < len(tokens):
        raise _broken("A token stands there twice.")
    added = {
        number: kind == CONTROL or token in FILLING
        for number, (token, kind) in enumerate(zip(tokens, types, strict=True))
        if kind in (CONTROL, USER_DEFINED)
    }
    text = to_json(pre, vocabulary, [merge.split(" ") for merge in merges], added)
    _parse(text, "The tokenizer in this GGUF file")
    return text


def to_json(pre: str, vocabulary: Mapping[str, int], merges: Sequence[Sequence[str]], added: Mapping[int, bool]) -> str:
    """The text of a `tokenizer.json`.

    Args:
        pre: one of `CUTS`.
        vocabulary: token → id, those that are `added` among them.
        merges: pairs of tokens, the first to be merged first.
        added: id of a token that is found in text before anything is cut → whether it is a special one.
    """
    names = {number: token for token, number in vocabulary.items()}
    record = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": number,
                "content": names[number],
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": special,
            }
            for number, special in added.items()
        ],
        "normalizer": None,
        "pre_tokenizer": CUTS[pre].to_json(),
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
            "ignore_merges": CUTS[pre].whole,
            "vocab": vocabulary,
            "merges": merges,
        },
    }
    return json.dumps(record, ensure_ascii=False, indent=1) + "\n"


def as_written(text: str) -> tuple[str, str]:
    """A `tokenizer.json` that does with any text what llama.cpp does, from one that does nearly so.

    Qwen2's composes characters (Unicode's normal form C: "e" with an accent that follows it becomes "é"). llama.cpp
    does not, and what an answer quotes would not be what was asked. Without that, texts in normal form C have the same
    tokens, and the others come back as they were. No other normalizer is taken out: those are refused
    (`Tokenizer.check_identity`). It also has tokens for filling gaps in code that any text could hold; see `FILLING`.

    Returns:
        (the text of the tokenizer.json, what was changed in it: empty when nothing was)
    """
    record = json.loads(text)
    changes = []
    if record.get("normalizer") == {"type": "NFC"}:
        record["normalizer"] = None
        changes.append(
            "Its tokenizer composed characters (Unicode's normal form C); that was taken out, so that text is kept as "
            "it is written."
        )
    open_ = [token for token in record.get("added_tokens", []) if token["content"] in FILLING and not token["special"]]
    if open_:
        for token in open_:
            token["special"] = True
        names = ", ".join(token["content"] for token in open_)
        changes.append(f"No text can become one of the tokens {names} any more.")
    if not changes:
        return text, ""
    return json.dumps(record, ensure_ascii=False, indent=1) + "\n", " ".join([*changes, "llama.cpp does the same."])


def pre_tokenizer_name(path: Path) -> str:
    """The name that GGUF files give to the way in which a `tokenizer.json` cuts text.

    Raises:
        HelderError: it is not byte-level BPE, or does something to text that no known name stands for.
    """
    record = json.loads(path.read_text(encoding="utf-8"))
    model = record["model"]
    unknown = [
        f"{key}={model[key]!r}"
        for key in ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")
        if model.get(key)
    ]
    if model.get("type") == "BPE" and record.get("normalizer") is None and not unknown:
        for name, cut in CUTS.items():
            same = _comparable(record.get("pre_tokenizer")) == _comparable(cut.to_json())
            if same and bool(model.get("ignore_merges")) == cut.whole:
                return name
    raise HelderError(
        "The way this tokenizer cuts text has no known name in GGUF files.",
        f"Known are {', '.join(sorted(CUTS))}; with a guessed name llama.cpp would make other tokens.",
        "Use a base model whose tokenizer is that of SmolLM2, GPT-2, Llama 3, Qwen2 or OLMo 2.",
    )


def _comparable(record: Any) -> Any:
    """A pre-tokenizer without what changes where tokens lie in the text, and not the tokens.

    Keeping what the pattern finds and cutting around what it finds are the same where it finds everything, as all
    patterns here do.
    """
    if isinstance(record, dict):
        kept = {key: _comparable(value) for key, value in record.items() if key != "trim_offsets"}
        if (kept.get("behavior"), kept.get("invert")) == ("Removed", True):
            kept |= {"behavior": "Isolated", "invert": False}
        return kept
    return [_comparable(value) for value in record] if isinstance(record, list) else record


def _parse(text: str, where: str) -> tokenizers.Tokenizer:
    import tokenizers

    try:
        return tokenizers.Tokenizer.from_str(text)
    except Exception as error:
        # The library raises its own bare Exception for what it cannot read.
        raise HelderError(f"{where} cannot be read.", str(error), "Fetch the model again.") from error


def _unwritable(character: str, why: str) -> HelderError:
    return HelderError(
        f"A text holds the character U+{ord(character):04X}, which the model cannot read or write.",
        why,
        "Take it out of the text, or put another character in its place.",
    )


def _broken(why: str) -> HelderError:
    return HelderError("The tokenizer in this GGUF file is damaged.", why, "Fetch the file again.")
