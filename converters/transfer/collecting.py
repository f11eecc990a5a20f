"""Results in COCO's format from several files in one: those of models that have a category each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson

from converters.files import json_file
from converters.formats.coco import results
from tltpipe.files import atomic


def collect(sources: Sequence[Path], target: Path) -> dict[Path, int]:
    """Write the rows of all ``sources``, one file after the other, to ``target``; returns how many each has.

    Raises DataError for a file that is no list of results, and for a category that two of them have.
    """
    whose: dict[int | str, int] = {}
    counts = dict.fromkeys(sources, 0)
    with atomic(target, "wb") as stream:
        joint = b"[\n"
        for number, path in enumerate(sources):
            for row in results.read(path):
                category = row.record.get("category_id")
                if not isinstance(category, (int, str)):
                    raise row.error(f'"category_id" must be that of a category, not {json_file.name(category)}')
                if (other := whose.setdefault(category, number)) != number:
                    what = f"results of category {category} are in {sources[other]}, too"
                    raise row.error(what, "name each file once: each has categories of its own")
                stream.write(joint + orjson.dumps(row.record))
                joint = b",\n"
                counts[path] += 1
        stream.write(b"\n]\n" if whose else b"[]\n")
    return counts
