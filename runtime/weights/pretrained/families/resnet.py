"""ResNets, which torchvision and timm spell alike.

Theirs shrink pictures by a pooling where ours begin with a stride, and their last stage has a stride; bottlenecks have
theirs on the second convolution. Kernels fit all the same. Where their shortcut is the plain input, ours projects it by
the identity.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from runtime.weights.pretrained.families import Layer, Naming


def namings(ours: AbstractSet[str], file: AbstractSet[str]) -> list[Naming]:
    layers = [Layer("conv1", "bn_conv1", "conv1", "bn1")]
    for name in sorted(ours):
        if not (match := re.fullmatch(r"(block_(\d)([a-z]))\.conv_(\d|shortcut)", name)):
            continue
        unit, stage, letter, which = match.groups()
        theirs = f"layer{stage}.{ord(letter) - ord('a')}"
        norm = f"{unit}.bn_{which}"
        if which != "shortcut":
            layers.append(Layer(name, norm, f"{theirs}.conv{which}", f"{theirs}.bn{which}"))
        elif f"{theirs}.conv1" in file and f"{theirs}.downsample.0" not in file:
            layers.append(Layer(name, norm, None))
        else:
            layers.append(Layer(name, norm, f"{theirs}.downsample.0", f"{theirs}.downsample.1"))
    return [Naming("torchvision or timm", tuple(layers))]
