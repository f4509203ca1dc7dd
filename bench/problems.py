"""The programming problems that are shipped, judged by problemtools (PyPI): do all programs get what we expect of them?

problemtools knows the Problem Package Format in its versions "legacy" and "2023-07", so the packages, which are written
for 2025-09, are rewritten for 2023-07: the settings of test groups become `testdata.yaml`. What is lost: the order in
which groups need each other (`require_pass`), and expectations other than a verdict and a score.

    .venv/bin/python -m bench.problems VERIFYPROBLEM [--complete] [NAME…]

`VERIFYPROBLEM` is the program of that name, of an environment with problemtools; it needs g++ too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from helder.examples import problem_data


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


def verify(name: str, program: str, complete: bool) -> tuple[int, int]:
    """Judge a problem, and print what came out of it.

    Returns:
        how many things are not as they should be, and how many submissions were judged.
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
    wrong = [
        line for line in lines if line.lstrip().startswith(("ERROR", "WARNING")) and "is very incomplete" not in line
    ]
    judged = [line for line in lines if " OK: " in line or " OK with extra time: " in line]
    for line in judged:
        print(f"  {line.strip()[:160]}")
        found = re.search(r"/(\S+) .*: AC \(([0-9.]+)\)", line)
        want = expected.get(found[1]) if found else None
        # This format knows no groups that need others, so only all points and none can be compared there.
        if found and want is not None and (not needs or want in (0, 100)):
            low, high = want if isinstance(want, list) else (want, want)
            if not low <= float(found[2]) <= high:
                wrong.append(f"{found[1]} got {found[2]} in place of {want}")
    for line in wrong:
        print(f"  {line.strip()[:300]}")
    print(f"{name}: {len(judged)} submissions as expected, {len(wrong)} complaints", flush=True)
    return len(wrong), len(judged)


def _read(path: Path) -> dict[str, Any]:
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


if __name__ == "__main__":
    arguments = [word for word in sys.argv[2:] if word != "--complete"]
    counts = [verify(name, sys.argv[1], "--complete" in sys.argv) for name in arguments or problem_data.names()]
    wrongs, right = (sum(one) for one in zip(*counts, strict=True))
    print(f"{len(counts)} problems, {right} submissions as expected, {wrongs} complaints")
