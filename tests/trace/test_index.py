"""The stage "index"."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.errors import HelderError
from helder.ledger.artifact import digest_path
from helder.trace import index as indexing
from helder.trace.index import Index
from tests.trace import streams


def suffix_array(tokens: list[int]) -> list[int]:
    return sorted(range(len(tokens)), key=lambda place: tokens[place:])


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.sampled_from([1, 30_000, 65_536, 9_000_000]))
@settings(max_examples=40, deadline=None)
def test_suffixes_are_sorted_by_their_tokens_however_large_these_are(tokens: list[int], factor: int) -> None:
    large = [token * factor for token in tokens[:60]] if factor < 100_000 else [token + 70_000 for token in tokens]
    assert indexing.sorted_suffixes(np.array(large, dtype=np.int32)).tolist() == suffix_array(large)


def test_more_than_65536_different_tokens_are_sorted_with_four_bytes(tmp_path: Path) -> None:
    tokens = np.random.default_rng(0).permutation(70_000).tolist()
    text = streams.save(tmp_path / "text", [tokens])
    made = tmp_path / "index"
    made.mkdir()
    facts = indexing.run({"shard_tokens": 1 << 27}, {"text": text}, made, made, lambda *a, **k: None)
    assert facts["width"] == 4
    suffixes = Index.load(made, text).shards[0].suffixes
    assert [tokens[place] for place in suffixes.tolist()] == list(range(70_000))


def test_the_same_stream_gives_the_same_bytes_and_four_bytes_a_token(tmp_path: Path) -> None:
    tokens = np.random.default_rng(0).integers(0, 300, 50_000).tolist()
    text = streams.save(tmp_path / "text", [tokens[:20_000], tokens[20_000:]])
    digests = [digest_path(streams.build(tmp_path / name, text)) for name in ("first", "second")]
    assert digests[0] == digests[1]
    size = sum(path.stat().st_size for path in (tmp_path / "first").iterdir())
    assert size < 4.1 * 50_000


def test_shards_are_cut_at_documents() -> None:
    assert indexing.cut([0, 5, 9, 20], 22, 8) == [(0, 9), (9, 20), (20, 22)]
    assert indexing.cut([0], 22, 8) == [(0, 22)]


def test_an_index_of_another_stream_is_refused(tmp_path: Path) -> None:
    text = streams.save(tmp_path / "text", [[1, 2, 3]])
    made = streams.build(tmp_path / "index", text)
    other = streams.save(tmp_path / "other", [[1, 2, 3, 4]])
    with pytest.raises(HelderError, match="is not one of other"):
        Index.load(made, other)


def test_an_empty_stream_is_refused(tmp_path: Path) -> None:
    text = streams.save(tmp_path / "text", [[]])
    with pytest.raises(HelderError, match="no token to index"):
        streams.build(tmp_path / "index", text)


def test_a_damaged_index_says_so(tmp_path: Path) -> None:
    text = streams.save(tmp_path / "text", [[1, 2, 3]])
    made = streams.build(tmp_path / "index", text)
    (made / "suffixes-0.npy").write_bytes(b"no array")
    with pytest.raises(HelderError, match="cannot be read"):
        Index.load(made, text)
    assert json.loads((made / "index.json").read_text())["tokens"] == 3
