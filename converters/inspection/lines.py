"""Records as lines of JSON: one object for each, with all its features."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from converters.inspection import good
from converters.tfrecords import examples
from converters.tfrecords.examples import Bytes, Feature, Floats

_NO_NUMBERS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
"""What JSON has no number for, as protobuf's own JSON spells it."""


def lines(paths: Sequence[Path], *, count: int | None = None) -> Iterator[str]:
    """The first ``count`` records of the files ``paths`` in order, or all of them.

    ``path`` and ``byte`` say where a record begins, ``length`` how many bytes its data has; ``features`` has the list
    of each feature by name. Bytes are text where they are text, else ``{"bytes": 31744}``; floats are the shortest
    decimals that are these float32. A record that is no Example has ``problem`` in place of ``features``. Raises
    DataError at the first damaged record.
    """
    return islice((_line(path, offset, data) for path in paths for offset, data in good(path)), count)


def _line(path: Path, offset: int, data: bytes) -> str:
    import orjson

    name = os.fsencode(path).decode(errors="replace")
    told: dict[str, Any] = {"path": name, "byte": offset, "length": len(data)}
    try:
        found = examples.features(data)
        told["features"] = {key: _list(feature) for key, feature in sorted(found.items())}
    except ValueError as problem:
        told["problem"] = str(problem)
    return orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _list(feature: Feature | None) -> Any:
    match feature:
        case None:
            return []
        case Bytes(values):
            return [_text(value) for value in values]
        case Floats(values):
            return _decimals(values)
        case _:
            return list(feature.values)


def _text(value: bytes) -> str | dict[str, int]:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return {"bytes": len(value)}
    return text if all(each.isprintable() or each in "\t\n\r" for each in text) else {"bytes": len(value)}


def _decimals(values: Sequence[float]) -> Any:
    import numpy as np
    import orjson

    numbers = np.fromiter(values, np.float32, len(values))
    if np.isfinite(numbers).all():
        return numbers
    decimals = orjson.loads(orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY))  # null where there is no number
    return [_NO_NUMBERS[f"{value}"] if each is None else each for each, value in zip(decimals, values, strict=True)]
