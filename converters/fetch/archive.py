"""Whether a zip archive is fit to be unpacked: judged as a whole, from its directory, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from converters.fetch import zip_directory
from converters.fetch.zip_directory import Directory, Entry
from tltpipe.errors import DataError
from tltpipe.progress import amount

Place = Callable[[str], str | None]
"""Where an entry belongs below the target folder, by its name; None for one to leave out."""

_JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}
_BLOCK = 4096  # bytes a file takes at least, on most file systems


@dataclass(frozen=True)
class Limits:
    """What no honest archive of pictures comes near. Sizes in bytes; ratios are unpacked to packed."""

    entries: int = 2_000_000
    entry: int = 256 << 20
    total: int = 1 << 40
    ratio: float = 100.0
    """Of the whole. A picture hardly shrinks; annotations do some ten times."""
    entry_ratio: float = 1100.0
    """Of one entry: deflate reaches 1032."""


@dataclass(frozen=True)
class Plan:
    """An archive that was found fit to unpack. ``left_out`` counts files that belong nowhere, with the first names."""

    directory: Directory
    place: Place
    files: int
    folders: frozenset[str]
    bytes: int
    room: int
    """What the files take on a disk."""
    encryption: str | None
    probe: Entry | None
    """The smallest encrypted entry: to try a password on."""
    left_out: int
    examples: tuple[str, ...]

    @property
    def path(self) -> Path:
        return self.directory.path

    def entries(self) -> Iterator[tuple[Entry, str]]:
        """What is to be unpacked, and where to."""
        for entry in self.directory:
            if (target := _target(entry, self.place)) is not None:
                yield entry, target


def judge(path: Path, place: Place, *, limits: Limits | None = None) -> Plan:
    """Read the directory of ``path`` and refuse what an honest archive does not do; writes nothing.

    Raises DataError, naming archive and entry: cut off or damaged, a name that leaves the folder, a link, the same
    name twice, an encryption that nobody here can undo, or sizes that only a bomb declares.
    """
    limits = limits or Limits()
    directory = zip_directory.read(path)
    if directory.entries > limits.entries:
        raise _refusal(path, f"declares {directory.entries} entries; {limits.entries} is the most taken")
    targets: set[str] = set()
    folders: set[str] = set()
    schemes: set[str | None] = set()
    size = packed = room = left_out = 0
    examples: list[str] = []
    probe: Entry | None = None
    for entry in directory:
        packed += entry.compressed
        _refuse_unsafe(path, entry, limits)
        target = _target(entry, place)
        if target is None:
            if not entry.is_folder and not _is_junk(entry.name):
                left_out += 1
                examples += [entry.name] if len(examples) < 3 else []
            continue
        if target in targets:
            raise _refusal(path, f"holds {target} twice, the second time as {entry.name!r}")
        targets.add(target)
        folders.add(target.rpartition("/")[0])
        schemes.add(entry.encryption)
        size += entry.size
        room += -(-entry.size // _BLOCK) * _BLOCK
        if entry.encryption and entry.size and (probe is None or entry.compressed < probe.compressed):
            probe = entry
    if packed > directory.archive_bytes:
        raise _refusal(path, "has entries that share their data, as bombs do")
    if size > limits.total or size > max(limits.ratio * directory.archive_bytes, limits.entry):
        raise _refusal(path, f"would unpack to {amount(size)} from {amount(directory.archive_bytes)}, as bombs do")
    encryption = " and ".join(sorted(filter(None, schemes))) or None
    return Plan(
        directory, place, len(targets), frozenset(folders), size, room, encryption, probe, left_out, tuple(examples)
    )


def _target(entry: Entry, place: Place) -> str | None:
    return None if entry.is_folder or _is_junk(entry.name) else place(entry.name)


def _is_junk(name: str) -> bool:
    """What operating systems leave in archives: their own files, and the shadows ``._name`` of others."""
    parts = name.split("/")
    return not _JUNK.isdisjoint(parts) or parts[-1].startswith("._")


def _refuse_unsafe(path: Path, entry: Entry, limits: Limits) -> None:
    """Every entry is judged, those too that are left out: an archive with one of these is not what it should be."""
    name = entry.name
    if name.startswith("/") or name[1:2] == ":" or ".." in name.split("/"):
        raise _refusal(path, f"has an entry that leaves the folder: {name!r}")
    if "\\" in name or any(character < " " for character in name):
        raise _refusal(path, f"has an entry with a backslash or control character in its name: {name!r}")
    if entry.is_link:
        raise _refusal(path, f"has an entry that is a symbolic link: {name!r}")
    if entry.encryption == zip_directory.UNKNOWN:
        raise _refusal(path, f"has an entry in an encryption unknown here: {name!r}; ZipCrypto and AES are known")
    if entry.size > limits.entry or entry.compressed > limits.entry:
        raise _refusal(path, f"declares {amount(max(entry.size, entry.compressed))} for the entry {name!r}")
    if entry.size > limits.entry_ratio * max(1, entry.compressed):
        raise _refusal(path, f"would unpack {entry.compressed} bytes to {entry.size}, as bombs do: {name!r}")


def _refusal(path: Path, what: str) -> DataError:
    return DataError(what, where=path, hint="nothing was unpacked; get the archive from its publisher")
