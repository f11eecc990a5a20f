"""The backbones an SSD can have, and what a spec may say about them."""

from __future__ import annotations

from collections.abc import Mapping

BACKBONES: Mapping[str, tuple[tuple[int, ...], range]] = {
    "resnet": ((10, 18, 34, 50, 101), range(5)),
    "vgg": ((16, 19), range(1, 6)),
    "darknet": ((19, 53), range(6)),
    "mobilenet_v1": ((), range(12)),
    "mobilenet_v2": ((), range(14)),
    "squeezenet": ((), range(0)),
    "googlenet": ((), range(10)),
    "efficientnet_b0": ((), range(9)),
}
"""By arch: the depths it comes in (none: it has but one), and the numbers of its blocks."""

NEVER_BUILT = "efficientnet_b1"
"""In NVIDIA's list of names, and nowhere else: its programs accept it, then say that it is not implemented."""


TORCHVISION = "https://download.pytorch.org/models/"
TIMM = "https://huggingface.co/timm/"

PRETRAINED: Mapping[str, str] = {
    "resnet10": f"{TORCHVISION}resnet18-f37072fd.pth",
    "resnet18": f"{TORCHVISION}resnet18-f37072fd.pth",
    "resnet34": f"{TORCHVISION}resnet34-b627a593.pth",
    "resnet50": f"{TORCHVISION}resnet50-11ad3fa6.pth",
    "resnet101": f"{TORCHVISION}resnet101-cd907fc2.pth",
    "vgg16": f"{TORCHVISION}vgg16_bn-6c64b313.pth",
    "vgg19": f"{TORCHVISION}vgg19_bn-c79401a0.pth",
    "mobilenet_v1": f"{TIMM}mobilenetv1_100.ra4_e3600_r224_in1k/resolve/main/model.safetensors",
    "mobilenet_v2": f"{TORCHVISION}mobilenet_v2-b0353104.pth",
    "squeezenet": f"{TORCHVISION}squeezenet1_0-b66bff10.pth",
    "googlenet": f"{TORCHVISION}googlenet-1378be20.pth",
    "efficientnet_b0": f"{TORCHVISION}efficientnet_b0_rwightman-7f5810bc.pth",
    "darknet53": f"{TIMM}darknet53.c2ns_in1k/resolve/main/model.safetensors",
}
"""By backbone and depth: a file trained on ImageNet. Nobody offers one for DarkNet 19."""


def pretrained(arch: str, nlayers: int) -> str | None:
    """Where the weights for this backbone are; None where there are none."""
    return PRETRAINED.get(arch) or PRETRAINED.get(f"{arch}{nlayers}")


def advice(arch: str, nlayers: int) -> str:
    """What to do to start from pretrained weights, in a line."""
    address = pretrained(arch, nlayers)
    if address is None:
        return f"no pretrained weights are known for {arch}{nlayers}: it starts from random ones"
    return f"{address} (ImageNet), then tltpipe train --from {address.rpartition('/')[2]}"
