"""Inside a manager's room: gives a manager named pipes to each process of the submission, and tells how it ended.

Called as `beside.py TASK`. Standard input holds a test, as `inside.py` reads it; further open files are the ends of
pipes, in pairs from FIRST on: what a process of the submission writes, and what it reads. TASK is JSON: `argv` of the
manager without the pipes' names, how many `processes`, and its limits. A manager opens pipes by name, so that what
comes on one kind is carried over to the other. Imports nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import time

if __name__ == "__main__":
    import inside  # type: ignore[import-not-found]  # lies beside it in the room
else:
    from helder.evaluate.judge import inside

FIRST = 4  # the first of the further open files
PIPE = 1 << 16  # bytes that are carried over at once


def main(task: dict[str, object]) -> None:
    inside.put()
    threading.stack_size(1 << 18)  # the room's limit of stacks is for managers, and would be taken for each thread
    names = []
    carriers = []
    for number in range(int(str(task["processes"]))):
        up, down = f"{inside.WORK}/u{number}_to_m", f"{inside.WORK}/m_to_u{number}"
        for name in (up, down):
            os.mkfifo(name, 0o600)
        names += [up, down]
        theirs, ours = FIRST + 2 * number, FIRST + 2 * number + 1
        carriers.append(threading.Thread(target=carry, args=(theirs, up, os.O_WRONLY), daemon=True))
        carriers.append(threading.Thread(target=carry, args=(ours, down, os.O_RDONLY), daemon=True))
    child = os.fork()
    if child == 0:
        try:
            become(task, names)
        finally:
            os._exit(127)
    for carrier in carriers:
        carrier.start()
    _, status = os.waitpid(child, 0)
    ended = time.monotonic()
    signalled = os.WIFSIGNALED(status)
    told = {
        "how": "signalled" if signalled else "exited",
        "code": os.WTERMSIG(status) if signalled else os.WEXITSTATUS(status),
        "stdout": (inside._read(inside.STDOUT, 256) or b"").decode("utf-8", "replace"),
        "stderr": (inside._read(inside.STDERR, 2048) or b"").decode("utf-8", "replace"),
        "ended": ended,
    }
    os.write(2, json.dumps(told).encode())
    os._exit(0)  # carriers may wait for ever


def become(task: dict[str, object], names: list[str]) -> None:
    """In the manager's process: its standard files, limits, and the manager."""
    for place, target in (
        (os.open(inside.INPUT, os.O_RDONLY), 0),
        (inside._new(inside.STDOUT), 1),
        (inside._new(inside.STDERR), 2),
    ):
        os.dup2(place, target)
        os.close(place)
    os.closerange(3, FIRST + len(names) + 16)
    os.chdir(inside.WORK)
    for kind, most in ((resource.RLIMIT_FSIZE, task["output"]), (resource.RLIMIT_CPU, task["cpu"])):
        resource.setrlimit(kind, (int(str(most)), int(str(most))))
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    argv = [str(one) for one in task["argv"]]  # type: ignore[attr-defined]
    os.execv(argv[0], [*argv, *names])


def carry(open_file: int, name: str, way: int) -> None:
    """Carry bytes from a pipe of the submission to a named one (`way` is O_WRONLY), or back, until the end of one."""
    named = os.open(name, way)
    source, target = (open_file, named) if way == os.O_WRONLY else (named, open_file)
    writes = True
    while True:
        if writes:
            try:
                if not os.splice(source, target, PIPE):
                    break
                continue
            except BrokenPipeError:
                writes = False  # nobody reads any more: the rest is thrown away, so that nobody waits for ever
        if not os.read(source, PIPE):
            break
    for place in (source, target):
        os.close(place)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
