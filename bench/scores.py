"""The scores that an example is held to: a longer training than the quickstart's, and every case asked.

Makes the example, puts the training that is named into its recipe, runs it to the end, and prints the table of scores,
every paired comparison of the main test set, and what each file lost against the weights.

    python -m bench.scores                               # dose instructions as the README says: half an hour
    python -m bench.scores --example icd10cm             # as the recipe is
    python -m bench.scores --steps 3 --limit 4           # a smoke run
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench import measuring
from helder import pipeline
from helder.commands.scores import short_table

# The trainings that were measured; an empty one is that of the recipe.
TRAININGS: dict[str, dict[str, Any]] = {
    "dose-instructions": {"tokens": 560_000, "learning_rate": 5e-4},
    "icd10cm": {},
}
BASE_LIMIT = 40  # the untrained model's answers take the longest, and say little


def told(scores: dict[str, Any]) -> str:
    """The table, and in sentences what was compared on the main test set."""
    main = scores["test_sets"][0]["name"]
    compared = [one["sentence"] for one in scores["comparisons"] if one["test_set"] == main]
    lost = [
        f"{one['subject']} loses {one['points_lost']:+.1f} points ({one['low']:+.1f} to {one['high']:+.1f}) of "
        f"{one['measure']} on {one['test_set']}"
        for one in scores["compression"]
    ]
    return "\n\n".join([short_table(scores), "\n".join(compared), "\n".join(lost), scores["recommendation"]["text"]])


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--example", choices=sorted(TRAININGS), default=measuring.EXAMPLE, help="default: %(default)s")
    options.add_argument("--steps", type=measuring.positive, help="Train so many steps instead, to try it out.")
    options.add_argument("--limit", type=measuring.positive, help="Ask so many cases of each test set instead of all.")
    options.add_argument("--folder", type=Path, help="Measure in this new folder and keep it; else it is removed.")
    given = options.parse_args()
    train = TRAININGS[given.example] if given.steps is None else {"steps": given.steps}
    evaluate = {"base_limit": BASE_LIMIT} | ({} if given.limit is None else {"limit": given.limit})
    with measuring.workplace(given.folder) as place:
        project = measuring.make_project(place / "project", train, evaluate, given.example)
        measuring.run_to_end(project, place / "events.jsonl")
        made = pipeline.made(project)
        scores = json.loads((made["scores"].path / "scores.json").read_text(encoding="utf-8"))
        facts = pipeline.statements(project)["train"].facts
    training = {key: facts[key] for key in ("steps", "examples_seen", "examples", "cpu_seconds")}
    about = ", ".join(f"{key.replace('_', ' ')} {value:,.0f}" for key, value in training.items())
    measuring.tell({"training": training, "scores": scores}, f"{told(scores)}\n\ntraining: {about}", given.json)


if __name__ == "__main__":
    main()
