"""Small problem packages, written to a folder: numbers from the input are to be doubled."""

from __future__ import annotations

from pathlib import Path

STATEMENT = "Print twice the number that you read.\n"
DOUBLES = "print(2 * int(input()))"
SMALL_ONLY = "n = int(input())\nprint(2 * n if n < 100 else 0)"
WRONG = "print(input())"


def write(folder: Path, name: str, scoring: bool = False) -> Path:
    """A problem that passes or fails, or one with two subtasks of 40 and 60 points."""
    files = {
        "problem.yaml": "problem_format_version: 2025-09\n"
        f"type: {'scoring' if scoring else 'pass-fail'}\nname: Twice {name}\n"
        "uuid: 1f2d4a3c-8f4e-4a87-9c2f-3a1f0b6f0c11\nlicense: cc0\nlimits:\n  time_limit: 2\n  memory: 128\n",
        "statement/problem.en.md": STATEMENT,
        "data/sample/1.in": "3\n",
        "data/sample/1.ans": "6\n",
    }
    if scoring:
        for group, points, numbers in (("1-small", 40, (5, 9)), ("2-large", 60, (7, 500))):
            files[f"data/secret/{group}/test_group.yaml"] = f"max_score: {points}\n"
            for number in numbers:
                files[f"data/secret/{group}/{number}.in"] = f"{number}\n"
                files[f"data/secret/{group}/{number}.ans"] = f"{2 * number}\n"
        files["data/secret/test_group.yaml"] = "score_aggregation: sum\nmax_score: 100\n"
    else:
        files["data/secret/1.in"], files["data/secret/1.ans"] = "200\n", "400\n"
    for path, text in files.items():
        place = folder / name / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return folder
