"""What deciding about a split takes: of each picture its name, classes, garments and file, in some fifty bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.model import Dataset, Pictures
from converters.partition.relations import Relation
from converters.partition.traits import UNSEEN, Traits, hashed
from converters.transfer import losing
from converters.transfer.passes import Batch, batches
from tltpipe.errors import DataError
from tltpipe.losses import Losses
from tltpipe.progress import Progress, Silent

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    total = _Total()
    with (progress or Silent()).bar("look at pictures", total=sum(map(len, keys))) as bar:
        for number, (name, dataset) in enumerate(datasets.items()):
            scope = "" if dataset.joint_pairs else name
            numbers = {category: n for n, category in enumerate(categories)}
            gatherer = partial(Traits, numbers, scope, needed, near, listed)
            start = 0
            for batch in batches(dataset.pictures, keys[number], gatherer, skip_bad=skip_bad, workers=workers):
                places: Sequence[int] = range(start, start + batch.pictures)
                if batch.left_out:
                    bad = {name for name, _ in batch.left_out}
                    places = [at for at in places if dataset.pictures.name(keys[number][at]) not in bad]
                    total.left_out += [_plain(f"{name}\t{problem}\n") for name, problem in batch.left_out]
                total.add(number, places, batch.gathered)
                _count(total.losses.setdefault(name, Losses()), batch, categories)
                start += batch.pictures
                bar.advance(batch.pictures)
    if not len(total):
        raise DataError("there is not one picture that can be used", where=pictures[0].inputs[0])
    return _facts(total, tuple(datasets), categories, pictures, keys, seed=seed, near=near)


def _count(losses: Losses, batch: Batch[Traits], categories: Sequence[str]) -> None:
    """What was read; of pictures that can be used, ``settled`` drops nothing."""
    kinds = [categories[kind] for kind in batch.gathered.kinds]
    losses.count_read(images=batch.pictures - len(batch.left_out), classes=kinds)
    losses.count_written(images=len(batch.gathered.sizes), classes=kinds)
    losing.count_left_out(losses, batch.left_out, batch.left_items)
    losing.count_findings(losses, batch.findings)


@dataclass
class _Total:
    """The chunks so far, as arrays."""

    parts: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    losses: dict[str, Losses] = field(default_factory=dict)
    highest_pair: int = 0
    count: int = 0

    def __len__(self) -> int:
        return self.count

    def add(self, source: int, places: Sequence[int], traits: Traits) -> None:
        self._put("source", np.full(len(places), source, np.int32))
        self._put("place", np.array(places, np.int32))
        self._put("sizes", np.array(traits.sizes, np.int64))
        self._put("heads", np.array(traits.heads, np.uint32))
        self._put("looks", np.array(traits.looks, np.uint64))
        self._put("owners", np.array(traits.owners, np.int32) + np.int32(self.count))
        self._put("kinds", np.array(traits.kinds, np.int32))
        self._put("garment_owners", np.array(traits.garment_owners, np.int32) + np.int32(self.count))
        self._put("garments", np.array(traits.garments, np.uint64))
        self.paths += traits.paths
        self.highest_pair = max(self.highest_pair, traits.highest_pair)
        self.count += len(places)

    def _put(self, name: str, values: NDArray[Any]) -> None:
        self.parts.setdefault(name, []).append(values)

    def all(self, name: str) -> NDArray[Any]:
        return np.concatenate(self.parts.pop(name))


def _facts(
    total: _Total,
    sources: tuple[str, ...],
    categories: tuple[str, ...],
    pictures: tuple[Pictures, ...],
    keys: tuple[Sequence[Any], ...],
    *,
    seed: str,
    near: bool,
) -> Facts:
    source, place = total.all("source"), total.all("place")

    def ranks(prefixes: Sequence[str]) -> Iterator[int]:
        for number, at in zip(source.tolist(), place.tolist(), strict=True):
            yield hashed(f"{seed}\0{prefixes[number]}{pictures[number].name(keys[number][at])}")

    ranked = np.fromiter(ranks([""] * len(sources)), np.uint64, len(total))
    prefixed = len(sources) > 1 and _shared(ranked, source)
    if prefixed:
        ranked = np.fromiter(ranks([f"{name}/" for name in sources]), np.uint64, len(total))
    looks = total.all("looks")
    return Facts(
        sources=sources,
        categories=categories,
        pictures=pictures,
        keys=keys,
        prefixed=prefixed,
        source=source,
        place=place,
        ranks=ranked,
        sizes=total.all("sizes"),
        heads=total.all("heads"),
        looks=looks if near else None,
        owners=total.all("owners"),
        kinds=total.all("kinds"),
        garments=Relation(total.all("garment_owners"), total.all("garments")),
        highest_pair=total.highest_pair,
        paths=tuple(total.paths),
        left_out=tuple(total.left_out),
        losses=total.losses,
    )


def _shared(ranks: NDArray[np.uint64], source: NDArray[np.int32]) -> bool:
    """Whether a name occurs in two sources."""
    order = np.lexsort((source, ranks))
    same = (ranks[order][1:] == ranks[order][:-1]) & (source[order][1:] != source[order][:-1])
    return bool(same.any())


def _plain(text: str) -> str:
    """``text`` that can be written, whatever bytes a file name is made of."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
