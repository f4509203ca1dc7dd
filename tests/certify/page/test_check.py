"""The page's script in node: the same digests as hashlib, and only signatures that Python made."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

import helder
from tests.certify.page.releases import key, sign

SCRIPT = Path(helder.__file__).parent / "certify" / "page" / "check.js"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed, so the page's script cannot be run")
RUNNER = """\
const check = require(process.argv[1]);
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk)).on("end", async () => {
  const asked = JSON.parse(Buffer.concat(chunks));
  process.stdout.write(JSON.stringify(await (async () => { %s })()));
});
"""
PREDICATE = {
    "files": [
        {"path": "artifacts/files/model-q8_0.gguf", "size": 3, "sha256": "a" * 64},
        {"path": "artifacts/train/config.json", "size": 3, "sha256": "b" * 64},
        {"path": "artifacts/base/config.json", "size": 3, "sha256": "b" * 64},
        {"path": "ledger/001-data.json", "size": 3, "sha256": "e" * 64},
        {"path": "previous/ledger/001-data.json", "size": 3, "sha256": "f" * 64},
    ],
    "withheld": [{"path": "artifacts/data/train.jsonl", "size": 9, "sha256": "c" * 64, "why": "secret"}],
}


def run(body: str, asked: Any) -> Any:
    """What the script's functions give; `asked` is what the body knows."""
    command = [str(NODE), "-e", RUNNER % body, str(SCRIPT)]
    done = subprocess.run(command, input=json.dumps(asked).encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def verified(envelope: bytes, *pems: bytes) -> Any:
    asked = {"envelope": json.loads(envelope), "pems": [pem.decode("ascii") for pem in pems]}
    return run("return check.verifyRelease(asked.envelope, asked.pems);", asked)


def test_digests_are_those_of_hashlib_whatever_the_pieces() -> None:
    random_ = random.Random(7)
    sizes = [*range(0, 3), *range(54, 67), *range(118, 131), 1000, 4096, 70_001]
    texts = [random_.randbytes(size) for size in sizes]
    asked = [base64.b64encode(text).decode("ascii") for text in texts]
    body = """
    return Promise.all(asked.map(async (text) => {
      const data = bytes(text), found = [];
      for (const piece of [1, 63, 64, 65, 1000, 100000]) {
        const sum = new check.Sha256();
        for (let place = 0; place < data.length; place += piece) sum.update(data.subarray(place, place + piece));
        found.push(sum.hex());
      }
      found.push(await check.digestFile(new Blob([data])));
      let share = 0;
      found.push(await check.digestFile(new Blob([data]), (done) => { share = done; }, 64, 4096));
      if (data.length > 64 && share !== 1) found.push("progress does not end at 1");
      return [...new Set(found)];
    }));"""
    assert run(body, asked) == [[hashlib.sha256(text).hexdigest()] for text in texts]


def test_a_signature_that_python_made_fits() -> None:
    found = verified(sign(PREDICATE, key(1)), key(1).public.to_pem())
    assert (found["state"], found["good"], found["all"]) == ("fits", 1, 1)
    assert found["keys"] == [{"id": key(1).public.id, "fits": True}]
    assert found["release"] == PREDICATE


def test_a_changed_byte_or_another_key_does_not_fit() -> None:
    envelope = json.loads(sign(PREDICATE, key(1)))
    payload = base64.b64decode(envelope["payload"]).replace(b"model-q8_0", b"model-q9_0")
    changed = json.dumps({**envelope, "payload": base64.b64encode(payload).decode("ascii")}).encode()
    assert verified(changed, key(1).public.to_pem())["state"] == "broken"
    assert verified(json.dumps(envelope).encode(), key(2).public.to_pem())["state"] == "broken"
    signature = bytearray(base64.b64decode(envelope["signatures"][0]["sig"]))
    signature[-1] ^= 1
    envelope["signatures"][0]["sig"] = base64.b64encode(signature).decode("ascii")
    assert verified(json.dumps(envelope).encode(), key(1).public.to_pem())["state"] == "broken"


def test_of_several_signatures_all_have_to_fit() -> None:
    envelope = sign(PREDICATE, key(1), key(2))
    pems = key(1).public.to_pem(), key(2).public.to_pem()
    assert verified(envelope, *pems)["state"] == "fits"
    found = verified(envelope, pems[1])
    assert (found["state"], found["good"], found["all"]) == ("partly", 1, 2)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("payloadType", "text/plain"),
        ("payload", "!"),
        ("payload", base64.b64encode(b"not JSON").decode()),
        ("payload", base64.b64encode(b'{"_type":"x","predicateType":"y"}').decode()),
        ("signatures", []),
        ("signatures", None),
        ("signatures", [{"sig": "!"}]),
    ],
)
def test_what_is_no_release_is_called_damaged(field: str, value: Any) -> None:
    envelope = {**json.loads(sign(PREDICATE)), field: value}
    assert verified(json.dumps(envelope).encode(), key().public.to_pem())["state"] == "malformed"


def test_without_webcrypto_it_says_that_it_could_not_check() -> None:
    asked = {"envelope": json.loads(sign(PREDICATE)), "pem": key().public.to_pem().decode()}
    body = """
    Object.defineProperty(globalThis, "crypto", { value: undefined });
    return check.verifyRelease(asked.envelope, [asked.pem]);"""
    found = run(body, asked)
    assert found["state"] == "cannot"
    assert found["keys"] == [{"id": key().public.id, "fits": False}]


def test_signatures_are_turned_from_der_into_what_browsers_take() -> None:
    random_ = random.Random(3)
    top = 2**256 - 1
    pairs = [(1, 1), (127, 128), (255, 2**255), (top, 1), (1, top), (2**248, 2**247)]
    pairs += [(random_.getrandbits(random_.randint(1, 256)) | 1, random_.getrandbits(256) | 1) for _ in range(200)]
    good = [encode_dss_signature(*pair) for pair in pairs]
    whole = encode_dss_signature(top, top)
    bad = [b"", b"0", whole[:-1], whole + b"0", b"1" + whole[1:], encode_dss_signature(top + 1, 1)]
    bad += [
        bytes.fromhex(text) for text in ("3006020100020100" + "00", "3007020200010201" + "01", "300602018002" + "0101")
    ]
    asked = [base64.b64encode(der).decode("ascii") for der in (*good, *bad)]
    body = """
    const raw = asked.map((one) => check.rawSignature(bytes(one)));
    return raw.map((one) => one && Buffer.from(one).toString("hex"));"""
    found = run(body, asked)
    assert found[: len(good)] == [f"{r:064x}{s:064x}" for r, s in pairs]
    assert found[len(good) :] == [None] * len(bad)


@pytest.mark.parametrize(
    ("sha256", "path", "verdict"),
    [
        ("a", "model-q8_0.gguf", "exact"),
        ("a", "bundle/artifacts/files/model-q8_0.gguf", "exact"),
        ("a", "renamed.gguf", "elsewhere"),
        ("a", "bundle/artifacts/train/config.json", "elsewhere"),
        ("b", "bundle/artifacts/base/config.json", "exact"),
        ("e", "bundle/ledger/001-data.json", "exact"),
        ("e", "bundle/previous/ledger/001-data.json", "elsewhere"),
        ("f", "bundle/previous/ledger/001-data.json", "exact"),
        ("f", "001-data.json", "exact"),
        ("c", "train.jsonl", "hidden"),
        ("d", "model-q8_0.gguf", "altered"),
        ("d", "bundle/artifacts/base/config.json", "altered"),
        ("d", "bundle/other/config.json", "stranger"),
        ("d", "letter.txt", "stranger"),
        ("d", "certificate.html", "itself"),
        ("d", "bundle/certificate.dsse.json", "itself"),
    ],
)
def test_a_file_is_looked_up_by_its_content_first(sha256: str, path: str, verdict: str) -> None:
    asked = {"release": PREDICATE, "sha256": sha256 * 64, "path": path}
    found = run("return check.lookUp(check.indexOf(asked.release), asked.sha256, asked.path);", asked)
    assert found["verdict"] == verdict
    assert found["others"] == (1 if sha256 == "b" else 0)


def test_a_dropped_release_is_the_same_when_its_payload_is() -> None:
    ours, later = sign(PREDICATE, key(1)), sign(PREDICATE, key(1), key(2))
    other = sign({**PREDICATE, "withheld": []}, key(1))
    asked = {"envelope": json.loads(ours), "texts": [one.decode() for one in (ours, later, other)] + ["no JSON"]}
    body = "return asked.texts.map((text) => check.sameRelease(text, asked.envelope));"
    assert run(body, asked) == [True, True, False, False]
