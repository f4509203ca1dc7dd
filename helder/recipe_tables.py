"""The tables of a recipe about what goes in and what is handed out: `[data]`, `[documents]`, `[retrieve]`, `[trust]`,
`[release]`.

Strict like all of it, see `helder.recipe`.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from helder.data.clean import LEAST_PASSAGE


class Section(BaseModel):
    """What all tables of a recipe share: unknown keys and values of another type are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", value):
        raise ValueError("a name is lower-case letters, digits, '-', '_' and '.', beginning with a letter or digit")
    return value


def _date(value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError:
        raise ValueError("a date is written 2026-11-30") from None
    return value


def _passage(value: int) -> int:
    if value != 0 and value < LEAST_PASSAGE:
        raise ValueError(f"runs of less than {LEAST_PASSAGE} words are repeated everywhere; 40, or 0 to leave them all")
    return value


Name = Annotated[str, AfterValidator(_name)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class Data(Section):
    """Which documents the model learns from, and which it is tested on."""

    train: str | list[str]
    """A file (JSONL, CSV or TSV), a folder, or a list of files to learn from, relative to the recipe."""
    dev: str | None = None
    """A file for watching the training; without it, a part of `train` is held out."""
    test: str | None = None
    """A file that is only used for the scores; without it, a part of `train` is held out."""
    tests: dict[Name, str] = {}
    """Further test sets by name, such as cases that come from someone else; each gets its own scores."""
    input: str = "input"
    """The column that holds what the model is given."""
    output: str = "output"
    """The column that holds the right answer: a label, a text, a record, or a list of records."""
    kind: Literal["label", "record", "text"] | None = None
    """What an answer is; without it, Helder sees it from the data."""
    labels: list[str] | str | None = None
    """The allowed labels, or a file with one a line; without it, those that occur in the data."""
    write: Literal["label", "name"] = "label"
    """Whether the model writes a label itself, or its name from the file of labels."""
    schema_: str | dict[str, Any] | None = Field(default=None, alias="schema")
    """The JSON Schema of a record, or a file that holds it; without it, it is derived from the data."""
    many: bool | None = None
    """Whether an answer is a list of records; without it, Helder sees it from the data."""
    harm: list[str] = []
    """Fields of a record whose errors do harm; each such error is listed one by one in the report."""
    instruction: str | None = None
    """The task in words, as an untrained model would need to be told; without it, `purpose` is used."""
    program_tests: str | None = None
    """The column with hidden tests of an answer that is a program, [[input, output], …]; verifiers run it on them."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Learn from at most this many examples of `train`, chosen by `seed`."""
    holdout: Fraction = 0.1
    """The part of `train` that is held out for each of dev and test that is not given."""
    licence: str = "unknown"
    """The licence of the data, as an SPDX identifier, or "unknown"."""
    seed: int = 0
    """Decides the held-out part and the limited choice."""


class Folder(Section):
    """A folder of documents with a licence, an owner, … of its own; what is left out is as in [documents]."""

    folder: str
    """The folder or file, as in `folders` of [documents], which need not name it again."""
    licence: str | None = None
    """The licence of these documents, as an SPDX identifier."""
    owner: str | None = None
    """Who may say what is done with these documents."""
    consent: str | None = None
    """On which ground they may be used: a consent, a contract, a law."""
    date: Annotated[str, AfterValidator(_date)] | None = None
    """As of when these documents stand."""


class Documents(Section):
    """Folders of documents as they are: what is read of them, what is left out, and what waits for a person."""

    folders: list[str] = []
    """Folders or files, relative to the recipe; trainings learn from them with text = "documents"."""
    sources: list[Folder] = []
    """Folders with a licence, an owner, … of their own: tables [[documents.sources]]."""
    licence: str = "unknown"
    """The licence of the documents, as an SPDX identifier, or "unknown"."""
    owner: str | None = None
    """Who may say what is done with the documents."""
    consent: str | None = None
    """On which ground they may be used: a consent, a contract, a law."""
    date: Annotated[str, AfterValidator(_date)] | None = None
    """As of when the documents stand, such as 2026-11-30."""
    decisions: str = "decisions.json"
    """The file with what people decided in `helder data review`, relative to the recipe; it need not be there."""
    personal_data: Literal["report", "redact", "refuse", "hold"] = "report"
    """When personal data are found: only say so, black them out, leave the document out, or ask a person."""
    personal_data_engine: Literal["patterns", "presidio"] = "patterns"
    """Who looks for personal data: Helder's patterns, or presidio's recognisers as well (helder[presidio], slow)."""
    near_duplicates: Annotated[float, Field(gt=0, le=1)] = 0.8
    """How alike two documents are (share of common word groups) from which on one is left out; 1: only copies."""
    repeated_passages: Annotated[int, AfterValidator(_passage)] = 0
    """A run of so many words that stands in several documents stays only in the first, 40 say; 0: all stay."""

    @model_validator(mode="after")
    def _names_folders_once(self) -> Documents:
        named = [str(entry["name"]) for entry in self.described()]
        if not named:
            raise ValueError('[documents] names no folder: folders = ["handbook"]')
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"[documents] names {twice[0]} twice")
        return self

    def described(self) -> list[dict[str, str | None]]:
        """Each folder once, with what is said of it: {"name", "licence", "owner", "consent", "date"}."""
        keys = ("licence", "owner", "consent", "date")
        own = {one.folder: one for one in self.sources}
        names = [*self.folders, *(one.folder for one in self.sources if one.folder not in self.folders)]
        return [
            {"name": name, **{key: getattr(own.get(name), key, None) or getattr(self, key) for key in keys}}
            for name in names
        ]


Words = Annotated[str, Field(min_length=1)]
Date = Annotated[str, AfterValidator(_date)]


class Compare(Section):
    """What may be sent to services outside when the model is compared with them (`helder compare`)."""

    leave: list[Words] = []
    """Test sets whose items may leave, such as "test"; "train" for the examples in questions. Without it, none."""
    personal_data: bool = False
    """Whether items may leave in which something looks like personal data."""


class Trust(Section):
    """How far single answers can be trusted is measured, and answers that are too unsure may be withheld."""

    risk: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """The largest share of wrong ones among the answers that are given; a threshold is looked for that keeps it."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """The confidence with which that risk is kept, and that of every limit."""
    abstain: bool = False
    """Whether `helder serve` and `helder ask` withhold answers below the threshold."""
    say: Words = "I do not know."
    """What is said in place of an answer that is withheld."""
    score: Literal["whole", "mean", "least"] = "whole"
    """How sure an answer is: the probability of the whole, the mean of its tokens', or that of the least sure token."""
    items: Annotated[int, Field(ge=1)] = 100
    """So many items of the test set are asked again, changed in each way, and as many with an order hidden in them."""
    paraphrases: str | None = None
    """A file of questions that mean the same: the columns input, paraphrase, and output as in [data]."""
    canaries: Annotated[int, Field(ge=0, le=1000)] = 0
    """So many made-up examples are planted in the training data, to see whether the model gives them away."""
    seed: int = 0
    """Decides which items are asked again, and how they are changed."""


class Retrieve(Section):
    """Passages of documents are looked up for each question and given to the model with it."""

    documents: str
    """A file or folder, relative to the recipe, or "documents": those of [documents] that were accepted."""
    passage: Annotated[int, Field(ge=16)] = 96
    """The tokens of a passage, at most; it ends where a sentence or a heading does."""
    overlap: Annotated[int, Field(ge=0)] = 16
    """At most so many tokens of a passage stand in the next one again, whole sentences."""
    top: Annotated[int, Field(ge=1, le=50)] = 3
    """So many passages are given to the model."""
    room: Annotated[int, Field(ge=16)] | None = None
    """The tokens that they may have together; the last ones are dropped, and it is said. Without it passage × top."""
    stem: Literal["none", "en", "nl", "de", "fr"] = "none"
    """Takes endings of the plural off before words are compared, by the rules of this language."""
    learn: bool = False
    """Whether the last training learns to answer from passages: its questions are given with theirs, too."""
    base_examples: Annotated[int, Field(ge=0)] = 2
    """How many examples, with their passages, the untrained model gets in its prompt."""

    @model_validator(mode="after")
    def _goes_on(self) -> Retrieve:
        if self.overlap >= self.passage:
            raise ValueError(f"[retrieve] overlap = {self.overlap} has to be less than passage = {self.passage}")
        return self

    @property
    def tokens(self) -> int:
        """The room, resolved."""
        return self.passage * self.top if self.room is None else self.room


class Release(Section):
    """What only people can say of the model; nothing of it is checked, and what is not said stays visibly open."""

    audience: Literal["public", "customer", "regulator"] = "public"
    """For whom the release is made; it decides what is withheld."""
    version: Words | None = None
    """Which version of the model this is, such as "1.0"."""
    provider: Words | None = None
    """The legal name of whoever answers for the model."""
    contact: Words | None = None
    """Where people can ask and complain."""
    licence: Words | None = None
    """The licence of the weights, as an SPDX identifier; it must fit that of the base model."""
    documents_licence: Words | None = None
    """The licence of scores, cards and other documents, as an SPDX identifier."""
    released: Date | None = None
    """When the model was or will be first handed out."""
    union_market: Words | None = None
    """When it was placed on the market of the European Union, or why that does not apply."""
    distribution: Words | None = None
    """How the model is handed out, and to whom."""
    intended_use: Words | None = None
    """What the model is meant for, by whom, on which texts."""
    out_of_scope: Words | None = None
    """What it must not be used for."""
    acceptable_use: Words | None = None
    """The acceptable use policy: where it stands, or that there is none."""
    integration: Words | None = None
    """Into which systems the model is meant to be built, and what they must do around it."""
    rationale: Words | None = None
    """Why the model was designed and trained in this way, and on which assumptions."""
    risks: Words | None = None
    """What can go wrong, for whom, and what is done about it."""
    oversight: Words | None = None
    """Who looks at the answers before they count, and how they can overrule them."""
    monitoring: Words | None = None
    """How the model is watched in use, and what happens when it gets worse."""
    standards: Words | None = None
    """Standards and common specifications that were followed."""
    cybersecurity: Words | None = None
    """How model and machine are guarded against attacks."""
    data_kinds: list[Literal["public", "private", "crawled", "user", "synthetic", "other"]] | None = None
    """What kinds of sources the documents come from."""
    data_origin: Words | None = None
    """How the documents were obtained and selected, by whom and from where."""
    data_until: Words | None = None
    """Until when documents were collected."""
    data_languages: list[Words] | None = None
    """Languages of the documents, as codes like "en" and "nl"."""
    data_rights: Words | None = None
    """How copyright and reservations of rights were respected."""
    personal_data: Words | None = None
    """Which personal data are in the documents, on which ground, and how they are guarded; or that there are none."""
    unsuitable_data: Words | None = None
    """How unsuitable or unlawful documents were looked for."""
    bias: Words | None = None
    """How biases in the documents were looked for, and which were found."""
    labelling: Words | None = None
    """Who wrote the right answers, and how they were checked."""
    declaration: Words | None = None
    """Where the declaration of conformity stands, or why there is none."""
    paper: Words | None = None
    """Where a research paper about the model stands."""
