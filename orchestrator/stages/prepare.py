"""prepare: raw data in; COCO files and KITTI labels out. In this process, no box involved."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from converters.model import Dataset
    from converters.prepare import Target
    from converters.selection import Selection
    from orchestrator.drafts import Draft
    from orchestrator.jobs import Request
    from orchestrator.run import Run

ABOUT = "raw data to COCO files and KITTI labels"
NEEDS: tuple[str, ...] = ()
SPEC: str | None = None
ON_REQUEST = False
MISSING = "put DeepFashion2 there, in <split>/image and <split>/annos, or draw a sample: tltpipe sample Original-Data"


def drafts(run: Run) -> list[Draft]:  # noqa: ARG001
    return []


def inputs(run: Run) -> list[Path]:
    found = []
    for split in (*run.splits, *_test(run)):
        if split in run.raw:
            place = run.raw[split]
            found += [path for path in (place.images, place.annotations) if path.exists()]
        else:
            found += [run.workspace.raw / split / part for part in ("image", "annos")]
    return found


def outputs(run: Run) -> list[Path]:
    labels = [run.workspace.kitti(split) / "label" for split in run.splits]
    coco = [run.workspace.coco(split) for split in (*run.splits, *_test(run))]
    return [*labels, *coco, run.workspace.class_map]


def requests(run: Run) -> list[Request]:  # noqa: ARG001
    return []


def execute(run: Run) -> dict[str, Any]:
    place = run.workspace.name
    for split in run.splits:
        made = f"{place(run.workspace.coco(split))}, {place(run.workspace.kitti(split) / 'label')}"
        run.report.say(f"{split} -> {made}")
    for split in _test(run):
        run.report.say(f"{split} -> {place(run.workspace.coco(split))} (pictures only: it has no annotations)")
    return {} if run.runner.pretends else _prepare(run)


def categories(run: Run) -> tuple[str, ...]:
    """The classes in order, as the settings give them; the thirteen garments as long as there is no data."""
    from converters.garments import CATEGORIES
    from converters.transfer import joint

    datasets = _datasets(run)
    if datasets:
        return joint(list(datasets.values()), _selection(run))[0].categories
    if run.workspace.class_map.is_file():
        return tuple(run.workspace.class_map.read_text("utf-8").splitlines())
    return tuple(garment.name for garment in CATEGORIES)


def _prepare(run: Run) -> dict[str, Any]:
    from converters.prepare import prepare
    from tltpipe.losses import total

    every = _every(run)
    datasets = _chosen(run, every)
    for split in datasets:
        _show_pictures(run, split)
    done = prepare(
        {split: (dataset, _target(run, split)) for split, dataset in datasets.items()},
        class_maps=(run.workspace.class_map.parent, run.workspace.coco("train").parent),
        journal=run.workspace.receipts.parent / "prepare",
        progress=run.report.progress,
        selection=_selection(run),
        left_out=run.workspace.class_map.parent / "left-out.txt",
        skip_bad=run.config.data.skip_bad,
        allow_loss=run.config.data.allow_loss,
        places=run.raw,
        roots=[run.workspace.raw],
        idle={split: dataset for split, dataset in every.items() if split not in datasets},
    )
    told: dict[str, Any] = {}
    for split, summary in done.items():
        skipped = f", {summary.skipped} left out" if summary.skipped else ""
        run.report.say(f"{split}: {summary.images} images, {summary.items} items{skipped}")
        if summary.selected_away:
            counts = ", ".join(f"{count} {why}" for why, count in summary.selected_away.items())
            run.report.say(f"  dropped as asked: {counts}")
        for finding in summary.findings:
            run.report.say(f"{finding.rule.severity}: {finding}")
        counted = {"images": summary.images, "items": summary.items, "skipped": summary.skipped}
        told[split] = {**counted, "categories": dict(summary.categories), "losses": summary.losses.as_json()}
    balance = total(summary.losses for summary in done.values())
    for line in balance.lines():
        run.report.say(line)
    return told | {"losses": balance.as_json()}


def _datasets(run: Run) -> Mapping[str, Dataset]:
    """The splits to prepare, as far as they are there, in the order of the settings."""
    return _chosen(run, _every(run))


def _chosen(run: Run, every: Mapping[str, Dataset]) -> Mapping[str, Dataset]:
    return {split: every[split] for split in (*run.splits, *_test(run)) if split in every}


def _every(run: Run) -> Mapping[str, Dataset]:
    """All splits that are there, also those that nobody prepares."""
    from converters import opening

    if not run.raw:
        return {}
    options = {"image_extension": run.image_extension}
    format, images = run.config.data.format, run.images_apart
    return opening.read_all(run.workspace.raw, run.raw, format, images=images, options=options)


def _test(run: Run) -> tuple[str, ...]:
    name = run.config.data.test
    return (name,) if name is not None and name in run.raw and name not in run.splits else ()


def _target(run: Run, split: str) -> Target:
    from converters.prepare import Target

    labels = run.workspace.kitti(split) / "label" if split in run.splits else None
    return Target(run.workspace.coco(split), labels)


def _selection(run: Run) -> Selection:
    from converters.selection import Selection, renames

    data = run.config.data
    return Selection(
        rename=renames(data.rename, option="data.rename"),
        classes=tuple(data.classes),
        max_occlusion=data.max_occlusion,
        min_size=data.min_size,
        max_zoom=data.max_zoom,
        sources=tuple(data.sources),
        subset=data.subset,
        keep_empty=data.keep_empty,
    )


def _show_pictures(run: Run, split: str) -> None:
    """A link to the pictures beside the labels, where these could not lie beside the pictures."""
    place, image = run.raw[split], run.workspace.kitti(split) / "image"
    if split in run.splits and image != place.images and not image.exists():
        image.parent.mkdir(parents=True, exist_ok=True)
        image.unlink(missing_ok=True)
        image.symlink_to(os.path.realpath(place.images), target_is_directory=True)
