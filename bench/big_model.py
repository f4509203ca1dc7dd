"""A large model on a small machine: imported and quantised tensor by tensor, and then it answers.

Makes a Hugging Face folder with the exact shape of a published model and random weights in bf16 (nothing of the real
weights is on this machine), then runs `helder model import` and `helder model export --format q4_0` on it and takes the
peak memory of all their processes, then asks the file one question through llama.cpp.

    python -m bench.big_model --shape olympiccoder-7b        # 15 GB are written, read, and removed again
    python -m bench.big_model --shape olmo2-7b
    python -m bench.big_model --shape olympiccoder-7b --layers 2     # a smoke run

The bar is the memory of import and export. That the weights are random does not change it, nor that the tokenizer is a
small one with the rest of the vocabulary unused.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench import measuring
from bench.processes import MemoryWatch
from helder.commands.talk import duration, size, table
from helder.model import families, safetensors_file
from helder.serve.engine import Engine
from helder.tokens.chat import CHATML
from tests.model import small

MEMORY_BAR = 3e9  # bytes, import and export
SHARD = 4 << 30  # bytes of a weights file, as published models have them
PERIOD = 1 << 20  # weights that are drawn; they are repeated: what counts is that they are read, checked and rounded

# config.json of the published models (open-r1/OlympicCoder-7B; allenai/OLMo-2-1124-7B), as far as it is read.
SHAPES: dict[str, dict[str, Any]] = {
    "olympiccoder-7b": {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_size": 3584,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "intermediate_size": 18944,
        "vocab_size": 152064,
        "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-6,
        "rope_theta": 300000.0,
        "tie_word_embeddings": False,
        "use_sliding_window": False,
        "hidden_act": "silu",
    },
    "olmo2-7b": {
        "architectures": ["Olmo2ForCausalLM"],
        "model_type": "olmo2",
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "intermediate_size": 11008,
        "vocab_size": 100352,
        "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-6,
        "rope_theta": 500000.0,
        "tie_word_embeddings": False,
        "hidden_act": "silu",
    },
}


def make(folder: Path, config: dict[str, Any]) -> int:
    """Write the folder; the bytes of its weights."""
    folder.mkdir(parents=True)
    small.write_json(folder / "config.json", config)
    tokenizer = small.tokenizer_json()
    small.write_json(folder / "tokenizer.json", tokenizer)
    small.write_json(folder / "tokenizer_config.json", {"chat_template": CHATML.template})
    shapes = families.expected_shapes(families.read_config(folder))
    shards: list[dict[str, tuple[int, ...]]] = [{}]
    held = 0
    for name, shape in shapes.items():
        bytes_of = 2 * int(np.prod(shape))
        if held and held + bytes_of > SHARD:
            shards.append({})
            held = 0
        shards[-1][name] = shape
        held += bytes_of
    drawn = np.random.default_rng(0).normal(0, 0.02, PERIOD).astype(np.float32)
    bits = (drawn.view(np.uint32) >> 16).astype("<u2")
    weight_map: dict[str, str] = {}
    for number, shard in enumerate(shards, start=1):
        file = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        layout = {name: ("BF16", shape) for name, shape in shard.items()}
        safetensors_file.write(folder / file, layout, _tensors(shard, bits))
        weight_map |= dict.fromkeys(shard, file)
    small.write_json(folder / safetensors_file.INDEX, {"metadata": {}, "weight_map": weight_map})
    return sum(2 * int(np.prod(shape)) for shape in shapes.values())


def _tensors(shapes: dict[str, tuple[int, ...]], bits: Any) -> Iterator[tuple[str, Any]]:
    """Norms are ones (0x3F80 in bf16), all else the drawn weights over and over."""
    for name, shape in sorted(shapes.items()):
        count = int(np.prod(shape))
        yield name, np.full(count, 0x3F80, "<u2") if "norm" in name else np.resize(bits, count)


def helder(*arguments: str, home: Path) -> dict[str, Any]:
    """Run a command, which must succeed: its JSON, seconds and peak memory."""
    begin = time.monotonic()
    with MemoryWatch(0.1) as watch:
        done = subprocess.run(
            [measuring.HELDER, *arguments, "--json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, "HELDER_HOME": str(home)},
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"helder {' '.join(arguments[:2])} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return {"said": json.loads(done.stdout), "seconds": time.monotonic() - begin, "peak_memory": watch.peak}


def measure(place: Path, shape: str, layers: int | None) -> dict[str, Any]:
    config = SHAPES[shape] | ({} if layers is None else {"num_hidden_layers": layers})
    measuring.note(f"making {shape}")
    weights = make(place / shape, config)
    imported = helder("model", "import", str(place / shape), home=place / "home")
    measuring.note(f"import: {duration(imported['seconds'])}, {size(imported['peak_memory'])}")
    for path in (place / shape).glob("*.safetensors"):
        path.unlink()  # what was imported is a copy; the disk may be as small as the memory
    exported = helder("model", "export", shape, "--format", "q4_0", home=place / "home")
    measuring.note(f"export: {duration(exported['seconds'])}, {size(exported['peak_memory'])}")
    file = Path(exported["said"]["path"])
    begin = time.monotonic()
    with MemoryWatch() as watch, Engine.open(file, context=128, workers=1) as engine:
        answer = engine.complete(list(range(3, 19)), max_tokens=16)
    return {
        "shape": shape,
        "layers": config["num_hidden_layers"],
        "weights_bytes": weights,
        "file_bytes": file.stat().st_size,
        "import": imported,
        "export": exported,
        "answer": {
            "tokens": len(answer.ids),
            "tokens_per_second": len(answer.ids) / answer.seconds[1] if answer.seconds[1] else None,
            "seconds_with_loading": time.monotonic() - begin,
            "peak_memory": watch.peak,
        },
        "bar": MEMORY_BAR,
    }


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--shape", choices=sorted(SHAPES), default="olympiccoder-7b", help="default: %(default)s")
    options.add_argument("--layers", type=measuring.positive, help="Fewer layers than the model has, to try it out.")
    options.add_argument("--folder", type=Path, help="Work in this new folder and keep it; else it is removed.")
    given = options.parse_args()
    with measuring.workplace(given.folder) as place:
        found = measure(place, given.shape, given.layers)
    rows = [
        [name, duration(found[name]["seconds"]), size(found[name]["peak_memory"]), f"at most {size(MEMORY_BAR)}"]
        for name in ("import", "export")
    ]
    answer = found["answer"]
    rows.append(["answer", duration(answer["seconds_with_loading"]), size(answer["peak_memory"]), ""])
    speed = f", {answer['tokens_per_second']:.1f} a second" if answer["tokens_per_second"] else ""
    text = (
        f"{table(rows, ['what', 'time', 'peak memory', 'bar'], right=(1, 2))}\n\n{found['shape']}, {found['layers']} "
        f"layers: {size(found['weights_bytes'])} of weights became {size(found['file_bytes'])}; "
        f"it answered {answer['tokens']} tokens{speed}"
    )
    measuring.tell(found, text, given.json)


if __name__ == "__main__":
    main()
