"""The default comparison decides as problemtools' does: tokens, white space, case, numbers."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helder.errors import HelderError
from helder.evaluate.judge.default_validator import Comparison

FLOATS = ("float_tolerance", "1e-6")


def right(output: bytes, answer: bytes, *arguments: str) -> bool:
    return Comparison.of(arguments).wrong(output, answer) == ""


# Every row was tried with the program of problemtools 1.20260907: 42 is right.
@pytest.mark.parametrize(
    ("answer", "output", "arguments", "accepted"),
    [
        (b"1 2\n", b" 1\t2", (), True),
        (b"Yes", b"yES", (), True),
        (b"Yes", b"yES", ("case_sensitive",), False),
        (b"1 2\n", b"1 2", ("space_change_sensitive",), False),
        (b"1 2", b"1 2\n", ("space_change_sensitive",), False),
        (b" 1  2\n", b" 1  2\n", ("space_change_sensitive",), True),
        (b"", b"  \n", (), True),
        (b"", b"1", (), False),
        (b"1", b"", (), False),
        (b"1", b"1.0", (), False),
        (b"1.0", b"1.0000001", FLOATS, True),
        (b"1.0", b"1.1", FLOATS, False),
        (b"0", b"1e-7", FLOATS, True),
        (b"0", b"1e-7", ("float_relative_tolerance", "1e-6"), False),
        (b"1e9", b"1000000001", ("float_absolute_tolerance", "1e-6"), False),
        (b"1e9", b"1000000001", ("float_relative_tolerance", "1e-6"), True),
        (b"1.0", b"0x1p0", FLOATS, True),
        (b"1", b"1e", FLOATS, True),
        (b"1", b"1e+", FLOATS, True),
        (b"1", b".", FLOATS, False),
        (b"0x", b"0X", FLOATS, True),
        (b"0", b"0x.", FLOATS, True),
        (b"0", b"-0X.", FLOATS, True),
        (b"0", b"0x.p1", FLOATS, False),
        (b"1", b"1x", FLOATS, False),
        (b"1", b"1_0", ("float_tolerance", "10"), False),
        (b"nan", b"NaN", FLOATS, True),
        (b"1", b"nan", ("float_tolerance", "1"), False),
        (b"1", b"inf", ("float_tolerance", "1"), False),
        (b"1", b"1e5000", FLOATS, False),
        (b"1e5000", b"1E5000", FLOATS, True),
        (b"1e-5000", b"0", FLOATS, True),
        (b"2", b"2.5", ("float_tolerance", "-1"), False),
        (b"\xc3\x89", b"\xc3\xa9", (), False),
        (b"a\0b", b"A", (), True),
    ],
)
def test_outputs_are_judged_as_problemtools_judges_them(
    answer: bytes, output: bytes, arguments: tuple[str, ...], accepted: bool
) -> None:
    assert right(output, answer, *arguments) is accepted


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("float_tolerance",), "float_tolerance is not followed by a number"),
        (("float_tolerance", "nan"), "float_tolerance is not followed by a number"),
        (("case_insensitive",), "'case_insensitive' is unknown"),
    ],
)
def test_wrong_arguments_are_named(arguments: tuple[str, ...], named: str) -> None:
    with pytest.raises(HelderError, match=named):
        Comparison.of(arguments)


def test_a_tolerance_given_twice_is_an_error_in_the_new_format_only() -> None:
    arguments = ("float_tolerance", "1e-6", "float_absolute_tolerance", "1e-3")
    assert Comparison.of(arguments) == Comparison(absolute=1e-3, relative=1e-6)
    with pytest.raises(HelderError, match="again"):
        Comparison.of(arguments, strict=True)


def test_what_is_wrong_names_the_token() -> None:
    assert Comparison().wrong(b"1 2 4", b"1 2 3") == 'Token 3: "4" instead of "3".'
    assert Comparison().wrong(b"1", b"1 2 3") == "The output ends after 1 tokens, 3 are expected."
    assert Comparison().wrong(b"1 2 3 4", b"1 2") == "2 tokens too many."


# -- properties -----------------------------------------------------------------------------------------------------

PIECES = [
    b"0",
    b"1",
    b"9",
    b".",
    b"e",
    b"E",
    b"+",
    b"-",
    b"x",
    b"X",
    b"p",
    b"P",
    b"a",
    b"F",
    b"\0",
    b"\xff",
    b"nan",
    b"inf",
]
TOKEN = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(b"".join)
SPACE = st.sampled_from([b" ", b"\n", b"\t", b"\r", b"\x0b", b"\x0c", b"  ", b""])
TEXT = st.lists(st.tuples(SPACE, TOKEN), max_size=4).map(lambda parts: b"".join(a + b for a, b in parts))
ARGUMENTS = st.tuples(
    st.sampled_from([(), ("case_sensitive",)]),
    st.sampled_from([(), ("space_change_sensitive",)]),
    st.sampled_from(
        [(), *((name, size) for name in ("float_tolerance", "float_absolute_tolerance") for size in ("0", "1e-6", "1"))]
    ),
).map(lambda parts: tuple(word for part in parts for word in part))


@given(TEXT, ARGUMENTS)
def test_the_answer_itself_is_always_right(text: bytes, arguments: tuple[str, ...]) -> None:
    assert right(text, text, *arguments)


@given(st.lists(TOKEN, max_size=5), st.lists(SPACE.filter(bool), min_size=5, max_size=5))
def test_white_space_matters_only_when_asked_for(tokens: list[bytes], spaces: list[bytes]) -> None:
    other = b"".join(token + space for token, space in zip(tokens, spaces, strict=False))
    assert right(other, b" ".join(tokens))
    assert right(other, b" ".join(tokens), "space_change_sensitive") is (other == b" ".join(tokens))


@given(TEXT, TEXT)
def test_a_tolerance_never_rejects_what_is_the_same_text(one: bytes, other: bytes) -> None:
    if right(one, other):
        assert right(one, other, "float_tolerance", "0")


def program() -> Path | None:
    """problemtools' default validator, of the `verifyproblem` on the path or in VERIFYPROBLEM."""
    found = os.environ.get("VERIFYPROBLEM") or shutil.which("verifyproblem")
    places = (
        sorted(Path(found).parents[1].glob("lib/python*/site-packages/problemtools/support/default_validator"))
        if found
        else []
    )
    return places[0] if places else None


@pytest.mark.skipif(program() is None, reason="problemtools is not installed: set VERIFYPROBLEM to its verifyproblem")
@settings(max_examples=300, deadline=None)
@given(TEXT, TEXT, ARGUMENTS)
@example(b"0x.p1", b"0X.P1", FLOATS)
@example(b"1\0q", b"1", FLOATS)
def test_problemtools_program_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, output: bytes, answer: bytes, arguments: tuple[str, ...]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "answer").write_bytes(answer)
    command = [str(program()), f"{folder}/answer", f"{folder}/answer", f"{folder}/", *arguments]
    done = subprocess.run(command, input=output, check=False)
    assert right(output, answer, *arguments) is {42: True, 43: False}[done.returncode]
