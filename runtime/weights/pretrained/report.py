"""What was taken of pretrained weights, as lines for people: nothing happens silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SHOWN = 4


@dataclass(frozen=True)
class Report:
    """``taken`` of ``total`` tensors of the network came from ``source``; ``notes`` say what was made to fit.

    The rest are names: of tensors of the network whose shape in the file is another, that the file does not have; of
    tensors in the file that found no place; of those that tell ``other_classes`` apart.
    """

    source: str
    taken: int
    total: int
    other_shape: Sequence[str] = ()
    missing: Sequence[str] = ()
    unused: Sequence[str] = ()
    notes: Sequence[str] = ()
    other_classes: Sequence[str] = ()

    def lines(self) -> list[str]:
        told = (
            ("other shape, not taken", self.other_shape),
            ("of other classes, not taken", self.other_classes),
            ("not in the file, initialised anew", self.missing),
            ("in the file, not used", self.unused),
        )
        lines = [f"pretrained weights: {self.taken} of {self.total} tensors from {self.source}"]
        lines += [f"  {note}" for note in self.notes]
        return lines + [f"  {what}: {shown(names)}" for what, names in told if names]


def shown(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
