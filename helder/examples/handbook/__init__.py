"""Example: the handbook of a small organisation, as its folder really looks.

The documents are made up (`folder.py`), in Dutch and English, with everything in them that a real folder has: copies,
two versions that contradict each other, scans, hidden text, private data, health data, files that are broken or not
meant for this. This module makes the files of a new project; it needs the standard library only.
"""

from __future__ import annotations

from helder.examples.files import Example, json_lines, read


def contents() -> dict[str, bytes]:
    """The files of the example: name → bytes, the same on every machine."""
    from helder.examples.handbook import folder, questions

    shipped = {name: read(__package__, name) for name in EXAMPLE.shipped}
    documents = {f"documents/{name}": content for name, content in folder.files().items()}
    return shipped | documents | {f"{name}.jsonl": json_lines(questions.of(name)) for name in ("train", "dev", "test")}


EXAMPLE = Example(
    name="handbook",
    summary="a small organisation's folder as it is: what is read, held and refused; then a model learns from it",
    licence="CC0-1.0 (made up)",
    shipped=("README.md", "recipe.toml"),
)
