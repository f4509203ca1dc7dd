"""How much there is to learn from: as a stage measured, or counted in records, or guessed from bytes, or told.

Told: a file `amounts.toml` beside the recipe says of files that are not here how many examples they hold and how long
these are. So that what others published can be planned without their data.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helder import pipeline
from helder.data.read import files_of, read_source
from helder.errors import HelderError
from helder.ledger.artifact import Artifact
from helder.pipeline import Known, Walk
from helder.project import Project
from helder.train.settings import PAIRS_HELD_OUT

if TYPE_CHECKING:
    from helder.recipe import Train

AMOUNTS = "amounts.toml"
BYTES_PER_TOKEN = 4.0  # of ordinary text in UTF-8 (assumption; codes, numbers and other scripts have fewer)
CHAT_TOKENS = 12  # that the chat format adds to an example (assumption)
PAIR = ("input", "chosen", "rejected")
CHUNK = 1 << 20


@dataclass(frozen=True)
class Counted:
    """What there is to learn from.

    Attributes:
        examples: how many; 1 for text, which is one stream.
        tokens: of one, on average; of a pair of answers, of one of its two sequences.
        how: where the numbers come from, in words.
        question, answer: tokens of the two parts of an example; 0 where only their sum is known.
    """

    examples: int
    tokens: float
    how: str
    question: float = 0.0
    answer: float = 0.0


@dataclass(frozen=True)
class Counter:
    """Counts what the trainings of one project learn from.

    Args:
        project: whose files are counted.
        told: what `amounts.toml` says, file → numbers.
    """

    project: Project
    told: Mapping[str, Counted]

    @classmethod
    def of(cls, project: Project) -> Counter:
        """The counter of a project.

        Raises:
            HelderError: a file is missing and nothing is told of it.
        """
        told = read_amounts(project.folder / AMOUNTS)
        named = project.recipe.files().values()
        if any(path not in told and not (project.folder / path).exists() for path in named):
            text = project.path.read_text(encoding="utf-8")
            project.recipe.check_files(project.folder, text, str(project.path))
        return cls(project, told)

    def examples(self, training: Train) -> Counted:
        """Questions and answers of `[data]`."""
        data = self.project.recipe.data
        told = self._told([data.train] if isinstance(data.train, str) else data.train)
        if told is not None:
            return replace(told, examples=self._kept(told.examples))
        made = self.data
        if made is not None:
            probe = self._probed(training, made)
            if probe is not None:
                length = probe["padded_tokens_per_step"] / probe["examples_per_step"]
                how = f"{probe['examples']:,} examples of {length:.0f} tokens with padding, as the probe found."
                return replace(_in_records(made), examples=int(probe["examples"]), tokens=length, how=how)
            return _in_records(made)
        return self._in_files()

    def pairs(self, training: Train) -> Counted:
        """Pairs of answers, less those that are held out."""
        path = training.pairs or ""
        told = self._told([path])
        if told is None:
            rows, _ = read_source(self.project.folder / path, PAIR)
            sizes = {key: sum(_bytes(row.values[key]) for row in rows) / len(rows) for key in PAIR}
            size = sizes["input"] + (sizes["chosen"] + sizes["rejected"]) / 2
            told = _guess(len(rows), size, "of the pairs, each answer with its question")
        return replace(told, examples=max(1, round(told.examples * (1 - PAIRS_HELD_OUT / 256))))

    def text(self, training: Train) -> Counted:
        """All tokens of the documents of a training, less what is held out."""
        held = training.holdout if training.text_dev is None else 0.0
        paths = self.project.recipe.paths_of(training)
        told = self._told(paths)
        if told is not None:
            return replace(told, examples=1, tokens=told.examples * told.tokens * (1 - held))
        made = None
        if self.base is not None:
            made = pipeline.lessons(self.project, self.walk, training, self.base, self.data, self.documents).get("text")
        if made is not None:
            tokens = json.loads((made.path / "summary.json").read_text(encoding="utf-8"))["train"]["tokens"]
            return Counted(1, tokens, f"{tokens:,} tokens of text, as they were made.")
        size = sum(file.stat().st_size for path in paths for file in files_of(self.project.folder / path))
        tokens = max(1.0, size / BYTES_PER_TOKEN * (1 - held))
        return Counted(1, tokens, f"{tokens:,.0f} tokens of text: {BYTES_PER_TOKEN:g} bytes a token (assumption).")

    @cached_property
    def walk(self) -> Walk:
        return Walk(self.project, verify=False)

    @cached_property
    def all_here(self) -> bool:
        return all((self.project.folder / path).exists() for path in self.project.recipe.files().values())

    @cached_property
    def documents(self) -> Known:
        """The documents, when they are made."""
        return pipeline.prepared_documents(self.project, self.walk) if self.all_here else None

    @cached_property
    def data(self) -> Known:
        """The records, when they are made."""
        if not self.all_here:
            return None
        settings, sources = pipeline.data_settings(self.project), pipeline.sources(self.project)
        return self.walk.stage("data", "helder.data.stage:run", settings, sources)

    @cached_property
    def base(self) -> Known:
        """The model that the first training begins with, when it is there."""
        named = self.project.recipe.base
        if not self.all_here:
            return None
        try:
            if named.scratch:
                return pipeline.from_nothing(self.project, self.walk, self.data, self.documents)
            return pipeline.find_base(self.project, named.model).artifact
        except HelderError:
            return None  # its tokens are not counted, then; its sizes are asked for elsewhere

    def _probed(self, training: Train, data: Artifact) -> dict[str, Any] | None:
        """What a probe measured of answers; of rewards it counts the longest answers that there may be."""
        if self.base is None or training.objective not in ("answers", "distil"):
            return None
        return pipeline.probed(self.project, training, {"base": self.base, "data": data})

    def _told(self, paths: list[str]) -> Counted | None:
        """What is told of some files, all together; None when they are here."""
        if all((self.project.folder / path).exists() for path in paths):
            return None
        found = [self.told[path] for path in paths]
        if len(found) == 1:
            return found[0]
        examples = sum(one.examples for one in found)

        def mean(key: str) -> float:
            return sum(one.examples * float(getattr(one, key)) for one in found) / examples

        how = " ".join(one.how for one in found)
        return Counted(examples, mean("tokens"), how, mean("question"), mean("answer"))

    def _kept(self, examples: int) -> int:
        """Of so many examples, those that are learnt from."""
        data = self.project.recipe.data
        kept = max(1, round(examples * (1 - data.holdout * ((data.dev is None) + (data.test is None)))))
        return kept if data.limit is None else min(kept, data.limit)

    def _in_files(self) -> Counted:
        """In the files as they are: lines, less what is held out."""
        data = self.project.recipe.data
        lines = size = 0
        for name in [data.train] if isinstance(data.train, str) else data.train:
            for file in files_of(self.project.folder / name):
                try:
                    with file.open("rb") as stream:
                        while chunk := stream.read(CHUNK):
                            lines += chunk.count(b"\n")
                            size += len(chunk)
                except OSError as error:
                    raise HelderError(f"The data file {file.name} cannot be read.", str(error)) from error
        return _guess(self._kept(max(1, lines)), size / max(1, lines), "of the lines of the data files")


def read_amounts(path: Path) -> dict[str, Counted]:
    """What is told of files that are not here; nothing when there is no such file.

    Raises:
        HelderError: not TOML, or an entry without tokens or source.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        return {
            name: Counted(
                examples=int(entry.get("examples", 1)),
                tokens=float(entry["tokens"]),
                how=f"{name}: {entry['source']}.",
                question=float(entry.get("question", 0)),
                answer=float(entry.get("answer", 0)),
            )
            for name, entry in entries.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise HelderError(
            f"{path} cannot be read.", f"{error!r}", "Each entry is a file of the recipe with its tokens and a source."
        ) from error


def _in_records(data: Artifact) -> Counted:
    """In the records that are made already."""
    examples = asked = said = 0
    with (data.path / "train.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            answer = record["output"]
            text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
            examples += 1
            asked += _bytes(record["input"])
            said += _bytes(text)
    found = _guess(examples, (asked + said) / max(1, examples), "of the records that were made")
    answer_tokens = max(1.0, said / max(1, examples) / BYTES_PER_TOKEN)
    return replace(found, question=max(1.0, found.tokens - answer_tokens), answer=answer_tokens)


def _guess(examples: int, size: float, of: str) -> Counted:
    """From the bytes of one example."""
    tokens = size / BYTES_PER_TOKEN + CHAT_TOKENS
    how = (
        f"{max(1, examples):,} examples of about {tokens:.0f} tokens: {BYTES_PER_TOKEN:g} bytes a token {of}, "
        f"and {CHAT_TOKENS} for the chat format (assumptions)."
    )
    return Counted(max(1, examples), tokens, how)


def _bytes(text: Any) -> int:
    return len(str(text).encode("utf-8"))
