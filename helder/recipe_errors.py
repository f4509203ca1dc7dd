"""What was wrong in a recipe, in words: the key, the line, the value, and what was probably meant."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from helder.errors import HelderError

TYPES = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list in [ ]",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


def from_toml(error: ValueError | RecursionError, where: str) -> HelderError:
    return HelderError(f"{where} is not valid TOML.", str(error), 'Texts stand in quotes: name = "doses".')


def from_validation(error: ValidationError, model: type[BaseModel], text: str, where: str) -> HelderError:
    """All problems of a recipe in one error, a line for each."""
    lines: list[str] = []
    # A value that may be one of several types gives a problem for each type: told once, for all of them.
    by_place: dict[tuple[str, ...], list[Any]] = {}
    tables = set(re.findall(r"^\s*\[\[([^\[\]]+)\]\]", text, re.MULTILINE))
    for problem in error.errors(include_url=False):
        place = _place(problem["loc"], model)
        # One table stands for a list of one, and is called as it is written.
        if place and place[0].endswith("[0]") and place[0][:-3] not in tables and _table(model, place[0][:-3]):
            place = (place[0][:-3], *place[1:])
        by_place.setdefault(place, []).append(problem)
    for place, problems in by_place.items():
        lines.append(_sentence(place, problems, model, text, where))
    count = len(lines)
    what = lines[0] if count == 1 else f"{where} has {count} problems:\n" + "\n".join(f"  {line}" for line in lines)
    return HelderError(what, fix="Change the recipe; every key is explained by `helder recipe schema`.")


def _sentence(place: tuple[str, ...], problems: Sequence[Any], model: type[BaseModel], text: str, where: str) -> str:
    key, first = ".".join(place), problems[0]
    at = f"{where}, line {line}" if (line := line_of(text, place)) else where
    value = _show(first["input"])
    kind = first["type"]
    if kind == "extra_forbidden":
        return f"{at}: there is no key `{key}`.{_meant_key(place, model)}"
    if kind == "missing":
        return f"{at}: the key `{key}` is missing.{_explained(place, model)}"
    choices = [choice for problem in problems for choice in _choices(problem)]
    if choices:
        return f"{at}: `{key}` is {value}; it can be {' or '.join(choices)}.{_meant(first['input'], choices)}"
    wanted = [TYPES[problem["type"]] for problem in problems if problem["type"] in TYPES]
    if wanted:
        return f"{at}: `{key}` is {value}; it has to be {' or '.join(dict.fromkeys(wanted))}."
    message = str(first["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    subject = f"`{key}`" if key else "the recipe"
    if kind == "value_error":
        return f"{at}: {subject}: {message}."
    return f"{at}: {subject} is {value}; it has to be {message}."


def _place(location: tuple[int | str, ...], model: type[BaseModel]) -> tuple[str, ...]:
    """pydantic's location without the names of the types of a union, with list positions in brackets."""
    place: list[str] = []
    current: Any = model
    for part in location:
        if isinstance(part, int):
            if place:
                place[-1] += f"[{part}]"
            continue
        if current is None and (part in ("str", "float", "int", "bool", "[key]") or "[" in part):
            continue
        place.append(part)
        current = _submodel(current, part)
    return tuple(place)


def _submodel(model: Any, key: str) -> Any:
    """The table that a key of a table holds, or the tables that it lists; None for other keys."""
    if model is None:
        return None
    key = key.partition("[")[0]
    for name, info in model.model_fields.items():
        if key in (name, info.alias):
            listed = typing.get_args(info.annotation) if typing.get_origin(info.annotation) is list else ()
            annotation = listed[0] if listed else info.annotation
            return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    return None


def _table(model: Any, key: str) -> bool:
    return _submodel(model, key) is not None


def _model_at(place: Sequence[str], model: type[BaseModel]) -> type[BaseModel] | None:
    current: Any = model
    for key in place:
        current = _submodel(current, key)
    return typing.cast("type[BaseModel] | None", current)


def _keys(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


def _meant_key(place: tuple[str, ...], model: type[BaseModel]) -> str:
    parent = _model_at(place[:-1], model)
    if parent is None:
        return ""
    close = difflib.get_close_matches(place[-1], _keys(parent), n=1, cutoff=0.6)
    if close:
        return f" Did you mean `{'.'.join([*place[:-1], close[0]])}`?"
    for table in _keys(model):
        inner = _submodel(model, table)
        if inner is not None and place[-1] in _keys(inner):
            return f" It belongs into the table [{table}]."
    return f" Known here: {', '.join(_keys(parent))}."


def _explained(place: tuple[str, ...], model: type[BaseModel]) -> str:
    parent = _model_at(place[:-1], model)
    for name, info in (parent.model_fields if parent else {}).items():
        if place[-1] in (name, info.alias) and info.description:
            return f" {info.description}"
    return ""


def _choices(problem: Any) -> list[str]:
    if problem["type"] != "literal_error":
        return []
    return [f'"{choice}"' for choice in re.findall(r"'([^']*)'", problem["ctx"]["expected"])]


def _meant(value: Any, choices: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(value).lower(), [choice.strip('"') for choice in choices], n=1)
    return f' Did you mean "{close[0]}"?' if close else ""


def _show(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}…"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return str(value)


def line_of(text: str, place: Sequence[str]) -> int | None:
    """The line, counted from 1, on which a key of a recipe stands; None if it is written in another way."""
    if not place:
        return None
    wanted = [part.partition("[")[0] for part in place]
    place_of = re.fullmatch(r".*\[(\d+)\]", place[0])  # of several tables with one name, the one that is meant
    left = int(place_of[1]) if place_of else 0
    table: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if several := re.match(r"\s*\[\[([^\[\]]+)\]\]\s*(#.*)?$", line):
            table = [part.strip().strip("\"'") for part in several[1].split(".")]
            if table == wanted[:1] and left:
                left, table = left - 1, []
            elif table == wanted:
                return number
        elif header := re.match(r"\s*\[([^\[\]]+)\]\s*(#.*)?$", line):
            table = [part.strip().strip("\"'") for part in header[1].split(".")]
            if table == wanted:
                return number
        elif pair := re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line):
            path = [*table, *(part.strip("\"'") for part in pair[1].split("."))]
            if path == wanted:
                return number
    # A key that is missing has no line; its table may have one.
    return line_of(text, place[:-1]) if len(place) > 1 else None


@dataclass(frozen=True)
class NotFound:
    """A file that a recipe names and that is not there."""

    key: str
    path: str

    @staticmethod
    def error(missing: Sequence[NotFound], folder: Path, text: str, where: str) -> HelderError:
        lines = []
        for item in missing:
            line = line_of(text, item.key.split("."))
            at = f"{where}, line {line}" if line else where
            lines.append(f"{at}: `{item.key}` names {item.path}, which does not exist.{item.meant(folder)}")
        what = lines[0] if len(lines) == 1 else f"{len(lines)} files are missing:\n  " + "\n  ".join(lines)
        return HelderError(
            what, fix=f"Put the file there (paths are relative to {folder.absolute()}), or name another."
        )

    def meant(self, folder: Path) -> str:
        parent = (folder / self.path).parent
        try:
            names = sorted(entry.name for entry in parent.iterdir() if not entry.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return f" The folder {parent} does not exist either."
        except (OSError, ValueError):  # a name that none can have, or a folder that others may not look into
            return ""
        close = difflib.get_close_matches(Path(self.path).name, names, n=1, cutoff=0.6)
        return f" Did you mean {Path(self.path).parent / close[0]}?" if close else ""


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder; what can be none, such as a name that is too long, is not there."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


__all__ = ["NotFound", "from_toml", "from_validation", "is_there", "line_of"]
