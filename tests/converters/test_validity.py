"""What every sample must be, whatever format it comes from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import error_of

from converters.model import Box, Object, Sample, rules
from converters.model.findings import Findings
from converters.model.validity import settled
from tltpipe.errors import DataError


def sample(*things: Object) -> Sample:
    return Sample("7", "7.jpg", 100, 80, things, annotations_path="labels/7.txt")


def codes(found: Findings) -> dict[str, int]:
    return {finding.rule.code: finding.count for finding in found}


def test_a_proper_sample_is_passed_on_as_it_is() -> None:
    findings, proper = Findings(), sample(Object("vest", Box(0, 0, 100, 80), polygons=((0, 0, 5, 0, 5, 5),)))
    assert settled(proper, findings) is proper
    assert not codes(findings)


@pytest.mark.parametrize("box", [Box(5, 5, 5, 9), Box(9, 5, 5, 9), Box(5, 9, 9, 5), Box(float("nan"), 0, 1, 1)])
def test_boxes_without_area(box: Box) -> None:
    error = error_of(DataError, lambda: settled(sample(Object("vest", box, origin=3)), Findings()), match="has no area")
    assert str(error.where) == "labels/7.txt:3"
    assert error.code == rules.NO_AREA.code


def test_up_to_a_pixel_is_clipped_and_told() -> None:
    findings = Findings()
    (thing,) = settled(sample(Object("vest", Box(-1, 0, 100.5, 80), origin="item1")), findings).objects
    assert thing.box == Box(0, 0, 100, 80)
    assert codes(findings) == {"B303": 1}


@pytest.mark.parametrize("box", [Box(-1.01, 0, 5, 5), Box(0, 0, 102, 5), Box(0, 0, 5, float("inf"))])
def test_further_out_is_an_error(box: Box) -> None:
    with pytest.raises(DataError, match=r"item1, vest: .*beyond the picture, which is 100 x 80") as caught:
        settled(sample(Object("vest", box, origin="item1")), Findings())
    assert caught.value.code == rules.OUTSIDE.code


def test_clipped_to_nothing_is_outside() -> None:
    with pytest.raises(DataError, match="lies outside"):
        settled(sample(Object("vest", Box(100, 0, 101, 5))), Findings())


@pytest.mark.parametrize("box", [Box(-1, 9, 50, 60), Box(9, -1, 50, 60), Box(9, 9, 101, 60), Box(9, 9, 50, 81)])
def test_no_side_is_passed_over_nor_any_thing_of_several(box: Box) -> None:
    proper, findings = Object("vest", Box(0, 0, 9, 9)), Findings()
    things = settled(sample(proper, Object("skirt", box)), findings).objects
    inside = Box(max(box.left, 0), max(box.top, 0), min(box.right, 100), min(box.bottom, 80))
    assert things == (proper, Object("skirt", inside))
    assert codes(findings) == {"B303": 1}


def test_rings_that_enclose_nothing_go() -> None:
    findings = Findings()
    rings = ((1, 1, 2, 2, 1, 1), (0, 0, 5, 0, 5, 5), (0, 0, 0, 0, 5, 0, 5, 5))
    (thing,) = settled(sample(Object("vest", Box(0, 0, 9, 9), polygons=rings)), findings).objects
    assert thing.polygons == rings[1:]
    assert codes(findings) == {"P402": 1}


def test_the_same_box_twice_and_nothing_at_all() -> None:
    findings = Findings()
    settled(sample(Object("vest", Box(0, 0, 9, 9)), Object("vest", Box(0, 0, 9, 9), occlusion=1)), findings)
    settled(sample(), findings)
    assert codes(findings) == {"B305": 1, "B306": 1}


@given(st.tuples(*[st.floats(allow_nan=True, allow_infinity=True)] * 4))
def test_whatever_the_numbers_a_box_comes_out_inside_or_not_at_all(corners: tuple[float, float, float, float]) -> None:
    try:
        (thing,) = settled(sample(Object("vest", Box(*corners))), Findings()).objects
    except DataError:
        return
    box = thing.box
    assert 0 <= box.left < box.right <= 100
    assert 0 <= box.top < box.bottom <= 80
