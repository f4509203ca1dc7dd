"""Model files: GGUF and safetensors, from the header to the weights, the configuration and the tokenizer.

The first byte of an input chooses: a GGUF file as `helder model import` takes it in, or one safetensors file.
"""

from __future__ import annotations

import json
import random
import shutil
import struct
from contextlib import suppress
from pathlib import Path

from bench.fuzz.harness import NUMBERS, Target, change_bytes, change_text, scratch
from helder.errors import HelderError

SETTINGS = {"name": "small", "title": "small", "licence": "", "note": "", "origin": "", "chat_format": "chatml"}
GGUF, SAFETENSORS = b"g", b"s"


def run(data: bytes) -> None:
    folder = scratch() / "gguf"
    folder.mkdir(exist_ok=True)
    if data[:1] == SAFETENSORS:
        _safetensors(folder / "model.safetensors", data[1:])
    else:
        _gguf(folder / "model.gguf", data[1:], folder / "output")


def _gguf(path: Path, data: bytes, output: Path) -> None:
    from helder.model import importer
    from helder.model.gguf_file import GgufFile

    path.write_bytes(data)
    file = GgufFile(path)
    for name, tensor in file.tensors.items():
        assert tensor.start >= 0 and tensor.start + tensor.size <= len(data), "a tensor lies outside of the file"
        with suppress(HelderError):  # of a type that is not dequantised
            assert file.read(name).shape == tensor.shape
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    importer.run(SETTINGS, {"source": path}, output, output, lambda *args, **more: None)


def _safetensors(path: Path, data: bytes) -> None:
    from helder.model import safetensors_file

    path.write_bytes(data)
    for info in safetensors_file.read_header(path).values():
        assert info.start >= 0 and info.start + info.size <= len(data), "a tensor lies outside of the file"
        assert info.read().shape == info.shape
        assert len(info.raw()) == info.size
        assert sum(piece.size for piece in info.pieces()) == info.read().size


def seeds() -> list[bytes]:
    header = {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "b": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]},
        "c": {"dtype": "F16", "shape": [3, 0], "data_offsets": [26, 26]},
    }
    text = json.dumps(header).encode()
    return [
        GGUF + small_gguf(),
        GGUF + small_gguf(short=True),
        SAFETENSORS + len(text).to_bytes(8, "little") + text + bytes(26),
    ]


def small_gguf(short: bool = False) -> bytes:
    """A whole Llama of width 32 with one block, as `GGUFWriter` writes it; `short`: few tokens and no block."""
    import gguf
    import numpy as np

    from helder.tokens.tokenizer import byte_alphabet

    path = scratch() / "seed.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *byte_alphabet().values(), "ab"]
    tokens = tokens[:6] if short else tokens
    for add, value in (
        (writer.add_context_length, 64), (writer.add_embedding_length, 32), (writer.add_block_count, 1),
        (writer.add_feed_forward_length, 32), (writer.add_head_count, 2), (writer.add_head_count_kv, 1),
        (writer.add_rope_dimension_count, 16), (writer.add_layer_norm_rms_eps, 1e-5), (writer.add_rope_freq_base, 1e4),
        (writer.add_vocab_size, len(tokens)), (writer.add_tokenizer_model, "gpt2"),
        (writer.add_tokenizer_pre, "smollm"), (writer.add_token_list, tokens),
        (writer.add_token_types, [3, 3, 3] + [1] * (len(tokens) - 3)),
        (writer.add_token_merges, ["a b"]), (writer.add_bos_token_id, 1), (writer.add_eos_token_id, 2),
        (writer.add_chat_template, "{{ messages }}"),
    ):  # fmt: skip
        add(value)  # type: ignore[arg-type]  # each takes its own
    q8 = gguf.GGMLQuantizationType.Q8_0
    shapes = {"token_embd": (len(tokens), 32), "output_norm": (32,), "blk.0.attn_norm": (32,),
              "blk.0.ffn_norm": (32,), "blk.0.attn_q": (32, 32), "blk.0.attn_k": (16, 32), "blk.0.attn_v": (16, 32),
              "blk.0.attn_output": (32, 32), "blk.0.ffn_gate": (32, 32), "blk.0.ffn_up": (32, 32),
              "blk.0.ffn_down": (32, 32)}  # fmt: skip
    for name, shape in list(shapes.items())[: 2 if short else None]:
        values = np.zeros(shape, dtype=np.float32)
        if len(shape) == 1:
            writer.add_tensor(f"{name}.weight", values)
        else:
            writer.add_tensor(f"{name}.weight", gguf.quants.quantize(values, q8), raw_dtype=q8)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Numbers where GGUF has numbers; words where a safetensors header has words, its length put right."""
    if data[:1] == SAFETENSORS and chance.random() < 0.8:
        size = int.from_bytes(data[1:9], "little")
        text = change_text(data[9 : 9 + size], chance)
        return data[:1] + len(text).to_bytes(8, "little") + text + data[9 + size :]
    places = _numbers(data[1:])
    if not places or chance.random() < 0.2:
        return data[:1] + change_bytes(data[1:], chance)
    at, width = chance.choice(places)
    number = chance.choice((*NUMBERS, chance.randrange(40), len(data), len(data) // 2))
    return data[: at + 1] + (number % (1 << 8 * width)).to_bytes(width, "little") + data[at + 1 + width :]


def _numbers(data: bytes) -> list[tuple[int, int]]:
    """Where counts, lengths, types, sizes and offsets of a GGUF header stand, as far as it can be followed."""
    places, at = [(4, 4), (8, 8), (16, 8)], 24

    def number(width: int) -> int:
        nonlocal at
        places.append((at, width))
        at += width
        return int(struct.unpack_from("<I" if width == 4 else "<Q", data, at - width)[0])

    def value(kind: int) -> None:
        nonlocal at
        sizes = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
        if kind == 8:
            at += number(8)
        elif kind == 9:
            inner, count = number(4), number(8)
            for _ in range(count if inner in (8, 9) else 0):
                value(inner)
            at += count * sizes.get(inner, 0)
        else:
            places.append((at, sizes.get(kind, 1)))
            at += sizes.get(kind, 1)

    try:
        tensors, keys = struct.unpack_from("<QQ", data, 8)
        for _ in range(min(keys, 64)):
            at += number(8)
            value(number(4))
        for _ in range(min(tensors, 64)):
            at += number(8)
            for _ in range(number(4)):
                number(8)
            number(4)
            number(8)
    except (struct.error, OverflowError, RecursionError):  # it cannot be followed further
        pass
    return [place for place in places if sum(place) <= len(data)]


TARGET = Target(
    "gguf",
    run,
    seeds,
    mutate,
    largest=1 << 15,
    words=(b"GGUF", b"general.alignment", b"llama.block_count", b"tokenizer.ggml.tokens", b"BF16", b"data_offsets"),
)
