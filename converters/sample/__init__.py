"""A drawn data set in DeepFashion2's format: pictures to try everything on, free of anybody's rights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tltpipe import files
from tltpipe.errors import UsageError
from tltpipe.progress import Progress
from tltpipe.workers import parallel_map

if TYPE_CHECKING:
    import numpy as np

    from converters.sample.scene import Scene

SPLITS = ("train", "validation")
QUALITY = 90


@dataclass(frozen=True)
class Pair:
    """Pictures ``number`` (a shop's) and ``number`` + 1 (a customer's) of a split, which show the same outfit."""

    folder: Path
    seed: tuple[int, int, int]
    number: int
    count: int
    size: int

    @property
    def category(self) -> int:
        """The main garment's: every thirteen pairs each category once."""
        import numpy as np

        block, place = divmod(self.number // 2, 13)
        return int(np.random.default_rng((*self.seed[:2], block)).permutation(13)[place]) + 1


def draw(
    out: Path,
    *,
    train: int,
    validation: int,
    seed: int,
    progress: Progress,
    size: int = 420,
    workers: int | None = None,
) -> None:
    """Draw ``train`` and ``validation`` pictures with annotations to ``out/<split>/{image,annos}``.

    The longer side of a picture is about ``size`` pixels. The same seed draws the same bytes with any number of
    ``workers``. Each split appears whole or not at all. Raises UsageError for a split that is there already.
    """
    counts = {split: count for split, count in zip(SPLITS, (train, validation), strict=True) if count > 0}
    for split in counts:
        if (out / split).exists():
            raise UsageError("this split is there already", where=out / split, hint="choose another folder")
    with progress.bar("draw", total=sum(counts.values()), unit="pictures") as bar:
        for split, count in counts.items():
            with files.staged(out / split) as folder:
                for name in ("image", "annos"):
                    (folder / name).mkdir()
                items = pairs(folder, (seed, SPLITS.index(split)), count, size)
                for drawn in parallel_map(draw_pair, items, workers=workers):
                    bar.advance(drawn)


def pairs(folder: Path, seed: tuple[int, int], count: int, size: int) -> Iterable[Pair]:
    """The ``count`` pictures of one split as pairs, the last of which may be half."""
    return (Pair(folder, (*seed, number), number, min(2, count - number), size) for number in range(0, count, 2))


@dataclass(frozen=True)
class Page:
    """One picture before it is painted: where everything is, and what an annotator says about it."""

    number: int
    scene: Scene
    annotation: dict[str, Any]
    rng: np.random.Generator


def arrange_pair(pair: Pair) -> Iterator[Page]:
    """Design the pair's outfit and arrange it for the shop's picture, then for the customer's."""
    import numpy as np

    from converters.sample.labels import annotation
    from converters.sample.outfits import draw_outfit
    from converters.sample.scene import arrange

    outfit = draw_outfit(pair.category, np.random.default_rng((*pair.seed, 0)))
    for place, shop in enumerate((True, False)[: pair.count]):
        rng = np.random.default_rng((*pair.seed, 1 + place))
        scene = arrange(outfit, _size(pair.size, rng, shop=shop), rng, shop=shop)
        yield Page(pair.number + place + 1, scene, annotation(scene, pair_id=pair.number // 2 + 1, rng=rng), rng)


def draw_pair(pair: Pair) -> int:
    """Draw the pictures of one pair; returns how many."""
    import orjson

    from converters.sample.scene import photograph

    for page in arrange_pair(pair):
        photograph(page.scene, page.rng).save(pair.folder / "image" / f"{page.number:06d}.jpg", quality=QUALITY)
        (pair.folder / "annos" / f"{page.number:06d}.json").write_bytes(orjson.dumps(page.annotation))
    return pair.count


def _size(longer: int, rng: np.random.Generator, *, shop: bool) -> tuple[int, int]:
    """Width and height: customers' phones mostly 3:4, shops as they please."""
    if not shop and rng.random() < 0.6:
        return longer * 3 // 4, longer
    ratio = rng.uniform(0.70, 0.98) if shop or rng.random() < 0.8 else rng.uniform(1.0, 1.3)
    side = rng.uniform(0.9, 1.08) * longer
    width, height = (side * ratio, side) if ratio <= 1 else (side, side / ratio)
    return round(width), round(height)
