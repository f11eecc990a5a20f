"""A workspace whose images have all kinds of extensions and lie in sub-folders: none is lost, whatever the toolkit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from refusals import error_of

from converters.tfrecords import frames
from orchestrator import pipeline
from orchestrator.run import Run
from tltpipe.errors import DataError

NAMES = ["a.JPG", "b.jpg", "c.jpeg", "in/a.png", "in/deep/a.webp"]
Start = Callable[..., Run]


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A COCO workspace of two splits with the images ``NAMES``, one box on each."""
    return draw(tmp_path / "mixed", NAMES)


def draw(root: Path, names: list[str]) -> Path:
    records = [{"id": n, "file_name": name, "width": 90 + n, "height": 80} for n, name in enumerate(names)]
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [10, 10, 30, 40]} for n in range(len(names))]
    page = {"images": records, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}]}
    for split in ("train", "validation"):
        for record in records:
            path = root / "Original-Data/images" / split / str(record["file_name"])
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (int(str(record["width"])), 80), (200, 30, 30)).save(path)
        path = root / f"Original-Data/annotations/instances_{split}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(page))
    return root


def below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def go(start: Start, root: Path, programs: Path | None, *stages: str, **settings: object) -> Run:
    run = start(root=root, programs=programs, **{"data.format": "auto", **settings})
    pipeline.execute(run, stages)
    return run


def test_every_image_goes_through_all_stages(start: Start, mixed: Path, real_programs: Path) -> None:
    tiny = {"ssd.nlayers": 10, "ssd.num_epochs": 1, "ssd.batch_size_per_gpu": 2, "gpus": 0}
    run = go(start, mixed, real_programs, "prepare", "augment", "tfrecords", "train", **tiny)
    for split in ("train", "validation"):
        stems = {name.rpartition(".")[0] for name in NAMES}
        assert below(mixed / "KITTI" / split / "label") == {f"{stem}.txt" for stem in stems}
        assert below(mixed / "KITTI-dataset-augmented" / split / "images") == set(NAMES)
        assert below(mixed / "KITTI-dataset-augmented" / split / "labels") == {f"{stem}.txt" for stem in stems}
        shards = sorted((mixed / "TFRecords" / split).glob(f"{split}-*"))
        assert {frame.id for frame in frames.frames(shards)} == {f"{split}/images/{stem}" for stem in stems}
    said = "\n".join(run.report.told)  # type: ignore[attr-defined]
    assert "5 images, 5 boxes" in said
    assert "left out" not in said


def test_an_extension_that_is_set_leaves_the_others_out_and_says_so(
    start: Start, mixed: Path, real_programs: Path
) -> None:
    setting = {"tfrecords.image_extension": ".jpg"}
    shutil.move(mixed / "Original-Data/images/train/a.JPG", mixed / "Original-Data/images/train/a.png")
    path = mixed / "Original-Data/annotations/instances_train.json"
    path.write_text(path.read_text().replace("a.JPG", "a.png"))
    run = go(start, mixed, real_programs, "prepare", "augment", **setting)
    assert below(mixed / "KITTI-dataset-augmented/train/images") == {"b.jpg"}
    said = "\n".join(run.report.told)  # type: ignore[attr-defined]
    assert "left out: 2 .png, 1 .jpeg, 1 .webp" in said


@pytest.mark.parametrize(
    ("names", "counts"),
    [
        (["a.JPG", "b.jpg", "c.jpeg", "d.jpg"], "2 .jpg, 1 .JPG, 1 .jpeg"),
        (["a.webp", "b.webp"], "2 .webp"),
        (["a.jpg", "in/a.jpg"], "1 of 2"),
    ],
)
def test_nvidias_programs_are_not_started_on_what_they_would_pass_over(
    start: Start, tmp_path: Path, real_programs: Path, names: list[str], counts: str
) -> None:
    root = draw(tmp_path / "other", names)
    go(start, root, real_programs, "prepare")
    error = error_of(DataError, go, start, root, None, "augment", match=counts, toolkit="tlt2", runner="dry", key="x")
    assert error.hint
    assert not (root / "KITTI-dataset-augmented").exists()


@pytest.mark.parametrize("suffix", [".png", ".jpeg"])
def test_nvidias_programs_are_told_the_extension(
    start: Start, tmp_path: Path, real_programs: Path, suffix: str
) -> None:
    root = draw(tmp_path / "other", [f"a{suffix}", f"b{suffix}"])
    go(start, root, real_programs, "prepare")
    run = go(start, root, None, "augment", "tfrecords", toolkit="tlt2", runner="dry", key="x")
    said = "\n".join(run.report.told)  # type: ignore[attr-defined]
    assert said.count(f'image_extension: "{suffix}"') >= 2


def test_splits_that_share_a_folder_of_images_each_have_their_own(
    start: Start, tmp_path: Path, real_programs: Path
) -> None:
    root = draw(tmp_path / "shared", ["a.jpg", "in/a.png"])
    images = root / "Original-Data/images"
    for name in ("a.jpg", "in/a.png"):
        (images / "validation" / name).rename(images / "train" / f"{name.rpartition('/')[0]}v{Path(name).suffix}")
    path = root / "Original-Data/annotations/instances_validation.json"
    path.write_text(path.read_text().replace("in/a.png", "inv.png").replace("a.jpg", "v.jpg"))
    for image in sorted((images / "train").rglob("*.*")):
        image.rename(images / image.name) if image.parent.name == "train" else None
    (images / "train/in").rename(images / "in")
    run = go(start, root, real_programs, "prepare", "augment")
    assert below(root / "KITTI-dataset-augmented/train/images") == {"a.jpg", "in/a.png"}
    assert below(root / "KITTI-dataset-augmented/validation/images") == {"v.jpg", "inv.png"}
    said = "\n".join(run.report.told)  # type: ignore[attr-defined]
    assert "left out" not in said


def test_images_in_sub_folders_are_no_images_to_nvidias_programs(start: Start, mixed: Path) -> None:
    folder = mixed / "Original-Data/images/train"
    run = start(root=mixed, runner="dry", toolkit="tlt3", key="hush", subject=folder)
    error_of(DataError, lambda: pipeline.execute(run, ["infer"]), match="2 of 5 images")
    pipeline.execute(start(root=mixed, runner="dry", subject=folder), ["infer"])
