"""Pascal VOC: exact files, pixels counted from 1, where splits are found, and errors that name line and column."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from refusals import error_of

import converters
from converters.formats import voc
from converters.formats.voc import xml
from converters.model import Box, Object, Sample, rules
from converters.model.findings import Findings
from tltpipe.errors import DataError, Location

THING = Object("skirt", Box(0, 1, 30.5, 60))
GOOD = """<annotation>
  <filename>1.jpg</filename>
  <size><width>80</width><height>60</height><depth>3</depth></size>
  <segmented>0</segmented>
  <object>
    <name>skirt</name>
    <pose>Unspecified</pose>
    <truncated>0</truncated>
    <occluded>0</occluded>
    <difficult>0</difficult>
    <bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30.5</xmax><ymax>60</ymax></bndbox>
  </object>
</annotation>
"""


def make(
    folder: Path,
    pages: dict[str, str | bytes | None],
    *,
    parts: tuple[str, str] = ("Annotations", "JPEGImages"),
    pictures: Callable[[str], str] = "{}.jpg".format,
) -> Path:
    """A folder with XML files (None makes none) and a picture of 80 x 60 for each."""
    for stem, text in pages.items():
        label, picture = folder / parts[0] / f"{stem}.xml", folder / parts[1] / pictures(stem)
        for path in (label, picture):
            path.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            label.write_bytes(text if isinstance(text, bytes) else text.encode())
        Image.new("RGB", (80, 60)).save(picture)
    return folder


def parse(path: Path, text: str | bytes) -> xml.Page:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return xml.parse(path)


def with_object(inner: str) -> str:
    return f"<annotation><object>{inner}</object></annotation>"


# Writing


def test_file_byte_for_byte(tmp_path: Path) -> None:
    with converters.open_writer("voc", tmp_path / "Annotations", ["skirt"]) as writer:
        writer.add(Sample("1", "1.jpg", 80, 60, (THING,)))
        writer.add(Sample("deep/2", "2.jpg", 80, 60))
    assert (tmp_path / "Annotations/1.xml").read_text() == GOOD
    assert "<filename>deep/2.jpg</filename>" in (tmp_path / "Annotations/deep/2.xml").read_text()


def test_names_are_escaped_and_come_back(tmp_path: Path) -> None:
    extra = {"difficult": 1, "pose": "Left & <up>"}
    things = (Object("a<b & ü", Box(0, 0, 1, 2), occlusion=1, truncation=1.0, extra=extra), THING)
    text = xml.encode(Sample("x", "x & y.jpg", 80, 60, things))
    page = parse(tmp_path / "1.xml", text)
    assert page.objects == things
    assert (page.size, page.picture) == ((80, 60), "x.jpg")


@pytest.mark.parametrize("name", ["a\x01", "a\rb", "\ufffe", "\ud800"])
def test_names_that_xml_cannot_hold(name: str) -> None:
    with pytest.raises(DataError, match="XML cannot hold"):
        xml.encode(Sample("1", "1.jpg", 80, 60, (Object(name, Box(0, 0, 1, 1)),)))


def test_boxes_come_back_within_a_thousandth(tmp_path: Path) -> None:
    chance = random.Random(1)
    for _ in range(200):
        corners = [chance.uniform(0, 10_000) for _ in range(4)]
        (thing,) = parse(
            tmp_path / "1.xml", xml.encode(Sample("1", "1.jpg", 9, 9, (Object("a", Box(*corners)),)))
        ).objects
        box = thing.box
        assert (box.left, box.top, box.right, box.bottom) == pytest.approx(corners, abs=6e-4)
    whole = parse(tmp_path / "1.xml", GOOD).objects[0].box
    assert [type(value) for value in (whole.left, whole.right)] == [int, float]


# Where things lie


@pytest.mark.parametrize(
    ("folders", "names"), [(("train", "valid"), ["train", "validation"]), (("shop", "test"), ["test", "shop"])]
)
@pytest.mark.parametrize("parts", [("Annotations", "JPEGImages"), ("Annotations", "images"), ("", "")])
def test_finds_splits(folders: tuple[str, ...], names: list[str], parts: tuple[str, str], tmp_path: Path) -> None:
    for folder in folders:
        make(tmp_path / folder, {"1": GOOD}, parts=parts)
    format, datasets = converters.splits(tmp_path)
    assert (format, list(datasets)) == ("voc", names)
    assert [each.objects for dataset in datasets.values() for each in dataset] == [(THING,), (THING,)]
    assert len(voc.find(tmp_path / folders[0])) == 1


@pytest.mark.parametrize("inside", [".", "VOC2012"])
def test_lists_say_what_is_in_a_split(inside: str, tmp_path: Path) -> None:
    names = ["1", "2", "3", "a 1", "b c"]
    root = make(tmp_path / inside, dict.fromkeys(names, GOOD))
    lists = root / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_bytes("\ufeffa 1\r\n\r\n3  1\r\nb c -1".encode())
    (lists / "val.txt").write_text("1\n")
    (lists / "trainval.txt").write_text("1\n3\n")
    (lists / "skirt_train.txt").write_text("1 -1\n")
    datasets = converters.splits(tmp_path, "voc")[1]
    told = {name: [each.id for each in dataset] for name, dataset in datasets.items()}
    assert told == {"train": ["3", "a 1", "b c"], "validation": ["1"]}


@pytest.mark.parametrize("name", ["../1", "/etc/passwd", "a//b", "a\0", "x" * 300])
def test_lists_cannot_lead_elsewhere(name: str, tmp_path: Path) -> None:
    root = make(tmp_path, {"1": GOOD})
    lists = root / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text(f"1\n{name}\n")
    error = error_of(DataError, lambda: list(converters.read("voc", root)), match="no name of a picture")
    assert error.where == Location(lists / "train.txt", 2)


@pytest.mark.parametrize("text", ["<annotations></annotations>", "<html/>", "", "annotation"])
def test_other_xml_is_not_taken_for_voc(text: str, tmp_path: Path) -> None:
    assert voc.find(make(tmp_path, {"1": text})) == {}


def test_names_and_extensions(tmp_path: Path) -> None:
    pages = {"a b.c-ü": b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode(), "deep/er/2": GOOD, "3": GOOD}
    root = make(tmp_path, pages)
    (root / "JPEGImages/3.jpg").rename(root / "JPEGImages/3.PNG")
    samples = list(converters.read("voc", root))
    assert [each.file_name for each in samples] == ["3.PNG", "a b.c-ü.jpg", "deep/er/2.jpg"]
    assert [each.objects for each in samples] == [(THING,)] * 3
    assert samples[0].objects[0].origin == 5


def test_the_picture_that_only_filename_names(tmp_path: Path) -> None:
    page = GOOD.replace("1.jpg", "C:\\photos\\IMG 1.JPG")
    root = make(tmp_path, {"x/label": page}, pictures=lambda _: "x/IMG 1.JPG")
    pictures = converters.read("voc", root).pictures
    (key,) = pictures.keys()
    assert pictures.name(key) == pictures.load(key, Findings()).id == "x/IMG 1"
    assert pictures.load(key, Findings()).file_name == "x/IMG 1.JPG"


def test_a_stale_filename_does_not_take_the_picture_of_another(tmp_path: Path) -> None:
    root = make(tmp_path, {"1": GOOD, "2": GOOD, "3": GOOD})
    (root / "JPEGImages/3.jpg").unlink()
    assert told(root) == {"1": "1.jpg", "2": "2.jpg", "3": rules.NO_PICTURE.code}


def test_filename_decides_between_two_pictures_with_one_name(tmp_path: Path) -> None:
    root = make(tmp_path, {"1": GOOD, "2": GOOD})
    for stem in "12":
        Image.new("RGB", (80, 60)).save(root / "JPEGImages" / f"{stem}.png")
    assert told(root) == {"1": "1.jpg", "2": rules.SAME_NAME.code}


def test_what_is_missing_is_told_when_its_turn_comes(tmp_path: Path) -> None:
    root = make(tmp_path, {"1": GOOD, "2": None, "3": "<annotation>"})
    (root / "JPEGImages/1.jpg").unlink()
    assert told(root) == {"1": rules.NO_PICTURE.code, "2": rules.NO_ANNOTATIONS.code, "3": None}


def told(root: Path) -> dict[str, str | None]:
    """The picture of each sample, or the code of its error."""
    pictures, found = converters.read("voc", root).pictures, dict[str, str | None]()
    for key in pictures.keys():  # noqa: SIM118
        try:
            found[pictures.name(key)] = pictures.load(key, Findings()).file_name
        except DataError as problem:
            found[pictures.name(key)] = problem.code
    return found


def test_class_map_orders_and_refuses(tmp_path: Path) -> None:
    root = make(tmp_path, {"1": GOOD, "2": GOOD.replace("skirt", "Skirt")})
    assert converters.read("voc", root).categories == ("Skirt", "skirt")
    (root / "classes.txt").write_text("vest\nskirt\n")
    assert converters.read("voc", root).categories == ("vest", "skirt")
    error = error_of(DataError, lambda: list(converters.read("voc", root)), match='"Skirt" is none of the classes')
    assert (error.code, error.where) == ("C604", Location(root / "Annotations/2.xml", 5))


# Reading


@pytest.mark.parametrize(
    "size",
    [
        "",
        "<size></size>",
        "<size><width>0</width><height>0</height></size>",
        "<size><width>80</width><height/></size>",
        "<size><width>80</width></size>",
    ],
)
def test_size_of_the_picture_where_none_is_told(size: str, tmp_path: Path) -> None:
    root = make(tmp_path, {"1": f"<annotation>{size}</annotation>"})
    (sample,) = converters.read("voc", root)
    assert (sample.width, sample.height) == (80, 60)


def test_recorded_size_counts_and_the_picture_is_not_opened(tmp_path: Path) -> None:
    root = make(tmp_path, {"1": GOOD.replace(">80<", ">800.0<")})
    (root / "JPEGImages/1.jpg").write_bytes(b"")
    (sample,) = converters.read("voc", root)
    assert (sample.width, sample.height) == (800, 60)


def test_fields_of_the_devkit_and_what_is_passed_over(tmp_path: Path) -> None:
    text = with_object(
        "<name> skirt </name><truncated>1</truncated><occluded>1</occluded><difficult>1</difficult><pose>Left</pose>"
        "<bndbox><ymax>60</ymax><xmax>3.05e1</xmax><xmin>1</xmin><ymin>+2</ymin></bndbox>"
        "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part><actions><jumping>1</jumping></actions>"
    )
    (thing,) = parse(tmp_path / "1.xml", text).objects
    assert (thing.category, thing.box) == ("skirt", THING.box)
    (other,) = parse(tmp_path / "1.xml", text.replace(" skirt ", "sk<b>!</b>irt")).objects
    assert other.category == "skirt", "text behind an inner element"
    assert (thing.occlusion, thing.truncation) == (1, 1.0)
    assert thing.extra == {"difficult": 1, "pose": "Left"}


def test_polygons_as_roboflow_has_them(tmp_path: Path) -> None:
    ring = "<polygon><x1>1</x1><y1>2</y1><x2>30.5</x2><y2>2</y2><x3>30.5</x3><y3>61</y3></polygon>"
    (thing,) = parse(tmp_path / "1.xml", GOOD.replace("<bndbox>", f"{ring}<bndbox>")).objects
    assert thing.polygons == ((0, 1, 29.5, 1, 29.5, 60),)
    with pytest.raises(DataError, match="<polygon> lacks <y1>") as caught:
        parse(tmp_path / "1.xml", GOOD.replace("<bndbox>", "<polygon><x1>1</x1><x2>1</x2></polygon><bndbox>"))
    assert caught.value.where == Location(tmp_path / "1.xml", 11, 5)


def test_geometry_is_judged_elsewhere(tmp_path: Path) -> None:
    (thing,) = parse(tmp_path / "1.xml", GOOD.replace("30.5", "-5000").replace("<xmin>1<", "<xmin>0<")).objects
    assert thing.box == Box(-1, 1, -5000, 60)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?>\n{GOOD.replace("skirt", "jupe à volants")}'
    assert parse(tmp_path / "1.xml", text.encode(encoding)).objects[0].category == "jupe à volants"


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        *(
            ("30.5", bad, (11, 41), "<xmax> must be a number")
            for bad in ("abc", "", "nan", "inf", "1e400", "1e9", "1_0", "٣٠", "9" * 5000)
        ),
        ("<xmax>30.5</xmax>", "", (11, 5), "<bndbox> lacks <xmax>"),
        ("<name>skirt</name>", "", (5, 3), "an object has no name"),
        ("skirt", " ", (5, 3), "an object has no name"),
        (">80<", ">-80<", (3, 3), "cannot be -80 x 60"),
        (">80<", ">80.5<", (3, 3), "cannot be 80.5 x 60"),
        (">80<", ">wide<", (3, 9), "<width> must be a number"),
        ("<occluded>0", "<occluded>2", (9, 5), "<occluded> must be 0 or 1"),
        ("<pose>", "<pose", (7, 21), "not valid XML"),
        ("</annotation>", "", (14, 1), "not valid XML"),
        ("skirt", "&lol;", (6, 11), "not valid XML: undefined entity"),
        ("skirt", "\x01", (6, 11), "not valid XML"),
    ],
)
def test_errors_name_line_and_column(old: str, new: str, place: tuple[int, int], message: str, tmp_path: Path) -> None:
    error = error_of(DataError, lambda: parse(tmp_path / "1.xml", GOOD.replace(old, new)), match=message)
    assert error.where == Location(tmp_path / "1.xml", *place)
    assert len(str(error)) < 300


BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE annotation [<!ENTITY a0 "lol">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + "]>\n<annotation><object><name>&a9;</name></object></annotation>"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "document type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', "document type"),
        ("<annotation>" + "<a>" * 100_000, "nested too deep"),
        ("<annotation>" + "<a>" * 40 + "</a>" * 40 + "</annotation>", "nested too deep"),
        ("<annotation>" + "<a/>" * 3_000_000 + "</annotation>", "too many elements"),
        ("<annotation>" + "a" * 9_000_000 + "</annotation>", "text is too long"),
        ("<annotation>" + " " * (16 << 20), "too large"),
        ("", "not valid XML"),
        ("\ufeff", "not valid XML"),
        ("{}", "not valid XML"),
        ("<annotations/>", "begins with <annotations>"),
        ('<?xml version="1.0" encoding="none-such"?><annotation/>', "not valid XML"),
        ('<?xml version="1.0" encoding="utf-32"?><annotation/>', "not valid XML"),
        (b"<annotation><object><name>\xff</name></object></annotation>", "not valid XML"),
    ],
)
def test_hostile_files_end_soon(text: str | bytes, message: str, tmp_path: Path) -> None:
    start = time.process_time()
    assert str(error_of(DataError, parse, tmp_path / "1.xml", text, match=message)).startswith(str(tmp_path / "1.xml"))
    assert time.process_time() - start < 5
