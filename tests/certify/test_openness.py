"""A class is computed from what is shown: what is withheld, unlicensed or left open by people does not count."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder import pipeline
from helder.certify import openness
from helder.certify.evidence import Evidence
from helder.certify.openness import EXERCISABLE, Openness
from tests.certify import made_up
from tests.certify.conftest import Certified

PEOPLE = {
    "licence": "Apache-2.0",
    "documents_licence": "CC-BY-4.0",
    "intended_use": "To see.",
    "out_of_scope": "All else.",
    "risks": "Errors.",
    "rationale": "It is small.",
    "data_origin": "Made up.",
}


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> made_up.Run:
    return made_up.make(tmp_path_factory.mktemp("tuned"))


@pytest.fixture
def scratch(certified: Certified) -> Evidence:
    """Of a real run from nothing, with all its sources in the release, as its recipe has it."""
    said = pipeline.statements(certified.project)
    places = {name: made.path for name, made in pipeline.made(certified.project).items()}
    made = {one.digest for one in said.values()}
    sources = [
        {"stage": stage, "name": name, "kind": "file", "digest": one["digest"]["sha256"], "licence": "CC0-1.0",
         "path": "sources/x"}
        for stage, one_said in said.items()
        for name, one in one_said.predicate["inputs"].items()
        if one["digest"]["sha256"] not in made
    ]  # fmt: skip
    people = certified.project.recipe.release.model_dump(mode="json", exclude={"audience"}, exclude_none=True)
    return Evidence.of({"name": "olmo2", "model": "train", "sources": sources, "people": people}, said, places)


def grades(judged: Openness) -> dict[str, int]:
    return {component.id: component.grade for component in judged.components}


def test_all_seventeen_components_are_graded(tuned: made_up.Run) -> None:
    judged = openness.judge(tuned.evidence(PEOPLE))
    assert len(judged.components) == 17
    assert sum(component.required for component in judged.components) == 14
    assert {component.class_ for component in judged.components} == {1, 2, 3}
    for component in judged.components:
        assert component.grade in (0, 1, 2, 3)
        assert component.reason.endswith((".", "…")) or component.id == "research_paper"
        assert component.evidence or component.grade == 0, component.id


def test_a_run_from_nothing_with_open_data_lacks_only_a_paper(scratch: Evidence) -> None:
    judged = openness.judge(scratch)
    assert judged.base is None
    assert judged.proven.class_ == 2
    assert judged.proven == judged.whole
    assert (judged.proven.next_, judged.proven.missing) == (1, ("research_paper",))
    assert {demand: one["met"] for demand, one in judged.definition.items()} == {
        "data_information": True,
        "code": True,
        "parameters": True,
    }


def test_a_paper_that_is_only_named_counts_as_declared_and_not_as_proven(scratch: Evidence) -> None:
    release = {**scratch.release, "people": {**scratch.release["people"], "paper": "A paper, 2026"}}
    judged = openness.judge(Evidence.of(release, scratch.statements, scratch.places))
    assert judged.declared.class_ == 1
    assert judged.declared.missing == ()
    assert judged.declared.conditional == ("model_parameters_intermediate",), "weights under a licence for code"
    assert judged.proven.class_ == 2


def test_a_base_model_of_others_is_graded_apart(tuned: made_up.Run) -> None:
    judged = openness.judge(tuned.evidence(PEOPLE))
    assert judged.base is not None
    assert judged.base["words"].startswith(
        "weights, Apache-2.0, quantised before import (Q4_1), training data not on site"
    )
    assert judged.proven.class_ == 2
    assert judged.whole.class_ == 3, "nobody here knows how the base model was trained"
    assert judged.whole.missing == ("training_code",)
    assert not judged.definition["data_information"]["met"]
    assert not judged.definition["code"]["met"]


def test_a_component_that_is_withheld_does_not_count(tuned: made_up.Run) -> None:
    judged = openness.judge(tuned.evidence(PEOPLE, withheld=["train", "files"]))
    assert grades(judged)["model_parameters_final"] == 0
    assert judged.proven.class_ == judged.declared.class_ == 0
    assert "model_parameters_final" in judged.proven.missing
    assert judged.definition["parameters"]["met"] is False


@pytest.mark.parametrize("key", ["licence", "documents_licence"])
def test_without_a_licence_there_is_no_class(tuned: made_up.Run, key: str) -> None:
    people = {name: value for name, value in PEOPLE.items() if name != key}
    assert openness.judge(tuned.evidence(people)).declared.class_ == 0
    assert openness.judge(tuned.evidence({**people, key: "CC-BY-NC-4.0"})).declared.class_ == 0


def test_what_people_left_open_keeps_a_card_from_being_proven(tuned: made_up.Run) -> None:
    people = {name: value for name, value in PEOPLE.items() if name != "risks"}
    judged = openness.judge(tuned.evidence(people))
    assert grades(judged)["model_card"] == 1
    assert judged.declared.class_ == 2
    assert judged.proven.class_ == 0
    assert judged.proven.missing == ("model_card",)


def test_grade_three_is_for_what_was_run_again(tuned: made_up.Run) -> None:
    evidence = tuned.evidence(PEOPLE)
    before, after = grades(openness.judge(evidence)), grades(openness.judge(evidence, ["training_code"]))
    assert before["training_code"] == 2
    assert after["training_code"] == 3
    assert before["inference_code"] == before["model_parameters_final"] == 3, "the round trip of the run exercised them"
    without = grades(openness.judge(tuned.evidence(PEOPLE, withheld=["files"])))
    assert without["inference_code"] == 2


@given(exercised=st.sets(st.sampled_from(sorted(EXERCISABLE))), withheld=st.sets(st.sampled_from(["data", "scores"])))
def test_more_that_was_run_never_lowers_and_more_that_is_withheld_never_raises(
    tuned: made_up.Run, exercised: set[str], withheld: set[str]
) -> None:
    whole = openness.judge(tuned.evidence(PEOPLE))
    more = openness.judge(tuned.evidence(PEOPLE), exercised)
    less = openness.judge(tuned.evidence(PEOPLE, withheld=sorted(withheld)), exercised)
    order = (0, 3, 2, 1)  # class I is the highest
    assert order.index(less.proven.class_) <= order.index(more.proven.class_)
    assert order.index(more.proven.class_) >= order.index(whole.proven.class_)
    assert order.index(more.declared.class_) >= order.index(more.proven.class_)
    for one, other, base in zip(less.components, more.components, whole.components, strict=True):
        assert one.grade <= other.grade
        assert other.grade >= base.grade


def test_a_base_model_that_is_not_open_closes_what_is_made_of_it(tmp_path: Path) -> None:
    run = made_up.make(tmp_path)
    source = tmp_path / "base" / "source.json"
    source.write_text(source.read_text("utf-8").replace("Apache-2.0", "CC-BY-NC-4.0"), encoding="utf-8")
    inputs = {"source": tmp_path / "files-of-others" / "model.gguf"}
    run.state("base", "helder.model.importer:run", {"licence": "CC-BY-NC-4.0"}, inputs)
    judged = openness.judge(run.evidence(PEOPLE))
    assert judged.whole.class_ == 0
    assert "model_parameters_final" in judged.whole.missing
