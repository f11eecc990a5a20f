"""torchvision's feature pyramids, with random weights: its names of weights, so that its files fit."""

from __future__ import annotations

from typing import cast

from torch import nn
from torchvision.models import mobilenet_v3_large, resnet
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool
from torchvision.ops.misc import FrozenBatchNorm2d

from specs.rcnn import Backbone, default_stages

STAGES = ("conv1", "layer1", "layer2", "layer3", "layer4")
"""Of a ResNet, each with what belongs to it: the first layer's norm is bn1."""
MOBILENET = "mobilenet_v3_large"


def build(settings: Backbone, *, version: int) -> BackboneWithFPN:
    """Images float32 [B, 3, H, W] in, one map [B, fpn_channels, h, w] for each stage and one above them out.

    ``version`` 2 has normalisation layers in the pyramid. Stages that do not learn have ``requires_grad`` False.
    """
    make = _mobilenet if settings.type == MOBILENET else _resnet
    body, stages = make(settings, FrozenBatchNorm2d if settings.norm == "frozen" else nn.BatchNorm2d)
    for stage in stages[: max(0, len(stages) - settings.trainable_layers)]:
        for module in stage:
            module.requires_grad_(False)
    places, channels = _outputs(body, settings.type, default_stages(settings))
    return BackboneWithFPN(
        body,
        {place: str(level) for level, place in enumerate(places)},
        channels,
        settings.fpn_channels,
        extra_blocks=LastLevelMaxPool(),
        norm_layer=nn.BatchNorm2d if version == 2 else None,
    )


def _resnet(settings: Backbone, norm: type[nn.Module]) -> tuple[nn.Module, list[list[nn.Module]]]:
    body: nn.Module = resnet.__dict__[settings.type](weights=None, norm_layer=norm)
    stages = [[body.get_submodule(name)] for name in STAGES]
    stages[0].append(body.get_submodule("bn1"))
    return body, stages


def _mobilenet(_: Backbone, norm: type[nn.Module]) -> tuple[nn.Module, list[list[nn.Module]]]:
    layers = list(cast(nn.Sequential, mobilenet_v3_large(weights=None, norm_layer=norm).features))
    starts = _strided(layers)
    return nn.Sequential(*layers), [layers[a:b] for a, b in zip(starts, [*starts[1:], len(layers)], strict=True)]


def _strided(layers: list[nn.Module]) -> list[int]:
    """Where the stages of a MobileNetV3 begin: its first layer, those that halve the map, its last layer."""
    return [0, *(at for at, layer in enumerate(layers) if getattr(layer, "_is_cn", False)), len(layers) - 1]


def _outputs(body: nn.Module, kind: str, stages: tuple[int, ...]) -> tuple[list[str], list[int]]:
    """Names of the layers of ``body`` that end these stages, and their channels."""
    if kind == MOBILENET:
        layers = list(cast(nn.Sequential, body))
        places = [_strided(layers)[stage] for stage in stages]
        return [str(place) for place in places], [cast(int, layers[place].out_channels) for place in places]
    width = cast(int, cast(resnet.ResNet, body).inplanes) // 8
    return [STAGES[stage] for stage in stages], [width * 2 ** (stage - 1) for stage in stages]
