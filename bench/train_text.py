"""Rows of real tokens for `bench.train`: Python's own library, which every machine that runs this has.

The files are read in the order of their names, a byte-level BPE is learnt from them, and the documents are laid end to
end, an end-of-text token between them, and cut into rows. The same Python gives the same rows.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

END = 0
CHARACTERS = 4_000_000  # of text at most: about a million tokens, and a tokenizer in a few seconds


def documents() -> Iterator[str]:
    """Source files of the standard library, its tests and what was installed left out."""
    library, left = Path(sysconfig.get_paths()["stdlib"]), CHARACTERS
    for path in sorted(library.rglob("*.py")):
        if {"site-packages", "dist-packages", "test", "tests"} & set(path.parts):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")[:left]
        left -= len(text)
        if text:
            yield text


def rows(vocabulary: int, context: int) -> np.ndarray[Any, Any]:
    """(rows, context + 1), int64: each row's last token is there to be predicted only, and the next row begins with it."""
    texts = list(documents())
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    stream = [token for encoded in tokenizer.encode_batch(texts) for token in [*encoded.ids, END]]
    count = (len(stream) - 1) // context
    whole = np.asarray(stream[: count * context + 1], dtype=np.int64)
    return np.stack([whole[row * context : (row + 1) * context + 1] for row in range(count)])
