"""tlt-infer as a program: annotated copies, labels in pixels of the original, pictures that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops

from runtime import infer

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

from runtime.detection import Detecting, kitti_line
from runtime.drawing import Find


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.default_rng(1)
    for name, size in {"a.jpg": (320, 200), "b.PNG": (50, 90), "c.jpeg": (64, 64)}.items():
        Image.fromarray(random.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.jpg").write_text("no picture")
    return folder


def words(trained: Any, pictures: Path, out: Path, *more: str) -> list[str]:
    given = ["-i", pictures, "-o", out / "drawn", "-e", trained.spec, "-m", trained.model, "-k", "nvidia-tlt"]
    return ["ssd", *map(str, given), "-l", str(out / "labels"), *more]


def test_copies_and_labels_of_a_folder(
    trained: Any, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert infer.main(words(trained, pictures, tmp_path, "-t", "0.001")) == 0
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["a.jpg", "b.PNG", "c.jpeg"]
    assert sorted(path.name for path in (tmp_path / "labels").iterdir()) == ["a.txt", "b.txt", "c.txt"]
    with Image.open(pictures / "b.PNG") as original, Image.open(tmp_path / "drawn/b.PNG") as copy:
        assert copy.size == original.size
        assert copy.format == "PNG"
        assert ImageChops.difference(copy, original.convert("RGB")).getbbox() is not None
    lines = (tmp_path / "labels/a.txt").read_text().splitlines()
    assert lines
    for line in lines:
        fields = line.split(" ")
        assert len(fields) == 16
        assert fields[0] in ("circle", "square")
        assert fields[1:4] + fields[8:15] == ["0"] * 10
        assert 0 < float(fields[15]) <= 1
    assert "found " in capsys.readouterr().out


def test_one_picture_and_nothing_sure_enough(trained: Any, pictures: Path, tmp_path: Path) -> None:
    assert infer.main(words(trained, pictures / "a.jpg", tmp_path, "-t", "0.999")) == 0
    assert [path.name for path in (tmp_path / "drawn").iterdir()] == ["a.jpg"]
    assert (tmp_path / "labels/a.txt").read_text() == ""


def test_labels_only_where_asked_for(trained: Any, pictures: Path, tmp_path: Path) -> None:
    given = words(trained, pictures, tmp_path)
    assert infer.main([word for word in given if word not in ("-l", str(tmp_path / "labels"))]) == 0
    assert not (tmp_path / "labels").exists()


def test_boxes_come_back_in_pixels_of_the_original(pictures: Path, tmp_path: Path, trained: Any) -> None:
    import specs

    class Sure(torch.nn.Module):  # type: ignore[misc,name-defined]
        """Finds the middle of every picture."""

        input_size = (64, 64)

        def forward(self, images: Any) -> list[dict[str, Any]]:
            found = {"boxes": [[16, 16, 48, 32]], "labels": [2], "scores": [0.875]}
            return [{name: torch.tensor(value) for name, value in found.items()} for _ in images]

    detect = Detecting(
        Sure(), specs.parse(trained.spec, "Experiment"), ("circle", "square"),
        threshold=0.5, drawn=tmp_path / "drawn", labels=tmp_path / "labels", device=torch.device("cpu"),
    )  # fmt: skip
    assert list(detect([pictures / "a.jpg", pictures / "b.PNG"])) == [1, 1]
    expected = "square 0 0 0 80.00 50.00 240.00 100.00 0 0 0 0 0 0 0 0.8750\n"
    assert (tmp_path / "labels/a.txt").read_text() == expected


def test_a_class_with_a_space_stays_one_column() -> None:
    assert kitti_line(Find((0, 0, 1, 1), 1, "long sleeve top", 0.5)).startswith("long_sleeve_top 0 0 0 0.00")


def test_unreadable_pictures_do_not_stop_the_others(
    trained: Any, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "bad.jpg").write_bytes((pictures / "a.jpg").read_bytes()[:400])
    (pictures / "worse.png").write_text("no picture")
    assert infer.main(words(trained, pictures, tmp_path)) == 3
    printed = capsys.readouterr()
    assert "2 pictures could not be read; all others are done" in printed.err
    assert str(pictures / "bad.jpg") in printed.err
    assert str(pictures / "worse.png") in printed.err
    assert "Traceback" not in printed.err
    assert len(list((tmp_path / "drawn").iterdir())) == 3
    assert len(list((tmp_path / "labels").iterdir())) == 3


@pytest.mark.parametrize(("threshold", "code"), [("0", 2), ("1", 2), ("-0.1", 2), ("nan", 2)])
def test_the_threshold_is_a_share(trained: Any, pictures: Path, tmp_path: Path, threshold: str, code: int) -> None:
    assert infer.main(words(trained, pictures, tmp_path, f"-t={threshold}")) == code


def test_originals_are_never_replaced(trained: Any, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["ssd", "-i", pictures, "-o", pictures, "-e", trained.spec, "-m", trained.model]
    assert infer.main([str(word) for word in given]) == 2
    assert "replace the pictures" in capsys.readouterr().err


def test_no_pictures(trained: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert infer.main(words(trained, tmp_path / "empty", tmp_path)) == 3
    assert infer.main(words(trained, tmp_path / "nowhere", tmp_path)) == 3


def test_pictures_of_one_stem_share_a_label_file(
    trained: Any, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (8, 8)).save(pictures / "a.png")
    assert infer.main(words(trained, pictures, tmp_path)) == 0
    assert "share one label file, a.txt" in capsys.readouterr().err
