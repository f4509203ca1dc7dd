"""The stage "tokenizer": texts → `tokenizer.json`, byte-level BPE learnt from them with the library `tokenizers`.

Every byte has a token, so any text can be written and comes back as it was. Text is cut in one of the ways that
llama.cpp knows by name (`helder.tokens.tokenizer.CUTS`), and what becomes of the pieces is decided by their counts
alone: neither the order of the texts, nor threads, nor the hash seed changes a byte of the file.

A text is read as it stands: nothing is cleaned, no case is folded. Special tokens come first in the vocabulary, and
text that looks like one is learnt from as ordinary characters.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from helder.data.task import Task
from helder.errors import HelderError
from helder.tokens import chat, shards
from helder.tokens.documents import read_documents
from helder.tokens.tokenizer import CUTS, FILE_NAME, Tokenizer, byte_alphabet, pre_tokenizer_name, to_json

END_OF_TEXT = shards.END_OF_TEXT[0]  # stands between documents; GPT-2's name for it, which llama.cpp knows as an end
LEAST_COUNT = 2  # a pair of tokens that stands in the texts once is no pattern (assumption; GPT-2's trainers say 2 too)


def run(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Callable[..., None]
) -> dict[str, Any]:
    """Stage function, see `helder.stage`.

    Args:
        settings: vocabulary, rows with special tokens and the 256 bytes counted; chat_format, one of
            `helder.tokens.chat.FORMATS`; cut, one of `CUTS`.
        inputs: "text", "text-2", …: files or folders, see `helder.tokens.documents`; "data", what the data stage made:
            inputs and answers of its training examples. No test set is ever looked at; what the stage "tokens" holds
            out of these files is.

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
        for text in _texts(inputs):
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


def _texts(inputs: Mapping[str, Path]) -> Iterator[str]:
    """Every text of every input."""
    for name, path in sorted(inputs.items()):
        yield from _examples(path) if name == "data" else (text for _, text in read_documents(path))


def _examples(data: Path) -> Iterator[str]:
    """The training examples of a task, questions and answers as the model will read and write them."""
    task = Task.load(data / "task.json")
    with (data / "train.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            example = json.loads(line)
            yield example["input"]
            yield task.encode(example["output"])
