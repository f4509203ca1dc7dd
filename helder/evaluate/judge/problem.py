"""A problem as the judge knows it, whatever format it was read from: statements, tests in groups, limits, validators.

`helder.evaluate.judge.package` reads it from a folder in the Problem Package Format, `helder.evaluate.judge.ioi` from
rows. What stands here decides nothing: rules of scores are in `groups`, running is in `judge`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MEBIBYTE = 1 << 20
KIBIBYTE = 1 << 10
SAMPLE, SECRET = "sample", "secret"  # the two groups below the root

VERDICTS = ("AC", "PA", "WA", "TLE", "MLE", "OLE", "RE", "CE", "JE")
"""Accepted, partly accepted (some of the points), wrong answer, time, memory or output beyond the limit, run-time
error, compile error, judge error. A judge error says nothing about the submission and is never a zero."""


@dataclass(frozen=True)
class Source:
    """A program as it is written.

    Attributes:
        name: what people call it.
        files: name → contents, folders joined with "/".
        language: as the package says; "" when endings tell.
        main: the file or class that is run, as the package says; "" for the language's own rule.
    """

    name: str
    files: Mapping[str, bytes]
    language: str = ""
    main: str = ""


@dataclass(frozen=True)
class Validator:
    """A program that judges what a submission wrote.

    Attributes:
        source: of the program.
        protocol: "kattis": called with input, answer and feedback folder, the output on standard input, 42 right and
            43 wrong; "cms": called with input, answer and output, a share of the points from 0 to 1 on standard output
            (CMS's checkers, which the IOI's tasks bring); "manager": speaks with the submission over named pipes, the
            input on standard input, a share on standard output (`helder.evaluate.judge.communicate`).
        processes: of the submission, with which a manager speaks, each in a room of its own.
    """

    source: Source
    protocol: str = "kattis"
    processes: int = 1


@dataclass(frozen=True)
class Statement:
    """What solvers read.

    Attributes:
        language: "en", "nl", "pt-BR".
        title: the problem's name in it.
        kind: "md", "tex" or "pdf".
        text: of the file, constants put in; "" for a PDF.
        path: of the file, where there is one.
    """

    language: str
    title: str
    kind: str
    text: str
    path: Path | None = None


@dataclass(frozen=True)
class Test:
    """One test case.

    Attributes:
        name: its path below the data, "secret/1-small/03".
        input, answer: contents, or the files that hold them.
        arguments: of the submission.
        validator_arguments: of the output validator.
        files: name → contents of files that lie beside the submission.
    """

    name: str
    input: bytes | Path
    answer: bytes | Path
    arguments: tuple[str, ...] = ()
    validator_arguments: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)

    __test__ = False  # no test of ours, whatever pytest thinks of the name

    @property
    def sample(self) -> bool:
        """Whether solvers see it."""
        return self.name.split("/")[0] == SAMPLE

    @property
    def size(self) -> int:
        """Bytes of input and answer."""
        return sum(one.stat().st_size if isinstance(one, Path) else len(one) for one in (self.input, self.answer))

    def read_input(self) -> bytes:
        return self.input.read_bytes() if isinstance(self.input, Path) else self.input

    def read_answer(self) -> bytes:
        return self.answer.read_bytes() if isinstance(self.answer, Path) else self.answer


@dataclass(frozen=True)
class Rules:
    """How a group's score follows from what is in it (format 2025-09).

    Attributes:
        aggregation: "pass-fail" (all of the points or none), "sum" or "min".
        max_score: None when there is no greatest score.
        require_pass: names of groups that must be accepted before this one is run.
    """

    aggregation: str = "pass-fail"
    max_score: float | None = None
    require_pass: tuple[str, ...] = ()


@dataclass(frozen=True)
class LegacyRules:
    """How a group's verdict and score follow from what is in it (format legacy, the default grader).

    Attributes:
        on_reject: "break" stops at the first that is not accepted; "continue".
        verdict: "worst_error", "first_error" or "always_accept".
        score: "sum", "avg", "min" or "max".
        ignore_sample: only the last of at most two results counts.
        accept_if_any_accepted: accepted as soon as one is.
        accept_score, reject_score: of a test whose validator gives no score.
        least, most: scores that are possible.
    """

    on_reject: str = "break"
    verdict: str = "worst_error"
    score: str = "sum"
    ignore_sample: bool = False
    accept_if_any_accepted: bool = False
    accept_score: float = 1.0
    reject_score: float = 0.0
    least: float = float("-inf")
    most: float = float("inf")


@dataclass(frozen=True)
class Group:
    """Tests that are scored together.

    Attributes:
        name: its path below the data: "" for all of it, "sample", "secret", "secret/1-small".
        items: groups and tests, in the order in which they are judged.
        rules: of one of the two formats; all groups of a problem have the same kind.
    """

    name: str
    items: tuple[Group | Test, ...]
    rules: Rules | LegacyRules = field(default_factory=Rules)

    def tests(self) -> Iterator[Test]:
        """All tests in it, in order."""
        for item in self.items:
            if isinstance(item, Group):
                yield from item.tests()
            else:
                yield item

    def groups(self) -> Iterator[Group]:
        """It and all groups in it, the outer before the inner."""
        yield self
        for item in self.items:
            if isinstance(item, Group):
                yield from item.groups()


@dataclass(frozen=True)
class Limits:
    """What submissions, compilers and validators may use. Defaults are the format's typical ones (2025-09).

    Attributes:
        time: CPU seconds of a test; None when the accepted submissions decide.
        time_resolution: the limit is a multiple of it.
        ac_to_time_limit: the limit is at least so many times the slowest accepted submission.
        time_limit_to_tle: a submission that is too slow is at least so many times over it.
        memory, output, code: bytes.
        compilation_time, validation_time: seconds. compilation_memory, validation_memory, validation_output: bytes.
    """

    time: float | None = None
    time_resolution: float = 1.0
    ac_to_time_limit: float = 2.0
    time_limit_to_tle: float = 1.5
    memory: int = 2048 * MEBIBYTE
    output: int = 8 * MEBIBYTE
    code: int = 128 * KIBIBYTE
    compilation_time: float = 60.0
    compilation_memory: int = 2048 * MEBIBYTE
    validation_time: float = 60.0
    validation_memory: int = 2048 * MEBIBYTE
    validation_output: int = 8 * MEBIBYTE


@dataclass(frozen=True)
class Expectation:
    """What must become of a submission, on some of the tests.

    Attributes:
        where: pattern of tests and groups, "" for all.
        permitted: verdicts that its tests may have. MLE and OLE count as RE, as the format has no names for them.
        required: verdicts one of which at least one test must have.
        score: the least and the greatest that is right, of the submission or of the group.
        message: text that stands in at least one judge message.
        verdict: verdicts one of which the submission must have as a whole (legacy folders).
        bound: "lower" when the time limit must leave the slowest of its tests in, "upper" when it must not.
    """

    where: str = ""
    permitted: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    score: tuple[float, float] | None = None
    message: str = ""
    verdict: tuple[str, ...] = ()
    bound: str = ""


@dataclass(frozen=True)
class Submission:
    """A submission that came with the problem.

    Attributes:
        path: below "submissions", "accepted/fast.cpp".
        expectations: what must become of it; nothing is expected of one in a folder that the format does not know.
        model_solution: suitable to be published.
    """

    path: str
    source: Source
    expectations: tuple[Expectation, ...]
    model_solution: bool = False

    @property
    def folder(self) -> str:
        return self.path.split("/")[0]


@dataclass(frozen=True)
class Problem:
    """A problem.

    Attributes:
        name: of its folder or row.
        version: of the format it was read from: "2025-09", "legacy", "ioi".
        scoring: a submission gets points; otherwise it passes or fails.
        interactive: the validator speaks with the submission.
        statements: language → what solvers read.
        data: the root of all groups: "sample", if there is one, and "secret".
        limits: of time, memory and so on.
        validator: None for the default one.
        validator_scores: "no", "may" or "must": whether the validator gives a test's score.
        include: language → files that are put to every submission in it; "default" for all other languages.
        languages: that submissions may be written in; () for all.
        submissions: that came with it, by path.
        input_validators: programs that check inputs; the judge does not run them.
        minimise: the smallest score is the best one (legacy).
        license, source, uuid: as the package says.
    """

    name: str
    version: str
    scoring: bool
    interactive: bool
    statements: Mapping[str, Statement]
    data: Group
    limits: Limits
    validator: Validator | None = None
    validator_scores: str = "no"
    include: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    submissions: tuple[Submission, ...] = ()
    input_validators: tuple[Source, ...] = ()
    minimise: bool = False
    license: str = "unknown"
    source: str = ""
    uuid: str = ""

    @property
    def titles(self) -> dict[str, str]:
        """Language → title."""
        return {language: statement.title for language, statement in self.statements.items()}

    @property
    def samples(self) -> tuple[Test, ...]:
        """Tests that solvers see."""
        return tuple(test for test in self.data.tests() if test.sample)
