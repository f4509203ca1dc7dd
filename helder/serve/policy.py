"""What is demanded of a bundle before its model may answer, and what was found of each demand.

    # policy.toml
    min_level = 5
    max_age_days = 90
    openness = 3
    licences = ["Apache-2.0"]
    formats = ["q8_0"]
    seal = 2
    trusted_keys = ["5e0c…"]
    signers = 2

Without a policy a bundle's signature and levels 1 and 2 are demanded; what a policy leaves out is demanded likewise.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from helder.errors import HelderError

LARGEST = 1 << 20  # bytes of a policy
KeyId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Word = Annotated[str, Field(min_length=1, max_length=200)]


class Demands(BaseModel):
    """What a policy says, every demand with its sentence."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    min_level: Annotated[int, Field(ge=2, le=5)] = Field(
        default=2,
        description="Levels 1 to this one of `helder verify` have passed; above 2, in a verdict that this machine kept "
        "(`helder verify BUNDLE --level N --keep`).",
    )
    max_age_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        default=None, description="The kept verdict is at most so many days old; without it, it may be of any age."
    )
    openness: Annotated[int, Field(ge=1, le=3)] | None = Field(
        default=None,
        description="At least this class of the Model Openness Framework is proven: 3 is the lowest, 1 the highest.",
    )
    licences: list[Word] | None = Field(
        default=None, description="The weights are under one of these licences (SPDX identifiers)."
    )
    formats: list[Word] | None = Field(
        default=None, description="The model file that answers is in one of these formats, such as q8_0."
    )
    seal: Annotated[int, Field(ge=0, le=3)] = Field(
        default=0, description="Every stage was made in a room that is at least so closed."
    )
    trusted_keys: list[KeyId] | None = Field(
        default=None,
        description="The release is signed by one of these keys (whole ids); they need not be trusted otherwise.",
    )
    signers: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="So many different keys that are believed have signed the release."
    )

    @classmethod
    def load(cls, path: Path) -> Demands:
        """Read a policy.

        Raises:
            HelderError: it cannot be read, or says something that is not known, which is told by name.
        """
        try:
            with path.open("rb") as file:
                text = file.read(LARGEST + 1).decode("utf-8")
            if len(text) > LARGEST:
                raise ValueError(f"it has more than {LARGEST} bytes")
            return cls.model_validate(tomllib.loads(text))
        except ValidationError as error:
            problems = "; ".join(_sentence(one) for one in error.errors(include_url=False))
            raise HelderError(f"The policy {path} cannot be followed.", problems, _known()) from error
        except (OSError, ValueError, RecursionError) as error:
            raise HelderError(f"The policy {path} cannot be read.", str(error), "It is a TOML file.") from error


@dataclass(frozen=True)
class Policy:
    """How the model that answers was let in; stands in /v1/about.

    Attributes:
        demanded: the demands, by name; empty for a project of this machine, of which the signatures and digests of its
            own run are checked.
        found: what was found of each.
        certificate: facts of the bundle for people: release, signers, levels, openness, licence; empty for a project.
        seal: the least closed room that a stage was made in; None when it is not known.
    """

    demanded: dict[str, Any] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)
    certificate: dict[str, Any] = field(default_factory=dict)
    seal: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {"demanded": self.demanded, "found": self.found}


def _sentence(problem: Any) -> str:
    name = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        return f"`{name}` is no demand that is known"
    return f"`{name}`: {problem['msg'][0].lower()}{problem['msg'][1:]}"


def _known() -> str:
    return "Known: " + "; ".join(f"{name}: {about.description}" for name, about in Demands.model_fields.items())
