"""Published ways of training, as recipes that are planned and never run: their data are not here.

They lie beside the examples, `helder/examples/<example>/published/<name>.toml`, each figure with its source in a
comment. What Helder cannot do as it was published stands there in comments that begin with "# differs:", and is shown
beside every plan.
"""

from __future__ import annotations

import difflib
from importlib import resources
from pathlib import Path

from helder.errors import HelderError
from helder.fleet.counts import AMOUNTS
from helder.project import Project

MARK = "# differs: "


def recipes() -> dict[str, Path]:
    """Every published recipe: name → file, sorted by name."""
    examples = Path(str(resources.files("helder.examples")))
    found = [path for path in examples.glob("*/published/*.toml") if path.name != AMOUNTS]
    return {path.stem: path for path in sorted(found, key=lambda path: path.stem)}


def find(name: str) -> Project:
    """A published recipe as a project.

    Raises:
        HelderError: there is none of this name; the message lists those that are.
    """
    known = recipes()
    if name not in known:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise HelderError(f"There is no published recipe {name!r}.{meant}", fix=f"Known are {', '.join(known)}.")
    return Project.open(known[name], files=False)


def differences(project: Project) -> list[str]:
    """What the recipe says is not as it was published; a comment goes on in the comments that follow it."""
    found: list[str] = []
    going_on = False
    for line in project.path.read_text(encoding="utf-8").splitlines():
        if line.startswith(MARK):
            found.append(line.removeprefix(MARK).strip())
        elif going_on and line.startswith("#   "):
            found[-1] += " " + line.removeprefix("#").strip()
        else:
            going_on = False
            continue
        going_on = True
    return found
