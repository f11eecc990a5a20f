"""Weights of torchvision and timm: our backbones answer as theirs do, and lines tell what was taken."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tltpipe import registry
from tltpipe.errors import ModelError

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")

from torch import nn

from runtime import checkpoint, pretrained
from runtime.checkpoint import Checkpoint, Resume

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
MEAN_BGR = (103.939, 116.779, 123.68)


class Around(nn.Module):
    """The least of a detector: what it does to pixels, and a backbone."""

    unpruned = ()

    def __init__(self, arch: str, nlayers: int = 0, *, mean: tuple[float, ...] = MEAN_BGR, channels: int = 3) -> None:
        super().__init__()
        self.backbone = registry.load("runtime.backbones", arch).build(nlayers, in_channels=channels)
        self.mean = torch.tensor(mean).reshape(3, 1, 1)
        self.input_size, self.grey = (65, 65), channels == 1

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        pixels = images.flip(1) - self.mean
        return self.backbone(pixels.mean(dim=1, keepdim=True) if self.grey else pixels)


def shuffled(model: nn.Module) -> nn.Module:
    """Random statistics, too, with variances small enough that the epsilon of a batch norm counts."""
    torch.manual_seed(5)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(1e-3, 1.0)
            module.weight.data.uniform_(0.3, 0.9)
            module.bias.data.normal_(0, 0.1)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1)
    return model.eval()


def replaced(model: nn.Module, kinds: tuple[type, ...], by: Callable[[], nn.Module]) -> None:
    for name, module in list(model.named_modules()):
        if isinstance(module, kinds):
            parent = model.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], by())


class Every(nn.Module):
    """Every second row and column: an identity with a stride."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :, ::2, ::2]


def resnet(name: str) -> nn.Module:
    """torchvision's, with strides where NVIDIA has them."""
    model = shuffled(getattr(torchvision.models, name)())
    model.maxpool = nn.Identity()
    for stage in (model.layer1, model.layer2, model.layer3, model.layer4):
        stride = (1, 1) if stage is model.layer4 else (2, 2)
        stage[0].conv1.stride = stride
        if hasattr(stage[0], "conv3"):
            stage[0].conv2.stride = (1, 1)
        if stage[0].downsample is None:
            stage[0].downsample = Every()
        else:
            stage[0].downsample[0].stride = stride
    return nn.Sequential(
        model.conv1, model.bn1, model.relu, model.layer1, model.layer2, model.layer3, model.layer4
    ), model


def vgg(name: str) -> Any:
    model = shuffled(getattr(torchvision.models, name)())
    layers, pooled = [], False
    for layer in model.features:
        if isinstance(layer, nn.MaxPool2d):
            pooled = True
            continue
        if pooled and isinstance(layer, nn.Conv2d):
            layer.stride, pooled = (2, 2), False
        layers.append(layer)
    return nn.Sequential(*layers), model


def squeezenet(name: str) -> Any:
    model = shuffled(getattr(torchvision.models, name)())
    model.features[0].padding = (3, 3)
    replaced(model.features, (nn.MaxPool2d,), lambda: nn.MaxPool2d(3, 2, 1))
    return model.features, model


def googlenet(name: str) -> Any:
    model = shuffled(torchvision.models.googlenet(init_weights=False))
    model.maxpool1, model.maxpool2, model.maxpool3 = (nn.MaxPool2d(2) for _ in range(3))
    model.maxpool4 = nn.Identity()
    model.transform_input = False
    for module in model.modules():
        if hasattr(module, "branch4"):
            module.branch4[0] = nn.MaxPool2d(3, 1, 1)
    names = ["conv1", "maxpool1", "conv2", "conv3", "maxpool2", "inception3a", "inception3b", "maxpool3"]
    names += [f"inception4{letter}" for letter in "abcde"] + ["maxpool4", "inception5a", "inception5b"]
    return nn.Sequential(*(getattr(model, each) for each in names)), model


def mobilenet_v2(name: str) -> Any:
    model = shuffled(torchvision.models.mobilenet_v2())
    replaced(model, (nn.ReLU6,), nn.ReLU)
    return model.features[:14], model


def efficientnet(name: str) -> Any:
    model = shuffled(torchvision.models.efficientnet_b0())
    return model.features, model


def timm_model(name: str) -> Any:
    timm = pytest.importorskip("timm")
    model = shuffled(timm.create_model(name))
    replaced(model, (nn.ReLU6, nn.LeakyReLU), nn.ReLU)
    if name.startswith("resnet"):
        raise AssertionError
    if name == "darknet53":
        return nn.Sequential(model.stem, model.stages), model
    whole = nn.Sequential(model.conv_stem, model.bn1, model.blocks)
    if name == "mobilenetv1_100":
        return nn.Sequential(model.conv_stem, model.bn1, model.blocks[:4]), model
    if name == "mobilenetv2_100":
        return nn.Sequential(model.conv_stem, model.bn1, model.blocks[:5]), model
    return nn.Sequential(whole, model.conv_head, model.bn2), model


CASES = [
    ("resnet", 18, resnet, "resnet18", IMAGENET),
    ("resnet", 34, resnet, "resnet34", IMAGENET),
    ("resnet", 50, resnet, "resnet50", IMAGENET),
    ("vgg", 16, vgg, "vgg16", IMAGENET),
    ("vgg", 16, vgg, "vgg16_bn", IMAGENET),
    ("vgg", 19, vgg, "vgg19_bn", IMAGENET),
    ("squeezenet", 0, squeezenet, "squeezenet1_0", IMAGENET),
    ("googlenet", 0, googlenet, "googlenet", HALF),
    ("mobilenet_v2", 0, mobilenet_v2, "mobilenet_v2", IMAGENET),
    ("mobilenet_v2", 0, timm_model, "mobilenetv2_100", IMAGENET),
    ("mobilenet_v1", 0, timm_model, "mobilenetv1_100", HALF),
    ("efficientnet_b0", 0, efficientnet, "efficientnet_b0", IMAGENET),
    ("efficientnet_b0", 0, timm_model, "efficientnet_b0", IMAGENET),
    ("darknet", 53, timm_model, "darknet53", IMAGENET),
]


@pytest.mark.parametrize(("arch", "nlayers", "make", "name", "seen"), CASES, ids=lambda value: str(value)[:20])
def test_a_backbone_answers_as_the_one_whose_weights_it_took(
    tmp_path: Path, arch: str, nlayers: int, make: Any, name: str, seen: Any
) -> None:
    theirs, whole = make(name)
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    # With their mean for ours zeros at the rim are the same colour, and all pixels can be compared.
    mean, deviation = (torch.tensor(values).reshape(3, 1, 1) for values in seen)
    ours = Around(arch, nlayers, mean=tuple(255 * value for value in reversed(seen[0]))).eval()
    lines = pretrained.adopt(ours, pretrained.read(tmp_path / "weights.pth"), tmp_path / "weights.pth")
    images = torch.rand(2, 3, 65, 65, dtype=torch.float64) * 255
    ours.mean = ours.mean.double()
    with torch.no_grad():
        wanted, got = theirs.double()((images / 255 - mean) / deviation), ours.double()(images)[-1]
    assert got.shape == wanted.shape
    assert wanted.abs().mean() > 1e-3
    torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))
    total = len(ours.state_dict())
    assert lines[0] == f"pretrained weights: {total} of {total} tensors from weights.pth"
    assert not any("other shape" in line or "not in the file" in line for line in lines)
