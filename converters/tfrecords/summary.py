"""What record files hold, in short: written beside them by the conversion, else read from them.

The file is hidden, so that no glob for records catches it: ``.train_summary.json`` beside ``train-fold-...``. It knows
each record file by its size and the time of its last change.
"""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import orjson

from converters.tfrecords.examples import CORNERS
from converters.tfrecords.records import offsets, read_offsets
from tltpipe import inputs
from tltpipe.errors import DataError
from tltpipe.files import atomic

END = "_summary.json"
BOXES = 2000
"""Boxes of a file that are stored, its first ones."""
_VERSION = 1
_NONE = (AttributeError, LookupError, TypeError, ValueError)
_PICTURE, _NUMBER = "frame/encoded", "target/object_class_id"


@dataclass
class RecordSummary:
    """Of one record file: ``read`` of its ``frames`` were looked into.

    ``objects`` counts them by stored class, in records for DALI by class number; ``sizes`` images by width and height;
    ``occluded`` objects whose occlusion is not 0. ``ids`` are frame ids; ``boxes`` left, top, width and height of
    objects in shares of their image, one after the other.
    """

    layout: Literal["detectnet_v2", "dali"] = "detectnet_v2"
    frames: int = 0
    read: int = 0
    objects: Counter[str] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    occluded: int = 0
    ids: list[str] = field(default_factory=list)
    boxes: list[float] = field(default_factory=list)

    def add(self, id: str, size: tuple[int, int], classes: Sequence[str], occlusions: Iterable[float]) -> bool:
        """Count a frame; whether ``add_boxes`` is to be given its boxes, too."""
        self.frames += 1
        self.read += 1
        self.ids.append(id)
        self.sizes[size] += 1
        self.objects.update(classes)
        self.occluded += sum(1 for value in occlusions if value)
        return len(self.boxes) < 4 * BOXES

    def add_boxes(self, corners: Iterable[Sequence[float]], size: tuple[int, int]) -> None:
        """``corners``: left, top, right and bottom of each object, in units of ``size``."""
        width, height = size
        for left, top, right, bottom in corners:
            shares = left / width, top / height, (right - left) / width, (bottom - top) / height
            # As round(share, 5), which takes thrice the time where it is no close call.
            self.boxes += [
                whole / 1e5
                if -0.499 < (scaled := share * 1e5) - (whole := int(scaled + 0.5)) < 0.499 and 0 < scaled < 1e9
                else round(share, 5)
                for share in shares
            ]

    def merge(self, other: RecordSummary) -> None:
        """Add what was counted in another part of the same file."""
        self.layout = other.layout
        self.frames += other.frames
        self.read += other.read
        self.objects.update(other.objects)
        self.sizes.update(other.sizes)
        self.occluded += other.occluded
        self.ids += other.ids
        self.boxes += other.boxes[: max(0, 4 * BOXES - len(self.boxes))]


def write(folder: Path, stem: str, summaries: Mapping[str, RecordSummary]) -> None:
    """Keep the summaries of the record files in ``folder``, by name, beside them; ``stem`` is what the names begin
    with."""
    files = {name: {**_stamp(folder / name), **_plain(each)} for name, each in summaries.items()}
    with atomic(folder / f".{stem}{END}", "wb") as stream:
        stream.write(orjson.dumps({"version": _VERSION, "files": files}))


def load(paths: Iterable[Path]) -> dict[Path, RecordSummary]:
    """The summaries that lie beside the record files ``paths``, of those that they fit."""
    result: dict[Path, RecordSummary] = {}
    folders: dict[Path, list[dict[str, Any]]] = {}
    for path in paths:
        if path.parent not in folders:
            folders[path.parent] = _entries(path.parent)
        for entries in folders[path.parent]:
            entry = entries.get(path.name)
            if isinstance(entry, dict) and {name: entry.get(name) for name in ("size", "mtime_ns")} == _stamp(path):
                with suppress(*_NONE):  # whatever is in there, the records say it, too
                    result[path] = _restored(entry)
    return result


def scan(path: Path, *, most_frames: int, most_bytes: int) -> RecordSummary:
    """Look into the records of ``path``, from the first one on, as long as they are within both limits; all are
    counted. Raises DataError for damaged records and for those that are no frames."""
    result = RecordSummary()
    end = 0
    for offset, data in read_offsets(path):
        if result.read >= most_frames or offset > most_bytes:
            break
        _take(result, data, path, offset)
        end = offset
    if result.read:
        result.frames += sum(1 for offset in offsets(path) if offset > end)
    return result


def _take(result: RecordSummary, data: bytes, path: Path, offset: int) -> None:
    from google.protobuf.message import DecodeError

    from converters.tfrecords.schema.example_pb2 import Example

    try:
        features = Example.FromString(data).features.feature
        width, height = (features[f"frame/{side}"].int64_list.value[0] for side in ("width", "height"))
        if width < 1 or height < 1:
            raise ValueError("an image without pixels")
        if result.layout == "dali" or _PICTURE in features:
            result.layout = "dali"
            classes = [f"{number:g}" for number in features[_NUMBER].float_list.value]
            scale = 1, 1
        else:
            classes = [name.decode(errors="replace") for name in features["target/object_class"].bytes_list.value]
            scale = width, height
        id = features["frame/id"].bytes_list.value[0].decode(errors="replace")
        if result.add(id, (width, height), classes, features["target/occlusion"].int64_list.value):
            corners = [features[f"target/coordinates_{corner}"].float_list.value for corner in CORNERS]
            result.add_boxes(zip(*corners, strict=True), scale)
    except (DecodeError, LookupError, ValueError) as problem:
        what = f"the record at byte {offset} is no frame of tlt-dataset-convert"
        raise DataError(what, where=path, hint="records must come from tlt-dataset-convert") from problem


def _stamp(path: Path) -> dict[str, int]:
    state = path.stat()
    return {"size": state.st_size, "mtime_ns": state.st_mtime_ns}


def _plain(summary: RecordSummary) -> dict[str, Any]:
    sizes = [[*size, count] for size, count in summary.sizes.items()]
    return {**vars(summary), "objects": dict(summary.objects), "sizes": sizes}


def _restored(entry: Mapping[str, Any]) -> RecordSummary:
    """Raises one of _NONE for what is none."""
    frames, read, occluded = (_whole(entry[name]) for name in ("frames", "read", "occluded"))
    objects = Counter({name: _whole(count) for name, count in entry["objects"].items()})
    sizes = Counter({(_whole(w, 1), _whole(h, 1)): _whole(count) for w, h, count in entry["sizes"]})
    layout, ids, boxes = entry["layout"], list(entry["ids"]), list(entry["boxes"])
    "".join(ids)
    array("f", boxes)
    if layout not in ("detectnet_v2", "dali") or not read == len(ids) <= frames or len(boxes) % 4:
        raise ValueError("counts that contradict each other")
    return RecordSummary(layout, frames, read, objects, sizes, occluded, ids, boxes)


def _whole(value: Any, least: int = 0) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"{value!r} is no such number")
    return value


def _entries(folder: Path) -> list[dict[str, Any]]:
    with os.scandir(folder) as entries:
        paths = sorted(entry.path for entry in entries if entry.name.startswith(".") and entry.name.endswith(END))
    return [_read(path, Path(path).stat().st_mtime_ns) for path in paths]


@lru_cache(maxsize=16)
def _read(path: str, changed: int) -> dict[str, Any]:  # noqa: ARG001 - one that changed is read again
    """The entries of a summary file by name; none where it is not one of this version."""
    try:
        page = orjson.loads(inputs.content(path))
    except (OSError, orjson.JSONDecodeError):
        return {}
    files = page.get("files") if isinstance(page, dict) and page.get("version") == _VERSION else None
    return files if isinstance(files, dict) else {}
