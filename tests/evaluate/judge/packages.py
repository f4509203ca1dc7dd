"""Small problem packages of every kind, written into a folder: for tests, and for the comparison with problemtools."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

Files = Mapping[str, str | bytes]

NEW = "problem_format_version: 2025-09\nuuid: 6b1f3c0e-0000-4000-8000-000000000000\n"
TEX = {"problem_statement/problem.en.tex": "\\problemname{Sum}\nAdd.\n"}
STATEMENT = {"statement/problem.en.md": "Add two numbers.\n"}

SUM = "print(sum(map(int, input().split())))\n"
SUM_CPP = "#include <iostream>\nint main() { long a, b; std::cin >> a >> b; std::cout << a + b << '\\n'; }\n"
THREE = "print(3)\n"
SLOW = "a = input()\nwhile a == '1 6': pass\nprint(sum(map(int, a.split())))\n"
CRASH = "a = input()\nif a == '1 6': raise SystemExit(7)\nprint(sum(map(int, a.split())))\n"

# Writes what its input says: "ok" is right, "no" wrong, anything else ends it badly.
OBEYS = """#include <cstdlib>
#include <iostream>
#include <string>
int main() {
    std::string word;
    std::cin >> word;
    if (word == "crash") std::abort();
    std::cout << word << std::endl;
}
"""

# Says how near a number is: exit 42 for the right one, a part of the points for a near one, 43 for others.
NEAR = """#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
int main(int count, char **words) {
    std::ifstream answer(words[2]);
    std::string feedback(words[3]);
    std::ofstream message(feedback + "judgemessage.txt");
    long right, given;
    answer >> right;
    if (!(std::cin >> given)) { message << "no number"; return 43; }
    long off = std::labs(right - given);
    message << "off by " << off;
    if (off == 13) return 7;
    if (off == 17) std::abort();
    if (off > 9) return 43;
    if (SCORES) std::ofstream(feedback + FILE) << SCORE;
    return 42;
}
"""

# Answers guesses: < when the secret is greater; the answer file holds it.
GUESS = """import sys
limit = int(open(sys.argv[1]).read())
secret = int(open(sys.argv[2]).read())
message = open(sys.argv[3] + "judgemessage.txt", "w")
print(limit, flush=True)
for asked in range(1, 12):
    line = sys.stdin.readline()
    if not line.strip():
        message.write("no guess")
        sys.exit(43)
    guess = int(line)
    print("=" if guess == secret else "<" if guess < secret else ">", flush=True)
    if guess == secret:
        message.write(f"{asked} guesses")
        sys.exit(42)
message.write("too many")
sys.exit(43)
"""
HALVES = """low, high = 1, int(input())
while True:
    middle = (low + high) // 2
    print(middle, flush=True)
    answer = input()
    if answer == "=": break
    low, high = (middle + 1, high) if answer == "<" else (low, middle - 1)
"""
COUNTS = """for guess in range(1, int(input()) + 1):
    print(guess, flush=True)
    if input() == "=": break
"""
THIRDS = """n = int(input())
print(f"{n / 3:.9g}", *[2] * (n == 2), *["a"] * (n == 0))
if n: print("yes" if n == 1 else "no")
"""
LEAVES = "input()\nprint(1, flush=True)\nraise SystemExit(3)\n"
QUIET = "input()\n"


def write(folder: Path, *parts: Files) -> Path:
    """Write files below a folder, the later ones over the earlier."""
    for files in parts:
        for name, contents in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents if isinstance(contents, bytes) else contents.encode("utf-8"))
    return folder


def cases(folder: str, each: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Files of tests: name → input and answer."""
    found = {}
    for name, (given, answer) in each.items():
        found[f"{folder}/{name}.in"] = given
        found[f"{folder}/{name}.ans"] = answer
    return found


SUMS = cases("data/sample", {"1": ("1 2\n", "3\n")}) | cases(
    "data/secret", {"1": ("1 5\n", "6\n"), "2": ("1 6\n", "7\n"), "3": ("4 4\n", "8\n")}
)
SOLUTIONS = {
    "submissions/accepted/sum.py": SUM,
    "submissions/accepted/sum.cpp": SUM_CPP,
    "submissions/wrong_answer/three.py": THREE,
    "submissions/time_limit_exceeded/slow.py": SLOW,
    "submissions/run_time_error/crash.py": CRASH,
}


def new(**more: str) -> dict[str, str]:
    """problem.yaml of a package of version 2025-09, with further keys."""
    keys = {"name": "Sum", "limits": "{time_limit: 1}"} | more
    return {"problem.yaml": NEW + "".join(f"{key}: {value}\n" for key, value in keys.items())}


def old(**more: str) -> dict[str, str]:
    """problem.yaml of a legacy package."""
    return {"problem.yaml": "".join(f"{key}: {value}\n" for key, value in more.items())}


def near(scores: bool, file: str = "score.txt", score: str = "10 - off") -> str:
    """The source of a validator that accepts numbers that are near."""
    return NEAR.replace("SCORES", "true" if scores else "false").replace("FILE", f'"{file}"').replace("SCORE", score)


def legacy_kinds(folder: Path) -> list[Path]:
    """A legacy package of every kind that problemtools knows, each with submissions for every verdict."""
    off = {f"submissions/{place}/off{count}.py": f"print(int(input()) + {count})\n" for place, count in OFF}
    numbers = cases("data/sample", {"1": ("5\n", "5\n")}) | cases(
        "data/secret", {"1": ("7\n", "7\n"), "2": ("9\n", "9\n")}
    )
    guesses = cases("data/secret", {"1": ("1000\n", "37\n"), "2": ("1000\n", "999\n"), "3": ("8\n", "1\n")})
    floats = cases(
        "data/secret",
        {"1": ("1\n", "0.333333333\nYes\n"), "2": ("2\n", "0.666666667 2e0\nNO\n"), "3": ("0\n", "0 a\n")},
    )
    return [
        write(folder / "passfail", old(name="Sum"), TEX, SUMS, SOLUTIONS),
        write(
            folder / "goeson", old(name="Sum"), TEX, SUMS, SOLUTIONS, {"data/testdata.yaml": "on_reject: continue\n"}
        ),
        write(
            folder / "floats",
            old(validator_flags="float_tolerance 1e-6"),
            TEX,
            floats,
            {
                "submissions/accepted/a.py": THIRDS,
                "submissions/wrong_answer/b.py": "n = int(input())\nprint(round(n / 3, 4))\n",
            },
        ),
        write(
            folder / "strict",
            old(validator_flags="case_sensitive space_change_sensitive"),
            TEX,
            cases("data/secret", {"1": ("1\n", "Yes  1\n")}),
            {
                "submissions/accepted/a.py": "print('Yes  1')\n",
                "submissions/wrong_answer/case.py": "print('yes  1')\n",
                "submissions/wrong_answer/space.py": "print('Yes 1')\n",
                "submissions/wrong_answer/line.py": "print('Yes  1', end='')\n",
            },
        ),
        write(
            folder / "custom", old(validation="custom"), TEX, numbers, off, {"output_validators/near.cpp": near(False)}
        ),
        write(
            folder / "scores",
            old(type="scoring", validation="custom score", grading="{objective: max}"),
            TEX,
            numbers,
            off,
            {
                "output_validators/near/near.cpp": near(True),
                "data/testdata.yaml": "on_reject: continue\nrange: 0 30\n",
            },
        ),
        write(
            folder / "minimum",
            old(type="scoring", validation="custom score", grading="{objective: min}"),
            TEX,
            numbers,
            off,
            {
                "output_validators/near.cpp": near(True, score="off"),
                "data/testdata.yaml": "on_reject: continue\ngrader_flags: max\nrange: 0 9\n",
            },
        ),
        write(
            folder / "speaks",
            old(validation="custom interactive"),
            TEX,
            guesses,
            {
                "output_validators/guess.py": GUESS,
                "submissions/accepted/halves.py": HALVES,
                "submissions/wrong_answer/counts.py": COUNTS,
                "submissions/run_time_error/leaves.py": LEAVES,
                "submissions/wrong_answer/quiet.py": QUIET,
            },
        ),
        write(
            folder / "grader",
            old(name="Sum"),
            TEX,
            SUMS,
            {
                "include/cpp/main.cpp": '#include <iostream>\n#include "sum.h"\n'
                "int main() { long a, b; std::cin >> a >> b; std::cout << sum(a, b); }\n",
                "include/cpp/sum.h": "long sum(long a, long b);\n",
                "include/python3/main.py": "from solution import total\nprint(total(*map(int, input().split())))\n",
                "submissions/accepted/s.cpp": '#include "sum.h"\nlong sum(long a, long b) { return a + b; }\n',
                "submissions/accepted/solution.py": "def total(a, b): return a + b\n",
                "submissions/wrong_answer/s.cpp": '#include "sum.h"\nlong sum(long a, long b) { return a - b; }\n',
            },
        ),
        subtasks(folder / "subtasks"),
    ]


OFF = (
    ("accepted", 0),
    ("partially_accepted", 4),
    ("wrong_answer", 10),
    ("wrong_answer", 13),  # the validator ends with 7
    ("wrong_answer", 17),  # the validator is ended by a signal
)


def subtasks(folder: Path) -> Path:
    """A legacy package with subtasks as olympiads score them: the points of a group, or none of them."""
    words = {"small": ("ok", "ok"), "middle": ("ok", "no"), "large": ("crash", "ok")}
    files: dict[str, str] = {}
    for place, (group, each) in enumerate(words.items(), 1):
        files |= cases(f"data/secret/{group}", {str(one): (f"{word}\n", "ok\n") for one, word in enumerate(each)})
        files[f"data/secret/{group}/testdata.yaml"] = (
            f"on_reject: break\naccept_score: {10 * place}\ngrader_flags: min\nrange: 0 {10 * place}\n"
        )
    return write(
        folder,
        old(type="scoring", grading="{objective: max, show_test_data_groups: true}"),
        TEX,
        cases("data/sample", {"1": ("ok\n", "ok\n")}),
        files,
        {
            "data/testdata.yaml": "on_reject: continue\nrange: 0 60\ngrader_flags: ignore_sample\n",
            "data/sample/testdata.yaml": "grader_flags: ''\naccept_score: 0\n",
            "data/secret/testdata.yaml": "grader_flags: always_accept\n",
            "submissions/partially_accepted/obeys.cpp": OBEYS,
            "submissions/accepted/right.py": "print('ok')\n",
            "submissions/wrong_answer/wrong.py": "print('no')\n",
        },
    )


def random_tree(folder: Path, seed: int) -> Path:
    """A legacy scoring package whose groups and settings are drawn, with a submission that does as its input says."""
    draw = random.Random(seed)
    files: dict[str, str] = {}

    def group(place: str, depth: int) -> None:
        settings = {}
        if draw.random() < 0.6:
            settings["on_reject"] = draw.choice(["break", "continue"])
        if draw.random() < 0.6:
            flags = [draw.choice(["worst_error", "first_error", "always_accept", "no_errors"])]
            flags += draw.choices(["sum", "avg", "min", "max"], k=draw.randint(0, 2))
            flags += ["accept_if_any_accepted"] * (draw.random() < 0.2)
            draw.shuffle(flags)
            settings["grader_flags"] = repr(" ".join(flags[draw.randint(0, 1) :]))
        if draw.random() < 0.5:
            settings["accept_score"] = str(draw.choice([0, 1, 7, 33.3]))
        if draw.random() < 0.2:
            settings["reject_score"] = str(draw.choice([0, 2]))
        if settings:
            files[f"{place}/testdata.yaml"] = "".join(f"{key}: {value}\n" for key, value in settings.items())
        for count in range(draw.randint(1, 3) if place != "data" else 0):
            if depth < 2 and draw.random() < 0.5:
                group(f"{place}/g{count}", depth + 1)
            else:
                word = draw.choices(["ok", "no", "crash"], weights=[6, 2, 1])[0]
                files.update(cases(place, {f"t{count}": (f"{word}\n", "ok\n")}))

    for place in ("data", "data/sample", "data/secret"):
        group(place, 0)
    return write(folder, old(type="scoring"), TEX, files, {"submissions/accepted/obeys.cpp": OBEYS})
