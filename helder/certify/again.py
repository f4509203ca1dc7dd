"""Doing again what a statement says was done: the functions that may be called for it, and why bits may differ here.

A statement comes from a stranger: the name of a function in it is looked up in the tables below and never imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from helder import stage as stages
from helder.certify import layout
from helder.certify.opened import Bundle
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
        "helder.certify.commitment:run",
    }
)
# What a boundary of the house is: what lies before it is a declared source.
IMPORTS = frozenset({"helder.model.importer:run"})
TRAINS, ASKS, SCORES = "helder.train.stage:run", "helder.evaluate.predict:run", "helder.evaluate.stage:run"
# Packages on whose version bytes can depend.
MATTER = (
    *("torch", "numpy", "tokenizers", "safetensors", "gguf", "scikit-learn", "scipy", "xllamacpp", "llguidance"),
    *("pyarrow", "pypdfium2", "selectolax", "daft", "tiktoken"),
)

MOST_AT_ONCE = 1024  # threads or processes of one training on one machine (assumption)


class Missing(Exception):
    """Something that doing it again needs is not there; the message says what and why."""


def stage_of(bundle: Bundle, way: Mapping[str, Statement], stage: str) -> Stage:
    """The stage that a statement speaks of, with its inputs in the bundle.

    Raises:
        Missing: an input is withheld, or the statement's stage is of another version.
    """
    said = way[stage]
    about = said.predicate["stage"]
    if about["version"] != VERSION:
        raise Missing(f"it was made by version {about['version']} of the stage; this Helder has version {VERSION}")
    if about.get("variables", {}) != variables_of(said):
        raise Missing("it ran under variables that Helder sets for no such stage, and nobody sets them for a stranger")
    makers = {other.digest: name for name, other in way.items()}
    sources = {(source.stage, source.name): source for source in bundle.sources}
    inputs: dict[str, Artifact] = {}
    for name, one in said.predicate["inputs"].items():
        digest = one["digest"]["sha256"]
        maker = makers.get(digest)
        if maker is not None:
            if not bundle.whole(maker, way[maker]):
                raise Missing(f"what {maker} made is not all in the bundle")
            inputs[name] = Artifact(bundle.folder(maker), digest, one["name"])
            continue
        source = sources.get((stage, name))
        if source is None or source.path is None:
            raise Missing(f"the source {name!r} ({one['name']}) is not in the bundle")
        inputs[name] = Artifact(bundle.root / layout.relative(source.path), digest, one["name"])
    return Stage(
        said.stage, about["function"], said.predicate["settings"], inputs, about["version"], about.get("variables", {})
    )


def variables_of(said: Statement) -> dict[str, str]:
    """The variables under which Helder runs such a stage.

    Those in a statement are somebody else's words: set as they stand, they could load any program into the process.
    """
    settings = said.predicate["settings"]
    if said.predicate["stage"]["function"] != TRAINS:
        return {}
    return resolving.environment(str(settings.get("numerics")), str(settings.get("device")))


def check_bounds(said: Statement) -> None:
    """Refuse to begin what asks for more than any machine that trains has.

    Raises:
        Missing: so many threads or processes.
    """
    settings, environment = said.predicate["settings"], said.predicate["environment"]
    for what, count in (("threads", environment.get("threads")), ("processes", settings.get("processes"))):
        if not isinstance(count, int) or not 1 <= count <= MOST_AT_ONCE:
            raise Missing(f"it is said to have had {count} {what}")


def remake(stage: Stage, work: Path, on_event: OnEvent) -> Path:
    """Run a stage of the bundle again; the folder with what it made."""
    stages.remake(stage, work, on_event)
    return work / "output"


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
