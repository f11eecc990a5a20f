"""What records hold: class names and boxes in pixels, or, for DALI, the picture, class numbers and shares of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import ClassVar, Protocol

from converters.tfrecords import wire
from converters.tfrecords.examples import CORNERS, WORLD, stored_name
from runtime.conversion import Annotated, Object
from specs import Spec
from tltpipe import inputs
from tltpipe.errors import DataError, UsageError

# The numbers of an object in the order of its label's columns, and the place in them of each feature of floats.
_COLUMNS = ("truncation", "occlusion", "observation_angle", *(f"coordinates_{corner}" for corner in CORNERS))
_COLUMNS += tuple(f"world_bbox_{name}" for name in WORLD)
_OCCLUSION = _COLUMNS.index("occlusion")
_FLOATS = [name for name in sorted(_COLUMNS) if name != "occlusion"]
_KEYS = tuple(f"target/{name}" for name in _FLOATS)
_floats_of = itemgetter(*[_COLUMNS.index(name) for name in _FLOATS])
_NONE: list[tuple[float, ...]] = [()] * len(_COLUMNS)


class Names(Protocol):
    """What the class of a label is stored as; None for one that is not to be stored."""

    def __getitem__(self, name: str, /) -> str | None: ...


class Layout(Protocol):
    """How one frame becomes an Example. Small and picklable, as a ``Source`` is.

    ``pictures`` says whether the picture itself is in the record; ``modifies`` whether the sample modifier, which
    goes by class names, sees any; ``numbered`` are the classes by number, from 1 on, where it stores numbers.
    """

    pictures: ClassVar[bool]
    modifies: ClassVar[bool]

    @property
    def names(self) -> Names: ...

    @property
    def numbered(self) -> Sequence[str]: ...

    def class_in_record(self, name: str) -> str:
        """The stored name, or the number that is stored in its place, as text."""
        ...

    def example(self, frame: Annotated) -> bytes: ...


class Stored(dict[str, str]):
    """Every class under its stored name: ASCII letters in lower case."""

    def __missing__(self, name: str) -> str:
        stored = self[name] = stored_name(name)
        return stored


class Targets(dict[str, str | None]):
    """Classes that have a number, given in lower case, by the name whose number it is; None for all others."""

    def __missing__(self, name: str) -> str | None:
        target = self[name] = self.get(name.lower())
        return target


@dataclass(frozen=True)
class Plain:
    """The records that detectnet_v2's converter writes, and TLT 2.0's for every network."""

    names: Stored

    pictures: ClassVar[bool] = False
    modifies: ClassVar[bool] = True
    numbered: ClassVar[Sequence[str]] = ()

    def class_in_record(self, name: str) -> str:
        return name

    def example(self, frame: Annotated) -> bytes:
        """Equal to ``converters.tfrecords.examples.encode`` of the features in ``LAYOUT``, and of point cloud and
        calibration."""
        classes = wire.names("target/object_class", [name for name, _ in frame.objects])
        columns = _columns(frame.objects)
        return wire.example([*_calibration(frame), *_frame(frame), *_point_cloud(frame), *_targets([classes], columns)])


@dataclass(frozen=True)
class Dali:
    """The records of the SSD networks from TAO 3 on, which DALI reads: picture included.

    ``ids`` are the numbers of the names stored; ``strict`` adds the empty feature that NVIDIA's converter leaves.
    """

    names: Targets
    ids: Mapping[str, float]
    strict: bool = False

    pictures: ClassVar[bool] = True
    modifies: ClassVar[bool] = False

    @property
    def numbered(self) -> Sequence[str]:
        return sorted(self.ids, key=self.ids.__getitem__)

    def class_in_record(self, name: str) -> str:
        return f"{self.ids[name]:g}"

    def example(self, frame: Annotated) -> bytes:
        """Raises DataError for a picture that cannot be read."""
        picture = wire.text("frame/encoded", _content(frame.picture))
        ids = [self.ids[name] for name, _ in frame.objects]
        classes = wire.floats(("target/object_class_id",), [ids], len(ids))
        named = [wire.nothing("target/object_class")] if self.strict else []
        columns = _columns(frame.objects)
        for place, side in enumerate((frame.width, frame.height) * 2, start=_COLUMNS.index("coordinates_x1")):
            columns[place] = tuple([value / side for value in columns[place]])
        return wire.example([picture, *_frame(frame), *_targets([*named, *classes], columns)])


def _columns(objects: Sequence[Object]) -> list[tuple[float, ...]]:
    return list(zip(*[numbers for _, numbers in objects], strict=True)) or list(_NONE)


def _frame(frame: Annotated) -> list[bytes]:
    return [
        wire.integers("frame/height", (frame.height,)),
        wire.text("frame/id", frame.id.encode()),
        wire.integers("frame/width", (frame.width,)),
    ]


def _targets(classes: Sequence[bytes], columns: Sequence[tuple[float, ...]]) -> list[bytes]:
    """The entries of the objects in order of their keys; ``classes`` are those that name them."""
    count = len(columns[0])
    floats = wire.floats(_KEYS, _floats_of(columns), count)
    occlusions = wire.integers("target/occlusion", tuple(map(int, columns[_OCCLUSION])))
    corners = len(CORNERS)
    return [*floats[:corners], *classes, floats[corners], occlusions, *floats[corners + 1 :]]


def _calibration(frame: Annotated) -> list[bytes]:
    found = frame.calibration
    if found is None:
        return []
    image = wire.floats(("calibration/P_lidar_to_image",), [found.lidar_to_image], len(found.lidar_to_image))
    camera = wire.floats(("calibration/T_lidar_to_camera",), [found.lidar_to_camera], len(found.lidar_to_camera))
    return [*image, *camera]


_CHANNELS = 4  # of a point: x, y, z, reflectance


def _point_cloud(frame: Annotated) -> list[bytes]:
    if frame.point_cloud is None:
        return []
    channels = wire.integers("point_cloud/num_input_channels", (_CHANNELS,))
    return [wire.text("point_cloud/id", frame.point_cloud.encode()), channels]


def _content(path: str) -> bytes:
    try:
        return inputs.content(path)
    except FileNotFoundError:
        raise DataError("this picture is missing", where=path) from None
    except OSError as problem:
        raise DataError(f"this picture cannot be read: {problem.strerror}", where=path) from None


def dali(spec: Spec, names_file: Path | None, *, strict: bool) -> Dali:
    """The layout whose classes ``target_class_mapping`` gives or, without one, the lines of ``names_file``.

    Numbers are 1 to n over the sorted names of the targets, in lower case. Raises UsageError where there is neither,
    DataError for a file that names no class.
    """
    mapping: Mapping[str, str] = spec.message.target_class_mapping
    if mapping:
        targets = {given.lower(): target.lower() for given, target in mapping.items()}
        return Dali(Targets(targets), _numbered(mapping[given].lower() for given in mapping), strict)
    if names_file is None:
        what = "records for DALI hold class numbers, and nothing says which class has which"
        hint = "write target_class_mapping in the spec, or give a file with a class in each line: -c FILE"
        raise UsageError(what, where=str(spec.source), hint=hint)
    names = read(names_file)
    return Dali(Targets({name: name for name in names}), _numbered(names), strict)


def read(path: Path) -> list[str]:
    """The classes in the file ``path``, in lower case; raises DataError with file and line.

    A blank line, for NVIDIA the class "", counts for nothing.
    """
    try:
        lines = inputs.content(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DataError("this file of class names is not UTF-8 text", where=path) from None
    except OSError as problem:
        raise DataError(f"this file of class names cannot be read: {problem.strerror}", where=path) from None
    names = [line.strip().lower() for line in lines]
    if not any(names):
        raise DataError("this file names no class", where=path, hint="it needs a class in each line")
    return [name for name in names if name]


def _numbered(names: Iterable[str]) -> dict[str, float]:
    return {name: float(number) for number, name in enumerate(sorted(set(names)), start=1)}
