"""What holds of all formats: the same release gives the same bytes, and no text of anybody does harm."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import mlcroissant
import pytest
import spdx_python_model
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helder import pipeline
from helder.certify.boms import common, croissant, cyclonedx, mof, spdx
from helder.certify.evidence import Evidence
from helder.errors import ExitCode, HelderError
from tests.certify.boms import releases, test_cyclonedx, test_mof
from tests.certify.conftest import Certified

Render = Callable[[Evidence], bytes]
FORMATS: Mapping[str, Render] = {
    "cyclonedx": cyclonedx.render,
    "spdx": spdx.render,
    "croissant": croissant.render,
    "mof": mof.render,
}
# Quotes, line ends, controls, half a surrogate pair, letters that turn the order or cannot be seen, markup, very long.
HOSTILE = (
    "a\"b'c`\\",
    "\x00\x07\x1b[31m\x7f\x85\u2028\u2029\r\n",
    "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe\N{POP DIRECTIONAL FORMATTING}\N{RIGHT-TO-LEFT MARK}\N{ZERO WIDTH SPACE}\ufeff",
    "<script>alert(1)</script> {{ x }} ${y} ]]> -->",
    "\N{TAG LATIN SMALL LETTER A}\N{WORD JOINER}#/../../etc?x=%00 : - @",
    "שלום العربية 漢字 🐍 é",
    "x" * 20_000,
)
TEXTS = st.sampled_from(HOSTILE) | st.text(st.characters(codec="utf-8"), max_size=30)


def check(name: str, rendered: bytes) -> None:
    """By the format's own schema or tool."""
    if name == "cyclonedx":
        assert test_cyclonedx.problems(rendered) == []
    elif name == "spdx":
        _, objects = spdx_python_model.load_data(json.loads(rendered))
        objects.link()
        assert all(one.startswith("https://spdx.org/rdf/") for one in objects.missing_ids)
    elif name == "croissant":
        assert mlcroissant.Dataset(json.loads(rendered)).metadata.ctx.issues.errors == set()
    else:
        test_mof.CHECK.validate(yaml.safe_load(rendered))


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_release_gives_the_same_bytes_in_any_order_with_or_without_its_list_of_files(
    name: str, evidence: Evidence
) -> None:
    first = FORMATS[name](evidence)
    turned = dict(reversed(evidence.statements.items()))
    files = [{"path": f"documents/{name}.json", "size": len(first), "sha256": "f" * 64}]
    again = Evidence.of({**evidence.release, "files": files}, turned, evidence.places)
    assert FORMATS[name](again) == first


def test_another_process_with_another_seed_of_hashes_gives_the_same_bytes(tmp_path: Path) -> None:
    code = (
        "import sys, hashlib, pathlib; from tests.certify.boms import releases; "
        "from helder.certify.boms import croissant, cyclonedx, mof, spdx; "
        "e = releases.make(pathlib.Path(sys.argv[1]), base='imported', kind='record', people=releases.PEOPLE); "
        "print([hashlib.sha256(f.render(e)).hexdigest() for f in (croissant, cyclonedx, mof, spdx)])"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / seed)],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    ]
    assert told[0] == told[1]
    assert len(told[0]) > 200


@pytest.mark.parametrize("name", FORMATS)
def test_no_place_of_this_machine_is_told(name: str, evidence: Evidence) -> None:
    assert str(evidence.places["train"]).encode() not in FORMATS[name](evidence)


def test_another_release_has_another_serial_number(all_kinds: Mapping[str, Evidence]) -> None:
    evidence = all_kinds["LoRA"]
    numbers = {
        common.release_uuid(one, form)
        for one in (evidence, releases.again(evidence, version="2"), all_kinds["imported base"])
        for form in ("spdx", "cyclonedx")
    }
    assert len(numbers) == 6


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.fixed_dictionaries(dict.fromkeys(("name", "purpose", "version"), TEXTS)), answer=TEXTS)
def test_hostile_words_of_people_do_no_harm(
    name: str, said: dict[str, str], answer: str, all_kinds: Mapping[str, Evidence]
) -> None:
    people = {key: [answer] if key == "data_languages" else answer for key in releases.PEOPLE}
    said["name"] = said["name"] or "x"
    rendered = FORMATS[name](releases.again(all_kinds["records withheld"], **said, people=people))
    check(name, rendered)
    assert common.HIDDEN.search(rendered.decode("utf-8").replace("\n", "")) is None


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", FORMATS)
def test_hostile_words_in_statements_and_scores_do_no_harm(name: str, text: str, tmp_path: Path) -> None:
    evidence = releases.make(tmp_path, base="imported", licence=text)
    settings_ = {**evidence.statements["data"].predicate["settings"], text: text, "name": text}
    evidence = releases.changed(evidence, "data", settings=settings_)
    inputs = dict(evidence.statements["base"].predicate["inputs"])
    inputs["gguf"] = {**inputs["gguf"], "name": text}
    evidence = releases.changed(evidence, "base", inputs=inputs)
    environment = {**releases.ENVIRONMENT, "packages": {text: text}, "python": text}
    evidence = releases.changed(evidence, "train", environment=environment)
    rendered = FORMATS[name](evidence)
    check(name, rendered)
    assert common.HIDDEN.search(rendered.decode("utf-8").replace("\n", "")) is None


@pytest.mark.parametrize("made", [None, "", "yesterday", "2026-11-25T12:00:00", 5])
@pytest.mark.parametrize("name", FORMATS)
def test_a_release_without_a_time_is_refused(name: str, made: Any, all_kinds: Mapping[str, Evidence]) -> None:
    with pytest.raises(HelderError, match="does not say when it was made") as error:
        FORMATS[name](releases.again(all_kinds["LoRA"], made=made))
    assert error.value.code == ExitCode.FAILED


def test_hidden_letters_are_shown_by_number_and_others_stay() -> None:
    assert common.visible("a\N{RIGHT-TO-LEFT OVERRIDE}b") == "a<U+202E>b"
    kept = "Ünïcode 漢字 שלום 🐍\n\tن‌ن"
    assert common.visible(kept) == kept


@given(st.text(st.characters(), max_size=50))
def test_what_is_made_visible_can_be_written_and_holds_nothing_hidden(text: str) -> None:
    shown = common.visible(text)
    shown.encode("utf-8")
    assert common.HIDDEN.search(shown) is None
    assert re.fullmatch(r"[A-Za-z0-9_.~%/-]*", common.escape(text))


@pytest.mark.parametrize(
    ("name", "file"),
    [("cyclonedx", "cyclonedx.json"), ("spdx", "spdx.json"), ("croissant", "croissant.json"), ("mof", "mof.yml")],
)
def test_the_documents_of_a_real_bundle_are_valid(name: str, file: str, certified: Certified) -> None:
    rendered = (certified.bundle / "documents" / file).read_bytes()
    check(name, rendered)
    said = pipeline.statements(certified.project)["train"].predicate
    [weights] = [one["sha256"] for one in said["outputs"] if one["path"] == "model.safetensors"]
    assert (weights[:12] in rendered.decode("utf-8")) != (name == "croissant"), "weights are no data"


def test_the_records_of_a_real_bundle_are_loaded_by_mlcroissant(certified: Certified) -> None:
    dataset = mlcroissant.Dataset(certified.bundle / "documents" / "croissant.json")
    lines = (certified.bundle / "artifacts" / "data" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    found = [row["records/test/input"].decode("utf-8") for row in dataset.records("records/test")]
    assert found == [json.loads(line)["input"] for line in lines]
    assert found


def test_the_schemas_are_looked_at_with_their_formats() -> None:
    """`date` is a format: a checker that skips formats would let anything pass."""
    with pytest.raises(jsonschema.ValidationError):
        test_mof.CHECK.validate({"framework": {"name": "Model Openness Framework", "version": "1.0", "date": "soon"}})
