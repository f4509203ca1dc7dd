"""Rows of problems as `open-r1/ioi` and `open-r1/ioi-test-cases` have them: columns as there, problems made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HEADER = "#include <vector>\nlong long total(std::vector<int> a);\n"
GRADER = """#include "sums.h"
#include <cstdio>
int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    std::vector<int> a(n);
    for (int &x : a) if (std::scanf("%d", &x) != 1) return 1;
    std::printf("%lld\\n", total(a));
}
"""
CHECKER = """#include <cstdio>
#include <cstdlib>
int main(int argc, char **argv) {
    FILE *right = std::fopen(argv[2], "r"), *given = std::fopen(argv[3], "r");
    long long wanted, found;
    if (argc < 4 || !right || !given || std::fscanf(right, "%lld", &wanted) != 1) return 1;
    if (std::fscanf(given, "%lld", &found) != 1) { std::puts("0.0"); std::fputs("no number", stderr); return 0; }
    std::puts(found == wanted ? "1.0" : std::llabs(found - wanted) <= 1 ? "0.5" : "0.0");
    std::fputs("translate:told", stderr);
}
"""
TESTS = {"0-01": ("2\n1 2\n", "3\n"), "1-01": ("1\n7\n", "7\n"), "1-02": ("3\n1 1 1\n", "3\n")}
TESTS |= {"2-01": ("2\n2000000000 2000000000\n", "4000000000\n")}
SUBTASKS = {"00-samples": (0, ["0-01"]), "01-small": (30, ["1-01", "1-02"]), "02-all": (70, ["1-01", "1-02", "2-01"])}


def batch(checker: bool = True) -> list[dict[str, Any]]:
    """The sum of numbers: a function that a grader calls."""
    files = [
        ["graders/grader.cpp", GRADER],
        ["graders/sums.h", HEADER],
        ["graders/testlib.h", "// the judge's own\n"],
        ["graders/grader_config.json", json.dumps({"task_type": "Batch", "code": "sums", "time_limit": 1.0})],
    ]
    if checker:
        files.append(["checker/checker.cpp", CHECKER])
    return rows("sums", files, SUBTASKS, TESTS, "Batch")


def rows(
    id: str,
    files: list[list[str]],
    subtasks: dict[str, tuple[int, list[str]]],
    tests: dict[str, tuple[str, str]],
    kind: str,
) -> list[dict[str, Any]]:
    """A row for each subtask, and one for each test."""
    of_all = {"year": 2030, "name": id.title(), "id": id, "day": "day1", "statement": f"About {id}."}
    of_all |= {"time_limit": 1.0, "memory_limit": 256 << 20, "score_precision": 2, "task_type": kind}
    of_all |= {"starting_code": f'#include "{id}.h"\n', "grader_files": files}
    found: list[dict[str, Any]] = [
        {**of_all, "subtask": name, "score": score, "test_names": names, "problem": f"About {id}: solve {name}."}
        for name, (score, names) in subtasks.items()
    ]
    of_tests = {"year": 2030, "day": "day1", "problem_name": id.title(), "problem_id": id}
    found += [
        {**of_tests, "test_name": name, "test_input": given, "test_output": right}
        for name, (given, right) in tests.items()
    ]
    return found


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


STUB = """#include <cstdio>
#include <cstdlib>
long long answer(int who, long long x);
int main(int argc, char **argv) {
    int who = argc > 1 ? std::atoi(argv[1]) : 0;
    long long x;
    while (std::scanf("%lld", &x) == 1) { std::printf("%lld\\n", answer(who, x)); std::fflush(stdout); }
}
"""
MANAGER = """#include <cstdio>
#include <cstdlib>
int main(int argc, char **argv) {
    int processes = (argc - 1) / 2, right = 0;
    long long n, x, got;
    FILE *from[8], *to[8];
    for (int i = 0; i < processes; i++) {
        from[i] = std::fopen(argv[1 + 2 * i], "r");
        to[i] = std::fopen(argv[2 + 2 * i], "w");
    }
    if (std::scanf("%lld", &n) != 1) return 1;
    for (int k = 0; k < n; k++) {
        x = 100 + k;
        for (int i = 0; i < processes; i++) {
            std::fprintf(to[i], "%lld\\n", x);
            std::fflush(to[i]);
            if (std::fscanf(from[i], "%lld", &got) != 1) { std::puts("0.0"); std::fputs("silent", stderr); return 0; }
            x = got;
        }
        right += x == (100 + k) * (processes == 1 ? 2 : 4);
    }
    std::printf("%.2f\\n", right == n ? 1.0 : right > 0 ? 0.5 : 0.0);
    std::fputs("translate:told", stderr);
}
"""


def communication(processes: int) -> list[dict[str, Any]]:
    """Each process doubles a number that the manager tells it."""
    config = {"task_type": "Communication", "code": "relay", "task_type_parameters_Communication_user_io": "std_io"}
    config |= {"task_type_parameters_Communication_num_processes": processes} if processes > 1 else {}  # type: ignore[dict-item]
    files = [
        ["graders/manager.cpp", MANAGER],
        ["graders/stub.cpp", STUB],
        ["graders/relay.h", "long long answer(int who, long long x);\n"],
        ["graders/grader_config.json", json.dumps(config)],
    ]
    subtasks = {"00-samples": (0, ["0-01"]), "01-few": (40, ["1-01"]), "02-many": (60, ["2-01"])}
    tests = {"0-01": ("1\n", ""), "1-01": ("5\n", ""), "2-01": ("2000\n", "")}
    return rows("relay", files, subtasks, tests, "Communication")
