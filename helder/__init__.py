"""Helder: make a small language model for one job, measure it, and prove how it was made.

The public API in one screen; each name is imported when it is first used.

    from helder import Project, run, status

    project = Project.open("doses")         # a folder with recipe.toml; errors name the key and the way out
    artifacts = run(project)                # every stage that is not done yet: {"data": Artifact, "train": …}
    for step in status(project): ...        # name, state, artifact, signed statement
    bundle = certify(project, Path("out"))  # model, signed ledger, certificate
    verdict = verify(bundle, level=5)       # result, levels, findings; needs no project
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helder.certify.bundle import certify
    from helder.certify.verdict import Verdict
    from helder.certify.verify import verify
    from helder.errors import ExitCode, HelderError
    from helder.ledger.artifact import Artifact
    from helder.ledger.statement import Statement
    from helder.pipeline import Step, made, run, statements, status
    from helder.project import Project
    from helder.recipe import Recipe
    from helder.stage import Stage

__version__ = "0.1.0"

_HOME = {
    "Artifact": "helder.ledger.artifact",
    "ExitCode": "helder.errors",
    "HelderError": "helder.errors",
    "Project": "helder.project",
    "Recipe": "helder.recipe",
    "Stage": "helder.stage",
    "Statement": "helder.ledger.statement",
    "Verdict": "helder.certify.verdict",
    "certify": "helder.certify.bundle",
    "verify": "helder.certify.verify",
    "Step": "helder.pipeline",
    "made": "helder.pipeline",
    "run": "helder.pipeline",
    "statements": "helder.pipeline",
    "status": "helder.pipeline",
}

__all__ = [
    "Artifact",
    "ExitCode",
    "HelderError",
    "Project",
    "Recipe",
    "Stage",
    "Statement",
    "Step",
    "Verdict",
    "__version__",
    "certify",
    "made",
    "run",
    "statements",
    "status",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'helder' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)
