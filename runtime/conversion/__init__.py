"""From annotations to TFRecord shards, record for record as NVIDIA's converter cuts, shuffles and names them.

A source (``kitti``, ``coco``) lists frames in partitions and annotates one frame at a time; ``partition`` divides,
``modifier`` filters and repeats, ``shards`` writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from runtime.kitti_labels import Label


@dataclass(frozen=True, slots=True)
class Annotated:
    """One frame as it will be recorded.

    ``id`` is ``<image folder>/<stem>``; ``labels`` the objects kept, with stored class names; ``renamed`` the stored
    name of each class name met; ``dropped`` the boxes left out, as the warning file names them; ``scores`` how many
    label lines carried a score that was dropped.
    """

    id: str
    width: int
    height: int
    labels: tuple[Label, ...]
    renamed: Mapping[str, str]
    dropped: Mapping[str, list[int]]
    scores: int = 0


@dataclass(frozen=True)
class Plan:
    """Which frames go where: one list of frames a fold, with its number of shards (0: one file without a number).

    ``folds`` is the number for "-of-": as configured, while empty partitions are already left out of ``frames``;
    0 writes no fold in the name. ``notes`` are what to tell, in order: (text, figures for status.json).
    """

    frames: Sequence[Sequence[Any]]
    shards: Sequence[int]
    folds: int
    notes: Sequence[tuple[str, Mapping[str, int] | None]] = field(default=())


class Source(Protocol):
    """Where annotations come from."""

    kind: str

    def plan(self) -> Plan: ...

    def annotate(self, frame: Any) -> Annotated: ...


def is_kept(box: Sequence[float]) -> bool:
    """Whether a box survives: its corners, cut to integers toward zero, still enclose something."""
    left, top, right, bottom = map(int, box)
    return left < right and top < bottom
