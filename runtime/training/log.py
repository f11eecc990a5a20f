"""What a training leaves to read: a CSV line an epoch and its curves, status.json lines, TensorBoard events."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from runtime import networks
from runtime.data.batches import Batch
from runtime.data.split import Split
from runtime.shell.program import StatusLog, warn
from runtime.tasks import Example, Presents, Scores
from runtime.training import label_statistics
from runtime.training import steps as step_log
from runtime.training.curves import TERM, Curves
from runtime.training.loop import Step
from runtime.training.rows import Rows
from runtime.training.steps import StepLog

SAMPLES, BEST = "samples", "val_batch.jpg"
PICTURES = 8
"""So many images of the first batch are shown in TensorBoard."""
BATCHES, ON_SHEET = 3, 16
"""So many batches have a sheet, each of so many images at most."""
BEGUN, DONE = "Starting Training Loop.", "Training finished successfully."


class TrainingLog:
    """Writes to ``results``; entries of epochs before ``first_epoch`` stay, later ones are of a run now superseded.

    ``network`` is the file-name stem, ``blank`` are the scores of no images: what is to be measured. Without
    ``validated`` the CSV has no columns for it. ``strict``: the CSV has NVIDIA's columns alone, and begins anew on a
    resume, too.
    ``spec``: the text of the spec, to be read beside the curves. ``steps`` are those of the whole training.
    """

    def __init__(
        self,
        results: Path,
        network: str,
        classes: Sequence[str],
        task: Presents,
        blank: Scores,
        *,
        first_epoch: int,
        epochs: int,
        validated: bool,
        strict: bool = False,
        spec: str = "",
        steps: int = 0,
    ) -> None:
        family = networks.family(network)
        self.path = results / f"{family}_training_log{network.removeprefix(family)}.csv"
        self.rows = Rows(self.path, blank if validated else None, strict=strict)
        self.task, self.blank = task, blank
        self.first_epoch, self.epochs = first_epoch, epochs
        self.results, self.started = results, time.monotonic()
        self.classes, self.spec = tuple(classes), spec
        self.status = StatusLog(results, append=True)
        self.events: Any = None
        self.curves = Curves(self.path, blank)
        self.steps = StepLog(results / step_log.NAME, steps)
        self.batches, self.draws = 0, True

    @contextmanager
    def running(self, *, step: int) -> Iterator[TrainingLog]:
        """Open the log at iteration ``step``; how the block ends is written to status.json."""
        with self.status.failures("Training"), _without_tracebacks():
            self.status.write("STARTED", BEGUN)
            self.rows.begin(self.first_epoch)
            self.steps.begin(step)
            self._drop_samples(step)
            self.events = _events(self.results / "events", step)
            if self.events is not None and self.spec:
                # TensorBoard reads Markdown: four blanks keep the lines of the spec as they are.
                self.events.add_text("spec", "\n".join(f"    {line}" for line in self.spec.splitlines()), step)
            try:
                yield self
            finally:
                self.steps.flush()
                if self.events is not None:
                    self.events.close()
                self._draw("curves", self.curves.finish)
            self.status.write("RUNNING", "Training loop complete.")
            self.status.write("SUCCESS", DONE)

    def batch(self, batch: Batch, *, step: int) -> None:
        """Show what the network sees: the images of the first batches, augmented, with their targets."""
        if self.batches == BATCHES:
            return
        from runtime.evaluation import samples

        self.batches += 1
        examples = samples.of_batch(batch, ON_SHEET)
        self._draw_sheet(
            [f"train_batch{self.batches}.jpg"], examples, f"training batch {step + 1} as the network sees it"
        )
        if self.batches == 1 and self.events is not None:
            for number, example in enumerate(examples[:PICTURES]):
                drawn = samples.drawn(example, self.task, self.classes)
                self.events.add_image(f"batch_imgs/{number}", drawn, step, dataformats="HWC")

    def labels(self, splits: Mapping[str, Split | None]) -> None:
        """Write down what there is to learn from ``splits``, those that there are, by their names."""
        known = {name: split for name, split in splits.items() if split is not None}
        self._draw("labels", lambda: label_statistics.write(self.results, known, self.classes))

    def step(self, step: Step, *, epoch: int) -> None:
        """``step`` of ``epoch`` is done."""
        self.steps.add(epoch, step)
        if self.events is not None:
            self.events.add_scalar("loss", sum(step.losses.values()), step.number)
            self.events.add_scalar("lr", step.rate, step.number)
            for name, value in step.losses.items():
                self.events.add_scalar(f"loss/{name}", value, step.number)
            self.events.add_scalar("gradient_norm", step.gradient_norm, step.number)

    def samples(self, examples: Sequence[Example], *, after: str, name: str, best: bool = False) -> None:
        """Draw validation images and what is predicted for them ``after`` some training, as ``name`` in samples/ and,
        of the ``best`` epoch, as val_batch.jpg."""
        title = f"validation after {after}: targets, each beside its predictions"
        self._draw_sheet([f"{SAMPLES}/{name}", *([BEST] if best else [])], examples, title)

    def epoch(
        self,
        epoch: int,
        *,
        step: int,
        loss: float,
        losses: Mapping[str, float],
        rate: float,
        seconds: float,
        scores: Scores | None,
        best: bool = False,
        **measured: float | None,
    ) -> None:
        """``epoch`` is over, before iteration ``step``; ``loss`` is its mean, ``losses`` those of its terms, ``rate``
        the next learning rate; ``best``: none before it had better ``scores``.

        ``measured``: images_per_second, data_wait (the share of the time that it waited for data) and their like.
        """
        row: dict[str, Any] = {"epoch": epoch, "loss": f"{loss:.6g}", "lr": f"{rate:.6g}"}
        if scores is not None:
            row |= {name: f"{value:.5f}" for name, value in scores.columns.items()}
            row |= {"validation_loss": f"{scores.loss:.6g}"}
        row |= {f"{TERM}{name}": f"{value:.6g}" for name, value in losses.items()}
        row |= {name: f"{value:.5g}" for name, value in measured.items() if value is not None}
        self.rows.add(row)
        self._write_status(epoch, seconds, row, scores)
        self._draw("curves", self.curves.update)
        if scores is not None and scores.examples:
            self.samples(scores.examples, after=f"epoch {epoch}", name=f"epoch_{epoch:04d}.jpg", best=best)
        if self.events is not None:
            self._scalars({"epoch_loss": loss, **measured}, step)
            if scores is not None:
                self._show(scores, step)

    def conclude(self, figures: Mapping[str, Any]) -> None:
        """Write ``figures`` of the whole training to the last lines of status.json, beside those of the last epoch."""
        self.status.lasting["kpi"] = {**self.status.lasting.get("kpi", {}), **figures}

    def _draw_sheet(self, names: Sequence[str], examples: Sequence[Example], title: str) -> None:
        from runtime.evaluation import samples
        from runtime.inference import drawn_images

        def draw() -> None:
            sheet = samples.sheet(examples, self.task, self.classes, title=title)
            for name in names:  # of samples there are many, and they stay
                drawn_images.save(sheet, self.results / name, small=name.startswith(SAMPLES))

        self._draw(names[0], draw)

    def _drop_samples(self, step: int) -> None:
        """Those of a run now superseded, from epoch ``first_epoch`` and after ``step`` on."""
        folder = self.results / SAMPLES
        for path in folder.glob("*.jpg") if not folder.is_symlink() else ():
            kind, _, number = path.stem.partition("_")
            last = {"epoch": self.first_epoch - 1, "step": step}.get(kind)
            if last is not None and number.isdigit() and int(number) > last:
                path.unlink()

    def _draw(self, what: str, draw: Callable[[], object]) -> None:
        """A training does not end for want of a picture; without room for one no other is drawn."""
        if not self.draws:
            return
        try:
            draw()
        except OSError as refusal:
            self.draws = False
            warn(f"{self.results}: no pictures any more, {what} cannot be written: {refusal.strerror or refusal}")

    def _write_status(self, epoch: int, seconds: float, row: Mapping[str, Any], scores: Scores | None) -> None:
        per_epoch = (time.monotonic() - self.started) / (epoch - self.first_epoch + 1)
        if scores is not None:
            loss = float("nan") if scores.loss is None else round(scores.loss, 8)
            figures = {self._title(name): round(value, 5) for name, value in scores.plain.items()}
            measured = {"validation loss": loss, **figures}
            self.status.write("RUNNING", "Evaluation metrics generated.", graphical=measured)
        written = {self._title(name): str(row.get(name, "nan")) for name in self.blank.plain}
        self.status.write(
            "RUNNING",
            "Training loop in progress",
            epoch=epoch,
            max_epoch=self.epochs,
            time_per_epoch=str(timedelta(seconds=seconds)),
            eta=str(timedelta(seconds=per_epoch * (self.epochs - epoch))),
            graphical={
                "loss": row["loss"],
                "learning_rate": row["lr"],
                "validation_loss": str(row.get("validation_loss", "nan")),
                **written,
            },
            kpi=written,
        )

    def _title(self, figure: str) -> str:
        return self.blank.titles.get(figure, figure)

    def _show(self, scores: Scores, step: int) -> None:
        """A validation's figures, curves and pictures."""
        self._scalars({**scores.columns, **scores.figures, "validation_loss": scores.loss}, step)
        for name, (precision, recall) in scores.curves.items():
            self._curve(f"precision_recall/{name}", precision, recall, step)
        from runtime.evaluation import samples

        for number, example in enumerate(scores.examples):
            drawn = samples.drawn(example, self.task, self.classes)
            self.events.add_image(f"validation/{number}", drawn, step, dataformats="HWC")

    def _curve(self, tag: str, precision: Any, recall: Any, step: int) -> None:
        """TensorBoard draws precision over recall; of the counts that it would tell for a threshold, we have none."""
        nothing = [0] * len(precision)
        self.events.add_pr_curve_raw(
            tag, nothing, nothing, nothing, nothing, precision, recall, step, num_thresholds=len(precision)
        )

    def _scalars(self, values: Mapping[str, float | None], step: int) -> None:
        for name, value in values.items():
            if value is not None:
                self.events.add_scalar(name, value, step)


def concluded(results: Path) -> bool:
    """Whether the newest training in ``results`` has said in status.json that it is done; so too where none speaks."""
    path = results / "status.json"
    told = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return told.rfind(DONE) >= told.rfind(BEGUN)


@contextmanager
def _without_tracebacks() -> Iterator[None]:
    """TensorBoard's thread that cannot write dies loudly; we say it in a line."""
    before = threading.excepthook

    def hook(told: threading.ExceptHookArgs) -> None:
        if not (isinstance(told.exc_value, OSError) and type(told.thread).__module__.startswith("tensorboard.")):
            before(told)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before


def _events(folder: Path, step: int) -> Any:
    """TensorBoard's writer, which forgets what an earlier run wrote from ``step`` on; None if it is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return _Events(SummaryWriter(str(folder), purge_step=step), folder)


class _Events:
    """``writer`` for as long as it can write: a training does not end for want of its curves."""

    def __init__(self, writer: Any, folder: Path) -> None:
        self.writer, self.folder = writer, folder

    def __getattr__(self, name: str) -> Callable[..., None]:
        return partial(self._call, name)

    def _call(self, name: str, *arguments: object, **named: object) -> None:
        if self.writer is None:
            return
        try:
            getattr(self.writer, name)(*arguments, **named)
        except OSError as refusal:
            self.writer = None
            warn(f"{self.folder}: no more TensorBoard events can be written: {refusal.strerror or refusal}")
