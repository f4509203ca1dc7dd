"""Problem packages are read as the format says, strictly: what breaks it or is not judged here is named."""

import os
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helder.errors import HelderError
from helder.evaluate.judge.expected import braces, matches
from helder.evaluate.judge.package import read
from helder.evaluate.judge.problem import Expectation, LegacyRules, Rules, Test
from tests.evaluate.judge.packages import (
    NEW,
    OBEYS,
    STATEMENT,
    SUM,
    SUMS,
    TEX,
    cases,
    legacy_kinds,
    near,
    new,
    old,
    write,
)

MORE = """
accepted/sum.py: {language: python3, entrypoint: sum.py, model_solution: true}
mixed/*.{py,cpp}:
  secret/2: {permitted: [TLE], use_for_time_limit: false}
  sample: {permitted: [AC]}
wrong_answer: {permitted: [AC, WA, RTE], message: far}
"""


def package(folder: Path, *parts: dict[str, str]) -> Path:
    """A package of version 2025-09 with the parts over its usual files."""
    return write(folder / "sum", new(), STATEMENT, SUMS, {"submissions/accepted/sum.py": SUM}, *parts)


def names(folder: Path) -> list[str]:
    return [test.name for test in read(folder).data.tests()]


# -- version 2025-09 ------------------------------------------------------------------------------------------------


def test_a_plain_package_is_read_whole(tmp_path: Path) -> None:
    problem = read(package(tmp_path))
    assert (problem.name, problem.version, problem.scoring, problem.interactive) == ("sum", "2025-09", False, False)
    assert problem.titles == {"en": "Sum"} and problem.statements["en"].text == "Add two numbers.\n"
    assert names(tmp_path / "sum") == ["sample/1", "secret/1", "secret/2", "secret/3"]
    assert [test.read_input() for test in problem.samples] == [b"1 2\n"]
    assert next(problem.data.tests()).read_answer() == b"3\n"
    assert (problem.limits.time, problem.limits.memory, problem.limits.output) == (1.0, 2048 << 20, 8 << 20)
    (submission,) = problem.submissions
    assert submission.path == "accepted/sum.py" and submission.source.files == {"sum.py": SUM.encode()}
    assert submission.expectations == (Expectation(permitted=("AC",), bound="lower"),)


def test_several_languages_have_statements_of_their_own(tmp_path: Path) -> None:
    more = {"problem.yaml": NEW + "name: {en: Sum, nl: Som}\n", "statement/problem.nl.md": "Tel op.\n"}
    problem = read(package(tmp_path, more))
    assert problem.titles == {"en": "Sum", "nl": "Som"} and problem.statements["nl"].text == "Tel op.\n"


def test_groups_and_tests_stand_in_the_order_of_their_names_and_settings_go_down(tmp_path: Path) -> None:
    groups = {
        "data/secret/test_group.yaml": "output_validator_args: [case_sensitive]\nargs: [outer]\n",
        "data/secret/2-big/test_group.yaml": "max_score: 60\nscore_aggregation: min\nrequire_pass: [secret/1-small]\n",
        "data/secret/1-small/test_group.yaml": "max_score: 40\nargs: [inner]\n",
        "data/secret/1-small/b.yaml": "args: [own]\nhint: It is small.\noutput_validator_args: []\n",
        "data/secret/1-small/deep/a.yaml": "description: In a folder that is no group.\n",
    }
    folder = write(
        tmp_path / "g",
        new(type="scoring"),
        STATEMENT,
        cases("data/secret/2-big", {"10": ("", ""), "9": ("", "")}),
        cases("data/secret/1-small", {"b": ("", ""), "deep/a": ("", "")}),
        groups,
    )
    problem = read(folder)
    assert names(folder) == ["secret/1-small/b", "secret/1-small/deep/a", "secret/2-big/10", "secret/2-big/9"]
    found = {group.name: group.rules for group in problem.data.groups()}
    assert found["secret"] == Rules("sum", 100.0)
    assert found["secret/1-small"] == Rules("pass-fail", 40.0)
    assert found["secret/2-big"] == Rules("min", 60.0, ("secret/1-small",))
    by_name = {test.name: test for test in problem.data.tests()}
    assert by_name["secret/1-small/b"].arguments == ("own",)
    assert by_name["secret/1-small/b"].validator_arguments == ()
    assert by_name["secret/1-small/deep/a"].arguments == ("inner",)
    assert by_name["secret/2-big/9"].arguments == ("outer",)
    assert by_name["secret/2-big/9"].validator_arguments == ("case_sensitive",)


def test_constants_are_put_into_statements_programs_and_group_settings(tmp_path: Path) -> None:
    folder = package(
        tmp_path,
        new(constants="{most: {value: 5000000, tex: '5,000,000'}, name: ada}"),
        {
            "statement/problem.en.md": "At most {{most.tex}} for {{name}}, {{unknown}} stays.\n",
            "submissions/accepted/sum.py": "LIMIT = {{most}}\n" + SUM,
            "include/default/limit.txt": "{{most.value}}",
            "data/secret/test_group.yaml": "args: ['{{name}}']\n",
            "data/secret/1.in": "{{most}}\n",
        },
    )
    problem = read(folder)
    assert problem.statements["en"].text == "At most 5,000,000 for ada, {{unknown}} stays.\n"
    assert problem.submissions[0].source.files["sum.py"].startswith(b"LIMIT = 5000000\n")
    assert problem.include == {"default": {"limit.txt": b"5000000"}}
    secret = [test for test in problem.data.tests() if not test.sample]
    assert secret[0].arguments == ("ada",) and secret[0].read_input() == b"{{most}}\n"


def test_files_of_a_test_and_of_a_validator_are_read(tmp_path: Path) -> None:
    folder = package(
        tmp_path,
        {"data/secret/1.files/table.csv": "1\n", "output_validator/v/v.cpp": near(False), "output_validator/v/x.h": ""},
    )
    problem = read(folder)
    assert [test.files for test in problem.data.tests()] == [{}, {"table.csv": b"1\n"}, {}, {}]
    assert problem.validator is not None and sorted(problem.validator.source.files) == ["v.cpp", "x.h"]


def test_hidden_files_are_as_if_they_were_not_there(tmp_path: Path) -> None:
    folder = package(tmp_path, {"data/secret/.9.in": "", "submissions/accepted/.notes": "", "data/secret/a b.in": ""})
    assert len(names(folder)) == 4 and len(read(folder).submissions) == 1


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("problem.yaml", NEW + "name: Sum\ncolour: red\n", "the key 'colour' is unknown"),
        ("problem.yaml", NEW + "name: Sum\nlimits: {time: 3}\n", "'limits': the key 'time' is unknown"),
        ("problem.yaml", NEW + "name: Sum\nlimits: {time_limit: fast}\n", "'time_limit' is 'fast'"),
        ("problem.yaml", NEW + "name: Sum\nlimits: {time_limit: 1.5}\n", "no multiple of 'time_resolution'"),
        ("problem.yaml", NEW, "lacks the key 'name'"),
        ("problem.yaml", NEW + "name: Sum\nname: Som\n", "'name' stands twice"),
        ("problem.yaml", NEW + "name: Sum\ntype: [scoring, pass-fail]\n", "'type' is"),
        ("problem.yaml", NEW + "name: {en: Sum, nl: Som}\n", "given for en, nl, statements are there in en"),
        ("problem.yaml", NEW + "name: [\n", "is no YAML"),
        ("problem.yaml", "problem_format_version: 2031-01\n", "'2031-01' is not read here"),
        ("problem.yaml", NEW + "name: Sum\ntype: multi-pass\n", "multi-pass is not supported"),
        ("problem.yaml", NEW + "name: Sum\ntype: submit-answer\n", "submit-answer is not supported"),
        ("problem.yaml", NEW + "name: Sum\ntype: interactive\n", "has no output validator"),
        ("problem.yaml", NEW + "name: Sum\nallow_file_writing: true\n", "allow_file_writing"),
        ("static_validator/v.py", "", "static validator is not supported"),
        ("output_validator/v/build", "", "built by a script"),
        ("data/secret/4.in", "", "4.in has no answer"),
        ("data/secret/5.ans", "", "belongs to no test"),
        ("data/secret/1.yaml", "arguments: [x]\n", "the key 'arguments' is unknown"),
        ("data/secret/1.yaml", "args: x\n", "'args' is 'x'"),
        ("data/secret/test_group.yaml", "max_score: 10\n", "'max_score' is not allowed here"),
        ("data/secret/test_group.yaml", "output_validator_args: [float_tolerance]\n", "not followed by a number"),
        ("data/secret/test_group.yaml", "static_validation_score: 3\n", "'static_validation_score' is not supported"),
        ("data/sample/test_group.yaml", "require_pass: sample\n", "'require_pass' is not allowed here"),
        ("submissions/submissions.yaml", "accepted: {permits: [AC]}\n", "the key 'permits' is unknown"),
        ("submissions/submissions.yaml", "accepted: {permitted: [OK]}\n", "a list of AC, WA, TLE, RTE"),
        ("submissions/submissions.yaml", "accepted/other.py: {permitted: [AC]}\n", "matches no submission"),
        ("submissions/submissions.yaml", "accepted: {secret/9: {permitted: [AC]}}\n", "matches no test and no group"),
        ("submissions/submissions.yaml", "accepted: {score: 3}\n", "'score' is not allowed here"),
    ],
)
def test_what_breaks_the_format_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(HelderError) as caught:
        read(package(tmp_path, {name: text}))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"data/secret/a/test_group.yaml": ""}, "no greatest score"),
        ({"data/secret/a/test_group.yaml": "score_aggregation: sum\n"}, "no greatest score, but"),
        ({"data/secret/a/test_group.yaml": "max_score: 1\nrequire_pass: secret/b\n"}, "no group before it"),
        (
            {"data/secret/a/test_group.yaml": "max_score: 1\n", "data/secret/a/b/test_group.yaml": ""},
            "a group in a group",
        ),
        (
            {"data/secret/a/test_group.yaml": "max_score: 1\n"} | cases("data/secret", {"z": ("", "")}),
            "both groups and tests",
        ),
        (
            {"data/secret/a/test_group.yaml": "max_score: 1\n", "data/secret/c/test_group.yaml": "max_score: 1"},
            "without tests",
        ),
        (
            {
                "data/secret/a/test_group.yaml": "max_score: 1\n",
                "data/secret/test_group.yaml": "score_aggregation: pass-fail",
            }
            | {"data/secret/a/test_group.yaml": "score_aggregation: sum\nmax_score: 3\n"},
            "aggregated by sum",
        ),
    ],
)
def test_groups_that_contradict_each_other_are_named(tmp_path: Path, files: dict[str, str], message: str) -> None:
    inner = cases("data/secret/a", {"1": ("", "")})
    with pytest.raises(HelderError) as caught:
        read(write(tmp_path / "g", new(type="scoring"), STATEMENT, inner, files))
    assert message in str(caught.value)


def test_a_link_out_of_the_package_is_refused(tmp_path: Path) -> None:
    folder = package(tmp_path)
    (tmp_path / "secret.txt").write_text("a key\n")
    (folder / "data/secret/9.in").symlink_to(tmp_path / "secret.txt")
    (folder / "data/secret/9.ans").symlink_to(folder / "data/secret/1.ans")
    with pytest.raises(HelderError, match="a link out of the package"):
        read(folder)


def test_a_folder_that_is_a_link_out_of_the_package_is_refused(tmp_path: Path) -> None:
    folder = package(tmp_path)
    (folder / "data/secret").rename(tmp_path / "elsewhere")
    (folder / "data/secret").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HelderError, match="a link out of the package"):
        read(folder)


def test_a_link_within_the_package_is_followed(tmp_path: Path) -> None:
    folder = package(tmp_path)
    (folder / "data/secret/9.in").symlink_to("1.in")
    (folder / "data/secret/9.ans").symlink_to("1.ans")
    assert names(folder)[-1] == "secret/9"


def test_a_folder_without_problem_yaml_is_no_package(tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="is no problem package"):
        read(tmp_path)


def test_submissions_yaml_adds_to_what_the_folders_say(tmp_path: Path) -> None:
    folder = package(
        tmp_path,
        {
            "submissions/submissions.yaml": MORE,
            "submissions/mixed/a.py": "",
            "submissions/mixed/b.cpp": "",
            "submissions/mixed/c.c": "",
            "submissions/wrong_answer/d.py": "",
        },
    )
    found = {submission.path: submission for submission in read(folder).submissions}
    assert found["accepted/sum.py"].model_solution and found["accepted/sum.py"].source.main == "sum.py"
    wanted = (Expectation("secret/2", permitted=("TLE",)), Expectation("sample", permitted=("AC",), bound="lower"))
    assert found["mixed/a.py"].expectations == found["mixed/b.cpp"].expectations == wanted
    assert found["mixed/c.c"].expectations == ()
    assert found["wrong_answer/d.py"].expectations == (
        Expectation(permitted=("AC", "WA", "RE"), required=("WA",), message="far", bound="lower"),
    )


@pytest.mark.parametrize(
    ("pattern", "path", "matched"),
    [
        ("accepted", "accepted/a.py", True),
        ("accepted/*", "accepted/a.py", True),
        ("*/a.py", "accepted/a.py", True),
        ("*", "accepted/a.py", True),
        ("a*.py", "accepted/a.py", False),
        ("accepted/*.{cpp,py}", "accepted/a.py", True),
        ("accepted/*.{cpp,c}", "accepted/a.py", False),
        ("secret/*-easy", "secret/1-easy/3", True),
        ("secret/group1", "secret/group10/1", False),
        ("accepted/[ab].py", "accepted/a.py", False),
    ],
)
def test_patterns_match_within_one_folder(pattern: str, path: str, matched: bool) -> None:
    assert matches(pattern, path) is matched


def test_braces_stand_for_each_of_their_words() -> None:
    assert braces("{a,b}.{py,cpp}") == ["a.py", "a.cpp", "b.py", "b.cpp"]
    assert braces("{a,b{1,2}}") == ["a", "b1", "a", "b2"]


# -- version legacy -------------------------------------------------------------------------------------------------


def test_every_kind_of_legacy_package_is_read(tmp_path: Path) -> None:
    found = {folder.name: read(folder) for folder in legacy_kinds(tmp_path)}
    assert {problem.version for problem in found.values()} == {"legacy"}
    assert found["speaks"].interactive and found["speaks"].validator is not None
    assert (found["scores"].validator_scores, found["custom"].validator_scores) == ("must", "no")
    assert found["minimum"].minimise and not found["scores"].minimise
    assert found["passfail"].titles == {"en": "Sum"}
    assert found["passfail"].limits.time is None and found["passfail"].limits.ac_to_time_limit == 5.0
    assert sorted(found["grader"].include) == ["cpp", "python3"]
    secret = [test for test in found["floats"].data.tests() if not test.sample]
    assert {test.validator_arguments for test in secret} == {("float_tolerance", "1e-6")}


def test_settings_of_a_legacy_group_come_from_the_nearest_folder_above(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "p",
        old(type="scoring", validator_flags="case_sensitive"),
        TEX,
        cases("data/secret/a", {"1": ("", "")}),
        cases("data/secret/b", {"1": ("", "")}),
        {
            "data/testdata.yaml": "on_reject: continue\nrange: 0 50\n",
            "data/secret/testdata.yaml": "accept_score: 5\ngrader_flags: first_error avg max\n",
            "data/secret/b/testdata.yaml": "on_reject: break\noutput_validator_flags: space_change_sensitive\n",
        },
    )
    problem = read(folder)
    found = {group.name: group.rules for group in problem.data.groups()}
    above = LegacyRules("continue", "first_error", "max", accept_score=5.0, least=0.0, most=50.0)
    assert found["secret/a"] == above
    assert found["secret/b"] == LegacyRules("break", "first_error", "max", accept_score=5.0, least=0.0, most=50.0)
    last = [test for test in problem.data.tests()][-1]
    assert isinstance(last, Test) and last.validator_arguments == ("case_sensitive", "space_change_sensitive")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("problem.yaml", "title: Sum\n", "the key 'title' is unknown"),
        ("problem.yaml", "validation: custom\n", "output_validators holds 0 programs"),
        ("problem.yaml", "validation: custom fast\n", "custom with score or interactive behind it"),
        ("problem.yaml", "type: scoring\nvalidation: default score\n", "'validation' is 'default score'"),
        ("problem.yaml", "validation: custom score\n", "the type is pass-fail"),
        ("problem.yaml", "limits: {time_limit: 2}\n", "the key 'time_limit' is unknown"),
        ("data/testdata.yaml", "on_reject: stop\n", "'on_reject' is 'stop'"),
        ("data/testdata.yaml", "accept_score: 3\n", "'accept_score' is not allowed here"),
        ("data/testdata.yaml", "grader_flags: best\n", "the grader flag 'best' is unknown"),
        ("data/testdata.yaml", "grading: custom\n", "a grader that is a program is not supported"),
        ("data/testdata.yaml", "speed: 3\n", "the key 'speed' is unknown"),
        ("graders/g.py", "", "a grader that is a program is not supported"),
        ("data/secret/8.in", "", "is half a test"),
        ("data/other/8.in", "", "is half a test"),
    ],
)
def test_what_breaks_the_legacy_format_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(HelderError) as caught:
        read(write(tmp_path / "p", old(name="Sum"), TEX, SUMS, {"submissions/accepted/o.cpp": OBEYS}, {name: text}))
    assert message in str(caught.value)


# -- whatever stands there ------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["", "a", "2025-09", "legacy", "pass-fail", "custom score", "sum", "AC", "1 2", "secret/1", "x{a,b}"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | WORDS | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.integers(0, 3), inner, max_size=3),
    max_leaves=6,
)
KEYS = {
    "problem.yaml": "type name uuid version credits source license rights_owner embargo_until limits keywords "
    "languages constants validation validator_flags grading author source_url problem_format_version",
    "data/secret/test_group.yaml": "max_score score_aggregation require_pass args output_validator_args full_feedback "
    "static_validation_score input_validator_args",
    "data/secret/1.yaml": "args output_validator_args hint description full_feedback",
    "submissions/submissions.yaml": "accepted accepted/sum.py wrong_answer accepted/*",
    "data/testdata.yaml": "on_reject grading grader_flags output_validator_flags accept_score reject_score range",
}


FILES = st.sampled_from(sorted(KEYS)).flatmap(
    lambda name: st.tuples(st.just(name), st.dictionaries(st.sampled_from(KEYS[name].split()), VALUES, max_size=3))
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES)
def test_whatever_stands_in_a_file_is_read_or_refused_with_the_reason(
    tmp_path: Path, file: tuple[str, dict[str, object]]
) -> None:
    name, record = file
    kept: dict[str, object] = yaml.safe_load(new()["problem.yaml"]) if name == "problem.yaml" else {}
    contents = {name: yaml.safe_dump({**kept, **record})}
    with tempfile.TemporaryDirectory(dir=tmp_path) as place:
        if name == "data/testdata.yaml":
            folder = write(Path(place), old(name="Sum"), TEX, SUMS, contents)
        else:
            folder = package(Path(place), contents)
        try:
            read(folder)
        except HelderError as error:
            assert error.what and error.fix


# -- what only an attacker writes -----------------------------------------------------------------------------------

ALIASES = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        ALIASES, "a: &a [*a]", "a: 2025-13-45", "a: " + "[" * 3000, "a: 0x" + "f" * 5000, "uuid: .nan", "? [a]\n: b",
        'name: "\\ud800"', "limits: {time_limit: .nan}", "#" * (2 << 20), "!!python/object/apply:os.system [id]",
        "a: !!timestamp x", "a: !!bool maybe", 'a: !!float ""',
    ],
    ids=["aliases of aliases", "an alias in itself", "no date", "brackets in brackets", "a number of 5000 digits",
         "no text", "a list as a key", "half a surrogate pair", "no number", "two megabytes", "a call",
         "no time", "no truth", "no digits"],
)  # fmt: skip
def test_yaml_that_would_break_its_reader_is_refused(tmp_path: Path, text: str) -> None:
    folder = package(tmp_path)
    (folder / "problem.yaml").write_text(f"{new()['problem.yaml']}\n{text}\n", encoding="utf-8")
    with pytest.raises(HelderError):
        read(folder)


def test_patterns_cannot_be_made_to_take_for_ever() -> None:
    assert not matches("*a" * 100 + "b", "a" * 200)
    with pytest.raises(HelderError, match="stands for more than 1,000"):
        braces("{a,b}" * 40)
    assert braces("{a}" * 2000) == ["a" * 2000]


def test_what_is_no_file_is_named_and_not_waited_for(tmp_path: Path) -> None:
    folder = package(tmp_path)
    os.mkfifo(folder / "include")
    (folder / "include").rename(folder / "submissions/accepted/pipe.py")
    with pytest.raises(HelderError, match=r"pipe\.py is no file"):
        read(folder)
    (folder / "submissions/accepted/pipe.py").unlink()
    (folder / "submissions/accepted/b.py").symlink_to("c.py")
    (folder / "submissions/accepted/c.py").symlink_to("b.py")
    with pytest.raises(HelderError, match="leads nowhere"):
        read(folder)
