"""Inside a validator's room: lays out the files of one test, runs the validator, and tells how it ended.

Called as `inside.py put`, with a test on standard input; `inside.py run TASK`, with the validator's standard input
and output as they are (it speaks with a submission); or `inside.py both TASK`, with a test on standard input, whose
last part is what the submission wrote. TASK is JSON: `argv` of the validator, and its limits. What is told goes to
standard error, as JSON, with what lies in the feedback folder: the validator has another standard error. Imports
nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys

if False:  # of the standard library, but slow to import
    from typing import Any

WORK = "/work"
PLACE = f"{WORK}/at"  # where the validator is run
FEEDBACK = f"{WORK}/feedback"
INPUT, ANSWER, OUTPUT = f"{WORK}/input", f"{WORK}/answer", f"{WORK}/output"
STDOUT, STDERR = f"{WORK}/stdout", f"{WORK}/stderr"
# Files that are told, and how many bytes of each; all together must fit in what a room gives back of standard error.
TOLD = {"score.txt": 256, "score_multiplier.txt": 256, "judgemessage.txt": 4096, "teammessage.txt": 4096}
NOTED = ("nextpass.in",)  # files whose being there is told


def put() -> None:
    """Read a test from standard input, and write its files to an empty work area."""
    clear(WORK)
    with open(0, "rb", closefd=False) as given:
        sizes = json.loads(given.readline())
        for path, size in zip((INPUT, ANSWER, OUTPUT), sizes, strict=False):
            with open(path, "wb") as file:
                file.write(given.read(size))


def clear(folder: str) -> None:
    """Remove everything in a folder."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, 0o700)
            clear(entry.path)
            os.rmdir(entry.path)
        else:
            os.unlink(entry.path)


def run(task: dict[str, Any], own: bool) -> None:
    """Run the validator.

    Args:
        own: whether standard input and output are the validator's; otherwise it reads what the submission wrote.
    """
    for path in (FEEDBACK, PLACE):
        os.makedirs(path, exist_ok=True)
        clear(path)
    child = os.fork()
    if child == 0:
        try:
            opened = [] if own else [(os.open(OUTPUT, os.O_RDONLY), 0), (_new(STDOUT), 1)]
            for place, target in [*opened, (_new(STDERR), 2)]:
                os.dup2(place, target)
                os.close(place)
            os.chdir(PLACE)
            for kind, most in ((resource.RLIMIT_FSIZE, task["output"]), (resource.RLIMIT_CPU, task["cpu"])):
                resource.setrlimit(kind, (most, most))
            for number in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            os.execv(task["argv"][0], task["argv"])
        finally:
            os._exit(127)
    for place in (0, 1):
        os.close(place)  # with the validator's end its partner reads the end
    _, status = os.waitpid(child, 0)
    signalled = os.WIFSIGNALED(status)
    told = {
        "how": "signalled" if signalled else "exited",
        "code": os.WTERMSIG(status) if signalled else os.WEXITSTATUS(status),
        "files": {name: _read(f"{FEEDBACK}/{name}", most) for name, most in TOLD.items()},
        "noted": [name for name in NOTED if os.path.lexists(f"{FEEDBACK}/{name}")],
        "stdout": None if own else _read(STDOUT, 256),
        "stderr": _read(STDERR, 2048),
    }
    os.write(2, json.dumps(told).encode())


def _new(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


def _read(path: str, most: int) -> str | None:
    """The beginning of a file; nothing when it is none."""
    try:
        place = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return os.read(place, most).decode("utf-8", "replace")
    except OSError:
        return None
    finally:
        os.close(place)


if __name__ == "__main__":
    if sys.argv[1] != "run":
        put()
    if sys.argv[1] != "put":
        run(json.loads(sys.argv[2]), sys.argv[1] == "run")
