"""Records as training sees them: frames, with boxes in an array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from converters.examples import Record, decode_record
from converters.records import read_offsets
from tltpipe.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HINT = "records must come from tlt-dataset-convert"


@dataclass(frozen=True)
class Frame:
    """What training needs of one record.

    ``id`` is ``<image folder>/<stem>`` without extension; sizes in pixels; ``boxes`` float32 [N, 4] left, top, right,
    bottom in pixels of the image as stored; ``classes`` the N stored names, lower case.
    """

    id: str
    width: int
    height: int
    classes: list[str]
    boxes: NDArray[np.float32]


def frames(paths: Iterable[Path]) -> Iterator[Frame]:
    """The frames in the record files ``paths``, in file order; DataError as for ``read_records``."""
    for path in paths:
        for offset, data in read_offsets(path):
            yield frame(data, path=path, offset=offset)


def frame(data: bytes, *, path: Path, offset: int) -> Frame:
    """The frame that one record holds; ``path`` and ``offset`` are for the message of the DataError."""
    import numpy as np

    record = parsed(data, path, offset)
    classes = [name.decode(errors="replace") for name in record.classes]
    boxes = np.asarray([list(column) for column in record.corners], dtype=np.float32).T.reshape(-1, 4)
    return Frame(record.id, record.width, record.height, classes, boxes)


def parsed(data: bytes, path: Path, offset: int) -> Record:
    """What the record says that begins at byte ``offset`` of ``path``. Raises DataError."""
    try:
        return decode_record(data)
    except ValueError as error:
        raise DataError(f"the record at byte {offset} {error}", where=path, hint=HINT) from None
