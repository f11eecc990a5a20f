"""DSSD through the programs: a tiny one is trained on an input of odd sides, evaluated, pruned, exported."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ssd_specs import LATER

import specs
from runtime import networks
from runtime.inference import backends
from runtime.programs import evaluate, export, infer, prune, train
from runtime.tasks.detection import difference
from runtime.weights import checkpoint
from runtime.weights.pretrained import adopting

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("traced_once")]

HEIGHT, WIDTH = 67, 83
CHANGES = {
    "ssd_config": "dssd_config",
    'arch: "resnet"\n  nlayers: 10': 'arch: "squeezenet"',
    "max_learning_rate: 0.01": "max_learning_rate: 1e-3",
    "batch_size_per_gpu: 2 num_epochs: 4": "batch_size_per_gpu: 4 num_epochs: 1",
    "output_width: 96 output_height: 64": f"output_width: {WIDTH} output_height: {HEIGHT}",
    'target_class_mapping { key: "dress" value: "Dress" }': "\n".join(
        f'target_class_mapping {{ key: "{name}" value: "{name}" }}' for name in ("circle", "square")
    ),
}


def spec_of(root: Path) -> str:
    text = LATER
    for old, new in CHANGES.items():
        assert old in text
        text = text.replace(old, new)
    source = '{{ tfrecords_path: "{}/TFRecords/-fold-{:03d}-*" image_directory_path: "{}/pictures" }}'
    training, held_out = (source.format(root, fold, root) for fold in (1, 0))
    given = 'data_sources { label_directory_path: "x" image_directory_path: "y" }'
    assert given in text
    return text.replace(given, f"data_sources {training}\n  validation_data_sources {held_out}")


@pytest.fixture(scope="module")
def dssd(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training: the spec, and the results in ``out``; the data are those of the SSD ``trained``."""
    folder = tmp_path_factory.mktemp("dssd")
    (folder / "train.conf").write_text(spec_of(trained.shapes.root))
    assert train.main(["dssd", "-e", str(folder / "train.conf"), "-r", str(folder / "out")]) == 0
    return folder


@pytest.fixture(scope="module")
def model(dssd: Path) -> Path:
    """The trained detector, its filters of very different weight, its scores far from 0 and 1."""
    loaded = checkpoint.load(trained_of(dssd))
    torch.manual_seed(0)
    scaled = dict(loaded.model)
    for name, tensor in loaded.model.items():
        if tensor.dim() == 4:
            by_filter = scaled[name].transpose(0, int("deconv" in name))
            by_filter *= torch.rand(len(by_filter), 1, 1, 1) + 0.05
            by_filter *= 0.02 if name.startswith("conf.") else 1
    checkpoint.save(dssd / "dssd.safetensors", replace(loaded, model=scaled))
    return dssd / "dssd.safetensors"


def trained_of(folder: Path) -> Path:
    return folder / "out/weights/dssd_squeezenet_epoch_001.safetensors"


def words(model: Path, *more: str) -> list[str]:
    return ["dssd", "-m", str(model), "-e", str(model.parent / "train.conf"), *more]


def opened(path: Path) -> Any:
    return backends.open(path, backends.ModelRequest("dssd", None))


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in checkpoint.load(path).model.items()}


def test_a_training_leaves_what_one_of_ssd_leaves_by_its_own_name(dssd: Path) -> None:
    assert [path.name for path in sorted((dssd / "out/weights").glob("*.safetensors"))] == [
        "dssd_squeezenet_best.safetensors",
        "dssd_squeezenet_epoch_001.safetensors",
    ]
    heads, *rows = (dssd / "out/dssd_training_log_squeezenet.csv").read_text().splitlines()
    assert heads.startswith("epoch,AP_circle,AP_square,loss,lr,mAP,validation_loss")
    assert [row.partition(",")[0] for row in rows] == ["1"]
    assert checkpoint.load(trained_of(dssd)).network == "dssd_squeezenet"
    # From maps of 3 x 3 cells, doubled, to 5 x 6.
    assert shapes(trained_of(dssd))["features.small_conv_block_3.weight"] == (512, 512, 2, 3)


def test_it_is_evaluated_and_infers(model: Path, trained: Any, tmp_path: Path) -> None:
    assert evaluate.main(words(model, "-r", str(tmp_path))) == 0
    assert set(json.loads((tmp_path / "evaluation/evaluation.json").read_text())["average_precision"]) == {
        "circle",
        "square",
    }
    images = trained.shapes.root / "pictures/train/images"
    places = ["-i", str(images), "-o", str(tmp_path / "drawn"), "-l", str(tmp_path / "labels")]
    assert infer.main(words(model, *places, "-t", "0.02")) == 0
    assert len(list((tmp_path / "labels").iterdir())) == len(list(images.iterdir()))


@pytest.mark.parametrize("network", ["ssd", "dssd"])
def test_each_network_refuses_the_checkpoint_of_the_other(
    network: str, dssd: Path, trained: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {"ssd": trained_of(dssd), "dssd": trained.model}[network]
    assert prune.main([network, "-m", str(other), "-o", str(tmp_path / "pruned.safetensors")]) == 4
    assert f"not of {network}" in capsys.readouterr().err


def test_a_pruned_one_is_used_as_it_is(model: Path, trained: Any, tmp_path: Path) -> None:
    small, name = tmp_path / "small.safetensors", "features.small_deconv_block_4.weight"
    excluded = ["-el", "dssd_large_conv_0_block_4"]
    assert prune.main(["dssd", "-m", str(model), "-o", str(small), "-pth", "0.6", *excluded]) == 0
    before, after = shapes(model), shapes(small)
    assert all(new < old for new, old in zip(after[name][:2], before[name][:2], strict=True))
    assert after[name][0] == after["features.large_conv_1_block_3.weight"][0]
    assert after[name][1] == after["features.small_conv_block_4.weight"][1]
    assert after["features.large_conv_0_block_4.weight"][0] == 256
    own, image = opened(small), next((trained.shapes.root / "pictures/train/images").iterdir())
    (found,) = own(own.load_image(image)[0][None])
    assert len(found["boxes"]) > 0


@pytest.mark.parametrize("format", ["onnx", "deepstream", "pt2"])
def test_exports_say_what_the_checkpoint_says(model: Path, trained: Any, tmp_path: Path, format: str) -> None:
    pytest.importorskip("onnxruntime")
    target = tmp_path / f"model.{'pt2' if format == 'pt2' else 'onnx'}"
    assert export.main(words(model, "-o", str(target), "--format", format)) == 0
    own, exported = opened(model), opened(target)
    images = sorted((trained.shapes.root / "pictures/train/images").iterdir())[:2]
    pixels = np.stack([own.load_image(each)[0] for each in images])
    assert pixels.shape[1:3] == (HEIGHT, WIDTH)
    apart = difference.between(own(pixels), exported(pixels))
    assert (apart.boxes > 0, apart.alone) == (True, 0)
    assert (apart.pixels < 1e-3, apart.scores < 1e-4) == (True, True)


def test_it_starts_from_an_ssd_and_from_one_of_another_size(dssd: Path, trained: Any) -> None:
    """What SSD has not, or what depends on the size of the input, begins anew, and nothing else."""
    text = (dssd / "train.conf").read_text()

    def adopted(old: str, new: str, path: Path) -> tuple[Any, Any]:
        assert old in text
        recipe = networks.recipe(specs.parse_text(text.replace(old, new), "dssd", source="train.conf"))
        model: Any = networks.load("dssd").build(recipe)
        adopting.adopt(model, adopting.read(path), path, classes=recipe.classes)
        return model.state_dict(), checkpoint.load(path).model

    own, given = adopted('arch: "squeezenet"', 'arch: "resnet" nlayers: 10', trained.model)
    assert {name for name in given if not torch.equal(own[name], given[name])} == {
        f"{head}.{n}.{part}" for head in ("conf",) for n in range(6) for part in ("weight", "bias")
    } | {f"loc.0.{part}" for part in ("weight",)}
    own, given = adopted(f"output_width: {WIDTH}", "output_width: 96", trained_of(dssd))
    others = {name for name in given if own[name].shape != given[name].shape}
    assert others
    assert all(name.startswith("features.small_conv_block_") for name in others)
    assert all(torch.equal(own[name], given[name]) for name in given if name not in others)
