"""A folder of label files beside one of images, paired by their paths without extension: KITTI, VisDrone and others."""

from __future__ import annotations

import codecs
import os
from dataclasses import dataclass
from pathlib import Path

from converters.files import listing
from converters.model import rules
from converters.model.findings import Findings
from tltpipe import inputs
from tltpipe.errors import DataError

TEXT = frozenset(("txt",))
"""Extensions of label files."""

USUAL = 1 << 16
"""Bytes that one system call reads at little cost, and more than nearly all label files have."""
_LARGEST = 16 << 20  # bytes; no label file is that large


@dataclass(frozen=True)
class LabelFolder:
    """Pairs of both folders.

    A key is a path below both without its extension, then that of the image: none where it is missing, several where
    images share a name. ``classes`` are those that may be read; None for all.
    """

    labels: Path
    images: Path
    classes: frozenset[str] | None = None

    PAIRED = True

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (self.labels, self.images)

    def keys(self) -> list[tuple[str, ...]]:
        pictures = listing.pictures(self.images)
        stems = listing.together(listing.stems(self.labels, TEXT), pictures)
        return [(stem, *pictures.get(stem, ())) for stem in stems]

    def name(self, key: tuple[str, ...]) -> str:
        return key[0]

    def label(self, stem: str) -> Path:
        """The label file of an image."""
        return self.labels / f"{stem}.txt"

    def image(self, key: tuple[str, ...]) -> str:
        """The path of the one image of ``key``. Raises DataError where there is none, or several."""
        stem, *extensions = key
        if len(extensions) == 1:
            return listing.joined(self.images, f"{stem}.{extensions[0]}")
        if extensions:
            raise listing.ambiguous(self.images, (f"{stem}.{extension}" for extension in extensions))
        hint = f"put it into {self.images}, or remove the labels"
        if beside := listing.unsupported_beside(self.images, stem):
            hint = f"{beside} is there, but cannot be read: convert it to JPEG or PNG"
        raise DataError("these labels have no picture", where=self.label(stem), hint=hint, code=rules.NO_PICTURE.code)

    def pair(self, key: tuple[str, ...], findings: Findings) -> tuple[str, str, bytes]:
        """The paths of the image of ``key`` and of its label file, and the content of that. Raises DataError."""
        image = self.image(key)
        try:
            return image, *read_stem(self.labels, key[0], findings)
        except FileNotFoundError:
            what, code = "this picture has no label file", rules.NO_ANNOTATIONS.code
            hint = f"an empty file says that nothing is on it: {self.labels}/{key[0]}.txt"
            raise DataError(what, where=Path(image), hint=hint, code=code) from None


def read(path: str) -> bytes:
    """The content of a label file, without byte order mark. Raises DataError, FileNotFoundError when there is none."""
    try:
        content = inputs.content(path, _LARGEST + 1)
    except FileNotFoundError:
        raise
    except OSError as problem:
        raise DataError(f"this label file cannot be read: {problem.strerror}", where=path) from None
    if len(content) > _LARGEST:
        raise DataError("this file is too large to be one picture's labels", where=path)
    return content.removeprefix(codecs.BOM_UTF8)


def whole(head: bytes | None) -> bytes | None:
    """The content of the label file that begins with the ``USUAL`` bytes ``head``; None where it may be longer."""
    return head.removeprefix(codecs.BOM_UTF8) if head is not None and len(head) < USUAL else None


def read_stem(folder: Path | str, stem: str, findings: Findings | None = None) -> tuple[str, bytes]:
    """The label file of the image ``stem``, and its content. Raises as ``read`` does.

    Its extension may be in upper case, its name in another Unicode normal form.
    """
    path = f"{folder}/{stem}.txt"
    try:
        return path, read(path)
    except FileNotFoundError:
        if (other := _spelled(str(folder), stem)) is None:
            raise
    if findings is not None and not other.startswith(f"{stem}."):
        findings.add(rules.OTHER_FILE_NAME, f"{stem} -> {other} (Unicode normal form)")
    return f"{folder}/{other}", read(f"{folder}/{other}")


def _spelled(folder: str, stem: str) -> str | None:
    names = (f"{form}.{extension}" for form in (stem, *listing.forms(stem)) for extension in ("txt", "TXT", "Txt"))
    return next((name for name in names if os.path.exists(f"{folder}/{name}")), None)  # noqa: PTH110 - a text
