"""Which names and settings a model has in other people's files: a table for each family, not a reader for each.

Llama (SmolLM2) for now. Parameter names inside Helder are those of the Hugging Face Llama implementation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helder.errors import HelderError

if TYPE_CHECKING:
    from helder.model.transformer import TransformerConfig

SUPPORTED = {"llama": "LlamaForCausalLM"}  # GGUF architecture → Hugging Face architecture

# Settings: ours → (config.json, GGUF key after the architecture's name)
SETTINGS = {
    "width": ("hidden_size", "embedding_length"),
    "layers": ("num_hidden_layers", "block_count"),
    "heads": ("num_attention_heads", "attention.head_count"),
    "kv_heads": ("num_key_value_heads", "attention.head_count_kv"),
    "feed_forward_width": ("intermediate_size", "feed_forward_length"),
    "rope_theta": ("rope_theta", "rope.freq_base"),
    "norm_epsilon": ("rms_norm_eps", "attention.layer_norm_rms_epsilon"),
    "context_length": ("max_position_embeddings", "context_length"),
}

# Tensors of a block and of the rest: GGUF → ours
BLOCK_TENSORS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OTHER_TENSORS = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def from_gguf_name(name: str) -> str:
    """ "blk.3.attn_q.weight" → "model.layers.3.self_attn.q_proj.weight".

    Raises:
        HelderError: a tensor that the family does not have.
    """
    parts = name.split(".")
    if len(parts) == 4 and parts[0] == "blk" and parts[1].isdigit() and parts[2] in BLOCK_TENSORS:
        return f"model.layers.{parts[1]}.{BLOCK_TENSORS[parts[2]]}.{parts[3]}"
    if len(parts) == 2 and parts[0] in OTHER_TENSORS:
        return f"{OTHER_TENSORS[parts[0]]}.{parts[1]}"
    raise HelderError(
        f"The GGUF file has a tensor {name} that a Llama model does not have.",
        fix="Import a file of a supported architecture: " + ", ".join(SUPPORTED),
    )


def to_gguf_name(name: str) -> str:
    """The way back of `from_gguf_name`."""
    parts = name.split(".")
    if name.startswith("model.layers."):
        inner = ".".join(parts[3:-1])
        short = next(gguf for gguf, ours in BLOCK_TENSORS.items() if ours == inner)
        return f"blk.{parts[2]}.{short}.{parts[-1]}"
    short = next(gguf for gguf, ours in OTHER_TENSORS.items() if ours == ".".join(parts[:-1]))
    return f"{short}.{parts[-1]}"


def config_from_gguf(fields: Mapping[str, Any], tied: bool) -> TransformerConfig:
    """The settings of a GGUF file.

    Args:
        fields: metadata key → value.
        tied: the file has no output tensor of its own.

    Raises:
        HelderError: unsupported architecture, or a setting is missing.
    """
    from helder.model.transformer import TransformerConfig

    architecture = fields.get("general.architecture")
    if architecture not in SUPPORTED:
        raise _unsupported(f"{architecture}", SUPPORTED)
    try:
        values = {ours: fields[f"{architecture}.{theirs}"] for ours, (_, theirs) in SETTINGS.items()}
    except KeyError as missing:
        raise HelderError(f"The GGUF file does not say {missing.args[0]}.", "It is damaged or very old.") from None
    width = int(fields.get(f"{architecture}.rope.dimension_count", values["width"] // values["heads"]))
    values["norm_epsilon"] = shortest_float32(float(values["norm_epsilon"]))
    vocabulary = len(fields["tokenizer.ggml.tokens"])
    return TransformerConfig(vocabulary_size=vocabulary, head_width=width, tied=tied, **values)


def shortest_float32(value: float) -> float:
    """The shortest decimal that is the same fp32 number: 9.999999747378752e-06 → 1e-05."""
    import numpy as np

    return float(str(np.float32(value)))


def read_config(folder: Path) -> TransformerConfig:
    """The settings in the `config.json` of a Hugging Face folder.

    Raises:
        HelderError: no config.json, unsupported architecture, a setting that is missing or not supported.
    """
    from helder.model.transformer import TransformerConfig

    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HelderError(f"{folder} has no config.json.", "It is not a Hugging Face model folder.") from None
    except ValueError as error:
        raise HelderError(f"{path} is not JSON.", str(error)) from error
    architectures = config.get("architectures") or [config.get("model_type")]
    if architectures[0] not in SUPPORTED.values():
        raise _unsupported(str(architectures[0]), SUPPORTED.values())
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise HelderError(f"The rotary embedding of this model is scaled ({kind}); that is not supported yet.")
    if config.get("hidden_act", "silu") != "silu" or config.get("mlp_bias"):
        raise HelderError("The feed-forward layer of this model is not a SwiGLU without biases.")
    config.setdefault("rope_theta", rope.get("rope_theta", 10000.0))
    config.setdefault("num_key_value_heads", config.get("num_attention_heads"))
    try:
        values = {ours: config[theirs] for ours, (theirs, _) in SETTINGS.items()}
        return TransformerConfig(
            vocabulary_size=config["vocab_size"],
            head_width=config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"],
            tied=bool(config.get("tie_word_embeddings", False)),
            attention_bias=bool(config.get("attention_bias", False)),
            **values,
        )
    except KeyError as missing:
        raise HelderError(f"{path} does not say {missing.args[0]}.", "The folder is damaged or incomplete.") from None


def to_config_json(config: TransformerConfig, *, begin: int | None, end: int, padding: int) -> dict[str, Any]:
    """The `config.json` for `transformers`."""
    values = {theirs: getattr(config, ours) for ours, (theirs, _) in SETTINGS.items()}
    return {
        "architectures": [SUPPORTED["llama"]],
        "model_type": "llama",
        "hidden_act": "silu",
        "attention_bias": config.attention_bias,
        "mlp_bias": False,
        "head_dim": config.head_width,
        "tie_word_embeddings": config.tied,
        "vocab_size": config.vocabulary_size,
        "bos_token_id": begin,
        "eos_token_id": end,
        "pad_token_id": padding,
        "dtype": "float32",
        **values,
    }


def expected_shapes(config: TransformerConfig) -> dict[str, tuple[int, ...]]:
    """Name → shape of every tensor of a model with these settings."""
    queries, keys = config.heads * config.head_width, config.kv_heads * config.head_width
    block: dict[str, tuple[int, ...]] = {
        "input_layernorm.weight": (config.width,),
        "self_attn.q_proj.weight": (queries, config.width),
        "self_attn.k_proj.weight": (keys, config.width),
        "self_attn.v_proj.weight": (keys, config.width),
        "self_attn.o_proj.weight": (config.width, queries),
        "post_attention_layernorm.weight": (config.width,),
        "mlp.gate_proj.weight": (config.feed_forward_width, config.width),
        "mlp.up_proj.weight": (config.feed_forward_width, config.width),
        "mlp.down_proj.weight": (config.width, config.feed_forward_width),
    }
    if config.attention_bias:
        block |= {f"self_attn.{name}_proj.bias": (size,) for name, size in (("q", queries), ("k", keys), ("v", keys))}
    shapes = {f"model.layers.{layer}.{name}": shape for layer in range(config.layers) for name, shape in block.items()}
    shapes["model.embed_tokens.weight"] = (config.vocabulary_size, config.width)
    shapes["model.norm.weight"] = (config.width,)
    if not config.tied:
        shapes["lm_head.weight"] = (config.vocabulary_size, config.width)
    return dict(sorted(shapes.items()))


def check_shapes(found: Mapping[str, tuple[int, ...]], config: TransformerConfig, where: str) -> None:
    """Refuse tensors that are missing, extra or of another shape.

    Raises:
        HelderError: the first few of them are named.
    """
    expected = expected_shapes(config)
    missing = [f"{name} is missing" for name in expected if name not in found]
    extra = [f"{name} is not part of this architecture" for name in sorted(found) if name not in expected]
    other = [
        f"{name} is {list(found[name])} and should be {list(shape)}"
        for name, shape in expected.items()
        if name in found and tuple(found[name]) != shape
    ]
    problems = missing + extra + other
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise HelderError(
            f"The tensors in {where} do not fit its settings.",
            "; ".join(problems[:5]) + more + ".",
            "Fetch the model again; if it is whole, its architecture is not supported.",
        )


def permute_heads(rows: Any, heads: int) -> Any:
    """Rows of a query or key matrix, Hugging Face's order → GGUF's: rotary pairs stand side by side there.

    Args:
        rows: array (heads * head_width, …).
    """
    shape = rows.shape
    return rows.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def restore_heads(rows: Any, heads: int) -> Any:
    """The way back of `permute_heads`."""
    shape = rows.shape
    return rows.reshape(heads, shape[0] // heads // 2, 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def heads_of(name: str, config: TransformerConfig) -> int:
    """How many heads a tensor's rows are permuted by; 0 for tensors that are not."""
    if ".self_attn.q_proj." in name:
        return config.heads
    return config.kv_heads if ".self_attn.k_proj." in name else 0


def _unsupported(name: str, supported: Iterable[str]) -> HelderError:
    return HelderError(
        f"The architecture {name} is not supported.",
        f"Supported: {', '.join(sorted(supported))}.",
        "Choose a base model of the Llama family, for example smollm2-135m-instruct.",
    )
