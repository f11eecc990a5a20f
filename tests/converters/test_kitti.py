"""KITTI label files: exact lines, where splits are found, and errors that name line and column."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from refusals import error_of

import converters
from converters.files import label_folders
from converters.formats import kitti
from converters.formats.kitti import lines, rows
from converters.model import Box, Object, Sample, rules
from converters.model.findings import Findings
from converters.model.splits import Place
from tltpipe.errors import DataError, Location

GOOD = "skirt 0.25 1 0.00 1.00 2.00 30.50 40.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00"
THING = Object("skirt", Box(1, 2, 30.5, 40), occlusion=1, truncation=0.25)


def sample(stem: str, *objects: Object) -> Sample:
    return Sample(stem, f"{stem}.jpg", 80, 60, objects)


def make(folder: Path, labels: dict[str, str | bytes], *, parts: tuple[str, str] = ("label_2", "image_2")) -> Path:
    """A folder with label files and a picture for each."""
    for stem, text in labels.items():
        for part in parts:
            (folder / part / stem).parent.mkdir(parents=True, exist_ok=True)
        (folder / parts[0] / f"{stem}.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
        Image.new("RGB", (80, 60)).save(folder / parts[1] / f"{stem}.jpg")
    return folder


def test_line_has_fifteen_columns_byte_for_byte(tmp_path: Path) -> None:
    with converters.open_writer("kitti", tmp_path / "label_2", ["skirt"]) as writer:
        writer.add(sample("000001", THING, THING))
        writer.add(sample("deep/er/000002"))
    assert (tmp_path / "label_2" / "000001.txt").read_bytes() == f"{GOOD}\n{GOOD}\n".encode()
    assert (tmp_path / "label_2" / "deep" / "er" / "000002.txt").read_bytes() == b""


def test_recorded_again_after_a_killed_run(tmp_path: Path) -> None:
    recorder = kitti.Writer(tmp_path, ["skirt"]).recorder
    recorder.record(sample("1", THING, THING))
    recorder.record(sample("1", THING))
    assert (tmp_path / "1.txt").read_text() == f"{GOOD}\n"


def test_class_names_with_blanks_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='class name "long sleeve dress"') as caught:
        kitti.Writer(tmp_path / "label", ["skirt", "long sleeve dress"])
    assert caught.value.hint == 'call it "long_sleeve_dress": --rename'


@pytest.mark.parametrize("parts", [("label_2", "image_2"), ("label", "image"), ("labels", "images")])
@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (("validation", "train"), ["train", "validation"]),
        (("training", "testing"), ["train", "test"]),
        (("val", "shop"), ["validation", "shop"]),
    ],
)
def test_finds_splits(tmp_path: Path, parts: tuple[str, str], folders: tuple[str, ...], names: list[str]) -> None:
    for folder in folders:
        make(tmp_path / folder, {"1": GOOD}, parts=parts)
    found = kitti.find(tmp_path)
    assert list(found) == names
    for name, folder in zip(sorted(names), sorted(folders), strict=True):
        if folder == name:
            assert found[name] == Place(tmp_path, tmp_path / folder / parts[0], tmp_path / folder / parts[1])
    assert list(kitti.find(tmp_path / "val")) == (["validation"] if "val" in folders else [])


def test_finds_splits_below_labels_and_images_as_yolo_has_them(tmp_path: Path) -> None:
    make(tmp_path, {"train/1": GOOD, "val/2": GOOD}, parts=("labels", "images"))
    found = kitti.find(tmp_path)
    assert {name: place.annotations.name for name, place in found.items()} == {"train": "train", "validation": "val"}


@pytest.mark.parametrize(
    ("line", "is_kitti"),
    [
        ("0 0.5 0.5 0.1 0.2", False),
        ("1" + " 0.25" * 14, False),
        ("\ufeff0" + " 0.25" * 14, False),
        ("7" + GOOD.removeprefix("skirt"), True),
        ("", True),
    ],
)
def test_yolo_is_not_taken_for_kitti(tmp_path: Path, line: str, is_kitti: bool) -> None:
    make(tmp_path, {"1": line}, parts=("labels", "images"))
    assert bool(kitti.find(tmp_path)) == is_kitti


def test_reads_nested_names_any_extension_and_nothing_hidden(tmp_path: Path) -> None:
    root = make(tmp_path / "train", {"b/2": GOOD, "a b.c-ü": f"{GOOD}\r\n{GOOD}", "z": b"\xef\xbb\xbf" + GOOD.encode()})
    (root / "image_2" / "z.jpg").rename(root / "image_2" / "z.PNG")
    for name in (".hidden.jpg", "Thumbs.db", "notes"):
        (root / "image_2" / name).write_bytes(b"")
    (root / "label_2" / "._z.txt").write_bytes(b"")
    dataset = converters.read("kitti", root)
    assert [(each.id, each.file_name, len(each.objects)) for each in dataset] == [
        ("a b.c-ü", "a b.c-ü.jpg", 2),
        ("b/2", "b/2.jpg", 1),
        ("z", "z.PNG", 1),
    ]
    assert dataset.categories == ("skirt",)
    assert next(iter(dataset)).objects[1].origin == 2


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    root = make(tmp_path / "train", {"1": GOOD})
    (root / "label_2" / "again").symlink_to(root / "label_2")
    (root / "image_2" / "again").symlink_to(root / "image_2")
    assert len(converters.read("kitti", root).pictures.keys()) <= 2


def test_what_is_missing_is_told_when_its_turn_comes(tmp_path: Path) -> None:
    root = make(tmp_path, {"1": GOOD, "2": GOOD, "3": GOOD, "4": ""})
    (root / "image_2" / "1.jpg").unlink()
    (root / "label_2" / "2.txt").unlink()
    Image.new("RGB", (80, 60)).save(root / "image_2" / "3.png")
    pictures = converters.read("kitti", root).pictures
    told = {}
    for key in pictures.keys():  # noqa: SIM118
        try:
            pictures.load(key, Findings())
        except DataError as problem:
            told[pictures.name(key)] = (problem.code, problem.where)
    assert told == {
        "1": (rules.NO_PICTURE.code, root / "label_2" / "1.txt"),
        "2": (rules.NO_ANNOTATIONS.code, root / "image_2" / "2.jpg"),
        "3": (rules.SAME_NAME.code, root / "image_2" / told["3"][1].name),
    }


def test_class_map_orders_and_refuses(tmp_path: Path) -> None:
    root = make(tmp_path, {"1": GOOD, "2": f"\n{GOOD.replace('skirt', 'Skirt')}"})
    (root / "classes.txt").write_text("vest\nskirt\n")
    dataset = converters.read("kitti", root)
    assert dataset.categories == ("vest", "skirt")
    error = error_of(DataError, list, dataset, match='"Skirt" is none of the classes')
    assert (error.code, error.where) == ("C604", Location(root / "label_2" / "2.txt", 2, 1))


def test_one_split_alone_has_the_class_map_of_the_whole(tmp_path: Path) -> None:
    make(tmp_path / "train", {"1": GOOD})
    (tmp_path / "classes.txt").write_text("vest\nskirt\n")
    assert converters.read("kitti", tmp_path / "train").categories == ("vest", "skirt")
    (tmp_path / "train" / "classes.txt").write_text("skirt\n")
    assert converters.read("kitti", tmp_path / "train").categories == ("skirt",)


def parse(text: str | bytes) -> list[Object]:
    return lines.parse(text if isinstance(text, bytes) else text.encode(), "a.txt")


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"{GOOD} 0.9\n",
        f"\n{GOOD.replace(' ', '  ')} \r\n\n",
        GOOD.replace(" ", "\t"),
        f"\r{GOOD}\r",
        GOOD.replace("0.25", ".25").replace("1.00", "1").replace(" 2.00", " +2.").replace("40.00", "4e1"),
    ],
)
def test_fifteen_or_sixteen_columns_blanks_do_not_matter(text: str) -> None:
    (thing,) = parse(text)
    assert thing == THING
    assert all(type(value) is float for value in (thing.box.left, thing.box.top, thing.truncation))


def test_dontcare_of_kitti_itself() -> None:
    (thing,) = parse("DontCare -1 -1 -10 5 6 7 8 -1 -1 -1 -1000 -1000 -1000 -10")
    assert (thing.category, thing.occlusion, thing.truncation) == ("DontCare", 3, 0.0)


def test_geometry_is_judged_elsewhere() -> None:
    (thing,) = parse(GOOD.replace("30.50", "-5000"))
    assert thing.box == Box(1, 2, -5000, 40)


@pytest.mark.parametrize(
    ("line", "column", "message", "hint"),
    [
        ("skirt 0 0 0 1 2 3 4", 1, "has 15 columns .* this one has 8", "class truncation"),
        (f"{GOOD} 1 1", 1, "this one has 17", ""),
        (f"long sleeve {GOOD}", 6, "must not hold blanks", 'write "long_sleeve_skirt"'),
        ("short sleeve 0 0 0 1 2 3 4 0 0 0 0 0 0 0", 7, "must not hold blanks", "short_sleeve"),
        ("skirt,0,0,0,1,2,3,4,0,0,0,0,0,0,0", 1, "not commas", ""),
        *(
            (GOOD.replace("30.50", bad), 29, "right must be a number", "")
            for bad in ("abc", "nan", "inf", "1e400", "1_0", "٣٠", "true", "1,2", "[3]", "9" * 5000)
        ),
        (GOOD.replace("30.50", "1e9"), 29, "1e9 cannot be a pixel", ""),
        (GOOD.replace("0.25", "x"), 7, "truncation must be a number", ""),
        (GOOD.replace("0.25", "1.5"), 7, "truncation is 1.5", ""),
        (GOOD.replace(" 1 ", " 4 "), 12, "occlusion is 4", ""),
        (GOOD.replace(" 1 ", " 0.5 "), 12, "occlusion is 0.5", ""),
        (f"ü{GOOD.replace(' 1 ', ' 4 ')}", 13, "occlusion is 4", ""),
        ("\u00a0", 1, "this one has 1", ""),
    ],
)
def test_errors_name_line_and_column(line: str, column: int, message: str, hint: str) -> None:
    error = error_of(DataError, parse, f"{GOOD}\n\n{line}\n", match=message)
    assert error.where == Location(Path("a.txt"), 3, column)
    assert hint in (error.hint or "")
    assert len(str(error)) < 200


def test_bytes_that_are_no_text_are_told_with_their_line() -> None:
    error = error_of(DataError, lambda: parse(b"%s\n\xff%s" % (GOOD.encode(), GOOD.encode())), match="not UTF-8")
    assert error.where == Location(Path("a.txt"), 2)


@pytest.mark.parametrize("size", [label_folders.USUAL, label_folders.USUAL + 1])
def test_classes_are_those_of_the_whole_of_a_long_file(size: int, tmp_path: Path) -> None:
    last = f"\n{GOOD.replace('skirt', 'vest')}\n"
    root = make(tmp_path, {"1": f"{GOOD}\n{' ' * (size - len(GOOD) - 2)}{last}"})
    assert converters.read("kitti", root).categories == ("skirt", "vest")


def test_files_that_are_too_large_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as stream:
        stream.truncate(20 << 20)
    with pytest.raises(DataError, match="too large"):
        label_folders.read(str(tmp_path / "a.txt"))


ROW = " 0.00 1 -1.5 10 20.5 30 40" + " 0" * 7


@pytest.mark.parametrize(
    ("content", "usual"),
    [
        (f"car{ROW}\nArm{ROW}\n", True),
        (f"car{ROW}", True),
        (f"car{ROW}\r\ncar{ROW}\r\n", True),
        ("", True),
        (f"car{ROW}\n\ncar{ROW}\n", False),
        (f"car{ROW} 0.9\n", False),
        (f"car{ROW[:-2]}\ncar{ROW} 0\n", False),
        (f"car{ROW[:-2]} |\n{ROW} 0\n", False),
        (f"car{ROW} |\n{ROW}\n", False),
        (f"car{ROW[:20]}\r{ROW[20:]}\n", False),
        (f"car{ROW}\n".replace("20.5", "nan"), False),
    ],
)
def test_many_files_at_once_hold_what_each_of_them_does(content: str, usual: bool) -> None:
    files = [content, f"last{ROW}\n"]
    found = rows.table([each.encode() for each in files])
    assert (found is not None) == usual
    if found is not None:
        each = [rows.rows(text.replace("\r\n", "\n"), source="a.txt")[0] for text in files]
        lines = [(name, numbers) for own in each for _, name, numbers in own]
        assert found.counts == [*map(len, each)]
        assert [(name, [*numbers]) for name, numbers in map(found.line, range(len(lines)))] == lines
