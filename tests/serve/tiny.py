"""A tiny llama with random weights: its tokenizer.json, our transformer, and a GGUF file in F32."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from helder.model.config import TransformerConfig
from helder.model.transformer import Transformer

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
END = 2  # the id of <|im_end|>
CONTEXT = 256
TEXT = [
    "2 tabs tds pc",
    "1 puff bd prn",
    "take one tablet at night",
    '{"as_required":true}',
    '[{"form":"tablet","dose":2,"times":3,"per":"day"}]',
    "half a tablet every morning for 5 days",
    "zo nodig 1 tablet",
]


@dataclass(frozen=True)
class Tiny:
    """Where the files lie, and the same weights in memory."""

    folder: Path
    gguf: Path
    tokenizer: Tokenizer
    model: Transformer

    def encode(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids))


def make(folder: Path, seed: int = 0, scale: float = 0.25, vocabulary: int = 320) -> Tiny:
    """Write the tiny model to `folder`. A larger `scale` spreads the logits."""
    tokenizer = _tokenizer(vocabulary)
    tokenizer.save(str(folder / "tokenizer.json"))
    model = _model(tokenizer.get_vocab_size(), seed, scale)
    path = folder / "model-f32.gguf"
    _write_gguf(path, model, tokenizer)
    return Tiny(folder, path, tokenizer, model)


def _tokenizer(vocabulary: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


def _model(vocabulary_size: int, seed: int, scale: float) -> Transformer:
    config = TransformerConfig(
        vocabulary_size=vocabulary_size, width=64, layers=2, heads=4, kv_heads=2, head_width=16,
        feed_forward_width=96, rope_theta=10000.0, norm_epsilon=1e-5, tied=True, context_length=CONTEXT,
    )  # fmt: skip
    model = Transformer(config)
    random = np.random.default_rng(seed)
    with torch.no_grad():
        for name, weights in sorted(model.named_parameters()):
            drawn = random.normal(1.0 if "norm" in name else 0.0, scale, tuple(weights.shape))
            weights.copy_(torch.from_numpy(drawn.astype(np.float32)))
    return model.eval()


GGUF_NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip


def _write_gguf(path: Path, model: Transformer, tokenizer: Tokenizer) -> None:
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config.context_length)
    writer.add_embedding_length(config.width)
    writer.add_block_count(config.layers)
    writer.add_feed_forward_length(config.feed_forward_width)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.kv_heads)
    writer.add_layer_norm_rms_eps(config.norm_epsilon)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_rope_dimension_count(config.head_width)
    writer.add_vocab_size(config.vocabulary_size)
    tokens = [tokenizer.id_to_token(index) or "" for index in range(config.vocabulary_size)]
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([control if token in SPECIAL else normal for token in tokens])
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_eos_token_id(END)
    writer.add_eot_token_id(END)
    writer.add_add_bos_token(False)
    for name, weights in model.state_dict().items():
        array = weights.numpy()
        if name == "lm_head.weight":
            continue
        if name == "model.embed_tokens.weight":
            writer.add_tensor("token_embd.weight", array)
        elif name == "model.norm.weight":
            writer.add_tensor("output_norm.weight", array)
        else:
            _, _, layer, rest = name.split(".", 3)
            rest = rest.removesuffix(".weight")
            heads = {"self_attn.q_proj": config.heads, "self_attn.k_proj": config.kv_heads}.get(rest)
            if heads:  # llama.cpp rotates neighbouring pairs, Hugging Face's layout rotates halves
                split = array.reshape(heads, 2, config.head_width // 2, config.width)
                array = np.ascontiguousarray(split.swapaxes(1, 2).reshape(array.shape))
            writer.add_tensor(f"blk.{layer}.{GGUF_NAMES[rest]}.weight", array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
