"""One process of a training with several: `torchrun … -m helder.train.worker JOB.json`.

As `helder.stage_child`, but many: the first process reports, each leaves a record of how it ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path

from helder.stage_child import die_with_parent, execute
from helder.train.launch import AGENT


def main(arguments: list[str]) -> int:
    path = Path(arguments[0])
    job = json.loads(path.read_text(encoding="utf-8"))
    # torchrun gives each process a session of its own: a signal to the stage's group does not reach it.
    die_with_parent(int(os.environ.get(AGENT) or os.getppid()))
    rank = int(os.environ["RANK"])
    with Path(job["events"] if rank == 0 else os.devnull).open("w", encoding="utf-8", buffering=1) as events:
        end = execute(job, events)
    end |= {"rank": rank, "at": time.monotonic()}
    aside = path.with_name(f"end-{rank:05}.partial")
    aside.write_text(json.dumps(end, default=float), encoding="utf-8")
    aside.replace(path.with_name(f"end-{rank:05}.json"))
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0 if end["ok"] else 1)  # the others may never answer: nothing is torn down


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
