"""What runs where somebody reads it as they should not."""

from __future__ import annotations

import os
from pathlib import Path


class Command:
    """A pickle that runs a command when it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.mark}",)
