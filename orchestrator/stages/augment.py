"""augment: each split's pictures and labels in, a KITTI folder of the training size out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from orchestrator.drafts import Draft
from orchestrator.jobs import Augment, Request, verify
from orchestrator.run import Launch, Run, launch_together
from orchestrator.runners import Remote
from orchestrator.settings import image_extensions

ABOUT = "offline augmentation and the resize to the network's input"
NEEDS = ("prepare",)
DATA: tuple[str, ...] | None = ("tfrecords", "kitti", "dali")
SPEC: str | None = "augment"
SETTINGS: type[Any] | None = None
ON_REQUEST = False
READS = ("training", "validation")
MISSING = "put the raw data there and run `tltpipe prepare`"


def drafts(run: Run) -> list[Draft]:
    """One for all splits: where it names folders of the first, the command line has those of each."""
    names = {"image_path": "image", "label_path": "label", "image_extension": image_extensions.spelled(run)}
    raw, made = run.workspace.kitti(run.splits[0]), run.workspace.augmented / run.splits[0]
    paths = {"image_dir": run.at(raw / "image"), "ann_path": run.at(raw / "label"), "output_dataset": run.at(made)}
    return [Draft(_spec_name(run), "augment", run.config.tunables["augment"], names | paths)]


def inputs(run: Run) -> list[Path]:
    return [run.workspace.kitti(split) / part for split in run.splits for part in ("image", "label")]


def outputs(run: Run) -> list[Path]:
    return [run.workspace.augmented / split for split in run.splits]


published = outputs


def requests(run: Run) -> list[Request]:
    return [_request(run, split) for split in run.splits]


def execute(run: Run) -> dict[str, Any]:
    told = {}
    for unused in _unused(run):
        run.report.say(f"warning: {unused} is not used: the folders of each split are named beside the spec")
    if isinstance(run.runner, Remote):
        with ExitStack() as staged:
            launch_together(run.runner, [_launch(run, split, staged) for split in run.splits])
    else:
        for split in run.splits:
            with ExitStack() as staged:
                _launch(run, split, staged).perform()
    for split in run.splits:
        told[split] = len(verify.images(_request(run, split).output / "images"))
    return {"images": told}


def _launch(run: Run, split: str, staged: ExitStack) -> Launch:
    request, raw = _request(run, split), run.workspace.kitti(split)
    folder = staged.enter_context(run.staged(request.output, resumed=run.toolkit.resumes(request)))
    image_extensions.require_readable(run, raw / "image", raw / "label")
    extension = image_extensions.chosen(run)
    lacking = verify.lacking_pictures(raw / "image", raw / "label", folder, extension=extension)
    return Launch(run, replace(request, output=folder), partial(_verified, folder, lacking))


def _verified(folder: Path, lacking: verify.Lacking) -> str | None:
    """What is missing of the output; TAO 3 calls its folders as those of the input."""
    for part in ("image", "label"):
        if (folder / part).is_dir() and not (folder / f"{part}s").exists():
            (folder / part).rename(folder / f"{part}s")
    return lacking()


def _unused(run: Run) -> Iterator[str]:
    """The folders that a spec edited by hand names, and that are none of this workspace, with their places."""
    settled, (draft,) = run.specs[_spec_name(run)], drafts(run)
    if isinstance(settled.spec.message, Mapping):
        for name in ("image_dir", "ann_path"):
            key = f"data.{name}"
            if (value := settled.spec.message[key]) != draft.paths[name]:
                yield f"{settled.spec.where(key)}: {key} {value}"


def _spec_name(run: Run) -> str:
    return run.spec_name("augment", "augment")


def _request(run: Run, split: str) -> Augment:
    spec, chosen = run.spec(_spec_name(run)), run.config.tunables["augment"]
    return Augment(
        run.workspace.kitti(split),
        spec,
        run.workspace.augmented / split,
        arithmetic=chosen.arithmetic,
        antialias=chosen.antialias,
        skip_bad=chosen.skip_bad,
        allow_loss=run.config.data.allow_loss,
    )
