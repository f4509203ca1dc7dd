from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.ledger import merkle
from helder.serve.audit import tiles
from helder.serve.audit.tiles import Tile
from helder.serve.audit.tree import Tree

LEAVES = [merkle.leaf(b"%d" % number) for number in range(70_000)]


def whole(level: int, number: int) -> list[bytes]:
    """A full tile, from the definition: the roots of 256^level leaves each."""
    width = 256**level
    start = number * 256 * width
    return [merkle.root(LEAVES[start + place * width : start + (place + 1) * width]) for place in range(256)]


def grown(size: int, forget: int = 0) -> Tree:
    tree = Tree(whole)
    for place, leaf in enumerate(LEAVES[:size], 1):
        tree.append(leaf)
        if place == forget:
            tree.forget(forget)
    return tree


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1500), st.data())
def test_root_and_proofs_are_those_of_the_whole_tree(size: int, data: st.DataObject) -> None:
    tree = grown(size, forget=data.draw(st.integers(0, size)))
    leaves = LEAVES[:size]
    assert tree.root() == merkle.root(leaves)
    if size:
        place, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
        assert tree.root_of(old) == merkle.root(leaves[:old])
        assert tree.inclusion(place, size) == merkle.proof(leaves, place)
        assert tree.consistency(old, size) == merkle.consistency(leaves, old)
        assert merkle.extends(old, merkle.root(leaves[:old]), size, tree.root(), tree.consistency(old, size))


def test_a_tree_of_70_000_has_the_tiles_that_the_format_names() -> None:
    # The example in c2sp.org/tlog-tiles, "Partial Tiles".
    found = tiles.of_size(70_000)
    by_level = {level: [tile for tile in found if tile.level == level] for level in (None, 0, 1, 2)}
    assert {level: len(those) for level, those in by_level.items()} == {None: 274, 0: 274, 1: 2, 2: 1}
    assert {level: those[-1].width for level, those in by_level.items()} == {None: 112, 0: 112, 1: 17, 2: 1}
    assert len(found) == sum(map(len, by_level.values()))


def test_a_tree_is_taken_up_from_the_last_tile_of_each_level() -> None:
    tree = grown(66_000)
    taken = Tree(whole)
    taken.resume(66_000, lambda tile: tiles.hashes(tree.tile(tile) or b""))
    assert taken.root() == tree.root()
    for leaf in LEAVES[66_000:66_300]:
        tree.append(leaf)
        taken.append(leaf)
    assert taken.root() == tree.root() == merkle.root(LEAVES[:66_300])
    tile = Tile(0, 257, 256)
    assert taken.tile(tile) == tree.tile(tile) == tiles.joined(LEAVES[257 * 256 : 258 * 256])


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=60), st.data())
def test_a_consistency_proof_proves_what_it_is_about_and_nothing_else(
    documents: list[bytes], data: st.DataObject
) -> None:
    leaves = [merkle.leaf(b"%d/" % place + document) for place, document in enumerate(documents)]
    old = data.draw(st.integers(1, len(leaves)))
    first, second, beside = merkle.root(leaves[:old]), merkle.root(leaves), merkle.consistency(leaves, old)
    assert merkle.extends(old, first, len(leaves), second, beside)
    other = merkle.root([*leaves[: old - 1], merkle.leaf(b"another")])
    assert not merkle.extends(old, other, len(leaves), second, beside)
    assert not merkle.extends(old, first, len(leaves), other if other != second else first + b"x", beside)
    assert not merkle.extends(old, first, len(leaves), second, [*beside, first])
    assert not merkle.extends(len(leaves) + 1, first, len(leaves), second, beside)
    if beside:
        assert not merkle.extends(old, first, len(leaves), second, beside[1:])
        flipped = [bytes([beside[-1][0] ^ 1]) + beside[-1][1:]]
        assert not merkle.extends(old, first, len(leaves), second, beside[:-1] + flipped)


def test_every_tree_begins_with_the_empty_one() -> None:
    assert merkle.extends(0, merkle.root([]), 3, merkle.root(LEAVES[:3]), [])
    assert not merkle.extends(0, LEAVES[0], 3, merkle.root(LEAVES[:3]), [])
    with pytest.raises(IndexError, match="no tree of 4"):
        merkle.consistency(LEAVES[:3], 4)


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("tile/0/x001/x234/067", Tile(0, 1_234_067)),
        ("tile/entries/000.p/255", Tile(None, 0, 255)),
        ("tile/63/x001/000.p/1", Tile(63, 1000, 1)),
    ],
)
def test_a_path_names_one_tile(path: str, tile: Tile) -> None:
    assert Tile.read(path) == tile
    assert tile.path == path


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/1", "tile/0/x000/001", "tile/00/001", "tile/64/001", "tile/0/001.p/256", "tile/0/001.p/0",
        "tile/0/001.p/01", "tile/0/../checkpoint", "tile/0/001/", "/tile/0/001", "tile/data/001", "tile/0/001.p",
        "tile/0/" + "x001/" * 10 + "001", "tile/0/٠٠١",
    ],
)  # fmt: skip
def test_what_is_no_path_of_a_tile_names_none(path: str) -> None:
    assert Tile.read(path) is None


@given(st.lists(st.binary(max_size=300), max_size=30))
def test_a_bundle_is_read_as_it_was_written_and_never_when_it_is_cut(records: list[bytes]) -> None:
    data = tiles.bundle(records)
    assert tiles.unbundle(data) == records
    if records:
        with pytest.raises(ValueError, match="ends within"):
            tiles.unbundle(data[:-1] if records[-1] else data + b"\0")
