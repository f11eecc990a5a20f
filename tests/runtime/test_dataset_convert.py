"""tlt-dataset-convert: better mannered than NVIDIA's where that one fails; what it can beyond."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from converters.tfrecords import examples, frames
from converters.tfrecords.records import read_records
from runtime.conversion.kitti import Kitti
from runtime.conversion.layouts import Stored
from runtime.conversion.shards import Prefix, staged
from runtime.programs import dataset_convert
from runtime.shell import unmatched
from tltpipe.errors import DataError


@pytest.fixture
def work(nvidia: Any) -> Path:
    return nvidia.work


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_prefix_without_folder_is_the_current_one(nvidia: Any, work: Path) -> None:
    assert nvidia.convert("err_output_without_dir", prefix="tfr") == 0
    assert len(list(work.glob("tfr-fold-*"))) == 20


def test_prefix_ending_in_slash(nvidia: Any, work: Path) -> None:
    assert nvidia.convert("random_val20_shard0", prefix="TFRecords/") == 0
    assert visible(work / "TFRecords") == ["-fold-000-of-002", "-fold-001-of-002", "_warning.json"]


def test_failure_keeps_earlier_records(nvidia: Any, work: Path) -> None:
    assert nvidia.convert("random_val20_shard0") == 0
    before = {path: path.read_bytes() for path in (work / "out").iterdir()}
    (work / "data_base" / "labels" / "000030.txt").unlink()
    assert nvidia.convert("random_val20_shard0") == 3
    assert {path: path.read_bytes() for path in (work / "out").iterdir()} == before


def test_second_run_is_held_off(nvidia: Any, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with staged(Prefix(work / "out", "tfr"), "another", (), print) as staging:
        (staging.folder / "tfr-fold-000-of-002").write_text("mine")
        assert nvidia.convert("random_val20_shard0") == 6
        assert f"{work / 'out'}: another run is writing here" in capsys.readouterr().err
    assert (work / "out" / "tfr-fold-000-of-002").read_text() == "mine"
    assert nvidia.convert("random_val20_shard0") == 0
    assert visible(work / "out") == ["tfr-fold-000-of-002", "tfr-fold-001-of-002", "tfr_warning.json"]


def test_stale_shards_go_and_other_files_stay(nvidia: Any, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert nvidia.convert("random_val20_shard10") == 0
    for name in ("notes.md", "tfr-2-fold-000-of-002", "idx-tfr-fold-000-of-002"):
        (work / "out" / name).write_text("mine")
    assert nvidia.convert("random_val20_shard0") == 0
    kept = ["notes.md", "tfr-2-fold-000-of-002", "tfr-fold-000-of-002", "tfr-fold-001-of-002", "tfr_warning.json"]
    assert visible(work / "out") == kept
    assert "removed 21 files of an earlier conversion" in capsys.readouterr().out


def with_scores(root: Path) -> None:
    for path in (root / "labels").iterdir():
        lines = [f"{line} 0.9" if line.strip() else line for line in path.read_text().splitlines()]
        path.write_text("\n".join(lines))


def test_sixteenth_column_is_refused(nvidia: Any, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_scores(nvidia.draw("base"))
    assert nvidia.convert("random_val20_shard0") == 3
    message = capsys.readouterr().err
    assert "labels/000002.txt:1: 16 columns" in message
    assert "--drop-scores" in message
    assert not (work / "out").exists()


def test_sixteenth_column_is_dropped_on_request(nvidia: Any, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_scores(nvidia.draw("base"))
    assert nvidia.convert("random_val20_shard0", "--drop-scores") == 0
    expected = nvidia.cases["random_val20_shard0"]["files"][0]["record_det_sha256"]
    records = list(read_records(work / "out" / "tfr-fold-000-of-002"))
    assert [hashlib.sha256(record).hexdigest() for record in records] == expected
    assert "had a 16th column" in capsys.readouterr().err


def test_console_tells_objects_and_class_map(nvidia: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert nvidia.convert("random_val20_shard0", "-v") == 0
    out = capsys.readouterr().out
    assert out.count("Wrote the following numbers of objects:\n") == 3
    assert "\nb'car': 22\n" in out
    assert "\nb'Traffic_Light': b'traffic_light'\n" in out
    assert "Num images in\nTrain: 24\tVal: 6\n" in out
    assert "Writing partition 1, shard 0\n" in out
    assert "wrote 30 records in 3 files" in out


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ('"images"', '"image"', 3, 'did you mean "images"?'),
        ("/data_base", "/nowhere", 3, "data set folder does not exist"),
        ('".jpg"', '".JPG"', 3, "there are .jpg"),
        ("num_partitions: 2", "num_partitions: 3", 2, "convert.conf:7:"),
        ("val_split: 20", "val_splitt: 20", 2, "convert.conf:8:"),
        ("val_split: 20", "val_split: 100", 2, "convert.conf:8:"),
        ("num_shards: 0", "num_shards: 100000", 2, "convert.conf:9:"),
        ('"random"', '"sequence"', 2, "kitti_sequence_to_frames_file"),
    ],
)
def test_mistakes_in_the_spec(
    nvidia: Any, work: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, code: int, message: str
) -> None:
    nvidia.draw("base")
    case = nvidia.cases["random_val20_shard0"]
    spec = work / "convert.conf"
    spec.write_text(case["spec"].replace(old, new).replace("$W", str(work)))
    assert dataset_convert.main(["-d", str(spec), "-o", "out/tfr"]) == code
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (work / "out").exists()


LINE = "car 0.00 0 0.0 1 2 9 9 0.0 0.0 0.0 0.0 0.0 0.0 0.0"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (LINE.replace(" ", ","), "separated by spaces, not commas"),
        (LINE.replace("car", "traffic light"), 'write "traffic_light"'),
        (LINE.removesuffix(" 0.0"), "14 columns"),
        (f"{LINE} 1 2", "17 columns"),
        (LINE.replace(" 9 9 ", " nan 9 "), "must be finite numbers"),
        (LINE.replace(" 0 0.0 1", " 1e30 0.0 1"), "occlusion is 0, 1, 2 or 3"),
        (LINE.replace(" 9 9 ", " 9 9,5 "), 'column "bottom" is not a number but "9,5"'),
    ],
)
def test_mistakes_in_labels(
    nvidia: Any, work: Path, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    path = nvidia.draw("base") / "labels" / "000007.txt"
    path.write_text(f"{LINE}\n\n{line}\n")
    assert nvidia.convert("random_val20_shard0") == 3
    error = capsys.readouterr().err
    assert f"error: {path}:3: " in error
    assert message in error
    assert not (work / "out").exists()


def kitti_source(root: Path, **more: Any) -> Kitti:
    return Kitti(
        images=root / "images", labels=root / "labels", image_dir="images", extension=".jpg", mode="random", folds=2,
        shards=0, val_split=0.0, **more,
    )  # fmt: skip


def test_images_of_other_extensions_are_left_out_and_counted_but_no_other_files(nvidia: Any) -> None:
    root = nvidia.draw("base")
    for name in ("a.PNG", "notes.txt", "b.md"):
        (root / "images" / name).touch()
    assert kitti_source(root).plan().losses.lost[unmatched.NO_LABELS].images == 1


def test_labels_that_are_wrong_are_told_before_a_later_image(nvidia: Any) -> None:
    root = nvidia.draw("base")
    (root / "labels/000003.txt").write_text("car\n")
    (root / "images/000004.jpg").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"000003\.txt:1: "):
        kitti_source(root).annotate(["000002", "000003", "000004"], Stored())


def test_an_occlusion_beyond_64_bits_is_refused_among_plain_lines(nvidia: Any) -> None:
    root = nvidia.draw("base")
    (root / "labels/000002.txt").write_text(LINE.replace(" 0 0.0 1", " 10000000000000000000 0.0 1"))
    with pytest.raises(DataError, match="occlusion is 0, 1, 2 or 3"):
        kitti_source(root).annotate(["000002", "000003"], Stored())


def test_scores_of_all_files_are_counted(nvidia: Any) -> None:
    root = nvidia.draw("base")
    for stem in ("000002", "000003"):
        (root / f"labels/{stem}.txt").write_text(f"{LINE} 0.5\n")
    assert kitti_source(root, drops_scores=True).annotate(["000002", "000003", "000004"], Stored()).scores == 2


def test_other_pictures_are_told(nvidia: Any, capsys: pytest.CaptureFixture[str]) -> None:
    images = nvidia.draw("base") / "images"
    for name in ("a.PNG", "b.JPG", "notes.txt"):
        (images / name).touch()
    assert nvidia.convert("random_val20_shard0") == 0
    assert "image_extension is .jpg, left out: 1 .JPG, 1 .PNG" in capsys.readouterr().err


def test_any_extension_in_any_folder(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["1.JPG", "2.png", "a/1.jpeg", "a/b/1.webp"]
    for width, name in enumerate(names, start=20):
        for folder in ("images", "labels"):
            (work / "set" / folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (width, 10)).save(work / "set/images" / name)
        (work / "set/labels" / f"{name.rpartition('.')[0]}.txt").write_text(f"{LINE}\n")
    (work / "set/labels/lone.txt").touch()
    (work / "set/images/3.heic").touch()
    spec = work / "any.conf"
    spec.write_text(
        f'kitti_config {{ root_directory_path: "{work}/set" image_dir_name: "images" label_dir_name: "labels" '
        'image_extension: "auto" partition_mode: "random" num_partitions: 2 }'
    )
    assert dataset_convert.main(["-d", str(spec), "-o", str(work / "out/r")]) == 0
    found = {frame.id: frame.width for frame in frames.frames([work / "out/r-fold-000-of-002"])}
    assert found == {"images/1": 20, "images/2": 21, "images/a/1": 22, "images/a/b/1": 23}
    warned = capsys.readouterr().err
    assert "1 .heic" in warned
    assert "1 label files have no image" in warned


def test_sequences_of_any_extension(work: Path) -> None:
    for name in ("1.JPG", "a/2.png"):
        for folder in ("images", "labels"):
            (work / "set" / folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10)).save(work / "set/images" / name)
        (work / "set/labels" / f"{name.rpartition('.')[0]}.txt").write_text(f"{LINE}\n")
    (work / "set/map.json").write_text('{"s": ["1", "a/2"]}')
    spec = work / "any.conf"
    spec.write_text(
        f'kitti_config {{ root_directory_path: "{work}/set" image_dir_name: "images" label_dir_name: "labels" '
        'image_extension: "auto" partition_mode: "sequence" kitti_sequence_to_frames_file: "map.json" }'
    )
    assert dataset_convert.main(["-d", str(spec), "-o", str(work / "out/r")]) == 0
    assert {frame.id for frame in frames.frames([work / "out/r"])} == {"images/1", "images/a/2"}


def test_class_outside_ascii(nvidia: Any, work: Path) -> None:
    path = nvidia.draw("base") / "labels" / "000001.txt"
    path.write_text(LINE.replace("car", "ÄRMEL"), encoding="utf-8")
    assert nvidia.convert("random_val20_shard0", "-r", "results", "-v") == 0
    assert {name for frame in frames.frames([work / "out/tfr-fold-000-of-002"]) for name in frame.classes} >= {"Ärmel"}


def many(work: Path, count: int) -> None:
    """Frames whose label names their number; the picture is the same in all."""
    for folder in ("images", "labels"):
        (work / "many" / folder).mkdir(parents=True)
    Image.new("L", (8, 8)).save(work / "one.jpg")
    for number in range(count):
        (work / "many/images" / f"{number:04d}.jpg").hardlink_to(work / "one.jpg")
        name = "bus" if number % 3 else "car"
        (work / "many/labels" / f"{number:04d}.txt").write_text(LINE.replace("car", name) + "\n")


@pytest.mark.parametrize("limit", [0, 600, 863, 864, 865, 5000])
def test_processes_and_limit(nvidia: Any, work: Path, limit: int) -> None:
    """The limit of the sample modifier cuts in the middle of what a process has done; what each writes is the same."""
    many(work, 700)
    modifier = f"""sample_modifier_config {{ dominant_target_classes: "car" num_duplicates: 1
        max_training_samples: {limit} source_to_target_class_mapping {{ key: "car" value: "car" }}
        source_to_target_class_mapping {{ key: "bus" value: "bus" }} }} image_directory_path: """
    spec = nvidia.spec("random_val20_shard0", ("/data_base", "/many"), ("image_directory_path: ", modifier))
    told = {}
    for workers in (1, 2):
        line = ["-d", str(spec), "-o", f"out{workers}/x", "-f", "0", "-r", f"out{workers}", "--workers", str(workers)]
        assert dataset_convert.main(line) == 0
        lines = [json.loads(line) for line in (work / f"out{workers}/status.json").read_text().splitlines()]
        told[workers] = lines[-1]["categorical"]["num_objects"]
    for name in ("x-fold-000-of-002", "x-fold-001-of-002"):
        assert (work / "out1" / name).read_bytes() == (work / "out2" / name).read_bytes()
    ids = [frame.id for frame in frames.frames([work / "out1/x-fold-001-of-002"])]
    whole = [each for number in order(700) for each in [number] * (2 if number % 3 else 1)]
    assert ids == [f"images/{number:04d}" for number in (whole[:limit] if limit else whole)]
    assert told[1] == told[2]
    assert sum(told[1].values()) == 140 + len(ids)


def order(count: int) -> list[int]:
    from runtime.conversion.partition import random_partitions

    return [int(name) for name in random_partitions([str(number) for number in range(count)], 20.0)[1]]


def test_the_first_mistake_is_told_whoever_finds_it(
    nvidia: Any, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many(work, 700)
    names = [f"{number:04d}" for number in order(700)]
    for place in (300, 520):
        (work / "many/labels" / f"{names[place]}.txt").unlink()
    spec = nvidia.spec("random_val20_shard0", ("/data_base", "/many"))
    for workers in ("1", "2"):
        assert dataset_convert.main(["-d", str(spec), "-o", "out/x", "--workers", workers]) == 3
        assert f"labels/{names[300]}.txt: this label file is missing" in capsys.readouterr().err
        assert not (work / "out").exists()


def test_damaged_image_is_named(nvidia: Any, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nvidia.draw("base")
    (work / "data_base" / "images" / "000004.jpg").write_bytes(b"no picture")
    assert nvidia.convert("random_val20_shard0") == 3
    assert "images/000004.jpg: " in capsys.readouterr().err


def test_fold_that_does_not_exist_is_told(nvidia: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert nvidia.convert("random_val20_shard0", "-f", "2") == 0
    assert "warning: -f 2: there is no such fold, the folds are 0 to 1" in capsys.readouterr().err


def test_hidden_files_of_macos_do_not_count(nvidia: Any, work: Path) -> None:
    nvidia.draw("base")
    (work / "data_base" / "images" / "._000001.jpg").write_bytes(b"finder")
    assert nvidia.convert("random_val20_shard0") == 0


def test_workspace_is_mapped(nvidia: Any, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia.draw("base")
    monkeypatch.setenv("TLTPIPE_WORKSPACE", str(work))
    (work / "convert.conf").write_text(nvidia.cases["random_val20_shard0"]["spec"].replace("$W", "/workspace"))
    assert dataset_convert.main(["-d", "/workspace/convert.conf", "-o", "/workspace/TFRecords/"]) == 0
    assert visible(work / "TFRecords") == ["-fold-000-of-002", "-fold-001-of-002", "_warning.json"]


def test_coco(work: Path) -> None:
    boxes = {7: [1, 2, 3, 4], 8: [5.5, 6, 0.2, 9]}
    content = {
        "images": [
            {"id": 5, "file_name": "b.jpg", "width": 40, "height": 30},
            {"id": 4, "file_name": "sub/a.x.jpg", "width": 20, "height": 10},
        ],
        "annotations": [{"id": id, "image_id": 4, "category_id": 2, "bbox": box} for id, box in boxes.items()],
        "categories": [{"id": 2, "name": "Long Coat"}],
    }
    (work / "coco.json").write_text(json.dumps(content))
    (work / "convert.conf").write_text(
        f'coco_config {{ root_directory_path: "{work}" img_dir_names: "pictures" annotation_files: "coco.json" '
        "num_partitions: 1 num_shards: 2 }"
    )
    assert dataset_convert.main(["-d", "convert.conf", "-o", "out/c", "-r", "results"]) == 0
    names = [f"c-fold-000-of-001-shard-0000{shard}-of-00002" for shard in (0, 1)]
    assert visible(work / "out") == [*names, "c_warning.json"]
    first, second = (frame for name in names for frame in frames.frames([work / "out" / name]))
    assert (first.id, first.width, first.boxes.shape) == ("pictures/b", 40, (0, 4))
    assert (second.id, second.classes, second.boxes.tolist()) == ("pictures/sub/a.x", ["longcoat"], [[1, 2, 4, 6]])
    assert json.loads((work / "out" / "c_warning.json").read_text()) == {"8": [5, 6, 5, 15]}
    messages = [json.loads(line)["message"] for line in (work / "results" / "status.json").read_text().splitlines()]
    assert messages[:4] == [
        "Starting Object Detection Dataset Convert.",
        "Instantiating a coco converter",
        "Generating partitions",
        "Writing partition 0, shard 0",
    ]


def test_floats_keep_every_bit(nvidia: Any, work: Path) -> None:
    """000008 holds numbers that float32 must round, denormals and negative zero among them."""
    assert nvidia.convert("random_val20_shard0") == 0
    for record in read_records(work / "out" / "tfr-fold-001-of-002"):
        features = examples.decode(record)
        if features["frame/id"] == [b"images/000008"]:
            assert math.copysign(1, features["target/world_bbox_z"][0]) == -1
            assert features["target/world_bbox_rot_y"] == [1.401298464324817e-45]
            return
    pytest.fail("no frame 000008")
