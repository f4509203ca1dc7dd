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
            found = _node(found, other) if place % 2 == 0 else _node(other, found)
        place, width = place >> 1, (width + 1) >> 1
    return not rest and hmac.compare_digest(found, expected)


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Every level from the leaves to the root; a last one without a sibling moves up as it is, as in RFC 6962."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        above = [_node(left, right) for left, right in zip(below[::2], below[1::2], strict=False)]
        levels.append(above + below[len(below) & ~1 :])
    return levels


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE + left + right).digest()
