"""What a long piece of work has done so far, so that it can be killed at any instant and resumed.

A folder beside the outputs: ``identity`` says which work it is, ``000123`` is what came of one chunk, and ``finished``
lists the outputs that are about to appear. Every file is whole or absent; the folder goes last. Several machines may
note chunks at the same time, also twice; one process at a time begins and ends the work (``alone``).

Folders come from anyone, so all of it is data, never code: msgpack, decoded to the type that the reader names and to
nothing else, and only behind the seal of this user for this very work (``tltpipe.seal``). A journal that this user did
not write is set aside unread.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any, TypeVar

from tltpipe import executors, locks, plain, seal
from tltpipe.errors import HostError
from tltpipe.files import beside, fingerprint, new_file, newest, own_name, refuse_links, remove, swap, writable
from tltpipe.plain import NotPlain, packed, unpacked
from tltpipe.staging import LAG, aside, flush

Entry = TypeVar("Entry")

_IDENTITY, _INPUTS, _FINISHED, _FOREIGN = "identity", "inputs", "finished", "foreign"
FORM = 2
"""Of entries, and of the chunks that work is cut into. It goes up where either changes anywhere: what an older version
has noted is not gone on with then."""
ENTRIES = 65_536
"""Entries of a journal, about: file servers are slow at folders of millions of files, and so is removing those."""
PATIENCE = 120.0
"""Seconds that runs which do a part each wait for one another while one of them begins their common work."""


@dataclass(frozen=True)
class _Finished:
    """Which work is about to show its ``outputs`` (paths below ``root``), and what it then answers."""

    identity: str
    root: bytes
    outputs: list[bytes]
    answer: bytes


@dataclass(frozen=True)
class Journal:
    """One folder, of the work ``identity`` whose outputs lie below ``root``; picklable, so that workers write entries.

    ``identity`` must change with anything that could change a byte of the outputs, but for what is in the inputs.
    ``hold`` is the lock under which the outputs are begun, moved into place or removed: a run that has lost it to
    another one changes nothing any more. ``shared``: other machines write here, too. Workers there get the ``key``, so
    it is good for journals alone, unlike the user's own.
    """

    folder: Path
    identity: str
    root: Path
    key: bytes = field(default_factory=lambda: seal.made(seal.user_key(), "journals", b""), repr=False)
    hold: locks.Hold | None = None
    shared: bool = field(default_factory=executors.far)

    @property
    def page(self) -> Path:
        """A file that is there from the beginning to the end of the work."""
        return self.folder / _IDENTITY

    def once(self, number: int, work: Callable[[], Any]) -> int:
        """Do ``work`` and note what comes of it as chunk ``number``, unless that is noted; returns ``number``.

        Raises HostError where this work has ended meanwhile, or another one has begun in its place.
        """
        if not self.noted(number):
            self._require()
            what = work()
            if self.shared:
                flush(self.root)  # no note may outlive, in a crash of this machine, the files that it speaks of
            self.note(number, what)
        return number

    def note(self, number: int, what: Any) -> None:
        """Write down what came of chunk ``number``: plain data and dataclasses (``tltpipe.plain``)."""
        self._require()
        self._write(_name(number), packed(what))

    def noted(self, number: int) -> bool:
        """Whether this work has an entry for chunk ``number``."""
        return self._read(_name(number), self.identity) is not None

    def entry(self, number: int, kind: type[Entry]) -> Entry:
        """What was noted of chunk ``number``. Raises HostError where somebody changed it meanwhile."""
        content = self._read(_name(number), self.identity)
        deadline = time.monotonic() + LAG
        while content is None and self.shared and time.monotonic() < deadline:
            time.sleep(0.1)
            content = self._read(_name(number), self.identity)
        try:
            if content is not None:
                return unpacked(content, kind)
        except NotPlain:
            pass  # this user's, of another version of the program
        self._require()
        self._set_aside(self.folder)
        raise HostError(
            "an entry of the journal of this work cannot be read",
            where=self.folder / _name(number),
            hint="run the command again: it starts over",
        )

    def resumes(self, staging: Sequence[Path], inputs: Sequence[Path]) -> bool:
        """Whether an earlier run was at this very work, what it read has not changed, and what it made is there."""
        return self._same(inputs) and all(made.is_dir() and not made.is_symlink() for made in staging)

    def begin(self, staging: Sequence[Path], inputs: Sequence[Path], note: Callable[[str], None]) -> None:
        """Forget what was noted and start this work on ``inputs``; nothing is at the paths ``staging`` then.

        A journal that this user did not write is renamed, and what lies at ``staging`` with it: ``note`` is told.
        """
        self.guard()
        with writable(self.folder.parent):
            if os.path.lexists(self.folder) and self._owner() is None:
                for path in filter(os.path.lexists, staging):
                    self._set_aside(path)
                aside = self._set_aside(self.folder)
                note(f"note: {self.folder} is not from a run of this user: set aside as {aside.name}; starting over")
            self.forget()
            for path in staging:
                _clear(path)
            begun = replace(self, folder=self.folder.with_name(f"{self.folder.name}.begun"))
            remove(begun.folder)
            begun.folder.mkdir(parents=True)
            if _apart(begun.folder, inputs):
                begun._write(_INPUTS, packed(fingerprint(inputs)))
            begun._write(_IDENTITY, packed(self.identity))
            begun.folder.rename(self.folder)

    def commit(self, targets: Sequence[Path], answer: Any) -> None:
        """Make ``targets`` appear, each from its staging path where that is there; then the journal is gone.

        From the first line on, a killed run is ended by ``committed`` of the next one.
        """
        outputs = [os.fsencode(os.path.relpath(target, self.root)) for target in targets]
        finished = _Finished(self.identity, os.fsencode(self.root), outputs, packed(answer))
        self.guard()
        self._write(_FINISHED, packed(finished))
        self._move(targets)

    def abandon(self, targets: Sequence[Path]) -> None:
        """Remove what was made of ``targets``, and the journal; unless another run has taken them over."""
        if self.hold is None or not self.hold.lost():
            for target in targets:
                _clear(beside(target))
            self.forget()

    def committed(self, inputs: Sequence[Path], kind: type[Entry]) -> Entry | None:
        """End a commit that was under way when its run was killed and return its answer; None when there is none.

        It may have been other work of this user's in the same folder: that ends as well, and answers nothing.
        """
        owner = self._owner()
        content = self._read(_FINISHED, owner) if owner is not None else None
        if content is None:
            return None
        same = self._same(inputs)
        try:
            finished = unpacked(content, _Finished)
            answer = unpacked(finished.answer, kind) if same else None
        except NotPlain:
            return None
        if finished.root == os.fsencode(self.root):
            self._move([self.root / name for name in map(os.fsdecode, finished.outputs) if _is_below(name)])
        return answer

    def forget(self) -> None:
        """Take the journal away: its last page goes last, and at once, so that no run finds half a journal."""
        gone = self.folder.with_name(f"{self.folder.name}.gone")
        remove(gone)
        if self.folder.is_symlink() or not self.folder.is_dir():
            return
        for path in self.folder.glob("[0-9]*"):
            path.unlink(missing_ok=True)
        self.folder.rename(gone)
        remove(gone)

    def _same(self, inputs: Sequence[Path]) -> bool:
        """A look at every input is due only now, after a run that was killed: changed is what is newer than its start.

        A file put in another's place with an old date makes its folder newer; that a whole folder is another one
        shows in the identity. Dates of two file systems come from two clocks: there, each file was noted at the start.
        """
        if self._owner() != self.identity:
            return False
        known = self._read(_INPUTS, self.identity)
        if known is not None:
            return packed(fingerprint(inputs)) == known
        return newest(inputs) < (self.folder / _IDENTITY).stat().st_mtime_ns

    def _require(self) -> None:
        if self._owner() != self.identity:
            what = "the journal of this work is gone: another run has ended it, or begun other work in its place"
            raise HostError(what, where=self.folder)

    def guard(self) -> None:
        """Raise HostError where another run has taken the lock over."""
        if self.hold is not None:
            self.hold.require()

    def _owner(self) -> str | None:
        """The identity of the work whose journal this is; None where this user did not write it."""
        content = self._read(_IDENTITY, "")
        try:
            return unpacked(content, str) if content is not None else None
        except NotPlain:
            return None

    def _move(self, targets: Sequence[Path]) -> None:
        refuse_links(self.root, targets)
        for target in targets:
            self.guard()
            staging = beside(target)
            with writable(target.parent):
                if staging.is_symlink():
                    raise HostError("a symbolic link is where an output was being made", where=staging)
                if staging.is_dir():
                    swap(staging, target)
                elif staging.exists():
                    os.replace(staging, target)
                remove(target.parent / f".{target.name}.old")
                remove(aside(staging))
        self.guard()
        self.forget()

    def _set_aside(self, path: Path) -> Path:
        """Rename ``path`` so that nothing of it is lost, and nothing of it is taken for ours."""
        names = (f"{path.name}.{_FOREIGN}{f'-{n}' if n > 1 else ''}" for n in range(1, 1_000_000))
        aside = next(free for name in names if not os.path.lexists(free := path.with_name(name)))
        with writable(path.parent):
            path.rename(aside)
        return aside

    def _write(self, name: str, content: bytes) -> None:
        partial = self.folder / f"{name}.{own_name()}.partial"
        with writable(self.folder):
            with new_file(partial) as stream:
                stream.write(seal.made(self.key, self._purpose(name, self.identity), content))
                stream.write(content)
            partial.replace(self.folder / name)

    def _read(self, name: str, identity: str) -> memoryview | None:
        """What the work ``identity`` wrote under ``name``; None where it wrote nothing, or it is not this user's."""
        if self.folder.is_symlink():
            return None
        text = _content(self.folder / name)
        return seal.opened(self.key, self._purpose(name, identity), text) if text is not None else None

    def _purpose(self, name: str, identity: str) -> str:
        return f"journal\0{name}\0{'' if name == _IDENTITY else identity}"


def identity(*parts: Any) -> str:
    """The identity of work whose outputs depend on ``parts``; it changes with the form of entries, too."""
    return plain.identity(FORM, *parts)


def chunk_size(items: int, least: int) -> int:
    """How many of ``items`` come under one entry: ``least``, more of very many.

    It goes by their number alone: whoever goes on with the work later, with other workers, cuts it in the same places.

    >>> [chunk_size(items, 16) for items in (0, 200_000, 1_048_576, 100_000_000)]
    [16, 16, 16, 1526]
    """
    return max(least, -(-items // ENTRIES))


def is_ours(folder: Path) -> bool:
    """Whether ``folder`` is the journal of some work of this user."""
    return Journal(folder, "", folder.parent)._owner() is not None


def which(path: Path) -> tuple[str, int, int]:
    """What tells the file or folder ``path`` from another in its place, on every machine that has it: size and date.

    Numbers of devices and inodes are not the same for all clients of a file server.
    """
    state = path.stat() if path.exists() else None
    return (str(path), state.st_size, state.st_mtime_ns) if state else (str(path), 0, 0)


def alone(folder: Path, *, patience: float = 0) -> AbstractContextManager[locks.Hold]:
    """Hold off a second run at the same work. Raises HostError when there is one, after ``patience`` seconds."""
    target = folder.with_name(folder.name.removeprefix(".").removesuffix(".journal"))
    where = target if target.exists() else folder.parent
    taken = HostError("another run is writing here", where=where, hint="wait until it is done")
    return locks.held(folder.parent / f"{folder.name}.lock", taken, patience=patience)


def _clear(staging: Path) -> None:
    remove(staging)
    remove(aside(staging))


def _apart(folder: Path, inputs: Sequence[Path]) -> bool:
    """Whether one of ``inputs`` lies in another file system than ``folder``, as this machine sees it."""
    device = folder.stat().st_dev
    return any(path.stat().st_dev != device for path in inputs if path.exists())


def _name(number: int) -> str:
    return f"{number:06d}"


def _is_below(name: str) -> bool:
    path = PurePath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _content(path: Path) -> bytes | None:
    """The file itself, if it is one: no link is followed, and nothing waits for a pipe."""
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as stream:
            return stream.read() if stat.S_ISREG(os.fstat(handle).st_mode) else None
    return None
