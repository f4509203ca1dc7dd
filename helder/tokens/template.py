"""Chat templates as text: two that differ only in how they are written get the same canonical form.

A template is a Jinja program. Here it is taken apart far enough to see, without running it, that it is written like a
known one: spaces in tags, trim marks `{%- -%}`, kinds of quotes, `a.b` for `a['b']`, and text that is
joined from pieces. White space between tags is treated as `transformers` has Jinja treat it: a block tag swallows the
line end after it and the spaces before it (trim_blocks, lstrip_blocks). Anything else makes another form: no match.
"""

from __future__ import annotations

import re

Token = tuple[str, str]  # kind ("code", "text", "open", "close") and content

_TAG = re.compile(r"({%.*?%}|{{.*?}}|{#.*?#})", re.DOTALL)
_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\'": "'", '\\"': '"', "\\\\": "\\"}
_ATTRIBUTE = re.compile(r"(?<=[\w\]])\.([A-Za-z_]\w*)\b(?!\()")


def canonical(template: str) -> tuple[Token, ...]:
    """The canonical form of a template. Only for comparing with the form of a known one."""
    template = re.sub(r"\r\n?", "\n", template).removesuffix("\n")  # Jinja drops one line end at the end
    parts = _TAG.split(template)
    tokens: list[Token] = []
    for number, text in enumerate(parts[0::2]):
        before = parts[2 * number - 1] if number else ""
        after = parts[2 * number + 1] if 2 * number + 1 < len(parts) else ""
        if kept := _between(text, before, after):
            tokens += [("open", "{{"), ("text", kept), ("close", "}}")]
        if after and not after.startswith("{#"):
            tokens += [("open", after[:2]), *_code(after[2:-2]), ("close", after[-2:])]
    return tuple(_joined(tokens))


def _between(text: str, before: str, after: str) -> str:
    """What is left of the text between two tags."""
    begins_line = not before
    if before.endswith(("-%}", "-}}", "-#}")):
        text = text.lstrip()
    elif before.endswith(("%}", "#}")) and text.startswith("\n"):
        begins_line, text = True, text[1:]
    if after.startswith(("{%-", "{{-", "{#-")):
        return text.rstrip()
    if after.startswith(("{%", "{#")):
        start = text.rfind("\n") + 1
        if (start or begins_line) and not text[start:].strip():
            return text[:start]
    return text


def _code(code: str) -> list[Token]:
    """The inside of a tag: strings by what they mean, code with spaces only where two words meet."""
    code = code.removeprefix("-").removesuffix("-").strip()
    tokens: list[Token] = []
    end = 0
    for found in _STRING.finditer(code):
        raw = found[1] if found[1] is not None else found[2]
        content = re.sub(r"\\.", lambda escape: _ESCAPES.get(escape[0], escape[0]), raw, flags=re.DOTALL)
        tokens += [*_plain(code[end : found.start()]), ("text", content)]
        end = found.end()
    return [*tokens, *_plain(code[end:])]


def _plain(code: str) -> list[Token]:
    """Code without strings; `a.b` becomes `a['b']`."""
    code = re.sub(r"\s+", " ", code).strip()
    code = re.sub(r" ?([^\w ]) ?", r"\1", code)
    tokens: list[Token] = []
    for number, piece in enumerate(_ATTRIBUTE.split(code)):
        tokens += [("code", "["), ("text", piece), ("code", "]")] if number % 2 else [("code", piece)]
    return [token for token in tokens if token[1]]


def _joined(tokens: list[Token]) -> list[Token]:
    """Outputs that follow each other, pieces of code, and strings with a plus between them become one."""
    joined: list[Token] = []
    for token in tokens:
        if token == ("open", "{{") and joined and joined[-1] == ("close", "}}"):
            joined[-1] = token = ("code", "+")
            joined.pop()
        if token[0] == "code" and joined and joined[-1][0] == "code":
            joined[-1] = ("code", joined[-1][1] + token[1])
        elif token[0] == "text" and [one for one, _ in joined[-2:]] == ["text", "code"] and joined[-1][1] == "+":
            joined.pop()
            joined[-1] = ("text", joined[-1][1] + token[1])
        else:
            joined.append(token)
    return joined
