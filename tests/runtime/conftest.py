"""A small drawn data set as the stages before training leave it: pictures, records, a spec."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from converters.tfrecords import examples
from converters.tfrecords.records import write_records
from runtime.machine import device
from runtime.programs import dataset_convert
from tltpipe.errors import HostError

with contextlib.suppress(HostError):  # sets OpenMP up, which must be before any test imports torch
    device.require_torch()

SPEC = """\
random_seed: 7
ssd_config {{
  aspect_ratios_global: "[1.0, 2.0, 0.5]"
  scales: "[0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0]"
  two_boxes_for_ar1: true
  loss_loc_weight: 0.8
  focal_loss_alpha: 0.25
  focal_loss_gamma: 2.0
  variances: "[0.1, 0.1, 0.2, 0.2]"
  arch: "resnet"
  nlayers: 10
}}
training_config {{
  checkpoint_interval: {interval}
  batch_size_per_gpu: {batch}
  num_epochs: {epochs}
  learning_rate {{ soft_start_annealing_schedule {{
    min_learning_rate: 5e-5 max_learning_rate: {rate} soft_start: 0.2 annealing: 0.5 }} }}
  regularizer {{ type: L1 weight: 3e-9 }}
}}
eval_config {{
  validation_period_during_training: {period}
  average_precision_mode: SAMPLE
  batch_size: 4
  matching_iou_threshold: 0.5
}}
nms_config {{ confidence_threshold: 0.01 clustering_iou_threshold: 0.6 top_k: 50 }}
augmentation_config {{
  preprocessing {{
    output_image_width: 64 output_image_height: 64 output_image_channel: 3
    crop_right: 64 crop_bottom: 64 min_bbox_width: 1.0 min_bbox_height: 1.0
  }}
  spatial_augmentation {{ hflip_probability: 0.5 zoom_min: 0.9 zoom_max: 1.2 translate_max_x: 2 translate_max_y: 2 }}
  color_augmentation {{ hue_rotation_max: 10.0 saturation_shift_max: 0.1 contrast_scale_max: 0.1 contrast_center: 0.5 }}
}}
dataset_config {{
  data_sources: {{ tfrecords_path: "{root}/TFRecords/*" image_directory_path: "{root}/pictures" }}
  image_extension: "{extension}"
  {mapping}
  {validation}
}}
"""


@dataclass
class Shapes:
    """``root`` holds TFRecords/ (two folds), pictures/train/images and, once asked for, train.conf."""

    root: Path

    def spec(
        self,
        *,
        classes: dict[str, str] | None = None,
        validation: str = "validation_fold: 0",
        extension: str = "jpg",
        epochs: int = 2,
        interval: int = 10,
        batch: int = 4,
        period: int = 10,
        rate: float = 5e-3,
        name: str = "train.conf",
        replace: tuple[str, str] = ("", ""),
    ) -> Path:
        pairs = {"circle": "circle", "square": "square"} if classes is None else classes
        mapping = "\n  ".join(
            f'target_class_mapping {{ key: "{key}" value: "{value}" }}' for key, value in pairs.items()
        )
        text = SPEC.format(
            root=self.root, mapping=mapping, validation=validation, extension=extension,
            epochs=epochs, interval=interval, batch=batch, period=period, rate=rate,
        )  # fmt: skip
        path = self.root / name
        path.write_text(text.replace(*replace, 1) if replace[0] else text)
        return path


class Nvidia:
    """Data sets and specs that NVIDIA's converter was run on, drawn in ``work``, and our converter to run on them."""

    content: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "kitti_convert.json").read_text())
    cases: dict[str, dict[str, Any]] = content["cases"]

    def __init__(self, work: Path) -> None:
        self.work = work

    def draw(self, dataset: str) -> Path:
        """The data set "base" or one of those with a mistake; returns its root."""
        root = self.work / f"data_{dataset}"
        if root.exists():
            return root
        for folder in ("images", "labels"):
            (root / folder).mkdir(parents=True)
        inputs = self.content["inputs"]
        others = self.content["inputs_other_datasets"].get(dataset)
        images = {f"{name}.jpg": size for name, size in inputs["sizes"].items()}
        for name, size in images.items() if others is None else dict.fromkeys(others["image_files"], (32, 24)).items():
            exif = Image.Exif()
            exif[0x0112] = 6 if name == "000030.jpg" else 1
            Image.new("RGB", tuple(size)).save(root / "images" / name, exif=exif)
        for name, text in (inputs if others is None else others)["labels"].items():
            (root / "labels" / f"{name}.txt").write_bytes(text.encode())
        return root

    def spec(self, name: str, *replacements: tuple[str, str]) -> Path:
        """The spec of a case, with texts replaced."""
        text = self.cases[name]["spec"]
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path = self.work / "convert.conf"
        path.write_text(text.replace("$W", str(self.work)))
        return path

    def convert(self, name: str, *options: str, prefix: str = "out/tfr") -> int:
        """Run a case with the files it needs."""
        case = self.cases[name]
        root = self.draw(case["dataset"])
        if case["seqmap"] is not None:
            (root / f"seqmap_{name}.json").write_text(json.dumps(case["seqmap"]))
        return dataset_convert.main(["-d", str(self.spec(name)), "-o", prefix, *case["args"], *options])


@pytest.fixture
def nvidia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nvidia:
    monkeypatch.chdir(tmp_path)
    return Nvidia(tmp_path)


@dataclass
class Trained:
    """What ``tlt-train`` made of ``shapes`` with ``spec``, and what it printed."""

    shapes: Shapes
    spec: Path
    results: Path
    said: str

    @property
    def model(self) -> Path:
        return self.results / "weights" / "ssd_resnet10_epoch_002.safetensors"


def draw(path: Path, random: np.random.Generator, size: tuple[int, int]) -> tuple[list[bytes], np.ndarray]:
    """A picture with one circle and one square, each in its own half."""
    picture = Image.new("RGB", size, tuple(random.integers(150, 256, 3).tolist()))
    pen, names, boxes = ImageDraw.Draw(picture), [b"circle", b"square"], []
    for name, half in zip(names, random.permutation(2), strict=True):
        side = random.integers(size[0] // 4, size[0] // 2 - 2)
        left = half * size[0] // 2 + random.integers(0, size[0] // 2 - side)
        top = random.integers(0, size[1] - side)
        box = (int(left), int(top), int(left + side), int(top + side))
        colour = tuple(random.integers(0, 100, 3).tolist())
        (pen.ellipse if name == b"circle" else pen.rectangle)((*box[:2], box[2] - 1, box[3] - 1), fill=colour)
        boxes.append(box)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=95)
    return names, np.array(boxes, np.float32)


def record(frame: str, size: tuple[int, int], names: list[bytes], boxes: np.ndarray) -> bytes:
    features: dict[str, examples.Feature] = {
        "frame/id": examples.Bytes([frame.encode()]),
        "frame/width": examples.Integers([size[0]]),
        "frame/height": examples.Integers([size[1]]),
        "target/object_class": examples.Bytes(names),
    }
    for column, corner in enumerate(examples.CORNERS):
        features[f"target/coordinates_{corner}"] = examples.Floats(boxes[:, column].tolist())
    return examples.encode(features)


def draw_shapes(root: Path, *, train: int = 12, validation: int = 6, size: tuple[int, int] = (64, 64)) -> Shapes:
    """The data set below ``root``: fold 0 validates, fold 1 trains, two shards each."""
    random = np.random.default_rng(3)
    for fold, count in enumerate((validation, train)):
        records = []
        for number in range(count):
            frame = f"train/images/{fold}{number:04d}"
            records.append(record(frame, size, *draw(root / f"pictures/{frame}.jpg", random, size)))
        cut = count // 2
        for shard, part in enumerate((records[:cut], records[cut:])):
            path = root / f"TFRecords/-fold-{fold:03d}-of-002-shard-{shard:05d}-of-00002"
            write_records(path, part)
    return Shapes(root)


@pytest.fixture
def make_shapes(tmp_path: Path) -> Callable[..., Shapes]:
    return partial(draw_shapes, tmp_path / "data")


@pytest.fixture
def shapes(tmp_path: Path) -> Shapes:
    return draw_shapes(tmp_path / "data")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A detector trained for two epochs by the real program: files to evaluate, infer and resume with."""
    from runtime.programs import train

    shapes = draw_shapes(tmp_path_factory.mktemp("trained") / "data")
    results = shapes.root.parent / "output"
    spec = shapes.spec(epochs=2, period=2)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = train.main(["ssd", "--gpus", "1", "-e", str(spec), "-r", str(results)])
    assert code == 0
    return Trained(shapes, spec, results, said.getvalue())


TRACED: dict[tuple[Any, ...], Any] = {}
"""Graphs of SSDs by opset, input and weights."""


@pytest.fixture(scope="module")
def traced_once() -> Iterator[None]:
    """Torch takes seconds to trace a network: of one model, once for each opset is enough."""
    onnx = pytest.importorskip("onnx")
    from runtime.networks.ssd.export import core

    trace = core.export

    def export_once(detector: Any, heads: Any, *, opset: int) -> Any:
        weights = hashlib.blake2b()
        for name, tensor in detector.state_dict().items():
            weights.update(name.encode() + tensor.contiguous().numpy().tobytes())
        key = (opset, heads.input_size, heads.colours, weights.digest())
        if key not in TRACED:
            TRACED[key] = trace(detector, heads, opset=opset)
        copy = onnx.ModelProto()
        copy.CopyFrom(TRACED[key])
        return copy

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core, "export", export_once)
        yield


@dataclass
class Learned:
    """A detector that does find circles and squares: the spec it was trained by and its checkpoint."""

    shapes: Shapes
    spec: Path
    model: Path

    @property
    def pictures(self) -> Path:
        return self.shapes.root / "pictures/train/images"


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    """Trained by a bare loop for some seconds, whatever the training program is up to."""
    import torch

    import specs
    from runtime.data import frames
    from runtime.networks import ssd
    from runtime.weights import checkpoint

    shapes = draw_shapes(tmp_path_factory.mktemp("learned") / "data", train=48, validation=8, size=(96, 96))
    path = shapes.spec(replace=("top_k: 50", "top_k: 20"))
    spec = specs.parse(path, "ssd")
    plan = ssd.recipe(spec)
    split = frames.training(plan, ("circle", "square"))
    torch.manual_seed(1)
    detector: Any = ssd.build(plan).train()
    optimizer = torch.optim.Adam(detector.parameters(), lr=2e-3)
    seen = []
    for index in range(len(split)):
        boxes, labels = split.boxes[split.places(index)], split.labels[split.places(index)]
        pixels, _, kept, boxes, *_ = plan.plain_view(split.image(index), boxes, tuple(split.sizes[index].tolist()))
        seen.append((torch.from_numpy(pixels).permute(2, 0, 1).float(), torch.from_numpy(boxes), labels[kept]))
    for step in range(60):
        batch = [seen[index] for index in np.random.default_rng(step).choice(len(seen), 8, replace=False)]
        targets = [{"boxes": boxes, "labels": torch.from_numpy(labels)} for _, boxes, labels in batch]
        losses = detector(torch.stack([pixels for pixels, _, _ in batch]), targets)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    state = checkpoint.Checkpoint("ssd_resnet10", ("circle", "square"), 60, detector.state_dict(), path.read_text())
    model = shapes.root.parent / "ssd_resnet10_epoch_060.safetensors"
    checkpoint.save(model, state)
    return Learned(shapes, path, model)
