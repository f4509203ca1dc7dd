"""A project: a folder with a recipe, its data, what was decided once (`helder.lock`), and its run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helder.errors import HelderError
from helder.ledger.artifact import write_atomic
from helder.ledger.run_folder import RunFolder

if TYPE_CHECKING:
    from helder.recipe import Recipe

LOCK_NAME = "helder.lock"
LOCK_NOTE = (
    "Decided by measuring this machine, once, and kept so that every later run repeats exactly. "
    "Keep this file with the recipe."
)


@dataclass(frozen=True)
class Project:
    """A recipe that was read, and the folder that it lies in.

    Args:
        path: the recipe file; data files are relative to its folder, the run lies in `run/` beside it.
        recipe: what it says.
    """

    path: Path
    recipe: Recipe

    @classmethod
    def open(cls, where: Path | str = ".", files: bool = True) -> Project:
        """Read the recipe of a folder, or a recipe file.

        Args:
            files: whether the files that it names must be there.

        Raises:
            HelderError: no recipe there, or it cannot be followed; see `Recipe.load`.
        """
        from helder.recipe import FILE_NAME, Recipe

        path = Path(where).resolve()  # stages run in folders of their own
        if path.is_dir():
            path = path / FILE_NAME
        return cls(path, Recipe.load(path, files))

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def run_folder(self) -> RunFolder:
        return RunFolder(self.folder / "run")

    @property
    def report(self) -> Path:
        return self.folder / "run" / "report.html"

    def decided(self, key: str) -> dict[str, Any] | None:
        """What `helder.lock` holds under a key: a number that was measured once and is kept.

        Raises:
            HelderError: the file is there and cannot be understood.
        """
        found: dict[str, Any] | None = self._decisions().get(key)
        return found

    def decide(self, key: str, decision: dict[str, Any]) -> None:
        """Add a decision to `helder.lock`; those of other keys stay."""
        decisions = {**self._decisions(), key: decision}
        text = json.dumps({"note": LOCK_NOTE, "decisions": decisions}, indent=1, ensure_ascii=False, sort_keys=True)
        write_atomic(self.folder / LOCK_NAME, text.encode("utf-8") + b"\n")

    def _decisions(self) -> dict[str, Any]:
        path = self.folder / LOCK_NAME
        try:
            return dict(json.loads(path.read_text(encoding="utf-8"))["decisions"])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise HelderError(
                f"{path} cannot be read.",
                f"{error}",
                "Restore it, or remove it: the machine is then measured again, and the run may differ.",
            ) from error
