"""Whether a model may answer: a project of this machine, or a bundle that somebody handed over.

A project is believed for the statements of its run. A bundle is verified at levels 1 and 2 at every start, and held
against a policy (`helder.serve.policy`). Higher levels take long: `helder verify --keep` keeps its verdict, dated and
signed with this machine's key, under the digest of the release, and a policy can ask how old it is. Because levels 1
and 2 pass for the same release at every start, a kept verdict is about the same bytes.

What it does not protect against: somebody who can write into the bundle's folder while it is served.

    $HELDER_HOME/verdicts/<release>.json    the last kept verdict of a release
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from helder.certify import archive, integrity, layout, lineage
from helder.certify.opened import Bundle, keys_in
from helder.certify.verdict import Level, Result, Verdict
from helder.certify.verify import successors, verify
from helder.errors import ExitCode, HelderError
from helder.ledger import canonical, envelope, keys, statement
from helder.ledger.artifact import Artifact, write_atomic
from helder.ledger.keys import PublicKey
from helder.ledger.run_folder import Entry
from helder.ledger.statement import Statement
from helder.project import Project
from helder.serve.locate import Runs, locate
from helder.serve.policy import Demands, Policy
from helder.serve.tracing import Tracing, Why

VERDICT = "https://helder.dev/verdict/v1"
WEIGHTS = "model_parameters_final"  # the component whose licence is that of the weights


@dataclass(frozen=True)
class BundleRun:
    """The statements and artifacts of a bundle, where `locate` looks for those of a run."""

    bundle: Bundle
    way: Mapping[str, Statement]

    @property
    def root(self) -> Path:
        return self.bundle.root

    def entries(self) -> list[Entry]:
        return [Entry(self.root / layout.LEDGER, said, None) for said in self.way.values()]

    def held(self, made: Statement) -> Artifact:
        # An imported model is called in a run by what it is for there.
        stage = next(name for name, said in self.way.items() if said is made)
        return Artifact(self.bundle.folder(stage), made.digest, made.stage)


@dataclass(frozen=True)
class Admitted:
    """A model that may answer.

    Attributes:
        run: where its statements and artifacts lie.
        abstain: answers that are too unsure are withheld.
        policy: what was demanded and found.
        project: None for a bundle; bundle: None for a project.
        believed: keys that are believed of the bundle.
        format: which file answers, where the policy leaves only one; otherwise None.
    """

    run: Runs
    abstain: bool
    policy: Policy
    project: Project | None = None
    bundle: BundleRun | None = None
    believed: tuple[PublicKey, ...] = ()
    format: str | None = None

    def tracing(self) -> Tracing | Why:
        """The way back to the documents, or why there is none."""
        if self.project is not None:
            return Tracing.of_project(self.project)
        assert self.bundle is not None
        return Tracing.of_bundle(self.bundle.root, self.believed)


def is_bundle(target: Path) -> bool:
    """Whether something is a bundle, as folder or archive, and not a project."""
    return (target / layout.RELEASE).exists() or (target.is_file() and target.suffix != ".toml")


@contextmanager
def admit(target: Path, policy: Path | None = None, format: str | None = None) -> Iterator[Admitted]:
    """Let a model in, or refuse it by name.

    Args:
        target: a project's folder or recipe; or a bundle's folder or archive, which is unpacked for as long as this
            lasts.
        policy: policy.toml; None for signature and levels 1 and 2.
        format: which file is to answer.

    Raises:
        HelderError: code 5, a demand is not met; code 3 or 4, the bundle does not verify.
    """
    if not is_bundle(target):
        if policy is not None:
            raise HelderError(
                f"{target} is a project, and a policy is held against a bundle.",
                "A project has no verdict of a verification, and its data and rooms are this machine's own.",
                f"helder certify {target}, and serve the bundle.",
                ExitCode.REFUSED,
            )
        project = Project.open(target)
        trust = project.recipe.trust
        run = project.run_folder
        yield Admitted(run, trust is not None and trust.abstain, Policy(seal=_seal(run)), project)
        return
    demands = Demands() if policy is None else Demands.load(policy)
    with ExitStack() as stack:
        root = stack.enter_context(_folder(target))
        believed = _believed(root, demands)
        yield _admitted(root, demands, believed, format)


def keep(verdict: Verdict, now: datetime | None = None) -> Path:
    """Keep a verdict, signed with this machine's key.

    Raises:
        HelderError: the bundle could not be read, so that there is nothing to speak of.
    """
    if verdict.release is None:
        raise HelderError(f"{verdict.path} has no release that can be read: there is no verdict to keep.")
    said: dict[str, Any] = {
        "_type": statement.STATEMENT_TYPE,
        "subject": [{"name": verdict.name, "digest": {"sha256": verdict.release}}],
        "predicateType": VERDICT,
        "predicate": {
            "at": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
            "result": verdict.result.value,
            "levels": {str(level.number): level.result.value for level in verdict.levels},
            "signers": [{"key": signer.id, "known": signer.known} for signer in verdict.signers],
        },
    }
    path = _kept(verdict.release)
    write_atomic(path, envelope.seal(canonical.dumps(said), statement.PAYLOAD_TYPE, [keys.signing_key()]))
    return path


@dataclass(frozen=True)
class Kept:
    """The last kept verdict of a release: when, and which levels passed."""

    at: datetime
    passed: tuple[int, ...]

    def reaches(self, level: int) -> bool:
        return all(number in self.passed for number in range(1, level + 1))


def last(release: str) -> Kept | None:
    """The kept verdict of a release, if there is one.

    Raises:
        HelderError: code 3, it is damaged, or not signed with this machine's key.
    """
    path = _kept(release)
    if not path.exists():
        return None
    own = [key.public for key in keys.own_keys().values()]
    said = statement.open_statement(layout.read(path, 1 << 20), own, VERDICT, f"The verdict {path}")
    if said.digest != release:
        raise HelderError(f"The verdict {path} is about another release.", fix="Remove it.", code=ExitCode.FAILED)
    try:
        at = datetime.fromisoformat(said.predicate["at"])
        levels = said.predicate["levels"]
        return Kept(at, tuple(int(number) for number, result in levels.items() if result == Result.PASSED.value))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise HelderError(f"The verdict {path} cannot be understood.", str(error), "Remove it.") from error


# -- a bundle and its demands ------------------------------------------------------------------------------------------


def _admitted(root: Path, demands: Demands, believed: Sequence[PublicKey], format: str | None) -> Admitted:
    verdict = verify(root, level=2, trusted=believed)
    for level, finding in verdict.problems():
        if level.number <= 2:
            raise HelderError(
                f"{root.name} may not answer: {level.name} has not passed.",
                f"{finding.place}: {finding.what}",
                "helder verify says all. A key that you know otherwise: helder key trust, or trusted_keys of a policy.",
                ExitCode.REFUSED,
            )
    assert verdict.release is not None
    assert verdict.facts is not None
    assert verdict.openness is not None
    bundle, way = _read(root, believed)
    run = BundleRun(bundle, way)
    found, formats = _held(verdict, demands, run, format)
    certificate = {
        "release": verdict.release,
        "name": verdict.name,
        "audience": verdict.predicate.get("audience"),
        "signers": [{"key": signer.id, "known": signer.known} for signer in verdict.signers],
        "levels": found["levels"],
        "openness": {key: verdict.openness[key]["class"] for key in ("declared", "proven", "whole")},
        "licence": found["licence"],
        "withheld": verdict.level(1).facts.get("withheld"),
    }
    trust = way.get("trust")
    abstain = trust is not None and bool(trust.predicate["settings"].get("abstain"))
    policy = Policy(demands.model_dump(exclude_none=True), found, certificate, found["seal"])
    return Admitted(run, abstain, policy, bundle=run, believed=tuple(believed), format=formats)


def _held(verdict: Verdict, demands: Demands, run: BundleRun, format: str | None) -> tuple[dict[str, Any], str | None]:
    """What was found of each demand, and the format that is left; the first demand that is not met is told."""
    assert verdict.release is not None
    assert verdict.facts is not None
    assert verdict.openness is not None
    name = verdict.name
    known = [signer.id for signer in verdict.signers if signer.known]
    if demands.trusted_keys is not None and not set(known) & set(demands.trusted_keys):
        raise _refused(name, "it is signed by none of the keys that the policy names", f"It is signed by {known}.")
    if len(known) < demands.signers:
        raise _refused(
            name,
            f"the policy demands {demands.signers} signatures",
            f"It has {len(known)} of keys that are believed.",
            "Have others sign it: helder sign",
        )
    levels, at = _levels(verdict, demands)
    proven = int(verdict.openness["proven"]["class"])
    if demands.openness is not None and not 0 < proven <= demands.openness:
        missing = ", ".join(verdict.openness["proven"]["missing"]) or "nothing"
        raise _refused(
            name,
            f"the policy demands class {demands.openness} of openness",
            f"Proven is class {proven or 'none'}; the next one lacks: {missing}.",
        )
    components = {one["id"]: one for one in verdict.openness["components"]}
    licence = components[WEIGHTS]["licence"]
    if demands.licences is not None and licence not in demands.licences:
        raise _refused(
            name,
            f"its weights are under {licence or 'no licence that anybody stated'}",
            f"The policy allows {', '.join(demands.licences)}.",
        )
    seal = int(verdict.facts["seal"]["value"] or 0)
    if seal < demands.seal:
        raise _refused(
            name,
            f"the policy demands rooms of level {demands.seal}",
            f"At least one stage was made at level {seal}: {verdict.facts['seal']['source']}.",
            "Have it made where rooms can be closed: helder doctor says whether they can.",
        )
    found = {
        "levels": levels,
        "verified_at": at,
        "openness": proven,
        "licence": licence,
        "seal": seal,
        "signers": known,
    }
    return found, _format(name, demands, run, format)


def _levels(verdict: Verdict, demands: Demands) -> tuple[list[int], str]:
    """Which levels have passed, and when that of the highest was found."""
    assert verdict.release is not None
    now = datetime.now(UTC)
    if demands.min_level <= 2 and demands.max_age_days is None:
        return [1, 2], now.isoformat(timespec="seconds")
    kept = last(verdict.release)
    again = f"helder verify BUNDLE --level {demands.min_level} --keep"
    if kept is None or not kept.reaches(demands.min_level):
        passed = "none" if kept is None else f"levels {', '.join(map(str, kept.passed)) or 'none'}"
        why = f"Of this release this machine has kept: {passed}."
        raise _refused(verdict.name, f"the policy demands that levels 1 to {demands.min_level} passed", why, again)
    age = now - kept.at
    if age < -timedelta(days=1):
        raise _refused(verdict.name, f"its verdict is of {kept.at}, which is to come", "A clock is wrong.", again)
    if demands.max_age_days is not None and age > timedelta(days=demands.max_age_days):
        why = f"The last verification is of {kept.at:%Y-%m-%d}, {age.days} days ago."
        raise _refused(verdict.name, f"the policy allows {demands.max_age_days} days", why, again)
    return sorted(kept.passed), kept.at.isoformat(timespec="seconds")


def _format(name: str, demands: Demands, run: BundleRun, format: str | None) -> str | None:
    """The format to serve: as asked for, or the one that the policy leaves."""
    if demands.formats is None:
        return format
    chosen = format or locate(run).format
    if chosen in demands.formats:
        return chosen
    if format is not None:
        raise _refused(name, f"the policy does not allow the format {format}", f"It allows {demands.formats}.")
    made = next(said for stage, said in run.way.items() if stage == "files")
    paths = [str(entry["path"]) for entry in made.predicate["outputs"]]
    there = [path.removeprefix("model-").removesuffix(".gguf") for path in paths if path.endswith(".gguf")]
    left = [one for one in demands.formats if one in there]
    if not left:
        raise _refused(name, "it has no file in a format that the policy allows", f"It has {', '.join(there)}.")
    return left[0]


def _read(root: Path, believed: Sequence[PublicKey]) -> tuple[Bundle, dict[str, Statement]]:
    """A bundle that has just passed levels 1 and 2."""
    level = Level(1)
    bundle, signers = integrity.open_bundle(root, believed, level)
    if bundle is None:
        raise HelderError(f"{root} changed while it was read.", code=ExitCode.FAILED)
    known = [*believed, *(key for key in keys_in(root) if key.id in {signer.id for signer in signers})]
    return bundle, lineage.read_statements(bundle, [*known, *successors(root, known, level)], level)


def _believed(root: Path, demands: Demands) -> list[PublicKey]:
    """The keys of this machine and those it trusts, and those that the policy names by their whole ids."""
    named = set(demands.trusted_keys or ())
    return [*keys.believed(), *(key for key in keys_in(root) if key.id in named)]


@contextmanager
def _folder(target: Path) -> Iterator[Path]:
    if target.is_symlink():
        raise HelderError(f"{target} is a link.", "What it leads to can change.", "Name the folder.", ExitCode.REFUSED)
    if target.is_dir():
        yield target
        return
    with TemporaryDirectory(prefix="helder-bundle-") as temporary:
        root = Path(temporary) / target.stem
        archive.unpack(target, root)
        yield root


def _seal(run: Runs) -> int | None:
    """The least closed room in which a stage of a run was made, by the newest statement of each stage."""
    said = [entry.statement for entry in run.entries() if entry.statement]
    return min({one.stage: int(one.predicate["seal"].get("level") or 0) for one in said}.values(), default=None)


def _kept(release: str) -> Path:
    return keys.helder_home() / "verdicts" / f"{release}.json"


def _refused(name: str, because: str, why: str, fix: str = "Ask its makers, or change the policy.") -> HelderError:
    return HelderError(f"{name} may not answer: {because}.", why, fix, ExitCode.REFUSED)
