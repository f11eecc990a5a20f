"""The lists of DeepFashion, Category and Attribute Prediction, for four images."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

NAMES = ("Red_Blouse/img_1", "Red_Blouse/img_2", "Jeans/img_1", "Long Dress/img_1")
FILES = [f"img/{name}.jpg" for name in NAMES]
WORDS = ("floral print", "denim", "a-line", "sleeve", "boho")
VALUES = ("-1 -1  1  1 -1", " 1 -1 -1  0 -1", "-1 -1 -1 -1 -1", " 0  0  1 -1  1")
COLUMNS = {
    "list_category_img": ("image_name  category_label", ("3", "3", "26", "41")),
    "list_bbox": ("image_name  x_1  y_1  x_2  y_2", ("010 008 090 079", "0 0 100 80", "007 09 60 70", "1 2 30 40")),
    "list_attr_img": ("image_name  attribute_labels", VALUES),
    "list_landmarks": (
        "image_name  clothes_type  variation_type  landmark_visibility_1  landmark_location_x_1",
        (
            "1 1 0 011 012 1 020 012 2 000 000 0 080 050 0 020 070 0 070 071",
            "1 4 2 000 000 2 000 000 2 000 000 2 000 000 2 000 000 2 000 000",
            "2 1 0 010 011 0 030 011 1 012 060 0 033 061",
            "3 2 0 1 2 0 3 4 0 5 6 0 7 8 0 9 10 0 11 12 0 13 14 2 15 16",
        ),
    ),
}


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (100, 80), (len(str(path)) % 256, 9, 99)).save(path)


def written(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8", newline="")


def categories() -> str:
    kinds = [1] * 20 + [2] * 16 + [3] * 14
    names = {3: "Blouse", 26: "Jeans", 41: "Dress"}
    rows = [f"{names.get(n, f'Kind-{n}')}      {kind}" for n, kind in enumerate(kinds, start=1)]
    return "\n".join(["50", "category_name  category_type", *rows, ""])


def table(columns: str, rows: list[str]) -> str:
    return "\n".join([str(len(rows)), columns, *rows, ""])


def coarse(root: Path, folder: str = "Anno") -> Path:
    """Three images of train, of two garments, and one of val whose garment has a blank in its name."""
    for name in NAMES:
        picture(root / "Img/img" / f"{name}.jpg")
    lists = root / folder
    written(lists / "list_category_cloth.txt", categories())
    attributes = [f"{name}        {kind}" for name, kind in zip(WORDS, (1, 2, 3, 4, 5), strict=True)]
    written(lists / "list_attr_cloth.txt", table("attribute_name  attribute_type", attributes))
    for name, (columns, values) in COLUMNS.items():
        rows = [f"{file:<40} {value}" for file, value in zip(FILES, values, strict=True)]
        written(lists / f"{name}.txt", table(columns, rows))
    sides = [f"{file}   {side}" for file, side in zip(FILES, ("train", "train", "train", "val"), strict=True)]
    written(root / "Eval/list_eval_partition.txt", table("image_name  evaluation_status", sides))
    return root
