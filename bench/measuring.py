"""What the measurements share: a project to measure with, the command as a person calls it, and how results are told.

A measurement prints a short table, or with `--json` one JSON document, on stdout; what happens meanwhile goes to
stderr. The base model must have been imported: nothing here goes to the network.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import processes
from helder import pipeline
from helder.examples import materialise
from helder.ledger import environment
from helder.project import Project

EXAMPLE = "dose-instructions"
HELDER = str(Path(sys.executable).parent / "helder")  # the command of the environment that measures


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that all measurements have; `description` is the module's docstring."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", action="store_true", help="Print one JSON document instead of the table.")
    return made


def add_project_options(options: argparse.ArgumentParser, steps: int, limit: int) -> None:
    """The options that make a run of the example small."""
    options.add_argument(
        "--steps", type=positive, default=steps, help="Training steps of a run (default: %(default)s)."
    )
    options.add_argument(
        "--limit", type=positive, default=limit, help="Cases asked of each test set (default: %(default)s)."
    )
    options.add_argument("--folder", type=Path, help="Measure in this new folder and keep it; else it is removed.")


@contextmanager
def workplace(folder: Path | None) -> Iterator[Path]:
    """A folder to measure in: the given one, which stays, or one that is removed at the end, however that comes."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    if folder is not None:
        folder.mkdir(parents=True)
        yield folder.resolve()
        return
    temporary = Path(tempfile.mkdtemp(prefix="helder-bench-"))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary)


def make_project(
    folder: Path, train: Mapping[str, Any], evaluate: Mapping[str, Any], example: str = EXAMPLE
) -> Project:
    """The example as `helder new` makes it, with other settings.

    Args:
        train: keys of [train] that take the place of its budget; empty to leave the budget as it is.
        evaluate: keys of [evaluate], which take the place of all that are there; empty to leave them.
    """
    materialise(example, folder)
    change(folder / "recipe.toml", train, evaluate)
    return Project.open(folder)


def change(recipe: Path, train: Mapping[str, Any], evaluate: Mapping[str, Any]) -> None:
    """Put other settings into a recipe, in place; see `make_project`."""
    text = recipe.read_text(encoding="utf-8")
    if train:
        text, found = re.subn(
            r"^(?:budget|steps|tokens|epochs) = .*$", lambda match: toml(train), text, flags=re.MULTILINE
        )
        if found != 1:
            raise SystemExit(f"{recipe} has no budget that could be replaced.")
    if evaluate:
        text = re.sub(r"^\[evaluate\]\n(?:(?!\[).*\n)*", "", text, flags=re.MULTILINE)
        text += f"\n[evaluate]\n{toml(evaluate)}\n"
    recipe.write_text(text, encoding="utf-8")


def toml(values: Mapping[str, Any]) -> str:
    """Numbers, booleans and plain strings as lines of TOML, which writes them as JSON does."""
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())


@contextmanager
def running(
    project: Project, events: Path, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """`helder run` as a process; its events go to a file, one JSON line each. Nothing of it outlives the block."""
    with events.open("wb") as stream:
        process = subprocess.Popen(
            [HELDER, "run", str(project.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stream,
            env={**os.environ, **(variables or {})},
            start_new_session=True,  # Ctrl-C stops the measurement, which then stops the run
        )
    try:
        yield process
    finally:
        processes.kill(processes.tree(process.pid))
        process.wait()


def run_to_end(project: Project, events: Path, variables: Mapping[str, str] | None = None) -> None:
    """`helder run`, which must succeed; else the measurement ends with what it said."""
    with running(project, events, variables) as process:
        status = process.wait()
    if status:
        told = events.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
        raise SystemExit("\n".join([f"helder run {project.folder} ended with {status}:", *told]))


@dataclass(frozen=True)
class Outcome:
    """What a finished run made.

    Attributes:
        digests: stage → SHA-256 of its artifact, hashed anew.
        code: digests of Helder's own code that the stages ran with; more than one if it changed meanwhile.
    """

    digests: dict[str, str]
    code: frozenset[str]

    @classmethod
    def of(cls, project: Project) -> Outcome:
        """Look at every stage of a run; the measurement ends when one is not done or not intact."""
        digests: dict[str, str] = {}
        code: set[str] = set()
        for step in pipeline.status(project):
            if step.state != "done" or step.artifact is None or step.statement is None:
                raise SystemExit(f"The stage {step.name} of {project.folder} is {step.state}, not done.")
            digests[step.name] = step.artifact.digest
            if step.name != "base":  # imported before, perhaps by other code
                code.add(step.statement.predicate["code"]["sha256"])
        return cls(digests, frozenset(code))

    def differing(self, other: Outcome) -> list[str]:
        """Stages whose artifacts are not the same in both.

        The measurement ends when the code was not the same either: the comparison would mean nothing.
        """
        if len(self.code | other.code) > 1:
            raise SystemExit("Helder's code changed while this was measured; measure again.")
        names = [*self.digests, *(name for name in other.digests if name not in self.digests)]
        return [name for name in names if self.digests.get(name) != other.digests.get(name)]


def surroundings() -> dict[str, Any]:
    """Where something was measured: processor, usable CPUs, Python, and how busy the machine is."""
    record = environment.record({})
    wanted = ("torch", "transformers", "accelerate", "xllamacpp")
    return {
        "processor": record["processor"]["model"],
        "cpus": record["processor"]["cpus"],
        "python": record["python"],
        "packages": {name: version for name, version in record["packages"].items() if name in wanted},
        "helder_code_sha256": environment.code_digest(),
        "load_average_1_min": round(os.getloadavg()[0], 2),
    }


def tell(found: Mapping[str, Any], text: str, as_json: bool) -> None:
    """Print a result: as JSON with its surroundings, or as text."""
    if as_json:
        print(json.dumps({**found, "measured_on": surroundings()}, indent=1, ensure_ascii=False))
        return
    about = surroundings()
    print(text)
    print(f"\n{about['processor']}, {about['cpus']} CPUs, load {about['load_average_1_min']}")


def note(text: str) -> None:
    """A line about what happens, on stderr."""
    print(text, file=sys.stderr, flush=True)


def positive(text: str) -> int:
    """A whole number above zero, as the type of an option."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
