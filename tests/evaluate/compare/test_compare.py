"""`helder compare` from the command line to the report: plan, agreement, budget, questions, verdict."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from helder.commands import group
from helder.errors import ExitCode
from helder.ledger.run_folder import RunFolder
from tests.evaluate.compare.mock import SERVED, Does, Mock, Seen, question, running

KEY = "sk-very-secret-0123456789"


def by_number(seen: Seen, count: int) -> Does:
    """The model "good" is wrong on every tenth item, "bad" on every third; both fence some of their answers."""
    number = int(question(seen).split()[1].rstrip("?"))
    wrong = number % (10 if seen.body["model"] == "good" else 3) == 0
    return Does(text="no" if wrong else "```text\nyes\n```" if number % 2 else "yes")


@pytest.fixture
def mock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mock]:
    monkeypatch.setenv("MOCK_KEY", KEY)
    with running(by_number) as found:
        yield found


class Place:
    """A folder with items and services, and the command."""

    def __init__(self, folder: Path, mock: Mock, count: int = 120, clusters: int | None = None) -> None:
        self.folder, self.mock = folder, mock
        rows = [{"id": str(n), "input": f"Question {n}?", "output": "yes"} for n in range(count)]
        if clusters:
            rows = [{**row, "tags": [f"document:{n % clusters}"]} for n, row in enumerate(rows)]
        self.write(rows)
        price = "price = { input = 2.0, output = 8.0 }"
        (folder / "services.toml").write_text(
            f'[good]\nurl = "{mock.url}/v1"\nkey = "MOCK_KEY"\n{price}\nlicence = "secret"\n'
            f'[bad]\nprotocol = "anthropic"\nurl = "{mock.url}"\nkey = "MOCK_KEY"\nstream = true\n{price}\n',
            encoding="utf-8",
        )

    def write(self, rows: list[dict[str, Any]]) -> None:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (self.folder / "items.jsonl").write_text(text, encoding="utf-8")

    def call(self, *more: str, hosts: bool = True, names: tuple[str, ...] = ("good", "bad")) -> int:
        allowed = ["--allow-network", "127.0.0.1"] if hosts else []
        places = ["--items", f"{self.folder}/items.jsonl", "--services", f"{self.folder}/services.toml"]
        return group.call(["compare", *names, *places, "--out", str(self.folder / "out"), *allowed, *more])

    def agreed(self, *more: str) -> int:
        """The command with the agreement that the list asks for."""
        assert self.call("--plan") == ExitCode.DONE
        listed = self.own / "leaving.jsonl"
        digest = hashlib.sha256(listed.read_bytes()).hexdigest()
        return self.call("--consent", digest, "--most-requests", "500", "--most-money", "10", *more)

    @property
    def own(self) -> Path:
        """The folder of the newest comparison."""
        return max((self.folder / "out").iterdir(), key=lambda path: path.stat().st_mtime_ns)

    @property
    def found(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.own / "comparison.json").read_text(encoding="utf-8"))
        return found


@pytest.fixture
def place(tmp_path: Path, mock: Mock) -> Place:
    return Place(tmp_path, mock)


def test_two_services_are_compared_to_the_end(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert place.agreed() == ExitCode.DONE
    told, found = capsys.readouterr().out, place.found
    (row,) = found["comparisons"]
    assert (row["a"], row["b"], row["n"]) == ("good", "bad", 120)
    assert (row["a_value"], row["b_value"]) == (pytest.approx(108 / 120), pytest.approx(80 / 120))
    assert row["verdict"] == "better"
    assert "good is better than bad" in told
    assert "recorded, cannot be replayed" in told
    for subject in found["subjects"]:
        assert subject["recorded"] == "recorded, cannot be replayed"
        assert subject["facts"]["served_models"] == [SERVED]
        assert subject["cost"]["value"] == pytest.approx(120 * (10 * 2 + 2 * 8) / 1e6)
        assert subject["left"]["requests"] == 120
        assert subject["energy"] is None
        assert subject["memory"] is None
    assert [one["licence"] for one in found["subjects"]] == ["secret", "not stated"]
    page = (place.own / "report.html").read_text(encoding="utf-8")
    assert "good is better than bad" in page
    assert "recorded, cannot be replayed" in page
    assert "not known" in page


def test_the_key_is_in_no_file_that_is_written(place: Place) -> None:
    assert place.agreed() == ExitCode.DONE
    assert len(place.mock.seen) == 240
    written = [path for path in place.own.rglob("*") if path.is_file()]
    assert len(written) >= 10
    assert not [path for path in written if KEY.encode() in path.read_bytes()]


def test_the_plan_is_in_the_ledger_before_anything_is_asked_and_the_result_rests_on_it(place: Place) -> None:
    assert place.call("--plan", "--margin", "0.03") == ExitCode.DONE
    assert not place.mock.seen
    plan = json.loads((place.own / "plan.json").read_text(encoding="utf-8"))
    assert plan["margin"] == 0.03
    assert plan["sets"][0]["n"] == 120
    assert 0 < plan["sets"][0]["power"]["better"] < 1
    (entry,) = RunFolder(place.own).entries()
    assert entry.statement is not None
    assert entry.statement.stage == "comparison-plan"
    assert place.agreed("--margin", "0.03") == ExitCode.DONE
    first, second = (one.statement for one in RunFolder(place.own).entries())
    assert first is not None
    assert second is not None
    assert second.predicate["inputs"]["plan"]["digest"]["sha256"] == first.digest
    assert second.facts["services_are"] == "recorded, cannot be replayed"
    assert "MOCK_KEY" not in json.dumps(second.predicate["environment"])


def test_a_plan_that_was_changed_is_refused(place: Place) -> None:
    assert place.call("--plan") == ExitCode.DONE
    path = place.own / "plan.json"
    path.write_bytes(path.read_bytes().replace(b'"margin": 0.05', b'"margin": 0.20'))
    assert place.call("--plan") == ExitCode.FAILED


def test_other_margins_over_the_same_items_are_told(place: Place) -> None:
    assert place.agreed("--margin", "0.01") == ExitCode.DONE
    assert place.agreed("--margin", "0.2") == ExitCode.DONE
    assert place.found["other_plans"] == 1
    assert any("Other plans" in warning for warning in place.found["warnings"])


@pytest.mark.parametrize(
    ("options", "code", "why"),
    [
        ((), ExitCode.REFUSED, "There is no budget"),
        (("--most-requests", "500"), ExitCode.REFUSED, "There is no budget"),
        (("--most-requests", "500", "--most-money", "1"), ExitCode.REFUSED, "were not agreed to"),
        (("--most-requests", "500", "--most-money", "1", "--consent", "0" * 64), ExitCode.REFUSED, "another one"),
        (("--judge", "taste"), ExitCode.USER, "no verifier 'taste'"),
        (("--examples", "3"), ExitCode.USER, "--examples needs a project"),
        (("--margin", "0.9"), ExitCode.USER, "margin"),
    ],
)
def test_what_was_not_agreed_to_is_not_sent(
    place: Place, options: tuple[str, ...], code: int, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.call(*options) == code
    assert why in capsys.readouterr().err
    assert not place.mock.seen


def test_a_prefix_that_is_too_short_is_no_agreement(place: Place) -> None:
    assert place.call("--plan") == ExitCode.DONE
    digest = hashlib.sha256((place.own / "leaving.jsonl").read_bytes()).hexdigest()
    budget = ("--most-requests", "500", "--most-money", "10")
    assert place.call("--consent", digest[:4], *budget) == ExitCode.REFUSED
    assert place.call("--consent", "", *budget) == ExitCode.REFUSED
    assert not place.mock.seen


class Typed(io.StringIO):
    """What a person types on a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "asked"), [("500\n10\ny\n", 240), ("500\n10\nn\n", 0), ("500\n10\n\n", 0), ("", 0)])
def test_on_a_terminal_the_budget_and_the_agreement_are_asked_for(
    place: Place, typed: str, asked: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Typed(typed))
    assert (place.call() == ExitCode.DONE) == bool(asked)
    assert len(place.mock.seen) == asked
    assert "At most how many requests" in capsys.readouterr().err


def test_a_comparison_that_is_done_needs_no_money_to_be_shown_again(place: Place) -> None:
    assert place.agreed() == ExitCode.DONE
    before = place.found
    assert place.call() == ExitCode.DONE
    assert place.found == before
    assert len(place.mock.seen) == 240


def test_a_host_that_was_not_named_refuses_everything(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert place.call("--plan", hosts=False) == ExitCode.REFUSED
    assert "--allow-network 127.0.0.1" in capsys.readouterr().err
    assert not place.mock.seen


def test_what_leaves_is_what_was_listed(place: Place) -> None:
    assert place.agreed() == ExitCode.DONE
    listed = [json.loads(line) for line in (place.own / "leaving.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sorted(one["body"].encode() for one in listed) == sorted(seen.raw for seen in place.mock.seen)
    assert {one["host"] for one in listed} == {place.mock.url.removeprefix("http://")}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"private": True}, "calls it private"),
        ({"input": "Mail to anna.devries@ziekenhuis.nl, please"}, "looks like personal data"),
    ],
)
def test_private_items_never_leave(
    place: Place, row: dict[str, Any], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place.write([{"id": "0", "input": "Question 0?", "output": "yes", **row}])
    assert place.call("--plan") == ExitCode.REFUSED
    assert why in capsys.readouterr().err
    assert not (place.folder / "out").exists()


def test_the_budget_stops_a_comparison_and_a_higher_one_goes_on(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.agreed("--most-requests", "150") == ExitCode.REFUSED
    assert len(place.mock.seen) == 150
    assert "higher --most-requests" in capsys.readouterr().err
    assert not (place.own / "comparison.json").exists()
    assert place.agreed() == ExitCode.DONE
    assert len(place.mock.seen) == 240


def test_items_that_a_service_refuses_stop_the_comparison_or_are_left_out_for_everyone(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    answers: Callable[[Seen, int], Does] = place.mock.does
    refuse = Does(status=400, error={"message": "not this"})
    place.mock.does = lambda seen, count: refuse if " 7?" in question(seen) else answers(seen, count)
    assert place.agreed() == ExitCode.UNCHECKED
    assert "--may-miss 1" in capsys.readouterr().err
    assert place.agreed("--may-miss", "1") == ExitCode.DONE
    assert place.found["left_out"] == ["items:7"]
    assert place.found["comparisons"][0]["n"] == 119
    assert any("left out for everyone" in warning for warning in place.found["warnings"])


def test_items_of_one_document_are_compared_as_clusters(tmp_path: Path, mock: Mock) -> None:
    place = Place(tmp_path, mock, clusters=40)
    assert place.agreed() == ExitCode.DONE
    (row,) = place.found["comparisons"]
    assert row["clusters"] == 40
    assert "in 40 clusters" in row["sentence"]


def test_more_than_two_are_held_to_one_chance_of_a_false_claim(place: Place) -> None:
    with (place.folder / "services.toml").open("a", encoding="utf-8") as stream:
        stream.write(f'[third]\nurl = "{place.mock.url}/v1"\nprice = {{ input = 0, output = 0 }}\n')
    names = ("good", "bad", "third")
    assert place.call("--plan", names=names) == ExitCode.DONE
    digest = hashlib.sha256((place.own / "leaving.jsonl").read_bytes()).hexdigest()
    more = ("--consent", digest, "--most-requests", "500", "--most-money", "9", "--json")
    assert place.call(*more, names=names) == ExitCode.DONE
    rows = place.found["comparisons"]
    assert [row["b"] for row in rows] == ["bad", "third"]
    assert all(row["p_value_holm"] >= row["p_value"] for row in rows)
    assert place.found["tests"]["number"] == 2


def test_what_a_service_says_is_shown_as_text(place: Place) -> None:
    place.mock.does = lambda seen, count: Does(text="<script>alert(1)</script>")
    with (place.folder / "services.toml").open("a", encoding="utf-8") as stream:
        stream.write(f'["<b>x</b>"]\nmodel = "m"\nurl = "{place.mock.url}/v1"\nprice = {{ input = 0, output = 0 }}\n')
    names = ("good", "<b>x</b>")
    assert place.call("--plan", names=names) == ExitCode.DONE
    digest = hashlib.sha256((place.own / "leaving.jsonl").read_bytes()).hexdigest()
    assert place.call("--consent", digest, "--most-requests", "500", "--most-money", "9", names=names) == 0
    page = (place.own / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<b>x</b>" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("url = 3", "no address"),
        ('url = "ftp://x"', "no address"),
        ('url = "https://x"\ncolour = "red"', "colour"),
        ('url = "https://user:secret@x/v1"', "no key"),
        ('url = "http://example.org"\nkey = "MOCK_KEY"', "unencrypted"),
        ('url = "https://x"\nmax_tokens = 0', "max_tokens"),
        ('url = "https://x"\nthinking_tokens = 2000', "thinking_tokens"),
        ("url =", "cannot be read"),
    ],
)
def test_services_that_cannot_be_meant_are_refused_with_the_reason(
    place: Place, table: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (place.folder / "services.toml").write_text(f"[good]\n{table}\n[bad]\nmodel = 'x'\n", encoding="utf-8")
    assert place.call("--plan") == ExitCode.USER
    told = capsys.readouterr().err
    assert why in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "no item can be read"),
        ('{"id": 1, "input": "a"}', "'output' is missing"),
        ('{"id": 1, "input": "", "output": "x"}', "empty"),
        ('{"id": 1, "input": "a", "output": "x", "answr": "y"}', "'answr' is unknown"),
        ('{"id": 1, "input": "a", "output": "x"}\n{"id": 1, "input": "b", "output": "x"}', "twice"),
        ("", "no items"),
    ],
)
def test_items_that_cannot_be_read_are_told_by_their_line(
    place: Place, line: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (place.folder / "items.jsonl").write_text(line, encoding="utf-8")
    assert place.call("--plan") == ExitCode.USER
    assert why in capsys.readouterr().err


def test_names_that_mean_nothing_and_names_twice_are_told(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert place.call("--plan", names=("good", "nobody")) == ExitCode.USER
    assert "no file, no folder with weights and no service" in capsys.readouterr().err
    assert place.call("--plan", names=("good", "good")) == ExitCode.USER
    assert place.call("--plan", names=("good",)) == ExitCode.USER
    assert place.call("--plan", names=("good", "gone.gguf")) == ExitCode.USER
