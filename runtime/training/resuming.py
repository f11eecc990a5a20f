"""Where a training begins: anew, from pretrained layers, from a checkpoint, or where an earlier start was cut short.

A run leaves a checkpoint of every epoch and, in the middle of one, another that is called unfinished. Both tell which
run they are of. The same command given again goes on from the newest of them, unless that run is over and said so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

import specs
from runtime.data.recipe import Recipe
from runtime.machine.device import Place
from runtime.training import log
from runtime.training.best import Memory
from runtime.training.loop import Tally
from runtime.training.options import TrainOptions
from runtime.weights import checkpoint, pretrained
from runtime.weights.checkpoint import Checkpoint
from runtime.weights.pretrained import Foreign
from runtime.weights.pretrained.report import shown
from specs import Spec
from tltpipe.errors import ModelError, SpecError, UsageError

ASKED = {
    "strict": "--strict-tlt",
    "weights": "-m",
    "initial_epoch": "--initial_epoch",
    "clip_norm": "--clip-norm",
    "ema": "--ema",
}
"""What makes another run of the same spec."""


@dataclass(frozen=True)
class Beginning:
    """Begin with ``epoch``, of which ``tally`` is done already, from ``loaded``; ``lines`` tell how that came about.

    ``resumed``: everything is as it was, not only layers. ``whole``: no epoch is left, only what comes after the last.
    """

    epoch: int = 1
    tally: Tally = field(default_factory=Tally)
    memory: Memory = field(default_factory=Memory)
    loaded: Checkpoint | Foreign | None = None
    path: Path | None = None
    resumed: bool = False
    whole: bool = False
    lines: tuple[str, ...] = ()

    @property
    def pruned(self) -> bool:
        """Whether layers are narrower than the spec says."""
        return isinstance(self.loaded, Checkpoint) and self.loaded.pruned


def identity(recipe: Recipe, asked: TrainOptions) -> dict[str, Any]:
    """What two commands have in common that go on with each other's work, but for the spec's text."""
    values = {
        "strict": recipe.strict,
        "weights": str(asked.weights.absolute()) if asked.weights else None,
        "initial_epoch": asked.initial_epoch,
        "clip_norm": asked.clip_norm,
        "ema": asked.ema,
    }
    assert values.keys() == ASKED.keys()
    return values


def numbers(
    run: Mapping[str, Any],
    tally: Tally,
    memory: Memory,
    scaler: Mapping[str, Any],
    *,
    steps: int,
    threads: Mapping[str, Any],
    place: Place,
) -> Any:
    """What a checkpoint remembers beyond weights and optimiser; ``steps`` are those of a whole epoch, ``threads`` how
    many compute, on which nodes and in how many processes ``place`` says."""
    return {
        "run": dict(run),
        "tally": asdict(tally),
        "memory": asdict(memory),
        "scaler": dict(scaler),
        "steps_per_epoch": steps,
        "threads": dict(threads),
        "nodes": place.cluster.nodes,
        "processes": place.world,
    }


def unfinished(results: Path, network: str, *, encrypted: bool) -> Path:
    """``weights/ssd_resnet18_unfinished.safetensors``: the state in the middle of an epoch."""
    suffix = checkpoint.ENCRYPTED if encrypted else checkpoint.OPEN
    return results / "weights" / f"{network}_unfinished{suffix}"


def find(recipe: Recipe, asked: TrainOptions, results: Path, *, steps: int) -> Beginning:
    """Where to begin; ``steps`` are those of an epoch.

    Raises ModelError for a checkpoint that is damaged, or encrypted with another key.
    """
    lines: tuple[str, ...] = ()
    if not asked.fresh:
        found, lines = _earlier(recipe, asked, results, steps=steps)
        if found is not None:
            return found
    if asked.weights is None:
        return Beginning(lines=lines)
    if asked.initial_epoch == 1:
        return Beginning(loaded=pretrained.read(asked.weights, asked.key), path=asked.weights, lines=lines)
    loaded = checkpoint.load(asked.weights, asked.key)
    _require_world(loaded, asked, asked.weights)
    begin = f"resumed from {asked.weights}, "
    if loaded.epoch == asked.initial_epoch - 1:
        begin += f"after epoch {loaded.epoch}"
    else:
        begin += f"which ends epoch {loaded.epoch}; going on with epoch {asked.initial_epoch}"
    return Beginning(
        asked.initial_epoch, memory=_memory(loaded), loaded=loaded, path=asked.weights, resumed=True,
        lines=(*lines, begin),
    )  # fmt: skip


def _earlier(
    recipe: Recipe, asked: TrainOptions, results: Path, *, steps: int
) -> tuple[Beginning | None, tuple[str, ...]]:
    """What to go on with in ``results``; if nothing, what there is to say about that."""
    newest = checkpoint.newest(results, recipe.name)
    partial = [
        path for encrypted in (True, False) if (path := unfinished(results, recipe.name, encrypted=encrypted)).is_file()
    ]
    whole = _load(newest[0], asked) if newest else None
    cut = _load(partial[0], asked) if partial else None
    if cut is not None and (whole is None or cut.epoch >= whole.epoch):
        path, loaded = partial[0], cut
    elif newest is not None and whole is not None:
        path, loaded = newest[0], whole
    else:
        return None, ()
    spec = _spec(recipe, loaded)
    before = specs.more_epochs(spec, recipe.spec) if spec is not None else None
    if other := _difference(recipe, asked, loaded, spec, longer=before is not None):
        line = f"{path.parent} holds another run ({other}); starting anew"
        if not loaded.epoch:
            return None, (line,)
        kept = checkpoint.aside(results) / path.name  # from the first save on
        return None, (line, f"to go on from it all the same: -m {kept} --initial_epoch {loaded.epoch + 1}")
    if loaded.epoch >= recipe.epochs or (_memory(loaded).over and before is None):
        if log.concluded(results):
            return None, ()
        line = f"all {loaded.epoch} epochs are in {path}: finishing what was cut short (--fresh starts over)"
        return Beginning(
            loaded.epoch + 1, Tally(), _memory(loaded), loaded, path, resumed=True, whole=True, lines=(line,)
        ), ()
    assert loaded.resume is not None
    _require_world(loaded, asked, path)
    tally = Tally(**loaded.resume.numbers["tally"])
    if tally.steps and loaded.resume.numbers["steps_per_epoch"] != steps:
        if whole is None or newest is None:
            return None, (f"{path.parent} holds a run on other data or devices; starting anew",)
        line = f"an epoch has other steps now: epoch {loaded.epoch + 1} begins once more"
        path, loaded, tally = newest[0], whole, Tally()
    else:
        line = ""
    where = f"after epoch {loaded.epoch} of {recipe.epochs}"
    if tally.steps:
        where = f"in epoch {loaded.epoch + 1} of {recipe.epochs}, after step {tally.steps}"
    lines = [f"going on {where}, from {path} (--fresh starts over)", *([line] if line else [])]
    memory = _memory(loaded)
    if before is not None:
        lines.append(
            f"num_epochs was {before} and is {recipe.epochs}: the learning rate goes on as the schedule of "
            f"{recipe.epochs} epochs has it from here"
        )
        memory = replace(memory, over=False, waited=0)  # who asks for more knows that it was stopped early
    return Beginning(loaded.epoch + 1, tally, memory, loaded, path, resumed=True, lines=tuple(lines)), ()


def _require_world(loaded: Checkpoint, asked: TrainOptions, path: Path) -> None:
    """Raise UsageError where several nodes would go on with other numbers of processes: the batch, and with it what is
    learnt, would be another. On one machine that was always up to whoever starts it."""
    numbers = loaded.resume.numbers if loaded.resume is not None else {}
    nodes, world = numbers.get("nodes", 1), numbers.get("processes")
    here, place = asked.place.world, asked.place.cluster
    if asked.elastic or world in (None, here) or max(nodes, place.nodes) == 1:
        return
    what = f"this training ran in {world} processes on {nodes} nodes, here are {here} on {place.nodes}"
    hint = "start as many, or give --elastic: a step then takes other images; --fresh starts over"
    raise UsageError(what, where=path, hint=hint)


def _spec(recipe: Recipe, loaded: Checkpoint) -> Spec | None:
    """What the run of ``loaded`` was trained by; None where that cannot be read any more."""
    try:
        return specs.parse_text(loaded.spec, recipe.spec.kind, source="", strict=recipe.strict)
    except SpecError:  # of an earlier version
        return None


def _load(path: Path, asked: TrainOptions) -> Checkpoint | None:
    """A checkpoint of a run that can be gone on with; None for files of other programs, and of earlier versions."""
    if not path.stat().st_size:  # of no other program: the newest epoch was lost, by a copy that broke off perhaps
        hint = "delete it to go on from the epoch before; --fresh starts over"
        raise ModelError("this checkpoint is empty", where=path, hint=hint)
    try:
        kind = checkpoint.recognise(path)
    except ModelError:
        return None
    if kind == "torch":
        return None
    try:
        loaded = checkpoint.load(path, asked.key)
    except ModelError as error:
        error.hint = f"{error.hint}; --fresh starts over" if error.hint else "--fresh starts over"
        raise
    return loaded if loaded.resume is not None and "run" in loaded.resume.numbers else None


def _difference(
    recipe: Recipe, asked: TrainOptions, loaded: Checkpoint, trained_by: Spec | None, *, longer: bool
) -> str:
    """What makes ``loaded`` the checkpoint of another run; ``longer``: more epochs are the one change of its spec.

    ``trained_by`` is written anew: a file of an earlier version lacks the settings that came since, at their defaults.
    """
    assert loaded.resume is not None
    then = loaded.spec if trained_by is None else specs.dump(trained_by)
    if then != (spec := specs.dump(recipe.spec)) and not longer:
        before = {line.strip() for line in then.splitlines()}
        new = [line for each in spec.splitlines() if (line := each.strip()) not in before and not line.endswith("{")]
        return f"its spec is not this one: here is {shown(new)}" if new else "its spec is not this one"
    before, now = loaded.resume.numbers["run"], identity(recipe, asked)
    return ", ".join(f"{flag} differs" for name, flag in ASKED.items() if before.get(name) != now[name])


def _memory(loaded: Checkpoint) -> Memory:
    kept = loaded.resume.numbers.get("memory") if loaded.resume else None
    return Memory(**kept) if kept else Memory()


def adopt(detector: torch.nn.Module, begin: Beginning, recipe: Recipe) -> list[str]:
    """Put the weights that ``begin`` found into ``detector``; returns what there is to say about it."""
    found, path = begin.loaded, begin.path
    if found is None or path is None:
        return []
    if not begin.resumed or not isinstance(found, Checkpoint):
        return pretrained.adopt(detector, found, path, classes=recipe.classes)
    checkpoint.check(found, path, network=recipe.name, classes=recipe.classes)
    if found.pruned:
        checkpoint.take_on(detector, found.model, path)
    trained = found.resume.weights if found.resume else None  # where the checkpoint's model is their average
    checkpoint.restore(detector, found if trained is None else replace(found, model=trained), path)
    return []
