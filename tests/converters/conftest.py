"""Data sets made by hand: DeepFashion2 of the published shape; COCO files and VOC pages as other programs have them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import deepfashion_lists
import pytest
from PIL import Image, ImageDraw

from converters.model import garments
from converters.transfer.convert import Converted, convert
from tltpipe.progress import Silent

Json = dict[str, Any]


@dataclass(frozen=True)
class Maker:
    """Makes well-formed annotations and the split folders that hold them."""

    root: Path

    def landmarks(self, count: int) -> list[int]:
        """``count`` triplets: visible, but the second occluded and the last cut off by the picture."""
        points = [[12 + 2 * n, 14 + n, 2] for n in range(count)]
        points[1][2] = 1
        points[-1] = [0, 0, 0]
        return [number for point in points for number in point]

    def item(self, category_id: int = 9, **changes: Any) -> Json:
        """A garment; ``changes`` replace fields, and ``...`` as a value removes one."""
        garment = garments.BY_ID[category_id]
        fields: Json = {
            "segmentation": [[10, 12, 60, 12, 60.25, 40.5, 10, 40, 10, 12]],
            "scale": 2,
            "viewpoint": 2,
            "zoom_in": 1,
            "landmarks": self.landmarks(garment.landmarks),
            "style": 1,
            "bounding_box": [10, 12, 61, 41],
            "category_id": category_id,
            "occlusion": 2,
            "category_name": garment.label,
        }
        return {key: value for key, value in (fields | changes).items() if value is not ...}

    def page(self, *items: Json, source: str = "user", pair_id: int = 7) -> Json:
        """One annotation file."""
        return {**{f"item{number}": each for number, each in enumerate(items, 1)}, "source": source, "pair_id": pair_id}

    def split(self, *pages: Json | str, name: str = "train", size: tuple[int, int] = (80, 60)) -> Path:
        """A split folder with one picture for each page (an object, or the text of a file)."""
        folder = self.root / name
        for part in ("image", "annos"):
            (folder / part).mkdir(parents=True)
        for number, each in enumerate(pages, 1):
            Image.new("RGB", size, (number % 256, 90, 120)).save(folder / "image" / f"{number:06d}.jpg")
            text = each if isinstance(each, str) else json.dumps(each)
            (folder / "annos" / f"{number:06d}.json").write_text(text)
        return folder


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


def picture(path: Path, size: tuple[int, int] = (100, 80)) -> Path:
    """An image of ``size`` at ``path``, of a colour of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (crc32(str(path).encode()) % 256, 9, 99)).save(path)
    return path


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8", newline="")
    return path


def shape(label: Any, kind: str | None, *points: tuple[float, float], **more: Any) -> Json:
    """A shape of LabelMe's."""
    return {"label": label, "points": [*map(list, points)], "group_id": None, "shape_type": kind, "flags": {}, **more}


def labelme_page(path: Path, *shapes: Json, image: str = "", **more: Any) -> Path:
    """A LabelMe file for an image of 100 x 80 pixels."""
    page = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": image or f"{path.stem}.jpg"}
    return written(path, json.dumps(page | {"imageData": None, "imageHeight": 80, "imageWidth": 100} | more))


MASK = "iVBORw0KGgoAAAANSUhEUgAAAAQAAAADAQAAAACcj5NrAAAADklEQVR4nGP4wMTAxAAABMIA9bv73/UAAAAASUVORK5CYII="
"""A PNG of 4 x 3 white pixels, in base64."""


def labelme(root: Path) -> None:
    group = {"group_id": 1, "flags": {"hard": True}}
    picture(root / "train/1.jpg")
    picture(root / "train/2.jpg")
    labelme_page(
        root / "train/1.json",
        shape("vest", "rectangle", (30, 40), (10, 20)),
        shape("vest", "polygon", (1, 1), (20, 1), (20, 20), **group),
        shape("vest", "polygon", (30, 1), (50, 1), (50, 20), **group),
        shape("skirt", "circle", (50, 40), (60, 40)),
        shape("skirt", "mask", (5, 6), (8, 8), mask=MASK),
        shape("skirt", "point", (3, 3)),
    )
    labelme_page(root / "train/2.json")


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>3</id><name>first</name><subset>Train</subset><labels>
    <label><name>vest</name><color>#fff</color><attributes><attribute><name>age</name></attribute></attributes></label>
    <label><name>skirt</name></label>
  </labels></task></meta>
  <image id="0" name="1.jpg" width="100" height="80">
    <box label="skirt" occluded="1" xtl="1.50" ytl="2" xbr="30" ybr="40" z_order="2">
      <attribute name="age">12</attribute></box>
    <box label="vest" occluded="0" xtl="40" ytl="20" xbr="60" ybr="30" rotation="90" z_order="0"></box>
    <polygon label="vest" occluded="0" points="10,10;20,10;20,30" z_order="0"/>
    <mask label="skirt" occluded="0" rle="1, 3, 2" left="5" top="6" width="3" height="2" z_order="0"></mask>
    <ellipse label="skirt" occluded="0" cx="50" cy="40" rx="10" ry="5" z_order="0"/>
    <points label="vest" points="3,4"/>
    <tag label="vest"/>
  </image>
  <image id="1" name="2.jpg" width="100" height="80"/>
</annotations>
"""


def cvat(root: Path) -> None:
    picture(root / "images/1.jpg")
    picture(root / "images/2.jpg")
    written(root / "annotations.xml", CVAT)


def visdrone(root: Path) -> None:
    folder = root / "VisDrone2019-DET-train"
    picture(folder / "images/1.jpg")
    picture(folder / "images/2.jpg")
    rows = ("1,2,30,40,1,4,0,1", "5,5,10,10,0,0,0,0", "5,6,7,8,0,11,1,2,", "9,9,5,5,0,4,0,0", "")
    written(folder / "annotations/1.txt", "\n".join(rows))
    written(folder / "annotations/2.txt", "")


VIA = """#filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes
1.jpg,512,"{}",4,0,"{""name"":""rect"",""x"":1,""y"":2,""width"":30,""height"":40}","{""class"":""vest"",""age"":3}"
1.jpg,512,"{}",4,1,"{""name"":""polygon"",""all_points_x"":[10,20,20],""all_points_y"":[10,10,30]}","{""class"":""skirt""}"
1.jpg,512,"{}",4,2,"{""name"":""circle"",""cx"":5,""cy"":40,""r"":10}","{""class"":""skirt""}"
1.jpg,512,"{}",4,3,"{""name"":""point"",""cx"":5,""cy"":40}","{""class"":""skirt""}"
2.jpg,512,"{}",0,0,"{}","{}"
"""


def via(root: Path) -> None:
    picture(root / "1.jpg")
    picture(root / "2.jpg")
    written(root / "via_region_data.csv", VIA)


PENN_FUDAN = """# Compatible with PASCAL Annotation Version 1.00
Image filename : "PennFudanPed/PNGImages/{stem}.png"
Image size (X x Y x C) : 100 x 80 x 3
Database : "The Penn-Fudan-Pedestrian Database"
Objects with ground truth : {count} {{ {names}}}
# Top left pixel co-ordinates : (1, 1)
"""
PENN_FUDAN_OBJECT = """
# Details for pedestrian {number} ("{name}")
Original label for object {number} "{name}" : "PennFudanPed"
Bounding box for object {number} "{name}" (Xmin, Ymin) - (Xmax, Ymax) : ({left}, {top}) - ({right}, {bottom})
Pixel mask for object {number} "{name}" : "PennFudanPed/PedMasks/{stem}_mask.png"
"""


def penn_fudan_page(root: Path, stem: str, *objects: tuple[str, tuple[int, int, int, int]]) -> Path:
    """The text file, the image and the mask (ellipses in the boxes) of ``objects``: names and corners as published."""
    head = PENN_FUDAN.format(stem=stem, count=len(objects), names="".join(f'"{name}" ' for name, _ in objects))
    mask = Image.new("L", (100, 80))
    for number, (name, corners) in enumerate(objects, start=1):
        left, top, right, bottom = corners
        ImageDraw.Draw(mask).ellipse((left - 1, top - 1, right - 1, bottom - 1), fill=number)
        places = {"left": left, "top": top, "right": right, "bottom": bottom}
        head += PENN_FUDAN_OBJECT.format(number=number, name=name, stem=stem, **places)
    picture(root / f"PNGImages/{stem}.png")
    (root / "PedMasks").mkdir(exist_ok=True)
    mask.save(root / f"PedMasks/{stem}_mask.png")
    return written(root / f"Annotation/{stem}.txt", head)


def penn_fudan(root: Path) -> None:
    folder = root / "PennFudanPed"
    walking, standing = ("PASpersonWalking", (11, 6, 30, 60)), ("PASpersonStanding", (41, 1, 100, 80))
    penn_fudan_page(folder, "1", walking, standing)
    penn_fudan_page(folder, "2")
    written(folder / "readme.txt", "170 images")


@pytest.fixture(scope="session")
def handmade() -> Mapping[str, Callable[[Path], None]]:
    """For each format that is read only, what makes a small data set with all that it can hold."""
    return {
        "labelme": labelme, "cvat": cvat, "visdrone": visdrone, "via": via, "penn_fudan": penn_fudan,
        "deepfashion": deepfashion_lists.coarse, "multitask_csv": multitask_csv,
    }  # fmt: skip


def multitask_csv(root: Path) -> None:
    """Three images, two of train."""
    for name in ("1.jpg", "sub/2.jpg", "3.jpg"):
        picture(root / "images" / name, (40, 30))
    written(root / "train.csv", "fname,base_color,Usage of it\n1.jpg,Navy Blue,Casual\nsub/2.jpg,Red,Formal\n")
    written(root / "val.csv", "fname,base_color,Usage of it\n3.jpg,Red,Casual\n")


@dataclass(frozen=True)
class Files:
    """What tests make data sets of, below ``root``."""

    root: Path

    def picture(self, *names: str, size: tuple[int, int] = (100, 80)) -> None:
        for name in names:
            picture(self.root / name, size)

    def text(self, name: str, text: str) -> Path:
        return written(self.root / name, text)

    def labelme(self, name: str, *shapes: Json, image: str = "", **more: Any) -> Path:
        return labelme_page(self.root / name, *shapes, image=image, **more)

    def penn_fudan(self, stem: str, *objects: tuple[str, tuple[int, int, int, int]]) -> Path:
        return penn_fudan_page(self.root, stem, *objects)

    def shape(self, label: Any, kind: str | None, *points: tuple[float, float], **more: Any) -> Json:
        return shape(label, kind, *points, **more)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "data")


@dataclass(frozen=True)
class Sets:
    """Makes COCO and VOC data sets below ``root``, converts them, and says what came out."""

    root: Path

    def picture(self, path: Path | str, size: tuple[int, int] = (100, 80), **options: Any) -> Path:
        """An image file of the kind that its extension says, in a colour of its own."""
        made = self.root / path
        made.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (90, crc32(str(path).encode()) % 256, 40)).save(made, **options)
        return made

    def coco(self, path: str, *images: Json | str, notes: list[Json] | None = None, **members: Any) -> Path:
        """A COCO file: images by name or record, one cat of 30 x 20 on each unless ``notes`` say otherwise.

        ``...`` as a value removes a field.
        """
        named = [each if isinstance(each, dict) else {"file_name": each} for each in images]
        records = [{"id": number, "width": 100, "height": 80} | each for number, each in enumerate(named, 1)]
        common = {"category_id": 1, "bbox": [10, 10, 30, 20], "area": 600, "iscrowd": 0, "segmentation": []}
        given = notes if notes is not None else [{"image_id": record["id"]} for record in records]
        annotations = [{"id": number} | common | each for number, each in enumerate(given, 1)]
        page = {"images": records, "annotations": annotations, "categories": [{"id": 1, "name": "cat"}]}
        page |= members
        for name in ("images", "annotations"):
            page[name] = [{key: value for key, value in each.items() if value is not ...} for each in page[name]]
        made = self.root / path
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(json.dumps(page))
        return made

    def page(
        self, path: Path | str, name: str, size: tuple[int, int] | None = (100, 80), category: str = "cat"
    ) -> Path:
        """A VOC page with one thing, at 10, 10, 40, 30 as we count."""
        sides = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>" if size else ""
        box = "<bndbox><xmin>11</xmin><ymin>11</ymin><xmax>40</xmax><ymax>30</ymax></bndbox>"
        thing = f"<object><name>{category}</name>{box}</object>"
        made = self.root / path
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(f"<annotation><filename>{name}</filename>{sides}{thing}</annotation>")
        return made

    def voc(self, folder: str, stems: str, *, labels: str = "Annotations", images: str = "JPEGImages") -> Path:
        """A VOC folder with a page and a picture for each of ``stems``, which blanks part."""
        for stem in stems.split():
            self.page(Path(folder) / labels / f"{stem}.xml", f"{stem}.jpg")
            self.picture(Path(folder) / images / f"{stem}.jpg")
        return self.root / folder

    def lists(self, folder: str, **names: str) -> None:
        """Lists of a VOC folder, each with the names that blanks part."""
        for name, listed in names.items():
            path = self.root / folder / "ImageSets/Main" / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{each}\n" for each in listed.split()))

    def convert(self, source: str | Path = "", format: str = "coco", **options: Any) -> Outcome:
        """Converted into a new folder beside the others."""
        target = self.root.parent / f"{self.root.name}-out" / str(len(list(self.root.parent.glob("*-out/*"))))
        target.parent.mkdir(exist_ok=True)
        return Outcome(target, convert(self.root / source, target, format=format, progress=Silent(), **options))


@dataclass(frozen=True)
class Outcome:
    """What a conversion wrote into ``target``, and said."""

    target: Path
    done: Converted

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Images and items of each split."""
        return {name: (split.images, split.items) for name, split in self.done.splits.items()}

    @property
    def codes(self) -> dict[str, int]:
        """How many cases of each rule were told."""
        found: dict[str, int] = {}
        for split in self.done.splits.values():
            for finding in split.findings:
                found[finding.rule.code] = found.get(finding.rule.code, 0) + finding.count
        return found

    def boxes(self, split: str = "train") -> dict[str, list[tuple[str, list[float]]]]:
        """Class and box (left, top, width, height) of every item in the COCO file, by the name of its image."""
        page = json.loads((self.target / f"annotations/instances_{split}.json").read_text())
        names = {record["id"]: record["name"] for record in page["categories"]}
        boxes: dict[int, list[tuple[str, list[float]]]] = {record["id"]: [] for record in page["images"]}
        for each in page["annotations"]:
            boxes[each["image_id"]].append((names[each["category_id"]], each["bbox"]))
        return {record["file_name"]: boxes[record["id"]] for record in page["images"]}


@pytest.fixture
def sets(tmp_path: Path) -> Sets:
    root = tmp_path / "set"
    root.mkdir()
    return Sets(root)
