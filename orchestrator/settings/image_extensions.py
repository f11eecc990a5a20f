"""What the images of a workspace are called, and whether the toolkit's programs can take them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from converters.files import listing
from specs.extensions import AUTO, dotted
from tltpipe.errors import DataError

if TYPE_CHECKING:
    from orchestrator.run import Run

SETTING = "tfrecords.image_extension"


def chosen(run: Run) -> str | None:
    """The extension that the settings name, with its dot; None for any."""
    return dotted(run.config.tunables["tfrecords"].image_extension)


def spelled(run: Run) -> str:
    """What the specs of the workspace say: the extension that is set, "auto" where the programs know that, else that
    of most images."""
    if (extension := chosen(run)) is not None:
        return extension
    readable = run.toolkit.IMAGE_EXTENSIONS
    if readable is None:
        return AUTO
    counts = Counter(_extension(path) for split in run.splits for path in _images(run, split))
    return max(readable, key=lambda each: counts[each])


def require_readable(run: Run, images: Path, labels: Path | None = None) -> None:
    """Raise DataError where the toolkit's programs would pass over some of ``images``, of those with ``labels``.

    Where the settings name an extension, what has another is said and left out.
    """
    readable, extension = run.toolkit.IMAGE_EXTENSIONS, spelled(run)
    if readable is None or not images.is_dir():
        return
    stems = listing.stems(labels, frozenset(("txt",))) if labels is not None and labels.is_dir() else None
    paths = [path for path in _paths(images) if stems is None or path.rpartition(".")[0] in stems]
    others = [path for path in paths if _extension(path) != extension]
    if others and chosen(run) is not None:
        name = run.workspace.name(images)
        run.report.say(f"warning: {name}: {SETTING} is {extension}, left out: {listing.counted(others)}")
    elif others:
        what = f"NVIDIA's programs take images of one extension ({', '.join(readable)}), and these have several"
        hint = (
            "give all the same extension, or use our own programs: --toolkit embedded; "
            f"{SETTING} chooses those of one extension and leaves the others out"
        )
        if not any(_extension(path) in readable for path in paths):
            what, hint = f"NVIDIA's programs read no other images than {', '.join(readable)}", "convert the images"
        raise DataError(f"{what}: {listing.counted(paths)}", where=images, hint=hint)
    refuse_nested(run, images, paths)


def refuse_nested(run: Run, images: Path, paths: Sequence[str]) -> None:
    """Raise DataError where the toolkit's programs would not find some of ``paths``, the images below ``images``."""
    nested = [path for path in paths if "/" in path]
    if nested and run.toolkit.IMAGE_EXTENSIONS is not None:
        what = f"NVIDIA's programs do not search sub-folders, where {len(nested)} of {len(paths)} images are"
        hint = "move the images into one folder, or use our own programs: --toolkit embedded"
        raise DataError(f"{what}: {nested[0]} ...", where=images, hint=hint)


def _images(run: Run, split: str) -> Sequence[str]:
    """Of the images of ``split``, as far as it has got: augmented, prepared, raw."""
    raw = [run.raw[split].images] if split in run.raw else []
    folders = (run.workspace.augmented / split / "images", run.workspace.kitti(split) / "image", *raw)
    return next((paths for folder in folders if folder.is_dir() and (paths := list(_paths(folder)))), [])


def _paths(folder: Path) -> Iterable[str]:
    return sorted(listing.files(folder, listing.PICTURES))


def _extension(path: str) -> str:
    return f".{path.rpartition('.')[2]}"
