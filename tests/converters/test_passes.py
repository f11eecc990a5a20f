"""A pass hands chunks over one at a time or several at once, and what comes of it is the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from converters.model import Box, Object, Sample, rules
from converters.model.findings import Findings
from converters.statistics.viewing import Showing
from converters.transfer.passes import CHUNK, batches
from tltpipe.errors import DataError


@dataclass(frozen=True)
class Numbered:
    """Images named by their numbers; every seventh cannot be read, and every fifth has nothing on it."""

    count: int

    @property
    def inputs(self) -> Sequence[Path]:
        return ()

    def keys(self) -> Sequence[int]:
        return range(self.count)

    def name(self, key: int) -> str:
        return str(key)

    def load(self, key: int, findings: Findings) -> Sample:
        if key % 7 == 0:
            raise DataError(f"{key} cannot be read", code=rules.BROKEN_PICTURE.code)
        if key % 5 == 0:
            findings.add(rules.NO_OBJECTS, key)
        objects = () if key % 5 == 0 else (Object("cat", Box(1, 1, 9, 9)),)
        return Sample(str(key), f"{key}.jpg", 20, 20, objects)


def test_chunks_handed_over_together_stay_chunks_of_their_own() -> None:
    pictures = Numbered(5 * CHUNK + 3)

    def passed(together: int) -> list[tuple[int, list[int], list[str], list[str]]]:
        found = batches(pictures, pictures.keys(), partial(Showing, "cat"), skip_bad=True, workers=1, together=together)
        return [
            (each.pictures, each.left_places, each.gathered.names, [str(finding) for finding in each.findings])
            for each in found
        ]

    alone = passed(1)
    assert [count for count, *_ in alone] == [CHUNK] * 5 + [3]
    assert [place for _, places, *_ in alone[:1] for place in places] == list(range(0, CHUNK, 7))
    assert alone[0][2][:4] == ["1", "2", "3", "4"]
    assert passed(4) == alone
