"""A street in KITTI's layout, as NVIDIA's notebooks have it, and specs of two generations that train on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

CLASSES = ("car", "cyclist", "pedestrian")
COLOURS = {"car": (200, 30, 30), "cyclist": (30, 160, 40), "pedestrian": (30, 40, 200)}
SIDE = 96

NETWORK = """\
random_seed: 7
ssd_config {{
  aspect_ratios_global: "[1.0, 2.0, 0.5]" scales: "[0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0]" two_boxes_for_ar1: true
  variances: "[0.1, 0.1, 0.2, 0.2]" arch: "resnet" nlayers: 10
  {loss}
}}
training_config {{
  batch_size_per_gpu: 4 num_epochs: {epochs} checkpoint_interval: {epochs}
  learning_rate {{ soft_start_annealing_schedule {{
    min_learning_rate: 1e-4 max_learning_rate: 2e-3 soft_start: 0.2 annealing: 0.6 }} }}
  regularizer {{ type: L1 weight: 3e-9 }}
}}
eval_config {{
  validation_period_during_training: {epochs} average_precision_mode: SAMPLE batch_size: 4 matching_iou_threshold: 0.5
}}
nms_config {{ confidence_threshold: 0.01 clustering_iou_threshold: 0.6 top_k: 200 }}
augmentation_config {{ {views} }}
dataset_config {{
  {data}
  {mapping}
}}
"""
TLT2 = {
    "loss": "loss_loc_weight: 0.8 focal_loss_alpha: 0.25 focal_loss_gamma: 2.0",
    "views": f"""
  preprocessing {{
    output_image_width: {SIDE} output_image_height: {SIDE} output_image_channel: 3
    crop_right: {SIDE} crop_bottom: {SIDE} min_bbox_width: 1.0 min_bbox_height: 1.0
  }}
  spatial_augmentation {{ hflip_probability: 0.5 zoom_min: 1.0 zoom_max: 1.0 }}
  color_augmentation {{ contrast_center: 0.5 }}
""",
    "data": """
  data_sources: { tfrecords_path: "/data/tfrecords/*" image_directory_path: "/data/training" }
  image_extension: "png" validation_fold: 0""",
}
TLT3 = {
    "loss": "neg_pos_ratio: 3 alpha: 1.0",
    "views": f"""
  output_width: {SIDE} output_height: {SIDE} output_channel: 3 random_crop_min_scale: 1.0 random_crop_max_scale: 1.0
  zoom_out_min_scale: 1.0 zoom_out_max_scale: 1.0 random_flip: 0.5
""",
    "data": """
  data_sources: { tfrecords_path: "/data/tfrecords/kitti_train*" }
  validation_data_sources: {
    image_directory_path: "/data/validation/image_2" label_directory_path: "/data/validation/label_2"
  }""",
}
DIALECTS = {"tlt2": TLT2, "tlt3": TLT3}
CONVERT = """\
kitti_config {{
  root_directory_path: "/data/training" image_dir_name: "image_2" label_dir_name: "label_2" image_extension: ".png"
  partition_mode: "random" num_partitions: 2 val_split: {share} num_shards: 2
}}
image_directory_path: "/data/training"
{mapping}
"""


@dataclass(frozen=True)
class Street:
    """``root`` is /data of the specs: training/ and validation/ with image_2/ and label_2/, specs/ as they are asked
    for, tfrecords/ by the converter."""

    root: Path

    @property
    def pictures(self) -> Path:
        return self.root / "validation/image_2"

    def training(
        self, dialect: str, *, classes: Sequence[str] = CLASSES, epochs: int = 2, name: str = "train.conf",
        **changed: str,
    ) -> Path:  # fmt: skip
        """The training spec of a dialect; ``changed`` are parts of it."""
        parts = {**DIALECTS[dialect], **changed}
        return self._write(
            name, NETWORK.format(mapping=mapped({name: name for name in classes}), epochs=epochs, **parts)
        )

    def conversion(self, *, classes: Sequence[str] = (), share: int = 25, name: str = "convert.conf") -> Path:
        """The converter's spec; records for DALI number the ``classes``."""
        return self._write(name, CONVERT.format(mapping=mapped({name: name for name in classes}), share=share))

    def _write(self, name: str, text: str) -> Path:
        path = self.root / "specs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path


def mapped(pairs: Mapping[str, str]) -> str:
    return "\n".join(f'  target_class_mapping {{ key: "{key}" value: "{value}" }}' for key, value in pairs.items())


def draw(root: Path, count: int, random: np.random.Generator) -> None:
    """``count`` pictures below ``root``, each with one object of every class."""
    for name in ("image_2", "label_2"):
        (root / name).mkdir(parents=True)
    for number in range(count):
        picture = Image.new("RGB", (SIDE, SIDE), tuple(random.integers(180, 256, 3).tolist()))
        lines = []
        for place, name in zip(random.permutation(3).tolist(), CLASSES, strict=True):
            width, height = random.integers(18, 30), random.integers(24, 60)
            left = place * SIDE // 3 + random.integers(0, SIDE // 3 - width + 1)
            top = random.integers(0, SIDE - height)
            box = (int(left), int(top), int(left + width), int(top + height))
            ImageDraw.Draw(picture).rectangle((*box[:2], box[2] - 1, box[3] - 1), fill=COLOURS[name])
            lines.append(f"{name} 0.00 0 0.00 {' '.join(map(str, box))} 0 0 0 0 0 0 0\n")
        picture.save(root / f"image_2/{number:06d}.png")
        (root / f"label_2/{number:06d}.txt").write_text("".join(lines))


def make(root: Path) -> Street:
    random = np.random.default_rng(5)
    draw(root / "training", 16, random)
    draw(root / "validation", 6, random)
    return Street(root)


@pytest.fixture(scope="session")
def make_street() -> Callable[[Path], Street]:
    return make


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Street:
    """The specs say /data, which is mapped to the folder."""
    monkeypatch.setenv("TLTPIPE_MOUNTS", f"/data={tmp_path / 'data'}")
    return make(tmp_path / "data")
