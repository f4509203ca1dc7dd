"""The recipe: what a person writes, one strict TOML file.

Few keys, each with a default that is a good first try. `None` as a default means that Helder decides from
the data and the machine; `helder plan` shows what it decided. Everything unknown is refused, by name, with
the key that was probably meant.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from helder.errors import HelderError
from helder.recipe_errors import NotFound, from_toml, from_validation, is_there
from helder.recipe_tables import Compare, Data, Documents, Fraction, Name, Release, Retrieve, Section, Trust

FILE_NAME = "recipe.toml"
DOCUMENTS = "documents"  # what a training names to learn from [documents]
SCRATCH = "scratch"  # the base model that is made from nothing
UNITS = {"s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600}


class Base(Section):
    """The open model to begin with, or the shape of one that is made from nothing."""

    model: str
    """The name under which `helder model import` keeps it, the path of its GGUF file or folder, or "scratch"."""
    size: str | None = None
    """From scratch: a published shape, such as "olmo2-14m" or "smollm2-135m"; `helder model sizes` lists them."""
    width: Annotated[int, Field(ge=8)] | None = None
    """From scratch: width of the model, instead of the one of `size`."""
    layers: Annotated[int, Field(ge=1)] | None = None
    """From scratch: number of blocks, instead of the one of `size`."""
    heads: Annotated[int, Field(ge=1)] | None = None
    """From scratch: attention heads, each `width` / `heads` wide, instead of those of `size`."""
    feed_forward_width: Annotated[int, Field(ge=8)] | None = None
    """From scratch: inner width of the feed-forward layers; without it in proportion to `width`."""
    context_length: Annotated[int, Field(ge=8)] | None = None
    """From scratch: longest text in tokens, instead of the one of `size`."""
    vocabulary: Annotated[int, Field(ge=260)] = 4096
    """From scratch: tokens of the tokenizer that is learnt from the texts of the trainings and the task's examples."""
    tokenizer: str | None = None
    """From scratch: an imported model whose tokenizer is used; none is learnt then."""
    cut: Literal["smollm", "gpt-2", "llama-bpe", "dbrx", "qwen2"] = "smollm"
    """From scratch: how text is cut into words before tokens are learnt; "smollm" cuts digits one by one."""
    chat_format: Literal["chatml", "olmo2", "tulu", "llama3", "plain"] = "chatml"
    """From scratch: what stands around questions and answers."""
    seed: int = 0
    """From scratch: decides the first weights."""

    @property
    def scratch(self) -> bool:
        """Whether the model is made from nothing."""
        return self.model == SCRATCH

    @model_validator(mode="after")
    def _fits(self) -> Base:
        shape = ("size", "width", "layers", "heads", "feed_forward_width", "context_length", "tokenizer")
        given = [key for key in shape if getattr(self, key) is not None]
        if given and not self.scratch:
            raise ValueError(f'{given[0]} shapes a model made from nothing (model = "scratch"), not an imported one')
        if self.scratch and self.size is None:
            raise ValueError('a model made from nothing needs a size, such as size = "olmo2-14m"')
        return self


class Train(Section):
    """One training: how weights are made. Several, `[[train]]`, follow one another; the last one makes the model."""

    name: Name | None = None
    """What the training is called, when there are several; without it, its objective."""
    objective: Literal["answers", "text", "preference", "reward", "distil"] = "answers"
    """What is learnt: to answer; to go on with text; to prefer the better of two answers; from a verifier's rewards for
    its own answers; from a larger model."""
    text: str | list[str] | None = None
    """Documents to learn from (`text`, or `distil` over text): files or folders; text, JSONL or CSV with `text`; or
    "documents", those of [documents]."""
    text_dev: str | None = None
    """Documents for watching the training; without it, a part of `text` is held out."""
    holdout: Fraction = 0.02
    """The part of the documents in `text` that is held out, when `text_dev` is not given."""
    pairs: str | None = None
    """`preference`: a file with the columns input, chosen and rejected."""
    teacher: str | None = None
    """`distil`: the larger model, by the name under which it was imported."""
    teach: Literal["logits", "answers"] = "logits"
    """`distil`: by the teacher's distribution, which needs the same tokenizer, or by the answers that it writes."""
    seeds: list[int] | None = None
    """Train once with each of these seeds and go on with the mean of the weights."""
    method: Literal["full", "upper", "lora"] = "full"
    """Tune all weights; those of the upper blocks, which is faster; or low-rank additions, which takes less memory."""
    budget: str | None = None
    """How long: "5 min", "2 h", "300 steps", "3 epochs" or "2000000 tokens"; without any budget "5 min"."""
    steps: Annotated[int, Field(ge=1)] | None = None
    """The same as `budget = "… steps"`."""
    epochs: Annotated[float, Field(gt=0)] | None = None
    """The same as `budget = "… epochs"`: how often each example is seen."""
    tokens: Annotated[int, Field(ge=1)] | None = None
    """The same as `budget = "… tokens"`: how many tokens are seen, padding not counted."""
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    """The highest learning rate, after warm-up."""
    batch_tokens: Annotated[int, Field(ge=1)] | None = None
    """How many tokens one step sees, about; cannot be given together with `batch_size`."""
    batch_size: Annotated[int, Field(ge=1)] | None = None
    """How many examples one step sees; cannot be given together with `batch_tokens`."""
    data_parallel: Annotated[int, Field(ge=1)] | None = None
    """Parts of a batch that are computed side by side, without it 2; more than 2 pays on machines with many cores."""
    context: Annotated[int, Field(ge=8)] | None = None
    """The longest example in tokens; longer ones are left out, counted and reported."""
    optimizer: Literal["adamw", "muon"] | None = None
    """"adamw", or "muon" for the matrices of the blocks and AdamW for the rest, as is the default from scratch."""
    muon_learning_rate: Annotated[float, Field(gt=0)] | None = None
    """The highest learning rate of the matrices that Muon changes."""
    schedule: Literal["linear", "cosine", "constant"] | None = None
    """How the learning rate falls after warm-up."""
    floor: Fraction | None = None
    """The part of the learning rate that is left at the end."""
    z_loss: Annotated[float, Field(ge=0)] | None = None
    """Pull of the logits' log-sum-exp towards zero, which keeps long trainings stable."""
    packing: bool | None = None
    """`answers`: several examples share a row of `context` tokens, none seeing another."""
    beta: Annotated[float, Field(gt=0)] | None = None
    """`preference`: how much the difference between two answers counts."""
    length_normalised: bool | None = None
    """`preference`: whether log-probabilities are means over an answer's tokens, not sums."""
    group: Annotated[int, Field(ge=2)] | None = None
    """`reward`: answers to each question."""
    answer_tokens: Annotated[int, Field(ge=1)] | None = None
    """`reward`: the longest answer."""
    temperature: Annotated[float, Field(gt=0)] | None = None
    """`reward`: of drawing answers."""
    kl: Annotated[float, Field(ge=0)] | None = None
    """`reward`: pull towards the model that the training begins with."""
    clip: Annotated[float, Field(gt=0, lt=1)] | None = None
    """`reward`: how far an answer's probability may move before it no longer counts."""
    reuse: Annotated[int, Field(ge=1)] | None = None
    """`reward`: steps that learn from the same answers."""
    verifier: Literal["right", "fields", "number", "judged", "tests"] | None = None
    """`reward`: who judges: wholly right; the share of right fields; the last number; a program that passes all of its
    tests in a closed room; the share of tests that it passes."""
    teacher_share: Annotated[float, Field(ge=0, le=1)] | None = None
    """`distil`: 1 learns from the teacher alone, 0 from the right answers alone."""
    teacher_temperature: Annotated[float, Field(gt=0)] | None = None
    """`distil`: flattens both distributions."""
    device: Literal["cpu", "cuda"] | None = None
    """Where to compute; without it a GPU when there is one, decided once and kept."""
    processes: Annotated[int, Field(ge=1)] | None = None
    """Training processes on each machine, without it 1: on GPUs as many as there are; they share out each batch."""
    hosts: Annotated[int, Field(ge=1)] | None = None
    """Machines that train together, without it 1; see docs/many.md."""
    shard: Literal["ddp", "fsdp"] | None = None
    """"ddp": every process holds the whole model; "fsdp": each holds a share of weights and optimizer (FSDP2)."""
    compile: bool | None = None
    """Whether torch compiles the blocks first: faster for long trainings, needs a C++ compiler, gives other bits."""
    warmup: Fraction | None = None
    """The part of the steps in which the learning rate rises."""
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    """Pull of the weights towards zero (AdamW)."""
    gradient_clip: Annotated[float, Field(gt=0)] | None = None
    """The largest norm of a step's gradient."""
    upper: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The part of the blocks that is tuned, from the top, with `method = "upper"`."""
    lora_rank: Annotated[int, Field(ge=1)] = 16
    """The rank of the additions, with `method = "lora"`."""
    lora_alpha: Annotated[float, Field(gt=0)] = 32.0
    """The scale of the additions: alpha / rank, with `method = "lora"`."""
    numerics: Literal["fast", "portable"] = "fast"
    """fast: same bits on the same class of machine; portable: float32, same bits on others too."""
    precision: Literal["bf16", "fp32"] | None = None
    """Of matrix products; without it bf16 where the processor multiplies it, else fp32, decided once and kept."""
    evaluate_every: Annotated[int, Field(ge=1)] | None = None
    """Steps between two looks at the dev set."""
    checkpoint_every: Annotated[int, Field(ge=1)] | None = None
    """Steps between two saved states, from which an interrupted training continues."""
    states: Annotated[int, Field(ge=0)] | None = None
    """Saved states that are kept, so that others can take parts of the training again; 0 for none, else up to 4 GB."""
    seed: int = 0
    """Decides, together with the data, the order of the examples."""

    @field_validator("budget")
    @classmethod
    def _readable(cls, budget: str | None) -> str | None:
        if budget is not None:
            parse_budget(budget)
        return budget

    @model_validator(mode="after")
    def _one_of_each(self) -> Train:
        given = [key for key in ("budget", "steps", "epochs", "tokens") if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of {' and '.join(given)}, not {len(given)}: they all say how long to train")
        if self.batch_size and self.batch_tokens:
            raise ValueError("give batch_tokens or batch_size, not both: each decides how much one step sees")
        return self

    @model_validator(mode="after")
    def _has_what_it_learns_from(self) -> Train:
        needs = {"text": "text", "preference": "pairs", "distil": "teacher"}
        allowed = {"text": ("text", "distil"), "pairs": ("preference",), "teacher": ("distil",)}
        needed = needs.get(self.objective)
        if needed and getattr(self, needed) is None:
            raise ValueError(f'objective = "{self.objective}" needs {needed}')
        for key, objectives in allowed.items():
            if getattr(self, key) is not None and self.objective not in objectives:
                raise ValueError(f'{key} is for objective = "{objectives[0]}", not for "{self.objective}"')
        if self.text and self.teach == "answers":
            raise ValueError('teach = "answers" has the teacher answer the task\'s questions; leave out text')
        if self.seeds is not None and len(set(self.seeds)) < max(2, len(self.seeds)):
            raise ValueError("seeds names at least two different seeds")
        return self

    @property
    def called(self) -> str:
        """The name, or the objective in place of one."""
        return self.name or self.objective

    @property
    def texts(self) -> list[str]:
        """The files and folders in `text`."""
        return [] if self.text is None else [self.text] if isinstance(self.text, str) else self.text

    @property
    def amount(self) -> tuple[Literal["seconds", "steps", "epochs", "tokens"], float]:
        """The budget as (unit, how many); a time is always in seconds."""
        if self.steps is not None:
            return "steps", self.steps
        if self.epochs is not None:
            return "epochs", self.epochs
        if self.tokens is not None:
            return "tokens", self.tokens
        return parse_budget(self.budget or "5 min")


class Compress(Section):
    """Which files are made of the weights."""

    formats: list[Literal["f16", "q8_0", "q4_0"]] = Field(default=["f16", "q8_0", "q4_0"])
    """GGUF formats, largest first; each is measured."""


class Evaluate(Section):
    """How the model is measured."""

    limit: Annotated[int, Field(ge=1)] | None = None
    """Score at most this many cases of each test set, chosen by `seed`; without it, all."""
    base: bool = True
    """Whether the untrained base model is measured too, with a fair prompt."""
    base_examples: Annotated[int, Field(ge=0)] = 8
    """How many examples the untrained model gets in its prompt."""
    base_limit: Annotated[int, Field(ge=1)] | None = 200
    """Score the untrained model on at most this many cases: its prompts are long, and so is the wait."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """The confidence of every interval."""
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """How much worse still counts as "not worse"."""
    seed: int = 0
    """Decides the limited choice and the resampling."""


def _one_or_more(value: Any) -> Any:
    """`[train]` alone is a list of one."""
    return [value] if isinstance(value, dict | Train) else value


class Recipe(Section):
    """The recipe of one model for one job."""

    name: Name
    """The name of the model that is made."""
    purpose: str = ""
    """What it is for and who checks its answers, in one or two sentences."""
    data: Data
    """Which documents the model learns from, and which it is tested on."""
    documents: Documents | None = None
    """Folders of documents as they are, from which trainings with text = "documents" learn."""
    base: Base
    """The open model to begin with."""
    train: Annotated[list[Train], BeforeValidator(_one_or_more)] = Field(default=[Train()], min_length=1)
    """How the weights are made: one table [train], or several [[train]] that follow one another."""
    compress: Compress = Compress()
    """Which files are made of the weights."""
    evaluate: Evaluate = Evaluate()
    """How the model is measured."""
    compare: Compare = Compare()
    """What may leave when it is compared with services outside."""
    retrieve: Retrieve | None = None
    """Passages that are looked up for each question; without it the model answers from what it learnt."""
    trust: Trust | None = None
    """How far single answers can be trusted; without it nothing of that is measured."""
    release: Release = Release()
    """What only people can say of the model, and who is told what."""

    @model_validator(mode="after")
    def _trainings_follow_one_another(self) -> Recipe:
        names = [training.called for training in self.train[:-1]]
        if len(set(names)) < len(names):
            raise ValueError("two trainings have the same name; give each [[train]] a name of its own")
        if self.train[-1].seeds:
            raise ValueError("the last training has seeds; what is averaged needs a training behind it")
        if self.base.scratch and len(self.train) == 1 and self.train[0].method != "full":
            raise ValueError('a model made from nothing needs method = "full"')
        return self

    @property
    def final(self) -> Train:
        """The training that makes the model."""
        return self.train[-1]

    @classmethod
    def load(cls, path: Path, files: bool = True) -> Recipe:
        """Read a recipe file.

        Args:
            files: whether the files that it names must be there.

        Raises:
            HelderError: not there, not TOML, an unknown key, a wrong type, a value outside its bounds, or a
            file
                that it names is missing. All problems are named, not only the first.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise HelderError(
                f"There is no recipe {path}.",
                fix="Go to a folder with a recipe, or make one: helder new NAME --example dose-instructions",
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise HelderError(f"The recipe {path} cannot be read as UTF-8 text.", str(error)) from error
        recipe = cls.parse(text, str(path))
        if files:
            recipe.check_files(path.parent, text, str(path))
        return recipe

    @classmethod
    def parse(cls, text: str, where: str = FILE_NAME) -> Recipe:
        """Read a recipe from its text; as `load`, but files are not looked for."""
        try:
            table = tomllib.loads(text)
        # Beside what tomllib calls an error: brackets a thousand deep, whole numbers of five thousand digits.
        except (ValueError, RecursionError) as error:
            raise from_toml(error, where) from error
        try:
            return cls.model_validate(table)
        except ValidationError as error:
            raise from_validation(error, cls, text, where) from error

    def files(self) -> dict[str, str]:
        """Every file or folder that the recipe names: key path → path as written."""
        data = self.data
        train = [data.train] if isinstance(data.train, str) else data.train
        found = {"data.train" if index == 0 else f"data.train[{index}]": path for index, path in enumerate(train)}
        single = {
            "data.dev": data.dev,
            "data.test": data.test,
            "data.schema": data.schema_,
            "data.labels": data.labels,
        }
        found |= {key: value for key, value in single.items() if isinstance(value, str)}
        found |= {f"data.tests.{name}": path for name, path in data.tests.items()}
        if self.trust is not None and self.trust.paraphrases is not None:
            found["trust.paraphrases"] = self.trust.paraphrases
        if self.retrieve is not None and not self.means_documents(self.retrieve.documents):
            found["retrieve.documents"] = self.retrieve.documents
        documents = [] if self.documents is None else [str(one["name"]) for one in self.documents.described()]
        for place, path in enumerate(documents):
            found["documents.folders" if place == 0 else f"documents.folders[{place}]"] = path
        for place, training in enumerate(self.train):
            table = f"train[{place}]" if len(self.train) > 1 else "train"
            for index, path in enumerate(training.texts):
                if self.means_documents(path):
                    continue
                found[f"{table}.text" if index == 0 else f"{table}.text[{index}]"] = path
            for key in ("text_dev", "pairs"):
                if (path := getattr(training, key)) is not None:
                    found[f"{table}.{key}"] = path
        return found

    def means_documents(self, path: str) -> bool:
        """Whether what a training calls its text, or [retrieve] its documents, are those of [documents]."""
        return path == DOCUMENTS and self.documents is not None

    def paths_of(self, training: Train) -> list[str]:
        """The files and folders of a training's text, in place of "documents" the folders of [documents]."""
        found: list[str] = []
        for path in training.texts:
            if self.documents is not None and self.means_documents(path):
                found += [str(one["name"]) for one in self.documents.described()]
            else:
                found.append(path)
        return found

    def check_files(self, folder: Path, text: str = "", where: str = FILE_NAME) -> None:
        """Refuse a recipe that names files which are not there.

        Raises:
            HelderError: one or more are missing; the message names each key and the file that was probably
            meant.
        """
        missing = [NotFound(key, path) for key, path in self.files().items() if not is_there(folder / path)]
        if missing:
            raise NotFound.error(missing, folder, text, where)


def parse_budget(text: str) -> tuple[Literal["seconds", "steps", "epochs", "tokens"], float]:
    """ "5 min" → ("seconds", 300.0), "300 steps" → ("steps", 300).

    Raises:
        ValueError: another form; the message shows the right ones.
    """
    match = re.fullmatch(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?)\s*([a-z]+)\s*", text.lower())
    if match:
        number, unit = float(match[1].replace("_", "")), match[2].removesuffix("s") or "s"
        if number > 0 and unit in UNITS:
            return "seconds", number * UNITS[unit]
        if number > 0 and unit == "epoch":
            return "epochs", number
        if number >= 1 and number == int(number) and unit == "step":
            return "steps", int(number)
        if number >= 1 and number == int(number) and unit == "token":
            return "tokens", int(number)
    raise ValueError(f'a budget reads "5 min", "2 h", "300 steps", "3 epochs" or "2000000 tokens", not "{text}"')


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a recipe, for editors; shipped as `helder/recipe.schema.json`."""
    schema = Recipe.model_json_schema(by_alias=True)
    several = schema["properties"]["train"]
    schema["properties"]["train"] = {
        "description": several.pop("description"),
        "default": several.pop("default"),
        "anyOf": [several["items"], several],
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Helder recipe"}
