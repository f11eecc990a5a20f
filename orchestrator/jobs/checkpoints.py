"""Which checkpoint a stage takes: the last one, the best one, or a file that was named; and of which epoch that is."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.settings.config import networks
from tltpipe import files, registry
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.run import Run

LAST, BEST = "last", "best"
SUFFIXES = (".safetensors", ".tlt", ".hdf5")
USUAL = "mAP"
"""The figure in question where nothing names one: that of NVIDIA's logs."""
LOGS, EARLIER = "*_training_log_*.csv", "earlier"
"""The training log, and the folder beside it with what it said before a training was resumed."""
_TRAINED = "trained_"
_EPOCH = re.compile(r"_epoch_(\d+)$")


def chosen(run: Run, named: str | None = None) -> Path:
    """The checkpoint that ``named`` means, else the setting ``model``: "last", "best", or a path in the workspace.

    Raises UsageError where there is no best one.
    """
    wanted = named or run.config.settings.model
    if wanted == LAST:
        return run.expected_model()
    return _best(run) if wanted == BEST else run.workspace.root / wanted


def unknown(run: Run, path: Path) -> str | None:
    """What to do where the model at ``path``, which is not there, is what a setting or an option names; else None."""
    if path not in (run.subject, *(run.workspace.root / name for name in _named(run))):
        return None
    there = sorted(run.workspace.name(each) for each in (run.workspace.output / "weights").glob("*_epoch_*.*"))
    there = [name for name in there if Path(name).suffix in SUFFIXES]
    return f"a model is last, best or a path; there are: {', '.join(there) or 'none, until `tltpipe train`'}"


def network(path: Path) -> str | None:
    """The network of the model at ``path`` by the JSON beside it, which encrypted checkpoints have not; else None."""
    told = files.read_json(path.with_name(f"{path.name}.json")) or files.read_json(path.with_suffix(".json"))
    return registry.family(str(told.get("network")), networks())


def _named(run: Run) -> list[str]:
    own = [getattr(own, name, None) for own in run.config.sections.values() for name in ("model", "cascade")]
    names = (run.config.settings.model, *own)
    return [name for name in names if name and name not in (LAST, BEST)]


def facts(path: Path) -> dict[str, Any]:
    """What is known of the checkpoint at ``path``: its "epoch", and the figure that training measured, such as
    "trained_mAP"."""
    epoch, figure, value = _beside(path)
    rows = _log(path.parent.parent)
    if epoch is None:
        epoch = _epoch(path) or _linked(path) or (_best_row(rows) if path.stem.endswith(f"_{BEST}") else None)
    if value is None and epoch is not None:
        value = _number(rows.get(epoch, {}).get(figure))
    return {name: known for name, known in {"epoch": epoch, f"{_TRAINED}{figure}": value}.items() if known is not None}


def describe(run: Run, path: Path) -> str:
    """``output/weights/ssd_resnet10_best.safetensors, epoch 7, mAP 0.512 in training``"""
    known = facts(path)
    epoch = [f"epoch {known['epoch']}"] if "epoch" in known else []
    figures = {name.removeprefix(_TRAINED): value for name, value in known.items() if name.startswith(_TRAINED)}
    measured = [f"{name} {value:.3f} in training" for name, value in figures.items()]
    return ", ".join([run.workspace.name(path), *epoch, *measured])


def _best(run: Run) -> Path:
    weights = run.workspace.output / "weights"
    found = [path for path in weights.glob(f"*_{BEST}.*") if path.suffix in SUFFIXES]
    if found:
        return max(found, key=lambda path: path.stat().st_mtime_ns)
    if run.runner.pretends or run.newest_model() is None:  # a training to come may leave one
        return weights / f"*_{BEST}.*"
    hint = "--model last, or the path of a checkpoint; NVIDIA's programs, and ours with strict_tlt, mark none as best"
    raise UsageError("there is no best checkpoint", where=run.workspace.name(weights), hint=hint)


def _beside(path: Path) -> tuple[int | None, str, float | None]:
    """Epoch, name and value of the primary figure from the JSON beside a checkpoint that is not encrypted."""
    told = files.read_json(path.with_suffix(".json"))
    epoch, metrics = told.get("epoch"), told.get("metrics")
    if not isinstance(epoch, int) or not isinstance(metrics, dict):
        return (epoch if isinstance(epoch, int) else None), USUAL, None
    figure = str(metrics.get("primary", USUAL))
    return epoch, figure, _number(metrics.get(figure))


def _epoch(path: Path) -> int | None:
    match = _EPOCH.search(path.stem)
    return int(match[1]) if match else None


def _linked(path: Path) -> int | None:
    """The epoch of the checkpoint that is the same file."""
    others = path.parent.glob("*_epoch_*") if path.is_file() else iter(())
    return next((_epoch(other) for other in others if other.samefile(path)), None)


def _log(results: Path) -> dict[int, Mapping[str, str]]:
    """The rows of the training log, by epoch."""
    return {int(row["epoch"]): row for row in _rows(results) if (row.get("epoch") or "").isdigit()}


def keep_log(results: Path, epoch: int) -> None:
    """Keep what the training log says up to ``epoch``: NVIDIA's programs begin a new one when they resume."""
    for path in results.glob(LOGS):
        with path.open(encoding="utf-8", errors="replace", newline="") as stream:
            rows = [row for row in csv.reader(stream) if row and not (row[0].isdigit() and int(row[0]) > epoch)]
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        files.write_text(results / EARLIER / f"{path.stem}_until_epoch_{epoch:03d}.csv", text.getvalue())


def _rows(results: Path) -> Iterator[dict[str, str]]:
    for path in (*sorted((results / EARLIER).glob(LOGS)), *sorted(results.glob(LOGS))):
        with path.open(encoding="utf-8", errors="replace", newline="") as stream:
            yield from csv.DictReader(stream)


def _best_row(rows: Mapping[int, Mapping[str, str]]) -> int | None:
    """The epoch with the highest figure; where none was measured, with the lowest loss."""
    means = {epoch: mean for epoch, row in rows.items() if (mean := _number(row.get(USUAL))) is not None}
    if means:
        return max(means, key=means.__getitem__)
    losses = {epoch: loss for epoch, row in rows.items() if (loss := _number(row.get("loss"))) is not None}
    return min(losses, key=losses.__getitem__) if losses else None


def _number(value: Any) -> float | None:
    """A figure; None for what is none, "nan" among it."""
    with suppress(TypeError, ValueError):
        number = float(value)
        return number if number == number else None
    return None
