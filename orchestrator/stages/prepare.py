"""prepare: raw DeepFashion2 in; COCO files and KITTI labels out. In this process, no box involved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.drafts import Draft
    from orchestrator.jobs import Request
    from orchestrator.run import Run

ABOUT = "DeepFashion2 to COCO and KITTI labels"
NEEDS: tuple[str, ...] = ()
SPEC: str | None = None
ON_REQUEST = False
MISSING = "put DeepFashion2 there, in <split>/image and <split>/annos, or draw a sample: tltpipe sample Original-Data"


def drafts(run: Run) -> list[Draft]:  # noqa: ARG001
    return []


def inputs(run: Run) -> list[Path]:
    return [run.workspace.split(split) / part for split in run.splits for part in ("image", "annos")]


def outputs(run: Run) -> list[Path]:
    labels = [run.workspace.split(split) / "label" for split in run.splits]
    return [*labels, *(run.workspace.coco(split) for split in run.splits)]


def requests(run: Run) -> list[Request]:  # noqa: ARG001
    return []


def execute(run: Run) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for split in run.splits:
        folder, coco = run.workspace.split(split), run.workspace.coco(split)
        place = run.workspace.name
        run.report.say(f"{place(folder)} -> {place(coco)}, {place(folder / 'label')}")
        if run.runner.pretends:
            continue
        told[split] = _convert(run, split)
    return told


def _convert(run: Run, split: str) -> dict[str, Any]:
    from converters.prepare import prepare

    folder = run.workspace.split(split)
    done = prepare(
        folder,
        annotations=run.workspace.coco(split),
        labels=folder / "label",
        progress=run.report.progress,
        image_extension=run.image_extension,
        skip_bad=run.config.data.skip_bad,
    )
    skipped = f", {done.skipped} left out" if done.skipped else ""
    run.report.say(f"{split}: {done.images} images, {done.items} items{skipped}")
    for finding in done.findings:
        run.report.say(f"note: {finding}")
    return {"images": done.images, "items": done.items, "skipped": done.skipped, "categories": dict(done.categories)}
