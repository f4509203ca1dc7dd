"""Inside a validator's room: lays out the files of one test, runs the validator, and tells how it ended.

Called as `inside.py put`, with a test on standard input; `inside.py run OUTPUT CPU WARM ARGV…`, with the validator's
standard input and output as they are (it speaks with a submission); or `inside.py both …`, with a test on standard
input, whose last part is what the submission wrote. OUTPUT and CPU are the validator's limits, in bytes and seconds;
WARM is "warm" for a program in Python that runs in a process split off from this one. What is told goes to standard
error, with what lies in the feedback folder: the validator has another standard error.

A test is a line with the sizes of its files, and the files; what is told has the same form (`told`). As the warden,
it imports nothing but what of the standard library is quick to import.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` brings `enum`
import os
import resource
import sys

if False:  # of the standard library, but slow to import
    from typing import NoReturn

WORK = "/writable"
PLACE = f"{WORK}/at"  # where the validator is run
FEEDBACK = f"{WORK}/feedback"
INPUT, ANSWER, OUTPUT = f"{WORK}/input", f"{WORK}/answer", f"{WORK}/output"
STDOUT, STDERR = f"{WORK}/stdout", f"{WORK}/stderr"
# Files that are told, and how many bytes of each; all together must fit in what a room gives back of standard error.
TOLD = {
    f"{FEEDBACK}/score.txt": 256,
    f"{FEEDBACK}/score_multiplier.txt": 256,
    f"{FEEDBACK}/judgemessage.txt": 4096,
    f"{FEEDBACK}/teammessage.txt": 4096,
    f"{FEEDBACK}/nextpass.in": 1,
    STDOUT: 256,
    STDERR: 2048,
}
NONE = -1  # size of a file that is not there


def put() -> None:
    """Read a test from standard input, and write its files to an empty work area."""
    clear(WORK)
    with open(0, "rb", closefd=False) as given:
        sizes = given.readline().split()
        for path, size in zip((INPUT, ANSWER, OUTPUT), sizes, strict=False):
            with open(path, "wb") as file:
                file.write(given.read(int(size)))


def clear(folder: str) -> None:
    """Remove everything in a folder."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, 0o700)
            clear(entry.path)
            os.rmdir(entry.path)
        else:
            os.unlink(entry.path)


def run(own: bool, output: int, cpu: int, warm: bool, argv: list[str]) -> bool:
    """Run the validator.

    Args:
        own: whether standard input and output are the validator's; otherwise it reads what the submission wrote.

    Returns:
        whether this is the process that shall become the validator.
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
            for kind, most in ((resource.RLIMIT_FSIZE, output), (resource.RLIMIT_CPU, cpu)):
                resource.setrlimit(kind, (most, most))
            if warm:
                return True
            for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
                _signal.signal(number, _signal.SIG_DFL)
            os.execv(argv[0], argv)
        except OSError as error:
            os.write(2, str(error).encode())
            os._exit(127)
    for place in (0, 1):
        os.close(place)  # with the validator's end its partner reads the end
    _, status = os.waitpid(child, 0)
    ended = f"signalled {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exited {os.WEXITSTATUS(status)}"
    contents = [_read(path, most) for path, most in TOLD.items()]
    sizes = [NONE if part is None else len(part) for part in contents]
    os.write(2, f"{ended} {' '.join(map(str, sizes))}\n".encode() + b"".join(part or b"" for part in contents))
    return False


def told(data: bytes) -> tuple[str, int, dict[str, bytes | None]]:
    """What was told: how the validator ended ("exited", "signalled"), its code, and its files by name.

    Raises:
        ValueError: this is nothing that `run` tells.
    """
    head, _, rest = data.partition(b"\n")
    how, code, *sizes = head.decode("ascii").split()
    files: dict[str, bytes | None] = {}
    for path, size in zip(TOLD, map(int, sizes), strict=True):
        files[path.rpartition("/")[2]] = None if size == NONE else rest[:size]
        rest = rest[max(0, size) :]
    return how, int(code), files


def become(argv: list[str]) -> NoReturn:
    """Run a program in Python, `argv[1]`, as `python argv[1] …` would, and end with it."""
    path = argv[1]
    module = type(sys)("__main__")
    module.__dict__["__file__"] = path
    sys.modules["__main__"] = module
    sys.argv[:] = argv[1:]
    sys.path[0] = os.path.dirname(path)
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    exec(code, module.__dict__)
    sys.exit(0)


def _new(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


def _read(path: str, most: int) -> bytes | None:
    """The beginning of a file; None when there is none."""
    try:
        place = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return os.read(place, most)
    except OSError:
        return None
    finally:
        os.close(place)


if __name__ == "__main__":
    how, *rest = sys.argv[1:]
    if how != "run":
        put()
    if how != "put" and run(how == "run", int(rest[0]), int(rest[1]), rest[2] == "warm", rest[3:]):
        become(rest[3:])  # here, where nothing of ours catches what it raises
