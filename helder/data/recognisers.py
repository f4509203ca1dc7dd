"""Where personal data and secrets stand in a text, by their forms and, where there are any, by their check digits.

It knows nothing of policies and documents (`helder.data.personal`) and works on the bytes of UTF-8, so that a place is
one of the file's and a search runs at the speed of the C library. Each recogniser looks for something cheap and rare
first (a sign, a word, a run of digits) and for the whole form only around it.

What forms cannot find: names, places without a street or a postcode, numbers of kinds that are not listed, data that
are spelled out. A text without findings is not an anonymous text.
"""

from __future__ import annotations

import bisect
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from helder.data import checksums
from helder.data.beginnings import Beginnings

KINDS = ("secret", "iban", "card", "e-mail", "ip", "bsn", "nhs", "ssn", "phone", "date-of-birth", "address")
"""In the order in which they win where two would stand in the same place: a check digit says more than a form."""


def _split(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _split_bytes(text: str) -> frozenset[bytes]:
    return frozenset(text.encode("utf-8").split())


class Span(NamedTuple):
    """A place in a text: bytes `start` to `end` of its UTF-8."""

    start: int
    end: int
    kind: str


def spans(data: bytes) -> list[Span]:
    """All that is found in a text, in its order; where two overlap, the kind that stands first in `KINDS` wins."""
    return spans_of([data])[0]


def spans_of(texts: Sequence[bytes]) -> list[list[Span]]:
    """As `spans`, of each text: what says where to look is asked of all of them at once."""
    joined = b"\n".join([*texts, b""])  # no number goes on behind the end of a line
    lower, shape = joined.lower(), joined.translate(_SHAPE)
    sizes = np.fromiter((len(text) + 1 for text in texts), np.int64, len(texts))
    ends = np.cumsum(sizes)
    there = _BEGINNINGS.among_each(lower, ends)
    places = _may_start(shape)
    cuts = np.searchsorted(places, ends).tolist()
    made, first = [], 0
    for data, begin, end, words, last in zip(texts, (ends - sizes).tolist(), ends.tolist(), there, cuts, strict=True):
        small = lower[begin : end - 1]
        found = [
            *_secrets(data, small, words),
            *_mails(data),
            *_numbers(data, _starts(shape[begin : end - 1], (places[first:last] - begin).tolist())),
            *_ipv6(data),
            *_births(data, small, words),
            *_streets(data, small, words),
        ]
        made.append(_without_overlaps(found) if found else [])
        first = last
    return made


def _without_overlaps(found: list[Span]) -> list[Span]:
    rank = {kind: place for place, kind in enumerate(KINDS)}
    taken: list[Span] = []  # in the order of the text
    for span in sorted(set(found), key=lambda span: (rank[span.kind], span.start - span.end, span.start)):
        place = bisect.bisect(taken, span)
        if place and taken[place - 1].end > span.start:
            continue
        if place < len(taken) and taken[place].start < span.end:
            continue
        taken.insert(place, span)
    return taken


# -- e-mail ----------------------------------------------------------------------------------------------

_LOCAL = re.compile(rb"(?:[A-Za-z0-9._%+'-]|[\x80-\xbf]\xc3)*")  # read backwards
_DOMAIN = re.compile(
    rb"@((?:(?:[A-Za-z0-9-]|\xc3[\x80-\xbf]){1,63}\.){1,8}([A-Za-z][A-Za-z0-9-]{1,23}))(?![A-Za-z0-9])(?!\.[A-Za-z0-9])"
)
_FILES = {b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"css", b"js", b"service", b"html"}  # logo@2x.png


def _mails(data: bytes) -> Iterator[Span]:
    for domain in _DOMAIN.finditer(data):
        if domain[2].lower() not in _FILES:
            place = domain.start()
            local = _LOCAL.match(data[max(0, place - 64) : place][::-1])  # RFC 5321: at most 64 octets
            written = local[0].rstrip(b".'-") if local else b""
            if written:
                yield Span(place - len(written), domain.end(), "e-mail")


# -- numbers ---------------------------------------------------------------------------------------------

# What stands between the groups of a number: a blank, stop or dash, their unbreakable and longer forms.
_GAP = rb"(?:[ .-]|\xc2\xa0|\xe2\x80[\x90-\x93\xaf])"
# All digits become 0 and all capitals A: then a search begins with one byte, which the C library finds by itself.
_SHAPE = bytes(48 if 48 <= byte <= 57 else 65 if 65 <= byte <= 90 else byte for byte in range(256))
_START = re.compile(
    rb"0(?:"
    rb"(?:(?:[ .\-/()]{0,3}|\xc2\xa0|\xe2\x80[\x90-\x93\xaf])0){6,}"  # seven digits or more
    rb"|0{0,2}(?:\.0{1,3}){3}"  # an IPv4 address
    rb"|000 ?AA(?![A-Za-z0])"  # a Dutch postcode
    rb"|A?(?: |\xc2\xa0)?0AA(?![A-Za-z0])"  # the end of a British one
    rb"|0000(?:-0000(?!0)|(?: |\xc2\xa0)(?=[A\xc3])|(?![0A-Za-z]))"  # a German or American one
    rb"|000(?: |\xc2\xa0)(?=[A\xc3])"  # an Austrian or Swiss one
    rb")"
)
_LINKS = np.zeros(256, dtype=np.bool_)
_LINKS[list(b"0 .-/()\xc2\xe2")] = True  # what may follow a digit inside of a number
_IPV4 = re.compile(rb"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9]|\.[0-9])")
_CARD = re.compile(
    rb"(?=(?<![0-9])([0-9]{4}%s[0-9]{4}%s[0-9]{4}%s[0-9]{1,4}(?:%s[0-9]{1,3})?|[0-9]{4}%s[0-9]{6}%s[0-9]{4,5}|"
    rb"[0-9]{12,19})(?![0-9]))" % ((_GAP,) * 6)
)
_BSN = re.compile(
    rb"(?=(?<![0-9])([0-9]{9}|[0-9]{4}%s[0-9]{2}%s[0-9]{3}|[0-9]{3}%s[0-9]{3}%s[0-9]{3})(?![0-9]))" % ((_GAP,) * 4)
)
_NHS = re.compile(rb"(?=(?<![0-9])([0-9]{10}|[0-9]{3}%s[0-9]{3}%s[0-9]{4})(?![0-9]))" % ((rb"(?: |\xc2\xa0)",) * 2))
_SSN = re.compile(rb"(?=(?<![0-9])([0-9]{3}([ -])[0-9]{2}\2[0-9]{4}|[0-9]{9})(?![0-9]))")
_SSN_WORDS = re.compile(rb"(?i)\bssn\b|social\s+security")
_IBAN = re.compile(rb"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:(?: |-|\xc2\xa0)?[A-Za-z0-9]){11,30}")
_NOT_DIGITS = re.compile(rb"[^0-9]+")
_VERSION = re.compile(rb"(?i)(?:\bv|version:?|versie:?|release|\bver\.?)\s?\Z")
_HEADING = re.compile(rb"\.? +[A-Z]")  # 6.6.3.1 Event reading
_WORD_BEFORE = re.compile(rb"(?:[A-Za-z0-9_]|[0-9][.,])\Z")


def _numbers(data: bytes, starts: Iterable[re.Match[bytes]]) -> Iterator[Span]:
    """Everything that is made of digits, and the addresses whose postcode is.

    Args:
        starts: what `_START` matches in the text.
    """
    for match in starts:
        start, end = match.span()
        run = data[start:end]
        if len(run) >= 7 and run.count(b".") >= 3:
            yield from _ipv4(data, start, end)
        count = match[0].count(b"0")
        if count >= 7 and not (count == 8 and _DATE_LIKE.fullmatch(run)):
            accounts = list(_ibans(data, start, end)) if _COUNTRY.search(data, max(0, start - 24), end) else []
            yield from (Span(first, last, "iban") for first, last, right in accounts if right)
            found = [*_checked(data, start, run)] if count >= 9 else []
            for span in (*found, *_phones(data, start, run)):
                # The inside of what looks like an IBAN is no number of its own, also when its check digits are wrong.
                if all(span.end <= first or last <= span.start for first, last, _ in accounts):
                    yield span
        if count in (4, 5, 9) or b"A" in match[0]:
            yield from _postcodes(data, start, end)


def _starts(shape: bytes, places: Iterable[int]) -> Iterator[re.Match[bytes]]:
    """The matches of `_START`, as `finditer` gives them, tried only at some places, all where there may be one."""
    done = 0
    for place in places:
        if place >= done and (match := _START.match(shape, place)):
            done = match.end()
            yield match


def _may_start(shape: bytes) -> NDArray[np.int64]:
    """Places of digits of which `_START` does not say at once that nothing begins there, in their order."""
    signs = np.frombuffer(shape + bytes(8), dtype=np.uint8)
    digits = np.flatnonzero(signs[:-8] == 48)
    # Places of the next six digits; far away behind the last. A digit is linked when the next one can be of its number.
    after = np.concatenate([digits, np.arange(1, 7) * 100 + len(shape)])
    linked = _LINKS[signs[digits + 1]]
    linked &= after[1:-5] - digits <= 4
    linked = np.concatenate([linked, np.zeros(6, dtype=np.bool_)])
    count = len(digits)
    three = linked[:count] & linked[1 : count + 1] & linked[2 : count + 2]
    seven = three & linked[3 : count + 3] & linked[4 : count + 4] & linked[5 : count + 5]
    dots = signs == 46
    address = three & (dots[digits + 1] | dots[digits + 2] | dots[digits + 3])
    four = after[3:-3] - digits == 3
    five = four & (after[4:-2] - digits == 4)
    fifth = signs[digits + 4]
    sixth = signs[digits + 5]
    capital = (sixth == 65) | (sixth == 0xC3)
    four &= (fifth == 65) | (fifth == 0xC2) | ((fifth == 32) & capital)
    second = after[1:-5]
    british = (signs[second.clip(max=len(shape)) + 1] == 65) & (second - digits <= 4)
    found: NDArray[np.int64] = digits[seven | address | four | five | british]
    return found


_COUNTRY = re.compile(rb"[A-Za-z]{2}[0-9]{2}")


def _digits(text: bytes) -> str:
    return _NOT_DIGITS.sub(b"", text).decode("ascii")


def _free(data: bytes, start: int, end: int) -> bool:
    """Whether a number stands by itself: not in a word, not behind a decimal point, not before a decimal part."""
    before, after = data[max(0, start - 2) : start], data[end : end + 2]
    if _WORD_BEFORE.search(before) or after[:1].isalnum() or after[:1] == b"_":
        return False
    return not (after[:1] in (b".", b",") and after[1:].isdigit())


def _ipv4(data: bytes, start: int, end: int) -> Iterator[Span]:
    for match in _IPV4.finditer(data, start, min(len(data), end + 2)):
        parts = [int(part) for part in match[0].split(b".")]
        free = not data[match.start() - 1 : match.start()].isalnum() if match.start() else True
        if max(parts) > 255 or parts[0] in (0, 127, 255) or not free or data[match.end() : match.end() + 1].isalpha():
            continue  # this machine itself, a mask, or no address
        before = data[max(0, match.start() - 10) : match.start()]
        heading = _HEADING.match(data, match.end()) and not before.rstrip(b" \t").rpartition(b"\n")[2]
        if not (_VERSION.search(before) or heading):
            yield Span(match.start(), match.end(), "ip")


def _ibans(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether its check digits are right) of what has the form and the length of a country's IBAN."""
    # The account begins with the country, two check digits and perhaps a bank's letters and branch before this run.
    for match in _IBAN.finditer(data, max(0, start - 24), min(len(data), end + 42)):
        length = checksums.IBAN_LENGTHS.get(match[0][:2].decode("ascii").upper())
        if length is None:
            continue
        kept, stop = bytearray(), match.start()
        for byte in match[0]:
            stop += 1
            if byte < 128 and chr(byte).isalnum():
                kept.append(byte)
            if len(kept) == length:
                break
        if len(kept) == length and not data[stop : stop + 1].isalnum():
            yield match.start(), stop, checksums.is_iban(kept.decode("ascii"))


def _checked(data: bytes, start: int, run: bytes) -> Iterator[Span]:
    """Cards, Dutch and British numbers by their check digits, American ones by their form or the word before them."""
    for kind, pattern in (("card", _CARD), ("bsn", _BSN), ("nhs", _NHS), ("ssn", _SSN)):
        for match in pattern.finditer(run):
            first, last = start + match.start(1), start + match.end(1)
            digits = _digits(match[1])
            bare = len(match[1]) == len(digits)
            american = _SSN_WORDS.search(data[max(0, first - 40) : first]) is not None
            if kind == "card":
                right = checksums.is_card(digits)
            elif kind == "bsn":
                right = checksums.is_bsn(digits) and not (american and checksums.is_ssn(digits))
            elif kind == "nhs":  # three, three and four with a 0 before them is a telephone
                right = checksums.is_nhs(digits) and checksums.is_issued_nhs(digits) and (bare or digits[0] != "0")
            else:
                right = (not bare or american) and checksums.is_ssn(digits)
            if right and _free(data, first, last):
                yield Span(first, last, kind)


# -- phone -----------------------------------------------------------------------------------------------

_PHONE_WORDS = re.compile(
    rb"(?i)(?:\btel|phone|mobile|mobiel|\bgsm|\bfax|\bcall|\bbel(?:len)?\b|handy|portable|t\xc3\xa9l)[^0-9\n]{0,20}\Z"
)
# Country codes of one and two digits; all others have three (ITU-T E.164).
_CODES = _split("""
    1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86
    90 91 92 93 94 95 98
""")
_CODES_OF_THREE = re.compile(r"2[1-69]\d|3[578]\d|42\d|50\d|59\d|6[789]\d|80\d|8[58-9]\d|87\d|88\d|96\d|97\d|99\d")
# Digits behind the country code where the plan is fixed (national numbering plans).
_NATIONAL = {"1": (10, 10), "31": (9, 9), "32": (8, 9), "33": (9, 9), "44": (9, 10), "49": (6, 12), "34": (9, 9)}
# The first digits of Dutch numbers (ACM, numbering plan for telephony).
_DUTCH = re.compile(r"0(?:1[0135-8]|2[0-46-9]|3[0-8]|4[013-9]|5[0-58]|6[1-58]|7[0-9]|8[0458]|9[01])")
_BRITISH = re.compile(r"0(?:1[1-9]|2[03489]|3[0347]|5[56]|7[1-9]|8[04-7])")
_FRENCH = re.compile(rb"0[1-9](?:%s[0-9]{2}){4}" % _GAP)
_AREA_FIRST = re.compile(rb"0[1-9][0-9]{1,4}\)?(?: ?[/-] ?| )[0-9]")  # Germany, Austria, Belgium
# With blanks only, it may as well be an NHS number.
_AMERICAN = re.compile(
    rb"(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[ .-]|[2-9][0-9]{2}[.-][2-9][0-9]{2}[.-])[0-9]{4}(?![0-9])"
)
_SHORT_FIRST = re.compile(rb"0[^0-9]")  # a single 0 before the first gap: a row of numbers
_DATE_LIKE = re.compile(
    rb"\(?[0-9]{1,2}([-/.])[0-9]{1,2}\1(?:19|20)[0-9]{2}|(?:19|20)[0-9]{2}([-/.])[0-9]{2}\2[0-9]{2}"
)


def _phones(data: bytes, start: int, run: bytes) -> Iterator[Span]:
    begin = start
    while begin and data[begin - 1 : begin] in (b"(", b"+"):  # "(+31) 20", "(020) 123"
        begin -= 1
    text = data[begin : start + len(run)]
    before = data[max(0, begin - 40) : begin]
    if _WORD_BEFORE.search(before[-2:]) or data[start + len(run) : start + len(run) + 1].isalnum():
        return
    for where, piece in _pieces(text):
        if _is_phone(piece, before if not where else data[max(0, begin + where - 40) : begin + where]):
            yield Span(begin + where, begin + where + len(piece), "phone")


_SENTENCES = re.compile(rb"(?<=[0-9])(?:\. | {2,3})")
_LAST = re.compile(rb"(?<=[0-9] )(?:0[0-9]{9}|0[0-9]{1,3}-[0-9]{6,8})\Z")


def _pieces(text: bytes) -> Iterator[tuple[int, bytes]]:
    """What may be a number in a run of digits: the run, what stands apart in it, and a whole number at its end."""
    place = 0
    for part in _SENTENCES.split(text):
        where = text.index(part, place)
        place = where + len(part)
        yield where, part
        last = _LAST.search(part)
        if last and not _is_phone(part, b""):
            yield where + last.start(), last[0]


def _is_phone(text: bytes, before: bytes) -> bool:
    digits = _digits(text)
    national = text.lstrip(b"(").startswith(b"+")
    if national or digits.startswith("00"):
        bare = _digits(text.replace(b"(0)", b""))
        return _is_international(bare if national else bare.removeprefix("00"))
    if _DATE_LIKE.match(text):
        return False
    if _PHONE_WORDS.search(before) and 7 <= len(digits) <= 15:
        return True
    if digits.startswith("0"):
        if _SHORT_FIRST.match(text):
            return False
        if len(digits) == 10 and (_is_dutch(text, digits) or _FRENCH.fullmatch(text)):
            return True
        if len(digits) in (10, 11) and _BRITISH.match(digits):
            return len(digits) == 11 or b" " in text
        threes = [len(group) for group in _NOT_DIGITS.split(text)] == [3, 3, 3]  # as a Dutch number is written
        return 9 <= len(digits) <= 12 and not threes and _AREA_FIRST.match(text.lstrip(b"(")) is not None
    return _AMERICAN.fullmatch(text) is not None


def _is_dutch(text: bytes, digits: str) -> bool:
    """Ten digits that begin as Dutch numbers do, in groups that are written; 0417 1643 01 is the end of an IBAN."""
    groups = [len(group) for group in _NOT_DIGITS.split(text.strip(b"()"))]
    return _DUTCH.match(digits) is not None and (len(groups) == 1 or groups != [4, 4, 2])


def _is_international(digits: str) -> bool:
    """Country code and up to 15 digits in all (ITU-T E.164), of the length that the country uses where it is fixed."""
    if not 8 <= len(digits) <= 15:
        return False
    for size in (1, 2, 3):
        code = digits[:size]
        if code in _CODES or (size == 3 and _CODES_OF_THREE.fullmatch(code)):
            least, most = _NATIONAL.get(code, (5, 14))
            return least <= len(digits) - size <= most
    return False


# -- internet addresses ----------------------------------------------------------------------------------

_COLONS = re.compile(rb":(?::|[0-9A-Fa-f]{1,4}:)")
_HEX = b"0123456789abcdefABCDEF:."


def _ipv6(data: bytes) -> Iterator[Span]:
    done = 0
    for match in _COLONS.finditer(data):
        start, end = match.span()
        if start < done:
            continue
        while start and data[start - 1] in _HEX and match.start() - start < 40:
            start -= 1
        while end < len(data) and data[end] in _HEX and end - match.end() < 40:
            end += 1
        done = end
        text = data[start:end].rstrip(b".")
        if text.endswith(b":") and not text.endswith(b"::"):
            text = text[:-1]
        whole = not (data[start - 1 : start].isalnum() or data[start - 1 : start] == b"_") if start else True
        after = data[start + len(text) : start + len(text) + 1]
        if whole and not after.isalnum() and after not in (b":", b"_") and _is_ipv6(text):
            yield Span(start, start + len(text), "ip")


def _is_ipv6(text: bytes) -> bool:
    """RFC 4291, except the unspecified address and the machine itself; two groups at least: `a::b` is also C++."""
    import ipaddress

    groups = [group for group in re.split(rb":+", text) if group]
    if len(groups) < 2 or not any(byte in b"0123456789" for byte in text):
        return False
    try:
        address = ipaddress.IPv6Address(text.decode("ascii"))
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


# -- dates of birth --------------------------------------------------------------------------------------

_SPACES = (b" ", b"\t", b"\n", b"\r", b"\f", b"\v")
_BIRTHS = tuple(  # each with four bytes, for each of its forms, by which it is looked for
    (_split_bytes(beginnings), re.compile(pattern))
    for beginnings, pattern in (
        ("born", rb"born\b"),
        ("irth", rb"birth(?:\s?date|\s?day)?\b"),
        ("", rb"dob\b"),
        ("d.o.", rb"d\.o\.b\b\.?"),
        ("ebor eboo ebur geb.", rb"geb(?:oren|oorte[a-z]*|urts[a-z]*|\.)"),
        ("issa", rb"naissance\b"),
    )
)
_BORN_IN_FRENCH = (
    frozenset(b"n\xc3\xa9" + sign for sign in (b"e", b"(", *_SPACES)),
    re.compile(rb"n\xc3\xa9e?(?:\(e\))?\s"),
)
_MONTHS = _split("""
    january february march april may june july august september october november december jan feb mar apr jun jul aug
    sep sept oct nov dec januari februari maart mei juni juli augustus oktober december mrt okt januar februar märz mai
    juni juli oktober dezember dez mär janvier février fevrier mars avril mai juin juillet août aout septembre octobre
    novembre décembre decembre janv févr avr juil déc jänner
""")
_MONTH = "(?:" + "|".join(sorted(_MONTHS, key=lambda month: (-len(month), month))) + r")\b\.?"
_YEAR = r"(?:18|19|20)\d\d"
_DATE = re.compile(
    rf"(?<!\d)(?:\d{{1,2}}([-/. ])\s?\d{{1,2}}\1\s?(?:{_YEAR}|\d\d)|{_YEAR}([-/.])\d{{1,2}}\2\d{{1,2}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|er|e)?\.?(?:\s|-)+(?:of\s)?{_MONTH}(?:\s|,|-)+{_YEAR}"
    rf"|{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?,?\s{_YEAR})(?!\d)",
    re.IGNORECASE,
)
BIRTH_REACH = 60  # bytes from the word to the end of the date's beginning (assumption)


def _births(data: bytes, lower: bytes, there: set[bytes]) -> Iterator[Span]:
    for beginnings, pattern in _BIRTHS if data.isascii() else (*_BIRTHS, _BORN_IN_FRENCH):
        if beginnings and beginnings.isdisjoint(there):
            continue
        for word in pattern.finditer(lower):
            if data[word.start() - 1 : word.start()].isalpha() and word.start():
                continue
            window = data[word.end() : word.end() + BIRTH_REACH + 24].decode("utf-8", "surrogateescape")
            date = _DATE.search(window)
            if date and len(window[: date.start()].encode("utf-8", "surrogateescape")) <= BIRTH_REACH:
                first = word.end() + len(window[: date.start()].encode("utf-8", "surrogateescape"))
                yield Span(first, first + len(date[0].encode("utf-8", "surrogateescape")), "date-of-birth")


# -- postal addresses ------------------------------------------------------------------------------------

_NAME = rb"(?:[A-Z]|\xc3[\x80-\x9e])(?:[A-Za-z'.-]|\xc3[\x80-\xbf])*"
_SP = rb"(?: |\xc2\xa0)"
_LINE = rb"(?:,?%s?\n%s{0,4}|,%s|%s)" % ((_SP,) * 4)  # between street and place
_HOUSE = rb"[0-9]{1,5}(?:%s?(?:[a-zA-Z]{1,2}|[IVX]{1,4}))?(?:%s?[-/]%s?[0-9A-Za-z]{1,4})?" % ((_SP,) * 3)
_STREET_NUMBER = re.compile(
    rb"(?:%s(?:%s(?:%s|[a-z]{1,4}|[0-9]{1,4}))*?)%s%s%s\Z" % (_NAME, _SP, _NAME, _SP, _HOUSE, _LINE)
)  # Kerkstraat 12a,
_NUMBER_STREET = re.compile(
    rb"(?<![A-Za-z0-9])[0-9]{1,5}[A-Za-z]?%s(?:%s%s?){1,5}(?:%s(?:%s%s?){1,3}){0,3}(?:%s)?\Z"
    % (_SP, _NAME, _SP, _LINE, _NAME, _SP, _LINE)
)  # 12 High Street, London
_DUTCH_CODE = re.compile(rb"[1-9][0-9]{3}(?: |\xc2\xa0)?(?!SA|SD|SS)[A-Z]{2}(?![A-Za-z0-9])")
_GERMAN_CODE = re.compile(rb"(?:D-|A-|CH-)?[0-9]{4,5}(?: |\xc2\xa0)(?=[A-Z]|\xc3[\x80-\x9e])")
_BRITISH_CODE = re.compile(rb"(?<![A-Za-z0-9])[A-Z]{1,2}[0-9][A-Z0-9]?(?: |\xc2\xa0)?[0-9][A-Z]{2}(?![A-Za-z0-9])")
_AMERICAN_CODE = re.compile(rb"(?<![A-Za-z0-9])[A-Z]{2} [0-9]{5}(?:-[0-9]{4})?(?![0-9A-Za-z])")
_CAPITAL = re.compile(rb"[A-Z\xc3]")  # which each of them has, in it or behind it
_SMALL = rb"(?:op|aan|an|am|bei|ob|in|im|de|den|der|het|'t|la|le|sur|upon)"  # Bergen op Zoom, Frankfurt am Main
_PLACE = re.compile(rb"%s?%s(?:(?:%s%s){0,2}(?:%s|-)%s){0,2}" % (_SP, _NAME, _SP, _SMALL, _SP, _NAME))
_STATES = _split("""
    AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI
    SC SD TN TX UT VT VA WA WV WI WY DC PR
""")
REACH = 100  # bytes of an address before its postcode (assumption)


def _postcodes(data: bytes, start: int, end: int) -> Iterator[Span]:
    """Addresses by their postcode: street and number before it, the place behind it or before it."""
    if not _CAPITAL.search(data, max(0, start - 4), end + 5):
        return
    code = _DUTCH_CODE.match(data, start)
    if code:
        street = _STREET_NUMBER.search(data[max(0, start - REACH) : start])
        if street:
            place = _PLACE.match(data, code.end())
            yield Span(start - len(street[0]), place.end() if place else code.end(), "address")
        return
    code = _GERMAN_CODE.match(data, start)
    if code:
        begin = start
        for prefix in (b"D-", b"A-", b"CH-"):
            if data[max(0, start - len(prefix)) : start] == prefix:
                begin = start - len(prefix)
        street = _STREET_NUMBER.search(data[max(0, begin - REACH) : begin])
        place = _PLACE.match(data, code.end())
        if street and place:
            yield Span(begin - len(street[0]), place.end(), "address")
            return
    for pattern, reach in ((_BRITISH_CODE, 4), (_AMERICAN_CODE, 3)):
        code = pattern.search(data, max(0, start - reach), end + 5)
        if code is None or (pattern is _AMERICAN_CODE and code[0][:2].decode("ascii") not in _STATES):
            continue
        street = _NUMBER_STREET.search(data[max(0, code.start() - REACH) : code.start()])
        if street:
            yield Span(code.start() - len(street[0]), code.end(), "address")


_HOUSE_AFTER = rb"\.?%s%s(?![0-9A-Za-z])" % (_SP, _HOUSE)
_STREET_WORDS = (
    (
        _split_bytes("traa raß rass str."),
        re.compile(rb"str(?:aat|a\xc3\x9fe|asse|\.)%s" % _HOUSE_AFTER.replace(rb"\.?", b"", 1)),
        "name first",
    ),
    (_split_bytes("laan"), re.compile(rb"laan%s" % _HOUSE_AFTER), "name first"),
    (_split_bytes("rach"), re.compile(rb"gracht%s" % _HOUSE_AFTER), "name first"),
    (_split_bytes("reet"), re.compile(rb"street\b"), "number first"),
    (_split_bytes("venu"), re.compile(rb"avenue\b"), "number first"),
    (_split_bytes("road"), re.compile(rb"road\b"), "number first"),
)
_STREET_NAME = re.compile(rb"%s(?:%s%s)?-?\Z" % (_NAME, _SP, _NAME))
_HOUSE_BEFORE = re.compile(rb"(?<![A-Za-z0-9.,:-])[0-9]{1,5}[A-Za-z]?%s(?:%s%s){1,4}\Z" % (_SP, _NAME, _SP))


def _streets(data: bytes, lower: bytes, there: set[bytes]) -> Iterator[Span]:
    """A street and a number without a postcode: Kerkstraat 12, Musterstr. 5, 12 High Street."""
    for beginnings, pattern, form in _STREET_WORDS:
        if beginnings.isdisjoint(there):
            continue
        for match in pattern.finditer(lower):
            window = data[max(0, match.start() - 60) : match.start()]
            if form == "name first":
                before = _STREET_NAME.search(window)
                if before:
                    yield Span(match.start() - len(before[0]), match.end(), "address")
            elif data[match.start() : match.start() + 1].isupper():
                numbered = _HOUSE_BEFORE.search(window)
                if numbered:
                    yield Span(match.start() - len(numbered[0]), match.end(), "address")


# -- secrets and keys ------------------------------------------------------------------------------------


def _followed(text: bytes, by: str) -> frozenset[bytes]:
    """Three bytes, and each byte that may follow them."""
    return frozenset(text + sign.encode("ascii") for sign in by)


_ALNUM = "abcdefghijklmnopqrstuvwxyz0123456789"
# Forms as their issuers document them, each with four bytes, in small letters, of which every match has some.
_TOKENS = (
    # AWS access keys, Google API keys
    (
        _split_bytes("akia asia aiza"),
        re.compile(rb"A(?:[KS]IA[0-9A-Z]{16}(?![0-9A-Za-z])|Iza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-]))"),
    ),
    # JSON Web Tokens (RFC 7519)
    (_split_bytes(".eyj"), re.compile(rb"eyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}")),
    # SendGrid
    (
        _followed(b"sg.", _ALNUM + "_-"),
        re.compile(rb"SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}(?![0-9A-Za-z_-])"),
    ),
)
_AFTER_LINE = re.compile(rb"_[0-9A-Za-z]{16}")  # ghp_, github_pat_, sk_live_, npm_, hf_
_AFTER_DASH = re.compile(rb"-[0-9A-Za-z_]{12}")  # glpat-, xoxb-, pypi-, sk-
_LINE_TOKEN = re.compile(
    rb"(?<![0-9A-Za-z])(?:gh[pousr]_[0-9A-Za-z]{36,251}|github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}"
    rb"|[srp]k_(?:live|test)_[0-9A-Za-z]{16,99}|npm_[0-9A-Za-z]{36}|hf_[0-9A-Za-z]{34})(?![0-9A-Za-z])"
)
_DASH_TOKEN = re.compile(
    rb"(?<![0-9A-Za-z])(?:glpat-[0-9A-Za-z_-]{20,}|xox[abeprs]-[0-9A-Za-z-]{20,}|pypi-[0-9A-Za-z_-]{50,}"
    rb"|sk-(?:proj-|ant-)?[0-9A-Za-z_-]{32,})"
)
_PREFIXED = (
    (
        _split_bytes("ghp_ gho_ ghu_ ghs_ ghr_ _pat k_li k_te npm_") | _followed(b"hf_", _ALNUM),
        _AFTER_LINE,
        _LINE_TOKEN,
    ),
    (
        _split_bytes("lpat pypi") | _followed(b"xox", "abeprs") | _followed(b"sk-", _ALNUM + "_-"),
        _AFTER_DASH,
        _DASH_TOKEN,
    ),
)
_KEY_BEGIN = _split_bytes("key-")
_KEY = re.compile(
    rb"-----BEGIN ([A-Z ]{0,20})PRIVATE KEY-----(?:(?!-----END)[\s\S]){0,20000}(?:-----END \1PRIVATE KEY-----)?"
)
_URL_PASSWORD = re.compile(rb"://([^\s/:@\"'<>]{1,64}:([^\s/@\"'<>]{3,128}))@")
_ASSIGNED = rb"[a-z_-]{0,20}[\"']?\s{0,3}(?::=|=>|:|=)\s{0,3}[\"']?([^\s\"'`,;<>(){}\[\]]{8,200})(?![^\s\"'`,;.)}\]])"
_NAMED = tuple(
    (_split_bytes(beginnings), re.compile(pattern + _ASSIGNED))
    for beginnings, pattern in (
        ("assw", rb"passw(?:or[dt])?"),
        ("htwo", rb"wachtwoord"),
        ("ecre", rb"secret"),
        ("oken", rb"token"),
        ("api_ api- apik", rb"api[_-]?key"),
    )
)
_WORDS = re.compile(rb"(?:[a-z]+[-_.])+[a-z]*[0-9]{0,4}")  # scram-sha-256
LEAST_ENTROPY = 2.8  # bits a character over the value itself; "changeme123" has 3.1, "aaaaaaaa1" 0.8 (assumption)


def _secrets(data: bytes, lower: bytes, there: set[bytes]) -> Iterator[Span]:
    for parts, pattern in _TOKENS:
        for match in pattern.finditer(data) if not parts.isdisjoint(there) else ():
            yield Span(match.start(), match.end(), "secret")
    for parts, hint, pattern in _PREFIXED:
        for near in hint.finditer(data) if not parts.isdisjoint(there) else ():
            token = pattern.search(data, max(0, near.start() - 40), near.end() + 260)
            if token and token.start() <= near.start() < token.end():
                yield Span(token.start(), token.end(), "secret")
    if not _KEY_BEGIN.isdisjoint(there):
        for match in _KEY.finditer(data):
            yield Span(match.start(), match.end(), "secret")
    for match in _URL_PASSWORD.finditer(data):
        if match[2][:1] not in (b"$", b"{", b"*") and match[2] not in (b"password", b"pass", b"passwd"):
            yield Span(match.start(1), match.end(1), "secret")
    for beginnings, pattern in _NAMED:
        if not beginnings.isdisjoint(there):
            for match in pattern.finditer(lower):
                if _looks_secret(data[match.start(1) : match.end(1)]):
                    yield Span(match.start(1), match.end(1), "secret")


def _looks_secret(value: bytes) -> bool:
    """Letters and digits in no order: not a name, a path, a variable or a row of the same sign."""
    letters = any(chr(byte).isalpha() for byte in value if byte < 128)
    digits = any(byte in b"0123456789" for byte in value)
    if (
        not (letters and digits)
        or _WORDS.fullmatch(value)
        or value[:1] in (b"$", b"/", b"%", b"*")
        or b"://" in value
        or b"..." in value
    ):
        return False
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values()) >= LEAST_ENTROPY


_BEGINNINGS = Beginnings(
    word
    for words in (
        *(birth[0] for birth in (*_BIRTHS, _BORN_IN_FRENCH)),
        *(street[0] for street in _STREET_WORDS),
        *(token[0] for token in (*_TOKENS, *_PREFIXED)),
        _KEY_BEGIN,
        *(name[0] for name in _NAMED),
    )
    for word in words
)
