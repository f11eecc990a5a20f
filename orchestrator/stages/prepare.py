"""prepare: raw data in; COCO files and KITTI labels out. In this process, no box involved."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.files import listing
from orchestrator.jobs import sources, verify
from orchestrator.settings import image_extensions
from tltpipe import files
from tltpipe.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from converters.model import Dataset
    from converters.transfer.prepare import Target
    from converters.transfer.selection import Selection
    from orchestrator.drafts import Draft
    from orchestrator.jobs import Request
    from orchestrator.run import Run

ABOUT = "raw data to COCO files and KITTI labels"
NEEDS: tuple[str, ...] = ()
DATA: tuple[str, ...] | None = None
SPEC: str | None = None
SETTINGS: type[Any] | None = None
ON_REQUEST = False
MISSING = (
    "put a data set there, in any format (docs/data.md), name its folder in data.root, or draw one: tltpipe sample"
)
CHOSEN_BY = {"max_zoom": "extra", "sources": "source"}
"""Settings, and what of the annotations (converters.formats) they choose by."""


def drafts(run: Run) -> list[Draft]:  # noqa: ARG001
    return []


def inputs(run: Run) -> list[Path]:
    places = [run.raw[split] for split in (*run.splits, *_test(run)) if split in run.raw]
    there = [path for place in places for path in (place.images, place.annotations) if path.exists()]
    return there or [run.workspace.raw]


def outputs(run: Run) -> list[Path]:
    labels = [run.workspace.kitti(split) / "label" for split in _labelled(run)]
    coco = [run.workspace.coco(split) for split in (*run.splits, *_test(run))]
    return [*labels, *coco, run.workspace.class_map, *_unlinked(run)]


def published(run: Run) -> list[Path]:
    coco = run.workspace.coco("train").parent / run.workspace.class_map.name
    left_out = run.workspace.class_map.parent / "left-out.txt"
    return [path for path in (*outputs(run), coco, left_out) if path.exists()]


def requests(run: Run) -> list[Request]:  # noqa: ARG001
    return []


def execute(run: Run) -> dict[str, Any]:
    place = run.workspace.name
    for split in run.splits:
        made = [run.workspace.coco(split), *([run.workspace.kitti(split) / "label"] if split in _labelled(run) else ())]
        run.report.say(f"{split} -> {', '.join(map(place, made))}")
    for split in _test(run):
        run.report.say(f"{split} -> {place(run.workspace.coco(split))} (nothing is trained on it)")
    return {} if run.runner.pretends else _prepare(run)


def categories(run: Run) -> tuple[str, ...]:
    """The classes in order, as the settings give them; the thirteen garments as long as there is no data."""
    from converters.model.garments import CATEGORIES
    from converters.transfer.selection import joint

    datasets = _datasets(run)
    if datasets:
        _refuse_unused(run)
        with _settings_named(run):
            return joint(list(datasets.values()), _selection(run))[0].categories
    if run.workspace.class_map.is_file():
        return tuple(run.workspace.class_map.read_text("utf-8").splitlines())
    return tuple(garment.name for garment in CATEGORIES)


def display_names(run: Run) -> dict[str, str]:
    """The classes in order, as the data have them, by what they are called in label files and networks: in lower case,
    without blanks."""
    names = {name.lower().replace(" ", "_"): name for name in categories(run)}
    return names if len(names) == len(categories(run)) else {}


def class_maps(run: Run) -> tuple[Path, ...]:
    """The COCO files that are there: that of the pictures which validate first."""
    order = dict.fromkeys((*(run.splits[1:2]), *run.splits, *_test(run)))
    return tuple(path for split in order if (path := run.workspace.coco(split)).is_file())


def _prepare(run: Run) -> dict[str, Any]:
    from converters.transfer.prepare import prepare
    from tltpipe.losses import total

    every = _every(run)
    datasets = _chosen(run, every)
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
    for split in (name for name in _labelled(run) if name in datasets):
        _show_pictures(run, split)
        _link_own_pictures(run, split)
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
    from converters.transfer import opening

    if not run.raw:
        return {}
    options, coordinates = {"image_extension": image_extensions.chosen(run)}, run.config.data.coordinates
    return opening.read_all(run.workspace.raw, run.raw, run.data_set[0], coordinates=coordinates, options=options)


def _labelled(run: Run) -> tuple[str, ...]:
    """The splits that get KITTI labels, for networks that are trained on what is made of them."""
    return run.splits if sources.of_run(run).KITTI else ()


def _test(run: Run) -> tuple[str, ...]:
    return () if run.test is None else (run.test,)


def _target(run: Run, split: str) -> Target:
    from converters.transfer.prepare import Target

    labels = run.workspace.kitti(split) / "label" if split in _labelled(run) else None
    return Target(run.workspace.coco(split), labels)


def _selection(run: Run) -> Selection:
    from converters.transfer.selection import Selection, renames

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
        crowd=data.crowd,
    )


def _refuse_unused(run: Run) -> None:
    """Raises ConfigError for a choice by what this format knows nothing of."""
    from converters.transfer import opening

    format = run.data_set[0]
    carries = opening.module(format).CARRIES
    for name, needed in CHOSEN_BY.items():
        given = run.config.given.get(f"data.{name}")
        if given is not None and getattr(run.config.data, name) not in (None, []) and needed not in carries:
            raise ConfigError(
                f"data.{name} would be ignored: {format} does not say it", where=given.where, hint="leave it out"
            )


@contextmanager
def _settings_named(run: Run) -> Iterator[None]:
    """Errors about a selection speak of the settings, at their place."""
    try:
        yield
    except UsageError as error:
        option, colon, what = error.what.partition(": ")
        given = run.config.given.get(f"data.{option.removeprefix('--').removeprefix('data.')}")
        if not colon or given is None:
            raise
        raise ConfigError(what, where=given.where, hint=error.hint) from None


def _shared(run: Run, split: str) -> bool:
    """Whether the images of ``split`` lie in one folder with those of another."""
    return sum(place.images == run.raw[split].images for place in run.raw.values()) > 1


def _link_own_pictures(run: Run, split: str) -> None:
    """Links to the images of ``split`` alone, where they lie among those of others: theirs have no labels here."""
    place, folder = run.raw[split], run.workspace.kitti(split)
    image = folder / "image"
    if image == place.images or not _shared(run, split):
        return
    if image.is_symlink():
        image.unlink()
    if _others(image):
        return
    labelled, source = verify.labels(folder / "label"), os.path.realpath(place.images)
    with files.staged(image) as staging:
        for stem, extensions in listing.pictures(place.images).items():
            if stem in labelled:
                for name in (f"{stem}.{extension}" for extension in extensions):
                    (staging / name).parent.mkdir(parents=True, exist_ok=True)
                    above = os.path.relpath(source, os.path.realpath((image / name).parent))
                    (staging / name).symlink_to(f"{above}/{name}")


def _show_pictures(run: Run, split: str) -> None:
    """A link to the pictures beside the labels, where these could not lie beside the pictures; never one to those of
    other raw data."""
    place, image = run.raw[split], run.workspace.kitti(split) / "image"
    if image == place.images or _shared(run, split):
        return
    if _others(image):
        run.report.say(f"warning: {run.workspace.name(image)} holds files of its own, which are used as they are")
        return
    if not image.exists() or not image.samefile(place.images):
        files.remove(image)
        image.parent.mkdir(parents=True, exist_ok=True)
        image.symlink_to(os.path.realpath(place.images), target_is_directory=True)


def _others(image: Path) -> bool:
    """Whether there are pictures that somebody put there, not links of ours."""
    return not image.is_symlink() and any(not path.is_symlink() and path.is_file() for path in image.rglob("*"))


def _unlinked(run: Run) -> list[Path]:
    """Links to pictures that are missing. Those that are there are no outputs: what is behind them was read."""
    places = {split: run.workspace.kitti(split) / "image" for split in _labelled(run) if split in run.raw}
    return [image for split, image in places.items() if run.raw[split].images.is_dir() and not image.exists()]
