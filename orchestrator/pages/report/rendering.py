"""The page itself: text and tables by the template, charts by the script from the numbers in the page."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.pages.report import spec_difference
from tltpipe import __version__
from tltpipe.web import SHARED

if TYPE_CHECKING:
    from orchestrator.pages.report import RunReport

HERE = Path(__file__).parent
SCRIPTS = (SHARED / "theme.js", SHARED / "charts.js", HERE / "page.js")
_MODULE = re.compile(r"^(?:import .*|export (?=(?:async )?(?:function|const|let|class)))", re.MULTILINE)
"""What only files of their own need."""
TABLE = (
    "class",
    "images",
    "objects",
    "detections",
    "precision",
    "recall",
    "f1",
    "AP",
    "AP50",
    "AP50_95",
)
"""Columns of the table of classes that a detector has, among many others."""
FEW, MOST = 5, 12
"""With fewer of those all are shown, up to so many."""


def render(runs: Sequence[RunReport]) -> str:
    """The page about one run, or two side by side."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": number, "span": span}
    script = "\n".join(_MODULE.sub("", path.read_text("utf-8")) for path in SCRIPTS)
    style = "\n".join(
        (folder / name).read_text("utf-8") for folder, name in ((SHARED, "theme.css"), (HERE, "page.css"))
    )
    seal = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    icon = base64.b64encode((SHARED / "favicon.svg").read_bytes()).decode()
    names = _names(runs)
    return environment.get_template("page.html.j2").render(
        title=" and ".join(names),
        names=names,
        runs=runs,
        version=__version__,
        figures=list(_figures(runs)),
        classes=list(_classes(runs)),
        columns=[_columns(run) for run in runs],
        between=_between(runs),
        style=Markup(style),
        script=Markup(script),
        seal=seal,
        icon=icon,
        numbers=Markup(_numbers(runs, names)),
    )


def _names(runs: Sequence[RunReport]) -> list[str]:
    """What the runs are called: by their folders where two have one name."""
    names = [str(run.details["name"]) for run in runs]
    return names if len(set(names)) == len(names) else [str(run.folder) for run in runs]


def _figures(runs: Sequence[RunReport]) -> Iterator[tuple[str, list[float | None]]]:
    """Figures of the evaluations, a row each with a value a run; of a run without one, those of its last epoch."""
    tables = [_last(run) if run.evaluation is None else run.evaluation.figures for run in runs]
    evaluated = [run.evaluation.figures for run in runs if run.evaluation is not None]
    for name in dict.fromkeys(name for table in evaluated or tables for name in table):
        yield name, [table.get(name) for table in tables]


def _last(run: RunReport) -> dict[str, float | None]:
    values = {
        name: [value for _, value in points if value is not None] for name, points in run.details["columns"].items()
    }
    of_classes = {f"{column}_{name}" for column, table in run.details["per_class"].items() for name in table}
    return {name: each[-1] for name, each in values.items() if each and name not in of_classes}


def _classes(runs: Sequence[RunReport]) -> Iterator[tuple[str, list[float | None]]]:
    """The figure of each class that is compared, a value a run; None where a run has no such class."""
    columns = [run.evaluation.per_class if run.evaluation else run.details["per_class"] for run in runs]
    tables: list[Mapping[str, float | None]] = [next(iter(each.values()), {}) for each in columns]
    for name in dict.fromkeys(name for table in tables for name in table):
        yield name, [table.get(name) for table in tables]


def _columns(run: RunReport) -> list[str]:
    """The columns of the table of classes: the usual ones where there are some, else all with plain values."""
    rows = run.evaluation.rows if run.evaluation else ()
    known = dict.fromkeys(key for row in rows for key in row)
    plain = [key for key in known if not any(isinstance(row.get(key), list | dict) for row in rows)]
    chosen = [key for key in TABLE if key in plain]
    return chosen if len(chosen) >= FEW else plain[:MOST]


def _between(runs: Sequence[RunReport]) -> list[spec_difference.Field] | None:
    """How the specs of two runs differ; None for one run, or specs that cannot be compared."""
    if len(runs) == 1:
        return None
    one, other = ((str(run.details["spec"]), run.network) for run in runs)
    return spec_difference.between(one, other)


def _numbers(runs: Sequence[RunReport], names: Sequence[str]) -> str:
    """All figures as JSON that can stand in a script element."""
    import orjson

    told = {"tltpipe": __version__, "runs": [_of_run(run, name) for run, name in zip(runs, names, strict=True)]}
    return orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY).decode().replace("<", "\\u003c")


def _of_run(run: RunReport, name: str) -> dict[str, Any]:
    found = run.evaluation
    evaluation = found and {
        **found.facts,
        "confusions": [vars(each) for each in found.confusions],
        "axes": found.axes,
        "points": found.curves,
    }
    return {**run.summary(), **run.details, "name": name, "steps": run.steps, "evaluation": evaluation}


def number(value: Any) -> str:
    """A figure for people; "–" for one that there is not."""
    if value is None or value != value:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}" if abs(value) < 1e4 else f"{value:,.0f}"


def span(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
