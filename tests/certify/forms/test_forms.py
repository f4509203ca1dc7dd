"""Forms are filled from evidence, open where nobody spoke, the same on every rendering; each answer has a grade."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from datetime import date
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from markdown_it import MarkdownIt

from helder import pipeline
from helder.certify.evidence import Evidence
from helder.certify.forms import annex_iv, form, gpai, model_card, training_summary
from helder.examples.files import read
from helder.recipe import Recipe, Release
from tests.certify import made_up
from tests.certify.conftest import Certified

FORMS = [gpai, training_summary, annex_iv]
HOSTILE = "<script>alert(1)</script>\n# x\n[a](javascript:b) | \u202e`c`"
Filled = Callable[[ModuleType], dict[str, Any]]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> made_up.Run:
    return made_up.make(tmp_path_factory.mktemp("tuned"))


def real(certified: Certified) -> Evidence:
    said = pipeline.statements(certified.project)
    places = {name: made.path for name, made in pipeline.made(certified.project).items()}
    people = certified.project.recipe.release.model_dump(mode="json", exclude={"audience"}, exclude_none=True)
    return Evidence.of({"name": "olmo2", "version": "0.1", "model": "train", "people": people}, said, places)


def check(filled: dict[str, Any]) -> None:
    counted = filled["coverage"]
    assert counted["filled_with_evidence"] >= 0.9 * counted["machine_fillable"], [
        field["id"] for field in filled["fields"] if field["machine_fillable"] and field["status"] != "filled"
    ]
    assert counted["without_grade"] == 0
    for field in filled["fields"]:
        assert field["grade"] in (0, 1, 2, 3), field["id"]
        assert (field["value"] is not None) == (field["status"] == "filled"), field["id"]
        if field["machine_fillable"] and field["status"] == "filled":
            assert len(field["evidence"]) == 64, field["id"]
            assert field["grade"] >= 2, field["id"]


@pytest.mark.parametrize("module", FORMS, ids=lambda module: module.NAME)
def test_nine_in_ten_fields_that_evidence_can_fill_are_filled_with_evidence_from_nothing(
    certified: Certified, module: ModuleType
) -> None:
    check(module.to_json(real(certified)))


@pytest.mark.parametrize("module", FORMS, ids=lambda module: module.NAME)
@pytest.mark.parametrize("kind", ["label", "record", "text"])
@pytest.mark.parametrize("training", [{}, {"method": "lora"}, {"objective": "distil"}], ids=["full", "lora", "distil"])
def test_and_from_a_base_model_of_others(
    tmp_path: Path, module: ModuleType, kind: str, training: dict[str, Any]
) -> None:
    check(module.to_json(made_up.make(tmp_path, kind, **training).evidence()))


@pytest.mark.parametrize("module", FORMS, ids=lambda module: module.NAME)
def test_what_only_people_can_say_is_open_until_they_say_it(tuned: made_up.Run, module: ModuleType) -> None:
    fields = [one for one in form.load(module.NAME).fields if not one.machine_fillable]
    silent = {one["id"]: one for one in module.to_json(tuned.evidence())["fields"]}
    spoken = {
        one["id"]: one for one in module.to_json(tuned.evidence({one.people: "Said." for one in fields}))["fields"]
    }
    assert fields
    for field in fields:
        assert silent[field.id]["status"] == "open"
        assert (
            spoken[field.id] | {"status": "filled", "value": "Said.", "grade": 0, "evidence": None} == spoken[field.id]
        )
    page = module.to_markdown(tuned.evidence())
    assert page.count("**Open: to be filled by a person.**") == len(fields)


@pytest.mark.parametrize("module", FORMS, ids=lambda module: module.NAME)
def test_every_field_is_answered_by_code_or_by_a_key_of_the_recipe(module: ModuleType) -> None:
    loaded = form.load(module.NAME)
    assert {one.id for one in loaded.fields if one.machine_fillable} == set(module.ANSWERS)
    for field in loaded.fields:
        assert field.machine_fillable or field.people in Release.model_fields, field.id
        assert set(field.owed_to) <= {"public", "authorities", "downstream"}
        assert field.owed_to
    assert len({field.id for field in loaded.fields}) == len(loaded.fields)
    assert loaded.source and loaded.verified
    date.fromisoformat(loaded.read)


@pytest.mark.parametrize("module", [*FORMS, model_card], ids=lambda module: module.__name__.rpartition(".")[2])
def test_the_same_bundle_gives_the_same_bytes(tuned: made_up.Run, module: ModuleType) -> None:
    def rendered() -> tuple[str, str]:
        evidence = tuned.evidence({"provider": HOSTILE})
        return json.dumps(module.to_json(evidence), ensure_ascii=False), module.to_markdown(evidence)

    assert rendered() == rendered()


@pytest.mark.parametrize("module", [*FORMS, model_card], ids=lambda module: module.__name__.rpartition(".")[2])
def test_words_of_people_are_shown_and_do_nothing(tuned: made_up.Run, module: ModuleType) -> None:
    said = {key: HOSTILE for key in Release.model_fields if key not in ("audience", "data_kinds", "data_languages")}
    page = module.to_markdown(tuned.evidence(said))
    assert "\u202e" not in page
    body = page.partition("\n---\n")[2] if page.startswith("---\n") else page
    assert "alert" in body
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    kinds = {token.type for token in tokens} | {one.type for token in tokens for one in token.children or ()}
    assert not kinds & {"link_open", "image", "html_inline", "html_block", "code_inline", "hr"}
    headings = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"]
    assert "x" not in headings


@pytest.mark.parametrize("module", [*FORMS, model_card], ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_form_is_filled_from_statements_when_everything_else_is_withheld(
    tuned: made_up.Run, module: ModuleType
) -> None:
    evidence = tuned.evidence(withheld=list(tuned.said))
    assert json.dumps(module.to_json(evidence))
    assert "Open" in module.to_markdown(evidence)


def test_a_date_of_the_law_is_a_date_and_says_whether_it_was_verified() -> None:
    law = tomllib.loads((resources.files("helder.certify") / "data" / "law.toml").read_text(encoding="utf-8"))
    acts, duties = {one["id"] for one in law["act"]}, {one["id"] for one in law["duty"]}
    assert isinstance(law["read"], date)
    for act in law["act"]:
        assert isinstance(act["date"], date)
        assert act["source"]
        assert act["verified"] or act["note"]
    for one in law["date"]:
        assert isinstance(one["from"], date)
        assert one["act"] in acts
        assert one["duty"] in duties
        assert one["verified"] or one["note"]
    for module in FORMS:
        assert form.duties(form.load(module.NAME).act)["duty"]["dates"]


def test_no_date_of_the_law_stands_in_code() -> None:
    for path in (Path(form.__file__).parent).glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "2026" not in text and "2027" not in text and "2028" not in text, path.name


@pytest.mark.parametrize("package", ["dose_instructions", "icd10cm", "icd10cm_from_scratch", "olmo2", "olympiccoder"])
def test_the_examples_say_what_can_be_said_of_them_and_leave_open_who_answers_for_them(package: str) -> None:
    release = Recipe.parse(read(f"helder.examples.{package}", "recipe.toml").decode("utf-8")).release
    needed = ("intended_use", "out_of_scope", "risks", "oversight", "licence", "documents_licence", "data_origin")
    assert all(getattr(release, key) for key in needed)
    assert release.provider is None and release.contact is None
