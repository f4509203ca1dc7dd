"""Runs one stage as a child process and seals what it made.

A stage is a function of settings and input artifacts that writes an output folder. It runs in a process of its own, in
a closed room (`helder.sealed.room`), with a cleared and recorded environment. When it ends well, the folder becomes an
artifact and one signed statement says how it came to be. When it does not, nothing of it is seen outside `work/`.

It reads its inputs and writes its output, and finds nothing else; how far that was proved on this machine, the
statement says.
"""

from __future__ import annotations

import importlib.util
import json
import os
import selectors
import signal
import site
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from helder.errors import ExitCode, HelderError
from helder.ledger import artifact as artifacts
from helder.ledger import energy, environment, keys, statement
from helder.ledger.artifact import Artifact
from helder.ledger.run_folder import RunFolder
from helder.sealed import room
from helder.stage_child import explain
from helder.train.settings import INTERFACES, RENDEZVOUS

OnEvent = Callable[[dict[str, Any]], None]
PATIENCE = 5.0  # seconds between asking a stage to stop and stopping it
TAIL = 12  # lines of the log that are shown when a stage crashes


@dataclass(frozen=True)
class Stage:
    """One step of the way.

    Args:
        name: what people call it; the names of artifact, statement and log begin with it.
        function: "module:callable" with the signature
            `run(settings, inputs, output, scratch, report) -> facts`.
        settings: resolved settings, canonical JSON; nothing is looked up later.
        inputs: artifacts by the name under which the function knows them.
        version: raised when the same settings and inputs are meant to give another result.
        environment: variables that change numbers, such as `MKL_CBWR`; set before the process starts.
        elastic: settings under which unfinished work may be continued when they were others before; what is made says
            so in its facts.
    """

    name: str
    function: str
    settings: Mapping[str, Any]
    inputs: Mapping[str, Artifact]
    version: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    elastic: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Digest of all that decides the result; same key, same work. Paths and thread counts are not part
        of it.

        Raises:
            canonical.NotCanonical: a setting has no stable encoding.
        """
        return self._digest(self.settings)

    @property
    def work_key(self) -> str:
        """Under what unfinished work is found again: the key without the elastic settings."""
        return self._digest({name: value for name, value in self.settings.items() if name not in self.elastic})

    def _digest(self, settings: Mapping[str, Any]) -> str:
        inputs = {name: artifact.digest for name, artifact in self.inputs.items()}
        return statement.stage_key(self.name, self.version, self.function, settings, inputs, self.environment)


class Interrupted(HelderError):
    """The person or the system asked the run to stop."""

    def __init__(self, stage: str) -> None:
        super().__init__(
            f"Interrupted while {stage} was running.",
            fix="`helder run` continues where it was.",
            code=ExitCode.INTERRUPTED,
        )


def run(stage: Stage, folder: RunFolder, on_event: OnEvent, lock: int | None = None) -> Artifact:
    """Run a stage, whether or not it was run before, and seal its output.

    Args:
        stage: what to run.
        folder: where artifact, statement, log and unfinished work go.
        on_event: gets every event of the stage as a dict with `event` and `stage`; called in this thread.
        lock: descriptor of the run's lock, inherited by the child so that the lock lives as long as it does.

    Returns:
        The artifact, in its place in `folder`, digest just taken.

    Raises:
        HelderError: the stage said so, crashed (code 2), was killed, or the disk would not take it.
        Interrupted: SIGINT or SIGTERM came; the child is stopped.
    """
    work = folder.work(stage.work_key)
    try:
        _fresh(work)
        folder.log(stage.name).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, f"the run in {folder.root}") or error from error
    on_event({"event": "started", "stage": stage.name})
    started, energy_before = datetime.now(UTC), energy.counters()
    try:
        end = _execute(stage, work, folder.log(stage.name), on_event, lock)
        _check_unchanged(stage, folder)
        timings = {
            "started": started.isoformat(timespec="seconds"),
            "seconds": end["seconds"],
            "cpu_seconds": end["cpu_seconds"],
            "peak_memory": end["peak_memory"],
            "energy": energy.spent(energy_before, energy.counters(), end["cpu_seconds"]),
        }
        made = _seal(stage, work, folder, end, timings)
    except BaseException as error:
        # Half-written: of no use to anybody, and it may be what fills the disk.
        artifacts.remove(work / "output")
        if isinstance(error, OSError) and (known := explain(error, f"the run in {folder.root}")):
            raise known from error
        raise
    on_event({"event": "finished", "stage": stage.name, "digest": made.digest, **timings})
    return made


def remake(stage: Stage, work: Path, on_event: OnEvent = lambda event: None) -> dict[str, Any]:
    """Run a stage once more to see what it makes; nothing is sealed, nothing is said in anybody's name.

    Args:
        work: a folder of the caller's; what was made lies in `output` below it.

    Returns:
        The stage's closing record: facts, environment, seconds.

    Raises:
        HelderError, Interrupted: see `run`.
    """
    _fresh(work)
    return _execute(stage, work, work / "log", on_event, None)


def _fresh(work: Path) -> None:
    for name in ("output", "home", "tmp"):
        artifacts.remove(work / name)
        (work / name).mkdir(parents=True)
    (work / "scratch").mkdir(exist_ok=True)


def _check_unchanged(stage: Stage, folder: RunFolder) -> None:
    """Refuse to state what was read when it changed while it was read."""
    for artifact in stage.inputs.values():
        # What lies among the run's own artifacts is written once; files of the user can change at any time.
        if folder.root.absolute() not in artifact.path.absolute().parents and not artifact.intact():
            raise HelderError(
                f"{artifact.path} changed while {stage.name} was reading it.",
                "What the stage made cannot be said to come from it.",
                "Wait until nothing writes to it any more; then run again.",
            )


def _seal(stage: Stage, work: Path, folder: RunFolder, end: Mapping[str, Any], timings: Mapping[str, Any]) -> Artifact:
    """Output folder → artifact → statement, in this order, each step whole or not at all."""
    output = work / "output"
    entries = artifacts.manifest(output)
    if not entries:
        raise HelderError(
            f"The stage {stage.name} ended without writing anything.",
            "A stage that made nothing has nothing to state.",
            "This is a defect of ours; please report it.",
            ExitCode.OURS,
        )
    artifacts.fsync_tree(output)
    digest = artifacts.manifest_digest(entries)
    target = folder.artifact(stage.name, digest)
    if target.exists():  # left by a run that was killed before its statement, or damaged since
        if Artifact(target, digest, stage.name).intact():
            artifacts.remove(output)
        else:
            artifacts.remove(target)
    if output.exists():
        artifacts.move_folder(output, target)
    made = statement.build(
        name=stage.name,
        version=stage.version,
        function=stage.function,
        key=stage.key,
        settings=stage.settings,
        inputs=stage.inputs,
        outputs=entries,
        environment_record=end["environment"],
        timings=timings,
        facts=end["facts"],
        seal=end.get("seal"),
        variables=stage.environment,
    )
    folder.append(stage.name, statement.sign(made, keys.signing_key()))
    artifacts.remove(work)
    return Artifact(target, digest, stage.name)


def _execute(stage: Stage, work: Path, log: Path, on_event: OnEvent, lock: int | None) -> dict[str, Any]:
    """Start the process, pass its events on, and return its closing record."""
    reader, writer = os.pipe()
    job = work / "job.json"
    try:
        job.write_text(json.dumps(_job(stage, work, writer)), encoding="utf-8")
        with log.open("wb") as stream, _stop_signals() as stopping:
            process = room.start(
                [sys.executable, "-P", "-X", "faulthandler", "-m", "helder.stage_child", str(job.absolute())],
                [artifact.path for artifact in stage.inputs.values()],
                [work],
                code=_code(stage),
                count=True,
                peers=_most(stage.settings, "hosts") > 1,
                tcp=_most(stage.settings, "processes") > 1,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=work / "scratch",
                env=variables(stage, work),
                pass_fds=[writer, *([] if lock is None else [lock])],
                start_new_session=True,  # the terminal's Ctrl-C reaches the run, which then stops the stage
            )
            os.close(writer)
            writer = -1
            try:
                end = _listen(reader, stage.name, on_event, stopping)
                if stopping.is_set():
                    raise Interrupted(stage.name)
                process.wait()
            finally:
                _stop(process)
                seal = process.sealed()
                room.take_back(work)
    finally:
        os.close(reader)
        if writer >= 0:
            os.close(writer)
    return {**_judge(stage.name, end, process.returncode, log), "seal": seal.to_json()}


def _job(stage: Stage, work: Path, events: int) -> dict[str, Any]:
    return {
        "name": stage.name,
        "function": stage.function,
        "settings": dict(stage.settings),
        "inputs": {name: str(artifact.path.absolute()) for name, artifact in stage.inputs.items()},
        "output": str((work / "output").absolute()),
        "scratch": str((work / "scratch").absolute()),
        "places": {"work": str(work.absolute())},
        "parent": os.getpid(),
        "sealed": room.inside() or room.proved().level > room.OPEN,
        "events": events,
    }


def variables(stage: Stage, work: Path) -> dict[str, str]:
    """The whole environment of a stage's process; nothing else of ours is passed on."""
    code = [str(environment.PACKAGE.parent)]
    code += [str(place.parent if (place / "__init__.py").exists() else place) for place in _code(stage)]
    result = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "PYTHONPATH": os.pathsep.join(code),
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "HOME": str((work / "home").absolute()),
        "TMPDIR": str((work / "tmp").absolute()),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(environment.usable_cpus()),
        # Threads that spin while they wait take the CPU from those that work, on any machine that is shared.
        "GOMP_SPINCOUNT": "0",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
    }
    if site.ENABLE_USER_SITE:
        # Packages installed for one user are found through HOME, which is another one here.
        result["PYTHONUSERBASE"] = site.getuserbase()
    result |= {name: os.environ[name] for name in (RENDEZVOUS, *INTERFACES) if name in os.environ}
    return result | dict(stage.environment)


def _most(settings: Any, name: str) -> int:
    """The largest number of this name among settings, however deep; 1 where there is none."""
    if isinstance(settings, Mapping):
        own = settings.get(name)
        return max([own if isinstance(own, int) else 1, *(_most(value, name) for value in settings.values())])
    return max((_most(value, name) for value in settings), default=1) if isinstance(settings, list | tuple) else 1


def _code(stage: Stage) -> list[Path]:
    """The package, or the folder of the module, of a stage of the caller's own."""
    module = importlib.util.find_spec(stage.function.partition(":")[0].partition(".")[0])
    return [Path(module.origin).parent] if module and module.origin and module.name != "helder" else []


def _listen(reader: int, stage: str, on_event: OnEvent, stopping: threading.Event) -> dict[str, Any] | None:
    """Pass events on until the pipe closes or the run is to stop; the closing record, if one came."""
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        while not stopping.is_set():
            # The timeout bounds how long a signal that came between the check and the wait goes unnoticed.
            if not selector.select(timeout=0.2):
                continue
            chunk = os.read(reader, 1 << 16)
            if not chunk:
                return None
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                record = json.loads(line)
                if "end" in record:
                    closing: dict[str, Any] = record["end"]
                    return closing
                on_event({**record["report"], "stage": stage})
    return None


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; elsewhere than in the main thread, signals stay as they are."""
    stopping = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(process: subprocess.Popen[Any]) -> None:
    """End the process and all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return  # nobody of its session is left
        deadline = time.monotonic() + PATIENCE
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            continue


def _judge(stage: str, end: dict[str, Any] | None, status: int, log: Path) -> dict[str, Any]:
    if end is None:
        raise _died(stage, status, log)
    if end["ok"]:
        return end
    if "error" in end:
        raise HelderError.from_json(end["error"])
    raise HelderError(
        f"The stage {stage} crashed: {end['crash']}",
        f"The end of its log, {log}:\n{tail(log)}",
        "This is a defect of ours; please report it with the log. `helder run` tries the stage again.",
        ExitCode.OURS,
    )


def _died(stage: str, status: int, log: Path) -> HelderError:
    if status == -signal.SIGKILL:
        return HelderError(
            f"The stage {stage} was killed (SIGKILL).",
            f"Most often the kernel does this when memory runs out (`dmesg` says so). Its log is {log}.",
            "Close other programs, or make batch_tokens or context smaller; then `helder run` continues.",
        )
    if status < 0:
        how = f"died of {signal.Signals(-status).name}"
        user = -status in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU, signal.SIGXFSZ)
    else:
        how, user = f"ended with status {status} and without a word", False
    return HelderError(
        f"The stage {stage} {how}.",
        f"The end of its log, {log}:\n{tail(log)}",
        "`helder run` tries it again." + ("" if user else " If it happens again, please report it with the log."),
        ExitCode.USER if user else ExitCode.OURS,
    )


def tail(log: Path, lines: int = TAIL) -> str:
    """The last lines of a log."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - 16384))
            text = stream.read().decode("utf-8", "replace")
    except OSError as error:
        return f"(cannot be read: {error})"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (empty)"
