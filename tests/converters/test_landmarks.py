"""Landmarks by class: the official vector of 294 and the 81 channels that garments share, both ways."""

from collections.abc import Iterable

import pytest

from converters.model import garments, landmarks
from converters.model.landmarks import AGGREGATED, AGGREGATED_FLIP, CHANNELS, Layout

GARMENTS = [layout for each in garments.CATEGORIES if (layout := landmarks.layout(each.name)) is not None]
SHARED = {
    range(1, 7): (1, 2, 5, 6, 10, 11, 12, 13), range(7, 9): (3, 4), range(9, 21): (1, 3, 10),
    range(21, 41): (2, 4, 11), range(41, 47): (1, 2, 3, 4, 5, 6, 10, 11, 12, 13), range(47, 48): (1, 2, 5, 6),
    range(48, 54): (3, 4), range(54, 56): (5, 12), range(56, 58): (6, 13), range(58, 63): (10, 11, 12, 13),
    range(63, 66): (7, 8, 9), range(66, 73): (7, 8), range(73, 77): (8,), range(77, 82): (9,),
}  # fmt: skip
"""Channels, and which garments have all of them."""


def test_all_294_points_go_to_81_channels_and_back() -> None:
    vector = [(layout.name, point) for layout in GARMENTS for point in range(1, layout.count + 1)]
    assert len(vector) == 294
    assert [slot for layout in GARMENTS for slot in layout.slots] == list(range(294))
    assert set(CHANNELS) == set(range(AGGREGATED))
    for layout in GARMENTS:
        channels = [0] * AGGREGATED
        for slot in layout.slots:
            channels[CHANNELS[slot]] = slot + 1
        assert sorted(channels)[-layout.count :] == [slot + 1 for slot in layout.slots], "no two share a channel"
        assert [channels[number - 1] - 1 for number in layout.aggregated] == list(layout.slots)


def test_channels_are_shared_by_garments_as_published() -> None:
    for channels, sharing in SHARED.items():
        has = [set(channels) <= set(layout.aggregated) for layout in GARMENTS]
        assert [number for number, all_of_them in enumerate(has, start=1) if all_of_them] == list(sharing), channels
    outwear = landmarks.layout("long_sleeved_outwear")
    assert outwear is not None
    assert (outwear.aggregated[3], outwear.aggregated[19], outwear.aggregated[33]) == (7, 53, 8)


@pytest.mark.parametrize("layout", GARMENTS, ids=lambda layout: layout.name)
def test_the_mirror_of_a_garment_is_that_of_its_channels(layout: Layout) -> None:
    assert [layout.flip[other] for other in layout.flip] == list(range(layout.count))
    mirrored = [AGGREGATED_FLIP[number - 1] + 1 for number in layout.aggregated]
    assert mirrored == [layout.aggregated[other] for other in layout.flip]
    assert AGGREGATED_FLIP[0] == 0
    assert [AGGREGATED_FLIP[other] for other in AGGREGATED_FLIP] == list(range(AGGREGATED))


def test_sigmas_are_the_official_ones() -> None:
    sigmas = [sigma for layout in GARMENTS for sigma in layout.sigmas]
    assert sum(sigmas) == pytest.approx(11.519, abs=1e-9)
    assert (min(sigmas), sigmas.index(min(sigmas))) == (0.0074, 58)
    assert (max(sigmas), sigmas.index(max(sigmas))) == (0.0726, 150)
    odd = [
        (layout.name, point + 1)
        for layout in GARMENTS
        for point, other in enumerate(layout.flip)
        if layout.sigmas[point] != layout.sigmas[other]
    ]
    assert odd == [("long_sleeved_dress", 15), ("long_sleeved_dress", 29)]


def test_tables_are_the_published_ones_point_by_point() -> None:
    """Sums of all numbers of a table, each times its place from 1."""

    def summed(numbers: Iterable[int]) -> int:
        return sum(place * number for place, number in enumerate(numbers, start=1))

    assert summed(round(10_000 * sigma) for layout in GARMENTS for sigma in layout.sigmas) == 17_724_330
    assert summed(channel for layout in GARMENTS for channel in layout.aggregated) == 1_598_835
    person = landmarks.layout("person")
    assert person is not None
    assert summed(round(1000 * sigma) for sigma in person.sigmas) == 12_154


def test_skeletons_have_their_lines_and_outwear_is_drawn_in_our_numbers() -> None:
    assert [len(layout.edges) for layout in GARMENTS] == [26, 34, 32, 40, 16, 16, 10, 14, 8, 30, 38, 20, 20]
    assert all(1 <= point <= layout.count for layout in GARMENTS for line in layout.edges for point in line)
    short, long = (set(layout.edges) for layout in GARMENTS[2:4])
    assert {line for line in short if max(line) < 8} == {line for line in long if max(line) < 8}


def test_a_person_has_the_points_of_coco() -> None:
    person = landmarks.layout("Person")
    assert person is not None
    assert (person.count, person.total, len(person.edges), person.aggregated) == (17, 17, 19, ())
    assert sum(person.sigmas) == pytest.approx(1.138)
    mirrored = {frozenset(person.flip[point - 1] + 1 for point in line) for line in person.edges}
    assert mirrored == {frozenset(line) for line in person.edges}
    assert landmarks.layout("coat") is None
