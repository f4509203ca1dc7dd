"""Rows of real tokens for `bench.train`: Python's own library, which every machine that runs this has.

The files are read in the order of their names, a byte-level BPE is learnt from them, and the documents are laid end to
end, an end-of-text token between them, and cut into rows. The same Python gives the same rows.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from helder.tokens.shards import Shard

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


def write(folder: Path, vocabulary: int, context: int) -> None:
    """Write rows.npy, (rows, context + 1) int64, and the same tokens as a shard of Helder's, nothing held out.

    A row's last token is there to be predicted only; the next row begins with it.
    """
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
    encoded = [[*each.ids, END] for each in tokenizer.encode_batch(texts)]
    stream = np.asarray([token for each in encoded for token in each], dtype=np.int64)
    count = (len(stream) - 1) // context
    np.save(folder / "rows.npy", np.stack([stream[row * context :][: context + 1] for row in range(count)]))
    ends = np.cumsum([len(each) for each in encoded])
    sizes = np.asarray([len(text.encode("utf-8")) for text in texts], dtype=np.int64)
    names = [str(number) for number in range(len(texts))]
    none = np.empty(0, dtype=np.int64)
    Shard(stream.astype(np.int32), np.concatenate([[0], ends[:-1]]), sizes, names).save(folder, "train")
    Shard(none.astype(np.int32), none, none, []).save(folder, "dev")
