"""What rules about specs are given of real data, and stages that stop by it before anything starts."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import specs
from converters.formats.kitti import summary as kitti_summary
from converters.tfrecords import examples, records, summary
from orchestrator import pipeline
from orchestrator.jobs import Mount
from orchestrator.jobs.data_readers import _images, coco, kitti, tfrecord
from orchestrator.jobs.spec_data import WorkspaceData, WorkspacePaths
from orchestrator.pipeline import spec_checks
from orchestrator.run import Run
from runtime.programs import dataset_convert
from specs import rules
from specs.data_sources import DataSource
from specs.rulebook import Subject
from specs.rules.facts import SourceFacts
from tltpipe.errors import DataError, SpecError

Start = Callable[..., Run]
TRAINING = (Path(__file__).parents[1] / "data" / "seed-specs" / "training.conf").read_text()
CONVERSION = """kitti_config {
  root_directory_path: "ROOT" image_dir_name: "train/images" label_dir_name: "train/labels" image_extension: ".jpg"
  partition_mode: "random" num_partitions: 2 val_split: 25 num_shards: 2
}
target_class_mapping { key: "vest" value: "top" } target_class_mapping { key: "skirt" value: "skirt" }
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Eight images of 40x20, the first two of which come into fold 0; a vest on each, a skirt on every second one."""
    for name in ("images", "labels"):
        (tmp_path / "train" / name).mkdir(parents=True)
    for number in range(8):
        mode = "L" if number == 7 else "RGB"
        Image.new(mode, (40, 20)).save(tmp_path / "train/images" / f"{number:06d}.jpg")
        lines = [f"Vest 0.00 {number % 2} 0.00 4.00 5.00 24.00 15.00{' 0.00' * 7}\n"]
        lines += [f"skirt 0.00 0 0.00 0.00 0.00 40.00 10.00{' 0.00' * 7}\n"] if number % 2 else []
        (tmp_path / "train/labels" / f"{number:06d}.txt").write_text("".join(lines))
    return tmp_path


def convert(root: Path, *options: str) -> None:
    (root / "convert.conf").write_text(CONVERSION.replace("ROOT", str(root)))
    argv = ["-d", str(root / "convert.conf"), "-o", str(root / "TFRecords/train"), "--workers", "1", *options]
    assert dataset_convert.main(argv) == 0


def facts(root: Path, text: str = TRAINING, kind: str = "ssd") -> SourceFacts:
    spec = specs.parse_text(text.replace("TFRecords/*", "TFRecords/train-*"), kind, source="spec")
    paths = WorkspacePaths(root, (Mount(root, "/workspace"), Mount(root, "/workspace/KITTI-dataset-augmented")), False)
    (found,) = WorkspaceData(spec, paths, (root / "train",)).sources()
    return found


def test_records_are_known_by_the_summary_that_their_conversion_left(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert(root)
    monkeypatch.setattr(summary, "scan", lambda *_, **__: pytest.fail("records are read again"))
    found = facts(root)
    assert (found.layout, found.sizes, found.channels) == ("detectnet_v2", {(40, 20): 8}, {3: 7, 1: 1})
    assert {fold: part.frames for fold, part in found.folds.items()} == {0: 2, 1: 6}
    assert found.amount("training").objects == {"vest": 6, "skirt": 3}
    assert found.amount("validation").objects == {"vest": 2, "skirt": 1}
    assert sorted(found.frame_ids) == [f"train/images/{number:06d}" for number in range(8)]
    assert found.boxes is not None
    assert sorted(map(tuple, found.boxes.round(3).tolist()))[-1] == pytest.approx((0.1, 0.25, 0.5, 0.5))
    assert (found.no_image.count, found.other_extension.count, found.occluded, found.unread) == (0, 0, 4, "")


def test_records_that_changed_are_read_and_the_same_comes_out(root: Path) -> None:
    convert(root)
    before = facts(root)
    for path in (root / "TFRecords").glob("train-*"):
        os.utime(path)
    assert summary.load((root / "TFRecords").glob("train-*")) == {}
    after = facts(root)
    assert after.folds == before.folds
    assert (after.sizes, after.frame_ids, after.occluded) == (before.sizes, before.frame_ids, before.occluded)
    assert after.boxes is not None
    assert before.boxes is not None
    assert abs(after.boxes - before.boxes).max() < 1e-4


SPOILT: dict[str, list[Any]] = {
    "ids": [[], [1]], "boxes": [["a"], [1.0]], "objects": [[], {"vest": "many"}], "sizes": [[[40]], [[0, 20, 1]]],
    "read": [None], "frames": [-1], "layout": ["other"],
}  # fmt: skip


def test_a_summary_that_makes_no_sense_is_not_trusted(root: Path) -> None:
    convert(root)
    path = next((root / "TFRecords").glob(f".*{summary.END}"))
    page = json.loads(path.read_text())
    for number, (name, value) in enumerate((name, value) for name, values in SPOILT.items() for value in values):
        files = {file: {**entry, name: value} for file, entry in page["files"].items()}
        path.write_text(json.dumps({**page, "files": files}))
        os.utime(path, ns=(number, number))
        assert facts(root).amount("training").objects == {"vest": 6, "skirt": 3}, (name, value)


def test_what_was_not_read_of_records_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    convert(root)
    next((root / "TFRecords").glob(f".*{summary.END}")).unlink()
    monkeypatch.setattr(tfrecord, "MOST_FRAMES", 4)
    found = facts(root)
    assert sum(part.frames for part in found.folds.values()) == 8
    assert found.unread == "4 of 8 records were read for these checks"


def test_a_record_without_pixels_is_no_frame(root: Path) -> None:
    columns = [[] for _ in examples.NUMBERS]
    path = root / "TFRecords/train-fold-000-of-001"
    path.parent.mkdir()
    records.write_records(path, [examples.encode_record(("a", 0, 20), [], columns)])
    assert "byte 0 is no frame" in str(facts(root).problem)


def test_images_of_records_by_name(root: Path) -> None:
    convert(root)
    (root / "train/images/000003.jpg").unlink()
    (root / "train/images/000004.jpg").rename(root / "train/images/000004.PNG")
    found = facts(root)
    assert (found.no_image.count, found.no_image.few) == (1, ("train/images/000003",))
    assert (found.other_extension.count, found.other_extension.few) == (1, ("000004.PNG",))


def test_records_for_dali_have_numbers_and_index_files(root: Path) -> None:
    convert(root, "--dali")
    found = facts(root)
    assert (found.layout, found.categories) == ("dali", {"skirt": 1, "top": 2})
    assert found.amount("training").objects == {"top": 6, "skirt": 3}
    assert (found.no_index.count, found.old_index.count, found.no_image.count) == (0, 0, 0)
    index, other = sorted((root / "TFRecords").glob("idx-*"))[1:3]
    index.unlink()
    other.write_text("0 12\n")
    for path in (root / "TFRecords").glob("*_classes.txt"):
        path.unlink()
    found = facts(root)
    assert (found.no_index.few, found.old_index.few) == ((index.name[4:],), (other.name[4:],))
    assert found.amount("training").objects == {"2": 6, "1": 3}
    by_pattern = facts(root, TRAINING.replace("TFRecords/*", "TFRecords/?*"))
    assert by_pattern.strays.count == 3


def test_labels_are_counted_and_their_faults_found(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = root / "train/images", root / "train/labels"
    zeros = " 0.00" * 7
    (labels / "000000.txt").write_text(f"short vest 0 0 0 1 2 3 4{zeros}\nvest 0 0.00 0 1 2 3 4{zeros} 0.9\nvest 0 0\n")
    (labels / "000001.txt").write_text(f"vest 0  0 0 1 2 3 4{zeros}\nvest 0 0 0 1 2 3 4 0\n")
    (labels / "000002.txt").unlink()
    (images / "000003.jpg").unlink()
    (images / "000004.jpg").rename(images / "000004.JPG")
    (images / "000005.jpg").rename(images / "000005.png")
    text = CONVERSION.replace("ROOT", "/workspace")
    found = facts(root, text, "dataset_convert")
    first = f"{labels}/000000.txt"
    told = {name: getattr(found, name).few for name in ("blanks", "fractions", "scores", "widths", "odd", "spacing")}
    assert told == {
        "blanks": (f"{first}:1",), "fractions": (f"{first}:2",), "scores": (f"{first}:2",), "odd": (f"{first}:3",),
        "widths": (f"{labels}/000001.txt:2",),
        "spacing": (f"{labels}/000001.txt:1",),
    }  # fmt: skip
    assert (found.no_label.few, found.no_image.few) == (("000002",), ("000003",))
    assert (found.other_extension.few, found.upper_case.few) == (("000004.JPG", "000005.png"), ("000004.JPG",))
    assert found.amount("training").frames == 4
    assert found.amount("training").objects == {"vest": 3, "Vest": 2, "skirt": 1}
    monkeypatch.setattr(kitti, "MOST_LABELS", 2)
    assert facts(root, text, "dataset_convert").unread == "2 of 4 label files were read for these checks"


@pytest.mark.parametrize(
    ("content", "spacing", "empty"),
    [("", (), (1,)), ("\n", (), (1,)), ("A\nA\n", (), ()), ("A\r\nA\r\n", (), ()), ("A\n\nA\n", (2,), ()),
     ("A\nA \r\n", (2,), ()), (" A\n", (1,), ()), ("A\nA\n\n", (3,), ()), ("A\nA\t", (2,), ())],
)  # fmt: skip
def test_blanks_in_labels_and_empty_ones_are_found(
    root: Path, content: str, spacing: tuple[int, ...], empty: tuple[int, ...]
) -> None:
    path = root / "train/labels/000000.txt"
    path.write_bytes(content.replace("A", f"vest 0 0 0 1 2 3 4{' 0.00' * 7}").encode())
    found = facts(root, CONVERSION.replace("ROOT", "/workspace"), "dataset_convert")
    assert found.spacing.few == tuple(f"{path}:{line}" for line in spacing)
    assert found.empty.few == tuple(f"{path}:{line}" for line in empty)


def test_boxes_without_area_in_whole_pixels(tmp_path: Path) -> None:
    boxes = ("1.2 2 1.9 4", "1 2.1 3 2.9", "1.9 2 2 4", "3 2 1 4")
    (tmp_path / "a.txt").write_text("".join(f"vest 0 0 0 {box}{' 0' * 7}\n" for box in boxes))
    flat = kitti_summary.summarise(tmp_path, ["a"]).flat
    assert [place.rpartition(":")[2] for place in flat.few] == ["1", "2", "4"]


def test_a_summary_stores_some_boxes_and_counts_all() -> None:
    whole, part = summary.RecordSummary(), summary.RecordSummary()
    for number in range(summary.BOXES):
        assert part.add(f"{number}", (4, 4), ["a"], [0])
        part.add_boxes([(1, 1, 2, 2)], (4, 4))
    assert not part.add("last", (4, 4), ["a"], [1])
    for _ in range(2):
        whole.merge(part)
    assert (whole.frames, whole.objects["a"], whole.occluded) == (2 * summary.BOXES + 2, 2 * summary.BOXES + 2, 2)
    assert len(whole.boxes) == 4 * summary.BOXES


def test_folders_below_the_data_set_that_are_not_there_are_told(tmp_path: Path) -> None:
    text = 'dataset_config { image_path: "image" label_path: "label" }\nimage_extension: ".jpg"\n'
    spec = specs.parse_text(text, "augment", source="augment.conf")
    paths = WorkspacePaths(tmp_path, (Mount(tmp_path, "/workspace"),), contained=False)
    data = WorkspaceData(spec, paths, (tmp_path / "Original-Data/train",))
    (found,) = rules.examine(Subject(spec, None, paths, data))
    assert (found.code, found.severity) == ("S424", "note")
    assert "are not in Original-Data/train" in found.what


def test_a_coco_file_is_counted(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("L", (100, 50)).save(tmp_path / "images/a.jpg")
    images = [{"id": n, "file_name": name, "width": 100, "height": 50} for n, name in enumerate(("a.jpg", "b.jpg"))]
    notes = [{"id": n, "image_id": 0, "category_id": n % 2 + 3, "bbox": [10, 5, 50, 25]} for n in range(3)]
    page = {"images": images, "annotations": notes, "categories": [{"id": 3, "name": "vest"}, {"id": 4, "name": "Hat"}]}
    (tmp_path / "train.json").write_text(json.dumps(page))
    source = "{image_dir: /workspace/images, json_file: /workspace/train.json}"
    text = f"dataset: {{train_data_sources: [{source}], classes: [vest], batch_size: 1}}"
    found = facts(tmp_path, text, "yolox")
    assert found.amount("training").objects == {"vest": 2, "Hat": 1}
    assert (found.categories, found.sizes, found.channels) == ({"vest": 3, "Hat": 4}, {(100, 50): 2}, {1: 1})
    assert found.no_image.few == ("b.jpg",)
    assert found.boxes is not None
    assert found.boxes.ravel().tolist() == pytest.approx([0.1, 0.1, 0.5, 0.5] * 3)


@pytest.mark.parametrize("name", ["a\0.jpg", "x" * 5000, "../out.jpg", "/etc/passwd", ""])
def test_names_in_data_lead_nowhere_else(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    Image.new("L", (100, 50)).save(tmp_path / "out.jpg")
    page = {"images": [{"id": 1, "file_name": name, "width": 100, "height": 50}], "categories": [], "annotations": []}
    (tmp_path / "a.json").write_text(json.dumps(page))
    source = DataSource("s", "training", "coco", "a.json", annotations_field="s.json_file")
    found = coco.read(source, tmp_path / "a.json", tmp_path / "in")
    assert (found.no_image.count, found.channels) == (1, {})
    Image.new("L", (1, 1)).save(tmp_path / "in/b.png")
    assert _images.lacking(tmp_path / "in", ["b"], None) == ([], []), "whatever there is"
    assert _images.lacking(tmp_path / "in", ["b"], ".jpg") == ([], ["b.png"])
    assert _images.lacking(tmp_path / "in", ["../out", "/etc/passwd", "a\0/b"], ".jpg")[1] == []


def test_paths_of_a_container_and_of_this_machine(tmp_path: Path) -> None:
    mounts = (Mount(tmp_path / "work", "/workspace"), Mount(tmp_path / "data", "/workspace/data"))
    for name in ("work", "data", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    inside = WorkspacePaths(tmp_path / "work", mounts, contained=True)
    assert inside.host("/workspace/data/a*") == tmp_path / "data/a*"
    assert inside.host("/workspace2/a") is None
    assert inside.job(tmp_path / "work/specs") == "/workspace/specs"
    assert inside.job(tmp_path) is None
    for name, leads_to in (("work/big", "data"), ("data/on", "elsewhere")):
        (tmp_path / name).symlink_to(tmp_path / leads_to)
    linked = WorkspacePaths(tmp_path / "work", mounts[:1], contained=True)
    assert linked.job(tmp_path / "data/a") == "/workspace/big/a", "what links of the workspace lead to is mounted there"
    assert linked.job(tmp_path / "elsewhere") is None, "but no link behind one"
    here = WorkspacePaths(tmp_path / "work", mounts[:1], contained=False)
    assert here.host("/workspace/data") == tmp_path / "work/data"
    assert here.host(str(tmp_path)) == tmp_path
    assert here.host("data") == tmp_path / "work/data"


def test_names_of_folders_that_look_like_patterns_or_variables(tmp_path: Path) -> None:
    """A job in a container does not see how the workspace is called; one on this machine takes all to the letter."""
    root = tmp_path / "a[1]$b"
    for name in ("images", "labels"):
        (root / name).mkdir(parents=True)
    (root / "train-fold-000-of-001").touch()
    for contained, prefix in ((True, "/workspace"), (False, str(root))):
        paths = WorkspacePaths(root, (Mount(root, "/workspace"),), contained=contained)
        text = CONVERSION.replace("ROOT", prefix).replace("train/", "")
        spec = specs.parse_text(text, "dataset_convert", source="spec")
        assert [each for each in rules.examine(Subject(spec, None, paths)) if each.code.startswith("S3")] == []
        found = paths.host(f"{prefix}/train-*")
        assert found is not None
        assert bool(list(glob.glob(str(found)))) is contained, "as for every program here"


def test_a_stage_stops_before_its_program_starts(
    start: Start, workspace: Path, fake_programs: Callable[..., Path]
) -> None:
    """All errors at once, as errors of the data where all are; warnings are shown once in a run."""
    programs = fake_programs(epochs=80)
    pipeline.execute(start(programs=programs), ("prepare", "augment", "tfrecords"))
    lines: list[str] = []
    run = start(programs=programs)
    run.report.say = lines.append  # type: ignore[method-assign]
    pipeline.execute(run, ("train", "evaluate"))
    assert len([line for line in lines if "(S402)" in line]) == 1

    path = workspace / "specs/train.conf"
    text = path.read_text()
    for old, new in (("train/train-*", "train/trein-*"), ("KITTI-dataset-augmented", "KITTI-dataset")):
        text = text.replace(old, new)
    path.write_text(text)
    error = refused(start, programs, SpecError)
    assert [code for code in ("S302", "S303") if code in str(error)] == ["S302", "S303"]
    assert str(error).startswith(f"{path}:")

    path.write_text(path.read_text().replace('KITTI-dataset"', 'KITTI-dataset-augmented"').replace("trein", "train"))
    shards = sorted((workspace / "TFRecords/train").glob("train-*"))
    records.write_records(shards[0], [b"no frame"])
    assert "S423" in str(refused(start, programs, DataError))


def test_errors_of_the_data_alone_are_errors_of_the_data() -> None:
    told = {code: SpecError("wrong", code=code) for code in ("S302", "S423", "S431")}
    assert type(spec_checks._together([told["S423"], told["S431"]])) is DataError
    assert type(spec_checks._together([told["S302"], told["S431"]])) is SpecError


def refused(start: Start, programs: Path, kind: type[Exception]) -> Exception:
    run = start(programs=programs, force=True)
    run.runner.run = lambda *_: pytest.fail("a program was started")  # type: ignore[method-assign]
    with pytest.raises(kind) as refusal:
        pipeline.execute(run, ("train",))
    told: Any = refusal.value
    assert type(told) is kind
    return refusal.value
