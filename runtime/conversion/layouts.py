"""What records hold: class names and boxes in pixels, or, for DALI, the picture, class numbers and shares of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from typing import ClassVar, Protocol

from converters.formats.kitti.rows import NUMBERS
from converters.tfrecords import examples, wire
from converters.tfrecords.examples import stored_name
from runtime.conversion import Annotated
from runtime.conversion.calibration import Calibration
from specs import Spec
from tltpipe import inputs
from tltpipe.errors import DataError, UsageError


class Names(Protocol):
    """What the class of a label is stored as; None for one that is not to be stored."""

    def __getitem__(self, name: str, /) -> str | None: ...


class Layout(Protocol):
    """How frames become Examples. Small and picklable, as a ``Source`` is.

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

    def examples(self, frames: Annotated) -> Iterator[bytes]: ...


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

    def examples(self, frames: Annotated) -> Iterator[bytes]:
        """Equal to ``converters.tfrecords.examples.encode`` of the features in ``LAYOUT``, and of point cloud and
        calibration."""
        clouds = map(_point_cloud, frames.point_clouds) if frames.point_clouds else repeat(b"")
        firsts = map(_calibration, frames.calibrations) if frames.calibrations else repeat(b"")
        frame = zip(frames.ids, frames.sizes, frames.classes, frames.numbers, firsts, clouds, strict=False)
        for id, size, names, numbers, first, cloud in frame:
            classes, floats = wire.names("target/object_class", names), _floats(numbers)
            yield examples.record(id, size, classes, floats, _occlusions(numbers), first=first, cloud=cloud)


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

    def examples(self, frames: Annotated) -> Iterator[bytes]:
        """Raises DataError for a picture that cannot be read."""
        frame = zip(frames.ids, frames.sizes, frames.classes, frames.numbers, frames.pictures, strict=True)
        for id, size, names, numbers, path in frame:
            picture, count = wire.text("frame/encoded", _content(path)), len(names)
            classes = wire.floats((("target/object_class_id",),), [self.ids[name] for name in names], count)
            named = [wire.nothing("target/object_class")] if self.strict else []
            shares = list(_floats(numbers))
            for side, start in zip(size, (0, 2 * count), strict=True):
                shares[start : start + 2 * count] = [value / side for value in shares[start : start + 2 * count]]
            yield examples.record(id, size, b"".join((*named, *classes)), shares, _occlusions(numbers), first=picture)


def _floats(numbers: Sequence[float]) -> Sequence[float]:
    """Those that are stored as floats, feature by feature, out of the numbers of labels."""
    count = len(numbers) // NUMBERS
    if 0 < count < _MANY:
        return _picking(count)(numbers)
    return [number for place in examples.FLOATS for number in numbers[place::NUMBERS]]


@cache
def _picking(count: int) -> Callable[[Sequence[float]], tuple[float, ...]]:
    return itemgetter(*[NUMBERS * row + place for place in examples.FLOATS for row in range(count)])


_MANY = 20
"""Labels from which on slices are as fast."""


def _occlusions(numbers: Sequence[float]) -> tuple[float, ...]:
    return tuple(numbers[examples.OCCLUSION :: NUMBERS])


def _calibration(found: Calibration) -> bytes:
    image, camera = found.lidar_to_image, found.lidar_to_camera
    return b"".join(
        wire.floats((("calibration/P_lidar_to_image",),), image, len(image))
        + wire.floats((("calibration/T_lidar_to_camera",),), camera, len(camera))
    )


_CHANNELS = 4  # of a point: x, y, z, reflectance


def _point_cloud(id: str) -> bytes:
    return wire.text("point_cloud/id", id.encode()) + wire.integers("point_cloud/num_input_channels", (_CHANNELS,))


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
