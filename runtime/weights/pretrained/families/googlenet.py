"""GoogLeNet of torchvision, which wants its pictures otherwise than its other networks (``transform_input``).

Its branch of 5x5 convolutions has 3x3 ones: they take the middle of ours. Poolings differ.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from runtime.weights.pretrained.families import HALF, Layer, Naming

STEM = {"conv1": "conv1", "conv2_reduce": "conv2", "conv2": "conv3"}
BRANCHES = {
    "1x1": "branch1",
    "3x3_reduce": "branch2.0",
    "3x3": "branch2.1",
    "5x5_reduce": "branch3.0",
    "5x5": "branch3.1",
    "pool_proj": "branch4.1",
}


def namings(ours: AbstractSet[str], file: AbstractSet[str]) -> list[Naming]:  # noqa: ARG001 (the protocol's signature)
    layers = [Layer(name, f"bn_{name}", f"{theirs}.conv", f"{theirs}.bn") for name, theirs in STEM.items()]
    for name in sorted(ours):
        if match := re.fullmatch(r"inception_(\d[a-e])_(\w+?)", name):
            module, branch = match.groups()
            if branch in BRANCHES:
                theirs = f"inception{module}.{BRANCHES[branch]}"
                layers.append(Layer(name, f"{name}_bn", f"{theirs}.conv", f"{theirs}.bn", centred=branch == "5x5"))
    mean, deviation = HALF
    return [Naming("torchvision", tuple(layers), epsilon=1e-3, mean=mean, deviation=deviation)]
