"""Which filters stay: NVIDIA's rule for structured magnitude pruning (TLT 2.0 to TAO 5, ``core/pruning``)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runtime.pruning.choice import Criterion, Normalizer, Rule

if TYPE_CHECKING:
    from torch import Tensor

    from runtime.pruning.dependencies import Dependencies, Group


class NothingLeftError(ValueError):
    """All filters of ``layer`` would go."""

    def __init__(self, layer: str) -> None:
        super().__init__(f"no filter of {layer} would be left")
        self.layer = layer


def norms(weight: Tensor, normalizer: Normalizer) -> NDArray[np.float64]:
    """The L2 norm of every filter of a convolution's ``weight`` [N, C, h, w], biases ignored, normalised; [N].

    "max": divided by the largest of the layer, so 0 to 1. "L2": divided by the L2 norm of all norms and times their
    number, so 0 to N, and √N where all are alike. All zeros for a layer that is zero.
    Raises ValueError where weights are not finite.
    """
    filters = weight.detach().cpu().double().flatten(1).numpy()
    values: NDArray[np.float64] = np.sqrt(np.square(filters).sum(axis=1))
    if not np.isfinite(values).all():
        raise ValueError("its weights are not all finite numbers")
    largest = values.max()
    if not largest:
        return values
    scale = largest if normalizer == "max" else np.sqrt(np.square(values).sum()) / len(values)
    return np.asarray(values / scale)


def merged(statistics: Sequence[NDArray[np.float64]], criterion: Criterion) -> NDArray[np.float64]:
    """One statistic for layers that share a decision, each [N]; [N]."""
    table = np.stack(statistics)
    if criterion == "union":
        return np.asarray(table.max(axis=0))
    if criterion == "intersection":
        return np.asarray(table.min(axis=0))
    if criterion == "arithmetic_mean":
        return np.asarray(table.mean(axis=0))
    with np.errstate(divide="ignore"):  # a filter of zeros
        return np.asarray(np.exp(np.log(table).mean(axis=0)))


def kept(statistic: NDArray[np.float64], rule: Rule) -> NDArray[np.intp]:
    """The indices of the filters that stay, rising: those of the largest ``statistic`` [N], of equals the first."""
    total = len(statistic)
    count = max(int((statistic > rule.threshold).sum()), min(rule.minimum, total))
    count = min(-(-count // rule.granularity) * rule.granularity, total)
    return np.sort(np.argsort(-statistic, kind="stable")[:count])


def excluding(dependencies: Dependencies, layers: Collection[str], why: str) -> Dependencies:
    """The same, with nothing pruned that shares a decision with one of ``layers``."""

    def spared(group: Group) -> Group:
        named = any(member.layer in layers for member in group.members)
        return replace(group, whole=group.whole or why) if named else group

    return replace(dependencies, groups=tuple(spared(group) for group in dependencies.groups))


def statistics(
    dependencies: Dependencies, weights: Mapping[str, Tensor], rule: Rule
) -> list[NDArray[np.float64] | None]:
    """For every group of ``dependencies`` the numbers that decide; None for one that stays whole.

    ``weights`` are those of a state dict. Raises ValueError naming a layer whose weights are not finite.
    """
    cache: dict[str, NDArray[np.float64]] = {}

    def of(layer: str) -> NDArray[np.float64]:
        if layer not in cache:
            weight, turned = weights[f"{layer}.weight"], layer in dependencies.transposed
            try:
                cache[layer] = norms(weight.transpose(0, 1) if turned else weight, rule.normalizer)
            except ValueError as fault:
                raise ValueError(f"{layer}: {fault}") from None
        return cache[layer]

    return [
        None
        if group.whole is not None or not group.members
        else merged([of(each.layer)[each.start : each.start + group.size] for each in group.members], rule.criterion)
        for group in dependencies.groups
    ]


def decide(
    dependencies: Dependencies, decisive: Sequence[NDArray[np.float64] | None], rule: Rule
) -> list[NDArray[np.intp]]:
    """For every group the channels that stay, by the numbers that ``statistics`` found.

    Raises NothingLeftError where all would go.
    """
    decisions = []
    for group, numbers in zip(dependencies.groups, decisive, strict=True):
        decisions.append(np.arange(group.size) if numbers is None else kept(numbers, rule))
        if not len(decisions[-1]):
            raise NothingLeftError(group.members[0].layer)
    return decisions
