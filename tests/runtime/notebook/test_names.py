"""The names of what is found: what a stranger reads out of an exported file is what tlt-infer says."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runtime.programs import dataset_convert, export, infer, train

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("traced_once")]

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

CLASSES = ("car", "cyclist", "pedestrian")
SUFFIXES = {"onnx": ".onnx", "onnx_raw": ".onnx", "deepstream": ".onnx", "pt2": ".pt2"}
LINE = ("ssd", "-t", "0.011")
Best = Mapping[str, float]
"""The best score of each name on one picture."""


@pytest.fixture(scope="module", params=["tlt2", "tlt3"])
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, make_street: Callable[[Path], Any]
) -> Iterator[tuple[str, Path, Path]]:
    """The dialect, a checkpoint of it by the real programs, and a picture."""
    root = tmp_path_factory.mktemp(request.param)
    street = make_street(root / "data")
    dali = request.param == "tlt3"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLTPIPE_MOUNTS", f"/data={street.root}")
        spec = str(street.conversion(classes=CLASSES if dali else ()))
        assert dataset_convert.main([*["ssd"] * dali, "-d", spec, "-o", "/data/tfrecords/kitti_train"]) == 0
        spec = str(street.training(request.param, epochs=4))
        assert train.main(["ssd", "-e", spec, "-r", str(root / "out")]) == 0
        model = root / "out/weights/ssd_resnet10_epoch_004.safetensors"
        yield request.param, model, telling(model, street.pictures, root / "found")


def telling(model: Path, pictures: Path, out: Path) -> Path:
    """The picture on which the best scores of the classes differ most: names that were swapped would show."""
    assert infer.main([*LINE, "-m", str(model), "-i", str(pictures), "-o", str(out / "drawn"), "-l", str(out)]) == 0
    gaps = {path: min(np.diff(sorted(read(out / f"{path.stem}.txt").values()))) for path in pictures.iterdir()}
    return max(gaps, key=lambda path: gaps[path])


def said(model: Path, picture: Path, out: Path) -> Best:
    """By tlt-infer's label file."""
    assert infer.main([*LINE, "-m", str(model), "-i", str(picture), "-o", str(out / "drawn"), "-l", str(out)]) == 0
    return read(out / f"{picture.stem}.txt")


def read(labels: Path) -> Best:
    rows = [row.split() for row in labels.read_text().splitlines()]
    return best([row[0] for row in rows], [float(row[15]) for row in rows])


def best(names: list[str], scores: Any) -> Best:
    return {name: max(score for other, score in zip(names, scores, strict=True) if other == name) for name in names}


def columns(names: list[str], scores: Any) -> Best:
    """Of a score for each anchor and name; the background is nothing that is found."""
    assert scores.shape[-1] == len(names)
    return {name: float(score) for name, score in zip(names, scores.max(axis=0), strict=True) if name != "background"}


def as_stranger(format: str, dialect: str, path: Path, names: list[str], picture: Path) -> Best:
    """What a program finds that knows the file, the formats' page, and ``names`` by their labels."""
    pixels = np.asarray(Image.open(picture), np.float32).transpose(2, 0, 1)[None]
    if format == "pt2":
        return columns(names, torch.export.load(path).module()(torch.from_numpy(pixels))[1][0].detach().numpy())
    if format == "deepstream":
        return columns(names, by_plugin(path, pixels))
    session = onnxruntime.InferenceSession(str(path))
    if format == "onnx":
        _, labels, scores, count = (each[0] for each in session.run(None, {"images": pixels}))
        return best([names[label] for label in labels[:count]], scores[:count].tolist())
    logits = session.run(None, {"images": pixels})[0][0]
    if dialect == "tlt2":
        return columns(names, 1 / (1 + np.exp(-logits)))
    powers = np.exp(logits)
    return columns(names, powers / powers.sum(axis=1, keepdims=True))


def by_plugin(path: Path, pixels: np.ndarray) -> np.ndarray:
    """The probabilities [A, classes] that TensorRT's plugin is given, for pixels as nvinfer prepares them."""
    model = onnx.load(path)
    [node] = [node for node in model.graph.node if node.op_type == "NMSDynamic_TRT"]
    count = next(each.i for each in node.attribute if each.name == "numClasses")
    config = dict(line.split("=") for line in (path.parent / "nvinfer_config.txt").read_text().split() if "=" in line)
    assert int(config["num-detected-classes"]) == count
    mean = np.array([float(each) for each in config["offsets"].split(";")], np.float32).reshape(1, 3, 1, 1)
    model.graph.node.remove(node)
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info(node.input[2], onnx.TensorProto.FLOAT, [None] * 4))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    outputs: Any = session.run(None, {"Input": pixels[:, ::-1] - mean})
    return np.asarray(outputs[0]).reshape(-1, count)


@pytest.mark.parametrize("format", SUFFIXES)
def test_a_stranger_reads_the_names_that_infer_says(
    trained: tuple[str, Path, Path], tmp_path: Path, format: str
) -> None:
    dialect, model, picture = trained
    path = tmp_path / f"model{SUFFIXES[format]}"
    assert export.main(["ssd", "-m", str(model), "-o", str(path), "--format", format]) == 0
    names = (tmp_path / "labels.txt").read_text().splitlines()
    ours = said(model, picture, tmp_path / "ours")
    assert sorted(ours) == list(CLASSES)
    assert min(np.diff(sorted(ours.values()))) > 0.004, "the classes can be told apart by their scores"
    assert as_stranger(format, dialect, path, names, picture) == pytest.approx(ours, abs=1e-3)
    if path.suffix == ".onnx":
        inside = onnxruntime.InferenceSession(str(path)).get_modelmeta() if format != "deepstream" else None
        held = (
            inside.custom_metadata_map if inside else {each.key: each.value for each in onnx.load(path).metadata_props}
        )
        assert json.loads(held["names"]) == ast.literal_eval(held["names"]) == names
        assert said(path, picture, tmp_path / "again") == pytest.approx(ours, abs=1e-3)


def test_names_of_another_model_are_refused(
    trained: tuple[str, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A JSON with as many classes, but of other names, would give wrong ones."""
    _, model, picture = trained
    path = tmp_path / "model.onnx"
    assert export.main(["ssd", "-m", str(model), "-o", str(path)]) == 0
    card = path.with_name("model.onnx.json")
    card.write_text(card.read_text().replace('"car"', '"bus"'))
    assert infer.main(["ssd", "-m", str(path), "-i", str(picture), "-o", str(tmp_path / "out")]) == 4
    told = capsys.readouterr().err
    assert "bus" in told
    assert "car" in told
    assert not (tmp_path / "out").exists()


def test_half_precision_is_half_precision(trained: tuple[str, Path, Path], tmp_path: Path) -> None:
    """Weights in float16, tensors outside in float32; DeepStream's configuration says the same."""
    _, model, picture = trained
    ours = said(model, picture, tmp_path / "ours")
    sizes = {}
    for name, more in {"fp32": [], "fp16": ["--data_type", "fp16"]}.items():
        for kind, option in {"plain": [], "deepstream": ["--gen_ds_config"]}.items():
            path = tmp_path / name / kind / "model.onnx"
            assert export.main(["ssd", "-m", str(model), "-o", str(path), *option, *more]) == 0
            sizes[name, kind] = path.stat().st_size
            card = json.loads(path.with_name("model.onnx.json").read_text())
            assert card["data_type"] == name
            assert card["verified"]["pixels"] < card["verified"]["allowed"]["pixels"] == {"fp32": 0.05, "fp16": 1}[name]
            graph = onnx.load(path).graph
            [given] = graph.input
            assert given.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
            kinds = {each.data_type for each in graph.initializer if len(each.dims) == 4 and each.dims[2] == 3}
            assert kinds == {onnx.TensorProto.FLOAT16 if name == "fp16" else onnx.TensorProto.FLOAT}
            assert said(path, picture, tmp_path / "found" / name / kind) == pytest.approx(ours, abs=0.02)
    assert sizes["fp16", "plain"] < 0.6 * sizes["fp32", "plain"]
    assert sizes["fp16", "deepstream"] < 0.6 * sizes["fp32", "deepstream"]
    for name, mode in {"fp32": 0, "fp16": 2}.items():
        assert f"network-mode={mode}" in (tmp_path / name / "deepstream/nvinfer_config.txt").read_text().splitlines()


def test_the_name_that_nvidias_checkpoints_have_in_tao_5(
    trained: tuple[str, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Notebooks name .hdf5 files; ours has the same name otherwise."""
    _, model, picture = trained
    assert (
        infer.main(["ssd", "-m", str(model.with_suffix(".hdf5")), "-i", str(picture), "-o", str(tmp_path / "a")]) == 4
    )
    told = capsys.readouterr().err
    assert "there is no such model" in told
    assert str(model) in told


def test_a_gpu_by_number_where_there_is_none(trained: tuple[str, Path, Path], tmp_path: Path) -> None:
    """NVIDIA's notebooks say --gpu_index 0 in every line: training goes on without, and so does what follows it."""
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    _, model, picture = trained
    common = ["ssd", "-m", str(model), "-i", str(picture)]
    assert infer.main([*common, "-o", str(tmp_path / "a"), "--gpu_index", "0"]) == 0
    assert infer.main([*common, "-o", str(tmp_path / "b"), "--device", "cuda:0"]) == 6
