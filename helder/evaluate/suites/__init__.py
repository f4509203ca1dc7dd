"""Suites: sets of tasks that a model is measured on, by name. `helder eval MODEL --suite NAME`.

A suite is a function `(model: Subject, options: Options, folder: Path, on_event) -> dict`, imported only when it is
asked for. It writes what it found of each item to `folder` as it goes and returns the result; this module decides the
folder, keeps other processes out of it, writes the result, and seals all of it:

    OUT/<suite>-<digest12>/
      result.json        what the suite returned          instances.jsonl    every item: prompt digest, answer, score
      report.html        if the suite made one            generations.jsonl  every text that a model wrote, if any
      artifacts/, ledger/    the same files, sealed, with a signed statement that names the model by digest

The digest is that of the model and the options, so that the same command comes to the same folder; a suite may go on
there with what it had done before.

A result is JSON. What `helder eval` prints of it:

    rows       [{task, n, metric, value, low, high, ...}]   one line of the table each; value etc. in 0..1, or null
    columns    [[key, head], ...]                           optional: further keys of a row to print, and their heads
    sentences  [text]                                       what it means, and what it does not
    warnings   [text]
    files      [name]                                       optional: other files in the folder to be sealed
    inputs     {name: {"name", "sha256"}}                   optional: what went in beside the model
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from helder.errors import ExitCode, HelderError
from helder.evaluate import evidence
from helder.evaluate.compare.services import Service
from helder.ledger import artifact as artifacts
from helder.ledger import canonical
from helder.ledger.artifact import Artifact
from helder.ledger.run_folder import RunFolder

OnEvent = Callable[[dict[str, Any]], None]

SUITES: dict[str, tuple[str, str]] = {
    "olmes": (
        "helder.evaluate.suites.olmes:run",
        "Standard tasks, multiple choice and cloze: ARC, HellaSwag, MMLU, GSM8K …",
    ),
    "humaneval": ("helder.evaluate.suites.functions:humaneval", "Python functions, judged in rooms: HumanEval."),
    "mbpp": ("helder.evaluate.suites.functions:mbpp", "Python functions, judged in rooms: MBPP."),
    "olympiad": ("helder.evaluate.suites.olympiad:run", "Programs for problems of olympiads, judged in rooms."),
}
SEALED = ("result.json", "instances.jsonl", "generations.jsonl", "report.html")
STATEMENT = "evaluation"


@dataclass(frozen=True)
class Subject:
    """The model that is measured.

    Attributes:
        kind: "folder" (Hugging Face form), "file" (GGUF), or "service".
        artifact: the folder or file, by digest; None for a service.
        service: who is asked; None for what lies here.
    """

    name: str
    kind: Literal["folder", "file", "service"]
    artifact: Artifact | None = None
    service: Service | None = None

    @property
    def path(self) -> Path:
        """Where the folder or file lies.

        Raises:
            HelderError: it is a service.
        """
        if self.artifact is None:
            raise HelderError(f"{self.name} is a service.", "This needs the weights.", "Name a folder or a file.")
        return self.artifact.path

    def to_json(self) -> dict[str, Any]:
        """What decides its answers, as JSON."""
        made = self.artifact
        return {
            "name": self.name,
            "kind": self.kind,
            "artifact": None if made is None else {"name": made.name, "sha256": made.digest},
            "service": None if self.service is None else self.service.model_dump(mode="json"),
        }


@dataclass(frozen=True)
class Options:
    """What was asked for.

    Attributes:
        limit: at most so many items of each task, chosen by the seed; None for all.
        seed: which items, which examples, and what is drawn.
        samples: texts for each item, for suites that sample; None for what the suite does usually.
        tasks: only these tasks; () for those of the suite.
        settings: the suite's own settings, as text: --set shots=0.
        hosts: hosts that may be spoken to.
        consent, most_requests, most_money: as `helder compare` has them, where something leaves.
    """

    limit: int | None = None
    seed: int = 0
    samples: int | None = None
    tasks: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    consent: str | None = None
    most_requests: int | None = None
    most_money: float | None = None

    def to_json(self) -> dict[str, Any]:
        """What decides the result; not what may be spent on it, and with whom."""
        return {
            "limit": self.limit,
            "seed": self.seed,
            "samples": self.samples,
            "tasks": list(self.tasks),
            "settings": dict(sorted(self.settings.items())),
        }

    def only(self, *names: str) -> None:
        """Refuse settings that the suite does not have.

        Raises:
            HelderError: one is given that is not among `names`.
        """
        for name in self.settings:
            if name not in names:
                raise HelderError(
                    f"The suite has no setting {name!r}.",
                    f"It has: {', '.join(names)}." if names else "It has none.",
                    "Correct --set, or leave it out.",
                )


Suite = Callable[[Subject, Options, Path, OnEvent], dict[str, Any]]


def find(name: str) -> Suite:
    """A suite by name.

    Raises:
        HelderError: there is none of that name, or what it needs is not installed.
    """
    if name not in SUITES:
        raise HelderError(f"There is no suite {name!r}.", f"There are: {', '.join(SUITES)}.", "Choose one: --suite")
    module, _, function = SUITES[name][0].partition(":")
    suite: Suite = getattr(import_module(module), function)
    return suite


def run(
    name: str, model: Subject, options: Options, out: Path, on_event: OnEvent = lambda event: None
) -> tuple[Path, dict[str, Any]]:
    """Measure a model on a suite, and seal what was found.

    Args:
        out: where evaluations lie; this one gets a folder of its own in it.

    Returns:
        (its folder, result.json).

    Raises:
        HelderError: as the suite; another process is at work in the folder.
    """
    suite = find(name)
    asked: dict[str, Any] = {"suite": name, "model": model.to_json(), "options": options.to_json()}
    folder = out / f"{name}-{canonical.digest(asked)[:12]}"
    start = time.monotonic()
    with RunFolder(folder).lock():
        found = {**asked, **suite(model, options, folder, on_event)}
        text = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
        artifacts.write_atomic(folder / "result.json", text.encode("utf-8"))
        names = [one for one in (*SEALED, *found.get("files", ())) if (folder / one).is_file()]
        inputs = {key: Artifact(Path(one["name"]), one["sha256"], one["name"]) for key, one in _inputs(found).items()}
        if model.artifact is not None:
            inputs["model"] = model.artifact
        evidence.seal_files(
            folder,
            STATEMENT,
            {one: folder / one for one in names},
            {**asked, "seed": options.seed},
            inputs,
            {"rows": found.get("rows", [])},
            function=SUITES[name][0],
            seconds=time.monotonic() - start,
        )
    return folder, found


def _inputs(found: Mapping[str, Any]) -> Mapping[str, Mapping[str, str]]:
    inputs: Mapping[str, Mapping[str, str]] = found.get("inputs", {})
    return inputs


def subject(word: str, services: Mapping[str, Service] | None = None, which: str | None = None) -> Subject:
    """The model that a word on the command line means.

    Args:
        word: a folder with weights, a .gguf file, a project, a bundle, a table of `services`, or a service's word
            (see `helder.evaluate.compare.services`).
        which: of a project or a bundle: "weights" (the default), "f16", "q8_0", "q4_0".

    Raises:
        HelderError: it means none; or the project or bundle does not hold it.
    """
    from helder.certify import layout
    from helder.evaluate.compare.services import from_word
    from helder.recipe import FILE_NAME

    path = Path(word)
    project = path.is_dir() and not (path / "config.json").is_file() and (path / FILE_NAME).is_file()
    bundle = path.is_dir() and (path / layout.RELEASE).is_file()
    if which is not None and not (project or bundle):
        raise HelderError(f"--subject {which} needs a project or a bundle.", f"{word} is none.", "Leave it out.")
    if services and word in services:
        return Subject(word, "service", service=services[word])
    if bundle:
        return _of_bundle(path, which or "weights")
    if project:
        return _of_project(path, which or "weights")
    if path.is_file():
        return Subject(path.stem, "file", Artifact.of(path, path.name))
    if (path / "config.json").is_file():
        name = path.resolve().name
        return Subject(name, "folder", Artifact.of(path, name))
    service = from_word(word)
    if service is not None and not word.endswith(".gguf"):
        return Subject(service.name, "service", service=service)
    raise HelderError(
        f"{word!r} is no model.",
        "It is no folder with weights, no project or bundle, no GGUF file and no service.",
        "A service is claude-…, o1-…, MODEL@https://host/v1, or a table of --services.",
    )


def _of_project(path: Path, which: str) -> Subject:
    from helder.project import Project
    from helder.serve.locate import locate

    project = Project.open(path)
    located = locate(project.run_folder, None if which == "weights" else which)
    name = f"{project.recipe.name}:{which}"
    if which == "weights":
        return Subject(name, "folder", Artifact.of(located.folder, located.folder.name))
    return Subject(name, "file", Artifact.of(located.gguf, located.gguf.name))


def _of_bundle(path: Path, which: str) -> Subject:
    """A bundle is taken as it lies there: `helder verify` says whether it is what was signed."""
    from helder.certify import layout

    stages = path / layout.ARTIFACTS
    name = f"{path.resolve().name}:{which}"
    if which == "weights":
        # Of several seeds the mean is what the files are made of.
        places = [*sorted(stages.glob("average-*")), stages / "train"]
        found = next((one for one in places if (one / "config.json").is_file()), None)
        if found is not None:
            return Subject(name, "folder", Artifact.of(found, found.name))
    elif (file := stages / "files" / f"model-{which}.gguf").is_file():
        return Subject(name, "file", Artifact.of(file, file.name))
    raise HelderError(
        f"The bundle {path} holds no {which}.",
        "It was made without, or for an audience that does not get it.",
        "Name another one: --subject weights, f16, q8_0 or q4_0",
        ExitCode.USER,
    )
