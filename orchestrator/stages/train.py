"""train: shards in, a folder of checkpoints out. An interrupted training goes on from its newest checkpoint."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.drafts import Draft
from orchestrator.jobs import Train
from orchestrator.settings import image_extensions
from orchestrator.stages import prepare
from tltpipe.errors import ConfigError, DataError

if TYPE_CHECKING:
    import specs
    from orchestrator.jobs import Request
    from orchestrator.run import Run
    from orchestrator.settings import Training

ABOUT = "training"
NEEDS = ("tfrecords",)
SPEC: str | None = None
"""Its settings are the network's, in the section of the network's name."""
ON_REQUEST = False
MISSING = "run `tltpipe tfrecords` first"
NAME = "train.conf"
UNVALIDATED = "data.splits names one, tfrecords.val_split holds a part back, `tltpipe split` makes one"
"""What to do about it."""


def drafts(run: Run) -> list[Draft]:
    train, held_out = run.splits[0], run.held_out
    fold = 0 if held_out is None and run.config.tunables["tfrecords"].val_split else None
    paths = {
        "tfrecords_path": _shards(run, train),
        "validation_tfrecords_path": None if held_out is None else _shards(run, held_out),
        "validation_fold": fold,
        "image_directory_path": run.at(run.workspace.augmented),
        "image_extension": image_extensions.spelled(run).removeprefix("."),
        "classes": prepare.categories(run),
    }
    return [Draft(NAME, run.config.network, run.config.tunables[run.config.network], paths)]


def inputs(run: Run) -> list[Path]:
    folders = [run.workspace.tfrecords / split for split in run.splits]
    return [*folders, *(run.workspace.augmented / split / "images" for split in run.splits)]


def unread(run: Run) -> tuple[list[Path], tuple[str, ...]]:
    """What only measures the model: no change of it makes other weights."""
    import specs

    measuring = specs.measuring(run.specs[NAME].spec)
    held_out = run.held_out
    if held_out is None or not measuring:
        return [], measuring
    return [run.workspace.tfrecords / held_out, run.workspace.augmented / held_out / "images"], measuring


def differs(run: Run, name: str, before: str, after: str) -> str | None:
    """More epochs of the same training go on from those that were trained; every other change is another training."""
    import specs
    from orchestrator.jobs import changes, receipts

    then, now = (changes.read(text, run.config.network) for text in (before, after))
    if name == NAME and then is not None and now is not None and specs.more_epochs(then, now) is not None:
        return None
    return receipts.differs(name, before, after)


def outputs(run: Run) -> list[Path]:
    return [
        _final(run)
        or run.workspace.output / "weights" / f"*_epoch_{_last_epoch(run):03d}{run.toolkit.CHECKPOINT_SUFFIX}"
    ]


def requests(run: Run) -> list[Request]:
    return [_request(run)]


def execute(run: Run) -> dict[str, Any]:
    _same_classes(run)
    _some_checkpoint(run)
    if run.held_out is None and not run.config.tunables["tfrecords"].val_split:
        run.report.say(f"no split to validate on: training is not validated; {UNVALIDATED}")
    request, epochs = _request(run), _training(run).epochs
    resume = run.toolkit.resume_point(request.results) if run.continuing else None
    if resume is None:
        _make_room(run)
    elif resume[1] > epochs:
        run.report.say(f"all {epochs} epochs were trained before: {run.workspace.name(resume[0])}")
    else:
        run.report.say(f"going on after epoch {resume[1] - 1} of {epochs}, from {run.workspace.name(resume[0])}")
    if not run.runner.pretends:
        run.begun()
    if resume is None or resume[1] <= epochs:
        request = replace(request, resume=resume, fresh=not run.continuing)
        run.launch(request, verify=lambda: _lacking(run))
    final = _final(run)
    return {"epochs": epochs, "model": run.workspace.name(final) if final else None}


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
        raise ConfigError(what, where=run.workspace.name(run.spec(NAME)), hint=hint)


def _request(run: Run) -> Train:
    chosen = run.config.training
    weights = run.workspace.root / chosen.weights if chosen.weights else None
    network, spec, results = run.config.network, run.spec(NAME), run.workspace.output
    return Train(network, spec, results, run.config.gpus, weights=weights, options=_options(chosen))


def _options(chosen: Training) -> dict[str, str | bool]:
    """The flags of what was chosen other than by default."""
    names = [field.name for field in fields(chosen) if field.name != "weights"]
    given = {name: getattr(chosen, name) for name in names if getattr(chosen, name) != getattr(type(chosen), name)}
    return {name.replace("_", "-"): value if value is True else f"{value}" for name, value in given.items()}


def _shards(run: Run, split: str) -> str:
    return run.at(run.workspace.tfrecords / split / f"{split}-*")


def _last_epoch(run: Run) -> int:
    training = _training(run)
    return run.toolkit.final_epoch(training.epochs, training.checkpoint_interval)


def _training(run: Run) -> specs.Training:
    import specs

    return specs.training(run.specs[NAME].spec)


def _final(run: Run) -> Path | None:
    return run.toolkit.checkpoint(run.workspace.output, _last_epoch(run))


def _lacking(run: Run) -> str | None:
    return None if _final(run) else f"there is no checkpoint of epoch {_last_epoch(run)} in {run.workspace.output}"


def _make_room(run: Run) -> None:
    """An earlier training is worth hours: it moves aside, it is never written over."""
    output = run.workspace.output
    if run.toolkit.resume_point(output) is not None:
        aside = run.set_aside(output)
        if aside is not None:
            run.report.say(f"the earlier training was moved to {run.workspace.name(aside)}")
