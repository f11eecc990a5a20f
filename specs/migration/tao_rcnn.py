"""What the migrations of Faster R-CNN and Mask R-CNN share: backbones, and anchors on the levels of a pyramid."""

from __future__ import annotations

from collections.abc import Sequence

RESNETS = {10: "resnet18", 18: "resnet18", 34: "resnet34", 50: "resnet50", 101: "resnet101"}
OTHERS = {
    "vgg:16": "resnet34", "vgg16": "resnet34", "vgg:19": "resnet50", "googlenet": "resnet34",
    "darknet:19": "resnet34", "darknet:53": "resnet50", "mobilenet_v1": "mobilenet_v3_large",
    "mobilenet_v2": "mobilenet_v3_large", "efficientnet:b0": "mobilenet_v3_large",
    "efficientnet:b1": "mobilenet_v3_large", "resnet101": "resnet101",
}  # fmt: skip
SIDES = "images keep their aspect ratio, with these as their shorter and longer side at most"
FROZEN = "all layers learn: frozen ones need pretrained weights (-m, and norm: frozen, trainable_layers: 3)"


def backbone(arch: str) -> str:
    """The backbone here that is nearest to ``arch``, "resnet:18" or "vgg:16"."""
    name, _, depth = arch.partition(":")
    if name == "resnet" and depth.isdecimal():
        return RESNETS.get(int(depth), "resnet50")
    return OTHERS.get(arch, "resnet50")


def levels(backbone: str) -> int:
    """How many levels of the pyramid have anchors."""
    return 3 if backbone.startswith("mobilenet") else 5


def spread(scales: Sequence[float], count: int) -> list[list[float]]:
    """Sides of anchors for ``count`` levels, from the smallest to the largest of ``scales`` by equal factors."""
    low, high = min(scales), max(scales)
    factor = (high / low) ** (1 / (count - 1))
    return [[round(low * factor**level, 2)] for level in range(count)]
