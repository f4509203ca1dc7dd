"""What the page shows, section by section, taken from the evidence and put into words of all languages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from helder.certify.document_facts import SAID, STATES
from helder.certify.evidence import Evidence, Fact
from helder.certify.page import lineage, texts
from helder.certify.page.texts import (
    Capital,
    Duration,
    Joined,
    Listed,
    Moment,
    Number,
    Power,
    Spoken,
    energy,
    percent,
    say,
    size,
)
from helder.retrieve import SUFFIX

# What is not proved, the gravest first. What the evidence adds under another name follows in its own words.
GRAVEST = (
    *("data-right", "base-training", "replay", "seal", "personal-data", "data-licence", "outside-tries", "clock"),
    *("scores", "withheld", "other-processors", "base-quantised", "energy", "people", "page"),
)
# Questions to people that stay visibly open when nobody answered them, and answers that stand elsewhere on the page.
ASKED = ("intended_use", "out_of_scope", "oversight", "risks", "monitoring", "provider", "contact", "licence")
ELSEWHERE = ("audience", "version", "personal_data")
FEW = 100  # items below which a test's intervals are called wide, as in `helder.evaluate.stage`
DASH = "–"


class View:
    """Puts one release into words for its readers."""

    def __init__(self, evidence: Evidence, previous: Evidence | None) -> None:
        self.evidence = evidence
        self.previous = previous
        audience = str(evidence.release.get("audience", "public"))
        self.audience = audience if texts.known(f"page.audience_{audience}") else "public"

    def seen(self, fact: Fact) -> Any:
        """The value, if these readers may see it."""
        return fact.value if fact.for_(self.audience) else None

    # -- top ---------------------------------------------------------------------------------------------------------

    def tiles(self, openness: Any) -> list[dict[str, Any]]:
        score = self.main_score()
        used = self.seen(self.evidence.energy)
        hidden = len(self.evidence.withheld)
        if score is None:
            first = {"label": say("tiles.score"), "value": DASH, "note": say("tiles.unscored")}
        else:
            first = {
                "label": say("tiles.score"),
                "value": percent(score["value"]),
                "note": Listed([self.span(score), say("tiles.of_n", n=score["n"]), *self.leaked(score["test_set"])]),
            }
        tiles = [first]
        if openness is not None:
            tiles.append({"label": say("tiles.openness"), "value": openness["short"], "note": openness["note"]})
        tiles.append(
            {
                "label": say("tiles.energy"),
                "value": DASH if used is None else energy(used["joules"]),
                "note": say(f"tiles.{self.how(used)}") if used else say("page.open"),
            }
        )
        tiles.append({"label": say("tiles.withheld"), "value": Number(hidden), "note": None})
        return tiles

    def leaked(self, test_set: str) -> list[Any]:
        """That questions of a test stand in documents that were learnt from, beside its score."""
        counts = [fact.value["contaminated"] for fact in self.evidence.contamination if self.seen(fact)]
        names = [fact.value["test_set"] for fact in self.evidence.contamination if self.seen(fact)]
        return [say("tiles.in_documents", n=n) for name, n in zip(names, counts, strict=True) if n and name == test_set]

    def unproved(self) -> list[tuple[Any, Any]]:
        """(what, why) of all that nobody should believe because of this certificate."""
        base, evidence = self.evidence.base, self.evidence
        told = {
            "base": base["title"].value or base["name"].value or DASH,
            "kinds": ", ".join(base["quantised"].value or []),
        }
        said: dict[str, tuple[Any, Any]] = {}
        for fact in evidence.not_proved:
            name, words = fact.value["id"], fact.value["text"]
            known = texts.known(f"unproved.{name}") and texts.known(f"unproved.{name}_why")
            said[name] = (say(f"unproved.{name}"), say(f"unproved.{name}_why", **told)) if known else (words, None)
        if "personal-data" in said and evidence.cleaning["policy"].known:
            said["personal-data"] = (say("unproved.personal-data"), say("unproved.personal-data_patterns"))
        for name in ("replay", "page"):
            said.setdefault(name, (say(f"unproved.{name}"), say(f"unproved.{name}_why")))
        order = [name for name in GRAVEST if name in said] + [name for name in said if name not in GRAVEST]
        return [said[name] for name in order]

    # -- what it is for ----------------------------------------------------------------------------------------------

    def task(self) -> Any:
        """What kind of answer it gives."""
        task = self.evidence.task
        kind, count = task["kind"].value, {"label": "labels", "record": "fields"}
        if not texts.known(f"purpose.task_{kind}"):
            return None
        many = task[count[kind]].value if kind in count else 0
        return say(f"purpose.task_{kind}", n=many if isinstance(many, int) else len(many or ()))

    def people(self) -> list[tuple[Any, Any]]:
        """What people answer for: the first questions in any case, with what is open left open, then all the rest."""
        given = {key: fact for key, fact in self.evidence.people.items() if fact.known and fact.for_(self.audience)}
        rows = []
        for key in dict.fromkeys((*ASKED, *given)):
            if key not in ELSEWHERE:
                called = say(f"people.{key}") if texts.known(f"people.{key}") else key
                rows.append((called, self.declared(given[key].value) if key in given else say("page.open")))
        return rows

    def declared(self, value: Any) -> str:
        if isinstance(value, list):
            return ", ".join(map(str, value))
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)

    def personal(self) -> Any:
        """What people declared about personal data."""
        fact = self.evidence.person("personal_data")
        said = self.seen(fact)
        return None if said is None else say("data.personal_declared", text=said)

    # -- scores ------------------------------------------------------------------------------------------------------

    def main_score(self) -> Mapping[str, Any] | None:
        """The result of the model that was considered, on the main test."""
        advice = self.evidence.verdict["recommendation"].value or {}
        considered = advice.get("model")
        for fact in self.evidence.scores:
            row: Mapping[str, Any] = fact.value
            if row["main"] and row["value"] is not None and row["subject"] == considered:
                return row
        return None

    def scores(self) -> dict[str, Any] | None:
        """Everything that was measured; None when there is nothing."""
        if not self.evidence.scores:
            return None
        verdict = {key: self.seen(fact) for key, fact in self.evidence.verdict.items()}
        rows = [fact.value for fact in self.evidence.scores if fact.for_(self.audience)]
        main = str(verdict["main_measure"])
        advice = verdict["recommendation"] or {}
        sets = []
        for one in verdict["test_sets"] or []:
            inside = [row for row in rows if row["test_set"] == one["name"]]
            first = [row for row in inside if row["measure"] == main]
            measures = list(dict.fromkeys(row["measure"] for row in inside if row["measure"] != main))
            others = {
                subject: {row["measure"]: row for row in inside if row["subject"] == subject}
                for subject in dict.fromkeys(row["subject"] for row in inside)
            }
            sets.append(
                {
                    "name": one["name"],
                    "n": Number(one["n"]),
                    "rows": [self.score_row(row, one["n"], advice.get("use")) for row in first],
                    "measures": [self.measure(name) for name in measures],
                    "others": [
                        (self.subject(subject), [self.share(told.get(name)) for name in measures])
                        for subject, told in others.items()
                    ]
                    if measures
                    else [],
                }
            )
        kind = self.evidence.task["kind"].value
        right = f"scores.whole_{kind}"
        return {
            "advice": self.advice(advice),
            "numbers": self.numbers(advice, verdict),
            "in_documents": self.in_documents([one["name"] for one in verdict["test_sets"] or []]),
            "warnings": self.warnings(rows, verdict, main),
            "right": say(right) if main == "whole" and texts.known(right) else None,
            "confidence": Number(100 * float(verdict["confidence"] or 0), 0, "%"),
            "sets": sets,
            "harm": self.harm(verdict["harm"]),
            "said": advice.get("text"),
        }

    def score_row(self, row: Mapping[str, Any], of: int, use: str | None) -> dict[str, Any]:
        n = Number(row["n"]) if row["n"] == of else say("scores.only_some", n=row["n"], of=of)
        return {
            "subject": Capital(self.subject(row["subject"])),
            "role": self.role(row["role"]),
            "best": row["subject"] == use,
            "bar": bar(row, row["role"] == "model"),
            "value": DASH if row["value"] is None else percent(row["value"]),
            "interval": self.span(row),
            "n": n,
        }

    def span(self, row: Mapping[str, Any]) -> Any:
        """The interval of a share."""
        if row["low"] is None:
            return DASH
        return say("tiles.interval", low=Number(100 * row["low"], 1), high=Number(100 * row["high"], 1))

    def share(self, row: Mapping[str, Any] | None) -> Any:
        if row is None or row["value"] is None:
            return DASH
        shown: Any = percent(row["value"])
        return shown if row["low"] is None else Joined(shown, " (", self.span(row), ")")

    def subject(self, name: str) -> Spoken:
        bare = name.removesuffix(SUFFIX)
        said = say(f"scores.{bare}") if bare in SUBJECTS else Listed([bare])
        return said if bare == name else say("scores.with_passages", subject=said)

    def role(self, role: str) -> Any:
        return say(f"scores.role_{role}") if texts.known(f"scores.role_{role}") else role

    def measure(self, name: str) -> Any:
        if name.startswith("group:"):
            return say("scores.measure_group", group=name.removeprefix("group:"))
        return say(f"scores.measure_{name}") if texts.known(f"scores.measure_{name}") else name

    def advice(self, advice: Mapping[str, Any]) -> Any:
        key = {"model": "use_model", "baseline": "use_baseline", "not shown": "use_unknown"}.get(
            str(advice.get("verdict")), "use_only"
        )
        model, baseline = advice.get("model"), advice.get("baseline")
        if model is None or baseline is None:
            return say("scores.use_only")
        return say(f"scores.{key}", model=self.subject(model), baseline=self.subject(baseline))

    def numbers(self, advice: Mapping[str, Any], verdict: Mapping[str, Any]) -> Any:
        """The comparison behind the advice, in numbers."""
        sets = [one["name"] for one in verdict["test_sets"] or []]
        for one in verdict["comparisons"] or []:
            asked = (one["a"], one["b"], one["measure"], one["test_set"])
            if asked == (advice.get("model"), advice.get("baseline"), verdict["main_measure"], sets[0]):
                return say(
                    "scores.numbers",
                    model=Capital(self.subject(one["a"])),
                    baseline=Capital(self.subject(one["b"])),
                    a=percent(one["a_value"]),
                    b=percent(one["b_value"]),
                    n=one["n"],
                    difference=Number(100 * one["difference"], 1, sign=True),
                    low=Number(100 * one["low"], 1, sign=True),
                    high=Number(100 * one["high"], 1, sign=True),
                    confidence=Number(100 * float(verdict["confidence"]), 0, "%"),
                )
        return None

    def warnings(self, rows: Sequence[Mapping[str, Any]], verdict: Mapping[str, Any], main: str) -> list[Any]:
        """Short tests, and subjects that were asked only some of the questions."""
        sizes = {one["name"]: one["n"] for one in verdict["test_sets"] or []}
        found: list[Any] = [say("scores.few", set=name, n=n) for name, n in sizes.items() if n < FEW]
        partly: dict[tuple[str, int], list[Any]] = {}
        for row in rows:
            if row["measure"] == main and row["n"] < sizes[row["test_set"]]:
                partly.setdefault((row["test_set"], row["n"]), []).append(self.subject(row["subject"]))
        return found + [
            say("scores.part", set=name, subject=Listed(subjects), n=n, of=sizes[name])
            for (name, n), subjects in partly.items()
        ]

    def in_documents(self, sets: Sequence[str]) -> list[tuple[bool, Any]]:
        """(whether it is grave, sentence): which questions stand in documents that were learnt from."""
        if not self.evidence.takes_in_documents:
            return []
        told = {fact.value["test_set"]: fact.value for fact in self.evidence.contamination if self.seen(fact)}
        found: list[tuple[bool, Any]] = []
        for name in sets:
            if name not in told:
                found.append((True, say("scores.not_sought", set=name)))
                continue
            one = told[name]
            key = "in_documents" if one["contaminated"] else "not_in_documents"
            values = {"set": name, "items": one["items"], "contaminated": one["contaminated"]}
            sentence: Any = say(f"scores.{key}", **values)
            if one["not_checked"]:
                sentence = Joined(sentence, " ", say("scores.too_short", n=one["not_checked"]))
            found.append((bool(one["contaminated"]), sentence))
        return found

    def harm(self, harm: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if not harm or not harm["fields"]:
            return None
        return {
            "lead": say("scores.harm_lead", fields=", ".join(harm["fields"])),
            "lines": [
                say(
                    "scores.harm_row",
                    subject=Capital(self.subject(one["subject"])),
                    set=one["test_set"],
                    wrong=one["wrong_values"],
                    values=one["values"],
                )
                for one in harm["counts"]
            ],
        }

    # -- from what ---------------------------------------------------------------------------------------------------

    def base(self) -> dict[str, Any]:
        facts = {key: self.seen(fact) for key, fact in self.evidence.base.items()}
        if facts["kind"] == "scratch":
            sentence = say("data.base_scratch", seed=str(facts["seed"]))
            return {"sentence": sentence, "sha256": facts["sha256"], "note": None}
        if facts["kind"] is None:
            return {"sentence": say("page.open"), "sha256": None, "note": None}
        sentence = say(
            "data.base_imported",
            title=facts["title"] or facts["name"] or DASH,
            origin=facts["origin"] or say("page.open"),
            licence=self.stated(facts["licence"]),
        )
        return {"sentence": sentence, "sha256": facts["sha256"], "note": facts["note"]}

    def stated(self, licence: Any) -> Any:
        return say("page.open") if licence in (None, "", "unknown") else licence

    def kept(self) -> Any:
        records = self.seen(self.evidence.data["records"])
        return None if records is None else say("data.kept", n=records)

    def left(self) -> Any:
        facts = self.evidence.data
        counts = {key: self.seen(facts[key]) for key in ("duplicates", "leaked", "contradictions")}
        return None if None in counts.values() else say("data.left", **counts)

    def planted(self) -> Any:
        """That canaries stand in what was learnt from; None where there are none."""
        count = self.seen(self.evidence.canaries)
        return say("data.planted", n=count) if count else None

    def documents(self) -> dict[str, Any] | None:
        """What became of folders of documents; None where there are none."""
        if not self.evidence.takes_in_documents:
            return None
        files = {key: self.seen(fact) for key, fact in self.evidence.files.items()}
        counts = {key: self.seen(fact) for key, fact in self.evidence.cleaning.items()}
        lines: list[Any] = [say("data.files", **files)] if None not in files.values() else []
        if counts["documents"] is not None:
            lines.append(say("data.account", **{key: counts[key] for key in ("documents", *STATES)}))
            if (cut := counts["repeated"]) is not None:
                told = {key: cut[key] for key in ("passages", "least_words", "documents")}
                lines.append(say("data.repeated", **told))
            if counts["conflicts"]:
                lines.append(say("data.conflicts", n=counts["conflicts"]))
            if counts["decisions"]["accepted"] is not None:
                told = {key: counts["decisions"][key] for key in ("accepted", "refused")}
                lines.append(say("data.decisions", **told))
        folders = [fact.value for fact in self.evidence.folders if fact.for_(self.audience)]
        return {
            "lines": lines,
            "folders": [
                {
                    "name": one["name"],
                    **{key: self.stated(one[key]) for key in SAID},
                    "given": say("data.in_bundle" if one["in_bundle"] else "data.not_in_bundle"),
                }
                for one in folders
            ],
        }

    def searched(self) -> list[Any]:
        """What programs looked for in documents and found, by kind; that nobody looked, where nobody did."""
        facts = {key: self.seen(fact) for key, fact in self.evidence.cleaning.items()}
        if facts["policy"] is None:
            return [say("data.personal_unknown")]
        beside = []
        if facts["engine"]["name"] != "patterns":
            versions = (f"{name} {version}" for name, version in sorted(facts["engine"]["versions"].items()))
            beside = [say("data.personal_presidio", versions=", ".join(versions))]
        if not facts["found"]:
            return [say("data.personal_nothing"), *beside, say("data.personal_note")]
        kinds = ", ".join(f"{kind} {count}" for kind, count in facts["findings"].items())
        told = [say("data.personal_found", n=facts["found"], kinds=kinds), *beside]
        if texts.known(f"data.personal_{facts['policy']}"):
            told.append(say(f"data.personal_{facts['policy']}"))
        return [*told, say("data.personal_note")]

    def sources(self) -> list[dict[str, Any]]:
        """Each file or folder from outside once, with all the stages that used it."""
        found: dict[str, dict[str, Any]] = {}
        for fact in self.evidence.sources:
            value = self.seen(fact)
            if value is None:
                continue
            one = found.setdefault(value["sha256"], {**value, "used": []})
            one["used"].append(value["stage"])
            for key in ("rows", "bytes", "licence"):
                one[key] = one[key] if one[key] is not None else value[key]
            one["in_bundle"] = one["in_bundle"] or value["in_bundle"]
        return [
            {
                "name": lineage.called(self.evidence.statements[one["stage"]].predicate, one["name"]),
                "licence": self.stated(one["licence"]),
                "size": DASH
                if one["rows"] is None
                else Joined(say("data.rows", n=one["rows"]), *((", ", size(one["bytes"])) if one["bytes"] else ())),
                "used": ", ".join(dict.fromkeys(one["used"])),
                "given": say("data.in_bundle" if one["in_bundle"] else "data.not_in_bundle"),
                "sha256": one["sha256"],
            }
            for one in found.values()
        ]

    def superseded(self) -> int:
        return sum(int(fact.value["count"]) for fact in self.evidence.superseded)

    # -- what it cost ------------------------------------------------------------------------------------------------

    def how(self, used: Mapping[str, Any]) -> str:
        """Whether all of the energy was measured; a sum with an estimate in it is an estimate."""
        return "measured" if all(how.startswith("measured") for how in used["how"]) else "estimated"

    def cost(self) -> list[tuple[Any, Any, Any]]:
        """(what, value, note)."""
        used, evidence = self.seen(self.evidence.energy), self.evidence
        found: list[tuple[Any, Any, Any]] = []
        if used is None:
            found.append((say("energy.total"), say("energy.none"), None))
        else:
            notes: list[Any] = [say(f"energy.how_{self.how(used)}"), " ", say("energy.compare")]
            if used["without"]:
                notes += [" ", say("energy.without", stages=", ".join(used["without"]))]
            found.append((say("energy.total"), energy(used["joules"]), Joined(*notes)))
        if (seconds := self.seen(evidence.seconds)) is not None:
            found.append((say("energy.time"), Duration(seconds), None))
        if (flops := self.seen(evidence.compute["flops"])) is not None:
            found.append((say("energy.operations"), say("energy.operations_value", n=Power(flops)), None))
        for fact in evidence.hardware:
            one = self.seen(fact)
            if one is not None:
                value = say(
                    "energy.machine_value",
                    processor=one["processor"] or say("page.open"),
                    cpus=one["cpus"] if one["cpus"] is not None else DASH,
                    device=one["device"],
                )
                found.append((say("energy.machine"), value, None))
        level, packets = self.seen(evidence.seal), self.seen(evidence.packets)
        if level:
            note = None if packets is None else say("energy.packets", n=packets["left"], stages=packets["stages"])
            found.append((say("energy.room"), say(f"energy.room_{min(level, 3)}"), note))
        return found

    def by_stage(self) -> list[tuple[str, Any, Any]]:
        used = self.seen(self.evidence.energy)
        if used is None:
            return []
        timings = {stage: said.predicate["timings"] for stage, said in self.evidence.statements.items()}
        return [
            (stage, energy(joules), Duration(float(timings[stage]["seconds"])))
            for stage, joules in used["stages"].items()
        ]

    # -- what changed ------------------------------------------------------------------------------------------------

    def changes(self) -> dict[str, Any]:
        named = self.evidence.release.get("previous")
        if self.previous is None:
            if not named:
                return {"sentence": say("changes.first"), "parts": []}
            return {"sentence": say("changes.named", digest=str(named["release"])[:16]), "parts": []}
        before, now = self.previous, self.evidence
        return {
            "sentence": say("changes.since", version=str(before.release.get("version") or DASH)),
            "parts": [
                (say("changes.data"), compared(_source_digests(before), _source_digests(now))),
                (say("changes.stages"), compared(dict.fromkeys(before.statements), dict.fromkeys(now.statements))),
                (say("changes.settings"), self.settings(before, now)),
                (say("changes.scores"), self.score_changes(before, now)),
            ],
        }

    def settings(self, before: Evidence, now: Evidence) -> list[Any]:
        found = []
        for stage in now.statements:
            if stage not in before.statements:
                continue
            old, new = (each.statements[stage].predicate["settings"] for each in (before, now))
            for key in sorted(set(old) | set(new)):
                if old.get(key) != new.get(key):
                    values = [json.dumps(each.get(key), ensure_ascii=False, sort_keys=True) for each in (old, new)]
                    found.append(say("changes.was", what=f"{stage}: {key}", before=values[0], after=values[1]))
        return found

    def score_changes(self, before: Evidence, now: Evidence) -> list[Any]:
        def of(evidence: Evidence) -> dict[tuple[str, str], Mapping[str, Any]]:
            main = evidence.verdict["main_measure"].value
            return {
                (fact.value["test_set"], fact.value["subject"]): fact.value
                for fact in evidence.scores
                if fact.value["measure"] == main and fact.for_(self.audience)
            }

        old, new, found = of(before), of(now), []
        for (test_set, subject), row in new.items():
            if (test_set, subject) in old and old[test_set, subject]["value"] != row["value"]:
                what = Joined(Capital(self.subject(subject)), " (", Listed([test_set]), ")")
                was = old[test_set, subject]
                found.append(say("changes.was", what=what, before=self.share(was), after=self.share(row)))
        return found

    # -- what is not handed out, and who signs -----------------------------------------------------------------------

    def withheld(self) -> list[dict[str, Any]]:
        return [{**fact.value, "size": size(fact.value["size"])} for fact in self.evidence.withheld]

    def made(self) -> Any:
        stated = self.evidence.release.get("made")
        return Moment(str(stated)) if stated else say("page.open")


SUBJECTS = ("weights", "f16", "q8_0", "q4_0", "base", "linear", "linear-all", "nearest", "trivial")


def bar(row: Mapping[str, Any], own: bool) -> Markup:
    """A share as a bar, its interval as a line with ends over it."""
    if row["value"] is None:
        return Markup("")
    parts = ['<rect class="rest" width="100%" height="100%" rx="2"/>']
    parts.append(f'<rect class="value" width="{100 * row["value"]:.1f}%" height="100%" rx="2"/>')
    if row["low"] is not None:
        low, high = (f"{100 * row[key]:.1f}%" for key in ("low", "high"))
        parts.append(f'<line class="interval" x1="{low}" x2="{high}" y1="50%" y2="50%"/>')
        parts += [f'<line class="end" x1="{end}" x2="{end}" y1="20%" y2="80%"/>' for end in (low, high)]
    kind = "share" if own else "share other"
    return Markup(f'<svg class="{kind}" aria-hidden="true">{"".join(parts)}</svg>')


def compared(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Any]:
    """What came, went or became something else, by name."""
    found = [say("changes.added", what=name) for name in now if name not in before]
    found += [say("changes.removed", what=name) for name in before if name not in now]
    return found + [say("changes.changed", what=name) for name in now if name in before and before[name] != now[name]]


def _source_digests(evidence: Evidence) -> dict[str, str]:
    return {f"{fact.value['name']} ({fact.value['stage']})": fact.value["sha256"] for fact in evidence.sources}
