"""Files → a data artifact in which every row is accounted for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder.data.stage import read_labels, run
from helder.data.task import Task
from helder.errors import HelderError

LABELLED = [
    ("one cat", "animal"),
    ("two dogs", "animal"),
    ("a rose", "plant"),
    ("a tulip", "plant"),
    ("an oak", "plant"),
]


class Made:
    """What the stage wrote."""

    def __init__(self, output: Path, events: list[tuple[str, dict[str, Any]]]) -> None:
        self.output, self.events = output, events
        self.task = Task.load(output / "task.json")
        self.summary: dict[str, Any] = json.loads((output / "summary.json").read_text(encoding="utf-8"))
        self.account: dict[str, Any] = json.loads((output / "account.json").read_text(encoding="utf-8"))

    def items(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.output / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]

    def inputs(self, name: str) -> list[str]:
        return [item["input"] for item in self.items(name)]


def lines(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def labelled(path: Path, pairs: list[tuple[str, str]]) -> Path:
    return lines(path, [{"input": text, "output": label} for text, label in pairs])


def make(tmp_path: Path, inputs: dict[str, Path], **settings: Any) -> Made:
    output = tmp_path / "output"
    output.mkdir(exist_ok=True)
    events: list[tuple[str, dict[str, Any]]] = []
    run(settings, inputs, output, tmp_path, lambda event, **fields: events.append((event, fields)))
    return Made(output, events)


def refused(tmp_path: Path, inputs: dict[str, Path], **settings: Any) -> HelderError:
    with pytest.raises(HelderError) as caught:
        make(tmp_path, inputs, **settings)
    assert not list((tmp_path / "output").iterdir())  # nothing half-written
    return caught.value


def test_labels_are_inferred_and_every_item_has_an_identity(tmp_path: Path) -> None:
    train = labelled(tmp_path / "train.jsonl", LABELLED)
    test = labelled(tmp_path / "test.jsonl", [("three cats", "animal")])
    dev = labelled(tmp_path / "dev.jsonl", [("a daisy", "plant")])
    made = make(tmp_path, {"train": train, "test": test, "dev": dev})
    assert made.task.kind == "label"
    assert made.task.labels == ("animal", "plant")
    assert made.inputs("train") == [text for text, _ in LABELLED]
    assert len({item["id"] for item in made.items("train")}) == 5
    assert any("kind: label" in sentence for sentence in made.summary["derived"])
    assert made.summary["labels"]["plant"] == {"train": 3, "dev": 1, "test": 0}


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    train = labelled(tmp_path / "train.jsonl", [(f"text {place}", "ab"[place % 2]) for place in range(60)])
    first = {path.name: path.read_bytes() for path in make(tmp_path, {"train": train}).output.iterdir()}
    again = {path.name: path.read_bytes() for path in make(tmp_path, {"train": train}).output.iterdir()}
    assert first == again


def test_held_out_items_follow_the_hash_of_their_input_not_their_place(tmp_path: Path) -> None:
    pairs = [(f"text {place}", "ab"[place % 2]) for place in range(200)]
    forward = make(tmp_path, {"train": labelled(tmp_path / "train.jsonl", pairs)}, holdout=0.2)
    held = {name: set(forward.inputs(name)) for name in ("train", "dev", "test")}
    backward = make(tmp_path, {"train": labelled(tmp_path / "train.jsonl", pairs[::-1])}, holdout=0.2)
    assert held == {name: set(backward.inputs(name)) for name in held}
    assert 20 <= len(held["test"]) <= 60
    assert not held["train"] & held["test"] and not held["dev"] & held["test"]


def test_another_seed_holds_out_other_items(tmp_path: Path) -> None:
    train = labelled(tmp_path / "train.jsonl", [(f"text {place}", "ab"[place % 2]) for place in range(200)])
    first = make(tmp_path, {"train": train}, seed=0).inputs("test")
    assert first != make(tmp_path, {"train": train}, seed=1).inputs("test")


def test_counts_add_up_over_duplicates_leaks_limit_and_held_out(tmp_path: Path) -> None:
    pairs = [(f"text {place}", "ab"[place % 2]) for place in range(100)]
    train = labelled(tmp_path / "train.jsonl", [*pairs, *pairs[:7]])
    test = labelled(tmp_path / "test.jsonl", [("Text  3", "b"), ("TEXT 4", "a"), ("fresh", "a"), ("fresh", "a")])
    made = make(tmp_path, {"train": train, "test": test}, limit=90)
    splits = made.summary["splits"]
    for name, split in splits.items():
        left = split["over_limit"] + split["duplicates"] + split["leaked"] + sum(split["held_out"].values())
        assert split["read"] + split["from_train"] == left + split["kept"]
        assert split["kept"] == len(made.items(name))
        assert split["duplicates"] == len(made.account["left_out"]["duplicates"][name])
        assert split["leaked"] == len(made.account["left_out"]["leaked"][name])
    assert splits["train"]["read"] == 107
    assert splits["train"]["over_limit"] == 17
    assert splits["test"]["duplicates"] == 1


def test_a_training_input_that_stands_in_the_test_is_removed_and_named(tmp_path: Path) -> None:
    train = labelled(tmp_path / "train.jsonl", LABELLED)
    test = labelled(tmp_path / "test.jsonl", [("A  Rose", "plant"), ("a fern", "plant")])
    dev = labelled(tmp_path / "dev.jsonl", [("a FERN", "plant"), ("a cow", "animal")])
    made = make(tmp_path, {"train": train, "test": test, "dev": dev})
    assert "a rose" not in made.inputs("train")
    assert made.inputs("dev") == ["a cow"]
    (leak,) = made.account["left_out"]["leaked"]["train"]
    assert leak["at"] == "train.jsonl, line 3"
    assert leak["also_in"] == "test"
    assert any("1 examples were removed from train" in fields.get("text", "") for _, fields in made.events)


def test_contradictory_answers_are_kept_and_reported(tmp_path: Path) -> None:
    pairs = [*LABELLED, ("a rose", "animal")]
    test = labelled(tmp_path / "test.jsonl", [("x", "plant")])
    made = make(tmp_path, {"train": labelled(tmp_path / "train.jsonl", pairs), "test": test}, holdout=0.2)
    (found,) = made.account["contradictions"]["train"]
    assert [answer["output"] for answer in found["outputs"]] == ["plant", "animal"]
    assert any("different outputs" in warning for warning in made.summary["warnings"])


def test_limit_takes_so_many_and_keeps_their_order(tmp_path: Path) -> None:
    pairs = [(f"text {place:03}", "ab"[place % 2]) for place in range(100)]
    others = {name: labelled(tmp_path / f"{name}.jsonl", [(name, "a")]) for name in ("dev", "test")}
    made = make(tmp_path, {"train": labelled(tmp_path / "train.jsonl", pairs), **others}, limit=20)
    assert len(made.items("train")) == 20
    assert made.inputs("train") == sorted(made.inputs("train"))
    assert made.inputs("train") != [text for text, _ in pairs[:20]]


def test_further_training_files_follow_the_first(tmp_path: Path) -> None:
    files = {
        "train": labelled(tmp_path / "one.jsonl", LABELLED[:3]),
        "train-2": labelled(tmp_path / "two.jsonl", LABELLED[3:]),
        "test": labelled(tmp_path / "test.jsonl", [("x", "plant")]),
        "dev": labelled(tmp_path / "dev.jsonl", [("y", "plant")]),
    }
    made = make(tmp_path, files)
    assert made.inputs("train") == [text for text, _ in LABELLED]
    assert sorted(made.summary["sources"]) == ["dev", "test", "train", "train-2"]


def test_further_test_sets_keep_their_names_scored_fields_and_tags(tmp_path: Path) -> None:
    records = [{"input": f"{n} tablets", "output": {"dose": n, "form": "tablet"}} for n in range(1, 30)]
    foreign = [{"input": "one puff", "output": {"dose": 1}, "scored": ["dose"], "tags": ["theirs"], "id": "f1"}]
    made = make(
        tmp_path,
        {
            "train": lines(tmp_path / "train.jsonl", records),
            "test-foreign": lines(tmp_path / "foreign.jsonl", foreign),
        },
        schema={"properties": {"dose": {"type": "number"}, "form": {"type": ["string", "null"], "default": None}}},
    )
    (item,) = made.items("test-foreign")
    expected = {"id": "f1", "input": "one puff", "output": {"dose": 1, "form": None}}
    assert item == {**expected, "scored": ["dose"], "tags": ["theirs"]}
    assert made.summary["tags"]["test-foreign"] == {"theirs": 1}


def test_a_record_schema_is_derived_and_the_summary_says_what_was_concluded(tmp_path: Path) -> None:
    records = [
        {"input": f"{n} tablets", "output": [{"dose": n, "unit": "mg" if n % 2 else "ml"}, {"dose": 1}][: 1 + n % 2]}
        for n in range(1, 80)
    ]
    made = make(tmp_path, {"train": lines(tmp_path / "train.jsonl", records)})
    assert made.task.kind == "record" and made.task.many
    assert (made.task.least, made.task.most) == (1, 16)
    said = " ".join(made.summary["derived"])
    assert "fields dose, unit" in said
    assert "mg, ml" in said


def test_values_that_only_the_test_has_widen_the_derived_schema_and_it_is_said(tmp_path: Path) -> None:
    train = lines(tmp_path / "train.jsonl", [{"input": f"in {n}", "output": {"n": n}} for n in range(30)])
    test = lines(tmp_path / "test.jsonl", [{"input": "half", "output": {"n": 0.5}}])
    made = make(tmp_path, {"train": train, "test": test})
    assert made.task.schema is not None
    assert made.task.schema["properties"]["n"]["type"] == "number"
    assert any("no training record has" in sentence for sentence in made.summary["derived"])


def test_records_in_csv_stand_as_json_in_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    rows = "".join(f'{n} maal daags;"{{""keer"":{n}}}"\n' for n in range(1, 40))
    path.write_bytes(("tekst;uitkomst\n" + rows).encode("cp1252"))
    made = make(tmp_path, {"train": path}, input="tekst", output="uitkomst")
    assert made.task.kind == "record"
    assert made.items("train")[0]["output"].keys() == {"keer"}


def test_texts_are_inferred_where_outputs_differ(tmp_path: Path) -> None:
    train = labelled(tmp_path / "train.jsonl", [(f"vraag {n}", f"antwoord nummer {n}") for n in range(40)])
    assert make(tmp_path, {"train": train}).task.kind == "text"


def test_numbers_may_be_labels(tmp_path: Path) -> None:
    train = lines(tmp_path / "train.jsonl", [{"input": f"text {n}", "output": n % 2 == 0} for n in range(40)])
    assert make(tmp_path, {"train": train}).task.labels == ("false", "true")


def test_labels_with_names_and_groups_come_from_a_file(tmp_path: Path) -> None:
    about = {"A": {"name": "Animals", "kingdom": "1"}, "B": {"name": "Plants", "kingdom": "2"}}
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(about), encoding="utf-8")
    train = labelled(tmp_path / "train.jsonl", [(f"text {n}", "AB"[n % 2]) for n in range(40)])
    made = make(tmp_path, {"train": train, "labels": path}, write="name")
    assert made.task.groups == {"kingdom": {"A": "1", "B": "2"}}
    assert made.task.encode("B") == "Plants"


@pytest.mark.parametrize(
    ("content", "labels"),
    [('["a", "b"]', ["a", "b"]), ('{"a": "first"}', ["a"]), ("a\n\n b \n", ["a", "b"])],
)
def test_a_labels_file_has_one_of_three_forms(tmp_path: Path, content: str, labels: list[str]) -> None:
    path = tmp_path / "labels"
    path.write_text(content, encoding="utf-8")
    assert list(read_labels(path)) == labels


def test_a_labels_file_of_another_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    path.write_text('{"a": 1}', encoding="utf-8")
    with pytest.raises(HelderError, match="not a list of labels"):
        read_labels(path)


def test_a_given_label_without_an_example_is_an_error_that_names_it(tmp_path: Path) -> None:
    train = labelled(tmp_path / "train.jsonl", LABELLED)
    error = refused(tmp_path, {"train": train}, labels=["animal", "plant", "stone"])
    assert error.what == "The label 'stone' is without a training example."


def test_a_label_that_only_the_test_has_is_an_error_that_names_it(tmp_path: Path) -> None:
    files = {
        "train": labelled(tmp_path / "train.jsonl", LABELLED),
        "test": labelled(tmp_path / "test.jsonl", [("granite", "stone")]),
        "dev": labelled(tmp_path / "dev.jsonl", [("a cow", "animal")]),
    }
    error = refused(tmp_path, files)
    assert "'stone'" in error.what
    assert "only in test" in error.why


def test_a_label_that_limit_cut_away_is_a_warning(tmp_path: Path) -> None:
    pairs = [(f"text {n}", "common") for n in range(60)] + [("rare text", "rare")] + [("other", "common")]
    others = {name: labelled(tmp_path / f"{name}.jsonl", [(name, "common")]) for name in ("dev", "test")}
    made = make(tmp_path, {"train": labelled(tmp_path / "train.jsonl", pairs), **others}, limit=3, kind="label")
    assert any("'rare'" in warning for warning in made.summary["warnings"])


def test_the_only_example_of_a_label_is_never_held_out_and_a_warning_names_it(tmp_path: Path) -> None:
    pairs = [(f"text {n}", "common") for n in range(60)] + [(f"rare {n}", f"label {n}") for n in range(20)]
    made = make(tmp_path, {"train": labelled(tmp_path / "train.jsonl", pairs)}, holdout=0.4, kind="label")
    assert {item["output"] for item in made.items("train")} == {label for _, label in pairs}
    assert any("one training example only" in warning for warning in made.summary["warnings"])


def test_a_label_that_is_not_given_is_refused_by_line_with_the_one_probably_meant(tmp_path: Path) -> None:
    train = labelled(tmp_path / "train.jsonl", [*LABELLED, ("a weed", "plnat")])
    error = refused(tmp_path, {"train": train}, labels=["animal", "plant"])
    assert error.what.startswith("train.jsonl, line 6: the label 'plnat'")
    assert "Did you mean 'plant'?" in error.what


def test_every_line_that_does_not_fit_is_counted_and_the_first_ones_are_named(tmp_path: Path) -> None:
    records = [{"input": f"text {n}", "output": {"n": n}} for n in range(20)]
    records += [{"input": f"bad {n}", "output": {"n": "x"}} for n in range(8)]
    train = lines(tmp_path / "train.jsonl", records)
    error = refused(tmp_path, {"train": train}, schema={"properties": {"n": {"type": "integer"}}})
    assert error.what.startswith("train.jsonl, line 21: n: ")
    assert "line 25" in error.why and "and 3 more lines" in error.why


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"input": "", "output": "plant"}, "is empty"),
        ({"input": 3, "output": "plant"}, "not a text"),
        ({"input": "x", "output": ""}, "not one of"),
        ({"input": "x", "output": None}, "not NoneType"),
        ({"input": "x", "output": "plant", "tags": 3}, "tags is a list"),
        ({"input": "x", "output": "plant", "scored": ["dose"]}, "not a field"),
    ],
)
def test_a_row_that_is_no_example_is_refused_by_line(tmp_path: Path, record: dict[str, Any], said: str) -> None:
    train = labelled(tmp_path / "train.jsonl", LABELLED)
    with train.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    error = refused(tmp_path, {"train": train}, labels=["animal", "plant"])
    assert error.what.startswith("train.jsonl, line 6: ")
    assert said in error.what


def test_an_id_that_stands_twice_is_refused_with_both_places(tmp_path: Path) -> None:
    records = [{"id": "1", "input": f"text {n}", "output": "ab"[n % 2]} for n in range(2)]
    files = {name: labelled(tmp_path / f"{name}.jsonl", [(name, "a")]) for name in ("dev", "test")}
    error = refused(tmp_path, {"train": lines(tmp_path / "train.jsonl", records), **files}, kind="label")
    assert "line 2" in error.what and "line 1" in error.why


def test_a_mixture_of_records_and_labels_is_refused(tmp_path: Path) -> None:
    record, label = {"input": "a", "output": {"n": 1}}, {"input": "b", "output": "x"}
    error = refused(tmp_path, {"train": lines(tmp_path / "train.jsonl", [record, record, label])})
    assert error.what == "train.jsonl, line 3: the output is no record, unlike most others."
    assert error.why == "Of all outputs, 2 are records and 1 are not."
    error = refused(tmp_path, {"train": lines(tmp_path / "train.jsonl", [label, label, record])})
    assert error.what == "train.jsonl, line 3: the output is a record, unlike most others."


def test_a_field_that_one_example_alone_uses_is_a_warning_with_the_one_probably_meant(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"input": f"om {n} uur", "output": {"product": "pas", "uur": n}} for n in range(24)
    ]
    made = make(tmp_path, {"train": lines(tmp_path / "train.jsonl", records)})
    assert made.summary["warnings"] == []
    records[6]["output"] = {"produkt": "pas", "uur": 6}
    made = make(tmp_path, {"train": lines(tmp_path / "train.jsonl", records)})
    expected = (
        "train.jsonl, line 7 is the only one of 24 examples that uses the field 'produkt'. Did you mean 'product'?"
    )
    assert made.summary["warnings"] == [expected]
    assert ("warning", {"text": expected}) in made.events


def test_what_was_concluded_from_the_data_is_told(tmp_path: Path) -> None:
    made = make(tmp_path, {"train": labelled(tmp_path / "train.jsonl", LABELLED * 2 + [("a fir", "plant")])})
    told = [fields["text"] for event, fields in made.events if event == "note"]
    assert set(made.summary["derived"]) < set(told)
    assert any(text.startswith("kind: label") for text in told)


def test_lists_of_strings_are_refused(tmp_path: Path) -> None:
    train = lines(tmp_path / "train.jsonl", [{"input": "a", "output": ["x"]}])
    assert "no known kind" in refused(tmp_path, {"train": train}).what


def test_a_csv_cell_without_json_is_refused_by_line_when_records_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text('input,output\na,"{""n"":1}"\nb,none\n', encoding="utf-8")
    assert "train.csv, line 3" in refused(tmp_path, {"train": path}, kind="record").what


def test_everything_leaked_leaves_nothing_to_train_on(tmp_path: Path) -> None:
    train = labelled(tmp_path / "train.jsonl", LABELLED)
    assert "No training example" in refused(tmp_path, {"train": train, "test": train}).what


def test_one_example_cannot_be_split(tmp_path: Path) -> None:
    train = labelled(tmp_path / "train.jsonl", [("a", "x")])
    assert "nothing to hold out" in refused(tmp_path, {"train": train}).what


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"inptu": "text"}, "'inptu' is unknown"),
        ({"holdout": 1.5}, "holdout is 1.5"),
        ({"holdout": 0.0}, "no test set"),
        ({"limit": 0}, "limit is 0"),
        ({"output": "input"}, "same column"),
        ({"write": "names"}, "write is"),
        ({"write": "name", "kind": "label"}, "no name to write"),
        ({"kind": "label", "harm": ["dose"]}, "`harm` is for record tasks"),
        ({"kind": "label", "many": True}, "`many` is for record tasks"),
        ({"kind": "text", "labels": ["animal", "plant"]}, "`labels` is for label tasks"),
        ({"kind": "text", "schema": {"properties": {"a": {"type": "string"}}}}, "`schema` is for record tasks"),
        ({"input": "text"}, "no column 'text'"),
    ],
)
def test_a_setting_that_cannot_be_followed_is_refused(tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    train = labelled(tmp_path / "train.jsonl", LABELLED)
    assert said in refused(tmp_path, {"train": train}, **settings).what


def test_columns_that_are_not_used_are_listed(tmp_path: Path) -> None:
    records = [{"input": f"text {n}", "output": "ab"[n % 2], "source": "x"} for n in range(30)]
    made = make(tmp_path, {"train": lines(tmp_path / "train.jsonl", records)})
    assert made.summary["unused_columns"] == {"train": ["source"]}


def test_the_same_input_and_output_with_other_scored_fields_are_two_items(tmp_path: Path) -> None:
    train = lines(tmp_path / "train.jsonl", [{"input": f"in {n}", "output": {"a": n, "b": 1}} for n in range(30)])
    twice = [{"input": "x", "output": {"a": 1, "b": 1}, "scored": [name]} for name in ("a", "b")]
    made = make(tmp_path, {"train": train, "test-theirs": lines(tmp_path / "theirs.jsonl", twice)})
    first, second = made.items("test-theirs")
    assert second["id"] == f"{first['id']}~1"


def test_tests_of_programs_are_kept_and_must_be_pairs_of_texts(tmp_path: Path) -> None:
    rows = [{"input": f"double {n}", "output": f"print({2 * n})", "tests": [["", f"{2 * n}\n"]]} for n in range(12)]
    settings = {"kind": "text", "program_tests": "tests"}
    made = make(tmp_path, {"train": lines(tmp_path / "rows.jsonl", rows)}, **settings)
    kept = {item["output"]: item["tests"] for name in ("train", "dev", "test") for item in made.items(name)}
    assert kept == {row["output"]: row["tests"] for row in rows}
    assert not made.summary["unused_columns"]["train"]
    rows[0]["tests"] = [["1"]]
    again = {"train": lines(tmp_path / "again.jsonl", rows)}
    (tmp_path / "again").mkdir()
    assert "a test is" in refused(tmp_path / "again", again, **settings).what
    assert "no column 'checks'" in refused(tmp_path / "again", again, kind="text", program_tests="checks").what
    (tmp_path / "other").mkdir()
    assert make(tmp_path / "other", again, kind="text").summary["unused_columns"] == {"train": ["tests"]}
