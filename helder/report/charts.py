"""Pictures of the report: inline SVG drawn in Python, no script and no font from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 14, 34


def curve(measure: str, steps: Sequence[tuple[int, float]], looks: Sequence[tuple[int, float]]) -> str:
    """A measure of every step as a line, the same on held-out examples as points.

    Args:
        measure: what it is called, "loss" or "reward".
        steps: (step, value), not empty; losses in nats per token. What is below zero is drawn at zero.
        looks: the same for the dev set.
    """
    last = max(step for step, _ in steps)
    top = max(value for _, value in [*steps, *looks]) or 1.0

    def place(step: int, value: float) -> tuple[float, float]:
        x = LEFT + (WIDTH - LEFT - RIGHT) * (step - 1) / max(1, last - 1)
        return x, TOP + (HEIGHT - TOP - BOTTOM) * (1 - max(0.0, value) / top)

    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in steps))
    grid = []
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        _, y = place(1, top * part)
        grid.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        grid.append(f'<text class="axis" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{top * part:.2g}</text>')
    dots = "".join(
        f'<circle class="dev" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>step {step}: {value:.4f}</title></circle>'
        for (step, value), (x, y) in ((look, place(*look)) for look in looks)
    )
    label = f"The {measure} goes from {steps[0][1]:.3f} at step 1 to {steps[-1][1]:.3f} at step {last}"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(grid)}'
        f'<polyline class="train" points="{line}"/>{dots}'
        f'<text class="axis" x="{LEFT}" y="{HEIGHT - 10}">step 1</text>'
        f'<text class="axis" x="{WIDTH - RIGHT}" y="{HEIGHT - 10}" text-anchor="end">step {last}</text></svg>'
    )


def interval_bar(value: float, low: float, high: float) -> str:
    """A share between 0 and 1 as a bar, its interval as a line over it."""
    return (
        '<svg class="bar" viewBox="0 0 200 16" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="rest" width="200" height="16"/><rect class="value" width="{200 * value:.1f}" height="16"/>'
        f'<line class="interval" x1="{200 * low:.1f}" x2="{200 * high:.1f}" y1="8" y2="8"/></svg>'
    )


SIDE = 300  # of a square picture
TOPS = (0.02, 0.04, 0.1, 0.2, 0.4, 0.6, 0.8)  # ends of an axis of which the quarters are round numbers


def reliability(bins: Sequence[Mapping[str, Any]], label: str) -> str:
    """Share right against confidence, a bar for each bin with its interval; the diagonal is where both agree.

    Args:
        bins: {low, high, n, confidence, right, right_low, right_high}, see `helder.evaluate.trust.calibration`.
        label: what the picture shows, for those who cannot see it.
    """
    place = _square
    parts = [_frame("confidence", "right")]
    most = max((one["n"] for one in bins), default=0) or 1
    for one in bins:
        if not one["n"]:
            continue
        (left, top), (right, bottom) = place(one["low"], one["right"]), place(one["high"], 0.0)
        told = f"confidence {one['low']:.1f} to {one['high']:.1f}: {one['right']:.3f} of {one['n']} right"
        shade = 0.3 + 0.7 * one["n"] / most  # bins with few answers are pale
        parts.append(
            f'<rect class="value" fill-opacity="{shade:.2f}" x="{left + 1:.1f}" y="{top:.1f}" '
            f'width="{right - left - 2:.1f}" height="{bottom - top:.1f}"><title>{escape(told)}</title></rect>'
        )
        (middle, high), (_, low) = place(one["confidence"], one["right_high"]), place(0, one["right_low"])
        parts.append(f'<line class="limits" x1="{middle:.1f}" x2="{middle:.1f}" y1="{high:.1f}" y2="{low:.1f}"/>')
    (x1, y1), (x2, y2) = place(0, 0), place(1, 1)
    parts.append(f'<line class="ideal" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
    return _picture(parts, label)


def risk_coverage(
    points: Sequence[tuple[float, float]], promised: float, chosen: tuple[float, float] | None, label: str
) -> str:
    """Share of wrong answers against the share of answers that are given.

    Args:
        points: (coverage, risk).
        promised: the risk that is kept, as a line.
        chosen: (coverage, risk) at the threshold; None when there is none.
        label: as in `reliability`.
    """
    most = max([promised, *(risk for _, risk in points)])
    top = next((top for top in TOPS if most <= top), 1.0)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (_square(coverage, risk / top) for coverage, risk in points))
    (left, height), (right, _) = _square(0, promised / top), _square(1, 0)
    parts = [
        _frame("answers given", "wrong", top),
        f'<line class="promised" x1="{left:.1f}" x2="{right:.1f}" y1="{height:.1f}" y2="{height:.1f}">'
        f"<title>promised: at most {promised:g}</title></line>",
        f'<polyline class="train" points="{line}"/>',
    ]
    if chosen is not None:
        x, y = _square(chosen[0], chosen[1] / top)
        told = f"at the threshold {chosen[0]:.3f} are given, {chosen[1]:.3f} of them wrong"
        parts.append(f'<circle class="dev" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{escape(told)}</title></circle>')
    return _picture(parts, label)


def _square(x: float, y: float) -> tuple[float, float]:
    """Where a point of the unit square lies in a square picture."""
    side = SIDE - LEFT - RIGHT
    return LEFT + side * x, TOP + side * (1 - y)


def _frame(across: str, up: str, top: float = 1.0) -> str:
    """Lines, numbers and names of the axes; the upper end of the vertical one is `top`."""
    parts = []
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        (left, y), (right, _), (x, bottom) = _square(0, part), _square(1, part), _square(part, 0)
        parts.append(f'<line class="grid" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
        parts.append(f'<text class="axis" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{top * part:.2g}</text>')
        parts.append(f'<text class="axis" x="{x:.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{part:.2g}</text>')
    (middle, bottom), (left, height) = _square(0.5, 0), _square(0, 1)
    parts.append(
        f'<text class="axis" x="{middle:.1f}" y="{bottom + 32:.1f}" text-anchor="middle">{escape(across)}</text>'
    )
    parts.append(f'<text class="axis" x="{left + 4:.1f}" y="{height + 12:.1f}">{escape(up)}</text>')
    return "".join(parts)


def _picture(parts: Sequence[str], label: str) -> str:
    box = f"0 0 {SIDE} {SIDE - 8}"
    return f'<svg class="square" viewBox="{box}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
