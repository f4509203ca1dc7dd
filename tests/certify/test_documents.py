"""Runs that begin with a folder of documents: what a certificate says of them, and what each audience can check."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from helder.certify import archive, bundle, commitment, layout, rebuild
from helder.certify.verdict import Result, Verdict
from helder.certify.verify import verify
from helder.commands.group import call
from helder.errors import ExitCode, HelderError
from helder.serve.tracing import Tracing, Why
from helder.trace import received, trace
from tests.certify import documents_run, forgeries
from tests.certify.conftest import MADE, Certified
from tests.certify.test_tamper import missed, told


def check(path: Path, house: Certified, level: int = 3) -> Verdict:
    return verify(path, level=level, trusted=[house.key.public])


def places(verdict: Verdict, result: Result) -> set[str]:
    return {one.place for one in verdict.level(3).findings if one.result is result}


def test_a_regulator_can_make_everything_again(house: Certified) -> None:
    verdict = verify(house.bundle, level=5, replay=2, scores=1000, trusted=[house.key.public])
    assert [level.result for level in verdict.levels] == [Result.PASSED] * 5, told(verdict)
    again = set(verdict.level(3).facts["made_again"])
    assert {"extract", "clean", "tokens-read", "commitment", "index-tokens-read", "index-data"} <= again
    assert verdict.level(3).facts["not_made_again"] == []


@pytest.mark.parametrize("audience", ["public", "customer"])
def test_others_are_told_what_is_withheld_and_check_the_rest(house: Certified, tmp_path: Path, audience: str) -> None:
    made = bundle.certify(house.project, tmp_path / "bundle", audience=audience, made=MADE)  # type: ignore[arg-type]
    packed = archive.pack(made, tmp_path / "bundle.zip")
    for path in (made, tmp_path / "bundle.zip" if packed is None else packed):
        verdict = check(path, house)
        assert verdict.exit_code == ExitCode.UNCHECKED
        assert places(verdict, Result.UNCHECKED) == {"extract", "clean"}, told(verdict)
        assert {"tokenizer", "tokens-read", "index-tokens-read"} <= places(verdict, Result.PASSED)
        why = [one.what for one in verdict.level(3).findings if one.result is Result.UNCHECKED]
        assert all("is withheld. It holds documents as they came" in what for what in why)
    there = b"".join(path.read_bytes() for path in made.rglob("*") if path.is_file())
    for word in (documents_run.NUMBER, documents_run.REFUSED, "oud/archief-2019.zip"):
        assert word.encode() not in there, word


def test_a_bundle_that_holds_the_texts_is_traced_as_the_run_is(
    house: Certified, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "Er staat: wie een zaal huurt, laat haar schoon achter."
    at_home, handed_over = trace(house.project, text), trace(house.bundle, text)
    assert handed_over == at_home
    ((passage, *_),) = [span.passages for span in handed_over.spans]
    assert passage.file.endswith("huisregels.md")
    assert passage.seen[0].agrees is True
    assert call(["trace", str(house.bundle), text]) == ExitCode.DONE
    assert "huisregels.md" in capsys.readouterr().out
    assert call(["trace", str(house.bundle), "--erase", "zaal"]) == ExitCode.USER
    assert "not handed over" in capsys.readouterr().err


def test_a_question_of_a_bundle_leads_to_its_row(house: Certified) -> None:
    asked = [json.loads(line) for line in (house.project.folder / "train.jsonl").read_text("utf-8").splitlines()]
    text = max((one["input"] for one in asked), key=len)
    assert trace(house.bundle, text) == trace(house.project, text)


def test_a_bundle_that_was_changed_is_not_traced(house: Certified, tmp_path: Path) -> None:
    made = tmp_path / "bundle"
    shutil.copytree(house.bundle, made)
    (made / layout.ARTIFACTS / "clean" / "documents.jsonl").write_text("{}", encoding="utf-8")
    with pytest.raises(HelderError, match="integrity has not passed") as refused:
        trace(made, "een zaal huurt")
    assert refused.value.code == ExitCode.FAILED


def test_a_bundle_without_an_index_is_not_traced_and_says_why(house: Certified) -> None:
    opened, _ = received._read(house.bundle, None)
    files = {path: entry for path, entry in opened.files.items() if not path.startswith(received.INDEX)}
    with pytest.raises(HelderError, match="holds no index"):
        received.refuse(replace(opened, files=files))


def test_closed_documents_stay_closed_though_the_records_are_open(
    house: Certified, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "licences_of_folders", lambda said: ["unknown"])
    made = bundle.certify(house.project, tmp_path / "bundle", audience="public", made=MADE)
    names = {path.relative_to(made / layout.ARTIFACTS).as_posix() for path in made.glob("artifacts/*/*")}
    closed = ("clean/documents.jsonl", "tokens-read/train.npy", "index-tokens-read/suffixes-0.npy", "data/train.jsonl")
    assert not names & set(closed)
    with pytest.raises(HelderError, match="for the audience 'public', and what was learnt from is not in it"):
        trace(made, "een zaal huurt")
    why = Tracing.of_bundle(made)
    assert isinstance(why, Why) and "what was learnt from is not in it" in why.text
    verdict = check(made, house)
    assert verdict.level(3).result is Result.UNCHECKED
    assert not places(verdict, Result.FAILED), told(verdict)


def test_what_patterns_found_and_left_standing_closes_the_documents(house: Certified, tmp_path: Path) -> None:
    made = house.bundle / layout.ARTIFACTS / "clean" / "account.json"
    account = json.loads(made.read_text(encoding="utf-8"))
    assert any(one["state"] == "redacted" and one["personal_data"] for one in account["documents"])
    steps = bundle.finished(house.project)
    assert bundle.all_open(house.project, steps)
    clean = next(step for step in steps if step.name == "clean")
    for one in account["documents"]:
        one["state"] = "kept" if one["state"] == "redacted" else one["state"]
    (tmp_path / "account.json").write_text(json.dumps(account), encoding="utf-8")
    assert clean.artifact is not None
    object.__setattr__(clean.artifact, "path", tmp_path)
    assert not bundle.all_open(house.project, steps)


def test_page_forms_and_evidence_say_what_became_of_the_documents(house: Certified) -> None:
    verdict = check(house.bundle, house, level=2)
    facts = verdict.facts
    assert facts is not None
    counts = {key: facts["cleaning"][key]["value"] for key in ("documents", "kept", "redacted", "duplicates", "held")}
    assert counts == {"documents": 13, "kept": 8, "redacted": 2, "duplicates": 1, "held": 0}
    assert facts["cleaning"]["near_duplicates"]["value"] == facts["cleaning"]["refused"]["value"] == 1
    assert facts["cleaning"]["decisions"]["value"] == {"read": 2, "accepted": 1, "refused": 1}
    assert facts["cleaning"]["findings"]["value"] == {"bsn": 1, "e-mail": 2, "iban": 1, "phone": 1, "secret": 1}
    (leak,) = [one["value"] for one in facts["contamination"]]
    assert leak == {"test_set": "test", "items": 6, "not_checked": 0, "contaminated": 1}
    (folder,) = [one["value"] for one in facts["folders"]]
    declared = {"CC0-1.0", "Stichting De Brug (made up)", "written by the makers of the example", "2026-01-12"}
    assert {folder[key] for key in ("licence", "owner", "consent", "date")} == declared
    page = (house.bundle / layout.PAGE).read_text(encoding="utf-8")
    names = ("gpai.md", "annex_iv.md", "training_summary.md", "croissant.json", "cyclonedx.json", "spdx.json")
    forms = {name: (house.bundle / layout.DOCUMENTS / name).read_text(encoding="utf-8") for name in names}
    for said in declared:
        assert said in page
        plain = {name: text.replace("\\", "") for name, text in forms.items()}
        assert not [name for name, text in plain.items() if said not in text], said
    below = page[page.index('id="scores-title"') :]
    assert below.index("stand in the documents") < below.index("<table")
    card = (house.bundle / layout.DOCUMENTS / "model_card.md").read_text(encoding="utf-8")
    scores = card.index("## Scores")
    assert scores < card.index("1 of 6 items stand in the documents", scores) < card.index("Intervals at", scores)
    for text in (page, card, *(forms[name] for name in names[:5])):
        assert "do not de-identify" in text.replace("\\", "")
        assert documents_run.PERSONAL not in text
        assert documents_run.NUMBER not in text


@pytest.mark.parametrize("wanted", ["documents/vrijwilligers.docx", "the id"])
def test_a_document_of_the_folder_is_revealed(house: Certified, tmp_path: Path, wanted: str) -> None:
    account = json.loads((house.bundle / "artifacts/clean/account.json").read_text(encoding="utf-8"))["documents"]
    if wanted == "the id":
        wanted = next(one["id"] for one in account if one["path"] == "vrijwilligers.docx")
    made = bundle.certify(house.project, tmp_path / "bundle", audience="public", made=MADE, reveal=[wanted])
    (shown,) = (json.loads(path.read_text(encoding="utf-8")) for path in (made / bundle.REVEALED).iterdir())
    assert (shown["part"], shown["name"]) == ("text/documents", "vrijwilligers.docx")
    assert "drie uur" in shown["document"]
    record = json.loads((made / "artifacts/commitment/commitment.json").read_text(encoding="utf-8"))
    assert commitment.proved(shown, record)
    assert not commitment.proved({**shown, "document": shown["document"] + " "}, record)
    assert f"revealed/{shown['place']}.json" in places(check(made, house), Result.PASSED)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("kopie/huisregels (kopie).md", "huisregels.md stands in its place"),
        ("documents/zorg/intake-mevrouw-j.txt", "a person refused it"),
    ],
)
def test_a_document_that_was_not_learnt_from_is_told_apart(
    house: Certified, tmp_path: Path, wanted: str, why: str
) -> None:
    with pytest.raises(HelderError, match="was not learnt from") as caught:
        bundle.certify(house.project, tmp_path / "bundle", reveal=[wanted])
    assert why in caught.value.why


def test_whoever_tampers_with_documents_is_found_by_rebuilding(
    house: Certified, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second way, and only stages that are tampered with are made again, for speed: `bench.tamper` does all."""
    made_again = {"extract.stage", "clean.stage", "tokens.stage", "commitment", "trace.index"}
    some = frozenset(one for one in rebuild.CHEAP if any(f"{name}:run" in one for name in made_again))
    assert len(some) == 5
    monkeypatch.setattr(rebuild, "CHEAP", some)
    monkeypatch.setattr(rebuild, "rendered", lambda bundle, way, level: None)
    count, left = missed(
        house,
        tmp_path,
        islice(forgeries.documents(house.bundle), 0, None, 2),
        lambda path, level: check(path, house, level),
    )
    assert left == []
    assert count >= 8
