"""Images and answers in a folder, for who starts the server with --keep; else nothing is ever written."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile

from converters.files import listing
from tltpipe.files import atomic, writable


@dataclass(frozen=True)
class Keep:
    """Writes to ``folder``."""

    folder: Path

    def prepare(self) -> None:
        """Make the folder, and see that it takes files before somebody's image is lost. Raises HostError."""
        with writable(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            TemporaryFile(dir=self.folder).close()

    def __call__(self, data: bytes, format: str, answer: bytes) -> None:
        """The image ``data``, of Pillow's ``format``, and the JSON of its ``answer`` beside it, called by the time and
        the checksum of the image. Raises HostError."""
        stem = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{hashlib.sha256(data).hexdigest()[:16]}"
        suffix = next(iter(listing.FORMATS.get(format, ("image",))))
        for ending, content in ((suffix, data), ("json", answer)):
            with atomic(self.folder / f"{stem}.{ending}", "wb") as stream:
                stream.write(content)
