"""A KITTI data set to augment: a folder of images, a folder of labels, partners by their paths without extension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from converters.files import listing
from converters.formats.kitti import rows as kitti_rows
from runtime.augmenting import ANNOTATED, IMAGES, LABELS, Augmented, Collector, Done, Folders, names
from runtime.augmenting.recipe import Recipe
from runtime.data.image_files import ImageFiles
from runtime.shell import folders, unmatched
from tltpipe import staging
from tltpipe.errors import DataError
from tltpipe.losses import Losses


@dataclass(frozen=True)
class Kitti:
    """``extension`` is the spec's, with or without dot, "" or "auto" for any that can be read. Sub-folders stay.

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
        """What has no partner and is left out, and what is written in another format."""
        images, texts = self._listed
        stems = images.by_stem.keys()
        lone = [
            f"{folder}: {count} {what} and are left out"
            for count, what, folder in (
                (len(stems - texts), "images have no label file", self.images),
                (len(texts - stems - images.skipped), "label files have no image", self.labels),
            )
            if count
        ]
        changed = [name for name in self.keys() if names.written(name) != name]
        return [*images.notes(), *lone, *([f"{listing.counted(changed)} are written as .png"] if changed else [])]

    def keys(self) -> Sequence[str]:
        """Names of images with a label file, in their order. Raises DataError where there is none."""
        images, texts = self._listed
        return [path for stem, path in images.by_stem.items() if stem in texts]

    def name(self, key: str) -> str:
        return key

    def items(self, key: str) -> Sequence[str]:
        return unmatched.items(self.labels / f"{key.rpartition('.')[0]}.txt")

    def unmatched(self) -> Losses:
        return unmatched.unmatched(self.images, self.labels, {key.rpartition(".")[0] for key in self.keys()})

    def folders(self, output: Path) -> Mapping[str, Path]:
        images, labels = (self.images.name, self.labels.name) if self.keeps_names else (IMAGES, LABELS)
        return {"images": output / images, "labels": output / labels, "annotated": output / ANNOTATED}

    def augment(self, key: str, recipe: Recipe, folders: Folders) -> Augmented:
        """Write the augmented image under its own name, and its labels; DataError with file and line."""
        from runtime.augmenting import pictures
        from runtime.imaging import transforms

        label = f"{key.rpartition('.')[0]}.txt"
        path = f"{self.labels}/{label}"
        rows, scores = kitti_rows.rows(kitti_rows.text_of(path), source=path)
        picture, placement = pictures.augmented(f"{self.images}/{key}", key, recipe, folders)
        moved = transforms.move_boxes([numbers[3:7] for _, _, numbers in rows], placement.matrix, placement.size)
        gone = [right <= left or bottom <= top for left, top, right, bottom in moved]
        pairs = [
            (category, [*numbers[:3], *box, *numbers[7:]])
            for (_, category, numbers), box, none in zip(rows, moved, gone, strict=True)
            if not (none and recipe.drop_outside)
        ]
        assert folders.labels is not None
        lines = [kitti_rows.render(category, numbers) for category, numbers in pairs]
        staging.write(str(folders.labels), label, "".join(lines).encode())
        if folders.annotated is not None:
            pictures.draw(picture, [(category, numbers[3:7]) for category, numbers in pairs], folders.annotated, key)
        read = unmatched.classes(category for _, category, _ in rows)
        written = unmatched.classes(category for category, _ in pairs) if len(pairs) < len(rows) else read
        return Augmented(Done(1, len(pairs), sum(gone), len(scores)), read, written)

    shared = None

    def collector(self, path: Path) -> AbstractContextManager[Collector]:
        raise NotImplementedError(f"nothing is to be collected for {path}")

    @cached_property
    def _listed(self) -> tuple[ImageFiles, set[str]]:
        """The images, and the label files without their extension. Raises DataError where none belong together."""
        from specs.extensions import dotted

        # Upper case or lower, with a dot or without: a spec says which kind of file is meant.
        images = ImageFiles(self.images, dotted(self.extension), any_case=True)
        texts = listing.stems(self.labels, _TEXT)
        if images.by_stem.keys() & texts:
            return images, texts
        if not images.by_stem:
            raise folders.no_images(self.images, images.extension)
        hint = f"an image x{images.extension or '.jpg'} belongs to a label file x.txt in {self.labels}"
        what = f"none of the {len(images.by_stem)} images ({images.extension or 'of any extension'}) has a label file"
        raise DataError(what, where=self.images, hint=hint)

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "_listed"}


_TEXT = frozenset(("txt",))
