"""Safetensors: what the reference library writes is read, what lies is refused, what we write others read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from safetensors.torch import save_file as save_torch

from helder.errors import HelderError
from helder.model import safetensors_file
from tests.model import small

Header = dict[str, Any]


def raw_file(path: Path, header: Any, data: bytes = b"", size: int | None = None) -> Path:
    """A file with this header, true or not."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if size is None else size).to_bytes(8, "little") + text + data)
    return path


def entry(shape: list[Any], start: Any, end: Any, dtype: str = "F32") -> Header:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_every_float_type_is_read_as_the_reference_library_wrote_it(tmp_path: Path, kind: torch.dtype) -> None:
    tensors = {"b": torch.randn(3, 5, generator=torch.Generator().manual_seed(0)).to(kind), "a": torch.ones(2).to(kind)}
    save_torch(tensors, tmp_path / "model.safetensors")
    found = dict(safetensors_file.read_all(tmp_path))
    assert list(found) == ["a", "b"]
    for name, tensor in tensors.items():
        assert found[name].dtype == np.float32
        assert np.array_equal(found[name], tensor.float().numpy())


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 9), width=st.integers(1, 5), piece=st.integers(1, 20))
def test_pieces_are_the_tensor(tmp_path_factory: pytest.TempPathFactory, rows: int, width: int, piece: int) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    save_torch({"a": torch.arange(rows * width).reshape(rows, width).bfloat16()}, folder / "model.safetensors")
    info = safetensors_file.open_folder(folder)["a"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(safetensors_file, "PIECE", piece)
        pieces = list(info.pieces())
    assert np.array_equal(np.concatenate(pieces), info.read())
    assert all(len(one) == 1 or one.size <= piece for one in pieces)


def test_what_is_written_is_read_by_the_reference_library(tmp_path: Path) -> None:
    arrays = {"z": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.array([1.5], dtype=np.float32)}
    layout = {name: ("F32", array.shape) for name, array in arrays.items()}
    safetensors_file.write(tmp_path / "one.safetensors", layout, sorted(arrays.items()))
    safetensors_file.write(tmp_path / "two.safetensors", dict(reversed(layout.items())), sorted(arrays.items()))
    found = load_file(tmp_path / "one.safetensors")
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())
    assert (tmp_path / "one.safetensors").read_bytes() == (tmp_path / "two.safetensors").read_bytes()


def test_tensors_out_of_order_or_of_another_size_are_not_written(tmp_path: Path) -> None:
    layout = {"a": ("F32", (1,)), "b": ("F32", (1,))}
    one, two = np.zeros(1, "f4"), np.zeros(2, "f4")
    for tensors in ([("b", one), ("a", one)], [("a", two), ("b", one)], [("a", one)], [("a", one)] * 3):
        with pytest.raises(ValueError, match="next|fewer"):
            safetensors_file.write(tmp_path / "model.safetensors", layout, tensors)


LIES = {
    "more data than the file has": ({"w": entry([4], 0, 16)}, 8, "would end at byte"),
    "a huge offset": ({"w": entry([1 << 60], 0, 1 << 62)}, 8, "would end at byte"),
    "a size that its shape has not": ({"w": entry([3], 0, 16)}, 16, "cannot have 16 bytes"),
    "an end before its start": ({"w": entry([0], 8, 4)}, 8, "cannot have -4 bytes"),
    "a negative offset": ({"w": entry([1], -4, 0)}, 8, "offsets"),
    "a negative size": ({"w": entry([-1, -1], 0, 4)}, 4, "offsets"),
    "huge sizes beside a zero": ({"w": entry([0, 1 << 40, 1 << 40], 0, 0)}, 0, "has the sizes"),
    "a hundred sizes": ({"w": entry([1] * 100, 0, 4)}, 4, "has the sizes"),
    "a size that is no whole number": ({"w": entry([1.0], 0, 4)}, 4, "offsets"),
    "a size that is true": ({"w": entry([True], 0, 4)}, 4, "offsets"),
    "one offset": ({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}, 4, "cannot be read"),
    "no shape": ({"w": {"dtype": "F32", "data_offsets": [0, 4]}}, 4, "cannot be read"),
    "tensors that overlap": ({"v": entry([2], 0, 8), "w": entry([2], 4, 12)}, 12, "overlap"),
    "a gap between tensors": ({"v": entry([1], 0, 4), "w": entry([1], 8, 12)}, 12, "leave a gap"),
    "bytes after the last tensor": ({"w": entry([1], 0, 4)}, 12, "belong to no tensor"),
    "a list": ([1, 2], 0, "cannot be read"),
    "entries that are no objects": ({"w": 3}, 0, "cannot be read"),
    "text that is not JSON": (b"{not json", 0, "cannot be read"),
    "text that is not UTF-8": (b'{"\xff": 1}', 0, "cannot be read"),
    "brackets without end": (b"[" * 100_000, 0, "cannot be read"),
    "a name twice": (b'{"w": {"dtype":"F32","shape":[1],"data_offsets":[0,4]}, "w": {}}', 4, "twice"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_claims(tmp_path: Path, lie: str) -> None:
    header, size, reason = LIES[lie]
    path = raw_file(tmp_path / "model.safetensors", header, bytes(size))
    with pytest.raises(HelderError) as caught:
        safetensors_file.read_header(path)
    assert "model.safetensors is damaged" in caught.value.what
    assert reason in caught.value.why
    assert caught.value.fix


@pytest.mark.parametrize("size", [3, 200, 1 << 40, (1 << 64) - 1])
def test_a_header_length_that_is_wrong_is_refused_before_anything_is_read(tmp_path: Path, size: int) -> None:
    path = raw_file(tmp_path / "model.safetensors", {"w": entry([1], 0, 4)}, bytes(4), size)
    with pytest.raises(HelderError, match="damaged"):
        safetensors_file.read_header(path)


def test_a_type_that_is_no_weight_is_named(tmp_path: Path) -> None:
    path = raw_file(tmp_path / "model.safetensors", {"w": entry([4], 0, 4, "I8")}, bytes(4))
    with pytest.raises(HelderError, match="w in model.safetensors is of type I8"):
        safetensors_file.read_header(path)


def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    whole = (small.make(tmp_path / "whole") / "model.safetensors").read_bytes()
    path = tmp_path / "cut.safetensors"
    for length in [*range(0, 64), *range(64, len(whole), len(whole) // 60), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(HelderError, match="damaged"):
            safetensors_file.read_header(path)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused_or_read_but_never_crash(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    for content in (data, len(data).to_bytes(8, "little") + data):
        path.write_bytes(content)
        try:
            safetensors_file.read_header(path)
        except HelderError:
            pass


def test_a_folder_in_several_files_is_read_by_its_index(tmp_path: Path) -> None:
    one, three = small.make(tmp_path / "one"), small.make(tmp_path / "three", shards=3)
    assert [name for name, _ in safetensors_file.read_all(one)] == [n for n, _ in safetensors_file.read_all(three)]
    for (_, here), (_, there) in zip(safetensors_file.read_all(one), safetensors_file.read_all(three), strict=True):
        assert np.array_equal(here, there)


def test_a_file_that_the_index_names_and_that_is_gone_is_named(tmp_path: Path) -> None:
    folder = small.make(tmp_path / "model", shards=2)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(HelderError, match="names model-00002-of-00002.safetensors"):
        safetensors_file.open_folder(folder)


@pytest.mark.parametrize("elsewhere", ["../secret.safetensors", "/etc/passwd", "sub/model.safetensors"])
def test_an_index_cannot_lead_out_of_its_folder(tmp_path: Path, elsewhere: str) -> None:
    folder = small.make(tmp_path / "model", shards=2)
    (tmp_path / "secret.safetensors").write_bytes(b"")
    small.write_json(folder / "model.safetensors.index.json", {"weight_map": {"w": elsewhere}})
    with pytest.raises(HelderError, match="is not in model"):
        safetensors_file.open_folder(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"w": 3}}'])
def test_an_index_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    folder = small.make(tmp_path / "model", shards=2)
    (folder / "model.safetensors.index.json").write_text(text, encoding="utf-8")
    with pytest.raises(HelderError, match=r"index.json cannot be read"):
        safetensors_file.open_folder(folder)


def test_an_index_that_points_at_the_wrong_file_is_refused(tmp_path: Path) -> None:
    folder = small.make(tmp_path / "model", shards=2)
    index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
    index["weight_map"]["model.norm.extra"] = "model-00001-of-00002.safetensors"
    small.write_json(folder / "model.safetensors.index.json", index)
    with pytest.raises(HelderError, match=r"says that model.norm.extra is in model-00001-of-00002.safetensors"):
        safetensors_file.open_folder(folder)


def test_the_same_tensor_in_two_files_is_refused(tmp_path: Path) -> None:
    folder = small.make(tmp_path / "model")
    (folder / "again.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(HelderError, match=r"stands in again.safetensors and in model.safetensors"):
        safetensors_file.open_folder(folder)


def test_pickled_weights_are_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(HelderError, match="holds no safetensors weights") as caught:
        safetensors_file.open_folder(tmp_path)
    assert "pytorch_model.bin is a pickle" in caught.value.why


def test_a_file_that_shrinks_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    folder = small.make(tmp_path / "model")
    info = safetensors_file.open_folder(folder)["model.norm.weight"]
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: info.start + 3])
    with pytest.raises(HelderError, match="damaged"):
        info.read()
