"""SSD: six feature maps, anchors on every cell, one class head and one box head per map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.networks.ssd import config
from tltpipe import registry

if TYPE_CHECKING:
    from runtime.networks.ssd.model import SSD

EXPORTS = {name: f"runtime.networks.ssd.export.{name}" for name in ("deepstream", "onnx", "onnx_raw", "pt2")}
"""The modules of its export formats."""


def classes(experiment: Any) -> tuple[str, ...]:
    """The distinct training classes in lower case, sorted: labels 1 to N. Raises SpecError when there are none."""
    message = config.message_of(experiment)
    names = tuple(sorted({value.lower() for value in message.dataset_config.target_class_mapping.values()}))
    if not names:
        raise config.error(
            experiment,
            "dataset_config.target_class_mapping",
            "no class to train",
            hint='add target_class_mapping { key: "<class in the files>" value: "<class to train>" }',
        )
    return names


def name(experiment: Any) -> str:
    """``ssd_<arch><nlayers>``, the number only where the family comes in several depths: ``ssd_mobilenet_v2``."""
    settings = config.read(experiment)
    depths = registry.load("runtime.nn.backbones", settings.arch).DEPTHS
    return f"ssd_{settings.arch}{settings.nlayers if depths else ''}"


def build(experiment: Any, *, num_classes: int) -> SSD:
    """The detector of this spec with random weights, heads for ``num_classes`` classes (background not counted).

    Raises SpecError naming the field for anything that cannot be built: an unknown arch or nlayers, lists of the
    wrong length, a picture too small for six maps.
    """
    from runtime.networks.ssd.model import SSD

    return SSD(config.read(experiment), num_classes=num_classes)
