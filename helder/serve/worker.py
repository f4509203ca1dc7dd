"""A process that holds one model in llama.cpp: `python -m helder.serve.worker`, JSON lines on stdin and stdout.

One process for each model, because llama.cpp keeps the tokenizer of its grammars in a variable of the whole
process, by the address of the vocabulary and without a lock: two models in one process crash, or get the
tokenizer of a model that is long gone (seen with xllamacpp 2026.10). A crash also stays here, and closing
is ending the process.

    ← {"path": …, "threads": …, "context": …, "lanes": [[read, write], …]}   → {"ready": true} or {"error": HelderError}
    ← {"request": …, "stream": false}             → {"part": …}
    ← {"request": …, "stream": true}              → {"part": …} ← "go" or "stop" … → {"end": true}

Further lanes are pairs of open descriptors: what is said there is the same, at the same time, and llama.cpp works on
all of it together. It ends when stdin does, that is, no later than its parent, and at once when it is asked to.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from helder.errors import ExitCode, HelderError


def main() -> None:
    # What a C library prints goes to stderr; stdout is for the parent only.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    try:
        asked = json.loads(sys.stdin.readline())
        server = _load(asked)
    except HelderError as error:
        _say(answers, {"error": error.to_json()})
        return
    for reads, writes in asked["lanes"]:
        pipes = (os.fdopen(reads, encoding="utf-8"), os.fdopen(writes, "w", encoding="utf-8", buffering=1))
        threading.Thread(target=_serve, args=(server, *pipes), daemon=True).start()
    _say(answers, {"ready": True})
    _serve(server, sys.stdin, answers)
    answers.flush()
    os._exit(ExitCode.DONE)  # no destructors: they wait for threads, and there is nothing to save


def _serve(server: Any, questions: IO[str], answers: IO[str]) -> None:
    """Answer what comes on one lane until it ends."""
    for line in iter(questions.readline, ""):
        asked = json.loads(line)
        if not asked["stream"]:
            _say(answers, {"part": server.handle_completions(asked["request"])})
            continue

        def piece(part: dict[str, Any]) -> bool:
            """Pass a part on; true when the parent has read enough."""
            _say(answers, {"part": part})
            return questions.readline().strip() != "go"

        server.handle_completions({**asked["request"], "stream": True}, piece)
        _say(answers, {"end": True})


def _say(answers: IO[str], record: dict[str, Any]) -> None:
    answers.write(json.dumps(record) + "\n")


def _load(asked: dict[str, Any]) -> Any:
    from helder.serve import llama

    return llama.load(Path(asked["path"]), asked["threads"], asked["context"], 1 + len(asked["lanes"]))


if __name__ == "__main__":
    # A parent that was interrupted while the model was loading is no longer there to be answered.
    with suppress(BrokenPipeError):
        main()
