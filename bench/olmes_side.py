"""lm-evaluation-harness's side of `bench.olmes`, run by a Python that has it; nothing of Helder is imported.

python olmes_side.py MODEL TASKS BATCH OUT      TASKS: a folder with NAME.yaml and NAME.jsonl for each task

Answers each line on stdin that names a task with a line on stdout; what every item got lies in OUT/NAME.json. Timed is
`loglikelihood` alone: tokens, batches, the model and what is read from its logits.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def main() -> None:
    model, tasks, batch, out = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # it talks on stdout
    from lm_eval import evaluator
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    lm = HFLM(pretrained=model, dtype="float32", device="cpu", batch_size=int(batch))
    manager = TaskManager(include_path=tasks, include_defaults=False)
    spent: list[tuple[float, float]] = []
    plain = lm.loglikelihood

    def timed(*given: Any, **named: Any) -> Any:
        wall, cpu = time.monotonic(), time.process_time()
        found = plain(*given, **named)
        spent.append((time.monotonic() - wall, time.process_time() - cpu))
        return found

    lm.loglikelihood = timed
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        name = line.strip()
        found = evaluator.simple_evaluate(
            lm, tasks=[name], task_manager=manager, log_samples=True, bootstrap_iters=0, verbosity="ERROR"
        )
        items = [
            {
                "id": one["doc"]["id"],
                "logprobs": [float(value[0][0]) for value in one["resps"]],
                "greedy": [str(value[0][1]) == "True" for value in one["resps"]],
                "acc": int(one["acc"]),
                "acc_norm": int(one["acc_norm"]),
            }
            for one in found["samples"][name]
        ]
        Path(out, f"{name}.json").write_text(json.dumps(items), encoding="utf-8")
        wall, cpu = spent.pop()
        print(json.dumps({"seconds": wall, "cpu_seconds": cpu}), file=answers, flush=True)


if __name__ == "__main__":
    main()
