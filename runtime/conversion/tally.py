"""What a conversion has written and left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from converters.model.ignore_regions import is_ignored
from runtime.conversion.layouts import Names
from runtime.conversion.work import UNMAPPED, Done
from runtime.shell.unmatched import NO_SEQUENCE
from tltpipe.losses import Losses, total


@dataclass
class Tally:
    """``written`` records by fold; the rest as in ``Done``, of all that is done."""

    written: Counter[int] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)
    renamed: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, list[int]] = field(default_factory=dict)
    scores: int = 0
    losses: Losses = field(default_factory=Losses)

    def add(self, done: Done, *, fold: int) -> None:
        self.written[fold] += len(done.lengths)
        self.objects.update(done.objects)
        self.renamed |= done.renamed
        self.dropped |= done.dropped
        self.scores += done.scores
        self.losses.merge(done.losses)

    @property
    def looks_like_shares(self) -> bool:
        """Whether every box lies within one pixel, as shares of the image's size do."""
        within = all(0 <= value <= 1 for box in self.dropped.values() for value in box)
        return bool(self.dropped) and not self.objects and within

    def whole_losses(self, unmatched: Losses, names: Names) -> Losses:
        """The balance with classes as they are stored: of all that is done, and of what lies beside the frames.

        What the spec leaves out, by its mapping or its sequences, is of no class here: somebody chose that.
        """
        found = Losses(classes_read=dict(self.objects), classes_written=dict(self.objects))
        for part in (self.losses, unmatched):
            for name, reasons in part.classes_lost.items():
                for reason, count in reasons.items():
                    chosen = reason == NO_SEQUENCE or is_ignored(name)
                    found.leave_out(reason, classes=["" if chosen else names[name] or ""] * count)
        if unmapped := self.losses.lost.get(UNMAPPED):
            found.leave_out(UNMAPPED, classes=[""] * unmapped.items)
        both = total((unmatched, self.losses))
        found.read, found.written, found.lost = both.read, both.written, both.lost
        return found
