"""What a picture is called below its folder, whatever an export made of its ``file_name``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.files import listing
from converters.formats.coco.records import OddRecord, title, wrong

LONGEST = 1024
PART = 255
"""Characters of a path that we take, and bytes of each of its parts that file systems take."""

_ABSOLUTE = re.compile(r"/|[A-Za-z]:/|[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True)
class Naming:
    """Names of pictures below the folder ``images``; ``strip`` is the part of their folders that leads there.

    >>> Naming("set/images/train", "images/train").below("images/train/7.jpg")
    '7.jpg'
    """

    images: str
    strip: str = ""

    def file_name(self, record: dict[str, Any]) -> str:
        """The picture of ``record``, below the folder. Raises OddRecord."""
        name = record.get("file_name")
        if type(name) is not str or not name:
            name = _other_name(record)
        if below := self.below(name):
            return below
        raise OddRecord(f'"file_name" of {title(record)} is no name of a file')

    def id(self, record: dict[str, Any]) -> str:
        """``Sample.id``: the same without extension."""
        return listing.without_extension(self.file_name(record))

    def below(self, name: str) -> str:
        """``name`` as a path below the folder that does not leave it; empty when no file can be called so."""
        if not name or len(name) > LONGEST or min(name) < " ":
            return ""
        if "/" not in name and "\\" not in name and name not in (".", ".."):
            return name if len(name.encode()) <= PART else ""
        if "/" not in name:  # written on Windows
            name = name.replace("\\", "/")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if _ABSOLUTE.match(name):
            parts = self._from_anywhere(parts)
        elif self.strip and parts[: (deep := self.strip.count("/") + 1)] == self.strip.split("/"):
            parts = parts[deep:]
        if ".." in parts:
            parts = parts[len(parts) - parts[::-1].index("..") :]
        return "/".join(parts) if all(len(part.encode()) <= PART for part in parts) else ""

    def _from_anywhere(self, parts: list[str]) -> list[str]:
        """The part below our folder, wherever that was when the file was written; the name alone without such."""
        folder = [part for part in self.images.split("/") if part]
        if folder and parts[: len(folder)] == folder:
            return parts[len(folder) :]
        if folder and folder[-1] in parts[:-1]:
            return parts[len(parts) - parts[-2::-1].index(folder[-1]) - 1 :]
        return parts[-1:]


def is_foreign(name: str) -> bool:
    """Whether ``name`` is a path of another machine, or leaves its folder: only its end can be right."""
    return ".." in name or _ABSOLUTE.match(name.replace("\\", "/")) is not None


URLS = ("coco_url", "path", "url")
"""Fields that name the image where ``file_name`` is missing, as in LVIS."""


def _other_name(record: dict[str, Any]) -> str:
    """The file that a path or a URL of ``record`` ends with, and its folder: LVIS mixes train2017 and val2017."""
    for key in URLS:
        value = record.get(key)
        if type(value) is str and (name := url_name(value)):
            return name
    raise wrong(record, "file_name", "a string")


def url_name(url: str) -> str:
    """The last two parts of ``url``, which may be a path: folder and file."""
    return "/".join([part for part in url.replace("\\", "/").split("/") if part][-2:])


def naming(images: Path, example: str | None) -> Naming:
    """That of a file whose pictures lie in ``images``, judged by one of its names.

    Where names repeat folders that lead to ``images`` already, those are left off.
    """
    own = Naming(images.as_posix())
    if example is None or not (name := own.below(example)) or (images / name).exists():
        return own
    parts, folder = name.split("/")[:-1], list(images.parts)
    for deep in range(len(parts), 0, -1):
        if folder[-deep:] == parts[:deep]:
            return Naming(images.as_posix(), "/".join(parts[:deep]))
    return own
