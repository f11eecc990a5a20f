"""One training from its spec to its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from runtime import tasks
from runtime.data import batches as data
from runtime.data import frames
from runtime.machine import device, threads
from runtime.networks import Advises
from runtime.shell import program
from runtime.training import guards, messages, optimizers, resuming
from runtime.training import loop as engine
from runtime.training.averaging import Average
from runtime.training.recorder import Recorder
from runtime.weights import checkpoint
from runtime.weights.checkpoint import Checkpoint
from tltpipe import progress
from tltpipe.errors import Interrupted, UsageError
from tltpipe.files import writable

if TYPE_CHECKING:
    from runtime.data.frames import Split
    from runtime.data.recipe import Recipe
    from runtime.machine.threads import Threads
    from runtime.networks import Network
    from runtime.training.options import TrainOptions


class Stopped(Interrupted):
    """Training was interrupted; ``saved`` is the state to go on from, None if there is none."""

    def __init__(self, told: str, saved: Path | None) -> None:
        super().__init__(f"training was interrupted; {told}")
        self.saved = saved


def train(network: Network, recipe: Recipe, results: Path, asked: TrainOptions) -> None:
    """Train ``network`` by ``recipe`` and keep checkpoints, logs and events in ``results``.

    Raises DataError for records and pictures, ModelError for ``asked.weights``, HostError for a full disk, Stopped when
    interrupted, RunFailed when loss or gradient are no numbers any more. Checkpoints written before stay.
    """
    if asked.initial_epoch > recipe.epochs:
        what = f"nothing is left to train: the first epoch is {asked.initial_epoch}, num_epochs is {recipe.epochs}"
        raise UsageError(what, hint="raise num_epochs in the spec")
    stem, classes, task = recipe.name, recipe.classes, tasks.load(network.TASK)
    fabric = device.open_fabric(asked.place, deterministic=asked.deterministic)
    first = fabric.is_global_zero
    show = progress.for_stream() if first else progress.Silent()
    split = frames.training(recipe, classes, task.FIELDS, progress=show)
    held_out = frames.validation(recipe, classes, task.FIELDS, progress=show) if first else None

    shares = data.for_training(recipe, split, range(1), rank=fabric.global_rank, ranks=fabric.world_size)
    steps = shares[0].steps
    begin = resuming.find(recipe, asked, results, stem, steps=steps)
    epochs = range(begin.epoch, begin.epoch if begin.whole else recipe.epochs + 1)
    torch.manual_seed(recipe.seed)
    detector = network.build(recipe)
    adopted = resuming.adopt(cast("torch.nn.Module", detector), begin, network=stem, classes=classes)
    model, optimizer = _set_up(fabric, detector, recipe, asked)
    average = Average(detector, asked.ema) if asked.ema is not None else None
    computing = _threads(fabric, asked)
    if begin.resumed:
        _restore(fabric, optimizer, average, begin, computing)

    order, pictures = data.for_training(recipe, split, epochs, rank=fabric.global_rank, ranks=fabric.world_size)
    rate = recipe.schedule(steps * recipe.epochs, fabric.world_size)
    names = Names(recipe, split, fabric.world_size)
    plan = engine.Plan(epochs, steps, rate, recipe.seed, asked.clip_norm, names)
    rest = After(order, begin.tally.steps)
    batches = data.batches(pictures, rest, workers=data.workers(recipe, ranks=fabric.world_size))
    loop = engine.Loop(
        fabric=fabric, model=model, optimizer=optimizer, batches=batches, plan=plan, watcher=engine.NullWatcher(),
        progress=show, threads=computing, average=average, tally=begin.tally,
    )  # fmt: skip
    if not first:
        with closing(batches):
            loop.run()
        return

    where = device.describe(fabric.device, wanted=asked.gpus, processes=fabric.world_size)
    advice = network.advice(detector, classes, split) if isinstance(network, Advises) else ()
    messages.introduce(detector, stem, classes, where=where, split=split, held_out=held_out, advice=advice)
    for line in (*begin.lines, *adopted):
        program.say(line)
    with writable(results):
        results.mkdir(parents=True, exist_ok=True)
    recorder = Recorder(
        recipe=recipe, options=asked, task=task, results=results, network=stem, classes=classes, model=detector,
        optimizer=optimizer, average=average, held_out=held_out, plan=plan, device=fabric.device,
        scaler=loop.precision.state_dict, progress=show, memory=begin.memory,
        threads=computing, pruned=begin.pruned, done=epochs.start - 1,
        saved=begin.path if begin.resumed else None,
    )  # fmt: skip
    guards.require_room(results, size=recorder.size(), epochs=len(epochs), interval=recipe.checkpoint_interval)
    loop.watcher = recorder
    if begin.resumed and begin.path == checkpoint.path_of(results, stem, recorder.done, encrypted=bool(asked.key)):
        recorder.tidy(begin.path)  # we may have been killed before that was done
    try:
        with recorder.log.running(step=(epochs.start - 1) * steps + begin.tally.steps), closing(batches):
            loop.run()
            recorder.log.conclude(program.balance(split.losses))
    except KeyboardInterrupt:
        raise Stopped(recorder.told(), recorder.saved) from None
    except OSError:
        guards.require_folder(results)
        raise
    program.say(f"trained {recorder.done} epochs: {recorder.saved}")


def _set_up(fabric: Any, detector: Any, recipe: Recipe, asked: TrainOptions) -> tuple[Any, Any]:
    """Model and optimiser as the loop wants them."""
    detector.to(memory_format=torch.channels_last)
    learning = [weights for weights in detector.parameters() if weights.requires_grad]
    optimizer = optimizers.build(recipe.optimizer, learning, asked.place)
    if asked.compile:
        guards.require_compiler()
        detector.compile()
    model, wrapped = fabric.setup(detector, optimizer)
    return model, wrapped


def _threads(fabric: Any, asked: TrainOptions) -> Threads:
    """Those of this process; beside a GPU there is little to compute, and nothing to measure."""
    if fabric.device.type == "cuda" and asked.threads is None:
        return threads.for_torch(torch.get_num_threads())
    if not fabric.is_global_zero:
        return threads.for_torch(asked.threads, shared_by=fabric.world_size)
    return threads.for_torch(asked.threads, shared_by=fabric.world_size, say=program.say)


def _restore(
    fabric: Any, optimizer: Any, average: Average | None, begin: resuming.Beginning, computing: Threads
) -> None:
    """Everything but the weights, as it was."""
    assert isinstance(begin.loaded, Checkpoint)
    assert begin.path is not None
    checkpoint.restore_optimizer(optimizer, begin.loaded, begin.path)
    optimizers.align(optimizer.optimizer)
    numbers = begin.loaded.resume.numbers if begin.loaded.resume is not None else {}
    if scaler := numbers.get("scaler"):
        fabric.strategy.precision.load_state_dict(scaler)
    computing.restore(numbers.get("threads", {}))
    if average is not None:
        average.model.load_state_dict(dict(begin.loaded.model))


@dataclass(frozen=True)
class After:
    """The batches of ``order`` but for the first ``done``."""

    order: Iterable[data.Draw]
    done: int

    def __iter__(self) -> Iterator[data.Draw]:
        return islice(iter(self.order), self.done, None)


@dataclass(frozen=True)
class Names:
    """The names of the pictures that all ``ranks`` processes see in a step."""

    recipe: Recipe
    split: Split
    ranks: int

    def __call__(self, epoch: int, step: int) -> Sequence[str]:
        """``step`` counts from 1."""
        found: list[str] = []
        for rank in range(self.ranks):
            only = range(epoch, epoch + 1)
            order, _ = data.for_training(self.recipe, self.split, only, rank=rank, ranks=self.ranks)
            draw = next(islice(iter(order), step - 1, None))
            found += [self.split.name(index) for index in draw.indices]
        return found
