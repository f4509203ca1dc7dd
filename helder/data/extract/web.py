"""HTML: what a browser would show, by the parser of the HTML standard (lexbor, through selectolax).

Out: markup, scripts, styles, comments, templates, what `hidden`, `aria-hidden` or a style with `display: none` hides
(in the element or by a rule of the page's own style sheets, other than for print), and what a form holds. In: all
else, table cells separated by tabs. What style sheets in other files hide is not known here, and neither is what
scripts would write.

The parser does not say where in the file a text stood. So that it can be told, each run of text is given two private
characters before it is parsed, which count the runs; they are taken out of the result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from helder.data.extract import characters, marks
from helder.data.extract.form import Document, Documents, Extracted, Held, Limits, Pieces, Place, Refused, words
from helder.data.extract.source import Source

DEPTH = 2000  # elements inside one another; the parser's time grows with the square of it (125 s at 200,000)
_FIRST = 0x100000  # the last plane of private characters
_BASE = 60_000  # runs are counted in two digits of this base
_RUN = re.compile(r">(\s*)(?=[^\s<])")
_MARK = re.compile(f"[{chr(_FIRST)}-{chr(_FIRST + _BASE - 1)}]{{2}}")
_MARKS = re.compile(f"({_MARK.pattern})")
_PRIVATE = re.compile("[\U00100000-\U0010ffff]")
_PRIVATE_NUMBER = re.compile(r"&#(?:x0*10[0-9a-f]{4}|0*1(?:0[4-9]|1[01])\d{4})\b", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_NONE = re.compile(r"(?:^|[;\s{])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))", re.IGNORECASE)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_AT_BLOCK = re.compile(r"@[a-z-]+[^{};]*\{(?:[^{}]|\{[^{}]*\})*\}", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
OUT = words(
    "head script style template noscript iframe object embed svg math canvas audio video select datalist "
    "textarea input button noembed noframes"
)
BLOCK = words(
    "address article aside blockquote body dd details dialog div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol p pre section summary table tbody tfoot thead tr "
    "ul caption"
)
LOOSE = words("p li dt dd option tr td th thead tbody tfoot br hr img input meta link col area base wbr source")


def html(source: Source, found: Extracted, limits: Limits) -> Documents:
    """One page, one document."""
    content = source.read(limits.whole)
    declared = _CHARSET.search(content[:4096])
    decoded = characters.decode(content, declared[1].decode("ascii") if declared else None)
    found.facts["encoding"] = decoded.encoding
    text = characters.clean(decoded.text, found.warnings)
    yield page(text, found, limits, decoded.encoding if text is decoded.text else None, decoded.mark)


def page(text: str, found: Extracted, limits: Limits, encoding: str | None, mark: int = 0) -> Document:
    """The document of a page.

    Args:
        encoding: of the file, when bytes of the file can be counted along the text; else places are those of runs.
        mark: bytes before the text.
    """
    if (deep := depth(text)) > DEPTH:
        raise Refused(f"its elements lie {deep:,} deep inside one another")
    runs: list[int] = []
    counted = encoding is not None and not _has_private(text)
    tree = LexborHTMLParser(_RUN.sub(_Counter(runs), text) if counted else text)
    found.marks += marks.of_page(tree)
    hidden = set(_hidden_by_rules(tree))
    pieces = Pieces(limits.text)
    writer = _Writer(pieces, _bytes_at(text, runs, encoding, mark) if counted and encoding else None)
    if (root := tree.root) is not None:
        for kind, value in _walk(root, hidden):
            writer.take(kind, value)
    writer.end()
    if not pieces:
        raise Held("a page without text; perhaps a script writes it")
    title = tree.css_first("title")
    return pieces.document("" if title is None else _MARK.sub("", title.text()) if counted else title.text())


def _has_private(text: str) -> bool:
    """Whether a page has characters of the plane that runs are counted in."""
    own = not text.isascii() and _PRIVATE.search(text) is not None
    return own or ("&#" in text and _PRIVATE_NUMBER.search(text) is not None)


def depth(text: str) -> int:
    """How deep elements lie in one another at the most; an estimate from above that counts no optional end tags."""
    deep = most = 0
    for match in _TAG.finditer(text):
        if match[2].lower() in LOOSE:
            continue
        deep = max(0, deep - 1) if match[1] else deep + 1
        most = max(most, deep)
    return most


class _Counter:
    """Puts the number of a run before it, and keeps where it began (in characters)."""

    def __init__(self, runs: list[int]) -> None:
        self._runs = runs

    def __call__(self, match: re.Match[str]) -> str:
        number = len(self._runs)
        self._runs.append(match.end())
        high, low = divmod(number, _BASE)
        return f">{match[1]}{chr(_FIRST + high)}{chr(_FIRST + low)}"


def _bytes_at(text: str, runs: list[int], encoding: str, mark: int) -> list[int]:
    """For each run, the byte of the file at which it begins."""
    if encoding == "utf-8" and text.isascii():
        return [mark + at for at in runs]
    places, last, read = [], 0, mark
    for at in runs:
        read += len(text[last:at].encode(encoding, "replace"))
        last = at
        places.append(read)
    return places


def _hidden_by_rules(tree: Any) -> Iterator[int]:
    for style in tree.css("style"):
        if (style.attributes.get("media") or "all").strip().lower() not in ("", "all", "screen"):
            continue
        sheet = _AT_BLOCK.sub(" ", _COMMENT.sub(" ", _MARK.sub("", style.text() or "")))
        for selectors, body in _RULE.findall(sheet):
            if not _NONE.search(body):
                continue
            for selector in selectors.split(","):
                if ":" in selector or not selector.strip():
                    continue  # states such as :hover and parts such as ::before are not the element
                try:
                    found = tree.css(selector.strip())
                except (SelectolaxError, ValueError, RuntimeError):
                    continue  # a selector that the parser does not know hides nothing here
                yield from (node.mem_id for node in found)


def _is_hidden(node: Any) -> bool:
    attributes = node.attributes
    if not attributes:
        return False
    if "hidden" in attributes and (attributes["hidden"] or "").lower() != "until-found":
        return True
    style = attributes.get("style")
    return (attributes.get("aria-hidden") or "").lower() == "true" or bool(style and _NONE.search(style))


def _walk(root: Any, hidden: set[int]) -> Iterator[tuple[str, str]]:
    """Texts and the beginnings and ends of elements, in order, without recursion."""
    node, preformatted = root, 0
    while node is not None:
        tag = node.tag
        if tag == "-text":
            yield ("pre" if preformatted else "text"), node.text_content or ""
            inside = None
        elif tag.startswith(("-", "_")) or tag in OUT or node.mem_id in hidden or _is_hidden(node):
            inside = None
        else:
            yield "open", tag
            preformatted += tag == "pre"
            inside = node.child
            if inside is None:
                yield "close", tag
                preformatted -= tag == "pre"
        if inside is not None:
            node = inside
            continue
        while node is not None and node.next is None:
            node = node.parent
            if node is None or node.mem_id == root.mem_id:
                return
            yield "close", node.tag
            preformatted -= node.tag == "pre"
        node = None if node is None else node.next


class _Writer:
    """Makes lines of elements and texts: white space as a browser would, cells of a row separated by tabs."""

    def __init__(self, pieces: Pieces, places: list[int] | None) -> None:
        self._pieces, self._places = pieces, places
        self._place: Place = "the page"
        self._begun = False  # whether the line has anything in it
        self._space = False  # whether a space comes before what follows
        self._tabs = self._cells = 0

    def take(self, kind: str, value: str) -> None:
        if kind in ("text", "pre"):
            self._text(value, kind == "pre")
        elif value in ("td", "th"):
            if kind == "open":
                self._tabs += self._cells > 0
                self._cells += 1
                self._space = False
        elif value == "br":
            if kind == "open":
                self._break()
        elif value in BLOCK:
            # A block in a cell must not end the row's line.
            if self._cells and value not in ("tr", "table", "tbody", "thead", "tfoot"):
                self._space = True
            else:
                self._break()
                self._tabs = self._cells = 0

    def end(self) -> None:
        self._break()

    def _text(self, value: str, preformatted: bool) -> None:
        parts = [value] if self._places is None else _MARKS.split(value)
        for number, part in enumerate(parts):
            if number % 2:
                self._place = self._place_of(part)
            elif preformatted:
                for at, line in enumerate(part.split("\n")):
                    if at:
                        self._break()
                    if line:
                        self._put(line)
            elif part:
                if words := part.split():
                    self._space = self._space or part[0].isspace()
                    self._put(" ".join(words))
                    self._space = part[-1].isspace()
                else:
                    self._space = True

    def _put(self, text: str) -> None:
        if self._tabs:
            self._pieces.add("\t" * self._tabs)
        elif self._space and self._begun:
            self._pieces.add(" ")
        self._pieces.add(text, self._place)
        self._begun, self._space, self._tabs = True, False, 0

    def _place_of(self, mark: str) -> Place:
        number = (ord(mark[0]) - _FIRST) * _BASE + ord(mark[1]) - _FIRST
        return self._places[number] if self._places is not None and number < len(self._places) else self._place

    def _break(self) -> None:
        if self._begun:
            self._pieces.add("\n")
        self._begun = self._space = False
