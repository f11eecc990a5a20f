"""DSSD through the programs: a tiny one is trained on an input of odd sides, evaluated, pruned, exported and started
from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ssd_specs import LATER

from runtime.inference import backends
from runtime.programs import evaluate, export, infer, prune, train
from runtime.tasks.detection import difference
from runtime.weights import checkpoint

pytestmark = pytest.mark.torch

CHANGES = {
    "ssd_config": "dssd_config",
    'arch: "resnet"\n  nlayers: 10': 'arch: "mobilenet_v2"',
    "min_learning_rate: 1e-4 max_learning_rate: 0.01": "min_learning_rate: 1e-4 max_learning_rate: 2e-3",
    "batch_size_per_gpu: 2 num_epochs: 4": "batch_size_per_gpu: 4 num_epochs: 2 checkpoint_interval: 2",
    "validation_period_during_training: 2": "validation_period_during_training: 2",
    "output_width: 96 output_height: 64": "output_width: 83 output_height: 67",
    'key: "dress" value: "Dress"': 'key: "circle" value: "circle" }\n  target_class_mapping { key: "square" value: "square"',
}


def spec_of(root: Path, **more: str) -> str:
    text = LATER
    for old, new in (CHANGES | more).items():
        assert old in text
        text = text.replace(old, new)
    source = '{{ tfrecords_path: "{}/TFRecords/-fold-{:03d}-*" image_directory_path: "{}/pictures" }}'
    training, held_out = (source.format(root, fold, root) for fold in (1, 0))
    given = 'data_sources { label_directory_path: "x" image_directory_path: "y" }'
    assert given in text
    return text.replace(given, f"data_sources {training}\n  validation_data_sources {held_out}")


@pytest.fixture(scope="module")
def dssd(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The folder of a training: the spec, and the results in ``out``; the data are those of the SSD ``trained``."""
    folder = tmp_path_factory.mktemp("dssd")
    (folder / "train.conf").write_text(spec_of(trained.shapes.root))
    assert train.main(["dssd", "-e", str(folder / "train.conf"), "-r", str(folder / "out")]) == 0
    return folder


def words(folder: Path, *more: str) -> list[str]:
    model = folder / "out/weights/dssd_mobilenet_v2_epoch_002.safetensors"
    return ["dssd", "-m", str(model), "-e", str(folder / "train.conf"), *more]


def test_a_training_leaves_what_one_of_ssd_leaves_by_its_own_name(dssd: Path) -> None:
    assert sorted(path.name for path in (dssd / "out/weights").glob("*.safetensors")) == [
        "dssd_mobilenet_v2_best.safetensors",
        "dssd_mobilenet_v2_epoch_002.safetensors",
    ]
    rows = (dssd / "out/dssd_training_log_mobilenet_v2.csv").read_text().splitlines()
    assert rows[0].startswith("epoch,AP_circle,AP_square,loss,lr,mAP,validation_loss")
    first, second = (float(row.split(",")[3]) for row in rows[1:])
    assert second < first
    assert checkpoint.load(dssd / "out/weights/dssd_mobilenet_v2_best.safetensors").network == "dssd_mobilenet_v2"


def test_it_is_evaluated_and_infers(dssd: Path, trained: Any, tmp_path: Path, capsys: Any) -> None:
    assert evaluate.main(words(dssd, "-r", str(tmp_path))) == 0
    assert set(json.loads((tmp_path / "evaluation.json").read_text())["per_class"]["AP"]) == {"circle", "square"}
    images = trained.shapes.root / "pictures/train/images"
    assert infer.main(words(dssd, "-i", str(images), "-r", str(tmp_path / "found"), "-t", "0.02")) == 0
    assert len(list((tmp_path / "found/labels").glob("*.txt"))) == len(list(images.iterdir()))


@pytest.mark.parametrize("network", ["ssd", "dssd"])
def test_each_network_refuses_the_checkpoint_of_the_other(
    network: str, dssd: Path, trained: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {"ssd": words(dssd)[2], "dssd": str(trained.model)}[network]
    assert prune.main([network, "-m", other, "-o", str(tmp_path / "pruned.safetensors")]) == 4
    assert f"not of {network}" in capsys.readouterr().err


def test_a_pruned_one_trains_again(dssd: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.safetensors"
    assert prune.main([*words(dssd)[:3], "-o", str(small), "-pth", "0.9"]) == 0
    shapes = {name: tuple(tensor.shape) for name, tensor in checkpoint.load(small).model.items()}
    before = {name: tuple(tensor.shape) for name, tensor in checkpoint.load(Path(words(dssd)[2])).model.items()}
    name = "features.small_deconv_block_4.weight"
    (inputs, filters), (all_inputs, all_filters) = shapes[name][:2], before[name][:2]
    assert inputs < all_inputs
    assert filters < all_filters
    assert inputs == shapes["features.large_conv_1_block_3.weight"][0]
    again = ["dssd", "-e", str(dssd / "train.conf"), "-m", str(small), "-r", str(tmp_path / "again")]
    assert train.main(again) == 0
    weights = checkpoint.load(tmp_path / "again/weights/dssd_mobilenet_v2_epoch_002.safetensors").model
    assert tuple(weights[name].shape) == shapes[name]


@pytest.mark.parametrize("format", ["onnx", "deepstream", "pt2"])
def test_exports_find_what_the_checkpoint_finds(dssd: Path, trained: Any, tmp_path: Path, format: str) -> None:
    if format != "pt2":
        pytest.importorskip("onnxruntime")
    target = tmp_path / f"model.{'pt2' if format == 'pt2' else 'onnx'}"
    assert export.main(words(dssd, "-o", str(target), "--format", format)) == 0
    model, exported = (
        backends.open(path, backends.ModelRequest("dssd", None)) for path in (Path(words(dssd)[2]), target)
    )
    images = sorted((trained.shapes.root / "pictures/train/images").iterdir())[:3]
    pixels = np.stack([model.load_image(each)[0] for each in images])
    assert pixels.shape[1:3] == (67, 83)
    apart = difference.between(model(pixels), exported(pixels))
    assert (apart.boxes > 0, apart.alone, apart.pixels < 1e-3, apart.scores < 1e-4) == (True, 0, True, True)


def test_it_starts_from_an_ssd_and_from_one_of_another_size(
    dssd: Path, trained: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What depends on the size of the input, and only that, begins anew."""
    spec = tmp_path / "train.conf"
    more = {"num_epochs: 2": "num_epochs: 1", "output_width: 83 output_height: 67": "output_width: 64 output_height: 64"}
    spec.write_text(spec_of(trained.shapes.root, **more))
    assert train.main(["dssd", "-e", str(spec), "-m", words(dssd)[2], "-r", str(tmp_path / "size")]) == 0
    said = capsys.readouterr()
    assert "small_conv_block_0" in said.out + said.err
