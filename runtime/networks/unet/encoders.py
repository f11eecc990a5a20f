"""Encoders and decoders by their names, with random weights: segmentation-models-pytorch downloads none here."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import segmentation_models_pytorch as smp
import timm
import torch
from torch import nn

from runtime.networks.unet import fairnet
from runtime.networks.unet.settings import Settings
from specs.sections import STRIDE
from specs.unet.settings import Model
from specs.values import did_you_mean

TIMM = "tu-"
"""How the names of timm's models begin."""
POOLING = "upernet"
"""The architecture whose graph depends on the size of its coarsest map."""
CHANNELS = {
    "unet": "decoder_channels",
    "unetplusplus": "decoder_channels",
    "fpn": "decoder_pyramid_channels",
    "deeplabv3plus": "decoder_channels",
    "upernet": "decoder_channels",
    "segformer": "decoder_segmentation_channels",
}
"""What segmentation-models-pytorch calls the channels of a decoder."""


@dataclass
class UnusableError(Exception):
    """The model cannot be built: ``field`` of the spec is why."""

    field: str
    what: str
    hint: str | None = None


@dataclass(frozen=True)
class Parts:
    """``encoder`` gives maps of falling resolution, ``decoder`` one of them all, ``head`` logits at the size of the
    input. Sides of inputs are multiples of ``stride``; ``any_size``: of any others than those of the settings, too."""

    encoder: nn.Module
    decoder: nn.Module
    head: nn.Module
    stride: int
    any_size: bool


def parts(settings: Settings) -> Parts:
    """Raises UnusableError."""
    network = settings.network
    _require(network.encoder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names that are going to change
            made = _fairnet(network, settings.channels) if network.arch == "fairnet" else _parts(settings)
            _try(made.encoder, settings.input_size)
            return made
    except (ValueError, RuntimeError, TypeError, AttributeError, KeyError, AssertionError) as refusal:
        # The libraries raise whatever comes up in encoders without maps, or with other resolutions.
        first = str(refusal).strip().partition("\n")[0]
        what = f"{network.arch} cannot be built on the encoder {network.encoder}: {first}"
        raise UnusableError("model.encoder", what, "resnet18 works with all of them") from refusal


def _parts(settings: Settings) -> Parts:
    network = settings.network
    given = network.decoder_channels
    channels: Any = {}
    if given:
        channels = {CHANNELS[network.arch]: given if len(given) > 1 else given[0]}
    made = smp.create_model(
        network.arch, encoder_name=network.encoder, encoder_weights=None, classes=settings.channels, **channels
    )
    stride = made.encoder.output_stride if made.requires_divisible_input_shape else 1
    any_size = network.arch != POOLING and not network.encoder.startswith(TIMM)
    return Parts(made.encoder, made.decoder, made.segmentation_head, stride, any_size)


def _try(encoder: nn.Module, size: tuple[int, int]) -> None:
    """Some of timm's encoders take images of one size alone: raises whatever they raise."""
    if isinstance(encoder, smp.encoders.TimmUniversalEncoder):
        with torch.no_grad():
            encoder.eval()(torch.zeros(1, 3, *size))
        encoder.train()


def _fairnet(network: Model, channels: int) -> Parts:
    encoder = smp.encoders.get_encoder(network.encoder, weights=None)
    stage, dilations = fairnet.last_stage(encoder), network.dilations
    if stage is None:
        raise UnusableError("model.encoder", f"fairnet dilates a ResNet, which {network.encoder} is not")
    if len(stage) != len(dilations):
        what = f"the last stage of {network.encoder} has {len(stage)} blocks, dilations has {len(dilations)} entries"
        raise UnusableError("model.dilations", what)
    fairnet.dilate(stage, dilations)
    width = network.decoder_channels[0] if network.decoder_channels else fairnet.WIDTH
    decoder = fairnet.Decoder(encoder.out_channels[-3:], width)
    any_size = not network.encoder.startswith(TIMM)
    return Parts(encoder, decoder, fairnet.head(width, channels), STRIDE, any_size)


def _require(name: str) -> None:
    """Raise UnusableError where there is no encoder ``name``."""
    if name in smp.encoders.encoders:
        return
    known = [*smp.encoders.encoders, *(f"{TIMM}{each}" for each in timm.list_models())]
    if not name.startswith(TIMM) or not timm.is_model(name.removeprefix(TIMM)):
        hint = did_you_mean(name, known) or "names: segmentation-models-pytorch's, or tu- and that of a model of timm"
        raise UnusableError("model.encoder", f'there is no encoder "{name}"', hint)
