"""Which pretrained weights doctor and init name: one for every backbone that somebody has weights for."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest

from specs.ssd import backbones
from specs.ssd.backbones import BACKBONES


@pytest.mark.parametrize("arch", BACKBONES)
def test_every_backbone_has_an_address_or_none_is_known(arch: str) -> None:
    depths, _ = BACKBONES[arch]
    for depth in depths or (0,):
        address = backbones.pretrained(arch, depth)
        if (arch, depth) == ("darknet", 19):
            assert address is None
            assert "random" in backbones.advice(arch, depth)
        else:
            assert address is not None
            assert address.rpartition("/")[2] in backbones.advice(arch, depth)


@pytest.mark.torch
def test_addresses_of_torchvision_are_those_that_it_has() -> None:
    pytest.importorskip("torchvision")
    names = ("resnet", "vgg", "mobilenetv2", "squeezenet", "googlenet", "efficientnet")
    modules = [importlib.import_module(f"torchvision.models.{name}") for name in names]
    known = set(re.findall(r"https://[^\"]+\.pth", "".join(inspect.getsource(module) for module in modules)))
    ours = {address for address in backbones.PRETRAINED.values() if address.startswith(backbones.TORCHVISION)}
    assert ours <= known
