"""One training, from a spec to a results folder: what the loop in ``engine`` runs on, and what is kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import specs
from runtime import checkpoint, data, device, engine, frames, program, schedule, scoring
from runtime import recipe as recipes
from runtime.checkpoint import Checkpoint, Resume
from runtime.training_log import TrainingLog
from tltpipe import progress
from tltpipe.errors import Interrupted, UsageError
from tltpipe.files import writable

if TYPE_CHECKING:
    from runtime.frames import Split
    from runtime.networks import Network
    from runtime.recipe import Recipe
    from specs import Spec
    from tltpipe.progress import Progress

MOMENTUM = 0.9
"""Of SGD; fixed with NVIDIA, whatever the spec's optimizer says."""


@dataclass(frozen=True)
class Start:
    """Where to begin: with ``first_epoch`` 1 ``weights`` are pretrained layers, else the state to go on from."""

    first_epoch: int = 1
    weights: Path | None = None


class Stopped(Interrupted):
    """Training was interrupted; ``checkpoint`` is the state after ``epoch`` whole epochs, None if there was none."""

    def __init__(self, epoch: int, path: Path | None) -> None:
        after = f"epoch {epoch}, the last whole one, is in {path}" if path else "no epoch was finished"
        super().__init__(f"training was interrupted; {after}")
        self.epoch, self.checkpoint = epoch, path


def train(
    network: Network,
    spec: Spec,
    results: Path,
    *,
    gpus: int = 1,
    gpu_index: Sequence[int] = (),
    start: Start,
    key: str | None = None,
) -> None:
    """Train ``network`` by ``spec`` and keep checkpoints, logs and events in ``results``.

    With a ``key`` the checkpoints are encrypted, and it opens that of ``start``.

    Raises DataError for records and pictures, ModelError for ``start.weights``, HostError for GPUs, Stopped when
    interrupted, RunFailed when the loss is no number any more. The checkpoint of the last whole epoch stays.
    """
    recipe = recipes.of(spec)
    epochs = range(start.first_epoch, recipe.epochs + 1)
    if not epochs:
        what = f"nothing is left to train: the first epoch is {epochs.start}, num_epochs is {epochs.stop - 1}"
        raise UsageError(what, hint="raise num_epochs in the spec")
    stem, classes = network.name(spec), network.classes(spec)
    loaded = checkpoint.load(start.weights, key) if start.weights else None
    fabric = device.open_fabric(gpus, gpu_index)
    show = progress.for_stream() if fabric.is_global_zero else progress.Silent()

    split = frames.training(recipe, classes, progress=show)
    held_out = frames.validation(recipe, classes, progress=show) if fabric.is_global_zero else None
    torch.manual_seed(recipe.seed)
    detector: Any = network.build(spec, num_classes=len(classes))
    adopted = _adopt(detector, loaded, start, network=stem, classes=classes)
    learning = [weights for weights in detector.parameters() if weights.requires_grad]
    model, optimizer = fabric.setup(detector, torch.optim.SGD(learning, lr=0.0, momentum=MOMENTUM))
    if loaded is not None and start.weights is not None and start.first_epoch > 1:
        checkpoint.restore_optimizer(optimizer, loaded, start.weights)

    order, pictures = data.for_training(recipe, split, epochs, rank=fabric.global_rank, ranks=fabric.world_size)
    rate = schedule.of(spec, gpus=fabric.world_size, steps=order.steps * (epochs.stop - 1))
    plan = engine.Plan(epochs, order.steps, rate, recipe.seed)
    batches = data.batches(pictures, order, workers=data.workers(recipe, ranks=fabric.world_size))
    if not fabric.is_global_zero:
        with closing(batches):
            engine.fit(fabric, model, optimizer, batches, plan, progress=show, on_step=_ignore, on_epoch=_ignore)
        return

    where = device.describe(fabric.device, wanted=gpus, processes=fabric.world_size)
    _introduce(detector, stem, classes, where=where, split=split, held_out=held_out)
    for line in adopted:
        program.say(line)
    with writable(results):
        results.mkdir(parents=True, exist_ok=True)
    keeper = Keeper(
        recipe=recipe,
        results=results,
        key=key,
        network=stem,
        classes=classes,
        detector=detector,
        optimizer=optimizer,
        held_out=held_out,
        plan=plan,
        device=fabric.device,
        progress=show,
        done=epochs.start - 1,
        saved=start.weights if epochs.start > 1 else None,
    )
    try:
        with keeper.log.running(step=(epochs.start - 1) * order.steps), closing(batches):
            engine.fit(
                fabric, model, optimizer, batches, plan,
                progress=show, on_step=keeper.step, on_epoch=keeper.epoch,
            )  # fmt: skip
    except KeyboardInterrupt:
        raise Stopped(keeper.done, keeper.saved) from None
    program.say(f"trained {epochs.stop - 1} epochs: {keeper.saved}")


@dataclass(kw_only=True)
class Keeper:
    """Saves, validates and logs after each epoch; lives in the first process only.

    ``done`` counts whole epochs, ``saved`` is the checkpoint after them.
    """

    recipe: Recipe
    results: Path
    key: str | None
    network: str
    classes: tuple[str, ...]
    detector: Any
    optimizer: Any
    held_out: Split | None
    plan: engine.Plan
    device: torch.device
    progress: Progress
    done: int
    saved: Path | None

    def __post_init__(self) -> None:
        self.log = TrainingLog(
            self.results,
            self.network,
            self.classes,
            first_epoch=self.plan.epochs.start,
            epochs=self.plan.epochs.stop - 1,
            validated=self.held_out is not None,
        )

    def step(self, step: engine.Step) -> None:
        self.log.step(step.number, losses=step.losses, rate=step.rate)

    def epoch(self, epoch: engine.Epoch) -> None:
        """Save before anything else: validation takes long, and whoever interrupts it keeps the epoch."""
        next_step, last = epoch.number * self.plan.steps, self.plan.epochs.stop - 1
        rate = self.plan.rate(next_step)
        speed, took = epoch.images / epoch.seconds, timedelta(seconds=round(epoch.seconds))
        program.say(f"epoch {epoch.number}/{last}: loss {epoch.loss:.4f}, lr {rate:.3g}, {speed:.1f} images/s, {took}")
        self._save(epoch.number)
        score = None
        try:
            score = self._validate(epoch.number)
        finally:
            self.log.epoch(epoch.number, step=next_step, loss=epoch.loss, rate=rate, seconds=epoch.seconds, score=score)

    def _validate(self, epoch: int) -> scoring.Score | None:
        due = epoch % self.recipe.evaluation.period == 0 or epoch == self.plan.epochs.stop - 1
        if self.held_out is None or not due:
            return None
        score = scoring.score(
            self.detector, self.recipe, self.held_out, self.classes,
            device=self.device, progress=self.progress, with_loss=True,
        )  # fmt: skip
        for line in scoring.table(score.precision, decimals=5):
            program.say(line)
        program.say(f"Validation loss: {score.loss:.5g}")
        return score

    def _save(self, epoch: int) -> None:
        if self.done < self.plan.epochs.start:
            moved = checkpoint.set_aside(self.results, self.network, self.plan.epochs.start, key=self.key)
            if moved is not None:
                program.say(f"checkpoints of an earlier run were moved to {moved}")
        path = checkpoint.path_of(self.results, self.network, epoch, encrypted=bool(self.key))
        model, spec = self.detector.state_dict(), specs.dump(self.recipe.spec.message)
        resume = Resume(self.optimizer.state_dict(), epoch * self.plan.steps)
        checkpoint.save(path, Checkpoint(self.network, self.classes, epoch, model, spec, resume), self.key)
        self.done, self.saved = epoch, path
        checkpoint.rotate(self.results, self.network, epoch, interval=self.recipe.checkpoint_interval)


def _adopt(
    detector: torch.nn.Module, loaded: Checkpoint | None, start: Start, *, network: str, classes: tuple[str, ...]
) -> list[str]:
    """Put the weights of ``loaded`` into ``detector``; returns what there is to say about it."""
    if loaded is None or start.weights is None:
        return []
    if start.first_epoch == 1:
        return checkpoint.transfer(detector, loaded, start.weights)
    checkpoint.check(loaded, start.weights, network=network, classes=classes)
    checkpoint.restore(detector, loaded, start.weights)
    if loaded.epoch == start.first_epoch - 1:
        return [f"resumed from {start.weights}, after epoch {loaded.epoch}"]
    return [f"resumed from {start.weights}, which ends epoch {loaded.epoch}; going on with epoch {start.first_epoch}"]


def _introduce(
    detector: Any, network: str, classes: Sequence[str], *, where: str, split: Split, held_out: Split | None
) -> None:
    """Tell what is about to be trained, on what, where."""
    height, width = detector.input_size
    weights = sum(parameter.numel() for parameter in detector.parameters())
    told = frames.describe(held_out) if held_out else "none: no average precision will be measured"
    program.say(f"training    {frames.describe(split)}")
    program.say(f"validation  {told}")
    program.say(f"classes     {len(classes)}: {', '.join(classes)}")
    program.say(f"network     {network}, {weights:,} parameters, input {width}x{height}")
    program.say(f"device      {where}")
    both = [split] if held_out is None else [split, held_out]
    for note in [note for each in both for note in each.notes]:
        program.warn(note)
    other = sum(frames.resized(each, width, height) for each in both)
    if other:
        program.say(f"{other} images are not {width}x{height} and are resized as they are read")


def _ignore(_: object) -> None:
    """Only the first process keeps anything."""
