"""The page's check of a receipt in node: what our own tree, notes and salts make is found good, and nothing else."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import helder
from helder.ledger import merkle
from helder.serve.audit.note import Checkpoint, NoteKey
from helder.serve.audit.record import salted
from helder.serve.audit.tree import Tree

MODULE = Path(helder.__file__).parent / "serve" / "page" / "proof.js"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed, so the page's script cannot be run")
RUNNER = """
const proof = await import(process.argv[1]);
let text = "";
for await (const part of process.stdin) text += part;
const asked = JSON.parse(text);
console.log(JSON.stringify(await (async () => { %s })()));
"""
KEY = NoteKey("ward.example/doses", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 33)


def run(body: str, asked: Any) -> Any:
    command = [str(NODE), "--input-type=module", "-e", RUNNER % body, MODULE.as_uri()]
    done = subprocess.run(command, input=json.dumps(asked).encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def stamped(index: int, size: int) -> dict[str, Any]:
    """A receipt as the server gives it."""
    salts = {"prompt": "0a" * 32, "answer": "0b" * 32}
    texts = {"prompt": 'What "is" \\ this\n\u2028 \x7f é 🩺?', "answer": "\x01\tTab"}
    digests = {name: salted(bytes.fromhex(salts[name]), name, texts[name]) for name in texts}
    tree, datas = Tree(lambda tile: None), []
    for place in range(size):
        record = {"v": 1, "id": f"a{place}", "confidence": 1.0, "digests": digests, "who": "é"}
        datas.append(json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":")))
        tree.append(merkle.leaf(datas[-1].encode()))
    note = Checkpoint(KEY.name, size, tree.root()).sign(KEY)
    leaf = merkle.leaf(datas[index].encode()).hex()
    proof = [one.hex() for one in tree.inclusion(index, size)]
    given = {"id": f"a{index}", "log": KEY.name, "index": index, "leaf": leaf}
    receipt = {"data": datas[index], "index": index, "leaf": leaf, "proof": proof, "checkpoint": note, "salts": salts}
    return {"stamped": receipt, "with": {"given": given, "vkey": KEY.public.vkey, "asked": texts}}


CHECK = "return Promise.all(asked.map((one) => proof.check(one.stamped, one.with)));"


def states(*asked: dict[str, Any]) -> list[dict[str, str]]:
    return [{one["name"]: one["state"] for one in found} for found in run(CHECK, list(asked))]


def test_every_place_of_trees_of_many_sizes_is_found_good() -> None:
    asked = [stamped(index, size) for size in SIZES for index in range(size)]
    good = {"record": "fits", "tree": "fits", "signature": "fits", "texts": "fits"}
    assert [found for found in states(*asked) if found != good] == []


def test_a_receipt_that_is_changed_in_any_part_is_found() -> None:
    found, told = [], []

    def forge(broken: str, **change: Any) -> None:
        one = stamped(5, 9)
        told.append((broken, change))
        found.append({"stamped": {**one["stamped"], **change}, "with": one["with"]})

    good = stamped(5, 9)["stamped"]
    forge("record", data=good["data"].replace("a5", "a6"))
    forge("record", data=good["data"] + " ")
    forge("record", data="")
    forge("record", data=None)
    forge("record", leaf="00" * 32)
    for index in (*range(5), 6, 7, 8, 9, -1, 5.5, None, "5", 2**53):
        forge("tree", index=index)
    for place in range(len(good["proof"])):
        forge("tree", proof=[*good["proof"][:place], "00" * 32, *good["proof"][place + 1 :]])
        forge("tree", proof=good["proof"][:place])
    forge("tree", proof=[*good["proof"], "00" * 32])
    forge("tree", proof=["xy"])
    other = NoteKey(KEY.name, Ed25519PrivateKey.from_private_bytes(bytes(32)))
    root = base64.b64decode(good["checkpoint"].split("\n")[2])
    forge("signature", checkpoint=Checkpoint(KEY.name, 9, root).sign(other))
    forge("signature", checkpoint=Checkpoint("other", 9, root).sign(NoteKey("other", KEY.key)))
    forge("signature", checkpoint=Checkpoint("other", 9, root).sign(KEY))
    forge("signature", checkpoint=good["checkpoint"].replace("\n9\n", "\n10\n"))
    for text in ("", "\n\n", good["checkpoint"][:-1], good["checkpoint"].replace("— ", "- ")):
        forge("signature", checkpoint=text)
    forge("texts", salts={**good["salts"], "answer": "00" * 32})
    forge("texts", salts={**good["salts"], "prompt": ""})
    for (broken, change), states_ in zip(told, states(*found), strict=True):
        assert states_[broken] == "broken", (broken, change, states_)


def test_another_answer_or_another_receipt_than_was_given_is_found() -> None:
    one, two = stamped(5, 9), stamped(5, 9)
    one["with"]["asked"]["answer"] += " "
    two["with"]["given"]["index"] = 4
    found = states(one, two)
    assert (found[0]["texts"], found[1]["record"]) == ("broken", "broken")


def test_what_cannot_be_checked_is_open_and_never_good() -> None:
    one, two, three = stamped(0, 1), stamped(0, 1), stamped(0, 1)
    one["with"]["vkey"] = None
    two["stamped"]["salts"] = None
    three["with"]["vkey"] = KEY.public.vkey[:-4] + "AAAA"
    found = states(one, two, three)
    assert (found[0]["signature"], found[1]["texts"], found[2]["signature"]) == ("open", "open", "broken")
