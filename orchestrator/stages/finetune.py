"""finetune: a model of each category, trained from one of all; their results together, evaluated once.

Categories are trained one after another, or several at a time; a run that was interrupted goes on with the category,
and from the checkpoint, where it stopped.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Le

import specs
from orchestrator.drafts import Draft
from orchestrator.jobs import Program, Request, Secret, Train, checkpoints, receipts, shown, sources
from orchestrator.jobs.receipts import Facts, Receipt
from orchestrator.run import Launch, Run, launch_together
from orchestrator.runners import Remote, SideBySide
from orchestrator.screen.console import Console
from orchestrator.screen.report import Named
from orchestrator.settings import STRICT
from orchestrator.stages import evaluate, prepare, train
from tltpipe import __version__, files
from tltpipe.errors import ConfigError, DataError, UsageError
from tltpipe.losses import Losses


@dataclass(frozen=True, kw_only=True)
class Finetuning:
    """A model of each category, trained from one of all (docs/landmarks.md)."""

    __pydantic_config__: ClassVar = STRICT

    lr: Annotated[float, Gt(0)] = 1e-4
    """Learning rate at the start."""
    random_flip: Annotated[float, Ge(0), Le(1)] = 0.5
    """How often an object is mirrored left to right."""
    num_epochs: Annotated[int, Ge(1)] | None = None
    """Passes over the objects of a category (default: the network's num_epochs)."""
    batch_size: Annotated[int, Ge(1)] | None = None
    """Objects a step on each GPU (default: the network's batch_size)."""
    categories: Sequence[str] = field(default_factory=list)
    """Categories to train a model of (default: all)."""
    jobs: Annotated[int, Ge(1)] = 1
    """Categories that are trained at a time on this machine, each by a process of its own."""


ABOUT = "training a model of each category"
NEEDS = ("train",)
DATA: tuple[str, ...] | None = ("coco",)
SPEC: str | None = None
SETTINGS: type[Any] | None = Finetuning
ON_REQUEST = True
RECORDED = True
MISSING = "run `tltpipe train` first"

RESULTS = "coco_results.json"
"""What tlt-evaluate --coco leaves of predictions."""
COLLECTED = "results.json"


@dataclass(frozen=True)
class Category:
    """One of them: its ``spec`` by file name, and the ``folder`` of what is made of it."""

    name: str
    spec: str
    folder: Path

    @property
    def results(self) -> Path:
        return self.folder / "evaluation" / RESULTS

    @property
    def receipt(self) -> str:
        """Name of the note of what it was begun under."""
        return f"finetune-{self.folder.name}.begun"


def drafts(run: Run) -> list[Draft]:
    network = run.config.network
    if not specs.per_class(network):
        what = f"{network} has no landmarks, of which a model of each category could be trained"
        raise UsageError(what, hint="--set network=hrnet")
    chosen, variables = run.config.section(Finetuning), sources.of_run(run).variables(run)
    given = {"lr": chosen.lr, "random_flip": chosen.random_flip}
    given |= {name: value for name in ("num_epochs", "batch_size") if (value := getattr(chosen, name)) is not None}
    tunables = replace(run.config.tunables[network], **given)
    own = [Draft(each.spec, network, tunables, {**variables, "classes": (each.name,)}) for each in _every(run)]
    return [*train.drafts(run), *own]


def inputs(run: Run) -> list[Path]:
    return [checkpoints.chosen(run), *train.inputs(run)]


def outputs(run: Run) -> list[Path]:
    return [_folder(run) / COLLECTED, _folder(run) / "evaluation" / "evaluation.json"]


def requests(run: Run) -> list[Request]:
    of_categories = [request for each in _chosen(run) for request in (_train(run, each), _evaluate(run, each, None))]
    return [*of_categories, _collect(run)]


def execute(run: Run) -> dict[str, Any]:
    if run.held_out is None:
        hint = "data.splits names one, `tltpipe split` makes one"
        raise DataError("no split to validate on, so that results could be collected", hint=hint)
    chosen, skipped = _with_data(run)
    run.report.say(f"from {checkpoints.describe(run, checkpoints.chosen(run))}")
    read = {run.workspace.name(path): files.fingerprint([path]) for path in inputs(run)}
    if not run.runner.pretends:
        run.begun()
        files.remove(_folder(run) / COLLECTED)  # soon of other models
        for each in chosen:
            _begin(run, each, read)
    _all(run, chosen)
    done = [each for each in _every(run) if _is_done(run, each) and _holds(run, each, read)]
    told: dict[str, Any] = {"models": {each.name: _model(run, each) for each in done}, "skipped": skipped}
    return told | _collected(run, done)


def show(console: Console, result: Mapping[str, Any]) -> None:
    evaluate.show(console, result)


def _folder(run: Run) -> Path:
    return run.workspace.output / "finetune"


def _every(run: Run) -> list[Category]:
    """All categories, in the order of the classes."""
    suffix = Path(train.spec_name(run)).suffix
    stems = {name: re.sub(r"[^\w.-]", "_", name) for name in prepare.categories(run)}
    return [Category(name, f"finetune-{stem}{suffix}", _folder(run) / stem) for name, stem in stems.items()]


def _chosen(run: Run) -> list[Category]:
    """Those that the settings name. Raises ConfigError for one that there is not."""
    every, named = _every(run), run.config.section(Finetuning).categories
    known = [each.name for each in every]
    if unknown := [name for name in named if name not in known]:
        what = f"there is no category {', '.join(unknown)}"
        given = run.config.given["finetune.categories"]
        raise ConfigError(what, where=given.where, hint=f"categories: {', '.join(known)}")
    return [each for each in every if not named or each.name in named]


def _begin(run: Run, category: Category, read: Mapping[str, str]) -> None:
    """Move what was made under other settings, or of other data, aside, and note what ``category`` is begun under.
    ``read`` has the fingerprints of the inputs."""
    old = any(category.folder.glob("*")) and (run.force or not _holds(run, category, read))
    if old and (aside := run.set_aside(category.folder)) is not None:
        run.report.say(f"an earlier model of {category.name} was moved to {run.workspace.name(aside)}")
    image = run.image(_train(run, category))
    receipt = Receipt(_facts(run, category, read), run.config.runner, image, __version__, receipts.now())
    receipts.save(run.workspace.receipts, category.receipt, receipt)


def _holds(run: Run, category: Category, read: Mapping[str, str]) -> bool:
    """Whether what there is of ``category`` was begun under these very settings."""
    receipt = receipts.load(run.workspace.receipts, category.receipt)
    return receipt is not None and receipts.difference(receipt.facts, _facts(run, category, read)) is None


def _facts(run: Run, category: Category, read: Mapping[str, str]) -> Facts:
    argv = tuple(shown(run.toolkit.argv(_train(run, category), run.workspace.name)))
    text = run.specs[category.spec].text.replace(f'"{run.root_seen}/', '"')
    return Facts(run.config.toolkit, (argv,), {category.spec: text}, read)


def _with_data(run: Run) -> tuple[list[Category], dict[str, str]]:
    """The categories that have landmarks to train and to validate on, and why others are skipped.

    Raises DataError where none has.
    """
    chosen = _chosen(run)
    counts = {split: _labelled(sources.of_run(run).annotation_path(run, split)) for split in run.splits[:2]}
    if run.runner.pretends and not all(counts.values()):  # prepare may still have to run
        return chosen, {}
    skipped = {
        each.name: f"no item with landmarks in {split}"
        for each in chosen
        for split in reversed(run.splits[:2])
        if not counts[split][each.name]
    }
    for name, why in skipped.items():
        run.report.say(f"{name} is skipped: {why}")
    chosen = [each for each in chosen if each.name not in skipped]
    if not chosen:
        where = run.workspace.name(sources.of_run(run).annotation_path(run, run.splits[0]))
        raise DataError("no category has landmarks to train and to validate on", where=where)
    return chosen, skipped


def _labelled(path: Path) -> Counter[str]:
    """How many items of each category in the COCO file ``path`` have a labelled point; none without a file."""
    from converters.formats.coco import lists

    counts = Counter[Any]()

    def count(record: dict[str, Any]) -> None:
        counts[record["category_id"]] += record.get("num_keypoints", 0) > 0

    if not path.is_file():
        return Counter()
    listed = lists.walk(path, keep=("categories",), annotations=count)["categories"]
    return Counter({each["name"]: counts[each["id"]] for each in listed})


def _all(run: Run, chosen: Sequence[Category]) -> None:
    """Train and measure all of ``chosen``, several at a time if so asked. Each leaves out the items of the others: what
    that comes to, its program says, and nobody adds up."""
    if isinstance(run.runner, Remote):
        _as_arrays(run, run.runner, chosen)
        return
    jobs = min(run.config.section(Finetuning).jobs, len(chosen))
    if jobs == 1 or run.runner.pretends:
        for number, each in enumerate(chosen, start=1):
            run.report.say(f"{each.name}, {number} of {len(chosen)}")
            _one(replace(run, losses=Losses()), each)
        return
    if not isinstance(run.runner, SideBySide):
        what = f"finetune.jobs is {jobs}, but the runner {run.config.runner} does one thing at a time"
        raise ConfigError(what, hint="--jobs 1, or --runner local")

    from orchestrator.jobs import parallel

    def beside(category: Category, place: int) -> None:
        own = _beside(run, category)
        options = {"threads": str(max(1, (os.cpu_count() or 1) // jobs))}
        options |= {"gpu_index": str(place % run.config.gpus)} if run.config.gpus > 1 else {}
        _one(own, category, options)

    parallel.each(chosen, beside, jobs=jobs, stop=run.runner.stop_all)


def _as_arrays(run: Run, runner: Remote, chosen: Sequence[Category]) -> None:
    """The trainings of all as one array of jobs, and then their measurements."""
    open = [(each, _beside(run, each)) for each in chosen if not _is_done(run, each)]
    launch_together(runner, [_training(own, each) for each, own in open if _final(run, each) is None])
    launch_together(runner, [_measuring(own, each) for each, own in open])


def _beside(run: Run, category: Category) -> Run:
    """``run`` for one category beside others."""
    return replace(run, report=Named(run.report, category.name), stage=f"finetune-{category.name}", losses=Losses())


def _one(run: Run, category: Category, options: Mapping[str, str] | None = None) -> None:
    """Train and measure ``category``, unless that was done; ``options`` are further ones of the training."""
    if not run.runner.pretends and _is_done(run, category):
        run.report.say(f"trained before: {run.workspace.name(category.folder)}")
        return
    if _final(run, category) is None or run.runner.pretends:
        _training(run, category, options).perform()
    _measuring(run, category).perform()


def _training(run: Run, category: Category, options: Mapping[str, str] | None = None) -> Launch:
    request, resume = _train(run, category), run.toolkit.resume_point(category.folder)
    if resume is not None and not run.runner.pretends:
        run.report.say(f"going on after epoch {resume[1] - 1}, from {run.workspace.name(resume[0])}")
    request = replace(request, resume=resume, options={**request.options, **(options or {})})
    lacking = f"there is no last checkpoint in {category.folder}"
    return Launch(run, request, lambda: None if _final(run, category) else lacking)


def _measuring(run: Run, category: Category) -> Launch:
    lacking = f"there is no {run.workspace.name(category.results)}"
    request = _evaluate(run, category, _final(run, category))
    return Launch(run, request, lambda: None if category.results.is_file() else lacking)


def _is_done(run: Run, category: Category) -> bool:
    return category.results.is_file() and _final(run, category) is not None


def _final(run: Run, category: Category) -> Path | None:
    return train.final(run, run.specs[category.spec].spec, category.folder)


def _model(run: Run, category: Category) -> str | None:
    path = _final(run, category)
    return None if path is None else run.workspace.name(path)


def _train(run: Run, category: Category) -> Train:
    return Train(
        run.config.network, run.spec(category.spec), category.folder, run.config.gpus,
        weights=checkpoints.chosen(run), options=train.options(run.config.section(train.Training)),
    )  # fmt: skip


def _evaluate(run: Run, category: Category, model: Path | None) -> Program:
    """Of ``model``; None as long as its name is not known."""
    model = model or category.folder / "weights" / f"*{run.toolkit.CHECKPOINT_SUFFIX}"
    place = ("-e", run.spec(category.spec), "-m", model, "-r", category.folder)
    return Program(
        "tlt-evaluate", (run.config.network, *place, "-k", Secret("key", optional=True), "--coco", "--no-plots")
    )


def _collect(run: Run) -> Program:
    folder = _folder(run)
    place = ("-e", train.settled(run).path, "-r", folder)
    return Program("tlt-evaluate", (run.config.network, *place, "--results", folder / COLLECTED))


def _collected(run: Run, done: Sequence[Category]) -> dict[str, Any]:
    """Put the results of all into one file, and evaluate that."""
    from converters.transfer import collecting

    evaluation = run.toolkit.evaluation(_folder(run) / "evaluation")
    if not run.runner.pretends:
        counts = collecting.collect([each.results for each in done], _folder(run) / COLLECTED)
        place = run.workspace.name(_folder(run) / COLLECTED)
        run.report.say(f"{sum(counts.values())} results of {len(counts)} models: {place}")
        evaluation.clear()
    run.launch(
        _collect(run), listen=evaluation.read, verify=lambda: None if evaluation.scores() else "it reported no scores"
    )
    return {} if run.runner.pretends else evaluate.summary(run, evaluation.scores() or {}, _folder(run) / "evaluation")
