"""Documents as a stream: every byte comes back, and nobody looks past the end of a document."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.errors import HelderError
from helder.tokens.shards import Shard, Writer, end_of_text
from helder.tokens.tokenizer import Tokenizer
from tests.model import small

TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=20), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return Tokenizer.load(small.make(tmp_path_factory.mktemp("small") / "model"))


@given(texts=TEXTS)
def test_documents_come_back_from_the_stream_and_their_bytes_are_counted(
    tokenizer: Tokenizer, texts: list[str]
) -> None:
    shard, end = Shard.of([(str(n), text) for n, text in enumerate(texts)], tokenizer), end_of_text(tokenizer)
    ends = [*shard.starts.tolist()[1:], shard.tokens]
    for text, start, stop in zip(texts, shard.starts.tolist(), ends, strict=True):
        ids = shard.ids[start:stop].tolist()
        assert ids[0] == ids[-1] == end
        assert tokenizer.decode(ids[1:-1]) == text
    assert shard.bytes == sum(len(text.encode("utf-8")) for text in texts)
    assert len(shard) == len(texts)


@given(texts=TEXTS, length=st.integers(1, 40))
def test_rows_cover_the_stream_once_and_each_target_is_the_next_token_of_the_document(
    tokenizer: Tokenizer, texts: list[str], length: int
) -> None:
    shard = Shard.of([(str(n), text) for n, text in enumerate(texts)], tokenizer)
    rows = shard.rows(length)
    assert [place for row in rows for place in row] == list(range(shard.tokens))
    last = {*(start - 1 for start in shard.starts.tolist()[1:]), shard.tokens - 1}
    for row in rows:
        expected = [-1 if place in last else int(shard.ids[place + 1]) for place in row]
        assert shard.targets(row).tolist() == expected
        assert shard.document_of(row).tolist() == [
            sum(start <= place for start in shard.starts.tolist()) - 1 for place in row
        ]


@given(texts=TEXTS, tokens=st.integers(1, 120))
def test_the_first_documents_are_whole_and_no_more_than_are_needed(
    tokenizer: Tokenizer, texts: list[str], tokens: int
) -> None:
    shard = Shard.of([(str(n), text) for n, text in enumerate(texts)], tokenizer)
    first = shard.first_documents(tokens)
    assert first.names == shard.names[: len(first)]
    assert first.tokens >= tokens or len(first) == len(shard)
    assert len(first) == 1 or int(shard.starts[len(first) - 1]) < tokens


def test_what_is_saved_is_what_is_loaded(tokenizer: Tokenizer, tmp_path: Path) -> None:
    shard = Shard.of([("één", "2 tabs"), ("b", "take one € a day")], tokenizer)
    shard.save(tmp_path, "train")
    again = Shard.load(tmp_path, "train")
    assert again.ids.tolist() == shard.ids.tolist()
    assert (again.starts.tolist(), again.sizes.tolist(), list(again.names)) == (
        shard.starts.tolist(), shard.sizes.tolist(), ["één", "b"],
    )  # fmt: skip


@given(texts=TEXTS)
def test_a_shard_that_is_written_document_by_document_has_the_same_bytes(
    tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    whole, parts = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("parts")
    documents = [(str(n), text) for n, text in enumerate(texts)]
    Shard.of(documents, tokenizer).save(whole, "train")
    writer = Writer(parts, "train", end_of_text(tokenizer))
    for name, text in documents:
        writer.add(name, text, tokenizer.encode(text))
    writer.close()
    for name in ("train.npy", "train-documents.jsonl"):
        assert (whole / name).read_bytes() == (parts / name).read_bytes()


def test_a_tokenizer_without_an_end_of_text_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(HelderError, match="no token for the end"):
        end_of_text(replace(tokenizer, specials={"<s>": 0}))
