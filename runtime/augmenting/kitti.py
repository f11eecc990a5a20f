"""A KITTI data set to augment: a folder of images, a folder of labels, partners by their stems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from runtime import folders, kitti_labels, unmatched
from runtime.augmenting import ANNOTATED, IMAGES, LABELS, Augmented, Collector, Done, Folders
from runtime.kitti_labels import Label
from tltpipe.errors import DataError
from tltpipe.losses import Losses

if TYPE_CHECKING:
    from runtime.augmenting.recipe import Recipe

ANY_EXTENSION = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Kitti:
    """``extension`` is the spec's, with or without dot, "" for any that is known.

    ``keeps_names``: the folders are called as those that are read, as TAO 3.x has it.
    """

    images: Path
    labels: Path
    extension: str = ""
    keeps_names: bool = False

    @property
    def inputs(self) -> Sequence[Path]:
        return (self.images, self.labels)

    @property
    def notes(self) -> Sequence[str]:
        """What has no partner and is left out."""
        pictures, texts = self._listed
        return [
            f"{folder}: {count} {what} and are left out"
            for count, what, folder in (
                (len(pictures.keys() - texts), "images have no label file", self.images),
                (len(texts - pictures.keys()), "label files have no image", self.labels),
            )
            if count
        ]

    def keys(self) -> Sequence[str]:
        """Names of images with a label file, in their order. Raises DataError where there is none."""
        pictures, texts = self._listed
        return [name for stem, name in pictures.items() if stem in texts]

    def name(self, key: str) -> str:
        return key

    def items(self, key: str) -> int:
        return unmatched.items(self.labels / f"{key.rpartition('.')[0]}.txt")

    def unmatched(self) -> Losses:
        return unmatched.unmatched(self.images, self.labels, {key.rpartition(".")[0] for key in self.keys()})

    def folders(self, output: Path) -> Mapping[str, Path]:
        images, labels = (self.images.name, self.labels.name) if self.keeps_names else (IMAGES, LABELS)
        return {"images": output / images, "labels": output / labels, "annotated": output / ANNOTATED}

    def augment(self, key: str, recipe: Recipe, folders: Folders) -> Augmented:
        """Write the augmented image under its own name, and its labels; DataError with file and line."""
        import numpy as np

        from runtime import transforms
        from runtime.augmenting import pictures, pixels

        label = f"{key.rpartition('.')[0]}.txt"
        labels = kitti_labels.read(self.labels / label)
        boxes = np.array([each.box for each in labels.lines], dtype=np.float32).reshape(-1, 4)
        picture, matrix = pictures.augmented(f"{self.images}/{key}", key, recipe, folders)
        size = (picture.shape[1], picture.shape[0])
        moved = transforms.move_boxes(boxes, matrix, size)
        gone = ((moved[:, 2] <= moved[:, 0]) | (moved[:, 3] <= moved[:, 1])).tolist()
        written = [
            _with_box(each, box)
            for each, box, none in zip(labels.lines, moved.tolist(), gone, strict=True)
            if not (none and recipe.drop_outside)
        ]
        assert folders.labels is not None
        pixels.write(f"{folders.labels}/{label}", kitti_labels.render(written).encode())
        if folders.annotated is not None:
            pictures.draw(picture, [(each.category, each.box) for each in written], f"{folders.annotated}/{key}")
        dropped = sum(gone) if recipe.drop_outside else 0
        return Augmented(Done(1, len(written), sum(gone), labels.scores, len(labels.lines), dropped))

    shared = None

    def collector(self, path: Path) -> AbstractContextManager[Collector]:
        raise NotImplementedError(f"nothing is to be collected for {path}")

    @cached_property
    def _listed(self) -> tuple[dict[str, str], set[str]]:
        """Image names by stem, sorted by name, and stems of label files."""
        wanted = (f".{self.extension.lower().lstrip('.')}",) if self.extension.strip(".") else ANY_EXTENSION
        names = folders.names(self.images)
        pictures: dict[str, str] = {}
        for name in names:
            if Path(name).suffix.lower() in wanted:
                other = pictures.setdefault(Path(name).stem, name)
                if other != name:
                    what = f'"{other}" and "{name}" would share one label file'
                    raise DataError(what, where=self.images, hint="rename one")
        texts = {name.removesuffix(".txt") for name in folders.names(self.labels) if name.endswith(".txt")}
        if pictures.keys() & texts:
            return pictures, texts
        looked_for = " or ".join(wanted)
        if not pictures:
            raise folders.no_images(self.images, names, looked_for=looked_for)
        hint = f"an image x{wanted[0]} belongs to a label file x.txt in {self.labels}"
        what = f"none of the {len(pictures)} images ({looked_for}) has a label file"
        raise DataError(what, where=self.images, hint=hint)

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "_listed"}


def _with_box(label: Label, box: list[float]) -> Label:
    left, top, right, bottom = box
    moved = (left, top, right, bottom)
    return Label(label.category, label.truncation, label.occlusion, label.alpha, moved, label.world)
