"""The stage "tokenizer": texts → `tokenizer.json`, byte-level BPE learnt from them with the library `tokenizers`.

Every byte has a token, so any text can be written and comes back as it was. Text is cut in one of the ways that
llama.cpp knows by name (`helder.tokens.tokenizer.CUTS`), and what becomes of the pieces is decided by their counts
alone: neither the order of the texts, nor threads, nor the hash seed changes a byte of the file.

A text is read as it stands: nothing is cleaned, no case is folded. Special tokens come first in the vocabulary, and
text that looks like one is learnt from as ordinary characters.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from helder.data.read import closest
from helder.data.task import Task
from helder.errors import HelderError
from helder.tokens import chat
from helder.tokens.tokenizer import CUTS, FILE_NAME, Tokenizer, byte_alphabet, pre_tokenizer_name, to_json

END_OF_TEXT = "<|endoftext|>"  # stands between documents; GPT-2's name for it, which llama.cpp knows as an end
LEAST_COUNT = 2  # a pair of tokens that stands in the texts once is no pattern (assumption; GPT-2's trainers say 2 too)
PIECE = 1 << 20  # characters of a plain text that are given to the library at once
# Whatever stands around it, every cut ends a piece between a letter and a space with a letter behind it.
_BORDER, _BORDER_WITHIN = re.compile(r"(?<=[A-Za-z])(?= [A-Za-z])"), 1 << 12


def run(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Callable[..., None]
) -> dict[str, Any]:
    """Stage function, see `helder.stage`.

    Args:
        settings: vocabulary, rows with special tokens and the 256 bytes counted; chat_format, one of
            `helder.tokens.chat.FORMATS`; cut, one of `CUTS`; column, the key of the text in JSONL files ("text").
        inputs: "text", "text-2", …: files of plain text (UTF-8), JSONL files, or folders of them; "data", what the data
            stage made: inputs and answers of its training examples. No test set is ever looked at.

    Returns:
        vocabulary and merges that were found, bytes of text that they were found in.

    Raises:
        HelderError: a text cannot be read, there is none, or the vocabulary has no room for what it must hold.
    """
    import tokenizers

    specials = special_tokens(settings["chat_format"])
    asked, cut = int(settings["vocabulary"]), settings["cut"]
    _check_settings(asked, cut, specials)
    counts: Counter[str] = Counter()

    def texts() -> Iterator[str]:
        for text in _texts(inputs, settings.get("column", "text")):
            counts["texts"] += 1
            counts["bytes"] += len(text.encode("utf-8"))
            if counts["texts"] % 1000 == 0:
                report("progress", done=counts["texts"], unit="text")
            yield text

    learner = tokenizers.Tokenizer.from_str(to_json(cut, {}, [], {}))
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=asked,
        min_frequency=LEAST_COUNT,
        special_tokens=list(specials),
        initial_alphabet=sorted(byte_alphabet().values()),
        show_progress=False,
    )
    learner.train_from_iterator(texts(), trainer)
    if not counts["bytes"]:
        raise HelderError("There is no text to learn a tokenizer from.", f"Read: {', '.join(sorted(inputs))}.")
    model = json.loads(learner.to_str())["model"]
    vocabulary = dict(sorted(model["vocab"].items(), key=lambda item: item[1]))
    added = {vocabulary[name]: True for name in specials}
    (output / FILE_NAME).write_text(to_json(cut, vocabulary, model["merges"], added), encoding="utf-8")

    Tokenizer.load(output).check_identity()
    assert pre_tokenizer_name(output / FILE_NAME) == cut
    if len(vocabulary) < asked:
        report(
            "warning",
            text=f"The texts fill a vocabulary of {len(vocabulary)} tokens, not the {asked} that were asked for: "
            "no further pair of tokens stands in them twice.",
        )
    return {"vocabulary": len(vocabulary), "merges": len(model["merges"]), "bytes": counts["bytes"]}


def special_tokens(chat_format: str) -> tuple[str, ...]:
    """The special tokens of a vocabulary, in the order of their ids: the end of a text, then those of the chat format.

    Raises:
        HelderError: the format is not known.
    """
    return (END_OF_TEXT, *(name for name in chat.known(chat_format).specials if name != END_OF_TEXT))


def _check_settings(vocabulary: int, cut: str, specials: tuple[str, ...]) -> None:
    if cut not in CUTS:
        raise HelderError(f"There is no way of cutting text called {cut!r}.", f"Known: {', '.join(sorted(CUTS))}.")
    least = len(specials) + len(byte_alphabet())
    if vocabulary < least:
        raise HelderError(
            f"A vocabulary of {vocabulary} is too small.",
            f"It holds {len(specials)} special tokens and the {len(byte_alphabet())} bytes: {least} before anything is "
            "learnt.",
            "Ask for 4096, which suits a few million characters of one language, or more.",
        )


# -- texts -----------------------------------------------------------------------------------------------


def _texts(inputs: Mapping[str, Path], column: str) -> Iterator[str]:
    """Every text of every input."""
    for name, path in sorted(inputs.items()):
        if name == "data":
            yield from _examples(path)
            continue
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in files:
            try:
                yield from _lines_of_json(file, column) if _is_jsonl(file) else _plain(file)
            except UnicodeDecodeError as error:
                raise HelderError(f"{file.name} is not UTF-8.", str(error), "Save it as UTF-8.") from error


def _examples(data: Path) -> Iterator[str]:
    """The training examples of a task, questions and answers as the model will read and write them."""
    task = Task.load(data / "task.json")
    with (data / "train.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            example = json.loads(line)
            yield example["input"]
            yield task.encode(example["output"])


def _is_jsonl(file: Path) -> bool:
    """Whether a file has an object a line: by its name, else by its first character."""
    if file.suffix in (".jsonl", ".txt", ".md"):
        return file.suffix == ".jsonl"
    with file.open("rb") as handle:
        return handle.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def _lines_of_json(file: Path, column: str) -> Iterator[str]:
    with file.open(encoding="utf-8-sig", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            place = f"Line {number} of {file.name}"
            try:
                record = json.loads(line)
            except ValueError as error:
                raise HelderError(f"{place} is not JSON.", str(error), "Correct it, or leave the file out.") from error
            if not isinstance(record, dict) or not isinstance(record.get(column), str):
                keys = list(record) if isinstance(record, dict) else []
                raise HelderError(
                    f"{place} has no text under {column!r}.{closest(column, keys)}",
                    f"It has {', '.join(keys) or 'no keys'}.",
                    "Say which column holds the text.",
                )
            if any("\ud800" <= character <= "\udfff" for character in record[column]):
                raise HelderError(f"{place} holds half of a surrogate pair.", "It is no character.", "Take it out.")
            yield record[column]


def _plain(file: Path) -> Iterator[str]:
    """A plain text, in parts that give the same pieces as the whole: files may be larger than the memory.

    (A script without spaces between words has no place where that is sure; such a file is one part.)
    """
    rest = ""
    with file.open(encoding="utf-8-sig", newline="") as text:
        while block := text.read(PIECE):
            rest += block
            if border := _BORDER.search(rest, max(0, len(rest) - _BORDER_WITHIN)):
                yield rest[: border.start()]
                rest = rest[border.start() :]
    if rest:
        yield rest
