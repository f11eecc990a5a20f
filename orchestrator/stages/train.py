"""train: annotated images in, checkpoints out. An interrupted training goes on from its newest checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Lt

import specs
from orchestrator.drafts import Draft, Settled
from orchestrator.jobs import Request, Train, checkpoints, sources
from orchestrator.run import Run
from orchestrator.settings import STRICT
from orchestrator.stages import prepare
from specs.spec import Spec
from tltpipe.errors import ConfigError, DataError


@dataclass(frozen=True, kw_only=True)
class Training:
    """How to train, as far as a spec does not say it. Only our own programs have a choice here."""

    __pydantic_config__: ClassVar = STRICT

    weights: str | None = None
    """Model to start from: pretrained weights (ours, torchvision's or timm's) or a pruned model (default: none)."""
    precision: Literal["32", "bf16", "fp16"] = "32"
    """Floating-point precision; 16 bits are for GPUs."""
    clip_norm: Annotated[float, Ge(0)] | None = None
    """Maximum norm of the gradients, 0 for no limit (default: the spec's, for SSD 35)."""
    ema: Annotated[float, Gt(0), Lt(1)] | None = None
    """Decay of a moving average of the weights, which is then the model: 0.999 for example (default: no average)."""
    compile: bool = False
    """Compile the network: slow to start, then faster steps on a GPU."""
    processes: Annotated[int, Ge(1)] | None = None
    """Processes on the CPU, each with its own part of the batch (default: 1)."""
    save_minutes: Annotated[float, Gt(0)] | None = None
    """Minutes between saves within an epoch (default: the program's)."""
    rendezvous_timeout: Annotated[float, Ge(1)] | None = None
    """Seconds to wait for all nodes of a training on several (default: 300)."""
    elastic: bool = False
    """Resume a training on other numbers of nodes, whose steps then take other images, instead of refusing to."""
    strict_tlt: bool = False
    """NVIDIA's behaviour to the letter, also where it is a bug (docs/strict.md)."""


ABOUT = "training"
NEEDS = ("tfrecords",)
DATA: tuple[str, ...] | None = None
SPEC: str | None = None
SETTINGS: type[Any] | None = Training
ON_REQUEST = False
READS = ("training", "validation")
MISSING = "run `tltpipe tfrecords` first"


def drafts(run: Run) -> list[Draft]:
    network = run.config.network
    variables = {**sources.of_run(run).variables(run), "classes": prepare.categories(run)}
    return [Draft(spec_name(run), network, run.config.tunables[network], variables)]


def spec_name(run: Run) -> str:
    """The file name of the training spec: ``train.conf``."""
    return run.spec_name("train", run.config.network)


def settled(run: Run) -> Settled:
    """The training spec as it stands."""
    return run.specs[spec_name(run)]


def inputs(run: Run) -> list[Path]:
    data = sources.of_run(run)
    return [where(run, split) for where in (data.annotation_path, data.image_path) for split in run.splits]


def unread(run: Run) -> tuple[list[Path], tuple[str, ...]]:
    """What only measures the model: no change of it makes other weights."""
    measuring = specs.measuring(settled(run).spec)
    held_out, data = run.held_out, sources.of_run(run)
    if held_out is None or not measuring:
        return [], measuring
    return [data.annotation_path(run, held_out), data.image_path(run, held_out)], measuring


def differs(run: Run, name: str, before: str, after: str) -> str | None:
    """More epochs of the same training go on from those that were trained; every other change is another training."""
    from orchestrator.jobs import changes, receipts

    then, now = (changes.read(text, run.config.network) for text in (before, after))
    if name == spec_name(run) and then is not None and now is not None and specs.more_epochs(then, now) is not None:
        return None
    return receipts.differs(name, before, after)


def outputs(run: Run) -> list[Path]:
    epoch = "*" if _training(run).iterations else f"{_last_epoch(run):03d}"
    return [_final(run) or run.workspace.output / "weights" / f"*_epoch_{epoch}{run.toolkit.CHECKPOINT_SUFFIX}"]


def requests(run: Run) -> list[Request]:
    return [_request(run)]


def execute(run: Run) -> dict[str, Any]:
    _same_classes(run)
    _some_checkpoint(run)
    data = sources.of_run(run)
    if not data.validates(run):
        run.report.say(f"no split to validate on: training is not validated; {data.UNVALIDATED}")
    request, training = _request(run), _training(run)
    resume = run.toolkit.resume_point(request.results) if run.continuing else None
    over = resume is not None and not training.iterations and resume[1] > training.epochs
    if resume is None:
        _make_room(run)
    elif over:
        run.report.say(f"all {training.epochs} epochs were trained before: {run.workspace.name(resume[0])}")
    else:
        of = "" if training.iterations else f" of {training.epochs}"
        run.report.say(f"going on after epoch {resume[1] - 1}{of}, from {run.workspace.name(resume[0])}")
    if not run.runner.pretends:
        run.begun()
        if resume is not None and not over and run.toolkit.CONTAINED:
            _keep_log(run, request.results, resume[1] - 1)
    if request.gpus > 1 and run.toolkit.CONTAINED:
        what = f"NVIDIA's programs multiply the learning rate by the number of GPUs, {request.gpus}"
        run.report.say(f"warning: {what}: write min_learning_rate and max_learning_rate for one")
    if not over:
        request = replace(request, resume=resume, fresh=not run.continuing)
        run.launch(request, verify=lambda: _lacking(run))
    final = _final(run)
    length = {"iterations": training.iterations} if training.iterations else {"epochs": training.epochs}
    return {**length, "model": run.workspace.name(final) if final else None}


def _keep_log(run: Run, results: Path, epoch: int) -> None:
    """Not worth a training: where files are another user's, it goes on without."""
    try:
        checkpoints.keep_log(results, epoch)
    except OSError as problem:
        run.report.say(f"warning: the training log up to epoch {epoch} is not kept: {problem.strerror}")


def _same_classes(run: Run) -> None:
    """Raises DataError where the labels were prepared with other classes than the settings give now."""
    path, wanted = run.workspace.class_map, prepare.categories(run)
    if path.is_file() and tuple(path.read_text("utf-8").splitlines()) != wanted:
        what = f"the data was prepared with other classes than the settings ask for: {', '.join(wanted)}"
        raise DataError(what, where=run.workspace.name(path), hint="prepare it again: tltpipe run")


def _some_checkpoint(run: Run) -> None:
    """Raises ConfigError where a whole training would leave no checkpoint."""
    training = _training(run)
    if _last_epoch(run) == 0:
        what = f"{training.epochs} epochs with a checkpoint every {training.checkpoint_interval} leave none"
        section = run.config.network
        hint = f"{section}.checkpoint_interval in tltpipe.yaml must be {section}.num_epochs or less for this toolkit"
        raise ConfigError(what, where=run.workspace.name(settled(run).path), hint=hint)


def _request(run: Run) -> Train:
    chosen = run.config.section(Training)
    weights = run.workspace.root / chosen.weights if chosen.weights else None
    network, spec, results = run.config.network, settled(run).path, run.workspace.output
    gpus, nodes = run.config.gpus, run.config.settings.nodes
    return Train(network, spec, results, gpus, weights=weights, options=options(chosen), nodes=nodes)


def options(chosen: Training) -> dict[str, str | bool]:
    """The flags of what was chosen other than by default."""
    names = [field.name for field in fields(chosen) if field.name != "weights"]
    given = {name: getattr(chosen, name) for name in names if getattr(chosen, name) != getattr(type(chosen), name)}
    return {name.replace("_", "-"): value if value is True else f"{value}" for name, value in given.items()}


def _last_epoch(run: Run) -> int:
    training = _training(run)
    return run.toolkit.final_epoch(training.epochs, training.checkpoint_interval)


def _training(run: Run) -> specs.Training:
    return specs.training(settled(run).spec)


def _final(run: Run) -> Path | None:
    return final(run, settled(run).spec, run.workspace.output)


def final(run: Run, spec: Spec, results: Path) -> Path | None:
    """The checkpoint in ``results`` that a training by ``spec`` ends with; None as long as it is not there."""
    training = specs.training(spec)
    if training.iterations:  # in how many epochs, only whoever reads the data knows
        newest = run.toolkit.resume_point(results)
        return newest[0] if newest else None
    return run.toolkit.checkpoint(results, run.toolkit.final_epoch(training.epochs, training.checkpoint_interval))


def _lacking(run: Run) -> str | None:
    which = "" if _training(run).iterations else f" of epoch {_last_epoch(run)}"
    return None if _final(run) else f"there is no checkpoint{which} in {run.workspace.output}"


def _make_room(run: Run) -> None:
    """An earlier training is worth hours: it moves aside, it is never written over."""
    output = run.workspace.output
    if run.toolkit.resume_point(output) is not None:
        aside = run.set_aside(output)
        if aside is not None:
            run.report.say(f"the earlier training was moved to {run.workspace.name(aside)}")
