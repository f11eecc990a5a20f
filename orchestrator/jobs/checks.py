"""What is looked at before anything runs, each thing with its verdict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One line of ``tltpipe doctor``: what was looked at, whether it is as it should be, and what to do if not.

    A check that is not ``needed`` warns (no GPU, little room) and stops nothing.
    """

    name: str
    ok: bool
    found: str
    hint: str | None = None
    needed: bool = True

    @property
    def state(self) -> str:
        """In a word: ok, missing (and needed), absent (and not needed)."""
        return "ok" if self.ok else "missing" if self.needed else "absent"


def ill(checks: list[Check]) -> str | None:
    """The health that these checks amount to: None, or what the first needed one that failed found."""
    failed = next((check for check in checks if check.needed and not check.ok), None)
    if failed is None:
        return None
    return failed.found if failed.hint is None else f"{failed.found} ({failed.hint})"
