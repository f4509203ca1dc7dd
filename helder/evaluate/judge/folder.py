"""Folders of problem packages: which files count, programs, statements, included files, constants.

Names that the format does not allow (hidden files, names with spaces) are as if they were not there. A link that leads
out of the package is refused: what it leads to would be shown to a submission or compared with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from helder.errors import HelderError
from helder.evaluate.judge.problem import Source, Statement

NAME = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,254}")
STATEMENT = re.compile(r"problem(?:\.(?P<language>[a-z]{2,3}(?:-[A-Z]{2})?))?\.(?P<kind>md|tex|pdf)")
CONSTANT = re.compile(r"\{\{(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)(?:\.(?P<variant>[a-zA-Z0-9_]+))?\}\}")

Constants = Mapping[str, Mapping[str, str]]  # name → variant → text; the plain one is called "value"


class Package:
    """A package's folder.

    Attributes:
        root: where it lies, links followed.
        constants: that are put into texts.
    """

    def __init__(self, root: Path, constants: Constants | None = None) -> None:
        self.root = root.resolve()
        self.constants: Constants = constants or {}

    def entries(self, folder: Path) -> list[Path]:
        """What lies in a folder and counts, in the order of names; nothing for a folder that is not there.

        Raises:
            HelderError: a link leads out of the package.
        """
        if not folder.is_dir():
            return []
        # An installed package has compiled files of Python beside its sources.
        named = (path for path in folder.iterdir() if NAME.fullmatch(path.name) and path.name != "__pycache__")
        found = sorted(named, key=lambda path: path.name)
        for path in (folder, *(path for path in found if path.is_symlink())):
            if not _leads(path).is_relative_to(self.root):
                raise HelderError(
                    f"{path} is a link out of the package.",
                    "What it leads to would be shown to submissions.",
                    "Copy the file into the package.",
                )
        return found

    def files(self, folder: Path, constants: bool = False) -> dict[str, bytes]:
        """All files below a folder: name, folders joined with "/" → contents, constants put in on demand."""
        found: dict[str, bytes] = {}
        for path in self.entries(folder):
            if path.is_dir():
                inner = self.files(path, constants)
                found |= {f"{path.name}/{name}": contents for name, contents in inner.items()}
            else:
                found[path.name] = self.read(path, constants)
        return found

    def read(self, path: Path, constants: bool = False) -> bytes:
        if not path.is_file():  # a pipe would be waited for, for ever
            raise HelderError(f"{path} is no file.", "A package holds files and folders.", "Remove it.")
        contents = path.read_bytes()
        if not constants or not self.constants or b"{{" not in contents:
            return contents
        try:
            return self.filled(contents.decode("utf-8")).encode("utf-8")
        except UnicodeDecodeError:
            return contents  # no text

    def filled(self, text: str) -> str:
        """A text with the constants that it names; what names none that is known stays."""

        def put(match: re.Match[str]) -> str:
            variants = self.constants.get(match["name"], {})
            return variants.get(match["variant"] or "value", match[0])

        return CONSTANT.sub(put, text)

    def program(self, path: Path, constants: bool = False) -> Source:
        """A program: a file, or a folder with its files.

        Raises:
            HelderError: the folder is empty.
        """
        if path.is_dir():
            files = self.files(path, constants)
            if not files:
                raise HelderError(f"{path} holds no file.", "A program is a file or a folder with files.", "Remove it.")
            return Source(path.name, files)
        return Source(path.name, {path.name: self.read(path, constants)})

    def validator(self, path: Path) -> Source:
        """A validator, which may not be built by scripts here.

        Raises:
            HelderError: it brings `build` or `run`.
        """
        source = self.program(path, constants=True)
        for name in ("build", "run"):
            if name in source.files:
                raise HelderError(
                    f"{path} is built by a script ({name}).",
                    "Validators run in a closed room, compiled from C, C++ or Python; scripts are not run.",
                    "Write it as one program in C++ or Python.",
                )
        return source

    def include(self) -> dict[str, dict[str, bytes]]:
        """Included files by language."""
        return {
            path.name: files
            for path in self.entries(self.root / "include")
            if path.is_dir() and (files := self.files(path, constants=True))
        }

    def statements(self, folder: str, titles: Mapping[str, str] | None) -> dict[str, Statement]:
        """Statements by language.

        Args:
            titles: by language; None to read them from LaTeX's `problemname`.

        Raises:
            HelderError: there is none, two for one language, or their languages are not those of the titles.
        """
        found: dict[str, Statement] = {}
        for path in self.entries(self.root / folder):
            if not (match := STATEMENT.fullmatch(path.name)):
                continue
            language, kind = match["language"] or "en", match["kind"]
            text = "" if kind == "pdf" else self.read(path, constants=True).decode("utf-8", "replace")
            title = plain_title(text) if titles is None else titles.get(language, "")
            if language in found:
                # The format allows one file for a language; the one that can be read wins nothing in silence.
                raise HelderError(
                    f"{self.root.name} has two statements in {language!r}: {found[language].path} and {path}.",
                    "The format allows one for each language.",
                    "Remove one.",
                )
            found[language] = Statement(language, title, kind, text, path)
        if not found:
            raise HelderError(
                f"{self.root} has no problem statement.",
                f"{folder}/problem.LANGUAGE.md (or .tex, .pdf) is not there.",
                "Add one.",
            )
        if titles is not None and set(found) != set(titles):
            raise HelderError(
                f"{self.root / 'problem.yaml'}: 'name' is given for {', '.join(sorted(titles))}, "
                f"statements are there in {', '.join(sorted(found))}.",
                "The languages must be the same.",
                "Add the name or the statement that is missing.",
            )
        return dict(sorted(found.items()))


def _leads(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # links in a circle
        raise HelderError(f"{path} is a link that leads nowhere.", str(error), "Remove it.") from error


def plain_title(text: str) -> str:
    """The name of a problem, from its statement in LaTeX; "" when it names none."""
    if match := re.search(r"^%%[ \t]*plainproblemname:(.*\S.*)$", text, re.MULTILINE):
        return match[1].strip()
    match = re.search(r"\\problemname\{((?:[^{}]|\{[^{}]*\})*)\}", text)
    return match[1].strip() if match else ""
