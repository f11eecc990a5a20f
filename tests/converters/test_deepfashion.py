"""DeepFashion, Category and Attribute Prediction: the coarse and the fine lists, their traps, and where they lead."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deepfashion_lists import FILES, NAMES, VALUES, coarse, picture, written
from refusals import error_of

import converters
from converters.formats.deepfashion import attribute_rows
from converters.health import examine
from converters.model import Attribute, Box, Dataset, Keypoint, Sample
from converters.model.findings import Findings
from converters.partition import judge, plan
from converters.statistics import measure
from converters.transfer.convert import convert
from tltpipe.errors import DataError
from tltpipe.progress import Silent


def fine(root: Path) -> Path:
    """The same images without the third; landmarks of the first as six pairs and zeros, of the second as all eight."""
    for name in NAMES:
        picture(root / "Img/img" / f"{name}.jpg")
    lists = root / "Anno_fine"
    rows = {
        "": FILES[:2],
        "_cate": ["3", "03"],
        "_bbox": ["010 008 090 079", "000 000 100 080"],
        "_attr": [" ".join("1" if n in (2, 9, 25) else "0" for n in range(26)), " ".join(["0"] * 26)],
        "_landmarks": [
            "011 012 020 012 000 000 080 050 020 070 070 071 000 000 000 000",
            "011 012 020 012 030 040 080 050 000 000 000 000 020 070 070 071",
        ],
    }
    for name, values in rows.items():
        written(lists / f"train{name}.txt", "\n".join(values) + "\n")
    last = {"": FILES[3], "_cate": "41", "_bbox": "1 2 30 40", "_attr": " ".join("1" * 26)}
    last["_landmarks"] = " ".join(["5"] * 16)
    for name, value in last.items():
        written(lists / f"val{name}.txt", value)
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return coarse(tmp_path / "set")


def splits(root: Path) -> dict[str, Dataset]:
    return converters.splits(root)[1]


def train(root: Path) -> list[Sample]:
    return list(splits(root)["train"])


def edited(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text()))


def test_lists_of_all_images_become_splits_with_classes_boxes_and_attributes(root: Path) -> None:
    format, found = converters.splits(root)
    assert format == "deepfashion"
    assert {name: [sample.id for sample in dataset] for name, dataset in found.items()} == {
        "train": [*NAMES[:3]],
        "validation": [NAMES[3]],
    }
    dataset = found["train"]
    assert dataset.categories[2] == "Blouse"
    assert dataset.categories[46] == "Kind-47", "a category without images is one, too"
    assert dataset.supercategories["Blouse"] == "upper_body"
    assert [dataset.supercategories[name] for name in ("Jeans", "Dress")] == ["lower_body", "full_body"]
    assert dataset.attributes[0] == Attribute("floral print", "texture")
    assert [each.group for each in dataset.attributes] == ["texture", "fabric", "shape", "part", "style"]
    first, second, third = dataset
    assert (first.width, first.height, first.objects[0].category) == (100, 80, "Blouse")
    assert first.objects[0].box == Box(10, 8, 90, 79), "numbers are decimal, however many zeros they begin with"
    assert first.where(first.objects[0]).line == 3
    assert first.objects[0].attributes == (2, 3)
    assert (second.objects[0].attributes, second.objects[0].unknown_attributes) == ((0,), (3,))
    assert (third.objects[0].attributes, third.objects[0].unknown_attributes) == ((), ())
    dress = next(iter(found["validation"])).objects[0]
    assert (dress.attributes, dress.unknown_attributes) == ((2, 4), (0, 1))
    assert [each.objects[0].pair_id for each in dataset] == [3, 3, 1], "a garment is a folder"
    assert dress.pair_id == 2


def test_landmarks_are_by_name_and_their_visibility_turned_round(root: Path) -> None:
    dataset = splits(root)["train"]
    slot = dataset.keypoints["Blouse"]
    assert (slot.names[0], slot.names[6], slot.offset, slot.count) == ("left collar", "left hem", 0, 8)
    findings = Findings()
    samples = [dataset.pictures.load(key, findings) for key in dataset.pictures.keys()]  # noqa: SIM118 - no mapping
    blouse, cut_off, jeans = (each.objects[0].keypoints for each in samples)
    none = Keypoint(0, 0, 0)
    sleeve, left, right = Keypoint(80, 50, 2), Keypoint(20, 70, 2), Keypoint(70, 71, 2)
    assert list(blouse) == [Keypoint(11, 12, 2), Keypoint(20, 12, 1), none, sleeve, none, none, left, right]
    assert list(jeans)[:5] == [none, none, none, none, Keypoint(10, 11, 2)]
    assert list(jeans)[6] == Keypoint(12, 60, 1)
    assert list(cut_off) == []
    assert [(found.rule.code, found.count) for found in findings] == [("K502", 1)]
    assert samples[1].objects[0].extra == {"variation": 4}
    dress = next(iter(splits(root)["validation"])).objects[0].keypoints
    assert list(dress)[5:] == [Keypoint(11, 12, 2), Keypoint(13, 14, 2), none], (
        "a place of what is cut off means nothing"
    )


def test_folders_of_lists_in_use_and_the_whole_one_level_deeper(tmp_path: Path) -> None:
    coarse(tmp_path / "data/benchmark", "Anno_coarse")
    for path in (tmp_path / "data", tmp_path / "data/benchmark", tmp_path / "data/benchmark/Anno_coarse"):
        assert [sample.id for sample in train(path)] == [*NAMES[:3]]
    (tmp_path / "data/benchmark/Eval/list_eval_partition.txt").unlink()
    found = splits(tmp_path / "data")
    assert {name: len(list(each)) for name, each in found.items()} == {"train": 4}
    assert [finding.rule.code for finding in found["train"].findings] == ["F120"], "nobody says which is for validation"


def test_fine_lists_are_a_data_set_of_their_own(tmp_path: Path) -> None:
    found = splits(fine(coarse(tmp_path)) / "Anno_fine")
    assert list(found) == ["train", "validation"]
    assert [found["train"].attributes[n] for n in (2, 9, 25)] == [
        Attribute("striped", "pattern"),
        Attribute("sleeveless", "sleeve"),
        Attribute("conventional", "fit"),
    ]
    one, other = (sample.objects[0] for sample in found["train"])
    assert (one.attributes, one.unknown_attributes, other.attributes) == ((2, 9, 25), (), ())
    assert [one.category, other.category] == ["Blouse", "Blouse"]
    assert found["train"].categories[0] == "Kind-1", "the categories of the coarse lists beside them"
    none = Keypoint(0, 0, 0)
    hem = [Keypoint(20, 70, 2), Keypoint(70, 71, 2)]
    collar = [Keypoint(11, 12, 2), Keypoint(20, 12, 2)]
    assert list(one.keypoints) == [*collar, none, Keypoint(80, 50, 2), none, none, *hem]
    assert list(other.keypoints) == [*collar, Keypoint(30, 40, 2), Keypoint(80, 50, 2), none, none, *hem]
    dress = next(iter(found["validation"])).objects[0]
    assert (dress.attributes, dress.pair_id, one.pair_id) == (tuple(range(26)), 1, 2)
    (tmp_path / "Anno/list_category_cloth.txt").unlink()
    published = splits(tmp_path / "Anno_fine")["train"]
    assert [published.categories[n] for n in (0, 19, 20, 36, 49)] == [
        *("Anorak", "Turtleneck", "Capris", "Caftan", "Sundress"),
    ]
    assert [published.supercategories[name] for name in ("Trunks", "Caftan")] == ["lower_body", "full_body"]
    coarse(tmp_path)
    told = [found.rule.code for found in splits(tmp_path)["train"].findings]
    assert told == ["F119"], "that they are not read where the coarse ones are is said"


def test_fine_files_of_unequal_length(tmp_path: Path) -> None:
    root = fine(tmp_path) / "Anno_fine"
    edited(root / "train_attr.txt", lambda text: text.splitlines()[0] + "\n")
    problem = error_of(DataError, lambda: train(root))
    assert problem.where == root / "train_attr.txt"
    assert "1 rows" in str(problem)


def keyed(root: Path) -> Any:
    """The error of the first image of train that cannot be loaded, or of the lists as a whole."""
    return error_of(DataError, lambda: train(root))


BROKEN: dict[str, tuple[str, Callable[[str], str], int | None, str]] = {
    "no number of rows": ("list_bbox", lambda text: text.partition("\n")[2], 1, "number of rows"),
    "no names of columns": ("list_bbox", lambda text: "4\n" + text.split("\n", 2)[2], 2, "columns"),
    "attributes without columns": ("list_attr_img", lambda text: "4\n" + text.split("\n", 2)[2], 2, "columns"),
    "another number of rows": ("list_category_img", lambda text: "5" + text[1:], 1, "4 follow"),
    "attributes of another number": ("list_attr_img", lambda text: "5" + text[1:], 1, "4 follow"),
    "a row short by one": ("list_attr_img", lambda text: text.replace(VALUES[1], VALUES[1][:-3]), 4, "4 values"),
    "a row long by one": ("list_attr_img", lambda text: text.replace(VALUES[1], VALUES[1] + " -1"), 4, "6 values"),
    "an odd value": ("list_attr_img", lambda text: text.replace(VALUES[2], VALUES[2][:-1] + "2"), 5, '"-2"'),
    "minus nothing": ("list_attr_img", lambda text: text.replace(VALUES[2], VALUES[2][:-1] + "0"), 5, '"-0"'),
    "an image twice": ("list_attr_img", lambda text: text.replace(FILES[1], FILES[0]), 4, "line 3"),
    "an unlisted image": ("list_attr_img", lambda text: text.replace(FILES[3], "img/no.jpg"), 6, "not listed"),
    "an unlisted box": ("list_bbox", lambda text: text.replace(FILES[0], "img/no.jpg"), 3, "not listed"),
    "a category too high": ("list_category_img", lambda text: text.replace(" 26", " 51"), 5, "1 to 50"),
    "a box of three": ("list_bbox", lambda text: text.replace("090 079", "090"), 3, "4 numbers"),
    "a box of words": ("list_bbox", lambda text: text.replace("090 079", "090 x"), 3, '"x"'),
    "landmarks of another type": ("list_landmarks", lambda text: text.replace("2 1 0 010", "1 1 0 010"), 5, "6 landm"),
    "an odd visibility": ("list_landmarks", lambda text: text.replace("1 1 0 011", "1 1 3 011"), 3, "visibility 3"),
    "an odd type": ("list_category_cloth", lambda text: text.replace("Jeans      2", "Jeans      4"), 28, '"4"'),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_is_told_with_file_and_line(case: str, root: Path) -> None:
    name, change, line, word = BROKEN[case]
    edited(root / f"Anno/{name}.txt", change)
    problem = keyed(root)
    assert (Path(problem.where.path).name, problem.where.line) == (f"{name}.txt", line)
    assert word in str(problem)


def test_images_without_a_row(root: Path) -> None:
    rows = (root / "Anno/list_bbox.txt").read_text().splitlines()
    written(root / "Anno/list_bbox.txt", "\n".join(["3", *rows[1:3], *rows[4:]]))
    problem = keyed(root)
    assert (problem.code, problem.where.name, NAMES[1] in str(problem)) == ("F102", "list_bbox.txt", True)
    assert [sample.id for sample in splits(root)["validation"]] == [NAMES[3]], "the rest is read by name"
    rows = (root / "Eval/list_eval_partition.txt").read_text().splitlines()
    written(root / "Eval/list_eval_partition.txt", "\n".join(["3", *rows[1:4], rows[5]]))
    problem = keyed(root)
    assert (problem.where.name, FILES[2] in str(problem)) == ("list_eval_partition.txt", True)


def test_a_missing_image_and_no_images_at_all(root: Path) -> None:
    (root / f"Img/img/{NAMES[1]}.jpg").unlink()
    problem = keyed(root)
    assert (problem.code, problem.where.name) == ("F101", "img_2.jpg")
    assert "line 4" in problem.hint
    done = convert(root, root.parent / "out", format="coco", skip_bad=True, progress=Silent())
    assert (done.losses.read.images, done.losses.written.images) == (4, 3)
    (root / "Img").rename(root / "Images")
    assert error_of(DataError, lambda: train(root)).where == root / "Img/img"


def test_rows_in_another_order_and_of_another_width(root: Path) -> None:
    before = {name: list(each) for name, each in splits(root).items()}
    for path in [*(root / "Anno").glob("list_[bl]*.txt"), root / "Eval/list_eval_partition.txt"]:
        head, rows = path.read_text().splitlines()[:2], path.read_text().splitlines()[2:]
        written(path, "\ufeff" + "\r\n".join([*head, *reversed(rows)]) + "\r\n\r\n")
    path = root / "Anno/list_attr_img.txt"
    head, rows = path.read_text().splitlines()[:2], path.read_text().splitlines()[2:]
    tight = ["\t".join(row.rsplit(None, 5)) for row in rows]
    written(path, "\ufeff" + "\n".join([*head, *tight[2:], *tight[:2]]))
    assert {name: list(each) for name, each in splits(root).items()} == before


def test_a_thousand_attributes_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the blocks, and whether rows are compared or parsed, the same bits come out."""
    names = [b"img/G %d/%d.jpg" % (n // 7, n) for n in range(300)]
    cells = [{(n * k) % 1000: n % 3 for k in (1, 17, 333)} for n in range(300)]
    words = {0: b"  1", 1: b"  0", 2: b"  1"}
    rows = [
        name + b" " * (n % 5) + b"".join(words[own[at]] if at in own else b" -1" for at in range(1000))
        for n, (name, own) in enumerate(zip(names, cells, strict=True))
    ]
    path = tmp_path / "list_attr_img.txt"
    path.write_bytes(b"300\nimage_name  attribute_labels\n" + b"\n".join(rows))
    known = {name: place for place, name in enumerate(names)}
    for block in (1 << 12, 1 << 16, 1 << 19):
        monkeypatch.setattr(attribute_rows, "BLOCK", block)
        judged = attribute_rows.read(path, names, known, 1000, Path("listed.txt"))
        for n, own in enumerate(cells):
            yes = tuple(sorted(at for at, kind in own.items() if kind != 1))
            unknown = tuple(sorted(at for at, kind in own.items() if kind == 1))
            assert (attribute_rows.places(judged.yes[n]), attribute_rows.places(judged.unknown[n])) == (yes, unknown)
        assert judged.lines.tolist() == list(range(3, 303))
    path.write_bytes(path.read_bytes().replace(b" -1 ", b" -1\t"))
    parsed = attribute_rows.read(path, names, known, 1000, Path("listed.txt"))
    assert (parsed.yes.tobytes(), parsed.unknown.tobytes()) == (judged.yes.tobytes(), judged.unknown.tobytes())


def test_keys_and_pictures_travel_to_workers(root: Path) -> None:
    dataset = splits(root)["train"]
    keys = list(dataset.pictures.keys())
    pictures, again = pickle.loads(pickle.dumps((dataset.pictures, keys)))
    assert [pictures.load(key, Findings()) for key in again] == list(dataset)
    assert len(pickle.dumps(keys[0])) < 1000
    assert dataset.pictures.items(keys[2]) == ["Jeans"]  # type: ignore[attr-defined]


def test_coco_carries_attributes_and_kitti_counts_them_as_lost(root: Path, tmp_path: Path) -> None:
    convert(root, tmp_path / "coco", format="coco", progress=Silent())
    before, after = splits(root), splits(tmp_path / "coco")
    assert after["train"].attributes == before["train"].attributes
    assert after["train"].supercategories == before["train"].supercategories
    for split in before:
        assert list(before[split]) != list(after[split]), "images are elsewhere"
        things = [[sample.objects[0] for sample in each[split]] for each in (before, after)]
        assert things[0] == things[1]
    done = convert(root, tmp_path / "kitti", format="kitti", progress=Silent())
    assert done.splits["train"].dropped["attributes"] == 2
    assert done.splits["validation"].dropped["attributes"] == 1


def test_garments_in_two_splits_are_told_and_kept_together(root: Path) -> None:
    edited(root / "Eval/list_eval_partition.txt", lambda text: text.replace(f"{FILES[1]}   train", f"{FILES[1]}   val"))
    report = examine(root, progress=Silent())
    leaks = [found for found in report.across if found.rule.code == "D705"]
    assert [(found.count, found.examples) for found in leaks] == [(1, ("Red_Blouse in train and validation",))]
    lacking = {found.rule.code: found.examples for found in report.across if found.rule.code in ("C606", "C607")}
    assert lacking["C606"] == ("denim",)
    assert "sleeve (not in validation)" in lacking["C607"]
    datasets = splits(root)
    assert judge(datasets).leaks.garments.count == 1
    planned = plan(datasets, {"train": 0.5, "validation": 0.5})
    sides = [set(planned.pictures(name)) for name in planned.names]
    assert any({NAMES[0], NAMES[1]} <= side for side in sides)
    assert planned.report.leaks.garments.count == 0


def test_statistics_count_attributes(root: Path) -> None:
    def fit(*arguments: Any) -> Any:
        return {}, {}

    numbers = measure(splits(root), fit=fit, progress=Silent()).numbers["splits"]
    told = numbers["train"]["attributes"]
    assert (told["items"], told["mean"]) == (2, 1.0)
    assert told["each"]["sleeve"] == {"group": "part", "items": 1, "share": 0.5, "unknown": 1}
    assert told["each"]["denim"]["items"] == 0
    assert numbers["validation"]["attributes"]["each"]["floral print"]["unknown"] == 1
