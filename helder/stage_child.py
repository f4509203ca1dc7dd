"""The process of one stage: `python -m helder.stage_child JOB.json`.

It calls the stage's function and tells the parent what happened, as JSON lines over a pipe of its own:
`report` lines while it runs, one `end` line last. What the function prints goes to the log and means
nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import importlib
import json
import math
import os
import re
import resource
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from helder.errors import ExitCode, HelderError
from helder.sealed import room

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main(arguments: list[str]) -> int:
    job = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    if job["sealed"]:
        room.enter_for_good()
        die_with_run(job["events"])
    else:
        die_with_parent(job["parent"])
    os.set_inheritable(job["events"], False)
    with os.fdopen(job["events"], "w", encoding="utf-8", buffering=1) as events:
        end = execute(job, events)
        send(events, {"end": end})
    # No tear-down of the interpreter: threads of a library may hang there, and all that counts is written.
    with contextlib.suppress(OSError):  # the disk that the log lies on may be the one that is full
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)


def execute(job: dict[str, Any], events: IO[str]) -> dict[str, Any]:
    """Run the function of a job; the closing record, whatever happened."""
    from helder.ledger import canonical, environment

    output, scratch = Path(job["output"]), Path(job["scratch"])
    places = {name: Path(folder) for name, folder in job["places"].items()}
    started, cpu_before = time.monotonic(), cpu_seconds()
    end: dict[str, Any] = {}
    try:
        function = load(job["function"])
        facts = function(
            job["settings"],
            {name: Path(path) for name, path in job["inputs"].items()},
            output,
            scratch,
            reporter(events),
        )
        canonical.dumps(facts)
        if not isinstance(facts, dict):
            raise TypeError(f"{job['function']} returned {type(facts).__name__} instead of its facts")
        end = {"ok": True, "facts": facts}
    except HelderError as error:
        end = {"ok": False, "error": error.to_json()}
    except Exception as error:  # noqa: BLE001  whatever it is, it is reported, and its traceback is in the log
        with contextlib.suppress(OSError):
            traceback.print_exc()
        known = explain(error, job["name"])
        end = {"ok": False, "error": known.to_json()} if known else {"ok": False, "crash": describe(error)}
    end["seconds"] = time.monotonic() - started
    end["cpu_seconds"] = cpu_seconds() - cpu_before
    end["peak_memory"] = peak_memory()
    if end["ok"]:
        end["environment"] = environment.record(dict(os.environ), places)
    return end


def load(name: str) -> Callable[..., Any]:
    """The callable that "module:callable" names."""
    module, _, attribute = name.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return function


def reporter(events: IO[str]) -> Callable[..., None]:
    """The `report` that a stage function gets; its threads may all use it."""
    lock = threading.Lock()

    def report(event: str, **fields: Any) -> None:
        # JSON has no word for a loss that is not a number: it is told as text.
        told = {
            name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in fields.items()
        }
        with lock:
            send(events, {"report": {"event": event, **told}})

    return report


def send(events: IO[str], record: dict[str, Any]) -> None:
    events.write(json.dumps(record, ensure_ascii=False, default=float) + "\n")
    events.flush()


def describe(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip()


def explain(error: BaseException, doing: str) -> HelderError | None:
    """What the user can do about an error that comes from the machine, or None when it is ours."""
    text = str(error)
    number = error.errno if isinstance(error, OSError) else None
    name = f" ({error.filename})" if isinstance(error, OSError) and error.filename else ""
    # Libraries written in other languages give the system's message as text only; numpy only how much it could write.
    full = ("os error 28" in text, "No space left on device" in text, UNFINISHED.fullmatch(text) is not None)
    if number in (errno.ENOSPC, errno.EDQUOT) or any(full):
        return HelderError(
            f"The disk is full: {doing} could not write its output{name}.",
            text,
            "Free some space, then run the command again; `helder run` continues where it was.",
        )
    if number == errno.EFBIG:
        return HelderError(
            f"A file grew beyond what this machine allows: {doing} could not write its output{name}.",
            text,
            "Raise the file size limit (`ulimit -f`), then run the command again; `helder run` continues where it was.",
        )
    if number == errno.EIO:
        return HelderError(
            f"The disk failed: {doing} could not write or read what it has to{name}.",
            f"{text}: the system's own word for a disk, a cable or a network folder that did not do what it should.",
            "Look what the system says of it (`dmesg`), use another disk, then run the command again; `helder run` "
            "continues where it was, and checks what is there.",
        )
    if number in (errno.EROFS, errno.EACCES, errno.EPERM):
        return HelderError(
            f"{doing} may not write or read where it has to{name}.",
            text,
            "Make the folder writable, or use one that is, then run the command again.",
        )
    if isinstance(error, MemoryError) or "can't allocate memory" in text or "not enough memory" in text:
        return HelderError(
            f"Memory ran out: {doing} asked for more than this machine could give.",
            text.splitlines()[0] if text else "",
            "Close other programs, or make the batches smaller in the recipe; then `helder run` continues.",
        )
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] in TRAINING_LIBRARIES:
        return HelderError(
            f"{doing} needs {error.name}, which is not installed.",
            "The light install asks, serves and compares; it does not import models or train.",
            "pip install 'helder[train]'",
        )
    return None


UNFINISHED = re.compile(r"[0-9]+ requested and [0-9]+ written")  # numpy's tofile
TRAINING_LIBRARIES = {"torch", "safetensors", "sklearn"}


def cpu_seconds() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def peak_memory() -> int:
    """The most bytes this process ever held in memory (not those of processes it started)."""
    # ru_maxrss would count what the parent held when it forked; VmHWM belongs to this program alone.
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # /proc is closed: the kernel's other counter, a little too high, must do
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when the run is gone, so that no stage ever outlives its run."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before the kernel could be asked
        os._exit(ExitCode.INTERRUPTED)


def die_with_run(events: int) -> None:
    """`die_with_parent` in a room, where the run's own number is not known: its end of the pipe tells whether it is."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    poller = select.poll()
    poller.register(events, select.POLLERR)
    if poller.poll(0):
        os._exit(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
