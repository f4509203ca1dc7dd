from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from helder.errors import ExitCode, HelderError
from helder.ledger import keys, predicates, statement
from helder.ledger.artifact import Artifact, manifest
from helder.ledger.run_folder import RunFolder
from helder.stage import Stage, run
from tests.serve import finished, tiny

DIGEST = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a stage that really ran says."""
    root = tmp_path_factory.mktemp("stage")
    (root / "words.txt").write_text("one two", encoding="utf-8")
    made = Stage(
        "words",
        "tests.fake_stages:copy",
        {"seed": 7, "rate": 0.5},
        {"text": Artifact.of(root / "words.txt", "words.txt")},
        environment={"OMP_NUM_THREADS": "1"},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDER_HOME", str(root / "home"))
        run(made, RunFolder(root / "run"), lambda event: None)
        [entry] = RunFolder(root / "run").entries()
    assert entry.statement is not None
    return json.loads(json.dumps(entry.statement.payload))


def release() -> dict[str, Any]:
    def file(path: str) -> dict[str, Any]:
        return {"path": path, "size": 3, "sha256": DIGEST}

    return {
        "_type": statement.STATEMENT_TYPE,
        "subject": [{"name": "doses", "digest": {"sha256": DIGEST}}],
        "predicateType": predicates.RELEASE,
        "predicate": {
            "name": "doses",
            "purpose": "Turn a dose instruction into a record.",
            "version": "1",
            "made": "2026-11-25T10:00:00Z",
            "audience": "public",
            "model": "train",
            "files": [file("artifacts/train/config.json"), file("ledger/001-data.json")],
            "withheld": [{**file("sources/train/train.jsonl"), "why": "patients' words"}],
            "ledger": [
                {"file": "ledger/001-data.json", "sha256": DIGEST, "stage": "data", "digest": DIGEST, "role": "way"}
            ],
            "sources": [
                {
                    "name": "train", "kind": "file", "digest": DIGEST, "stage": "data", "licence": None,
                    "path": "sources/train/train.jsonl",
                }
            ],
            "people": {"contact": "someone@example.org"},
            "ends": ["scores"],
            "licences": [{"path": "licences/LICENSE", "licences": ["CC0-1.0"]}],
            "previous": None,
            "helder": {"helder": "0.1.0", "sha256": DIGEST},
        },
    }  # fmt: skip


def certificate() -> dict[str, Any]:
    return {
        "_type": statement.STATEMENT_TYPE,
        "subject": [{"name": "certificate.html", "digest": {"sha256": DIGEST}}],
        "predicateType": predicates.CERTIFICATE,
        "predicate": {"page": DIGEST, "release": "f" * 64, "signers": [DIGEST]},
    }


def rotation() -> dict[str, Any]:
    old, new = keys.SigningKey.generate().public, keys.SigningKey.generate().public
    return keys.rotation_statement(old, new, "planned")


def test_what_a_stage_says_is_accepted(stage: dict[str, Any]) -> None:
    predicates.validate(stage)
    predicates.validate(statement.Statement(stage))


@pytest.mark.parametrize("make", [release, certificate, rotation])
def test_other_statements_are_accepted(make: Callable[[], dict[str, Any]]) -> None:
    predicates.validate(make())


def test_statements_of_runs_made_for_tests_are_accepted(tmp_path: Path) -> None:
    """Whoever writes tests of a certificate starts from these."""
    (tmp_path / "tiny").mkdir()
    project = finished.make(tmp_path / "project", tiny.make(tmp_path / "tiny"))
    entries = RunFolder(project / "run").entries()
    assert len(entries) == 3
    for entry in entries:
        assert entry.statement is not None
        predicates.validate(entry.statement, entry.path.name)


def test_a_folder_that_a_stage_made_agrees_with_its_subject(stage: dict[str, Any]) -> None:
    stage = json.loads(json.dumps(stage))
    stage["predicate"]["outputs"][0]["size"] += 1
    refused(stage, "`subject`")


def change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def apply(said: dict[str, Any]) -> None:
        *way, last = path.split(".")
        inner: Any = said
        for name in way:
            inner = inner[int(name) if name.isdigit() else name]
        if value is None:
            del inner[last]
        else:
            inner[last] = value

    return apply


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("note", "x", "there is no field `note`"),
        ("subject", None, "the field `subject` is missing"),
        ("subject", [], "`subject`"),
        ("subject.0.name", None, "the field `subject[0].name` is missing"),
        ("subject.0.digest.md5", "x", "there is no field `subject[0].digest.md5`"),
        ("_type", "https://in-toto.io/Statement/v2", "`_type`"),
        ("predicate.note", "x", "there is no field `predicate.note`"),
        ("predicate.a b", "x", "there is no field `predicate.'a b'`"),
        ("predicate.seed", None, "the field `predicate.seed` is missing"),
        ("predicate.seed", 8, "the seed is 8, and 7 among the settings"),
        ("predicate.timings.energy.watts", 1, "there is no field `predicate.timings.energy.watts`"),
        ("predicate.timings.energy.joules", -1.0, "`predicate.timings.energy.joules`"),
        ("predicate.timings.started", "2026-13-01T00:00:00Z", "`predicate.timings.started`"),
        ("predicate.timings.seconds", "1", "`predicate.timings.seconds`"),
        ("predicate.outputs.0.path", "../out", "`predicate.outputs[0].path`"),
        ("predicate.outputs.0.path", "/out", "`predicate.outputs[0].path`"),
        ("predicate.outputs.0.path", "a\\..\\b", "`predicate.outputs[0].path`"),
        ("predicate.outputs.0.size", True, "`predicate.outputs[0].size`"),
        ("predicate.outputs.0.sha256", DIGEST.upper(), "`predicate.outputs[0].sha256`"),
        ("predicate.inputs.text.kind", "link", "`predicate.inputs.text.kind`"),
        ("predicate.seal.level", 0.5, "`predicate.seal.level`"),
        ("predicate", [], "`predicate`"),
    ],
)
def test_what_is_wrong_in_a_stage_is_named_with_its_place(
    stage: dict[str, Any], path: str, value: Any, told: str
) -> None:
    said = json.loads(json.dumps(stage))
    change(path, value)(said)
    refused(said, told)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("predicate.model", None, "the field `predicate.model` is missing"),
        ("predicate.made", "2026-11-25T10:00:00+01:00", "`predicate.made`"),
        ("predicate.audience", "everybody", "`predicate.audience`"),
        ("predicate.files.1.path", "artifacts/train/config.json", "names a path twice"),
        ("predicate.files.1.path", "a", "not sorted by path"),
        ("predicate.files.1.path", "sources/train/train.jsonl", "both among the files and withheld"),
        ("predicate.withheld.0.why", "", "`predicate.withheld[0].why`"),
        ("predicate.ledger.0.role", "main", "`predicate.ledger[0].role`"),
        ("predicate.sources.0.path", "", "`predicate.sources[0].path`"),
        ("predicate.sources.0.licence", None, "the field `predicate.sources[0].licence` is missing"),
        ("predicate.helder.date", "x", "there is no field `predicate.helder.date`"),
    ],
)
def test_what_is_wrong_in_a_release_is_named_with_its_place(path: str, value: Any, told: str) -> None:
    said = release()
    change(path, value)(said)
    refused(said, told)


@pytest.mark.parametrize(
    ("make", "path", "value", "told"),
    [
        (certificate, "predicate.page", "1" * 64, "`subject`"),
        (rotation, "predicate.new", DIGEST, "`pem` is another key than `new`"),
        (rotation, "predicate.pem", "x", "`predicate.pem`"),
        (rotation, "predicate.pem", "é", "`predicate.pem`"),
        (rotation, "subject.0.digest.sha256", DIGEST, "`subject`"),
    ],
)
def test_a_statement_that_contradicts_itself_is_refused(
    make: Callable[[], dict[str, Any]], path: str, value: Any, told: str
) -> None:
    said = make()
    change(path, value)(said)
    refused(said, told)


def test_of_many_problems_the_first_are_told() -> None:
    said = release()
    said["predicate"]["files"] = [{"path": "x"}] * 20
    refused(said, "and 35 more")


def test_a_kind_that_is_not_known_could_not_be_checked() -> None:
    said = {**certificate(), "predicateType": "https://helder.dev/stage/v2"}
    with pytest.raises(HelderError) as caught:
        predicates.validate(said)
    assert caught.value.code == ExitCode.UNCHECKED


@pytest.mark.parametrize("payload", [b"", b"1", b"[" * 100_000, b'{"a": 1, "a": 2}', b"{}"])
def test_bytes_that_are_no_statement_are_refused(payload: bytes) -> None:
    with pytest.raises(HelderError) as caught:
        predicates.read(payload, predicates.RELEASE)
    assert caught.value.code == ExitCode.FAILED


def test_bytes_of_another_kind_are_refused() -> None:
    payload = json.dumps(certificate()).encode()
    assert predicates.read(payload, predicates.CERTIFICATE) == certificate()
    with pytest.raises(HelderError, match="form"):
        predicates.read(payload, predicates.RELEASE)


def refused(said: dict[str, Any], told: str) -> None:
    with pytest.raises(HelderError) as caught:
        predicates.validate(said, "That")
    assert caught.value.code == ExitCode.FAILED
    assert caught.value.what == "That does not have the form of its kind."
    assert told in caught.value.why.replace("There is", "there is").replace("The field", "the field")


# -- schemas ----------------------------------------------------------------------------------------------------


def test_the_shipped_schemas_are_the_generated_ones() -> None:
    folder = Path(predicates.__file__).with_name("schemas")
    generated = predicates.json_schemas()
    shipped = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.iterdir())}
    assert shipped == generated, (
        "run: python -c 'import json, pathlib; from helder.ledger import predicates\n"
        'for name, schema in predicates.json_schemas().items(): pathlib.Path("helder/ledger/schemas", name)'
        '.write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\\n", encoding="utf-8")\''
    )


def test_every_field_has_its_sentence_in_the_schemas() -> None:
    def check(schema: dict[str, Any], where: str) -> None:
        for name, field in schema.get("properties", {}).items():
            # A part is explained where it is defined.
            assert "$ref" in field or field.get("description", "").endswith("."), f"{where}.{name}"
        assert schema.get("additionalProperties") is False or "properties" not in schema, where

    for file, schema in predicates.json_schemas().items():
        check(schema, file)
        for name, definition in schema.get("$defs", {}).items():
            check(definition, f"{file}:{name}")


def test_the_schemas_accept_and_refuse_what_the_models_do(stage: dict[str, Any]) -> None:
    for said in (stage, release(), certificate(), rotation()):
        [schema] = [one for one in predicates.json_schemas().values() if one["$id"] == said["predicateType"]]
        checker = jsonschema.Draft202012Validator(schema)
        checker.validate(said["predicate"])
        assert not checker.is_valid({**said["predicate"], "note": 1})


# -- SLSA -------------------------------------------------------------------------------------------------------


def test_a_stage_is_told_as_slsa_provenance(stage: dict[str, Any]) -> None:
    told = predicates.slsa(stage)
    assert (told["_type"], told["predicateType"]) == (statement.STATEMENT_TYPE, "https://slsa.dev/provenance/v1")
    said = stage["predicate"]
    assert told["subject"][0] == stage["subject"][0]
    assert told["subject"][1:] == [
        {"name": f"words/{file['path']}", "digest": {"sha256": file["sha256"]}} for file in said["outputs"]
    ]
    definition, details = told["predicate"]["buildDefinition"], told["predicate"]["runDetails"]
    assert definition["buildType"] == "https://helder.dev/stage/v1"
    assert definition["externalParameters"]["settings"] == {"seed": 7, "rate": 0.5}
    # The specification: no field name in both.
    assert not set(definition["externalParameters"]) & set(definition["internalParameters"])
    digests = [one["digest"]["sha256"] for one in definition["resolvedDependencies"]]
    assert digests == [said["inputs"]["text"]["digest"]["sha256"], said["code"]["sha256"]]
    assert details["builder"]["id"] == f"https://helder.dev/builder/v1/seal-{said['seal']['level']}"
    assert details["metadata"]["invocationId"] == said["key"]
    assert details["metadata"]["startedOn"].endswith("Z")
    assert details["metadata"]["startedOn"] <= details["metadata"]["finishedOn"]
    assert predicates.slsa(stage) == told


def test_the_provenance_has_the_fields_and_types_of_the_specification(stage: dict[str, Any]) -> None:
    """Parsed by the messages that the in-toto project publishes; fields that are not theirs would be refused."""
    reason = "in-toto-attestation is not installed"
    theirs = pytest.importorskip("in_toto_attestation.predicates.provenance.v1.provenance_pb2", reason=reason)
    from google.protobuf import json_format
    from in_toto_attestation.v1 import statement_pb2

    told = predicates.slsa(stage)
    json_format.ParseDict(told, statement_pb2.Statement())
    parsed = json_format.ParseDict(told["predicate"], theirs.Provenance())
    assert json_format.MessageToDict(parsed) == told["predicate"]


def test_only_a_stage_is_told_as_slsa_provenance() -> None:
    with pytest.raises(HelderError, match="form of its kind"):
        predicates.slsa(release())


def test_the_environment_of_a_stage_without_a_beginning_is_told_without_times(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_bytes(b"a")
    built = statement.build(
        name="data", version=1, function="m:f", key="k", settings={}, inputs={}, outputs=manifest(tmp_path / "out"),
        environment_record={}, timings={}, facts={}, seal_level=0,
    )  # fmt: skip
    assert predicates.slsa(built)["predicate"]["runDetails"]["metadata"] == {"invocationId": "k"}
    built["predicate"]["timings"] = {"started": "9999-12-31T23:59:59Z", "seconds": 9.0}
    refused_by_slsa = pytest.raises(HelderError, match="form of its kind")
    with refused_by_slsa:
        predicates.slsa(built)
