"""What an evaluation left (``evaluation.json``), as far as a report shows it, whatever task it was of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tltpipe import inputs
from tltpipe.plain import NotPlain, from_json

FOLDER = "evaluation"
NAME = "evaluation.json"
LARGEST = 64 << 20
"""Bytes of such a file that is read: one of 10,000 classes has 20 MB."""
CURVES = 24
"""Classes whose curves are drawn; with more, those with the most objects."""
SUMS = ("all", "mean", "mean_without_background")
"""Rows of the table of classes that are of no class."""


@dataclass(frozen=True)
class Confusion:
    """What was taken for what: ``counts`` by row (annotated) and column (predicted)."""

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    counts: Sequence[Sequence[int]]


@dataclass(frozen=True)
class Evaluation:
    """``rows`` is the table of classes; ``curves`` are points of each class, of the ``axes`` (recall, precision)."""

    folder: Path
    facts: Mapping[str, Any]
    primary: str | None
    figures: Mapping[str, float | None]
    per_class: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = ()
    confusions: Sequence[Confusion] = ()
    curves: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    axes: tuple[str, str] = ("recall", "precision")
    drawn: Sequence[str] = ()

    @property
    def value(self) -> float | None:
        return self.figures.get(self.primary) if self.primary else None


def read(results: Path) -> Evaluation | None:
    """The evaluation in the results folder of a training; None where there is none, or one that cannot be read."""
    folder = results / FOLDER
    try:
        with inputs.opened(folder / NAME) as stream:
            told = from_json(stream.read(LARGEST), dict[str, Any])
    except (OSError, NotPlain):
        return None
    rows = _mappings(told.get("classes"))
    sums = [told[name] for name in SUMS if isinstance(told.get(name), dict)]
    return Evaluation(
        folder=folder,
        facts=told,
        primary=_text(told.get("primary")),
        figures=_numbers(told.get("figures")),
        per_class=(per_class := _columns(told.get("per_class"))),
        rows=[*rows, *sums] if rows else _by_class(per_class),
        confusions=tuple(_confusions(told)),
        curves=dict(_curves(told.get("curves"), rows)),
        axes=_axes(told.get("curves")),
        drawn=[name for name in told.get("pictures_drawn") or () if isinstance(name, str)],
    )


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _numbers(value: Any) -> dict[str, float | None]:
    """Figures by name; what is no number is None."""
    named = value if isinstance(value, dict) else {}
    return {
        str(name): float(each) if isinstance(each, int | float) and not isinstance(each, bool) else None
        for name, each in named.items()
    }


def _columns(value: Any) -> dict[str, dict[str, float | None]]:
    """Figures of each class by column."""
    return {str(name): _numbers(each) for name, each in (value if isinstance(value, dict) else {}).items()}


def _by_class(columns: Mapping[str, Mapping[str, float | None]]) -> list[Mapping[str, Any]]:
    """The same turned round: a row a class."""
    names = dict.fromkeys(name for each in columns.values() for name in each)
    return [{"class": name, **{column: each.get(name) for column, each in columns.items()}} for name in names]


def _confusions(told: Mapping[str, Any]) -> Iterator[Confusion]:
    """That of the classes, and those of the tasks of a network that has several."""
    named = [("Confusion", told.get("confusion"))]
    tasks = told.get("tasks")
    for name, task in tasks.items() if isinstance(tasks, dict) else ():
        if isinstance(task, dict):
            named.append((f"Confusion: {name}", {"classes": task.get("values"), "counts": task.get("confusion")}))
    for title, each in named:
        if isinstance(each, dict) and (found := _confusion(title, each)):
            yield found


def _confusion(title: str, told: Mapping[str, Any]) -> Confusion | None:
    """None where it is none. One more row or column than there are classes is of the background."""
    names = [str(name) for name in told.get("classes") or ()]
    counts = [
        [each for each in row if isinstance(each, int)] for row in told.get("counts") or () if isinstance(row, list)
    ]
    width = len(counts[0]) if counts else 0
    if not names or width not in (len(names), len(names) + 1) or any(len(row) != width for row in counts):
        return None
    columns = names if width == len(names) else [*names, "missed"]
    rows = names if len(counts) == len(names) else [*names, "background"]
    return Confusion(title, rows, columns, counts) if len(rows) == len(counts) else None


def _axes(told: Any) -> tuple[str, str]:
    """How the curves call what they are over, and what they show."""
    for each in told.values() if isinstance(told, dict) else ():
        if isinstance(each, dict) and len(each) == len(Evaluation.axes):
            x, y = each
            return x, y
    return Evaluation.axes


def _curves(told: Any, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Of each class its points; each class has two lists of numbers, by the names of the axes."""
    named = told if isinstance(told, dict) else {}
    objects = {str(row.get("class")): row.get("objects") or 0 for row in rows}
    for name in sorted(named, key=lambda name: -objects.get(name, 0))[:CURVES]:
        lists = (
            [each for each in named[name].values() if isinstance(each, list)] if isinstance(named[name], dict) else []
        )
        points = [
            tuple(pair) for pair in zip(*lists, strict=False) if all(isinstance(each, int | float) for each in pair)
        ]
        if len(lists) == len(Evaluation.axes) and points:
            yield name, [(x, y) for x, y in points]
