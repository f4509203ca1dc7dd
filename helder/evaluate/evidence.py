"""Files sealed beside what they came from: an artifact in a run folder of its own, and a signed statement of it.

What is measured outside the journey of a project – a comparison, a suite of tasks – is stated like any stage: the
files by digest, the settings, what went in, and under which environment. The caller decides what the settings are.
The environment's variables are not recorded, only the number of threads: keys of services stand in them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.ledger import artifact as artifacts
from helder.ledger import canonical, environment, keys, statement
from helder.ledger.artifact import Artifact
from helder.ledger.run_folder import RunFolder


def seal_files(
    folder: Path,
    stage: str,
    files: Mapping[str, bytes | Path],
    settings: Mapping[str, Any],
    inputs: Mapping[str, Artifact],
    facts: Mapping[str, Any] | None = None,
    *,
    function: str,
    seconds: float = 0.0,
) -> Artifact:
    """Seal files as an artifact of `folder` and state who made it from what; the same work is stated once.

    Args:
        folder: gets `artifacts/` and `ledger/`, as a run has them.
        stage: the name under which it is stated, such as "comparison-plan".
        files: name → what it holds, or where it lies; a name may hold folders ("programs/1.cpp").
        settings: what decided the result; `seed` among them is repeated in the statement.
        inputs: artifacts by the name under which the work knows them.
        facts: what was found that stands in none of the files, or stands there and should be read at once.
        function: "module:callable" that made the files.
        seconds: what it took.

    Returns:
        The artifact, in `folder/artifacts/`.

    Raises:
        NotCanonical: settings or facts hold a value without a stable encoding.
    """
    run_folder = RunFolder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as place:
        new = Path(place) / stage
        new.mkdir()
        for name, held in files.items():
            target = new / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(held, bytes):
                target.write_bytes(held)
            else:
                shutil.copyfile(held, target)
        entries = artifacts.manifest(new)
        digest = artifacts.manifest_digest(entries)
        target = run_folder.artifact(stage, digest)
        if not target.exists():
            artifacts.fsync_tree(new)
            artifacts.move_folder(new, target)
    key = canonical.digest(
        {
            "stage": stage,
            "settings": dict(settings),
            "inputs": {name: one.digest for name, one in inputs.items()},
            "made": digest,
        }
    )
    if run_folder.find(key) is None:
        threads = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "")}
        said = statement.build(
            name=stage, version=1, function=function, key=key, settings=settings, inputs=inputs, outputs=entries,
            environment_record=environment.record(threads),
            timings={"started": datetime.now(UTC).isoformat(timespec="seconds"), "seconds": seconds},
            facts=dict(facts or {}), seal_level=0,
        )  # fmt: skip
        run_folder.append(stage, statement.sign(said, keys.signing_key()))
    return Artifact(target, digest, stage)


def sealed(folder: Path, stage: str) -> Artifact:
    """The newest artifact of a stage in `folder`, as its statement names it (not checked; see `Artifact.intact`).

    Raises:
        HelderError: no statement of it can be believed.
    """
    run_folder = RunFolder(folder)
    made = [one.statement for one in run_folder.entries() if one.statement and one.statement.stage == stage]
    if not made:
        raise HelderError(
            f"{folder} holds no statement of {stage} that can be believed.",
            "It was stated with another key, or the ledger was changed.",
            "Do it again in another folder: --out",
        )
    return run_folder.held(made[-1])
