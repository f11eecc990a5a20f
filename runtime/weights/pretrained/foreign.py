"""Weights of torchvision and timm into a backbone of ours: by name, where shapes agree, made to answer alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from runtime.networks import HasBackbone, Model, NamesForeignWeights
from runtime.weights.pretrained import folding
from runtime.weights.pretrained.families import Layer, Naming
from runtime.weights.pretrained.folding import Convolution, Norm, Pixels
from runtime.weights.pretrained.reading import Foreign
from runtime.weights.pretrained.report import Report
from tltpipe import registry

# Under these names detectors and classifiers keep the backbone that they are built around.
PREFIXES = ("", "model.", "backbone.", "backbone.body.", "encoder.", "features.")
COUNTER = "num_batches_tracked"


def take(detector: nn.Module, file: Foreign, source: str) -> Report:
    """Put what fits of ``file``, called ``source``, into the backbone of ``detector``; changes nothing if nothing does.

    A bare state dict of ours (all names are those of ``detector``) goes in as it is.
    """
    own = detector.state_dict()
    if any(name in own for name in file.tensors):
        return by_name(detector, file.tensors, source)
    assert isinstance(detector, HasBackbone)
    place = detector.backbone_name
    backbone = detector.get_submodule(place)
    ours = modules(backbone.state_dict())
    spelled = _spelling(detector.arch, ours, file.tensors)
    if spelled is None:
        return Report(source, 0, len(own), missing=list(own), unused=list(file.tensors))
    naming, prefix = spelled
    tensors = {name.removeprefix(prefix): tensor for name, tensor in file.tensors.items() if name.startswith(prefix)}
    theirs = Pixels.normalised(file.mean or naming.mean, file.deviation or naming.deviation)
    epsilon = 1e-3 if file.architecture.startswith("tf_") or source.startswith("tf_") else naming.epsilon
    fitting = Fitting(
        backbone, tensors, epsilon=epsilon, theirs=theirs, ours=pixels(detector, backbone, detector.input_size)
    )
    for i, layer in enumerate(naming.layers):
        fitting.fit(layer, first=i == 0)
    found = {f"{place}.{name}": value for name, value in fitting.taken.items()}
    detector.load_state_dict({**own, **found})
    refused = [f"{place}.{name}" for name in fitting.refused]
    # Steps that a batch norm has counted are no weights that someone could miss.
    unused = [name for name in tensors if name not in fitting.used and not name.endswith(COUNTER)]
    unused += [name for name in file.tensors if not name.startswith(prefix)]
    seen = zip(file.mean or naming.mean, file.deviation or naming.deviation, strict=True)
    notes = [
        f"named as in {naming.name}" + (f", under {prefix}" if prefix else "") + _of(file.place),
        f"made to fit: {'; '.join(fitting.made(epsilon))}",
        "taken to have seen RGB from 0 to 1, (x - {:g}) / {:g}, (x - {:g}) / {:g}, (x - {:g}) / {:g}".format(
            *(value for pair in seen for value in pair)
        ),
    ]
    missing = [name for name in own if name not in found and name not in refused]
    return Report(source, len(found), len(own), refused, missing, unused, notes if found else ())


def by_name(module: nn.Module, tensors: Mapping[str, Tensor], source: str) -> Report:
    """Put the ``tensors`` into ``module`` whose shapes and names are its own, or names it knows for its own."""
    own = module.state_dict()
    fit: dict[str, Tensor] = {}
    other, unused = [], []
    for name, value in tensors.items():
        names = [name, *(module.foreign_names(name) if isinstance(module, NamesForeignWeights) else ())]
        known = next((each for each in names if each in own and each not in fit), None)
        if known is None:
            unused += [] if name.endswith(COUNTER) else [name]
        elif own[known].shape == value.shape:
            fit[known] = value
        else:
            other.append(known)
    module.load_state_dict({**own, **fit})
    # Steps that a batch norm has counted are no weights that someone could miss.
    missing = [name for name in own if name not in fit and name not in other and not name.endswith(COUNTER)]
    return Report(source, len(fit), len(own), other, missing, unused)


def pixels(detector: nn.Module, backbone: nn.Module, size: tuple[int, int]) -> Pixels:
    """What ``detector`` makes of pixels, found by showing it black, red, green and blue."""
    seen: list[Tensor] = []

    class Seen(Exception):
        pass

    def look(_module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        seen.append(arguments[0])
        raise Seen

    colours = torch.cat([torch.zeros(1, 3), 255 * torch.eye(3)])[:, :, None, None].expand(-1, -1, *size)
    training = detector.training
    handle = backbone.register_forward_pre_hook(look)
    try:
        cast("Model", detector.eval()).predict(colours.to(next(detector.parameters()).device))
    except Seen:
        pass
    finally:
        handle.remove()
        detector.train(training)
    black, *others = seen[0].detach().cpu().double()[:, :, 0, 0]
    return Pixels(torch.stack([(colour - black) / 255 for colour in others], dim=1), black)


def modules(names: Iterable[str]) -> frozenset[str]:
    """Modules that tensors of these names belong to."""
    return frozenset(name.rpartition(".")[0] for name in names)


def _of(place: str | None) -> str:
    return f', from "{place}"' if place else ""


def _spelling(arch: str, ours: frozenset[str], tensors: Mapping[str, Tensor]) -> tuple[Naming, str] | None:
    """The naming and the prefix under which the file has most layers of the family; None if it has none."""
    if arch not in registry.names("runtime.weights.pretrained.families"):
        return None
    family = registry.load("runtime.weights.pretrained.families", arch)
    best, found = 0, None
    for prefix in PREFIXES:
        file = modules(name.removeprefix(prefix) for name in tensors if name.startswith(prefix))
        for naming in family.namings(ours, file):
            count = sum(_weight(layer, tensors, prefix) for layer in naming.layers)
            if count > best:
                best, found = count, (naming, prefix)
    return found


def _weight(layer: Layer, tensors: Mapping[str, Tensor], prefix: str) -> bool:
    return layer.theirs is not None and f"{prefix}{layer.theirs}.weight" in tensors


class Fitting:
    """Collects what goes into a backbone: ``taken`` by our names, ``used`` by theirs, ``refused`` for their shape."""

    def __init__(
        self, backbone: nn.Module, tensors: Mapping[str, Tensor], *, epsilon: float, theirs: Pixels, ours: Pixels
    ) -> None:
        self.backbone, self.tensors, self.epsilon = backbone, tensors, epsilon
        self.theirs, self.ours = theirs, ours
        self.taken: dict[str, Tensor] = {}
        self.used: set[str] = set()
        self.refused: list[str] = []
        self.counts = {"shortcut": 0, "bias": 0, "centred": 0, "first": 0, "norm": 0}

    def fit(self, layer: Layer, *, first: bool) -> None:
        """Take ``layer`` with its batch norm, or nothing of it."""
        convolution = cast(nn.Conv2d, self.backbone.get_submodule(layer.conv))
        norm = cast(nn.BatchNorm2d, self.backbone.get_submodule(layer.norm)) if layer.norm else None
        if layer.theirs is None:
            self._pass(layer, convolution, norm)
            return
        if (given := self._convolution(layer.theirs)) is None:
            return
        if layer.centred and given.weight.shape != convolution.weight.shape:
            size = convolution.kernel_size
            given = Convolution(folding.centred(given.weight, (size[0], size[1])), given.bias)
            self.counts["centred"] += 1
        if first and given.weight.dim() == 4 and given.weight.shape[1] == 3:
            given = folding.first_convolution(given, theirs=self.theirs, ours=self.ours)
            self.counts["first"] += 1
        statistics = self._norm(layer.their_norm) if layer.their_norm else None
        narrow = statistics is not None and norm is not None and len(statistics.mean) != norm.num_features
        if narrow or given.weight.shape != convolution.weight.shape:
            self.refused += self._names(layer, convolution, norm)
            return
        if norm is None:
            self._put(layer.conv, given.weight, given.bias if convolution.bias is not None else None)
        else:
            self._put(layer.conv, given.weight, None)
            self._put_norm(layer, norm, given, statistics)
        self._use(layer.theirs, layer.their_norm)

    def made(self, epsilon: float) -> list[str]:
        """What was done to the weights, in words."""
        told = {
            "first": "the first convolution sees our pixels",
            "norm": f"{self.counts['norm']} batch norms divide by another epsilon than {epsilon:g}",
            "shortcut": f"{self.counts['shortcut']} projections of shortcuts pass everything on",
            "bias": f"{self.counts['bias']} batch norms pass everything on and add the bias",
            "centred": f"{self.counts['centred']} kernels lie in the middle of larger ones",
        }
        return [told[what] for what in told if self.counts[what]] or ["nothing was needed"]

    def _pass(self, layer: Layer, convolution: nn.Conv2d, norm: nn.BatchNorm2d | None) -> None:
        kernel = folding.identity(convolution.weight)
        if kernel is None:
            return
        self._put(layer.conv, kernel, None)
        if norm is not None and layer.norm is not None:
            self._put_statistics(layer.norm, folding.passing(len(kernel), epsilon=norm.eps))
        self.counts["shortcut"] += 1

    def _convolution(self, name: str) -> Convolution | None:
        weight = self._tensor(f"{name}.weight")
        if weight is None or weight.dim() != 4:
            return None
        bias = self._tensor(f"{name}.bias")
        return Convolution(weight, torch.zeros(len(weight), dtype=torch.float64) if bias is None else bias)

    def _norm(self, name: str) -> Norm | None:
        mean, variance = self._tensor(f"{name}.running_mean"), self._tensor(f"{name}.running_var")
        if mean is None or variance is None:
            return None
        scale, shift = self._tensor(f"{name}.weight"), self._tensor(f"{name}.bias")
        scale = torch.ones_like(mean) if scale is None else scale
        return Norm(scale, torch.zeros_like(mean) if shift is None else shift, mean, variance)

    def _tensor(self, name: str) -> Tensor | None:
        tensor = self.tensors.get(name)
        return None if tensor is None else tensor.double()

    def _put(self, conv: str, weight: Tensor, bias: Tensor | None) -> None:
        self.taken[f"{conv}.weight"] = weight.float()
        if bias is not None:
            self.taken[f"{conv}.bias"] = bias.float()

    def _put_norm(self, layer: Layer, norm: nn.BatchNorm2d, given: Convolution, statistics: Norm | None) -> None:
        assert layer.norm is not None
        if statistics is None:
            self.counts["bias"] += 1
            statistics = folding.passing(len(given.bias), epsilon=norm.eps, bias=given.bias)
        else:
            self.counts["norm"] += norm.eps != self.epsilon
            statistics = statistics.after(given.bias).with_epsilon(self.epsilon, norm.eps)
        self._put_statistics(layer.norm, statistics)

    def _put_statistics(self, name: str, norm: Norm) -> None:
        values = {"weight": norm.scale, "bias": norm.shift, "running_mean": norm.mean, "running_var": norm.variance}
        self.taken |= {f"{name}.{key}": value.float() for key, value in values.items()}
        # They are those of another network on other pictures, so the first batch replaces them (runtime/nn/layers.py),
        # unless freeze_bn keeps them.
        self.taken[f"{name}.{COUNTER}"] = torch.tensor(0)

    def _names(self, layer: Layer, convolution: nn.Conv2d, norm: nn.BatchNorm2d | None) -> list[str]:
        names = [f"{layer.conv}.{name}" for name in convolution.state_dict()]
        return names + ([f"{layer.norm}.{name}" for name in norm.state_dict()] if norm is not None else [])

    def _use(self, *names: str | None) -> None:
        self.used |= {name for name in self.tensors if name.rpartition(".")[0] in names}
