"""A family of very easy programming problems, for models that are still small: as many as are asked for, from a seed.

Each asks for a line or two of Python: add 7 to a number, count the letter `a` in a word, print the largest of a list.
A problem is a kind with its numbers or letters filled in ("times 12", "times 13"), so a model can be trained on some
and measured on others: other numbers of the same kinds, or kinds that it never saw (`KINDS` tells them apart).

Every problem is a whole package in the Problem Package Format 2025-09, in Dutch and English, with a right and a wrong
solution. The answers are what the right solution prints; it is a program of ours and runs in this process.

    python -m helder.examples.easy_problems FOLDER 100 2026   # 100 packages in FOLDER, from seed 2026
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from pathlib import Path
from random import Random
from string import Template
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from helder.errors import HelderError

if TYPE_CHECKING:
    Draw = Callable[[Random, "dict[str, str]"], str]

SAMPLES = 2
SECRET = 8
CANDIDATES = 80  # inputs that are drawn for a problem; the tests are chosen from them so that answers differ
LETTERS = "abdegiklmnorst"  # of drawn words: few, so that a letter that is asked for is often there


def _below(rng: Random, count: int) -> int:
    """A whole number below `count`. Only `random()` gives the same numbers in every version of Python."""
    return int(rng.random() * count)


def _number(rng: Random, least: int, most: int) -> str:
    return str(least + _below(rng, most - least + 1))


def _word(rng: Random, most: int = 8) -> str:
    return "".join(LETTERS[_below(rng, len(LETTERS))] for _ in range(1 + _below(rng, most)))


@dataclass(frozen=True)
class Shape:
    """How an input looks.

    Attributes:
        en, nl: what the statement says of it.
        pattern: the regular expression of a whole input.
        counted: whether the first line says how many numbers the second has.
        draw: draws one.
        edges: inputs that every problem of this shape is tested with.
        head: how a program reads it.
        refused: an input that is none.
    """

    en: str
    nl: str
    pattern: str
    draw: Draw
    edges: tuple[str, ...]
    head: str
    refused: str
    counted: bool = False

    @property
    def validator(self) -> str:
        """The input validator of its packages."""
        source = f'import re\nimport sys\n\ntext = sys.stdin.read()\nassert re.fullmatch(r"{self.pattern}", text)\n'
        if self.counted:
            source += "count, numbers = text.splitlines()\nassert int(count) == len(numbers.split())\n"
        return source + "sys.exit(42)\n"


_TO_1000 = "(0|[1-9][0-9]{0,2}|1000)\\n"
ONE = Shape(
    "One whole number $n$ from $0$ to $1000$.",
    "Eén geheel getal $n$ van $0$ tot en met $1000$.",
    _TO_1000,
    lambda rng, _: _number(rng, 0, 1000),
    ("0", "1000", "7"),
    "n = int(input())\n",
    "1001",
)
SMALL = Shape(
    "One whole number $n$ from $1$ to $20$.",
    "Eén geheel getal $n$ van $1$ tot en met $20$.",
    "([1-9]|1[0-9]|20)\\n",
    lambda rng, _: _number(rng, 1, 20),
    ("1", "20"),
    "n = int(input())\n",
    "0",
)
TWO = Shape(
    "Two lines. The first holds a whole number $a$, the second a whole number $b$, both from $0$ to $1000$.",
    "Twee regels. De eerste bevat een geheel getal $a$, de tweede een geheel getal $b$, van $0$ tot en met $1000$.",
    _TO_1000 * 2,
    lambda rng, _: f"{_number(rng, 0, 1000)}\n{_number(rng, 0, 1000)}",
    ("0\n0", "1000\n1", "0\n1000"),
    "a = int(input())\nb = int(input())\n",
    "1 2",
)
THREE = Shape(
    "Three lines with one whole number from $0$ to $1000$ each.",
    "Drie regels met elk één geheel getal van $0$ tot en met $1000$.",
    _TO_1000 * 3,
    lambda rng, _: "\n".join(_number(rng, 0, 1000) for _ in range(3)),
    ("0\n0\n0", "1000\n0\n500", "1\n2\n1000", "9\n1000\n8"),
    "a = int(input())\nb = int(input())\nc = int(input())\n",
    "1\n2",
)


def _listed(numbers: Sequence[str]) -> str:
    return f"{len(numbers)}\n{' '.join(numbers)}"


LIST = Shape(
    "Two lines. The first holds a whole number $n$ from $1$ to $20$.\n"
    "The second holds $n$ whole numbers from $0$ to $100$, with spaces between them.",
    "Twee regels. De eerste bevat een geheel getal $n$ van $1$ tot en met $20$.\n"
    "De tweede bevat $n$ gehele getallen van $0$ tot en met $100$, met spaties ertussen.",
    "[0-9]{1,2}\\n(0|[1-9][0-9]?|100)( (0|[1-9][0-9]?|100)){0,19}\\n",
    lambda rng, _: _listed([_number(rng, 0, 100) for _ in range(1 + _below(rng, 20))]),
    ("1\n0", "3\n100 5 100", "4\n4 3 3 8"),
    "input()\nnumbers = [int(number) for number in input().split()]\n",
    "3\n1 2",
    counted=True,
)
WORD = Shape(
    "One word of $1$ to $20$ small letters.",
    "Eén woord van $1$ tot en met $20$ kleine letters.",
    "[a-z]{1,20}\\n",
    lambda rng, _: _word(rng),
    ("a", "reader", "lalala"),
    "word = input()\n",
    "Word",
)
LINE = Shape(
    "One line with $1$ to $10$ words of small letters, with one space between them.",
    "Eén regel met $1$ tot en met $10$ woorden van kleine letters, met één spatie ertussen.",
    "[a-z]{1,20}( [a-z]{1,20}){0,9}\\n",
    lambda rng, _: " ".join(_word(rng) for _ in range(1 + _below(rng, 10))),
    ("a", "ten old men sat on a log"),
    "words = input().split()\n",
    "two  spaces",
)


@dataclass(frozen=True)
class Kind:
    """A kind of problem. `$k` and `$c` in its texts and programs are filled in.

    Attributes:
        name: in small letters; the names of its problems begin with it.
        shape: of its inputs.
        titles, tasks: in English and in Dutch.
        right, wrong: what a program prints, as Python.
        k, c: the numbers and letters that may be filled in.
        draw: draws an input, where the shape's own seldom gives an interesting one.
        case_sensitive: whether capitals count in what is printed.
    """

    name: str
    shape: Shape
    titles: tuple[str, str]
    tasks: tuple[str, str]
    right: str
    wrong: str
    k: Sequence[int] = ()
    c: str = ""
    draw: Draw | None = None
    case_sensitive: bool = False


@dataclass(frozen=True)
class EasyProblem:
    """A problem of the family.

    Attributes:
        kind: that it is of.
        filled: what is filled in, by name.
    """

    kind: Kind
    filled: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """Its short name."""
        return "easy" + self.kind.name + "".join(value for _, value in self.filled)

    def _fill(self, text: str) -> str:
        # What is no placeholder of a kind, such as $n$ in a statement, stays.
        return Template(text).safe_substitute(dict(self.filled))

    def statement(self, language: str) -> str:
        """Its statement in Markdown, in "en" or "nl"."""
        dutch = language == "nl"
        shape, task = self.kind.shape, self._fill(self.kind.tasks[dutch])
        if dutch:
            return f"## Invoer\n\n{shape.nl}\n\n## Uitvoer\n\n{task}\n"
        return f"## Input\n\n{shape.en}\n\n## Output\n\n{task}\n"

    @property
    def solution(self) -> str:
        """A right program in Python."""
        return f"{self.kind.shape.head}print({self._fill(self.kind.right)})\n"

    @property
    def mistake(self) -> str:
        """A wrong program in Python."""
        return f"{self.kind.shape.head}print({self._fill(self.kind.wrong)})\n"

    def tests(self) -> dict[str, tuple[str, str]]:
        """Name → input and answer; samples first."""
        rng = Random(int.from_bytes(sha256(self.name.encode()).digest()[:8], "big"))
        draw, edges = self.kind.draw or self.kind.shape.draw, self.kind.shape.edges
        filled = dict(self.filled)
        program, mistake = (compile(source, self.name, "exec") for source in (self.solution, self.mistake))
        inputs = dict.fromkeys(text for text in [draw(rng, filled) for _ in range(CANDIDATES)] if text not in edges)
        answers = {text: _prints(program, f"{text}\n") for text in inputs}
        mistaken = {text for text in inputs if _prints(mistake, f"{text}\n").split() != answers[text].split()}
        used: dict[str, int] = {}
        chosen: list[str] = []
        # Those whose answer was used least come first, so that "yes" and "no" both occur, and soon; among them those
        # that show the mistake.
        while inputs and len(chosen) < SAMPLES + SECRET - len(edges):
            text = min(inputs, key=lambda text: (used.get(answers[text], 0), text not in mistaken))
            used[answers[text]] = used.get(answers[text], 0) + 1
            del inputs[text]
            chosen.append(text)
        chosen += edges
        names = [f"sample/{place}" for place in range(1, SAMPLES + 1)]
        names += [f"secret/{place:02d}" for place in range(1, len(chosen) - SAMPLES + 1)]
        return {name: (f"{text}\n", _prints(program, f"{text}\n")) for name, text in zip(names, chosen, strict=True)}

    def files(self) -> dict[str, bytes]:
        """Its package: relative path → bytes."""
        english, dutch = (self._fill(title) for title in self.kind.titles)
        texts = {
            "problem.yaml": "problem_format_version: 2025-09\n"
            "type: pass-fail\n"
            f'name:\n  en: "{english}"\n  nl: "{dutch}"\n'
            f"uuid: {uuid5(NAMESPACE_URL, 'helder/' + self.name)}\n"
            'version: "1"\n'
            "credits:\n  authors: Helder\n"
            "license: cc by\n"
            "limits:\n  time_limit: 1\n  memory: 512\n  output: 8\n"
            "keywords: [very easy]\n",
            "statement/problem.en.md": self.statement("en"),
            "statement/problem.nl.md": self.statement("nl"),
            "input_validators/validate.py": self.kind.shape.validator,
            "submissions/accepted/model.py": self.solution,
            "submissions/wrong_answer/mistake.py": self.mistake,
            "data/invalid_input/refused.in": f"{self.kind.shape.refused}\n",
        }
        if self.kind.case_sensitive:
            rules = "output_validator_args: [case_sensitive]\n"
            texts |= {"data/sample/test_group.yaml": rules, "data/secret/test_group.yaml": rules}
        for name, (text, answer) in self.tests().items():
            texts[f"data/{name}.in"], texts[f"data/{name}.ans"] = text, answer
        return {path: texts[path].encode("utf-8") for path in sorted(texts)}


def _prints(program: object, text: str) -> str:
    """What a program of ours prints for an input."""
    lines = iter(text.splitlines())
    printed: list[str] = []
    exec(program, {"input": lambda: next(lines), "print": lambda value: printed.append(str(value))})  # type: ignore[arg-type]
    return "".join(f"{line}\n" for line in printed)


def problems(count: int, seed: int, kinds: Sequence[str] = ()) -> list[EasyProblem]:
    """Problems of the family, all different, with the kinds in turn.

    Args:
        count: how many.
        seed: another seed gives another choice in another order.
        kinds: names of the kinds to choose from; all when empty.

    Raises:
        HelderError: there is no such kind, or there are not so many problems.
    """
    for name in kinds:
        if name not in KINDS:
            raise HelderError(f'There is no kind of easy problem "{name}".', fix=f"Choose from: {', '.join(KINDS)}.")

    def order(text: str) -> bytes:
        return sha256(f"{seed} {text}".encode()).digest()

    rows: list[tuple[int, bytes, EasyProblem]] = []
    for name in sorted(kinds) or KINDS:
        kind = KINDS[name]
        choices = [[("k", str(k)) for k in kind.k]] if kind.k else []
        choices += [[("c", c) for c in kind.c]] if kind.c else []
        those = sorted((EasyProblem(kind, filled) for filled in product(*choices)), key=lambda row: order(row.name))
        rows += [(turn, order(name), problem) for turn, problem in enumerate(those)]
    if count > len(rows):
        raise HelderError(
            f"{count} easy problems were asked for.",
            f"These kinds have {len(rows)} different ones.",
            f"Ask for at most {len(rows)}, or choose from more kinds.",
        )
    return [problem for _, _, problem in sorted(rows, key=lambda row: row[:2])[:count]]


def write(problem: EasyProblem, folder: Path) -> Path:
    """Write the package of a problem into a folder, below its name.

    Returns:
        the folder of the package.
    """
    for relative, contents in problem.files().items():
        path = folder / problem.name / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)
    return folder / problem.name


def _near(rng: Random, filled: dict[str, str]) -> str:
    """A number near `k`, or any."""
    k = int(filled["k"])
    return str(k - 1 + _below(rng, 3)) if rng.random() < 0.5 else _number(rng, 0, 1000)


def _alike(rng: Random, _: dict[str, str]) -> str:
    """Two numbers that are the same half of the time."""
    first = _number(rng, 0, 1000)
    return f"{first}\n{first if rng.random() < 0.5 else _number(rng, 0, 1000)}"


def _few_values(rng: Random, filled: dict[str, str]) -> str:
    """A list in which numbers occur several times, `k` among them if there is a `k`."""
    values = [filled.get("k", "5"), *(_number(rng, 0, 100) for _ in range(4))]
    return _listed([values[_below(rng, 5)] for _ in range(1 + _below(rng, 12))])


def _mirrored(rng: Random, _: dict[str, str]) -> str:
    """A word that reads the same backwards half of the time."""
    half = _word(rng, 5)
    return half + half[::-1][_below(rng, 2) :] if rng.random() < 0.5 else _word(rng)


def _begins(rng: Random, filled: dict[str, str]) -> str:
    """A word that begins with `c` half of the time."""
    return filled["c"] * _below(rng, 2) + _word(rng)


def _yes(en: str, nl: str) -> tuple[str, str]:
    return (
        f"Print `yes` when {en}, and `no` when not.",
        f"Druk `yes` af als {nl}, en `no` als dat niet zo is.",
    )


_ROWS = (
    # One number.
    Kind(
        "plus",
        ONE,
        ("Plus $k", "Plus $k"),
        ("Print $n$ plus ${k}.", "Druk $n$ plus $k af."),
        "n + $k",
        "n - $k",
        range(1, 100),
    ),
    Kind(
        "times",
        ONE,
        ("Times $k", "Keer $k"),
        ("Print $n$ times ${k}.", "Druk $n$ keer $k af."),
        "n * $k",
        "n + $k",
        range(2, 50),
    ),
    Kind(
        "takenfrom",
        ONE,
        ("Taken from $k", "Van $k af"),
        (
            "Print $k minus $n$. The answer may be less than $0$.",
            "Druk $k min $n$ af. Het antwoord mag onder $0$ zijn.",
        ),
        "$k - n",
        "abs($k - n)",
        range(100, 900, 10),
    ),
    Kind(
        "rest",
        ONE,
        ("What remains of $k", "De rest bij $k"),
        (
            "Print the remainder when $n$ is divided by ${k}.",
            "Druk de rest af die overblijft als $n$ wordt gedeeld door ${k}.",
        ),
        "n % $k",
        "n // $k",
        range(2, 31),
    ),
    Kind(
        "fits",
        ONE,
        ("How often $k", "Hoe vaak $k"),
        ("Print how many whole times $k fits into $n$.", "Druk af hoeveel hele keren $k in $n$ past."),
        "n // $k",
        "n / $k",
        range(2, 31),
    ),
    Kind(
        "divides",
        ONE,
        ("Divided by $k", "Deelbaar door $k"),
        _yes("$n$ can be divided by $k without a remainder", "$n$ zonder rest door $k kan worden gedeeld"),
        '"yes" if n % $k == 0 else "no"',
        '"yes" if n > $k else "no"',
        range(2, 12),
    ),
    Kind(
        "atleast",
        ONE,
        ("At least $k", "Minstens $k"),
        _yes("$n$ is $k or more", "$n$ minstens $k is"),
        '"yes" if n >= $k else "no"',
        '"yes" if n > $k else "no"',
        range(100, 900, 10),
        draw=_near,
    ),
    Kind(
        "lastdigit",
        ONE,
        ("The last digit", "Het laatste cijfer"),
        ("Print the last digit of $n$.", "Druk het laatste cijfer van $n$ af."),
        "n % 10",
        "str(n)[0]",
    ),
    Kind(
        "digitsum",
        ONE,
        ("The sum of the digits", "De som van de cijfers"),
        ("Print the sum of the digits of $n$.", "Druk de som van de cijfers van $n$ af."),
        "sum(int(digit) for digit in str(n))",
        "len(str(n))",
    ),
    Kind(
        "minutes",
        ONE,
        ("Hours and minutes", "Uren en minuten"),
        (
            "The number $n$ is a number of minutes. Print how many whole hours that is and how many minutes remain,"
            "\non one line with a space between them.",
            "Het getal $n$ is een aantal minuten. Druk af hoeveel hele uren dat zijn en hoeveel minuten er overblijven,"
            "\nop één regel met een spatie ertussen.",
        ),
        'f"{n // 60} {n % 60}"',
        'f"{n // 100} {n % 100}"',
    ),
    # A small number.
    Kind(
        "row",
        SMALL,
        ("A row of $c", "Een rij met $c"),
        (
            "Print the letter `$c` $n$ times on one line, without spaces.",
            "Druk de letter `$c` $n$ keer af op één regel, zonder spaties.",
        ),
        '"$c" * n',
        '"$c " * n',
        c="abdeklmorstx",
    ),
    Kind(
        "multiples",
        SMALL,
        ("The table of $k", "De tafel van $k"),
        (
            "Print $k times 1, $k times 2, and so on up to $k times $n$, on one line with spaces between them.",
            "Druk $k keer 1, $k keer 2, enzovoort tot en met $k keer $n$ af, op één regel met spaties ertussen.",
        ),
        '" ".join(str($k * i) for i in range(1, n + 1))',
        '" ".join(str($k * i) for i in range(1, n))',
        range(2, 30),
    ),
    Kind(
        "sumto",
        SMALL,
        ("Added up to", "Alles opgeteld"),
        (
            "Print the sum of all whole numbers from $1$ to $n$.",
            "Druk de som van alle gehele getallen van $1$ tot en met $n$ af.",
        ),
        "sum(range(n + 1))",
        "sum(range(n))",
    ),
    Kind(
        "countdown",
        SMALL,
        ("Counting down", "Aftellen"),
        (
            "Print all whole numbers from $n$ down to $1$ on one line with spaces between them.",
            "Druk alle gehele getallen van $n$ terug tot en met $1$ af, op één regel met spaties ertussen.",
        ),
        '" ".join(str(i) for i in range(n, 0, -1))',
        '" ".join(str(i) for i in range(1, n + 1))',
    ),
    Kind(
        "power",
        SMALL,
        ("Powers of $k", "Machten van $k"),
        ("Print $k to the power of $n$.", "Druk $k tot de macht $n$ af."),
        "$k**n",
        "$k * n",
        range(2, 10),
    ),
    # Two numbers.
    Kind(
        "sum",
        TWO,
        ("The sum", "De som"),
        ("Print $a$ plus $b$.", "Druk $a$ plus $b$ af."),
        "a + b",
        'f"{a}{b}"',
    ),
    Kind(
        "difference",
        TWO,
        ("The difference", "Het verschil"),
        (
            "Print $a$ minus $b$. The answer may be less than $0$.",
            "Druk $a$ min $b$ af. Het antwoord mag onder $0$ zijn.",
        ),
        "a - b",
        "b - a",
    ),
    Kind(
        "product",
        TWO,
        ("The product", "Het product"),
        ("Print $a$ times $b$.", "Druk $a$ keer $b$ af."),
        "a * b",
        "a + b",
    ),
    Kind(
        "larger",
        TWO,
        ("The larger of two", "Het grootste van twee"),
        ("Print the larger of the two numbers.", "Druk het grootste van de twee getallen af."),
        "max(a, b)",
        "a",
    ),
    Kind(
        "smaller",
        TWO,
        ("The smaller of two", "Het kleinste van twee"),
        ("Print the smaller of the two numbers.", "Druk het kleinste van de twee getallen af."),
        "min(a, b)",
        "b",
    ),
    Kind(
        "distance",
        TWO,
        ("How far apart", "Hoe ver uiteen"),
        (
            "Print the larger of the two numbers minus the smaller one.",
            "Druk het grootste van de twee getallen min het kleinste af.",
        ),
        "abs(a - b)",
        "a - b",
    ),
    Kind(
        "same",
        TWO,
        ("The same or not", "Gelijk of niet"),
        _yes("$a$ and $b$ are equal", "$a$ en $b$ gelijk zijn"),
        '"yes" if a == b else "no"',
        '"yes" if a >= b else "no"',
        draw=_alike,
    ),
    Kind(
        "swap",
        TWO,
        ("The other way round", "Andersom"),
        (
            "Print $b$ and then $a$, on one line with a space between them.",
            "Druk $b$ en dan $a$ af, op één regel met een spatie ertussen.",
        ),
        'f"{b} {a}"',
        'f"{a} {b}"',
    ),
    Kind(
        "firsttimes",
        TWO,
        ("$k of the first, one of the second", "$k van het eerste, één van het tweede"),
        ("Print $k times $a$, plus $b$.", "Druk $k keer $a$, plus $b$, af."),
        "$k * a + b",
        "$k * (a + b)",
        range(2, 40),
    ),
    # Three numbers.
    Kind(
        "sumofthree",
        THREE,
        ("The sum of three", "De som van drie"),
        ("Print the sum of the three numbers.", "Druk de som van de drie getallen af."),
        "a + b + c",
        "a + b",
    ),
    Kind(
        "largestofthree",
        THREE,
        ("The largest of three", "Het grootste van drie"),
        ("Print the largest of the three numbers.", "Druk het grootste van de drie getallen af."),
        "max(a, b, c)",
        "max(a, b)",
    ),
    Kind(
        "middle",
        THREE,
        ("The middle one", "De middelste"),
        (
            "Print the number that stands in the middle when the three are put in order.",
            "Druk het getal af dat in het midden staat als de drie op volgorde worden gezet.",
        ),
        "sorted([a, b, c])[1]",
        "b",
    ),
    # A list of numbers.
    Kind(
        "sumoflist",
        LIST,
        ("The sum of a list", "De som van een lijst"),
        ("Print the sum of the $n$ numbers.", "Druk de som van de $n$ getallen af."),
        "sum(numbers)",
        "sum(numbers[1:])",
    ),
    Kind(
        "largest",
        LIST,
        ("The largest", "Het grootste"),
        ("Print the largest of the $n$ numbers.", "Druk het grootste van de $n$ getallen af."),
        "max(numbers)",
        "numbers[-1]",
    ),
    Kind(
        "smallest",
        LIST,
        ("The smallest", "Het kleinste"),
        ("Print the smallest of the $n$ numbers.", "Druk het kleinste van de $n$ getallen af."),
        "min(numbers)",
        "numbers[0]",
    ),
    Kind(
        "above",
        LIST,
        ("Above $k", "Boven $k"),
        (
            "Print how many of the $n$ numbers are larger than ${k}.",
            "Druk af hoeveel van de $n$ getallen groter zijn dan ${k}.",
        ),
        "sum(number > $k for number in numbers)",
        "sum(number >= $k for number in numbers)",
        range(10, 90),
        draw=_few_values,
    ),
    Kind(
        "even",
        LIST,
        ("Even ones", "Even getallen"),
        ("Print how many of the $n$ numbers are even.", "Druk af hoeveel van de $n$ getallen even zijn."),
        "sum(number % 2 == 0 for number in numbers)",
        "sum(number % 2 == 1 for number in numbers)",
    ),
    Kind(
        "occurs",
        LIST,
        ("How often is it $k", "Hoe vaak is het $k"),
        (
            "Print how many of the $n$ numbers are equal to ${k}.",
            "Druk af hoeveel van de $n$ getallen gelijk zijn aan ${k}.",
        ),
        "numbers.count($k)",
        "int($k in numbers)",
        range(100),
        draw=_few_values,
    ),
    Kind(
        "sorted",
        LIST,
        ("In order", "Op volgorde"),
        (
            "Print the $n$ numbers in order, the smallest first, on one line with spaces between them.",
            "Druk de $n$ getallen op volgorde af, het kleinste eerst, op één regel met spaties ertussen.",
        ),
        '" ".join(str(number) for number in sorted(numbers))',
        '" ".join(sorted(str(number) for number in numbers))',
    ),
    Kind(
        "backwards",
        LIST,
        ("From back to front", "Van achter naar voren"),
        (
            "Print the $n$ numbers from the last to the first, on one line with spaces between them.",
            "Druk de $n$ getallen van het laatste tot het eerste af, op één regel met spaties ertussen.",
        ),
        '" ".join(str(number) for number in reversed(numbers))',
        '" ".join(str(number) for number in sorted(numbers))',
    ),
    Kind(
        "spread",
        LIST,
        ("From low to high", "Van laag tot hoog"),
        (
            "Print the largest of the $n$ numbers minus the smallest.",
            "Druk het grootste van de $n$ getallen min het kleinste af.",
        ),
        "max(numbers) - min(numbers)",
        "numbers[-1] - numbers[0]",
    ),
    Kind(
        "each",
        LIST,
        ("$k more for each", "Elk $k erbij"),
        (
            "Print each of the $n$ numbers plus $k, in the order of the input, on one line with spaces between them.",
            "Druk elk van de $n$ getallen plus $k af, in de volgorde van de invoer, op één regel met spaties ertussen.",
        ),
        '" ".join(str(number + $k) for number in numbers)',
        '" ".join(str(number) for number in [*numbers, $k])',
        range(1, 60),
    ),
    Kind(
        "different",
        LIST,
        ("How many different ones", "Hoeveel verschillende"),
        (
            "Print how many different numbers there are among the $n$.",
            "Druk af hoeveel verschillende getallen er onder de $n$ zijn.",
        ),
        "len(set(numbers))",
        "len(numbers)",
        draw=_few_values,
    ),
    Kind(
        "place",
        LIST,
        ("Where the largest stands", "Waar het grootste staat"),
        (
            "Print the place of the largest number. The first number has place 1. When it occurs more than once,"
            "\nprint its first place.",
            "Druk de plaats van het grootste getal af. Het eerste getal heeft plaats 1. Komt het vaker voor,"
            "\ndruk dan zijn eerste plaats af.",
        ),
        "numbers.index(max(numbers)) + 1",
        "numbers.index(max(numbers))",
    ),
    # A word.
    Kind(
        "length",
        WORD,
        ("How long is the word", "Hoe lang is het woord"),
        ("Print the number of letters of the word.", "Druk het aantal letters van het woord af."),
        "len(word)",
        "len(set(word))",
    ),
    Kind(
        "mirror",
        WORD,
        ("Backwards", "Achterstevoren"),
        (
            "Print the word with its letters in reversed order.",
            "Druk het woord af met de letters in omgekeerde volgorde.",
        ),
        "word[::-1]",
        "word",
    ),
    Kind(
        "capitals",
        WORD,
        ("In capitals", "In hoofdletters"),
        ("Print the word in capital letters.", "Druk het woord af in hoofdletters."),
        "word.upper()",
        "word.capitalize()",
        case_sensitive=True,
    ),
    Kind(
        "repeat",
        WORD,
        ("$k times the word", "$k keer het woord"),
        (
            "Print the word $k times on one line, without spaces.",
            "Druk het woord $k keer af op één regel, zonder spaties.",
        ),
        "word * $k",
        '" ".join([word] * $k)',
        range(2, 10),
    ),
    Kind(
        "letter",
        WORD,
        ("How many times $c", "Hoe vaak $c"),
        (
            "Print how many times the letter `$c` occurs in the word.",
            "Druk af hoe vaak de letter `$c` in het woord voorkomt.",
        ),
        'word.count("$c")',
        'int("$c" in word)',
        c=LETTERS,
        draw=lambda rng, filled: "".join((_word(rng, 3) + filled["c"] * _below(rng, 2)) for _ in range(4)),
    ),
    Kind(
        "contains",
        WORD,
        ("Is there $c", "Is er $c"),
        _yes("the letter `$c` occurs in the word", "de letter `$c` in het woord voorkomt"),
        '"yes" if "$c" in word else "no"',
        '"yes" if word[0] == "$c" else "no"',
        c=LETTERS,
    ),
    Kind(
        "begins",
        WORD,
        ("Does it begin with $c", "Begint het met $c"),
        _yes("the word begins with the letter `$c`", "het woord begint met de letter `$c`"),
        '"yes" if word[0] == "$c" else "no"',
        '"yes" if "$c" in word else "no"',
        c=LETTERS,
        draw=_begins,
    ),
    Kind(
        "palindrome",
        WORD,
        ("The same backwards", "Achterstevoren gelijk"),
        _yes("the word reads the same backwards", "het woord achterstevoren hetzelfde is"),
        '"yes" if word == word[::-1] else "no"',
        '"yes" if word[0] == word[-1] else "no"',
        draw=_mirrored,
    ),
    Kind(
        "vowels",
        WORD,
        ("Vowels of a word", "Klinkers van een woord"),
        (
            "Print how many of the letters are vowels: `a`, `e`, `i`, `o` or `u`.",
            "Druk af hoeveel van de letters klinkers zijn: `a`, `e`, `i`, `o` of `u`.",
        ),
        'sum(letter in "aeiou" for letter in word)',
        'sum(letter not in "aeiou" for letter in word)',
    ),
    Kind(
        "replace",
        WORD,
        ("An x for each $c", "Een x voor elke $c"),
        (
            "Print the word with an `x` in place of every letter `$c`.",
            "Druk het woord af met een `x` in plaats van elke letter `$c`.",
        ),
        'word.replace("$c", "x")',
        'word.replace("$c", "")',
        c=LETTERS,
        draw=_begins,
    ),
    Kind(
        "everysecond",
        WORD,
        ("Every second letter", "Om de andere letter"),
        (
            "Print the first, the third, the fifth letter of the word, and so on, without spaces.",
            "Druk de eerste, de derde, de vijfde letter van het woord, enzovoort, af zonder spaties.",
        ),
        "word[::2]",
        "word[1::2]",
    ),
    # A line of words.
    Kind(
        "words",
        LINE,
        ("How many words", "Hoeveel woorden"),
        ("Print the number of words.", "Druk het aantal woorden af."),
        "len(words)",
        'len(" ".join(words))',
    ),
    Kind(
        "lastword",
        LINE,
        ("The last word", "Het laatste woord"),
        ("Print the last word.", "Druk het laatste woord af."),
        "words[-1]",
        "words[0]",
    ),
    Kind(
        "longest",
        LINE,
        ("As long as the longest", "Zo lang als het langste"),
        ("Print the number of letters of the longest word.", "Druk het aantal letters van het langste woord af."),
        "max(len(word) for word in words)",
        "len(max(words))",
    ),
    Kind(
        "initials",
        LINE,
        ("Initials", "Voorletters"),
        (
            "Print the first letter of each word, in the order of the words, without spaces.",
            "Druk de eerste letter van elk woord af, in de volgorde van de woorden, zonder spaties.",
        ),
        '"".join(word[0] for word in words)',
        '"".join(word[-1] for word in words)',
    ),
    Kind(
        "turned",
        LINE,
        ("The last word first", "Het laatste woord voorop"),
        (
            "Print the words from the last to the first, with one space between them.",
            "Druk de woorden van het laatste tot het eerste af, met één spatie ertussen.",
        ),
        '" ".join(reversed(words))',
        '" ".join(words)[::-1]',
    ),
    Kind(
        "wordswith",
        LINE,
        ("Words with $c", "Woorden met $c"),
        (
            "Print how many of the words have the letter `$c` in them.",
            "Druk af in hoeveel van de woorden de letter `$c` voorkomt.",
        ),
        'sum("$c" in word for word in words)',
        '" ".join(words).count("$c")',
        c=LETTERS,
    ),
)
KINDS = {row.name: row for row in _ROWS}


if __name__ == "__main__":
    target, number, start = sys.argv[1:]
    for easy in problems(int(number), int(start)):
        write(easy, Path(target))
