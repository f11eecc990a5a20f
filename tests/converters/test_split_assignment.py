"""Groups dealt out: whole, complete, in proportion, and the same in whatever order they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.partition.assignment import Groups, by_name, stratified
from converters.partition.relations import Relation, components, joined
from converters.partition.sizes import asked, targets
from tltpipe.errors import UsageError

Assign = Callable[[Groups, Sequence[int]], np.ndarray]


def made(seed: int, groups: int, classes: int, *, largest: int = 6) -> tuple[Groups, np.ndarray]:
    """Random groups of 1 to ``largest`` pictures with 0 to 3 items each; also each picture's group."""
    random = np.random.default_rng(seed)
    label = np.repeat(np.arange(groups), random.integers(1, largest + 1, groups))
    owners = np.repeat(np.arange(len(label)), random.integers(0, 4, len(label))).astype(np.int32)
    weights = 1 / np.arange(1, classes + 1) ** 1.5
    kinds = random.choice(classes, len(owners), p=weights / weights.sum()).astype(np.int32)
    ranks = random.permutation(len(label)).astype(np.uint64)
    return Groups.of(label, ranks, owners, kinds, classes), label


def shares(groups: Groups, sides: np.ndarray, count: int) -> np.ndarray:
    """The share of each side in each class, of shape (sides, classes)."""
    items = np.zeros((count, groups.classes))
    np.add.at(items, (sides[groups.owners], groups.kinds), groups.items)
    return items / np.maximum(1, items.sum(axis=0))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(4, 80), st.integers(1, 12), st.sampled_from(["0.8,0.2", "0.6,0.3,0.1"]))
@pytest.mark.parametrize("assign", [stratified, by_name])
def test_every_group_goes_to_one_side_and_sizes_are_met(
    assign: Assign, seed: int, count: int, classes: int, ratio: str
) -> None:
    groups, _ = made(seed, count, classes)
    wanted = list(targets(int(groups.sizes.sum()), asked(ratio)[0]).values())
    sides = assign(groups, wanted)
    assert sides.shape == (count,)
    assert set(sides.tolist()) <= set(range(len(wanted)))
    sizes = np.bincount(sides, groups.sizes, minlength=len(wanted))
    assert sizes.min() > 0
    assert np.abs(sizes - wanted).max() <= 6 * (len(wanted) - 1)  # a group at most


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["0.8,0.2", "0.5,0.5", "0.7,0.2,0.1"]))
def test_every_class_keeps_its_share(seed: int, ratio: str) -> None:
    groups, _ = made(seed, 600, 8)
    part = asked(ratio)[0]
    wanted = list(targets(int(groups.sizes.sum()), part).values())
    sides = stratified(groups, wanted)
    assert np.bincount(sides, groups.sizes).tolist() == wanted
    items = np.bincount(groups.kinds, groups.items, minlength=8)
    off = np.abs(shares(groups, sides, len(wanted)) - np.array(list(part.values()))[:, None])
    assert (off * items <= 4 + 0.01 * items).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_the_order_of_files_decides_nothing(seed: int, stratify: bool) -> None:
    assign = stratified if stratify else by_name
    random = np.random.default_rng(seed)
    groups, label = made(seed, 50, 5)
    owners = np.repeat(groups.owners, groups.items)  # items of the groups' first pictures
    first = np.searchsorted(label, owners).astype(np.int32)
    kinds = np.repeat(groups.kinds, groups.items).astype(np.int32)
    ranks = random.permutation(len(label)).astype(np.uint64)
    place = random.permutation(len(label))  # where each picture lies in the second run
    moved_label, moved_ranks = np.empty_like(label), np.empty_like(ranks)
    moved_label[place], moved_ranks[place] = random.permutation(50)[label], ranks
    wanted = list(targets(len(label), {"train": 0.7, "validation": 0.3}).values())
    one = assign(Groups.of(label, ranks, first, kinds, 5), wanted)[label]
    other = assign(Groups.of(moved_label, moved_ranks, place[first].astype(np.int32), kinds, 5), wanted)[moved_label]
    assert one.tolist() == other[place].tolist()


@pytest.mark.parametrize("ratio", ["0.8,0.2", "0.9,0.1", "0.8,0.1,0.1"])
def test_a_class_of_three_items_is_on_every_side(ratio: str) -> None:
    kinds = np.array([0] * 197 + [1] * 3, np.int32)
    pictures = np.arange(200)
    ranks = np.random.default_rng(1).permutation(200).astype(np.uint64)
    groups = Groups.of(pictures, ranks, pictures.astype(np.int32), kinds, 2)
    wanted = list(targets(200, asked(ratio)[0]).values())
    sides = stratified(groups, wanted)
    assert set(sides[197:].tolist()) == set(range(len(wanted)))
    assert np.bincount(sides).tolist() == wanted


def test_a_huge_group_goes_where_it_fits_and_the_others_make_up_for_it() -> None:
    label = np.array([0] * 700 + list(range(1, 301)))
    ranks = np.random.default_rng(1).permutation(1000).astype(np.uint64)
    groups = Groups.of(label, ranks, np.arange(1000, dtype=np.int32), np.zeros(1000, np.int32), 1)
    for assign in (stratified, by_name):
        sides = assign(groups, [800, 200])
        assert sides[0] == 0
        assert np.bincount(sides, groups.sizes).tolist() == [800, 200]


def test_nothing_on_any_picture() -> None:
    nothing = np.zeros(0, np.int32)
    groups = Groups.of(np.arange(10), np.arange(10, dtype=np.uint64), nothing, nothing, 0)
    assert np.bincount(stratified(groups, [8, 2])).tolist() == [8, 2]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_components_are_what_edges_connect(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    edges = [random.integers(0, count, (random.integers(0, count), 2)) for _ in range(2)]
    expected = list(range(count))
    for _ in range(count):
        for one, other in np.concatenate(edges).tolist():
            expected[one] = expected[other] = min(expected[one], expected[other])
    assert components(count, edges).tolist() == expected


def test_a_long_chain_is_one_component() -> None:
    chain = np.random.default_rng(3).permutation(30_000)
    assert set(components(30_000, [np.stack([chain[:-1], chain[1:]], axis=1)]).tolist()) == {0}


def test_relations_join_and_tell_what_is_torn() -> None:
    relation = Relation(np.array([0, 1, 1, 2, 4], np.int32), np.array([7, 7, 9, 9, 5], np.uint64))
    assert joined(5, [relation]).tolist() == [0, 0, 0, 1, 2]
    torn = relation.torn(np.array([0, 0, 1, 0, 1], np.int8))
    assert (len(torn), torn.owners.tolist()) == (1, [1, 2])
    assert relation.several().owners.tolist() == [0, 1, 1, 2]


@given(st.integers(3, 10**6), st.lists(st.floats(0.01, 1), min_size=2, max_size=3))
def test_sizes_add_up_and_are_within_a_picture(total: int, parts: list[float]) -> None:
    wanted = {str(n): part / sum(parts) for n, part in enumerate(parts)}
    found = targets(total, wanted)
    assert sum(found.values()) == total
    assert min(found.values()) >= 1
    assert all(abs(found[name] - total * share) <= 2 for name, share in wanted.items())


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ((), ({"train": 0.8, "validation": 0.2}, {})),
        (("0.9",), ({"train": 0.9, "validation": 0.1}, {})),
        (("70,20,10",), ({"train": 0.7, "validation": 0.2, "test": 0.1}, {})),
        (("0.5,0.5", "a,b"), ({"a": 0.5, "b": 0.5}, {})),
        ((None, None, ["validation=9"]), ({"train": 0.5, "validation": 0.5}, {"validation": 9})),
        ((None, None, ["test=9"]), ({"train": 0.5, "test": 0.5}, {"test": 9})),
    ],
)
def test_what_a_user_asks_for(given_: tuple, expected: tuple) -> None:
    found, counts = asked(*given_)
    assert found == pytest.approx(expected[0])
    assert counts == expected[1]


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        (("0.8,0.1",), "adds up to 0.9"),
        (("0.8,x",), "--ratio"),
        (("0,1",), "--ratio"),
        (("nan,0.5",), "--ratio"),
        (("0.8,0.2", "a,b,c,d"), "has 2 numbers"),
        (("0.4,0.3,0.2,0.1",), "has 4 numbers"),
        (("0.5,0.5", "train,../x"), "cannot be the name"),
        (("0.5,0.5", "val,validation"), "two different names"),
        ((None, "a,b,c"), "how large"),
        ((None, None, ["validation"]), "NAME=NUMBER"),
        ((None, None, ["validation=-3"]), "NAME=NUMBER"),
        (("0.8,0.2", None, ["other=3"]), 'no split "other"'),
    ],
)
def test_what_cannot_be_asked_for(given_: tuple, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        asked(*given_)


@pytest.mark.parametrize(
    ("total", "counts"),
    [(1, {}), (10, {"validation": 10}), (10, {"train": 5, "validation": 4}), (9, {"validation": 12})],
)
def test_sizes_that_cannot_be_met(total: int, counts: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=f"there are {total} pictures"):
        targets(total, {"train": 0.8, "validation": 0.2}, counts)
