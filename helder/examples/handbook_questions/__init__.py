"""Example: questions about houses with rooms to let, answered from their leaflets; half of them have no answer there.

Each room has five facts, of which its leaflet tells three. Questions are asked about all five, in the same words, so
that what can be answered differs from what cannot in nothing but the leaflet. Rooms of the test were never asked about
in training. Everything is made up by this module, which needs the standard library only.
"""

from __future__ import annotations

from helder.examples.files import Example, json_lines, read


def contents() -> dict[str, bytes]:
    """The files of the example: name → bytes, the same on every machine."""
    from helder.examples.handbook_questions import rooms

    shipped = {name: read(__package__, name) for name in EXAMPLE.shipped}
    leaflets = {f"leaflets/{name}": text.encode("utf-8") for name, text in rooms.leaflets().items()}
    return (
        shipped | leaflets | {f"{name}.jsonl": json_lines(rooms.questions(name)) for name in ("train", "dev", "test")}
    )


EXAMPLE = Example(
    name="handbook-questions",
    summary="questions answered from leaflets or not at all: is training worth it beside passages that are looked up?",
    licence="CC0-1.0 (made up)",
    shipped=("README.md", "recipe.toml"),
)
