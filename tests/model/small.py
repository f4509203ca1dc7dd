"""A small model of any family with random weights, as the folder that Hugging Face's libraries would write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from helder.tokens.chat import CHATML
from helder.tokens.tokenizer import CUTS

SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
END = 2
WIDTH, LAYERS, HEADS, KV_HEADS, HEAD_WIDTH, FEED_FORWARD = 64, 2, 4, 2, 16, 96
TEXTS = (
    "2 tabs tds pc", "1 puff bd prn", "take one tablet at night", "half a tablet every morning for 5 days",
    "I'll have WE'RE don't, 12345.67\r\n\r\n  and so  on", "ééé naïve €€ 日本語 日本", "0 1 2 3 10 100 2024",
)  # fmt: skip


def tokenizer_json(cut: str = "smollm", vocabulary: int = 320) -> dict[str, Any]:
    """A byte-level BPE tokenizer learnt from `TEXTS`, with ChatML's special tokens."""
    form = CUTS[cut].to_json()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    record: dict[str, Any] = json.loads(tokenizer.to_str())
    record["pre_tokenizer"] = form
    record["model"]["ignore_merges"] = CUTS[cut].whole
    return record


def config_json(vocabulary: int, **other: Any) -> dict[str, Any]:
    """A config.json as transformers writes it for a Llama."""
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": vocabulary, "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS,
        "intermediate_size": FEED_FORWARD, "max_position_embeddings": 256, "rms_norm_eps": 1e-05,
        "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": True, "attention_bias": False,
        "mlp_bias": False, "bos_token_id": 1, "eos_token_id": END, "torch_dtype": "float32", **other,
    }  # fmt: skip


FAMILIES: dict[str, dict[str, Any]] = {  # what config.json says otherwise than a Llama's; None: it does not say it
    "llama": {},
    "qwen2": {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "attention_bias": None, "mlp_bias": None},
    "olmo2": {"architectures": ["Olmo2ForCausalLM"], "model_type": "olmo2", "mlp_bias": None},
}


def shapes(vocabulary: int, tied: bool, family: str) -> dict[str, tuple[int, ...]]:
    """Name → shape of every tensor, as the family's implementation in `transformers` names them."""
    queries, keys = HEADS * HEAD_WIDTH, KV_HEADS * HEAD_WIDTH
    block: dict[str, tuple[int, ...]] = {
        "self_attn.q_proj.weight": (queries, WIDTH), "self_attn.k_proj.weight": (keys, WIDTH),
        "self_attn.v_proj.weight": (keys, WIDTH), "self_attn.o_proj.weight": (WIDTH, queries),
        "mlp.gate_proj.weight": (FEED_FORWARD, WIDTH), "mlp.up_proj.weight": (FEED_FORWARD, WIDTH),
        "mlp.down_proj.weight": (WIDTH, FEED_FORWARD), "post_attention_layernorm.weight": (WIDTH,),
    }  # fmt: skip
    if family == "olmo2":
        block |= {
            "post_feedforward_layernorm.weight": (WIDTH,),
            "self_attn.q_norm.weight": (queries,), "self_attn.k_norm.weight": (keys,),
        }  # fmt: skip
    else:
        block |= {"input_layernorm.weight": (WIDTH,)}
    if family == "qwen2":
        block |= {f"self_attn.{name}_proj.bias": (size,) for name, size in (("q", queries), ("k", keys), ("v", keys))}
    found = {f"model.layers.{layer}.{name}": shape for layer in range(LAYERS) for name, shape in block.items()}
    found |= {"model.embed_tokens.weight": (vocabulary, WIDTH), "model.norm.weight": (WIDTH,)}
    return found if tied else found | {"lm_head.weight": (vocabulary, WIDTH)}


def weights(
    vocabulary: int, *, tied: bool = True, family: str = "llama", seed: int = 0
) -> dict[str, np.ndarray[Any, Any]]:
    """Random weights that spread the logits."""
    random = np.random.default_rng(seed)
    return {
        name: random.normal(float("norm" in name), 0.25, shape).astype(np.float32)
        for name, shape in shapes(vocabulary, tied, family).items()
    }


def make(
    folder: Path,
    *,
    cut: str = "smollm",
    tied: bool = True,
    dtype: Any = np.float32,
    shards: int = 1,
    template: str | None = CHATML.template,
    vocabulary: int = 320,
    family: str = "llama",
    **config: Any,
) -> Path:
    """Write the folder; other keys go into its config.json."""
    folder.mkdir(parents=True)
    tokenizer = tokenizer_json(cut, vocabulary)
    rows = len(tokenizer["model"]["vocab"])
    write_json(folder / "tokenizer.json", tokenizer)
    said = config_json(rows, tie_word_embeddings=tied, **FAMILIES[family]) | config
    write_json(folder / "config.json", {key: value for key, value in said.items() if value is not None})
    write_json(folder / "tokenizer_config.json", {"chat_template": template} if template is not None else {})
    tensors = {name: array.astype(dtype) for name, array in weights(rows, tied=tied, family=family).items()}
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return folder
    names = sorted(tensors)
    index: dict[str, str] = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        save_file({name: tensors[name] for name in names[shard::shards]}, folder / file, metadata={"format": "pt"})
        index |= dict.fromkeys(names[shard::shards], file)
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": index})
    return folder


def change_json(path: Path, **keys: Any) -> None:
    """Put other values into a JSON file; None takes a key out."""
    record = json.loads(path.read_text(encoding="utf-8")) | keys
    write_json(path, {key: value for key, value in record.items() if value is not None})


def write_json(path: Path, record: Any) -> None:
    path.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
