"""What a verifier looks at when it cannot look at everything: drawn from the verifier's own nonce.

The maker signs before the nonce is known, so that nobody can be honest in just the right places. k things drawn of n
find that a share f of them is forged with probability 1 − (1 − f)^k, or better when k is a good part of n.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from math import comb

from helder.errors import HelderError

SHARES = (0.5, 0.25, 0.1, 0.05, 0.01)


def nonce(given: str | None) -> str:
    """The nonce as it is used: the one given, or a new one that nobody could know.

    Raises:
        HelderError: it could be mistaken for another when it is written down.
    """
    if given is None:
        return secrets.token_hex(16)
    if not re.fullmatch(r"[ -~]{8,200}", given):
        raise HelderError(
            "The nonce cannot be used.",
            "It has 8 to 200 characters of ASCII, such as a sentence or the numbers of a lottery.",
            "Choose it after the bundle was signed, and do not tell it to its makers before.",
        )
    return given


def draw(nonce: str, release: str, what: str, count: int, wanted: int) -> list[int]:
    """`wanted` different places of `count`, in rising order; all of them when there are not more.

    Args:
        release: SHA-256 of what was signed: the same nonce draws otherwise from another release.
        what: what is drawn, so that two draws do not go alike.
    """
    if wanted >= count:
        return list(range(count))
    ranked = sorted(
        range(count), key=lambda place: hashlib.sha256(f"{nonce}\n{release}\n{what}\n{place}".encode()).digest()
    )
    return sorted(ranked[:wanted])


def power(count: int, wanted: int) -> list[dict[str, float]]:
    """How likely a draw of `wanted` of `count` things finds that some are forged: {share, found} for several shares.

    Exactly, for `draw`, which draws nothing twice; never less than 1 − (1 − share)^wanted.
    """
    drawn = min(wanted, count)
    found = {}
    for share in SHARES:
        forged = max(1, round(share * count))
        missed = comb(count - forged, drawn) / comb(count, drawn)  # 0 when not so many are honest
        found[forged] = {"share": forged / count, "found": 1.0 - missed}
    return list(found.values())
