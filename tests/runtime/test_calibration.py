"""Point cloud and calibration features, and files that are not as they should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from converters.tfrecords.examples import Bytes, Integers, features
from converters.tfrecords.records import read_records
from converters.tfrecords.schema.example_pb2 import Example
from runtime.conversion import calibration
from runtime.programs import dataset_convert
from tltpipe.errors import DataError

RANDOM = np.random.default_rng(5)
MATRICES = {name: RANDOM.normal(0, 100, count) for name, count in calibration.LINES.items()}
LINES = [f"{name}: " + " ".join(f"{value:.12e}" for value in values) for name, values in MATRICES.items()]


def as_written(name: str) -> np.ndarray:
    return np.array([float(f"{value:.12e}") for value in MATRICES[name]])


def expected() -> tuple[np.ndarray, np.ndarray]:
    rotation, moved = np.eye(4), np.eye(4)
    rotation[:3, :3] = as_written("R0_rect").reshape(3, 3)
    moved[:3] = as_written("Tr_velo_to_cam").reshape(3, 4)
    camera = rotation @ moved
    return camera, as_written("P2").reshape(3, 4) @ camera


def test_products() -> None:
    found = calibration.parse("\n".join(LINES) + "\n\n", source="x")
    camera, image = expected()
    np.testing.assert_allclose(found.lidar_to_camera, camera.ravel(), rtol=1e-13)
    np.testing.assert_allclose(found.lidar_to_image, image.ravel(), rtol=1e-13)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (LINES[:6], r'x:7: this line must begin with "Tr_imu_to_velo:"'),
        ([*LINES, "more: 1"], "x:8: a calibration file has 7 lines, this one 8"),
        ([LINES[1], LINES[0], *LINES[2:]], 'x:1: this line must begin with "P0:"'),
        ([LINES[0].replace(":", ""), *LINES[1:]], "x:1: this line must begin"),
        (["P0: 1 2 3", *LINES[1:]], "x:1: P0 needs 12 finite numbers, not 3"),
        (["P0: 1 2 x", *LINES[1:]], 'x:1: P0 has "x", which is not a number'),
        (["P0: " + "nan " * 12, *LINES[1:]], "x:1: P0 needs 12 finite numbers"),
        (["", *LINES], "x:1: this line must begin"),
        ([*LINES[:4], "R0_rect: " + "1e300 " * 9, "Tr_velo_to_cam: " + "1e300 " * 12, LINES[6]], "no finite product"),
    ],
)
def test_mistakes(lines: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        calibration.parse("\n".join(lines), source="x")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("image", "label", "calib", "velodyne"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (70, 50)).save(tmp_path / "image/7.png")
    (tmp_path / "label/7.txt").write_text("car 0 0 0 1 2 30 20 1 2 3 4 5 6 7\n")
    (tmp_path / "calib/7.txt").write_text("\n".join(LINES))
    (tmp_path / "convert.conf").write_text(
        f'kitti_config {{ root_directory_path: "{tmp_path}" image_dir_name: "image" label_dir_name: "label" '
        'partition_mode: "random" num_partitions: 2 point_clouds_dir: "velodyne" calibrations_dir: "calib" }'
        'target_class_mapping { key: "car" value: "car" }'
    )
    return tmp_path


def test_features(folder: Path) -> None:
    assert dataset_convert.main(["-d", "convert.conf", "-o", "out/x"]) == 0
    (data,) = read_records(folder / "out/x-fold-000-of-002")
    assert Example.FromString(data).SerializeToString(deterministic=True) == data
    found = features(data)
    assert found["point_cloud/id"] == Bytes([b"velodyne/7"])
    assert found["point_cloud/num_input_channels"] == Integers([4])
    camera, image = expected()
    assert found["calibration/T_lidar_to_camera"].values == camera.ravel().astype(np.float32).tolist()
    assert found["calibration/P_lidar_to_image"].values == image.ravel().astype(np.float32).tolist()


def test_records_for_dali_have_none(folder: Path) -> None:
    (folder / "calib/7.txt").unlink()
    assert dataset_convert.main(["ssd", "-d", "convert.conf", "-o", "out/x"]) == 0
    (data,) = read_records(folder / "out/x-fold-000-of-002")
    assert not [key for key in features(data) if not key.startswith(("frame/", "target/"))]


def test_a_missing_file_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "calib/7.txt").unlink()
    assert dataset_convert.main(["-d", "convert.conf", "-o", "out/x"]) == 3
    assert f"{folder}/calib/7.txt: this calibration file is missing" in capsys.readouterr().err
    (folder / "calib").rmdir()
    assert dataset_convert.main(["-d", "convert.conf", "-o", "out/x"]) == 3
    assert "kitti_config.calibrations_dir" in capsys.readouterr().err
