"""tlt-export as a program: every format runs again to the same boxes, files appear whole or not at all."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.programs import export

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("traced_once")]

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from ssd_specs import LATER

from runtime.inference import backends
from runtime.networks.ssd.export import dense
from runtime.tasks.detection import difference

Capture = pytest.CaptureFixture[str]

SUFFIXES = {"onnx": ".onnx", "onnx_raw": ".onnx", "deepstream": ".onnx", "pt2": ".pt2"}


def words(learned: Any, out: Path, *more: str) -> list[str]:
    return ["ssd", "-m", str(learned.model), "-e", str(learned.spec), "-o", str(out), *more]


def look(path: Path, learned: Any, *, spec: bool = False) -> tuple[Any, np.ndarray]:
    """The model in ``path``, and what it takes of the pictures that ``learned`` has validated on."""
    import specs
    from runtime.networks import ssd

    wanted = backends.ModelRequest("ssd", ssd.recipe(specs.parse(learned.spec, "ssd")) if spec else None)
    model = backends.open(path, wanted)
    return model, np.stack([model.load_image(each)[0] for each in sorted(learned.pictures.iterdir())[:9]])


@pytest.mark.parametrize("format", SUFFIXES)
def test_every_format_finds_what_the_checkpoint_finds(
    learned: Any, tmp_path: Path, format: str, capsys: Capture
) -> None:
    target = tmp_path / f"model{SUFFIXES[format]}"
    assert export.main(words(learned, target, "--format", format)) == 0
    assert "verified" in capsys.readouterr().out
    trained, pixels = look(learned.model, learned)
    exported, again = look(target, learned, spec=True)
    assert (pixels == again).all()
    apart = difference.between(trained(pixels), exported(pixels))
    assert apart.boxes > 100
    assert apart.alone == 0
    assert apart.pixels < 1e-3
    assert apart.scores < 1e-4
    more = {"deepstream": ["nvinfer_config.txt"], "pt2": [f"{target.name}.seal"]}.get(format, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["labels.txt", f"{target.name}.json", target.name, *more]
    )


@pytest.mark.parametrize("format", SUFFIXES)
def test_batches_of_one_size(learned: Any, tmp_path: Path, format: str) -> None:
    target = tmp_path / f"model{SUFFIXES[format]}"
    assert export.main(words(learned, target, "--format", format, "--static_batch_size", "4")) == 0
    trained, pixels = look(learned.model, learned)
    exported, _ = look(target, learned)
    apart = difference.between(trained(pixels), exported(pixels))
    assert apart.within(difference.EXACT)
    assert apart.alone == 0  # nine pictures: two batches and a part
    if target.suffix == ".onnx":
        (given,) = onnx.load(target).graph.input
        assert [each.dim_value for each in given.type.tensor_type.shape.dim] == [4, 3, 64, 64]


@pytest.mark.parametrize("opset", [13, 17, 20])
def test_opsets(learned: Any, tmp_path: Path, opset: int) -> None:
    assert export.main(words(learned, tmp_path / "model.onnx", "--target_opset", str(opset))) == 0
    model = onnx.load(tmp_path / "model.onnx")
    assert [(each.domain, each.version) for each in model.opset_import] == [("", opset)]
    assert not [node.op_type for node in model.graph.node if node.op_type == "BatchNormalization"]


def test_what_lies_beside_the_model(learned: Any, tmp_path: Path) -> None:
    assert export.main(words(learned, tmp_path / "model")) == 0
    assert (tmp_path / "labels.txt").read_text() == "background\ncircle\nsquare\n"
    told = json.loads((tmp_path / "model.onnx.json").read_text())
    assert told["classes"] == ["circle", "square"]
    assert (told["height"], told["width"], told["background"]) == (64, 64, False)
    assert told["thresholds"]["top_k"] == 20
    assert told["input"]["shape"] == ["batch", 3, 64, 64]
    assert told["verified"]["boxes"] > 0
    assert told["made"]["of"] == learned.model.name
    outputs = {each.name for each in onnx.load(tmp_path / "model.onnx").graph.output}
    assert set(told["outputs"]) == outputs == {"boxes", "labels", "scores", "count"}


def test_the_graph_for_deepstream(learned: Any, tmp_path: Path) -> None:
    assert export.main(words(learned, tmp_path / "model.onnx", "--gen_ds_config", "--data_type", "fp16")) == 0
    graph = onnx.load(tmp_path / "model.onnx").graph
    (given,) = graph.input
    assert given.name == "Input"
    assert [each.dim_param or each.dim_value for each in given.type.tensor_type.shape.dim] == ["batch", 3, 64, 64]
    (plugin,) = (node for node in graph.node if node.op_type == "NMSDynamic_TRT")
    assert list(plugin.output) == ["NMS", "NMS_1"] == [each.name for each in graph.output]
    settings = {each.name: onnx.helper.get_attribute_value(each) for each in plugin.attribute}
    assert settings.pop("confidenceThreshold") == pytest.approx(0.01)
    assert settings.pop("nmsThreshold") == pytest.approx(0.6)
    assert settings == {
        "shareLocation": 1, "varianceEncodedInTarget": 0, "backgroundLabelId": -1, "topK": 40, "keepTopK": 20,
        "codeType": 1, "numClasses": 2, "inputOrder": [1, 2, 0], "confSigmoid": 0, "isNormalized": 1, "scoreBits": 0,
    }  # fmt: skip
    model, pixels = look(tmp_path / "model.onnx", learned)
    anchors, offsets, scores = model.run(pixels[:3]).values()
    count = anchors.shape[2] // 4
    assert anchors.shape == (3, 2, 4 * count, 1)
    assert offsets.shape == (3, 4 * count, 1, 1)
    assert scores.shape == (3, 2 * count, 1, 1)
    assert anchors[2, 1].reshape(-1, 4)[7] == pytest.approx([0.1, 0.1, 0.2, 0.2])
    config = (tmp_path / "nvinfer_config.txt").read_text().splitlines()
    wanted = {
        "[property]", "net-scale-factor=1.0", "offsets=103.939;116.779;123.68", "model-color-format=1",
        "infer-dims=3;64;64", "network-type=0", "network-mode=2", "num-detected-classes=2", "output-blob-names=NMS",
        "uff-input-blob-name=Input", "parse-bbox-func-name=NvDsInferParseCustomNMSTLT", "onnx-file=model.onnx",
        "labelfile-path=labels.txt", "maintain-aspect-ratio=0",
    }  # fmt: skip
    assert wanted <= set(config)


def test_int8_and_what_it_costs(learned: Any, tmp_path: Path, capsys: Capture) -> None:
    calibration = ["--cal_image_dir", str(learned.pictures), "--batches", "3", "--batch_size", "4"]
    assert export.main(words(learned, tmp_path / "fp32.onnx", "--data_type", "int8", *calibration)) == 0
    said = capsys.readouterr().out
    told = json.loads((tmp_path / "fp32.onnx.json").read_text())["int8"]
    printed = re.search(r"mAP (\S+) instead of (\S+):", said)
    assert [float(each) for each in printed.groups()] == pytest.approx(list(told["mAP"].values()), abs=1e-4)
    assert told["mAP"]["fp32"] > 0.15, "this detector has learned something"
    assert told["mAP"]["int8"] > told["mAP"]["fp32"] - 0.15
    assert told["calibration_pictures"] == 12
    assert told["bytes"]["int8"] < 0.4 * told["bytes"]["fp32"]
    assert told["bytes"]["int8"] == (tmp_path / "fp32.onnx").stat().st_size
    graph = onnx.load(tmp_path / "fp32.onnx").graph
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("QuantizeLinear") > 5
    assert {node.domain for node in graph.node} == {""}
    # It finds the same things, roughly.
    trained, pixels = look(learned.model, learned)
    small, _ = look(tmp_path / "fp32.onnx", learned)
    for one, other in zip(trained(pixels), small(pixels), strict=True):
        assert one["labels"][0] in other["labels"][:3]


def test_pictures_that_int8_cannot_be_measured_on(learned: Any, tmp_path: Path, capsys: Capture) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a.jpg").write_text("no picture")
    line = words(learned, tmp_path / "out/model.onnx", "--data_type", "int8", "--cal_image_dir", str(pictures))
    assert export.main(line) == 3
    printed = capsys.readouterr().err
    assert f"error: {pictures / 'a.jpg'}: this is not a picture" in printed
    assert "pictures to measure ranges on: 1, not the 160" in printed
    assert not (tmp_path / "out").exists()


def test_nothing_is_replaced_unasked(learned: Any, tmp_path: Path, capsys: Capture) -> None:
    target = tmp_path / "model.onnx"
    target.write_text("mine")
    assert export.main(words(learned, target)) == 5
    assert f"{target}: this file is there already" in capsys.readouterr().err
    assert target.read_text() == "mine"
    target.unlink()
    (tmp_path / "labels.txt").write_text("other\n")
    assert export.main(words(learned, target)) == 5
    assert "belongs to another model" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["labels.txt"]
    assert export.main(words(learned, target, "--force")) == 0
    assert (tmp_path / "labels.txt").read_text() == "background\ncircle\nsquare\n"


def test_a_second_model_shares_the_labels(learned: Any, tmp_path: Path, capsys: Capture) -> None:
    assert export.main(words(learned, tmp_path / "a.onnx")) == 0
    assert export.main(words(learned, tmp_path / "b.onnx", "--static_batch_size", "1")) == 0
    written = {"a.onnx", "a.onnx.json", "b.onnx", "b.onnx.json", "labels.txt"}
    assert {path.name for path in tmp_path.iterdir()} == written
    for more in ([], ["--force"]):  # its scores have no column for the background
        capsys.readouterr()
        assert export.main(words(learned, tmp_path / "c.pt2", *more)) == 5
        printed = capsys.readouterr().err
        assert f"{tmp_path / 'labels.txt'}: this belongs to another model" in printed
        assert "--force" not in printed
    assert {path.name for path in tmp_path.iterdir()} == written


def test_without_a_spec_and_without_an_output(learned: Any, tmp_path: Path) -> None:
    model = tmp_path / learned.model.name
    model.write_bytes(learned.model.read_bytes())
    assert export.main(["ssd", "-m", str(model), "-r", str(tmp_path / "log")]) == 0
    assert model.with_suffix(".onnx").is_file()
    (tmp_path / "more").mkdir()
    assert export.main(words(learned, tmp_path / "more", "--format", "pt2")) == 0
    assert (tmp_path / "more" / model.with_suffix(".pt2").name).is_file()
    lines = (tmp_path / "log/status.json").read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["STARTED", "SUCCESS"]


def test_a_model_that_differs_is_never_seen(
    learned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    from runtime.networks.ssd.export import graphs

    monkeypatch.setattr(graphs, "LARGEST_LOG_RATIO", -0.5)  # an error in the decoding
    assert export.main(words(learned, tmp_path / "new/folder/model.onnx")) == 5
    assert "does not find the same" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".model.onnx.partial").mkdir()
    (tmp_path / ".model.onnx.partial/model.onnx").write_text("of an export that was killed")
    assert export.main(words(learned, tmp_path / "model.onnx")) == 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (("--data_type", "int8"), 2, "--cal_image_dir"),
        (("--data_type", "int8", "--cal_image_dir", "nowhere"), 3, "there is no such picture or folder"),
        (("--data_type", "int8", "--gen_ds_config", "--cal_image_dir", "."), 2, "deepstream is not written in int8"),
        (("--format", "pt2", "--data_type", "fp16"), 2, "pt2 is not written in fp16"),
        (("--format", "pt2", "--data_type", "int8"), 2, "pt2 is not written in int8"),
        (("--format", "onnx", "--gen_ds_config"), 2, "leave one of them out"),
        (("--target_opset", "12"), 2, "--target_opset is 13 to 20, not 12"),
        (("--static_batch_size", "0"), 2, "--static_batch_size is 1 or more"),
        (("--batches", "0"), 2, "--batches is 1 or more"),
        (("-o", "model.etlt"), 2, "only NVIDIA's programs write"),
        (("-m", "nowhere.tlt"), 4, "there is no such model"),
        (("-m", "model.engine"), 4, "a TensorRT engine"),
        (("-e", "nowhere.conf"), 2, "nowhere.conf"),
    ],
)
def test_wrong_words(
    learned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture,
    more: tuple[str, ...], code: int, told: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert export.main(words(learned, tmp_path / "model.onnx", *more)) == code
    printed = capsys.readouterr().err
    assert told in printed
    assert "Traceback" not in printed
    assert not (tmp_path / "model.onnx").exists()


def test_an_exported_model_is_not_exported_again(learned: Any, tmp_path: Path, capsys: Capture) -> None:
    assert export.main(words(learned, tmp_path / "a.onnx")) == 0
    assert export.main(["ssd", "-m", str(tmp_path / "a.onnx"), "-o", str(tmp_path / "b.onnx")]) == 2
    assert "this was exported already" in capsys.readouterr().err


def test_options_for_tensorrt_are_told_to_have_no_effect(learned: Any, tmp_path: Path, capsys: Capture) -> None:
    more = ("--engine_file", "a.engine", "--max_batch_size", "4", "-s")
    assert export.main(words(learned, tmp_path / "model.onnx", *more)) == 0
    printed = capsys.readouterr().err
    assert "--engine_file has no effect: TensorRT engines are made where they run" in printed
    assert "--max_batch_size has no effect" in printed


def test_packages_that_are_missing(
    learned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    import importlib.util

    there = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "onnxruntime" else there(name, *a)
    )
    assert export.main(words(learned, tmp_path / "model.onnx")) == 6
    printed = capsys.readouterr().err
    assert "onnxruntime, which this Python does not have" in printed
    assert 'pip install "tltpipe[export]"' in printed


def test_the_later_dialect_has_a_background(learned: Any, tmp_path: Path) -> None:
    """TLT 3.0 and later: softmax, background first in labels.txt, its own view of pictures."""
    import specs
    from runtime.networks import ssd
    from runtime.weights import checkpoint

    path = tmp_path / "train.conf"
    classes = (f'target_class_mapping {{ key: "{name}" value: "{name}" }}' for name in ("circle", "square"))
    text = LATER.replace('target_class_mapping { key: "dress" value: "Dress" }', "\n".join(classes))
    path.write_text(text)
    recipe = ssd.recipe(specs.parse(path, "ssd"))
    torch.manual_seed(2)
    detector = ssd.build(recipe)
    weights = tmp_path / "later.safetensors"
    state = checkpoint.Checkpoint(recipe.name, ("circle", "square"), 1, detector.state_dict(), text)
    checkpoint.save(weights, state)
    target = tmp_path / "later.onnx"
    assert export.main(["ssd", "-m", str(weights), "-o", str(target), "--gen_ds_config"]) == 0
    assert export.main(["ssd", "-m", str(weights), "-o", str(tmp_path / "inside.onnx")]) == 0
    assert (tmp_path / "labels.txt").read_text() == "background\ncircle\nsquare\n"
    config = (tmp_path / "nvinfer_config.txt").read_text().splitlines()
    assert {"num-detected-classes=3", "infer-dims=3;64;96"} <= set(config)
    trained, pixels = look(weights, learned)
    for name in (target, tmp_path / "inside.onnx"):
        exported, again = look(name, learned)
        assert (again == pixels).all()
        found = exported(pixels)
        assert sum(len(each["scores"]) for each in found) > 20
        with torch.inference_mode():
            corners, scores = dense.program(trained.model)(torch.from_numpy(pixels).permute(0, 3, 1, 2).float())
        assert difference.unexplained_detections(found, scores.numpy(), corners.numpy()) == 0


def test_a_network_that_sees_grey(learned: Any, tmp_path: Path) -> None:
    """TLT 2.0 has a mean of three colours for it, too."""
    import specs
    from runtime.networks import ssd
    from runtime.weights import checkpoint

    path = learned.shapes.spec(name="grey.conf", replace=("output_image_channel: 3", "output_image_channel: 1"))
    torch.manual_seed(2)
    detector = ssd.build(ssd.recipe(specs.parse(path, "ssd")))
    weights = tmp_path / "grey.safetensors"
    state = detector.state_dict()
    checkpoint.save(weights, checkpoint.Checkpoint("ssd_resnet10", ("circle", "square"), 1, state, path.read_text()))
    for name, more in {"a/inside.onnx": (), "b/plugin.onnx": ("--gen_ds_config",)}.items():
        assert export.main(["ssd", "-m", str(weights), "-o", str(tmp_path / name), *more]) == 0
    told = (tmp_path / "b/nvinfer_config.txt").read_text().splitlines()
    assert {"infer-dims=1;64;64", "model-color-format=2", "offsets=117.3786"} <= set(told)
    trained, pixels = look(weights, learned)
    for name in ("a/inside.onnx", "b/plugin.onnx"):
        exported, again = look(tmp_path / name, learned)
        assert (again == pixels).all()
        apart = difference.between(trained(pixels), exported(pixels))
        assert apart.boxes > 20
        assert apart.within(difference.EXACT)


def test_encrypted_and_pruned_models(learned: Any, tmp_path: Path, capsys: Capture) -> None:
    from runtime.programs import infer, prune

    pruned, target = tmp_path / "pruned.tlt", tmp_path / "small.onnx"
    assert prune.main(["-m", str(learned.model), "-o", str(pruned), "-pth", "0.9", "-k", "secret"]) == 0
    assert export.main(["ssd", "-m", str(pruned), "-o", str(target), "-k", "secret"]) == 0
    assert target.stat().st_size < 21.8e6  # 22.1 of the whole one
    for model, more in ((pruned, ["-k", "secret"]), (target, [])):
        out = ["--coco", str(tmp_path / f"{model.name}.coco"), "-t", "0.02"]
        assert infer.main(["ssd", "-i", str(learned.pictures), "-m", str(model), *out, *more]) == 0
    ours, theirs = (json.loads((tmp_path / f"{name}.coco").read_text()) for name in ("pruned.tlt", "small.onnx"))
    assert len(ours) == len(theirs) > 20
    for program in (export, infer):
        given = ["ssd", "-m", str(pruned), "-o", str(tmp_path / "no.onnx"), "-k", "wrong"]
        capsys.readouterr()
        assert program.main(given if program is export else [*given, "-i", str(learned.pictures)]) == 4
        printed = capsys.readouterr().err
        assert "key" in printed
        assert "Traceback" not in printed
