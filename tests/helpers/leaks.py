"""Where a secret lies: the files that hold it, of whatever kind they are."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path


def holding(secrets: Sequence[str], *folders: Path) -> dict[str, list[str]]:
    """The secrets that files below ``folders`` hold, in their text or in their name, each with those files; links are
    not followed. Nothing may look like an empty search: there has to be a file in each folder."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        paths = [Path(place, name) for place, _, names in os.walk(folder) for name in names]
        assert paths, f"there is nothing in {folder}"
        for path in paths:
            text = os.fsencode(path) + _content(path)
            for secret in secrets:
                if secret.encode() in text:
                    found.setdefault(secret, []).append(str(path))
    return found


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes() if stat.S_ISREG(path.lstat().st_mode) else b""
    except FileNotFoundError:  # it was removed meanwhile
        return b""
