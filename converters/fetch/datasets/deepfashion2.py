"""DeepFashion2 as published: an encrypted archive for each split, on Google Drive; the password comes by mail.

https://github.com/switchablenorms/DeepFashion2
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from converters.fetch.datasets import Archive
from converters.model import rules
from converters.model.findings import Findings

ARCHIVES = (
    Archive("train", "train.zip", 191_961, "1lQZOIkO-9L0QJuk_w1K8-tRuyno-KvLK"),
    Archive("validation", "validation.zip", 32_153, "1O45YqhREBOoLudjA06HcTehcEebR0o9y"),
    Archive("test", "test.zip", 62_629, annotated=False),
)
"""Picture counts are those of the public release; its test annotations were never published."""

ACCESS = (
    "the form at https://github.com/switchablenorms/DeepFashion2 asks for access; archives and password come by mail"
)

_KINDS = {"image": ".jpg", "annos": ".json"}
_DEEPEST = 4
"""Parts of a name at most: one extra folder, the split, image or annos, the file."""


def place(name: str, split: str) -> str | None:
    """``image/000001.jpg`` for ``train/image/000001.jpg``, with or without the split, or one more folder around it."""
    parts = PurePosixPath(name).parts
    if not 2 <= len(parts) <= _DEEPEST:
        return None
    *around, kind, file = parts
    if file.startswith(".") or PurePosixPath(file).suffix != _KINDS.get(kind):
        return None
    others = {archive.split for archive in ARCHIVES} - {split}
    return None if around and around[-1] in others else f"{kind}/{file}"


def survey(folder: Path, archive: Archive, findings: Findings) -> dict[str, int]:
    """Pictures and annotations of a split, counted; those without their other half are found, as is another count."""
    images, annotations = (_stems(folder / kind, suffix) for kind, suffix in _KINDS.items())
    if archive.annotated:
        for rule, alone in ((rules.NO_ANNOTATIONS, images - annotations), (rules.NO_PICTURE, annotations - images)):
            for stem in sorted(alone):
                findings.add(rule, f"{archive.split}/{stem}")
    if len(images) != archive.images:
        findings.add(rules.OTHER_COUNT, f"{archive.split}: {len(images)}, the release has {archive.images}")
    return {"images": len(images), "annotations": len(annotations)}


def _stems(folder: Path, suffix: str) -> set[str]:
    """Names of the files in ``folder``, less ``suffix``; none where there is no folder."""
    if not folder.is_dir():
        return set()
    with os.scandir(folder) as entries:
        return {
            entry.name[: -len(suffix)]
            for entry in entries
            if entry.name.endswith(suffix) and not entry.name.startswith(".")
        }
