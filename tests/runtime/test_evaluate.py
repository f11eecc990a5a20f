"""tlt-evaluate as a program: the block it prints, what it keeps, status.json, and what it refuses."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runtime.programs import evaluate
from runtime.tasks.detection.evaluation import coco

Capture = pytest.CaptureFixture[str]

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("traced_once")]

PICTURES = [
    "confusion.png", "confusion_normalised.png", "precision_recall.png", "precision.png", "recall.png", "f1.png",
    "worst.png", "best.png", "val_batch.jpg",
]  # fmt: skip


def words(trained: Any, results: Path, *more: str) -> list[str]:
    return ["ssd", "-e", str(trained.spec), "-m", str(trained.model), "-r", str(results), *more]


def test_the_block_is_the_one_that_training_printed(trained: Any, tmp_path: Path, capsys: Capture) -> None:
    assert evaluate.main(words(trained, tmp_path, "--no-plots")) == 0
    printed = capsys.readouterr().out
    classes = re.findall(r"^(\S+)\s+AP\s+([\d.]+)$", printed, re.M)
    assert [name for name, _ in classes] == ["circle", "square"]
    mean = re.search(r"^\s*mAP\s+(\d\.\d{3})$", printed, re.M)
    in_training = re.search(r"^\s*mAP\s+(\d\.\d{5})$", trained.said, re.M)
    assert float(mean[1]) == pytest.approx(float(in_training[1]), abs=6e-4)
    lines = [json.loads(line) for line in (tmp_path / "status.json").read_text().splitlines()]
    assert [line["message"] for line in lines] == ["Starting SSD evaluation.", "Evaluation finished successfully."]
    assert lines[1]["kpi"]["mAP"] == pytest.approx(float(mean[1]), abs=6e-4)


def test_everything_is_kept(learned: Any, tmp_path: Path, capsys: Capture) -> None:
    assert evaluate.main(words(learned, tmp_path)) == 0
    printed = capsys.readouterr().out
    folder = tmp_path / "evaluation"
    assert sorted(path.name for path in folder.iterdir()) == sorted(["evaluation.json", "classes.csv", *PICTURES])
    for name in PICTURES:
        assert min(Image.open(folder / name).size) > 300
    told = json.loads((folder / "evaluation.json").read_text())
    assert (told["pictures"], told["objects"]) == (8, 16)
    assert told["pictures_drawn"] == PICTURES
    assert told["mAP"] == pytest.approx(sum(told["average_precision"].values()) / 2)
    assert told["mAP"] > 0.15, "two epochs teach it something; by chance it would be near 0"
    assert re.search(rf"^\s*mAP\s+{told['mAP']:.3f}$", printed, re.M)
    assert list(told["coco"]) == list(coco.NAMES)
    assert told["coco"]["APl"] is None, "pictures of 96x96 have no large object: nothing to measure"
    assert told["all"]["AP50_95"] == told["coco"]["AP"] == told["mAP50_95"]
    assert [told["mean"][name] for name in ("precision", "recall", "f1", "AP50")] == [
        told[name] for name in ("precision", "recall", "F1", "mAP50")
    ]
    assert told["mean"]["recall"] == pytest.approx(sum(row["recall"] for row in told["classes"]) / 2)
    with (folder / "classes.csv").open() as stream:
        kept = list(csv.DictReader(stream))
    assert [row["class"] for row in kept] == ["circle", "square", "all", "mean"]
    assert [row["images"] for row in kept] == ["8", "8", "8", ""]
    assert [float(row["AP50"]) for row in kept[:2]] == [row["AP50"] for row in told["classes"]]
    for row, column in zip(told["classes"], told["confusion"]["counts"], strict=False):
        assert sum(column) == row["objects"] == 8
        assert row["true_positives"] + row["missed"] == row["objects"]
        assert f"{row['AP']:.3f}" in printed
    assert [len(curve["recall"]) for curve in told["curves"].values()] == [101, 101]
    names = {path.name for path in learned.pictures.iterdir()}
    assert {Path(each["picture"]).name for each in told["worst"]} <= names
    assert f"kept        {folder}" in printed


def test_areas_are_those_of_the_boxes_that_are_scored(learned: Any, tmp_path: Path) -> None:
    """A box that leaves its image is cut at the border: its area is what is left, not what the label says."""
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    Image.new("RGB", (96, 96)).save(images / "a.png")
    (labels / "a.txt").write_text("circle 0 0 0 64.3 10.1 160 50 0 0 0 0 0 0 0\n")
    source = ("-i", str(images), "-l", str(labels), "--coco", "--no-plots")
    assert evaluate.main(words(learned, tmp_path, *source)) == 0
    [truth] = json.loads((tmp_path / "evaluation/coco_annotations.json").read_text())["annotations"]
    assert truth["bbox"] == pytest.approx([64.3, 10.1, 31.7, 39.9], abs=1e-4)
    assert truth["area"] == truth["bbox"][2] * truth["bbox"][3]


def test_json_is_all_that_is_printed_and_holds_the_scores(learned: Any, tmp_path: Path, capsys: Capture) -> None:
    assert evaluate.main(words(learned, tmp_path, "--json", "--no-plots")) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((tmp_path / "evaluation/evaluation.json").read_text())
    assert told["pictures_drawn"] == []
    assert sorted(path.name for path in (tmp_path / "evaluation").iterdir()) == ["classes.csv", "evaluation.json"]
    assert (told["network"], told["task"], told["primary"]) == ("ssd_resnet10", "detection", "mAP")
    per_class = told["per_class"]["AP"]
    assert told["mAP"] == told["figures"]["mAP"] == pytest.approx(sum(per_class.values()) / len(per_class))
    assert {f"coco/{name}": value for name, value in told["coco"].items()} == {
        name: value for name, value in told["figures"].items() if "/" in name
    }


def test_a_threshold_of_ones_own(learned: Any, tmp_path: Path, capsys: Capture) -> None:
    counts = []
    for threshold in ("0.05", "0.95"):
        assert evaluate.main(words(learned, tmp_path, "--json", "--no-plots", "-t", threshold)) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["threshold"] == float(threshold)
        counts.append(told["all"]["detections"])
    assert counts[0] > counts[1]
    assert evaluate.main(words(learned, tmp_path, "-t", "1")) == 2
    assert "-t must lie between 0 and 1" in capsys.readouterr().err


def test_without_a_folder_results_lie_beside_the_model(learned: Any, tmp_path: Path) -> None:
    model = tmp_path / "weights" / learned.model.name
    shutil.copytree(learned.model.parent, model.parent, ignore=lambda _, names: {"data"} & set(names))
    assert evaluate.main(["ssd", "-e", str(learned.spec), "-m", str(model), "--no-plots"]) == 0
    assert (model.parent / "evaluation/evaluation.json").is_file()
    assert (model.parent / "status.json").is_file()


def test_an_exported_model_is_as_good(learned: Any, tmp_path: Path, capsys: Capture) -> None:
    pytest.importorskip("onnxruntime")
    from runtime.programs import export

    model = tmp_path / "model.onnx"
    assert export.main(["ssd", "-m", str(learned.model), "-e", str(learned.spec), "-o", str(model)]) == 0
    capsys.readouterr()
    told = []
    for path in (learned.model, model):
        line = ["ssd", "-e", str(learned.spec), "-m", str(path), "-r", str(tmp_path), "--json", "--no-plots"]
        assert evaluate.main(line) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert "ONNX Runtime" in told[1]["ran_on"]
    assert told[1]["mAP"] == pytest.approx(told[0]["mAP"], abs=1e-3)
    assert told[1]["coco"]["AP"] == pytest.approx(told[0]["coco"]["AP"], abs=1e-3)


def test_an_exported_model_and_a_spec_that_says_otherwise(learned: Any, tmp_path: Path, capsys: Capture) -> None:
    from runtime.programs import export

    model = tmp_path / "model.onnx"
    assert export.main(["ssd", "-m", str(learned.model), "-o", str(model)]) == 0
    wide = learned.shapes.spec(name="wide.conf", replace=("output_image_width: 64", "output_image_width: 96"))
    assert evaluate.main(["ssd", "-e", str(wide), "-m", str(model), "--no-plots"]) == 4
    assert "takes pictures of 64x64, the spec says 96x64" in capsys.readouterr().err
    few = learned.shapes.spec(name="few.conf", replace=("top_k: 50", "top_k: 7"))
    assert evaluate.main(["ssd", "-e", str(few), "-m", str(model), "--no-plots"]) == 0
    assert "top_k 20, not 7" in capsys.readouterr().err


def test_nothing_to_find(learned: Any, tmp_path: Path, capsys: Capture) -> None:
    from runtime.programs import dataset_convert

    labels = tmp_path / "data/labels"
    labels.mkdir(parents=True)
    shutil.copytree(learned.pictures, tmp_path / "data/images")
    for picture in learned.pictures.iterdir():
        (labels / f"{picture.stem}.txt").touch()
    text = f"""kitti_config {{ root_directory_path: "{tmp_path}/data" image_dir_name: "images" label_dir_name: "labels"
        image_extension: ".{next(learned.pictures.iterdir()).suffix[1:]}" partition_mode: "random" num_partitions: 2
        num_shards: 1 }} image_directory_path: "{tmp_path}/data" """
    (tmp_path / "convert.conf").write_text(text)
    assert dataset_convert.main(["-d", str(tmp_path / "convert.conf"), "-o", str(tmp_path / "records/bare")]) == 0
    source = f"""validation_data_source {{ tfrecords_path: "{tmp_path}/records/bare*"
        image_directory_path: "{tmp_path}/data" }}"""
    bare = learned.shapes.spec(name="unlabelled.conf", validation=source)
    line = ["ssd", "-e", str(bare), "-m", str(learned.model), "-r", str(tmp_path), "--no-plots"]
    assert evaluate.main(line) == 3
    assert "validation pictures has an object" in capsys.readouterr().err
    assert evaluate.main([*line, "--strict-tlt"]) == 0


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"validation": ""}, 3, "no validation data"),
        ({"replace": ("nlayers: 10", "nlayers: 18")}, 4, "ssd_resnet10"),
        ({"replace": ("[1.0, 2.0, 0.5]", "[1.0, 2.0]")}, 4, "error: "),
    ],
    ids=["no validation data", "another network", "another shape"],
)
def test_a_spec_that_does_not_fit(
    trained: Any, tmp_path: Path, capsys: Capture, change: dict[str, Any], code: int, word: str
) -> None:
    spec = trained.shapes.spec(name="other.conf", **change)
    assert evaluate.main(["ssd", "-e", str(spec), "-m", str(trained.model), "-r", str(tmp_path)]) == code
    assert word in capsys.readouterr().err
    assert not (tmp_path / "evaluation").exists()


def test_a_model_that_is_not_there(trained: Any, tmp_path: Path, capsys: Capture) -> None:
    missing = tmp_path / "nowhere" / "no.tlt"
    assert evaluate.main(["ssd", "-e", str(trained.spec), "-m", str(missing), "-r", str(tmp_path)]) == 4
    assert "there is no such" in capsys.readouterr().err
    assert json.loads((tmp_path / "status.json").read_text().splitlines()[-1])["status"] == "FAILURE"
    assert evaluate.main(["ssd", "-e", str(trained.spec), "-m", str(missing)]) == 4
    assert not missing.parent.exists(), "a typing error makes no folders"
