"""Who is asked: a service behind a protocol, from a word on the command line or from a table in a TOML file.

    claude-3-7-sonnet-20250219          Anthropic's protocol, at api.anthropic.com
    o1-mini, o3, gpt-…                  OpenAI's protocol, at api.openai.com
    MODEL@http://127.0.0.1:8000/v1      OpenAI's protocol, anywhere
    anthropic:MODEL@https://host        Anthropic's protocol, anywhere

Prices, effort and licences change and cannot be looked up without a network, so they are the user's to say; what is
not said is called "not stated" and never guessed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, model_validator

from helder.errors import HelderError
from helder.recipe_tables import Section

OPENAI, ANTHROPIC = "https://api.openai.com/v1", "https://api.anthropic.com"
KEYS = {OPENAI: "OPENAI_API_KEY", ANTHROPIC: "ANTHROPIC_API_KEY"}
REASONS = re.compile(r"o\d")  # OpenAI's o-series: o1, o1-mini, o3-mini, o4-mini …
THINKING_TOKENS = 16_384  # room for thinking and answer together, where a model thinks (assumption)
PLAIN_TOKENS = 1024  # room for an answer (assumption)
LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1")

Words = Annotated[str, Field(min_length=1)]


class Price(Section):
    """What tokens cost, as the service's price list says; in money for a million of them."""

    input: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Tokens that are sent."""
    output: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Tokens that come back, thinking included."""
    currency: Words = "USD"
    """The currency, as three letters."""

    def of(self, sent: float, received: float) -> float:
        """The money for so many tokens."""
        return (sent * self.input + received * self.output) / 1e6


class Service(Section):
    """One service and how it is asked."""

    name: Words
    """What it is called in tables."""
    protocol: Literal["openai", "anthropic"] = "openai"
    """Whose form requests and answers have."""
    model: Words
    """The model's name, as the service knows it."""
    url: Words
    """Where it is, up to and without /chat/completions or /v1/messages."""
    key: Words | None = None
    """The name of the environment variable that holds the key; without it, none is sent."""
    price: Price | None = None
    """What it costs; without it, a budget in money cannot be kept."""
    max_tokens: Annotated[int, Field(ge=1)] = PLAIN_TOKENS
    """The longest answer, thinking included."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 0.0
    """0 for the likeliest answer. Not sent to models that think, which refuse it."""
    reasoning_effort: Literal["minimal", "low", "medium", "high"] | None = None
    """How long a model of OpenAI's o-series thinks; without it, as the service likes."""
    thinking_tokens: Annotated[int, Field(ge=1024)] | None = None
    """How many tokens a model behind Anthropic's protocol may think; without it, it does not."""
    stream: bool = False
    """Whether the answer is sent piece by piece, which keeps connections open that would be cut while a model
    thinks."""
    timeout: Annotated[float, Field(gt=0)] = 120.0
    """Seconds without a single byte after which an answer counts as lost."""
    longest: Annotated[float, Field(gt=0)] = 900.0
    """Seconds after which an answer counts as lost although bytes still come."""
    licence: Words | None = None
    """The licence of the weights or the terms of use."""
    openness: Words | None = None
    """What is open of it, such as a class of the Model Openness Framework."""

    @model_validator(mode="after")
    def _fits(self) -> Service:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{self.url!r} is no address: it begins with http:// or https:// and names a host")
        if parts.query or parts.fragment or parts.username or parts.password:
            raise ValueError(f"{parts.hostname}: an address holds no key and no query; keys come from the environment")
        if self.key and parts.scheme == "http" and not self.on_this_machine:
            raise ValueError(f"a key would go to {self.host} unencrypted; use https://")
        if self.thinking_tokens and self.protocol != "anthropic":
            raise ValueError("thinking_tokens belongs to Anthropic's protocol; with OpenAI's it is reasoning_effort")
        if self.reasoning_effort and self.protocol != "openai":
            raise ValueError("reasoning_effort belongs to OpenAI's protocol; with Anthropic's it is thinking_tokens")
        if self.thinking_tokens and self.thinking_tokens >= self.max_tokens:
            raise ValueError("max_tokens has to be larger than thinking_tokens: the answer comes out of the rest")
        return self

    @property
    def host(self) -> str:
        """Host and port, as `--allow-network` names them."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)

    @property
    def on_this_machine(self) -> bool:
        return bool(LOOPBACK.fullmatch(urlsplit(self.url).hostname or ""))

    @property
    def thinks(self) -> bool:
        """Whether it is asked as a model that thinks first."""
        if self.protocol == "anthropic":
            return self.thinking_tokens is not None
        return self.reasoning_effort is not None or bool(REASONS.match(self.model.rpartition("/")[2]))


def from_word(word: str) -> Service | None:
    """The service that a word on the command line means; None when it means none.

    Raises:
        HelderError: it means one, and its address cannot be used.
    """
    protocol, rest = "openai", word
    if word.startswith(("openai:", "anthropic:")):
        protocol, _, rest = word.partition(":")
    model, at, url = rest.partition("@")
    if not at:
        if model.startswith("claude-"):
            protocol = "anthropic"
        elif not (REASONS.match(model) or model.startswith(("gpt-", "chatgpt-")) or rest != word):
            return None
    elif not url.startswith(("http://", "https://")):
        return None
    table = {"model": model, "protocol": protocol, **({"url": url} if at else {})}
    return _made(word, _filled(model, table))


def from_file(path: Path) -> dict[str, Service]:
    """The services of a TOML file: one table for each, [name]; its keys are the fields of `Service`.

    Raises:
        HelderError: not there, not TOML, or a table that cannot be followed.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise HelderError(f"The services in {path} cannot be read.", str(error), "Correct the file.") from error
    for name, table in tables.items():
        if not isinstance(table, dict):
            why = "Each service has a table of its own."
            raise HelderError(f"{path}: {name} stands outside a table.", why, f"Write [{name}].")
    return {name: _made(f"[{name}] in {path}", _filled(name, table)) for name, table in tables.items()}


def _filled(name: str, table: Mapping[str, object]) -> dict[str, object]:
    """A table with what follows from the rest of it."""
    full = {"url": ANTHROPIC if table.get("protocol") == "anthropic" else OPENAI, "model": name, **table, "name": name}
    url = full["url"] = str(full["url"]).rstrip("/")
    if url in KEYS:
        full.setdefault("key", KEYS[url])
        full.setdefault("openness", "closed: no weights are published")
    thinks = "reasoning_effort" in table or (
        table.get("protocol") != "anthropic" and REASONS.match(str(full["model"]).rpartition("/")[2])
    )
    full.setdefault("max_tokens", THINKING_TOKENS if thinks else PLAIN_TOKENS)
    return full


def _made(where: str, fields: dict[str, object]) -> Service:
    try:
        return Service.model_validate(fields)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}".removeprefix(": ") for one in error.errors()]
        keys = ", ".join(Service.model_fields)
        raise HelderError(
            f"The service {where} cannot be used.", "\n     ".join(problems), f"Its keys are: {keys}."
        ) from error
