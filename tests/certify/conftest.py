"""One small real run of the olmo2 recipe, certified once for each audience; tests copy the bundles that they change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from helder.certify import bundle
from helder.ledger import keys
from helder.ledger.keys import SigningKey
from helder.project import Project
from tests.certify import documents_run, small_run
from tests.examples.test_recipes import run_here

MADE = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Certified:
    """A run and its bundles.

    Attributes:
        home: HELDER_HOME of its makers.
        bundle: for the public; its data are open, so that everything but the secret is in it.
    """

    home: Path
    project: Project
    bundle: Path
    key: SigningKey


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certified]:
    place = tmp_path_factory.mktemp("certified")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDER_HOME", str(place / "home"))
        patch.setenv("OMP_NUM_THREADS", "1")
        project = small_run.make(place / "sums")
        run_here(patch)
        made = bundle.certify(project, place / "bundle", made=MADE)
        key = keys.signing_key()
    yield Certified(place / "home", project, made, key)


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certified]:
    """A run that begins with a folder, traced once, and its bundle for a regulator."""
    for needed in ("selectolax", "pypdfium2", "daft", "pydivsufsort"):
        pytest.importorskip(needed)
    place = tmp_path_factory.mktemp("documents")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDER_HOME", str(place / "home"))
        patch.setenv("OMP_NUM_THREADS", "1")
        project = documents_run.make(place / "house")
        run_here(patch)
        made = bundle.certify(project, place / "bundle", audience="regulator", made=MADE)
        key = keys.signing_key()
    yield Certified(place / "home", project, made, key)


@pytest.fixture
def house(documents: Certified, monkeypatch: pytest.MonkeyPatch) -> Iterator[Certified]:
    """The same, in the house of its makers; what is run again is run in this process."""
    monkeypatch.setenv("HELDER_HOME", str(documents.home))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    run_here(monkeypatch)
    with small_run.one_thread():
        yield documents


@pytest.fixture
def at_home(run: Certified, monkeypatch: pytest.MonkeyPatch) -> Certified:
    """The run, in the house of its makers."""
    monkeypatch.setenv("HELDER_HOME", str(run.home))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return run


@pytest.fixture
def certified(at_home: Certified, monkeypatch: pytest.MonkeyPatch) -> Iterator[Certified]:
    """The same; what is run again is run in this process, which imports torch once."""
    run_here(monkeypatch)
    with small_run.one_thread():
        yield at_home
