"""An evaluation in files: evaluation.json, its table, charts and images."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runtime.shell import program
from runtime.tasks import Report, Scores
from tltpipe.files import writable, write_text

Draw = Callable[[Path], list[Path]]
"""Writes images below a folder and returns them."""


def as_json(scores: Scores) -> dict[str, Any]:
    """``scores`` as evaluation.json has them: figures without a group stand at the top, too; None is what could not be
    measured."""

    def known(values: Mapping[str, float]) -> dict[str, float | None]:
        return {name: None if math.isnan(value) else value for name, value in values.items()}

    figures = known(scores.figures)
    return {
        "primary": scores.primary,
        **{name: figures[name] for name in scores.plain},
        "figures": figures,
        "per_class": {column: known(values) for column, values in scores.per_class.items()},
    }


def keep(
    folder: Path, report: Report, values: dict[str, Any], *, coco: bool, draw: Draw | None, say: Callable[[str], None]
) -> None:
    """Write ``evaluation.json``, its tables as CSV and the images that ``draw`` writes; with ``coco`` targets and
    predictions, too."""
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if coco:
            written, ids = report.write_coco(folder)
            say(f"COCO        {describe(written)}: {ids}")
        drawn: list[Path] = []
        if draw is not None and importlib.util.find_spec("matplotlib") is None:
            program.warn("no charts: matplotlib is not installed (pip install matplotlib)")
        elif draw is not None:
            drawn = draw(folder)
        values["pictures_drawn"] = [path.name for path in drawn]
        path, written = folder / "evaluation.json", list[Path]()
        write_text(path, text(values))
        for name, rows in tables(values).items():
            written.append(folder / f"{name}.csv")
            write_text(written[-1], as_csv(rows))
    say(f"kept        {folder}: {describe([path, *written, *drawn])}")


def tables(values: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """What of ``Report.values`` are rows of a table, those that there are."""
    below = [values[name] for name in ("all", "mean") if name in values]
    found = {"classes": [*values.get("classes", ()), *below], "attributes": [*values.get("attributes", ())]}
    return {name: rows for name, rows in found.items() if rows}


def text(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=1, allow_nan=False) + "\n"


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """``rows`` with the columns of the first; empty where a row has no value."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [*rows[0]], restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def describe(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths)
