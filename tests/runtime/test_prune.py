"""tlt-prune, the program: from a trained model to a smaller one that evaluates and trains again."""

import dataclasses
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from refusals import error_of

torch = pytest.importorskip("torch")

import specs
from runtime import networks
from runtime.programs import evaluate, prune, train
from runtime.pruning import report
from runtime.weights import checkpoint

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def model(trained, tmp_path_factory) -> Path:
    """The trained detector, its filters of very different weight; with what training needs to go on."""
    loaded = checkpoint.load(trained.model, "nvidia-tlt")
    torch.manual_seed(0)
    scaled = {
        name: tensor * (torch.rand(len(tensor), 1, 1, 1) + 0.05) if tensor.dim() == 4 else tensor
        for name, tensor in loaded.model.items()
    }
    path = tmp_path_factory.mktemp("model") / "ssd.safetensors"
    checkpoint.save(path, replace(loaded, model=scaled))
    return path


def test_a_smaller_model_evaluates_and_trains_again(trained, model: Path, tmp_path: Path, capsys) -> None:
    output = tmp_path / "small/pruned.safetensors"
    assert prune.main(["ssd", "-m", str(model), "-o", str(output), "-pth", "0.6", "--results_dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    whole, pruned = checkpoint.load(model), checkpoint.load(output)
    assert pruned.pruned
    assert pruned.resume is None
    assert (pruned.network, pruned.classes, pruned.epoch, pruned.spec) == (
        *(whole.network, whole.classes, whole.epoch, whole.spec),
    )
    told = json.loads((tmp_path / "small/pruned.pruning.json").read_text())
    count = sum(tensor.numel() for tensor in pruned.model.values() if tensor.is_floating_point())
    assert told["after"]["parameters"] == count < told["before"]["parameters"]
    assert f"{told['before']['parameters']:,} parameters (" in trained.said, "training counts them alike"
    assert told["after"]["file_bytes"] == output.stat().st_size
    assert told["after"]["flops"] < told["before"]["flops"]
    ratio = count / told["before"]["parameters"]
    assert told["pruning_ratio"] == pytest.approx(ratio)
    assert f"{report.RATIO}: {ratio:.6f}" in said
    assert {row["layer"]: row["kept"] for row in told["layers"]} == {
        name.removesuffix(".weight"): len(tensor) for name, tensor in pruned.model.items() if tensor.dim() == 4
    }
    status = [json.loads(line) for line in (tmp_path / "status.json").read_text().splitlines()]
    assert status[-1]["status"] == "SUCCESS"
    assert status[-1]["kpi"] == {
        **{"pruning_ratio": told["pruning_ratio"], "size": output.stat().st_size, "param_count": count},
    }

    spec = trained.shapes.spec(epochs=1, period=1, name="again.conf")
    assert evaluate.main(["ssd", "-e", str(spec), "-m", str(output), "--gpus", "0", "-r", str(tmp_path)]) == 0
    results = tmp_path / "retrained"
    assert train.main(["ssd", "-e", str(spec), "-m", str(output), "-r", str(results), "--gpus", "0"]) == 0
    again, _ = checkpoint.newest(results, whole.network)
    shapes = {name: tensor.shape for name, tensor in checkpoint.load(again).model.items()}
    assert shapes == {name: tensor.shape for name, tensor in pruned.model.items()}
    assert evaluate.main(["ssd", "-e", str(spec), "-m", str(again), "--gpus", "0", "-r", str(results)]) == 0


def test_it_can_be_pruned_further(model: Path, tmp_path: Path, capsys) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    assert prune.main(["-m", str(model), "-o", str(first), "-pth", "0.4"]) == 0
    assert prune.main(["-m", str(first), "-o", str(second), "-pth", "0.8", "--json"]) == 0
    said = capsys.readouterr().out
    told = json.loads(said[said.index("{") :])
    assert told == json.loads((tmp_path / "second.pruning.json").read_text())
    assert (
        told["before"]["parameters"] == json.loads((tmp_path / "first.pruning.json").read_text())["after"]["parameters"]
    )
    assert told["pruning_ratio"] < 0.9
    assert told["rule"]["threshold"] == 0.8


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["-pth", "0"], "the least norm is 0.0"),
        (["-pth", "0.9", "-nf", "10000"], "-nf 10000 and -pg 8 keep what is below -pth"),
    ],
)
def test_nothing_to_remove(model: Path, tmp_path: Path, capsys, options, reason) -> None:
    output = tmp_path / "same.safetensors"
    assert prune.main(["-m", str(model), "-o", str(output), *options]) == 0
    assert f"warning: nothing was removed: {reason}" in capsys.readouterr().err
    told = json.loads((tmp_path / "same.pruning.json").read_text())
    assert told["pruning_ratio"] == 1
    assert 0 < told["least_norm"] < 0.2


def test_the_key_is_for_both(model: Path, tmp_path: Path, capsys) -> None:
    locked, output = tmp_path / "locked.tlt", tmp_path / "pruned.tlt"
    checkpoint.save(locked, checkpoint.load(model), "hush")
    assert prune.main(["-m", str(locked), "-o", str(output), "-k", "wrong"]) == 4
    assert prune.main(["-m", str(locked), "-o", str(output)]) == 4
    assert "key" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locked.tlt"]
    assert prune.main(["-m", str(locked), "-o", str(output), "-k", "hush", "-pth", "0.6"]) == 0
    assert checkpoint.load(output, "hush").pruned
    assert checkpoint.recognise(output) == "encrypted"


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["-pth", "1"], 2, "-pth must be below 1"),
        (["-pth", "-0.1"], 2, "-pth must be a number from 0 on"),
        (["-pth", "nan"], 2, "-pth must be a number from 0 on"),
        (["-pg", "0"], 2, "-pg must be 1 or more"),
        (["-nf", "-1"], 2, "-nf must be 0 or more"),
        (["-n", "L2", "-pth", "1000", "-nf", "0"], 2, "no filter of features.backbone.conv1 would be left"),
        (["-el", "conv1", "block_9a_conv_1"], 2, 'this model has no layer "block_9a_conv_1"'),
    ],
)
def test_what_cannot_be_asked(model: Path, tmp_path: Path, capsys, options, code, message) -> None:
    assert prune.main(["-m", str(model), "-o", str(tmp_path / "x.safetensors"), *options]) == code
    told = capsys.readouterr()
    assert message in told.err
    assert "Traceback" not in told.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [["-eq", "onion"], ["-n", "L3"], ["yolo"], ["-pth", "much"]])
def test_words_it_does_not_know(model: Path, tmp_path: Path, options) -> None:
    error = error_of(SystemExit, lambda: prune.main([*options, "-m", str(model), "-o", str(tmp_path / "x.tlt")]))
    assert error.code == 2


def test_files_of_other_kinds(model: Path, tmp_path: Path, capsys) -> None:
    onnx, output = tmp_path / "model.onnx", tmp_path / "out.safetensors"
    onnx.write_bytes(b"\x08\x07\x12\x04torch")
    assert prune.main(["-m", str(onnx), "-o", str(output)]) == 4
    assert "an ONNX model cannot be pruned" in capsys.readouterr().err
    assert prune.main(["-m", str(tmp_path / "none.tlt"), "-o", str(output)]) == 4
    assert prune.main(["-m", str(model), "-o", str(tmp_path)]) == 2
    assert prune.main(["-m", str(model), "-o", str(tmp_path / "x.hdf5")]) == 2
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(model.read_bytes()[:-1000])
    assert prune.main(["-m", str(damaged), "-o", str(output)]) == 4
    poisoned = checkpoint.load(model)
    poisoned.model["features.backbone.conv1.weight"][3, 0, 0, 0] = float("nan")
    checkpoint.save(damaged, poisoned)
    capsys.readouterr()
    assert prune.main(["-m", str(damaged), "-o", str(output)]) == 4
    assert "features.backbone.conv1: its weights are not all finite" in capsys.readouterr().err
    assert not output.exists()


def test_nothing_is_written_over_by_accident(model: Path, tmp_path: Path, capsys) -> None:
    mine, output = tmp_path / "mine.safetensors", tmp_path / "out.safetensors"
    shutil.copy(model, mine)
    assert prune.main(["-m", str(mine), "-o", str(mine), "--force"]) == 2
    assert mine.read_bytes() == model.read_bytes()
    (tmp_path / "out.json").write_text("a file of mine")
    assert prune.main(["-m", str(mine), "-o", str(output)]) == 2
    assert "out.json exists already" in capsys.readouterr().err
    assert prune.main(["-m", str(mine), "-o", str(output), "--force"]) == 0
    first = output.read_bytes()
    assert prune.main(["-m", str(mine), "-o", str(output), "-pth", "0.9"]) == 2
    assert output.read_bytes() == first
    assert prune.main(["-m", str(mine), "-o", str(output), "-pth", "0.9", "--force"]) == 0
    assert len(output.read_bytes()) < len(first)


def test_another_spec_than_the_model_s(trained, model: Path, tmp_path: Path, capsys) -> None:
    output = tmp_path / "pruned.safetensors"
    assert prune.main(["-m", str(model), "-o", str(output), "-pth", "0.6"]) == 0
    deeper = trained.shapes.spec(name="deeper.conf", replace=("nlayers: 10", "nlayers: 18"))
    assert prune.main(["-m", str(model), "-o", str(tmp_path / "x.tlt"), "-e", str(deeper)]) == 4
    assert "holds ssd_resnet10, the spec describes ssd_resnet18" in capsys.readouterr().err
    retraining = ["-m", str(output), "-r", str(tmp_path / "results"), "--gpus", "0"]
    assert train.main(["ssd", "-e", str(deeper), *retraining]) == 4
    assert "block_1b.conv_1" in capsys.readouterr().err  # the first layer that a resnet10 has not


@pytest.mark.parametrize("words", [[], ["ssd"]])
def test_a_checkpoint_of_a_network_that_is_not_here(model: Path, tmp_path: Path, capsys, words) -> None:
    """It is not taken for a model of the network that comes first in the alphabet."""
    other = tmp_path / "other.safetensors"
    checkpoint.save(other, dataclasses.replace(checkpoint.load(model), network="yolo_v9", spec="no { spec: of ssd's }"))
    assert prune.main([*words, "-m", str(other), "-o", str(tmp_path / "pruned.safetensors")]) == 4
    printed = capsys.readouterr().err
    assert f"error: {other}: " in printed
    assert "yolo_v9" in printed
    assert not (tmp_path / "pruned.safetensors").exists()


FASTER = """
model: {backbone: {type: resnet18, norm: batch}}
dataset: {classes: [a, b], train_data_sources: [{image_dir: images, json_file: train.json}]}
train: {num_epochs: 1}
"""


def test_a_network_that_cannot_be_pruned(tmp_path: Path, capsys) -> None:
    recipe = networks.recipe(specs.parse_text(FASTER, "faster_rcnn", source="train.yaml"))
    state = networks.load("faster_rcnn").build(recipe).state_dict()
    path, output = tmp_path / "model.safetensors", tmp_path / "pruned.safetensors"
    checkpoint.save(path, checkpoint.Checkpoint(recipe.name, recipe.classes, 1, state, FASTER))
    for words, what in (([], "cannot be pruned"), (["ssd"], "a model of faster_rcnn, not of ssd")):
        assert prune.main([*words, "-m", str(path), "-o", str(output)]) == 4
        printed = capsys.readouterr().err
        assert f"error: {path}: " in printed
        assert what in printed
    assert not output.exists()


def test_other_anchors_get_new_heads_on_the_narrow_network(trained, model: Path, tmp_path: Path, capsys) -> None:
    output = tmp_path / "pruned.safetensors"
    assert prune.main(["-m", str(model), "-o", str(output), "-pth", "0.6"]) == 0
    spec = trained.shapes.spec(name="anchors.conf", replace=("1.0, 2.0, 0.5", "1.0, 2.0, 0.5, 3.0"), epochs=1)
    assert evaluate.main(["ssd", "-e", str(spec), "-m", str(output), "--gpus", "0", "-r", str(tmp_path)]) == 4
    assert "conf.0" in capsys.readouterr().err
    results = tmp_path / "results"
    assert train.main(["ssd", "-e", str(spec), "-m", str(output), "-r", str(results), "--gpus", "0"]) == 0
    before = checkpoint.load(output).model
    path, _ = checkpoint.newest(results, "ssd_resnet10")
    for name, tensor in checkpoint.load(path).model.items():
        assert torch.isfinite(tensor).all()
        assert tensor.shape == before[name].shape or name.startswith(("conf.", "loc."))


def test_help_does_without_anything_heavy() -> None:
    script = (
        "import sys\nfrom runtime.programs import prune\n"
        "try: prune.main(['--help'])\nexcept SystemExit as end: assert not end.code\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'google.protobuf')))"
    )
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=True, stdout=subprocess.DEVNULL)
