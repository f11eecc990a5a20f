"""HRNet through the programs: it learns skirts, resumes, is evaluated, exported, and finetuned for one category."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

from runtime.programs import evaluate, export, train
from runtime.weights import checkpoint

NAME = "hrnet_w18_small"
SPEC = """\
model: {{type: w18_small, sigma: 1}}
dataset:
  train_data_sources: [{{image_dir: "{root}", json_file: "{root}/train.json"}}]
  val_data_sources: [{{image_dir: "{root}", json_file: "{root}/train.json"}}]
  classes: {classes}
  batch_size: 8
  width: 64
  height: 64
  workers: 1
  augmentation: {{scale: 0, rotation: 0}}
train:
  num_epochs: {epochs}
  validation_interval: {epochs}
  optim: {{lr: 3e-3, lr_scheduler: constant}}
evaluate: {{batch_size: 8}}
"""
SKIRT = ((10, 8), (24, 6), (38, 8), (5, 26), (0, 44), (24, 48), (48, 44), (43, 26))
"""The eight landmarks, by the official numbers, of a skirt in a box of 48 x 48."""
EPOCHS = 24


def drawn(folder: Path, count: int = 8) -> Path:
    """A skirt on each image of 80 x 80, red or blue; the last landmark of every other one is not labelled, nor is any
    of the last skirt."""
    folder.mkdir(parents=True)
    annotations = []
    for number in range(count + 1):
        draws = np.random.default_rng(number)
        x, y = (int(each) for each in draws.integers(4, 28, 2))
        points = [(x + across, y + down) for across, down in SKIRT]
        image = Image.fromarray(draws.integers(100, 120, (80, 80, 3), np.uint8))
        ring = [points[place] for place in (0, 1, 2, 7, 6, 5, 4, 3)]
        ImageDraw.Draw(image).polygon(ring, fill=((250, 40, 40), (40, 60, 250))[number % 2])
        image.save(folder / f"{number}.png")
        marks = [[*point, 2 - place % 2] for place, point in enumerate(points)]
        if number % 2:
            marks[7] = [0, 0, 0]
        if number == count:
            marks = [[0, 0, 0]] * 8
        annotations.append({
            "id": number + 1, "image_id": number, "category_id": 1, "bbox": [x, y, 49, 49], "area": 2401, "iscrowd": 0,
            "keypoints": [each for mark in marks for each in mark], "num_keypoints": sum(mark[2] > 0 for mark in marks),
        })  # fmt: skip
    page = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 80, "height": 80} for n in range(count + 1)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "skirt", "keypoints": [str(n) for n in range(1, 9)], "skeleton": []}],
    }
    (folder / "train.json").write_text(json.dumps(page))
    return folder


def written(folder: Path, name: str, *, epochs: int = EPOCHS, classes: str = "[skirt, vest]") -> Path:
    path = folder / name
    path.write_text(SPEC.format(root=folder, epochs=epochs, classes=classes))
    return path


def weights(results: Path, epoch: int) -> Path:
    return results / f"weights/{NAME}_epoch_{epoch:03}.safetensors"


def trained_by(spec: Path, results: Path, *more: str) -> Path:
    words = ["hrnet", "-e", str(spec), "-r", str(results), "--threads", "1", *more]
    assert train.main(words) == 0
    return results


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a training, its data in ``data`` beside them."""
    folder = tmp_path_factory.mktemp("hrnet")
    spec = written(drawn(folder / "data"), "train.yaml")
    return trained_by(spec, folder / "results")


def measured(model: Path, spec: Path, results: Path) -> dict[str, Any]:
    assert evaluate.main(["hrnet", "-e", str(spec), "-m", str(model), "-r", str(results)]) == 0
    found: dict[str, Any] = json.loads((results / "evaluation/evaluation.json").read_text())
    return found


def test_it_learns_landmarks_and_onnx_finds_the_same(trained: Path, tmp_path: Path) -> None:
    spec, model, exported = trained.parent / "data/train.yaml", weights(trained, EPOCHS), tmp_path / "a.onnx"
    found = measured(model, spec, tmp_path / "torch")
    assert (found["network"], found["task"]) == (NAME, "keypoints")
    assert found["figures"]["PCK"] > 0.9
    assert found["figures"]["OKS_AP50"] > 0.3
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    words = ["-m", str(model), "-o", str(exported), "--format", "onnx_raw"]
    assert export.main(["hrnet", *words]) == 0
    card = json.loads(Path(f"{exported}.json").read_text())
    assert (card["verified"]["landmarks"], card["verified"]["unexplained"]) == (8 * 294, 0)
    assert (card["decoder"], len(card["channels"]), card["input"]["object"]["margin"]) == ("heatmaps", 294, 1.25)
    assert measured(exported, spec, tmp_path / "onnx")["figures"] == pytest.approx(found["figures"], abs=1e-3)
    decoded_inside(exported, model)


def decoded_inside(raw: Path, model: Path) -> None:
    """The graph that ends in landmarks: what ``--format onnx`` puts behind the heat maps, in batches of any size."""
    import onnx
    import onnxruntime

    from runtime.exporting import judging
    from runtime.networks.hrnet.export import graphs
    from runtime.nn.export import pieces

    network: Any = checkpoint.open_model(model, key=None).model
    whole = pieces.join(onnx.load(raw), None, graphs.decoded(network.settings), batch=None)
    onnx.checker.check_model(whole, full_check=True)
    session = onnxruntime.InferenceSession(whole.SerializeToString(), providers=["CPUExecutionProvider"])
    for count in (1, 5):
        images = np.ascontiguousarray(judging.sample((64, 64), count).transpose(0, 3, 1, 2), np.float32)
        (found,) = session.run(None, {"images": images})
        expected = np.stack([each["keypoints"].numpy() for each in network.predict(torch.from_numpy(images))])
        assert found.shape == (count, 1, 294, 3)
        np.testing.assert_allclose(found[..., 2], expected[..., 2], atol=1e-4)
        assert (np.abs(found - expected).max(axis=-1) < 1e-2).mean() > 0.98, "but for near ties"


def test_an_epoch_counts_labelled_objects(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = written(trained.parent / "data", "short.yaml", epochs=1)
    capsys.readouterr()
    trained_by(spec, tmp_path)
    said = capsys.readouterr().out
    assert "9 images" in said
    assert "8 samples" in said
    assert "items without landmarks" in said


def test_a_resumed_training_ends_in_the_same_bits(trained: Path, tmp_path: Path) -> None:
    data, whole, parts = trained.parent / "data", tmp_path / "whole", tmp_path / "parts"
    longer = written(data, "two.yaml", epochs=2)
    trained_by(longer, whole)
    trained_by(written(data, "one.yaml", epochs=1), parts)
    trained_by(longer, parts)
    one, other = (checkpoint.load(weights(results, 2)) for results in (whole, parts))
    assert [name for name, value in one.model.items() if not torch.equal(value, other.model[name])] == []
    assert one.resume is not None
    assert other.resume is not None
    states = [resume.optimizer["state"] for resume in (one.resume, other.resume)]
    assert all(torch.equal(states[0][place]["exp_avg_sq"], states[1][place]["exp_avg_sq"]) for place in states[0])


def test_one_category_begins_where_all_ended(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Weights alone: the rate is the one that is written, and nothing of the optimiser is taken."""
    spec = written(trained.parent / "data", "skirt.yaml", epochs=1, classes="[skirt]")
    spec.write_text(spec.read_text().replace("3e-3", "1e-4"))
    capsys.readouterr()
    trained_by(spec, tmp_path, "-m", str(weights(trained, EPOCHS)))
    said = capsys.readouterr().out
    assert f"350 of 350 tensors from {NAME}_epoch_{EPOCHS:03}.safetensors" in said
    before, after = checkpoint.load(weights(trained, EPOCHS)), checkpoint.load(weights(tmp_path, 1))
    assert after.metrics["PCK@0.2"]["skirt"] > 0.9
    change = (after.model["final_layer.weight"] - before.model["final_layer.weight"]).abs().max()
    assert 0 < change < 1.1e-4, "of Adam's first step, whose size is the rate"
