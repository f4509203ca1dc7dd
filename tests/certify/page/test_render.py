"""The page: whole for every kind of run, closed to whatever comes from data, and the same every time."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from helder.certify.evidence import Evidence
from helder.certify.openness import judge
from helder.certify.page.render import render
from helder.certify.page.texts import LANGUAGES
from helder.errors import ExitCode, HelderError
from tests.certify.page.releases import Maker, key, release, sign, signed

NASTY = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)><!--{{ 7*7 }}\u202e\u2028&lt;"
SECTIONS = ["check", "unproved", "purpose", "scores", "data", "lineage", "energy", "openness", "changes", "withheld"]


class Reader(HTMLParser):
    """What a browser would make of the page: its elements and their texts."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.read: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "input", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)
            if self.open[-1] not in ("script", "style"):
                self.read.append(data)

    def text(self) -> str:
        return "".join(self.read)


def share(value: float, n: int = 200) -> dict[str, Any]:
    return {
        "right": int(value * n),
        "n": n,
        "value": value,
        "low": max(0.0, value - 0.1),
        "high": min(1.0, value + 0.1),
    }


def scores(kind: str, verdict: str = "model", harm: tuple[str, ...] = ()) -> dict[str, Any]:
    """A `scores.json` with two subjects on two tests, one of them short."""
    subjects = [("q8_0", "model", 0.8, 200), ("nearest", "baseline", 0.3, 200), ("base", "base", 0.0, 8)]
    extra = {"record": {"fields": share(0.9)}, "text": {"text": {**share(0.5), "n": 200}}, "label": {}}[kind]
    empty = dict.fromkeys(("fields", "stated", "text", "macro_f1", "record_count", "subset"))
    results = [
        {
            **{**empty, "subject": name, "test_set": test, "n": n if test == "test" else 20, "of": 200},
            **{"whole": share(value, n), "groups": {}, "by_field": {}, "by_tag": {}, "invalid": 0, "trained_on": None},
            **extra,
        }
        for name, _, value, n in subjects
        for test in ("test", "test-foreign")
    ]
    if kind == "label":
        for row in results:
            row |= {"macro_f1": 0.4, "groups": {"chapter": {"accuracy": share(0.7), "macro_f1": 0.3}}}
    comparison = {
        **{"why": "baseline", "a": "q8_0", "b": "nearest", "test_set": "test", "measure": "whole", "n": 200},
        **{"a_value": 0.8, "b_value": 0.3, "difference": 0.5, "low": 0.4, "high": 0.6, "verdict": "better"},
    }
    return {
        "format": 1,
        "confidence": 0.95,
        "margin": 0.01,
        "task": {"kind": kind},
        "measures": {"whole": "All of it."},
        "main_measure": "whole",
        "subjects": [{"name": name, "role": role, "title": name, "note": ""} for name, role, _, _ in subjects],
        "test_sets": [
            {"name": "test", "n": 200, "partial": False},
            {"name": "test-foreign", "n": 20, "partial": False},
        ],
        "results": results,
        "comparisons": [comparison],
        "compression": [],
        "harm": {
            "fields": list(harm),
            "subjects": ["q8_0"],
            "counts": [
                {"subject": "q8_0", "test_set": "test", "items": 9, "wrong_items": 2, "values": 40, "wrong_values": 3}
            ]
            if harm
            else [],
        },
        "recommendation": {
            **{"use": {"model": "q8_0", "baseline": "nearest"}.get(verdict), "verdict": verdict},
            **{"text": "Use what is better.", "accuracy": None, "model": "q8_0", "baseline": "nearest"},
        },
        "warnings": [],
    }


def summary(kind: str, fields: tuple[str, ...] = (), labels: int = 0) -> dict[str, Any]:
    split = {"read": 9, "kept": 8, "duplicates": 1, "leaked": 0, "over_limit": 0, "from_train": 0, "held_out": {}}
    file = {"name": "train.jsonl", "bytes": 90, "rows": 9, "format": "jsonl"}
    return {
        "format": 1,
        "task": {"kind": kind, "name": "sums", "many": False, "fields": list(fields), "labels": labels},
        "settings": {},
        "sources": {"train": [file]},
        "splits": {"train": split},
        "left_out": {},
        "contradictions": {"train": []},
        "warnings": [],
        "derived": [],
        "labels": {},
        "tags": {},
    }


def make(folder: Path, kind: str = "text", scratch: bool = True, **options: Any) -> Maker:
    """A run from data to scores."""
    maker, nasty = Maker(folder), options.get("nasty", "")
    told = {"name": "sums", "purpose": "p" + nasty, "instruction": "i" + nasty, "licence": "CC0-1.0" + nasty, "seed": 0}
    told |= {"harm": ["dose" + nasty], "kind": kind}
    data = {"train.jsonl": "{}", "summary.json": summary(kind, ("dose",), 7)}
    maker.stage("data", "helder.data.stage:run", data, {"train": "train.jsonl" + nasty}, told)
    if scratch:
        maker.stage("base", "helder.model.scratch:run", {"m": "x"}, {}, {"name": "sums", "seed": 3})
    else:
        imported = {"name": "tiny", "title": "Tiny" + nasty, "licence": "MIT" + nasty, "origin": "a disk" + nasty}
        source = {**imported, "kind": "gguf", "quantised": ["Q4_1" + nasty], "note": "n" + nasty, "sha256": "d" * 64}
        files = {"source.json": source}
        maker.stage("base", "helder.model.importer:run", files, {"source": "source"}, {**imported, "note": "n" + nasty})
    objective = {"objective": "answers", "method": "full" + nasty, "learning_rate": options.get("rate", 0.1), "seed": 0}
    maker.stage(
        "train", "helder.train.stage:run", {"model.safetensors": "w"}, {"base": "base", "data": "data"}, objective,
        facts={"steps": 3, "parameters": 10},
    )  # fmt: skip
    maker.stage("files", "helder.compress.stage:run", {"model-q8_0.gguf": "q", "files.json": {}}, {"train": "train"})
    maker.stage("predict-q8_0", "helder.evaluate.predict:run", {"test.jsonl": "{}"}, {"files": "files", "data": "data"})
    found = options.get("scores", scores(kind, harm=("dose" + nasty,) if kind == "record" else ()))
    if found is not None:
        maker.stage("scores", "helder.evaluate.stage:run", {"scores.json": found}, {"predict-q8_0": "predict-q8_0"})
    return maker


def page_of(evidence: Evidence, previous: Evidence | None = None, **more: Any) -> str:
    envelope, pems = signed(evidence)
    return render(evidence, more.get("envelope", envelope), more.get("pems", pems), judge(evidence), previous)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a run that has everything."""
    return page_of(make(tmp_path_factory.mktemp("plain")).evidence())


@pytest.mark.parametrize("kind", ["text", "label", "record"])
@pytest.mark.parametrize("scratch", [True, False])
def test_every_kind_of_run_has_every_section(tmp_path: Path, kind: str, scratch: bool) -> None:
    page = page_of(make(tmp_path, kind, scratch).evidence())
    read = Reader(page)
    ids = [attributes["id"] for _, attributes in read.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert set(SECTIONS) <= set(ids)
    links = {str(attributes["href"])[1:] for tag, attributes in read.elements if tag == "a"}
    assert links <= set(ids)
    labelled = {
        str(attributes[name]) for _, attributes in read.elements for name in ("aria-labelledby",) if name in attributes
    }
    assert labelled <= set(ids)
    for language in LANGUAGES:
        assert page.count(f'<span lang="{language}">') == page.count('<span lang="en">') > 100
    text = read.text()
    assert "80.0%" in text and "30.0%" in text and "0.0%" in text  # the bad ones too
    assert ("Tiny" in text) is not scratch
    assert "None" not in text.replace("None: the first weights", "") and "{" not in text


@pytest.mark.parametrize("verdict", ["model", "baseline", "not shown"])
def test_the_advice_is_the_one_that_was_recorded(tmp_path: Path, verdict: str) -> None:
    text = Reader(page_of(make(tmp_path, scores=scores("text", verdict)).evidence())).text()
    expected = {
        "model": "the best simple method",
        "baseline": "Do not use the language model",
        "not shown": "It is not shown that",
    }
    assert [key for key, words in expected.items() if words in text] == [verdict]


def test_what_is_withheld_is_listed_and_what_it_would_have_said_stays_open(tmp_path: Path) -> None:
    maker = make(tmp_path)
    hidden = {
        f"artifacts/{stage}/{name}": "Not ours."
        for stage in ("data", "scores")
        for name in ("summary.json", "scores.json")
    }
    maker.places |= {"data": None, "scores": None}
    evidence = maker.evidence(hidden)
    text = Reader(page_of(evidence)).text()
    for one in evidence.release["withheld"]:
        assert one["path"] in text and one["sha256"] in text
    assert "There are no scores in this release." in text
    assert "The details of the data are withheld." in text


def test_a_release_without_scores_data_or_energy_still_has_a_page(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.stage("train", "helder.train.stage:run", {"w": "x"}, {}, {"objective": "text"}, timings={})
    text = Reader(page_of(maker.evidence())).text()
    assert "No step recorded how much energy it took." in text


def test_more_than_a_dozen_withheld_files_are_all_there(tmp_path: Path) -> None:
    maker = make(tmp_path)
    maker.stage("many", "helder.evaluate.predict:run", {f"{n:02d}.txt": str(n) for n in range(30)}, {"data": "data"})
    evidence = maker.evidence({f"artifacts/many/{n:02d}.txt": "Not ours." for n in range(30)})
    text = Reader(page_of(evidence)).text()
    assert all(f"artifacts/many/{n:02d}.txt" in text for n in range(30))


def test_the_first_version_says_so_and_a_later_one_what_changed(tmp_path: Path) -> None:
    before = make(tmp_path / "a", rate=0.1).evidence(version="1.0")
    worse = scores("text")
    worse["results"][0]["whole"] = share(0.7)
    now = make(tmp_path / "b", rate=0.2, scores=worse).evidence(version="1.1")
    assert "This is the first version" in Reader(page_of(before)).text()
    text = Reader(page_of(now, before)).text()
    assert "Compared with version 1.0" in text and "This is the first version" not in text
    named = make(tmp_path / "c").evidence(previous={"name": "sums", "version": "1.0", "release": "e" * 64})
    assert "eeeeeeeeeeeeeeee" in Reader(page_of(named)).text()
    assert "train: learning_rate" in text and "0.1" in text and "0.2" in text
    assert "80.0%" in text and "70.0%" in text


def test_nothing_from_data_recipe_or_model_gets_out_of_its_place(tmp_path: Path) -> None:
    maker = make(tmp_path, "record", scratch=False, nasty=NASTY)
    people = {"intended_use": NASTY, "provider": NASTY, NASTY: NASTY, "data_kinds": [NASTY]}
    withheld = {"artifacts/data/train.jsonl": NASTY}
    more = {"name": NASTY, "purpose": NASTY, "version": NASTY, "made": NASTY, "people": people, "audience": NASTY}
    evidence = maker.evidence(withheld, **more)
    page = page_of(evidence, maker.evidence(version=NASTY))
    harmless = Reader(
        page_of(make(tmp_path / "b", "record", scratch=False).evidence({"artifacts/data/train.jsonl": "x"}))
    )
    read = Reader(page)
    kinds = {tag for tag, _ in read.elements}
    assert kinds == {tag for tag, _ in harmless.elements}
    assert [tag for tag, _ in read.elements].count("script") == 3
    assert page.count("<script") == page.count("</script") == 3
    assert not [
        name for _, attributes in read.elements for name in attributes if name.startswith("on") or name == "style"
    ]
    assert "<!--" not in page and "{{" not in page.replace("{{ 7*7 }}", "")
    assert "alert(2)" in read.text() and "{{ 7*7 }}" in read.text()  # shown as it is, and computed nowhere


def test_it_asks_for_nothing_from_anywhere(plain: str) -> None:
    read = Reader(plain)
    for _, attributes in read.elements:
        assert str(attributes.get("href", "#")).startswith("#")
        assert not {"src", "srcset", "action", "data", "poster", "background"} & set(attributes)
    [style], scripts = read.texts["style"], read.texts["script"]
    assert "url(" not in style and "@import" not in style
    assert not re.search(
        r"\b(fetch|XMLHttpRequest|WebSocket|sendBeacon|import|eval|innerHTML|Function)\b\s*\(", scripts[-1]
    )
    named = set(re.findall(r"https?://[^\"'\s`]+", plain))
    assert named == {"https://helder.dev/release/v1", "https://in-toto.io/Statement/v1"}  # names of formats


def test_the_browser_may_run_this_script_and_this_style_alone(plain: str) -> None:
    read = Reader(plain)
    [policy] = [
        a["content"] for tag, a in read.elements if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    ]

    def said(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    assert policy == (
        f"default-src 'none'; script-src 'sha256-{said(read.texts['script'][-1])}'; "
        f"style-src 'sha256-{said(read.texts['style'][0])}'; base-uri 'none'; form-action 'none'"
    )


def test_text_stands_out_from_what_it_is_on_by_day_and_by_night(plain: str) -> None:
    """WCAG 2 asks for a contrast of 4.5 between text and its ground (success criterion 1.4.3)."""

    def light(colour: str) -> float:
        digits = colour.lstrip("#")
        digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
        parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    grounds = {"paper": ("ink", "soft", "accent", "warn"), "wash": ("ink", "soft", "accent"), "accent": ("on",)}
    grounds |= {"warn-wash": ("ink", "warn"), "good-wash": ("ink",), "good": ("paper",), "warn": ("paper",)}
    day, night, paper = (
        dict(re.findall(r"--([\w-]+): (#\w+)", found))
        for found in re.findall(r":root \{([^}]*--ink[^}]*)\}", Reader(plain).texts["style"][0])
    )
    for theme in (day, {**day, **night}, {**day, **paper}):
        for ground, texts in grounds.items():
            for text in texts:
                lights = sorted((light(theme[ground]), light(theme[text])))
                assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.5, (ground, text)


def test_what_is_embedded_is_the_envelope_as_it_is_signed(tmp_path: Path) -> None:
    evidence = make(tmp_path).evidence()
    envelope, pems = signed(evidence, [key(1), key(2)])
    page = page_of(evidence, envelope=envelope, pems=pems)
    read = Reader(page)
    embedded = json.loads(read.texts["script"][0])
    assert embedded["envelope"] == json.loads(envelope)
    assert [pem.encode() for pem in embedded["keys"]] == pems
    for one in (key(1), key(2)):
        groups = [one.public.id[place : place + 4] for place in range(0, 64, 4)]
        assert "".join(f"<span>{group}</span>" for group in groups) in page
    assert hashlib.sha256(base64.b64decode(embedded["envelope"]["payload"])).hexdigest() in read.text()


def test_the_page_never_says_that_it_is_valid_by_itself(plain: str) -> None:
    read = Reader(plain)
    [box] = [attributes for _, attributes in read.elements if attributes.get("id") == "signature"]
    assert box["data-state"] == "unchecked"
    assert "Not checked. Your browser has to run the script" in read.text()
    assert "A page can lie, this one too." in read.text()
    assert not re.search(r"\b(valid|verified|certified|geldig|gültig|valable)\b", read.text(), re.IGNORECASE)


def test_the_same_evidence_gives_the_same_bytes_in_whatever_order_it_comes(tmp_path: Path) -> None:
    maker = make(tmp_path, "record")
    said = release(maker.statements)
    backwards: Mapping[str, Any] = dict(reversed(maker.statements.items()))
    first = Evidence.of(said, maker.statements, maker.places)
    second = Evidence.of(said, backwards, dict(reversed(maker.places.items())))
    assert page_of(first) == page_of(second)


@pytest.mark.parametrize("envelope", [b"", b"[]", b"{}", b'{"payload":"!","payloadType":"x","signatures":[]}'])
def test_what_is_no_envelope_is_refused(tmp_path: Path, envelope: bytes) -> None:
    with pytest.raises(HelderError) as caught:
        page_of(make(tmp_path).evidence(), envelope=envelope)
    assert caught.value.code == ExitCode.FAILED


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    evidence = make(tmp_path).evidence()
    with pytest.raises(HelderError, match="Key 1"):
        page_of(evidence, envelope=sign(evidence.release), pems=[b"no key"])
