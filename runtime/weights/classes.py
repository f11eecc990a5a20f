"""Whether weights are of the classes, and of the other names, that a spec has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tltpipe.errors import ModelError


def require_same_classes(
    own: tuple[str, ...], wanted: tuple[str, ...], path: Path, *, holder: str, hint: str, what: str = "classes"
) -> None:
    """Raise ModelError unless the ``own`` classes of the ``holder`` ("checkpoint", "model") in ``path`` are those of
    the spec, in their order; it says what differs. ``what`` they are, where it is something else than classes."""
    if own == wanted:
        return
    gone, new = (", ".join(sorted(set(one) - set(other))) for one, other in ((own, wanted), (wanted, own)))
    parts = [f"only in the {holder}: {gone}" if gone else "", f"only in the spec: {new}" if new else ""]
    difference = "; ".join(filter(None, parts)) or "they are in another order"
    raise ModelError(f"the {what} differ: {difference}", where=path, hint=hint)


def require_same_names(
    own: Mapping[str, tuple[str, ...]], wanted: Mapping[str, tuple[str, ...]], path: Path, *, holder: str, hint: str
) -> None:
    """The same of all names beside the classes (``Recipe.names``)."""
    for what in sorted({*own, *wanted}):
        require_same_classes(own.get(what, ()), wanted.get(what, ()), path, holder=holder, hint=hint, what=what)
