"""The suite `olmes` against lm-evaluation-harness: the same items, the same model in fp32, item by item; and the time.

The harness comes from PyPI into an environment of its own, and gets the same contexts and choices as local task files,
so that nothing is fetched. Its model is `transformers`' of the same folder. Both run on one thread, in turns, first
the one, then the other; loading is not timed. Seconds are processor seconds, for other work may run beside; the wall's
stand beside them.

    python -m bench.olmes --model FOLDER --python PYTHON_WITH_LM_EVAL [--items 200] [--rounds 3] [--task …]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

from bench import measuring
from helder.evaluate.suites import Subject, olmes
from helder.evaluate.suites import tasks as shelves
from helder.evaluate.suites.tasks import Item, Shelf, Task
from helder.ledger.artifact import Artifact

TASKS = ("arc_easy:rc", "arc_easy:mc", "csqa/rc_0shot", "piqa/rc_0shot")
SIDE = Path(__file__).with_name("olmes_side.py")


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--model", type=Path, required=True, help="A Hugging Face folder.")
    options.add_argument("--python", required=True, help="A Python with lm_eval and transformers.")
    options.add_argument("--task", action="append", dest="tasks", help=f"Default: {', '.join(TASKS)}.")
    options.add_argument("--items", type=measuring.positive, default=200, help="Of each task (default: %(default)s).")
    options.add_argument("--rounds", type=measuring.positive, default=3, help="In turns (default: %(default)s).")
    options.add_argument("--batch", type=measuring.positive, default=8, help="The harness's (default: %(default)s).")
    options.add_argument("--folder", type=Path, help="Keep what is made in this new folder.")
    asked = options.parse_args()
    with measuring.workplace(asked.folder) as folder:
        found = measure(folder, asked)
    if asked.json:
        print(json.dumps(found, indent=1))
    else:
        print(table(found))


def measure(folder: Path, asked: Any) -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    shelf = Shelf.installed()
    chosen: dict[str, tuple[Task, list[Item]]] = {}
    for word in shelf.expand(asked.tasks or TASKS):
        task = shelf.task(word)
        # The harness gives all choices of an item one context.
        items = [one for one in task.items if len({choice.context for choice in one.choices}) == 1]
        chosen[word.replace(":", "_").replace("/", "_")] = (task, shelves.choose(items, asked.items, 0))
    (folder / "tasks").mkdir()
    (folder / "out").mkdir()
    for name, (_, items) in chosen.items():
        give(folder / "tasks", name, items)
    subject = Subject(asked.model.name, "folder", Artifact.of(asked.model, asked.model.name))
    times: dict[str, dict[str, list[dict[str, float]]]] = {name: {"ours": [], "theirs": []} for name in chosen}
    ours: dict[str, list[dict[str, Any]]] = {}
    with olmes.opened(subject) as (model, tokenizer), harness(folder, asked) as side:
        for turn in range(asked.rounds):
            for name, (task, items) in chosen.items():
                for who in ("ours", "theirs") if turn % 2 == 0 else ("theirs", "ours"):
                    if who == "theirs":
                        spent = ask(side, name)
                    else:
                        wall, cpu = time.monotonic(), time.process_time()
                        # What is scored without the question is no part of the harness's tasks.
                        ours[name] = olmes.weigh(model, tokenizer, task, bare(items))
                        spent = {"seconds": time.monotonic() - wall, "cpu_seconds": time.process_time() - cpu}
                    times[name][who].append(spent)
                    print(f"{name}, turn {turn + 1}, {who}: {spent['cpu_seconds']:.1f} CPU s", file=sys.stderr)
        assert side.stdin is not None
        side.stdin.close()
    found = {}
    for name in chosen:
        theirs = json.loads((folder / "out" / f"{name}.json").read_text(encoding="utf-8"))
        medians = {who: statistics.median(one["cpu_seconds"] for one in times[name][who]) for who in times[name]}
        found[name] = {
            **compared(ours[name], theirs),
            "cpu_seconds": medians,
            "times_faster": medians["theirs"] / medians["ours"],
            "turns": times[name],
        }
    return {"model": asked.model.name, "items": asked.items, "batch": asked.batch, "tasks": found}


def give(folder: Path, name: str, items: list[Item]) -> None:
    """A task of the harness: its settings, in YAML's way of writing JSON, and its rows."""
    rows = [
        {
            "id": item.id,
            "context": item.choices[0].context,
            "choices": [choice.text for choice in item.choices],
            "gold": item.gold,
        }
        for item in items
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    settings = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(folder / f"{name}.jsonl")}},
        "output_type": "multiple_choice",
        "test_split": "test",
        "doc_to_text": "context",
        "doc_to_choice": "choices",
        "doc_to_target": "gold",
        "target_delimiter": "",  # the space in front is part of each choice
        "num_fewshot": 0,  # the examples are part of the context
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
    }
    (folder / f"{name}.yaml").write_text(json.dumps(settings, indent=1), encoding="utf-8")


def bare(items: list[Item]) -> list[Item]:
    """The items without what is scored apart from the question."""
    from dataclasses import replace

    return [
        replace(item, choices=tuple(replace(choice, bare_context=None) for choice in item.choices)) for item in items
    ]


def harness(folder: Path, asked: Any) -> subprocess.Popen[str]:
    """The harness with its model loaded."""
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HOME": str(folder / "hf")}
    command = [
        asked.python,
        "-P",
        str(SIDE),
        str(asked.model),
        str(folder / "tasks"),
        str(asked.batch),
        str(folder / "out"),
    ]
    side = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables)
    if _line(side.stdout) != "ready":
        raise SystemExit("lm-evaluation-harness did not start.")
    return side


def ask(side: subprocess.Popen[str], name: str) -> dict[str, float]:
    assert side.stdin is not None
    side.stdin.write(f"{name}\n")
    side.stdin.flush()
    found: dict[str, float] = json.loads(_line(side.stdout))
    return found


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    line = stream.readline().strip()
    if not line:
        raise SystemExit("lm-evaluation-harness ended; what it said stands above.")
    return line


def compared(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> dict[str, Any]:
    """Item by item: what both got right, which tokens were the most probable, and how far log-likelihoods differ."""
    assert [one["id"] for one in ours] == [one["id"] for one in theirs], "the items are not the same"
    pairs = list(zip(ours, theirs, strict=True))
    return {
        "items": len(pairs),
        "choices": sum(len(one["choices"]) for one in ours),
        "accuracy": {
            name: [sum(one["right"][name] for one in ours), sum(one[key] for one in theirs)]
            for name, key in (("acc_raw", "acc"), ("acc_per_char", "acc_norm"))
        },
        "items_that_differ": [
            a["id"]
            for a, b in pairs
            if (a["right"]["acc_raw"], a["right"]["acc_per_char"]) != (bool(b["acc"]), bool(b["acc_norm"]))
        ],
        "choices_chosen_otherwise": sum(
            a["chosen"]["acc_raw"] != max(range(len(b["logprobs"])), key=lambda place: (b["logprobs"][place], -place))
            for a, b in pairs
        ),
        "greedy_that_differ": sum([one["greedy"] for one in a["choices"]] != b["greedy"] for a, b in pairs),
        "most_difference": max(
            abs(one["logprob"] - value)
            for a, b in pairs
            for one, value in zip(a["choices"], b["logprobs"], strict=True)
        ),
    }


def table(found: dict[str, Any]) -> str:
    lines = [f"{found['model']}, one thread, the harness in batches of {found['batch']}"]
    for name, one in found["tasks"].items():
        right = ", ".join(f"{key} {a} and {b}" for key, (a, b) in one["accuracy"].items())
        lines.append(
            f"{name}: {one['items']} items, {len(one['items_that_differ'])} differ ({right}); "
            f"log-likelihoods to {one['most_difference']:.1e}; CPU s {one['cpu_seconds']['ours']:.1f} and "
            f"{one['cpu_seconds']['theirs']:.1f}: {one['times_faster']:.1f} times as fast"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
