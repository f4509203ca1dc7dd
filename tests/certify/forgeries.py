"""Forgeries: what an insider with the key does who wants to be believed, each found at the level that promises it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.certify import layout
from helder.evaluate import stage as scoring
from helder.ledger.artifact import digest_path
from helder.ledger.keys import SigningKey
from helder.train import chain
from tests.certify.forge import Forger, Json, payload
from tests.certify.mutations import OTHER, write


@dataclass(frozen=True)
class Forgery:
    """A change of an insider, after which everything is signed again; `close` says what follows of itself."""

    name: str
    level: int
    place: str
    change: Callable[[Forger], None]
    rendered: bool = True
    page: bool = True

    def apply(self, bundle: Path, target: Path, key: SigningKey) -> Path:
        forger = Forger(bundle, target, key)
        self.change(forger)
        return forger.close(rendered=self.rendered, page=self.page)


@dataclass(frozen=True)
class Torn(Forgery):
    """A forgery that leaves documents and page as they were: what does not fit together cannot be rendered."""

    rendered: bool = False
    page: bool = False


def lineage(bundle: Path) -> Iterator[Forgery]:
    """What level 2 finds: statements that do not fit together, a log that is not a chain."""
    release = payload(bundle / layout.RELEASE)["predicate"]
    way = [one["stage"] for one in release["ledger"] if one["role"] == "way"]
    for stage in way:
        yield Torn(f"no statement about {stage}", 2, stage, without_statement(stage))
        yield Torn(f"{stage} is of no part in it", 2, stage, role(stage, "superseded"))
    for stage in ("data", "train", "files", "scores"):
        yield Torn(f"an unknown field in {stage}", 2, stage, extra_field(stage))
        yield Torn(f"{stage} signed by another key", 2, stage, foreign(stage))
        yield Torn(f"another key of the work {stage}", 2, stage, after_signing(stage, set_key))
        yield Torn(f"another seed beside the settings of {stage}", 2, stage, after_signing(stage, set_seed))
        yield Torn(f"{stage} read something undeclared", 2, stage, undeclared(stage))
        yield Torn(f"{stage} made a file that is nowhere", 2, "ghost.bin", ghost(stage))
    for stage in ("train-pretrain", "train-tune", "train"):
        yield Torn(f"a step of {stage} is left out", 2, stage, log(stage, lambda lines: lines.pop(1)))
        yield Torn(f"two steps of {stage} change places", 2, stage, log(stage, swap_steps))
        yield Torn(f"another learning rate in the log of {stage}", 2, stage, log(stage, faster))
        yield Torn(f"the last step of {stage} is cut off", 2, stage, log(stage, lambda lines: lines.pop()))
        yield Torn(f"a loss of {stage}, chain left as it was", 2, stage, unchained(stage))
    yield Torn("a circle", 2, "circle", circle)
    yield Torn("the model is another stage", 2, "nobody", lambda forger: set_model(forger, "nobody"))
    yield Torn("a source is not declared", 2, "data", lambda forger: drop_source(forger, "data"))
    yield Torn("a source that nobody read", 2, "ghost", add_source)
    yield Torn("an end that leads nowhere", 2, "nothing", lambda forger: forger.release["ends"].append("nothing"))
    yield Torn("a file of a stage without a statement", 2, "extra.txt", extra_artifact)
    yield Torn("a statement that the release does not name", 2, "999-extra.json", extra_statement)
    yield Torn("two statements about one stage", 2, "scores", second_statement)
    yield Torn("a source exchanged, its digest left", 2, "sources/", other_source_only)


def without_statement(stage: str) -> Callable[[Forger], None]:
    def change(forger: Forger) -> None:
        file = forger.file_of(stage)
        forger.release["ledger"] = [one for one in forger.release["ledger"] if one["file"] != file]
        del forger.said[file]
        (forger.root / file).unlink()

    return change


def role(stage: str, new: str) -> Callable[[Forger], None]:
    def change(forger: Forger) -> None:
        for one in forger.release["ledger"]:
            if one["stage"] == stage:
                one["role"] = new

    return change


def extra_field(stage: str) -> Callable[[Forger], None]:
    def change(forger: Forger) -> None:
        forger.predicate(stage)["approved"] = True

    return change


def after_signing(stage: str, change: Callable[[Json], None]) -> Callable[[Forger], None]:
    return lambda forger: forger.late.append((forger.file_of(stage), change, forger.key))


def foreign(stage: str) -> Callable[[Forger], None]:
    return lambda forger: forger.late.append((forger.file_of(stage), lambda predicate: None, OTHER))


def set_key(predicate: Json) -> None:
    predicate["key"] = "0" * 64


def set_seed(predicate: Json) -> None:
    predicate["seed"] = 12345


def undeclared(stage: str) -> Callable[[Forger], None]:
    def change(forger: Forger) -> None:
        record = {"name": "elsewhere", "kind": "file", "digest": {"sha256": "e" * 64}}
        forger.predicate(stage)["inputs"]["extra"] = record

    return change


def ghost(stage: str) -> Callable[[Forger], None]:
    def change(forger: Forger) -> None:
        outputs = forger.predicate(stage)["outputs"]
        outputs.append({"path": "ghost.bin", "size": 3, "sha256": "a" * 64})
        outputs.sort(key=lambda one: one["path"])

    return change


def log(stage: str, change: Callable[[list[Json]], Any]) -> Callable[[Forger], None]:
    return lambda forger: forger.edit_log(stage, change)


def swap_steps(lines: list[Json]) -> None:
    lines[1], lines[2] = lines[2], lines[1]


def faster(lines: list[Json]) -> None:
    lines[1]["learning_rate"] *= 2


def unchained(stage: str) -> Callable[[Forger], None]:
    def edit(data: bytes) -> bytes:
        lines = [json.loads(line) for line in data.splitlines()]
        lines[1]["loss"] *= 0.5
        return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()

    return lambda forger: forger.edit(stage, "log.jsonl", edit)


def circle(forger: Forger) -> None:
    """Two stages that are each made of what the other made."""
    one, other = forger.said[forger.file_of("data")], forger.said[forger.file_of("tokenizer")]
    digest = other["subject"][0]["digest"]["sha256"]
    one["predicate"]["inputs"]["circle"] = {"name": "tokenizer", "kind": "folder", "digest": {"sha256": digest}}


def set_model(forger: Forger, stage: str) -> None:
    forger.release["model"] = stage


def drop_source(forger: Forger, stage: str) -> None:
    place = next(place for place, one in enumerate(forger.release["sources"]) if one["stage"] == stage)
    forger.release["sources"].pop(place)


def add_source(forger: Forger) -> None:
    forger.release["sources"].append(
        {"name": "ghost", "kind": "file", "digest": "a" * 64, "stage": "data", "licence": None, "path": None}
    )


def extra_artifact(forger: Forger) -> None:
    write(forger.artifact("train", "extra.txt"), b"x")


def extra_statement(forger: Forger) -> None:
    shutil.copyfile(forger.root / forger.file_of("data"), forger.root / layout.LEDGER / "999-extra.json")


def second_statement(forger: Forger) -> None:
    file, copy = forger.file_of("scores"), f"{layout.LEDGER}/998-scores.json"
    forger.said[copy] = json.loads(json.dumps(forger.said[file]))
    entry = next(one for one in forger.release["ledger"] if one["file"] == file)
    forger.release["ledger"].append({**entry, "file": copy})


def source_path(forger: Forger, stage: str, name: str) -> Path:
    found = next(one for one in forger.release["sources"] if (one["stage"], one["name"]) == (stage, name))
    return forger.root / str(found["path"])


def other_source_only(forger: Forger) -> None:
    path = source_path(forger, "data", "train")
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))


def rebuild(bundle: Path) -> Iterator[Forgery]:
    """What level 3 finds: cheap stages that do not make what is said, documents and a page that say something else."""
    yield Forgery("a record of the data", 3, "data", lambda f: f.edit("data", "train.jsonl", flip_digit))
    yield Forgery("a record of the test set", 3, "data", lambda f: f.edit("data", "test.jsonl", flip_digit))
    yield Forgery("another licence of the data", 3, "data", set_setting("data", "licence", "CC-BY-4.0"))
    yield Forgery("another part held out", 3, "data", set_setting("data", "seed", 99))
    yield Forgery("another source, declared with its digest", 3, "data", other_source)
    yield Forgery("a count of the summary", 3, "data", lambda f: f.edit_json("data", "summary.json", one_more))
    yield Forgery("a token", 3, "tokens-pretrain", lambda f: f.edit("tokens-pretrain", "train.npy", last_byte))
    yield Forgery("a token held out", 3, "tokens-anneal", lambda f: f.edit("tokens-anneal", "dev.npy", last_byte))
    yield Forgery("a merge of the tokenizer", 3, "tokenizer", lambda f: f.edit("tokenizer", "tokenizer.json", spaces))
    yield Forgery("a first weight", 3, "base", lambda f: f.edit("base", "model.safetensors", last_byte))
    yield Forgery("another seed of the first weights", 3, "base", set_setting("base", "seed", 7))
    yield Forgery(
        "a weight of the mean", 3, "average", lambda f: f.edit("average-anneal", "model.safetensors", last_byte)
    )
    yield Forgery("a weight of the file", 3, "files", lambda f: f.edit("files", "model-q8_0.gguf", last_byte))
    yield Forgery("a digest in the list of files", 3, "files", lambda f: f.edit_json("files", "files.json", no_ties))
    yield Forgery(
        "answers of a baseline", 3, "predict-nearest", lambda f: f.edit("predict-nearest", "test.jsonl", flip_digit)
    )
    there = bundle / layout.DOCUMENTS
    for path in sorted(path.relative_to(there).as_posix() for path in there.rglob("*") if path.is_file()):
        if path.startswith("slsa/") and path != "slsa/train.json":
            continue  # one of those that are all alike
        change = edit_document(path)
        yield Forgery(f"a field of {path}", 3, path, change, rendered=False)
    for place in range(10):
        yield Forgery(f"field {place} of the page", 3, layout.PAGE, edit_page(place), page=False)


def documents(bundle: Path) -> Iterator[Forgery]:
    """What level 3 finds of a run that began with a folder, in a bundle for a regulator."""
    yield Forgery("another state in the account", 3, "clean", lambda f: f.edit("clean", "account.json", kept_after_all))
    yield Forgery("a count of the account", 3, "clean", lambda f: f.edit_json("clean", "account.json", one_kept_more))
    yield Forgery("a finding left out", 3, "clean", lambda f: f.edit("clean", "findings.jsonl", first_line_less))
    yield Forgery("a kind left out", 3, "clean", lambda f: f.edit_json("clean", "summary.json", no_secret))
    yield Forgery("no question in documents", 3, "clean", lambda f: f.edit_json("clean", "summary.json", not_leaked))
    yield Forgery("a text that was learnt from", 3, "clean", lambda f: f.edit("clean", "documents.jsonl", flip_digit))
    yield Forgery("another policy", 3, "clean", set_setting("clean", "personal_data", "report"))
    yield Forgery(
        "a file that is not accounted for", 3, "extract", lambda f: f.edit("extract", "manifest.json", shorter)
    )
    yield Forgery("a count of files", 3, "extract", lambda f: set_fact(f, "extract", "refused", 0))
    yield Forgery("a count of tokens", 3, "tokens-read", lambda f: set_fact(f, "tokens-read", "empty", 7))
    yield Forgery("another root", 3, "commitment", lambda f: set_fact(f, "commitment", "root", "ab" * 32))
    yield Forgery("another decision", 3, "clean", other_input("clean", "decisions", "", b"accept", b"refuse"))
    yield Forgery(
        "a file of the folder", 3, "extract", other_input("extract", "folder", "rooms.txt", b"seats", b"beats")
    )
    for stage in ("index-tokens-read", "index-data"):
        yield Forgery(f"a byte of {stage}", 3, stage, other_byte(stage, "suffixes-0.npy"))


def other_byte(stage: str, path: str) -> Callable[[Forger], None]:
    return lambda forger: forger.edit(stage, path, last_byte)


def kept_after_all(data: bytes) -> bytes:
    return data.replace(b'"state": "refused"', b'"state": "kept"', 1)


def one_kept_more(account: Json) -> None:
    account["counts"]["kept"] += 1


def first_line_less(data: bytes) -> bytes:
    return data.split(b"\n", 1)[1]


def no_secret(summary: Json) -> None:
    del summary["personal_data"]["findings"]["secret"]


def not_leaked(summary: Json) -> None:
    summary["contamination"]["evaluations"]["contaminated"] = 0


def shorter(data: bytes) -> bytes:
    lines = data.split(b"\n")
    return b"\n".join([*lines[:1], *lines[2:]])


def set_fact(forger: Forger, stage: str, key: str, value: Any) -> None:
    facts = forger.predicate(stage)["facts"]
    assert facts[key] != value
    facts[key] = value


def other_input(stage: str, name: str, file: str, before: bytes, after: bytes) -> Callable[[Forger], None]:
    """A source with other words in it, declared as if it had always been so."""

    def change(forger: Forger) -> None:
        place = source_path(forger, stage, name)
        path = place / file if file else place
        data = path.read_bytes()
        assert before in data
        path.write_bytes(data.replace(before, after, 1))
        digest = digest_path(place)
        records = [one for one in forger.release["sources"] if (one["stage"], one["name"]) == (stage, name)]
        old = records[0]["digest"]
        place.parent.rename(place.parent.with_name(digest[:12]))
        records[0] |= {"digest": digest, "path": f"{layout.SOURCES}/{digest[:12]}/{place.name}"}
        for said in forger.said.values():
            for record in said["predicate"]["inputs"].values():
                if record["digest"]["sha256"] == old:
                    record["digest"]["sha256"] = digest

    return change


def set_setting(stage: str, key: str, value: Any) -> Callable[[Forger], None]:
    def change(forger: Forger) -> None:
        settings = forger.settings(stage)
        assert settings.get(key) != value
        settings[key] = value

    return change


def flip_digit(data: bytes) -> bytes:
    """Another digit in the last answer: "…12" becomes "…13"."""
    place = max(data.rfind(str(digit).encode()) for digit in range(10))
    return data[:place] + str((int(data[place : place + 1]) + 1) % 10).encode() + data[place + 1 :]


def last_byte(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def spaces(data: bytes) -> bytes:
    return data + b" "


def one_more(summary: Json) -> None:
    summary["splits"]["train"]["kept"] += 1


def no_ties(record: Json) -> None:
    record["round_trip"]["tokens"] += 1


def other_source(forger: Forger) -> None:
    """Other data under the same name, declared as if they had always been these."""
    path = source_path(forger, "data", "train")
    path.write_bytes(flip_digit(path.read_bytes()))
    digest = digest_path(path)
    for one in forger.release["sources"]:
        if (one["stage"], one["name"]) == ("data", "train"):
            old, one["digest"] = one["digest"], digest
            new = path.parent.with_name(digest[:12])
            path.parent.rename(new)
            one["path"] = f"{layout.SOURCES}/{digest[:12]}/{path.name}"
    for said in forger.said.values():
        for record in said["predicate"]["inputs"].values():
            if record["digest"]["sha256"] == old:
                record["digest"]["sha256"] = digest
    for one in forger.release["sources"]:
        if one["digest"] == old:
            one["digest"], one["path"] = digest, f"{layout.SOURCES}/{digest[:12]}/{path.name}"


def edit_document(path: str) -> Callable[[Forger], None]:
    def change(forger: Forger) -> None:
        file = forger.root / layout.DOCUMENTS / path
        file.write_bytes(flip_digit(file.read_bytes()))

    return change


def edit_page(place: int) -> Callable[[Forger], None]:
    """One digit or letter of what the page shows, a tenth of the way further each time."""

    def change(forger: Forger) -> None:
        file = forger.root / layout.PAGE
        data = bytearray(file.read_bytes())
        start = len(data) * place // 10
        where = next(i for i in range(start, len(data)) if chr(data[i]).isalnum() and data[i] < 128)
        data[where] = ord("7") if data[where] != ord("7") else ord("8")
        file.write_bytes(bytes(data))

    return change


def scores(bundle: Path) -> Iterator[Forgery]:
    """What level 5 finds: scores that do not follow from the answers, answers that the model did not give."""
    yield Forgery("a better score", 5, "scores", lambda f: f.edit_json("scores", "scores.json", better))
    yield Forgery("a narrower interval", 5, "scores", lambda f: f.edit_json("scores", "scores.json", narrower))
    yield Forgery("another recommendation", 5, "scores", lambda f: f.edit_json("scores", "scores.json", recommended))
    yield Forgery("a warning less", 5, "scores", lambda f: f.edit_json("scores", "scores.json", no_warnings))
    yield Forgery(
        "a baseline that does worse", 5, "scores", lambda f: f.edit_json("scores", "scores.json", worse_baseline)
    )
    yield Forgery("another case shown", 5, "scores", lambda f: f.edit("scores", "cases.json", flip_digit))
    for subject in ("q8_0", "weights"):
        yield Forgery(f"answers of {subject} that it did not give", 5, f"predict-{subject}", right_answers(subject))


def better(found: Json) -> None:
    found["results"][0]["whole"] |= {"right": found["results"][0]["whole"]["n"], "value": 1.0}


def narrower(found: Json) -> None:
    found["results"][0]["whole"]["high"] = found["results"][0]["whole"]["value"]


def recommended(found: Json) -> None:
    found["recommendation"]["text"] = "Use the model."


def no_warnings(found: Json) -> None:
    found["warnings"] = found["warnings"][1:]


def worse_baseline(found: Json) -> None:
    row = next(row for row in found["results"] if row["subject"] == "trivial")
    row["whole"] = {**row["whole"], "right": 0, "value": 0.0, "low": 0.0, "high": 0.01}


def right_answers(subject: str) -> Callable[[Forger], None]:
    """All answers right, and the scores counted from them, as an insider would."""

    def change(forger: Forger) -> None:
        data = forger.root / layout.ARTIFACTS / "data"
        items = {one["id"]: one for one in map(json.loads, (data / "test.jsonl").read_text().splitlines())}
        path = forger.artifact(f"predict-{subject}", "test.jsonl")
        answers = [json.loads(line) for line in path.read_text().splitlines()]
        for answer in answers:
            answer |= {
                "raw": str(items[answer["id"]]["output"]),
                "output": items[answer["id"]]["output"],
                "error": None,
            }
        text = "".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n" for one in answers)
        assert text != path.read_text()
        path.write_text(text)
        inputs = {name: forger.root / layout.ARTIFACTS / name for name in forger.predicate("scores")["inputs"]}
        scoring.run(
            forger.settings("scores"), inputs, forger.root / layout.ARTIFACTS / "scores", data, lambda *_, **__: None
        )

    return change


@dataclass(frozen=True)
class Slip(Forgery):
    """A forgery of a training, found when the slice that begins after `first` steps of `stage` is taken again."""

    stage: str = "train-tune"
    first: int = 0


def replay(bundle: Path) -> Iterator[Slip]:
    """What level 4 finds: steps that were not taken as it is said, states and weights that do not follow from them."""
    for key, value in (
        ("weight_decay", 0.5),
        ("gradient_clip", 0.01),
        ("beta1", 0.5),
        ("batch_tokens", 700),
        ("z_loss", 0.01),
    ):
        yield Slip(f"another {key} than the training had", 4, "train-tune", deciding("train-tune", key, value))
    yield Slip(
        "another beta of the preference", 4, "train-prefer", deciding("train-prefer", "beta", 1.0), stage="train-prefer"
    )
    other: dict[str, Any] = {"loss": 0.1, "gradient_norm": 0.25, "batch_sha256": "b" * 64, "tokens": 3}
    for field in other:
        for step in (0, 3):
            change = set_in_log("train-tune", step, field, other[field])
            yield Slip(f"another {field} at step {step + 1}", 4, "train-tune", change, first=2 * (step // 2))
    yield Slip("a state exchanged, behind it", 4, "train-tune", other_state, first=0)
    yield Slip("a state exchanged, from it on", 4, "train-tune", other_state, first=2)
    yield Slip("released weights exchanged", 4, "train-tune", other_weights, first=2)
    yield Slip("first weights exchanged in the log", 4, "train-tune", other_beginning, first=0)
    yield Slip("a slice of another training", 4, "train-anneal-1", of_another, stage="train-anneal-1", first=0)
    yield Slip(
        "a slice of another training, from its end on", 4, "train-anneal-1", of_another, stage="train-anneal-1", first=2
    )


def deciding(stage: str, key: str, value: Any) -> Callable[[Forger], None]:
    """Another setting, and the chain of the log begun anew with it."""

    def change(forger: Forger) -> None:
        set_setting(stage, key, value)(forger)
        forger.chain_anew(stage)

    return change


def set_in_log(stage: str, step: int, field: str, value: Any) -> Callable[[Forger], None]:
    return lambda forger: forger.edit_log(stage, lambda lines: lines[step].update({field: value}))


def other_state(forger: Forger) -> None:
    """The last bit of one tensor of a kept state, named in log and statement as if it had always been so."""
    forger.edit("train-tune", "states/2.safetensors", last_byte)
    digest = chain.file_digest(forger.artifact("train-tune", "states/2.safetensors"))
    forger.predicate("train-tune")["facts"]["states"][0][chain.STATE] = digest
    forger.edit_log("train-tune", lambda lines: lines[1].update({chain.STATE: digest}))


def other_weights(forger: Forger) -> None:
    forger.edit("train-tune", "model.safetensors", last_byte)


def other_beginning(forger: Forger) -> None:
    forger.predicate("train-tune")["facts"]["first_weights_sha256"] = "d" * 64
    forger.chain_anew("train-tune")


def of_another(forger: Forger) -> None:
    """The first half of a training with another seed: its lines, its state."""
    one, other = "train-anneal-1", "train-anneal-2"
    theirs = chain.read(forger.artifact(other, chain.LOG))
    shutil.copyfile(forger.artifact(other, "states/2.safetensors"), forger.artifact(one, "states/2.safetensors"))
    forger.predicate(one)["facts"]["states"][0][chain.STATE] = theirs[1][chain.STATE]

    def halves(lines: list[Json]) -> None:
        lines[:2] = [dict(line) for line in theirs[:2]]

    forger.edit_log(one, halves)
