"""Export formats: a network names its own in ``EXPORTS``, each a module that fulfils ``Format``.

Whatever a network is and does, an export is written aside, read again by ``runtime.inference.backends`` (which knows
the file by the card beside it), compared with PyTorch as the format says, and only then published.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from tltpipe import registry
from tltpipe.errors import HostError, UsageError

if TYPE_CHECKING:
    from runtime.imaging.pixels import PixelBatch
    from runtime.nn.export.subject import Made, Subject
    from runtime.tasks import Prediction

DEFAULT = "onnx"
"""The format where neither an option nor a suffix names one; its suffix, which others share, means it."""


class Comparison(Protocol):
    """How far an exported model is from the one in PyTorch."""

    @property
    def same(self) -> bool:
        """Whether all there is between them is rounding."""
        ...

    @property
    def doubt(self) -> str | None:
        """What to warn of although they are the same."""
        ...

    def text(self) -> str:
        """For people, in one line."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """For the card."""
        ...


class Format(Protocol):
    """The module-level names of a format's module."""

    ABOUT: str
    """What it is, for people: ``"ONNX with ..."``."""

    SUFFIXES: tuple[str, ...]
    """Ends of its files' names; the first is given to a name without one."""

    DATA_TYPES: tuple[str, ...]
    """Of ``subject.DATA_TYPES``, those it can be written with."""

    NEEDS: tuple[str, ...]
    """Packages beside torch that it takes."""

    def write(self, subject: Subject, path: Path) -> Made:
        """Write the program to ``path``, and say what it takes and gives. Raises ExportError."""
        ...

    def compare(
        self, subject: Subject, images: PixelBatch, expected: Sequence[Prediction], found: Sequence[Prediction]
    ) -> Comparison:
        """What the program ``found`` on ``images``, against what PyTorch did."""
        ...


def of_network(network: str) -> Mapping[str, str]:
    """The modules of the formats of ``network`` by their names. Raises UsageError where it has none."""
    exports: Mapping[str, str] = getattr(registry.load("runtime.networks", network), "EXPORTS", {})
    if not exports:
        raise UsageError(f"{network} cannot be exported", hint="tlt-infer and tlt-evaluate take its checkpoints")
    return exports


def load(network: str, name: str) -> Format:
    """The format ``name`` of ``network``. Raises UsageError for one it does not have."""
    exports = of_network(network)
    if name not in exports:
        hint = f"formats of {network}: {', '.join(sorted(exports))}"
        raise UsageError(f'--format: {network} has no export format "{name}"', hint=hint)
    return cast("Format", importlib.import_module(exports[name]))


def by_suffix(network: str, suffix: str) -> str:
    """The format of ``network`` whose files end in ``suffix``, else the default one."""
    names = sorted(of_network(network), key=lambda name: (name != DEFAULT, name))
    return next((name for name in names if suffix in load(network, name).SUFFIXES), names[0])


def require_packages(format: Format) -> None:
    """Raise HostError unless the packages that ``format`` takes are installed."""
    if missing := [name for name in format.NEEDS if importlib.util.find_spec(name) is None]:
        what = f"export to ONNX needs {', '.join(missing)}, which this Python does not have"
        raise HostError(what, hint='pip install "tltpipe[export]"')
