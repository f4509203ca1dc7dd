"""Memory of fine-tuning: the most that the process of the stage "train" ever held (VmHWM), method by method.

Each training is a few steps of the real stage on the imported model, in the process and with the environment that a run
gives it. It learns every token of Python's own library (`bench.train_text`) in batches of two rows of 256 tokens, which
is more than answers of the same length ask for: the loss is on all of them. Adam's moments are there after the first
step, and the second holds all that any later one does.

    python -m bench.memory
    python -m bench.memory --methods full --parts 1 --steps 8       # tokens per CPU-second mean something
"""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

from bench import measuring, train_text
from helder import stage
from helder.commands.talk import size, table
from helder.ledger.artifact import Artifact, remove
from helder.ledger.run_folder import RunFolder
from helder.model import store
from helder.stage import Stage
from helder.train import settings as train_settings

BASE = "smollm2-135m-instruct"
ROW, ROWS = 256, 2  # tokens, rows of a batch
CHARACTERS = 200_000  # of text: 50,000 tokens or so, a hundred steps


def text(folder: Path, base: Artifact) -> Artifact:
    """The artifact of the stage "tokens", made by the stage itself."""
    source, left = folder / "text.jsonl", CHARACTERS
    with source.open("w", encoding="utf-8") as file:
        for document in train_text.documents():
            file.write(json.dumps({"text": document[:left]}) + "\n")
            left -= len(document)
            if left <= 0:
                break
    inputs = {"base": base, "text": Artifact.of(source, "text")}
    made = Stage("tokens", "helder.tokens.stage:run", {"holdout": 0.0, "seed": 0}, inputs)
    return stage.run(made, RunFolder(folder / "run"), lambda event: None)


def measure(folder: Path, inputs: dict[str, Artifact], method: str, parts: int, steps: int) -> dict[str, Any]:
    """Train for some steps; what the statement says of it."""
    settings = train_settings.resolve(
        {
            "objective": "text",
            "method": method,
            "data_parallel": parts,
            "context": ROW,
            "batch_tokens": ROW * ROWS,
            "steps": steps,
        }
    )
    around = train_settings.environment(settings["numerics"], settings["device"])
    made = Stage("train", "helder.train.stage:run", settings, inputs, environment=around)
    run = RunFolder(folder / "run")
    trained = stage.run(made, run, lambda event: None)
    said = run.find(made.key)
    assert said is not None
    facts, timings = said.predicate["facts"], said.predicate["timings"]
    remove(trained.path)
    return {
        "method": method,
        "data_parallel": parts,
        "peak_memory": timings["peak_memory"],
        "tokens_per_cpu_second": facts["tokens_per_cpu_second"],
        "tokens_per_second": facts["tokens_per_second"],
        "precision": settings["precision"],
        "model_sha256": trained.digest,
    }


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--methods", nargs="+", choices=["full", "upper", "lora"], default=["full", "upper", "lora"])
    options.add_argument("--parts", nargs="+", type=measuring.positive, default=[1, 2], help="Values of data_parallel.")
    options.add_argument("--steps", type=measuring.positive, default=3, help="Default: %(default)s.")
    options.add_argument("--model", default=BASE, help="An imported model (default: %(default)s).")
    given = options.parse_args()
    base = store.show(given.model).artifact
    found: list[dict[str, Any]] = []
    with measuring.workplace(None) as work:
        inputs = {"base": base, "text": text(work, base)}
        for method, parts in itertools.product(given.methods, given.parts):
            measuring.note(f"{method}, {parts} parts, load {os.getloadavg()[0]:.1f}")
            found.append(measure(work, inputs, method, parts, given.steps))
    cells = [
        [
            each["method"],
            str(each["data_parallel"]),
            size(each["peak_memory"]),
            f"{each['tokens_per_cpu_second']:.0f}",
            f"{each['tokens_per_second']:.0f}",
        ]
        for each in found
    ]
    head = ["method", "parts", "memory", "tokens/CPU-s", "tokens/s"]
    told = f"{table(cells, head, right=range(1, len(head)))}\n{given.steps} steps of {ROWS} x {ROW} tokens"
    measuring.tell({"model": given.model, "steps": given.steps, "trainings": found}, told, given.json)


if __name__ == "__main__":
    main()
