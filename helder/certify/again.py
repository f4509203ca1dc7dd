"""Doing again what a statement says was done: the functions that may be called for it, and why bits may differ here.

A statement comes from a stranger: the name of a function in it is looked up in the tables below and never imported.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder import stage as stages
from helder.certify import layout, sample
from helder.certify.opened import Bundle
from helder.certify.verdict import Level
from helder.errors import ExitCode, HelderError
from helder.ledger import artifact as artifacts
from helder.ledger import environment
from helder.ledger.artifact import Artifact
from helder.ledger.statement import Statement
from helder.stage import OnEvent, Stage
from helder.train import settings as resolving

VERSION = 1  # of every stage function today

# Stages that are cheap and give the same bytes each time.
CHEAP = frozenset(
    {
        "helder.data.stage:run",
        "helder.data.extract.stage:run",
        "helder.data.clean.stage:run",
        "helder.tokens.bpe:run",
        "helder.tokens.stage:run",
        "helder.model.scratch:run",
        "helder.train.average:run",
        "helder.compress.stage:run",
        "helder.evaluate.baselines:run",
        "helder.evaluate.trust.stage:run",
        "helder.certify.commitment:run",
        "helder.trace.index:run",
        "helder.retrieve.index:run",
        "helder.retrieve.ground:run",
    }
)
# What a boundary of the house is: what lies before it is a declared source.
IMPORTS = frozenset({"helder.model.importer:run"})
INDEXES = frozenset({"helder.trace.index:run"})  # nothing of the model is made of them
TRAINS, ASKS, SCORES = "helder.train.stage:run", "helder.evaluate.predict:run", "helder.evaluate.stage:run"
# Stages that need what `helder[train]` installs; of those that ask questions, those that ask weights.
NEED_TRAINING = frozenset(
    {
        "helder.model.scratch:run",
        "helder.train.average:run",
        "helder.compress.stage:run",
        "helder.evaluate.baselines:run",
        TRAINS,
    }
)
# Stages that need a package beside those: function → (module, what installs it). There is one right suffix array of a
# stream, whichever version of the library makes it.
NEED_MODULES = {"helder.trace.index:run": ("pydivsufsort", "trace")}
# Of what "clean" made, these readers need no more than what may be handed out.
TOKENS = frozenset({"helder.tokens.bpe:run", "helder.tokens.stage:run"})
ENOUGH = {"helder.data.clean.stage:run": ("documents.jsonl", "summary.json")}
# What stages only say, of which a certificate tells: it is counted again as their files are made again.
COUNTED = {
    "helder.data.extract.stage:run": ("paths", "accepted", "held", "refused", "documents"),
    "helder.tokens.stage:run": ("train", "dev", "empty"),
    "helder.certify.commitment:run": ("root", "leaves"),
}
# Packages on whose version bytes can depend.
MATTER = (
    *("torch", "numpy", "tokenizers", "safetensors", "gguf", "scikit-learn", "scipy", "xllamacpp", "llguidance"),
    *("pyarrow", "pypdfium2", "selectolax", "daft", "tiktoken"),
)

MOST_AT_ONCE = 1024  # threads or processes of one training on one machine (assumption)


class Missing(Exception):
    """Something that doing it again needs is not there; the message says what and why."""


@dataclass(frozen=True)
class Remade:
    """What a stage made when it was run again: its files, and what it says of them."""

    output: Path
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Again:
    """A bundle whose stages are done again.

    Attributes:
        way: its statements by stage, those of the way.
        work: an empty folder; what is made there is removed again.
        nonce: the verifier's, which decides what is drawn.
        on_event: gets what is being done.
    """

    bundle: Bundle
    way: Mapping[str, Statement]
    work: Path
    nonce: str
    on_event: OnEvent

    def stages(self, *functions: str) -> list[str]:
        """The stages of the way with one of these functions."""
        return [stage for stage, said in self.way.items() if function_of(said) in functions]

    def tell(self, level: str, text: str) -> None:
        self.on_event({"event": "note", "stage": level, "text": text})

    def draw(self, what: str, count: int, wanted: int) -> list[int]:
        """Places that the nonce draws, see `helder.certify.sample`."""
        return sample.draw(self.nonce, self.bundle.digest, what, count, wanted)

    def stage_of(self, name: str) -> Stage:
        """The stage that a statement speaks of, with its inputs in the bundle.

        Raises:
            Missing: an input is withheld, the stage is of another version or needs what is not installed, or it asks
                for variables that Helder would not set.
        """
        said = self.way[name]
        about, variables = said.predicate["stage"], variables_of(said)
        if function_of(said) in NEED_TRAINING and importlib.util.find_spec("torch") is None:
            raise Missing("it needs what `pip install 'helder[train]'` installs, which is not here")
        module, extra = NEED_MODULES.get(function_of(said), (None, None))
        if module is not None and importlib.util.find_spec(module) is None:
            raise Missing(f"it needs {module}, which `pip install 'helder[{extra}]'` installs and which is not here")
        if about["version"] != VERSION:
            raise Missing(f"it was made by version {about['version']} of the stage; this Helder has version {VERSION}")
        if about.get("variables", {}) != variables:
            raise Missing(
                "it ran under variables that Helder sets for no such stage, and nobody sets them for a stranger"
            )
        inputs = {known_as: self._input(name, known_as, one) for known_as, one in said.predicate["inputs"].items()}
        return Stage(said.stage, about["function"], said.predicate["settings"], inputs, VERSION, variables)

    def _input(self, stage: str, known_as: str, one: Mapping[str, Any]) -> Artifact:
        digest = one["digest"]["sha256"]
        for maker, other in self.way.items():
            if other.digest == digest:
                if not self.bundle.whole(maker, other) and not self._enough(stage, maker):
                    raise Missing(self._withheld(maker))
                return Artifact(self.bundle.folder(maker), digest, one["name"])
        for source in self.bundle.sources:
            if (source.stage, source.name) == (stage, known_as) and source.path is not None:
                return Artifact(self.bundle.root / layout.relative(source.path), digest, one["name"])
        why = next((str(held["why"]) for held in self.bundle.predicate["withheld"] if held["sha256"] == digest), None)
        told = "is not in the bundle" if why is None else f"is withheld. {why}"
        raise Missing(f"the source {known_as!r} ({one['name']}) {told}")

    def _enough(self, stage: str, maker: str) -> bool:
        """Whether a stage reads no more of what another made than lies in the bundle.

        The account of a folder of documents stays with the makers, the documents that were learnt from need not.
        """
        files = ENOUGH.get(function_of(self.way[maker]), ()) if function_of(self.way[stage]) in TOKENS else ()
        return bool(files) and all(f"{layout.ARTIFACTS}/{maker}/{name}" in self.bundle.files for name in files)

    def _withheld(self, maker: str) -> str:
        """Why an artifact is not whole in the bundle."""
        inside = f"{layout.ARTIFACTS}/{maker}/"
        held = [one for one in self.bundle.predicate["withheld"] if one["path"].startswith(inside)]
        if not held:
            return f"what {maker} made is not all in the bundle"
        return f"{held[0]['path']} is withheld. {held[0]['why']}"

    @contextmanager
    def remade(self, stage: Stage, level: Level, place: str) -> Iterator[Remade | None]:
        """What a stage makes when it is run again, until the block ends; None when it ended with an error.

        A stage that was run again and says that something does not fit has failed; one that lacked memory, disk or a
        library could not be checked.
        """
        folder = self.work / "again"
        try:
            try:
                end = stages.remake(stage, folder, self.on_event)
            except HelderError as error:
                tell = level.failed if error.code == ExitCode.FAILED else level.unchecked
                tell(place, f"Doing it again ended with an error: {error.what} {error.why}".strip())
                yield None
            else:
                yield Remade(folder / "output", end["facts"])
        finally:
            artifacts.remove(folder)


def function_of(said: Statement) -> str:
    """What ran, as a statement says."""
    return str(said.predicate["stage"]["function"])


def variables_of(said: Statement) -> dict[str, str]:
    """The variables under which Helder runs such a stage.

    Those in a statement are somebody else's words: set as they stand, they could load any program into the process.
    """
    settings = said.predicate["settings"]
    if function_of(said) != TRAINS:
        return {}
    return resolving.environment(str(settings.get("numerics")), str(settings.get("device")))


def check_bounds(said: Statement) -> None:
    """Refuse to begin what asks for more than any machine that trains has.

    Raises:
        Missing: so many threads or processes.
    """
    counts = {
        "threads": said.predicate["environment"].get("threads"),
        "processes": said.predicate["settings"].get("processes"),
    }
    for what, count in counts.items():
        if not isinstance(count, int) or not 1 <= count <= MOST_AT_ONCE:
            raise Missing(f"it is said to have had {count} {what}")


def differences(said: Statement) -> list[str]:
    """Why this machine may make other bytes than the one that a statement tells of."""
    then = said.predicate["environment"]
    now = environment.packages()
    found = []
    code = said.predicate["code"]
    if code["sha256"] != environment.code_digest():
        found.append(f"it was made by another Helder ({code['helder']}, {code['sha256'][:12]})")
    packages = then.get("packages", {})
    found += [
        f"{name} was {packages[name]}, here it is {now.get(name, 'missing')}"
        for name in MATTER
        if name in packages and packages[name] != now.get(name)
    ]
    processor = then.get("processor", {})
    if processor.get("flags_sha256") != environment.processor()["flags_sha256"]:
        found.append(f"it was made on another class of processor ({processor.get('model')})")
    return found
