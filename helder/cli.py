"""The command line: verbs → functions, imported only when called.

This module imports nothing but `sys`, so that `helder --help` answers at once; everything else, even click,
comes with the verb (`helder.commands.group`).
"""

from __future__ import annotations

import sys

SENTENCE = "Make a small language model for one job, measure it, and prove how it was made."

VERBS = {
    "new": ("helder.commands.project:new", "Make a project from an example."),
    "data": ("helder.commands.data:data", "Take in folders of documents; decide about what waits."),
    "plan": ("helder.commands.project:plan", "Show what a run would do: time, memory, energy, and why."),
    "run": ("helder.commands.project:run", "Make the model: run every stage that is not done yet."),
    "ask": ("helder.commands.answers:ask", "Ask the model questions."),
    "serve": ("helder.commands.answers:serve", "Serve the model to programs on this machine."),
    "token": ("helder.commands.token:token", "Make, list and revoke the tokens of those who may ask a server."),
    "audit": ("helder.commands.audit:audit", "See, verify, replay and erase what a server answered."),
    "eval": (
        "helder.commands.eval:evaluate",
        "Show every score of a project; or measure a model on a suite of tasks.",
    ),
    "compare": ("helder.commands.compare:compare", "Say which is better, on the same items; models and services."),
    "judge": ("helder.commands.judge:judge", "Judge submissions to a programming problem, in closed rooms."),
    "certify": ("helder.commands.certify:certify", "Make the bundle: model, signed ledger and certificate."),
    "verify": ("helder.commands.certify:verify", "Check what a bundle proves, level by level."),
    "sign": ("helder.commands.certify:sign", "Add a signature to a bundle."),
    "bundle": ("helder.commands.bundle:bundle", "Make a folder for a machine without a network; install from one."),
    "trace": ("helder.commands.trace:trace", "Trace a text back to the documents and steps that saw it."),
    "model": ("helder.commands.model:model", "Import, list, show and export base models."),
    "key": ("helder.commands.key:key", "Make, show, rotate, back up and trust the keys that sign."),
    "doctor": ("helder.commands.doctor:doctor", "Show what this machine can do."),
    "recipe": ("helder.commands.recipe:recipe", "Explain and check recipes."),
}


def main() -> None:
    """The entry point of the `helder` command; ends the process with an exit code."""
    arguments = sys.argv[1:]
    if arguments in ([], ["-h"], ["--help"]):
        sys.stdout.write(help_text())
        sys.exit(0)
    from helder.commands.group import call

    sys.exit(call(arguments))


def help_text() -> str:
    """What `helder --help` prints."""
    lines = [
        "Usage: helder VERB [OPTIONS] [ARGUMENTS]",
        "",
        f"  {SENTENCE}",
        "",
        "Verbs:",
        *(f"  {verb:<8} {sentence}" for verb, (_, sentence) in VERBS.items()),
        "",
        "Options:",
        "  --version   Show the version.",
        "  -h, --help  Show this, or with a verb what it does. Every verb takes --json.",
        "",
        "Exit codes: 0 done; 1 you can fix it; 2 a defect of ours; 3 checked and failed; 4 could not be",
        "checked; 5 refused by policy; 130 interrupted, `helder run` continues.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
