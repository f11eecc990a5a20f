"""The training log as CSV: a row an epoch, NVIDIA's columns first."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from runtime.tasks import Scores
from tltpipe.files import write_text


class Rows:
    """The rows in ``path``. ``blank`` are the scores of no images, None where nothing is validated. ``strict``: there
    are NVIDIA's columns alone, and the rows begin anew on a resume, too."""

    def __init__(self, path: Path, blank: Scores | None, *, strict: bool) -> None:
        self.path, self.strict = path, strict
        self.columns = _columns(blank, strict=strict)

    def begin(self, first_epoch: int) -> None:
        """Write the header and, on a resume, the rows of the epochs before it, with all of their columns."""
        rows: list[dict[str, str]] = []
        if first_epoch > 1 and self.path.is_file() and not self.strict:
            rows = [row for row in self._read() if _number(row.get("epoch")) in range(first_epoch)]
        self._extend(column for row in rows for column in row)
        self._rewrite(rows)

    def add(self, row: Mapping[str, Any]) -> None:
        """Append ``row``; a column that no row had before, such as that of a term of the loss, begins with it."""
        if not self.strict and self._extend(row):
            self._rewrite(self._read())
        with self.path.open("a", encoding="utf-8", newline="") as stream:
            self._writer(stream).writerow(row)

    def _extend(self, columns: Iterable[str]) -> bool:
        new = [column for column in dict.fromkeys(columns) if column not in self.columns]
        self.columns += new
        return bool(new)

    def _read(self) -> list[dict[str, str]]:
        with self.path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def _rewrite(self, rows: Iterable[Mapping[str, Any]]) -> None:
        text = io.StringIO()
        writer = self._writer(text)
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path, text.getvalue())

    def _writer(self, stream: TextIO) -> csv.DictWriter[str]:
        return csv.DictWriter(stream, self.columns, restval="nan", extrasaction="ignore", lineterminator="\n")


def _columns(blank: Scores | None, *, strict: bool) -> list[str]:
    """NVIDIA's, in her order, for what ``blank`` measures, None for no validation; then the other plain figures."""
    if blank is None:
        return ["epoch", "loss", "lr"]
    others = [] if strict else [*blank.plain][1:]
    names = [name for name in blank.columns if name not in blank.plain or name == next(iter(blank.plain))]
    return ["epoch", *sorted([*names, "validation_loss", "loss", "lr"]), *others]


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else -1
