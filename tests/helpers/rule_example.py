"""What the examples of rules are made of (tests/specs/rule_examples): one module a block of codes, with EXAMPLES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from specs.rulebook import Subject
from specs.spec import Spec

DATA = Path(__file__).parents[1] / "data"
TLT3 = (DATA / "training.tlt3.conf").read_text()
TLT2 = (DATA / "seed-specs" / "training.conf").read_bytes().decode().replace("\r\n", "\n")
CONVERT = (DATA / "seed-specs" / "KITTI_dataset_conversion.conf").read_bytes().decode().replace("\r\n", "\n")


@dataclass(frozen=True)
class Example:
    """Two specs of a kind: of ``bad`` the rule says that it is broken where the text goes on with ``at`` (None: at no
    line), and no other rule has anything to say that it does not say of ``good``, but for ``also``.

    ``about`` adds what is known of paths and data, which it may make in the folder that it is given.
    """

    kind: str
    bad: str
    good: str
    at: str | None
    also: tuple[str, ...] = ()
    toolkit: str | None = None
    strict: bool = False
    about: Callable[[Path, Spec], Subject] | None = None


def edited(text: str, old: str, new: str) -> str:
    """``text`` with the first ``old`` replaced; it has to be there."""
    assert old in text, old
    return text.replace(old, new, 1)
