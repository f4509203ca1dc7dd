"""Standard tasks: read to the letter, scored item by item, and kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder.errors import HelderError
from helder.evaluate.suites import Options, Subject, graders, olmes, scoring
from helder.evaluate.suites import tasks as shelves
from helder.evaluate.suites.scoring import Weighed
from helder.evaluate.suites.tasks import Shelf
from helder.ledger.artifact import Artifact
from helder.model import importer
from helder.model.sources import SINGLE, Source
from tests.evaluate.suites import shelf as small
from tests.serve import tiny


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    made = tiny.make(tmp_path_factory.mktemp("tiny"), vocabulary=400)
    return Subject("tiny", "file", Artifact.of(made.gguf, made.gguf.name))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return small.make(tmp_path_factory.mktemp("shelf"))


def run(model: Subject, shelf: Shelf, folder: Path, **options: Any) -> dict[str, Any]:
    return olmes.run(model, Options(**options), folder, lambda event: None, shelf)


def test_every_item_is_kept_and_counted(file: Subject, shelf: Shelf, tmp_path: Path) -> None:
    found = run(file, shelf, tmp_path, tasks=("arc_easy", "winogrande:rc", "squad", "gsm8k", "mmlu"))
    rows = {row["task"]: row for row in found["rows"]}
    assert list(rows) == [
        *("arc_easy:rc", "arc_easy:mc", "winogrande:rc", "squad:gen", "squad:bpb", "gsm8k:gen", "gsm8k:bpb"),
        *("mmlu:rc", "mmlu:mc"),
    ]
    lines = [json.loads(line) for line in (tmp_path / "instances.jsonl").read_text(encoding="utf-8").splitlines()]
    for name, row in rows.items():
        own = [line for line in lines if line["task"] == name]
        assert len(own) == row["n"] == 6
        if row["metric"].startswith("acc"):
            assert sum(line["right"][row["metric"]] for line in own) == row["right"]
    assert set(rows["arc_easy:rc"]["measures"]) == set(scoring.CHOOSING)
    assert "acc_uncond" not in rows["winogrande:rc"]["measures"]
    assert set(rows["mmlu:rc"]["subjects"]) == {"first_aid", "pharmacy"}
    written = (tmp_path / "generations.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(written) == 12
    assert all("\n\n" not in json.loads(line)["text"] for line in written)
    one = next(line for line in lines if line["task"] == "arc_easy:rc")
    assert {"text", "logprob", "tokens", "chars", "bytes", "greedy", "bare_logprob"} <= set(one["choices"][0])
    json.dumps(found)


def test_a_context_of_its_own_for_each_choice_is_scored_as_it_is(file: Subject, shelf: Shelf, tmp_path: Path) -> None:
    """A pass of its own over every request gives the same numbers."""
    from helder.evaluate.suites.loglikelihood import Request, score

    task = shelf.task("winogrande:rc")
    with olmes.opened(file) as (model, tokenizer):
        found = olmes.weigh(model, tokenizer, task, task.items)
        for item, record in zip(task.items, found, strict=True):
            for choice, kept in zip(item.choices, record["choices"], strict=True):
                context, follow = tokenizer.encode(choice.context), tokenizer.encode(choice.text)
                (alone,) = score(model, [Request(tuple(context), tuple(follow))])
                assert kept["logprob"] == pytest.approx(alone.logprob, abs=2e-4)


def test_an_interrupted_run_goes_on_behind_the_tasks_that_are_done(
    file: Subject, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(file, shelf, tmp_path, tasks=("arc_easy",))
    (tmp_path / "parts" / "arc_easy.mc.jsonl").unlink()
    asked: list[str] = []
    plain = olmes.weigh

    def counted(model: Any, tokenizer: Any, task: Any, *rest: Any) -> Any:
        asked.append(task.name)
        return plain(model, tokenizer, task, *rest)

    monkeypatch.setattr(olmes, "weigh", counted)
    assert run(file, shelf, tmp_path, tasks=("arc_easy",)) == first
    assert asked == ["arc_easy:mc"]


def test_an_item_that_cannot_be_asked_is_told_and_not_counted(file: Subject, tmp_path: Path) -> None:
    made = small.make(tmp_path / "shelf", items=2)
    path = made.folder / "oe_eval_tasks" / "arc_easy" / "test_mc_5shot" / "requests.jsonl"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(" prn 0", " \\ud800 prn 0"), encoding="utf-8")
    found = run(file, made, tmp_path / "out", tasks=("arc_easy:mc",))
    assert (found["rows"][0]["n"], found["rows"][0]["refused"]) == (1, 1)
    assert "could not be asked" in found["warnings"][0]


def test_a_token_at_the_beginning_is_given_when_it_is_named(file: Subject, shelf: Shelf, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    plain = run(file, shelf, tmp_path / "a", tasks=("winogrande:rc",))
    begun = run(file, shelf, tmp_path / "b", tasks=("winogrande:rc",), settings={"begin": "<|endoftext|>"})
    assert plain["rows"][0]["bits_per_byte"] != begun["rows"][0]["bits_per_byte"]
    with pytest.raises(HelderError, match="no special token"):
        run(file, shelf, tmp_path / "a", tasks=("winogrande:rc",), settings={"begin": "<bos>"})


def test_names_mean_tasks(shelf: Shelf) -> None:
    assert shelf.expand(["arc_easy", "arc_easy:rc"]) == ["arc_easy:rc", "arc_easy:mc"]
    assert shelf.expand(["arc_easy/test_rc_5shot"]) == ["arc_easy/test_rc_5shot"]
    assert "mmlu:mc" in shelf.expand(["olmes"]) and "arc_easy:rc" in shelf.expand(["olmes"])
    for wrong in ("arc_easy:gen", "arc", "arc_easy/none", "mmlu/rc", "squad:rc"):
        with pytest.raises(HelderError, match="There is no task"):
            shelf.expand([wrong])
    few = shelves.choose(shelf.task("arc_easy:rc").items, 3, 0)
    assert few == shelves.choose(shelf.task("arc_easy:rc").items, 3, 0)
    assert few != shelves.choose(shelf.task("arc_easy:rc").items, 3, 1)


def test_mmlu_is_put_together_as_olmes_has_it(shelf: Shelf) -> None:
    item = shelf.task("mmlu:mc").items[0]
    context = item.choices[0].context
    assert context.startswith("The following are multiple choice questions (with answers) about first aid:\n\n")
    assert context.count("Answer:") == 6
    assert context.endswith("A. every morning\nB. at night\nC. for 5 days\nD. one tablet\nAnswer:")
    cloze = shelf.task("mmlu:rc").items[0]
    assert cloze.choices[1].context.endswith("Question: first_aid 0\nAnswer:")
    assert (cloze.choices[1].text, cloze.choices[1].bare_context) == (" at night", "Answer:")


def test_what_is_missing_or_broken_says_so(file: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "PACKAGE", "no-such-package-of-tasks")
    with pytest.raises(HelderError, match="not installed"):
        Shelf.installed()
    with pytest.raises(HelderError, match="no log-likelihoods"):
        olmes.run(Subject("o1", "service"), Options(), tmp_path, lambda event: None)
    with pytest.raises(HelderError, match="no number of tokens"):
        olmes.run(file, Options(settings={"window": "many"}), tmp_path, lambda event: None)
    made = small.make(tmp_path / "shelf", items=1)
    (made.folder / "oe_eval_tasks" / "arc_easy" / "test_mc_5shot" / "requests.jsonl").write_text("{}\n", "utf-8")
    with pytest.raises(HelderError, match="cannot be read"):
        made.task("arc_easy:mc")


def test_each_normalisation_chooses_by_its_own_measure() -> None:
    choices = [
        Weighed(" aaaaaaaaaaaaaaaaaaa", -10.0, 2, False, 0, -4.0),  # per token -5, per character -0.5
        Weighed(" b", -3.0, 1, False, 0, -1.0),  # the most probable
        Weighed(" ccccccccc", -9.0, 4, False, 0, -8.5),  # per token -2.25; the question changes least
    ]
    assert scoring.chosen(choices) == {"acc_raw": 1, "acc_per_char": 0, "acc_per_token": 2, "acc_uncond": 2}
    tied = [Weighed(" a", -1.0, 1, False), Weighed(" b", -1.0, 1, False)]
    assert scoring.chosen(tied) == {"acc_raw": 0, "acc_per_char": 0, "acc_per_token": 0}
    assert Weighed(" é", -3 * 0.6931471805599453, 1, False).bits_per_byte == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("grader", "text", "accepted", "right", "share"),
    [
        ("number", "3 and 4 are 7. So the answer is 7.", ["7"], True, 1.0),
        ("number", "So the answer is 1,007", ["1007"], True, 1.0),
        ("number", "I do not know", ["7"], False, 0.0),
        ("math", "so \\boxed{\\frac{1}{2}}", ["\\dfrac12"], True, 1.0),
        ("math", "Final Answer: The final answer is $x=5$. I hope it is correct.", ["5"], True, 1.0),
        ("math", "\\boxed{\\left( 3, \\frac{\\pi}{2} \\right)}", ["(3,\\frac{\\pi}{2})"], True, 1.0),
        ("math", "\\boxed{0.5}", ["\\frac{1}{2}"], False, 0.0),  # a lower bound: equal, and written otherwise
        ("math", "\\boxed{7", ["7"], False, 0.0),
        ("math", "", ["7"], False, 0.0),
        ("words", "The Night!", ["night", "at noon"], True, 1.0),
        ("words", "late at night", ["at night"], False, 0.8),
        ("words", "in 1930", ["in 1931"], False, 0.0),
    ],
)
def test_graders_accept_what_they_say(grader: str, text: str, accepted: list[str], right: bool, share: float) -> None:
    found = graders.grade(grader, text, accepted)
    assert (found.right, found.share) == (right, pytest.approx(share))


def test_a_grader_without_a_right_answer_is_an_error_and_no_zero() -> None:
    with pytest.raises(ValueError, match="no number"):
        graders.grade("number", "7", ["seven"])
    with pytest.raises(ValueError, match="no answer"):
        graders.grade("words", "7", [])


def test_spaces_at_the_end_of_a_context_go_over_to_what_follows(file: Subject) -> None:
    with olmes.opened(file) as (_, tokenizer):
        known: dict[str, list[int]] = {}
        assert olmes.pair(tokenizer, "take one ", "tablet", known) == olmes.pair(
            tokenizer, "take one", " tablet", known
        )


def test_a_file_and_its_weights_give_the_same(file: Subject, shelf: Shelf, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    source = Source({SINGLE: file.path}, "tiny")
    importer.run(importer.settings(source, "plain"), {SINGLE: file.path}, folder, tmp_path, lambda *a, **b: None)
    weights = Subject("tiny", "folder", Artifact.of(folder, "weights"))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    same = [
        run(one, shelf, tmp_path / name, tasks=("arc_easy",))["rows"] for name, one in (("a", file), ("b", weights))
    ]
    assert same[0] == same[1]
