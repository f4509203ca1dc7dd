"""A process that holds one model in llama.cpp: `python -m helder.serve.worker`, JSON lines on stdin and stdout.

One process for each model, because llama.cpp keeps the tokenizer of its grammars in a variable of the whole
process, by the address of the vocabulary and without a lock: two models in one process crash, or get the
tokenizer of a model that is long gone (seen with xllamacpp 2026.10). A crash also stays here, and closing
is ending the process.

    ← {"path": …, "threads": …, "context": …}     → {"ready": true} or {"error": HelderError}
    ← {"request": …, "stream": false}             → {"part": …}
    ← {"request": …, "stream": true}              → {"part": …} ← "go" or "stop" … → {"end": true}

It ends when stdin does, that is, no later than its parent, and at once when it is asked to.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from helder.errors import ExitCode, HelderError


def main() -> None:
    # What a C library prints goes to stderr; stdout is for the parent only.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def say(record: dict[str, Any]) -> None:
        answers.write(json.dumps(record) + "\n")

    try:
        server = _load(json.loads(sys.stdin.readline()))
    except HelderError as error:
        say({"error": error.to_json()})
        return
    say({"ready": True})
    for line in iter(sys.stdin.readline, ""):
        asked = json.loads(line)
        if not asked["stream"]:
            say({"part": server.handle_completions(asked["request"])})
            continue

        def piece(part: dict[str, Any]) -> bool:
            """Pass a part on; true when the parent has read enough."""
            say({"part": part})
            return sys.stdin.readline().strip() != "go"

        server.handle_completions({**asked["request"], "stream": True}, piece)
        say({"end": True})
    answers.flush()
    os._exit(ExitCode.DONE)  # no destructors: they wait for threads, and there is nothing to save


def _load(asked: dict[str, Any]) -> Any:
    from helder.serve import llama

    return llama.load(Path(asked["path"]), asked["threads"], asked["context"])


if __name__ == "__main__":
    # A parent that was interrupted while the model was loading is no longer there to be answered.
    with suppress(BrokenPipeError):
        main()
