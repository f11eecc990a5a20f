"""From the bytes of a container's output to lines."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

_BREAK = re.compile(r"\r\n|\n|\r|\x08+")


class Splitter:
    """Cuts a stream of bytes into lines as it comes. Progress bars rewrite a line by ``\\r`` or backspaces; each
    state of such a line is *passing*: shown perhaps, worth keeping never."""

    def __init__(self) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.rest = ""

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bool]]:
        """The lines that ``chunk`` completes, each with whether it is passing."""
        self.rest += self.decoder.decode(chunk)
        start = 0
        for end in _BREAK.finditer(self.rest):
            if end[0] == "\r" and end.end() == len(self.rest):
                break  # the first half of \r\n, perhaps
            yield from _line(self.rest[start : end.start()], passing=not end[0].endswith("\n"))
            start = end.end()
        self.rest = self.rest[start:]

    def close(self) -> Iterator[tuple[str, bool]]:
        """What remains without a line end."""
        rest, self.rest = (self.rest + self.decoder.decode(b"", final=True)).rstrip("\r"), ""
        if rest:
            yield rest, False


def _line(text: str, *, passing: bool) -> Iterator[tuple[str, bool]]:
    if text.strip() or not passing:
        yield text, passing
