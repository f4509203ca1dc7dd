"""Every fact names what shows it; what is withheld or was never said is not known, and nothing bad is left out."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder import pipeline
from helder.certify import compute, documents, layout
from helder.certify.evidence import Evidence, Fact, payload_digest
from helder.certify.reading import in_order
from helder.errors import ExitCode, HelderError
from helder.fleet.work import Architecture
from helder.ledger import envelope, predicates
from helder.ledger.statement import Statement
from helder.model import sizes
from helder.train.settings import resolve
from tests.certify import made_up
from tests.certify.conftest import Certified

GROUPS = ("model", "base", "task", "data", "compute", "made", "verdict", "people")
LISTS = ("weights", "formats", "others", "sources", "splits", "texts", "trainings", "averages", "stages", "inference",
         "hardware", "software", "scores", "score_details", "superseded", "withheld", "not_proved")  # fmt: skip
SINGLE = ("commitment", "round_trip", "licence_of_data", "energy", "seconds", "seal", "packets")


def facts(evidence: Evidence) -> Iterator[tuple[str, Fact]]:
    """Everything that can be asked."""
    for name in GROUPS:
        for key, fact in getattr(evidence, name).items():
            yield f"{name}.{key}", fact
    for name in LISTS:
        for place, fact in enumerate(getattr(evidence, name)):
            yield f"{name}[{place}]", fact
    for name in SINGLE:
        yield name, getattr(evidence, name)


def told(evidence: Evidence) -> str:
    return json.dumps({name: fact.to_json() for name, fact in facts(evidence)}, ensure_ascii=False)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> made_up.Run:
    return made_up.make(tmp_path_factory.mktemp("tuned"))


@pytest.fixture
def real(certified: Certified) -> Evidence:
    """Of a real run of the olmo2 recipe, everything there."""
    said = pipeline.statements(certified.project)
    places = {name: made.path for name, made in pipeline.made(certified.project).items()}
    return Evidence.of({"name": "olmo2", "model": "train"}, said, places)


def of_bundle(certified: Certified) -> Evidence:
    """Of what lies in the bundle alone, its statements in an order of their own."""
    root = certified.bundle
    release = predicates.read(
        envelope.open((root / layout.RELEASE).read_bytes(), [certified.key.public]).payload,
        predicates.RELEASE,
        "release",
    )["predicate"]
    way = {
        one["stage"]: Statement(json.loads(envelope.open((root / one["file"]).read_bytes(), []).payload))
        for one in reversed(release["ledger"])
        if one["role"] == "way"
    }
    return documents.evidence_of(release, way, root)


def test_every_known_fact_of_a_real_run_has_a_source_and_names_a_statement_or_a_file(real: Evidence) -> None:
    shown = {payload_digest(said) for said in real.statements.values()}
    for said in real.statements.values():
        shown |= {one["sha256"] for one in said.predicate["outputs"]}
    for name, fact in facts(real):
        assert fact.source, name
        if fact.known and fact.grade >= 2 and not name.startswith("not_proved"):
            assert fact.evidence in shown, name


def test_a_real_run_tells_its_trainings_in_order_and_what_was_averaged(real: Evidence) -> None:
    trainings = [fact.value for fact in real.trainings]
    names = [training["stage"] for training in trainings]
    assert names == ["train-pretrain", "train-anneal-1", "train-anneal-2", "train-tune", "train-prefer", "train"]
    assert [training["begins_with"] for training in trainings] == [
        *("base", "train-pretrain", "train-pretrain", "average-anneal", "train-tune", "train-prefer")
    ]
    assert real.averages[0].value == {"stage": "average-anneal", "of": ["train-anneal-1", "train-anneal-2"]}
    assert {training["objective"] for training in trainings} == {"text", "answers", "preference", "reward"}
    for training in trainings:
        assert training["flops"] > 0
        assert training["tokens"] > 0
        assert training["seconds"] > 0
        assert len(training["log_sha256"]) == 64
    assert real.compute["flops"].value == sum(training["flops"] for training in trainings)


def test_a_model_made_from_nothing_owes_nothing_to_others(real: Evidence) -> None:
    assert real.base["kind"].value == "scratch"
    assert real.base["seed"].value == 0
    assert not real.base["licence"].known
    assert real.others == []
    assert {fact.value["id"] for fact in real.not_proved} & {"base-training", "base-quantised"} == set()
    assert {fact.value["name"] for fact in real.sources} >= {"train.jsonl", "text.jsonl", "better.jsonl", "pairs.jsonl"}
    assert [fact.value["stage"] for fact in real.texts] == ["tokens-anneal", "tokens-pretrain"]


def test_the_commitment_is_told_and_its_secret_is_no_source(certified: Certified) -> None:
    evidence = of_bundle(certified)
    assert evidence.commitment.value["leaves"] > 0
    assert len(evidence.commitment.value["root"]) == 64
    assert not any("secret" in fact.value["name"] for fact in evidence.sources)
    assert not evidence.withheld or all(fact.value["why"] for fact in evidence.withheld)


def test_evidence_of_a_bundle_says_what_that_of_its_run_says(certified: Certified, real: Evidence) -> None:
    bundled = of_bundle(certified)
    for name in ("model", "base", "compute", "verdict"):
        for key, fact in getattr(real, name).items():
            assert getattr(bundled, name)[key] == fact, f"{name}.{key}"
    assert bundled.trainings == real.trainings
    assert bundled.scores == real.scores


def test_a_base_model_of_others_is_told_apart_with_what_is_not_known_of_it(tuned: made_up.Run) -> None:
    base = tuned.evidence().base
    assert base["kind"].value == "imported"
    assert base["title"].value == "Of Others"
    assert (base["licence"].value, base["licence"].grade) == ("Apache-2.0", 0)
    assert base["quantised"].value == ["Q4_1"]
    assert base["training_data"].value == "not on site"
    ids = {fact.value["id"] for fact in tuned.evidence().not_proved}
    assert ids >= {"base-training", "base-quantised", "seal", "energy", "data-right", "outside-tries"}


@pytest.mark.parametrize("kind", ["label", "text", "record"])
def test_every_subject_on_every_test_set_is_told_with_its_interval(kind: str, tmp_path: Path) -> None:
    evidence = made_up.make(tmp_path, kind).evidence()
    measures = {"label": {"whole", "macro_f1"}, "text": {"whole", "text"}, "record": {"whole", "fields", "stated"}}[
        kind
    ]
    rows = [fact.value for fact in evidence.scores]
    for subject in ("weights", "q8_0", "base", "trivial"):
        assert {row["measure"] for row in rows if row["subject"] == subject} == measures
    assert next(row for row in rows if row["subject"] == "base")["value"] == 0.0, "bad scores are told"
    for row in rows:
        assert row["measure"] == "macro_f1" or row["low"] <= row["value"] <= row["high"]
    assert evidence.verdict["recommendation"].value["text"]
    assert evidence.task["kind"].value == kind


def test_duplicates_and_what_was_cleaned_are_counted_and_single_rows_are_for_regulators(tuned: made_up.Run) -> None:
    evidence = tuned.evidence()
    assert evidence.data["duplicates"].value == 1
    assert evidence.data["records"].value == 32
    train = next(fact.value for fact in evidence.splits if fact.value["split"] == "train")
    assert (train["read"], train["kept"], train["duplicates"]) == (21, 20, 1)
    assert evidence.data["left_out"].audience == "regulator"
    assert evidence.verdict["examples"].audience == "regulator"
    assert not evidence.data["left_out"].for_("customer")
    assert evidence.data["left_out"].for_("regulator")


def test_tokens_are_summed_over_the_log_and_taken_from_the_statement_where_it_is_withheld(tuned: made_up.Run) -> None:
    assert tuned.evidence().trainings[0].value["tokens"] == 1000
    without = tuned.evidence(withheld=["train"]).trainings[0].value
    assert without["tokens"] == 400
    assert "last attempt" in without["tokens_how"]
    assert without["flops"] > 0, "the architecture is that of the base model"


def test_what_is_withheld_is_not_known_and_statements_still_speak(tuned: made_up.Run) -> None:
    evidence = tuned.evidence(withheld=["train", "base", "data", "scores", "files"])
    assert len(evidence.withheld) == sum(len(tuned.said[stage].predicate["outputs"]) for stage in
                                         ("train", "base", "data", "scores", "files"))  # fmt: skip
    assert not evidence.model["architecture"].known
    assert evidence.scores == []
    assert not evidence.round_trip.known
    assert evidence.model["parameters"].value == sizes.find("smollm2-135m").published.parameter_count
    assert [fact.value["sha256"] for fact in evidence.formats] == [
        one["sha256"] for one in tuned.said["files"].predicate["outputs"] if one["path"].endswith(".gguf")
    ]
    assert evidence.base["licence"].value == "Apache-2.0"
    assert {"withheld", "scores"} <= {fact.value["id"] for fact in evidence.not_proved}
    told(evidence)


def test_a_file_that_is_not_what_its_statement_names_is_refused(tmp_path: Path) -> None:
    run = made_up.make(tmp_path)
    path = tmp_path / "scores" / "scores.json"
    path.write_text(path.read_text("utf-8").replace('"right": 5', '"right": 8'), encoding="utf-8")
    with pytest.raises(HelderError) as caught:
        _ = run.evidence().scores
    assert caught.value.code == ExitCode.FAILED
    assert "scores/scores.json" in caught.value.what


def test_what_was_tried_before_is_counted_by_stage(tuned: made_up.Run) -> None:
    evidence = tuned.evidence(superseded=["train", "train", "scores"])
    assert {fact.value["stage"]: fact.value["count"] for fact in evidence.superseded} == {"train": 2, "scores": 1}


def test_a_teacher_is_named_among_the_models_of_others_and_counted(tmp_path: Path) -> None:
    plain = made_up.make(tmp_path / "plain", "label").evidence()
    taught = made_up.make(tmp_path / "taught", "label", objective="distil").evidence()
    assert [fact.value["stage"] for fact in taught.others] == ["teacher-distil"]
    assert plain.others == []
    more = taught.trainings[0].value["flops"] - plain.trainings[0].value["flops"]
    teacher = Architecture.of(sizes.find("smollm2-360m").published).parameters
    assert more == pytest.approx(2.0 * teacher * 1000)
    assert taught.trainings[0].value["learns_from"] == {"data": "data", "teacher": "teacher-distil"}


def test_the_order_in_which_statements_come_changes_nothing(tuned: made_up.Run) -> None:
    evidence = tuned.evidence()
    stages = list(tuned.said)
    random.Random(4).shuffle(stages)
    other = Evidence.of(evidence.release, {stage: tuned.said[stage] for stage in stages}, evidence.places)
    assert told(other) == told(evidence)
    seen: set[str] = set()
    for said in other.statements.values():
        made = {one.digest for one in other.statements.values()}
        needs = {one["digest"]["sha256"] for one in said.predicate["inputs"].values()} & made
        assert needs <= seen
        seen.add(said.digest)


def test_statements_that_go_round_in_a_circle_are_all_kept(tuned: made_up.Run) -> None:
    said = dict(tuned.said)
    payload = json.loads(json.dumps(said["base"].payload))
    payload["predicate"]["inputs"]["source"]["digest"]["sha256"] = said["train"].digest
    said["base"] = type(said["base"])(payload)
    assert in_order(said).keys() == said.keys()


@given(st.sampled_from(sorted(sizes.sizes())), st.integers(1, 10**9), st.integers(1, 10**4))
def test_the_operations_of_a_full_training_are_at_least_six_a_parameter_and_token(
    name: str, tokens: int, steps: int
) -> None:
    config = sizes.find(name).published
    flops = compute.training_flops(config, resolve({"steps": 1, "objective": "text"}), tokens, steps)
    assert flops is not None
    multiplied = Architecture.of(config).multiplied
    assert flops >= 6.0 * multiplied * tokens
    attention = Architecture.of(config).attention_flops(512)
    optimizer = steps * 12.0 * Architecture.of(config).parameters
    assert flops <= (6.0 * multiplied + 3.01 * attention) * tokens + optimizer + 1


@pytest.mark.parametrize("method", ["lora", "upper"])
def test_training_some_weights_takes_fewer_operations_than_all(method: str) -> None:
    config = sizes.find("smollm2-135m").published
    some, whole = (
        compute.training_flops(config, resolve({"steps": 10, "method": one}), 10_000, 10) for one in (method, "full")
    )
    assert some is not None and whole is not None
    assert some < whole


def test_what_cannot_be_counted_is_not_zero() -> None:
    config = sizes.find("smollm2-135m").published
    assert compute.training_flops(config, resolve({"steps": 1}), 0, 1) is None
    assert compute.training_flops(config, resolve({"steps": 1, "objective": "distil"}), 100, 1) is None


def test_reading_leaves_every_file_as_it_was(tuned: made_up.Run) -> None:
    def sums() -> dict[str, str]:
        files = sorted(path for path in tuned.root.rglob("*") if path.is_file())
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = sums()
    told(tuned.evidence())
    assert sums() == before
