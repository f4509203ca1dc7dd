"""GGUF files: the numbers of the `gguf` package, and no claim in a header believed before it was checked."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.errors import HelderError
from helder.model.gguf_file import GgufFile, read_header

UINT32, STRING, ARRAY, UINT64 = 4, 8, 9, 10


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def tensor(name: str, shape: tuple[int, ...] = (32,), kind: int = 0, offset: int = 0) -> bytes:
    sizes = struct.pack(f"<{len(shape)}Q", *reversed(shape))
    return text(name) + struct.pack("<I", len(shape)) + sizes + struct.pack("<IQ", kind, offset)


def write(
    path: Path, keys: list[bytes], tensors: list[bytes], data: int = 128, *, version: int = 3, magic: bytes = b"GGUF",
    counts: tuple[int, int] | None = None,
) -> Path:  # fmt: skip
    tensor_count, key_count = counts or (len(tensors), len(keys))
    header = magic + struct.pack("<IQQ", version, tensor_count, key_count) + b"".join(keys) + b"".join(tensors)
    path.write_bytes(header + bytes(-len(header) % 32 + data))
    return path


def key(name: str, kind: int, value: bytes) -> bytes:
    return text(name) + struct.pack("<I", kind) + value


def array(inner: int, count: int, value: bytes) -> bytes:
    return struct.pack("<IQ", inner, count) + value


@pytest.fixture
def small_gguf(tmp_path: Path) -> Path:
    """A whole file with two tensors of two types."""
    path = tmp_path / "small.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_token_list(["a", "é", "c"])
    writer.add_float32("answer", 0.5)
    writer.add_array("numbers", [1, 2, 3])
    first, second = np.arange(64, dtype=np.float32).reshape(2, 32), np.linspace(-1, 1, 96, dtype=np.float32)
    writer.add_tensor("plain.weight", first)
    kind = gguf.GGMLQuantizationType.Q8_0
    writer.add_tensor("packed.weight", gguf.quants.quantize(second.reshape(3, 32), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_header_and_tensors_are_what_was_written(small_gguf: Path) -> None:
    file = GgufFile(small_gguf)
    assert file.fields["general.architecture"] == "llama"
    assert file.fields["tokenizer.ggml.tokens"] == ["a", "é", "c"]
    assert file.fields["answer"] == 0.5
    assert file.fields["numbers"] == [1, 2, 3]
    assert [(one.name, one.shape, one.kind) for one in file.tensors.values()] == [
        ("plain.weight", (2, 32), "F32"),
        ("packed.weight", (3, 32), "Q8_0"),
    ]
    assert np.array_equal(file.read("plain.weight"), np.arange(64, dtype=np.float32).reshape(2, 32))


def test_every_tensor_of_the_starter_is_what_the_gguf_package_makes_of_it(starter_gguf: Path) -> None:
    file = GgufFile(starter_gguf)
    theirs = gguf.GGUFReader(starter_gguf).tensors
    assert len(theirs) == len(file.tensors) == 272
    for one in theirs:
        expected = gguf.quants.dequantize(one.data, one.tensor_type)
        assert np.array_equal(file.read(one.name).view(np.uint32), np.ascontiguousarray(expected).view(np.uint32))


def test_requantising_the_starter_gives_its_bytes_again(starter_gguf: Path) -> None:
    file = GgufFile(starter_gguf)
    names = ["blk.0.attn_q.weight", "blk.7.ffn_down.weight", "blk.29.ffn_gate.weight", "token_embd.weight"]
    assert {file.tensors[name].kind for name in names} == {"Q4_1", "Q8_0"}
    for name in names:
        again = gguf.quants.quantize(file.read(name), gguf.GGMLQuantizationType[file.tensors[name].kind])
        assert np.array_equal(again, file.raw(name))


def test_a_file_cut_short_names_the_tensor_and_the_bytes(small_gguf: Path) -> None:
    whole = small_gguf.read_bytes()
    small_gguf.write_bytes(whole[:-60])
    with pytest.raises(HelderError) as caught:
        read_header(small_gguf)
    assert "small.gguf is cut short" in caught.value.what
    assert caught.value.why == "The tensor packed.weight should have 102 bytes and has 68."
    assert caught.value.fix


def test_a_file_cut_short_anywhere_is_refused(small_gguf: Path) -> None:
    whole = small_gguf.read_bytes()
    padding = -102 % 32  # after the last tensor; without it nothing is missing
    for length in range(len(whole) - padding):
        small_gguf.write_bytes(whole[:length])
        with pytest.raises(HelderError, match="cut short"):
            GgufFile(small_gguf)


def test_the_starter_cut_in_half_names_its_first_missing_tensor(starter_gguf: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.gguf"
    path.write_bytes(starter_gguf.read_bytes()[:49_000_000])
    with pytest.raises(HelderError) as caught:
        GgufFile(path)
    found = {one.name: one for one in read_header(starter_gguf)[1]}
    missing = next(one for one in found.values() if one.start + one.size > 49_000_000)
    expected = f"The tensor {missing.name} should have {missing.size} bytes and has {49_000_000 - missing.start}."
    assert caught.value.why == expected


HUGE = (1 << 64) - 1
LIES: dict[str, dict[str, Any]] = {
    "another magic": {"magic": b"GGML", "why": "begin with"},
    "a version to come": {"version": 4, "why": "version is 4"},
    "the other byte order": {"version": 3 << 24, "why": "version is"},
    "more keys than can be": {"counts": (0, HUGE), "why": "keys"},
    "more tensors than can be": {"counts": (HUGE, 0), "why": "tensors"},
    "more keys than there are": {"counts": (0, 9), "why": ""},
    "a key name without end": {"keys": [struct.pack("<Q", HUGE)], "why": "bytes for the name of a key"},
    "a key name that is not UTF-8": {"keys": [key("x", 0, b"\0").replace(b"x", b"\xff")], "why": "not UTF-8"},
    "a string without end": {"keys": [key("a", STRING, struct.pack("<Q", 1 << 23))], "why": "ends within a"},
    "an array without end": {"keys": [key("a", ARRAY, array(UINT64, HUGE, b""))], "why": "entries for a"},
    "an array that is longer than the file": {
        "keys": [key("a", ARRAY, array(UINT64, 1 << 20, b""))],
        "why": "ends within a",
    },
    "many lists with many entries": {
        "keys": [key(f"a{at}", ARRAY, array(0, 3 << 20, bytes(3 << 20))) for at in range(3)],
        "why": "8388608 together",
    },
    "a key name of a megabyte": {"keys": [key("a" * (1 << 20), UINT32, bytes(4))], "why": "1048576 bytes for the name"},
    "a key name that a terminal obeys": {"keys": [key("\x1b[2J", UINT32, bytes(4))], "why": "The name of a key is"},
    "a tensor name that ggml would cut": {"tensors": [tensor("w" * 64)], "why": "64 bytes for the name of a tensor"},
    "a tensor without a name": {"tensors": [tensor("")], "why": "The name of a tensor is ''"},
    "tensors on top of one another": {
        "tensors": [tensor("v"), tensor("w", offset=64)],
        "data": 256,
        "why": "within another",
    },
    "a tensor beside the alignment": {"tensors": [tensor("v", offset=8)], "data": 256, "why": "beside the alignment"},
    "an alignment of true": {"keys": [key("general.alignment", 7, b"\1")], "why": "alignment"},
    "strings without end": {"keys": [key("a", ARRAY, array(STRING, HUGE, b""))], "why": "entries for a"},
    "arrays in arrays in arrays": {
        "keys": [key("a", ARRAY, array(ARRAY, 1, array(ARRAY, 1, array(ARRAY, 1, array(ARRAY, 1, bytes(64))))))],
        "why": "unknown type",
    },
    "a value of a kind that is not": {"keys": [key("a", 99, bytes(8))], "why": "unknown type 99"},
    "a key twice": {"keys": [key("a", UINT32, bytes(4))] * 2, "why": "twice"},
    "an alignment of nothing": {"keys": [key("general.alignment", UINT32, bytes(4))], "why": "alignment"},
    "an alignment of three": {"keys": [key("general.alignment", UINT32, b"\3\0\0\0")], "why": "alignment"},
    "an alignment in words": {"keys": [key("general.alignment", STRING, text("32"))], "why": "alignment"},
    "a tensor with many dimensions": {"tensors": [tensor("w", (1,) * 5)], "why": "5 dimensions"},
    "a tensor without dimensions": {"tensors": [tensor("w", ())], "why": "cannot be of type"},
    "a tensor without numbers": {"tensors": [tensor("w", (0, 32))], "why": "cannot be of type"},
    "a tensor of a type that is not": {"tensors": [tensor("w", kind=999)], "why": "unknown type 999"},
    "a row that is no whole block": {"tensors": [tensor("w", (31,), kind=2)], "why": "cannot be of type Q4_0"},
    "a tensor larger than the file": {"tensors": [tensor("w", (1 << 40, 32))], "why": "should have"},
    "a size that overflows": {"tensors": [tensor("w", (1 << 62, 1 << 62))], "why": "should have"},
    "an offset behind the file": {"tensors": [tensor("w", offset=1 << 40)], "why": "has 0."},
    "an offset that overflows": {"tensors": [tensor("w", offset=HUGE)], "why": "has 0."},
    "a tensor twice": {"tensors": [tensor("w"), tensor("v"), tensor("w")], "why": "w stands there twice"},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_with(tmp_path: Path, lie: str) -> None:
    case = dict(LIES[lie])
    why = case.pop("why")
    path = write(tmp_path / "lie.gguf", case.pop("keys", []), case.pop("tensors", []), **case)
    with pytest.raises(HelderError) as caught:
        GgufFile(path)
    assert "lie.gguf is cut short, damaged, or not a GGUF file" in caught.value.what
    assert why in caught.value.why


@settings(max_examples=300, deadline=None)
@given(place=st.integers(min_value=0), values=st.binary(min_size=1, max_size=9))
def test_changed_bytes_are_refused_or_read_but_never_crash(
    tmp_path_factory: pytest.TempPathFactory, place: int, values: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "changed.gguf"
    keys = [
        key("general.alignment", UINT32, b"\x20\0\0\0"),
        key("names", ARRAY, array(STRING, 2, text("a") + text("b"))),
    ]
    whole = write(path, keys, [tensor("w"), tensor("packed.weight", (2, 32), kind=8, offset=128)], 224).read_bytes()
    place %= len(whole)
    path.write_bytes(whole[:place] + values + whole[place + len(values) :])
    try:
        file = GgufFile(path)
        for name in file.tensors:
            file.read(name)
    except HelderError:
        pass


def test_a_type_that_numpy_code_cannot_dequantise_is_named(tmp_path: Path) -> None:
    kind = gguf.GGMLQuantizationType.I32
    path = write(tmp_path / "integers.gguf", [], [tensor("w", (8,), kind=int(kind))])
    with pytest.raises(HelderError, match=r"w in integers.gguf is of type I32"):
        GgufFile(path).read("w")


def test_a_file_that_shrinks_while_it_is_read_is_noticed(small_gguf: Path) -> None:
    file = GgufFile(small_gguf)
    small_gguf.write_bytes(small_gguf.read_bytes()[:-80])
    with pytest.raises(HelderError, match="shorter"):
        file.read("packed.weight")
