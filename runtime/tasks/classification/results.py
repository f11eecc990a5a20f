"""What is said of images as files: a JSON for each, and beside them one CSV of all."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.tasks import Prediction, Results, ResultsOptions
from runtime.tasks.classification.names import Likely, Names
from tltpipe.errors import UsageError
from tltpipe.files import atomic, write_text

LIKELIEST = 5
"""So many values of each task, and attributes of each group, are written."""
TABLE = "results.csv"
CHOICES = "choices"
"""A key of our files, by which they are known."""


@dataclass
class ImageWriter:
    """A JSON for each image, and ``runtime.tasks.Tabulates``: TABLE, a row an image; ``names`` are ``Recipe.names``."""

    names: Mapping[str, tuple[str, ...]]
    suffix = ".json"

    def require_no_annotations(self, path: Path) -> None:
        try:
            ours = CHOICES in json.loads(path.read_text("utf-8"))
        except (ValueError, TypeError):
            ours = False
        if not ours:
            _refuse(path)

    @contextmanager
    def open(self, path: Path, options: ResultsOptions) -> Iterator[Results]:
        yield ImageResults(path, Names.read(self.names, options.classes))

    @contextmanager
    def table(self, path: Path, options: ResultsOptions) -> Iterator[Results]:
        table = path / TABLE
        if table.is_file() and not table.read_text("utf-8", errors="replace").startswith("image,"):
            _refuse(table)
        with ExitStack() as lasting:
            yield Table(table, Names.read(self.names, options.classes), lasting)


def _refuse(path: Path) -> None:
    what = "this is no result of an inference, which results would replace"
    raise UsageError(what, where=path, hint="choose another folder for them (-l, -r)")


@dataclass(frozen=True)
class ImageResults:
    folder: Path
    names: Names
    about: Sequence[str] = ()

    def add(self, image: Path, name: str, prediction: Prediction) -> None:
        told = self._told(shown(image, name), prediction)
        write_text(self.folder / name, json.dumps(told, indent=1) + "\n")

    def _told(self, image: str, prediction: Prediction) -> dict[str, Any]:
        likeliest = self.names.likeliest(prediction["choices"], LIKELIEST)
        told: dict[str, Any] = {"image": image}
        told[CHOICES] = {task: _listed(values) for task, values in zip(self.names.tasks, likeliest, strict=True)}
        if "attributes" in prediction:
            told["attributes"] = {group: _listed(values) for group, values in self._by_group(prediction).items()}
        if "box" in prediction:
            told["box"] = [round(value, 2) for value in prediction["box"].tolist()]
        return told

    def _by_group(self, prediction: Prediction) -> dict[str, list[Likely]]:
        """The likeliest attributes of each group; of "all" where there are no groups."""
        probabilities = prediction["attributes"]
        found = {
            group: self.names.likeliest_attributes(probabilities, LIKELIEST, group) for group in self.names.members
        }
        return found or {"all": self.names.likeliest_attributes(probabilities, LIKELIEST)}


@dataclass
class Table:
    """A row an image, written as it comes; the file ``path`` appears when ``lasting`` ends, if there is any."""

    path: Path
    names: Names
    lasting: ExitStack
    about: Sequence[str] = ()
    writer: csv.DictWriter[str] | None = None

    def add(self, image: Path, name: str, prediction: Prediction) -> None:
        row = self._row(shown(image, name), prediction)
        if self.writer is None:
            stream = self.lasting.enter_context(atomic(self.path))
            self.writer = csv.DictWriter(stream, [*row], lineterminator="\n")
            self.writer.writeheader()
        self.writer.writerow(row)

    def _row(self, image: str, prediction: Prediction) -> dict[str, Any]:
        row: dict[str, Any] = {"image": image}
        likeliest = self.names.likeliest(prediction["choices"], 1)
        for task, values in zip(self.names.tasks, likeliest, strict=True):
            row |= _cells([task], values)
        if "attributes" in prediction:
            columns = [f"attribute{number + 1}" for number in range(LIKELIEST)]
            row |= _cells(columns, self.names.likeliest_attributes(prediction["attributes"], LIKELIEST))
        if "box" in prediction:
            sides = (f"{value:.2f}" for value in prediction["box"].tolist())
            row |= dict(zip(("left", "top", "right", "bottom"), sides, strict=True))
        return row


def shown(image: Path, name: str) -> str:
    """What ``image`` is called in results whose file for it has the ``name``."""
    return str(Path(name).parent / image.name)


def _listed(values: Sequence[Likely]) -> list[dict[str, Any]]:
    return [{"name": name, "probability": round(probability, 5)} for name, probability in values]


def _cells(columns: Sequence[str], values: Sequence[Likely]) -> dict[str, str]:
    """Each value and its probability; empty cells where there are fewer values than ``columns``."""
    cells: dict[str, str] = {}
    for at, column in enumerate(columns):
        value = values[at] if at < len(values) else None
        cells[column] = value.name if value else ""
        cells[f"{column}_probability"] = f"{value.probability:.5f}" if value else ""
    return cells
