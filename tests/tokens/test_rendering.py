"""A template from outside gets a text and gives a text; whatever else it tries ends in a refusal, soon."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest

from helder.sealed import room
from helder.tokens import rendering
from helder.tokens.rendering import Refused, rendered

QUESTION = [({"role": "user", "content": "2 tabs"},)]


def one(template: str, **specials: str) -> str | Refused:
    return rendered(template, [(QUESTION[0], True)], specials)[0]


def test_a_template_gets_messages_special_tokens_and_what_transformers_gives_it() -> None:
    template = (
        "{{ bos_token }}{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}"
        "{% if m.role == 'tool' %}{% continue %}{% endif %}\n  {% if true %}\n{{ m['content'] | trim }}{% endif %}"
        "{% endfor %}{{ ns.n }}{% if tools is not none %}x{% endif %}{% if strftime_now is defined %}y{% endif %}"
    )
    assert one(template, bos_token="<s>") == "<s>2 tabs1"


def test_an_error_in_one_conversation_says_nothing_of_the_others() -> None:
    template = "{% if messages[0].role == 'system' %}{{ raise_exception('no \x1b[31msystem') }}{% endif %}ok"
    system = {"role": "system", "content": ""}
    first, second = rendered(template, [((system,), True), (QUESTION[0], True)], {})
    assert second == "ok"
    assert str(first) == "TemplateError: no  [31msystem", "and it cannot steer the terminal"


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ ''.__class__.__mro__ }}", "'__class__' of 'str' object is unsafe"),
        ("{{ messages.append(1) }}", "'append' of 'list' object is unsafe"),
        ("{{ messages[0].update({'a': 1}) }}", "'update' of 'dict' object is unsafe"),
        ("{{ '{0.__init__.__globals__}'.format(namespace) }}", "unsafe"),
        ("{{ raise_exception.__globals__.os }}", "unsafe"),
        ("{{ cycler.__init__.__globals__.os.popen('id').read() }}", "unsafe"),
        ("{% include '/etc/passwd' %}", "no loader"),
        ("{% for a in range(10 ** 9) %}{% endfor %}", "Range too big"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion"),
    ],
)
def test_the_sandbox_lets_nothing_out(template: str, reason: str) -> None:
    found = one(template)
    assert isinstance(found, Refused)
    assert reason in str(found)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "processor time"),
        ("{{ 'a' * 10 ** 9 }}", "MiB of memory"),
        ("{% for a in range(99999) %}{{ 'a' * 9999 }}{% endfor %}", "wrote more than 16384 characters"),
        ("{{ " + "(" * 5000 + ")" * 5000 + " }}", "no Jinja template"),
        ("{{", "no Jinja template"),
        ("x" * 70_000, "at most 65536"),
    ],
)
def test_what_does_not_come_to_an_end_is_ended(template: str, reason: str) -> None:
    begin = time.monotonic()
    with pytest.raises(Refused) as caught:
        rendered(template, [(QUESTION[0], True)], {})
    assert reason in str(caught.value)
    assert time.monotonic() - begin < rendering.PATIENCE, "the kernel ends it, not our patience"


@pytest.mark.parametrize(
    "attempt", ["open('/etc/passwd')", "__import__('socket').socket()", "__import__('os').pipe()", "'a' * (1 << 29)"]
)
def test_code_that_came_out_of_the_sandbox_would_still_reach_nothing(attempt: str) -> None:
    program = f"import os, socket\nfrom helder.tokens import rendering\nrendering._close()\nprint({attempt})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Too many open files" in done.stderr or "MemoryError" in done.stderr


def test_the_process_gets_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONSTARTUP", "/nonexistent")
    given: dict[str, object] = {}
    run = room.run

    def spy(command: list[str], *positional: Any, **options: Any) -> Any:
        given.update(options)
        return run(command, *positional, **options)

    monkeypatch.setattr(room, "run", spy)
    assert one("ok") == "ok"
    assert given["env"] == {}
