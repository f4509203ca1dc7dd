from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helder.errors import ExitCode, HelderError
from helder.ledger import artifact, envelope, model_signing, statement
from helder.ledger.keys import SigningKey

ANNA, EVE = SigningKey.generate(), SigningKey.generate()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with names that are sorted in one way as texts ("a-b" first) and in another as paths ("a/…" first)."""
    folder = tmp_path / "model"
    for name, content in {
        "config.json": b"{}",
        "a/weights.bin": bytes(range(256)) * 40,
        "a-b": b"1",
        "a/deep/er": b"2",
        "empty": b"",
        "né.txt": b"3",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def one_byte(model: Path) -> None:
    content = bytearray((model / "a" / "weights.bin").read_bytes())
    content[77] ^= 1
    (model / "a" / "weights.bin").write_bytes(content)


def one_more(model: Path) -> None:
    (model / "a" / "new").write_bytes(b"")


def one_less(model: Path) -> None:
    (model / "a-b").unlink()


def other_name(model: Path) -> None:
    (model / "a-b").rename(model / "a-c")


def git(model: Path) -> None:
    (model / ".gitattributes").write_text("*.bin filter=lfs\n", encoding="ascii")
    (model / "deep" / ".git").mkdir(parents=True)
    (model / ".github").mkdir()
    (model / ".github" / "x.yml").write_bytes(b"x")


def link(model: Path) -> None:
    (model / "a-b").unlink()
    (model / "a-b").symlink_to("config.json")


DAMAGES = [one_byte, one_more, one_less, other_name, link]


def test_a_signed_folder_is_believed_wherever_it_lies(model: Path, tmp_path: Path) -> None:
    bundle = model_signing.sign(model, ANNA)
    assert bundle == model_signing.sign(model, ANNA)
    moved = model.rename(tmp_path / "elsewhere")
    found = model_signing.verify(moved, bundle, [EVE.public, ANNA.public])
    assert (found.signer.id, found.name, found.files, found.ignored) == (ANNA.public.id, "model", 6, ())


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_folder_that_changed_is_a_failed_check(model: Path, damage: Callable[[Path], None]) -> None:
    bundle = model_signing.sign(model, ANNA)
    damage(model)
    with pytest.raises(HelderError) as caught:
        model_signing.verify(model, bundle, [ANNA.public])
    assert caught.value.code == ExitCode.FAILED


def test_what_differs_is_named(model: Path) -> None:
    bundle = model_signing.sign(model, ANNA)
    one_byte(model)
    one_more(model)
    one_less(model)
    with pytest.raises(HelderError) as caught:
        model_signing.verify(model, bundle, [ANNA.public])
    assert "changed: 'a/weights.bin'; added: 'a/new'; missing: 'a-b'" in caught.value.why


def test_a_signed_file_is_believed_under_any_name(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    bundle = model_signing.sign(file, ANNA)
    found = model_signing.verify(file.rename(tmp_path / "m.gguf"), bundle, [ANNA.public])
    assert (found.name, found.files) == ("model.gguf", 1)
    (tmp_path / "m.gguf").write_bytes(b"GGUf")
    with pytest.raises(HelderError, match="cannot be believed"):
        model_signing.verify(tmp_path / "m.gguf", bundle, [ANNA.public])
    with pytest.raises(HelderError, match="cannot be believed"):
        model_signing.verify(tmp_path / "gone", bundle, [ANNA.public])


def test_a_bundle_made_of_known_digests_is_the_same_and_gives_them_back(model: Path) -> None:
    digests = {entry.path: entry.sha256 for entry in artifact.manifest(model)}
    bundle = model_signing.sign_listed(digests, ANNA, "model")
    assert bundle == model_signing.sign(model, ANNA)
    assert model_signing.listed(bundle, [ANNA.public]) == digests
    ignoring = json.loads(bundle)
    resigned(lambda said: said["predicate"]["serialization"].update(ignore_paths=["a"]))(ignoring)
    with pytest.raises(HelderError) as caught:
        model_signing.listed(json.dumps(ignoring).encode(), [ANNA.public])
    assert caught.value.code == ExitCode.FAILED


def test_files_are_listed_in_the_order_of_their_names(model: Path) -> None:
    """Section 5.2.1 of the specification: lexicographically, by code points."""
    listed = payload_of(json.loads(model_signing.sign(model, ANNA)))["predicate"]["resources"]
    assert [one["name"] for one in listed] == ["a-b", "a/deep/er", "a/weights.bin", "config.json", "empty", "né.txt"]


def test_files_of_git_are_left_out_and_named(model: Path) -> None:
    """Section 6.2 of the specification; those below other folders are files like any other."""
    git(model)
    (model / "deep" / ".gitignore").write_bytes(b"y")
    bundle = model_signing.sign(model, ANNA)
    found = model_signing.verify(model, bundle, [ANNA.public])
    assert (found.files, found.ignored) == (7, (".gitattributes", ".github/x.yml"))
    (model / ".gitignore").write_bytes(b"z")
    assert model_signing.verify(model, bundle, [ANNA.public]).ignored[-1] == ".gitignore"
    (model / "deep" / ".gitignore").write_bytes(b"z")
    with pytest.raises(HelderError) as caught:
        model_signing.verify(model, bundle, [ANNA.public])
    assert "changed: 'deep/.gitignore'" in caught.value.why


def test_bundles_written_in_other_ways_are_read(model: Path, tmp_path: Path) -> None:
    """Section 11.1 of the specification: what producers and earlier versions do otherwise."""
    plain = json.loads(model_signing.sign(model, ANNA))
    for change in (
        lambda bundle: bundle["dsseEnvelope"]["signatures"][0].update(keyid=None),
        lambda bundle: bundle["dsseEnvelope"]["signatures"][0].pop("keyid"),
        lambda bundle: bundle["dsseEnvelope"]["signatures"][0].update(keyid=""),
        lambda bundle: bundle["verificationMaterial"].pop("tlogEntries"),
        lambda bundle: bundle["verificationMaterial"].update(publicKey={"rawBytes": "AA==", "keyDetails": "x"}),
        lambda bundle: bundle["verificationMaterial"]["publicKey"].update(hint=ANNA.public.id),
        resigned(lambda said: said["predicate"]["resources"][0].update(uri="x")),
    ):
        bundle = json.loads(json.dumps(plain))
        change(bundle)
        assert model_signing.verify(model, json.dumps(bundle).encode(), [ANNA.public]).files == 6
    file = model / "config.json"
    one = json.loads(model_signing.sign(file, ANNA))
    resigned(lambda said: said["predicate"]["resources"][0].update(name="config.json"))(one)
    assert model_signing.verify(file, json.dumps(one).encode(), [ANNA.public]).files == 1
    with pytest.raises(HelderError):
        model_signing.verify(file.rename(tmp_path / "other.json"), json.dumps(one).encode(), [ANNA.public])


def test_links_that_the_signer_followed_could_not_be_checked(model: Path) -> None:
    bundle = json.loads(model_signing.sign(model, ANNA))
    resigned(lambda said: said["predicate"]["serialization"].update(allow_symlinks=True))(bundle)
    assert model_signing.verify(model, json.dumps(bundle).encode(), [ANNA.public]).files == 6
    link(model)
    with pytest.raises(HelderError) as caught:
        model_signing.verify(model, json.dumps(bundle).encode(), [ANNA.public])
    assert caught.value.code == ExitCode.UNCHECKED


def test_nothing_is_not_signed(tmp_path: Path) -> None:
    for nothing in (tmp_path, tmp_path / "gone"):
        with pytest.raises(HelderError):
            model_signing.sign(nothing, ANNA)


def test_an_unknown_signer_is_could_not_be_checked(model: Path) -> None:
    with pytest.raises(HelderError) as caught:
        model_signing.verify(model, model_signing.sign(model, EVE), [ANNA.public])
    assert caught.value.code == ExitCode.UNCHECKED


def payload_of(bundle: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    return found


def resigned(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    """The bundle with another payload, well signed."""

    def apply(bundle: dict[str, Any]) -> None:
        said = payload_of(bundle)
        change(said)
        sealed = envelope.seal(json.dumps(said).encode(), statement.PAYLOAD_TYPE, [ANNA])
        bundle["dsseEnvelope"] = json.loads(sealed)

    return apply


def other_payload(bundle: dict[str, Any]) -> None:
    said = payload_of(bundle)
    said["subject"][0]["name"] = "other"
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(said).encode()).decode()


def other_payload_without_a_key_id(bundle: dict[str, Any]) -> None:
    other_payload(bundle)
    bundle["dsseEnvelope"]["signatures"][0]["keyid"] = ""


def second_signature(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"] = json.loads(envelope.add_signature(json.dumps(bundle["dsseEnvelope"]).encode(), EVE))


def twice(said: dict[str, Any]) -> None:
    said["predicate"]["resources"].append(said["predicate"]["resources"][0])


FAILING: dict[str, Callable[[dict[str, Any]], object]] = {
    "other payload": other_payload,
    "other payload without a key id": other_payload_without_a_key_id,
    "second signature": second_signature,
    "other hint": lambda bundle: bundle["verificationMaterial"]["publicKey"].update(hint="0" * 64),
    "other media type": lambda bundle: bundle.update(mediaType="application/json"),
    "unknown field": lambda bundle: bundle.update(note=1),
    "no material": lambda bundle: bundle.pop("verificationMaterial"),
    "material of another type": lambda bundle: bundle.update(verificationMaterial=[]),
    "hint of another type": lambda bundle: bundle["verificationMaterial"]["publicKey"].update(hint=7),
    "no envelope": lambda bundle: bundle.update(dsseEnvelope=None),
    "other payload type": lambda bundle: bundle["dsseEnvelope"].update(payloadType="text/plain"),
    "other predicate": resigned(lambda said: said.update(predicateType=statement.PREDICATE_TYPE)),
    "other root": resigned(lambda said: said["subject"][0]["digest"].update(sha256="0" * 64)),
    "other order": resigned(lambda said: said["predicate"]["resources"].reverse()),
    "a file twice": resigned(twice),
    "no files": resigned(lambda said: said["predicate"].update(resources=[])),
    "two subjects": resigned(lambda said: said.update(subject=said["subject"] * 2)),
    "no serialization": resigned(lambda said: said["predicate"].pop("serialization")),
    "a mixture of digests": resigned(lambda said: said["predicate"]["resources"][0].update(algorithm="blake2b")),
    "a digest that is none": resigned(lambda said: said["predicate"]["resources"][0].update(digest="xyz")),
    "shards of nothing": resigned(lambda said: said["predicate"]["serialization"].update(method="shards")),
    "shards of no size": resigned(
        lambda said: said["predicate"]["serialization"].update(method="shards", shard_size=0)
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_bundle_that_was_changed_is_a_failed_check(model: Path, name: str) -> None:
    bundle = json.loads(model_signing.sign(model, ANNA))
    FAILING[name](bundle)
    with pytest.raises(HelderError) as caught:
        model_signing.verify(model, json.dumps(bundle).encode(), [ANNA.public])
    assert caught.value.code == ExitCode.FAILED


UNCHECKED: dict[str, Callable[[dict[str, Any]], object]] = {
    "certificate": lambda bundle: bundle.update(verificationMaterial={"certificate": {"rawBytes": "AA=="}}),
    "log": lambda bundle: bundle["verificationMaterial"].update(tlogEntries=[{"logIndex": "1"}]),
    "digest": resigned(lambda said: said["predicate"]["serialization"].update(hash_type="blake3")),
    "method": resigned(lambda said: said["predicate"]["serialization"].update(method="tensors")),
}


@pytest.mark.parametrize("name", UNCHECKED)
def test_what_is_not_known_here_could_not_be_checked(model: Path, name: str) -> None:
    bundle = json.loads(model_signing.sign(model, ANNA))
    UNCHECKED[name](bundle)
    with pytest.raises(HelderError) as caught:
        model_signing.verify(model, json.dumps(bundle).encode(), [ANNA.public])
    assert caught.value.code == ExitCode.UNCHECKED


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"[" * 100_000], ids=["nothing", "list", "bytes", "deep"])
def test_what_is_no_bundle_is_refused(model: Path, data: bytes) -> None:
    with pytest.raises(HelderError) as caught:
        model_signing.verify(model, data, [ANNA.public])
    assert caught.value.code == ExitCode.FAILED


# -- with the tool of the OpenSSF -------------------------------------------------------------------------------


class Tool:
    """The package model-signing with the keys of this test."""

    def __init__(self, folder: Path) -> None:
        reason = "model-signing, or pyopenssl that it imports, is not installed"
        self.signing = pytest.importorskip("model_signing.signing", reason=reason, exc_type=ImportError)
        self.verifying = pytest.importorskip("model_signing.verifying", reason=reason, exc_type=ImportError)
        self.hashing = pytest.importorskip("model_signing.hashing", reason=reason, exc_type=ImportError)
        self.folder = folder
        (folder / "private.pem").write_bytes(ANNA.to_pem())
        for name, key in {"public": ANNA, "eve": EVE}.items():
            (folder / f"{name}.pem").write_bytes(key.public.to_pem())

    def sign(self, path: Path, hashing: Any = None, to: Path | None = None) -> bytes:
        config = self.signing.Config().use_elliptic_key_signer(private_key=self.folder / "private.pem")
        if hashing:
            config.set_hashing_config(hashing)
        to = to or self.folder / "theirs.sig"
        config.sign(path, to)
        return to.read_bytes()

    def accepts(self, path: Path, bundle: bytes, key: str = "public") -> bool:
        (self.folder / "ours.sig").write_bytes(bundle)
        config = self.verifying.Config().use_elliptic_key_verifier(public_key=self.folder / f"{key}.pem")
        try:
            config.verify(path, self.folder / "ours.sig")
        except Exception:  # noqa: BLE001  it has no exception of its own: ValueError, InvalidSignature and others
            return False
        return True


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    (tmp_path / "tool").mkdir()
    return Tool(tmp_path / "tool")


def test_the_tool_accepts_our_folder_and_refuses_every_change(model: Path, tool: Tool) -> None:
    bundle = model_signing.sign(model, ANNA)
    assert tool.accepts(model, bundle)
    assert not tool.accepts(model, bundle, key="eve")
    git(model)
    assert tool.accepts(model, bundle)
    assert tool.accepts(model, model_signing.sign(model, ANNA))
    for damage in DAMAGES:
        copy = tool.folder / damage.__name__ / "model"
        for file in sorted(path for path in model.rglob("*") if path.is_file()):
            (copy / file.relative_to(model)).parent.mkdir(parents=True, exist_ok=True)
            (copy / file.relative_to(model)).write_bytes(file.read_bytes())
        assert tool.accepts(copy, bundle)
        damage(copy)
        assert not tool.accepts(copy, bundle), damage.__name__


def test_the_tool_accepts_our_single_file_and_refuses_a_changed_one(tmp_path: Path, tool: Tool) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    bundle = model_signing.sign(file, ANNA)
    assert tool.accepts(file, bundle)
    file.write_bytes(b"GGUf")
    assert not tool.accepts(file, bundle)


def test_the_tool_says_the_same_of_a_model_as_we_do(model: Path, tool: Tool) -> None:
    plain = tool.hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)
    (model / "a-b").unlink()  # with it, the tool and the specification sort otherwise
    theirs, ours = (payload_of(json.loads(one)) for one in (tool.sign(model, plain), model_signing.sign(model, ANNA)))
    assert theirs == ours


def test_what_the_tool_signed_is_accepted_here_and_changes_are_not(model: Path, tool: Tool) -> None:
    inside = model / "model.sig"
    plain = tool.hashing.Config().set_ignored_paths(paths=["model.sig"], ignore_git_paths=False)
    bundle = tool.sign(model, plain, inside)
    found = model_signing.verify(model, bundle, [ANNA.public])
    assert (found.files, found.ignored) == (6, ("model.sig",))
    default = model_signing.verify(model / "config.json", tool.sign(model / "config.json"), [ANNA.public])
    assert default.files == 1
    with pytest.raises(HelderError) as caught:
        model_signing.verify(model, bundle, [EVE.public])
    assert caught.value.code == ExitCode.UNCHECKED
    for damage in DAMAGES[:3]:
        damage(model)
        with pytest.raises(HelderError) as caught:
            model_signing.verify(model, bundle, [ANNA.public])
        assert caught.value.code == ExitCode.FAILED


def test_shards_and_other_digests_of_the_tool_are_accepted_here(model: Path, tool: Tool) -> None:
    hashing = tool.hashing.Config
    shards = tool.sign(model, hashing().use_shard_serialization(shard_size=1000))
    found = model_signing.verify(model, shards, [ANNA.public])
    assert (found.files, "empty" in found.ignored) == (5, True)  # nothing is said of a file without bytes
    blake = tool.sign(model, hashing().use_file_serialization(hashing_algorithm="blake2"))
    assert model_signing.verify(model, blake, [ANNA.public]).files == 6
    one_byte(model)
    for bundle in (shards, blake):
        with pytest.raises(HelderError) as caught:
            model_signing.verify(model, bundle, [ANNA.public])
        assert caught.value.code == ExitCode.FAILED
