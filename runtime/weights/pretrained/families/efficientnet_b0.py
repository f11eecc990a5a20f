"""EfficientNet B0 of torchvision and timm; all kernels fit.

Strided convolutions of theirs pad on all sides, but for those that timm calls ``tf_``, which pad as ours do.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from runtime.weights.pretrained.families import Layer, Naming


def namings(ours: AbstractSet[str], file: AbstractSet[str]) -> list[Naming]:  # noqa: ARG001 (the protocol's signature)
    torchvision = [Layer("stem_conv", "stem_bn", "features.0.0", "features.0.1")]
    timm = [Layer("stem_conv", "stem_bn", "conv_stem", "bn1")]
    for unit in sorted({name.split(".")[0] for name in ours if name.startswith("block")}):
        match = re.fullmatch(r"block(\d)([a-z])", unit)
        assert match is not None
        stage, i = int(match[1]), ord(match[2]) - ord("a")
        widens = f"{unit}.expand_conv" in ours
        own = [("expand_conv", "expand_bn")] if widens else []
        own += [("dwconv", "bn"), ("project_conv", "project_bn")]
        place = f"features.{stage}.{i}.block"
        squeeze = len(own) - 1
        at = [*range(squeeze), squeeze + 1]  # squeeze and excitation lies before the last
        named = ("conv_pw", "conv_dw", "conv_pwl") if widens else ("conv_dw", "conv_pw")
        theirs = f"blocks.{stage - 1}.{i}"
        for number, ((conv, norm), index, name) in enumerate(zip(own, at, named, strict=True), start=1):
            pair = f"{unit}.{conv}", f"{unit}.{norm}"
            torchvision.append(Layer(*pair, f"{place}.{index}.0", f"{place}.{index}.1"))
            timm.append(Layer(*pair, f"{theirs}.{name}", f"{theirs}.bn{number}"))
        for part, first, second in (("se_reduce", "fc1", "conv_reduce"), ("se_expand", "fc2", "conv_expand")):
            torchvision.append(Layer(f"{unit}.{part}", None, f"{place}.{squeeze}.{first}"))
            timm.append(Layer(f"{unit}.{part}", None, f"{theirs}.se.{second}"))
    torchvision.append(Layer("top_conv", "top_bn", "features.8.0", "features.8.1"))
    timm.append(Layer("top_conv", "top_bn", "conv_head", "bn2"))
    return [Naming("torchvision", tuple(torchvision)), Naming("timm", tuple(timm))]
