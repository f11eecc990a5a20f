"""S4: data. What is known of a source is the worse where its path has "bad" in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rule_example import CONVERT, TLT2, TLT3, Example, edited

import specs
from specs.rulebook import Subject
from specs.rules.facts import Amount, Examples, SourceFacts
from specs.spec import Spec
from tltpipe.errors import DataError

AUGMENT = 'dataset_config { image_path: "image" label_path: "label" } image_extension: ".jpg"'
COCO = """
dataset:
  train_data_sources: [{image_dir: /d, json_file: /d/train.json}]
  val_data_sources: [{image_dir: /d, json_file: /d/val.json}]
  classes: [vest]
"""
VEST = '  target_class_mapping { key: "vest" value: "vest" }\n'
CLASSES = tuple(line.split('"')[1] for line in TLT3.splitlines() if "target_class_mapping" in line)
OF_TLT2 = tuple(line.split('"')[1] for line in TLT2.splitlines() if line.strip().startswith("key:"))
SOME = Examples(2, ("000001.jpg", "000002.jpg"))
BOXES = np.tile(np.float32([0.2, 0.2, 0.37, 0.37]), (50, 1))
THIN = np.tile(np.float32([0.2, 0.2, 0.9, 0.001]), (50, 1))


def counts(names: Sequence[str], count: int = 10) -> dict[str, int]:
    return dict.fromkeys(names, count)


def whole(objects: dict[str, int]) -> dict[str, Any]:
    return {"folds": {None: Amount(100, objects)}}


class Known:
    """Facts that are there already."""

    def __init__(self, found: Sequence[SourceFacts]) -> None:
        self.found = found

    def sources(self) -> Sequence[SourceFacts]:
        return self.found


def known(usual: dict[str, Any], worse: dict[str, Any], toolkit: str | None) -> Callable[[Path, Spec], Subject]:
    def about(folder: Path, spec: Spec) -> Subject:
        found = []
        for source in specs.data_sources(spec):
            bad = "bad" in source.annotations + source.images
            found.append(SourceFacts(source, **{**usual, **(worse if bad else {})}))
        return Subject(spec, toolkit, data=Known(found))

    return about


FOLDERS = {**whole(counts(CLASSES)), "sizes": {(320, 416): 100}, "channels": {3: 100}, "boxes": BOXES}
RECORDS = {"layout": "detectnet_v2", "folds": {0: Amount(20, counts(OF_TLT2)), 1: Amount(80, counts(OF_TLT2))}}
DALI = {
    "layout": "dali",
    **whole(counts(CLASSES)),
    "categories": {name: n for n, name in enumerate(sorted(CLASSES), 1)},
}
TRAIN, VALIDATE = "/workspace/data/train/labels", "/workspace/data/val/labels"
FROM_RECORDS = edited(
    TLT3,
    f'image_directory_path: "/workspace/data/train/images"\n    label_directory_path: "{TRAIN}"',
    'tfrecords_path: "/workspace/TFRecords/train*"',
)


def folders(worse: dict[str, Any], at: str | None = "label_directory_path", *, old: str = TRAIN,
            also: tuple[str, ...] = (), toolkit: str | None = None) -> Example:  # fmt: skip
    return Example(
        "ssd", edited(TLT3, old, "/workspace/bad"), TLT3, at, also, toolkit, about=known(FOLDERS, worse, toolkit)
    )


def dali(worse: dict[str, Any], toolkit: str | None = "tlt3") -> Example:
    bad = edited(FROM_RECORDS, "/workspace/TFRecords", "/workspace/bad")
    usual = {**FOLDERS, **DALI}
    return Example("ssd", bad, FROM_RECORDS, "tfrecords_path", toolkit=toolkit, about=known(usual, worse, toolkit))


def records(worse: dict[str, Any], at: str = "tfrecords_path", toolkit: str | None = None) -> Example:
    bad = edited(TLT2, '"/workspace/TFRecords', '"/workspace/bad')
    return Example("ssd", bad, TLT2, at, toolkit=toolkit, about=known(RECORDS, worse, toolkit))


def conversion(worse: dict[str, Any], at: str = "label_dir_name", toolkit: str | None = None) -> Example:
    bad = edited(CONVERT, "/workspace/KITTI-dataset-augmented/", "/workspace/bad/")
    return Example("dataset_convert", bad, CONVERT, at, toolkit=toolkit, about=known(FOLDERS, worse, toolkit))


def augmentation(worse: dict[str, Any], at: str = "label_path", toolkit: str | None = None) -> Example:
    bad = edited(AUGMENT, '"label"', '"bad"')
    return Example("augment", bad, AUGMENT, at, toolkit=toolkit, about=known(FOLDERS, worse, toolkit))


def coco(worse: dict[str, Any], at: str, *, old: str = "/d/val.json") -> Example:
    usual = {**whole({"vest": 10}), "categories": {"vest": 1}}
    return Example("yolox", edited(COCO, old, "/bad.json"), COCO, at, about=known(usual, worse, None))


ONLY_VALIDATION = {"folds": {0: RECORDS["folds"][0]}}  # type: ignore[index]
OTHERS = {name: n for n, name in enumerate(sorted(CLASSES, reverse=True), 1)}

EXAMPLES = {
    "S401": Example("ssd", edited(TLT3, VEST, ""), TLT3, "target_class_mapping", about=known(FOLDERS, {}, None)),
    "S402": Example(
        "ssd", edited(TLT3, VEST, VEST + VEST.replace("vest", "gloves")), TLT3, "target_class_mapping",
        about=known(FOLDERS, {}, None),
    ),
    "S403": folders(whole({"car": 5}), "target_class_mapping", also=("S401",)),
    "S404": folders(whole(counts([name for name in CLASSES if name != "vest"])), "target_class_mapping"),
    "S405": folders(whole(counts(CLASSES[1:])), "target_class_mapping", old=VALIDATE),
    "S406": folders(whole({}), old=VALIDATE),
    "S411": dali({"categories": OTHERS}, toolkit=None),
    "S412": coco({"categories": {"vest": 2}}, "json_file"),
    "S413": Example(
        "ssd", edited(TLT2, "validation_fold: 0", "validation_fold: 3"), TLT2, "validation_fold",
        about=known(RECORDS, {}, None), also=(),
    ),
    "S414": records(ONLY_VALIDATION, "validation_fold"),
    "S415": conversion({"folds": {}}),
    "S416": dali({"layout": "detectnet_v2"}),
    "S417": records({"layout": "dali"}, toolkit="tlt2"),
    "S418": dali({"no_index": SOME}),
    "S419": dali({"old_index": SOME}),
    "S420": dali({"strays": SOME}),
    "S421": records({"strays": SOME}, toolkit="tlt2"),
    "S422": Example(
        "ssd", edited(TLT3, "data/val/images", "data/train/images"), TLT3, "label_directory_path",
        about=known({**FOLDERS, "frame_ids": ["000001"]}, {}, None),
    ),
    "S423": folders({"problem": DataError("this is not text", where="a.txt")}),
    "S424": folders({"unread": "20,000 of 200,000 label files were read"}),
    "S431": records({"no_image": SOME}, "image_directory_path"),
    "S432": folders({"no_image": SOME}, "image_directory_path"),
    "S433": conversion({"no_image": SOME}, "image_dir_name"),
    "S434": folders({"no_label": SOME}),
    "S435": augmentation({"no_label": SOME}),
    "S436": augmentation({"other_extension": SOME}, "image_extension"),
    "S437": records({"other_extension": SOME}, "image_extension", toolkit="tlt2"),
    "S438": folders({"upper_case": SOME}, "image_directory_path", toolkit="tlt3"),
    "S439": records({"sizes": {(640, 480): 3}}, toolkit="tlt2"),
    "S440": folders({"channels": {1: 100}}, "output_channel"),
    "S441": folders({"sizes": {(1280, 720): 90, (320, 416): 10}}),
    "S451": conversion({"blanks": SOME}),
    "S452": conversion({"odd": SOME}),
    "S453": conversion({"scores": SOME}),
    "S454": augmentation({"fractions": SOME}, toolkit="tlt2"),
    "S455": augmentation({"spacing": SOME}, toolkit="tao5"),
    "S456": conversion(whole({"Weißkleid": 5}), toolkit="tlt2"),
    "S457": conversion({"folds": {None: Amount(3, {"vest": 3})}}, "num_shards", toolkit="tlt2"),
    "S458": conversion({"widths": SOME}),
    "S459": conversion({"flat": SOME}),
    "S460": augmentation({"empty": SOME}, toolkit="tao5"),
    "S461": folders({"boxes": np.tile(np.float32([0.1, 0.1, 0.02, 0.9]), (50, 1))}, "scales"),
    "S462": folders({"boxes": THIN}, also=("S461",)),
    "S463": folders({"occluded": 7}, old=VALIDATE, toolkit="tlt3"),
}  # fmt: skip
