"""The backbones an SSD can have, and what a spec may say about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from specs.checks import Finding, message_at, warn
from specs.spec import Spec
from specs.values import choice, did_you_mean

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


def check(spec: Spec) -> Iterator[Finding]:
    """Findings about arch, nlayers and freeze_blocks."""
    config = message_at(spec, "ssd_config")
    if config is None:
        return
    if config.arch not in BACKBONES:
        known = list(BACKBONES)
        what = f'arch must be {choice(known)}, not "{config.arch}"' if config.arch else 'ssd_config needs "arch"'
        hint = did_you_mean(config.arch, known)
        if config.arch == NEVER_BUILT:
            hint = f"{NEVER_BUILT} is a name that NVIDIA's check knows but no network has; efficientnet_b0 exists"
        yield Finding("ssd_config.arch", what, hint)
        return
    depths, blocks = BACKBONES[config.arch]
    if depths and config.nlayers not in depths:
        told = config.nlayers or "unset"
        what = f"nlayers of {config.arch} must be {choice([str(depth) for depth in depths])}, not {told}"
        yield Finding("ssd_config.nlayers", what)
    if not depths and config.nlayers:
        yield warn("ssd_config.nlayers", f"nlayers has no effect: {config.arch} comes in one depth")
    for index, block in enumerate(config.freeze_blocks):
        if not blocks:
            yield warn(f"ssd_config.freeze_blocks[{index}]", f"freeze_blocks has no effect with {config.arch}")
        elif block not in blocks:
            what = f"freeze_blocks of {config.arch} must be from {blocks.start} to {blocks.stop - 1}, not {block}"
            yield Finding(f"ssd_config.freeze_blocks[{index}]", what)


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
