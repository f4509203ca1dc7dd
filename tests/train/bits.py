"""One small recipe of each method, and the digests of what it makes.

As a program it trains them all in the numerics that its environment was started for and prints losses and digests:

    python -m tests.train.bits FOLDER portable|fast
    python -m tests.train.bits --write          (makes tests/golden/training.json anew, each profile in a child process)
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parent.parent.parent
GOLDEN = REPOSITORY / "tests" / "golden" / "training.json"
SHORT = {"steps": 6, "evaluate_every": 3, "checkpoint_every": 2, "learning_rate": 3e-3}
RECIPES: dict[str, dict[str, Any]] = {
    "answers": {"objective": "answers", "batch_size": 6},
    "answers packed, muon": {
        "objective": "answers", "batch_tokens": 256, "packing": True, "context": 96, "optimizer": "muon",
    },
    "answers, lora": {"objective": "answers", "batch_size": 6, "method": "lora"},
    "text, adamw": {"objective": "text", "batch_tokens": 512, "context": 64},
    "text, muon": {"objective": "text", "batch_tokens": 512, "context": 64, "optimizer": "muon"},
    "preference": {"objective": "preference", "batch_size": 6},
    "reward": {
        "objective": "reward", "batch_size": 4, "group": 4, "answer_tokens": 6, "reuse": 2, "verifier": "digit",
        "kl": 0.05, "temperature": 0.9,
    },
    "distil, text": {"objective": "distil", "batch_tokens": 512, "context": 64, "teacher_temperature": 2.0},
}  # fmt: skip
INPUTS = {"answers": ("data",), "text": ("text",), "preference": ("pairs",), "reward": ("data",)}
# What else is held back of the processor, or named otherwise, without changing the portable profile's own variables.
RESTRICTED = {
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD,-AVX2,-FMA,-ERMS",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "NPY_DISABLE_CPU_FEATURES": "",  # filled in for the machine: numpy refuses names that it does not dispatch on
    "OMP_NUM_THREADS": "2",
}


def make_inputs(folder: Path) -> dict[str, Path]:
    """A base model, a teacher, texts, questions and pairs: every artifact that a recipe may ask for."""
    from helder.examples.olmo2 import world
    from tests.train.conftest import write_lines
    from tests.train.objectives import small_world

    folder.mkdir(parents=True)
    text = small_world.texts(folder / "text.jsonl", 1, 60)
    held_out = small_world.texts(folder / "held-out.jsonl", 2, 6)
    base = small_world.base(folder / "base", text)
    write_lines(folder / "pairs.jsonl", world.pairs(3, 40))
    questions = world.questions(4, 40, held_out=False)
    return {
        "base": base,
        "teacher": small_world.base(folder / "teacher", text, seed=7),
        "text": small_world.shards(folder / "text", base, text, held_out),
        "data": small_world.data(folder / "data", questions[:32], questions[32:]),
        "pairs": folder / "pairs.jsonl",
    }


def train(recipe: str, inputs: Mapping[str, Path], place: Path, **settings: Any) -> Path:
    """Run the stage in `place`, which may hold the scratch of an attempt before; the folder with its output."""
    return train_with_facts(recipe, inputs, place, **settings)[0]


def train_with_facts(
    recipe: str, inputs: Mapping[str, Path], place: Path, **settings: Any
) -> tuple[Path, dict[str, Any]]:
    """As `train`; (the folder with its output, what the statement would say of it)."""
    from helder.train import stage
    from tests.train.conftest import ignore

    resolved = settings_of(recipe, **settings)
    output = place / "output"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    (place / "scratch").mkdir(exist_ok=True)
    return output, stage.run(resolved, inputs_of(recipe, inputs), output, place / "scratch", ignore)


def settings_of(recipe: str, **settings: Any) -> dict[str, Any]:
    """The resolved settings of a recipe."""
    from helder.train.settings import resolve

    know_digits()
    return resolve({"precision": "fp32", **SHORT, **RECIPES[recipe], **settings})


def inputs_of(recipe: str, inputs: Mapping[str, Path]) -> dict[str, Path]:
    """Those of the inputs that a recipe asks for."""
    objective = RECIPES[recipe]["objective"]
    needed = ("text", "teacher") if objective == "distil" else INPUTS[objective]
    return {name: inputs[name] for name in ("base", *needed)}


def know_digits() -> None:
    """Let this process know a verifier that counts digits.

    Untrained, the model gives no right answer; that some of its answers have more digits than others is enough for
    rewards that differ.
    """
    from helder.evaluate import verifiers

    verifiers.VERIFIERS.setdefault(
        "digit", verifiers.Verifier("digit", 1, "The share of digits.", lambda _, __, text: digits(text))
    )


def digits(text: str) -> float:
    """The share of a text's characters that are digits."""
    return sum(character.isdigit() for character in text) / max(1, len(text))


def losses(output: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (output / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def measured(output: Path) -> dict[str, Any]:
    """Losses at full precision, and digests of the weights and of all that was made."""
    from helder.ledger.artifact import digest_path, hash_file

    return {
        "losses": losses(output),
        "weights_sha256": hash_file(output / "model.safetensors")[1],
        "sha256": digest_path(output),
    }


def all_of(folder: Path, profile: str) -> dict[str, Any]:
    """Every recipe in this process; "fast" in both precisions."""
    inputs = make_inputs(folder / "inputs")
    kinds = (
        {"portable": {"numerics": "portable"}} if profile == "portable" else {"fp32": {}, "bf16": {"precision": "bf16"}}
    )
    return {
        kind: {name: measured(train(name, inputs, folder / kind / name, **settings)) for name in RECIPES}
        for kind, settings in kinds.items()
    }


def environment(profile: str) -> dict[str, Any]:
    """What the golden values of a profile hold in."""
    import torch

    from helder.ledger.environment import processor

    found: dict[str, Any] = {"torch": torch.__version__}
    if profile == "portable":
        return found | {"instructions": "x86-64 with AVX2 and FMA"}
    return found | {
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "processor": processor()["model"],
        "flags_sha256": processor()["flags_sha256"],
    }


def in_child(profile: str, folder: Path, **variables: str) -> dict[str, Any]:
    """`all_of` in a process that is started with the profile's environment, as the pipeline starts a training."""
    from helder.train.settings import environment as variables_of

    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    given = kept | {"OMP_NUM_THREADS": "1", "GOMP_SPINCOUNT": "0"} | variables_of(profile) | variables
    command = [sys.executable, "-m", "tests.train.bits", str(folder), profile]
    done = subprocess.run(command, cwd=REPOSITORY, env=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def numpy_features() -> str:
    """The instructions that numpy chose at run time, which it can be told to leave alone."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])


def main() -> None:
    if sys.argv[1:] == ["--write"]:
        record = {}
        for profile in ("portable", "fast"):
            with tempfile.TemporaryDirectory() as folder:
                record[profile] = {"environment": environment(profile), "recipes": in_child(profile, Path(folder))}
        GOLDEN.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        return
    folder, profile = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    sys.stdout.write(json.dumps(all_of(Path(folder), profile)))


if __name__ == "__main__":
    main()
