"""What rewards from the judge give: pass rates of the example `programs` on problems that no training saw.

    helder new programs --example programs && helder run programs
    python -m bench.programs programs

For the weights before and after the rewards: the share of the 300 test problems whose greedy program passes all hidden
tests (Wilson's interval; exact McNemar for the two on the same problems), and pass@k of programs that are drawn
(`helder.evaluate.judge.passk`, its interval by problems). JSON on standard output.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from helder import pipeline
from helder.evaluate import statistics, verifiers
from helder.evaluate.judge.passk import pass_at_k
from helder.evaluate.records import load_examples
from helder.model.transformer import Transformer
from helder.project import Project
from helder.serve.generate import Drawing, generate
from helder.tokens import chat
from helder.tokens.tokenizer import Tokenizer

SAMPLES, TEMPERATURE, TOKENS = 10, 1.0, 48
JUDGE = verifiers.find("judged@1")


def main(project: Path) -> None:
    made = pipeline.made(Project.open(project))
    data = made["data"].path
    items = load_examples(data / "test.jsonl")
    from helder.data.task import Task

    task = Task.load(data / "task.json")
    found: dict[str, Any] = {"items": len(items), "samples": SAMPLES, "temperature": TEMPERATURE}
    greedy: dict[str, list[bool]] = {}
    for name in ("train-tune", "train"):
        folder = made[name].path
        model, tokenizer = Transformer.from_folder(folder).eval(), Tokenizer.load(folder)
        format_name = chat.format_of(folder)
        ids = [chat.render(tokenizer, format_name, [{"role": "user", "content": item.input}])[0] for item in items]

        def answers(prompts: list[list[int]], drawing: Drawing | None) -> list[str]:
            texts = generate(
                model,  # noqa: B023  used within the turn
                prompts,
                stop_ids=chat.stop_ids(tokenizer, format_name),  # noqa: B023
                max_tokens=TOKENS,
                decode=tokenizer.decode,  # noqa: B023
                drawing=drawing,
                batch=128,
            )
            return [one.text for one in texts]

        greedy[name] = [
            JUDGE.judge(task, item, text) == 1.0 for item, text in zip(items, answers(ids, None), strict=True)
        ]
        drawn = answers([one for one in ids for _ in range(SAMPLES)], Drawing(TEMPERATURE, "bench"))
        right = [
            sum(JUDGE.judge(task, item, text) == 1.0 for text in drawn[place * SAMPLES : (place + 1) * SAMPLES])
            for place, item in enumerate(items)
        ]
        counts = [(SAMPLES, one) for one in right]
        found[name] = {
            "greedy": asdict(statistics.wilson(sum(greedy[name]), len(items))),
            **{f"pass@{k}": asdict(pass_at_k(counts, k)) for k in (1, 5, 10)},
        }
    found["greedy, after against before"] = asdict(
        statistics.compare_paired(greedy["train"], greedy["train-tune"], margin=0.05)
    )
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
