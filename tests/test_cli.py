"""The command line as a person or a program uses it: output, errors, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from helder import cli
from helder.commands import group, talk
from helder.errors import ExitCode, HelderError
from helder.sealed import room
from tests import fake_project

HEAVY = {"torch", "pydantic", "numpy", "click", "rich", "cryptography", "fastapi", "gguf", "xllamacpp", "json"}


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


# -- help ----------------------------------------------------------------------------------------------------


def test_help_imports_nothing_but_the_command_line_itself() -> None:
    code = "import sys; from helder.cli import main\ntry: main()\nfinally: sys.stderr.write(' '.join(sys.modules))"
    done = python(code, "--help")
    assert done.returncode == 0
    assert done.stdout == cli.help_text()
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert not HEAVY & loaded
    assert {name for name in done.stderr.split() if name.startswith("helder.")} == {"helder.cli"}


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_names_every_verb(arguments: list[str]) -> None:
    done = python("from helder.cli import main; main()", *arguments)
    for verb, (_, sentence) in cli.VERBS.items():
        assert f"  {verb:<8} {sentence}" in done.stdout


@pytest.mark.parametrize("verb", sorted(cli.VERBS))
def test_help_of_a_verb_needs_no_heavy_library(verb: str) -> None:
    code = (
        "import sys; from helder.commands.group import call\ncall(sys.argv[1:])\nprint(*sys.modules, file=sys.stderr)"
    )
    done = python(code, verb, "--help")
    assert "Usage: helder " + verb in done.stdout
    assert not {"torch", "pydantic", "numpy", "rich", "fastapi"} & set(done.stderr.split())


def test_every_verb_takes_json(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in cli.VERBS:
        command = group.helder.get_command(click.Context(group.helder), verb)
        commands = list(command.commands.values()) if isinstance(command, click.Group) else [command]
        for one in commands:
            assert one is not None
            assert "--json" in {option for parameter in one.params for option in parameter.opts}, (verb, one.name)


def test_the_version_is_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert group.call(["--version"]) == ExitCode.DONE
    assert capsys.readouterr().out == "0.1.0\n"


# -- errors and exit codes --------------------------------------------------------------------------------------


def test_a_misspelt_verb_is_the_users_to_fix(capsys: pytest.CaptureFixture[str]) -> None:
    assert group.call(["rnu"]) == ExitCode.USER
    assert "Did you mean `helder run`?" in capsys.readouterr().err


def test_a_misspelt_option_is_the_users_to_fix(capsys: pytest.CaptureFixture[str]) -> None:
    assert group.call(["run", "--jsno"]) == ExitCode.USER
    captured = capsys.readouterr()
    assert "--jsno" in captured.err
    assert "helder run --help" in captured.err
    assert captured.out == ""


def test_an_error_says_what_why_and_the_way_out_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert group.call(["run", str(tmp_path)]) == ExitCode.USER
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "helder: There is no recipe" in captured.err
    assert "fix: " in captured.err


def test_with_json_an_error_is_one_json_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert group.call(["run", str(tmp_path), "--json"]) == ExitCode.USER
    record = json.loads(capsys.readouterr().err)
    assert record["event"] == "error"
    assert record["code"] == 1
    assert record["fix"]


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (HelderError("x", code=ExitCode.FAILED), 3),
        (HelderError("x", code=ExitCode.UNCHECKED), 4),
        (HelderError("x", code=ExitCode.REFUSED), 5),
        (KeyboardInterrupt(), 130),
        (ValueError("boom"), 2),
        (OSError(28, "No space left on device"), 1),
        (BrokenPipeError(), 0),
    ],
    ids=repr,
)
def test_each_kind_of_failure_has_its_exit_code(
    raised: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def examine() -> dict[str, Any]:
        raise raised

    monkeypatch.setattr("helder.commands.doctor.examine", examine)
    kept = os.dup(1)
    try:
        assert group.call(["doctor"]) == code
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def test_a_defect_of_ours_is_short_and_its_traceback_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def examine() -> dict[str, Any]:
        raise ValueError("boom")

    monkeypatch.setattr("helder.commands.doctor.examine", examine)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert group.call(["doctor"]) == ExitCode.OURS
    told = capsys.readouterr().err
    assert "Traceback" not in told
    [saved] = tmp_path.iterdir()
    assert str(saved) in told
    assert "ValueError: boom" in saved.read_text(encoding="utf-8")


# -- verbs ------------------------------------------------------------------------------------------------------


def test_doctor_tells_true_facts_and_makes_no_key(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert group.call(["doctor", "--json"]) == ExitCode.DONE
    facts = json.loads(capsys.readouterr().out)
    assert facts["cpus"] >= 1
    assert facts["seal_level"] in (0, 2, 3)
    assert facts["seal"] == room.LABELS[facts["seal_level"]]
    assert ("seal_proof" in facts) == (facts["seal_level"] > 0)
    assert facts["signing_key"] is None
    assert list(home.iterdir()) == []
    assert group.call(["doctor"]) == ExitCode.DONE
    assert facts["seal"][:12] in capsys.readouterr().out
    assert facts["judges_programs"] == facts["rooms"].startswith("closed")
    assert facts["judges_programs"] == ("landlock" in facts.get("room_walls", {}))


def test_doctor_tells_why_programs_of_strangers_cannot_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def proved() -> dict[str, str]:
        raise HelderError("bubblewrap is not installed.", "", "Install bubblewrap.")

    monkeypatch.setattr("helder.sealed.untrusted.proved", proved)
    assert group.call(["doctor"]) == ExitCode.DONE
    told = capsys.readouterr().out
    assert "none: bubblewrap is not installed. Install bubblewrap." in " ".join(told.split())


def test_the_schema_of_recipes_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert group.call(["recipe", "schema"]) == ExitCode.DONE
    assert "train" in json.loads(capsys.readouterr().out)["properties"]


def test_a_recipe_is_shown_with_its_defaults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = fake_project.make(tmp_path / "doses")
    assert group.call(["recipe", "check", str(project)]) == ExitCode.DONE
    shown = capsys.readouterr().out
    assert "method = 'full'" in shown
    assert group.call(["recipe", "check", str(project), "--json"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["train"][0]["budget"] == "5 min"


def test_the_sizes_of_models_made_from_nothing_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    from helder.model.sizes import sizes

    assert group.call(["model", "sizes"]) == ExitCode.DONE
    shown = capsys.readouterr().out
    assert all(name in shown for name in sizes())
    assert "7.30 B" in shown
    assert "4,096 x 32 x 32" in shown
    assert all(size.source in shown for size in sizes().values())
    assert group.call(["model", "sizes", "--json"]) == ExitCode.DONE
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["smollm2-135m"]["parameters"] == 134_515_008
    assert found["smollm2-135m"]["layers"] == 30


def test_a_new_project_is_never_written_over_something(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x", encoding="utf-8")
    assert group.call(["new", str(tmp_path / "mine")]) == ExitCode.USER
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    assert group.call(["new", str(tmp_path / "other"), "--example", "dose-instuctions"]) == ExitCode.USER
    assert "dose-instructions" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_a_new_project_from_an_example_has_a_recipe_that_is_understood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert group.call(["new", str(tmp_path / "doses"), "--example", "dose-instructions"]) == ExitCode.DONE
    assert f"helder run {tmp_path / 'doses'}" in capsys.readouterr().out
    assert group.call(["recipe", "check", str(tmp_path / "doses")]) == ExitCode.DONE


def test_scores_of_a_project_that_was_not_run_are_not_invented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_project.use_tiny_stages(monkeypatch, home)
    project = fake_project.make(tmp_path / "doses")
    assert group.call(["eval", str(project)]) == ExitCode.USER
    assert f"helder run {project}" in capsys.readouterr().err


def test_a_run_ends_with_a_table_and_the_command_that_serves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_project.use_tiny_stages(monkeypatch, home)
    project = fake_project.make(tmp_path / "doses")
    assert group.call(["run", str(project)]) == ExitCode.DONE
    captured = capsys.readouterr()
    assert "the weights" in captured.out
    assert "0.500 (0.100-0.900)" in captured.out
    assert f"helder serve {project}" in captured.out
    events = [json.loads(line) for line in captured.err.splitlines()]
    assert {"started", "progress", "finished", "report"} <= {event["event"] for event in events}

    assert group.call(["run", str(project), "--json"]) == ExitCode.DONE
    captured = capsys.readouterr()
    assert json.loads(captured.out)["scores"]["confidence"] == 0.95
    assert "started" not in {json.loads(line)["event"] for line in captured.err.splitlines()}

    assert group.call(["eval", str(project)]) == ExitCode.DONE
    assert "Use the nearest training example." in capsys.readouterr().out
    monkeypatch.chdir(project)
    assert group.call(["compare", "nearest", "weights"]) == ExitCode.DONE
    assert capsys.readouterr().out == "Whether weights are better is not shown.\n"
    assert group.call(["compare", "nearest", "trivial"]) == ExitCode.UNCHECKED
    assert group.call(["compare", "nearest", "nobody"]) == ExitCode.USER
    assert "Scored: base, nearest" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_with_130_and_says_that_run_continues(
    tmp_path: Path, home: Path, number: signal.Signals
) -> None:
    project = fake_project.make(tmp_path / "doses")
    code = (
        "import sys, pytest; from pathlib import Path\n"
        "from tests import fake_project; from helder.commands import group\n"
        f"fake_project.use_tiny_stages(pytest.MonkeyPatch(), Path({str(home)!r}))\n"
        f"sys.exit(group.call(['run', {str(project)!r}]))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if json.loads(line)["event"] == "progress":
                process.send_signal(number)
                break
        told = process.stderr.read()
    assert process.returncode == ExitCode.INTERRUPTED
    assert "helder: Interrupted" in told
    assert "`helder run` continues" in told
    assert not list((project / "run").glob("work/*/output/*"))


# -- how things are said ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert talk.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12 B"), (98_362_432, "98.4 MB"), (3_800_000_000, "3.80 GB"), (999_960, "1.0 MB")]
)
def test_sizes_read_well(count: int, text: str) -> None:
    assert talk.size(count) == text


def test_progress_lines_are_thinned_but_the_last_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    lines = talk.Lines()
    for done in range(1, 1001):
        lines({"event": "progress", "done": done, "total": 1000})
    shown = [json.loads(line)["done"] for line in capsys.readouterr().err.splitlines()]
    assert shown[0] == 1
    assert shown[-1] == 1000
    assert len(shown) < 500


def test_on_a_terminal_progress_is_drawn_with_loss_speed_and_time_left() -> None:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(width=120, record=True, force_terminal=False, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    drawn = talk.Drawn(Progress(console=console))
    drawn({"event": "started", "stage": "train"})
    progress = {"event": "progress", "stage": "train", "done": 10, "total": 300, "unit": "steps"}
    said = drawn.told({**progress, "loss": 0.51234, "tokens_per_second": 1234.6, "seconds_left": 125})
    assert said == "10 of 300 steps   loss 0.512   1,235 tokens/s   2 min 05 s left"
    drawn(progress)
    drawn({"event": "warning", "stage": "train", "text": "3 examples are too long"})
    drawn({"event": "finished", "stage": "train", "seconds": 65.0, "peak_memory": 3_000_000_000})
    drawn({"event": "kept", "stage": "files"})
    text = console.export_text()
    assert "warning: 3 examples are too long" in text
    assert "1 min 05 s" in text
    assert "peak memory 3.00 GB" in text
    assert "kept from before" in text
