"""Helder's own wheel, put together from the code that runs here: from a checkout, or from what was installed.

So what a folder carries is what statements of this machine name as their code (`environment.code_digest`), and no
build tool is needed. The same code gives the same bytes. Format: PEP 427, metadata 2.4 (PEP 639).
"""

from __future__ import annotations

import base64
import hashlib
import tomllib
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from helder.certify.archive import STAMP
from helder.errors import ExitCode, HelderError
from helder.ledger.environment import PACKAGE

DOCUMENTS = "share/doc/helder"  # below the prefix; as pyproject.toml has it
WHEEL = "Wheel-Version: 1.0\nGenerator: helder\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def documents() -> dict[str, bytes]:
    """README.md and docs/*: name → contents.

    Raises:
        HelderError: code 2, they were not installed.
    """
    if (checkout := _checkout()) is not None:
        paths = [
            checkout / "README.md",
            *sorted((checkout / "docs").glob("*.md")),
            *sorted((checkout / "docs").glob("*.png")),
        ]
        return {path.name: path.read_bytes() for path in paths}
    listed = [file for file in metadata.distribution("helder").files or () if DOCUMENTS in file.as_posix()]
    places = [Path(str(file.locate())) for file in listed]
    found = {place.name: place.read_bytes() for place in places if place.is_file()}
    if "README.md" not in found:
        raise HelderError("Helder's documents are not installed.", fix="Install its wheel again.", code=ExitCode.OURS)
    return dict(sorted(found.items()))


def write(folder: Path) -> Path:
    """Write the wheel into a folder; its path.

    Raises:
        HelderError: code 2, this Helder was installed in a way that does not say what belongs to it.
    """
    checkout = _checkout()
    about, rest = _installed() if checkout is None else _described(checkout)
    name = f"helder-{_field(about, 'Version')}"
    info, data = f"{name}.dist-info", f"{name}.data/data/{DOCUMENTS}"
    files = {f"helder/{path}": contents for path, contents in _code().items()}
    files |= {f"{data}/{path}": contents for path, contents in documents().items()}
    files |= {f"{info}/METADATA": about, f"{info}/WHEEL": WHEEL.encode("ascii")}
    files |= {f"{info}/{path}": contents for path, contents in rest.items()}
    record = "".join(f"{path},sha256={_digest(files[path])},{len(files[path])}\n" for path in sorted(files))
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    target = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files, key=lambda path: (path.startswith(info), path)):  # what it says of itself comes last
            entry = zipfile.ZipInfo(path, STAMP)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[path])
    return target


def _code() -> dict[str, bytes]:
    paths = sorted(path for path in PACKAGE.rglob("*") if path.is_file() and not path.is_symlink())
    inside = {path.relative_to(PACKAGE).as_posix(): path for path in paths if "__pycache__" not in path.parts}
    return {name: path.read_bytes() for name, path in inside.items() if not name.endswith(".pyc")}


def _checkout() -> Path | None:
    """The folder of the sources that this code lies in, if it does."""
    try:
        project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return PACKAGE.parent if project.get("project", {}).get("name") == "helder" else None


def _described(checkout: Path) -> tuple[bytes, dict[str, bytes]]:
    """(METADATA, other files of .dist-info) as pyproject.toml says it."""
    project: Mapping[str, Any] = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [("Metadata-Version", "2.4"), ("Name", project["name"]), ("Version", project["version"])]
    lines += [("Summary", project["description"]), ("License-Expression", project["license"])]
    lines += [("Keywords", ",".join(project["keywords"]))]
    lines += [("Classifier", one) for one in project["classifiers"]]
    lines += [("Requires-Python", project["requires-python"])]
    lines += [("License-File", one) for one in project["license-files"]]
    lines += [("Description-Content-Type", "text/markdown")]
    lines += [("Requires-Dist", one) for one in project["dependencies"]]
    for extra, requirements in project["optional-dependencies"].items():
        lines.append(("Provides-Extra", extra))
        for one in requirements:
            asked, _, marker = (part.strip() for part in one.partition(";"))
            condition = f'({marker}) and extra == "{extra}"' if marker else f'extra == "{extra}"'
            lines.append(("Requires-Dist", f"{asked}; {condition}"))
    text = "".join(f"{field}: {value}\n" for field, value in lines)
    scripts = "".join(f"{name} = {place}\n" for name, place in project["scripts"].items())
    rest = {"entry_points.txt": f"[console_scripts]\n{scripts}".encode()}
    rest |= {f"licenses/{one}": (checkout / one).read_bytes() for one in project["license-files"]}
    readme = (checkout / project["readme"]).read_bytes()
    return text.encode() + b"\n" + readme, rest


def _installed() -> tuple[bytes, dict[str, bytes]]:
    """The same, as it was installed."""
    found: dict[str, bytes] = {}
    for file in metadata.distribution("helder").files or ():
        place = PurePosixPath(file.as_posix())
        if len(place.parts) > 1 and place.parts[0].endswith(".dist-info"):
            inside = "/".join(place.parts[1:])
            if inside in ("METADATA", "entry_points.txt") or inside.startswith("licenses/"):
                found[inside] = Path(str(file.locate())).read_bytes()
    if "METADATA" not in found:
        raise HelderError(
            "This Helder does not say what belongs to it.",
            "It was neither installed by pip nor does it lie in a checkout.",
            "Install its wheel, or put the wheel into the folder of --wheels.",
            ExitCode.OURS,
        )
    return found.pop("METADATA"), found


def _field(about: bytes, name: str) -> str:
    line = next(one for one in about.decode("utf-8").splitlines() if one.startswith(f"{name}: "))
    return line.partition(": ")[2]


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode("ascii")
