"""AdamW against Muon from scratch: bits per byte of held-out text after the same CPU time, over sizes and seeds.

Each run is a process of its own with one thread. It takes a few steps to see what one costs, turns the CPU time into
steps, begins again, and trains to the end of its schedule; so both optimizers pay for their own arithmetic. Rates are
looked for first, on the smaller size and one seed; then the best of each runs on every size and seed. The text is
Python's own library, which every machine that runs this has; a twentieth of its files is held out.

    python -m bench.optimizers                        # about an hour of one core
    python -m bench.optimizers --seconds 20 --seeds 0 --sizes 1M
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import measuring, train_text
from helder.commands.talk import table
from helder.model import scratch, sizes
from helder.tokens import bpe
from helder.tokens import stage as tokens
from helder.train import settings as training

SIZES = {"1M": (128, 4, 4), "5M": (256, 5, 4)}  # width, layers, heads, with 4,096 tokens
RATES = {"adamw": (1e-3, 3e-3, 6e-3), "muon": (0.01, 0.02, 0.04)}  # of the matrices
OTHERS = 3e-3  # Muon's AdamW for embeddings, head and norms
VOCABULARY, CONTEXT, BATCH, PROBED = 4096, 256, 2048, 4


def main() -> None:
    if len(sys.argv) == 3 and sys.argv[1] == "run":
        run(Path(sys.argv[2]))
        return
    options = measuring.parser(__doc__)
    options.add_argument("--seconds", type=measuring.positive, default=120, help="CPU time of a run (default: 120).")
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="Default: 0 1 2.")
    options.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES), help="Default: all.")
    given = options.parse_args()
    with measuring.workplace(None) as work:
        bases = {size: prepare(work, size) for size in given.sizes}
        first, found = given.sizes[0], dict[str, list[dict[str, Any]]]()
        best: dict[str, float] = {}
        for optimizer, rates in RATES.items():
            tried = {
                rate: one(work, bases[first], optimizer, rate, given.seeds[0], given.seconds)["bits_per_byte"]
                for rate in rates
            }
            best[optimizer] = min(rates, key=lambda rate: tried[rate])
            found[f"{first} rates {optimizer}"] = [
                {"rate": rate, "bits_per_byte": bits} for rate, bits in tried.items()
            ]
        for size in given.sizes:
            for optimizer in RATES:
                found[f"{size} {optimizer}"] = [
                    one(work, bases[size], optimizer, best[optimizer], seed, given.seconds) for seed in given.seeds
                ]
    if given.json:
        print(json.dumps(found, indent=1))
        return
    rows = []
    for name, runs in found.items():
        bits = [taken["bits_per_byte"] for taken in runs]
        about = f"best of {[taken['rate'] for taken in runs]}" if "rates" in name else f"rate {best[name.split()[1]]:g}"
        middle = min(bits) if "rates" in name else statistics.mean(bits)
        each = " ".join(f"{value:.3f}" for value in bits)
        rows.append([name, f"{middle:.3f}", each, about, ", ".join(str(taken.get("steps", "")) for taken in runs)])
    print(table(rows, ["what", "bits per byte", "each", "learning rate", "steps"]))


def prepare(work: Path, size: str) -> dict[str, str]:
    """Tokenizer, drawn weights and shards of a size, by Helder's own stages: input name → folder."""
    text = work / "text.jsonl"
    if not text.exists():
        lines = (json.dumps({"text": document}) + "\n" for document in train_text.documents())
        text.write_text("".join(lines), encoding="utf-8")
        made(bpe.run, work / "tokenizer", {"vocabulary": VOCABULARY, "chat_format": "plain", "cut": "gpt-2"}, text=text)
    width, layers, heads = SIZES[size]
    shape = replace(
        sizes.find("olmo2-14m"),
        width=width,
        layers=layers,
        heads=heads,
        kv_heads=heads,
        head_width=width // heads,
        feed_forward_width=round(8 * width / 3 / 64) * 64,
        context_length=CONTEXT,
    )
    settings = scratch.settings("optimizers", shape, 0, "plain")
    base = made(scratch.run, work / f"base-{size}", settings, tokenizer=work / "tokenizer")
    shards = work / "shards"
    if not shards.exists():
        made(tokens.run, shards, {"holdout": 0.05, "seed": 0}, base=base, text=text)
    return {"base": str(base), "text": str(shards)}


def made(run: Any, output: Path, settings: Mapping[str, Any], **inputs: Path) -> Path:
    """Run a stage function; its output folder."""
    aside = output.with_name(f"{output.name}-scratch")
    for folder in (output, aside):
        folder.mkdir()
    run(dict(settings), dict(inputs), output, aside, lambda event, **fields: None)
    return output


def one(work: Path, inputs: Mapping[str, str], optimizer: str, rate: float, seed: int, seconds: int) -> dict[str, Any]:
    """One training in a process of its own."""
    others = {"muon_learning_rate": rate, "learning_rate": OTHERS} if optimizer == "muon" else {"learning_rate": rate}
    job = {
        "settings": {
            **{"objective": "text", "optimizer": optimizer, "context": CONTEXT, "batch_tokens": BATCH, "seed": seed},
            **{"data_parallel": 1, "steps": 1, **others},
        },
        "inputs": dict(inputs),
        "seconds": seconds,
        "result": str(work / "result.json"),
    }
    (work / "job.json").write_text(json.dumps(job), encoding="utf-8")
    environment = {**os.environ, **training.environment("fast"), "OMP_NUM_THREADS": "1", "GOMP_SPINCOUNT": "0"}
    command = [sys.executable, "-m", "bench.optimizers", "run", str(work / "job.json")]
    subprocess.run(command, env=environment, check=True)
    taken: dict[str, Any] = json.loads((work / "result.json").read_text(encoding="utf-8"))
    measuring.note(f"{Path(inputs['base']).name} {optimizer} {rate:g} seed {seed}: {taken['bits_per_byte']:.4f}")
    return {**taken, "seed": seed}


def run(path: Path) -> None:
    """Train as a job says, for its CPU time."""
    from helder.tokens.shards import Shard
    from helder.train.objectives.text import Text, measure
    from helder.train.stage import prepare as trainer_of

    job = json.loads(path.read_text(encoding="utf-8"))
    inputs = {name: Path(folder) for name, folder in job["inputs"].items()}

    def trainer() -> Any:
        found = trainer_of(training.resolve(job["settings"]), inputs, lambda event, **fields: None)
        found.begin(path.parent)
        return found

    probed = trainer()
    probed.step(0, PROBED)
    started = time.process_time()
    for step in range(1, PROBED):
        probed.step(step, PROBED)
    steps = max(1, int(job["seconds"] * (PROBED - 1) / (time.process_time() - started)))
    trained = trainer()
    started = time.process_time()
    for step in range(steps):
        trained.step(step, steps)
    taken = {"steps": steps, "cpu_seconds": time.process_time() - started}
    trained.masters.refresh()
    objective = trained.objective
    assert isinstance(objective, Text)
    held_out = Shard.load(inputs["text"], "dev")
    bits = measure(objective.criterion, trained.model, held_out, CONTEXT)["bits_per_byte"]
    Path(job["result"]).write_text(json.dumps({**taken, "bits_per_byte": bits}), encoding="utf-8")


if __name__ == "__main__":
    main()
