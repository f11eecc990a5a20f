"""The balance of what was read, written and lost."""

from __future__ import annotations

import pytest

from tltpipe.losses import Losses, parse, total


def example() -> Losses:
    losses = Losses()
    losses.count_read(images=2, classes=["shirt", "shirt", "hat"])
    losses.count_written(images=1, classes=["shirt"])
    losses.lose("left out: broken", images=1, classes=["shirt"])
    losses.lose("too small", classes=["hat"])
    losses.leave_out("no annotation", images=1)
    return losses


def test_it_adds_up_or_is_a_fault_of_ours() -> None:
    losses = example()
    losses.require_balance()
    assert (losses.read, losses.written, losses.missing) == ((3, 3), (1, 1), (2, 2))
    losses.count_read(items=1)
    with pytest.raises(AssertionError, match="4 items were read"):
        losses.require_balance()


def test_one_shape_for_people_and_for_programs() -> None:
    losses = example()
    assert losses.lines() == [
        "in: 3 images, 3 items; out: 1 image, 1 item",
        "  lost: 1 image, 1 item (left out: broken)",
        "  lost: 0 images, 1 item (too small)",
        "  lost: 1 image, 0 items (no annotation)",
    ]
    assert losses.as_json() == {
        "in": {"images": 3, "items": 3},
        "out": {"images": 1, "items": 1},
        "lost": [
            {"reason": "left out: broken", "images": 1, "items": 1},
            {"reason": "too small", "images": 0, "items": 1},
            {"reason": "no annotation", "images": 1, "items": 0},
        ],
    }


def test_lines_can_be_read_back() -> None:
    losses, found = total([example()] * 1000), Losses()
    assert all(parse(line, found) for line in losses.lines())
    assert found.as_json() == losses.as_json()
    assert not parse("found 3 objects on 2 images", found)


def test_classes_of_which_nothing_is_left() -> None:
    assert example().emptied() == {"hat": (1, {"too small": 1})}
    both = total([example(), example()])
    assert both.emptied() == {"hat": (2, {"too small": 2})}
    assert both.classes_lost["shirt"] == {"left out: broken": 2}
