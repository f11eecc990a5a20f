"""DeepFashion, Category and Attribute Prediction: text files with a row for each image, which shows one garment.

    Anno/list_category_cloth.txt   list_category_img.txt   list_bbox.txt   list_landmarks.txt
    Anno/list_attr_cloth.txt       list_attr_img.txt       Eval/list_eval_partition.txt
    Img/img/Sheer_Pleated_Blouse/img_00000001.jpg

Each begins with two lines: the number of rows, and the names of the columns. The folder of lists may be called
Anno_coarse. That of the fine ones, Anno_fine, has files for each split, whose rows are in one order: train.txt,
train_cate.txt, train_bbox.txt, train_landmarks.txt, train_attr.txt. Landmarks and attributes may be missing.

All categories have one vector of eight landmarks; what is visible (0), occluded (1) or cut off (2) in the lists is 2, 1
or 0 here. An attribute that is 0 in the coarse lists is one that nobody judged. Images of a folder show one garment:
its number is their ``pair_id``, so that ``tltpipe split`` keeps them together and ``tltpipe check`` tells of garments
in two splits. Names of images are those below Img/img.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from converters.files import listing
from converters.formats.deepfashion.places import Part, find, missing
from converters.model import Dataset, Sample, rules
from converters.model.findings import Findings
from converters.model.splits import Place
from converters.pictures import headers
from tltpipe.errors import DataError, Location

if TYPE_CHECKING:
    from converters.formats.deepfashion.index import Key, Keys
    from converters.formats.deepfashion.objects import Reader

__all__ = ["ABOUT", "CARRIES", "find", "missing", "read"]

ABOUT = "DeepFashion categories and attributes: Anno/list_*.txt, Img/img"
CARRIES = frozenset({"box", "keypoints", "pair_id", "style", "extra", "attributes"})


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:  # noqa: ARG001
    """The split at ``place``, in the order of its lists. Raises DataError for lists of categories and attributes that
    are not as the data set has them."""
    from converters.formats.deepfashion import objects, places

    assert isinstance(place, Part)
    names, above = objects.categories(place)
    attributes = objects.attributes(place)
    reader = objects.Reader(place, names, tuple(above[name] for name in names), len(attributes))
    return Dataset(
        names,
        Images(place, reader),
        dict.fromkeys(names, objects.SLOT) if place.has_landmarks else {},
        above,
        findings=places.findings(place),
        attributes=attributes,
    )


@dataclass(frozen=True)
class Images:
    """The images of one split. Picklable; a key holds what the files say of an image."""

    place: Part
    reader: Reader

    @property
    def inputs(self) -> tuple[Path, ...]:
        from converters.formats.deepfashion import index

        return index.used(self.place)

    def keys(self) -> Keys:
        from converters.formats.deepfashion import index

        if not self.place.images.is_dir():
            hint = "unpack the archive of images there, or name the folder: --images DIR"
            raise DataError("there is no folder of images", where=self.place.images, hint=hint)
        return index.keys(self.place, self.reader.attributes)

    def name(self, key: Key) -> str:
        return key.id

    def items(self, key: Key) -> list[str]:
        return [self.reader.category(key)]

    def garment(self, pair_id: int) -> str:
        """The folder of the garment with that number."""
        return self.keys().folder(pair_id)

    def load(self, key: Key, findings: Findings) -> Sample:
        if not key.id or not listing.is_below(key.below):
            where = Location(self.reader.listed, key.line)
            raise DataError(f'"{key.name[:80]}" cannot be the path of an image', where=where)
        image = Path(f"{self.place.images}/{key.below}")
        thing = self.reader.object(key, findings)
        try:
            width, height = headers.look(image, findings)
        except DataError as problem:
            if problem.code != rules.NO_PICTURE.code:
                raise
            hint = f"line {key.line} lists it: put it there, or leave such images out with --skip-bad"
            raise DataError("this image is missing", where=image, hint=hint, code=problem.code) from None
        return Sample(key.id, str(image), width, height, (thing,), annotations_path=str(self.place.annotations))
