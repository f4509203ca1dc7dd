"""Reads files in processes with limits, several at a time, and gives the results back in order.

A worker is a fork of this process that gets open descriptors over a socket, those of several small files at once; it
opens nothing by name itself. It reads one file at a time under a clock of processor time that grows with the file, so
that a small file that takes long (a bomb) ends soon and a large one may take its time; under a limit on memory; and it
writes only to its own files of results. When a worker is stopped by a limit or by a crash of a library, its file is
refused with the reason, and a new worker goes on.

What this does not do: keep a worker that was taken over by a malicious file from reading files of this user. That is
what the closed room of the stage is for (`helder.sealed.room`).
"""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helder.data.extract import kinds, marks, walk
from helder.data.extract.form import Extracted, Held, Limits, Refused
from helder.data.extract.source import Source, opened
from helder.data.extract.walk import Found
from helder.data.lines import loads, written

BYTES_A_SECOND = 1_000_000  # of a file, for which a second of processor time is added: PDFium reads 3 MB/s or more
PATIENCE = 10  # times the processor time that may pass on the clock: the machine may be busy
PATIENCE_FROM = 20.0  # seconds on the clock that always may pass
OUTPUT = 64_000_000  # bytes that the lines of any file may have, and `OUTPUT_RATIO` for each byte of it (assumptions)
OUTPUT_RATIO = 10
BATCH_FILES, BATCH_BYTES = 64, 1 << 20  # files, and bytes of them, that a worker gets at once (assumptions)
AHEAD = 4 * BATCH_FILES  # files that may be answered, for each worker, before the one whose turn it is
WRITTEN = 1 << 20  # bytes of lines that are collected before they are written
RECURSION = 3000  # calls inside one another: enough for `Limits.depth` elements of an office file


@dataclass
class Result:
    """What became of one file.

    Attributes:
        state: "accepted", "held" or "refused".
        why: the reason, or empty.
        sha256: of the file; empty when it could not be opened.
        documents: how many it gave.
        ids, ids_end: where the ids of its documents stand in the file of ids of that worker, as in a list of JSON:
            those of a table of ten million rows take too much memory to be told.
        spool, start, end: where their lines are, in the file of a worker; `spool` is -1 when there are none.
    """

    found: Found
    state: str
    why: str = ""
    sha256: str = ""
    size: int = 0
    media_type: str = ""
    library: str = ""
    documents: int = 0
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    spool: int = -1
    start: int = 0
    end: int = 0
    ids: int = 0
    ids_end: int = 0


@dataclass(frozen=True)
class Task:
    """A file to read: its place among all of them, and why a person is to be asked before it is used, or nothing."""

    number: int
    found: Found
    mark: str


def allowance(size: int, limits: Limits) -> float:
    """Seconds of processor time that a file of this size may take."""
    return limits.seconds + size / BYTES_A_SECOND


def extract(
    root: Path,
    paths: Iterable[tuple[Found, str]],
    limits: Limits,
    spools: Path,
    workers: int,
    common: dict[str, Any],
) -> Iterator[Result]:
    """Read files, several at a time; results come in the order of the paths.

    Args:
        root: the folder that the paths lie in.
        paths: files, each with a reason to ask a person before it is used, or an empty one.
        spools: an empty folder, in which workers write lines of documents; see `Result.spool` and `spool_path`.
        workers: how many files are read at the same time.
        common: what stands in the line of every document, and "prefix", which its path begins with.
    """
    waiting = deque(Task(number, found, mark) for number, (found, mark) in enumerate(paths))
    _preload(any(task.found.path.lower().endswith(".parquet") for task in waiting))
    opener = walk.Opener(root)
    pool = [_Worker(number, spools, limits, common) for number in range(workers)]
    done: dict[int, Result] = {}
    order = 0
    try:
        while True:
            for worker in pool:
                while not worker.tasks and waiting and waiting[0].number - order < AHEAD * workers:
                    done |= worker.start(opener, _batch(waiting))
            busy = [worker for worker in pool if worker.tasks]
            if not busy and not waiting and order not in done:
                return
            for worker in _ready(busy):
                done |= worker.finish()
                waiting.extendleft(reversed(worker.given_back()))
            while order in done:
                yield done.pop(order)
                order += 1
    finally:
        opener.close()
        for worker in pool:
            worker.stop()


def _batch(waiting: deque[Task]) -> list[Task]:
    """The next files for a worker: one, or several small ones, since handing over takes longer than reading them."""
    batch = [waiting.popleft()]
    size = batch[0].found.size
    while waiting and len(batch) < BATCH_FILES and (size := size + waiting[0].found.size) <= BATCH_BYTES:
        batch.append(waiting.popleft())
    return batch


def spool_path(spools: Path, number: int) -> Path:
    """The file that a worker writes lines to."""
    return spools / f"{number}.jsonl"


def ids_path(spools: Path, number: int) -> Path:
    """The file that a worker writes ids of documents to."""
    return spools / f"{number}.ids"


def _preload(tables: bool) -> None:
    """Import the readers before forking, so that no worker pays for it out of a file's time.

    Args:
        tables: whether to import what reads Parquet, too, which is large.
    """
    for reader in kinds.READERS.values():
        if reader.package != "pyarrow" or tables:
            with contextlib.suppress(Held):
                reader.load()


def _ready(busy: list[_Worker]) -> list[_Worker]:
    """Workers that answered, died, or took too long on the clock."""
    if not busy:
        return []
    now = time.monotonic()
    wait = max(0.0, min(worker.deadline for worker in busy) - now)
    readable, _, _ = select.select([worker.socket for worker in busy], [], [], wait)
    now = time.monotonic()
    return [worker for worker in busy if worker.socket in readable or worker.deadline <= now]


class _Worker:
    """The parent's side of one worker.

    The worker writes what became of each file into a file of answers, and one byte to its socket at the end of a batch:
    so nobody is woken for every file, and what was answered before a worker died is known.
    """

    def __init__(self, number: int, spools: Path, limits: Limits, common: dict[str, Any]) -> None:
        self.number, self._limits, self._common = number, limits, common
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._spool = os.open(spool_path(spools, number), flags, 0o600)
        self._ids = os.open(ids_path(spools, number), flags, 0o600)
        self._answers = os.open(spools / f"{number}.answers", flags, 0o600)
        self._read = 0  # bytes of the answers that were read
        self._end = self._ids_end = 0  # of what is whole in the spool, and among the ids
        self.tasks: deque[Task] = deque()  # those that are not answered, in their order
        self.deadline = 0.0
        self._process = -1
        self.socket: socket.socket
        self._fork()

    def _fork(self) -> None:
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._process = os.fork()
        if self._process == 0:
            code = 1
            try:
                self.socket.close()
                _serve(theirs, self._spool, self._ids, self._answers, self._limits, self._common)
                code = 0
            finally:
                os._exit(code)
        theirs.close()

    def start(self, opener: walk.Opener, batch: Sequence[Task]) -> dict[int, Result]:
        """Give the worker files; gives back the results of those that cannot be opened."""
        failed: dict[int, Result] = {}
        orders, descriptors = [], []
        for task in batch:
            found = task.found
            try:
                descriptors.append(opener.open(found.path))
            except OSError as error:
                why = f"it cannot be opened: {error.strerror or error}"
                failed[task.number] = Result(found, "refused", why, size=found.size)
                continue
            seconds = allowance(found.size, self._limits)
            orders.append({"path": found.path, "size": found.size, "mark": task.mark, "seconds": seconds})
            self.tasks.append(task)
        if orders:
            os.ftruncate(self._answers, 0)
            self._read = 0
            self._wait()
            order = json.dumps(orders).encode()
            try:
                socket.send_fds(self.socket, [len(order).to_bytes(8, "big")], descriptors)
                self.socket.sendall(order)
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
        return failed

    def _wait(self) -> None:
        """Set the deadline of the file that the worker has."""
        seconds = allowance(self.tasks[0].found.size, self._limits)
        self.deadline = time.monotonic() + max(PATIENCE_FROM, PATIENCE * seconds)

    def finish(self) -> dict[int, Result]:
        """The results of what was answered; the file that a worker died of, or took too long for, is refused."""
        late = self.deadline <= time.monotonic() and not select.select([self.socket], [], [], 0)[0]
        ended = not late and not self._told()
        done = dict(self._answered())
        if late and done and self.tasks:  # it only has many files
            self._wait()
        elif late or ended:
            task = self.tasks.popleft()
            why = self._bury(task.found, late)
            os.ftruncate(self._spool, self._end)
            os.ftruncate(self._ids, self._ids_end)
            self._fork()
            done[task.number] = Result(task.found, "refused", why, size=task.found.size)
            self._dead = True
        return done

    _dead = False

    def given_back(self) -> list[Task]:
        """The files that a worker that died had not come to."""
        if not self._dead:
            return []
        self._dead = False
        back = list(self.tasks)
        self.tasks.clear()
        return back

    def _told(self) -> bool:
        """Whether the worker says that its batch is done; it died when it does not."""
        try:
            return self.socket.recv(1) != b""
        except ConnectionError:
            return False

    def _answered(self) -> Iterator[tuple[int, Result]]:
        """Results that were written since this was asked last."""
        with open(self._answers, "rb", closefd=False) as stream:
            stream.seek(self._read)
            lines = stream.readlines()
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()  # a worker may have died in the middle of a line
        self._read += sum(map(len, lines))
        for line in lines:
            task = self.tasks.popleft()
            record = loads(line)
            start, self._end = self._end, record.pop("end")
            ids, self._ids_end = self._ids_end, record.pop("ids_end")
            spool = self.number if self._end > start else -1
            record |= {"spool": spool, "start": start, "end": self._end, "ids": ids, "ids_end": self._ids_end}
            yield task.number, Result(task.found, **record)

    def _bury(self, found: Found, late: bool) -> str:
        """Why a worker ended, in words; it is gone afterwards."""
        if late:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
        self.socket.close()
        _, status = os.waitpid(self._process, 0)
        self._process = -1
        seconds = allowance(found.size, self._limits)
        if late:
            return f"reading it took longer than {max(PATIENCE_FROM, PATIENCE * seconds):.0f} s on the clock"
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGXCPU):
            return "reading it takes more processor time than a file of its size may take; perhaps it is a bomb"
        if os.WIFSIGNALED(status):
            ended = signal.Signals(os.WTERMSIG(status))
            more = "; perhaps it needs more memory than it may have" if ended == signal.SIGABRT else ""
            return f"its reader crashed ({ended.name}{more})"
        return "its reader ended; perhaps it needs more memory than it may have"

    def stop(self) -> None:
        """End the worker, whatever it does."""
        if self._process > 0:
            self.socket.close()
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
        os.close(self._spool)
        os.close(self._ids)
        os.close(self._answers)


# -- the worker's side -----------------------------------------------------------------------------------


def _serve(stream: socket.socket, spool: int, ids: int, answers: int, limits: Limits, common: dict[str, Any]) -> None:
    """Answer orders until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit_memory(limits.memory)
    sys.setrecursionlimit(RECURSION)
    faulthandler.disable()  # a crash is told by the parent
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)  # what libraries print is not ours
    os.dup2(devnull, 2)
    while True:
        head, descriptors, _, _ = socket.recv_fds(stream, 8, BATCH_FILES)
        if len(head) < 8:
            return
        orders = json.loads(_exactly(stream, int.from_bytes(head, "big")))
        for descriptor, order in zip(descriptors, orders, strict=True):
            record = _one(descriptor, order, spool, ids, limits, common)
            os.close(descriptor)
            record |= {"end": os.lseek(spool, 0, os.SEEK_END), "ids_end": os.lseek(ids, 0, os.SEEK_END)}
            _write(answers, written(record) + b"\n")
        stream.sendall(b".")


def _exactly(stream: socket.socket, size: int) -> bytes:
    content = bytearray()
    while len(content) < size:
        part = stream.recv(size - len(content))
        if not part:
            os._exit(0)
        content += part
    return bytes(content)


def _limit_memory(more: int) -> None:
    """Allow this much beyond what the process has now (its address space, since that is what can be limited)."""
    with contextlib.suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + more
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _one(
    descriptor: int, order: dict[str, Any], spool: int, ids: int, limits: Limits, common: dict[str, Any]
) -> dict[str, Any]:
    """Read one file and write the lines of its documents; what is to be said of it."""
    found = Extracted(marks=[order["mark"]] if order["mark"] else [])
    begin, ids_begin = os.lseek(spool, 0, os.SEEK_END), os.lseek(ids, 0, os.SEEK_END)
    record: dict[str, Any] = {"state": "accepted", "why": "", "documents": 0}
    _limit_output(begin + OUTPUT + OUTPUT_RATIO * order["size"])
    signal.setitimer(signal.ITIMER_PROF, order["seconds"])
    try:
        source, sha256 = opened(descriptor, walk.shown(order["path"].rpartition("/")[2]))
        record |= {"size": source.size, "sha256": sha256}
        _documents(source, order["path"], record, found, spool, ids, limits, common)
    except Exception as error:  # noqa: BLE001  a file from outside may break a reader in any way; it is refused, and told
        state = "held" if isinstance(error, Held) else "refused"
        record |= {"state": state, "why": _why(error, limits), "documents": 0}
        os.ftruncate(spool, begin)
        os.ftruncate(ids, ids_begin)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return record | {"warnings": found.warnings, "facts": found.facts}


def _limit_output(most: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))


def _why(error: Exception, limits: Limits) -> str:
    """Why a file was not read, in words."""
    if isinstance(error, Held | Refused):
        return str(error)
    if isinstance(error, MemoryError):
        return f"reading it needs more than {limits.memory:,} bytes of memory"
    if isinstance(error, RecursionError):
        return "its parts lie too deep inside one another"
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return "its text is much larger than the file; perhaps it is a bomb"
    return f"its reader failed on it ({type(error).__name__}: {str(error)[:120]})"


def _documents(
    source: Source,
    path: str,
    record: dict[str, Any],
    found: Extracted,
    spool: int,
    ids: int,
    limits: Limits,
    common: dict[str, Any],
) -> None:
    """Write a line for each document, and its id.

    Raises:
        Held, Refused: see `kinds.read`; or there is no text.
    """
    reader, documents = kinds.read(source, found, limits)
    record |= {"media_type": reader.media_type, "library": reader.library}
    prefix = common.get("prefix", "")
    said = {name: value for name, value in common.items() if name != "prefix"}
    fixed = {"path": prefix + walk.shown(path), "media_type": reader.media_type, **said, "library": reader.library}
    lines: list[bytes] = []
    names: list[bytes] = []
    count = waiting = asked = 0
    first = ""
    for document in documents:
        if document.row is None and (not document.text or document.text.isspace()):
            raise Held("it has no text")
        health = marks.of_health(document.text)
        reasons = [*found.marks, *([health] if health else [])]
        if reasons:
            asked, first = asked + 1, first or "; ".join(reasons)
        line = {
            "id": (name := document.id),
            "row": document.row,
            "title": document.title,
            "text": document.text,
            "offsets": document.offsets,
            "held": "; ".join(reasons) or None,
            **fixed,
        }
        names.append((f',"{name}"' if count else f'"{name}"').encode("ascii"))
        count += 1
        lines.append(written(line))
        waiting += len(lines[-1])
        if waiting > WRITTEN:
            _write(spool, b"\n".join([*lines, b""]))
            _write(ids, b"".join(names))
            lines, names, waiting = [], [], 0
    _write(spool, b"\n".join([*lines, b""]))
    _write(ids, b"".join(names))
    if not count:
        raise Held("it has no text")
    record |= {"documents": count}
    if asked:
        record |= {"state": "held", "why": first if count == 1 else f"{asked:,} of its {count:,} rows: {first}"}


def _write(descriptor: int, content: bytes) -> None:
    data = memoryview(content)
    while data:
        data = data[os.write(descriptor, data) :]
