"""A bundle that somebody handed over answers when its signature, its chain and the policy hold, and only then."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from helder.certify import archive
from helder.certify.verify import verify
from helder.commands.group import call
from helder.errors import ExitCode, HelderError
from helder.ledger import keys
from helder.serve import admission, api
from helder.serve.access import Access
from helder.serve.admission import Admitted, admit
from helder.serve.policy import Demands
from helder.serve.service import Service
from helder.serve.turns import Turns
from tests.certify.conftest import Certified


@pytest.fixture
def policy(tmp_path: Path) -> Callable[[str], Path]:
    def written(text: str) -> Path:
        path = tmp_path / "policy.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def admitted(target: Path, policy: Path | None = None, format: str | None = None) -> Admitted:
    with admit(target, policy, format) as found:
        return found


def refused(target: Path, policy: Path | None = None, format: str | None = None) -> HelderError:
    with pytest.raises(HelderError) as caught, admit(target, policy, format):
        pass
    assert caught.value.code == ExitCode.REFUSED, caught.value
    return caught.value


def test_a_bundle_answers_as_its_run_does(at_home: Certified) -> None:
    """The same file, tokenizer and task, found by way of the bundle instead of the run."""
    here = Service.open(at_home.project.run_folder, "q8_0", threads=1, context=64)
    with admit(at_home.bundle) as found:
        there = Service.open(found.run, "q8_0", threads=1, context=64)
        try:
            assert there.located.sha256 == here.located.sha256
            assert there.located.gguf.is_relative_to(at_home.bundle)
            question = "2 + 2"
            assert there.ask(question, max_tokens=4) == here.ask(question, max_tokens=4)
        finally:
            there.close()
            here.close()
        assert found.policy.certificate["release"] == verify(at_home.bundle).release
        assert found.policy.certificate["signers"] == [{"key": at_home.key.public.id, "known": True}]
        assert found.policy.found["levels"] == [1, 2]
        assert found.policy.demanded == {"min_level": 2, "seal": 0, "signers": 1}


def test_the_server_of_a_bundle_has_every_part_that_is_there_for_it(at_home: Certified) -> None:
    with admit(at_home.bundle) as found:
        service = Service.open(found.run, "q8_0", threads=1, context=64)
        try:
            served = api.assemble(found, service, Turns(), Access("a" * 24), None, None)
        finally:
            service.close()
    assert served.policy.certificate["release"]
    assert served.certificate == at_home.bundle
    assert (served.tracing is None) == bool(served.untraced)  # no index was made of this run, and it is said


def test_an_archive_is_unpacked_for_as_long_as_it_is_served(at_home: Certified, tmp_path: Path) -> None:
    packed = archive.pack(at_home.bundle, tmp_path / "sums.helder")
    with admit(packed) as found:
        root = found.run.root
        assert (root / "release.dsse.json").is_file()
    assert not root.exists()
    (tmp_path / "not.helder").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(HelderError) as caught, admit(tmp_path / "not.helder"):
        pass
    assert caught.value.code == ExitCode.FAILED


def test_somebody_who_does_not_know_the_key_is_refused_until_it_is_named(
    at_home: Certified, home: Path, monkeypatch: pytest.MonkeyPatch, policy: Callable[[str], Path]
) -> None:
    monkeypatch.setenv("HELDER_HOME", str(home))
    error = refused(at_home.bundle)
    assert "integrity has not passed" in error.what
    assert at_home.key.public.id in error.why
    named = policy(f'trusted_keys = ["{at_home.key.public.id}"]')
    assert admitted(at_home.bundle, named).policy.found["signers"] == [at_home.key.public.id]
    refused(at_home.bundle, policy(f'trusted_keys = ["{"0" * 64}"]'))
    keys.trust(at_home.key.public)
    assert admitted(at_home.bundle).policy.found["levels"] == [1, 2]
    other = refused(at_home.bundle, policy(f'trusted_keys = ["{"0" * 64}"]'))
    assert "none of the keys that the policy names" in other.what


@pytest.mark.parametrize("harm", ["weights", "missing", "extra", "statement"])
def test_a_bundle_that_is_not_what_was_signed_is_refused_and_the_place_is_named(
    at_home: Certified, tmp_path: Path, harm: str
) -> None:
    root = tmp_path / "bundle"
    shutil.copytree(at_home.bundle, root)
    model = root / "artifacts" / "files" / "model-q8_0.gguf"
    if harm == "weights":
        data = bytearray(model.read_bytes())
        data[-1] ^= 1
        model.chmod(0o644)
        model.write_bytes(data)
    elif harm == "missing":
        model.unlink()
    elif harm == "extra":
        (root / "artifacts" / "files" / "model-q2_0.gguf").write_bytes(model.read_bytes())
    else:
        said = next(iter(sorted((root / "ledger").glob("*train*"))))
        said.write_text(said.read_text(encoding="utf-8").replace('"sig"', '"sig "'), encoding="utf-8")
    error = refused(root)
    assert "has not passed" in error.what
    assert ("ledger" if harm == "statement" else "artifacts/files/model-q") in error.why


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("signers = 2", "2 signatures"),
        ("openness = 1", "class 1 of openness"),
        ('licences = ["MIT-0"]', "its weights are under"),
        ("seal = 3", "rooms of level 3"),
        ("min_level = 5", "levels 1 to 5"),
        ("max_age_days = 1", "levels 1 to 2"),
        ('formats = ["q2_0"]', "no file in a format"),
    ],
)
def test_each_demand_that_is_not_met_is_named(
    at_home: Certified, policy: Callable[[str], Path], text: str, said: str
) -> None:
    error = refused(at_home.bundle, policy(text))
    assert error.what.startswith("olmo2 may not answer: ")
    assert said in error.what
    assert error.fix


def test_demands_that_are_met_let_it_in(at_home: Certified, policy: Callable[[str], Path]) -> None:
    found = admitted(at_home.bundle, policy("signers = 1\nseal = 0\nmin_level = 2")).policy.found
    text = f'licences = ["{found["licence"]}"]\nformats = ["f16", "q8_0"]\n'
    again = admitted(at_home.bundle, policy(text))
    assert again.format == "q8_0"  # the only one of them that is there
    assert admitted(at_home.bundle, policy(text), "q8_0").format == "q8_0"
    only = policy('formats = ["f16"]')
    assert "does not allow the format q8_0" in refused(at_home.bundle, only, "q8_0").what
    assert "no file in a format" in refused(at_home.bundle, only).what


def test_a_kept_verdict_counts_while_it_is_young_and_signed_here(
    at_home: Certified, home: Path, monkeypatch: pytest.MonkeyPatch, policy: Callable[[str], Path]
) -> None:
    monkeypatch.setenv("HELDER_HOME", str(home))
    keys.trust(at_home.key.public)
    now = datetime.now(UTC)
    verdict = verify(at_home.bundle)
    path = admission.keep(verdict, now - timedelta(days=3))
    young, old = policy("max_age_days = 4"), "max_age_days = 2"
    found = admitted(at_home.bundle, young).policy.found
    assert found["verified_at"].startswith(f"{now - timedelta(days=3):%Y-%m-%d}")
    assert "3 days ago" in refused(at_home.bundle, policy(old)).why
    assert "levels 1, 2" in refused(at_home.bundle, policy("min_level = 3")).why  # levels that were not asked for
    admission.keep(verdict, now + timedelta(days=9))
    assert "to come" in refused(at_home.bundle, policy("max_age_days = 4")).what
    forged = json.loads(path.read_text(encoding="utf-8"))
    for harm in (
        lambda: forged.update(payload=forged["payload"][:-8] + "AAAAAAA="),
        lambda: forged.update(signatures=[]),
    ):
        harm()
        path.write_text(json.dumps(forged), encoding="utf-8")
        with pytest.raises(HelderError) as caught, admit(at_home.bundle, policy("max_age_days = 4")):
            pass
        assert caught.value.code in (ExitCode.FAILED, ExitCode.UNCHECKED)


def test_the_verb_keeps_the_verdict_and_serve_refuses_by_policy(
    at_home: Certified, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    policy: Callable[[str], Path],
) -> None:  # fmt: skip
    monkeypatch.setenv("HELDER_HOME", str(home))
    keys.trust(at_home.key.public)
    assert call(["verify", str(at_home.bundle), "--keep"]) == ExitCode.DONE
    release = verify(at_home.bundle).release
    assert release is not None
    kept = admission.last(release)
    assert kept is not None and kept.passed == (1, 2)
    assert call(["serve", str(at_home.bundle), "--port", "0", "--policy", str(policy("seal = 3"))]) == ExitCode.REFUSED
    assert "rooms of level 3" in capsys.readouterr().err


def test_a_policy_is_held_against_a_bundle_and_not_a_project(at_home: Certified, policy: Callable[[str], Path]) -> None:
    assert "is a project" in refused(at_home.project.folder, policy("seal = 0")).what
    here = admitted(at_home.project.folder)
    assert here.project is not None
    assert here.policy.seal == admitted(at_home.bundle).policy.seal is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("min_levle = 3", "`min_levle` is no demand"),
        ("min_level = 6", "`min_level`"),
        ("min_level = 1", "`min_level`"),
        ('min_level = "3"', "`min_level`"),
        ("openness = 0", "`openness`"),
        ('trusted_keys = ["abc"]', "`trusted_keys.0`"),
        ("signers = 0", "`signers`"),
        ("seal = true", "`seal`"),
        ("x = [", "cannot be read"),
        ("a = " + "[" * 5000, "cannot be read"),
    ],
)
def test_a_policy_that_cannot_be_followed_is_refused_by_the_name_of_what_is_wrong(
    policy: Callable[[str], Path], text: str, said: str
) -> None:
    with pytest.raises(HelderError) as caught:
        Demands.load(policy(text))
    assert said in str(caught.value)


def test_every_demand_has_its_sentence() -> None:
    for name, about in Demands.model_fields.items():
        assert about.description and about.description.endswith((".", ")")), name


def test_the_policy_of_the_documentation_can_be_followed(policy: Callable[[str], Path]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
    block = text[text.index("    # policy.toml") :].split("\n\n")[0].replace("5e0c…", "0" * 64)
    assert set(Demands.load(policy(block)).model_dump(exclude_none=True)) == set(Demands.model_fields)
