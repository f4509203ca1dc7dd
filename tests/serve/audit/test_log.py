"""The audit log as the server uses it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from helder.errors import ExitCode, HelderError
from helder.ledger import canonical, merkle
from helder.ledger.keys import SigningKey
from helder.serve.audit import AuditLog, Keep, NotLogged, log_key
from helder.serve.audit.note import Checkpoint, VerifierKey
from helder.serve.audit.record import salted
from helder.serve.audit.tiles import Tile, unbundle
from tests.serve.audit.logs import KEY, ORIGIN, made, opened, record


def test_a_receipt_proves_that_the_record_is_in_the_log(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as log:
        receipts = [log.append(record(number)) for number in range(300)]
        key = VerifierKey.read((tmp_path / "log" / "log.vkey").read_text())
        for number in (0, 17, 255, 256, 299):
            stamped = log.receipt(record(number).id)
            assert stamped is not None
            point = Checkpoint.read(stamped.checkpoint.encode(), key)
            leaf, proof = merkle.leaf(stamped.data), [bytes.fromhex(digest) for digest in stamped.proof]
            assert (stamped.index, stamped.leaf) == (number, leaf.hex())
            assert receipts[number].to_json() == {
                "id": record(number).id, "log": ORIGIN, "index": number, "leaf": leaf.hex()
            }  # fmt: skip
            assert merkle.proves(leaf, number, point.size, proof, point.root)
            assert stamped.entry == canonical.loads(stamped.data)
        assert log.receipt("chatcmpl-nobody") is None


def test_the_log_goes_on_where_it_was_closed(tmp_path: Path) -> None:
    made(tmp_path / "log", 255)
    with opened(tmp_path / "log") as log:
        assert log.size == 255
        old = Checkpoint.read(log.checkpoint().encode(), log.key.public)
        assert log.append(record(255)).index == 255
        assert log.append(record(256)).index == 256
        new = Checkpoint.read(log.checkpoint().encode(), log.key.public)
        proof = [bytes.fromhex(digest) for digest in log.extension(old.size)[0]]
        assert merkle.extends(old.size, old.root, new.size, new.root, proof)
        assert [one["record"]["id"] for one in log.entries(254, 10)] == [record(n).id for n in (254, 255, 256)]


def test_a_record_holds_no_text_and_who_has_text_and_salt_can_show_it(tmp_path: Path) -> None:
    secret, answer = "Jansen, 3 tabs", '[3, "Jansen"]'
    with opened(tmp_path / "log") as log:
        log.append(record(0, prompt=secret, answer=answer, stop=("Jansen",)))
        stamped = log.receipt(record(0).id)
        assert stamped is not None
        assert b"Jansen" not in stamped.data
        assert stamped.salts is not None
        digests, salts = stamped.entry["digests"], {name: bytes.fromhex(salt) for name, salt in stamped.salts.items()}
        assert salted(salts["prompt"], "prompt", secret) == digests["prompt"]
        assert salted(salts["prompt"], "stop", ["Jansen"]) == digests["stop"]
        assert salted(salts["answer"], "answer", answer) == digests["answer"]
        assert salted(salts["prompt"], "answer", answer) != digests["answer"]
    for path in (tmp_path / "log").rglob("*"):
        if path.is_file() and "texts" not in path.parts:
            assert b"Jansen" not in path.read_bytes(), path


def test_equal_answers_leave_other_digests(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as log:
        log.append(record(0, prompt="same", answer="yes"))
        log.append(record(1, prompt="same", answer="yes"))
        first, second = (one["record"]["digests"] for one in log.entries())
        assert all(first[name] != second[name] for name in first)


@pytest.mark.parametrize(
    ("what", "kept"), [("texts", {"salts", "prompt", "answer"}), ("digests", {"salts"}), ("nothing", set())]
)
def test_what_is_kept_is_what_the_policy_says(tmp_path: Path, what: str, kept: set[str]) -> None:
    with opened(tmp_path / "log", Keep(what)) as log:  # type: ignore[arg-type]
        log.append(record(5))
        assert set(log.texts(record(5).id) or {}) & {"salts", "prompt", "answer"} == kept
        assert log.entries()[0]["record"]["kept"] == what


def test_settings_hold_no_free_text_and_ids_are_ids() -> None:
    with pytest.raises(ValueError, match="free text"):
        record(0, settings={"note": "dear\nMrs Jansen"})
    with pytest.raises(ValueError, match="no id"):
        record(0, id="../../etc")
    with pytest.raises(ValueError, match="no SHA-256"):
        record(0, model_sha256="abc")


def test_a_record_that_is_too_long_is_refused_by_name_and_the_log_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as log:
        with pytest.raises(NotLogged, match="has .* bytes"):
            log.append(record(0, passages=tuple(f"{n:064x}" for n in range(1000))))
        assert log.append(record(1)).index == 0


def test_many_threads_at_once_each_get_their_own_place(tmp_path: Path) -> None:
    places: list[int] = []

    def work(start: int) -> None:
        for number in range(start, start + 40):
            receipt = log.append(record(number))
            places.append(receipt.index)
            stamped = log.receipt(receipt.id)
            assert stamped is not None
            assert stamped.leaf == receipt.leaf

    with opened(tmp_path / "log", publish_every=0.001) as log:
        threads = [threading.Thread(target=work, args=(1000 * number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(places) == list(range(320))
        assert log.trouble is None


def test_the_files_of_every_checkpoint_there_was_are_given(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as log:
        for number in range(300):
            log.append(record(number))
            if number == 99:
                log.publish()
        log.publish()
        leaves = [merkle.leaf(log.record(place)) for place in range(300)]
        assert log.file("tile/0/000.p/100") == b"".join(leaves[:100])
        assert log.file("tile/0/000") == b"".join(leaves[:256])
        assert log.file("tile/0/001.p/44") == b"".join(leaves[256:])
        assert log.file("tile/1/000.p/1") == merkle.root(leaves[:256])
        assert unbundle(log.file("tile/entries/000.p/3") or b"") == [log.record(place) for place in range(3)]
        assert len(unbundle(log.file("tile/entries/001.p/44") or b"")) == 44
        for missing in ("tile/0/001", "tile/0/001.p/45", "tile/2/000.p/1", "tile/0/002.p/1", "log.pem", "../log.pem"):
            assert log.file(missing) is None
    # On the disk lies what the last checkpoint needs, under the same names.
    names = {path.relative_to(tmp_path / "log").as_posix() for path in (tmp_path / "log/tile").rglob("*")}
    assert {name for name in names if Tile.read(name)} == {
        "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"
    }  # fmt: skip


def test_texts_are_erased_and_the_tree_stays_as_it_was(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as log:
        for number in range(600):
            log.append(record(number))
        before = Checkpoint.read(log.checkpoint().encode(), log.key.public)
        assert log.erase(id=record(7).id, by="admin", reason="request") == 1
        assert log.texts(record(7).id) is None
        assert log.texts(record(8).id) is not None
        assert log.erase(who="ward-2", by="admin") == 200
        assert [number for number in range(12) if log.texts(record(number).id)] == [0, 1, 3, 4, 6, 9, 10]
        stamped = log.receipt(record(7).id)
        assert stamped is not None
        assert stamped.salts is None
        said = log.entries(600)
        assert [one["record"]["kind"] for one in said] == ["erasure", "erasure"]
        assert said[0]["record"]["records"] == [[7, 7]]
        assert said[1]["record"]["records"][:2] == [[2, 2], [5, 5]]
        after = Checkpoint.read(log.checkpoint().encode(), log.key.public)
        proof = [bytes.fromhex(digest) for digest in log.extension(before.size)[0]]
        assert merkle.extends(before.size, before.root, after.size, after.root, proof)
        log.append(record(1000))  # into the file that was just written anew
        assert log.texts(record(1000).id) is not None
    with opened(tmp_path / "log") as log:
        assert log.texts(record(8).id) is None
        assert log.texts(record(1000).id) is not None
        with pytest.raises(HelderError, match="no record"):
            log.erase(id="chatcmpl-nobody", by="admin")


def test_what_is_too_old_is_erased_and_a_record_says_so(tmp_path: Path) -> None:
    day = datetime(2026, 11, 25, tzinfo=UTC)
    with opened(tmp_path / "log", Keep("texts", 30)) as log:
        for number in range(300):
            when = day + timedelta(hours=number)
            log.append(record(number, time=when.isoformat(timespec="milliseconds").replace("+00:00", "Z")))
        assert log.retain(day + timedelta(days=30)) == 0
        assert log.retain(day + timedelta(days=30, hours=270)) == 270
        assert log.texts(record(269).id) is None
        assert log.texts(record(270).id) is not None
        assert log.entries(300)[0]["record"]["records"] == [[0, 269]]
        assert not (tmp_path / "log/texts/000.jsonl").exists()


def test_the_organisation_says_which_key_signs_and_a_new_key_of_it_signs_too(tmp_path: Path) -> None:
    folder = made(tmp_path / "log", 1)
    assert (folder / "log.pem").stat().st_mode & 0o777 == 0o600
    assert log_key.signers(folder, [KEY.public]).predicate["origin"] == ORIGIN
    later = SigningKey.generate()
    AuditLog.open(folder, later, ORIGIN, Keep(), publish_every=None).close()
    assert set(log_key.signers(folder, [KEY.public, later.public]).signers) == {KEY.public.id, later.public.id}
    with pytest.raises(HelderError) as unknown:
        log_key.signers(folder, [SigningKey.generate().public])
    assert unknown.value.code == ExitCode.UNCHECKED


def test_one_process_at_a_time_writes_a_log(tmp_path: Path) -> None:
    with opened(tmp_path / "log"), pytest.raises(HelderError, match="is in use"):
        opened(tmp_path / "log")


def test_what_is_no_log_is_not_made_one(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to-mother.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(HelderError, match="no audit log"):
        opened(tmp_path / "letters")
    folder = made(tmp_path / "log", 3)
    with pytest.raises(HelderError, match="another name"):
        AuditLog.open(folder, KEY, "other.example", Keep())
    (folder / "log.pem").chmod(0o644)
    with pytest.raises(HelderError, match="read by others") as refused:
        opened(folder)
    assert refused.value.code == ExitCode.REFUSED


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("checkpoint", "signature|signed|note"),
        ("tile/0/000", "root|another length"),
        ("tile/0/001.p/4", "not the one|root"),
        ("tile/entries/001.p/4", "not the one|cannot be read"),
        ("tile/1/000.p/1", "root"),
        ("log.json", "cannot be believed|form"),
    ],
)
def test_a_damaged_log_is_refused_by_name_when_it_is_opened(tmp_path: Path, name: str, told: str) -> None:
    folder = made(tmp_path / "log", 260)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data if name != "tile/0/000" else data[:-32])
    with pytest.raises(HelderError, match=told) as refused:
        opened(folder)
    assert refused.value.code == ExitCode.FAILED
    if name != "log.json":  # this one is made again from the key
        (folder / name).unlink()
        with pytest.raises(HelderError, match="missing") as refused:
            opened(folder)
        assert refused.value.code == ExitCode.FAILED


def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    log = opened(tmp_path / "log")
    log.close()
    log.close()
    with pytest.raises(NotLogged, match="closed|cannot be written"):
        log.append(record(0))
