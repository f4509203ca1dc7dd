"""Which names and settings a model has in other people's files: a table for each family, not a reader for each.

Llama (SmolLM2), Qwen2 (OlympicCoder) and OLMo 2; a further family is a further `Family`. Parameter names inside Helder
are those of the Hugging Face implementations. What a table does not say is refused, never ignored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.model.config import TransformerConfig


@dataclass(frozen=True)
class Family:
    """Where one family keeps what `TransformerConfig` and our parameter names mean.

    Attributes:
        gguf: the architecture's name in GGUF files.
        hugging_face: the architecture's name in config.json.
        model_type: the model's type in config.json.
        settings: ours → (config.json, GGUF key after the architecture's name).
        block: tensors of a layer, GGUF → ours.
        other: tensors outside the layers, GGUF → ours.
        permuted: matrices whose rows stand in another order in GGUF files, → the setting that counts their heads.
        flags: the settings of `TransformerConfig` that make the family.
        silent: ours → what `transformers` takes when config.json is silent.
        own_head: llama.cpp knows it only with an output head of its own, not with one tied to the embedding.
    """

    gguf: str
    hugging_face: str
    model_type: str
    settings: Mapping[str, tuple[str, str]]
    block: Mapping[str, str]
    other: Mapping[str, str]
    permuted: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, bool] = field(default_factory=dict)
    silent: Mapping[str, Any] = field(default_factory=dict)
    own_head: bool = False

    def from_gguf_name(self, name: str) -> str:
        """ "blk.3.attn_q.weight" → "model.layers.3.self_attn.q_proj.weight".

        Raises:
            HelderError: a tensor that the family does not have.
        """
        parts = name.split(".")
        if len(parts) == 4 and parts[0] == "blk" and parts[1].isdecimal() and parts[2] in self.block:
            return f"model.layers.{parts[1]}.{self.block[parts[2]]}.{parts[3]}"
        if len(parts) == 2 and parts[0] in self.other:
            return f"{self.other[parts[0]]}.{parts[1]}"
        raise HelderError(
            f"The GGUF file has a tensor {name} that a model of the {self.gguf} family does not have.",
            "Its architecture has parts that Helder's transformer has not.",
            "Choose another base model, for example smollm2-135m-instruct.",
        )

    def to_gguf_name(self, name: str) -> str:
        """The way back of `from_gguf_name`."""
        parts = name.split(".")
        if name.startswith("model.layers."):
            inner = ".".join(parts[3:-1])
            short = next(gguf for gguf, ours in self.block.items() if ours == inner)
            return f"blk.{parts[2]}.{short}.{parts[-1]}"
        short = next(gguf for gguf, ours in self.other.items() if ours == ".".join(parts[:-1]))
        return f"{short}.{parts[-1]}"

    def heads_of(self, name: str, config: TransformerConfig) -> int:
        """How many heads a tensor's rows are permuted by; 0 for tensors that are not."""
        setting = next((setting for part, setting in self.permuted.items() if f".{part}." in name), None)
        return 0 if setting is None else int(getattr(config, setting))


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
PROJECTIONS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
PRE_NORMS = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
OTHER = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}

LLAMA = Family(
    gguf="llama",
    hugging_face="LlamaForCausalLM",
    model_type="llama",
    settings=SETTINGS,
    block=PROJECTIONS | PRE_NORMS,
    other=OTHER,
    permuted={"self_attn.q_proj": "heads", "self_attn.k_proj": "kv_heads"},
)
QWEN2 = Family(
    gguf="qwen2",
    hugging_face="Qwen2ForCausalLM",
    model_type="qwen2",
    settings=SETTINGS,
    block=PROJECTIONS | PRE_NORMS,
    other=OTHER,
    flags={"attention_bias": True},
    silent={"norm_epsilon": 1e-6},
)
OLMO2 = Family(
    gguf="olmo2",
    hugging_face="Olmo2ForCausalLM",
    model_type="olmo2",
    settings=SETTINGS,
    block=PROJECTIONS
    | {
        "attn_q_norm": "self_attn.q_norm",
        "attn_k_norm": "self_attn.k_norm",
        "post_attention_norm": "post_attention_layernorm",
        "post_ffw_norm": "post_feedforward_layernorm",
    },
    other=OTHER,
    flags={"post_norm": True, "qk_norm": True},
    silent={"norm_epsilon": 1e-5},
    own_head=True,
)
FAMILIES = (LLAMA, QWEN2, OLMO2)
FLAGS = ("attention_bias", "post_norm", "qk_norm")

LARGEST = {"layers": 1 << 12, "context_length": 1 << 32}  # sizes that no model has (assumption); of the others:
LARGEST_SIZE = 1 << 24


def of_gguf(architecture: Any) -> Family:
    """The family of a GGUF file.

    Raises:
        HelderError: not supported.
    """
    for family in FAMILIES:
        if family.gguf == architecture:
            return family
    raise _unsupported(architecture, (family.gguf for family in FAMILIES))


def of_config(config: Mapping[str, Any]) -> Family:
    """The family of a `config.json`.

    Raises:
        HelderError: not supported.
    """
    named = config.get("architectures") or [None]
    for family in FAMILIES:
        if named[0] == family.hugging_face or (named[0] is None and config.get("model_type") == family.model_type):
            return family
    raise _unsupported(named[0] or config.get("model_type"), (family.hugging_face for family in FAMILIES))


def of_settings(config: TransformerConfig) -> Family:
    """The family whose architecture these settings describe.

    Raises:
        HelderError: no family has it.
    """
    flags = {flag: getattr(config, flag) for flag in FLAGS}
    for family in FAMILIES:
        if flags == {flag: family.flags.get(flag, False) for flag in FLAGS}:
            return family
    raise HelderError(
        f"No family of models has these settings together: {', '.join(flag for flag in FLAGS if flags[flag])}.",
        "Other programs could not run it.",
        "Use those of Llama (none), Qwen2 (attention_bias) or OLMo 2 (post_norm and qk_norm).",
    )


def config_from_gguf(fields: Mapping[str, Any], tensors: Iterable[str]) -> TransformerConfig:
    """The settings of a GGUF file.

    Args:
        fields: metadata key → value.
        tensors: names in the tensor table; without an output tensor the head is tied to the embedding.

    Raises:
        HelderError: unsupported architecture, or a setting is missing, of a kind that is not supported, or no size
            that a model can have.
    """
    family = of_gguf(fields.get("general.architecture"))
    where = "The GGUF file"
    scaling = fields.get(f"{family.gguf}.rope.scaling.type", "none")
    if scaling != "none" or "rope_freqs.weight" in tensors:
        raise _scaled_rope(where, scaling)
    values: dict[str, Any] = {
        ours: fields.get(f"{family.gguf}.{theirs}") for ours, (_, theirs) in family.settings.items()
    }
    values["rope_theta"] = values["rope_theta"] or 10000.0  # what llama.cpp takes when the file is silent
    values["kv_heads"] = values["kv_heads"] or values["heads"]
    tokens = fields.get("tokenizer.ggml.tokens")
    values["vocabulary_size"] = len(tokens) if isinstance(tokens, list) else None
    rotated = fields.get(f"{family.gguf}.rope.dimension_count")
    values["head_width"] = fields.get(f"{family.gguf}.attention.key_length", rotated)
    if fields.get(f"{family.gguf}.attention.value_length", values["head_width"]) != values["head_width"] or (
        rotated is not None and rotated != values["head_width"]
    ):
        raise HelderError(f"{where} rotates a part of each head, or has values of another width than keys.")
    if isinstance(values["norm_epsilon"], float):
        values["norm_epsilon"] = shortest_float32(values["norm_epsilon"])
    return _checked(values, where, tied="output.weight" not in tensors, flags=family.flags)


def shortest_float32(value: float) -> float:
    """The shortest decimal that is the same fp32 number: 9.999999747378752e-06 → 1e-05."""
    import numpy as np

    return float(str(np.float32(value)))


def read_config(folder: Path) -> TransformerConfig:
    """The settings in the `config.json` of a Hugging Face folder.

    Raises:
        HelderError: no config.json, unsupported architecture, or a setting is missing, of a kind that is not
            supported, or no size that a model can have.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HelderError(
            f"{folder} has no config.json.",
            "It is not a Hugging Face model folder.",
            "Give the folder that holds config.json, tokenizer.json and *.safetensors, or a GGUF file.",
        ) from None
    except (ValueError, RecursionError) as error:
        raise HelderError(f"{path} is not JSON.", str(error), "Fetch the model again.") from error
    if not isinstance(config, dict):
        raise HelderError(f"{path} is not a JSON object.", fix="Fetch the model again.")
    family = of_config(config)
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise _scaled_rope(str(path), kind)
    if config.get("hidden_act", "silu") != "silu":
        raise HelderError(f"{path}: the activation {config['hidden_act']!r} is not supported; silu is.")
    for setting in ("attention_bias", "mlp_bias"):
        if config.get(setting) and not family.flags.get(setting):
            raise HelderError(f"{path}: {setting} is set; a {family.model_type} with biases is not supported.")
    windows = [kind for kind in config.get("layer_types") or [] if kind != "full_attention"]
    if windows or (config.get("use_sliding_window") and config.get("sliding_window")):
        raise HelderError(
            f"{path}: attention within a sliding window is not supported.",
            "Ignoring it would give another model.",
            "Choose a base model without it.",
        )
    values = {ours: config.get(theirs, family.silent.get(ours)) for ours, (theirs, _) in family.settings.items()}
    values["rope_theta"] = values["rope_theta"] or rope.get("rope_theta", 10000.0)  # transformers' default
    values["kv_heads"] = values["kv_heads"] or values["heads"]
    values["head_width"] = config.get("head_dim")
    values["vocabulary_size"] = config.get("vocab_size")
    return _checked(values, str(path), tied=bool(config.get("tie_word_embeddings", False)), flags=family.flags)


def _checked(values: dict[str, Any], where: str, *, tied: bool, flags: Mapping[str, bool]) -> TransformerConfig:
    """The settings, when every one of them is there and is a number that a model can have."""
    if values["head_width"] is None and type(values["width"]) is int and type(values["heads"]) is int:
        values["head_width"] = values["width"] // max(1, values["heads"])
    for name, value in values.items():
        real = name in ("rope_theta", "norm_epsilon")
        largest = float("inf") if real else LARGEST.get(name, LARGEST_SIZE)
        kinds = (int, float) if real else (int,)
        if value is None:
            raise HelderError(f"{where} does not say the model's {name}.", "It is damaged or incomplete.")
        if type(value) not in kinds or not 0 < value < largest:
            raise HelderError(
                f"{where} says that the model's {name} is {value!r}.", "No model has that.", "Fetch the model again."
            )
    values["rope_theta"], values["norm_epsilon"] = float(values["rope_theta"]), float(values["norm_epsilon"])
    try:
        return TransformerConfig(**values, tied=tied, **flags)
    except ValueError as error:
        raise HelderError(f"{where} describes no model: {error}.", fix="Fetch the model again.") from error


def to_config_json(config: TransformerConfig, dtype: str = "float32") -> dict[str, Any]:
    """The `config.json` for `transformers`, but for the ids of special tokens.

    Args:
        dtype: type of the weights in the folder, as torch calls it.
    """
    family = of_settings(config)
    return {
        "architectures": [family.hugging_face],
        "model_type": family.model_type,
        "hidden_act": "silu",
        "attention_bias": config.attention_bias,
        "mlp_bias": False,
        "head_dim": config.head_width,
        "tie_word_embeddings": config.tied,
        "vocab_size": config.vocabulary_size,
        "dtype": dtype,
        **{theirs: getattr(config, ours) for ours, (theirs, _) in family.settings.items()},
    }


def expected_shapes(config: TransformerConfig) -> dict[str, tuple[int, ...]]:
    """Name → shape of every tensor of a model with these settings."""
    queries, keys = config.heads * config.head_width, config.kv_heads * config.head_width
    block: dict[str, tuple[int, ...]] = {
        f"{'post_feedforward' if config.post_norm else 'input'}_layernorm.weight": (config.width,),
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
    if config.qk_norm:
        block |= {"self_attn.q_norm.weight": (queries,), "self_attn.k_norm.weight": (keys,)}
    shapes = {f"model.layers.{layer}.{name}": shape for layer in range(config.layers) for name, shape in block.items()}
    shapes["model.embed_tokens.weight"] = (config.vocabulary_size, config.width)
    shapes["model.norm.weight"] = (config.width,)
    if not config.tied:
        shapes["lm_head.weight"] = (config.vocabulary_size, config.width)
    return dict(sorted(shapes.items()))


def check_shapes(
    found: Mapping[str, tuple[int, ...]],
    config: TransformerConfig,
    where: str,
    called: Callable[[str], str] = str,
) -> None:
    """Refuse tensors that are missing, extra or of another shape.

    Args:
        called: our name of a tensor → its name in that file.

    Raises:
        HelderError: the first few of them are named.
    """
    expected = expected_shapes(config)
    missing = [f"{called(name)} is missing" for name in expected if name not in found]
    extra = [f"{called(name)} is not part of this architecture" for name in sorted(found) if name not in expected]
    other = [
        f"{called(name)} is {list(found[name])} and should be {list(shape)}"
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


def check_vocabulary(tokens: int, rows: int, where: str, *, exactly: bool = False) -> None:
    """Refuse a tokenizer that can write ids for which the embedding has no row.

    Args:
        tokens: one more than the tokenizer's largest id.
        rows: of the embedding. In folders, more rows than tokens are usual: some models round their number up.
        exactly: the two numbers must be equal, as in GGUF files.

    Raises:
        HelderError: they do not fit.
    """
    if tokens > rows or (exactly and tokens != rows):
        raise HelderError(
            f"The tokenizer of {where} does not fit its weights.",
            f"It has {tokens} tokens and the embedding {rows} rows.",
            "Fetch the model again; one of the two belongs to another model.",
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


def _scaled_rope(where: str, kind: Any) -> HelderError:
    return HelderError(
        f"{where}: the rotary embedding of this model is scaled ({kind}).",
        "That is not supported yet; ignoring it would give another model.",
        "Choose another base model, for example smollm2-135m-instruct.",
    )


def _unsupported(name: Any, supported: Iterable[str]) -> HelderError:
    return HelderError(
        f"The architecture {name} is not supported.",
        f"Supported: {', '.join(sorted(supported))}.",
        "Choose a base model of one of these families, for example smollm2-135m-instruct.",
    )
