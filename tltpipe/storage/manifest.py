"""The manifest of an output in an object store: written last, and all that readers go by.

Below ``URL`` lie ``tltpipe-manifest.jsonl`` and a folder for each output that was ever uploaded there, called by a
digest of its content: ``URL/v-1f3a.../train/labels/1.txt``. The manifest names one of these; what lies in others, or
is not listed, does not count.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path

from tltpipe.errors import DataError
from tltpipe.storage.remote import Object, Remote, refuse_unfit

NAME = "tltpipe-manifest.jsonl"
FORMAT = 1
VERSION = re.compile(r"v-[0-9a-f]{20}")
"""How the folder of an output is called."""


@dataclass(frozen=True)
class Summary:
    """The last line: the folder of the objects, how many there are, and the sum of their sizes."""

    version: str
    files: int
    bytes: int


def at(remote: Remote) -> Remote:
    """The manifest of the output at ``remote``, of which errors speak as of that."""
    return replace(remote.below(NAME), url=remote.url)


def write(path: Path, objects: Iterable[Object]) -> Summary:
    """Write the manifest of ``objects``, whose names are paths, to ``path``; folder by folder, if they come so."""
    digest, count, total = hashlib.sha256(), 0, 0
    with path.open("w", encoding="utf-8") as stream:
        stream.write(f"{json.dumps({'tltpipe manifest': FORMAT})}\n")
        for each in objects:
            line = _line(each)
            digest.update(line)
            count, total = count + 1, total + each.size
            stream.write(line.decode())
        summary = Summary(f"v-{digest.hexdigest()[:20]}", count, total)
        stream.write(f"{json.dumps(asdict(summary))}\n")
    return summary


def read(path: Path, url: str) -> Summary:
    """The summary of the manifest ``path``, which came from ``url``, after a look at every line.

    Raises DataError where it is torn, changed, or lists a name that would lead out of its folder.
    """
    digest, count, total = hashlib.sha256(), 0, 0
    for each in objects(path, url):
        refuse_unfit(each.name, url)
        digest.update(_line(each))
        count, total = count + 1, total + each.size
    summary = Summary(f"v-{digest.hexdigest()[:20]}", count, total)
    if summary != _summary(path):
        raise _torn(url)
    return summary


def objects(path: Path, url: str) -> Iterator[Object]:
    """What the manifest ``path`` lists. Raises DataError for a line that is none."""
    with path.open(encoding="utf-8") as stream:
        try:
            if json.loads(next(stream, "null")).get("tltpipe manifest") != FORMAT:
                raise _torn(url)
            for line in stream:
                found = json.loads(line)
                if "version" not in found:
                    yield Object(str(found["name"]), int(found["size"]), str(found["sha256"]), str(found["sha256"]))
        except (ValueError, KeyError, AttributeError, TypeError, OverflowError, RecursionError):
            raise _torn(url) from None


def by_folder(listed: Iterable[Object]) -> Iterator[tuple[str, list[Object]]]:
    """The objects of each folder, named below it."""
    for folder, group in groupby(listed, lambda each: each.name.rpartition("/")[0]):
        yield folder, [each._replace(name=each.name.rpartition("/")[2]) for each in group]


def _line(each: Object) -> bytes:
    return f"{json.dumps({'name': each.name, 'size': each.size, 'sha256': each.sha256})}\n".encode()


def _summary(path: Path) -> Summary | None:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 400))
        last = stream.read().splitlines()[-1:]
    try:
        return Summary(**json.loads(last[0]))
    except (ValueError, TypeError, IndexError):
        return None


def _torn(url: str) -> DataError:
    hint = "upload the output again; what lies beside the manifest is never read without it"
    return DataError("this manifest is torn, or of another version of tltpipe", where=f"{url}/{NAME}", hint=hint)
