"""Whether a job's outputs are really there: counted, not believed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from converters.files import listing

Lacking = Callable[[], str | None]
"""Says in words what is missing, or None; called when the job has ended."""


def names(folder: Path, suffix: str) -> set[str]:
    """Names in ``folder`` that end with ``suffix``, hidden ones left out; empty where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.name.endswith(suffix) and not entry.name.startswith(".")}
    except (FileNotFoundError, NotADirectoryError):
        return set()


def images(folder: Path, extension: str | None = None) -> set[str]:
    """Paths without extension of the images below ``folder``; where ``extension`` is given, of those with it."""
    if not folder.is_dir():
        return set()
    paths = listing.files(folder, listing.PICTURES | {listing.extension_of(extension or "")})
    return {path.rpartition(".")[0] for path in paths if path.endswith(extension or "")}


def labels(folder: Path) -> set[str]:
    """The same of label files."""
    return listing.stems(folder, frozenset(("txt",))) if folder.is_dir() else set()


def lacking_pictures(pictures: Path, texts: Path, produced: Path, *, extension: str | None = None) -> Lacking:
    """Every one of ``pictures`` that has a label in ``texts`` must have come out in ``produced``, as an image of the
    same name, whatever its extension, and a label, but for those that the program says it left out.

    ``extension``: of those with another, none need have come out.
    """

    def look() -> str | None:
        expected = images(pictures, extension) & labels(texts)
        if not expected:
            return f"{pictures.parent} holds no image{f' ending in {extension}' if extension else ''} with a label"
        # Programs differ in whether .jpg means .JPG, too: those need not have come out.
        expected -= {name.rpartition(".")[0] for name in _left_out(produced / "left_out.txt")}
        missing, unlabelled = expected - images(produced / "images"), expected - labels(produced / "labels")
        if missing:
            return f"{_some(missing, len(expected), 'images')} did not come out"
        return f"{_some(unlabelled, len(expected), 'labels')} did not come out" if unlabelled else None

    return look


def _left_out(listing: Path) -> list[str]:
    """The names in a list of pictures and why each was left out."""
    if not listing.is_file():
        return []
    return [line.partition("\t")[0] for line in listing.read_text(encoding="utf-8").splitlines()]


def lacking_records(pictures: Path, produced: Path, *, prefix: str, extension: str | None = None) -> Lacking:
    """The shards ``produced/prefix-*`` must hold one record for each of ``pictures`` (with ``extension``)."""

    def look() -> str | None:
        shards = sorted(produced.glob(f"{prefix}-*"))
        if not shards:
            return f"it wrote no shard {prefix}-*"
        counts = {shard.name: records(shard) for shard in shards}
        cut = [name for name, count in counts.items() if count is None]
        if cut:
            return f"the shard {cut[0]} ends in the middle of a record"
        total, expected = sum(count or 0 for count in counts.values()), len(images(pictures, extension))
        return None if total == expected else f"its shards hold {total} records for {expected} images"

    return look


def records(shard: Path) -> int | None:
    """The number of records in a TFRecord file by their framing, no payload read; None if the last one is cut off.

    Framing: 8 bytes length (little endian), 4 bytes checksum, payload, 4 bytes checksum.
    """
    size = shard.stat().st_size
    place = count = 0
    with shard.open("rb") as stream:
        while place < size:
            stream.seek(place)
            place += 8 + 4 + int.from_bytes(stream.read(8), "little") + 4
            count += 1
    return count if place == size else None


def _some(missing: set[str], total: int, what: str) -> str:
    first = ", ".join(sorted(missing)[:3])
    return f"{len(missing)} of {total} {what} ({first}{', ...' if len(missing) > 3 else ''})"
