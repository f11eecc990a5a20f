"""Many numbers at once, rounded and written as JSON just as Python rounds and writes them one by one."""

from __future__ import annotations

import json

import numpy as np
import orjson
from numpy.typing import ArrayLike, NDArray


@np.errstate(invalid="ignore")
def rounded(values: ArrayLike, digits: int) -> NDArray[np.float64]:
    """``values`` as ``round(value, digits)`` has each; what is no finite number stays."""
    values, power = np.asarray(values, np.float64), 10.0**digits
    scaled = values * power
    result: NDArray[np.float64] = np.rint(scaled) / power
    # The product is a little off: too close to a half, or too large, it does not say which way to go.
    unsure = (np.abs(np.abs(scaled - np.trunc(scaled)) - 0.5) < 1e-4) | (np.abs(scaled) > 1e11)
    if unsure.any():
        result[unsure] = [round(value, digits) for value in values[unsure].tolist()]
    return result


def texts(values: NDArray[np.float64]) -> list[str]:
    """The JSON of each of ``values``, numbers [n] or lists of them [n, m]; n is 1 or more."""
    size = np.abs(values)
    if ((size == 0) | (size >= 1e-4) & (size < 1e15)).all():  # others Python may write with an exponent
        text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY).decode()
    else:
        text = json.dumps(values.tolist(), separators=(",", ":"))
    if values.ndim == 1:
        return text[1:-1].split(",")
    return [f"[{each}]" for each in text[2:-2].replace(",", ", ").split("], [")]
