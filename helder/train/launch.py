"""Starts the processes of one training with torchrun and waits for them.

The stage's own process becomes torchrun's agent: it starts `helder.train.worker` once for each process of this host,
and stops all when one fails. Ranks on one host speak over the loopback interface only.

Several hosts: the project lies on a file system that all of them see. `helder run` on the first host, with the address
at which it can be reached in `HELDER_RENDEZVOUS`, says which command to give on each of the others; that runs the same
processes under the same variables. Ranks follow the order of the hosts, so that the same world sums in the same order
each time.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from helder.errors import ExitCode, HelderError
from helder.ledger.environment import PACKAGE, usable_cpus
from helder.train.settings import INTERFACES, RENDEZVOUS, TrainSettings

WORKER = "helder.train.worker"
FOLDER = "processes"  # in the scratch folder: the job, the pipe and how each process ended
AGENT = "HELDER_AGENT"  # the process that a worker must not outlive
# Variables of the stage's process that other hosts have of their own; all others they take over.
OF_THIS_HOST = {"PATH", "PYTHONPATH", "PYTHONUSERBASE", "HOME", "TMPDIR", "LANG", *INTERFACES, AGENT}


def launch(
    function: str,
    settings: Mapping[str, Any],
    training: TrainSettings,
    inputs: Mapping[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Run a stage function in all processes of a training.

    Args:
        function: "module:callable", see `helder.stage`; it joins the others through `helder.train.world`.
        settings: what it is given.
        training: how many processes.
        inputs, output, scratch: the same for all processes; whoever is not first must not write there.
        report: gets what the first process reports.

    Returns:
        The facts of the first process, with the threads and the most memory of each process.

    Raises:
        HelderError: one of the processes said so, or was killed.
        RuntimeError: one of them crashed; its traceback is in the log.
    """
    meet = os.environ.pop(RENDEZVOUS, "")  # it changes no number, and where a host stands is not recorded
    if training.hosts > 1:
        check_address(meet, training.hosts)
    folder = scratch / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    events, path = folder / "events", (folder / "job.json").absolute()
    os.mkfifo(events)
    threads = share_threads(training.processes)
    job = {
        "name": function,
        "function": function,
        "settings": dict(settings),
        "inputs": {name: str(path.absolute()) for name, path in inputs.items()},
        "output": str(output.absolute()),
        "scratch": str(scratch.absolute()),
        "places": {},
        "events": str(events.absolute()),
        "hosts": training.hosts,
        "processes": training.processes,
        "meet": meet,
        "variables": {name: value for name, value in sorted(os.environ.items()) if name not in OF_THIS_HOST},
    }
    path.write_text(json.dumps(job), encoding="utf-8")
    if training.hosts > 1:
        command = shlex.join(["python", "-m", "helder.train.launch", str(path)])
        text = (
            f"waits for {training.hosts - 1} more of {training.hosts} hosts; give on each, with N from 1: {command} N"
        )
        report("note", text=text)
    with _Listener(events, report):
        try:
            start(path, job, 0)
        except ChildFailedError as error:
            raise why(folder, error) from error
    ends = [json.loads(end.read_text(encoding="utf-8")) for end in sorted(folder.glob("end-*.json"))]
    return {
        **ends[0]["facts"],
        "threads_of_each_process": threads,
        "peak_memory_of_each_process": [end["peak_memory"] for end in ends],
    }


def main(arguments: list[str]) -> int:
    """What the other hosts run: `python -m helder.train.launch JOB.json N`."""
    path = Path(arguments[0])
    job = json.loads(path.read_text(encoding="utf-8"))
    os.environ |= {**job["variables"], "PYTHONPATH": str(PACKAGE.parent)}
    try:
        start(path, job, int(arguments[1]))
    except ChildFailedError as error:
        sys.stderr.write(f"{error}\n")
        return int(ExitCode.USER)
    return int(ExitCode.DONE)


def start(path: Path, job: Mapping[str, Any], host: int) -> None:
    """Run the processes of this host, the `host`-th from 0, to their end.

    Raises:
        ChildFailedError: one of them failed; the others were stopped.
    """
    os.environ[AGENT] = str(os.getpid())
    rendezvous: dict[str, Any] = {
        "rdzv_backend": "static",  # ranks follow the order of the hosts
        "rdzv_endpoint": job["meet"],
        "rdzv_configs": {"rank": host},
    }
    if job["hosts"] == 1:
        # No name has to be resolved, and no other machine can speak to it.
        rendezvous = {
            "rdzv_backend": "c10d",
            "rdzv_endpoint": "127.0.0.1:0",
            "rdzv_configs": {"is_host": True},
            "local_addr": "127.0.0.1",
        }
        os.environ |= dict.fromkeys(INTERFACES, "lo")
    config = LaunchConfig(
        min_nodes=job["hosts"],
        max_nodes=job["hosts"],
        nproc_per_node=job["processes"],
        run_id="helder",
        max_restarts=0,  # a training continues from its checkpoint when it is run again
        monitor_interval=0.05,
        shutdown_timeout=2,
        **rendezvous,
    )
    elastic_launch(config, sys.executable)("-P", "-X", "faulthandler", "-m", WORKER, str(path))


def share_threads(processes: int) -> int:
    """Share this process's threads out among so many; they inherit what is set here, and it is recorded."""
    threads = max(1, int(os.environ.get("OMP_NUM_THREADS") or usable_cpus()) // processes)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    return threads


def check_address(address: str, hosts: int) -> None:
    """Refuse to wait for other hosts where they cannot come.

    Raises:
        HelderError: the address is missing or is none.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise HelderError(
            f"This training runs on {hosts} hosts, and it is not said where they meet.",
            f"{RENDEZVOUS} is {address!r}." if address else f"{RENDEZVOUS} is not set.",
            f"Give the address of this host and a free port: {RENDEZVOUS}=HOST:PORT helder run",
        )


class _Listener:
    """Passes on what the first process reports through a named pipe, while the block runs."""

    def __init__(self, events: Path, report: Callable[..., None]) -> None:
        self._report = report
        # Open for both: it neither waits for a writer nor ends when one goes.
        self._pipe = os.fdopen(os.open(events, os.O_RDWR), "r+b", buffering=0)
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._pipe.write(b"\n\n")  # an empty line, also behind half a one: that was all
        self._thread.join()
        self._pipe.close()

    def _listen(self) -> None:
        pending = b""
        while True:
            *lines, pending = (pending + self._pipe.read(1 << 16)).split(b"\n")
            for line in lines:
                if not line:
                    return
                try:
                    told = json.loads(line)["report"]
                except ValueError:
                    continue  # a process was killed in the middle of a line
                self._report(**told)


def why(folder: Path, error: ChildFailedError) -> Exception:
    """The error that ended a training: the first that was meant for a person, else the first that happened."""
    ends = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("end-*.json")]
    ended = sorted((end for end in ends if not end["ok"]), key=lambda end: (float(end["at"]), int(end["rank"])))
    for end in ended:
        if "error" in end:
            return HelderError.from_json(end["error"])
    rank, failure = error.get_first_failure()
    killed = [int(place) for place, one in error.failures.items() if one.exitcode == -signal.SIGKILL]
    if killed:
        return HelderError(
            f"Process {killed[0]} of the training was killed (SIGKILL).",
            "Most often the kernel does this when memory runs out (`dmesg` says so).",
            "Take fewer `processes`, or smaller batches, in [train]; then `helder run` continues.",
        )
    if ended:
        return RuntimeError(f"process {ended[0]['rank']}: {ended[0]['crash']}")
    return HelderError(
        f"Process {rank} of the training ended with status {failure.exitcode} and without a word.",
        fix="`helder run` tries it again. If it happens again, please report it with the log.",
        code=ExitCode.OURS,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
