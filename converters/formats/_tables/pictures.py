"""The pictures of a table: what formats with one row an object have in common."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from converters.files.filenames import ImageNames, UnclearName
from converters.formats._tables import rows as csv_rows
from converters.formats._tables.rows import Keys, Row, Table
from converters.model import rules
from converters.model.findings import Findings
from tltpipe.errors import DataError


@dataclass(frozen=True)
class TablePictures:
    """The pictures of one table, in the order in which they first appear."""

    table: Table
    images: Path
    classes: frozenset[str] | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (self.table.path,)

    def keys(self) -> Keys:
        return csv_rows.index(self.table).keys

    def name(self, key: Sequence[int]) -> str:
        """The picture's name; the place of a row that has none."""
        try:
            return self.image(self.table.row(key[0], key[1]), Findings())[0]
        except DataError:
            return f"{self.table.path.name}:{key[1]}"

    def image(self, row: Row, findings: Findings) -> tuple[str, Path]:
        """The picture's name below the picture folder, without extension, and its path. Raises DataError."""
        below = self.below(row)
        name, image = self.located(below)
        if not os.path.exists(image):  # noqa: PTH110 - of each image: faster
            try:
                match = _names(self).match(below)
            except UnclearName as unclear:
                raise row.error("picture", f"is unclear: {unclear}", code=rules.SAME_NAME.code) from None
            if match is not None:
                findings.add(rules.OTHER_FILE_NAME, match.example(row.text("picture")))
                return match.stem, Path(f"{self.images}/{match.path}")
        return name, image

    def below(self, row: Row) -> str:
        """The picture's path below the picture folder, as ``row`` has it. Raises DataError."""
        raise NotImplementedError

    def located(self, below: str) -> tuple[str, Path]:
        """The picture's name without extension, and its path, where ``below`` is spelled as its file is."""
        raise NotImplementedError


def _names(pictures: TablePictures) -> ImageNames:
    """What the names in a table mean; made anew when the folder of the pictures has changed."""
    changed = pictures.images.stat().st_mtime_ns if pictures.images.is_dir() else 0
    return _known_names(pictures, changed)


@lru_cache(maxsize=4)
def _known_names(pictures: TablePictures, changed: int) -> ImageNames:  # noqa: ARG001
    return ImageNames(pictures.images, lambda: _all_names(pictures))


def _all_names(pictures: TablePictures) -> Iterator[str]:
    for key in pictures.keys():  # noqa: SIM118 - no mapping
        try:
            yield pictures.below(pictures.table.row(key[0], key[1]))
        except DataError:  # said when it is loaded
            continue
