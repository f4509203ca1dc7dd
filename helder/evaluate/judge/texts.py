"""The program in a text that a model wrote: by stated rules, which never look at what the program does."""

from __future__ import annotations

import re

FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+#-]*)[^\n`]*$", re.MULTILINE)
# What people write behind the three ticks, for each language of the judge.
FENCED = {
    "cpp": ("cpp", "c++", "cc", "cxx"),
    "c": ("c",),
    "python3": ("python", "py", "python3"),
}


def program_in(text: str, language: str) -> str:
    """The program in a text; "" when there is none.

    The rules: what stands before the last `</think>` does not count. Of the blocks between lines that begin with three
    ticks, the last one counts that says it is in the language; where none says so, the last one that says nothing. A
    block that the text ends in is a block.

    Args:
        language: of the judge: "cpp", "c", "python3".
    """
    text = text.rpartition("</think>")[2]
    blocks: list[tuple[str, str]] = []
    opened: re.Match[str] | None = None
    for fence in FENCE.finditer(text):
        if opened is not None:
            blocks.append((opened[1].lower(), text[opened.end() : fence.start()]))
        # A line of ticks with a name opens a block even where the one before was never closed.
        opened = fence if opened is None or fence[1] else None
    if opened is not None:
        blocks.append((opened[1].lower(), text[opened.end() :]))
    for names in (FENCED[language], ("",)):
        found = [code for name, code in blocks if name in names and code.strip()]
        if found:
            return found[-1].strip("\n") + "\n"
    return ""
