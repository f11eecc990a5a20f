"""What deciding about a split takes: of each picture its name, classes, garments and file, in some fifty bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.model import Dataset, Pictures
from converters.partition.relations import Relation
from converters.partition.traits import UNSEEN, Traits, hashed
from converters.transfer import losing
from converters.transfer.columns import ColumnStore, walk
from converters.transfer.passes import Batch
from tltpipe.errors import DataError
from tltpipe.losses import Losses
from tltpipe.progress import Progress, Silent


@dataclass(frozen=True)
class Facts:
    """All pictures that can be used, of all ``sources``; arrays have an entry for each, in the order of the data.

    ``source`` and ``place`` say which key of which source it is; ``ranks`` are hashes of the names and put pictures in
    an order that has nothing to do with how files lie. ``owners`` and ``kinds`` have an entry for each item: its
    picture and its class. ``looks`` are perceptual hashes (None where nobody asked). ``losses`` has the balance of
    each source, in which what can be used counts as written.
    """

    sources: tuple[str, ...]
    categories: tuple[str, ...]
    pictures: tuple[Pictures, ...]
    keys: tuple[Sequence[Any], ...]
    prefixed: bool
    source: NDArray[np.int32]
    place: NDArray[np.int32]
    ranks: NDArray[np.uint64]
    sizes: NDArray[np.int64]
    heads: NDArray[np.uint32]
    looks: NDArray[np.uint64] | None
    owners: NDArray[np.int32]
    kinds: NDArray[np.int32]
    garments: Relation
    highest_pair: int
    paths: tuple[str, ...]
    left_out: tuple[str, ...]
    losses: Mapping[str, Losses]

    def __len__(self) -> int:
        return len(self.ranks)

    @property
    def unseen(self) -> int:
        """Pictures whose files are not there."""
        return int((self.sizes == UNSEEN).sum())

    def prefix(self, source: int) -> str:
        """What keeps the names of ``source`` apart from those of others."""
        return f"{self.sources[source]}/" if self.prefixed else ""

    def name(self, picture: int) -> str:
        """What the picture will be called."""
        return self.prefix(int(self.source[picture])) + self.own_name(picture)

    def own_name(self, picture: int) -> str:
        """What the picture is called in its source."""
        source = int(self.source[picture])
        return self.pictures[source].name(self.keys[source][self.place[picture]])


def collect(
    datasets: Mapping[str, Dataset],
    *,
    seed: str = "",
    near: bool = False,
    needed: bool = True,
    listed: bool = False,
    skip_bad: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Facts:
    """Read all pictures once. Raises DataError for the first that cannot be used, or leaves such out."""
    pictures = tuple(dataset.pictures for dataset in datasets.values())
    keys = tuple(each.keys() for each in pictures)
    categories = tuple(dict.fromkeys(name for dataset in datasets.values() for name in dataset.categories))
    columns = ColumnStore(_KINDS)
    paths, left_out, losses = list[str](), list[str](), dict[str, Losses]()
    count = highest = 0
    with (progress or Silent()).bar("look at pictures", total=sum(map(len, keys))) as bar:
        for number, (name, dataset) in enumerate(datasets.items()):
            scope = "" if dataset.joint_pairs else name
            numbers = {category: n for n, category in enumerate(categories)}
            gatherer = partial(Traits, numbers, scope, needed, near, listed)
            how: dict[str, Any] = {"skip_bad": skip_bad, "decodes": near, "workers": workers}
            for batch, places in walk(dataset.pictures, keys[number], gatherer, bar=bar, **how):
                _add(columns, number, places, batch.gathered, count)
                count, highest = count + len(places), max(highest, batch.gathered.highest_pair)
                paths += batch.gathered.paths
                left_out += [_plain(f"{name}\t{problem}\n") for name, problem in batch.left_out]
                _count(losses.setdefault(name, Losses()), batch, categories)
    if not count:
        raise DataError("there is not one picture that can be used", where=pictures[0].inputs[0])
    return Facts(
        sources=tuple(datasets),
        categories=categories,
        pictures=pictures,
        keys=keys,
        highest_pair=highest,
        paths=tuple(paths),
        left_out=tuple(left_out),
        losses=losses,
        **_arrays(columns.take(), tuple(datasets), pictures, keys, seed=seed, near=near),
    )


_KINDS: dict[str, str | tuple[str, int]] = {
    "source": "int32",
    "place": "int32",
    "sizes": "int64",
    "heads": "uint32",
    "looks": "uint64",
    "owners": "int32",
    "kinds": "int32",
    "garment_owners": "int32",
    "garments": "uint64",
}


def _add(columns: ColumnStore, source: int, places: Sequence[int], traits: Traits, count: int) -> None:
    """Append a chunk behind ``count`` pictures."""
    columns.add(
        source=np.full(len(places), source),
        place=places,
        owners=np.array(traits.owners) + count,
        garment_owners=np.array(traits.garment_owners) + count,
        **{name: getattr(traits, name) for name in ("sizes", "heads", "looks", "kinds", "garments")},
    )


def _count(losses: Losses, batch: Batch[Traits], categories: Sequence[str]) -> None:
    """What was read; of pictures that can be used, ``settled`` drops nothing."""
    kinds = [categories[kind] for kind in batch.gathered.kinds]
    losses.count_read(images=batch.pictures - len(batch.left_out), classes=kinds)
    losses.count_written(images=len(batch.gathered.sizes), classes=kinds)
    losing.count_left_out(losses, batch.left_out, batch.left_items)
    losing.count_findings(losses, batch.findings)


def _arrays(
    columns: dict[str, NDArray[Any]],
    sources: tuple[str, ...],
    pictures: tuple[Pictures, ...],
    keys: tuple[Sequence[Any], ...],
    *,
    seed: str,
    near: bool,
) -> dict[str, Any]:
    """The arrays of ``Facts``, of what the pass brought home."""
    source, place = columns["source"], columns["place"]

    def ranks(prefixes: Sequence[str]) -> NDArray[np.uint64]:
        pairs = zip(source.tolist(), place.tolist(), strict=True)
        names = (f"{seed}\0{prefixes[number]}{pictures[number].name(keys[number][at])}" for number, at in pairs)
        return np.fromiter(map(hashed, names), np.uint64, len(source))

    ranked = ranks([""] * len(sources))
    prefixed = len(sources) > 1 and _shared(ranked, source)
    if prefixed:
        ranked = ranks([f"{name}/" for name in sources])
    garments = Relation(columns.pop("garment_owners"), columns.pop("garments"))
    looks = columns.pop("looks")
    return columns | {"prefixed": prefixed, "ranks": ranked, "looks": looks if near else None, "garments": garments}


def _shared(ranks: NDArray[np.uint64], source: NDArray[np.int32]) -> bool:
    """Whether a name occurs in two sources."""
    order = np.lexsort((source, ranks))
    same = (ranks[order][1:] == ranks[order][:-1]) & (source[order][1:] != source[order][:-1])
    return bool(same.any())


def _plain(text: str) -> str:
    """``text`` that can be written, whatever bytes a file name is made of."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
