"""recipe: in tltpipe.yaml and for tltpipe spec new, from the value in a file of specs/ to the spec that is trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from refusals import error_of
from typer.testing import CliRunner

import specs
from orchestrator.cli import app
from orchestrator.pipeline import judging
from orchestrator.run import Run
from orchestrator.settings import config
from orchestrator.settings.config import Config
from orchestrator.stages import train
from specs import recipes
from tltpipe.errors import ConfigError


def loaded(root: Path, text: str, **flags: str) -> Config:
    (root / "tltpipe.yaml").write_text(text)
    given = {name.replace("__", "."): config.Given(value, f"--{name}") for name, value in flags.items()}
    return config.load(root, flags=given, environment={})


def new(*words: object) -> Any:
    return CliRunner().invoke(app, ["spec", "new", *map(str, words)])


def test_settings_go_over_a_recipe_and_a_recipe_over_the_defaults(tmp_path: Path) -> None:
    chosen = loaded(tmp_path, "network: yolox\nrecipe: clothing-yolov5x\nyolox: {type: s}\n", network__epochs="7")
    settings = chosen.tunables["yolox"]
    assert (settings.type, settings.num_epochs) == ("s", 7)
    assert (settings.momentum, settings.mosaic_scale, settings.closing_epochs) == (0.937, (0.5, 1.5), 0)
    assert settings.score_thresh == specs.tunables("yolox")().score_thresh
    assert "yolox.momentum" not in chosen.sources, "it follows from the recipe, which is a setting itself"
    assert str(chosen.given["yolox.momentum"].where).startswith("recipe clothing-yolov5x of yolox:")


def test_one_size_for_all_goes_over_a_recipe(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "network: yolox\nrecipe: small\nimage_size: [320, 256]\n").tunables["yolox"]
    assert (settings.width, settings.height, settings.type) == (320, 256, "nano")
    ssd = loaded(tmp_path, "recipe: small\n")
    assert (ssd.tunables["ssd"].input_width, ssd.tunables["augment"].output_image_width) == (128, 128)


def test_a_recipe_that_the_network_has_not(tmp_path: Path) -> None:
    error = error_of(ConfigError, loaded, tmp_path, "network: yolox\n\nrecipe: clothing\n")
    assert str(error.where) == f"{tmp_path / 'tltpipe.yaml'}:3:1"
    assert "clothing-yolov5x" in (error.hint or "")
    assert loaded(tmp_path, "network: yolox\nrecipe: null\n").tunables["yolox"] == specs.tunables("yolox")()


@pytest.mark.parametrize("network", ["faster_rcnn", "mask_rcnn", "yolox"])
def test_a_network_needs_no_spec_and_no_setting(network: str, start: Callable[..., Run]) -> None:
    run = start(network=network)
    judging.settle(run)
    spec = run.specs[train.spec_name(run)].spec
    defaults = specs.tunables(network)()
    assert spec.message.train.num_epochs == defaults.num_epochs
    assert spec.message.dataset.train_data_sources[0].json_file == str(run.workspace.coco("train"))
    assert len(spec.message.dataset.classes) > 0


@pytest.mark.parametrize("network", ["dssd", "faster_rcnn", "mask_rcnn", "ssd", "yolox"])
def test_no_setting_of_a_recipe_is_without_effect(network: str, start: Callable[..., Run]) -> None:
    for name in recipes.names(network):
        run = start(network=network, recipe=name)
        judging.settle(run)
        assert [settled.remarks for settled in run.specs.values()] == [()] * len(run.specs)


def test_a_training_by_iterations_has_no_last_epoch_before_it_ends(start: Callable[..., Run]) -> None:
    run = start(network="mask_rcnn", recipe="clothing")
    judging.settle(run)
    spec = run.specs[train.spec_name(run)].spec
    assert specs.training(spec).iterations == 30000
    (pattern,) = train.outputs(run)
    assert pattern.name == "*_epoch_*.*"
    for epoch in (1, 2):
        path = pattern.with_name(f"mask_rcnn_resnet101_epoch_{epoch:03d}.safetensors")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert train.outputs(run) == [path], "the newest, where there is one"


def test_a_spec_from_a_recipe_and_a_yolo_data_set(tmp_path: Path) -> None:
    for split in ("train", "val"):
        (tmp_path / f"images/{split}").mkdir(parents=True)
        (tmp_path / f"labels/{split}").mkdir(parents=True)
        Image.new("RGB", (80, 60)).save(tmp_path / f"images/{split}/{split}.png")
        (tmp_path / f"labels/{split}/{split}.txt").write_text("1 0.5 0.5 0.4 0.4\n")
    data = tmp_path / "two.yaml"
    data.write_text("path: .\ntrain: images/train\nval: images/val\nnames: [vest, skirt]\n")
    path = tmp_path / "train.yaml"
    told = new("yolox", "--recipe", "clothing-yolov5x", "--from", data, "--set", "batch_size=8", "-o", path)
    assert told.exit_code == 0, told.output
    message = specs.parse(path, "yolox").message
    assert (message.model.type, message.train.optim.momentum, message.dataset.batch_size) == ("x", 0.937, 8)
    sources = (*message.dataset.train_data_sources, *message.dataset.val_data_sources)
    assert [source.path for source in sources] == [str(data)] * 2, "it is read as it is: nothing to convert"
    assert message.dataset.classes == ("skirt",), "the class that has objects"
    check = CliRunner().invoke(app, ["spec", "check", str(path)])
    assert (check.exit_code, "no warnings" in check.output) == (0, True)


@pytest.mark.parametrize("network", ["faster_rcnn", "mask_rcnn", "yolox"])
def test_every_field_is_explained(network: str) -> None:
    lines = new(network).stdout.splitlines()
    for number, line in enumerate(lines):
        if ":" not in line or line.lstrip(" -").startswith("#") or line.endswith(":"):
            continue
        assert "  # " in line or lines[number - 1].strip().startswith("# ") or "_dir" in line or "_file" in line, line
    assert max(map(len, lines)) <= 120


def test_what_is_refused() -> None:
    assert new("yolox", "--network", "ssd").exit_code == 2
    assert new("yolox", "--recipe", "smal").exit_code == 2
    assert new("yolx").exit_code == 2


def test_the_list() -> None:
    told = CliRunner().invoke(app, ["spec", "recipes", "yolox", "--json"])
    listed = json.loads(told.stdout)["recipes"]
    assert listed.keys() == {"yolox"}
    assert listed["yolox"]["published"]["settings"]["num_epochs"] == 300
    assert "YOLOX" in listed["yolox"]["published"]["about"]
