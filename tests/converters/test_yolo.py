"""YOLO: exact lines, what data.yaml may say, where splits are found, and errors that name line and column."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml
from PIL import Image
from refusals import error_of

import converters
from converters.formats import yolo
from converters.formats.yolo import lines
from converters.model import Box, Keypoint, KeypointSlot, Object, Sample, geometry, rules
from converters.model.findings import Findings
from converters.transfer import outputs
from tltpipe.errors import DataError, Location, UsageError

NAMES = ("skirt", "vest")
PAGE = "train: images/train\nval: images/val\nnames: [skirt, vest]\n"
BOX = Object("vest", Box(20, 15, 60, 45))
LINE = "1 0.5 0.5 0.5 0.5"


def make(root: Path, labels: dict[str, str | bytes | None], page: str | bytes | None = PAGE) -> Path:
    """A data set with a picture of 80 x 60 for each of ``labels``, of which None makes no file."""
    for name, text in labels.items():
        picture, label = root / "images" / f"{name}.jpg", root / "labels" / f"{name}.txt"
        for path in (picture, label):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (80, 60)).save(picture)
        if text is not None:
            label.write_bytes(text if isinstance(text, bytes) else text.encode())
    if page is not None:
        (root / "data.yaml").write_bytes(page if isinstance(page, bytes) else page.encode())
    return root


def sample(*objects: Object, size: tuple[int, int] = (80, 60)) -> Sample:
    return Sample("deep/1", "1.jpg", *size, objects)


def encode(*objects: Object, task: str = "detect", size: tuple[int, int] = (80, 60)) -> str:
    return lines.encode(sample(*objects, size=size), NAMES, task, {}, 0)


def parse(path: Path, text: str | bytes, keypoints: tuple[int, int] | None = None) -> list[Object]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return lines.parse(path, NAMES, keypoints, 80, 60)


# Writing


def test_lines_byte_for_byte(tmp_path: Path) -> None:
    with converters.open_writer("yolo", tmp_path / "labels", NAMES) as writer:
        writer.add(sample(BOX, Object("skirt", Box(0, 0, 80, 20))))
        writer.add(Sample("2", "2.jpg", 80, 60))
    assert (tmp_path / "labels/deep/1.txt").read_bytes() == f"{LINE}\n0 0.5 0.166666667 1 0.333333333\n".encode()
    assert (tmp_path / "labels/2.txt").read_bytes() == b""


def test_recorded_again_after_a_killed_run(tmp_path: Path) -> None:
    recorder = yolo.Writer(tmp_path, NAMES).recorder
    recorder.record(sample(BOX, BOX))
    recorder.record(sample(BOX))
    assert (tmp_path / "deep/1.txt").read_text() == f"{LINE}\n"


def test_boxes_come_back_within_a_hundredth_of_a_pixel_in_ten_thousand(tmp_path: Path) -> None:
    chance = random.Random(1)
    for _ in range(200):
        xs, ys = sorted(chance.uniform(0, 10_000) for _ in "ab"), sorted(chance.uniform(0, 9_999) for _ in "ab")
        box = Box(xs[0], ys[0], xs[1], ys[1])
        text = encode(Object("vest", box), size=(10_000, 9_999))
        (tmp_path / "1.txt").write_text(text)
        (back,) = lines.parse(tmp_path / "1.txt", NAMES, None, 10_000, 9_999)
        corners = (back.box.left, back.box.top, back.box.right, back.box.bottom)
        assert corners == pytest.approx((box.left, box.top, box.right, box.bottom), abs=1e-4)


def test_shares_stay_within_the_picture_and_have_no_exponent() -> None:
    assert encode(Object("skirt", Box(-0.5, -0.25, 80.5, 60.25))) == "0 0.5 0.5 1 1\n"
    assert "e" not in encode(Object("skirt", Box(0, 0, 1e-4, 60)))
    ring = (-1.0, -1.0, 81.0, 0.0, 40.0, 61.0)
    assert encode(Object("skirt", Box(0, 0, 80, 60), polygons=(ring,)), task="segment") == "0 0 0 1 0 0.5 1\n"


def test_segment_joins_all_rings_or_writes_the_corners_of_the_box(tmp_path: Path) -> None:
    rings = ((0.0, 0.0, 8.0, 0.0, 8.0, 6.0), (20.0, 15.0, 60.0, 15.0, 60.0, 45.0))
    thing = Object("vest", Box(0, 0, 60, 45), polygons=rings)
    text = encode(thing, BOX, task="segment")
    assert text == (
        "1 0.25 0.25 0.1 0.1 0 0 0.1 0 0.1 0.1 0.25 0.25 0.75 0.25 0.75 0.75\n"
        "1 0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75\n"
    )
    back, _ = parse(tmp_path / "1.txt", text)
    assert back.box == thing.box
    assert geometry.area(back.polygons[0]) == sum(map(geometry.area, rings)) == 624


def test_pose_there_and_back(tmp_path: Path) -> None:
    slots = {name: KeypointSlot(("a", "b", "c"), 0, 3) for name in NAMES}
    points = (Keypoint(20, 15, 2), Keypoint(0, 0, 0), Keypoint(60, 45, 1))
    things = (Object("vest", BOX.box, keypoints=points), BOX)
    root = make(tmp_path, {"train/1": None}, None)
    with converters.open_writer("yolo", root / "labels/train", NAMES, task="pose", keypoints=slots) as writer:
        writer.add(Sample("1", "1.jpg", 80, 60, things))
    text = (root / "labels/train/1.txt").read_text()
    assert text == f"{LINE} 0.25 0.25 2 0 0 0 0.75 0.75 1\n{LINE} 0 0 0 0 0 0 0 0 0\n"
    told = yolo.describe(root, NAMES, {"train": yolo.layout(root, "train")}, task="pose", keypoints=slots)
    (root / "data.yaml").write_text(told["data.yaml"])
    assert yaml.safe_load(told["data.yaml"])["kpt_shape"] == [3, 3]
    dataset = converters.read("yolo", root)
    assert {name: slot.count for name, slot in dataset.keypoints.items()} == {"skirt": 3, "vest": 3}
    assert next(iter(dataset)).objects == things


def test_what_cannot_be_written_is_told_before(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no task"):
        yolo.Writer(tmp_path, NAMES, task="oriented")
    with pytest.raises(UsageError, match="no keypoints"):
        yolo.Writer(tmp_path, NAMES, task="pose")
    with pytest.raises(DataError, match="none of the categories"):
        encode(Object("hat", Box(0, 0, 1, 1)))


@pytest.mark.parametrize(
    ("task", "kept"), [("detect", {"box"}), ("segment", {"polygons", "mask"}), ("pose", {"box", "keypoints"})]
)
def test_what_is_kept_is_not_told_as_dropped(task: str, kept: set[str], tmp_path: Path) -> None:
    labels, _ = outputs.plan("yolo", tmp_path, "train", options={"task": task})
    assert labels.carries == kept | {"instances"}


def test_data_yaml_has_the_keys_of_ultralytics(tmp_path: Path) -> None:
    places = {split: yolo.layout(tmp_path, split) for split in ("train", "validation", "test", "shop")}
    page = yaml.safe_load(yolo.describe(tmp_path, ("no", "a: b", "ü"), places)["data.yaml"])
    assert page == {
        **{"train": "images/train", "val": "images/validation", "test": "images/test", "shop": "images/shop"},
        **{"nc": 3, "names": {0: "no", 1: "a: b", 2: "ü"}},
    }


# data.yaml and folders


@pytest.mark.parametrize(
    "page",
    [
        PAGE,
        b"\xef\xbb\xbf" + PAGE.replace("\n", "\r\n").encode(),
        "path: .\ntrain: images/train/\nval: [images/val]\nnames: {1: vest, 0: skirt}\nnc: 2\n",
        f"path: ../datasets/mine\n{PAGE.replace('images/', '../images/')}test: ../images/test\n",
        f"{PAGE}license: CC BY 4.0\nroboflow: {{project: x}}\nyaml_file: 3\ntest:\n",
    ],
)
def test_many_ways_to_write_data_yaml(page: str | bytes, tmp_path: Path) -> None:
    root = make(tmp_path, {"train/1": LINE, "val/2": None}, page)
    name, datasets = converters.splits(root)
    assert (name, list(datasets)) == ("yolo", ["train", "validation"])
    assert datasets["train"].categories == NAMES
    assert [thing.category for thing in next(iter(datasets["train"])).objects] == ["vest"]
    assert converters.splits(root / "data.yaml")[0] == "yolo"


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (f"{PAGE}nc: 3\n", "nc is 3, but there are 2 names"),
        (f"{PAGE}nc: true\n", "nc is no number"),
        (f"{PAGE}kpt_shape: [4]\n", "kpt_shape must be"),
        ("train: images/train\nnames: {0: a, 2: b}\n", "without gaps"),
        ("train: images/train\nnames: {a: b}\n", "without gaps"),
        ("train: images/train\nnames: [a, a]\n", '"a" twice'),
        *((f"train: images/train\nnames: [{bad}]\n", "no name") for bad in ("yes, no", "[a]")),
        ("train: images/train\nnames: 3\n", "must be a list"),
        ("train: images/train\nnames: []\n", "must be a list"),
        ("train: images/nowhere\nnames: [a]\n", "train: there is no folder"),
        ('train: "a\\0b"\nnames: [a]\n', "train: there is no folder"),
        (f"train: {'a/' * 9000}\nnames: [a]\n", "train: there is no folder"),
        ("names: [a]\n", "no split is named"),
        ("names: [a\n", "not YAML"),
        ("names: !!python/object:os.system x\n", "not YAML"),
        ("- names\n", "keys and values"),
        (b"names: [\xff]\n", "not UTF-8"),
        ("names: [2020-99-99]\n", "not YAML"),
        (f"names: [a]\nx: {'[' * 100_000}", "nested too deep"),
        (f"names: [a]\nx: {'{a: ' * 100_000}", "nested too deep"),
        (f"names: [a]\nx:\n {'- ' * 3000}a", "nested too deep"),
        ("names: &a [*a]\n", "references"),
        (
            "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
            + "names: [a]\nnc: *a9\n",
            "references",
        ),
        (f"names: [a]\n#{'x' * (1 << 20)}", "too large"),
    ],
)
def test_data_yaml_that_cannot_be_read(page: str | bytes, message: str, tmp_path: Path) -> None:
    root = make(tmp_path, {"train/1": LINE, "val/1": LINE}, page)
    error = error_of(DataError, yolo.find, root, match=message)
    assert str(error).startswith(str(root / "data.yaml"))
    assert len(str(error)) < 400


def test_without_data_yaml_the_class_map_is_needed(tmp_path: Path) -> None:
    root = make(tmp_path, {"train/1": LINE}, None)
    assert list(yolo.find(root)) == ["train"]
    error = error_of(DataError, converters.read, "yolo", root, match="what the class numbers mean")
    assert "classes.txt" in (error.hint or "")
    (root / "classes.txt").write_text("skirt\nvest\n")
    assert converters.read("yolo", root).categories == NAMES


def test_class_map_that_says_otherwise_is_told(tmp_path: Path) -> None:
    root = make(tmp_path, {"train/1": LINE, "val/1": LINE})
    (root / "classes.txt").write_text("vest\nskirt\n")
    with pytest.raises(DataError, match='class 1 is "vest" here, but "skirt" in the data'):
        converters.splits(root)


def test_data_yaml_by_another_name(tmp_path: Path) -> None:
    """Ultralytics calls it after the data set: coco8.yaml."""
    root = make(tmp_path, {"train/1": LINE, "val/1": LINE})
    (root / "data.yaml").rename(root / "coco8.yaml")
    (root / "hyp.yaml").write_text("lr0: 0.01\nnames: 3\n")
    assert converters.splits(root)[1]["train"].categories == NAMES
    (root / "other.yaml").write_text(PAGE.replace("skirt", "robe"))
    error = error_of(DataError, converters.splits, root, match="what the class numbers mean")
    assert "one of coco8.yaml, other.yaml" in (error.hint or "")
    assert converters.splits(root / "coco8.yaml")[1]["train"].categories == NAMES
    assert converters.splits(root / "other.yaml")[1]["train"].categories == ("robe", "vest")


@pytest.mark.parametrize("folders", ["labels/{}", "{}/labels"])
def test_splits_without_data_yaml_either_way_round(folders: str, tmp_path: Path) -> None:
    for split in ("valid", "train", "shop"):
        labels = tmp_path / folders.format(split)
        pictures = tmp_path / folders.replace("labels", "images").format(split)
        labels.mkdir(parents=True)
        pictures.mkdir(parents=True)
        (labels / "1.txt").write_text(LINE)
    assert list(yolo.find(tmp_path)) == ["train", "validation", "shop"]


def test_one_split_alone(tmp_path: Path) -> None:
    root = make(tmp_path / "val", {"1": LINE}, None)
    assert list(yolo.find(root)) == ["validation"]


@pytest.mark.parametrize(
    "line",
    ["skirt 0.00 1 0.00 1 2 30 40 0 0 0 0 0 0 0", "0 200 300 10 10", "0 0.5", "1" * 20, "", "notes of mine, 5 in all"],
)
def test_other_text_files_are_not_taken_for_yolo(line: str, tmp_path: Path) -> None:
    assert yolo.find(make(tmp_path, {"train/1": line}, None)) == {}


def test_several_folders_of_one_split(tmp_path: Path) -> None:
    page = "train: [images/a, images/b]\nval: images/val\nnames: [skirt, vest]\n"
    root = make(tmp_path, {"a/1": LINE, "b/1": f"{LINE}\n{LINE}", "b/2": None, "val/3": LINE}, page)
    datasets = converters.splits(root)[1]
    assert [(each.id, len(each.objects)) for each in datasets["train"]] == [("a/1", 1), ("b/1", 2), ("b/2", 0)]
    assert [each.id for each in datasets["validation"]] == ["3"]


@pytest.mark.parametrize("prefix", ["./images/", "images/", "ABSOLUTE/images/"])
def test_lists_of_pictures(prefix: str, tmp_path: Path) -> None:
    page = "train: train.txt\nval: images/val\nnames: [skirt, vest]\n"
    root = make(tmp_path, {"pool/1": LINE, "pool/b c.ü": None, "pool/left out": LINE, "val/3": LINE}, page)
    start = prefix.replace("ABSOLUTE", str(root))
    text = f"\ufeff{start}pool/b c.ü.jpg\r\n\r\n{start}pool/1.jpg\r\n{start}pool/1.jpg"
    (root / "train.txt").write_bytes(text.encode())
    pictures = converters.read("yolo", root, "train").pictures
    samples = [pictures.load(key, Findings()) for key in pictures.keys()]  # noqa: SIM118
    assert [(each.id, len(each.objects)) for each in samples] == [("pool/1", 1), ("pool/b c.ü", 0)]
    assert samples[0].annotations == root / "labels/pool/1.txt"
    assert root / "train.txt" in pictures.inputs


@pytest.mark.parametrize("text", ["images/a.txt", "no picture", "a\0.jpg", "x" * 5000 + ".jpg", b"\xff.jpg"])
def test_lists_that_are_none(text: str | bytes, tmp_path: Path) -> None:
    root = make(tmp_path, {"val/3": LINE}, "train: train.txt\nval: images/val\nnames: [a]\n")
    (root / "train.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert str(root / "train.txt") in str(error_of(DataError, lambda: list(converters.read("yolo", root, "train"))))


# Reading


def test_pictures_decide_what_there_is(tmp_path: Path) -> None:
    labels = {"train/a/1": LINE, "train/b c.d-ü": f"\ufeff{LINE}\r\n\r\n{LINE}", "train/3": None, "train/4": ""}
    root = make(tmp_path, {**labels, "val/1": LINE})
    (root / "labels/train/orphan.txt").write_text(LINE)
    (root / "images/train/3.jpg").rename(root / "images/train/3.PNG")
    samples = list(converters.read("yolo", root, "train"))
    assert [(each.id, each.file_name, len(each.objects)) for each in samples] == [
        ("3", "3.PNG", 0),
        ("4", "4.jpg", 0),
        ("a/1", "a/1.jpg", 1),
        ("b c.d-ü", "b c.d-ü.jpg", 2),
    ]
    assert [thing.origin for thing in samples[3].objects] == [1, 3]


def test_two_pictures_with_one_name(tmp_path: Path) -> None:
    root = make(tmp_path, {"train/1": LINE, "val/1": LINE})
    Image.new("RGB", (80, 60)).save(root / "images/train/1.png")
    error = error_of(DataError, lambda: list(converters.read("yolo", root, "train")), match="share this name")
    assert error.code == rules.SAME_NAME.code


def test_labels_without_any_picture(tmp_path: Path) -> None:
    root = make(tmp_path, {"train/1": LINE, "val/1": LINE})
    (root / "images/train/1.jpg").unlink()
    error = error_of(DataError, lambda: list(converters.read("yolo", root, "train")), match="no images")
    assert error.where == root / "images/train"


def test_lines_of_each_kind(tmp_path: Path) -> None:
    text = f"{LINE}\n0 0.25 0.25 0.75 0.25 0.75 0.75\n1.0 -0.01 0.5 1.02 5e-1"
    box, ring, odd = parse(tmp_path / "1.txt", text)
    assert box == BOX
    assert ring == Object("skirt", Box(20, 15, 60, 45), polygons=((20, 15, 60, 15, 60, 45),))
    assert (odd.category, odd.box.left) == ("vest", pytest.approx(-41.6)), "geometry is judged elsewhere"


def test_keypoints_of_two_values_each(tmp_path: Path) -> None:
    (thing,) = parse(tmp_path / "1.txt", f"{LINE} 0.5 0.5 0 0", (2, 2))
    assert tuple(thing.keypoints) == (Keypoint(40, 30, 2), Keypoint(0, 0, 0))


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("2 0.5 0.5 0.5 0.5", 1, "no class 2: they go from 0 to 1"),
        ("-1 0.5 0.5 0.5 0.5", 1, "no class -1"),
        *((f"{bad} 0.5 0.5 0.5 0.5", 1, "begins with a class number") for bad in ("0.5", "vest", "٠", "nan", "1e400")),
        ("1 0.5  nan 0.5 0.5", 8, "nan is no share"),
        ("1 0.5 inf 0.5 0.5", 7, "inf is no share"),
        ("1 0.5 0.5 1e400 0.5", 11, "1e400 is no share"),
        *((f"1 0.5 0.5 0.5 {bad}", 15, "is no share") for bad in ("300", "٣", "1_0", "9" * 5000)),
        ("1 0.5 0.5 0,5 0.5", 11, "0,5 is no share"),
        ("1 0.5 0.5 0.5", 1, "5 numbers, or pairs of x and y, not 4"),
        ("1 0.5 0.5 0.5 0.5 0.9", 1, "5 numbers, or pairs of x and y, not 6"),
        ("1 " + "0.5 " * 9, 1, "5 numbers, or pairs of x and y, not 10"),
    ],
)
def test_errors_name_line_and_column(line: str, column: int, message: str, tmp_path: Path) -> None:
    error = error_of(DataError, parse, tmp_path / "1.txt", f"{LINE}\r\n\r\n{line}\r\n", match=message)
    assert error.where == Location(tmp_path / "1.txt", 3, column)
    assert len(str(error)) < 400


def test_unknown_class_and_wrong_keypoints_have_their_codes(tmp_path: Path) -> None:
    assert error_of(DataError, parse, tmp_path / "1.txt", "7 0.5 0.5 0.5 0.5").code == rules.UNKNOWN_CLASS.code
    with pytest.raises(DataError, match="5 numbers and 2 x 3 of keypoints, not 8") as caught:
        parse(tmp_path / "1.txt", f"{LINE} 0.5 0.5 2", (2, 3))
    assert caught.value.code == rules.LANDMARK_COUNT.code
    with pytest.raises(DataError, match="visibility 5 must be"):
        parse(tmp_path / "1.txt", f"{LINE} 0.5 0.5 5", (1, 3))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    error = error_of(DataError, lambda: parse(tmp_path / "1.txt", b"%s\n\xff\xfe" % LINE.encode()), match="not UTF-8")
    assert error.where == Location(tmp_path / "1.txt", 2)
