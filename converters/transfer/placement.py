"""Pictures that go along: hard links where the file system allows, else copies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from converters.formats import FilesOfTheirOwn
from converters.model import Dataset, Sample, rules
from tltpipe import staging
from tltpipe.errors import DataError

How = Literal["link", "copy", "none"]


@dataclass(frozen=True)
class Recorder:
    folder: Path
    how: How

    def record(self, sample: Sample) -> None:
        """Put the picture to ``folder / sample.file_name``. Raises DataError when it is missing."""
        source = sample.image_path
        if os.path.islink(source):  # noqa: PTH114 - a Path for each picture would cost as much as the link
            source = os.path.realpath(source)
        place = staging.link if self.how == "link" else staging.copy
        try:
            place(str(self.folder), sample.file_name, source)
        except FileNotFoundError:
            what, hint = "this picture is missing", "put it there, or convert without pictures: --images none"
            raise DataError(what, where=sample.image_path, hint=hint, code=rules.NO_PICTURE.code) from None


@dataclass(frozen=True)
class Writer(FilesOfTheirOwn):
    """Fills the folder ``path`` with pictures."""

    path: Path
    categories: Sequence[str]
    dataset: Dataset
    how: How = "link"

    @property
    def recorder(self) -> Recorder:
        return Recorder(self.path, self.how)
