"""Stage functions for tests: they do little, and misbehave on request."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helder.errors import ExitCode, HelderError

Report = Callable[..., None]


def copy(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Report
) -> dict[str, Any]:
    """Write the settings and the size of each input; say where the work stands."""
    report("progress", done=1, total=2, unit="steps", pid=os.getpid())
    sys.stdout.write("this goes to the log\n")
    sizes = {name: path.stat().st_size for name, path in sorted(inputs.items()) if path.is_file()}
    record = {"settings": settings, "sizes": sizes, "inputs": sorted(inputs)}
    (output / "deep").mkdir()
    (output / "deep" / "copy.json").write_text(json.dumps(record, sort_keys=True), encoding="utf-8")
    report("progress", done=2, total=2, unit="steps")
    return {"note": "measured"}


def environment(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Report
) -> dict[str, Any]:
    (output / "environment.json").write_text(json.dumps(dict(os.environ)), encoding="utf-8")
    return {"stdin": sys.stdin.read(), "folder": str(Path.cwd()), "modules": sorted(sys.modules)}


def stops_halfway_once(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Report
) -> dict[str, Any]:
    """Write half, then wait for a signal; a second attempt finds its notes and finishes."""
    notes = scratch / "notes.txt"
    again = notes.exists()
    (output / "half.txt").write_text("half", encoding="utf-8")
    notes.write_text("I was here", encoding="utf-8")
    report("progress", done=1, total=2, unit="steps", pid=os.getpid(), files=len(list(output.iterdir())))
    if not again:
        signal.pause()
    return {"again": again}


def refuses(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Report
) -> dict[str, Any]:
    (output / "half.txt").write_text("half", encoding="utf-8")
    raise HelderError("The data are empty.", "No line holds a record.", "Add some.", ExitCode.FAILED)


def crashes(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Report
) -> dict[str, Any]:
    (output / "half.txt").write_text("half", encoding="utf-8")
    sys.stdout.write("the last words\n")
    raise ValueError("a defect")


def ends_the_process(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Report
) -> dict[str, Any]:
    if "signal" in settings:
        os.kill(os.getpid(), settings["signal"])
    os.write(1, b"about to leave\n")
    os._exit(7)


def writes_nothing(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Report
) -> dict[str, Any]:
    return {}


def returns(settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Report) -> Any:
    (output / "a.txt").write_text("a", encoding="utf-8")
    return {"nan": {"x": float("nan")}, "list": [], "path": {"x": output}}[settings["what"]]


def fills_the_disk(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Report
) -> dict[str, Any]:
    """Write `bytes` zeros to the output, or to `path`."""
    with Path(settings.get("path") or output / "large.bin").open("wb") as stream:
        stream.write(b"\0" * settings["bytes"])
    return {}


def changes_its_input(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Report
) -> dict[str, Any]:
    (output / "a.txt").write_text("a", encoding="utf-8")
    with inputs["train"].open("a", encoding="utf-8") as stream:
        stream.write("one more")
    return {}


def raises(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Report
) -> dict[str, Any]:
    if settings["what"] == "memory":
        raise MemoryError
    if settings["what"] == "rust":
        raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")
    if settings["what"] == "numpy":
        import numpy  # here: a test looks at what a stage imports by itself

        with Path("/dev/full").open("wb", buffering=0) as stream:
            numpy.zeros(1 << 20).tofile(stream)
    if settings["what"] == "read-only":
        raise OSError(30, "Read-only file system", "/data/x")
    raise ModuleNotFoundError("No module named 'torch'", name="torch")


def data(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Report
) -> dict[str, Any]:
    """The data stage: `task.json`, and the bytes of every input."""
    task = {"kind": settings["kind"] or "record"}
    (output / "task.json").write_text(json.dumps(task), encoding="utf-8")
    (output / "dev.jsonl").write_text("{}\n{}\n{}\n", encoding="utf-8")
    for name, path in inputs.items():
        (output / f"{name}.txt").write_bytes(path.read_bytes())
    return {}


def judges(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Report
) -> dict[str, Any]:
    """Run programs of strangers: one that adds, and one that sleeps too long."""
    from helder.sealed import untrusted

    limits = untrusted.Limits(cpu_seconds=5, wall_seconds=0.3, memory=128 << 20, output=1 << 20)
    adds = b"import sys; print(sum(map(int, sys.stdin.read().split())))"
    with untrusted.Room({"adds.py": adds, "sleeps.py": b"import time; time.sleep(100)"}) as room:
        told = [
            room.run([untrusted.interpreter(), f"/program/{name}"], b"1 2 3", limits)
            for name in ("adds.py", "sleeps.py")
        ]
    found = {"sum": told[0].stdout.decode(), "sleeps": told[1].how, "refused": len(untrusted.proved())}
    (output / "judged.json").write_text(json.dumps(found), encoding="utf-8")
    return {}


def probe(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Report
) -> dict[str, Any]:
    """The probe: a measurement, so it never gives the same twice."""
    found = {
        "steps": 1000 + int.from_bytes(os.urandom(2), "big"),
        "seconds_per_step": 0.5,
        "seconds_fixed": 3.0,
        "padded_tokens_per_step": 100.0,
        "examples_per_step": 4.0,
        "examples": 40,
        "counted": "examples",
        "peak_memory_bytes": 2_000_000_000,
        "parameters": 1_000_000,
    }
    (output / "probe.json").write_text(json.dumps(found), encoding="utf-8")
    return {}


def scores(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Report
) -> dict[str, Any]:
    """The scores: which subjects there are, every one half right."""
    half = {"right": 1, "n": 2, "value": 0.5, "low": 0.1, "high": 0.9}
    names = [name.removeprefix("predict-") for name in sorted(inputs) if name.startswith("predict-")]
    record = {
        "confidence": 0.95,
        "task": {"kind": "record"},
        "measures": {"whole": "", "fields": "", "stated": ""},
        "subjects": [{"name": name, "title": f"the {name}"} for name in names],
        "test_sets": [{"name": "test", "n": 2}],
        "results": [
            {"subject": name, "test_set": "test", "n": 2, "subset": None, "whole": half, "fields": half}
            for name in names
        ],
        "comparisons": [{"a": "weights", "b": "nearest", "sentence": "Whether weights are better is not shown."}],
        "recommendation": {"text": "Use the nearest training example."},
        "warnings": ["Only 2 items."],
    }
    (output / "scores.json").write_text(json.dumps(record), encoding="utf-8")
    return {}
