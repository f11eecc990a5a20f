"""Arrays as plain data (``tltpipe.plain``), so that a worker can write down what it predicts."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORTH_IT = 1 << 14
"""Bytes from which an array of single bytes is compressed: label maps and masks take a hundredth then."""


@dataclass(frozen=True)
class Packed:
    """An array as plain data. One of objects holds bytes, its ``parts``."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes = b""
    packed: bool = False
    parts: tuple[bytes, ...] = ()


def pack(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Packed]:
    return {name: pack_one(np.asarray(array)) for name, array in arrays.items()}


def unpack(packed: Mapping[str, Packed]) -> dict[str, NDArray[Any]]:
    return {name: unpack_one(each) for name, each in packed.items()}


def pack_one(array: NDArray[Any]) -> Packed:
    if array.dtype == object:
        return Packed("O", array.shape, parts=tuple(array.ravel().tolist()))
    data = array.tobytes()
    small = array.itemsize == 1 and len(data) >= WORTH_IT
    return Packed(array.dtype.str, array.shape, zlib.compress(data, 1) if small else data, small)


def unpack_one(packed: Packed) -> NDArray[Any]:
    if packed.dtype == "O":
        array = np.empty(packed.shape, object)
        for place, part in zip(np.ndindex(array.shape), packed.parts, strict=True):
            array[place] = part
        return array
    data = zlib.decompress(packed.data) if packed.packed else packed.data
    return np.frombuffer(bytearray(data), packed.dtype).reshape(packed.shape)
