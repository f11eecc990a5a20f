"""What a pruning did, as JSON types and as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from runtime.pruning.choice import Rule
from runtime.pruning.layers import Fate, short
from runtime.pruning.measures import Cost

RATIO = "Pruning ratio (pruned model / original model)"


def document(
    *,
    model: str,
    sha256: str,
    output: str,
    network: str,
    rule: Rule,
    excluded: Sequence[str],
    before: Cost,
    after: Cost,
    fates: Sequence[Fate],
    weakest: float | None,
) -> dict[str, Any]:
    """Everything, for the file beside the model and for ``--json``."""
    return {
        "model": model,
        "sha256": sha256,
        "pruned_model": output,
        "network": network,
        "rule": {**asdict(rule), "excluded_layers": list(excluded)},
        "pruning_ratio": after.parameters / before.parameters,
        "least_norm": weakest,
        "before": asdict(before),
        "after": asdict(after),
        "layers": [asdict(fate) for fate in fates],
    }


def lines(told: Mapping[str, Any], fates: Sequence[Fate], prefixes: Sequence[str]) -> Iterator[str]:
    """The table of layers, whose names go without ``prefixes``, then that of figures."""
    names = [short(fate.layer, prefixes) for fate in fates]
    width = max(len("layer"), *map(len, names))
    yield f"{'layer':<{width}}  {'filters':>7}  {'kept':>5}"
    for name, fate in zip(names, fates, strict=True):
        yield f"{name:<{width}}  {fate.filters:>7}  {fate.kept:>5}  {_remark(fate, prefixes)}".rstrip()
    yield ""
    yield f"{'':<22}{'before':>14}{'after':>14}{'ratio':>8}"
    before, after = told["before"], told["after"]
    for title, name, scale, decimals in (
        ("parameters", "parameters", 1, 0),
        ("weights, MB", "weight_bytes", 1e6, 2),
        ("checkpoint, MB", "file_bytes", 1e6, 2),
        ("GFLOP a picture", "flops", 1e9, 3),
        ("CPU, pictures/s", "pictures_per_second", 1, 1),
    ):
        old, new = before[name] / scale, after[name] / scale
        yield f"{title:<22}{old:>14,.{decimals}f}{new:>14,.{decimals}f}{new / old:>8.3f}"
    yield f"{RATIO}: {told['pruning_ratio']:.6f}"


def unpruned(rule: Rule, weakest: float | None) -> str:
    """Why nothing was removed."""
    if weakest is None:
        return "nothing was removed: every layer is excluded"
    if weakest > rule.threshold:
        return f"nothing was removed: the least norm is {weakest:.3f}; -pth must be above that"
    return f"nothing was removed: -nf {rule.minimum} and -pg {rule.granularity} keep what is below -pth"


def _remark(fate: Fate, prefixes: Sequence[str]) -> str:
    share = f"{fate.kept / fate.filters:>4.0%}"
    if fate.whole:
        return f"{share}  {fate.whole}"
    if fate.shared_with:
        others = ", ".join(short(layer, prefixes) for layer in fate.shared_with[:2])
        return f"{share}  with {others}" + (f" and {len(fate.shared_with) - 2} more" * (len(fate.shared_with) > 2))
    return share
