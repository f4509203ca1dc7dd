"""The programming problems that are shipped, judged by problemtools (PyPI): do all programs get what we expect of them?

problemtools knows the Problem Package Format in its versions "legacy" and "2023-07", so the packages, which are written
for 2025-09, are rewritten for 2023-07: the settings of test groups become `testdata.yaml`. What is lost: the order in
which groups need each other (`require_pass`), and expectations other than a verdict and a score.

    .venv/bin/python -m bench.problems [--verifyproblem PROGRAM] [--complete] [NAME…]

It wants problemtools in an environment of its own (`pip install problemtools`), and g++.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

from bench import measuring
from helder.examples import problem_data

# What problemtools says of packages that are as they should be.
HARMLESS = (
    "is very incomplete",  # its support of version 2023-07
    "No validator rejects leading zeros",  # vowels: the input is a line of text, and "012" is one
)


def older(package: Path) -> None:
    """Rewrite a package for version 2023-07, in place.

    Args:
        package: its folder.
    """
    settings = package / "problem.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("2025-09", "2023-07-draft"), encoding="utf-8")
    scoring = _read(settings)["type"] == "scoring"
    for folder in sorted(path for path in (package / "data").rglob("*") if path.is_dir()):
        old = _read(folder / "test_group.yaml")
        new: dict[str, Any] = {
            "input_validator_flags": " ".join(old.get("input_validator_args", [])),
            "output_validator_flags": " ".join(old.get("output_validator_args", [])),
        }
        if scoring:
            points = old.get("max_score", 0)
            cases = len(list(folder.glob("*.in"))) or 1
            how = old.get("score_aggregation", "min")
            new |= {
                "range": f"0 {points}",
                "on_reject": "continue" if how == "sum" else "break",
                "accept_score": points,
            }
            new |= {"grader_flags": "sum accept_if_any_accepted" if how == "sum" else "min"}
            if how == "sum" and folder.name != "secret":
                new |= {"accept_score": points // cases, "output_validator_flags": f"points {points // cases}"}
        (folder / "testdata.yaml").write_text(yaml.safe_dump(new), encoding="utf-8")
    if scoring:
        root = {"range": "0 100", "on_reject": "continue", "grader_flags": "ignore_sample sum accept_if_any_accepted"}
        (package / "data" / "testdata.yaml").write_text(yaml.safe_dump(root), encoding="utf-8")
    for path in (package / "data").rglob("test_group.yaml"):
        path.unlink()
    for unknown in ("invalid_input", "invalid_output", "valid_output"):
        shutil.rmtree(package / "data" / unknown, ignore_errors=True)


def partly(package: Path) -> dict[str, Any]:
    """Move the submissions that get some points to `partially_accepted`, where 2023-07 wants them.

    Returns:
        folder or path below `submissions` → the score that is expected.
    """
    settings = package / "submissions" / "submissions.yaml"
    expected = {pattern: one["score"] for pattern, one in _read(settings).items() if "score" in one}
    for path in sorted((package / "submissions").glob("*/*")):
        relative = str(path.relative_to(package / "submissions"))
        score = expected.get(relative, expected.get(path.parent.name))
        if score is None:
            continue
        expected[path.name] = score
        low, high = score if isinstance(score, list) else (score, score)
        if high > 0 and low < 100:
            (package / "submissions" / "partially_accepted").mkdir(exist_ok=True)
            path.rename(package / "submissions" / "partially_accepted" / path.name)
    settings.unlink(missing_ok=True)
    shutil.rmtree(package / "submissions" / "only_large", ignore_errors=True)
    return expected


def verify(name: str, program: str, complete: bool) -> dict[str, list[str]]:
    """Judge a problem.

    Args:
        name: of the problem.
        program: problemtools' verifyproblem.
        complete: with the large cases.

    Returns:
        what problemtools says of submissions that became what they should, and of everything that is not as it should.
    """
    with tempfile.TemporaryDirectory(prefix="helder-bench-") as place:
        package = Path(place) / name
        if complete:
            problem_data.complete(name, Path(place))
        else:
            shutil.copytree(problem_data.PROBLEMS / name, package)
        expected = partly(package)
        needs = any("require_pass" in _read(path) for path in (package / "data").rglob("test_group.yaml"))
        older(package)
        python = {
            "python3": {"name": "Python 3", "compile": "python3 -m py_compile {files}", "run": 'python3 "{mainfile}"'}
        }
        settings = Path(place) / "config" / "problemtools" / "languages.yaml"
        settings.parent.mkdir(parents=True)
        settings.write_text(yaml.safe_dump(python), encoding="utf-8")
        parts = ["config", "data", "graders", "validators", "submissions"]
        told = subprocess.run(
            [program, str(package), "-p", *parts],
            env=os.environ | {"XDG_CONFIG_HOME": f"{place}/config"},
            capture_output=True,
            text=True,
            check=False,
        )
    lines = (told.stdout + told.stderr).splitlines()
    wrong = [line for line in lines if line.lstrip().startswith(("ERROR", "WARNING"))]
    wrong = [line for line in wrong if not any(text in line for text in HARMLESS)]
    judged = [line for line in lines if " OK: " in line or " OK with extra time: " in line]
    for line in judged:
        found = re.search(r"/(\S+) .*: AC \(([0-9.]+)\)", line)
        want = expected.get(found[1]) if found else None
        # This format knows no groups that need others, so only all points and none can be compared there.
        if found and want is not None and (not needs or want in (0, 100)):
            low, high = want if isinstance(want, list) else (want, want)
            if not low - 0.5 <= float(found[2]) <= high + 0.5:  # it prints whole points
                wrong.append(f"{found[1]} got {found[2]} in place of {want}")
    return {"as_expected": [line.strip() for line in judged], "complaints": [line.strip() for line in wrong]}


def _read(path: Path) -> dict[str, Any]:
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--verifyproblem", default="verifyproblem", help="The program (default: the one on the PATH).")
    options.add_argument("--complete", action="store_true", help="With the cases that are too large to be shipped.")
    options.add_argument("names", nargs="*", metavar="NAME", help="Problems (default: all).")
    given = options.parse_args()
    found = {}
    for name in given.names or problem_data.names():
        found[name] = verify(name, given.verifyproblem, given.complete)
        if not given.json:
            right, wrong = found[name]["as_expected"], found[name]["complaints"]
            print("".join(f"  {line}\n" for line in right + wrong), end="")
            print(f"{name}: {len(right)} submissions as expected, {len(wrong)} complaints", flush=True)
    if given.json:
        print(json.dumps(found, indent=1))
    else:
        right, wrong = ([line for one in found.values() for line in one[key]] for key in ("as_expected", "complaints"))
        print(f"{len(found)} problems, {len(right)} submissions as expected, {len(wrong)} complaints")


if __name__ == "__main__":
    main()
