"""One image and its labels through the augmentation that a spec describes."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime import kitti_labels, transforms
from runtime.kitti_labels import Label
from runtime.transforms import Blur, Colour, Size, Spatial
from tltpipe.errors import DataError

if TYPE_CHECKING:
    from PIL import Image as Pictures

    from specs.spec import Spec


@dataclass(frozen=True)
class Recipe:
    """What to do with every image. ``output`` None keeps each image's own size; ``grey`` writes one channel."""

    spatial: Spatial
    colour: Colour
    blur: Blur
    output: Size | None = None
    grey: bool = False


@dataclass(frozen=True)
class Pair:
    """An image and the label file of the same stem."""

    image: Path
    label: Path


@dataclass(frozen=True)
class Folders:
    """Where results go; ``annotated`` None draws no boxes."""

    images: Path
    labels: Path
    annotated: Path | None = None


@dataclass(frozen=True)
class Done:
    """What was written: images, boxes, those of no area among them; and scores dropped from label lines."""

    images: int = 0
    boxes: int = 0
    outside: int = 0
    scores: int = 0

    def __add__(self, other: Done) -> Done:
        return Done(
            self.images + other.images,
            self.boxes + other.boxes,
            self.outside + other.outside,
            self.scores + other.scores,
        )


def recipe(spec: Spec) -> Recipe:
    """What a (checked) AugmentorConfig asks for.

    An unset ``saturation_shift`` in a ``hue_saturation_config`` counts as 1 (unchanged), not as protobuf's 0 (grey).
    """
    config = spec.message
    size = (config.output_image_width, config.output_image_height)
    return Recipe(
        spatial=_spatial(config.spatial_config),
        colour=_colour(spec),
        blur=Blur(int(config.blur_config.size), config.blur_config.std),
        output=size if all(size) else None,
        grey=config.output_image_channel == 1,
    )


def augment(recipe: Recipe, folders: Folders, pair: Pair) -> Done:
    """Write the augmented image under its own name and its labels; raises DataError with file and line."""
    import numpy as np
    from PIL import Image

    labels = kitti_labels.read(pair.label)
    pixels = _decode(pair.image)
    height, width = pixels.shape[:2]
    output = recipe.output or (width, height)
    matrix = transforms.matrix(recipe.spatial, size=(width, height), output=output)
    pixels = transforms.warp(pixels, matrix, output)
    pixels = transforms.smooth(transforms.recolour(pixels, recipe.colour), recipe.blur)
    boxes = np.array([label.box for label in labels.lines], dtype=np.float32).reshape(-1, 4)
    moved = transforms.move_boxes(boxes, matrix, output)

    image = Image.fromarray(pixels)
    written = [_with_box(label, box) for label, box in zip(labels.lines, moved.tolist(), strict=True)]
    (image.convert("L") if recipe.grey else image).save(folders.images / pair.image.name)
    (folders.labels / pair.label.name).write_text(kitti_labels.render(written), encoding="utf-8")
    if folders.annotated is not None:
        _draw(image, written).save(folders.annotated / pair.image.name)
    outside = int(((moved[:, 2] <= moved[:, 0]) | (moved[:, 3] <= moved[:, 1])).sum())
    return Done(1, len(written), outside, labels.scores)


def _spatial(config: Any) -> Spatial:
    rotation, shear, flip = config.rotation_config, config.shear_config, config.flip_config
    # NVIDIA takes every other word than "radians" for degrees.
    degrees_per_unit = 180 / pi if rotation.units == "radians" else 1.0
    return Spatial(
        angle=rotation.angle * degrees_per_unit,
        shear_x=shear.shear_ratio_x,
        shear_y=shear.shear_ratio_y,
        flip_horizontal=flip.flip_horizontal,
        flip_vertical=flip.flip_vertical,
        translate_x=config.translation_config.translate_x,
        translate_y=config.translation_config.translate_y,
    )


def _colour(spec: Spec) -> Colour:
    config = spec.message.color_config
    hue_saturation, contrast = config.hue_saturation_config, config.contrast_config
    has_saturation = spec.is_set("color_config.hue_saturation_config.saturation_shift")
    return Colour(
        hue=hue_saturation.hue_rotation_angle,
        saturation=hue_saturation.saturation_shift if has_saturation else 1.0,
        contrast=contrast.contrast,
        center=contrast.center,
        offset=config.brightness_config.offset,
    )


def _decode(path: Path) -> transforms.Image:
    """The image as RGB, as stored: an EXIF orientation is not applied, as labels speak of the stored pixels."""
    import numpy as np
    from PIL import Image

    # Pillow keeps some memory for the next image instead of asking the system anew: a third of the time saved.
    Image.core.set_blocks_max(4)  # type: ignore[attr-defined]
    try:
        with Image.open(path) as image:
            if image.mode.startswith("I;16"):
                return np.repeat((np.asarray(image) >> 8).astype(np.uint8)[..., None], 3, axis=2)
            image.load()
            return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        what = "the image cannot be read: " + str(problem).replace(f" {str(path)!r}", "")
        raise DataError(what, where=path, hint="open it in a viewer to see, and copy or unpack it again") from None


def _with_box(label: Label, box: list[float]) -> Label:
    left, top, right, bottom = box
    moved = (left, top, right, bottom)
    return Label(label.category, label.truncation, label.occlusion, label.alpha, moved, label.world)


def _draw(image: Pictures.Image, labels: list[Label]) -> Pictures.Image:
    from zlib import crc32

    from PIL import ImageDraw

    from runtime.drawing import colour_of

    drawn = image.copy()
    pen = ImageDraw.Draw(drawn)
    for label in labels:
        # One colour a class, the same in every image and on every machine.
        colour = colour_of(crc32(label.category.encode()))
        pen.rectangle(label.box, outline=colour, width=2)
        pen.text((label.box[0] + 3, label.box[1] + 1), label.category, fill=colour)
    return drawn
