"""Submissions are compiled and run in rooms, and what became of them has the right name."""

import pytest

from helder.errors import HelderError
from helder.evaluate.judge import run
from helder.evaluate.judge.languages import language_of, languages
from helder.sealed import untrusted

LIMITS = run.limits(cpu_seconds=1, memory=256 << 20, output=1 << 20)
SUM = {
    "cpp": b"#include <iostream>\nint main() { long n, s = 0; while (std::cin >> n) s += n; std::cout << s << '\\n'; }",
    "c": (
        b"#include <stdio.h>\n"
        b'int main(void) { long n, s = 0; while (scanf("%ld", &n) == 1) s += n; printf("%ld\\n", s); }'
    ),
    "python3": b"import sys\nprint(sum(map(int, sys.stdin.read().split())))",
}


@pytest.fixture(scope="module", autouse=True)
def rooms() -> None:
    try:
        untrusted.proved()
    except HelderError as error:
        pytest.skip(f"no rooms on this machine: {error}")


def program(files: dict[str, bytes]) -> run.Program:
    made = run.compiled(files)
    assert isinstance(made, run.Program), made
    return made


@pytest.mark.parametrize("name", sorted(SUM))
def test_each_language_adds_numbers(name: str) -> None:
    with program({f"main{languages()[name].endings[0]}": SUM[name]}).room() as running:
        for numbers, total in ((b"1 2 3", b"6\n"), (b"", b"0\n"), (b"-5 5", b"0\n")):
            ended = running.run(numbers, LIMITS)
            assert run.failed(ended) == "" and ended.stdout == total


WRONG = {
    "while (true) n++;": "TLE",
    "std::abort();": "RE",
    "return 1;": "RE",
    "std::vector<char> v(400 << 20, 1); n = v[n];": "MLE",
    "while (true) std::cout << 12345 << '\\n';": "OLE",
    "int *p = nullptr; *p = 1;": "RE",
    "return fork() < 0 ? 3 : 0;": "RE",
}


@pytest.fixture(scope="module")
def wrong() -> run.Program:
    """One program, which does the n-th of these for the input n: compiling takes longer than all of them."""
    cases = "".join(f"  case {place}: {{ {line} break; }}\n" for place, line in enumerate(WRONG))
    return program(
        {
            "main.cpp": (
                "#include <cstdlib>\n#include <iostream>\n#include <vector>\n#include <unistd.h>\n"
                "int main() {\n  volatile long n = 0; int which; std::cin >> which;\n"
                f"  switch (which) {{\n{cases}  }}\n  return 0;\n}}\n"
            ).encode()
        }
    )


@pytest.mark.parametrize("line", WRONG)
def test_what_goes_wrong_has_its_name(line: str, wrong: run.Program) -> None:
    with wrong.room() as running:
        assert run.failed(running.run(str(list(WRONG).index(line)).encode(), LIMITS)) == WRONG[line]


def test_a_program_that_does_not_compile_is_told_what_the_compiler_said() -> None:
    made = run.compiled({"main.cpp": b"int main() { return x; }"})
    assert isinstance(made, run.NotCompiled) and "was not declared in this scope" in made.told


def test_a_compiler_reads_nothing_of_the_machine() -> None:
    made = run.compiled({"main.cpp": b'#include "/etc/passwd"\nint main() {}'})
    assert isinstance(made, run.NotCompiled) and "No such file" in made.told


def test_a_compiler_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "COMPILING", run.Limits(0.3, 5, 2 << 30, 1 << 20, 32))
    endless = (
        b"template<int n> struct A { static const int v = A<n - 1>::v + A<n - 2>::v; };\n"
        + b"#include <bits/stdc++.h>\n" * 3
    )
    made = run.compiled({"main.cpp": endless + b"int main() {}"})
    assert isinstance(made, run.NotCompiled) and "limit" in made.told


def test_several_sources_and_a_header_are_compiled_together() -> None:
    files = {
        "main.cpp": b'#include "twice.h"\n#include <cstdio>\nint main() { std::printf("%d\\n", twice(21)); }',
        "twice.cpp": b'#include "twice.h"\nint twice(int n) { return 2 * n; }',
        "twice.h": b"int twice(int n);",
    }
    with program(files).room() as running:
        assert running.run(b"", LIMITS).stdout == b"42\n"


def test_a_module_beside_the_main_source_is_found() -> None:
    files = {"main.py": b"from other import value\nprint(value)", "other.py": b"value = 42"}
    with program(files).room() as running:
        assert running.run(b"", LIMITS).stdout == b"42\n"


def test_which_source_is_run_must_be_clear() -> None:
    with pytest.raises(HelderError, match="not clear"):
        run.compiled({"a.py": b"", "b.py": b""})


@pytest.mark.parametrize("files", [{}, {"main.txt": b""}, {"a.py": b"", "b.cpp": b""}])
def test_a_language_must_be_clear(files: dict[str, bytes]) -> None:
    with pytest.raises(HelderError, match="not clear"):
        language_of(files)


def test_a_compiler_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    row = languages()["cpp"]
    missing = type(row)("cpp", "C++", row.endings, ("/usr/bin/no-such-compiler",))
    monkeypatch.setattr("helder.evaluate.judge.languages.languages", lambda: {"cpp": missing})
    with pytest.raises(HelderError, match="cannot be judged on this machine"):
        language_of({"main.cpp": b""})
