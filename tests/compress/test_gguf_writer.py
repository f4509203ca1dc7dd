"""GGUF files: the weights of the folder in the numbers of the package `gguf`, the same bytes each time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from helder.compress import gguf_writer
from helder.errors import HelderError
from helder.ledger.artifact import hash_file
from helder.model import families, safetensors_file
from helder.model.gguf_file import GgufFile
from helder.model.transformer import Transformer
from helder.tokens.tokenizer import Tokenizer
from tests import llama_cpp
from tests.model import small

Imported = Callable[[str], Path]
each_family = pytest.mark.parametrize("family", sorted(small.FAMILIES))


@each_family
def test_the_file_says_its_family_and_holds_every_weight(imported: Imported, tmp_path: Path, family: str) -> None:
    gguf_writer.write(imported(family), tmp_path / "made.gguf", "f32", "small")
    file, config = GgufFile(tmp_path / "made.gguf"), families.read_config(imported(family))
    assert file.fields["general.architecture"] == family
    assert families.config_from_gguf(file.fields, file.tensors) == config
    found = families.of_settings(config)
    for name, array in safetensors_file.read_all(imported(family)):
        heads = found.heads_of(name, config)
        expected = families.permute_heads(array, heads) if heads else array
        assert np.array_equal(file.read(found.to_gguf_name(name)), expected), name


@each_family
def test_llama_cpp_finds_the_same_next_token_at_every_place(imported: Imported, tmp_path: Path, family: str) -> None:
    gguf_writer.write(imported(family), tmp_path / "made.gguf", "f32", "small")
    model = Transformer.from_folder(imported(family))
    ids = [token for text in small.TEXTS for token in Tokenizer.load(imported(family)).encode(text)][:48]
    with torch.inference_mode():
        logits = model(torch.tensor([ids]))[0]
    first, second = logits.topk(2).values.T
    clear = (first - second) > 1e-3  # nearer ones may be decided by rounding
    assert int(clear.sum()) > 40
    with llama_cpp.opened(tmp_path / "made.gguf", tmp_path) as other:
        theirs = [other.next_token(ids[: place + 1]) for place in range(len(ids))]
    assert [t for t, c in zip(theirs, clear, strict=True) if c] == logits.argmax(-1)[clear].tolist()


@pytest.mark.parametrize("form", gguf_writer.FORMATS)
def test_the_same_folder_gives_the_same_bytes(imported: Imported, tmp_path: Path, form: str) -> None:
    for name in ("one", "two"):
        gguf_writer.write(imported("llama"), tmp_path / f"{name}.gguf", form, "small")
    assert hash_file(tmp_path / "one.gguf") == hash_file(tmp_path / "two.gguf")


@pytest.mark.parametrize(("form", "kind"), [("q8_0", "Q8_0"), ("q4_0", "Q4_0"), ("f16", "F16")])
def test_numbers_are_those_of_the_package(imported: Imported, tmp_path: Path, form: str, kind: str) -> None:
    gguf_writer.write(imported("qwen2"), tmp_path / "made.gguf", form, "small")
    file, folder = GgufFile(tmp_path / "made.gguf"), safetensors_file.open_folder(imported("qwen2"))
    matrix = "model.layers.1.mlp.up_proj.weight"
    assert file.tensors["blk.1.ffn_up.weight"].kind == kind
    expected = gguf.quants.quantize(folder[matrix].read(), gguf.GGMLQuantizationType[kind])
    assert file.raw("blk.1.ffn_up.weight").tobytes() == expected.tobytes()
    assert file.tensors["token_embd.weight"].kind == ("Q8_0" if form == "q4_0" else kind)
    for vector in ("output_norm.weight", "blk.0.attn_q.bias"):
        assert file.tensors[vector].kind == "F32", "vectors are never rounded"


@pytest.mark.parametrize("form", gguf_writer.FORMATS)
def test_a_tensor_made_of_many_pieces_is_the_same(
    imported: Imported, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gguf_writer.write(imported("olmo2"), tmp_path / "whole.gguf", form, "small")
    monkeypatch.setattr(safetensors_file, "PIECE", 7 * small.WIDTH)
    gguf_writer.write(imported("olmo2"), tmp_path / "pieces.gguf", form, "small")
    assert hash_file(tmp_path / "whole.gguf") == hash_file(tmp_path / "pieces.gguf")


def test_each_tensor_comes_when_it_is_written(imported: Imported, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    gguf_writer.write(
        imported("llama"), tmp_path / "made.gguf", "q8_0", "small", lambda done, total: told.append((done, total))
    )
    count = len(safetensors_file.open_folder(imported("llama")))
    assert told == [(done, count) for done in range(1, count + 1)]


def test_a_file_that_llama_cpp_could_not_load_is_not_written(imported: Imported, tmp_path: Path) -> None:
    folder = tmp_path / "tied"
    folder.mkdir()
    for path in imported("olmo2").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    small.change_json(folder / "config.json", tie_word_embeddings=True)
    with pytest.raises(HelderError, match="olmo2 whose output head is tied"):
        gguf_writer.write(folder, tmp_path / "made.gguf", "f16", "tied")
    assert not (tmp_path / "made.gguf").exists()


def test_rows_that_no_block_fits_are_named() -> None:
    with pytest.raises(HelderError, match=r"up_proj.weight cannot be quantised to q4_0: its rows have 100 weights"):
        gguf_writer.kind_of("model.layers.0.mlp.up_proj.weight", (64, 100), "q4_0")


@pytest.mark.parametrize(
    ("value", "form", "said"), [(float("nan"), "q8_0", "not finite numbers"), (1e6, "f16", "F16 cannot hold")]
)
def test_weights_that_a_format_cannot_hold_are_refused(value: float, form: str, said: str) -> None:
    with pytest.raises(HelderError, match=said):
        gguf_writer._check_range(np.array([[value, 0.0]], dtype=np.float32), "some.weight", form)
