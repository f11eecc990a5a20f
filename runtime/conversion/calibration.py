"""KITTI calibration files: where a lidar's points are seen from the camera, and in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import fsum, isfinite
from pathlib import Path

from tltpipe import inputs
from tltpipe.errors import DataError, Location

LINES = {"P0": 12, "P1": 12, "P2": 12, "P3": 12, "R0_rect": 9, "Tr_velo_to_cam": 12, "Tr_imu_to_velo": 12}
"""The lines of a file in their order, and how many numbers each has. NVIDIA reads them by their place."""

Matrix = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Calibration:
    """``lidar_to_camera`` is R0 Tr, 4 x 4; ``lidar_to_image`` P2 R0 Tr, 3 x 4; both row by row."""

    lidar_to_camera: tuple[float, ...]
    lidar_to_image: tuple[float, ...]


def read(path: Path) -> Calibration:
    """The calibration in the file ``path``; raises DataError with file and line."""
    try:
        text = inputs.content(path).decode("utf-8")
    except FileNotFoundError:
        what = "this calibration file is missing"
        raise DataError(what, where=path, hint="leave calibrations_dir out: training on images needs none") from None
    except UnicodeDecodeError:
        raise DataError("this calibration file is not UTF-8 text", where=path) from None
    except OSError as problem:
        raise DataError(f"this calibration file cannot be read: {problem.strerror}", where=path) from None
    return parse(text, source=path)


def parse(text: str, *, source: Path | str) -> Calibration:
    """The calibration in ``text``; products in double precision, each element rounded once."""
    lines = text.rstrip().split("\n")
    found = {}
    for number, (name, count) in enumerate(LINES.items(), start=1):
        line = lines[number - 1] if number <= len(lines) else ""
        found[name] = _numbers(line, name, count, Location(source, number))
    if len(lines) > len(LINES):
        what = f"a calibration file has {len(LINES)} lines, this one {len(lines)}"
        raise DataError(what, where=Location(source, len(LINES) + 1))
    rotation = [[*row, 0.0] for row in _rows(found["R0_rect"], 3)] + [[0.0, 0.0, 0.0, 1.0]]
    moved = [*_rows(found["Tr_velo_to_cam"], 4), [0.0, 0.0, 0.0, 1.0]]
    camera = _product(rotation, moved)
    image = _product(_rows(found["P2"], 4), camera)
    flat = Calibration(tuple(chain(*camera)), tuple(chain(*image)))
    if not all(map(isfinite, chain(flat.lidar_to_camera, flat.lidar_to_image))):
        raise DataError("these matrices have no finite product", where=source)
    return flat


def _numbers(line: str, name: str, count: int, where: Location) -> list[float]:
    told, colon, rest = line.partition(":")
    if not colon or told.strip() != name:
        expected = ", ".join(LINES)
        raise DataError(f'this line must begin with "{name}:"', where=where, hint=f"the lines are {expected}")
    numbers = []
    for text in rest.split():
        try:
            numbers.append(float(text))
        except ValueError:
            raise DataError(f'{name} has "{text}", which is not a number', where=where) from None
    if len(numbers) != count or not all(map(isfinite, numbers)):
        what = f"{name} needs {count} finite numbers"
        raise DataError(what if len(numbers) == count else f"{what}, not {len(numbers)}", where=where)
    return numbers


def _rows(numbers: Sequence[float], width: int) -> list[Sequence[float]]:
    return [numbers[start : start + width] for start in range(0, len(numbers), width)]


def _product(one: Matrix, other: Matrix) -> list[list[float]]:
    columns = list(zip(*other, strict=True))
    return [[_sum([a * b for a, b in zip(row, column, strict=True)]) for column in columns] for row in one]


def _sum(terms: Sequence[float]) -> float:
    try:
        return fsum(terms)
    except (OverflowError, ValueError):  # fsum: beyond all doubles, or infinities of both signs
        return float("inf")
