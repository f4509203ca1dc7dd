"""The stage "base" from nothing: a tokenizer and an architecture → a model folder of ours, its weights drawn.

The folder is like that of an imported model (`helder.model.importer`), so everything that follows takes the one for the
other. Initialisation as OLMo 2 (OLMo-core, `InitMethod.normal`): every matrix, the embedding among them, from a normal
distribution of deviation 0.02 that is cut at 3 deviations; norms 1, biases 0. Seed and name of a tensor decide its bits
on every machine (`helder.model.draws`), so a seed is a proof here and not a hint.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.ledger.artifact import hash_file
from helder.model.config import TransformerConfig
from helder.model.folder import write_companions, write_json
from helder.model.sizes import Size

DEVIATION, CUT = 0.02, 3.0
ROWS = 64  # an embedding has a multiple of this many rows, as matrix kernels like it; those of no token stay unused
SIZES = (
    "width",
    "layers",
    "heads",
    "kv_heads",
    "head_width",
    "feed_forward_width",
    "rope_theta",
    "norm_epsilon",
    "tied",
    "context_length",
)


def settings(name: str, size: Size, seed: int, chat_format: str) -> dict[str, Any]:
    """The resolved settings of the stage: every number of the architecture, and the seed.

    Args:
        name: what people call the model.
        size: a published one, or one with other numbers (`dataclasses.replace`).
    """
    numbers = {key: value for key, value in asdict(size).items() if key in SIZES}
    return {
        "name": name,
        "size": size.name,
        "family": size.family,
        **numbers,
        "deviation": DEVIATION,
        "cut": CUT,
        "seed": seed,
        "chat_format": chat_format,
    }


def run(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Callable[..., None]
) -> dict[str, Any]:
    """Stage function, see `helder.stage`.

    Args:
        settings: as `settings` makes them.
        inputs: "tokenizer", a folder with a tokenizer.json.

    Returns:
        parameters, and rows of the embedding.

    Raises:
        HelderError: no such architecture, one that could not become a GGUF file, or a tokenizer that does not fit the
            chat format.
    """
    from helder.model import families, safetensors_file
    from helder.tokens.bpe import END_OF_TEXT
    from helder.tokens.chat import known
    from helder.tokens.tokenizer import FILE_NAME, Tokenizer

    tokenizer = Tokenizer.load(inputs["tokenizer"])
    rows = -(-tokenizer.vocabulary_size // ROWS) * ROWS
    config = _config(settings, rows)
    shutil.copyfile(tokenizer.path, output / FILE_NAME)
    begin = tokenizer.specials.get(known(settings["chat_format"]).begin)
    padding = tokenizer.specials.get(END_OF_TEXT)
    write_companions(output, config, settings["chat_format"], begin=begin, padding=padding)
    layout = {name: ("F32", shape) for name, shape in families.expected_shapes(config).items()}

    def tensors() -> Iterator[tuple[str, Any]]:
        for count, (name, (_, shape)) in enumerate(layout.items(), start=1):
            yield name, _draw(name, shape, settings)
            report("progress", done=count, total=len(layout), unit="tensor")

    weights = output / "model.safetensors"
    safetensors_file.write(weights, layout, tensors())
    write_json(output / "source.json", _source(settings, config, hash_file(weights)[1]))
    return {"parameters": config.parameter_count, "rows": rows}


def _config(settings: dict[str, Any], rows: int) -> TransformerConfig:
    from helder.model import families

    family = families.of_gguf(settings["family"])
    if settings["tied"] and family.own_head:
        raise HelderError(
            f"A model of the family {family.gguf} cannot have an output head that is tied to its embedding.",
            "llama.cpp does not load it.",
            'Leave "tied" out, or use the family llama or qwen2.',
        )
    numbers = {key: settings[key] for key in SIZES}
    for key, value in numbers.items():
        if key != "tied" and not value > 0:
            raise HelderError(f"No model can be made with {key} = {value}.", "It must be above 0.")
    try:
        return TransformerConfig(vocabulary_size=rows, **numbers, **family.flags)
    except ValueError as error:
        raise HelderError(f"No model can be made with these numbers: {error}.", fix="Change one of them.") from error


def _draw(name: str, shape: tuple[int, ...], settings: dict[str, Any]) -> Any:
    """The first values of a tensor, fp32."""
    import numpy as np

    from helder.model import draws

    if name.endswith("norm.weight"):
        return np.ones(shape, dtype="<f4")
    if name.endswith(".bias"):
        return np.zeros(shape, dtype="<f4")
    values = draws.truncated_normal(shape, settings["deviation"], settings["seed"], name, settings["cut"])
    return values.astype("<f4", copy=False)


def _source(settings: dict[str, Any], config: TransformerConfig, sha256: str) -> dict[str, Any]:
    """What `source.json` says: what it says of an imported model, and what decided the weights."""
    return {
        "name": settings["name"],
        "title": f"{settings['name']}, made from nothing",
        "origin": "",
        "kind": "scratch",
        "size": settings["size"],
        "parameters": config.parameter_count,
        "seed": settings["seed"],
        "sha256": sha256,
        "licence": "",
        "quantised": [],
        "note": f"Made from nothing with seed {settings['seed']}: it knows what its own training taught it.",
    }
