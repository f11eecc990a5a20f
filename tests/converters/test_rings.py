"""Rings joined by bridges: the box and the area stay those of all of them together."""

from __future__ import annotations

import math
import random
import time

import pytest

from converters.model import Box, Polygon, geometry, rings


def square(left: float, top: float, side: float = 10.0) -> Polygon:
    return (left, top, left + side, top, left + side, top + side, left, top + side)


def test_one_ring_is_itself() -> None:
    assert rings.joined([square(3, 4)]) == square(3, 4)


def test_two_parts_are_joined_between_their_nearest_corners() -> None:
    whole = rings.joined([square(0, 0), square(20, 0)])
    points = list(zip(whole[::2], whole[1::2], strict=True))
    assert len(points) == 4 + 4 + 2
    assert points.count((10, 0)) == points.count((20, 0)) == 2
    assert geometry.extent([whole]) == Box(0, 0, 30, 10)
    assert geometry.area(whole) == 200


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("closed", [False, True])
def test_direction_and_a_repeated_first_point_do_not_matter(*, turned: bool, closed: bool) -> None:
    other = square(40, 20)
    if turned:
        other = tuple(value for x, y in zip(other[-2::-2], other[::-2], strict=True) for value in (x, y))
    if closed:
        other += other[:2]
    whole = rings.joined([square(0, 0), other])
    assert geometry.area(whole) == 200
    assert geometry.extent([whole]) == Box(0, 0, 50, 30)


def test_a_ring_inside_another_adds_nothing() -> None:
    assert sorted(rings.joined([square(2, 2, 3), square(0, 0), square(0, 0, 4)])) == sorted(square(0, 0))


def test_many_parts_keep_box_and_area() -> None:
    chance = random.Random(1)
    for count in range(2, 30):
        places = chance.sample([(x * 20.0, y * 20.0) for x in range(8) for y in range(8)], count)
        parts = [square(*place, side=chance.choice((5.0, 8.5, 10.0))) for place in places]
        whole = rings.joined(parts)
        assert geometry.extent([whole]) == geometry.extent(parts)
        assert geometry.area(whole) == pytest.approx(sum(map(geometry.area, parts)))
        assert len(whole) == 2 * (4 * count + 2 * (count - 1))


def test_large_rings_take_no_longer_than_their_length() -> None:
    def circle(middle: float, points: int) -> Polygon:
        turns = (2 * math.pi * number / points for number in range(points))
        return tuple(value for turn in turns for value in (middle + 100 * math.cos(turn), 100 * math.sin(turn)))

    start = time.monotonic()
    parts = [circle(0, 20_000), circle(300, 20_000)]
    assert geometry.area(rings.joined(parts)) == pytest.approx(sum(map(geometry.area, parts)))
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("x", "y", "inside"),
    [(5, 5, True), (0, 5, True), (10, 10, True), (0, 0, True), (-1, 5, False), (11, 0, False), (5, 10.01, False)],
)
def test_contains(x: float, y: float, inside: bool) -> None:
    assert geometry.contains(square(0, 0), x, y) is inside
