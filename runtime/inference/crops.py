"""What a cascade crops, and the options of the command line that say so. Nothing heavy is imported."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from tltpipe.errors import UsageError

GIVEN = ("threshold", "classes", "margin", "min_size", "overlap")
"""Options that only mean something with ``--cascade``: ``--cascade_margin`` and so on."""


@dataclass(frozen=True)
class Crops:
    """What is cropped, and which of the objects in crops stay.

    ``classes`` are those of the first model's, all where none is named. A box is made larger by ``margin``, a share of
    its sides, on every side; boxes with a side below ``min_size`` pixels are not cropped. ``overlap``: an object that
    overlaps one of its class from another crop by more (intersection over union) is a duplicate, of which that with the
    higher score stays; one that the edge of its crop cuts off goes where more than that share of it lies within one.
    """

    classes: tuple[str, ...] = ()
    margin: float = 0.1
    min_size: int = 16
    overlap: float = 0.5

    def __post_init__(self) -> None:
        """Raises UsageError."""
        if not 0 <= self.margin <= 10:
            raise UsageError(f"the margin of crops is a share of a box's sides, 0 to 10, not {self.margin:g}")
        if self.min_size < 1:
            raise UsageError(f"the smallest side of a crop is 1 pixel or more, not {self.min_size}")
        if not 0 < self.overlap <= 1:
            raise UsageError(f"the overlap of duplicates is above 0 and at most 1, not {self.overlap:g}")


def add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("two models, one behind the other")
    group.add_argument(
        "--cascade", metavar="FIRST",
        help="a detector, such as of people: MODEL sees the crops of its objects, or each object by itself where it is "
        "shown one at a time",
    )  # fmt: skip
    add_crop_options(group)


def add_crop_options(group: argparse._ActionsContainer) -> None:
    """Those that say what is cropped, for programs whose ``--cascade`` is their own."""
    usual = Crops()
    group.add_argument(
        "--cascade_threshold", "--cascade-threshold", type=float, metavar="SCORE",
        help="lowest score of an object to be cropped (default: its spec's, or 0.3)",
    )  # fmt: skip
    group.add_argument(
        "--cascade_classes",
        "--cascade-classes",
        metavar="NAMES",
        help="classes to be cropped, with commas (default: all)",
    )
    group.add_argument(
        "--cascade_margin", "--cascade-margin", type=float, metavar="SHARE",
        help=f"of a box's sides, added on every side of a crop (default: {usual.margin:g})",
    )  # fmt: skip
    group.add_argument(
        "--cascade_min_size", "--cascade-min-size", type=int, metavar="PIXELS",
        help=f"objects with a smaller side are not cropped (default: {usual.min_size})",
    )  # fmt: skip
    group.add_argument(
        "--cascade_overlap", "--cascade-overlap", type=float, metavar="IOU",
        help="objects of one class from two crops that overlap by more are one, counted once "
        f"(default: {usual.overlap:g})",
    )  # fmt: skip


def require_none(arguments: argparse.Namespace, network: str) -> None:
    """Raise UsageError for options of crops: ``network`` is shown objects as it was trained on them."""
    given = [name for name in ("margin", "min_size", "overlap") if getattr(arguments, f"cascade_{name}") is not None]
    if given:
        what = f"--cascade_{given[0]} has no effect: {network} is shown every object as in its training"
        raise UsageError(what, hint=f"leave --cascade_{given[0]} out")


def read(arguments: argparse.Namespace) -> Crops | None:
    """What ``arguments`` ask for; None without a cascade. Raises UsageError."""
    given = {name: value for name in GIVEN if (value := getattr(arguments, f"cascade_{name}")) is not None}
    if arguments.cascade is None:
        if given:
            raise UsageError(
                f"--cascade_{next(iter(given))} has no effect without --cascade", hint="name a first model"
            )
        return None
    threshold = given.pop("threshold", None)
    if threshold is not None and not 0 < threshold < 1:
        raise UsageError(f"--cascade_threshold must lie between 0 and 1, not {threshold:g}")
    names = given.pop("classes", "").split(",")
    return Crops(classes=tuple(filter(None, map(str.strip, names))), **given)
