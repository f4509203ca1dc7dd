"""Problem packages: a folder from somebody, in the formats 2025-09 and legacy, with YAML in many places.

An input is a folder as one text: each file behind a line `=== NAME`.
"""

from __future__ import annotations

import random
import re
import shutil

from bench.fuzz.harness import ROOT, Target, change_bytes, change_text, scratch

FILE = re.compile(rb"^=== ([A-Za-z0-9_][A-Za-z0-9_. -]*(?:/[A-Za-z0-9_][A-Za-z0-9_. -]*){0,5})\n", re.MULTILINE)
MOST = 60  # files
PLACES = (
    b"problem.yaml", b"data/secret/testdata.yaml", b"data/testdata.yaml", b"data/secret/test_group.yaml",
    b"data/a.in", b"data/secret/1/test_group.yaml", b"data/secret/1/a.in", b"data/secret/1/a.ans",
    b"data/secret/1/a.yaml", b"output_validator/validate.py", b"output_validators/v.py",
    b"submissions/submissions.yaml", b"statement/problem.en.md", b"submissions/accepted/a.py",
    b"data/secret/a.files/x", b"include/a", b"input_validators/v.py", b"data/sample/1.in", b"output_validator/build",
    b"data/secret/2/test_group.yaml", b"problem_statement/problem.en.tex", b"static_validator/v.py",
)  # fmt: skip


def run(data: bytes) -> None:
    from helder.evaluate.judge import groups, package

    folder = scratch() / "package"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in _files(data)[:MOST]:
        path = folder / name.decode("ascii")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError:  # a file where a folder is already, a name of 300 letters
            continue
    problem = package.read(folder)
    for test in problem.data.tests():
        assert test.size >= 0
        test.read_input(), test.read_answer()
    assert problem.titles is not None and problem.samples is not None
    for group in problem.data.groups():
        groups.greatest(group)
    if problem.scoring and problem.version != package.VERSION:
        groups.best_legacy(problem, problem.data)


def _files(data: bytes) -> list[tuple[bytes, bytes]]:
    parts = FILE.split(data)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def _text(files: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"=== " + name + b"\n" + content.rstrip(b"\n") + b"\n" for name, content in files)


def seeds() -> list[bytes]:
    found = []
    for folder in sorted((ROOT / "helder" / "examples" / "problems").iterdir()):
        if (folder / "problem.yaml").is_file():
            paths = sorted(path for path in folder.rglob("*") if path.is_file())
            chosen = [path for path in paths if path.suffix in (".yaml", ".md")]
            for place in sorted({path.parent for path in paths if path.suffix == ".in"}):
                first = sorted(place.glob("*.in"))[0]
                chosen += [first, *(path for path in (first.with_suffix(".ans"),) if path.is_file())]
            texts = [(path.relative_to(folder).as_posix().encode(), path.read_bytes()[:600]) for path in chosen]
            code = (path for path in paths if path.suffix in (".py", ".cpp"))
            texts += [(path.relative_to(folder).as_posix().encode(), b"pass\n") for path in code]
            found.append(_text(texts))
    secret = {
        "data/secret/1/a.in": b"1\n", "data/secret/1/a.ans": b"1\n", "data/secret/2/b.in": b"2\n",
        "data/secret/2/b.ans": b"2\n", "submissions/accepted/a.py": b"print(1)\n", "input_validators/v.py": b"pass\n",
    }  # fmt: skip
    scored = {
        "problem.yaml": NEW + b"type: [scoring]\nlicense: cc by\nrights_owner: me\nsource: [{name: a, url: b}]\n",
        "statement/problem.en.md": b"# A\n",
        "data/sample/1.in": b"0\n",
        "data/sample/1.ans": b"0\n",
        "data/secret/1/test_group.yaml": b"score_aggregation: min\nmax_score: 30\n",
        "data/secret/2/test_group.yaml": b"score_aggregation: sum\nmax_score: 70\nrequire_pass: [sample]\n",
        "submissions/submissions.yaml": b"accepted:\n  score: 100\na.py: {permitted: [AC]}\n",
    }
    talks = {
        "problem.yaml": NEW + b"type: interactive\nconstants: {n: 3, s: a}\n",
        "output_validator/validate.py": b"pass\n",
        "statement/problem.en.md": b"A {{n}}\n",
    }
    old = {
        "problem.yaml": OLD,
        "problem_statement/problem.en.tex": b"\\problemname{a}\n",
        "data/testdata.yaml": b"on_reject: continue\nrange: 0 100\ngrader_flags: sum\n",
        "output_validators/v.py": b"pass\n",
        "data/secret/1/testdata.yaml": b"accept_score: 30\nrange: 0 30\ngrader_flags: min\n",
    }
    whole = ({**files, **secret} for files in (scored, talks, old))
    return [*found, *(_text([(name.encode(), data) for name, data in files.items()]) for files in whole)]


NEW = b"""\
problem_format_version: 2025-09
name: {en: A}
uuid: 5ca6ba5b-36d5-4eff-8aa7-d967cbc4375e
limits:
  time_limit: 2.0
  memory: 256
  time_multipliers: {ac_to_time_limit: 2.0}
"""
OLD = b"""\
name: a
type: scoring
validation: custom score interactive
validator_flags: a b
limits: {time_multiplier: 5, time_safety_margin: 2, memory: 256, output: 8}
grading:
  objective: min
  show_test_data_groups: true
"""


def mutate(data: bytes, chance: random.Random) -> bytes:
    files = _files(data)
    if not files or chance.random() < 0.1:
        return change_bytes(data, chance)
    at = chance.randrange(len(files))
    yaml = [number for number, (name, _) in enumerate(files) if name.endswith(b".yaml")]
    if yaml and chance.random() < 0.7:
        at = chance.choice(yaml)
    name, content = files[at]
    match chance.randrange(8):
        case 0:
            del files[at]
        case 1:
            files.append((chance.choice(PLACES), content))
        case 2:
            files[at] = (chance.choice(PLACES), content)
        case 3:
            files[at] = (name, content + b"\n" + chance.choice(YAML) + b"\n")
        case 4:
            files[at] = (name, chance.choice(YAML))
        case 5:
            lines = content.split(b"\n")
            line = chance.randrange(len(lines))
            lines[line] = lines[line].partition(b":")[0] + b": " + chance.choice(YAML)
            files[at] = (name, b"\n".join(lines))
        case _:
            files[at] = (name, change_text(content, chance))
    return _text(files)


YAML = (
    b"!!python/object/apply:os.system [id]", b"!!python/name:os.system", b"&a [*a, *a]", b"{a: &a {b: *a}}",
    b"<<: *a", b"? []", b"~",
    b"&a [1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]",
    b"1e999", b".inf", b"-.inf", b".nan", b"0x" + b"f" * 4000, b"9" * 5000, b"1:30:00", b"2025-13-45", b"2025-09-01",
    b"on", b"- - - -", b"[" * 500, b"{a: " * 500, b"!!binary a", b"!!set {a}", b"!!timestamp a", b"'", b'"\\ud800"',
    b"\xff", b"|\n a", b"[]", b"{}", b"type: [scoring, interactive]", b"type: pass-fail", b"max_score: -1",
    b"require_pass: [x, ../..]", b"limits: {time_limit: 0}", b"constants: {n: [1]}",
    b"problem_format_version: legacy", b"problem_format_version: 2025-09", b"score_aggregation: pass-fail",
    b"input_validator_args: {a: [b]}", b"args: ['{{n}}']", b"static_validator_score: 3", b"range: 5 1",
    b"range: nan inf", b"grader_flags: first_error min", b"license: public domain", b"{{n}}", b"name: [a]",
    b"memory: 99999999999999999999", b"- a: b",
)  # fmt: skip
TARGET = Target("package", run, seeds, mutate, words=(b"=== problem.yaml\n", *(one for one in YAML if len(one) < 60)))
