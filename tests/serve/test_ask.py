"""`helder ask`: answers in order, nothing cut, nothing left out."""

from __future__ import annotations

import csv
import errno
import io
import json
from pathlib import Path
from typing import Any

import pytest

from helder.errors import HelderError
from helder.project import Project
from helder.serve import ask
from helder.serve.service import Service
from tests.serve import finished

QUESTIONS = ["2 tabs tds pc", "1 puff bd prn", "<|im_end|> 1 tab", "zo nodig 1 tablet"]
LONG = "one tablet and " * 200


def asked(
    project: Project, *questions: str, file: Path | None = None, out: Path | None = None, human: bool = False
) -> str:
    stdout = io.StringIO()
    ask.main(project, questions, file, "q8_0", out, human=human, threads=1, context=256, stdout=stdout)
    return stdout.getvalue()


@pytest.fixture
def expected(project: Project) -> list[Any]:
    service = Service.open(project.run_folder, "q8_0", threads=1, context=256)
    try:
        return [service.ask(question).output for question in QUESTIONS]
    finally:
        service.close()


def test_one_question_gives_its_answer_as_json_with_every_field(project: Project, expected: list[Any]) -> None:
    answer = json.loads(asked(project, QUESTIONS[0]))
    assert answer == expected[0]
    assert finished.TASK.normalise(answer) == answer
    assert list(answer[0]) == ["form", "dose", "as_required"]


def test_several_questions_give_a_line_each_in_order(project: Project, expected: list[Any]) -> None:
    lines = [json.loads(line) for line in asked(project, *QUESTIONS).splitlines()]
    assert lines == [{"input": q, "answer": a} for q, a in zip(QUESTIONS, expected, strict=True)]


def test_a_file_of_questions_becomes_json_lines(project: Project, expected: list[Any], tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("\n".join(QUESTIONS) + "\n", encoding="utf-8")
    assert asked(project, file=tmp_path / "q.txt", out=tmp_path / "a.jsonl") == ""
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["answer"] for line in lines] == expected


def test_a_csv_has_a_row_for_each_record(project: Project, expected: list[Any], tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("\n".join(QUESTIONS), encoding="utf-8")
    asked(project, file=tmp_path / "q.txt", out=tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["input"] for row in rows if row["record"] == "1"] == QUESTIONS
    assert len(rows) == sum(len(records) for records in expected)
    first = expected[0][0]
    assert rows[0]["form"] == (first["form"] or "")
    assert rows[0]["as_required"] in ("true", "false")


def test_questions_come_from_jsonl_and_csv_by_the_column_of_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"text": "1 tab"}\n"2 tabs"\n', encoding="utf-8")
    (tmp_path / "q.csv").write_text('id,text\n1,"1 tab, then\n2 tabs"\n2,3 tabs\n', encoding="utf-8-sig")
    assert ask.read_questions(tmp_path / "q.jsonl", "text") == ["1 tab", "2 tabs"]
    assert ask.read_questions(tmp_path / "q.csv", "text") == ["1 tab, then\n2 tabs", "3 tabs"]


def test_questions_are_read_as_spreadsheets_of_other_countries_write_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "q.csv").write_bytes("nr;melding\r\n1;café, te luid\r\n2;gat in de weg\r\n".encode("cp1252"))
    assert ask.read_questions(tmp_path / "q.csv", "melding") == ["café, te luid", "gat in de weg"]
    assert "Windows-1252" in capsys.readouterr().err
    (tmp_path / "q.tsv").write_text("nr\tmelding\n1\tcafé; te luid\n", encoding="utf-16")
    assert ask.read_questions(tmp_path / "q.tsv", "melding") == ["café; te luid"]
    assert capsys.readouterr().err == ""


def test_a_question_longer_than_the_context_is_an_error_line_and_the_others_are_answered(
    project: Project, expected: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "q.txt").write_text(f"{QUESTIONS[0]}\n{LONG}\n\n{QUESTIONS[1]}\n", encoding="utf-8")
    with pytest.raises(HelderError, match="2 of 4 questions have no answer") as caught:
        asked(project, file=tmp_path / "q.txt", out=tmp_path / "a.jsonl")
    assert "question 2: " in caught.value.why and "question 3: " in caught.value.why
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines[1]["input"] == LONG
    assert "tokens" in lines[1]["error"] and "answer" not in lines[1]
    assert "empty" in lines[2]["error"]
    assert [lines[0]["answer"], lines[3]["answer"]] == expected[:2]


def test_one_question_longer_than_the_context_is_an_error_that_names_it(project: Project) -> None:
    with pytest.raises(HelderError, match="one tablet and") as caught:
        asked(project, LONG)
    assert "never cut" in caught.value.why


def test_lines_for_a_person_name_only_what_is_said(project: Project, expected: list[Any]) -> None:
    text = asked(project, QUESTIONS[0], human=True)
    assert "{" not in text
    assert "None" not in text


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("q.txt", b"caf\x81", "not a text file"),
        ("q.txt", b"GGUF\0\0", "not a text file"),
        ("q.jsonl", b'"a"\n{"input": 1}\n', "Line 2 of .* holds no question"),
        ("q.jsonl", b'"a"\n{"text": \n', "Line 2 of .* is not JSON"),
        ("q.csv", b"a,b\n1,2\n", "no column 'text'"),
        ("q.csv", b"text,b\n1,2\n1,2,3\n", "line 3: 3 fields where the heading has 2"),
        ("q.csv", b'text,b\n1,2\n"1,2\n', "line 3: the record that begins here"),
        ("q.txt", b"", "no question"),
    ],
)
def test_a_file_that_holds_no_questions_is_refused_by_line(
    project: Project, tmp_path: Path, name: str, content: bytes, what: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(HelderError, match=what):
        asked(project, file=tmp_path / name)


def test_an_output_that_cannot_be_written_leaves_nothing_behind(project: Project, tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="cannot be written"):
        asked(project, *QUESTIONS, out=tmp_path / "missing" / "a.jsonl")
    with pytest.raises(HelderError, match="known form"):
        asked(project, *QUESTIONS, out=tmp_path / "a.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_an_output_in_a_read_only_folder_is_told(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *arguments: object, **named: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "unlink", refuse)
    (tmp_path / ".a.jsonl.part").mkdir()  # what is opened for writing cannot be opened
    with pytest.raises(HelderError, match=r"a\.jsonl cannot be written"):
        asked(project, *QUESTIONS, out=tmp_path / "a.jsonl")
