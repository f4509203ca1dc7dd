"""A run → the streams that its trainings learnt from, each with its index, which is made on first use and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from helder import pipeline
from helder.errors import HelderError
from helder.ledger.artifact import Artifact
from helder.pipeline import Step
from helder.project import Project
from helder.stage import Stage
from helder.tokens.tokenizer import Tokenizer
from helder.trace.index import FUNCTION, SHARD_TOKENS, Index
from helder.trace.steps import Sightings, Training
from helder.trace.words import Words

OnEvent = Callable[[dict[str, Any]], None]
TRAINS, TOKENIZES = "helder.train.stage:run", "helder.tokens.stage:run"
LEARNT_FROM = ("text", "data", "pairs")  # inputs of a training that an index is made of


@dataclass(frozen=True)
class Stream:
    """What one or several trainings learnt from.

    Attributes:
        name: the stage that made it, or the name of the file of pairs.
        kind: "text", "data" or "pairs".
        learnt: the artifact, as the trainings were given it.
        base: a model folder with the tokenizer that it was made with.
        sources: where its documents come from, by the names that the stage knows them by: files and folders of text;
            the artifact itself for records.
        trainings: in the order of the run.
        made: the artifact of the stage "index"; None before it is asked for.
    """

    name: str
    kind: str
    learnt: Artifact
    base: Artifact
    sources: Mapping[str, Artifact]
    trainings: tuple[Training, ...]
    made: Artifact | None = field(default=None, compare=False)

    @property
    def stage(self) -> Stage:
        """The stage that makes its index."""
        inputs = {self.kind: self.learnt} | ({} if self.kind == "text" else {"base": self.base})
        return Stage(f"index-{self.name}", FUNCTION, {"shard_tokens": SHARD_TOKENS}, inputs)

    @cached_property
    def index(self) -> Index:
        assert self.made is not None
        return Index.load(self.made.path, self.learnt.path if self.kind == "text" else None)

    @cached_property
    def words(self) -> Words:
        return Words(Tokenizer.load(self.base.path))

    @cached_property
    def sightings(self) -> tuple[Sightings, ...]:
        """What each training saw of it."""
        return tuple(Sightings(training, self.index) for training in self.trainings)


def streams(project: Project, steps: list[Step]) -> list[Stream]:
    """What the trainings of a run learnt from, in the order in which they did.

    Args:
        steps: see `helder.pipeline.status`.

    Raises:
        HelderError: nothing was trained, or an artifact is gone.
    """
    done = [step for step in steps if step.stage is not None and step.artifact and step.statement]
    trained = [step for step in done if step.stage is not None and step.stage.function == TRAINS]
    if not trained:
        problems = [entry.problem for entry in project.run_folder.entries() if entry.problem]
        if problems:  # made elsewhere, or changed: running it again is not the way out
            raise problems[-1]
        raise HelderError(
            "There is no training to trace back to.",
            "No training of this run is done for the recipe and data as they are now.",
            "helder run",
        )
    found: dict[tuple[str, str], Stream] = {}
    for step in trained:
        stage, artifact, said = step.stage, step.artifact, step.statement
        assert stage is not None and artifact is not None and said is not None
        kind = next((kind for kind in LEARNT_FROM if kind in stage.inputs), None)
        if kind is None:
            continue
        training = Training(stage.name, said, artifact.path)
        learnt = stage.inputs[kind]
        known = found.get((kind, learnt.digest))
        trainings = (*known.trainings, training) if known else (training,)
        maker = next((one for one in done if one.artifact and one.artifact.digest == learnt.digest), None)
        base, name = stage.inputs["base"], kind
        sources: Mapping[str, Artifact] = {kind: learnt}
        if maker is not None and maker.stage is not None:
            name = maker.name
            if maker.stage.function == TOKENIZES:
                base = maker.stage.inputs["base"]
                sources = {known_as: one for known_as, one in maker.stage.inputs.items() if known_as.startswith("text")}
        elif known:
            base, sources, name = known.base, known.sources, known.name
        elif kind == "pairs":
            name = f"pairs-{stage.name}"
        found[kind, learnt.digest] = Stream(name, kind, learnt, base, sources, trainings)
    return list(found.values())


def indexed(project: Project, on_event: OnEvent = lambda event: None) -> list[Stream]:
    """The streams of a run, each with its index; one that is not made yet is made now, as a stage of the run.

    Raises:
        HelderError: see `streams`; or the index cannot be made.
    """
    steps = pipeline.status(project, verify=False)
    found = looked_up(project, steps)
    if found is not None:
        return found
    wanted = streams(project, steps)
    walk = pipeline.Run(project, verify=False, on_event=on_event)
    with project.run_folder.lock() as lock:
        walk.lock = lock
        made = [walk.visit(stream.stage) for stream in wanted]
    return [replace(one, made=index) for one, index in zip(wanted, made, strict=True)]


def looked_up(project: Project, steps: list[Step]) -> list[Stream] | None:
    """The streams of a run with their indexes, when all of these were made; else None. Nothing is made.

    Raises:
        HelderError: see `streams`.
    """
    wanted = streams(project, steps)
    walk = pipeline.Walk(project, verify=False)
    looked = [walk.look(stream.stage) for stream in wanted]
    if any(step.state != "done" for step in looked):
        return None
    return [replace(one, made=step.artifact) for one, step in zip(wanted, looked, strict=True)]
