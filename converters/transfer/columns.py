"""What a pass over splits brings home: arrays that grow by chunks, of a few bytes a picture and an item."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from converters.model import Pictures, Sample
from converters.model.findings import Findings
from converters.transfer.passes import Batch, Gathered, batches, chunks_together, worker_count
from tltpipe import inputs
from tltpipe.progress import Bar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ColumnStore:
    """Arrays by name, of these ``kinds``: a type's name, or that and how many numbers a row has.

    NumPy is loaded with the first rows, when workers are busy already.
    """

    def __init__(self, kinds: Mapping[str, str | tuple[str, int]]) -> None:
        self._kinds = {name: kind if isinstance(kind, tuple) else (kind, 0) for name, kind in kinds.items()}
        self._parts: dict[str, list[NDArray[Any]]] = {name: [] for name in kinds}

    def add(self, **chunk: Any) -> None:
        """Append rows to some of the arrays."""
        for name, values in chunk.items():
            self._parts[name].append(self._shaped(name, values))

    def take(self) -> dict[str, NDArray[Any]]:
        """All arrays; the store is empty afterwards."""
        import numpy as np

        return {name: np.concatenate([self._shaped(name, ()), *self._parts.pop(name)]) for name in self._kinds}

    def _shaped(self, name: str, values: Any) -> NDArray[Any]:
        import numpy as np

        kind, width = self._kinds[name]
        found: NDArray[Any] = np.asarray(values, kind)
        return found.reshape(-1, width) if width else found


def walk(
    pictures: Pictures,
    keys: Sequence[Any],
    gatherer: Callable[[], Gathered],
    *,
    bar: Bar,
    skip_bad: bool,
    decodes: bool = False,
    workers: int | None = None,
) -> Iterator[tuple[Batch[Gathered], list[int]]]:
    """``batches`` of a whole split, each with the places in ``keys`` of the pictures that were not left out.

    ``decodes``: that is what the gatherer does with each picture.
    """
    start, workers = 0, workers or worker_count(len(keys))
    together = 1 if decodes else chunks_together(len(keys), workers)
    for batch in batches(pictures, keys, gatherer, skip_bad=skip_bad, workers=workers, together=together):
        bad = set(batch.left_places)
        yield batch, [start + place for place in range(batch.pictures) if place not in bad]
        start += batch.pictures
        bar.advance(batch.pictures)


@dataclass
class Contents:
    """Gathers hashes of whole files, 0 for one that is gone."""

    hashes: list[int] = field(default_factory=list)

    def add(self, sample: Sample, findings: Findings) -> None:  # noqa: ARG002
        found = 0
        with suppress(OSError), inputs.opened(sample.image_path) as stream:
            found = int.from_bytes(hashlib.file_digest(stream, _blake).digest(), "little")
        self.hashes.append(found)


def _blake() -> Any:
    return hashlib.blake2b(digest_size=8)


def same_bytes(
    sizes: NDArray[np.int64],
    heads: NDArray[np.uint32],
    source: NDArray[np.int32],
    place: NDArray[np.int32],
    sources: Sequence[tuple[Pictures, Sequence[Any]]],
    *,
    workers: int | None,
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Images that may have the bytes of another one, in order, with the hash of each whole file (0: file not found).

    An image is the key at ``place`` of the ``source`` of that number. Only files are read that have the size and the
    check sum of the first bytes of another one; ``sizes`` are -1 where there is no file.
    """
    import numpy as np

    order = np.lexsort((heads, sizes))
    same = (sizes[order][1:] == sizes[order][:-1]) & (heads[order][1:] == heads[order][:-1]) & (sizes[order][1:] >= 0)
    several = np.zeros(len(order), dtype=bool)
    several[1:] |= same
    several[:-1] |= same
    candidates = np.sort(order[several])
    hashes: list[int] = []
    for number, (pictures, keys) in enumerate(sources):
        own = [keys[at] for at in place[candidates[source[candidates] == number]].tolist()]
        for batch in batches(pictures, own, Contents, whole=False, workers=workers):
            hashes += batch.gathered.hashes
    return candidates, np.array(hashes, np.uint64)
