"""TFRecord: framed, check-summed records, each an Example as tlt-dataset-convert lays it out.

A record is length (uint64), masked crc32c of those 8 bytes (uint32), data, masked crc32c of the data, all little
endian; no header, no compression. Check sums are computed by Google's crc32c, in hardware where there is any.

Read as a data set, a picture is known by its frame id alone (``<image folder>/<stem>``): records hold neither
the root folder nor the extension, so ``Sample.image`` is that id as a relative path.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import google_crc32c

from converters.model import Box, Dataset, Object, Sample
from tltpipe.errors import DataError
from tltpipe.files import atomic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CARRIES = frozenset({"box", "occlusion", "truncation"})

CORNERS = ("x1", "y1", "x2", "y2")
HEADER = struct.Struct("<QI")
CHECKSUM = struct.Struct("<I")

# What lies beside the records and is none: warnings, status, the index files of DALI and of older trainers.
NO_RECORDS = re.compile(r"^\.|^idx-|\.json$|\.txt$|\.idx$")


class Bytes(NamedTuple):
    """A feature of byte strings."""

    values: Sequence[bytes]


class Floats(NamedTuple):
    """A feature of float32 numbers (rounded to float32 when written)."""

    values: Sequence[float]


class Integers(NamedTuple):
    """A feature of int64 numbers."""

    values: Sequence[int]


Feature = Bytes | Floats | Integers


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


def masked_crc(data: bytes) -> int:
    """crc32c of ``data``, rotated and offset as the format wants it, so that sums of sums stay distinct."""
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame_record(data: bytes) -> bytes:
    """One record as it stands in the file, length and check sums included."""
    length = struct.pack("<Q", len(data))
    return length + CHECKSUM.pack(masked_crc(length)) + data + CHECKSUM.pack(masked_crc(data))


def write_records(path: Path, records: Iterable[bytes]) -> int:
    """Write ``records`` to ``path``, whole or not at all; return how many. No records make an empty file."""
    count = 0
    with atomic(path, "wb") as stream:
        for record in records:
            stream.write(frame_record(record))
            count += 1
    return count


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the records of the file ``path``; an empty file has none.

    Raises DataError, naming file and byte offset, for a damaged or cut record, a file that is no TFRecord file, and
    one that cannot be opened.
    """
    for _, data in read_offsets(path):
        yield data


def read_offsets(path: Path) -> Iterator[tuple[int, bytes]]:
    """``read_records`` with each record's byte offset, by which ``read_record`` finds it again."""
    with _open(path) as stream:
        offset = 0
        while (data := _next(stream, path, offset)) is not None:
            yield offset, data
            offset += HEADER.size + len(data) + CHECKSUM.size


def read_record(path: Path, offset: int) -> bytes:
    """The record that starts at byte ``offset`` of ``path``; DataError as for ``read_records``."""
    with _open(path) as stream:
        stream.seek(offset)
        data = _next(stream, path, offset)
    if data is None:
        raise DataError(f"there is no record at byte {offset}", where=path)
    return data


def encode(features: Mapping[str, Feature]) -> bytes:
    """The Example that holds ``features``; equal features give equal bytes (keys sorted on the wire)."""
    from converters.schema.example_pb2 import Example

    example = Example()
    slots = example.features.feature
    for key, feature in features.items():
        slot = slots[key]
        target: Any = {Bytes: slot.bytes_list, Floats: slot.float_list, Integers: slot.int64_list}[type(feature)]
        target.SetInParent()  # an empty list still says of what kind it is
        target.value.extend(feature.values)
    return example.SerializeToString(deterministic=True)


def decode(data: bytes) -> dict[str, list[Any]]:
    """The features of an Example by name: lists of bytes, floats or ints. Raises ValueError for other bytes."""
    from google.protobuf.message import DecodeError

    from converters.schema.example_pb2 import Example

    example = Example()
    try:
        example.ParseFromString(data)
    except DecodeError as error:
        raise ValueError(f"not an Example: {error}") from error
    lists = {key: feature.WhichOneof("kind") for key, feature in example.features.feature.items()}
    features = example.features.feature
    return {key: list(getattr(features[key], kind).value) if kind else [] for key, kind in lists.items()}


def shards(pattern: Path | str) -> list[Path]:
    """The record files that ``pattern`` names, sorted: a file, a folder (all record files in it) or a glob.

    Raises DataError when there is none.
    """
    text = str(pattern)
    given = Path(text)
    if given.is_file():
        return [given]
    found = list(given.iterdir()) if given.is_dir() else [Path(name) for name in glob(text)]
    records = sorted(path for path in found if path.is_file() and not NO_RECORDS.search(path.name))
    if not records:
        raise DataError("no record files here", where=text, hint="tlt-dataset-convert writes them")
    return records


def frames(paths: Iterable[Path]) -> Iterator[Frame]:
    """The frames in the record files ``paths``, in file order; DataError as for ``read_records``."""
    for path in paths:
        for offset, data in read_offsets(path):
            yield frame(data, path=path, offset=offset)


def frame(data: bytes, *, path: Path, offset: int) -> Frame:
    """The frame that one record holds; ``path`` and ``offset`` are for the message of the DataError."""
    import numpy as np

    features = _features(data, path, offset)
    columns = [features.get(f"target/coordinates_{corner}", []) for corner in CORNERS]
    return Frame(
        id=features["frame/id"][0].decode(errors="replace"),
        width=features["frame/width"][0],
        height=features["frame/height"][0],
        classes=[name.decode(errors="replace") for name in features["target/object_class"]],
        boxes=np.asarray(columns, dtype=np.float32).T.reshape(-1, 4),
    )


def read(root: Path) -> Dataset:
    """Read the records in the folder ``root`` (or one file, or a glob) as a data set; categories sorted by name.

    The categories cost one pass over the records. Raises DataError as for ``shards`` and ``read_records``.
    """
    paths = shards(root)
    names: set[str] = set()
    for sample in _samples(paths):
        names.update(item.category for item in sample.objects)
    return Dataset(tuple(sorted(names)), lambda: _samples(paths))


def _samples(paths: Sequence[Path]) -> Iterator[Sample]:
    for path in paths:
        for offset, data in read_offsets(path):
            features = _features(data, path, offset)
            frame_id = features["frame/id"][0].decode(errors="replace")
            columns = (
                features["target/object_class"],
                features.get("target/truncation", []),
                features.get("target/occlusion", []),
                *(features.get(f"target/coordinates_{corner}", []) for corner in CORNERS),
            )
            objects = tuple(
                Object(name.decode(errors="replace"), Box(*corners), truncation=truncation, occlusion=occlusion)
                for name, truncation, occlusion, *corners in zip(*columns, strict=True)
            )
            width, height = features["frame/width"][0], features["frame/height"][0]
            yield Sample(Path(frame_id).name, Path(frame_id), width, height, objects)


def _features(data: bytes, path: Path, offset: int) -> dict[str, list[Any]]:
    """The features of one record, checked to be what tlt-dataset-convert writes."""
    hint = "records must come from tlt-dataset-convert"
    try:
        features = decode(data)
    except ValueError as error:
        raise DataError(f"the record at byte {offset} is {error}", where=path, hint=hint) from error
    for key in ("frame/id", "frame/width", "frame/height"):
        if len(features.get(key, [])) != 1:
            raise DataError(f'the record at byte {offset} has no "{key}"', where=path, hint=hint)
    classes = features.setdefault("target/object_class", [])
    if any(len(features.get(f"target/coordinates_{corner}", [])) != len(classes) for corner in CORNERS):
        raise DataError(f"the record at byte {offset} has not one box for each class", where=path, hint=hint)
    for optional in ("target/truncation", "target/occlusion"):
        if len(features.get(optional, [])) != len(classes):
            features[optional] = [0] * len(classes)
    return features


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=path) from error


def _next(stream: IO[bytes], path: Path, offset: int) -> bytes | None:
    """The record at ``offset``, where ``stream`` stands; None at the end of the file."""
    header = stream.read(HEADER.size)
    if not header:
        return None
    hint = "write the records again with tlt-dataset-convert"
    if len(header) < HEADER.size:
        raise DataError(f"the file ends inside the record at byte {offset}", where=path, hint=hint)
    length, checksum = HEADER.unpack(header)
    if masked_crc(header[:8]) != checksum:
        what = "this is not a TFRecord file" if offset == 0 else f"the length of the record at byte {offset} is damaged"
        raise DataError(what, where=path, hint=hint)
    body = stream.read(length + CHECKSUM.size)
    if len(body) < length + CHECKSUM.size:
        raise DataError(f"the file ends inside the record at byte {offset}", where=path, hint=hint)
    data = body[:length]
    if CHECKSUM.unpack_from(body, length)[0] != masked_crc(data):
        raise DataError(f"the record at byte {offset} is damaged (check sum differs)", where=path, hint=hint)
    return data
