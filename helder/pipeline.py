"""The journey: from a recipe to scores, stage by stage.

`journey` is the whole way in plain sight. It is walked in two manners: `status` only looks which stages are
done, `run` runs those that are not. A stage is done when a statement with its key is in the ledger and its
artifact still has the digest that the statement names; then it is not run again.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from helder import stage as stages
from helder.data.extract.walk import Folder
from helder.errors import HelderError
from helder.ledger import artifact as artifacts
from helder.ledger import canonical, keys, statement
from helder.ledger.artifact import Artifact
from helder.ledger.statement import Statement
from helder.model import scratch, sizes
from helder.project import Project
from helder.retrieve import SUFFIX
from helder.stage import OnEvent, Stage
from helder.train import settings as resolving

if TYPE_CHECKING:
    from helder.model.sizes import Size
    from helder.recipe import Base, Train

Known = Artifact | None  # an artifact, or None while it is not made yet
MACHINE = "precision"  # what the machine's own device and precision are kept under in helder.lock
# Keys of [train] that say what is learnt from or how long; the rest is settings of the loop.
NOT_SETTINGS = {
    *("name", "text", "text_dev", "holdout", "pairs", "teacher", "teach", "seeds"),
    *("budget", "steps", "epochs", "tokens"),
}
State = Literal["done", "damaged", "ready", "waiting"]


def journey(project: Project, walk: Walk) -> None:
    """documents → records → weights → small weights → answers → scores."""
    recipe = project.recipe
    documents = prepared_documents(project, walk)
    base, data = beginning(project, walk, documents)
    grounded = with_passages(project, walk, base, data, documents)

    weights = base
    for training in recipe.train:
        from_passages = recipe.retrieve is not None and recipe.retrieve.learn and training is recipe.final
        records = grounded if from_passages else data
        weights = train(project, walk, training, base, weights, records, documents)

    compress = {"formats": list(recipe.compress.formats)}
    files = walk.stage("files", "helder.compress.stage:run", compress, {"train": weights, "data": data})

    subjects: dict[str, dict[str, Known]] = {"weights": {"model": weights, "data": data}}
    subjects |= {format: {"files": files, "data": data} for format in recipe.compress.formats}
    if recipe.evaluate.base and not recipe.base.scratch:
        subjects["base"] = {"model": base, "data": data}
    if recipe.retrieve is not None:
        subjects |= {f"{subject}{SUFFIX}": {**of, "data": grounded} for subject, of in subjects.items()}
    answers = {
        subject: walk.stage(f"predict-{subject}", "helder.evaluate.predict:run", predict_settings(project, subject), of)
        for subject, of in subjects.items()
    }
    for name in baselines(task_kind(project, data), saw_only_some(data, weights)):
        settings = {"subject": name, "seed": recipe.evaluate.seed}
        seen = {"data": data, "train": weights}
        answers[name] = walk.stage(f"predict-{name}", "helder.evaluate.baselines:run", settings, seen)

    predictions = {f"predict-{subject}": artifact for subject, artifact in answers.items()}
    scores = walk.stage("scores", "helder.evaluate.stage:run", score_settings(project), {"data": data, **predictions})
    if recipe.trust is not None:
        trust(project, walk, {"data": data, "train": weights, "files": files, "base": base}, answers, scores)


def prepared_documents(project: Project, walk: Walk) -> Known:
    """folders of people → documents → those that may be learnt from; None without any, or while they are not made."""
    asked = project.recipe.documents
    if asked is None:
        return None
    described = asked.described()
    folders: dict[str, Known] = {
        "folder" if place == 0 else f"folder-{place + 1}": Folder.of(
            project.folder / str(one["name"]), str(one["name"])
        )
        for place, one in enumerate(described)
    }
    extracted = walk.stage("extract", "helder.data.extract.stage:run", {"sources": described}, folders)
    inputs: dict[str, Known] = {"extract": extracted}
    if (project.folder / asked.decisions).is_file():
        inputs["decisions"] = Artifact.of(project.folder / asked.decisions, Path(asked.decisions).name)
    tests = [path for path in (project.recipe.data.test, *project.recipe.data.tests.values()) if path is not None]
    for place, path in enumerate(tests):
        name = "evaluations" if place == 0 else f"evaluations-{place + 1}"
        inputs[name] = Artifact.of(project.folder / path, Path(path).name)
    keys = ("personal_data", "personal_data_engine", "near_duplicates", "repeated_passages")
    settings = {key: getattr(asked, key) for key in keys}
    return walk.stage("clean", "helder.data.clean.stage:run", settings, inputs)


def with_passages(project: Project, walk: Walk, base: Known, data: Known, documents: Known) -> Known:
    """The records, each question with the passages that fit it; None without [retrieve], or while they are not made."""
    asked = project.recipe.retrieve
    if asked is None:
        return None
    settings = {"passage": asked.passage, "overlap": asked.overlap, "stem": asked.stem}
    texts = texts_of(project, [asked.documents], documents)
    passages = walk.stage("passages", "helder.retrieve.index:run", settings, {"base": base, **texts})
    inputs = {"data": data, "passages": passages, "base": base}
    return walk.stage("ground", "helder.retrieve.ground:run", {"top": asked.top, "room": asked.tokens}, inputs)


def beginning(project: Project, walk: Walk, documents: Known = None) -> tuple[Known, Known]:
    """(the model that the first training begins with, the records)."""
    recipe = project.recipe
    base = None if recipe.base.scratch else walk.base(recipe.base.model)
    data = walk.stage("data", "helder.data.stage:run", data_settings(project), sources(project))
    return (from_nothing(project, walk, data, documents) if recipe.base.scratch else base), data


def from_nothing(project: Project, walk: Walk, data: Known, documents: Known) -> Known:
    """texts → tokenizer → a model whose weights are drawn from a seed."""
    base = project.recipe.base
    if base.tokenizer is not None:
        tokenizer = walk.base(base.tokenizer, "tokenizer")
    else:
        settings = {"vocabulary": base.vocabulary, "chat_format": base.chat_format, "cut": base.cut}
        texts = [path for training in project.recipe.train for path in training.texts]
        inputs = {"data": data, **texts_of(project, dict.fromkeys(texts), documents)}
        tokenizer = walk.stage("tokenizer", "helder.tokens.bpe:run", settings, inputs)
    shape = scratch.settings(project.recipe.name, shape_of(base), base.seed, base.chat_format)
    return walk.stage("base", "helder.model.scratch:run", shape, {"tokenizer": tokenizer})


def trust(
    project: Project, walk: Walk, made: Mapping[str, Known], answers: Mapping[str, Known], scores: Known
) -> Known:
    """answers → how far they can be trusted, and below which confidence they are withheld.

    Args:
        made: "data", "train" (the weights), "files" and "base".
        answers: subject → its answers.
    """
    asked = project.recipe.trust
    assert asked is not None
    subject = served(project, made["files"], scores)
    inputs = {name: made[name] for name in ("data", "train", "files")}
    if not project.recipe.base.scratch:
        inputs["base"] = made["base"]
    if asked.paraphrases is not None:
        inputs["paraphrases"] = Artifact.of(project.folder / asked.paraphrases, Path(asked.paraphrases).name)
    columns = {"input": project.recipe.data.input, "output": project.recipe.data.output}
    settings = {"subject": subject, "items": asked.items, "seed": asked.seed, **columns}
    again = walk.stage("trust-answers", "helder.evaluate.trust.asking:run", settings if subject else None, inputs)
    predictions = {f"predict-{name}": of for name, of in answers.items() if name in trusted(project)}
    settings = asked.model_dump(mode="json", include={"risk", "confidence", "abstain", "say", "score", "seed"})
    inputs = {"data": made["data"], "trust-answers": again, **predictions}
    return walk.stage("trust", "helder.evaluate.trust.stage:run", settings, inputs)


def trusted(project: Project) -> tuple[str, ...]:
    """The subjects whose answers may be trusted: the weights and the files, not what they are compared with."""
    if project.recipe.trust is None:
        return ()
    bare = ("weights", *project.recipe.compress.formats)
    return bare if project.recipe.retrieve is None else (*bare, *(f"{name}{SUFFIX}" for name in bare))


def served(project: Project, files: Known, scores: Known) -> str | None:
    """The subject that answers when a person asks; None while that is not known."""
    if not project.recipe.compress.formats:
        return "weights"
    if files is None or scores is None:
        return None
    from helder.serve import locate

    formats: list[str] = list(project.recipe.compress.formats)
    made = {format: files.path / f"model-{format}.gguf" for format in formats}
    sizes = {format: {"size": path.stat().st_size} for format, path in made.items() if path.is_file()}
    if not sizes:
        return None
    return locate.choose(sizes, json.loads((scores.path / "scores.json").read_text(encoding="utf-8")))[0]


def train(
    project: Project, walk: Walk, training: Train, base: Known, start: Known, data: Known, documents: Known
) -> Known:
    """One training of the recipe: the stages that prepare it, the training itself, and the mean of several seeds.

    Args:
        base: the model that the first training begins with.
        start: the model that this one begins with.
    """
    learnt = lessons(project, walk, training, base, data, documents)
    variables = training_environment(project, training)
    settings = train_settings(project, walk, training, {"base": base, **learnt})
    inputs = {"base": start, **learnt}
    trained: dict[str, Known] = {}
    for name, seed in training_stages(project, training).items():
        own = None if settings is None else {**settings, "seed": seed}
        trained[name] = walk.stage(name, "helder.train.stage:run", own, inputs, variables, resolving.SHARED_OUT)
    if training.seeds is None:
        return trained[name]
    return walk.stage(f"average-{training.called}", "helder.train.average:run", {}, trained)


def training_stages(project: Project, training: Train) -> dict[str, int]:
    """The stages of one training, one for each of its seeds: name → seed."""
    name = "train" if training is project.recipe.final else f"train-{training.called}"
    return {name: training.seed} if training.seeds is None else {f"{name}-{seed}": seed for seed in training.seeds}


def probe_stage(project: Project, training: Train) -> str:
    """The name of the stage in which a training is probed."""
    return "probe" if training is project.recipe.final else f"probe-{training.called}"


def lessons(
    project: Project, walk: Walk, training: Train, base: Known, data: Known, documents: Known
) -> dict[str, Known]:
    """What a training learns from: artifacts by the names that its objective knows."""
    learnt: dict[str, Known] = {}
    if training.texts:
        settings = {"holdout": training.holdout, "seed": training.seed}
        inputs = {"base": base, **texts_of(project, training.texts, documents)}
        if training.text_dev is not None:
            inputs["text-dev"] = Artifact.of(project.folder / training.text_dev, Path(training.text_dev).name)
        learnt["text"] = walk.stage(f"tokens-{training.called}", "helder.tokens.stage:run", settings, inputs)
    elif training.pairs is not None:
        learnt["pairs"] = Artifact.of(project.folder / training.pairs, Path(training.pairs).name)
    else:
        learnt["data"] = data
    if training.teacher is not None:
        teacher = walk.base(training.teacher, f"teacher-{training.called}")
        if training.teach == "answers":
            inputs = {"teacher": teacher, "data": data}
            return {"data": walk.stage(f"teach-{training.called}", "helder.train.teach:run", {}, inputs)}
        learnt["teacher"] = teacher
    return learnt


def texts_of(project: Project, paths: Iterable[str], documents: Known) -> dict[str, Known]:
    """Files that trainings learn from, as inputs: `text`, `text-2`, …; "documents" are those of [documents]."""
    recipe = project.recipe
    return {
        "text" if place == 0 else f"text-{place + 1}": documents
        if recipe.means_documents(path)
        else Artifact.of(project.folder / path, Path(path).name)
        for place, path in enumerate(paths)
    }


def shape_of(base: Base) -> Size:
    """The architecture of a model made from nothing: a published one with the recipe's own numbers in it."""
    size = sizes.find(base.size or "")
    own = ("width", "layers", "heads", "feed_forward_width", "context_length")
    given = {key: getattr(base, key) for key in own if getattr(base, key) is not None}
    if "heads" in given:
        given["kv_heads"] = base.heads
    width, heads = given.get("width", size.width), given.get("heads", size.heads)
    if width % heads:
        raise HelderError(
            f"[base] has a width of {width} and {heads} heads.", "A head is width / heads wide.", "Correct one of them."
        )
    if "width" in given or "heads" in given:
        given["head_width"] = width // heads
    if "width" in given and "feed_forward_width" not in given:
        # As wide in proportion as the published one, in steps that matrix kernels like.
        given["feed_forward_width"] = max(64, round(size.feed_forward_width * width / size.width / 64) * 64)
    return dataclasses.replace(size, **given)


def data_settings(project: Project) -> dict[str, Any]:
    """`[data]` without its files, which are inputs, and with the task's name and purpose."""
    settings = project.recipe.data.model_dump(
        mode="json", by_alias=True, exclude={"train", "dev", "test", "tests", "program_tests"}
    )
    for key in ("labels", "schema"):
        if isinstance(settings[key], str):
            settings[key] = None  # a file: an input of the stage under this name
    trust = project.recipe.trust
    planted = {"canaries": trust.canaries} if trust is not None and trust.canaries else {}
    column = project.recipe.data.program_tests
    tested = {"program_tests": column} if column is not None else {}
    return {"name": project.recipe.name, "purpose": project.recipe.purpose, **settings, **planted, **tested}


def sources(project: Project) -> dict[str, Known]:
    """The recipe's files: `train`, `train-2`…, `dev`, `test`, `test-<name>`, `labels`, `schema`."""
    found: dict[str, Known] = {}
    for key, path in project.recipe.files().items():
        if not key.startswith("data."):
            continue
        name = key.removeprefix("data.").replace("tests.", "test-")
        if name.startswith("train["):
            name = f"train-{int(name[6:-1]) + 1}"
        found[name] = Artifact.of(project.folder / path, Path(path).name)
    return found


def train_settings(project: Project, walk: Walk, training: Train, inputs: Mapping[str, Known]) -> dict[str, Any] | None:
    """One training of the recipe, every default resolved; None while a time is not yet turned into steps.

    A budget in minutes is turned into steps by measuring this machine, once. The number is kept in `helder.lock`
    under the digest of everything that it depends on, so that later runs take the same number of steps. It is measured
    on the base model, whichever model the training begins with: a step takes as long.
    """
    section = train_section(project, training)
    if (
        project.decided(MACHINE) is None
        and training.numerics == "fast"
        and None in (training.precision, training.device)
    ):
        walk.decide(MACHINE, {key: section[key] for key in ("device", "precision")})
    unit, amount = training.amount
    if unit != "seconds":
        return resolving.resolve({**section, unit: amount})
    probe = {**resolving.resolve(section), "seconds": float(amount)}
    key = budget_key(probe, inputs)
    decision = project.decided(key)
    if decision is None:
        name = probe_stage(project, training)
        made = walk.stage(name, "helder.train.probe:run", probe, inputs, training_environment(project, training))
        if made is None:
            return None
        found = json.loads((made.path / "probe.json").read_text(encoding="utf-8"))
        decision = {"steps": int(found["steps"]), "seconds": float(amount), "probe": found}
        walk.decide(key, decision)
    return resolving.resolve({**section, "steps": int(decision["steps"])})


def train_section(project: Project, training: Train) -> dict[str, Any]:
    """A training without its budget and its files.

    Precision and device are as asked for, else as once decided, else as fits this machine.
    """
    section = training.model_dump(mode="json", exclude=NOT_SETTINGS)
    if training.optimizer is None and learns_fast_with_muon(project, training):
        section["optimizer"] = "muon"
    if training.objective == "distil" and training.teach == "answers":
        section["objective"] = "answers"
    if training.numerics == "fast":
        decided = project.decided(MACHINE) or {}
        device = training.device or decided.get("device") or resolving.usual_device()
        precision = training.precision or decided.get("precision") or resolving.faster_precision(device)
        section |= {"device": device, "precision": precision}
    return section


def learns_fast_with_muon(project: Project, training: Train) -> bool:
    """Whether Muon is the optimizer of a training that names none: for models made from nothing (docs/log.md).

    Not for preferences and rewards, which move a model little, and not for shares of weights, which it cannot do.
    """
    learns = training.objective in ("text", "answers", "distil")
    return project.recipe.base.scratch and learns and training.method == "full" and training.shard != "fsdp"


def training_environment(project: Project, training: Train) -> dict[str, str]:
    """Variables that the process of a training is started with."""
    section = resolving.resolve(train_section(project, training))
    return resolving.environment(section["numerics"], section["device"])


def budget_key(probe: dict[str, Any], inputs: Mapping[str, Known]) -> str:
    """Digest of everything that the number of steps in a time depends on, the machine left out."""
    return canonical.digest(
        {"train": probe, **{name: artifact.digest if artifact else None for name, artifact in sorted(inputs.items())}}
    )


def probed(project: Project, training: Train, inputs: Mapping[str, Known]) -> dict[str, Any] | None:
    """What the probe found when the budget, a time, was turned into steps; None for other budgets."""
    section = train_section(project, training)
    unit, amount = training.amount
    if unit != "seconds":
        return None
    decision = project.decided(budget_key({**resolving.resolve(section), "seconds": float(amount)}, inputs))
    return None if decision is None else {**decision["probe"], "steps": decision["steps"]}


def predict_settings(project: Project, subject: str) -> dict[str, Any]:
    evaluate = project.recipe.evaluate
    settings: dict[str, Any] = {
        "subject": subject,
        "limit": evaluate.limit,
        "seed": evaluate.seed,
        "examples": 0,
        "constrained": True,
    }
    bare = subject.removesuffix(SUFFIX)
    if bare == "base":
        limits = [limit for limit in (evaluate.limit, evaluate.base_limit) if limit is not None]
        retrieve = project.recipe.retrieve
        examples = evaluate.base_examples if retrieve is None or bare == subject else retrieve.base_examples
        settings |= {"examples": examples, "limit": min(limits, default=None)}
    if subject in trusted(project):
        settings["confidences"] = True
    return settings


def score_settings(project: Project) -> dict[str, Any]:
    evaluate = project.recipe.evaluate
    return {"confidence": evaluate.confidence, "margin": evaluate.margin, "seed": evaluate.seed}


def task_kind(project: Project, data: Known) -> str | None:
    """What an answer is: as the data say, else as the recipe says, else not known yet."""
    if data is not None:
        return str(json.loads((data.path / "task.json").read_text(encoding="utf-8"))["kind"])
    asked = project.recipe.data
    return asked.kind or ("label" if asked.labels else "record" if asked.schema_ or asked.many else None)


def baselines(kind: str | None, only_some: bool = False) -> tuple[str, ...]:
    """The simple ways that fit a task, beside which the model has to earn its place.

    All learn from the examples that the model saw; when those are only some, a linear model also gets all of them.
    """
    fitting = {"label": ("trivial", "linear"), None: ("trivial",)}.get(kind, ("trivial", "nearest"))
    return (*fitting, "linear-all") if "linear" in fitting and only_some else fitting


def saw_only_some(data: Known, weights: Known) -> bool:
    """Whether the training ended before it had seen every example."""
    if data is None or weights is None or not (weights.path / "seen.json").is_file():
        return False
    seen = json.loads((weights.path / "seen.json").read_text(encoding="utf-8"))["ids"]
    with (data.path / "train.jsonl").open("rb") as lines:
        return len(set(seen)) < sum(1 for _ in lines)


# -- walking ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One stage as it stands: what is known of it before, and after.

    Args:
        name: the stage's name.
        state: done; damaged (done once, its artifact has changed since); ready (all inputs are there);
        waiting.
        stage: what would run; None while an input is not made yet.
        artifact: what it made, when done.
        statement: who says so, when done.
    """

    name: str
    state: State
    stage: Stage | None = None
    artifact: Artifact | None = None
    statement: Statement | None = None


@dataclass
class Walk:
    """Walks the journey and only looks. Stages whose inputs are not made yet are `waiting`."""

    project: Project
    verify: bool = True  # hash the artifacts; without it, a folder that is there counts as intact
    steps: list[Step] = field(default_factory=list)

    def stage(
        self,
        name: str,
        function: str,
        settings: Mapping[str, Any] | None,
        inputs: Mapping[str, Known],
        environment: Mapping[str, str] | None = None,
        elastic: tuple[str, ...] = (),
    ) -> Known:
        """Visit one stage of the journey; its artifact, or None while it is not made.

        Args:
            name, function: see `helder.stage.Stage`.
            settings: None while they depend on something that is not made yet.
            inputs: by name; None while not made yet.
            environment: variables that the process must be started with.
            elastic: see `helder.stage.Stage`.
        """
        there = {known_as: artifact for known_as, artifact in inputs.items() if artifact is not None}
        if settings is None or len(there) < len(inputs):
            self.steps.append(Step(name, "waiting"))
            return None
        return self.visit(Stage(name, function, settings, there, environment=environment or {}, elastic=elastic))

    def visit(self, stage: Stage) -> Known:
        step = self.look(stage)
        self.steps.append(step)
        return step.artifact

    def look(self, stage: Stage) -> Step:
        """How a stage stands."""
        made = self.believed().get(stage.key)
        if made is None:
            return Step(stage.name, "ready", stage)
        artifact = self.project.run_folder.held(made)
        if not (artifact.intact() if self.verify else artifact.path.is_dir()):
            return Step(stage.name, "damaged", stage, statement=made)
        return Step(stage.name, "done", stage, artifact, made)

    def believed(self) -> dict[str, Statement]:
        """The newest believed statement for each key."""
        entries = self.project.run_folder.entries()
        return {entry.statement.key: entry.statement for entry in entries if entry.statement}

    def base(self, name: str, role: str = "base") -> Known:
        """An imported model.

        Args:
            role: what it is for: "base", "teacher" or "tokenizer"; the step has this name.
        """
        try:
            found = find_base(self.project, name)
        except HelderError:
            if self.verify or (said := self.said_of_base(name)) is None:
                raise
            # Who only looks at a finished run needs what was said of the base model, not the model.
            artifact = self.project.run_folder.held(said)
            self.steps.append(Step(role, "done", None, artifact, said))
            return artifact
        if self.verify and not found.artifact.intact():
            raise HelderError(
                f"The base model {name} has changed since it was imported.",
                f"{found.artifact.path} no longer has the digest {found.artifact.digest[:12]}.",
                f"Import it again: helder model import {name}",
            )
        self.steps.append(Step(role, "done", None, found.artifact, found.statement))
        return found.artifact

    def said_of_base(self, name: str) -> Statement | None:
        """The newest believed statement of this run about a base model imported under this name."""
        said = [entry.statement for entry in self.project.run_folder.entries() if entry.statement]
        named = [one for one in said if one.stage == "base" and one.predicate["settings"].get("name") == name]
        return named[-1] if named else None

    def decide(self, key: str, decision: dict[str, Any]) -> None:
        """Only a run writes decisions down."""


@dataclass
class Run(Walk):
    """Walks the journey and runs what is not done, up to and with the stage `until`."""

    on_event: OnEvent = lambda event: None
    lock: int | None = None
    until: str | None = None

    def visit(self, stage: Stage) -> Known:
        if any(step.name == self.until for step in self.steps):
            return super().visit(stage)
        step = self.look(stage)
        if step.state == "done":
            self.on_event({"event": "kept", "stage": stage.name, "digest": step.statement and step.statement.digest})
        else:
            if step.state == "damaged":
                text = f"What {stage.name} had made is damaged or gone; it is made again."
                self.on_event({"event": "warning", "stage": stage.name, "text": text})
            made = stages.run(stage, self.project.run_folder, self.on_event, self.lock)
            step = Step(stage.name, "done", stage, made, self.project.run_folder.find(stage.key))
        self.steps.append(step)
        return step.artifact

    def base(self, name: str, role: str = "base") -> Known:
        found = super().base(name, role)
        folder, said = self.project.run_folder, find_base(self.project, name)
        if folder.find(said.statement.key) is None:
            folder.append("base", said.envelope)
        return found

    def decide(self, key: str, decision: dict[str, Any]) -> None:
        self.project.decide(key, decision)


@dataclass(frozen=True)
class BaseModel:
    """A base model from the store: its folder and what is signed about it."""

    artifact: Artifact
    statement: Statement
    envelope: bytes


def find_base(project: Project, name: str) -> BaseModel:
    """The imported base model with this name; a path is relative to the recipe.

    Raises:
        HelderError: not imported, or its statement is not believed.
    """
    from helder.model import store

    path = project.folder / name
    folder, said = store.find(str(path) if path.exists() else name)
    envelope = said if isinstance(said, bytes) else json.dumps(said).encode("utf-8")
    opened = statement.verify(envelope, keys.known_keys(), f"The statement about {name}")
    return BaseModel(Artifact(Path(folder), opened.digest, name), opened, envelope)


# -- what the command line and the public API call -------------------------------------------------------


def status(project: Project, verify: bool = True) -> list[Step]:
    """Every stage in order and how it stands; runs nothing.

    Args:
        verify: hash every artifact; without it, a folder that is there counts as intact.
    """
    walk = Walk(project, verify)
    journey(project, walk)
    return walk.steps


def run(project: Project, on_event: OnEvent = lambda event: None, until: str | None = None) -> dict[str, Artifact]:
    """Run what is not done yet, then write the report.

    Args:
        on_event: gets every event as a dict; see `helder.stage`.
        until: the last stage to run; None for all and the report.

    Returns:
        Stage name → artifact.

    Raises:
        HelderError: a stage could not be done; what was finished stays, and `run` continues.
    """
    with project.run_folder.lock() as lock:
        walk = Run(project, on_event=on_event, lock=lock, until=until)
        journey(project, walk)
        if until is None:
            artifacts.remove(project.run_folder.root / "work")
            write_report(project)
            on_event({"event": "report", "path": str(project.report)})
    return {step.name: step.artifact for step in walk.steps if step.artifact}


def prepare(project: Project, on_event: OnEvent = lambda event: None) -> dict[str, Artifact]:
    """Run only the stages that prepare the documents; stage name → artifact."""
    with project.run_folder.lock() as lock:
        walk = Run(project, on_event=on_event, lock=lock)
        prepared_documents(project, walk)
    return {step.name: step.artifact for step in walk.steps if step.artifact}


def made(project: Project) -> dict[str, Artifact]:
    """Stage name → artifact of all stages that are done, without hashing them."""
    return {step.name: step.artifact for step in status(project, verify=False) if step.artifact}


def statements(project: Project) -> dict[str, Statement]:
    """Stage name → statement of all stages that are done."""
    return {step.name: step.statement for step in status(project, verify=False) if step.statement}


def write_report(project: Project) -> None:
    from helder.report import render

    make: Callable[[Project], Path] = render.render
    make(project)
