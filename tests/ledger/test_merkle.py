from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.ledger import merkle

DOCUMENTS = st.lists(st.binary(max_size=8), min_size=1, max_size=40)


def recursive(leaves: list[bytes]) -> bytes:
    """The root as RFC 6962 defines it: split at the largest power of two below the count."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while 2 * split < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + recursive(leaves[:split]) + recursive(leaves[split:])).digest()


@given(DOCUMENTS)
def test_the_root_is_that_of_the_standard(documents: list[bytes]) -> None:
    leaves = [merkle.leaf(document) for document in documents]
    assert merkle.root(leaves) == recursive(leaves)


def test_the_standards_own_examples_have_their_roots() -> None:
    # RFC 9162 gives no vectors; these are those of the certificate-transparency reference tests.
    assert merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root([merkle.leaf(b"")]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


@given(DOCUMENTS, st.data())
def test_every_document_is_proved_and_nothing_else(documents: list[bytes], data: st.DataObject) -> None:
    leaves = [merkle.leaf(document, merkle.salt(b"secret", place)) for place, document in enumerate(documents)]
    place = data.draw(st.integers(0, len(leaves) - 1))
    root, beside = merkle.root(leaves), merkle.proof(leaves, place)
    assert merkle.proves(leaves[place], place, len(leaves), beside, root)
    assert not merkle.proves(merkle.leaf(b"another", b"salt"), place, len(leaves), beside, root)
    assert not merkle.proves(leaves[place], place, len(leaves), [*beside, b"\0" * 32], root)
    assert not merkle.proves(leaves[place], place, len(leaves), beside[1:] if beside else [b""], root)
    assert not merkle.proves(leaves[place], place + len(leaves), len(leaves), beside, root)


def test_a_proof_among_a_million_is_small() -> None:
    leaves = [place.to_bytes(32, "big") for place in range(1_000_000)]
    assert len(merkle.proof(leaves, 987_654)) <= 20


def test_equal_documents_have_other_leaves() -> None:
    salts = {merkle.salt(b"secret", place) for place in range(1000)}
    assert len(salts) == 1000
    assert merkle.leaf(b"yes", merkle.salt(b"secret", 0)) != merkle.leaf(b"yes", merkle.salt(b"secret", 1))


def test_a_place_that_is_not_there_has_no_proof() -> None:
    with pytest.raises(IndexError, match="no leaf 3"):
        merkle.proof([b"a", b"b", b"c"], 3)
