"""`helder eval MODEL --suite olympiad`: drawn, judged, chosen, scored, and kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder.errors import HelderError
from helder.evaluate import suites
from helder.evaluate.compare.services import from_word
from helder.evaluate.judge import judge as judges
from helder.evaluate.judge import package
from helder.evaluate.judge.groups import Outcome
from helder.evaluate.judge.judge import JudgeError
from helder.evaluate.suites import Options, Subject, olympiad
from tests.evaluate.compare.mock import Does, Mock, Seen, question, running
from tests.evaluate.judge import rows
from tests.evaluate.suites import packages


def answers(seen: Seen, count: int) -> Does:
    """Right for the pass-fail problem each second time; for the other one what suits the subtask that is aimed at."""
    asked = question(seen)
    if "Twice points" in asked:
        code = packages.DOUBLES if "Aim at the subtask 2-large" in asked and count % 2 else packages.SMALL_ONLY
    else:
        code = packages.DOUBLES if count % 2 else packages.WRONG
    return Does(text=f"So:\n```python\n{code}\n```" if "no program" not in asked else "I do not know.")


def problems(folder: Path) -> Path:
    packages.write(folder, "passes")
    return packages.write(folder, "points", scoring=True)


def subject(mock: Mock) -> Subject:
    return Subject("m", "service", service=from_word(f"m@{mock.url}/v1"))


def agreed(mock: Mock, place: Path, out: Path, **settings: str) -> Options:
    """Options with which the service may be asked."""
    given = {"problems": str(place), "language": "python3", **settings}
    host = mock.url.removeprefix("http://")
    asked = Options(samples=4, settings=given, hosts=(host,), most_requests=100)
    with pytest.raises(HelderError) as caught:
        suites.run("olympiad", subject(mock), asked, out)
    consent = caught.value.fix.rpartition(" ")[2]
    return Options(samples=4, settings=given, hosts=(host,), most_requests=100, consent=consent)


def test_programs_are_judged_chosen_scored_and_kept(tmp_path: Path) -> None:
    place = problems(tmp_path / "problems")
    with running(answers) as mock:
        options = agreed(mock, place, tmp_path / "out")
        folder, found = suites.run("olympiad", subject(mock), options, tmp_path / "out")
        assert len(mock.seen) == 12  # four for the problem, and four for each subtask of the other one
    passes, points = found["problems"]
    assert (passes["problem"], passes["n"]) == ("passes", 4) and not passes["scored"]
    assert (points["n"], points["most"]) == (8, 100.0) and points["verdicts"]["PA"] >= 4
    assert points["points"] == {"all submissions": 100.0, "round robin": 100.0, "gain": 100.0}
    rows_ = {(row["task"], row["metric"]): row for row in found["rows"]}
    assert rows_["all with points", "points, 50 by gain"]["points"] == "100.00 of 100"
    assert rows_["all passed or failed", "solved, 50 by round robin"]["value"] == 1.0
    rate = (passes["right"] / 4 + points["right"] / 8) / 2
    assert rows_["all", "pass@1"]["value"] == pytest.approx(rate)
    lines = [json.loads(line) for line in (folder / "instances.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 12 and {line["verdict"] for line in lines} == {"AC", "PA", "WA"}
    choices = [json.loads(line) for line in (folder / "choices.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(one["problem"], one["choice"]) for one in choices] == [
        (name, way) for name in ("passes", "points") for way in ("round robin", "gain")
    ]
    sealed = next((folder / "artifacts").iterdir())
    kept = {"result.json", "instances.jsonl", "generations.jsonl", "choices.jsonl", "leaving.jsonl", "record.jsonl"}
    assert {path.name for path in sealed.iterdir()} == kept


def test_fewer_submissions_may_be_chosen_than_there_are(tmp_path: Path) -> None:
    place = packages.write(tmp_path / "problems", "points", scoring=True)
    with running(answers) as mock:
        options = agreed(mock, place, tmp_path / "out", most="1")
        _, found = suites.run("olympiad", subject(mock), options, tmp_path / "out")
    assert found["problems"][0]["points"]["round robin"] in (40.0, 100.0)
    assert found["problems"][0]["points"]["all submissions"] == 100.0


def test_a_judge_error_is_no_score_and_what_was_drawn_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = packages.write(tmp_path / "problems", "passes")
    monkeypatch.setattr(judges._Runs, "_run", lambda self, test: Outcome("JE", message="the disk is full"))
    with running(answers) as mock:
        options = agreed(mock, place, tmp_path / "out")
        with pytest.raises(JudgeError, match="the disk is full"):
            suites.run("olympiad", subject(mock), options, tmp_path / "out")
    (folder,) = (tmp_path / "out").iterdir()
    assert not (folder / "result.json").exists()
    assert (folder / "generations.jsonl").read_text(encoding="utf-8").count("\n") == 4


def test_a_model_is_told_the_statement_the_examples_and_the_limits(tmp_path: Path) -> None:
    problem = package.read(packages.write(tmp_path, "points", scoring=True) / "points")
    setting = olympiad.Setting(tmp_path, "cpp", "en", True, 50, False)
    asked = olympiad._asked(problem, {}, setting)
    assert list(asked.prompts) == ["1-small", "2-large"]
    text = asked.prompts["2-large"].messages[0]["content"]
    for part in (packages.STATEMENT.strip(), "Input:\n```\n3\n```", "Aim at the subtask 2-large", "2 s", "```cpp"):
        assert part in text
    assert "500" not in text  # nothing of the secret tests


def test_rows_bring_their_own_prompts(tmp_path: Path) -> None:
    setting = olympiad.Setting(rows.write(tmp_path / "r.jsonl", rows.batch()), "cpp", "en", True, 50, True)
    ((problem, given),) = olympiad._problems(setting, Options())
    asked = olympiad._asked(problem, given, setting)
    assert [one.name for one in asked.subtasks] == ["01-small", "02-all"]
    assert asked.prompts["02-all"].messages[0]["content"] == "About sums: solve 02-all."
    code = olympiad.with_includes("long long total(vector<int> a);", problem.include["cpp"])
    assert code.startswith('#include <bits/stdc++.h>\n#include "sums.h"\nusing namespace std;\n')


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"language": "cobol"}, "language=cobol"),
        ({"temperature": "warm"}, "temperature=warm"),
        ({"temperature": "0"}, "would all be the same"),
        ({"aim": "high"}, "aim=high"),
        ({"problems": "nowhere"}, "no problems at nowhere"),
        ({"shots": "3"}, "no setting 'shots'"),
    ],
)
def test_settings_that_cannot_be_followed_are_named(settings: dict[str, Any], what: str) -> None:
    with pytest.raises(HelderError, match=what):
        olympiad._settings(Options(settings=settings))


def test_problems_are_chosen_by_name_or_by_the_seed(tmp_path: Path) -> None:
    place = problems(tmp_path)
    setting = olympiad.Setting(place, "python3", "en", True, 50, False)
    assert [one.name for one, _ in olympiad._problems(setting, Options(tasks=("points",)))] == ["points"]
    (first,) = [one.name for one, _ in olympiad._problems(setting, Options(limit=1))]
    assert first == olympiad._problems(setting, Options(limit=1))[0][0].name
    with pytest.raises(HelderError, match="no problem 'other'"):
        olympiad._problems(setting, Options(tasks=("other",)))
