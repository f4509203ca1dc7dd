"""What a chat template from outside writes for some conversations: run once, at import, in a process of its own.

A template is a Jinja program of whoever made the model. The process that runs it gets the text and nothing else: no
environment, an output file of at most a megabyte, and, from the moment the program begins, no new file or socket, no
new process (unless root starts it), little memory and about a second of processor time. Jinja's sandbox allows no
attribute that leads out of the data. A process that breaks a rule is ended by the kernel, and the template is refused.
It runs in a closed room (`helder.sealed.room`), that of the stage that imports, or one of its own.

This does not know what the texts should be (`helder.tokens.chat`), and nothing of a template is kept or run afterwards.
This file is also the program of that process, and needs nothing but Jinja and the standard library.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

LARGEST_TEMPLATE = 64 << 10  # characters; the longest of well-known models has about 10,000 (Llama 3's with tools)
LARGEST_TEXT = 16 << 10  # characters that it may write for one conversation; ours have less than 300
SECONDS = 1  # processor time of the template, give or take half of one: the kernel counts whole seconds
PATIENCE = 20.0  # seconds of a busy machine until the process is ended from outside
MEMORY = 256 << 20  # bytes beside what Python and Jinja take before the template begins
ANSWER = 1 << 20  # bytes of the answer file
# Jinja's own functions that templates of models need; `raise_exception` comes with ours.
GLOBALS = ("range", "namespace", "dict")

Conversation = Sequence[Mapping[str, str]]


class Refused(Exception):
    """Why a template was not run to its end."""


def rendered(
    template: str, conversations: Sequence[tuple[Conversation, bool]], specials: Mapping[str, str]
) -> list[str | Refused]:
    """What a template writes.

    Args:
        conversations: messages with `role` and `content`, and whether the beginning of an answer is asked for.
        specials: names that the template may use for special tokens, such as `bos_token`, → the token.

    Returns:
        A text for each, or why it wrote none: templates raise errors at conversations that they do not allow.

    Raises:
        Refused: the template as a whole: too long, no Jinja, or its process was ended.
    """
    if len(template) > LARGEST_TEMPLATE:
        raise Refused(f"It has {len(template)} characters; at most {LARGEST_TEMPLATE} are looked at.")
    job = {
        "path": [str(Path(entry or ".").absolute()) for entry in sys.path],
        "template": template,
        "conversations": conversations,
        "specials": specials,
    }
    from helder.sealed import room  # here, since the process that this file is the program of needs nothing of it

    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as trouble:
        try:
            done = room.run(
                [sys.executable, "-I", "-S", "-X", "utf8", __file__],
                json.dumps(job).encode(),
                PATIENCE,
                stdout=answer,
                stderr=trouble,
                env={},
            )
        except subprocess.TimeoutExpired:
            raise Refused(f"It was not done after {PATIENCE:.0f} seconds.") from None
        answer.seek(0)
        trouble.seek(0)
        if done:
            raise Refused(_ended(done, trouble.read(ANSWER).decode(errors="replace")))
        try:
            said = json.loads(answer.read(ANSWER))
        except ValueError:
            raise Refused("Its process gave no answer.") from None
    if "refused" in said:
        raise Refused(str(said["refused"]))
    return [one["text"] if "text" in one else Refused(one["error"]) for one in said["rendered"]]


def _ended(code: int, trouble: str) -> str:
    """Why the process ended, for people."""
    import signal

    if -code in (signal.SIGXCPU, signal.SIGKILL):
        return f"It used more than about {SECONDS} second of processor time."
    if "MemoryError" in trouble:
        return f"It asked for more than {MEMORY >> 20} MiB of memory."
    last = (trouble.strip().splitlines() or [f"its process ended with {code}"])[-1]
    return f"It could not be run: {_printable(last)}"


# -- the process -----------------------------------------------------------------------------------------------------


def main() -> None:
    """Read a job from stdin, write {"rendered": …} or {"refused": reason} to stdout."""
    job = json.loads(sys.stdin.buffer.read())
    sys.path[:] = job["path"]  # where the parent finds Jinja; nothing of these folders was run at start
    environment = _environment()
    _close()
    json.dump(_answer(environment, job), sys.stdout)


def _environment() -> Any:
    """Jinja as `transformers` sets it up, with less in it."""
    import jinja2.debug
    import jinja2.sandbox

    made = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"], cache_size=0
    )
    made.globals = {name: made.globals[name] for name in GLOBALS} | {"raise_exception": _raise}
    # What Jinja imports when it is needed is imported now: later no file can be opened.
    assert jinja2.debug.__name__ in sys.modules
    made.from_string("{% for a in b %}{{ a.c | trim + '\\n' }}{% endfor %}").render(b=[])
    return made


def _raise(message: object) -> NoReturn:
    import jinja2

    raise jinja2.TemplateError(str(message))


def _close() -> None:
    """Take from this process what a template needs no more, in a way that it cannot take back."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    used = resource.getrusage(resource.RUSAGE_SELF)
    for kind, most in (
        (resource.RLIMIT_AS, pages * resource.getpagesize() + MEMORY),
        (resource.RLIMIT_CPU, round(used.ru_utime + used.ru_stime) + SECONDS),
        (resource.RLIMIT_FSIZE, ANSWER),
        (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def _answer(environment: Any, job: Mapping[str, Any]) -> dict[str, Any]:
    try:
        template = environment.from_string(job["template"])
    except Exception as error:  # noqa: BLE001  whatever the compiler raises, this template cannot be run
        return {"refused": f"It is no Jinja template: {_short(error)}"}
    names = {**job["specials"], "tools": None, "documents": None}  # as `transformers` calls it without any
    found: list[dict[str, str]] = []
    for messages, begins_answer in job["conversations"]:
        pieces: list[str] = []
        length = 0
        try:
            for piece in template.generate(messages=messages, add_generation_prompt=begins_answer, **names):
                pieces.append(piece)
                length += len(piece)
                if length > LARGEST_TEXT:
                    return {"refused": f"It wrote more than {LARGEST_TEXT} characters for a short conversation."}
            found.append({"text": "".join(pieces)})
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  a template may raise what it likes
            found.append({"error": _short(error)})
    return {"rendered": found}


def _short(error: Exception) -> str:
    return _printable(f"{type(error).__name__}: {error}".rstrip(": "))


def _printable(text: str) -> str:
    """What a template says may reach a terminal; it must not steer it."""
    return "".join(character if character.isprintable() else " " for character in text[:200])


if __name__ == "__main__":
    main()
