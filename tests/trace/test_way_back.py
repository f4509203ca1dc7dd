"""From a text back to documents, files and training steps, in a real run."""

from __future__ import annotations

import json

import numpy as np
import pytest

from helder import pipeline
from helder.errors import HelderError
from helder.project import Project
from helder.trace import trace
from helder.trace.spans import OLMOTRACE, Rules
from helder.trace.streams import Stream, indexed
from helder.trace.way_back import NOT_CAUSE
from tests.trace.conftest import PLANTED


def stream(project: Project, kind: str) -> Stream:
    return next(one for one in indexed(project) if one.kind == kind)


def test_a_planted_sentence_leads_to_its_files_pages_and_steps(run: Project) -> None:
    traced = trace(run, f"I was told {PLANTED} Is it so?")
    (span,) = traced.spans
    assert PLANTED in span.text
    found = {passage.document: passage for passage in span.passages}
    assert set(found) == {"archive.txt", "text.jsonl:61"}
    note, page = found["archive.txt"], found["text.jsonl:61"]
    data = (run.folder / "notes" / "archive.txt").read_bytes()
    start = note.source["byte"]
    assert data[start:].startswith(note.passage.encode("utf-8"))
    assert PLANTED in note.passage
    assert (note.about, note.source["exact"]) == ({"licence": "CC0-1.0"}, True)
    assert (page.line, page.source["path"], page.source["place"]) == (61, "scans/archive.pdf", "page 2")
    assert page.about["licence"] == "CC-BY-4.0"
    text = json.loads((run.folder / "text.jsonl").read_text(encoding="utf-8").splitlines()[60])["text"]
    assert text.encode("utf-8")[slice(*page.bytes)].decode("utf-8") == page.passage
    for passage in found.values():
        (seen,) = passage.seen
        assert seen.training == "train-pretrain"
        assert seen.steps
        assert (seen.checked, seen.agrees) == (min(3, len(seen.steps)), True)
    shares = [traced.coverage[name] for name in ("prompt", "own_documents", "not_found")]
    assert sum(shares) == pytest.approx(1)
    assert shares[0] == 0
    assert 0.6 < shares[1] < 0.95
    json.dumps(traced.to_json(), allow_nan=False)


def test_steps_are_those_whose_batches_hold_the_tokens(run: Project) -> None:
    text = stream(run, "text")
    (seen,) = text.sightings
    context = seen.training.settings["context"]
    tokens = text.index.tokens
    for document in range(0, len(text.index.documents), 7):
        first, stop = text.index.bounds(document)
        first, stop = first + 2, min(stop, first + 9)
        wanted = []
        for step in range(1, seen.training.steps + 1):
            rows = [range(row * context, min((row + 1) * context, len(tokens))) for row in seen.order.batch(step - 1)]
            # A row is asked for the token behind its end, too.
            if any(row.start < stop and first < row.stop + 1 for row in rows):
                wanted.append(step)
        assert seen.steps(seen.sequences(first, stop)) == wanted
    assert all(seen.agrees(step) for step in range(1, seen.training.steps + 1))


@pytest.mark.parametrize(("kind", "names"), [("data", ["train-reward", "train"]), ("pairs", ["train-prefer"])])
def test_every_batch_that_is_made_again_is_the_one_in_the_log(run: Project, kind: str, names: list[str]) -> None:
    found = stream(run, kind).sightings
    assert [seen.training.stage for seen in found] == names
    for seen in found:
        agrees = [seen.agrees(step) for step in range(1, seen.training.steps + 1)]
        assert agrees == [None if seen.training.stage == "train-reward" else True] * seen.training.steps


def test_a_batch_that_is_another_does_not_agree(run: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (seen,) = stream(run, "text").sightings
    before = seen.batch(1)
    other = next(row for row in range(100) if row not in before)
    monkeypatch.setattr(type(seen), "batch", lambda self, step: [other, *before[1:]])
    assert seen.agrees(1) is False


def test_a_reward_sees_questions_and_not_the_right_answers(run: Project) -> None:
    data = stream(run, "data")
    reward, tuned = data.sightings
    first, stop = data.index.bounds(0)
    answer = first + int(data.index.documents[0]["answer"])
    assert reward.sequences(first, answer) == [0]
    assert reward.sequences(answer, stop) == []
    assert tuned.sequences(answer, stop) == [0]


def test_questions_lead_to_the_line_of_the_file_that_the_recipe_names(run: Project) -> None:
    rows = (run.folder / "train.jsonl").read_text(encoding="utf-8").splitlines()
    question = json.loads(rows[4])["input"]
    traced = trace(run, question, rules=Rules(minimum_length=3))
    places = {(passage.file, passage.line) for span in traced.spans for passage in span.passages}
    assert ("train.jsonl", 5) in places


def test_the_prompt_has_its_share(run: Project) -> None:
    prompt = f"The wizard said nothing at all about purple cats today. {PLANTED}"
    traced = trace(run, f"The wizard said nothing at all about purple cats. {PLANTED[:40]}", prompt=prompt)
    assert traced.coverage["prompt"] > 0.9
    assert traced.coverage["in_both"] > 0.3
    assert traced.coverage["own_documents"] == 0


def test_it_says_that_it_is_not_cause_and_what_is_not_on_site(run: Project) -> None:
    assert trace(run, PLANTED).notes[0] == NOT_CAUSE
    assert "made from nothing" in trace(run, PLANTED).notes[1]


def test_spans_end_at_delimiters_where_the_rules_say_so(run: Project) -> None:
    traced = trace(run, f"{PLANTED} 28 - 23 = 5.", rules=OLMOTRACE)
    assert all("." not in span.text.strip().rstrip(".") for span in traced.spans)


def test_a_text_shorter_than_a_span_is_looked_for_whole(run: Project) -> None:
    traced = trace(run, "room 217")
    assert [span.text.strip() for span in traced.spans] == ["room 217"]


def test_the_index_is_made_once_and_signed(run: Project) -> None:
    made = indexed(run)
    ran: list[str] = []
    again = indexed(run, lambda event: ran.append(event["event"]))
    assert ran == []
    assert [one.made and one.made.digest for one in made] == [one.made and one.made.digest for one in again]
    for one in made:
        assert one.made is not None
        said = run.run_folder.find(one.stage.key)
        assert said is not None
        assert said.digest == one.made.digest
    assert {step.state for step in pipeline.status(run, verify=False)[:8]} == {"done"}


def test_a_document_that_changed_is_not_passed_off_as_the_one_that_was_learnt_from(run: Project) -> None:
    path = run.folder / "notes" / "archive.txt"
    text = stream(run, "text")
    number = [str(one["id"]) for one in text.index.documents].index("archive.txt")
    from helder.trace.sources import Sources

    before = path.read_bytes()
    try:
        path.write_bytes(before.replace(b"blue", b"grey"))
        with pytest.raises(HelderError, match="no longer what the model learnt from"):
            Sources(text).document(number)
    finally:
        path.write_bytes(before)
    assert Sources(text).document(number).shift == 3


def test_nothing_to_trace_and_nothing_trained_are_said(run: Project, tmp_path: pytest.TempPathFactory) -> None:
    with pytest.raises(HelderError, match="no text to trace"):
        trace(run, "  ")
    recipe = run.path.read_text(encoding="utf-8")
    try:
        run.path.write_text(recipe.replace("steps = 12", "steps = 13"), encoding="utf-8")
        with pytest.raises(HelderError, match="no training to trace back to"):
            trace(run.folder, "Something else.")
    finally:
        run.path.write_text(recipe, encoding="utf-8")


def test_tokens_are_as_long_as_their_bytes(run: Project) -> None:
    words = stream(run, "text").words
    ids = words.encode(PLANTED)
    assert words.bytes(ids).decode("utf-8") == PLANTED
    assert words.offsets(ids)[-1] == len(PLANTED.encode("utf-8"))
    assert np.all(np.diff(words.offsets(ids)) > 0)
    assert words.starts(words.encode("two words"))[0] is True
