"""Who is handed what: each file of a run is of the model, of its making, of the records, or a folder.

    audience     model    making                       records
    public       all      when the data are open       when the data are open
    customer     all      all                          when the data are open
    regulator    all      all                          all, and the secret that salts the commitment

Data are open when the licences of the records and of every folder of documents are, and no personal data or secrets
that were found stand in documents that were learnt from. Folders of people, as they came, are for a regulator alone,
whatever their licence: in them lies what was held or refused.
What is held back is listed with its digest. A file that this table does not know counts as records: a stage that is
added later gives nothing away before somebody thought about it.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal

Audience = Literal["public", "customer", "regulator"]
Kind = Literal["model", "making", "records", "folder"]
AUDIENCES: tuple[Audience, ...] = ("public", "customer", "regulator")

# (stage, file) → what it is of; the first line that fits counts. Patterns as of a shell.
KINDS: tuple[tuple[str, str, Kind], ...] = (
    ("base", "*", "model"),
    ("teacher-*", "*", "making"),
    ("tokenizer", "*", "model"),
    ("files", "*", "model"),
    ("average-*", "*", "making"),
    ("commitment", "commitment.json", "model"),
    ("extract", "*", "folder"),
    ("clean", "summary.json", "model"),
    ("clean", "documents.jsonl", "records"),
    ("clean", "*", "folder"),
    ("scores", "scores.json", "model"),
    ("data", "task.json", "model"),
    ("data", "summary.json", "model"),
    ("tokens-*", "summary.json", "model"),
    ("passages", "index.json", "model"),
    ("ground", "task.json", "model"),
    ("probe*", "probe.json", "making"),
    ("train*", "log.jsonl", "making"),
    ("train*", "evaluation.jsonl", "making"),
    ("train*", "states/*", "making"),
    ("train*", "adapter.safetensors", "model"),
    ("train*", "adapter.json", "model"),
    ("train", "model.safetensors", "model"),
    ("train-*", "model.safetensors", "making"),
    ("train*", "config.json", "model"),
    ("train*", "generation_config.json", "model"),
    ("train*", "helder.json", "model"),
    ("train*", "source.json", "model"),
    ("train*", "tokenizer*.json", "model"),
    ("predict-*", "about.json", "model"),
    ("trust", "trust.json", "model"),
    ("trust", "abstention.json", "model"),
    ("trust-answers", "about.json", "model"),
    ("trust-answers", "control.json", "model"),
)


def kind_of(stage: str, path: str) -> Kind:
    """What a file of a stage's artifact is of."""
    for of_stage, of_path, kind in KINDS:
        if fnmatchcase(stage, of_stage) and fnmatchcase(path, of_path):
            return kind
    return "records"


def withheld(audience: Audience, kind: Kind, open_data: bool) -> str | None:
    """Why a file is held back from an audience; None when it is not."""
    if kind == "model" or audience == "regulator":
        return None
    if kind == "folder":
        return "It holds documents as they came, or speaks of them: also those that wait for a person or were refused."
    if open_data:
        return None
    if kind == "records":
        return "It holds records or documents that are not open: by their licence, or for personal data found in them."
    return None if audience == "customer" else "It shows how the model was made from data that are not open."
