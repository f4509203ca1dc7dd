"""From a project to its trainings as work: sizes from the base model, tokens from the data, the rest from the recipe.

Today a recipe has one training, of an imported base model. Whoever adds stages adds them to `works_of`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder import pipeline
from helder.errors import HelderError
from helder.fleet.work import Architecture, Work
from helder.ledger.artifact import Artifact
from helder.pipeline import Known, Walk
from helder.project import Project
from helder.train import settings as training

BYTES_PER_TOKEN = 4.0  # of ordinary text in UTF-8 (assumption; codes, numbers and other scripts have fewer)
CHAT_TOKENS = 12  # that the chat format adds to an example (assumption)
CHUNK = 1 << 20


@dataclass(frozen=True)
class Counted:
    """What there is to learn from.

    Attributes:
        examples: how many.
        tokens: of one, on average.
        how: where the two numbers come from, in words.
    """

    examples: int
    tokens: float
    how: str


def works_of(project: Project) -> tuple[list[Work], list[str]]:
    """The trainings of a project in their order, and how their tokens were counted, in words.

    Raises:
        HelderError: the base model was not imported, or its sizes are not known; a data file cannot be read.
    """
    base = pipeline.find_base(project, project.recipe.base.model).artifact
    counted = count(project, base)
    return [_imported(project, Architecture.of_config(_config(base.path)), counted)], [counted.how]


def _imported(project: Project, architecture: Architecture, counted: Counted) -> Work:
    """The single [train], of an imported base model."""
    train = project.recipe.final
    resolved = training.resolve(pipeline.train_section(project, train))
    mean = min(counted.tokens, resolved["context"])
    step = float(resolved["batch_tokens"] or resolved["batch_size"] * mean)
    unit, amount = train.amount
    tokens = {
        "tokens": amount,
        "steps": amount * step,
        "epochs": amount * counted.examples * mean,
        "seconds": None,  # as many as the machine does in that time
    }[unit]
    return Work(
        name="train",
        architecture=architecture,
        objective="answers",
        tokens=tokens,
        seconds=amount if unit == "seconds" else None,
        tokens_per_step=step,
        sequence_length=resolved["context"],
        mean_length=mean,
        method=train.method,
        upper=train.upper,
        lora_rank=train.lora_rank,
        # What fits that machine, not what was decided for this one.
        precision=train.precision or ("fp32" if train.numerics == "portable" else "bf16"),
        epochs=tokens / (counted.examples * mean) if tokens else 1.0,
    )


def count(project: Project, base: Known) -> Counted:
    """Examples and their length: as a probe measured, or counted in records that are made, or guessed from files."""
    walk = Walk(project, verify=False)
    data = walk.stage("data", "helder.data.stage:run", pipeline.data_settings(project), pipeline.sources(project))
    if data is not None:
        probe = pipeline.probed(project, project.recipe.final, {"base": base, "data": data})
        if probe is not None:
            length = probe["padded_tokens_per_step"] / probe["examples_per_step"]
            how = f"{probe['examples']:,} examples of {length:.0f} tokens with padding, as the probe found."
            return Counted(int(probe["examples"]), length, how)
        if (data.path / "train.jsonl").is_file():
            return _in_records(data)
    return _in_files(project)


def _in_records(data: Artifact) -> Counted:
    """In the records that are made already."""
    examples = size = 0
    with (data.path / "train.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            answer = record["output"]
            text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
            examples += 1
            size += len(record["input"].encode("utf-8")) + len(text.encode("utf-8"))
    return _guess(examples, size, "of the records that were made")


def _in_files(project: Project) -> Counted:
    """In the files as they are: lines, less what is held out."""
    data = project.recipe.data
    named = [data.train] if isinstance(data.train, str) else data.train
    lines = size = 0
    for name in named:
        path = project.folder / name
        files = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
        for file in files:
            try:
                with file.open("rb") as stream:
                    while chunk := stream.read(CHUNK):
                        lines += chunk.count(b"\n")
                        size += len(chunk)
            except OSError as error:
                raise HelderError(f"The data file {file.name} cannot be read.", str(error)) from error
    lines = max(1, lines)
    kept = 1 - data.holdout * ((data.dev is None) + (data.test is None))
    examples = max(1, round(lines * kept))
    if data.limit is not None:
        examples = min(examples, data.limit)
    return _guess(examples, size / lines * examples, "of the lines of the data files")


def _guess(examples: int, size: float, of: str) -> Counted:
    examples = max(1, examples)
    tokens = size / examples / BYTES_PER_TOKEN + CHAT_TOKENS
    how = (
        f"{examples:,} examples of about {tokens:.0f} tokens: {BYTES_PER_TOKEN:g} bytes a token {of}, "
        f"and {CHAT_TOKENS} for the chat format (assumptions)."
    )
    return Counted(examples, tokens, how)


def _config(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HelderError("The base model's config.json cannot be read.", str(error), "Import it again.") from error
    if not isinstance(found, dict):
        raise HelderError("The base model's config.json is not a JSON object.", fix="Import the model again.")
    return found
