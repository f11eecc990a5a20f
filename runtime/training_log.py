"""What a training leaves to read: a CSV line an epoch, status.json lines, TensorBoard events."""

from __future__ import annotations

import csv
import importlib.util
import io
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.program import StatusLog
from tltpipe.files import write_text

if TYPE_CHECKING:
    from runtime.scoring import Score


class TrainingLog:
    """Writes to ``results``; entries of epochs before ``first_epoch`` stay, later ones are of a run now superseded.

    ``network`` is the file-name stem; without ``validated`` the CSV has no columns for validation.
    """

    def __init__(
        self, results: Path, network: str, classes: Sequence[str], *, first_epoch: int, epochs: int, validated: bool
    ) -> None:
        family, _, variant = network.partition("_")
        self.path = results / f"{family}_training_log_{variant}.csv"
        names = [f"AP_{name}" for name in classes] + ["mAP", "validation_loss"] if validated else []
        self.columns = ["epoch", *sorted([*names, "loss", "lr"])]
        self.first_epoch, self.epochs = first_epoch, epochs
        self.results, self.started = results, time.monotonic()
        self.status = StatusLog(results, append=True)
        self.events: Any = None

    @contextmanager
    def running(self, *, step: int) -> Iterator[TrainingLog]:
        """Open the log at iteration ``step``; how the block ends is written to status.json."""
        with self.status.failures("Training"):
            self.status.write("STARTED", "Starting Training Loop.")
            self._keep_earlier_rows()
            self.events = _events(self.results / "events", step)
            try:
                yield self
            finally:
                if self.events is not None:
                    self.events.close()
            self.status.write("RUNNING", "Training loop complete.")
            self.status.write("SUCCESS", "Training finished successfully.")

    def step(self, step: int, *, losses: Mapping[str, float], rate: float) -> None:
        """Iteration ``step`` (from 0) ran with learning rate ``rate``."""
        if self.events is not None:
            self.events.add_scalar("loss", sum(losses.values()), step)
            self.events.add_scalar("lr", rate, step)
            for name, value in losses.items():
                self.events.add_scalar(f"loss/{name}", value, step)

    def epoch(self, epoch: int, *, step: int, loss: float, rate: float, seconds: float, score: Score | None) -> None:
        """``epoch`` is over, before iteration ``step``; ``loss`` its mean, ``rate`` the next learning rate."""
        row: dict[str, Any] = {"epoch": epoch, "loss": f"{loss:.6g}", "lr": f"{rate:.6g}"}
        if score is not None:
            row |= {f"AP_{name}": f"{value:.5f}" for name, value in score.precision.per_class.items()}
            row |= {"mAP": f"{score.precision.mean:.5f}", "validation_loss": f"{score.loss:.6g}"}
        with self.path.open("a", encoding="utf-8", newline="") as stream:
            csv.DictWriter(stream, self.columns, restval="nan", lineterminator="\n").writerow(row)
        precision, validation_loss = str(row.get("mAP", "nan")), str(row.get("validation_loss", "nan"))
        self._tell_status(epoch, seconds, precision, validation_loss, loss=row["loss"], rate=row["lr"])
        if self.events is not None and score is not None:
            for name in sorted(set(self.columns) - {"epoch", "loss", "lr"}):
                self.events.add_scalar(name, float(row[name]), step)

    def _tell_status(
        self, epoch: int, seconds: float, precision: str, validation_loss: str, *, loss: str, rate: str
    ) -> None:
        per_epoch = (time.monotonic() - self.started) / (epoch - self.first_epoch + 1)
        if precision != "nan":
            measured = {"validation loss": float(validation_loss), "mean average precision": float(precision)}
            self.status.write("RUNNING", "Evaluation metrics generated.", graphical=measured)
        self.status.write(
            "RUNNING",
            "Training loop in progress",
            epoch=epoch,
            max_epoch=self.epochs,
            time_per_epoch=str(timedelta(seconds=seconds)),
            eta=str(timedelta(seconds=per_epoch * (self.epochs - epoch))),
            graphical={
                "loss": loss,
                "learning_rate": rate,
                "validation_loss": validation_loss,
                "mean average precision": precision,
            },
            kpi={"mean average precision": precision},
        )

    def _keep_earlier_rows(self) -> None:
        """Begin the CSV: its header, and on a resume the rows of the epochs before it."""
        rows: list[dict[str, str]] = []
        if self.first_epoch > 1 and self.path.is_file():
            with self.path.open(encoding="utf-8", newline="") as stream:
                rows = [row for row in csv.DictReader(stream) if _number(row.get("epoch")) in range(self.first_epoch)]
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, restval="nan", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path, text.getvalue())


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else -1


def _events(folder: Path, step: int) -> Any:
    """TensorBoard's writer, which forgets what a run cut short wrote after ``step``; None if it is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step or None)
