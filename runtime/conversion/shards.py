"""Record files under a prefix: written aside, moved into place together."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from converters.tfrecords.records import CLASSES
from runtime.shell import folders
from tltpipe.errors import HostError
from tltpipe.files import remove, writable
from tltpipe.journal import alone

WARNINGS = "_warning.json"
INDEX = "idx-"


@dataclass(frozen=True)
class Prefix:
    """Where record files go: names in ``folder`` that begin with ``stem``, which is "" after a trailing slash."""

    folder: Path
    stem: str

    @classmethod
    def of(cls, text: str) -> Prefix:
        """The prefix as given on the command line; without a folder part it lies in the current folder."""
        folder, stem = os.path.split(text)
        return cls(Path(os.path.abspath(folder)), stem)

    def owns(self, name: str) -> bool:
        """Whether ``name`` is a file that some conversion to this prefix writes, an index of it included."""
        numbered = r"-fold-\d{3,}-of-\d{3,}(-shard-\d{5,}-of-\d{5,})?|-shard-\d{5,}-of-\d{5,}"
        stem = re.escape(self.stem)
        return re.fullmatch(rf"{stem}({WARNINGS}|{CLASSES})|(idx-)?{stem}({numbered})|idx-{stem}", name) is not None

    def __str__(self) -> str:
        return f"{self.folder}/{self.stem}"


@contextmanager
def staged(prefix: Prefix) -> Iterator[Path]:
    """Yield an empty hidden folder; when the block ends well its files move to the prefix.

    They replace what earlier conversions left there, also what this one did not write again: a stale shard would be
    trained on. On an exception nothing changes. Raises HostError while another run writes there.
    """
    existed = prefix.folder.exists()
    staging = prefix.folder / f".{prefix.stem or 'records'}.partial"
    try:
        with alone(staging):
            with writable(prefix.folder):
                remove(staging)
                staging.mkdir()
            try:
                yield staging
                _replace(prefix, staging)
            except BaseException:
                remove(staging)
                raise
    except BaseException:
        if not existed:
            folders.remove_if_empty(prefix.folder)
        raise


def stale(prefix: Prefix, written: set[str]) -> list[str]:
    """Names that an earlier conversion left at ``prefix`` and that are not among those ``written`` now."""
    if not prefix.folder.is_dir():
        return []
    return [name for name in folders.names(prefix.folder) if prefix.owns(name) and name not in written]


def write_warnings(staging: Path, prefix: Prefix, dropped: Mapping[str, list[int]]) -> None:
    """``<prefix>_warning.json``: the boxes that were left out; no file where there are none."""
    if dropped:
        text = json.dumps(dropped, indent=2)
        (staging / f"{prefix.stem}{WARNINGS}").write_text(text, encoding="utf-8")


def write_classes(staging: Path, prefix: Prefix, names: Sequence[str]) -> None:
    """``<prefix>_classes.txt``: what the class numbers in the records mean, from 1 on; no file where there are none."""
    if names:
        (staging / f"{prefix.stem}{CLASSES}").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def write_index(path: Path, lengths: Iterable[int]) -> None:
    """``idx-<name>`` beside the record file ``path``, as DALI wants it: offset and length of each record in a line.

    ``lengths`` are in bytes, framing included.
    """
    offset = 0
    with path.with_name(INDEX + path.name).open("w", encoding="ascii") as stream:
        for length in lengths:
            stream.write(f"{offset} {length}\n")
            offset += length


def _replace(prefix: Prefix, staging: Path) -> None:
    written = {path.name for path in staging.iterdir()}
    for name in written:
        if (prefix.folder / name).is_dir():
            what = "a folder has the name of a record file"
            raise HostError(what, where=prefix.folder / name, hint="choose another -o, or end it in /")
    for name in stale(prefix, written):
        (prefix.folder / name).unlink()
    for name in sorted(written):
        os.replace(staging / name, prefix.folder / name)
    staging.rmdir()
