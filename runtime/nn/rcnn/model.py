"""What R-CNNs share: torchvision's Faster R-CNN, whose images come resized and from 0 to 255."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import faster_rcnn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import RPNHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.misc import FrozenBatchNorm2d

from runtime.nn.rcnn import backbones
from runtime.nn.rcnn.pooling import Pooling
from runtime.nn.torchvision_names import rcnn_names
from specs.rcnn import Model, default_stages
from tltpipe.errors import ModelError

if TYPE_CHECKING:
    from runtime.networks import ImageTensors, Tensors

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""ImageNet's, of RGB from 0 to 255."""
STRIDE = 32
"""Sides of a batch are multiples of it."""
SIZES = (32.0, 64.0, 128.0, 256.0, 512.0)


class Padding(GeneralizedRCNNTransform):  # type: ignore[misc]
    """Normalises and pads; the view resizes (runtime/imaging), since it does so in other processes."""

    def __init__(self) -> None:
        super().__init__(0, 0, list(MEAN), list(STD), size_divisible=STRIDE)

    def forward(self, images: list[Tensor], targets: None = None) -> tuple[ImageList, None]:
        sizes = [(image.shape[-2], image.shape[-1]) for image in images]
        return ImageList(
            self.batch_images([self.normalize(image) for image in images], self.size_divisible), sizes
        ), targets


class RCNN(faster_rcnn.FasterRCNN):  # type: ignore[misc]
    """A Model (runtime/networks/__init__.py) with torchvision's names of weights; ``classes`` without the background.

    Images are float32 RGB from 0 to 255: [B, 3, H, W] or a list of [3, H, W].
    """

    input_size = None
    of_classes: tuple[str, ...] = ("roi_heads.box_predictor",)
    """Below these names weights depend on the number of classes."""
    pooling: type[MultiScaleRoIAlign] = Pooling

    def __init__(self, settings: Model, *, classes: int) -> None:
        backbone = backbones.build(settings.backbone, version=settings.version)
        anchors = anchor_generator(settings)
        levels = len(default_stages(settings.backbone))
        rpn, box = settings.rpn, settings.box
        super().__init__(
            backbone,
            classes + 1,
            rpn_anchor_generator=anchors,
            rpn_head=RPNHead(backbone.out_channels, anchors.num_anchors_per_location()[0], conv_depth=settings.version),
            rpn_pre_nms_top_n_train=rpn.pre_nms_top_n_train,
            rpn_pre_nms_top_n_test=rpn.pre_nms_top_n_test,
            rpn_post_nms_top_n_train=rpn.post_nms_top_n_train,
            rpn_post_nms_top_n_test=rpn.post_nms_top_n_test,
            rpn_nms_thresh=rpn.nms_thresh,
            rpn_fg_iou_thresh=rpn.fg_iou_thresh,
            rpn_bg_iou_thresh=rpn.bg_iou_thresh,
            rpn_batch_size_per_image=rpn.batch_size_per_image,
            rpn_positive_fraction=rpn.positive_fraction,
            rpn_score_thresh=rpn.score_thresh,
            box_roi_pool=self.pooling([str(level) for level in range(levels)], output_size=7, sampling_ratio=2),
            box_head=_box_head(settings, backbone.out_channels),
            box_score_thresh=box.score_thresh,
            box_nms_thresh=box.nms_thresh,
            box_detections_per_img=box.detections_per_img,
            box_fg_iou_thresh=box.fg_iou_thresh,
            box_bg_iou_thresh=box.bg_iou_thresh,
            box_batch_size_per_image=box.batch_size_per_image,
            box_positive_fraction=box.positive_fraction,
        )
        self.roi_heads.box_predictor = faster_rcnn.FastRCNNPredictor(box.representation_size, classes + 1)
        self.transform = Padding()
        self.settings = settings
        self.checked = False

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """The backbone alone: proposals are as many as there are."""
        self.backbone.compile(*args, **kwargs)

    def foreign_names(self, name: str) -> Sequence[str]:
        """Of the tensor ``name`` in files of torchvision's detectors and classifiers."""
        return rcnn_names(name)

    def forward(self, images: ImageTensors, targets: Sequence[Tensors]) -> dict[str, Tensor]:
        """The losses, in either mode; normalisation layers do as their mode says. Objects without area are left out.

        In evaluation mode the same anchors and proposals are drawn each time, and torch's generator stays as it is.
        """
        self._require_weights()
        batch, features = self._features(images)
        return self._losses(batch, features, targets)

    def predict(self, images: ImageTensors) -> list[dict[str, Tensor]]:
        """ "boxes" [K, 4], "labels" and "scores" [K] of each image, best first, in its pixels.

        They are the same in whatever company an image comes: those that would be padded to another size for it are
        looked at apart.
        """
        found: list[dict[str, Tensor]] = [{}] * len(images)
        for group in _alike(images):
            detections = self._detections(*self._features([images[place] for place in group]))
            for place, detection in zip(group, detections, strict=True):
                found[place] = detection
        return found

    def predict_with_loss(
        self, images: ImageTensors, targets: Sequence[Tensors]
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """Both, of one pass through the backbone; the losses are means over the images."""
        found: list[dict[str, Tensor]] = [{}] * len(images)
        means: dict[str, Tensor] = {}
        for group in _alike(images):
            batch, features = self._features([images[place] for place in group])
            for place, detection in zip(group, self._detections(batch, features), strict=True):
                found[place] = detection
            for name, loss in self._losses(batch, features, [targets[place] for place in group]).items():
                means[name] = means.get(name, loss.new_zeros(())) + loss * (len(group) / len(images))
        return found, means

    def _features(self, images: ImageTensors) -> tuple[ImageList, dict[str, Tensor]]:
        batch, _ = self.transform(list(images))
        return batch, self.backbone(batch.tensors)

    def _detections(self, batch: ImageList, features: dict[str, Tensor]) -> list[dict[str, Tensor]]:
        proposals, _ = self.rpn(batch, features)
        detections: list[dict[str, Tensor]] = self.roi_heads(features, proposals, batch.image_sizes)[0]
        return detections

    def _losses(self, batch: ImageList, features: dict[str, Tensor], targets: Sequence[Tensors]) -> dict[str, Tensor]:
        solid = []
        for target in targets:
            chosen = self.learnable(target)
            solid.append({name: values[chosen] for name, values in target.items()})
        with self._drawing(batch.tensors.device):
            proposals, proposing = self.rpn(batch, features, solid)
            _, classifying = self.roi_heads(features, proposals, batch.image_sizes, solid)
        return {**classifying, **proposing}

    def learnable(self, target: Tensors) -> Tensor:
        """Which objects there is something to learn from: the logarithm of sides that are zero has no value."""
        boxes = target["boxes"]
        return (boxes[:, 2:] > boxes[:, :2]).all(dim=1)

    @contextmanager
    def _drawing(self, device: torch.device) -> Iterator[None]:
        """Proposals and heads give losses while this lasts, without ``train()``: it would reach their norms."""
        if self.training:
            yield
            return
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(0)
            self.rpn.training = self.roi_heads.training = True
            try:
                yield
            finally:
                self.rpn.training = self.roi_heads.training = False

    def _require_weights(self) -> None:
        """Raises ModelError where layers are to keep to pretrained weights and there are none."""
        if self.checked:
            return
        self.checked = True
        for name, module in self.backbone.body.named_modules():
            frozen = isinstance(module, FrozenBatchNorm2d) or (
                isinstance(module, nn.BatchNorm2d) and not module.weight.requires_grad
            )
            if frozen and not module.running_mean.any():
                what = f"backbone.body.{name} is frozen and has random weights: the network would not learn"
                hint = "give pretrained weights (-m), or write model.backbone.norm: batch and no trainable_layers"
                raise ModelError(what, hint=hint)


def anchor_generator(settings: Model) -> AnchorGenerator:
    """The anchors of ``settings``, torchvision's where it says nothing of them."""
    levels = len(default_stages(settings.backbone)) + 1
    usual = (
        tuple((size,) for size in SIZES[:levels])
        if settings.backbone.type != backbones.MOBILENET
        else (SIZES,) * levels
    )
    sizes = settings.anchor_sizes or usual
    return AnchorGenerator(sizes, (settings.aspect_ratios,) * len(sizes))


def _box_head(settings: Model, channels: int) -> nn.Module:
    width = settings.box.representation_size
    if settings.version == 1:
        head: nn.Module = faster_rcnn.TwoMLPHead(channels * 7 * 7, width)
    else:
        head = faster_rcnn.FastRCNNConvFCHead((channels, 7, 7), [256] * 4, [width], norm_layer=nn.BatchNorm2d)
    return head


def _alike(images: ImageTensors) -> list[list[int]]:
    """Places of images that are padded to the same size."""
    if len(images) == 1 or isinstance(images, Tensor):  # while a graph is traced, sides are no numbers to compare
        return [list(range(len(images)))]
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, image in enumerate(images):
        groups.setdefault(tuple(-(-side // STRIDE) for side in image.shape[-2:]), []).append(place)
    return list(groups.values())
