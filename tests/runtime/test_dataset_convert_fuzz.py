"""tlt-dataset-convert against labels, specs and pictures that are not as they should be: an error with its place.

TLTPIPE_FUZZ sets how many mutated files of each kind are tried (5000 take three minutes).
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzzing import LABEL, mutate
from PIL import Image

from converters.tfrecords.records import read_records
from runtime.conversion.calibration import LINES
from runtime.programs import dataset_convert

COUNT = int(os.environ.get("TLTPIPE_FUZZ", "150"))
SPEC = b"""\
kitti_config { root_directory_path: "data" image_dir_name: "image" label_dir_name: "label" image_extension: ".jpg"
  partition_mode: "random" num_partitions: 2 val_split: 50 num_shards: 2 kitti_sequence_to_frames_file: "map.json"
  point_clouds_dir: "label" calibrations_dir: "calib" }
sample_modifier_config { filter_samples_containing_only: "a" dominant_target_classes: "a" num_duplicates: 2
  minimum_target_class_imbalance { key: "b" value: 1.5 } max_training_samples: 3
  source_to_target_class_mapping { key: "vest" value: "a" } source_to_target_class_mapping { key: "x" value: "b" } }
image_directory_path: "data" target_class_mapping { key: "vest" value: "Vest" }
"""
COCO = {
    "images": [{"id": 1, "file_name": "1.jpg", "width": 64, "height": 48}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 2, "bbox": [4, 5, 8.5, 10]}],
    "categories": [{"id": 2, "name": "Long Coat"}],
}
PIECES = [
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\xc3\xa9", b" ", b"\t", b"\n"),
    *(b"nan", b"-inf", b"1e999", b"1e39", b"9" * 400, b"4294967296", b"-1", b"0x10", b"1_0", b"-0", b"null", b"[]"),
    *(b"{", b"}", b'"', b":", b"#", b"<", b",", b"\\000", b"/", b"..", b'"sequence"', b"num_partitions: 0 "),
]
HEADERS = [b"\xff\xd8\xff", b"\xff\xc0", b"\xff\xda", b"\xff\xd9", b"\xff\xe1\xff\xff", b"\xff\xe1\x00\x00", b"\xff"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_BASE_PATH", str(tmp_path))
    root = tmp_path / "data"
    for folder in ("image", "label", "calib"):
        (root / folder).mkdir(parents=True)
    picture = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 48), (200, 90, 30)).save(picture, "JPEG", exif=exif)
    calibration = "\n".join(f"{name}: " + "1.5 " * count for name, count in LINES.items())
    for name in ("1", "2"):
        (root / f"image/{name}.jpg").write_bytes(picture.getvalue())
        (root / f"label/{name}.txt").write_bytes(LABEL)
        (root / f"calib/{name}.txt").write_text(calibration)
    (root / "map.json").write_text(json.dumps({"a": ["1"], "b": ["2"]}))
    (root / "coco.json").write_text(json.dumps(COCO))
    (tmp_path / "convert.conf").write_bytes(SPEC)
    (tmp_path / "sequence.conf").write_bytes(SPEC.replace(b'"random"', b'"sequence"'))
    (tmp_path / "coco.conf").write_text(
        'coco_config { root_directory_path: "data" img_dir_names: "image" annotation_files: "coco.json" '
        'num_partitions: 1 num_shards: 2 } target_class_mapping { key: "longcoat" value: "coat" }'
    )
    return tmp_path


def fuzz(
    data: Path, name: str, capsys: pytest.CaptureFixture[str], *, spec: str, places: Callable[[str], bool], dali: bool
) -> None:
    """Mutate the file ``name``; each time there is a result that can be read, or one error with its place."""
    path = data / name
    whole = path.read_bytes()
    line = ["-d", spec, "-o", "out/x", "--workers", "1", "--allow-loss", *(["--dali"] if dali else [])]
    assert dataset_convert.main(line) == 0
    for seed in range(COUNT):
        chance = random.Random(f"{name} {seed}")
        path.write_bytes(mutate(whole, chance, HEADERS if name.endswith(".jpg") else PIECES))
        capsys.readouterr()
        shutil.rmtree(data / "out", ignore_errors=True)
        code = dataset_convert.main(line)
        error = capsys.readouterr().err
        told = f"{name}, seed {seed}, {path.read_bytes()!r}: {error}"
        assert "internal error" not in error, told
        assert "Traceback" not in error, told
        assert code in (0, 2, 3), told
        assert ("error: " in error) == (code != 0), told
        if code:
            assert places(error), told
            assert not (data / "out").exists(), told
        else:
            for shard in (data / "out").glob("x-*"):
                list(read_records(shard))


@pytest.mark.parametrize("dali", [False, True])
@pytest.mark.parametrize("name", ["data/label/1.txt", "data/image/1.jpg"])
def test_labels_and_pictures(data: Path, capsys: pytest.CaptureFixture[str], name: str, dali: bool) -> None:
    fuzz(data, name, capsys, spec="convert.conf", dali=dali, places=lambda error: f"error: {data}/{name}" in error)


def test_calibrations(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "data/calib/1.txt"
    fuzz(data, name, capsys, spec="convert.conf", dali=False, places=lambda error: f"error: {data}/{name}" in error)


@pytest.mark.parametrize(("name", "spec"), [("data/map.json", "sequence.conf"), ("data/coco.json", "coco.conf")])
def test_lists(data: Path, capsys: pytest.CaptureFixture[str], name: str, spec: str) -> None:
    """A list may name pictures and labels that are not there."""
    fuzz(data, name, capsys, spec=spec, dali=spec == "coco.conf", places=lambda error: f"error: {data}/data/" in error)


@pytest.mark.parametrize("spec", ["convert.conf", "sequence.conf", "coco.conf"])
@pytest.mark.parametrize("dali", [False, True])
def test_specs(data: Path, capsys: pytest.CaptureFixture[str], spec: str, dali: bool) -> None:
    fuzz(data, spec, capsys, spec=spec, dali=dali, places=lambda error: error.rindex("error: ") >= 0)
