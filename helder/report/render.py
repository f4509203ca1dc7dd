"""The report of a run: one HTML file that shows what the ledger and the artifacts say, and adds nothing.

It opens without a network and without a script. It is a view, not evidence: every number in it stands in an artifact or
a statement. Text from data and models is escaped; the page may load nothing from anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helder.commands.talk import duration, size
from helder.evaluate.measure import beside, score_at
from helder.ledger.artifact import write_atomic
from helder.ledger.statement import Statement
from helder.report import charts
from helder.sealed import room

if TYPE_CHECKING:
    import jinja2

    from helder.project import Project

Share = Mapping[str, Any]
OBJECTIVES = {
    "answers": "to answer questions",
    "text": "to go on with documents",
    "preference": "to prefer the better of two answers",
    "reward": "from a verifier's rewards for its own answers",
    "distil": "from a larger model",
}
# Settings that count only where another setting has this value; elsewhere they are not shown.
ONLY = {
    **dict.fromkeys(("beta", "length_normalised"), ("objective", "preference")),
    **dict.fromkeys(
        ("group", "answer_tokens", "temperature", "kl", "clip", "reuse", "verifier"), ("objective", "reward")
    ),
    **dict.fromkeys(("teacher_share", "teacher_temperature"), ("objective", "distil")),
    **dict.fromkeys(("lora_rank", "lora_alpha"), ("method", "lora")),
    "upper": ("method", "upper"),
    "muon_learning_rate": ("optimizer", "muon"),
}
FEW = 6  # examples that are shown without being asked for


def render(project: Project) -> Path:
    """Write the report of a finished run.

    Returns:
        The file, `run/report.html`.

    Raises:
        HelderError: a stage is not done.
    """
    from helder import pipeline
    from helder.evaluate import contaminated

    places = {name: artifact.path for name, artifact in pipeline.made(project).items()}
    scores = _json(places["scores"] / "scores.json")
    found = contaminated.told(project, places, scores)
    first = contaminated.sentences(project, found, scores)
    text = page(project.recipe.purpose, places, pipeline.statements(project), first)
    write_atomic(project.report, text.encode("utf-8"))
    return project.report


def page(
    purpose: str, places: Mapping[str, Path], statements: Mapping[str, Statement], contamination: Sequence[str] = ()
) -> str:
    """The text of the page.

    Args:
        purpose: what the model is for.
        places: stage → folder of its artifact.
        statements: stage → who says so.
        contamination: sentences that stand before any score, see `helder.evaluate.contaminated`.
    """
    from markupsafe import Markup

    environment = template_environment()
    environment.filters |= {
        "value": lambda value: "–" if value is None else json.dumps(value, ensure_ascii=False),
        "at": score_at,
        "compact": lambda value: value if isinstance(value, str) else json.dumps(stated(value), ensure_ascii=False),
    }
    template = environment.from_string(packaged("template.html"))
    scores = _json(places["scores"] / "scores.json")
    files = _json(places["files"] / "files.json")
    main_set = scores["test_sets"][0]["name"]
    titles = {subject["name"]: subject["title"] for subject in scores["subjects"]}
    return template.render(
        style=Markup(packaged("style.css")),
        name=scores["task"]["name"],
        purpose=purpose,
        scores=scores,
        cases=_json(places["scores"] / "cases.json"),
        contamination=contamination,
        beside=beside(scores),
        titles=titles,
        main_comparisons=[
            one
            for one in scores["comparisons"]
            if one["test_set"] == main_set and one["measure"] == scores["main_measure"]
        ],
        tiles=_tiles(scores, main_set, files, statements),
        trainings=[
            {
                "name": name,
                "learns": OBJECTIVES[statements[name].predicate["settings"]["objective"]],
                "curve": Markup(_curve(places[name])),
                "rows": _training(statements[name]),
            }
            for name in _trainings(statements)
        ],
        few=FEW,
        trust=_trust(places, titles, main_set),
        origin=_origin(places, statements),
        summary=(places["data"] / "summary.json").read_text(encoding="utf-8"),
        files=_files(files, scores, main_set, statements),
        trip=files["round_trip"],
        unknown=_unknown(_json(places["base"] / "source.json"), statements),
        stages=[_stage(name, statement) for name, statement in statements.items()],
        energy_how=statements["train"].predicate["timings"]["energy"]["how"],
    )


def template_environment() -> jinja2.Environment:
    """What the pages of this folder are filled in with: everything escaped, nothing missing, shares drawn as bars."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"percent": percent, "interval": interval, "bar": lambda share: Markup(bar(share))}
    return environment


def packaged(name: str) -> str:
    """A file that lies beside this module."""
    return (resources.files("helder.report") / name).read_text(encoding="utf-8")


def percent(share: Share | None) -> str:
    """0.8375 → "83.8 %"."""
    return "–" if share is None or share["value"] is None else f"{100 * share['value']:.1f} %"


def interval(share: Share | None) -> str:
    """The interval of a share, "79.8 – 87.1"."""
    return "–" if share is None or share["low"] is None else f"{100 * share['low']:.1f} – {100 * share['high']:.1f}"


def bar(share: Share | None) -> str:
    """A share as a picture."""
    if share is None or share["value"] is None:
        return ""
    return charts.interval_bar(share["value"], share["low"], share["high"])


def stated(value: Any) -> Any:
    """A record without the fields that say nothing."""
    if isinstance(value, list):
        return [stated(item) for item in value]
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if item is not None and item is not False}
    return value


def _trainings(statements: Mapping[str, Statement]) -> list[str]:
    """The stages that train, in their order."""
    return [name for name in statements if name == "train" or name.startswith("train-")]


def _tiles(
    scores: Mapping[str, Any], main_set: str, files: Mapping[str, Any], statements: Mapping[str, Statement]
) -> list[tuple[str, str, str]]:
    model = scores["recommendation"]["model"] or "weights"
    row = next(row for row in scores["results"] if row["subject"] == model and row["test_set"] == main_set)
    smallest = min(files["files"].values(), key=lambda file: file["bytes"])
    facts, trainings = statements["train"].facts, [statements[name].facts for name in _trainings(statements)]
    if len(trainings) > 1:
        learnt = ("trainings", str(len(trainings)), f"{sum(each['steps'] for each in trainings):,} steps in all")
    else:
        seen = f"{facts['examples_seen']:,}"
        learnt = ("examples seen", seen, f"of {facts['examples']:,}, {facts['steps']:,} steps")
    seconds = sum(statement.predicate["timings"]["seconds"] for statement in statements.values())
    return [
        (f"right, {main_set}", percent(row["whole"]), f"{interval(row['whole'])}, {model}"),
        learnt,
        ("smallest file", size(smallest["bytes"]), smallest["format"]),
        ("all stages", duration(seconds), "on this machine"),
    ]


def _curve(folder: Path) -> str:
    """How a training went: the rewards of answers where there are any, else the loss."""
    steps, looks = (
        [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        for name in ("log.jsonl", "evaluation.jsonl")
    )
    measure = "reward" if "reward" in steps[0] else "loss"
    return charts.curve(
        measure,
        [(int(line["step"]), float(line[measure])) for line in steps],
        [(int(line["step"]), float(line[measure])) for line in looks],
    )


def _training(statement: Statement) -> list[tuple[str, str]]:
    settings, facts = statement.predicate["settings"], statement.facts
    rows = [
        ("learnt", OBJECTIVES[settings["objective"]]),
        ("method", settings["method"]),
        ("steps", str(facts["steps"])),
        ("trained parameters", f"{facts['trained_parameters']:,} of {facts['parameters']:,}"),
        ("tokens in the last attempt", f"{facts['tokens']:,}"),
        ("tokens per CPU-second", f"{facts['tokens_per_cpu_second']:.0f}"),
        ("examples too long, left out", str(len(facts["too_long"]))),
        ("states kept, to take slices again", str(len(facts.get("states", ())))),
    ]
    skipped = {"objective", "method", "steps", "epochs", "tokens", "states"}
    skipped |= {key for key, (other, value) in ONLY.items() if settings.get(other) != value}
    return rows + [(key.replace("_", " "), str(value)) for key, value in settings.items() if key not in skipped]


SURE = {
    "whole": "the probability that it gives to the whole answer",
    "mean": "the geometric mean of the probabilities of the answer's tokens",
    "least": "the probability of the token of the answer that it was least sure of",
}


def _trust(places: Mapping[str, Path], titles: Mapping[str, str], main_set: str) -> dict[str, Any] | None:
    """What the trust stage found, with the pictures of the subject that answers; None where it was not asked for."""
    from markupsafe import Markup

    from helder.evaluate.trust import told

    trust = told.read(places)
    if trust is None:
        return None
    served = trust["served"]
    name, pictures = titles.get(served, served), []
    for one in trust["calibration"]:
        if (one["subject"], one["test_set"]) == (served, main_set) and one["n"]:
            caption = (
                f"{name} on {main_set}: share right for each confidence. Calibrated answers lie on the dashed line."
            )
            pictures.append((Markup(charts.reliability(one["bins"], caption)), caption))
    for of in (of for one in trust["selective"] if one["subject"] == served for of in one["test_sets"]):
        if of["test_set"] == main_set and of["curve"]:
            at = of["at"] if of["at"] is not None and of["at"]["risk"]["n"] else None
            chosen = None if at is None else (at["coverage"]["value"], at["risk"]["rate"])
            caption = f"{name} on {main_set}: how many are wrong when only the surest answers are given; dashed: "
            caption += f"{trust['risk']:g}" + ("." if chosen is None else "; the dot: the threshold that was chosen.")
            points = [(coverage, risk) for coverage, risk in of["curve"]]
            pictures.append((Markup(charts.risk_coverage(points, trust["risk"], chosen, caption)), caption))
    return {
        "how": SURE[trust["score"]],
        "confidence": trust["confidence"],
        "pictures": pictures,
        "sentences": told.sentences(trust, titles),
        "abstain": trust["abstention"]["abstain"],
        "say": trust["say"],
    }


def _origin(places: Mapping[str, Path], statements: Mapping[str, Statement]) -> list[tuple[str, str]]:
    source = _json(places["base"] / "source.json")
    if source.get("kind") == "scratch":
        made = f"{source['size']}, {source['parameters']:,} parameters with this tokenizer"
        rows = [
            ("base model", f"none: made from nothing in the form of {made}"),
            ("its first weights", f"drawn from seed {source['seed']}: {source['sha256']}"),
        ]
    else:
        rows = [
            ("base model", source["title"]),
            ("its licence", source["licence"] or "not stated"),
            ("its file", f"{source['sha256']} {source['note']}"),
        ]
    rows.append(("data licence", str(statements["data"].predicate["settings"].get("licence", "unknown"))))
    texts = {
        (entry["name"], entry["digest"]["sha256"])
        for name in statements
        if name.startswith(("tokens-", "train"))
        for known_as, entry in statements[name].predicate["inputs"].items()
        if known_as.startswith("text" if name.startswith("tokens-") else "pairs")
    }
    rows += [(f"learnt from: {name}", digest) for name, digest in sorted(texts)]
    inputs = statements["data"].predicate["inputs"]
    return rows + [(f"data: {name}", f"{entry['name']}, {entry['digest']['sha256']}") for name, entry in inputs.items()]


def _files(
    files: Mapping[str, Any], scores: Mapping[str, Any], main_set: str, statements: Mapping[str, Statement]
) -> list[dict[str, str]]:
    lost = {
        one["subject"]: f"{one['points_lost']:+.1f} ({one['low']:+.1f} – {one['high']:+.1f})"
        for one in scores["compression"]
        if one["test_set"] == main_set and one["measure"] == scores["main_measure"]
    }
    rows = []
    for name, file in files["files"].items():
        made = statements.get(f"predict-{file['format']}")
        asked = sum(row["n"] for row in scores["results"] if row["subject"] == file["format"])
        speed = f"{asked / made.predicate['timings']['seconds']:.1f}" if made else "–"
        rows.append(
            {
                "name": name,
                "size": size(file["bytes"]),
                "speed": speed,
                "lost": lost.get(file["format"], "–"),
                "sha256": file["sha256"],
            }
        )
    return rows


def _unknown(source: Mapping[str, Any], statements: Mapping[str, Statement]) -> list[str]:
    sentences = [
        "Whether the data are right, and whether the work to come looks like the test set.",
    ]
    if source.get("kind") != "scratch":
        sentences.append(f"How the base model {source['title']} was trained: only its file is known, by digest.")
    if source["quantised"]:
        sentences.append(f"What the base model lost when it was quantised ({', '.join(source['quantised'])}) before.")
    level = min(statement.predicate["seal"]["level"] for statement in statements.values())
    if level in room.LEFT_OPEN:
        sentences.append(f"That a stage saw nothing but its inputs: {room.LEFT_OPEN[level]}.")
    if level == 0:
        sentences.append("That a stage read nothing but its inputs: the room was not closed (seal level 0).")
    sentences.append("Whether another class of processor gives the same weights.")
    return sentences


def _stage(name: str, statement: Statement) -> dict[str, str]:
    timings = statement.predicate["timings"]
    return {
        "name": name,
        "digest": statement.digest,
        "time": duration(timings["seconds"]),
        "memory": size(timings["peak_memory"]),
        "energy": f"{timings['energy']['joules'] / 3600:.2f} Wh",
    }


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
