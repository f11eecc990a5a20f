"""How many pictures each split is to have."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from converters.model.splits import split_name
from tltpipe.errors import UsageError

HALVES: Mapping[str, float] = {"train": 0.8, "validation": 0.2}

_NAMES = ("train", "validation", "test")
_NAME = re.compile(r"\w[\w.-]*")


def asked(
    ratio: str | None = None, names: str | None = None, counts: Sequence[str] = ()
) -> tuple[dict[str, float], dict[str, int]]:
    """The shares and counts that a user asks for: "0.8,0.1,0.1", "train,validation,test", ["validation=1000"].

    Raises UsageError that names the option.
    """
    fixed = dict(_count(text) for text in counts)
    shares = _ratio(ratio) if ratio is not None else []
    called = _called(names) if names is not None else _usual(len(shares), list(fixed))
    for name in fixed:
        if name not in called:
            raise UsageError(f'--count: there is no split "{name}"', hint=f"the splits are {', '.join(called)}")
    open_ = [name for name in called if name not in fixed]
    if not shares and fixed and len(open_) < 2:
        shares = [1 / len(called)] * len(called)  # counts say all
    if not shares and called == list(HALVES):
        shares = list(HALVES.values())
    if not shares:
        raise UsageError(f"how large are {', '.join(open_)} to be?", hint="--ratio 0.8,0.1,0.1")
    if len(shares) == len(called) - 1 and sum(shares) < 1:
        shares.append(1 - sum(shares))
    if len(shares) != len(called):
        what = f"--ratio has {len(shares)} numbers for the splits {', '.join(called)}"
        raise UsageError(what, hint="name as many splits: --names train,validation,test")
    if not (math.isclose(sum(shares), 1, abs_tol=1e-6) or math.isclose(sum(shares), 100, abs_tol=1e-4)):
        raise UsageError(f"--ratio adds up to {sum(shares):g}", hint="it must add up to 1, or to 100")
    return dict(zip(called, (share / math.fsum(shares) for share in shares), strict=True)), fixed


def folds(count: int) -> dict[str, float]:
    """The shares of so many folds."""
    return {f"fold_{number}": 1 / count for number in range(count)}


def _ratio(text: str) -> list[float]:
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        shares = []
    if not shares or not all(0 < share <= 100 for share in shares):
        raise UsageError(f'--ratio: "{text}" must be numbers above 0', hint="--ratio 0.8,0.2")
    return shares


def _called(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if not _NAME.fullmatch(name):
            raise UsageError(f'--names: "{name}" cannot be the name of a folder', hint="--names train,validation")
    if len({split_name(name).lower() for name in names}) < len(names) or len(names) < 2:
        raise UsageError("--names: give two different names or more", hint="--names train,validation,test")
    if len(names) > _MOST:
        raise UsageError(f"--names: more than {_MOST} splits")
    return names


_MOST = 100


def _usual(number: int, counted: Sequence[str]) -> list[str]:
    """The names where nobody gives any: by ``number`` of shares, or by those that are counted."""
    if number > len(_NAMES):
        raise UsageError(f"--ratio has {number} numbers", hint="name the splits: --names a,b,c,d")
    if number or set(counted) <= HALVES.keys():
        return list(_NAMES[: max(2, number)])
    return _called(",".join(dict.fromkeys(("train", *counted))))


def _count(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not number.strip().isdecimal() or not 0 < int(number) < 2**53:
        raise UsageError(f'--count: "{text}" must be NAME=NUMBER', hint="--count validation=1000")
    return name.strip(), int(number)


def targets(total: int, shares: Mapping[str, float], counts: Mapping[str, int] | None = None) -> dict[str, int]:
    """So many of ``total`` pictures for each split, in order; together they are all.

    ``shares`` add up to 1 and are met to within one picture. Where there are ``counts``, they count, and the splits
    that have none share the rest as ``shares`` say. Raises UsageError where a split would have none.
    """
    fixed = dict(counts or {})
    rest = total - sum(fixed.values())
    others = {name: share for name, share in shares.items() if name not in fixed}
    if rest < len(others) or (rest and not others):
        asked = " + ".join(f"{count:,} for {name}" for name, count in fixed.items()) or f"{len(others)} splits"
        raise UsageError(f"there are {total:,} pictures: too {'few' if others else 'many'} for {asked}")
    found = fixed | _apportioned(rest, others)
    return {name: found[name] for name in shares}


def _apportioned(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """``total`` by the largest remainders, but at least 1 for each."""
    whole = math.fsum(shares.values())
    exact = {name: total * share / whole for name, share in shares.items()}
    found = {name: max(1, math.floor(value)) for name, value in exact.items()}
    while (left := total - sum(found.values())) != 0:
        step = 1 if left > 0 else -1
        open_ = [name for name in found if step > 0 or found[name] > 1]
        name = max(open_, key=lambda name: step * (exact[name] - found[name]))
        found[name] += step
    return found
