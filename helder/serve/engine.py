"""llama.cpp: GGUF file + token ids -> answers.

It knows nothing of chat formats, tokenizers or tasks: prompts are token ids, so that no text of a user can
become a special token, and a chat template inside the file is never run. What ends an answer is the
end-of-answer token that the file names.

Answers are greedy unless a temperature is given, and repeatable: the prompt cache is off, a model works on
one request at a time, the batch size is fixed, keys and values are kept in F32 and attention follows the
plain arithmetic, so that an F32 file gives the tokens of `helder.model.transformer`. Measured
(SmolLM2-135M): the log-probabilities are the same bits with one thread and with two; F32 keys and values
cost 12 % of the decoding speed.

Each model runs in a process of its own (`worker.py`), which nobody but this one can speak to.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from helder.errors import ExitCode, HelderError
from helder.sealed import room
from helder.serve import llama
from helder.serve.answer import Answer, Decoding
from helder.serve.completer import Completer, checked
from helder.serve.lane import Lane

PATIENCE = 5.0  # seconds that a worker gets to end


class Engine(Completer):
    """One GGUF file, ready to answer. Use `Engine.open`, and close it (or use it in a `with`).

    Calls of `complete` from several threads wait for each other.
    """

    def __init__(self, path: Path, threads: int, context: int, workers: int) -> None:
        self.path, self.threads, self.context, self.workers = path, threads, context, workers
        self._worker: Worker | None = Worker(path, threads, context)
        self._pool: list[Worker] = []

    @classmethod
    def open(cls, gguf: Path, *, threads: int | None = None, context: int = 2048, workers: int | None = None) -> Engine:
        """Load a model file.

        Args:
            gguf: the file.
            threads: threads of one answer; default: the cores this process may use.
            context: longest prompt and answer together, in tokens. Memory grows with it.
            workers: how many single-threaded copies `complete_many` runs side by side; default: the cores
                this process may use. The copies share the file's pages where its format allows.

        Raises:
            HelderError: the file is missing, is no GGUF, or cannot be loaded.
        """
        cores = len(os.sched_getaffinity(0))
        return cls(Path(gguf), threads or cores, context, workers or cores)

    def _answer(
        self, prompt_ids: Sequence[int], wanted: Decoding, stream: Callable[[str], bool] | None, text: str
    ) -> Answer:
        if self._worker is None:
            raise RuntimeError("the engine is closed")
        return self._worker.ask(llama.request(prompt_ids, wanted), stream)

    def complete_many(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        grammar: str | None = None,
        max_tokens: int = 512,
        logprobs: bool = False,
        progress: Callable[[int], None] | None = None,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seeds: Sequence[int] | None = None,
    ) -> list[Answer]:
        """Answer many prompts, in order, on all cores: greedily, or drawn.

        Prompt i is answered by worker i mod workers, each with one thread, so that nothing depends on timing.

        Args:
            temperature, top_p: as `complete`.
            seeds: of each prompt, where tokens are drawn; 0 for all without them.
            progress: called with 1 after each answer, from any thread.

        Raises:
            HelderError: as `complete`; one bad prompt fails the call before anything is generated.
        """
        for prompt in prompts:
            self._check_length(prompt)
        requests = [
            llama.request(prompt, Decoding(grammar, max_tokens, temperature, top_p, seed, logprobs=logprobs))
            for prompt, seed in zip(prompts, seeds or [0] * len(prompts), strict=True)
        ]
        if self._worker is None:
            raise RuntimeError("the engine is closed")
        workers = max(1, min(self.workers, len(prompts)))
        if workers == 1 and self.threads == 1:
            return [_counted(checked(self._worker.ask(request), grammar), progress) for request in requests]
        while len(self._pool) < workers:
            self._pool.append(Worker(self.path, 1, self.context))
        answers: list[Answer | None] = [None] * len(prompts)
        failed = threading.Event()

        def work(worker: int) -> None:
            for index in range(worker, len(prompts), workers):
                if failed.is_set():
                    return
                answers[index] = _counted(checked(self._pool[worker].ask(requests[index]), grammar), progress)

        with ThreadPoolExecutor(workers) as threads:
            try:
                for future in [threads.submit(work, worker) for worker in range(workers)]:
                    future.result()
            except BaseException:
                failed.set()  # the others end after the answer they are at
                raise
        return [answer for answer in answers if answer is not None]

    @property
    def processes(self) -> list[int]:
        """The process ids of the workers."""
        workers = [self._worker, *self._pool] if self._worker else self._pool
        return [worker.process.program for worker in workers]

    def close(self) -> None:
        """Free the model. Closing twice is fine."""
        workers = [self._worker, *self._pool] if self._worker else []
        self._worker, self._pool = None, []
        for worker in workers:
            worker.close()


class Crashed(HelderError):
    """A worker's process ended although nobody asked it to."""


class Worker:
    """One process of `worker.py`, with a lane for each request that it works on at the same time."""

    def __init__(self, path: Path, threads: int, context: int, lanes: int = 1) -> None:
        _check_file(path)
        self.path, self.lanes = path, list[Lane]()
        with ExitStack() as ours, ExitStack() as theirs:
            pairs = [_pipes(ours, theirs) for _ in range(lanes - 1)]
            self.process = room.start(
                [sys.executable, "-P", "-m", "helder.serve.worker"],
                [path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                bufsize=1,
                start_new_session=True,  # a terminal's Ctrl-C is for the parent to answer
                pass_fds=[descriptor for _, there in pairs for descriptor in there],
            )
            ours.pop_all()
        assert self.process.stdin
        assert self.process.stdout
        self.lanes.append(Lane(self.process.stdin, self.process.stdout, self._died))
        self.lanes += [Lane(to, back, self._died) for (to, back), _ in pairs]
        more = [there for _, there in pairs]
        try:
            first = self.lanes[0]
            first.send({"path": str(path.absolute()), "threads": threads, "context": context, "lanes": more})
            said = first.receive()
        except BaseException:
            self.close()
            raise
        if "error" in said:
            self.close()
            raise HelderError.from_json(said["error"])

    def ask(self, request: dict[str, Any], stream: Callable[[str], bool] | None = None, lane: int = 0) -> Answer:
        """One request, answered whole or passed to `stream` piece by piece."""
        return self.lanes[lane].ask(request, stream)

    def close(self) -> None:
        """End the process: it goes when its input does, or is ended."""
        for lane in self.lanes:
            lane.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def bury(self) -> None:
        """Clear away a process that died, while other threads may still wait for it to say something."""
        self.process.kill()
        self.process.wait()
        for lane in self.lanes:
            lane.bury()

    def _died(self) -> HelderError:
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            status = None
        if status == -signal.SIGKILL:
            why = "It was killed: most often by the kernel, because memory ran out (`dmesg` says so)."
            return Crashed(f"The process with {self.path.name} is gone.", why, "Free memory and try again.")
        how = f"signal {signal.Signals(-status).name}" if status is not None and status < 0 else f"status {status}"
        return Crashed(
            f"llama.cpp crashed with {self.path.name}.",
            f"Its process ended with {how}.",
            "Check the file's SHA-256 against its origin; if it is right, report this with the digest.",
            ExitCode.OURS,
        )


def _pipes(ours: ExitStack, theirs: ExitStack) -> tuple[tuple[IO[str], IO[str]], tuple[int, int]]:
    """A lane's ends: (write, read) here and (read, write) there. `theirs` are closed here once they are handed over."""
    reads, to = os.pipe()
    back, writes = os.pipe()
    for descriptor in (reads, writes):
        theirs.callback(os.close, descriptor)
    here = (os.fdopen(to, "w", encoding="utf-8"), os.fdopen(back, encoding="utf-8"))
    for pipe in here:
        ours.enter_context(pipe)
    return here, (reads, writes)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise HelderError(f"There is no model file {path}.", "", "Check the path, or make the file with `helder run`.")
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"GGUF":
        raise HelderError(
            f"{path} is not a GGUF file.",
            f"It begins with {magic!r}, a GGUF file with b'GGUF'.",
            "Give a GGUF file; `helder model import` reads other kinds.",
        )


def _counted(answer: Answer, progress: Callable[[int], None] | None) -> Answer:
    if progress:
        progress(1)
    return answer
