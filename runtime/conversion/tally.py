"""What a conversion has written and left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from runtime.conversion import Annotated
from runtime.conversion.modifier import Modifier
from runtime.conversion.shards import example


@dataclass
class Tally:
    """``objects`` by stored class, in records written; ``renamed`` and ``dropped`` as in ``Annotated``, of all frames
    read; ``written`` records by fold; ``scores`` dropped from label lines."""

    objects: Counter[str] = field(default_factory=Counter)
    renamed: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, list[int]] = field(default_factory=dict)
    written: Counter[int] = field(default_factory=Counter)
    scores: int = 0

    def records(self, frames: Iterable[Annotated], modifier: Modifier, fold: int) -> Iterator[bytes]:
        """The records that ``frames`` become, counted as they pass."""
        for frame in frames:
            self.renamed |= frame.renamed
            self.dropped |= frame.dropped
            self.scores += frame.scores
            classes = [label.category for label in frame.labels]
            copies = modifier.copies(classes, fold=fold, written=self.written[fold])
            self.written[fold] += copies
            for _ in range(copies):
                self.objects.update(classes)
            if copies:
                record = example(frame)
                yield from (record for _ in range(copies))
