"""What somebody names on the command line to be looked at: files, folders, patterns, a list on standard input."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from converters.files import listing
from tltpipe.errors import DataError

STANDARD_INPUT = "-"


def of(given: Sequence[str]) -> list[Path]:
    """The files and folders, each once, in the order given; what is not there stays, to be told of where it is used.
    Of what a pattern fits, only pictures count, by their names.

    Raises DataError for a pattern that fits nothing, and an empty list.
    """
    found = list(dict.fromkeys(path for text in given for path in _named(text)))
    if not found:
        raise DataError("the list of pictures on standard input is empty", hint="one path a line")
    return found


def _named(text: str) -> Iterator[Path]:
    if text == STANDARD_INPUT:
        yield from (Path(line.strip()) for line in sys.stdin if line.strip())
    elif glob.has_magic(text) and not Path(text).exists():
        matches = sorted(glob.glob(text, recursive=True))
        if not matches:
            raise DataError("no file fits this pattern", where=text, hint="try it with ls")
        pictures = [path for path in map(Path, matches) if listing.extension_of(path.name) in listing.PICTURES]
        if not pictures:
            known = f"known extensions: {', '.join(sorted(listing.PICTURES))}"
            raise DataError("no picture fits this pattern", where=text, hint=known)
        yield from pictures
    else:
        yield Path(text)
