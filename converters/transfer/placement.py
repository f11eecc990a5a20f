"""Pictures that go along: hard links where the file system allows, else copies."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from converters.formats import FilesOfTheirOwn
from converters.model import Dataset, Sample, rules
from tltpipe.errors import DataError
from tltpipe.files import link_or_copy

How = Literal["link", "copy", "none"]


@dataclass(frozen=True)
class Recorder:
    folder: Path
    how: How

    def record(self, sample: Sample) -> None:
        """Put the picture to ``folder / sample.file_name``. Raises DataError when it is missing."""
        target = self.folder / sample.file_name
        try:
            self._place(sample.image, target)
        except FileNotFoundError:
            if not sample.image.exists():
                what, hint = "this picture is missing", "put it there, or convert without pictures: --images none"
                raise DataError(what, where=sample.image, hint=hint, code=rules.NO_PICTURE.code) from None
            target.parent.mkdir(parents=True, exist_ok=True)
            self._place(sample.image, target)

    def _place(self, source: Path, target: Path) -> None:
        source = Path(os.path.realpath(source)) if source.is_symlink() else source
        if self.how == "link":
            link_or_copy(source, target)
        else:
            shutil.copy2(source, target)


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
