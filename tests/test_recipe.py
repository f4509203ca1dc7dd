"""Recipes: what is understood, and what is said when something is not."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from helder import recipe as recipes
from helder.errors import ExitCode, HelderError
from helder.recipe import Recipe, json_schema, parse_budget

SMALL = """\
name = "doses"

[data]
train = "train.jsonl"

[base]
model = "smollm2-135m-instruct"
"""


def refused(text: str) -> HelderError:
    with pytest.raises(HelderError) as caught:
        Recipe.parse(text)
    assert caught.value.code == ExitCode.USER
    assert caught.value.fix
    return caught.value


def test_three_keys_are_enough_and_everything_else_has_a_default() -> None:
    recipe = Recipe.parse(SMALL)
    assert recipe.final.method == "full"
    assert recipe.final.amount == ("seconds", 300.0)
    assert recipe.compress.formats == ["f16", "q8_0", "q4_0"]
    assert recipe.release.audience == "public"


def test_every_key_has_a_sentence() -> None:
    def check(schema: dict[str, object], where: str) -> None:
        properties = schema.get("properties")
        assert isinstance(properties, dict)
        for key, value in properties.items():
            # A table is explained where it is defined.
            assert "$ref" in value or str(value.get("description", "")).endswith("."), f"{where}.{key}"

    schema = json_schema()
    check(schema, "recipe")
    for name, definition in schema["$defs"].items():
        check(definition, name)


def test_the_shipped_schema_is_the_generated_one() -> None:
    shipped = Path(recipes.__file__).with_name("recipe.schema.json").read_text(encoding="utf-8")
    assert json.loads(shipped) == json_schema(), "run: helder recipe schema > helder/recipe.schema.json"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("inptu = 'x'", "recipe.toml, line 5: there is no key `data.inptu`. Did you mean `data.input`?"),
        ("method = 'full'", "there is no key `data.method`. It belongs into the table [train]."),
        ("zzz = 1", "there is no key `data.zzz`. Known here: train, dev, test"),
    ],
)
def test_a_misspelt_key_is_named_with_the_one_that_was_meant(line: str, said: str) -> None:
    assert said in refused(SMALL.replace('train.jsonl"\n', f'train.jsonl"\n{line}\n')).what


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("steps = 1.5", "`train.steps` is 1.5; it has to be a whole number"),
        ('steps = "3"', '`train.steps` is "3"; it has to be a whole number'),
        ("steps = true", "`train.steps` is true; it has to be a whole number"),
        ("learning_rate = 'high'", '`train.learning_rate` is "high"; it has to be a number'),
        ("budget = 5", "`train.budget` is 5; it has to be a text in quotes"),
        ("context = 3", "`train.context` is 3; it has to be greater than or equal to 8"),
        ("warmup = 1.5", "`train.warmup` is 1.5; it has to be less than 1"),
        ("method = 'loar'", '`train.method` is "loar"; it can be "full" or "upper" or "lora". Did you mean "lora"?'),
        ("budget = 'five minutes'", '`train.budget`: a budget reads "5 min"'),
        ("budget = '5 min'\nsteps = 3", "give one of budget and steps, not 2"),
        ("batch_size = 3\nbatch_tokens = 100", "give batch_tokens or batch_size, not both"),
    ],
)
def test_a_wrong_value_is_named_with_its_line_and_what_it_has_to_be(line: str, said: str) -> None:
    what = refused(f"{SMALL}[train]\n{line}\n").what
    assert said in what
    assert "recipe.toml, line" in what


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("many = 'no'", '`data.many` is "no"; it has to be true or false'),
        ("labels = 3", "it has to be a list in [ ] or a text in quotes"),
        ("harm = 'dose'", "it has to be a list in [ ]"),
        ("tests = { a = 3 }", "`data.tests.a` is 3"),
        ("tests = { 'A b' = 'x' }", "a name is lower-case letters"),
        ("train = 3", "Cannot overwrite a value"),
    ],
)
def test_wrong_values_in_tables_that_hold_several_types_are_told_once(line: str, said: str) -> None:
    error = refused(SMALL.replace("[base]", f"{line}\n[base]"))
    assert said in error.what + error.why
    assert "problems" not in error.what


def test_all_problems_are_told_at_once() -> None:
    what = refused('name = "Doses!"\n[data]\n[base]\nmodle = "x"\n').what
    for said in ("4 problems", "`name`", "`data.train` is missing", "Did you mean `base.model`?"):
        assert said in what


def test_a_missing_table_is_named() -> None:
    what = refused('name = "a"\n').what
    assert "`data` is missing" in what
    assert "`base` is missing" in what


def test_what_is_not_toml_is_told_with_its_place() -> None:
    error = refused("name = doses\n")
    assert error.what == "recipe.toml is not valid TOML."
    assert "line 1" in error.why


def test_a_missing_recipe_tells_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="There is no recipe") as caught:
        Recipe.load(tmp_path / "recipe.toml")
    assert "helder new" in caught.value.fix


def test_a_recipe_that_is_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(HelderError, match="cannot be read as UTF-8 text"):
        Recipe.load(tmp_path / "recipe.toml")


def test_a_recipe_that_is_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").mkdir()
    with pytest.raises(HelderError, match="cannot be read"):
        Recipe.load(tmp_path / "recipe.toml")


def test_missing_files_are_named_with_the_ones_that_were_meant(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a,b\n", encoding="utf-8")
    text = SMALL.replace('"train.jsonl"', '"trian.csv"\ntests = { foreign = "nowhere/x.jsonl" }')
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
    with pytest.raises(HelderError) as caught:
        Recipe.load(tmp_path / "recipe.toml")
    what = caught.value.what
    assert "2 files are missing" in what
    assert "line 4: `data.train` names trian.csv, which does not exist. Did you mean train.csv?" in what
    assert "`data.tests.foreign` names nowhere/x.jsonl" in what


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("5 min", ("seconds", 300.0)),
        ("4.5 min", ("seconds", 270.0)),
        ("90s", ("seconds", 90.0)),
        ("1 s", ("seconds", 1.0)),
        ("2 hours", ("seconds", 7200.0)),
        ("300 steps", ("steps", 300)),
        ("1 step", ("steps", 1)),
        ("2.5 epochs", ("epochs", 2.5)),
        ("2_000_000 tokens", ("tokens", 2_000_000)),
    ],
)
def test_budgets_are_read(text: str, amount: tuple[str, float]) -> None:
    assert parse_budget(text) == amount


@pytest.mark.parametrize("text", ["", "5", "min", "-5 min", "0 min", "1.5 steps", "5 parsecs", "0 steps", "5 min 3"])
def test_other_budgets_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a budget reads"):
        parse_budget(text)


@pytest.mark.parametrize(
    ("line", "amount"),
    [("steps = 7", ("steps", 7)), ("epochs = 2", ("epochs", 2.0)), ("tokens = 1000", ("tokens", 1000))],
)
def test_steps_epochs_and_tokens_are_keys_as_well(line: str, amount: tuple[str, float]) -> None:
    assert Recipe.parse(f"{SMALL}[train]\n{line}\n").final.amount == amount


def test_the_shipped_recipes_are_understood() -> None:
    shipped = sorted(Path(recipes.__file__).parent.glob("examples/*/recipe.toml"))
    assert shipped
    for path in shipped:
        assert Recipe.parse(path.read_text(encoding="utf-8"), str(path)).name
        assert "seed" not in tomllib.loads(path.read_text(encoding="utf-8")), "defaults are not repeated"


SEVERAL = SMALL + '[[train]]\nobjective = "text"\ntext = "notes.txt"\n\n[[train]]\n'


def test_one_table_and_several_are_both_lists_of_trainings() -> None:
    assert len(Recipe.parse(SMALL + "[train]\nsteps = 2\n").train) == 1
    several = Recipe.parse(SEVERAL + "steps = 2\n")
    assert [training.called for training in several.train] == ["text", "answers"]
    assert several.final.steps == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SEVERAL + 'mehtod = "full"\n', "line 13: there is no key `train[1].mehtod`. Did you mean `train[1].method`?"),
        (SMALL + 'mehtod = "full"\n', "`base.mehtod`"),
        (SMALL + '[train]\nobjective = "preference"\n', 'line 8: `train`: objective = "preference" needs pairs'),
        (SMALL + '[train]\npairs = "a.jsonl"\n', 'pairs is for objective = "preference", not for "answers"'),
        (SMALL + "[train]\nseeds = [1, 2]\n", "the last training has seeds"),
        (SEVERAL.replace('notes.txt"', 'notes.txt"\nseeds = [1, 1]'), "at least two different seeds"),
        (SEVERAL + '[[train]]\nobjective = "text"\ntext = "b.txt"\n[[train]]\n', "two trainings have the same name"),
        (SMALL + 'size = "olmo2-14m"\n', 'size shapes a model made from nothing (model = "scratch")'),
        (SMALL.replace("smollm2-135m-instruct", "scratch"), "needs a size"),
    ],
)
def test_trainings_that_do_not_fit_together_are_refused(text: str, said: str) -> None:
    assert said in refused(text).what


def test_a_missing_file_of_a_training_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("x", encoding="utf-8")
    (tmp_path / "recipe.toml").write_text(SEVERAL, encoding="utf-8")
    with pytest.raises(HelderError) as caught:
        Recipe.load(tmp_path / "recipe.toml")
    assert "line 10: `train[0].text` names notes.txt, which does not exist" in caught.value.what


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 3000, "a = " + "9" * 5000, 'name = "a"\npurpose = "b"\n[data]\ntrain = "' + "x" * 5000 + '"'],
    ids=["brackets in brackets", "a number of 5000 digits", "a path that no file can have"],
)
def test_a_recipe_that_goes_too_far_is_refused_as_any_other(tmp_path: Path, text: str) -> None:
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
    with pytest.raises(HelderError):
        Recipe.load(tmp_path / "recipe.toml")
