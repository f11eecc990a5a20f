"""What all charts that matplotlib draws have in common: how names are written, axes look, and files are saved."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from converters.pictures.drawing import one_line
from tltpipe.files import atomic

GRID = "#e3e7ed"


def readable(name: str, longest: int) -> str:
    """The name of a class as a label, cut where it would take the room of the chart."""
    name = one_line(name.replace("_", " "))
    short = name if len(name) <= longest else f"{name[: longest - 1]}…"
    return short.replace("$", r"\$")  # two of them would make a formula of what is between


def finish(axes: Any, title: str) -> None:
    """A small panel with ``title``: a faint grid below the data, no box around it."""
    axes.set_title(title, fontsize=10, loc="left")
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", labelsize=8, length=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def save(figure: Any, path: Path) -> None:
    """Write ``figure`` as PNG, whole or not at all. Raises OSError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with atomic(path, "wb") as stream, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # letters that the font lacks are boxes, and no news
        FigureCanvasAgg(figure).print_png(stream)  # type: ignore[no-untyped-call]
