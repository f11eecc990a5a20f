"""tlt-evaluate and tlt-infer whose images two workers share: every output has the bytes of a run of one process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixed_model import map_model, model
from output_trees import tree
from PIL import Image, ImageDraw

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

import specs
from runtime import networks
from runtime.inference import fan_out
from runtime.programs import evaluate, infer
from runtime.weights import checkpoint
from tltpipe import executors

pytestmark = pytest.mark.torch

COUNT, CHUNK = 20, 8
COCO = "{{image_dir: {root}/images, json_file: {root}/coco.json}}"
TABLE = "{{path: {root}/table}}"
NETWORKS = {
    "yolox": (COCO, "width: 32, height: 32, batch_size: 4", "model: {type: nano}"),
    "mask_rcnn": (
        COCO, "classes: [skirt], batch_size: 4",
        "model: {backbone: {type: resnet18, returned_layers: [2, 3], fpn_channels: 16}, min_size: 64, max_size: 96, "
        "anchor_sizes: [[16], [32], [48]], box: {representation_size: 16, score_thresh: 0.05}, "
        "mask: {layers: [16], dim_reduced: 16}}\nevaluate: {batch_size: 4, area: mask}",
    ),
    "hrnet": (
        COCO, "classes: [skirt], width: 64, height: 64, batch_size: 4",
        "model: {type: w18_small}\nevaluate: {batch_size: 4}",
    ),
    "unet": (COCO, "classes: [skirt], width: 32, height: 64, batch_size: 4", ""),
    "multitask": (
        TABLE, "width: 32, height: 32, resize: 36, batch_size: 4",
        "model: {backbone: resnet18, heads: joint, box: false, local_features: false}",
    ),
}  # fmt: skip
"""Of each network the source of its data, settings of these, and the rest of its spec."""
ORDER = (0, 1, 2, 3, 4, 5, 6, 7)
SKIRT = ((0, 0), (10, 2), (20, 0), (22, 10), (25, 30), (12, 32), (0, 30), (-1, 10))


@pytest.fixture(scope="module", autouse=True)
def pair() -> Iterator[None]:
    """The executor "pair", and chunks of eight images."""
    executors.__path__.append(str(Path(__file__).parents[1] / "helpers/more_executors"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fan_out, "CHUNK", CHUNK)
        yield
    executors.__path__.pop()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Skirts with outlines and landmarks as COCO has them, and their colours in a table."""
    root = tmp_path_factory.mktemp("data")
    (root / "images").mkdir()
    images, things, rows = [], [], []
    for number in range(COUNT):
        draws = np.random.default_rng(number)
        name, (x, y) = f"{number:02}.png", draws.integers(1, 20, 2).tolist()
        ring, red = [(x + across, y + down) for across, down in SKIRT], bool(draws.integers(2))
        image = Image.new("RGB", (48 + number % 3, 56), tuple(draws.integers(90, 130, 3).tolist()))
        ImageDraw.Draw(image).polygon([ring[place] for place in ORDER], fill=(250, 40, 40) if red else (40, 60, 250))
        image.save(root / "images" / name)
        images.append({"id": number, "file_name": name, "width": image.width, "height": image.height})
        things.append({
            "id": number + 1, "image_id": number, "category_id": 1, "bbox": [x, y, 25, 32], "area": 700, "iscrowd": 0,
            "segmentation": [[value for place in ORDER for value in ring[place]]], "num_keypoints": 8,
            "keypoints": [value for point in ring for value in (*point, 2)],
        })  # fmt: skip
        rows.append(f"{name},{'red' if red else 'blue'},{'summer' if number % 3 else 'winter'}\n")
    skirt = {"id": 1, "name": "skirt", "keypoints": [*map(str, range(1, 9))], "skeleton": []}
    (root / "coco.json").write_text(json.dumps({"images": images, "annotations": things, "categories": [skirt]}))
    (root / "torn").mkdir()
    (root / "torn/torn.jpg").write_bytes(b"\xff\xd8\xff no image")
    (root / "table").mkdir()
    (root / "table/images").symlink_to(root / "images")
    for split in ("train", "val"):
        (root / f"table/{split}.csv").write_text("fname,colour,season\n" + "".join(rows))
    return root


def opened(network: str, data: Path) -> tuple[Path, Path]:
    """A spec, and a model with weights as they are drawn, or that says the same of all images."""
    source, settings, more = NETWORKS[network]
    source = source.format(root=data)
    lists = f"train_data_sources: [{source}], val_data_sources: [{source}], {settings}, workers: 1"
    spec = data / f"{network}.yaml"
    spec.write_text(f"dataset: {{{lists}}}\n{more}\n")
    if network == "unet":
        return spec, map_model(data / "unet.onnx", ("skirt",), np.indices((64, 32)).sum(0).astype(np.uint8) // 24 % 2)
    module: Any = networks.load(network)
    recipe = module.recipe(specs.parse(spec, network))
    torch.manual_seed(1)
    weights = module.build(recipe).state_dict()
    path = data / f"{recipe.name}.safetensors"
    checkpoint.save(path, checkpoint.Checkpoint(recipe.name, recipe.classes, 1, weights, spec.read_text()))
    return spec, path


def finder(data: Path) -> Path:
    """A model that finds two skirts on every image."""
    return model(data / "finder.onnx", ("skirt",), 64, [[4, 4, 40, 40], [16, 16, 60, 60]], [1, 1])


def both(
    program: Any, words: list[Any], out: Path, monkeypatch: pytest.MonkeyPatch, *, code: int = 0
) -> dict[str, str]:
    """The files of a run, which are those of one process and of two."""
    trees = []
    for executor in ("", "pair"):
        monkeypatch.setenv(executors.VARIABLE, executor)
        folder = out / (executor or "alone")
        assert program.main([str(word).replace("OUT", str(folder)) for word in words]) == code
        trees.append(tree(folder))
    monkeypatch.delenv(executors.VARIABLE)
    assert trees[0] == trees[1]
    return trees[0]


@pytest.mark.parametrize("network", NETWORKS)
def test_two_workers_give_the_bytes_of_one_process(
    network: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, path = opened(network, data)
    words = [network, "-e", spec, "-m", path, "--threads", "1"]
    written = ["--coco"] if network in ("yolox", "mask_rcnn", "hrnet") else []
    drawn = [] if network == "unet" else ["--no-plots"]  # charts take longer than all the rest
    found = both(evaluate, [*words, "-r", "OUT", *written, *drawn], tmp_path / "evaluated", monkeypatch)
    assert found.keys() >= {"evaluation/evaluation.json"} | ({"evaluation/val_batch.jpg"} if not drawn else set())
    more = {
        "yolox": ["-t", "0.001", "--coco", "OUT/coco.json", "--sheet", "OUT/sheet.png"],
        "mask_rcnn": ["--coco", "OUT/coco.json"],
        "hrnet": ["--cascade", finder(data), "--coco", "OUT/coco.json"],
        "unet": ["--cutouts", "OUT/cutouts", "--sheet", "OUT/sheet.png"],
        "multitask": ["--ten_crop"],
    }[network]
    images = ["-i", data / "images", data / "torn"]
    found = both(infer, [*words, *images, "-r", "OUT", *more], tmp_path / "inferred", monkeypatch, code=3)
    assert len([name for name in found if name.startswith("images_annotated/")]) == COUNT
    assert f"error: {data / 'torn/torn.jpg'}: " in capsys.readouterr().err


def test_a_run_that_lost_a_worker_goes_on_where_it_was(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its first chunk is not done again, unless its files were changed; without an executor it goes on as well."""
    monkeypatch.chdir(data)  # paths that are not absolute
    words = ["ssd", "-i", "images", "-m", finder(data).name, "--threads", "1", "--coco", "OUT/coco.json", "-l", "OUT"]
    whole = both(infer, words, tmp_path, monkeypatch)
    for last in ("pair", ""):
        out = tmp_path / f"killed-{last}"
        own = [word.replace("OUT", str(out)) for word in words]
        monkeypatch.setenv(executors.VARIABLE, "pair:1")
        assert infer.main(own) == 1
        assert not (out / "coco.json").exists()
        [(first, written), *_] = sorted((path, path.stat().st_mtime_ns) for path in out.glob("*.txt"))
        if last:
            (out / "03.txt").write_text("changed by somebody meanwhile")
        monkeypatch.setenv(executors.VARIABLE, last)
        assert infer.main(own) == 0
        assert tree(out) == whole
        assert (first.stat().st_mtime_ns == written) is not bool(last)
        assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []
    assert "a worker was lost" in capsys.readouterr().err


def test_parts_of_an_array_are_put_together_by_the_run_without_one(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, path = opened("unet", data)
    words = ["unet", "-e", spec, "-m", path, "-r", "OUT", "--threads", "1", "--no-plots"]
    whole = both(evaluate, words, tmp_path, monkeypatch)
    own = [str(word).replace("OUT", str(tmp_path / "parts")) for word in words]
    for part in ("1/2", "0/2"):
        monkeypatch.setenv(executors.VARIABLE, f"array:{part}")
        assert evaluate.main(own) == 0
        assert not (tmp_path / "parts/evaluation").exists()
    assert "part 2 of 2 is done: 1 chunks" in capsys.readouterr().err
    monkeypatch.delenv(executors.VARIABLE)
    assert evaluate.main(own) == 0
    assert tree(tmp_path / "parts") == whole


def test_an_image_that_cannot_be_read_is_named_as_in_one_process(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(data / "images", folder / "images")
    (folder / "coco.json").write_bytes((data / "coco.json").read_bytes())
    (folder / "images/17.png").write_bytes(b"no image")
    monkeypatch.chdir(folder)
    spec, path = opened("unet", Path())
    for executor in ("", "pair"):
        monkeypatch.setenv(executors.VARIABLE, executor)
        assert evaluate.main(["unet", "-e", str(spec), "-m", str(path), "-r", f"out{executor}", "--threads", "1"]) == 3
        assert "error: images/17.png: " in capsys.readouterr().err
        assert [each.name for each in Path(f"out{executor}").iterdir()] == ["status.json"]


def test_results_that_no_folder_gets_are_refused_before_anything_is_done(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(executors.VARIABLE, "pair")
    assert infer.main(["ssd", "-i", str(data / "images"), "-m", str(finder(data)), "--json"]) == 2
    assert executors.VARIABLE in capsys.readouterr().err
