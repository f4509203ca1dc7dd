"""The stage "clean": every document once in the account, copies out, contradictions and personal data as decided."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.data.clean import near, pick, stage
from helder.data.clean.entries import Entries
from helder.data.decisions import Decision, Decisions, Word
from helder.data.extract import places
from helder.errors import HelderError
from helder.ledger.artifact import digest_path

VOCABULARY = [
    f"{a}{b}" for a in ("ba", "de", "fi", "go", "ku", "la", "me", "ni") for b in ("lo", "ra", "ten", "vis", "zo")
]


def text_of(seed: int, size: int = 120) -> str:
    drawn = random.Random(seed)
    return " ".join(drawn.choice(VOCABULARY) for _ in range(size))


def document(text: str, path: str = "", date: str = "", **other: Any) -> dict[str, Any]:
    name = hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
    return {"id": name, "path": path or f"{name}.txt", "text": text, "date": date, **other}


def run(
    place: Path,
    documents: list[dict[str, Any]],
    warnings: list[str] | None = None,
    inputs: Any = None,
    **settings_: Any,
) -> dict[str, Any]:
    place.mkdir(parents=True)
    source = place / "documents-in.jsonl"
    source.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in documents), encoding="utf-8")
    (place / "out").mkdir()

    def report(event: str, **fields: Any) -> None:
        if event == "warning" and warnings is not None:
            warnings.append(fields["text"])

    given_ = {"near_duplicates": 1.0, **settings_}
    return stage.run(given_, {"extract": source, **(inputs or {})}, place / "out", place / "scratch", report)


def account(place: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((place / "out" / "account.json").read_text(encoding="utf-8"))[
        "documents"
    ]
    return entries


def kept(place: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place / "out" / "documents.jsonl").read_text(encoding="utf-8").splitlines()]


def state(place: Path) -> dict[str, str]:
    return {entry["path"]: entry["state"] for entry in account(place)}


def decisions(place: Path, choices: dict[str, Word]) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    Decisions(tuple(Decision(word, name, "", "") for name, word in choices.items())).write(place)
    return place


def test_exact_copies_go_and_the_newest_then_the_longest_stays(tmp_path: Path) -> None:
    text = text_of(1)
    found = run(
        tmp_path / "a",
        [
            document(text, "old.txt", "2020-01-01"),
            document(text.replace(" ", "\n"), "new.txt", "2024-05-01"),
            document(text + "  ", "none.txt"),
            document(text_of(2), "other.txt"),
        ],
    )
    assert state(tmp_path / "a") == {
        "old.txt": "duplicate", "new.txt": "kept", "none.txt": "duplicate", "other.txt": "kept",
    }  # fmt: skip
    assert found["counts"]["duplicate"] == 2
    (entry,) = (entry for entry in account(tmp_path / "a") if entry["path"] == "old.txt")
    assert entry["of"]["path"] == "new.txt"


@settings(max_examples=25, deadline=None)
@given(numbers=st.lists(st.integers(0, 6), max_size=20), data=st.data())
def test_every_document_is_accounted_for_once_and_the_order_shows_nowhere(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], data: st.DataObject
) -> None:
    place = tmp_path_factory.mktemp("clean")
    documents = [
        document(text_of(number) if number else " ", f"{n}.txt", f"202{n % 3}") for n, number in enumerate(numbers)
    ]
    found = run(place / "a", documents)
    run(place / "b", data.draw(st.permutations(documents)))
    assert digest_path(place / "a" / "out") == digest_path(place / "b" / "out")
    assert Counter(entry["path"] for entry in account(place / "a")) == Counter(line["path"] for line in documents)
    assert sum(found["counts"].values()) == len(documents)
    assert len(kept(place / "a")) == len({number for number in numbers if number})


def test_documents_without_text_are_refused(tmp_path: Path) -> None:
    run(tmp_path / "a", [document(" \n", "empty.txt"), document("x", "x.txt")])
    assert state(tmp_path / "a") == {"empty.txt": "refused", "x.txt": "kept"}


def test_what_people_left_out_goes_with_its_copies_and_what_they_kept_stays(tmp_path: Path) -> None:
    one, other = document(text_of(1), "a.txt"), document(text_of(1) + "\n", "b.txt")
    held = document("mail anna@example.org", "c.txt")
    given_ = decisions(tmp_path / "d.json", {one["id"]: "refuse", held["id"]: "accept", "ff": "accept"})
    warnings: list[str] = []
    run(tmp_path / "a", [one, other, held], warnings, {"decisions": given_}, personal_data="hold")
    assert state(tmp_path / "a") == {"a.txt": "refused", "b.txt": "refused", "c.txt": "kept"}
    assert "1 decisions are about no document here." in warnings


def test_what_waits_since_it_was_extracted_waits_with_its_copies_until_it_is_accepted(tmp_path: Path) -> None:
    one = document("marked", "no-ai/a.txt", held="marked as not for AI training")
    lines = [one, document("marked ", "b.txt"), document("free", "c.txt")]
    run(tmp_path / "a", lines)
    assert state(tmp_path / "a") == {"no-ai/a.txt": "held", "b.txt": "held", "c.txt": "kept"}
    given_ = decisions(tmp_path / "d.json", {one["id"]: "accept"})
    run(tmp_path / "b", lines, inputs={"decisions": given_})
    assert state(tmp_path / "b") == {"no-ai/a.txt": "duplicate", "b.txt": "kept", "c.txt": "kept"}
    assert all(not line.get("held") for line in kept(tmp_path / "b"))


@pytest.mark.parametrize(
    ("policy", "expected"), [("report", "kept"), ("redact", "redacted"), ("refuse", "refused"), ("hold", "held")]
)
def test_personal_data_are_handled_as_the_policy_says(tmp_path: Path, policy: str, expected: str) -> None:
    text = "é Schrijf naar anna@example.org voor meer."
    offsets = [[0, 0], [text.encode("utf-8").index(b"voor"), 900]]
    run(tmp_path / "a", [document(text, "a.txt", offsets=offsets), document("niets", "b.txt")], personal_data=policy)
    assert state(tmp_path / "a") == {"a.txt": expected, "b.txt": "kept"}
    listed = (tmp_path / "a" / "out" / "findings.jsonl").read_text(encoding="utf-8")
    assert json.loads(listed)["kind"] == "e-mail"
    assert "anna" not in listed
    stays = {line["path"]: line for line in kept(tmp_path / "a")}
    assert ("a.txt" in stays) == (policy in ("report", "redact"))
    if policy == "redact":
        line = stays["a.txt"]
        assert line["text"] == "é Schrijf naar [E-MAIL] voor meer."
        byte = line["text"].encode("utf-8").index(b"voor")
        assert places.locate(line["offsets"], byte) == "byte 900"
        assert (line["redacted"], line["id"]) == (1, document(text)["id"])


def test_facts_say_that_patterns_do_not_de_identify(tmp_path: Path) -> None:
    warnings: list[str] = []
    found = run(tmp_path / "a", [document("mail anna@example.org")], warnings)
    assert "do not de-identify" in found["personal_data"]["note"]
    assert any("do not de-identify" in warning for warning in warnings)


def test_test_items_in_the_documents_are_named(tmp_path: Path) -> None:
    (tmp_path / "exam.jsonl").write_text(json.dumps({"id": "q1", "input": text_of(5, 20)}) + "\n", encoding="utf-8")
    warnings: list[str] = []
    inputs = {"evaluations": tmp_path / "exam.jsonl"}
    found = run(tmp_path / "a", [document("before " + text_of(5, 20))], warnings, inputs)
    assert found["contamination"] == {"evaluations": {"items": 1, "not_checked": 0, "contaminated": 1}}
    told = json.loads((tmp_path / "a" / "out" / "contamination.json").read_text(encoding="utf-8"))
    assert told["sets"]["evaluations"]["found"][0]["item"] == "q1"
    assert "1 of 1 items of evaluations stand in the documents." in warnings


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "a"}', '{"id": "a", "text": 5}'])
def test_a_line_that_is_no_document_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "d.jsonl").write_text(json.dumps(document("x")) + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(HelderError, match="d.jsonl, line 2 is not a document"):
        stage.run(
            {"near_duplicates": 1.0}, {"extract": tmp_path / "d.jsonl"}, tmp_path, tmp_path, lambda event, **_: None
        )


@pytest.mark.parametrize(
    "given_", [{"near_duplicates": 3}, {"personal_data": "hide"}, {"nearly": 1}, {"runner": "spark"}]
)
def test_settings_that_mean_nothing_are_refused(tmp_path: Path, given_: dict[str, Any]) -> None:
    if "runner" in given_:
        given_ = {**given_, "near_duplicates": 0.8}
    with pytest.raises(HelderError):
        run(tmp_path / "a", [document("x")], **given_)


# -- near-duplicates of what is out ----------------------------------------------------------------------


def test_what_is_nearly_the_same_as_what_waits_or_was_refused_waits_too() -> None:
    text = text_of(1, 300)
    texts = {"out": text, "near": text + " and more", "other": text_of(2, 300)}
    for state, told in (("held", "waits for a person"), ("refused", "was refused; a person decides")):
        found, read = entries_of(texts, {"near": "2024"})
        found[0].state = state
        pick.drop_near([(0, 1, 2)], found, read, 0.8, {})
        assert [entry.state for entry in found] == [state, "held", "kept"]
        assert found[1].why == f"nearly the same as out.txt, which {told}"
        assert found[1].of == found[0]
        found, read = entries_of(texts)
        found[0].state = state
        pick.drop_near([(0, 1, 2)], found, read, 0.8, {"near": "accept"})
        assert found[1].state == "kept"


def test_of_several_that_are_out_the_most_alike_is_the_reason_whatever_the_order() -> None:
    text = text_of(1, 300)
    texts = {"far": text + " " + text_of(3, 30), "close": text + " x", "it": text}
    told = set()
    for order in (("far", "close", "it"), ("it", "close", "far"), ("close", "it", "far")):
        found, read = entries_of({name: texts[name] for name in order})
        by_name = {entry.id: entry for entry in found}
        by_name["far"].state = by_name["close"].state = "held"
        pick.drop_near([(0, 1, 2)], found, read, 0.8, {})
        told.add((by_name["it"].why, by_name["it"].similarity))
    assert len(told) == 1
    assert "close.txt" in next(iter(told))[0]


def test_nothing_slips_in_beside_what_waits_and_the_word_of_a_person_lets_it_in(tmp_path: Path) -> None:
    pytest.importorskip("daft", reason="daft is not installed (helder[documents])")
    held = document(text_of(1, 300), "zorg/intake.txt", held="perhaps health data of a person")
    near_ = document(text_of(1, 300) + " bijgewerkt", "zorg/intake-2.txt", "2025-01-01")
    spaced = document(near_["text"] + "  ", "zorg/intake-3.txt")
    secret = document(text_of(2, 300) + " mail anna@example.org", "mail.txt", "2025-01-01")
    without = document(text_of(2, 300) + " mail anna", "mail-2.txt", "2024-01-01")
    lines = [held, near_, spaced, secret, without, document(text_of(3, 300), "free.txt")]
    found = run(tmp_path / "a", lines, near_duplicates=0.8, personal_data="hold")
    assert state(tmp_path / "a") == {
        "zorg/intake.txt": "held", "zorg/intake-2.txt": "held", "zorg/intake-3.txt": "held", "mail.txt": "held",
        "mail-2.txt": "held", "free.txt": "kept",
    }  # fmt: skip
    assert found["counts"] == {
        "kept": 1, "redacted": 0, "duplicate": 0, "near-duplicate": 0, "held": 5, "refused": 0,
    }  # fmt: skip
    why = {entry["path"]: entry["why"] for entry in account(tmp_path / "a") if entry["state"] == "held"}
    assert why["mail-2.txt"] == "nearly the same as mail.txt, which waits for a person"
    run(tmp_path / "b", lines[::-1], near_duplicates=0.8, personal_data="hold")
    assert digest_path(tmp_path / "a" / "out") == digest_path(tmp_path / "b" / "out")
    given_ = decisions(tmp_path / "d.json", {spaced["id"]: "accept", secret["id"]: "refuse"})
    run(tmp_path / "c", lines, None, {"decisions": given_}, near_duplicates=0.8, personal_data="hold")
    assert {path for path, what in state(tmp_path / "c").items() if what == "kept"} == {"zorg/intake-2.txt", "free.txt"}
    assert state(tmp_path / "c")["mail-2.txt"] == "held"


# -- near-duplicates: what is picked, with any candidates ------------------------------------------------


def entries_of(texts: dict[str, str], dates: dict[str, str] | None = None) -> tuple[Entries, Any]:
    made = Entries()
    for n, (name, text) in enumerate(texts.items()):
        made.add(name, f"{name}.txt", "", (dates or {}).get(name, ""), n, len(text))
    return made, lambda entry: texts[entry.id]


def test_the_newest_of_near_duplicates_stays(tmp_path: Path) -> None:
    text = text_of(1, 300)
    found, read = entries_of({"a": text, "b": text + " more words here", "c": text_of(2)}, {"a": "2024"})
    assert pick.drop_near([(0, 1, 2)], found, read, 0.8, {}) == []
    assert [entry.state for entry in found] == ["kept", "near-duplicate", "kept"]
    assert found[1].of == found[0] and found[1].similarity is not None and found[1].similarity > 0.9


def test_a_chain_of_likeness_drops_only_what_is_like_what_stays() -> None:
    words = text_of(1, 400).split()
    # Each is like its neighbour, the first and the last are not.
    texts = {name: " ".join(words[start : start + 300]) for name, start in (("a", 0), ("b", 25), ("c", 50))}
    found, read = entries_of(texts, {"a": "2024", "b": "2023", "c": "2022"})
    pick.drop_near([(0, 1), (1, 2), (0, 2)], found, read, 0.8, {})
    assert [entry.state for entry in found] == ["kept", "near-duplicate", "kept"]


def test_near_duplicates_that_contradict_wait_for_a_person_and_two_decisions_settle_it() -> None:
    text = text_of(1, 200)
    texts = {"a": text + " The fee is 25 euro.", "b": text + " The fee is 30 euro."}
    found, read = entries_of(texts)
    (conflict,) = pick.drop_near([(0, 1)], found, read, 0.8, {})
    assert [entry.state for entry in found] == ["held", "held"]
    assert {entry.id for entry in (conflict.one, conflict.other)} == {"a", "b"}
    assert {conflict.differences[0].one[-17:], conflict.differences[0].other[-17:]} == {
        "e fee is 25 euro.",
        "e fee is 30 euro.",
    }
    found, read = entries_of(texts)
    found[1].state = "refused"
    pick.drop_near([(0, 1)], found, read, 0.8, {})
    assert [entry.state for entry in found] == ["held", "refused"]
    found, read = entries_of(texts)
    found[1].state = "refused"
    pick.drop_near([(0, 1)], found, read, 0.8, {"a": "accept", "b": "refuse"})
    assert [entry.state for entry in found] == ["kept", "refused"]
    found, read = entries_of(texts)
    pick.drop_near([(0, 1)], found, read, 0.8, {"a": "accept", "b": "accept"})
    assert [entry.state for entry in found] == ["kept", "kept"]


@given(
    sets=st.lists(st.sets(st.integers(0, 12), min_size=2, max_size=4).map(lambda rows: tuple(sorted(rows))), max_size=8)
)
def test_components_are_what_hangs_together(sets: list[tuple[int, ...]]) -> None:
    found = near.components(sets)
    assert found == near.components(list(reversed(sets)))
    assert sorted(row for rows in found for row in rows) == sorted({row for rows in sets for row in rows})
    for group in sets:
        assert sum(set(group) <= set(rows) for rows in found) == 1


@given(threshold=st.floats(0.1, 1.0))
def test_bands_find_pairs_at_the_threshold(threshold: float) -> None:
    count, rows = near.bands(threshold)
    assert count * rows <= 128
    assert 1 - (1 - threshold**rows) ** count >= 0.7 or threshold < 0.11


# -- near-duplicates: the plan ---------------------------------------------------------------------------


def nearly(text: str, seed: int) -> str:
    """Nine tenths of a text in its order, the rest other words in one place."""
    words, drawn = text.split(), random.Random(seed)
    place, size = drawn.randrange(len(words) * 9 // 10), len(words) // 22
    return " ".join([*words[:place], *(drawn.choice(VOCABULARY) for _ in range(size)), *words[place + size :]])


@pytest.fixture(scope="module")
def corpus() -> list[dict[str, Any]]:
    originals = [document(text_of(n, 250), f"{n:03}.txt", "2024") for n in range(60)]
    copies = [document(nearly(text_of(n, 250), n), f"near-{n:03}.txt", "2023") for n in range(40)]
    return [*copies, *originals, document("kort", "short.txt")]


def test_planted_near_copies_are_dropped_and_nothing_else(tmp_path: Path, corpus: list[dict[str, Any]]) -> None:
    pytest.importorskip("daft", reason="daft is not installed (helder[documents])")
    found = run(tmp_path / "a", corpus, near_duplicates=0.8)
    states = state(tmp_path / "a")
    dropped = {path for path, what in states.items() if what == "near-duplicate"}
    assert len(dropped) >= 0.95 * 40
    assert all(path.startswith("near-") for path in dropped)
    assert found["near_duplicates"]["signature"]["seed"] == near.SEED
    assert list((tmp_path / "a" / "scratch").iterdir()) == []


CLUSTER = """\
import json, sys
from pathlib import Path
from ray.cluster_utils import Cluster
from helder.data.clean import stage
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
for _ in range(2):
    cluster.add_node(num_cpus=1)
source, output = Path(sys.argv[1]), Path(sys.argv[2])
settings = {"near_duplicates": 0.8, "runner": "ray", "ray_address": cluster.address}
stage.run(settings, {"extract": source}, output, output.parent / "scratch", lambda event, **_: None)
import ray
print(json.dumps({"workers": sum(node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"])}))
"""


@pytest.mark.slow
def test_two_ray_workers_make_what_one_machine_makes(tmp_path: Path, corpus: list[dict[str, Any]]) -> None:
    pytest.importorskip("daft", reason="daft is not installed (helder[documents])")
    pytest.importorskip("ray", reason="ray is not installed (helder[scale])")
    run(tmp_path / "a", corpus, near_duplicates=0.8)
    (tmp_path / "b").mkdir()
    command = [sys.executable, "-c", CLUSTER, str(tmp_path / "a" / "documents-in.jsonl"), str(tmp_path / "b")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {"workers": 2}
    one, two = (
        {path.name: path.read_bytes() for path in place.iterdir()} for place in (tmp_path / "a" / "out", tmp_path / "b")
    )
    assert one == two
