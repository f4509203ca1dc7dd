"""Pictures of the report: inline SVG drawn in Python, no script and no font from outside."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

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
