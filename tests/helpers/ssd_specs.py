"""Specs, settings and detectors of SSD that several tests begin with."""

from __future__ import annotations

from pathlib import Path

import torch

import specs
from runtime.networks import ssd
from runtime.networks.ssd.config import Settings
from runtime.networks.ssd.loss import FocalLoss
from runtime.weights import checkpoint

SETTINGS = Settings(
    input_size=(64, 64),
    arch="resnet",
    nlayers=10,
    scales=(0.1, 0.2, 0.37, 0.54, 0.71, 0.88, 1.05),
    aspect_ratios=((1.0, 2.0, 0.5),) * 6,
    variances=(0.1, 0.1, 0.2, 0.2),
    loss=FocalLoss(location_weight=0.8),
)
LATER = """
ssd_config {
  aspect_ratios_global: "[1.0, 2.0, 1.0/2.0]"
  min_scale: 0.1
  max_scale: 0.7
  two_boxes_for_ar1: true
  variances: "[0.1, 0.1, 0.2, 0.2]"
  arch: "resnet"
  nlayers: 10
}
training_config {
  regularizer { type: L2 weight: 5e-5 }
  batch_size_per_gpu: 2 num_epochs: 4 learning_rate { soft_start_annealing_schedule {
    min_learning_rate: 1e-4 max_learning_rate: 0.01 soft_start: 0.1 annealing: 0.5 } }
}
eval_config { validation_period_during_training: 2 batch_size: 3 matching_iou_threshold: 0.5 }
nms_config { confidence_threshold: 0.01 clustering_iou_threshold: 0.6 top_k: 100 }
augmentation_config { output_width: 96 output_height: 64 output_channel: 3 }
dataset_config {
  data_sources { label_directory_path: "x" image_directory_path: "y" }
  target_class_mapping { key: "dress" value: "Dress" }
}
"""
"""A spec of TLT 3.0 and later."""


def untrained(path: Path) -> Path:
    """A checkpoint of a detector of skirts and vests with random weights: it detects something, whatever that is."""
    settings = specs.tunables_from("ssd", {"nlayers": 10, "input_width": 128, "input_height": 128})
    places = dict.fromkeys(("validation_tfrecords_path", "validation_fold"))
    places |= {"tfrecords_path": "train-*", "image_directory_path": ".", "image_extension": "jpg"}
    text = specs.render("ssd", "train.tlt2.conf.j2", settings, classes=["skirt", "vest"], **places)
    torch.manual_seed(1)
    detector = ssd.build(ssd.recipe(specs.parse_text(text, "ssd", source="train.conf")))
    checkpoint.save(path, checkpoint.Checkpoint("ssd_resnet10", ("skirt", "vest"), 1, detector.state_dict(), text))
    return path
