"""A model folder → a GGUF file, with the package `gguf` and numpy alone, so that anyone can make it again.

Norms stay F32. Q8_0 and Q4_0 apply to every matrix; the embedding, which is also the output head when it is tied, is
kept at Q8_0 in a Q4_0 file, as in the files that the base model is published in: at 4 bits the head loses most
(docs/log.md). K-quants are not written: their bytes change with the compiler.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helder.errors import HelderError
from helder.model import families, safetensors_file
from helder.tokens import chat, tokenizer

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType

    from helder.model.config import TransformerConfig
    from helder.model.safetensors_file import TensorInfo

FORMATS = ("f32", "f16", "q8_0", "q4_0")
BLOCK = 32  # weights that share a scale in Q8_0 and Q4_0; rows must be a multiple of it
NORMAL = 1  # gguf.TokenType


def write(
    folder: Path, target: Path, form: str, name: str, progress: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Write one GGUF file; the same folder, format and name give the same bytes.

    Args:
        folder: a model folder of ours (config.json, *.safetensors, tokenizer.json, helder.json).
        target: the file; tensors pass through memory one at a time.
        form: one of `FORMATS`.
        name: the model's name, written into the file.
        progress: called with (tensors written, tensors in all).

    Raises:
        HelderError: llama.cpp could not load it, a row is not a multiple of the block size, a weight is no finite
            number or too large for F16, or the tokenizer has no known name in GGUF.
    """
    import gguf
    import numpy as np

    config = families.read_config(folder)
    tensors = safetensors_file.open_folder(folder)
    kinds = {ours: kind_of(ours, info.shape, form) for ours, info in tensors.items()}
    family = families.of_settings(config)
    if config.tied and family.own_head:
        raise HelderError(
            f"A model of the family {family.gguf} whose output head is tied to its embedding cannot be a GGUF file.",
            "llama.cpp does not load it.",
            "Use a base model with an output head of its own, as the published ones have.",
        )
    writer = gguf.GGUFWriter(target, family.gguf)
    _add_settings(writer, config, form, name, _licence(folder))
    _add_tokenizer(writer, folder, config)
    for ours, info in sorted(tensors.items()):
        block, block_bytes = gguf.GGML_QUANT_SIZES[kinds[ours]]
        size = prod(info.shape) // block * block_bytes
        writer.add_tensor_info(family.to_gguf_name(ours), info.shape, np.dtype("f4"), size, raw_dtype=kinds[ours])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for done, (ours, info) in enumerate(sorted(tensors.items()), start=1):
        writer.write_tensor_data(_quantised(ours, info, kinds[ours], form, family.heads_of(ours, config)))
        progress(done, len(tensors))
    writer.close()


def kind_of(name: str, shape: tuple[int, ...], form: str) -> GGMLQuantizationType:
    """The ggml type of a tensor in a file of this format.

    Raises:
        HelderError: its rows cannot be cut into blocks.
    """
    from gguf import GGMLQuantizationType

    if len(shape) == 1 or form == "f32":
        return GGMLQuantizationType.F32
    if form == "f16":
        return GGMLQuantizationType.F16
    if shape[-1] % BLOCK:
        raise HelderError(
            f"{name} cannot be quantised to {form}: its rows have {shape[-1]} weights, not a multiple of {BLOCK}.",
            fix='Leave this format out of [compress] formats; "f16" always works.',
        )
    if form == "q4_0" and name not in ("model.embed_tokens.weight", "lm_head.weight"):
        return GGMLQuantizationType.Q4_0
    return GGMLQuantizationType.Q8_0


def _check_range(array: Any, name: str, form: str) -> None:
    import numpy as np

    largest = float(np.abs(array).max())  # NaN when one of them is
    if not np.isfinite(largest):
        raise HelderError(
            f"{name} holds weights that are not finite numbers.",
            "The training went astray, or the folder is damaged.",
            "Train with a smaller learning_rate; the training log shows where the loss went wrong.",
        )
    if form == "f16" and array.ndim > 1 and largest > float(np.finfo(np.float16).max):
        raise HelderError(
            f"{name} holds the weight {largest:g}, which F16 cannot hold.", fix='Use the format "q8_0" or "f32".'
        )


def _licence(folder: Path) -> str:
    """The licence of the base model, as its import recorded it."""
    path = folder / "source.json"
    return str(json.loads(path.read_text(encoding="utf-8")).get("licence", "")) if path.exists() else ""


def _quantised(name: str, info: TensorInfo, kind: GGMLQuantizationType, form: str, heads: int) -> Any:
    """One tensor in its type, made of some rows at a time; rows in GGUF's order."""
    import gguf
    import numpy as np

    pieces = [info.read()] if heads else info.pieces()
    made = []
    for piece in pieces:
        _check_range(piece, name, form)
        made.append(gguf.quants.quantize(families.permute_heads(piece, heads) if heads else piece, kind))
    return made[0] if len(made) == 1 else np.concatenate(made)


def _add_settings(writer: Any, config: TransformerConfig, form: str, name: str, licence: str) -> None:
    import gguf

    types = {"f32": "ALL_F32", "f16": "MOSTLY_F16", "q8_0": "MOSTLY_Q8_0", "q4_0": "MOSTLY_Q4_0"}
    writer.add_name(name)
    if licence not in ("", "unknown"):
        writer.add_license(licence)
    writer.add_file_type(gguf.LlamaFileType[types[form]])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_context_length(config.context_length)
    writer.add_embedding_length(config.width)
    writer.add_block_count(config.layers)
    writer.add_feed_forward_length(config.feed_forward_width)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.kv_heads)
    writer.add_rope_dimension_count(config.head_width)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_layer_norm_rms_eps(config.norm_epsilon)
    writer.add_vocab_size(config.vocabulary_size)


def _add_tokenizer(writer: Any, folder: Path, config: TransformerConfig) -> None:
    record = json.loads((folder / tokenizer.FILE_NAME).read_text(encoding="utf-8"))
    if record["model"].get("type") != "BPE":
        raise HelderError("Only byte-level BPE tokenizers can be written into a GGUF file.")
    tokens = {number: token for token, number in record["model"]["vocab"].items()}
    types = dict.fromkeys(tokens, NORMAL)
    for added in record["added_tokens"]:
        tokens[added["id"]] = added["content"]
        types[added["id"]] = tokenizer.CONTROL if added["special"] else tokenizer.USER_DEFINED
    missing = [number for number in range(config.vocabulary_size) if number not in tokens]
    for number in missing:  # rows of the embedding that no token uses
        tokens[number], types[number] = f"[unused{number}]", 5  # gguf.TokenType.UNUSED
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in record["model"]["merges"]]
    ends = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
    order = range(config.vocabulary_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(tokenizer.pre_tokenizer_name(folder / tokenizer.FILE_NAME))
    writer.add_token_list([tokens[number] for number in order])
    writer.add_token_types([types[number] for number in order])
    writer.add_token_merges(merges)
    if ends["bos_token_id"] is not None:
        writer.add_bos_token_id(ends["bos_token_id"])
    writer.add_eos_token_id(ends["eos_token_id"])
    # llama.cpp ends answers that follow a grammar with this one; without it, it takes a token by the look of its name.
    writer.add_eot_token_id(ends["eos_token_id"])
    writer.add_pad_token_id(ends["pad_token_id"])
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(chat.FORMATS[chat.format_of(folder)].template)
