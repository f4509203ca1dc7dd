"""Chat templates of others: recognised by their text, and run, shut in, in a process of their own.

That process costs a tenth of a second, so that one input in 64 goes to it, chosen by its digest; all are taken apart as
text, and go through Jinja's parser.
"""

from __future__ import annotations

import hashlib
import random

from bench.fuzz.harness import Target, change_bytes

SHARE = 64
SPECIALS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
PIECES = (
    "{% for m in messages %}", "{% endfor %}", "{% if add_generation_prompt %}", "{% endif %}", "{% else %}",
    "{{ m['content'] }}", "{{ m.role }}", "{{ messages[0]['content'] | trim }}", "{%- set x = namespace(a=1) -%}",
    "{{ raise_exception('no') }}", "{{ range(10**9) | list }}", "{% for i in range(99999) %}", "{{ 'a' * 10**9 }}",
    "{{ ''.__class__.__mro__ }}", "{{ x.__init__.__globals__ }}", "{{ ().__class__.__base__.__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}", "{{ self._TemplateReference__context }}",
    "{{ messages.__getattribute__('append')(1) }}", "{{ '%c' * 1000 % 3 }}", "{{ '{0.__class__}'.format(m) }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{% include '/etc/passwd' %}", "{% import 'os' as o %}",
    "{{ messages | map(attribute='__class__') | list }}", "{{ lipsum(99) }}", "{{ 9 ** 9 ** 9 }}", "{# no #}",
    "{% raw %}", "{{ bos_token }}", "{% break %}", "{% continue %}", "{{ '\\ud800' }}", "\n", "  ", "<|im_start|>",
    "<|im_end|>", "{{ messages | tojson }}", "{{ messages | pprint }}", "{{ messages | batch(2) | list }}",
    "{{ 'a' | center(10**10) }}", "{{ [1] | sum(start=messages) }}", "{{ 'x' | attr('__class__') }}",
    "{% filter upper %}", "{% endfilter %}",
)  # fmt: skip


def run(data: bytes) -> None:
    from helder.tokens import chat, matching
    from helder.tokens.template import canonical

    text = data.decode("utf-8", "surrogatepass" if data[:1] == b"\xed" else "replace")
    again = canonical(text)
    assert canonical(text) == again
    if chat.format_of_template(text) is not None:
        assert again, "an empty template has a format"
    chat.default_system_of(text)
    if hashlib.sha256(data).digest()[0] < 256 // SHARE:
        found = matching.match(text, SPECIALS)
        assert found.form.name in chat.FORMATS


def seeds() -> list[bytes]:
    from helder.tokens import chat

    texts = [text for form in chat.FORMATS.values() for text in (form.template, *form.known)]
    return [text.encode() for text in sorted(set(texts)) if text] + [piece.encode() for piece in PIECES]


def mutate(data: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.3:
        return change_bytes(data, chance)
    at, count = chance.randrange(len(data) + 1), chance.choice((0, 0, 1, 8))
    return data[:at] + chance.choice(PIECES).encode() + data[at + count :]


TARGET = Target("template", run, seeds, mutate, words=tuple(piece.encode() for piece in PIECES if piece.isascii()))
