"""What examples share: their description, and writing their files into a new project without half-written states."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from helder.errors import HelderError


@dataclass(frozen=True)
class Example:
    """One shipped example.

    Attributes:
        name: as given to `helder new --example`.
        summary: one line: what goes in, what comes out.
        licence: of its data.
        shipped: names of the files that lie in the package and are copied as they are.
    """

    name: str
    summary: str
    licence: str
    shipped: tuple[str, ...]

    def write(self, folder: Path, contents: dict[str, bytes]) -> None:
        """Write files into a folder, which is made when it is not there; all of them or none.

        Raises:
            HelderError: a file of the same name is already there, or the folder cannot be written.
        """
        taken = [name for name in contents if (folder / name).exists()]
        if taken:
            raise HelderError(
                f"{folder / taken[0]} is already there.",
                f"The example {self.name} would overwrite {len(taken)} of its files.",
                "Choose a new folder.",
            )
        written: list[Path] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, data in contents.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                written.append(path)
                with path.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            for path in written:
                path.unlink(missing_ok=True)
            raise HelderError(
                f"The example {self.name} could not be written to {folder}.",
                str(error),
                "Free some space or choose a folder that you may write to.",
            ) from error


def json_lines(lines: Iterable[dict[str, Any]]) -> bytes:
    """JSON Lines: UTF-8, no spaces, one line feed after each line."""
    texts = (json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    return "".join(texts).encode("utf-8")


def read(package: str, name: str) -> bytes:
    """A file that lies in the package of an example."""
    return files(package).joinpath(name).read_bytes()
