"""Which channels of a network depend on each other, read from its traced graph.

The graph is that of ``torch.export``: tensor operations, whatever Python led to them. Every tensor of pictures has a
*layout*, the groups of channels it consists of. A convolution, transposed or not, makes a group of its filters; a
depthwise one, a batch norm and all that works channel by channel keep the layout; a concatenation joins layouts; an
element-wise operation on two tensors makes their groups one. Channels that meet an operation which is not known here
to keep them apart, or that leave the network, are never pruned. So no backbone need be known by name, and an unknown
one is at worst pruned less.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Node
from torch.nn.modules.batchnorm import _BatchNorm

from runtime.networks import Prunable
from runtime.nn import widths
from runtime.nn.layers import CONVOLUTIONS, filters_axis
from runtime.pruning.prunable import prunable

# Operations of ATen, without the underscore of their in-place forms.
CHANNEL_BY_CHANNEL = frozenset(
    {
        *("relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "mish", "sigmoid", "tanh", "softplus", "clamp"),
        *("hardtanh", "hardswish", "hardsigmoid", "neg", "abs", "square", "sqrt", "exp"),
        *("dropout", "feature_dropout", "contiguous", "clone", "detach", "alias", "to", "_to_copy", "type_as"),
        *("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "upsample_nearest2d", "upsample_bilinear2d"),
    }
)
ELEMENT_WISE = frozenset({"add", "sub", "mul", "div", "maximum", "minimum"})
CHANNELS = 1  # the dimension of pictures [B, C, H, W]

IS_OUTPUT = "leaves the network"
IS_INPUT = "enters the network"
EXCLUDED = "excluded"


@dataclass(frozen=True)
class Member:
    """Filters ``start`` to ``start`` + the group's size of the convolution ``layer``."""

    layer: str
    start: int = 0


@dataclass(frozen=True)
class Group:
    """Channels of which one decision is made. ``whole`` says why none may go; None: some may."""

    size: int
    members: tuple[Member, ...]
    whole: str | None


@dataclass(frozen=True)
class Dependencies:
    """``groups``, and by layer name the indices of those that a layer's dimensions consist of, in order.

    ``filters``: dimension 0 of a convolution's weight, ``inputs``: dimension 1 (absent for depthwise ones, whose
    filters say it all); of the ``transposed`` it is the other way round. ``norms``: the channels of a batch norm.
    """

    groups: tuple[Group, ...]
    filters: dict[str, tuple[int, ...]]
    inputs: dict[str, tuple[int, ...]]
    norms: dict[str, tuple[int, ...]]
    transposed: frozenset[str]


def analyse(detector: nn.Module) -> Dependencies:
    """Trace ``detector.raw`` and follow its channels. The detector is left as it is; no number is computed.

    Raises ModelError where it is not ``Prunable``.
    """
    shadow = prunable(copy.deepcopy(detector).to("meta").eval())
    pictures = torch.empty(1, 3, *shadow.input_size, device="meta")
    with torch.no_grad():
        program = torch.export.export(_Raw(shadow), (pictures,), strict=False)
    signature = program.graph_signature
    named = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    walk = _Walk(shadow, {node: name.removeprefix("detector.") for node, name in named.items()})
    for node in program.graph.nodes:
        walk.visit(node)
    return walk.result()


class _Raw(nn.Module):
    def __init__(self, detector: Prunable) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, pictures: Tensor) -> Any:
        return self.detector.raw(pictures)


@dataclass(eq=False)
class _Channels:
    """A group in the making; ``merged`` is the one it has become a part of."""

    size: int
    members: list[Member] = field(default_factory=list)
    whole: str | None = None
    merged: _Channels | None = None

    def root(self) -> _Channels:
        return self if self.merged is None else self.merged.root()


_Layout = tuple[_Channels, ...]


class _Walk:
    """Follows the layouts through the nodes of a graph, in order."""

    def __init__(self, module: nn.Module, named: dict[str, str]) -> None:
        self.module = module
        self.named = named
        self.layouts: dict[Node, _Layout] = {}
        self.filters: dict[str, _Layout] = {}
        self.inputs: dict[str, _Layout] = {}
        self.norms: dict[str, _Layout] = {}
        self.transposed: set[str] = set()
        self.unclear: dict[str, str] = {}
        """Layers that are, somewhere, used in a way not understood, and that way."""

    def visit(self, node: Node) -> None:
        if node.op == "placeholder":
            if node.name not in self.named:
                self._opaque(node, IS_INPUT)
        elif node.op == "output":
            self._keep_whole(node, IS_OUTPUT)
        elif node.op == "call_function":
            name = _name(node)
            layout = self._understood(name, node)
            if layout is None:
                self._opaque(node, IS_OUTPUT if name in ("permute", "reshape", "view", "flatten") else f"meets {name}")
            else:
                self.layouts[node] = layout

    def result(self) -> Dependencies:
        for layer, why in self.unclear.items():
            for table in (self.filters, self.inputs, self.norms):
                self._fix(table.get(layer, ()), why)
        order: dict[_Channels, int] = {}
        for table in (self.filters, self.inputs, self.norms):
            for layout in table.values():
                for channels in layout:
                    order.setdefault(channels.root(), len(order))
        groups = tuple(Group(each.size, tuple(dict.fromkeys(each.members)), each.whole) for each in order)

        def indices(table: dict[str, _Layout]) -> dict[str, tuple[int, ...]]:
            return {name: tuple(order[each.root()] for each in layout) for name, layout in table.items()}

        filters, inputs, norms = (indices(table) for table in (self.filters, self.inputs, self.norms))
        return Dependencies(groups, filters, inputs, norms, frozenset(self.transposed))

    def _understood(self, name: str, node: Node) -> _Layout | None:
        """The layout of what ``node`` makes of pictures, or None where it is not known to keep channels apart."""
        if _channels(node) is None:
            return None
        if name in CHANNEL_BY_CHANNEL:
            return self.layouts.get(_first(node))
        if name in ELEMENT_WISE:
            return self._element_wise(node)
        handler: Callable[[Node], _Layout | None] | None = getattr(self, f"_{name}", None)
        return handler(node) if handler is not None else None

    def _conv2d(self, node: Node) -> _Layout | None:
        before, layer = self.layouts.get(_first(node)), self._layer(node, *CONVOLUTIONS)
        if before is None or layer is None:
            return None
        convolution = self.module.get_submodule(layer)
        assert isinstance(convolution, CONVOLUTIONS)
        if convolution.groups == 1:
            made = (_Channels(convolution.out_channels, [Member(layer)]),)
            if filters_axis(convolution):
                self.transposed.add(layer)
            return self._use(self.filters, layer, made) if self._use(self.inputs, layer, before) else None
        if widths.is_grouped_by_channel(convolution) and convolution.out_channels == convolution.in_channels:
            start = 0
            for channels in before:
                channels.root().members.append(Member(layer, start))
                start += channels.size
            return self._use(self.filters, layer, before)
        return None

    _conv_transpose2d = _conv2d

    def _batch_norm(self, node: Node) -> _Layout | None:
        before, layer = self.layouts.get(_first(node)), self._layer(node, _BatchNorm)
        return None if before is None or layer is None else self._use(self.norms, layer, before)

    def _cat(self, node: Node) -> _Layout | None:
        parts, dimension = node.args[0], node.args[1] if len(node.args) > 1 else 0
        if dimension not in (CHANNELS, CHANNELS - 4) or not isinstance(parts, list | tuple):
            return None
        layouts = [self.layouts[part] for part in parts if part in self.layouts]  # type: ignore[index]
        return sum(layouts, ()) if len(layouts) == len(parts) else None

    def _mean(self, node: Node) -> _Layout | None:
        """Over rows and columns, both kept as dimensions of one."""
        dimensions, keep = node.args[1] if len(node.args) > 1 else None, len(node.args) > 2 and node.args[2]
        spatial = isinstance(dimensions, list | tuple) and all(each in (2, 3, -1, -2) for each in dimensions)
        return self.layouts.get(_first(node)) if spatial and keep else None

    def _pad(self, node: Node) -> _Layout | None:
        """Around rows and columns."""
        margins = node.args[1]
        return self.layouts.get(_first(node)) if isinstance(margins, list | tuple) and len(margins) <= 4 else None

    _constant_pad_nd = _pad

    def _element_wise(self, node: Node) -> _Layout | None:
        """One decision for all operands; those of one channel for all stay as they are."""
        wide = []
        for operand in node.all_input_nodes:
            if operand not in self.layouts:
                shape = operand.meta["val"].shape
                if len(shape) >= 3 and shape[-3] != 1:
                    return None  # a parameter for every channel, which nobody would slice
            elif _channels(operand) == _channels(node):
                wide.append(self.layouts[operand])
            elif _channels(operand) == 1:
                self._fix(self.layouts[operand], "one channel for all")
            else:
                return None
        if not wide or any(not _tie(wide[0], other) for other in wide[1:]):
            return None
        return wide[0]

    def _layer(self, node: Node, *kinds: type[nn.Module]) -> str | None:
        """The name of the layer whose parameters ``node`` takes, if it is one of ``kinds``."""
        names = {self.named[each.name].rpartition(".")[0] for each in node.all_input_nodes if each.name in self.named}
        if len(names) != 1:
            return None
        (layer,) = names
        return layer if isinstance(self.module.get_submodule(layer), kinds) else None

    def _use(self, table: dict[str, _Layout], layer: str, layout: _Layout) -> _Layout | None:
        """Note that ``layer`` has this layout; a layer that is used twice ties both together."""
        return table.setdefault(layer, layout) if _tie(table.get(layer, layout), layout) else None

    def _opaque(self, node: Node, why: str) -> None:
        """Whatever goes into ``node`` and comes out of it is never pruned."""
        self._keep_whole(node, why)
        size = _channels(node)
        if size is not None:
            self.layouts[node] = (_Channels(size, whole=why),)

    def _keep_whole(self, node: Node, why: str) -> None:
        for source in node.all_input_nodes:
            self._fix(self.layouts.get(source, ()), why)
            if source.name in self.named:
                self.unclear.setdefault(self.named[source.name].rpartition(".")[0], why)

    @staticmethod
    def _fix(layout: _Layout, why: str) -> None:
        for channels in layout:
            channels.root().whole = channels.root().whole or why


def _tie(one: _Layout, other: _Layout) -> bool:
    """Make the groups of two layouts one, in order; False where they are cut differently."""
    if [each.size for each in one] != [each.size for each in other]:
        return False
    for mine, yours in zip(one, other, strict=True):
        into, gone = mine.root(), yours.root()
        if into is not gone:
            into.members += gone.members
            into.whole = into.whole or gone.whole
            gone.merged = into
    return True


def _name(node: Node) -> str:
    """``relu`` of ``aten.relu_.default``."""
    schema = getattr(node.target, "_schema", None)
    name = str(schema.name).rpartition("::")[2] if schema is not None else str(node.target)
    return name.removesuffix("_")


def _first(node: Node) -> Any:
    return node.all_input_nodes[0] if node.all_input_nodes else None


def _channels(node: Node) -> int | None:
    """The channels of pictures; None for any other value."""
    value = node.meta.get("val")
    return int(value.shape[CHANNELS]) if isinstance(value, Tensor) and value.dim() == 4 else None
