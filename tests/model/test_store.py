"""The store: imported once, found by name or by what it was made of, and told by whom and from what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder.errors import HelderError
from helder.ledger import keys, statement
from helder.ledger.artifact import hash_file
from helder.model import sources, store
from helder.model.transformer import Transformer
from helder.serve.engine import Engine
from tests.model import small


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return small.make(tmp_path / "small-model")


def test_an_import_leaves_a_model_that_loads_and_a_statement_about_it(source: Path) -> None:
    events: list[dict[str, Any]] = []
    entry = store.import_model(str(source), on_event=events.append)
    assert entry.name == "small-model"
    assert entry.artifact.intact()
    assert Transformer.from_folder(entry.artifact.path).config.layers == small.LAYERS
    said = statement.verify(entry.envelope, keys.known_keys())
    assert said.digest == entry.artifact.digest
    assert (
        said.predicate["inputs"]["model.safetensors"]["digest"]["sha256"] == hash_file(source / "model.safetensors")[1]
    )
    assert [event["event"] for event in events if event["event"] != "progress"] == ["started", "finished"]
    assert [event["done"] for event in events if event["event"] == "progress"][-1] == 20


def test_the_same_source_again_does_nothing_and_is_the_same(source: Path) -> None:
    first = store.import_model(str(source))
    events: list[dict[str, Any]] = []
    again = store.import_model(str(source), on_event=events.append)
    assert events == []
    assert again.artifact.digest == first.artifact.digest
    other = store.import_model(str(source), "another-name")
    same = [path.name for path in first.artifact.path.iterdir() if path.name != "source.json"]
    for name in same:
        assert hash_file(first.artifact.path / name) == hash_file(other.artifact.path / name)


def test_a_model_is_found_by_name_and_by_what_lies_at_a_path(source: Path, tmp_path: Path) -> None:
    entry = store.import_model(str(source), "mine")
    assert store.find("mine") == (entry.artifact.path, entry.envelope)
    assert store.find(str(source)) == (entry.artifact.path, entry.envelope)
    assert store.show("mine") == entry
    assert [one.name for one in store.entries()] == ["mine"]


def test_a_path_that_holds_something_else_since_is_not_found(source: Path) -> None:
    store.import_model(str(source))
    path = source / "tokenizer_config.json"
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(HelderError, match="was not imported"):
        store.find(str(source))


def test_a_changed_source_under_the_same_name_is_imported_anew(source: Path) -> None:
    first = store.import_model(str(source))
    (source / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    second = store.import_model(str(source))
    assert second.source["licence"] == "mit"
    assert second.artifact.digest != first.artifact.digest
    assert first.artifact.intact()  # what others may refer to stays
    assert store.show("small-model").artifact.digest == second.artifact.digest


def test_a_damaged_import_is_made_again(source: Path) -> None:
    entry = store.import_model(str(source))
    (entry.artifact.path / "config.json").write_text("{}", encoding="utf-8")
    assert not entry.artifact.intact()
    assert store.import_model(str(source)).artifact.intact()


def test_nothing_half_imported_stays(source: Path, home: Path) -> None:
    (source / "model.safetensors").write_bytes((source / "model.safetensors").read_bytes()[:-1])
    with pytest.raises(HelderError, match=r"model.safetensors is damaged"):
        store.import_model(str(source))
    assert store.entries() == []
    left = sorted(path.name for path in (home / "models").rglob("*") if path.is_file())
    assert left == [".lock", "base.log"]


def test_a_model_that_was_not_imported_is_named_with_those_that_were(source: Path) -> None:
    store.import_model(str(source))
    with pytest.raises(HelderError) as caught:
        store.show("smollm2-135m-instruct")
    assert caught.value.why == "Imported on this machine: small-model."
    assert caught.value.fix == f"helder model import smollm2-135m-instruct {sources.ALLOW}"
    with pytest.raises(HelderError, match=r"was not imported\. Did you mean small-model\?"):
        store.show("smal-model")
    with pytest.raises(HelderError, match=r"Did you mean smollm2-135m-instruct\?"):
        store.show("smollm2-135m")


def test_no_models_yet() -> None:
    assert store.entries() == []
    with pytest.raises(HelderError, match="was not imported"):
        store.find("nothing")


@pytest.mark.parametrize("name", ["a b", "../x", "", "x" * 65, ".hidden", "é"])
def test_a_name_that_is_no_folder_name_is_refused(source: Path, name: str) -> None:
    with pytest.raises(HelderError, match="cannot be the name"):
        store.import_model(str(source), name)


def test_a_statement_that_was_changed_is_not_believed(source: Path, home: Path) -> None:
    store.import_model(str(source))
    path = next((home / "models/small-model/ledger").glob("*.json"))
    envelope = json.loads(path.read_text(encoding="utf-8"))
    envelope["payload"] = envelope["payload"].replace("A", "B", 1)
    path.write_text(json.dumps(envelope), encoding="utf-8")
    with pytest.raises(HelderError, match="cannot be believed"):
        store.find("small-model")


def test_the_starter_is_not_fetched_twice(
    starter_gguf: Path, monkeypatch: pytest.MonkeyPatch, starter_folder: Path
) -> None:
    monkeypatch.setenv("HELDER_HOME", str(starter_folder.parents[3]))
    monkeypatch.setattr(sources, "_installed", lambda known: pytest.fail("looked for the package"))
    entry = store.import_model("smollm2-135m-instruct")
    assert entry.artifact.path == starter_folder
    assert store.find(str(starter_gguf)) == (starter_folder, entry.envelope)


@pytest.mark.parametrize("family", sorted(small.FAMILIES))
def test_a_model_is_exported_once_with_a_statement_and_answers(tmp_path: Path, family: str) -> None:
    entry = store.import_model(str(small.make(tmp_path / "small-model", family=family, tied=family != "olmo2")))
    events: list[dict[str, Any]] = []
    path = store.export("small-model", "q4_0", events.append)
    assert path.name == "small-model-q4_0.gguf"
    assert events[-1]["event"] == "finished"
    with Engine.open(path, context=64) as engine:
        assert engine.complete([5, 6, 7], max_tokens=4).completion_tokens >= 1
    events.clear()
    assert store.export("small-model", "q4_0", events.append) == path
    assert events == []
    assert store.show("small-model") == entry, "an export is no import"
    path.write_bytes(b"damaged")
    assert hash_file(store.export("small-model", "q4_0", events.append))[0] > 1000
    assert events[-1]["event"] == "finished"


def test_what_was_not_imported_is_not_exported() -> None:
    with pytest.raises(HelderError, match="was not imported"):
        store.export("nobody", "q8_0")
