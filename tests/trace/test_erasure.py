"""What saw a string, in a real run."""

from __future__ import annotations

import json

from helder.project import Project
from helder.trace import erase
from helder.trace.streams import indexed
from tests.trace.conftest import NAME


def test_a_name_leads_to_documents_steps_states_and_models(run: Project) -> None:
    found = erase(run, NAME.upper())
    places = {(one.file, one.line) for one in found.findings}
    assert places == {("notes/archive.txt", None), ("text.jsonl", 61)}
    assert {one.written for one in found.findings} == {NAME}
    learnt = {each["document"] for one in found.findings for each in one.documents}
    assert learnt == {"archive.txt", "text.jsonl:61"}
    (touched,) = found.touched
    assert touched.training == "train-pretrain"
    assert touched.steps
    assert touched.clean_state < touched.steps[0]
    assert all(state >= touched.steps[0] for state in touched.states)
    assert touched.again_steps == 12 - touched.clean_state
    assert {one["stage"] for one in found.models} >= {
        "train-pretrain",
        "train-prefer",
        "train-reward",
        "train",
        "files",
    }
    assert next(one for one in found.models if one["stage"] == "files")["files"] == ["model-q8_0.gguf"]
    assert found.tokenizers == ["tokenizer"]
    assert found.run_seconds > 0
    json.dumps(found.to_json(), allow_nan=False)


def test_what_stands_nowhere_is_not_found_and_nothing_was_touched(run: Project) -> None:
    found = erase(run, "Nobody at all")
    assert (list(found.findings), list(found.touched), list(found.models)) == ([], [], [])
    assert "Found 0 times" in found.text()


def test_a_record_leads_to_the_trainings_that_learnt_from_it(run: Project) -> None:
    data = next(one for one in indexed(run) if one.kind == "data")
    seen = data.sightings[-1]
    number = seen.batch(1)[0]  # no record is too long for the context: sequences are records
    records = (data.learnt.path / "train.jsonl").read_text(encoding="utf-8").splitlines()
    found = erase(run, json.loads(records[number])["input"])
    roles = {one.role for one in found.findings}
    assert roles == {"learnt from", "read by the stage data"}
    touched = {one.training: one for one in found.touched}
    assert 1 in touched["train"].steps
    assert set(touched) <= {"train-reward", "train"}


def test_the_answer_for_a_person_names_what_to_do(run: Project) -> None:
    told = erase(run, NAME).text()
    for words in ("Found 2 times", "train-pretrain: ", "clean: ", "helder run", "model-q8_0.gguf", "archive.txt"):
        assert words in told


def test_a_bundle_that_hands_out_the_model_is_named(run: Project) -> None:
    import base64

    ledger = run.folder / "handed" / "ledger"
    ledger.mkdir(parents=True)
    (ledger.parent / "release.dsse.json").write_text("{}")
    digest = next(one["digest"] for one in erase(run, NAME).models if one["stage"] == "files")
    payload = base64.b64encode(json.dumps({"subject": digest}).encode()).decode()
    (ledger / "001-files.json").write_text(json.dumps({"payload": payload}))
    assert list(erase(run, NAME).bundles) == ["handed"]
