"""Saves, validates and logs as a training goes on; lives in its first process only."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import specs
from runtime import tasks
from runtime.data.batches import Batch
from runtime.data.frames import Split
from runtime.data.recipe import Recipe
from runtime.evaluation import validation
from runtime.machine import processes
from runtime.machine.threads import Threads
from runtime.networks import Model
from runtime.shell import program
from runtime.tasks import Scores, Task
from runtime.training import description, guards, loop, messages, resuming
from runtime.training.averaging import Average
from runtime.training.best import Memory
from runtime.training.log import TrainingLog
from runtime.training.options import TrainOptions
from runtime.training.ownership import Ownership
from runtime.training.ranks import Ranks
from runtime.weights import checkpoint
from runtime.weights.checkpoint import Checkpoint, Resume
from tltpipe.progress import Progress


@dataclass(kw_only=True)
class Recorder:
    """The watcher (loop.Watcher) of a training.

    ``done`` counts whole epochs, ``within_epoch`` the steps of the next one that are saved too; ``saved`` is the
    newest checkpoint. With an ``average`` it is that which is judged and saved to predict with.
    """

    recipe: Recipe
    options: TrainOptions
    results: Path
    model: Model
    optimizer: Any
    task: Task
    average: Average | None
    held_out: Split | None
    plan: loop.Plan
    device: torch.device
    scaler: Callable[[], Mapping[str, Any]]
    progress: Progress
    memory: Memory
    threads: Threads
    pruned: bool
    done: int
    saved: Path | None
    owner: Ownership
    within_epoch: int = 0

    def __post_init__(self) -> None:
        self.run = resuming.identity(self.recipe, self.options)
        self.spec = specs.dump(self.recipe.spec)
        self.log = TrainingLog(
            self.results,
            self.recipe.name,
            self.recipe.classes,
            tasks.presented(self.task, self.recipe.names, self.recipe.inference.threshold),
            self.task.metrics(self.recipe.classes, self.recipe).scores(),
            first_epoch=self.plan.epochs.start,
            epochs=self.plan.epochs.stop - 1,
            validated=self.held_out is not None,
            strict=self.recipe.strict,
            spec=self.spec,
            steps=self.plan.before(self.plan.epochs.stop),
        )
        self.ranks = Ranks(self.results, self.options.place.cluster.nodes)
        self.last_saved = time.monotonic()
        self.begun = False

    @property
    def judged(self) -> Model:
        return self.model if self.average is None else self.average.model

    def describe(self) -> None:
        """Write down which training this is, for those who watch it."""
        description.write(
            self.results, self.recipe, self.options, self.plan, self.log.blank, log=self.log.path.name,
            validated=self.held_out is not None, device=str(self.device), spec=self.spec,
        )  # fmt: skip
        self.ranks.begin()

    # ------------------------------------------------------------------------------------------------ as it goes on

    def batch(self, batch: Batch, number: int) -> None:
        self.owner.require_now_and_then()
        self.log.batch(batch, step=number)

    def step(self, step: loop.Step) -> None:
        self.owner.require_now_and_then()
        self.log.step(step, epoch=self.done + 1)
        self.ranks.step(step)

    def epoch(self, epoch: loop.Epoch, tally: loop.Tally) -> bool:
        """Validate if due, log, save: in this order, so that what is saved is also logged, whenever we are killed.

        Whoever interrupts the validation, which takes long, keeps the epoch: it is saved as not concluded yet.
        """
        program.say(messages.epoch(epoch, epochs=self.plan.epochs.stop - 1))
        guards.require_finite(self.model, epoch=epoch.number)
        scores = None
        if self._validates(epoch.number):
            self.within(epoch.number, tally)
            scores = self._validate()
        stops = self._remember(epoch, scores)
        self.owner.require()
        self.log.epoch(
            epoch.number,
            step=self.plan.before(epoch.number + 1),
            loss=epoch.loss,
            losses=epoch.losses,
            rate=epoch.rate,
            seconds=epoch.seconds,
            scores=scores,
            best=self.memory.best_epoch == epoch.number,
            images_per_second=epoch.images / max(epoch.seconds, 1e-9),
            data_wait=epoch.data_wait / max(epoch.seconds, 1e-9),
        )
        self._save_epoch(epoch, scores)
        if stops:
            rule = self.recipe.early_stopping
            assert rule is not None
            program.say(f"stopped early: {rule.monitor} has not fallen for {rule.patience} epochs")
        return stops

    def due(self, steps: int) -> bool:
        return self._draws(steps) or self._saves(steps)

    def between(self, epoch: int, tally: loop.Tally) -> None:
        steps = self.plan.before(epoch) + tally.steps
        if self._draws(steps):
            self._draw(steps)
        if self._saves(steps):
            self.within(epoch, tally)

    def within(self, epoch: int, tally: loop.Tally) -> None:
        """Save the state in ``epoch``, unless that is saved already."""
        if epoch <= self.done or tally.steps <= self.within_epoch:
            return
        guards.require_finite(self.model, epoch=epoch)
        path = resuming.unfinished(self.results, self.recipe.name, encrypted=bool(self.options.key))
        self._save(path, epoch - 1, tally, {})
        self.within_epoch = tally.steps

    def path_of(self, epoch: int) -> Path:
        """The checkpoint after ``epoch`` whole epochs."""
        return checkpoint.path_of(self.results, self.recipe.name, epoch, encrypted=bool(self.options.key))

    def tidy(self, path: Path) -> None:
        """``path`` is the checkpoint of the last whole epoch: keep it as the best if it is, drop what it replaces."""
        self.owner.require()
        if self.memory.best_epoch == self.done and not self.recipe.strict:
            checkpoint.keep_best(self.results, self.recipe.name, path)
        checkpoint.rotate(self.results, self.recipe.name, self.done, interval=self.recipe.checkpoint_interval)
        self._drop_unfinished()

    def told(self) -> str:
        """What there is to go on from."""
        if self.within_epoch:
            steps = self.plan.steps_in(self.done + 1)
            return f"step {self.within_epoch} of {steps} in epoch {self.done + 1} is in {self.saved}"
        if self.saved is not None:
            return f"epoch {self.done}, the last whole one, is in {self.saved}"
        return "nothing was done yet"

    def size(self) -> int:
        """About the bytes of a checkpoint: weights, the optimiser's memory of them, their average."""
        model: int = sum(tensor.nbytes for tensor in self.model.state_dict().values())
        learning: int = sum(weights.nbytes for group in self.optimizer.param_groups for weights in group["params"])
        memories = 1 if self.recipe.optimizer.name == "SGD" else 2
        return (1 if self.average is None else 2) * model + memories * learning

    # ------------------------------------------------------------------------------------------------------ in detail

    def _draws(self, steps: int) -> bool:
        every = self.recipe.summary_step
        return self.held_out is not None and every > 0 and steps % every == 0

    def _saves(self, steps: int) -> bool:
        every = self.recipe.save_step
        by_steps = every > 0 and steps % every == 0
        return by_steps or time.monotonic() - self.last_saved >= 60 * self.options.save_minutes

    def _draw(self, steps: int) -> None:
        """Predictions for the validation images that a validation draws."""
        assert self.held_out is not None
        with processes.alone():
            examples = validation.examples(
                self.judged, self.task, self.recipe, self.held_out, self.recipe.classes, device=self.device
            )
        self.owner.require()
        self.log.samples(examples, after=f"step {steps}", name=f"step_{steps:08d}.jpg")

    def _validates(self, epoch: int) -> bool:
        due = epoch % self.recipe.evaluation.period == 0 or epoch == self.plan.epochs.stop - 1
        return self.held_out is not None and due

    def _validate(self) -> Scores:
        assert self.held_out is not None
        with processes.alone():
            scores = validation.validate(
                self.judged, self.task, self.recipe, self.held_out, self.recipe.classes,
                device=self.device, progress=self.progress,
            )  # fmt: skip
        for line in scores.lines:
            program.say(line)
        program.say(f"Validation loss: {scores.loss:.5g}")
        return scores

    def _remember(self, epoch: loop.Epoch, scores: Scores | None) -> bool:
        """Whether this epoch is the best so far, and whether training has come to its end early."""
        figure = -epoch.loss if self.held_out is None else scores.value if scores else None
        if scores is not None and scores.loss is not None and not math.isfinite(scores.loss):
            program.warn(
                f"the validation loss of epoch {epoch.number} is no number: this epoch is not taken for the best"
            )
            figure = None
        self.memory.judge(epoch.number, figure)
        rule = self.recipe.early_stopping
        if rule is None:
            return False
        return self.memory.stops(epoch.loss if rule.monitor == "loss" else scores.loss if scores else None, rule)

    def _save_epoch(self, epoch: loop.Epoch, scores: Scores | None) -> None:
        from runtime.training.loop import Tally

        metrics: dict[str, Any] = {"loss": epoch.loss}
        if scores is not None:
            # Where a column of classes is called as a figure of all, the figure stays: the log has the column.
            metrics |= {column: dict(values) for column, values in scores.per_class.items()}
            metrics |= {"primary": scores.primary, **scores.plain, "validation_loss": scores.loss}
        path = self.path_of(epoch.number)
        self._save(path, epoch.number, Tally(), metrics)
        self.done, self.within_epoch = epoch.number, 0
        self.tidy(path)

    def _save(self, path: Path, epochs: int, tally: loop.Tally, metrics: Mapping[str, Any]) -> None:
        """Write the state after ``epochs`` whole epochs and the part ``tally`` of the next."""
        self.owner.require()
        self.log.steps.flush()  # those that a run that goes on from here does not measure again
        guards.require_folder(self.results)  # which would come back with nothing else in it
        if not self.begun:
            self._set_aside()
        trained = self.model.state_dict()
        resume = Resume(
            self.optimizer.state_dict(),
            self.plan.before(epochs + 1) + tally.steps,
            None if self.average is None else trained,
            resuming.numbers(
                self.run,
                tally,
                self.memory,
                self.scaler(),
                steps=self.plan.steps,
                threads=self.threads.state(),
                place=self.options.place,
            ),
        )
        model = trained if self.average is None else self.average.model.state_dict()
        made = Checkpoint(
            self.recipe.name, self.recipe.classes, epochs, model, self.spec, resume, pruned=self.pruned, metrics=metrics
        )
        checkpoint.save(path, made, self.options.key, ready=self.owner.require)
        if tally.steps:
            self._drop_unfinished(but=path)
        self.saved, self.last_saved = path, time.monotonic()

    def _set_aside(self) -> None:
        """Before the first save: what an earlier run left must not be taken for ours."""
        self.begun = True
        moved = checkpoint.set_aside(self.results, self.recipe.name, self.plan.epochs.start, key=self.options.key)
        if moved is not None:
            program.say(f"checkpoints of an earlier run were moved to {moved}")
        self._drop_unfinished(but=self.saved)
        for part in (self.results / "weights").glob(f".{self.recipe.name}_*.partial"):
            part.unlink()  # a run that was killed while it saved had no time for that

    def _drop_unfinished(self, *, but: Path | None = None) -> None:
        for encrypted in (False, True):
            path = resuming.unfinished(self.results, self.recipe.name, encrypted=encrypted)
            if path != but:
                path.unlink(missing_ok=True)
                path.with_suffix(".json").unlink(missing_ok=True)
