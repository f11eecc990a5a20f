"""Records as training sees them: frames, with boxes in an array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.tfrecords.examples import CORNERS, Record, decode_record, features
from converters.tfrecords.records import HEADER, read_offsets
from tltpipe.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PICTURE = b"frame/encoded"
HINT = "records must come from tlt-dataset-convert"


@dataclass(frozen=True)
class Frame:
    """What training needs of one record.

    ``id`` is ``<image folder>/<stem>`` without extension; sizes in pixels; ``boxes`` float32 [N, 4] left, top, right,
    bottom in pixels of the image as stored; ``classes`` the N stored names, lower case; ``difficult`` whether each is
    marked as occluded. Records that hold the picture itself have class numbers from 1 in place of names: ``numbers``,
    and in ``picture`` at which byte of the file it begins, and how many it has.
    """

    id: str
    width: int
    height: int
    classes: Sequence[str]
    boxes: NDArray[np.float32]
    difficult: Sequence[bool]
    numbers: Sequence[int] | None = None
    picture: tuple[int, int] | None = None


def frames(paths: Iterable[Path]) -> Iterator[Frame]:
    """The frames in the record files ``paths``, in file order; DataError as for ``read_records``."""
    for path in paths:
        for offset, data in read_offsets(path):
            yield frame(data, path=path, offset=offset)


def frame(data: bytes, *, path: Path, offset: int) -> Frame:
    """The frame that one record holds; ``path`` and ``offset`` are for the message of the DataError."""
    import numpy as np

    if _PICTURE in data:
        return _with_picture(data, path, offset)
    record = parsed(data, path, offset)
    classes = [name.decode(errors="replace") for name in record.classes]
    boxes = np.asarray([list(column) for column in record.corners], dtype=np.float32).T.reshape(-1, 4)
    difficult = [value != 0 for value in record.occlusions]
    return Frame(record.id, record.width, record.height, classes, boxes, difficult)


def _with_picture(data: bytes, path: Path, offset: int) -> Frame:
    """A record for DALI: boxes are shares of the picture, which is in it."""
    import numpy as np

    try:
        held = features(data)
        found: dict[str, list[Any]] = {
            key: list(feature.values) if feature is not None else [] for key, feature in held.items()
        }
        numbers = [int(number) for number in found["target/object_class_id"]]
        corners = [found[f"target/coordinates_{corner}"] for corner in CORNERS]
        if any(len(column) != len(numbers) for column in corners):
            raise ValueError("has not one box for each class")
        picture, name = found[_PICTURE.decode()][0], found["frame/id"][0]
        width, height = found["frame/width"][0], found["frame/height"][0]
    except (LookupError, AttributeError) as error:
        raise DataError(f"the record at byte {offset} has no {error}", where=path, hint=HINT) from None
    except ValueError as error:
        raise DataError(f"the record at byte {offset} {error}", where=path, hint=HINT) from None
    boxes = np.asarray(corners, np.float32).T.reshape(-1, 4) * np.array([width, height] * 2, np.float32)
    occlusions = found.get("target/occlusion") or [0] * len(numbers)
    difficult = [value != 0 for value in occlusions]
    place = offset + HEADER.size + data.find(picture), len(picture)
    return Frame(name.decode(errors="replace"), width, height, (), boxes, difficult, numbers, place)


def parsed(data: bytes, path: Path, offset: int) -> Record:
    """What the record says that begins at byte ``offset`` of ``path``. Raises DataError."""
    try:
        return decode_record(data)
    except ValueError as error:
        raise DataError(f"the record at byte {offset} {error}", where=path, hint=HINT) from None
