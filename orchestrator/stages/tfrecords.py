"""tfrecords: KITTI folders in, TFRecord shards out; each split by itself, so that validation never leaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.drafts import Draft
from orchestrator.jobs import Convert, Request, sources, verify
from orchestrator.run import Run
from orchestrator.settings import image_extensions
from orchestrator.stages import prepare

ABOUT = "KITTI folders to TFRecord shards"
NEEDS = ("augment",)
DATA: tuple[str, ...] | None = ("tfrecords", "dali")
SPEC: str | None = "dataset_convert"
SETTINGS: type[Any] | None = None
ON_REQUEST = False
READS = ("training", "validation")
MISSING = "run `tltpipe augment` first"


def drafts(run: Run) -> list[Draft]:
    return [
        Draft(
            f"convert-{split}.conf",
            "dataset_convert",
            replace(run.config.tunables["tfrecords"], image_extension=image_extensions.spelled(run)),
            {
                "root_directory_path": run.at(run.workspace.augmented),
                "image_dir_name": f"{split}/images",
                "label_dir_name": f"{split}/labels",
                "classes": prepare.categories(run),
            },
        )
        for split in _recorded(run)
    ]


def inputs(run: Run) -> list[Path]:
    return [run.workspace.augmented / split for split in _recorded(run)]


def outputs(run: Run) -> list[Path]:
    return [run.workspace.tfrecords / split for split in _recorded(run)]


published = outputs


def requests(run: Run) -> list[Request]:
    return [_request(run, split) for split in _recorded(run)]


def execute(run: Run) -> dict[str, Any]:
    told = {}
    for split in _recorded(run):
        request, images = _request(run, split), run.workspace.augmented / split / "images"
        with run.staged(request.prefix.parent, resumed=run.toolkit.resumes(request)) as folder:
            image_extensions.require_readable(run, images)
            extension = image_extensions.chosen(run)
            lacking = verify.lacking_records(images, folder, prefix=split, extension=extension)
            run.launch(replace(request, prefix=folder / split), verify=lacking)
        told[split] = len(list(request.prefix.parent.glob(f"{split}-*")))
    return {"shards": told}


def _recorded(run: Run) -> list[str]:
    """The splits whose annotations are read from records."""
    data = sources.of_run(run)
    return [split for split in run.splits if data.annotation_path(run, split) == run.workspace.tfrecords / split]


def _request(run: Run, split: str) -> Convert:
    spec = run.spec(f"convert-{split}.conf")
    prefix, allow_loss = run.workspace.tfrecords / split / split, run.config.data.allow_loss
    return Convert(run.config.network, spec, prefix, allow_loss=allow_loss)
