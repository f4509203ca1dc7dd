"""Models made from nothing: folders like those of imported ones, the same to the last byte, in every program."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from helder.compress import gguf_writer
from helder.compress import stage as compress
from helder.errors import HelderError
from helder.ledger.artifact import digest_path, hash_file
from helder.model import families, importer, safetensors_file, scratch, sizes
from helder.model.sources import on_disk
from helder.model.transformer import Transformer
from helder.tokens import bpe, chat
from helder.tokens.tokenizer import Tokenizer
from tests import llama_cpp
from tests.model import small

PUBLISHED = {"llama": "smollm2-135m", "qwen2": "qwen2.5-coder-0.5b", "olmo2": "olmo2-14m"}
CUT = {"llama": "smollm", "qwen2": "qwen2", "olmo2": "dbrx"}
WITH_HEAD = [("llama", True), ("llama", False), ("qwen2", True), ("qwen2", False), ("olmo2", False)]
Made = Callable[..., Path]


def quiet(event: str, **fields: Any) -> None:
    pass


def size(family: str, **other: Any) -> sizes.Size:
    """A published size of the family, made small."""
    small = replace(
        sizes.find(PUBLISHED[family]), name="small", width=64, layers=2, heads=4, head_width=16, feed_forward_width=96,
        kv_heads=4 if family == "olmo2" else 2, context_length=256,
    )  # fmt: skip
    return replace(small, **other)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """The folder of a tokenizer with about 300 tokens."""
    kept: dict[tuple[str, str], Path] = {}

    def of(cut: str, chat_format: str) -> Path:
        if (cut, chat_format) not in kept:
            folder = tmp_path_factory.mktemp("tokenizer")
            (folder / "texts.txt").write_text("\n".join([*small.TEXTS, *small.TEXTS]), encoding="utf-8")
            (folder / "made").mkdir()
            asked = {"vocabulary": 300, "cut": cut, "chat_format": chat_format}
            bpe.run(asked, {"text": folder / "texts.txt"}, folder / "made", folder, quiet)
            kept[cut, chat_format] = folder / "made"
        return kept[cut, chat_format]

    return of


@pytest.fixture
def make(tokenizer: Callable[[str, str], Path], tmp_path: Path) -> Made:
    """The stage, in this process."""

    def made(family: str, place: str = "model", seed: int = 0, chat_format: str = "chatml", **other: Any) -> Path:
        settings = scratch.settings("mine", size(family, **other), seed, chat_format)
        (tmp_path / place).mkdir()
        inputs = {"tokenizer": tokenizer(CUT[family], chat_format)}
        scratch.run(json.loads(json.dumps(settings)), inputs, tmp_path / place, tmp_path, quiet)
        return tmp_path / place

    return made


@pytest.mark.parametrize(("family", "tied"), WITH_HEAD)
def test_transformers_reads_the_folder_and_gives_our_logits(make: Made, family: str, tied: bool) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    made = make(family, tied=tied)
    theirs = AutoModelForCausalLM.from_pretrained(made, attn_implementation="sdpa").eval()
    ours = Transformer.from_folder(made)
    assert families.of_settings(ours.config).gguf == family
    assert ours.config.tied == tied
    ids = torch.arange(40)[None] % 300
    with torch.no_grad():
        logits = ours(ids)
        assert (logits - theirs(ids).logits).abs().max().item() == 0.0
    assert 0.01 < logits.std().item() < 1.0
    assert AutoTokenizer.from_pretrained(made).encode(small.TEXTS[0]) == Tokenizer.load(made).encode(small.TEXTS[0])


@pytest.mark.parametrize(("family", "tied"), WITH_HEAD)
def test_the_model_goes_to_gguf_and_back_bit_for_bit(make: Made, tmp_path: Path, family: str, tied: bool) -> None:
    made = make(family, tied=tied)
    gguf_writer.write(made, tmp_path / "made.gguf", "f32", "mine")
    for form in ("q8_0", "q4_0"):
        gguf_writer.write(made, tmp_path / f"{form}.gguf", form, "mine")
    found = on_disk(tmp_path / "made.gguf")
    (tmp_path / "back").mkdir()
    importer.run(importer.settings(found, None), dict(found.files), tmp_path / "back", tmp_path, quiet)
    assert families.read_config(tmp_path / "back") == families.read_config(made)
    before, after = dict(safetensors_file.read_all(made)), dict(safetensors_file.read_all(tmp_path / "back"))
    assert list(before) == list(after)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_llama_cpp_reads_and_answers_as_we_do(make: Made, tmp_path: Path) -> None:
    made = make("olmo2")
    gguf_writer.write(made, tmp_path / "made.gguf", "f32", "mine")
    tokenizer = Tokenizer.load(made)
    with llama_cpp.opened(tmp_path / "made.gguf", tmp_path) as other:
        for text in small.TEXTS:
            assert other.tokens(text) == tokenizer.encode(text)
    trip = compress.round_trip(made, tmp_path / "made.gguf", small.TEXTS[:3], quiet)
    assert trip["equal"]
    assert trip["tokens"] > 20


def test_the_same_seed_gives_the_same_folder_and_another_seed_another(make: Made) -> None:
    one, two, three = make("olmo2", "one"), make("olmo2", "two"), make("olmo2", "three", seed=1)
    assert digest_path(one) == digest_path(two)
    assert hash_file(one / "model.safetensors") != hash_file(three / "model.safetensors")
    assert hash_file(one / "config.json") == hash_file(three / "config.json")


def test_weights_are_those_of_the_first_day(make: Made) -> None:
    found = safetensors_file.open_folder(make("olmo2"))["model.layers.1.mlp.up_proj.weight"].raw()
    assert hashlib.sha256(found).hexdigest() == "99c48a1a74cbf69e704ac34d6ebb1d1a58790b332fc53b27e95c5f249db48093"


def test_matrices_are_drawn_as_olmo_2_draws_them(make: Made) -> None:
    weights = dict(safetensors_file.read_all(make("qwen2", tied=False)))
    for name, array in weights.items():
        if name.endswith("norm.weight"):
            assert (array == 1).all()
        elif name.endswith(".bias"):
            assert (array == 0).all()
        else:
            assert np.abs(array).max() <= np.float32(0.06)
            assert array.std() == pytest.approx(0.02 * 0.9866, rel=0.05), name
    matrices = [array.ravel()[:1000] for array in weights.values() if array.ndim == 2]
    correlations = np.corrcoef(matrices) - np.eye(len(matrices))
    assert np.abs(correlations).max() < 0.2


def test_the_folder_is_like_an_imported_one_and_says_how_it_came_about(make: Made) -> None:
    made = make("llama", seed=7)
    assert sorted(path.name for path in made.iterdir()) == [
        "config.json", "generation_config.json", "helder.json", "model.safetensors", "source.json",
        "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    source = json.loads((made / "source.json").read_text(encoding="utf-8"))
    assert {"name", "title", "origin", "kind", "sha256", "licence", "quantised", "note"} <= set(source)
    assert (source["kind"], source["seed"], source["size"]) == ("scratch", 7, "small")
    assert "from nothing with seed 7" in source["note"]
    assert source["sha256"] == hash_file(made / "model.safetensors")[1]
    assert source["parameters"] == Transformer.from_folder(made).config.parameter_count


def test_the_embedding_has_a_multiple_of_64_rows(make: Made) -> None:
    made = make("llama")
    assert Tokenizer.load(made).vocabulary_size == 300
    assert families.read_config(made).vocabulary_size == 320


@pytest.mark.parametrize(
    ("chat_format", "begin", "padding"),
    [
        ("chatml", None, "<|endoftext|>"),
        ("olmo2", "<|endoftext|>", "<|endoftext|>"),
        ("llama3", "<|begin_of_text|>", "<|endoftext|>"),
    ],
)
def test_what_begins_and_ends_a_text_is_what_the_chat_format_says(
    make: Made, chat_format: str, begin: str | None, padding: str
) -> None:
    made = make("olmo2", chat_format=chat_format)
    said = json.loads((made / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert (said["bos_token"], said["pad_token"]) == (begin, padding)
    assert said["eos_token"] == chat.known(chat_format).closing
    assert chat.format_of(made) == chat_format


# -- what is refused -------------------------------------------------------------------------------------


def test_an_olmo_2_with_a_tied_head_is_refused_with_the_way_out(make: Made) -> None:
    with pytest.raises(HelderError, match=r'(?s)llama.cpp does not load it.*Leave "tied" out'):
        make("olmo2", tied=True)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"kv_heads": 3}, "heads \\(4\\) is not a multiple of kv_heads \\(3\\)"),
        ({"head_width": 15}, "head_width \\(15\\) is odd"),
        ({"layers": 0}, "layers = 0"),
    ],
)
def test_numbers_that_make_no_model_are_refused(make: Made, other: dict[str, Any], said: str) -> None:
    with pytest.raises(HelderError, match=said):
        make("llama", **other)


def test_a_tokenizer_of_another_chat_format_is_refused(tokenizer: Callable[[str, str], Path], tmp_path: Path) -> None:
    settings = scratch.settings("mine", size("llama"), 0, "llama3")
    (tmp_path / "model").mkdir()
    with pytest.raises(HelderError, match="has no special token"):
        scratch.run(settings, {"tokenizer": tokenizer("smollm", "chatml")}, tmp_path / "model", tmp_path, quiet)
