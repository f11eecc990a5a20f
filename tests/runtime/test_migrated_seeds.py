"""The three specs of TLT 2.0 that this project began with, in later generations and back: the same outcome here."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import specs
from runtime.programs import augment, dataset_convert
from specs import migration
from specs.migration import Options, Target

SEEDS = Path(__file__).parents[1] / "data" / "seed-specs"
EVERYTHING = Path(__file__).parents[1] / "golden/specs/augment-everything.conf"
LABEL = "vest 0.25 1 -1.57 10 20 110.5 120 1 2 3 4 5 6 0.5\nskirt 0 0 0 1 2 3 4 0 0 0 0 0 0 0\n"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is /workspace to the specs: six images with labels, as they come and as augmentation leaves them."""
    monkeypatch.setenv("TLTPIPE_WORKSPACE", str(tmp_path))
    for root, images, labels in (
        ("Original-Data/train", "image", "label"),
        ("KITTI-dataset-augmented/train", "images", "labels"),
    ):
        for number in range(6):
            for folder in (images, labels):
                (tmp_path / root / folder).mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(number).integers(0, 256, (150 + number, 200, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / root / images / f"{number}.jpg", quality=95)
            (tmp_path / root / labels / f"{number}.txt").write_text(LABEL)
    return tmp_path


def migrated(text: str, *targets: Target, **options: Any) -> str:
    for to in targets:
        text = migration.migrate(text, source="spec", to=to, options=Options(**options)).text
        options = {}
    return text


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.*")) if path.is_file()}


@pytest.mark.parametrize("seed", [SEEDS / "KITTI-augmentation.conf", EVERYTHING], ids=["seed", "everything"])
def test_augmentations_write_the_same_pixels(workspace: Path, seed: Path) -> None:
    old, new, back = (workspace / name for name in ("old.conf", "new.yaml", "back.conf"))
    # One channel has no counterpart: what is compared is in colour.
    old.write_text(seed.read_text().replace("channel: 1", "channel: 3"))
    results = workspace / "KITTI-dataset-augmented/new"
    new.write_text(migrated(old.read_text(), "tao5", results="/workspace/KITTI-dataset-augmented/new"))
    back.write_text(migrated(new.read_text(), "tlt2"))
    data = workspace / "Original-Data/train"
    written = []
    for path in (old, back):
        output = workspace / path.stem
        assert augment.main(["-d", str(data), "-a", str(path), "-o", str(output), "--workers", "1"]) == 0
        written.append(contents(output / "images") | contents(output / "labels"))
    assert augment.main(["-e", str(new), "--workers", "1"]) == 0
    written.append(contents(results / "images") | contents(results / "labels"))
    assert len(written[0]) == 12
    assert written[1] == written[0]
    assert written[2] == written[0]


def test_conversions_write_the_same_records(workspace: Path) -> None:
    seed = (SEEDS / "KITTI_dataset_conversion.conf").read_text()
    later = migrated(seed, "tao5", mapping={"vest": "vest", "skirt": "skirt"})
    written = []
    for name, text in (("old", seed), ("new", later), ("back", migrated(later, "tlt2"))):
        (workspace / f"{name}.conf").write_text(text)
        options = ["-d", str(workspace / f"{name}.conf"), "-o", f"{workspace}/{name}/", "--workers", "1"]
        assert dataset_convert.main(options) == 0
        written.append({path.name: path.read_bytes() for path in (workspace / name).glob("-fold-*")})
    assert len(written[0]) == 20
    assert sum(map(len, written[0].values())) > 0
    assert written[1] == written[0]
    assert written[2] == written[0]


@pytest.mark.torch
def test_trainings_have_the_same_losses(trained: Any, tmp_path: Path) -> None:
    """Step by step, which two epochs of them show to the last bit."""
    pytest.importorskip("torch")
    from runtime.programs import train

    seed = (SEEDS / "training.conf").read_text()
    back = migrated(seed, "tao5", "tlt2", validation="/workspace/KITTI-dataset-augmented/validation")
    assert specs.parse_text(back, "ssd", source="back").message == specs.parse_text(seed, "ssd", source="seed").message
    text = trained.spec.read_text()
    later = migrated(text, "tao5")
    assert specs.parse_text(later, "ssd", source="later").dialect == "tlt3"
    spec = tmp_path / "back.conf"
    spec.write_text(migrated(later, "tlt2"))
    assert train.main(["ssd", "-e", str(spec), "-r", str(tmp_path / "results")]) == 0
    losses = []
    for results in (trained.results, tmp_path / "results"):
        with (results / "ssd_training_log_resnet10.csv").open() as stream:
            losses.append([(row["loss"], row["loss_classification"], row["mAP"]) for row in csv.DictReader(stream)])
    assert len(losses[0]) == 2
    assert losses[1] == losses[0]


@pytest.mark.torch
def test_a_migrated_training_runs(shapes: Any, tmp_path: Path) -> None:
    """The loss is another one, as the migration says."""
    pytest.importorskip("torch")
    from runtime.programs import train

    spec = tmp_path / "tao5.conf"
    spec.write_text(migrated(shapes.spec(epochs=1).read_text(), "tao5"))
    assert train.main(["ssd", "-e", str(spec), "-r", str(tmp_path / "results")]) == 0
    assert [*(tmp_path / "results/weights").glob("*_epoch_001.safetensors")]
