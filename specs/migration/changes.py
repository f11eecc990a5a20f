"""What a migration did to a field, for its report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """The field at ``path`` ("" where the spec has none), of ``line``, is at ``new_path``, None where it has no
    counterpart. ``what`` says so in words, ``effect`` what it does to the result; None: nothing."""

    path: str
    new_path: str | None
    line: int
    what: str
    effect: str | None = None
