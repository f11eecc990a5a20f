"""The network of several tasks through the programs, from DeepFashion's files and from a table: it trains, resumes,
evaluates, predicts, is exported; what it refuses before the first step."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

from runtime.programs import evaluate, export, infer, train
from runtime.weights import checkpoint

NAME = "multitask_resnet18"
SIDE = 64
CATEGORIES = (("Tee", 1), ("Cape", 1), ("Jeans", 2), ("Dress", 3))
"""With their types; no image shows a Cape."""
DRAWN = ("Tee", "Jeans", "Dress")
ATTRIBUTES = (("long sleeve", 4), ("red", 1), ("blue", 1))
SPEC = """\
model: {{backbone: resnet18, heads: per_type}}
dataset:
  train_data_sources: [{{path: {root}}}]
  val_data_sources: [{{path: {root}}}]
  batch_size: 4
  width: 32
  height: 32
  resize: 36
  workers: 1
loss: {{pos_weights: true}}
train:
  num_epochs: {epochs}
  optim: {{lr: 1e-3}}
evaluate: {{primary: top3}}
"""


def drawn(root: Path, *, train: int = 12, val: int = 6) -> Path:
    """A folder as DeepFashion has it: a category is a shape, an attribute a colour or a stroke."""
    names = [f"img/G_{number}/img_{number:08}.jpg" for number in range(train + val)]
    splits = {name: "train" if number < train else "val" for number, name in enumerate(names)}
    rows: dict[str, list[str]] = {name: [] for name in ("category", "attr", "bbox", "partition")}
    for number, (name, split) in enumerate(splits.items()):
        random = np.random.default_rng(number)
        kind, colour, sleeve = number % 3, int(random.integers(2)), int(random.integers(2))
        left, top = random.integers(0, SIDE // 2, 2).tolist()
        box = (left, top, left + 30, top + 24)
        image = Image.new("RGB", (SIDE, SIDE), (120, 130, 120))
        pen, fill = ImageDraw.Draw(image), ((220, 30, 30), (30, 30, 220))[colour]
        (pen.rectangle, pen.ellipse, pen.rounded_rectangle)[kind](box, fill=fill)
        if sleeve:
            pen.line((left, top, left + 8, top + 20), fill=(0, 0, 0), width=4)
        (root / "Img" / name).parent.mkdir(parents=True)
        image.save(root / "Img" / name, quality=95)
        label = [each for each, _ in CATEGORIES].index(DRAWN[kind]) + 1
        judged = (1 if sleeve else -1, -1 if colour else 1, 0 if number == 0 else 1 if colour else -1)
        rows["category"].append(f"{name}   {label}")
        rows["attr"].append(f"{name}   {' '.join(f'{value:2}' for value in judged)}")
        rows["bbox"].append(f"{name}  {' '.join(f'{value:03}' for value in box)}")
        rows["partition"].append(f"{name}  {split}")
    lists = root / "Anno_coarse"
    _listed(lists / "list_category_cloth.txt", "category_name category_type", [f"{a}  {b}" for a, b in CATEGORIES])
    _listed(lists / "list_attr_cloth.txt", "attribute_name attribute_type", [f"{a}  {b}" for a, b in ATTRIBUTES])
    _listed(lists / "list_category_img.txt", "image_name category_label", rows["category"])
    _listed(lists / "list_attr_img.txt", "image_name attribute_labels", rows["attr"])
    _listed(lists / "list_bbox.txt", "image_name x_1 y_1 x_2 y_2", rows["bbox"])
    _listed(root / "Eval/list_eval_partition.txt", "image_name evaluation_status", rows["partition"])
    return root


def _listed(path: Path, columns: str, rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([str(len(rows)), columns, *rows]) + "\n")


def written(root: Path, *, epochs: int, changes: tuple[tuple[str, str], ...] = ()) -> Path:
    text = SPEC.format(root=root, epochs=epochs)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = root / "spec.yaml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of two epochs, beside them the data in ``data`` and what was printed in said.txt."""
    folder = tmp_path_factory.mktemp("multitask")
    spec = written(drawn(folder / "data"), epochs=2)
    said, words = io.StringIO(), ["multitask", "-e", str(spec), "-r", str(folder / "results"), "--threads", "1"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert train.main(words) == 0
    (folder / "said.txt").write_text(said.getvalue())
    return folder / "results"


def model_of(results: Path, epoch: int) -> Path:
    return results / f"weights/{NAME}_epoch_{epoch:03d}.safetensors"


def test_names_of_the_data_stand_in_the_checkpoint(trained: Path) -> None:
    found = checkpoint.open_model(model_of(trained, 2), key=None, network="multitask")
    dataset = found.recipe.spec.message.dataset
    assert dataset.classes == found.recipe.classes == ("Tee", "Cape", "Jeans", "Dress")
    assert dataset.category_types == ("upper_body", "upper_body", "lower_body", "full_body")
    assert (dataset.attributes, dataset.tasks) == (("long sleeve", "red", "blue"), ("category",))
    assert found.recipe.names["attribute_groups"] == ("part", "texture", "texture")
    with (trained / "multitask_training_log_resnet18.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {"loss_category", "loss_type", "loss_attributes", "loss_box", "top1", "recall3", "box_iou"} <= {*rows[0]}
    assert rows[1]["loss"] < rows[0]["loss"]


def test_a_category_without_images_is_told_before_the_first_step(trained: Path) -> None:
    lines = (trained.parent / "said.txt").read_text().splitlines()
    first = next(at for at, line in enumerate(lines) if "epoch 1/2" in line)
    assert any("no object in the training data for: Cape" in line for line in lines[:first])


def test_resumed_after_its_first_epoch_it_ends_in_the_same_bits(trained: Path, tmp_path: Path) -> None:
    spec, first = trained.parent / "data/spec.yaml", str(model_of(trained, 1))
    words = ["multitask", "-e", str(spec), "-r", str(tmp_path), "--threads", "1", "-m", first, "--initial_epoch", "2"]
    assert train.main(words) == 0
    one, other = (checkpoint.load(model_of(results, 2)).model for results in (trained, tmp_path))
    assert [name for name, value in one.items() if not torch.equal(value, other[name])] == []


def test_evaluate_measures_all_tasks(trained: Path, tmp_path: Path) -> None:
    words = ["multitask", "-e", str(trained.parent / "data/spec.yaml"), "-m", str(model_of(trained, 2))]
    assert evaluate.main([*words, "-r", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "evaluation/evaluation.json").read_text())
    kept = checkpoint.load(model_of(trained, 2)).metrics
    assert (found["network"], found["task"], found["primary"]) == (NAME, "classification", "top3")
    for name in ("top1", "top3", "recall3", "box_iou"):
        assert found["figures"][name] == pytest.approx(kept[name], abs=1e-5)
    assert found["figures"]["recall3"] == 1, "three attributes are among the three likeliest"


def test_infer_names_what_it_says_and_so_does_the_exported_model(trained: Path, tmp_path: Path) -> None:
    target, images = tmp_path / "model.onnx", trained.parent / "data/Img"
    assert export.main(["multitask", "-m", str(model_of(trained, 2)), "-o", str(target)]) == 0
    card = json.loads((tmp_path / "model.onnx.json").read_text())
    assert card["names"]["attributes"] == ["long sleeve", "red", "blue"]
    assert card["input"]["cut_out_of"] == {"width": 36, "height": 36}
    assert card["verified"]["probabilities"] < 1e-4
    told = []
    for place, model in enumerate((model_of(trained, 2), target)):
        folder = tmp_path / f"labels{place}"
        assert infer.main(["multitask", "-i", str(images), "-m", str(model), "-l", str(folder)]) == 0
        told.append([json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))])
    assert len(told[0]) == 18
    for one, other in zip(*told, strict=True):
        assert {each["name"] for each in one["choices"]["category"]} == {"Tee", "Cape", "Jeans", "Dress"}
        assert {each["name"] for each in one["attributes"]["texture"]} == {"red", "blue"}
        assert one["choices"]["category"][0]["name"] == other["choices"]["category"][0]["name"]
        assert one["box"] == pytest.approx(other["box"], abs=0.1)


def test_a_table_of_several_tasks_trains_without_a_box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """TAO's CSV: all columns are tasks, unless the spec names others."""
    for split, rows in {"train": ("Blue,Summer", "Red,Winter", "Red,Summer"), "val": ("Red,Winter",)}.items():
        (tmp_path / "images").mkdir(exist_ok=True)
        for number, _ in enumerate(rows):
            Image.new("RGB", (40, 30), (90 * number, 0, 0)).save(tmp_path / f"images/{split}{number}.jpg")
        lines = [f"{split}{number}.jpg,{row}\n" for number, row in enumerate(rows)]
        (tmp_path / f"{split}.csv").write_text("fname,colour,season\n" + "".join(lines))
    changes = (
        ("heads: per_type", "heads: joint, box: false, local_features: false"),
        ("loss: {pos_weights: true}\n", ""),
        ("batch_size: 4", "batch_size: 3"),
    )
    spec = written(tmp_path, epochs=1, changes=changes)
    assert train.main(["multitask", "-e", str(spec), "-r", str(tmp_path / "r"), "--threads", "1"]) == 0
    found = checkpoint.open_model(model_of(tmp_path / "r", 1), key=None, network="multitask").recipe
    assert found.names["tasks"] == ("colour", "season")
    assert (found.classes, found.names["values/season"]) == (("Blue", "Red"), ("Summer", "Winter"))
    assert {"top1", "accuracy"} <= {*checkpoint.load(model_of(tmp_path / "r", 1)).metrics}
    capsys.readouterr()
    spec = written(tmp_path, epochs=1, changes=(*changes, ("  batch_size", "  tasks: [season, colour]\n  batch_size")))
    assert train.main(["multitask", "-e", str(spec), "-r", str(tmp_path / "s")]) == 2
    assert _error(capsys).startswith(f"error: {spec}:5:3: ")


def _error(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    return line


def _spec(old: str, new: str) -> Callable[[Path], Any]:
    return lambda root: (root / "spec.yaml").write_text((root / "spec.yaml").read_text().replace(old, new))


def _other_vocabulary(root: Path) -> None:
    """Validation data of their own, which were not judged by one of the attributes that the training data have."""
    names = drawn(root / "other", train=3, val=3) / "Anno_coarse/list_attr_cloth.txt"
    names.write_text(names.read_text().replace("blue", "azure"))
    _spec(f"val_data_sources: [{{path: {root}}}]", f"val_data_sources: [{{path: {root}/other}}]")(root)


REFUSED: dict[str, tuple[Callable[[Path], Any], int, str, str]] = {
    "attribute": (_spec("  batch_size", "  attributes: [red, gren]\n  batch_size"), 3, "Anno_coarse", "gren"),
    "vocabulary": (_other_vocabulary, 3, "other/Anno_coarse", "blue"),
    "category": (_spec("  batch_size", "  classes: [Tee, Jens]\n  category_types: [a, b]\n  batch_size"), 2,
                 "spec.yaml:5:3", "Jens"),
    "groups": (_spec("  batch_size", "  attributes: [red]\n  attribute_groups: [a, b]\n  batch_size"), 2,
               "spec.yaml:6:3", "attribute_groups"),
    "types": (_spec("  batch_size", "  classes: [Tee]\n  category_types: []\n  batch_size"), 2, "spec.yaml:1:29",
              "per_type"),
    "resize": (_spec("resize: 36", "resize: 20"), 2, "spec.yaml:8:3", "resize"),
    "local": (_spec("per_type", "joint, box: false"), 2, "spec.yaml", "local_features"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_ends_in_one_error_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    spec = written(drawn(tmp_path, train=3, val=3), epochs=1)
    change, code, place, word = REFUSED[name]
    change(tmp_path)
    assert train.main(["multitask", "-e", str(spec), "-r", str(tmp_path / "r")]) == code
    error = _error(capsys)
    assert error.startswith(f"error: {tmp_path}/{place}")
    assert word in error
