"""What rewards from the judge give: pass rates of the example `programs` on problems that no training saw.

    helder new programs --example programs && helder run programs
    python -m bench.programs programs

For the weights before and after the rewards: the share of the 300 test problems whose greedy program passes all hidden
tests (Wilson's interval; exact McNemar for the two on the same problems), and pass@k of programs that are drawn
(`helder.evaluate.judge.passk`, its interval by problems). JSON on standard output.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from helder import pipeline
from helder.data.task import Task
from helder.evaluate import statistics, verifiers
from helder.evaluate.judge.passk import pass_at_k
from helder.evaluate.records import Example, load_examples
from helder.model.transformer import Transformer
from helder.project import Project
from helder.serve.generate import Drawing, generate
from helder.tokens import chat
from helder.tokens.tokenizer import Tokenizer

TEMPERATURE, TOKENS = 1.0, 40  # as while rewarding
STAGES = ("train-tune", "train")
JUDGE = verifiers.find("judged@1")


def answers(folder: Path, items: list[Example], samples: int) -> list[str]:
    """The greedy program for each item, or, with `samples`, so many that are drawn, item by item."""
    model, tokenizer, format_name = (
        Transformer.from_folder(folder).eval(),
        Tokenizer.load(folder),
        chat.format_of(folder),
    )
    ids = [chat.render(tokenizer, format_name, [{"role": "user", "content": item.input}])[0] for item in items]
    made = generate(
        model,
        [one for one in ids for _ in range(samples or 1)],
        stop_ids=chat.stop_ids(tokenizer, format_name),
        max_tokens=TOKENS,
        decode=tokenizer.decode,
        drawing=Drawing(TEMPERATURE, "bench") if samples else None,
        batch=128,
    )
    return [one.text for one in made]


def passed(task: Task, items: list[Example], texts: list[str]) -> list[bool]:
    """Whether each program passes the tests of its item; several programs for an item stand behind one another."""
    each = len(texts) // len(items)
    with ThreadPoolExecutor(2) as threads:
        rewards = threads.map(lambda place: JUDGE.judge(task, items[place // each], texts[place]), range(len(texts)))
        return [reward == 1.0 for reward in rewards]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--stages", nargs="+", default=list(STAGES))
    asked = parser.parse_args()
    made = pipeline.made(Project.open(asked.project))
    data = made["data"].path
    items, task = load_examples(data / "test.jsonl"), Task.load(data / "task.json")
    found: dict[str, Any] = {"items": len(items), "samples": asked.samples, "temperature": TEMPERATURE}
    greedy: dict[str, list[bool]] = {}
    for stage in asked.stages:
        folder = made[stage].path
        greedy[stage] = passed(task, items, answers(folder, items, 0))
        drawn = passed(task, items, answers(folder, items, asked.samples))
        counts = [
            (asked.samples, sum(drawn[place * asked.samples : (place + 1) * asked.samples]))
            for place in range(len(items))
        ]
        found[stage] = {
            "greedy": asdict(statistics.wilson(sum(greedy[stage]), len(items))),
            **{f"pass@{k}": asdict(pass_at_k(counts, k)) for k in (1, 5, 10) if k <= asked.samples},
            "right": [int(one) for one in greedy[stage]],
        }
    if set(STAGES) <= greedy.keys():
        before, after = (greedy[stage] for stage in STAGES)
        found["greedy, after against before"] = asdict(statistics.compare_paired(after, before, margin=0.05))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
