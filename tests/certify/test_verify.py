"""What `verify` makes of bundles: those that are as they should be, and those that mean it badly."""

from __future__ import annotations

import json
import os
import shutil
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

import helder
from helder.certify import archive, bundle, layout
from helder.certify.verdict import Result, Verdict
from helder.certify.verify import verify
from helder.errors import ExitCode, HelderError
from helder.ledger import canonical, environment, keys
from helder.ledger.keys import SigningKey
from helder.train import replay
from tests.certify import forgeries, mutations
from tests.certify.conftest import MADE, Certified
from tests.certify.forge import Forger, rewrap
from tests.certify.test_tamper import linked, nonce_for, told
from tests.ledger.test_timestamp import Authority


def check(path: Path, certified: Certified, **how: Any) -> Verdict:
    return verify(path, trusted=[certified.key.public], **how)


def fails(path: Path, certified: Certified, place: str) -> str:
    """The failures of level 1 about a place, after the whole verdict was found to be one."""
    verdict = check(path, certified)
    assert verdict.exit_code == ExitCode.FAILED
    about = [one.what for one in verdict.level(1).findings if one.result is Result.FAILED and place in one.place]
    assert about, told(verdict)
    return about[0]


def test_a_bundle_passes_every_level_where_it_was_made(at_home: Certified) -> None:
    verdict = helder.verify(at_home.bundle, level=5, replay=2, scores=1000)
    assert [level.result for level in verdict.levels] == [Result.PASSED] * 5, told(verdict)
    assert verdict.exit_code == ExitCode.DONE
    assert verdict.level(4).facts["replayed"] == 2
    assert verdict.openness is not None
    grades = {one["id"]: one["grade"] for one in verdict.openness["components"]}
    assert grades["training_code"] == grades["evaluation_results"] == grades["datasets"] == 3
    assert verdict.level(5).facts["asked_again"] == verdict.level(5).facts["answers"] == 12


def test_the_usual_levels_are_the_first_two(certified: Certified) -> None:
    verdict = check(certified.bundle, certified)
    results = [level.result for level in verdict.levels]
    assert results == [Result.PASSED] * 2 + [Result.SKIPPED] * 3
    assert (verdict.name, verdict.release) == ("olmo2", bundle.about(certified.bundle)["release_sha256"])
    assert verdict.facts is not None and verdict.facts["model"]["parameters"]["grade"] >= 2
    json.dumps(verdict.to_json(), allow_nan=False)


def test_the_same_run_gives_the_same_bundle(certified: Certified, tmp_path: Path) -> None:
    again = bundle.certify(certified.project, tmp_path / "again", made=MADE)
    assert bundle.about(again) == bundle.about(certified.bundle)
    assert (again / layout.PAGE).read_bytes() == (certified.bundle / layout.PAGE).read_bytes()


def test_a_bundle_of_an_unknown_signer_is_not_checked_and_never_passes(certified: Certified) -> None:
    verdict = verify(certified.bundle, trusted=[])
    assert verdict.exit_code == ExitCode.UNCHECKED
    assert verdict.level(1).result is Result.UNCHECKED
    assert verdict.level(2).result is Result.PASSED
    assert certified.key.public.id in told(verdict)
    assert [(signer.id, signer.known) for signer in verdict.signers] == [(certified.key.public.id, False)]


def test_whoever_believes_another_key_believes_nothing_of_it(certified: Certified) -> None:
    verdict = verify(certified.bundle, trusted=[SigningKey.generate().public])
    assert verdict.exit_code == ExitCode.UNCHECKED


def test_verifying_makes_no_key_and_writes_nothing(
    certified: Certified, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELDER_HOME", str(tmp_path / "home"))
    before = sorted((path, path.stat().st_mtime_ns) for path in certified.bundle.rglob("*"))
    verify(certified.bundle)
    assert not (tmp_path / "home").exists()
    assert sorted((path, path.stat().st_mtime_ns) for path in certified.bundle.rglob("*")) == before


# -- audiences, revealed documents, several signers, versions ----------------------------------------------------------


def test_a_regulator_can_make_the_commitment_again(certified: Certified, tmp_path: Path) -> None:
    made = bundle.certify(certified.project, tmp_path / "bundle", audience="regulator", made=MADE)
    assert bundle.about(made)["withheld"] == 0
    verdict = check(made, certified, level=3)
    passed = [one.place for one in verdict.level(3).findings if one.result is Result.PASSED]
    assert verdict.exit_code == ExitCode.DONE, told(verdict)
    assert "commitment" in passed


@pytest.fixture
def closed(certified: Certified, monkeypatch: pytest.MonkeyPatch) -> Certified:
    """The same run, as if its data were nobody else's business."""
    monkeypatch.setattr("helder.certify.documents.data_are_open", lambda licence: False)
    return certified


def test_what_is_withheld_is_bound_and_listed(closed: Certified, tmp_path: Path) -> None:
    made = {
        audience: bundle.certify(closed.project, tmp_path / audience, audience=audience, made=MADE)
        for audience in ("public", "customer")
    }
    files = {audience: {p.relative_to(path).as_posix() for p in path.rglob("*")} for audience, path in made.items()}
    for there in files.values():
        assert not {path for path in there if path.startswith(f"{layout.SOURCES}/")}
        assert "artifacts/data/train.jsonl" not in there
        assert "artifacts/scores/scores.json" in there
        assert "artifacts/scores/cases.json" not in there
        assert "artifacts/train/model.safetensors" in there
    assert "artifacts/train/log.jsonl" in files["customer"] - files["public"]
    for path in made.values():
        verdict = check(path, closed, level=3, replay=1)
        assert [verdict.level(number).result for number in (1, 2)] == [Result.PASSED] * 2, told(verdict)
        assert [verdict.level(number).result for number in (3, 4)] == [Result.UNCHECKED] * 2
        assert verdict.exit_code == ExitCode.UNCHECKED
    text = b"".join(p.read_bytes() for p in made["public"].rglob("*") if p.is_file() and p.suffix != ".safetensors")
    records = [json.loads(line) for line in (closed.project.folder / "train.jsonl").read_text().splitlines()]
    lines = [json.dumps(one["input"]).encode() for one in records]
    assert len(lines) == 40
    assert not [line for line in lines if line in text]
    assert all(line in (closed.bundle / "artifacts/data/train.jsonl").read_bytes() for line in lines)


def test_one_document_is_revealed_and_no_other(closed: Certified, tmp_path: Path) -> None:
    line = (closed.bundle / "artifacts/data/train.jsonl").read_text(encoding="utf-8").splitlines()[7]
    wanted = json.loads(line)["id"]
    made = bundle.certify(closed.project, tmp_path / "bundle", made=MADE, reveal=[f"data/train:{wanted}"])
    (shown,) = (made / bundle.REVEALED).iterdir()
    record = json.loads(shown.read_text(encoding="utf-8"))
    assert record["document"] == line
    assert len(shown.read_bytes()) - len(line) < 2000
    verdict = check(made, closed, level=3)
    assert [one.result for one in verdict.level(3).findings if one.place.startswith("revealed/")] == [Result.PASSED]

    def other(forger: Forger) -> None:
        path = forger.root / bundle.REVEALED / shown.name
        path.write_bytes(canonical.dumps({**record, "document": line.replace("1", "2")}))

    forged = forgeries.Forgery("", 3, "", other).apply(made, tmp_path / "forged", closed.key)
    failed = [one.place for one in check(forged, closed, level=3).level(3).findings if one.result is Result.FAILED]
    assert f"revealed/{shown.name}" in failed


def test_a_document_that_is_not_there_cannot_be_revealed(certified: Certified, tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="No documents are called 'nobody'"):
        bundle.certify(certified.project, tmp_path / "bundle", reveal=["nobody"])
    assert list(tmp_path.iterdir()) == []


def test_several_people_sign(certified: Certified, tmp_path: Path) -> None:
    board = SigningKey.generate()
    both = bundle.certify(certified.project, tmp_path / "both", made=MADE, signers=[certified.key, board])
    assert [signer.id for signer in check(both, certified).signers] == [certified.key.public.id, board.public.id]
    later = shutil.copytree(certified.bundle, tmp_path / "later")
    told_of = bundle.cosign(later, board)
    assert told_of["signers"] == [certified.key.public.id, board.public.id]
    for trusted in (certified.key, board):
        verdict = verify(later, level=3, trusted=[trusted.public])
        assert verdict.exit_code == ExitCode.DONE, told(verdict)


def test_nobody_signs_a_bundle_that_is_broken(certified: Certified, tmp_path: Path) -> None:
    broken = linked(certified.bundle, tmp_path / "broken")
    mutations.change_byte("artifacts/train/model.safetensors")(broken)
    with pytest.raises(HelderError, match="is not signed") as caught:
        bundle.cosign(broken, SigningKey.generate())
    assert caught.value.code == ExitCode.FAILED


def test_a_new_version_says_what_is_different(certified: Certified, tmp_path: Path) -> None:
    made = bundle.certify(certified.project, tmp_path / "bundle", made=MADE, previous=certified.bundle)
    verdict = check(made, certified, level=3)
    assert verdict.exit_code == ExitCode.DONE, told(verdict)
    assert verdict.predicate["previous"]["release"] == bundle.about(certified.bundle)["release_sha256"]


def test_whoever_believes_a_key_believes_its_successor(certified: Certified, tmp_path: Path) -> None:
    home = shutil.copytree(certified.home, tmp_path / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDER_HOME", str(home))
        keys.rotate("The old one was on a laptop that is gone.")
        made = bundle.certify(certified.project, tmp_path / "bundle", made=MADE)
        new = keys.signing_key().public
    assert new.id != certified.key.public.id
    verdict = check(made, certified)
    assert verdict.exit_code == ExitCode.DONE, told(verdict)
    assert [(signer.id, signer.known) for signer in verdict.signers] == [(new.id, True)]


def test_a_release_that_is_not_whole_is_none_to_tell_differences_from(certified: Certified, tmp_path: Path) -> None:
    broken = linked(certified.bundle, tmp_path / "before")
    mutations.change_byte("artifacts/scores/scores.json")(broken)
    with pytest.raises(HelderError, match="cannot stand as the release before"):
        bundle.certify(certified.project, tmp_path / "bundle", previous=broken)


def test_what_another_certify_left_half_made_is_removed(certified: Certified, tmp_path: Path) -> None:
    left = tmp_path / ".bundle.0123456789ab.part"
    left.mkdir()
    (left / "half").touch()
    bundle.certify(certified.project, tmp_path / "bundle", made=MADE)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_licence_texts_beside_the_recipe_are_recognised(certified: Certified, tmp_path: Path) -> None:
    folder = shutil.copytree(certified.project.folder, tmp_path / "project")
    shutil.copyfile(Path(helder.__file__).parents[1] / "LICENSE", folder / "LICENSE")
    (folder / "data.LICENSE").write_text("Do as you please.", encoding="utf-8")
    made = bundle.certify(helder.Project.open(folder), tmp_path / "bundle", made=MADE)
    verdict = check(made, certified, level=3)
    assert verdict.exit_code == ExitCode.DONE, told(verdict)
    stated = {one["path"]: one["licences"] for one in verdict.predicate["licences"]}
    assert stated == {"licences/LICENSE": ["Apache-2.0"], "licences/data.LICENSE": []}

    def another(forger: Forger) -> None:
        (forger.root / "licences/LICENSE").write_text("All rights reserved.", encoding="utf-8")

    forged = forgeries.Forgery("", 3, "", another).apply(made, tmp_path / "forged", certified.key)
    failed = [one.place for one in check(forged, certified, level=3).level(3).findings if one.result is Result.FAILED]
    assert failed == ["licences/LICENSE"]


def test_more_keys_than_any_release_has_are_refused_not_cut(certified: Certified, tmp_path: Path) -> None:
    copy = linked(certified.bundle, tmp_path / "bundle")
    for number in range(70):
        (copy / "keys" / f"{number:012}.pem").touch()
    assert "more than 64" in fails(copy, certified, layout.RELEASE)


def test_a_run_that_is_not_finished_is_not_certified(certified: Certified, tmp_path: Path) -> None:
    folder = shutil.copytree(certified.project.folder, tmp_path / "project")
    shutil.rmtree(next((folder / "run" / "artifacts").glob("scores-*")))
    with pytest.raises(HelderError, match="The stage scores is not done"):
        bundle.certify(helder.Project.open(folder), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


# -- bundles that mean it badly ----------------------------------------------------------------------------------------


def test_a_path_that_leaves_the_bundle_is_refused_unread(certified: Certified, tmp_path: Path) -> None:
    for number, path in enumerate(("../outside", "/etc/passwd", "a/../../b", "a//b", "a\\b", "C:b", ".")):
        copy = linked(certified.bundle, tmp_path / str(number))
        (copy / layout.RELEASE).unlink()
        shutil.copyfile(certified.bundle / layout.RELEASE, copy / layout.RELEASE)

        def change(said: dict[str, Any], path: str = path) -> None:
            said["predicate"]["files"].insert(0, {"path": path, "size": 1, "sha256": "a" * 64})

        rewrap(copy / layout.RELEASE, change, [certified.key])
        assert "path" in fails(copy, certified, layout.RELEASE)


def test_a_folder_that_is_a_link_is_named_and_not_followed(certified: Certified, tmp_path: Path) -> None:
    copy = linked(certified.bundle, tmp_path / "bundle")
    (copy / "artifacts" / "data").rename(tmp_path / "data")
    (copy / "artifacts" / "data").symlink_to(tmp_path / "data")
    assert "it is a link" in fails(copy, certified, "artifacts/data")


def test_a_link_to_a_bundle_is_refused(certified: Certified, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(certified.bundle)
    with pytest.raises(HelderError, match="is a link"):
        check(tmp_path / "link", certified)


def test_files_too_many_are_not_all_looked_at(certified: Certified, tmp_path: Path) -> None:
    copy = linked(certified.bundle, tmp_path / "bundle")
    for number in range(3000):
        path = copy / "many" / str(number % 7) / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    looked = sum(1 for path, _ in layout.names(copy, {"nothing"}))
    assert looked <= layout.MOST_UNLISTED + 1
    assert "at least" in fails(copy, certified, ".")


def test_a_release_that_is_a_pipe_does_not_hang(certified: Certified, tmp_path: Path) -> None:
    copy = linked(certified.bundle, tmp_path / "bundle")
    (copy / layout.RELEASE).unlink()
    os.mkfifo(copy / layout.RELEASE)
    assert "no plain file" in fails(copy, certified, layout.RELEASE)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"[" * 100_000, b'{"payload": 1}', b"\xff\xfe", b'{"a":1,"a":2}'], ids=repr
)
def test_a_release_that_is_none_is_said_to_be_none(certified: Certified, tmp_path: Path, data: bytes) -> None:
    copy = linked(certified.bundle, tmp_path / "bundle")
    mutations.write(copy / layout.RELEASE, data)
    verdict = check(copy, certified, level=5)
    assert verdict.exit_code == ExitCode.FAILED
    assert verdict.release is None
    assert [level.result for level in verdict.levels[1:]] == [Result.UNCHECKED] * 4


def test_nothing_is_run_again_of_a_bundle_that_is_not_whole(certified: Certified, tmp_path: Path) -> None:
    copy = linked(certified.bundle, tmp_path / "bundle")
    mutations.change_byte("artifacts/train/model.safetensors")(copy)
    verdict = check(copy, certified, level=5)
    assert [level.result for level in verdict.levels[2:]] == [Result.UNCHECKED] * 3
    assert "It was not begun" in told(verdict)


def test_functions_that_a_statement_names_are_looked_up_and_never_imported(
    certified: Certified, tmp_path: Path
) -> None:
    def change(forger: Forger) -> None:
        forger.predicate("data")["stage"]["function"] = "os:abort"

    forged = forgeries.Forgery("", 3, "", change).apply(certified.bundle, tmp_path / "forged", certified.key)
    verdict = check(forged, certified, level=3)
    assert [one.place for one in verdict.level(3).findings if "not among those" in one.what] == ["data"]


@pytest.mark.parametrize(("stage", "level"), [("data", 3), ("train-tune", 4)])
def test_variables_that_a_statement_names_are_never_set(
    certified: Certified, tmp_path: Path, stage: str, level: int
) -> None:
    def change(forger: Forger) -> None:
        forger.predicate(stage)["stage"]["variables"]["LD_PRELOAD"] = "artifacts/data/train.jsonl"

    forged = forgeries.Forgery("", level, "", change).apply(certified.bundle, tmp_path / "forged", certified.key)
    verdict = again(forged, certified, stage, level)
    about = [one for one in verdict.level(level).findings if stage == one.place.partition(",")[0]]
    assert [one.result for one in about] == [Result.UNCHECKED], told(verdict)
    assert "under variables" in about[0].what


@pytest.mark.parametrize("numerics", ["fast", "portable"])
def test_other_bits_on_another_class_of_processor_are_not_judged_but_for_portable_ones(
    certified: Certified, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numerics: str
) -> None:
    """The weights at the end of a slice are others than stated; the machine says that it is of another class."""

    def change(forger: Forger) -> None:
        forger.edit("train-tune", "model.safetensors", forgeries.last_byte)

    forged = forgeries.Forgery("", 4, "", change).apply(certified.bundle, tmp_path / "forged", certified.key)
    nonce = nonce_for(forged, "train-tune", 2)
    there = environment.processor()
    monkeypatch.setattr(environment, "processor", lambda: {**there, "flags_sha256": "0" * 64})
    if numerics == "portable":
        # What `comparable` says of such a training: its bits are promised on every processor with AVX2.
        monkeypatch.setattr(replay, "comparable", portably(replay.comparable))
    verdict = check(forged, certified, replay=1, nonce=nonce)
    (found,) = verdict.level(4).findings
    assert found.result is (Result.UNCHECKED if numerics == "fast" else Result.FAILED)
    assert "model.safetensors" in found.what
    assert "of the way that they had come apart" in found.what
    assert ("another processor" in found.what) == (numerics == "fast")


def portably(comparable: Any) -> Any:
    """`comparable` as it answers for the same training with portable numerics."""

    def ask(said: dict[str, Any], threads: int | None = None) -> Any:
        return comparable(
            {**said, "settings": {**said["settings"], "numerics": "portable", "precision": "fp32"}}, threads
        )

    return ask


def test_more_threads_than_any_machine_has_are_not_begun(certified: Certified, tmp_path: Path) -> None:
    def change(forger: Forger) -> None:
        forger.predicate("train-tune")["environment"]["threads"] = 10**6

    forged = forgeries.Forgery("", 4, "", change).apply(certified.bundle, tmp_path / "forged", certified.key)
    verdict = again(forged, certified, "train-tune", 4)
    assert verdict.level(4).result is Result.UNCHECKED
    assert "1000000 threads" in told(verdict)


def again(bundle: Path, certified: Certified, stage: str, level: int) -> Verdict:
    """Verify to level 3, or take the first slice of a training again."""
    if level == 3:
        return check(bundle, certified, level=3)
    return check(bundle, certified, replay=1, nonce=nonce_for(bundle, stage, 0))


def test_a_time_stamp_is_checked_where_its_authority_is_believed(
    certified: Certified, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("authority", "other"):
        (tmp_path / name).mkdir()
    authority, other = Authority(tmp_path / "authority"), Authority(tmp_path / "other")
    monkeypatch.setattr("helder.ledger.timestamp.send", lambda asked, address, allow_network: authority.stamp(asked))
    made = bundle.certify(
        certified.project, tmp_path / "bundle", made=MADE, authority="https://tsa.example.org", allow_network=True
    )
    results = [
        check(made, certified, authorities=roots).level(1).result for roots in ([], [authority.root], [other.root])
    ]
    assert results == [Result.PASSED, Result.PASSED, Result.FAILED]
    assert check(certified.bundle, certified, authorities=[authority.root]).exit_code == ExitCode.UNCHECKED


def test_no_authority_is_asked_without_permission(certified: Certified, tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="the network was not allowed"):
        bundle.certify(certified.project, tmp_path / "bundle", authority="https://tsa.example.org")
    assert not (tmp_path / "bundle").exists()


def test_arguments_that_make_no_sense_are_refused(certified: Certified, tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="There is no level 6"):
        check(certified.bundle, certified, level=6)
    with pytest.raises(HelderError, match="The nonce cannot be used"):
        check(certified.bundle, certified, nonce="short")
    with pytest.raises(HelderError, match="There is no bundle"):
        check(tmp_path / "nowhere", certified)


# -- archives ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def packed(certified: Certified, tmp_path: Path) -> Path:
    return archive.pack(certified.bundle, tmp_path / "bundle.zip")


def test_an_archive_is_verified_as_its_folder_is(certified: Certified, packed: Path, tmp_path: Path) -> None:
    assert check(packed, certified).exit_code == ExitCode.DONE
    again = archive.pack(certified.bundle, tmp_path / "again.zip")
    assert again.read_bytes() == packed.read_bytes()
    with pytest.raises(HelderError, match="is there already"):
        archive.pack(certified.bundle, packed)


def test_an_archive_that_is_compressed_is_no_bundle(certified: Certified, tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("release.dsse.json", b"\0" * 50_000_000)
    assert "compressed" in fails(path, certified, "bomb.zip")


def test_an_archive_whose_entries_lie_on_one_another_is_no_bundle(certified: Certified, tmp_path: Path) -> None:
    path = tmp_path / "overlap.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a", b"x" * 100_000)
        file.writestr("b", b"y")
    data = bytearray(path.read_bytes())
    second = data.rfind(b"PK\x01\x02")
    # The second entry of the directory is made to point at the first one's bytes.
    data[second + 16 : second + 28] = data[data.find(b"PK\x01\x02") + 16 : data.find(b"PK\x01\x02") + 28]
    data[second + 42 : second + 46] = struct.pack("<I", 0)
    path.write_bytes(bytes(data))
    assert "on top of one another" in fails(path, certified, "overlap.zip")


@pytest.mark.parametrize("name", ["../out", "/out", "a/../../out", "a\\out"])
def test_an_entry_that_leaves_the_folder_is_not_written(certified: Certified, tmp_path: Path, name: str) -> None:
    path = tmp_path / "inside" / "slip.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, b"x")
    fails(path, certified, "slip.zip")
    assert [one.name for one in tmp_path.rglob("*")] == ["inside", "slip.zip"]


def test_links_and_doubles_in_an_archive_are_refused(certified: Certified, tmp_path: Path) -> None:
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as file:
        about = zipfile.ZipInfo("artifacts")
        about.external_attr = 0o120777 << 16
        file.writestr(about, b"/etc")
    assert "no plain file" in fails(path, certified, "link.zip")
    double = tmp_path / "double.zip"
    with zipfile.ZipFile(double, "w") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("a", b"x")
        file.writestr("a", b"y")
    assert "twice" in fails(double, certified, "double.zip")


def test_an_archive_cut_short_is_no_bundle(certified: Certified, packed: Path) -> None:
    packed.write_bytes(packed.read_bytes()[:-1000])
    assert "ZIP" in fails(packed, certified, packed.name)
