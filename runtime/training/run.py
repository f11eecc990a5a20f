"""One training from its spec to its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from runtime import tasks
from runtime.data import batches as data
from runtime.data import frames
from runtime.data.batches import Pictures
from runtime.data.orders import Order
from runtime.data.recipe import Optimizer
from runtime.imaging.placement import RequiringView
from runtime.machine import device, processes, threads
from runtime.machine.device import Place
from runtime.networks import Advises, FollowsEpochs, LearnsFromSplit
from runtime.shell import program
from runtime.training import guards, messages, resuming
from runtime.training import loop as engine
from runtime.training.averaging import Average
from runtime.training.ownership import Ownership
from runtime.training.ranks import Noting
from runtime.training.recorder import Recorder
from runtime.weights import checkpoint
from runtime.weights.checkpoint import Checkpoint
from tltpipe import locks, progress
from tltpipe.errors import Interrupted, UsageError
from tltpipe.files import writable

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from runtime.data.frames import Split
    from runtime.data.recipe import Recipe
    from runtime.machine.threads import Threads
    from runtime.networks import Model, Network
    from runtime.training.options import TrainOptions


class Stopped(Interrupted):
    """Training was interrupted; ``saved`` is the state to go on from, None if there is none."""

    def __init__(self, told: str, saved: Path | None) -> None:
        super().__init__(f"training was interrupted; {told}")
        self.saved = saved


def train(network: Network, recipe: Recipe, results: Path, asked: TrainOptions, hold: locks.Hold | None = None) -> None:
    """Train ``network`` by ``recipe`` and keep checkpoints, logs and events in ``results``, which is this process's as
    long as the lock ``hold`` is.

    Raises DataError for records and pictures, ModelError for ``asked.weights``, HostError for a full disk, Stopped when
    interrupted, RunFailed when loss or gradient become NaN or infinite. Checkpoints written before stay.
    """
    if recipe.iterations is None:
        _require_epochs(recipe, asked)
    if isinstance(recipe.training_view, RequiringView):
        recipe.training_view.require()
    fabric = device.open_fabric(asked.place, deterministic=asked.deterministic)
    lead, ranks, task = fabric.is_global_zero, fabric.world_size, tasks.load(network.TASK)
    show = progress.for_stream() if lead else progress.Silent()
    fields = tasks.fields(task, recipe)
    split = frames.training(recipe, recipe.classes, fields, progress=show)
    held_out = frames.validation(recipe, recipe.classes, fields, progress=show) if lead else None
    if held_out is not None:
        frames.require_alike(recipe, split, held_out)
    order, images = data.for_training(recipe, split, range(1), rank=fabric.global_rank, ranks=ranks)
    if recipe.iterations is not None:
        recipe = replace(recipe, epochs=-(-recipe.iterations // order.steps))
        _require_epochs(recipe, asked)
    begin = resuming.find(recipe, asked, results, steps=order.steps)
    epochs = range(begin.epoch, begin.epoch if begin.whole else recipe.epochs + 1)
    order = replace(order, epochs=epochs, start_step=begin.tally.steps)
    start = f"{begin.path.name if begin.path else 'no checkpoint'}, epoch {begin.epoch}, step {begin.tally.steps + 1}"
    processes.require_agreement(
        {"the number of images": split.samples, "the number of steps": order.steps, "the start": start}
    )

    torch.manual_seed(recipe.seed)
    model = network.build(recipe)
    adopted = resuming.adopt(cast("torch.nn.Module", model), begin, recipe)
    if isinstance(model, LearnsFromSplit):
        model.begin_training(split)
    wrapped, optimizer = _set_up(fabric, model, recipe, asked)
    average = Average(model, asked.ema) if asked.ema is not None else None
    computing = _threads(fabric, asked)
    if begin.resumed:
        _restore(fabric, optimizer, average, begin, computing)
    total = recipe.iterations or order.steps * recipe.epochs
    plan = engine.Plan(
        epochs, order.steps, recipe.schedule(total, ranks), recipe.seed, asked.clip_norm, Names(order, images),
        iterations=recipe.iterations,
    )  # fmt: skip
    ahead = islice(order, max(0, total - plan.before(epochs.start) - begin.tally.steps))
    batches = data.batches(images, ahead, workers=data.workers(recipe, ranks=asked.place.processes))
    models = [model] if average is None else [model, average.model]
    loop = engine.Loop(
        fabric=fabric, model=wrapped, optimizer=optimizer, batches=batches, plan=plan, watcher=engine.NullWatcher(),
        progress=show, threads=computing, average=average, tally=begin.tally,
        followers=[each for each in models if isinstance(each, FollowsEpochs)],
    )  # fmt: skip
    if not lead:
        loop.watcher = Noting() if asked.place.cluster.nodes > 1 else loop.watcher
        with closing(batches):
            loop.run()
        return

    where = device.describe(fabric.device, wanted=asked.gpus, place=asked.place)
    advice = network.advice(model, recipe.classes, split) if isinstance(network, Advises) else ()
    messages.introduce(model, recipe, where=where, split=split, held_out=held_out, advice=advice)
    if recipe.iterations is not None:
        program.say(messages.iterations(plan))
    for line in (*begin.lines, *adopted):
        program.say(line)
    with writable(results):
        results.mkdir(parents=True, exist_ok=True)
    recorder = Recorder(
        recipe=recipe, options=asked, task=task, results=results, model=model,
        optimizer=optimizer, average=average, held_out=held_out, plan=plan, device=fabric.device,
        scaler=loop.precision.state_dict, progress=show, memory=begin.memory,
        threads=computing, pruned=begin.pruned, done=epochs.start - 1,
        saved=begin.path if begin.resumed else None, owner=Ownership(results, hold),
    )  # fmt: skip
    guards.require_room(results, size=recorder.size(), epochs=len(epochs), interval=recipe.checkpoint_interval)
    if begin.resumed and begin.path == recorder.path_of(recorder.done):
        recorder.tidy(begin.path)  # we may have been killed before that was done
    loop.watcher = recorder
    with closing(batches):
        _run(loop, recorder, begin, split)


def _require_epochs(recipe: Recipe, asked: TrainOptions) -> None:
    """Raises UsageError where the first epoch is beyond the last."""
    if asked.initial_epoch > recipe.epochs:
        field = "num_epochs" if recipe.iterations is None else "num_iterations"
        last = f"num_epochs is {recipe.epochs}" if recipe.iterations is None else f"the last one is {recipe.epochs}"
        what = f"nothing is left to train: the first epoch is {asked.initial_epoch}, {last}"
        raise UsageError(what, hint=f"raise {field} in the spec")


def _run(loop: engine.Loop, recorder: Recorder, begin: resuming.Beginning, split: Split) -> None:
    """The loop to its end, with what its first process writes down."""
    plan = recorder.plan
    recorder.owner.require()
    recorder.describe()
    try:
        with recorder.log.running(step=plan.before(plan.epochs.start) + begin.tally.steps):
            recorder.log.labels(
                {"training": split} | ({"validation": held_out} if (held_out := recorder.held_out) else {})
            )
            try:
                loop.run()
            finally:  # how it ended is written down, too
                recorder.owner.require()
            recorder.log.conclude(program.balance(split.losses))
    except KeyboardInterrupt:
        raise Stopped(recorder.told(), recorder.saved) from None
    except OSError:
        guards.require_folder(recorder.results)
        raise
    program.say(f"trained {recorder.done} epochs: {recorder.saved}")


def _set_up(fabric: Fabric, model: Model, recipe: Recipe, asked: TrainOptions) -> tuple[Model, Any]:
    """Model and optimiser as the loop wants them."""
    module = cast("torch.nn.Module", model)
    module.to(memory_format=torch.channels_last)
    learning = [weights for weights in model.parameters() if weights.requires_grad]
    optimizer = build(recipe.optimizer, learning, asked.place)
    if asked.compile:
        guards.require_compiler()
        model.compile()
    wrapped, learner = fabric.setup(module, optimizer)
    return cast("Model", wrapped), learner


def _threads(fabric: Any, asked: TrainOptions) -> Threads:
    """Those of this process; beside a GPU there is little to compute, and nothing to measure."""
    if fabric.device.type == "cuda" and asked.threads is None:
        return threads.for_torch(torch.get_num_threads())
    shared_by = asked.place.processes
    if asked.place.world > shared_by == 1:  # what is fastest is not to be measured while others are waited for
        return threads.for_torch(threads.counts(asked.threads)[0])
    if not fabric.is_global_zero:
        return threads.for_torch(asked.threads, shared_by=shared_by)
    return threads.for_torch(asked.threads, shared_by=shared_by, say=program.say)


def _restore(
    fabric: Any, optimizer: Any, average: Average | None, begin: resuming.Beginning, computing: Threads
) -> None:
    """Everything but the weights, as it was."""
    assert isinstance(begin.loaded, Checkpoint)
    assert begin.path is not None
    checkpoint.restore_optimizer(optimizer, begin.loaded, begin.path)
    align(optimizer.optimizer)
    numbers = begin.loaded.resume.numbers if begin.loaded.resume is not None else {}
    if scaler := numbers.get("scaler"):
        fabric.strategy.precision.load_state_dict(scaler)
    computing.restore(numbers.get("threads", {}))
    if average is not None:
        average.model.load_state_dict(dict(begin.loaded.model))


@dataclass(frozen=True)
class Names:
    """The names of the images that all processes see in a step; ``order`` is that of one of them."""

    order: Order
    pictures: Pictures

    def __call__(self, epoch: int, step: int) -> Sequence[str]:
        """``step`` counts from 1."""
        here = replace(self.order, epochs=range(epoch, epoch + 1), start_step=step - 1)
        draws = [next(iter(replace(here, rank=rank))) for rank in range(here.ranks)]
        images = dict.fromkeys(image for draw in draws for image in self.pictures.images(draw))
        return [self.pictures.split.name(image) for image in images]


FUSED = {"SGD", "Adam", "AdamW"}
"""Have a form that does a step in one pass over the weights. On a CPU it takes longer than the others."""


def build(asked: Optimizer, weights: Iterable[torch.nn.Parameter], place: Place) -> torch.optim.Optimizer:
    """An optimiser of ``weights``; its learning rate is set before every step."""
    # With fp16 gradients are scaled up and must be seen at their true size before the step, which no fused form allows.
    fused = place.kind == "cuda" and place.precision != "fp16" and asked.name in FUSED
    form = {"fused": True} if fused else {"foreach": True}
    kind: Any = getattr(torch.optim, asked.name)
    made: torch.optim.Optimizer = kind(_groups(asked, list(weights)), lr=0.0, **asked.settings, **form)
    return made


def _groups(asked: Optimizer, weights: list[torch.nn.Parameter]) -> list[Any]:
    """``weights``, or two groups of them where those of normalisation layers and biases decay otherwise."""
    if asked.norm_weight_decay is None:
        return weights
    kernels = [each for each in weights if each.ndim > 1]
    rest = [each for each in weights if each.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": kernels}, {"params": rest, "weight_decay": asked.norm_weight_decay}]
    return [group for group in groups if group["params"]]


def align(optimizer: torch.optim.Optimizer) -> None:
    """Lay what ``optimizer`` remembers of each weight out in memory as the weight is: loaded state is not.

    To be called after its state was loaded; the fused forms walk through both side by side.
    """
    for weights, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor) and value.shape == weights.shape and value.stride() != weights.stride():
                state[name] = torch.empty_like(weights).copy_(value)
