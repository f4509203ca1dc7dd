"""Whether the same recipe, made and run twice in two fresh projects, gives the same bits.

Nothing is shared between the two but the imported base model: the example is written anew, what `helder.lock` holds is
decided anew, every stage runs anew. The digest of every artifact, hashed anew, is compared.

    python -m bench.twice
    python -m bench.twice --steps 4 --limit 2        # a smoke run
    python -m bench.twice --threads 1 2              # does the number of threads change bits?

Ends with 1 when any digest differs.
"""

from __future__ import annotations

import sys

from bench import measuring
from bench.measuring import Outcome
from helder.commands.talk import table

SHORT = 16  # hexadecimal digits that the table shows


def main() -> None:
    options = measuring.parser(__doc__)
    measuring.add_project_options(options, steps=40, limit=16)
    options.add_argument(
        "--threads",
        type=measuring.positive,
        nargs=2,
        metavar=("FIRST", "SECOND"),
        help="OMP_NUM_THREADS of the two runs; without it, as Helder decides.",
    )
    given = options.parse_args()
    outcomes: list[Outcome] = []
    with measuring.workplace(given.folder) as place:
        for index, name in enumerate(("first", "second")):
            project = measuring.make_project(
                place / name, {"steps": given.steps}, {"limit": given.limit, "base": False}
            )
            variables = {"OMP_NUM_THREADS": str(given.threads[index])} if given.threads else {}
            measuring.run_to_end(project, place / f"{name}.jsonl", variables)
            outcomes.append(Outcome.of(project))
            measuring.note(f"{name} run done")

    first, second = outcomes
    differing = first.differing(second)
    found = {
        "settings": {key: getattr(given, key) for key in ("steps", "limit", "threads")},
        "first": first.digests,
        "second": second.digests,
        "differing": differing,
    }
    cells = [
        [
            name,
            first.digests.get(name, "-")[:SHORT],
            second.digests.get(name, "-")[:SHORT],
            "no" if name in differing else "yes",
        ]
        for name in {**first.digests, **second.digests}
    ]
    verdict = f"{len(differing)} artifacts differ" if differing else f"all {len(cells)} artifacts are the same"
    measuring.tell(found, f"{table(cells, ['artifact', 'first', 'second', 'same'])}\n\n{verdict}", given.json)
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
