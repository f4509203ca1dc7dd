"""Names and settings of other people's files: what is not understood is named, never ignored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.errors import HelderError
from helder.model import families
from helder.model.families import LLAMA
from tests.model import small

FIELDS: dict[str, Any] = {
    "general.architecture": "llama",
    "llama.embedding_length": 64,
    "llama.block_count": 2,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.feed_forward_length": 96,
    "llama.rope.freq_base": 10000.0,
    "llama.attention.layer_norm_rms_epsilon": float(np.float32(1e-5)),
    "llama.context_length": 256,
    "llama.rope.dimension_count": 16,
    "tokenizer.ggml.tokens": ["a"] * 300,
}


def folder(tmp_path: Path, **keys: Any) -> Path:
    small.write_json(tmp_path / "config.json", small.config_json(300))
    small.change_json(tmp_path / "config.json", **keys)
    return tmp_path


def test_both_kinds_of_files_give_the_same_settings(tmp_path: Path) -> None:
    ours = families.read_config(folder(tmp_path))
    assert families.config_from_gguf(FIELDS, ["token_embd.weight"]) == ours
    assert ours.norm_epsilon == 1e-5
    assert ours.head_width == 16
    assert families.config_from_gguf(FIELDS, ["output.weight"]).tied is False


def test_what_old_files_leave_out_is_what_their_own_programs_take() -> None:
    silent = {k: v for k, v in FIELDS.items() if not k.endswith(("freq_base", "head_count_kv", "dimension_count"))}
    config = families.config_from_gguf(silent, [])
    assert (config.rope_theta, config.kv_heads, config.head_width) == (10000.0, 4, 16)


def test_settings_survive_the_way_to_config_json_and_back(tmp_path: Path) -> None:
    config = families.read_config(folder(tmp_path, tie_word_embeddings=False, head_dim=32))
    small.write_json(tmp_path / "config.json", families.to_config_json(config))
    assert families.read_config(tmp_path) == config


@pytest.mark.parametrize("newer", [True, False])
def test_the_rotary_base_is_read_where_either_version_of_transformers_writes_it(tmp_path: Path, newer: bool) -> None:
    rope = {"rope_parameters": {"rope_type": "default", "rope_theta": 5000.0}}
    made = folder(tmp_path, **({"rope_theta": None, **rope} if newer else {"rope_theta": 5000.0}))
    assert families.read_config(made).rope_theta == 5000.0


def test_every_name_goes_to_gguf_and_back(tmp_path: Path) -> None:
    names = families.expected_shapes(families.read_config(folder(tmp_path, tie_word_embeddings=False)))
    there = {LLAMA.to_gguf_name(name) for name in names}
    assert len(there) == len(names) == 2 * 9 + 3
    assert {LLAMA.from_gguf_name(name) for name in there} == set(names)


@pytest.mark.parametrize("name", ["rope_freqs.weight", "blk.0.attn_q_norm.weight", "blk.x.attn_q.weight", "a", ""])
def test_a_tensor_that_the_family_does_not_have_is_named(name: str) -> None:
    with pytest.raises(HelderError) as caught:
        LLAMA.from_gguf_name(name)
    assert f"a tensor {name} that" in caught.value.what


@pytest.mark.parametrize("architecture", ["gemma3", None, 7, ""])
def test_an_unsupported_architecture_is_named_with_those_that_are(tmp_path: Path, architecture: Any) -> None:
    for read in (
        lambda: families.config_from_gguf({**FIELDS, "general.architecture": architecture}, []),
        lambda: families.read_config(folder(tmp_path, architectures=[architecture], model_type="other")),
    ):
        with pytest.raises(HelderError) as caught:
            read()
        assert "is not supported" in caught.value.what
        assert "llama" in caught.value.why.lower()


SETTINGS_THAT_ARE_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"hidden_size": None}, "width"),
    ({"vocab_size": None}, "vocabulary_size"),
    ({"num_hidden_layers": 0}, "layers is 0"),
    ({"num_hidden_layers": 10**9}, "layers is 1000000000"),
    ({"num_attention_heads": -4}, "heads is -4"),
    ({"num_attention_heads": 3}, "not a multiple"),
    ({"head_dim": 15}, "odd"),
    ({"intermediate_size": "96"}, "feed_forward_width is '96'"),
    ({"intermediate_size": True}, "feed_forward_width is True"),
    ({"rms_norm_eps": 0}, "norm_epsilon is 0"),
    ({"rope_scaling": {"rope_type": "llama3", "factor": 8}}, "scaled (llama3)"),
    ({"rope_scaling": {"type": "linear", "factor": 2}}, "scaled (linear)"),
    ({"hidden_act": "gelu"}, "activation 'gelu'"),
    ({"attention_bias": True}, "attention_bias"),
    ({"mlp_bias": True}, "mlp_bias"),
]


@pytest.mark.parametrize(("keys", "reason"), SETTINGS_THAT_ARE_REFUSED)
def test_a_config_json_that_is_refused(tmp_path: Path, keys: dict[str, Any], reason: str) -> None:
    with pytest.raises(HelderError) as caught:
        families.read_config(folder(tmp_path, **keys))
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"llama.block_count": 1 << 60}, "layers"),
        ({"llama.block_count": "two"}, "layers is 'two'"),
        ({"llama.attention.head_count": [4, 4]}, "heads is [4, 4]"),
        ({"llama.embedding_length": None}, "width"),
        ({"llama.attention.layer_norm_rms_epsilon": float("nan")}, "norm_epsilon is nan"),
        ({"llama.rope.freq_base": float("inf")}, "rope_theta is inf"),
        ({"llama.rope.scaling.type": "yarn"}, "scaled (yarn)"),
        ({"llama.rope.dimension_count": 8, "llama.attention.key_length": 16}, "rotates a part"),
        ({"llama.attention.key_length": 16, "llama.attention.value_length": 32}, "values of another width"),
        ({"tokenizer.ggml.tokens": None}, "vocabulary_size"),
    ],
)
def test_gguf_settings_that_are_refused(keys: dict[str, Any], reason: str) -> None:
    with pytest.raises(HelderError) as caught:
        families.config_from_gguf({**FIELDS, **keys}, [])
    assert reason in str(caught.value)


def test_rotary_factors_in_a_tensor_are_not_ignored() -> None:
    with pytest.raises(HelderError, match="scaled"):
        families.config_from_gguf(FIELDS, ["rope_freqs.weight"])


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000])
def test_a_config_json_that_is_not_an_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(HelderError, match=r"config.json is not"):
        families.read_config(tmp_path)


def test_missing_extra_and_wrongly_shaped_tensors_are_named_together(tmp_path: Path) -> None:
    config = families.read_config(folder(tmp_path))
    shapes = families.expected_shapes(config)
    del shapes["model.norm.weight"]
    shapes["model.layers.1.mlp.up_proj.weight"] = (96, 63)
    shapes["model.layers.1.mlp.up_proj.bias"] = (96,)
    with pytest.raises(HelderError) as caught:
        families.check_shapes(shapes, config, "model.gguf")
    assert caught.value.why == (
        "model.norm.weight is missing; model.layers.1.mlp.up_proj.bias is not part of this architecture; "
        "model.layers.1.mlp.up_proj.weight is [96, 63] and should be [96, 64]."
    )


def test_when_much_does_not_fit_the_rest_is_counted(tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="and 15 more"):
        families.check_shapes({}, families.read_config(folder(tmp_path)), "model.gguf")


@given(heads=st.integers(1, 8), half=st.integers(1, 8), columns=st.integers(0, 3))
def test_permuted_heads_come_back(heads: int, half: int, columns: int) -> None:
    shape = (heads * half * 2, columns) if columns else (heads * half * 2,)
    rows = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    assert np.array_equal(families.restore_heads(families.permute_heads(rows, heads), heads), rows)


def test_rotary_pairs_stand_side_by_side_in_gguf() -> None:
    rows = np.arange(8)  # two heads of width 4: pairs (0, 2), (1, 3) and (4, 6), (5, 7)
    assert families.permute_heads(rows, 2).tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
