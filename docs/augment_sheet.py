"""Draws ``augment.jpg``: a picture of the sample data before and after each transform, boxes included.

    python docs/augment_sheet.py

Every tile is what ``tlt-augment -v`` wrote for a spec that asks for that transform alone.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

from converters.pictures.drawing import outline_font
from converters.sample import draw
from runtime.programs import augment
from tltpipe.progress import Silent

TILE, GAP, LINE, COLUMNS = 230, 12, 26, 5
PAPER, INK = (250, 250, 248), (30, 30, 34)

RESIZE = ""
TRANSFORMS = {
    "before": None,
    "resize to a square": RESIZE,
    "rotation 15": 'spatial_config { rotation_config { angle: 15 units: "degrees" } }',
    "rotation 15, tlt2": 'spatial_config { rotation_config { angle: 15 units: "degrees" } }',
    "shear x 0.3": "spatial_config { shear_config { shear_ratio_x: 0.3 } }",
    "shear y 0.3": "spatial_config { shear_config { shear_ratio_y: 0.3 } }",
    "flip horizontal": "spatial_config { flip_config { flip_horizontal: true } }",
    "flip vertical": "spatial_config { flip_config { flip_vertical: true } }",
    "translate 60, 30": "spatial_config { translation_config { translate_x: 60 translate_y: 30 } }",
    "hue 60": "color_config { hue_saturation_config { hue_rotation_angle: 60 saturation_shift: 1 } }",
    "saturation 0.3": "color_config { hue_saturation_config { saturation_shift: 0.3 } }",
    "contrast 0.5": "color_config { contrast_config { contrast: 0.5 center: 127.5 } }",
    "brightness 50": "color_config { brightness_config { offset: 50 } }",
    "blur 9, 3": "blur_config { size: 9 std: 3 }",
    "all together": 'spatial_config { rotation_config { angle: -10 units: "degrees" }'
    " flip_config { flip_horizontal: true }"
    " shear_config { shear_ratio_x: 0.15 } translation_config { translate_x: 15 } }"
    " color_config { hue_saturation_config { hue_rotation_angle: 40 saturation_shift: 1.3 }"
    " contrast_config { contrast: 0.2 center: 127.5 } brightness_config { offset: 15 } }"
    " blur_config { size: 3 std: 0.8 }",
}


def spec(transform: str | None, side: int) -> str:
    size = f"output_image_width: {side} output_image_height: {side}" if transform is not None else ""
    folders = 'dataset_config { image_path: "image" label_path: "label" } image_extension: ".jpg"'
    return f"{transform or ''} {size} {folders}"


def augmented(data: Path, title: str, transform: str | None, out: Path) -> Image.Image:
    """The picture of ``data`` with its boxes, after ``transform``."""
    conf = out.with_suffix(".conf")
    conf.write_text(spec(transform, 288))
    options = ["--arithmetic", "tlt2"] if title.endswith("tlt2") else []
    if augment.main(["-d", str(data), "-a", str(conf), "-o", str(out), "-v", *options]):
        raise SystemExit(f"{title} failed")
    (picture,) = (out / "images_annotated").iterdir()
    return Image.open(picture).convert("RGB")


def main() -> None:
    rows = -(-len(TRANSFORMS) // COLUMNS)
    size = (GAP + COLUMNS * (TILE + GAP), GAP + rows * (TILE + LINE + GAP))
    sheet, font = Image.new("RGB", size, PAPER), outline_font(15)
    pen = ImageDraw.Draw(sheet)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        draw(work / "raw", train=6, validation=0, seed=4, progress=Silent())
        from converters.transfer.convert import convert

        convert(work / "raw", work / "kitti", format="kitti", splits=["train"], progress=Silent())
        data = work / "one"
        for folder, source in (("image", "image_2"), ("label", "label_2")):
            (data / folder).mkdir(parents=True)
            first = sorted((work / "kitti/train" / source).iterdir())[0]
            shutil.copy(first, data / folder)
        for number, (title, transform) in enumerate(TRANSFORMS.items()):
            tile = augmented(data, title, transform, work / f"out{number}")
            tile.thumbnail((TILE, TILE))
            left = GAP + number % COLUMNS * (TILE + GAP)
            top = GAP + number // COLUMNS * (TILE + LINE + GAP)
            sheet.paste(tile, (left + (TILE - tile.width) // 2, top + (TILE - tile.height) // 2))
            pen.text((left + TILE / 2, top + TILE + LINE / 2), title, fill=INK, font=font, anchor="mm")
    sheet.save(Path(__file__).with_name("augment.jpg"), quality=88)


if __name__ == "__main__":
    main()
