"""The category table against the data set's published numbers."""

import pytest

from converters.model.garments import BY_ID, BY_NAME, CATEGORIES, LANDMARKS, Garment

# Swap pairs and middle points of the official flip table, written out to be independent of how the table is built.
FLIPS = {
    1: ("1 4 16", "2-6 3-5 7-25 8-24 9-23 10-22 11-21 12-20 13-19 14-18 15-17"),
    2: ("1 4 20", "2-6 3-5 7-33 8-32 9-31 10-30 11-29 12-28 13-27 14-26 15-25 16-24 17-23 18-22 19-21"),
    3: ("1", "2-6 3-5 4-26 7-25 8-24 9-23 10-22 11-21 12-20 13-19 14-18 15-17 16-29 27-30 28-31"),
    4: (
        "1",
        "2-6 3-5 4-34 7-33 8-32 9-31 10-30 11-29 12-28 13-27 14-26 15-25 16-24 17-23 18-22 19-21 20-37 35-38 36-39",
    ),
    5: ("1 4 11", "2-6 3-5 7-15 8-14 9-13 10-12"),
    6: ("1 4 11", "2-6 3-5 7-15 8-14 9-13 10-12"),
    7: ("2 7", "1-3 4-10 5-9 6-8"),
    8: ("2 9", "1-3 4-14 5-13 6-12 7-11 8-10"),
    9: ("2 6", "1-3 4-8 5-7"),
    10: ("1 4 18", "2-6 3-5 7-29 8-28 9-27 10-26 11-25 12-24 13-23 14-22 15-21 16-20 17-19"),
    11: (
        "1 4 22",
        "2-6 3-5 7-37 8-36 9-35 10-34 11-33 12-32 13-31 14-30 15-29 16-28 17-27 18-26 19-25 20-24 21-23",
    ),
    12: ("1 4 13", "2-6 3-5 7-19 8-18 9-17 10-16 11-15 12-14"),
    13: ("1 4 13", "2-6 3-5 7-19 8-18 9-17 10-16 11-15 12-14"),
}
COUNTS = (25, 33, 31, 39, 15, 15, 10, 14, 8, 29, 37, 19, 19)


def test_ids_counts_and_offsets() -> None:
    assert [garment.id for garment in CATEGORIES] == list(range(1, 14))
    assert tuple(garment.landmarks for garment in CATEGORIES) == COUNTS
    assert [garment.offset for garment in CATEGORIES] == [sum(COUNTS[:place]) for place in range(13)]
    assert sum(COUNTS) == LANDMARKS == 294


def test_names() -> None:
    assert BY_ID[3].label == "short sleeve outwear"
    assert BY_NAME["short_sleeved_outwear"] is BY_ID[3]
    assert not any(" " in garment.name for garment in CATEGORIES)
    assert len(BY_NAME) == len(BY_ID) == 13


@pytest.mark.parametrize("garment", CATEGORIES, ids=lambda garment: garment.name)
def test_flip_is_the_published_involution(garment: Garment) -> None:
    middle, pairs = FLIPS[garment.id]
    assert garment.middle == tuple(map(int, middle.split()))
    assert {frozenset(pair) for pair in garment.pairs} == {
        frozenset(map(int, pair.split("-"))) for pair in pairs.split()
    }
    assert [garment.flip[other] for other in garment.flip] == list(range(garment.landmarks))
    fixed = [number for number in range(1, garment.landmarks + 1) if garment.flip[number - 1] == number - 1]
    assert fixed == list(garment.middle)


@pytest.mark.parametrize("garment", CATEGORIES, ids=lambda garment: garment.name)
def test_ring_visits_every_outline_point_once(garment: Garment) -> None:
    assert len(set(garment.ring)) == len(garment.ring)
    everything = set(range(1, garment.landmarks + 1))
    uses_all = garment.id in (3, 4) or garment.id in (7, 8, 9)
    assert set(garment.ring) == (everything if uses_all else everything - {1})


def test_ring_starts_as_the_annotations_do() -> None:
    assert BY_ID[1].ring[:6] == (6, 5, 4, 3, 2, 7)
    assert BY_ID[8].ring[:4] == (3, 2, 1, 4)
    assert BY_ID[4].ring[-1] == 6
