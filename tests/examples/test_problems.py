"""The programming problems that are shipped are whole, in two languages, and judged as they say."""

import compileall
import io
import re
import runpy
import shutil
from pathlib import Path
from types import CodeType
from unittest.mock import patch

import pytest
import yaml

from helder.errors import HelderError
from helder.evaluate.judge.default_validator import Comparison
from helder.evaluate.judge.judge import Judge
from helder.evaluate.judge.package import read
from helder.evaluate.judge.problem import Problem
from helder.examples import easy_problems, problem_data
from helder.sealed import untrusted

NAMES = problem_data.names()
# Whose model solution takes seconds in Python: their answers are compared with those of the one in C++ instead.
SLOW_MODELS = ("kthwait", "measures", "rounds")
MOST_BYTES = 1_500_000

# For each kind of very easy problem: what is filled in, an input, and what must be printed, worked out by hand.
BY_HAND = {
    "plus": ("7", "5", "12"),
    "times": ("12", "5", "60"),
    "takenfrom": ("100", "130", "-30"),
    "rest": ("7", "23", "2"),
    "fits": ("7", "23", "3"),
    "divides": ("4", "36", "yes"),
    "atleast": ("300", "300", "yes"),
    "lastdigit": ("", "408", "8"),
    "digitsum": ("", "408", "12"),
    "minutes": ("", "135", "2 15"),
    "row": ("k", "3", "kkk"),
    "multiples": ("6", "4", "6 12 18 24"),
    "sumto": ("", "4", "10"),
    "countdown": ("", "4", "4 3 2 1"),
    "power": ("3", "4", "81"),
    "sum": ("", "19\n23", "42"),
    "difference": ("", "19\n23", "-4"),
    "product": ("", "12\n11", "132"),
    "larger": ("", "9\n10", "10"),
    "smaller": ("", "9\n10", "9"),
    "distance": ("", "9\n13", "4"),
    "same": ("", "8\n8", "yes"),
    "swap": ("", "1\n2", "2 1"),
    "firsttimes": ("3", "10\n4", "34"),
    "sumofthree": ("", "1\n20\n300", "321"),
    "largestofthree": ("", "3\n30\n12", "30"),
    "middle": ("", "30\n3\n12", "12"),
    "sumoflist": ("", "3\n1 2 40", "43"),
    "largest": ("", "3\n9 40 2", "40"),
    "smallest": ("", "3\n9 40 2", "2"),
    "above": ("10", "4\n9 10 11 12", "2"),
    "even": ("", "4\n0 1 2 4", "3"),
    "occurs": ("5", "4\n5 55 5 6", "2"),
    "sorted": ("", "3\n10 9 100", "9 10 100"),
    "backwards": ("", "3\n10 9 100", "100 9 10"),
    "spread": ("", "3\n10 9 100", "91"),
    "each": ("5", "3\n10 9 100", "15 14 105"),
    "different": ("", "4\n3 3 4 3", "2"),
    "place": ("", "4\n3 8 8 1", "2"),
    "length": ("", "lamp", "4"),
    "mirror": ("", "lamp", "pmal"),
    "capitals": ("", "lamp", "LAMP"),
    "repeat": ("3", "ab", "ababab"),
    "letter": ("e", "neemt", "2"),
    "contains": ("e", "lamp", "no"),
    "begins": ("l", "lamp", "yes"),
    "palindrome": ("", "lepel", "yes"),
    "vowels": ("", "neemt", "2"),
    "replace": ("e", "neemt", "nxxmt"),
    "everysecond": ("", "lampje", "lmj"),
    "words": ("", "de kat slaapt", "3"),
    "lastword": ("", "de kat slaapt", "slaapt"),
    "longest": ("", "de kat slaapt", "6"),
    "initials": ("", "de kat slaapt", "dks"),
    "turned": ("", "de kat slaapt", "slaapt kat de"),
    "wordswith": ("a", "de kat slaapt", "2"),
}


@pytest.fixture(scope="module")
def rooms() -> None:
    try:
        untrusted.proved()
    except HelderError as error:
        pytest.skip(f"no rooms on this machine: {error}")


def problem(name: str) -> Problem:
    return read(problem_data.PROBLEMS / name)


def accepts(validator: Path, text: str, arguments: tuple[str, ...] = ()) -> bool:
    """What an input validator of ours says."""
    stdin = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8", newline="")
    with patch("sys.stdin", stdin), patch("sys.argv", [str(validator), *arguments]):
        try:
            runpy.run_path(str(validator), run_name="__main__")
        except SystemExit as end:
            return end.code == 42
        except (AssertionError, ValueError, IndexError):
            return False
    return False


def prints(source: str | CodeType, text: str) -> str:
    """What a program that reads with `input` prints."""
    lines, printed = iter(text.splitlines()), []
    exec(source, {"input": lambda: next(lines), "print": lambda value: printed.append(f"{value}\n")})
    return "".join(printed)


@pytest.mark.parametrize("name", NAMES)
def test_a_package_is_read_and_whole(name: str) -> None:
    found = problem(name)
    assert found.version == "2025-09" and found.license == "cc by" and found.limits.time
    assert len(list(found.data.tests())) == len(list((problem_data.PROBLEMS / name / "data").glob("s*/**/*.in")))
    assert found.samples
    ways = {(one.folder, Path(one.path).suffix) for one in found.submissions}
    assert {("accepted", ".cpp"), ("accepted", ".py")} <= ways
    assert {"wrong_answer", "time_limit_exceeded", "run_time_error"} <= {folder for folder, _ in ways}
    assert all(one.expectations for one in found.submissions)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_say_the_same(name: str) -> None:
    found = problem(name)
    english, dutch = found.statements["en"], found.statements["nl"]
    assert english.title != dutch.title
    assert re.findall(r"\$\$[^$]+\$\$", english.text) == re.findall(r"\$\$[^$]+\$\$", dutch.text)
    for pattern in (r"(?<!\$)\$[^$]+\$(?!\$)", r"`[^`]+`", r"(?m)^##+ ", r"(?m)^- "):
        first, second = (re.findall(pattern, text.replace("$$", "")) for text in (english.text, dutch.text))
        assert sorted(first) == sorted(second)


@pytest.mark.parametrize("name", NAMES)
def test_the_data_come_out_of_the_generator_again(name: str) -> None:
    folder = problem_data.PROBLEMS / name / "data"
    answers = name not in SLOW_MODELS
    made = problem_data.data(name, answers=answers)
    kept = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    kept = {path: place for path, place in kept.items() if not path.endswith(".yaml")}
    assert set(made) <= set(kept)
    assert all(path.endswith(".ans") for path in set(kept) - set(made)) if not answers else set(made) == set(kept)
    assert all(kept[path].read_bytes() == contents for path, contents in made.items())


@pytest.mark.parametrize("name", NAMES)
def test_the_input_validator_takes_each_input_and_no_other(name: str) -> None:
    folder = problem_data.PROBLEMS / name
    validator = folder / "input_validators" / "validate.py"
    for test in problem(name).data.tests():
        settings = (folder / "data" / test.name).parent / "test_group.yaml"
        rules = yaml.safe_load(settings.read_text()) if settings.exists() else {}
        arguments = tuple(rules.get("input_validator_args", ()))
        assert accepts(validator, test.read_input().decode(), arguments), test.name
    refused = list((folder / "data" / "invalid_input").glob("*.in"))
    assert refused
    for path in refused:
        assert not accepts(validator, path.read_bytes().decode()), path.name


@pytest.mark.parametrize("name", ["busiest"])
def test_large_cases_are_those_of_the_digests(name: str, tmp_path: Path) -> None:
    package = problem_data.complete(name, tmp_path)
    large = {test.name for test in read(package).data.tests()} - {test.name for test in problem(name).data.tests()}
    assert len(large) == 2
    text = (package / "submissions" / "submissions.yaml").read_text()
    assert "required: [TLE]" in text  # here the slow method must be found out


def test_large_cases_that_came_out_differently_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem_data, "_made", lambda *_: {"secret/11-large.in": b"1\n0 1\n"})
    with pytest.raises(HelderError, match=r"busiest came out differently: secret/11-large.in"):
        problem_data.large("busiest", answers=False)


def test_compiled_files_of_an_installed_package_are_no_submissions(tmp_path: Path) -> None:
    package = tmp_path / "leak"
    shutil.copytree(problem_data.PROBLEMS / "leak", package)
    compileall.compile_dir(package, quiet=1)
    assert (package / "submissions" / "accepted" / "__pycache__").is_dir()
    assert (package / "output_validator" / "__pycache__").is_dir()
    found = read(package)
    assert [one.path for one in found.submissions] == [one.path for one in problem("leak").submissions]
    assert found.validator == problem("leak").validator


def test_the_problems_stay_small() -> None:
    files = [path for path in problem_data.PROBLEMS.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES


def test_the_index_names_every_problem() -> None:
    index = (problem_data.PROBLEMS / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^\| `(\w+)` \|", index) and set(re.findall(r"(?m)^\| `(\w+)` \|", index)) == set(NAMES)


@pytest.mark.parametrize(
    ("name", "verdicts"),
    [
        ("freebeds", {"accepted/model.py": "AC", "wrong_answer/forgets_the_last_ward.py": "WA"}),
        ("vowels", {"run_time_error/letters_only.py": "RE"}),
        ("leak", {"accepted/model.py": "AC"}),
        ("labplan", {"accepted/last_first.cpp": "AC"}),
        ("shifts", {"partially_accepted/as_they_come.py": "PA", "wrong_answer/nurse_zero.py": "WA"}),
        *((name, {"accepted/model.cpp": "AC"}) for name in SLOW_MODELS),
    ],
)
def test_submissions_get_their_verdicts(rooms: None, name: str, verdicts: dict[str, str]) -> None:
    found = problem(name)
    sources = {one.path: one.source.files for one in found.submissions}
    with Judge(found) as judge:
        for path, verdict in verdicts.items():
            judged = judge.judge(sources[path])
            assert judged.verdict == verdict, (path, judged)
            if name == "shifts":
                assert 0 <= judged.score <= 15


def test_very_easy_problems_print_what_was_worked_out_by_hand() -> None:
    assert set(BY_HAND) == set(easy_problems.KINDS)
    for name, (filled, text, wanted) in BY_HAND.items():
        kind = easy_problems.KINDS[name]
        made = easy_problems.EasyProblem(kind, (("k" if kind.k else "c", filled),) if filled else ())
        assert made in easy_problems.problems(len(kind.k or kind.c or "x"), 1, [name])
        assert prints(made.solution, f"{text}\n").split() == wanted.split(), name
        assert "$k" not in made.statement("en") + made.statement("nl") and "$c" not in made.statement("nl")


def test_every_very_easy_problem_tells_right_from_wrong() -> None:
    count = sum(len(kind.k or kind.c or "x") for kind in easy_problems.KINDS.values())
    made = easy_problems.problems(count, 5)
    assert len({one.name for one in made}) == count
    for one in made:
        tests = one.tests()
        assert len(tests) == 10 and len({answer for _, answer in tests.values()}) > 1
        mistake = compile(one.mistake, one.name, "exec")
        compared = Comparison(case_sensitive=one.kind.case_sensitive)
        assert any(compared.wrong(prints(mistake, text).encode(), answer.encode()) for text, answer in tests.values())


def test_the_seed_chooses_very_easy_problems_and_kinds_come_in_turn() -> None:
    first, again, other = (easy_problems.problems(56, seed) for seed in (1, 1, 2))
    assert first == again != other
    assert {one.kind.name for one in first} == set(easy_problems.KINDS)
    with pytest.raises(HelderError, match="9999 easy problems"):
        easy_problems.problems(9999, 1)
    with pytest.raises(HelderError, match='"singing"'):
        easy_problems.problems(1, 1, ["singing"])


@pytest.mark.parametrize("kind", ["sorted", "capitals"])
def test_a_very_easy_problem_is_a_package_that_can_be_judged(rooms: None, tmp_path: Path, kind: str) -> None:
    (one,) = easy_problems.problems(1, 3, [kind])
    package = easy_problems.write(one, tmp_path)
    found = read(package)
    validator = package / "input_validators" / "validate.py"
    assert all(accepts(validator, test.read_input().decode()) for test in found.data.tests())
    assert not accepts(validator, (package / "data" / "invalid_input" / "refused.in").read_text())
    with Judge(found) as judge:
        assert judge.judge({"main.py": one.solution.encode()}).verdict == "AC"
        assert judge.judge({"main.py": one.mistake.encode()}).verdict == "WA"
