"""The model card is read by the hub's own library, with every score of our models in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from helder.certify.evidence import Evidence
from helder.certify.forms import model_card
from tests.certify import made_up

huggingface_hub = pytest.importorskip("huggingface_hub")
KEYS = st.sampled_from(["license", "name", "model-index", "value", "low"])  # as in the head: ours, none of others
SCALAR = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
RECORD = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(KEYS, inner, min_size=1, max_size=3),
    max_leaves=8,
)


def card(evidence: Evidence) -> Any:
    return huggingface_hub.ModelCard(model_card.to_markdown(evidence))


@pytest.mark.parametrize("kind", ["label", "record", "text"])
def test_the_hub_reads_the_card_and_finds_every_score_of_our_models(tmp_path: Path, kind: str) -> None:
    evidence = made_up.make(tmp_path, kind).evidence({"licence": "Apache-2.0", "data_languages": ["en", "nl"]})
    data = card(evidence).data
    assert data.license == "apache-2.0"
    assert data.language == ["en", "nl"]
    assert data.library_name == "helder"
    assert data.model_name == "made-up"
    scored = [fact.value for fact in evidence.scores if fact.value["role"] == "model"]
    assert len(data.eval_results) == len(scored)
    found = {(result.metric_name, result.metric_value) for result in data.eval_results}
    assert found == {(f"{one['measure']} ({one['title']})", one["value"]) for one in scored}
    whole = next(result for result in data.eval_results if result.metric_name.startswith("whole"))
    assert set(whole.metric_args) == {"low", "high", "n"}


def test_a_licence_that_the_hub_does_not_know_is_named_beside(tmp_path: Path) -> None:
    run = made_up.make(tmp_path)
    data = card(run.evidence({"licence": "LicenseRef-Our Own"})).data
    assert (data.license, data.license_name) == ("other", "licenseref-our-own")
    assert card(run.evidence()).data.license == "unknown"


def test_baselines_that_are_better_stand_in_the_text(tmp_path: Path) -> None:
    page = model_card.to_markdown(made_up.make(tmp_path).evidence())
    assert "the most frequent answer" in page
    assert "0.875" in page, "the simple way got seven of eight right"
    assert "## What this does not show" in page


def test_words_of_others_do_not_get_out_of_the_head(tmp_path: Path) -> None:
    run = made_up.make(tmp_path)
    hostile = 'a"\n---\nlicense: mit\n'
    data = card(run.evidence({"licence": hostile, "data_languages": [hostile, "no", "1e3"]})).data
    assert data.license == "other"
    assert data.language[1:] == ["no", "1e3"]


@given(st.dictionaries(KEYS, RECORD, min_size=1, max_size=4))
def test_a_record_is_read_from_the_head_as_it_was_written(record: dict[str, Any]) -> None:
    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return model_card.markdown.plain(value) if isinstance(value, str) else value

    lines = model_card.yaml(record)
    assert lines[0] == lines[-1] == "---"
    assert yaml.safe_load("\n".join(lines[1:-1])) == plain(record)
