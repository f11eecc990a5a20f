"""Inspection of records: what is counted, printed and drawn, and what is said of damaged and foreign files."""

from __future__ import annotations

import io
import json
import os
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from fuzzing import bounded, mutate
from PIL import Image
from refusals import error_of

from converters import inspection
from converters.inspection import Report
from converters.inspection.drawing import draw
from converters.inspection.lines import lines
from converters.inspection.tables import Table, tables
from converters.tfrecords import records
from converters.tfrecords.examples import Bytes, Feature, Floats, Integers, encode
from tltpipe.errors import DataError, UsageError
from tltpipe.progress import Lines, Silent

COUNT = int(os.environ.get("TLTPIPE_FUZZ", "150"))
BOX = (30.0, 20.5, 90.0, 70.0)
WHITE = (255, 255, 255)


def frame(number: int, *classes: str, box: tuple[float, ...] = BOX, **more: Feature) -> bytes:
    """A record in the layout of detectnet_v2: a picture of 120 x 80 pixels."""
    corners = {
        f"target/coordinates_{name}": Floats([side] * len(classes)) for name, side in zip(CORNERS, box, strict=True)
    }
    return encode(
        {
            "frame/id": Bytes([b"images/%06d" % number]),
            "frame/height": Integers([80]),
            "frame/width": Integers([120]),
            "target/object_class": Bytes([name.encode() for name in classes]),
            "target/occlusion": Integers([0] * len(classes)),
            **corners,
            **{key.replace("_", "/", 1): feature for key, feature in more.items()},
        }
    )


CORNERS = ("x1", "y1", "x2", "y2")


def dali(number: int, picture: bytes, *ids: int) -> bytes:
    """The same in the DALI layout."""
    shares = [side / (120, 80)[place % 2] for place, side in enumerate(BOX)]
    corners = {
        f"target/coordinates_{name}": Floats([each] * len(ids)) for name, each in zip(CORNERS, shares, strict=True)
    }
    return encode(
        {
            "frame/id": Bytes([b"images/%06d" % number]),
            "frame/height": Integers([80]),
            "frame/width": Integers([120]),
            "frame/encoded": Bytes([picture]),
            "target/object_class_id": Floats(ids),
            **corners,
        }
    )


def jpeg(width: int = 120, height: int = 80) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), WHITE).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three shards, of which one is empty, and what lies beside them; the pictures are in data/images."""
    root = tmp_path / "TFRecords" / "train"
    root.mkdir(parents=True)
    records.write_records(root / "a-shard-0", [frame(1, "skirt", "skirt", "vest"), frame(2)])
    records.write_records(root / "a-shard-1", [frame(3, "skirt")])
    records.write_records(root / "a-shard-2", [])
    for name in ("idx-a-shard-0", "a_warning.json", "status.json"):
        (root / name).write_text("0 1\n")
    (tmp_path / "data" / "images").mkdir(parents=True)
    for number in (1, 2, 3):
        (tmp_path / "data" / "images" / f"{number:06d}.jpg").write_bytes(jpeg())
    return root


def look(*paths: Path, choose: int = 0) -> Report:
    return inspection.inspect(inspection.find(paths), progress=Silent(), choose=choose)


def text(report: Report) -> str:
    found = []
    for each in tables(report):
        found += ["  ".join(row) for row in each.rows] if isinstance(each, Table) else [each]
    return "\n".join(found)


def test_counts_files_classes_and_sizes(folder: Path) -> None:
    told = look(folder).as_json()
    assert [(Path(f["path"]).name, f["records"], f["objects"], f["damage"]) for f in told["files"]] == [
        ("a-shard-0", 2, 3, None),
        ("a-shard-1", 1, 1, None),
        ("a-shard-2", 0, 0, None),
    ]
    assert told["bytes"] == sum(path.stat().st_size for path in folder.glob("a-*"))
    assert told["empty"] == [str(folder / "a-shard-2")]
    assert told["classes"] == {"skirt": {"objects": 3, "records": 2}, "vest": {"objects": 1, "records": 1}}
    assert told["sizes"] == [{"width": 120, "height": 80, "records": 3}]
    assert told["layouts"] == {"detectnet_v2": 3, "dali": 0, "other": 0}
    assert told["features"]["target/object_class"] == {"bytes": 3}
    assert (told["records"], told["objects"], told["damaged"], told["no_frames"]) == (3, 4, 0, [])


def test_tables_say_it_to_people(folder: Path) -> None:
    report = text(look(folder))
    assert "a-shard-0  2  3  " in report
    assert "a-shard-2  0  0  0  empty" in report
    assert "skirt  3  2" in report
    assert "120 x 80  3" in report
    assert "every check sum fits, in 3 records of 3 files" in report
    assert "1 empty file: fewer frames than shards" in report


def test_finds_files_globs_folders_and_splits(folder: Path, tmp_path: Path) -> None:
    names = ["a-shard-0", "a-shard-1", "a-shard-2"]
    for pattern in (folder, folder.parent, folder / "a-*", folder / "*"):
        assert [path.name for path in inspection.find([pattern])] == names
    assert inspection.find([folder / "a-shard-1", folder]) == [folder / names[1], folder / names[0], folder / names[2]]
    with pytest.raises(DataError, match="no record files here"):
        inspection.find([tmp_path / "nothing*"])
    with pytest.raises(DataError, match="no record files here"):
        inspection.find([tmp_path / "data"])  # pictures are no records


@pytest.mark.parametrize(
    ("place", "what"),
    [
        (0, "the length of the record at byte {offset} is damaged"),
        (9, "the length of the record at byte {offset} is damaged"),
        (40, "the record at byte {offset} is damaged (check sum differs)"),
        (-1, "the record at byte {offset} is damaged (check sum differs)"),
    ],
)
def test_every_check_sum_is_verified(tmp_path: Path, place: int, what: str) -> None:
    path, data = tmp_path / "a", [frame(number, "skirt") for number in range(4)]
    records.write_records(path, data)
    third = sum(len(each) + records.FRAMING for each in data[:2])
    fourth = third + len(data[2]) + records.FRAMING
    damaged = bytearray(path.read_bytes())
    damaged[(third if place >= 0 else fourth) + place] ^= 1
    path.write_bytes(damaged)
    records.write_records(tmp_path / "b", data)
    report = look(path, tmp_path / "b")
    problem = report.problem()
    assert (problem.exit_code, problem.where) == (3, path)
    assert problem.what == f"{what.format(offset=third)}; the 2 records before it are good"
    assert [(file.records, file.objects) for file in report.files] == [(2, 2), (4, 4)]
    assert report.as_json()["files"][0]["damage"] == {"byte": third, "what": what.format(offset=third)}
    assert f"damaged at byte {third}" in text(report)
    assert "every check sum fits" not in text(report)


def test_a_file_cut_off_and_one_that_is_none(tmp_path: Path) -> None:
    records.write_records(tmp_path / "a", [frame(1, "skirt"), frame(2)])
    whole = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(whole[:-30])
    (tmp_path / "b").write_bytes(jpeg())
    problem = look(tmp_path).problem()
    assert "the file ends inside the record at byte" in problem.what
    assert problem.what.endswith("; the record before it is good; 1 more damaged file")
    assert look(tmp_path / "b").problem().what == "this is not a TFRecord file; nothing before it"  # type: ignore[union-attr]


def test_records_as_lines_of_json(tmp_path: Path) -> None:
    odd = {
        "text": Bytes(["café\n".encode(), b"", b"a\0b", b"\xff\xd8"]),
        "float": Floats([0.1, 1.0, float("nan"), float("-inf"), 1e30]),
        "int": Integers([-(1 << 63), (1 << 63) - 1]),
        "none": Floats([]),
    }
    records.write_records(tmp_path / "a", [encode(odd), b"no Example", frame(1, "skirt")])
    found = [json.loads(line) for line in lines([tmp_path / "a"])]
    assert found[0]["features"] == {
        "text": ["café\n", "", {"bytes": 3}, {"bytes": 2}],
        "float": [0.1, 1.0, "NaN", "-Infinity", 1e30],
        "int": [-(1 << 63), (1 << 63) - 1],
        "none": [],
    }
    assert found[0] | {"features": None} == {
        "path": str(tmp_path / "a"),
        "byte": 0,
        "length": len(encode(odd)),
        "features": None,
    }
    assert found[1]["problem"].startswith("is not an Example")
    assert found[2]["features"]["target/coordinates_y1"] == [20.5]
    assert found[2]["features"]["frame/width"] == [120]
    assert len(list(lines([tmp_path / "a"], count=2))) == 2


def test_lines_end_at_a_damaged_record_with_the_count_before_it(tmp_path: Path) -> None:
    records.write_records(tmp_path / "a", [frame(1), frame(2)])
    data = bytearray((tmp_path / "a").read_bytes())
    data[-1] ^= 1
    (tmp_path / "a").write_bytes(data)
    found = lines([tmp_path / "a"])
    assert json.loads(next(found))["byte"] == 0
    assert error_of(DataError, next, found, match="the record before it is good").where == tmp_path / "a"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "holds no features"),
        (b"abc", "is not an Example"),
        (encode({"x": Floats([1])}), 'has no "frame/id"'),
        (frame(1, frame_width=Bytes([b"120"])), 'has no "frame/width"'),
        (frame(1, "a", target_coordinates_x1=Floats([])), "has not one box for each class"),
        (frame(1, "a", target_object_class_id=Floats([1])), 'no picture in "frame/encoded"'),
        (frame(1, "a", target_object_class=Floats([1])), 'has no "target/object_class"'),
    ],
)
def test_what_is_no_frame_is_listed_with_the_reason(tmp_path: Path, data: bytes, what: str) -> None:
    records.write_records(tmp_path / "a", [frame(1, "skirt"), data])
    report = look(tmp_path / "a")
    assert report.problem() is None
    assert report.layouts == {"detectnet_v2": 1, "dali": 0, "other": 1}
    assert what in report.as_json()["no_frames"][0]["what"]
    assert f"the record at byte {len(frame(1, 'skirt')) + records.FRAMING} " in text(report)


def test_names_command_no_terminal(tmp_path: Path) -> None:
    records.write_records(tmp_path / "a", [frame(1, "\x1b[2Jred\n\u202e"), encode({"\x1b]0;x\x07": Floats([])})])
    report = text(look(tmp_path / "a"))
    assert "\\x1b[2Jred\\n\\u202e" in report
    assert not {"\x1b", "\x07", "\u202e"} & set(report)


def test_draws_frames_whose_pictures_lie_near(folder: Path, tmp_path: Path) -> None:
    viewed = draw(look(folder, choose=2), tmp_path / "out", progress=Silent())
    assert len(viewed.written) == 2
    viewed = draw(look(folder, choose=9), tmp_path / "out", progress=Silent())
    assert [str(path.relative_to(tmp_path / "out")) for path in viewed.written] == [
        "a-shard-0/images/000001.jpg",
        "a-shard-0/images/000002.jpg",
        "a-shard-1/images/000003.jpg",
    ]
    assert viewed.sheet is not None
    assert is_framed(viewed.written[0])
    assert not is_framed(viewed.written[1])


def is_framed(path: Path) -> bool:
    """Whether the left side of BOX is drawn there, and nothing where no box is."""
    with Image.open(path) as picture:
        scale = picture.width / 120
        pixels = picture.convert("RGB")
        left, _, _, bottom = BOX
        side = pixels.getpixel((round(left * scale) + 1, round((bottom - 10) * scale)))
        outside = pixels.getpixel((round(10 * scale), round(75 * scale)))
    assert sum(outside) > 740  # type: ignore[arg-type]
    return sum(side) < 600  # type: ignore[arg-type]


def test_draws_pictures_out_of_records(tmp_path: Path) -> None:
    records.write_records(tmp_path / "a", [dali(1, jpeg(), 2, 3), dali(2, b"no picture", 1), frame(4, "a")])
    report = look(tmp_path / "a", choose=5)
    assert report.layouts == {"detectnet_v2": 1, "dali": 2, "other": 0}
    assert report.as_json()["classes"]["class 3"] == {"objects": 1, "records": 1}
    viewed = draw(report, tmp_path / "out", progress=Silent())
    (path,) = viewed.written
    assert is_framed(path)
    broken, missing = viewed.left_out
    assert "the picture in the record at byte" in str(broken)
    assert str(tmp_path / "a") in str(broken)
    assert "images/000004.jpg: this picture is missing" in str(missing)
    assert "--images ROOT" in str(missing.hint)


def test_pictures_of_another_size_are_not_those_of_the_records(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "images").mkdir(parents=True)
    (other / "images" / "000001.jpg").write_bytes(jpeg(60, 80))
    report = look(folder / "a-shard-0", choose=1)
    report.chosen = [inspection.Place(0, 0)]
    with pytest.raises(DataError, match="60 x 80 pixels, and its record says 120 x 80"):
        draw(report, tmp_path / "out", progress=Silent(), images=other)
    (folder / "images").mkdir()
    (folder / "images" / "000001.jpg").write_bytes(jpeg(60, 80))
    assert draw(report, tmp_path / "out", progress=Silent()).written  # the one in data/images


@pytest.mark.parametrize("id", [b"../../etc/passwd", b"/etc/passwd", b"", b"a\0b"])
def test_frame_ids_lead_nowhere_else(tmp_path: Path, id: bytes) -> None:
    records.write_records(tmp_path / "a", [frame(1, frame_id=Bytes([id]))])
    with pytest.raises(DataError, match="cannot be a picture"):
        draw(look(tmp_path / "a", choose=1), tmp_path / "out", progress=Silent())


def test_nothing_to_draw_and_nowhere_to_draw_it(folder: Path, tmp_path: Path) -> None:
    records.write_records(tmp_path / "other", [b"abc"])
    with pytest.raises(DataError, match="no record here is a frame"):
        draw(look(tmp_path / "other", choose=3), tmp_path / "out", progress=Silent())
    with pytest.raises(UsageError, match="holds other things"):
        draw(look(folder, choose=3), folder, progress=Silent())


def test_progress_counts_bytes_to_the_end(folder: Path) -> None:
    (folder / "a-shard-1").write_bytes((folder / "a-shard-1").read_bytes()[:-1])
    said: list[str] = []
    inspection.inspect(inspection.find([folder]), progress=Lines(said.append, every=0))
    total = sum(path.stat().st_size for path in folder.glob("a-*"))
    assert said[-1].startswith(f"inspect: {total}/{total} bytes, 100%")


def test_memory_does_not_grow_with_the_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every record has a class, a size and a feature that no other has."""
    monkeypatch.setattr(inspection, "LIMIT", 200)

    def write(path: Path, count: int) -> None:
        each = (frame(n, f"class {n}", frame_width=Integers([n + 1]), other_key=Floats([n])) for n in range(count))
        records.write_records(path, each)

    def peak(path: Path) -> int:
        tracemalloc.start()
        report = inspection.inspect([path], progress=Silent(), choose=24)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert report.objects.others == report.records - inspection.LIMIT
        assert len(text(report).splitlines()) < 300
        return size

    write(tmp_path / "few", 300)
    write(tmp_path / "many", 3_000)
    assert peak(tmp_path / "many") < peak(tmp_path / "few") + 50_000


def test_mutated_files_end_in_a_report(tmp_path: Path) -> None:
    """Damaged files, and damaged Examples behind check sums that fit: told as damage or listed; printed; drawn."""
    path, out = tmp_path / "a", tmp_path / "out"
    examples = [frame(1, "skirt", "vest"), dali(2, jpeg(), 1, 2), encode({"x": Floats([1.5])}), frame(3)]
    whole = b"".join(map(records.frame_record, examples))
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "000001.jpg").write_bytes(jpeg())
    for seed in range(COUNT):
        chance = random.Random(f"inspection {seed}")
        sound = seed % 2 == 1
        data = whole
        if sound:
            data = b"".join(records.frame_record(mutate(each, chance)) for each in examples)
        else:
            data = mutate(whole, chance)
        path.write_bytes(data)
        with bounded(1 << 29):
            report = look(path, choose=3)
            problem = report.problem()
            if sound:
                assert problem is None
                assert report.records == 4
            elif data != whole:
                cuts = {0, *(len(b"".join(map(records.frame_record, examples[:n]))) for n in range(5))}
                assert problem is not None or len(data) in cuts or report.records != 4, f"seed {seed}"
            assert problem is None or (problem.exit_code, problem.where) == (3, path)
            json.dumps(report.as_json())
            text(report)
            told: list[Any] = []
            try:
                told.extend(json.loads(line) for line in lines([path]))
            except DataError as error:
                assert problem is not None, error  # noqa: PT017 - the damage that the report tells
                assert error.what == problem.what  # noqa: PT017
            assert len(told) == report.records
            if seed % 10 < 2:
                try:
                    draw(report, out, progress=Silent())
                except DataError as error:
                    assert error.exit_code == 3  # noqa: PT017 - one of the right outcomes
