"""Input folders and what to say when they are not as expected."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from converters.files import listing
from runtime.shell import mounts
from tltpipe.errors import DataError


def existing(root: Path, name: str, *, kind: str, field: str) -> Path:
    """The folder ``name`` below ``root``; raises DataError with the nearest name where it does not exist.

    ``kind`` says what it should hold, ``field`` which field of the spec named it.
    """
    folder = root / name
    if folder.is_dir():
        return folder
    if not root.is_dir():
        raise DataError("this data set folder does not exist", where=root, hint=mounts.hint(root))
    raise DataError(f"there is no such folder for {kind} ({field})", where=folder, hint=_nearest(folder))


def names(folder: Path) -> list[str]:
    """Names in ``folder``, sorted by code point; hidden ones (and what macOS leaves beside files) do not count."""
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))  # noqa: PTH208


def no_images(folder: Path, extension: str | None) -> DataError:
    """The error that there is no image in ``folder``, or none ending in ``extension``; its hint says what there is."""
    there = sorted({Path(name).suffix or name for name in names(folder)})
    hint = f"there are {', '.join(there[:8])}" if there else "the folder is empty"
    if extension is not None:
        hint += ": see image_extension in the spec" if there else ""
        return DataError(f"no images ending in {extension}", where=folder, hint=hint)
    if any(listing.extension_of(each) in listing.UNSUPPORTED for each in there):
        hint = f"{hint}, which cannot be read: convert them to JPEG or PNG"
    return DataError("no images that can be read", where=folder, hint=hint)


def remove_if_empty(folder: Path) -> None:
    """Take away a folder that was made for results that did not come."""
    try:
        folder.rmdir()
    except OSError:
        return


def _nearest(folder: Path) -> str | None:
    """A hint at the neighbours that might have been meant."""
    if not folder.parent.is_dir():
        return None
    there = [name for name in names(folder.parent) if (folder.parent / name).is_dir()]
    near = get_close_matches(folder.name, there, n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"{folder.parent} holds {', '.join(there[:8])}" if there else f"{folder.parent} holds no folders"
