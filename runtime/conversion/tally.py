"""What a conversion has written and left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from runtime.conversion.work import Done
from tltpipe.losses import Losses


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
