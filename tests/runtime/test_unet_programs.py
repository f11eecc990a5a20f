"""Per-pixel classes through the programs, from pictures with index PNGs: trained, resumed, evaluated, predicted,
exported; what is refused before the first step."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

from runtime.programs import evaluate, export, infer, train
from runtime.weights import checkpoint

NAME = "unet_resnet18"
SIZE = (48, 40)
SPEC = """\
dataset:
  train_data_sources: [{{path: {root}/train}}]
  val_data_sources: [{{path: {root}/val}}]
  classes: [skirt, vest, bag]
  batch_size: 4
  width: 32
  height: 64
  workers: 1
  augmentation: {{cut_paste: 0.6, backgrounds: {root}/val/images}}
train:
  num_epochs: 2
  optim: {{lr: 2e-3}}
"""


def drawn(root: Path, *, train: int = 12, val: int = 4) -> Path:
    """A red skirt in most images, a blue vest in the others; a border that nobody judged, and never a bag."""
    for split, count in {"train": train, "val": val}.items():
        for name in ("images", "masks"):
            (root / split / name).mkdir(parents=True)
        names = ("background", "skirt", "vest", "bag")
        rows = [json.dumps({"id": value, "name": name}) for value, name in enumerate(names)]
        (root / split / "label_mapping.json").write_text("\n".join(rows) + "\n")
        for number in range(count):
            random = np.random.default_rng((len(split), number))
            left, top = random.integers(0, 16, 2).tolist()
            box = (left, top, left + 24, top + 20)
            value = 2 if number % 3 == 2 else 1
            image, mask = Image.new("RGB", SIZE, (120, 130, 120)), Image.new("L", SIZE, 0)
            ImageDraw.Draw(image).rectangle(box, fill=((220, 30, 30), (30, 30, 220))[value - 1])
            ImageDraw.Draw(mask).rectangle(box, fill=value, outline=255)
            image.save(root / split / f"images/{number}.jpg", quality=95)
            mask.save(root / split / f"masks/{number}.png")
    return root


def written(root: Path, old: str = "", new: str = "") -> Path:
    text = SPEC.format(root=root)
    assert old in text
    path = root / "spec.yaml"
    path.write_text(text.replace(old, new) if old else text)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of two epochs, beside them the data in ``data``."""
    folder = tmp_path_factory.mktemp("unet")
    spec = written(drawn(folder / "data"))
    assert train.main(["unet", "-e", str(spec), "-r", str(folder / "results"), "--threads", "1"]) == 0
    return folder / "results"


def model_of(results: Path, epoch: int) -> Path:
    return results / f"weights/{NAME}_epoch_{epoch:03d}.safetensors"


def test_the_loss_falls_and_each_epoch_has_its_figures(trained: Path) -> None:
    with (trained / "unet_training_log_resnet18.csv").open() as stream:
        first, second = csv.DictReader(stream)
    assert {"loss_cross_entropy", "mIoU", "mIoU_without_background", "IoU_skirt", "IoU_background"} <= {*first}
    assert float(second["loss"]) < float(first["loss"])


def test_resumed_after_its_first_epoch_it_ends_in_the_same_bits(trained: Path, tmp_path: Path) -> None:
    spec, first = trained.parent / "data/spec.yaml", str(model_of(trained, 1))
    words = ["unet", "-e", str(spec), "-r", str(tmp_path), "--threads", "1", "-m", first, "--initial_epoch", "2"]
    assert train.main(words) == 0
    one, other = (checkpoint.load(model_of(results, 2)).model for results in (trained, tmp_path))
    assert [name for name, value in one.items() if not torch.equal(value, other[name])] == []


def test_evaluate_measures_what_training_measured(trained: Path, tmp_path: Path) -> None:
    words = ["unet", "-e", str(trained.parent / "data/spec.yaml"), "-m", str(model_of(trained, 2))]
    assert evaluate.main([*words, "-r", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "evaluation/evaluation.json").read_text())
    kept = checkpoint.load(model_of(trained, 2)).metrics
    assert (found["network"], found["task"], found["primary"]) == (NAME, "segmentation", "mIoU")
    for name in ("mIoU", "mIoU_without_background"):
        assert found["figures"][name] == pytest.approx(kept[name], abs=1e-6)


def test_the_exported_model_says_the_same_at_any_size(trained: Path, tmp_path: Path) -> None:
    import onnxruntime

    target, images = tmp_path / "model.onnx", trained.parent / "data/val/images"
    assert export.main(["unet", "-m", str(model_of(trained, 2)), "-o", str(target)]) == 0
    card = json.loads((tmp_path / "model.onnx.json").read_text())
    assert card["input"]["shape"] == ["batch", 3, "height", "width"]
    maps = []
    for place, model in enumerate((model_of(trained, 2), target)):
        folder = tmp_path / f"labels{place}"
        assert infer.main(["unet", "-i", str(images), "-m", str(model), "-l", str(folder)]) == 0
        maps.append([np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))])
    assert [each.shape for each in maps[0]] == [SIZE[::-1]] * 4
    assert np.mean(np.stack(maps[0]) != np.stack(maps[1])) < 1e-3
    given = np.random.default_rng(1).uniform(0, 255, (3, 3, 96, 50)).astype(np.float32)
    (found,) = onnxruntime.InferenceSession(target).run(None, {"images": given})
    module: Any = checkpoint.open_model(model_of(trained, 2), key=None).model
    expected = torch.stack([each["map"] for each in module.predict(torch.from_numpy(given))]).numpy()
    assert found.dtype == np.uint8
    assert np.mean(found != expected) < 1e-3


REFUSED = {
    "background": ("[skirt,", "[background,", 2, "spec.yaml:4:3", "background"),
    "encoder": ("dataset:", "model: {encoder: resnt18}\ndataset:", 2, "spec.yaml:1:9", "resnt18"),
    "backgrounds": ("val/images", "none", 3, "none", "backgrounds"),
    "class": ("bag]", "bga]", 2, "spec.yaml:4:3", "bga"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_ends_in_one_error_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    old, new, code, place, word = REFUSED[name]
    spec = written(drawn(tmp_path, train=3, val=1), old, new)
    assert train.main(["unet", "-e", str(spec), "-r", str(tmp_path / "r")]) == code
    said = capsys.readouterr()
    (error,) = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert error.startswith(f"error: {tmp_path}/{place}")
    assert word in error
    assert "network  " not in said.out + said.err, "it is said before the model is built"


def test_data_of_which_nothing_is_known_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = written(drawn(tmp_path, train=2, val=1))
    for path in tmp_path.glob("train/masks/*.png"):
        Image.new("L", SIZE, 255).save(path)
    assert train.main(["unet", "-e", str(spec), "-r", str(tmp_path / "r")]) == 3
    assert f"{spec}:2:3: none of the 2 training images has a pixel of a class" in capsys.readouterr().err
