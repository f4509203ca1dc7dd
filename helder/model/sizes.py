"""Architectures by name, as they were published (`sizes.toml`): what a model made from nothing can be.

A size says how a model is built, not what it knows: "olmo2-1b" made here has the shape of OLMo 2 1B and weights of its
own. Needs no torch, so that a plan can count before anything is made.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from importlib import resources

from helder.errors import HelderError
from helder.model import families
from helder.model.config import TransformerConfig

NUMBERS = {field.name for field in fields(TransformerConfig)}


@dataclass(frozen=True)
class Size:
    """One architecture. What is not explained here is explained in `helder.model.config.TransformerConfig`.

    Attributes:
        name: how recipes call it.
        family: the architecture's name in GGUF files: "llama", "qwen2" or "olmo2".
        vocabulary_size: rows of the embedding of the published model.
        source: where the figures stand.
    """

    name: str
    family: str
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    feed_forward_width: int
    rope_theta: float
    norm_epsilon: float
    tied: bool
    context_length: int
    vocabulary_size: int
    source: str

    def config(self, vocabulary_size: int) -> TransformerConfig:
        """The settings of a model of this size, with an embedding of so many rows.

        Raises:
            ValueError: numbers that do not fit together.
        """
        numbers = {key: value for key, value in asdict(self).items() if key in NUMBERS}
        flags = families.of_gguf(self.family).flags
        return TransformerConfig(**{**numbers, "vocabulary_size": vocabulary_size}, **flags)

    @property
    def published(self) -> TransformerConfig:
        """The settings of the published model."""
        return self.config(self.vocabulary_size)


def find(name: str) -> Size:
    """The size with this name.

    Raises:
        HelderError: there is none.
    """
    known = sizes()
    if name not in known:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise HelderError(
            f"There is no size {name!r}.{meant}",
            f"Known: {', '.join(known)}.",
            "Name one of them, or say width, layers and heads yourself.",
        )
    return known[name]


@lru_cache
def sizes() -> dict[str, Size]:
    """All sizes by name, in the order of the file."""
    text = (resources.files("helder.model") / "sizes.toml").read_text(encoding="utf-8")
    found: dict[str, Size] = {}
    for group in tomllib.loads(text)["group"]:
        shared = {key: value for key, value in group.items() if key != "sizes"}
        for name, own in group["sizes"].items():
            head_width = own["width"] // own["heads"]
            found[name] = Size(**({"name": name, "head_width": head_width} | shared | own))
    return found
