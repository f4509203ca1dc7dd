"""E-mails (eml), by the standard library: who wrote to whom about what, and the text.

Of a text that comes as plain text and as HTML, the plain one is taken. Attachments are named in a warning and not read:
save them beside the message.
"""

from __future__ import annotations

from email import errors, message_from_bytes, policy
from email.message import EmailMessage, Message

from helder.data.extract import characters
from helder.data.extract.form import Documents, Extracted, Held, Limits, Pieces, Refused
from helder.data.extract.plain import unix
from helder.data.extract.source import Source

HEADERS = ("From", "To", "Cc", "Date", "Subject")
PARTS = 1000


def eml(source: Source, found: Extracted, limits: Limits) -> Documents:
    """One message, one document; pieces are the headers and the parts."""
    try:
        message = message_from_bytes(source.read(limits.whole), policy=policy.default)
    except (errors.MessageError, ValueError, RecursionError) as error:
        raise Refused(f"it is not a message that can be read ({error})") from None
    assert isinstance(message, EmailMessage)
    pieces = Pieces(limits.text)
    for name in HEADERS:
        if value := _header(message, name):
            pieces.line(f"{name}: {value}", "the headers")
    pieces.add("\n")
    attached: list[str] = []
    number = 0
    for part in _texts(message, attached, 0):
        number += 1
        if number > PARTS:
            raise Refused(f"it has more than {PARTS:,} parts")
        text = _body(part, found, limits)
        if text.strip():
            pieces.add(text.rstrip() + "\n", f"part {number}")
    if attached:
        found.warnings.append(f"attachments were not read: {', '.join(attached[:20])}; save them beside the message")
    broken = [type(defect).__name__ for part in message.walk() for defect in part.defects]
    if any(name in ("StartBoundaryNotFoundDefect", "CloseBoundaryNotFoundDefect") for name in broken):
        found.warnings.append("it is cut short: the end of its last part is missing")
    if number == 0 and not attached:
        raise Held("it has no text")
    yield pieces.document(_header(message, "Subject"))


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name) or "").split())
    except (errors.MessageError, ValueError, IndexError, AttributeError):
        return ""  # the parser of addresses gives up on some; the text stays


def _texts(part: Message, attached: list[str], deep: int) -> list[Message]:
    """The parts with the text of a message, in order."""
    if deep > 50:
        raise Refused("its parts lie too deep inside one another")
    kind = part.get_content_type()
    named = _file_name(part)
    if (
        kind == "message/rfc822"
        or part.get_content_disposition() == "attachment"
        or (named and not part.is_multipart())
    ):
        attached.append(named or kind)
        return []
    inside = part.get_payload()
    if not part.is_multipart() or not isinstance(inside, list):
        if kind.startswith("text/"):
            return [part]
        attached.append(kind)
        return []
    messages = [one for one in inside if isinstance(one, Message)]
    if kind == "multipart/alternative":
        plain = [one for one in messages if one.get_content_type() == "text/plain" and _has_text(one)]
        rich = [one for one in messages if one.get_content_type() != "text/plain"]
        messages = plain[:1] or rich[-1:]
    return [text for one in messages for text in _texts(one, attached, deep + 1)]


def _file_name(part: Message) -> str:
    try:
        return " ".join((part.get_filename() or "").split())
    except (errors.MessageError, ValueError, LookupError):
        return "unnamed"


def _has_text(part: Message) -> bool:
    content = part.get_payload(decode=True)
    return isinstance(content, bytes) and bool(content.strip())


def _body(part: Message, found: Extracted, limits: Limits) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        declared = part.get_content_charset()
    except (errors.MessageError, ValueError, LookupError):
        declared = None
    text = unix(characters.clean(characters.decode(content, declared).text, found.warnings))
    if part.get_content_type() != "text/html":
        return text
    from helder.data.extract import web

    return web.page(text, found, limits, None).text
