"""Whether weights are of the classes that a spec has."""

from __future__ import annotations

from pathlib import Path

from tltpipe.errors import ModelError


def require_same_classes(own: tuple[str, ...], wanted: tuple[str, ...], path: Path, *, holder: str, hint: str) -> None:
    """Raise ModelError unless the ``own`` classes of the ``holder`` ("checkpoint", "model") in ``path`` are those of
    the spec, in their order; it says what differs."""
    if own == wanted:
        return
    gone, new = (", ".join(sorted(set(one) - set(other))) for one, other in ((own, wanted), (wanted, own)))
    parts = [f"only in the {holder}: {gone}" if gone else "", f"only in the spec: {new}" if new else ""]
    what = "; ".join(filter(None, parts)) or "they are in another order"
    raise ModelError(f"the classes differ: {what}", where=path, hint=hint)
