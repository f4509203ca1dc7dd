"""The programming problems that are shipped: where they lie, and how their test data come about.

Each is a package in the Problem Package Format 2025-09 below `problems/`. Its `generators/generate.py` has a function
`files()` that returns everything below `data/` but the settings (`test_group.yaml`) and the answers; an answer is what
`submissions/accepted/model.py` prints. Both are programs of ours, so they are run in this process, without confinement.

Cases of megabytes are not shipped. `large()` of the same file makes their inputs from seeds, `generators/large.sha256`
keeps the digests of inputs and answers, and `complete` makes a copy of a package that has them, after comparing. There
slow programs are too slow that pass what is shipped, so `generators/large.yaml` takes the place of
`submissions/submissions.yaml`.

    python -m helder.examples.problem_data                      # write the data of all problems again, and the digests
    python -m helder.examples.problem_data freebeds             # of one
    python -m helder.examples.problem_data --complete FOLDER    # copies of all in FOLDER, with the large cases
"""

from __future__ import annotations

import io
import runpy
import shutil
import sys
from contextlib import redirect_stdout
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

from helder.errors import HelderError

PROBLEMS = Path(__file__).parent / "problems"
DIGESTS = "generators/large.sha256"


def names() -> list[str]:
    """The short names of the problems, in alphabetical order."""
    return sorted(path.parent.name for path in PROBLEMS.glob("*/problem.yaml"))


def data(name: str, *, answers: bool = True) -> dict[str, bytes]:
    """What lies below `data/` of a problem, apart from its settings, made anew: relative path → bytes.

    Args:
        name: of the problem.
        answers: with those that the model solution prints, which takes seconds for the largest cases.
    """
    return _made(name, "files", answers)


def large(name: str, *, answers: bool = True) -> dict[str, bytes]:
    """The cases of a problem that are too large to be shipped, made from seeds: path below `data/` → bytes.

    Args:
        name: of the problem.
        answers: with those that the model solution prints, which takes tens of seconds.

    Raises:
        HelderError: what was made is not what the digests say.
    """
    made = _made(name, "large", answers)
    digests = _digests(name)
    missing = [path for path in digests if path not in made and (answers or path.endswith(".in"))]
    wrong = [path for path, contents in made.items() if digests.get(path) != sha256(contents).hexdigest()]
    if missing or wrong:
        raise HelderError(
            f"The large cases of {name} came out differently: {', '.join(sorted(missing + wrong))}.",
            f"Their digests are not those in {DIGESTS}.",
            f"After a change that is meant, write them again: python -m helder.examples.problem_data {name}",
        )
    return made


def complete(name: str, folder: Path) -> Path:
    """Make a copy of a package that has the large cases too.

    Args:
        name: of the problem.
        folder: in which the package is made, below its name.

    Returns:
        the folder of the package.

    Raises:
        HelderError: the package is there already, or what was made is not what the digests say.
    """
    package = folder / name
    if package.exists():
        raise HelderError(f"{package} is there already.", fix="Name another folder, or remove it.")
    made = large(name)
    shutil.copytree(PROBLEMS / name, package, ignore=shutil.ignore_patterns("__pycache__"))
    for relative, contents in made.items():
        (package / "data" / relative).write_bytes(contents)
    expected = package / "generators" / "large.yaml"
    if expected.exists():
        shutil.copyfile(expected, package / "submissions" / "submissions.yaml")
    return package


def write(name: str) -> None:
    """Write the data of a problem into its package, and the digests of its large cases. What is no longer made goes."""
    folder = PROBLEMS / name / "data"
    made = data(name)
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "test_group.yaml" and str(path.relative_to(folder)) not in made:
            path.unlink()
    for relative, contents in made.items():
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)
    lines = [f"{sha256(contents).hexdigest()}  {path}\n" for path, contents in _made(name, "large", True).items()]
    if lines:
        (PROBLEMS / name / DIGESTS).write_text("".join(lines), encoding="utf-8")


def _digests(name: str) -> dict[str, str]:
    """The digests of the large cases, as `sha256sum` writes them."""
    path = PROBLEMS / name / DIGESTS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {path: digest for digest, path in (line.split("  ") for line in lines)}


def _made(name: str, function: str, answers: bool) -> dict[str, bytes]:
    """What a function of a problem's generator makes; nothing when there is no such function."""
    generator = runpy.run_path(str(PROBLEMS / name / "generators" / "generate.py"))
    found: dict[str, str] = generator[function]() if function in generator else {}
    if answers:
        for path, text in list(found.items()):
            case, _, kind = path.partition(".")
            if kind == "in" and not path.startswith("invalid_input/") and f"{case}.ans" not in found:
                found[f"{case}.ans"] = _printed(PROBLEMS / name / "submissions" / "accepted" / "model.py", text)
    return {path: found[path].encode("utf-8") for path in sorted(found)}


def _printed(program: Path, text: str) -> str:
    """What a program of ours prints for an input."""
    output = io.StringIO()
    # A text wrapper, because programs may read from its buffer.
    with patch("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode("utf-8")))), redirect_stdout(output):
        runpy.run_path(str(program), run_name="__main__")
    return output.getvalue()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--complete"]:
        for problem in sys.argv[3:] or names():
            complete(problem, Path(sys.argv[2]))
    else:
        for problem in sys.argv[1:] or names():
            write(problem)
