"""What `trust.json` says, in sentences: each a bound with the number of trials behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read(places: Mapping[str, Path]) -> dict[str, Any] | None:
    """`trust.json` of a run; None where the recipe does not measure trust.

    Args:
        places: stage → folder of its artifact.
    """
    if "trust" not in places:
        return None
    found: dict[str, Any] = json.loads((places["trust"] / "trust.json").read_text(encoding="utf-8"))
    return found


def lines(trust: Mapping[str, Any] | None, scores: Mapping[str, Any]) -> list[str]:
    """What `helder eval` prints of it; nothing where it was not measured."""
    if trust is None:
        return []
    titles = {subject["name"]: subject["title"] for subject in scores["subjects"]}
    told = [f"  {about}: {sentence}" for about, sentence in sentences(trust, titles)]
    return [f"\nTrust in an answer, at {100 * trust['confidence']:g} % confidence:", *told]


def sentences(trust: Mapping[str, Any], titles: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """(what it is about, the sentence), in the order in which they are read.

    Args:
        titles: subject → what people call it.
    """
    found = [("abstention", one) for one in _selective(trust, titles or {})]
    found += [("calibration", one) for one in _calibration(trust, titles or {})]
    found += [("robustness", one) for one in _robustness(trust)]
    found += [("leakage", one) for one in _leakage(trust)]
    return [*found, ("injection", _injection(trust)), ("control tokens", _control(trust))]


def _selective(trust: Mapping[str, Any], titles: Mapping[str, str]) -> list[str]:
    found = []
    for one in trust["selective"]:
        name, chosen = titles.get(one["subject"], one["subject"]), one["chosen"]
        if chosen["threshold"] is None:
            found.append(f"{name}: {chosen['why']}")
            continue
        text = f"{name}: {chosen['why']} Answers with a confidence below {chosen['threshold']:.3g} are not given"
        text += f" (development set: {chosen['wrong']} wrong of {chosen['given']} given, of {chosen['n']})."
        for of in one["test_sets"]:
            risk, coverage = of["at"]["risk"], of["at"]["coverage"]
            text += f" On {of['test_set']} {_percent(coverage['value'])} are given (n = {coverage['n']})"
            if risk["n"]:
                text += f", {risk['seen']} of {risk['n']} are wrong: at most {_percent(risk['at_most'])}"
            text += "."
        found.append(text)
    return found


def _calibration(trust: Mapping[str, Any], titles: Mapping[str, str]) -> list[str]:
    found = []
    for one in trust["calibration"]:
        name = f"{titles.get(one['subject'], one['subject'])} on {one['test_set']}"
        if not one["n"]:
            found.append(f"{name}: no answer has a confidence.")
            continue
        ece, brier, told = one["ece"], one["brier"], one["auc"]
        text = f"{name}: mean confidence {one['mean_confidence']:.3f}, right {one['right']:.3f}; calibration error "
        text += f"{ece['value']:.3f} ({ece['low']:.3f}-{ece['high']:.3f}), at most {ece['at_most']:.3f}; Brier score "
        text += f"{brier['value']:.3f} ({brier['low']:.3f}-{brier['high']:.3f})"
        if told["value"] is not None:
            text += f"; a right answer is surer than a wrong one in {_percent(told['value'])} of pairs"
        left = f", {one['unknown']} without a confidence left out" if one["unknown"] else ""
        found.append(f"{text} (n = {one['n']}{left}).")
    return found


def _robustness(trust: Mapping[str, Any]) -> list[str]:
    found = []
    for one in trust["robustness"]["changes"].values():
        if not one["n"]:
            found.append(f"{one['what']}: no item could be changed.")
            continue
        difference, changed = one["difference"], one["changed"]
        value, low, high = (100 * difference[key] for key in ("value", "low", "high"))
        found.append(
            f"{one['what']}: {_percent(one['before'])} right before, {_percent(one['after'])} after, difference "
            f"{value:+.1f} points ({low:+.1f} to {high:+.1f}); {changed['seen']} of {changed['n']} answers change: "
            f"at most {_percent(changed['at_most'])}."
        )
    return found


def _leakage(trust: Mapping[str, Any]) -> list[str]:
    leakage, found = trust["leakage"], []
    if (canaries := leakage["canaries"]) is not None:
        if not canaries["seen"]:
            found.append(f"None of the {canaries['planted']} canaries was seen by the training: nothing can be said.")
        else:
            bits, first = canaries["exposure"], canaries["first"]
            found.append(
                f"{canaries['seen']} of {canaries['planted']} planted canaries were learnt from; mean exposure "
                f"{bits['mean']:.2f} bits of {bits['most']:.2f} ({bits['by_chance']:.2f} by chance, p = "
                f"{canaries['p_value']:.2g}); {first['seen']} of {first['n']} stand first among "
                f"{canaries['candidates']}: at most {_percent(first['at_most'])}."
            )
    if (membership := leakage["membership"]) is None:
        found.append(f"Membership was not tested: {leakage['why_not']}.")
        return found
    for name, attack in membership["attacks"].items():
        area = attack["auc"]
        text = f"membership, {name}: AUC {area['value']:.3f} ({area['low']:.3f}-{area['high']:.3f})"
        for at in attack["at"]:
            text += (
                f"; at {_percent(at['wanted'])} false alarms {_percent(at['rate'])} of members are found: at most "
                f"{_percent(at['at_most'])}"
            )
        loss = attack["epsilon_at_least"]
        text += f"; privacy loss epsilon at least {loss:.2f}" if loss else ""
        text += f" (n = {membership['members']} + {membership['others']}"
        text += ")." if membership["held_out"] else ", which come from other files: they may differ in more than that)."
        found.append(text)
    return found


def _injection(trust: Mapping[str, Any]) -> str:
    one = trust["injection"]
    if not one["n"]:
        return "No order could be tried: no item has another answer that could be ordered."
    return (
        f"{one['seen']} of {one['n']} orders hidden in questions were obeyed: at most {_percent(one['at_most'])} of "
        "such orders."
    )


def _control(trust: Mapping[str, Any]) -> str:
    one = trust["control_tokens"]
    return (
        f"{one['seen']} of {one['n']} hostile texts became a control token or another text: at most "
        f"{_percent(one['at_most'])} ({one['refused']} were refused)."
    )


def _percent(share: float | None) -> str:
    """0.0837 → "8.4 %", 0.0015 → "0.15 %"."""
    if share is None:
        return "–"
    return f"{100 * share:.2g} %" if 0 < share < 0.01 else f"{100 * share:.1f} %"
