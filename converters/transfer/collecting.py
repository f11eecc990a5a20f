"""Results in COCO's format from several files in one: those of models that have a category each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from tltpipe.errors import DataError
from tltpipe.files import atomic


def collect(sources: Sequence[Path], target: Path) -> dict[Path, int]:
    """Write the rows of all ``sources``, one file after the other, to ``target``; returns how many each has.

    Raises DataError for a file that is no list of results, and for a category that two of them have.
    """
    whose: dict[Any, Path] = {}
    counts: dict[Path, int] = {}
    with atomic(target, "wb") as stream:
        joint = b"[\n"
        for path in sources:
            rows = _rows(path)
            for category in {row["category_id"] for row in rows}:
                if (other := whose.setdefault(category, path)) != path:
                    what = f"results of category {category} are in {other}, too"
                    raise DataError(what, where=path, hint="name each file once: each has categories of its own")
            for row in rows:
                stream.write(joint + orjson.dumps(row))
                joint = b",\n"
            counts[path] = len(rows)
        stream.write(b"\n]\n" if any(counts.values()) else b"[]\n")
    return counts


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        rows = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise DataError("there is no such file of results", where=path) from None
    except ValueError as problem:
        raise DataError(f"this is no JSON: {problem}", where=path) from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "category_id" in row for row in rows):
        hint = 'COCO\'s results are a list of {"image_id", "category_id", "score", ...}'
        raise DataError("this is no file of results", where=path, hint=hint)
    return rows
