"""Merkle trees: one digest for many documents, from which each can be shown to be among them.

The tree is that of RFC 6962 (certificate transparency): leaves and nodes are hashed with different first bytes, so that
no node can be passed off as a document, and a tree of any size has one shape. Leaves may be salted: whoever knows a
short record but not its salt cannot find out whether it is there by hashing guesses.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

LEAF, NODE = b"\x00", b"\x01"  # RFC 6962, section 2.1
SALT_BYTES = 16  # nobody tries 2^128 of them


def leaf(document: bytes, salt: bytes = b"") -> bytes:
    """The digest of a document, of 32 bytes."""
    return hashlib.sha256(LEAF + salt + document).digest()


def salt(secret: bytes, place: int) -> bytes:
    """The salt of the leaf at `place`: one secret makes all of them, and one salt says nothing about another."""
    return hmac.digest(secret, b"helder/salt/%d" % place, "sha256")[:SALT_BYTES]


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of a tree over these leaves, in their order; of no leaves, SHA-256 of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    return _levels(leaves)[-1][0]


def proof(leaves: Sequence[bytes], place: int) -> list[bytes]:
    """The digests beside the way from the leaf at `place` to the root, from below: at most ceil(log2(leaves)).

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= place < len(leaves):
        raise IndexError(f"there is no leaf {place} among {len(leaves)}")
    beside = []
    for level in _levels(leaves)[:-1]:
        sibling = place ^ 1
        if sibling < len(level):
            beside.append(level[sibling])
        place >>= 1
    return beside


def proves(found: bytes, place: int, count: int, beside: Sequence[bytes], expected: bytes) -> bool:
    """Whether a leaf stands at `place` of the tree of `count` leaves with the root `expected`."""
    if not 0 <= place < count:
        return False
    rest, width = list(beside), count
    while width > 1:
        sibling = place ^ 1
        if sibling < width:
            if not rest:
                return False
            other = rest.pop(0)
            found = node(found, other) if place % 2 == 0 else node(other, found)
        place, width = place >> 1, (width + 1) >> 1
    return not rest and hmac.compare_digest(found, expected)


def consistency(leaves: Sequence[bytes], first: int) -> list[bytes]:
    """The digests that show that the first `first` leaves are the beginning of all (RFC 6962, section 2.1.2).

    Raises:
        IndexError: there are fewer leaves, or `first` is not at least 1.
    """
    if not 0 < first <= len(leaves):
        raise IndexError(f"there is no tree of {first} leaves within {len(leaves)}")

    def shown(first: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
        if first == len(leaves):
            return [] if whole else [root(leaves)]
        split = split_of(len(leaves))
        if first <= split:
            return [*shown(first, leaves[:split], whole), root(leaves[split:])]
        return [*shown(first - split, leaves[split:], False), root(leaves[:split])]

    return shown(first, leaves, True)


def extends(first: int, first_root: bytes, second: int, second_root: bytes, beside: Sequence[bytes]) -> bool:
    """Whether a tree of `second` leaves begins with the `first` leaves of another: nothing was taken out or changed.

    Source: RFC 9162, section 2.1.4.2.
    """
    if not 0 <= first <= second:
        return False
    if first in (0, second):
        return not beside and hmac.compare_digest(first_root, second_root if first else root([]))
    rest = list(beside)
    if first & (first - 1) == 0:  # a whole tree by itself: its root is the first digest, and is left out
        rest.insert(0, first_root)
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    if not rest:
        return False
    old = new = rest[0]
    for other in rest[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node(other, old), node(other, new)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new = node(new, other)
        place, last = place >> 1, last >> 1
    return last == 0 and hmac.compare_digest(old, first_root) and hmac.compare_digest(new, second_root)


def split_of(count: int) -> int:
    """Where a tree of `count` leaves, at least 2, parts: the largest power of two below the count."""
    return 1 << ((count - 1).bit_length() - 1)


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Every level from the leaves to the root; a last one without a sibling moves up as it is, as in RFC 6962."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        above = [node(left, right) for left, right in zip(below[::2], below[1::2], strict=False)]
        levels.append(above + below[len(below) & ~1 :])
    return levels


def node(left: bytes, right: bytes) -> bytes:
    """The digest of two digests, of 32 bytes."""
    return hashlib.sha256(NODE + left + right).digest()
