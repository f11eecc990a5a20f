"""Do two versions do the same? Every command of the data path with both, on the same data sets, compared byte by byte.

    python benchmarks/same_outputs.py OLD_BIN NEW_BIN [--seeds N] [--only TEXT] [--keep DIR]

The folders hold the console scripts of either. Compared are exit codes, what is printed, and every file that is there
at the end, with its kind, its mode and whether it is a link. Both work at the same path, one after the other. Only
what the clock says is taken out. What differs is printed, and the exit code is 1; with ``--keep`` the folders stay.
"""

from __future__ import annotations

import argparse
import difflib
import re
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import same_inputs
from forked_programs import Programs
from same_commands import Command, commands
from same_inputs import ROOT, Input
from same_killed import killed

CLOCK = [
    (re.compile(rb"(?m)^.*: \d+/\d+ \w+, \d+%.* ETA .*\n"), b""),
    (re.compile(rb"(, )?\b\d+(,\d{3})?(\.\d+)?( s\b| ms\b|( pictures| images| frames| records)?/s\b)"), b""),
    (re.compile(rb'"((?:[a-z]+_)?(?:seconds|mtime_ns|time|date))": ?"?[-\d.:TZ +/]+"?'), rb'"\1": #'),
    (re.compile(rb"tltpipe-crash-\d+"), b"tltpipe-crash-#"),
]
"""What the clock says, and what is put for it."""
TIMED = {"", ".json", ".html", ".log", ".txt"}
"""Files in which it may say something."""
RECEIPTS = re.compile(r"(^|/)\.tltpipe(/|$)")
"""What a run notes of its inputs has their times of change in it: that it is there is compared, not its bytes."""


@dataclass(frozen=True)
class Seen:
    """What is at a path: ``kind`` with its mode, and the bytes of a file without what the clock said."""

    kind: str
    content: bytes = b""


Tree = dict[str, Seen]


@dataclass
class Tally:
    """How many commands of a kind were compared, by exit code, and in how many anything differed."""

    codes: Counter[int] = field(default_factory=Counter)
    files: int = 0
    different: int = 0


@dataclass
class Lane:
    """One after the other, old and new work in ``folder``, always at the same path."""

    folder: Path
    old: Programs
    new: Programs
    keep: Path | None

    def compare(self, given: Input, tallies: dict[str, Tally]) -> list[str]:
        """All commands for an input by both; what differed, in words."""
        old, new = (self._run(given, programs, side) for programs, side in ((self.old, "old"), (self.new, "new")))
        told = []
        for (command, before), (_, after) in zip(old, new, strict=True):
            tally = tallies.setdefault(command.label, Tally())
            tally.codes[int(before["exit code"].content)] += 1
            tally.files += sum(seen.kind.startswith("file") for seen in before.values())
            if found := [*differences(before, after)]:
                tally.different += 1
                told += [f"{given.name}: {' '.join(command.argv)}", *(f"    {line}" for line in found)]
        return told

    def _run(self, given: Input, programs: Programs, side: str) -> list[tuple[Command, Tree]]:
        work = self.folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        given.put(work / "data")
        done, before = [], tree(work)
        for command in commands(given, work):
            logs = self.folder / "logs"
            shutil.rmtree(logs, ignore_errors=True)
            logs.mkdir()
            code = programs.run(command.argv, cwd=work, logs=logs, real=command.real)
            after = tree(work)
            changed = {path: seen for path, seen in after.items() if before.get(path) != seen}
            gone = {path: Seen("gone") for path in before if path not in after}
            printed = tree(logs) | {"exit code": Seen("number", str(code).encode())}
            done.append((command, changed | gone | printed))
            before = after
        if self.keep is not None:
            shutil.copytree(work, self.keep / given.name.replace(" ", "-") / side, symlinks=True, dirs_exist_ok=True)
        return done


def tree(folder: Path) -> Tree:
    """All that is below ``folder``."""
    return {path.relative_to(folder).as_posix(): _seen(path, folder) for path in folder.rglob("*")}


def _seen(path: Path, folder: Path) -> Seen:
    if path.is_symlink():
        return Seen("symlink", bytes(path.readlink()))
    status = path.stat()
    if path.is_dir():
        return Seen(f"folder {status.st_mode:o}")
    links = "linked" if status.st_nlink > 1 else "single"
    kind = f"file {status.st_mode:o} {links}"
    if RECEIPTS.search(path.relative_to(folder).as_posix()):
        return Seen(kind)
    return Seen(kind, _content(path, status.st_ino, status.st_size, status.st_mtime_ns))


@lru_cache(4096)
def _content(path: Path, *_: int) -> bytes:
    """The bytes at ``path`` without what the clock says; read again where its number, size or time changed."""
    content = path.read_bytes()
    if path.suffix in TIMED:
        for pattern, instead in CLOCK:
            content = pattern.sub(instead, content)
    return content


def differences(old: Tree, new: Tree) -> Iterator[str]:
    """A line or a few for each path that is not the same, ten paths at most."""
    paths = [path for path in sorted(old.keys() | new.keys()) if old.get(path) != new.get(path)]
    for path in paths[:10]:
        before, after = old.get(path), new.get(path)
        if before is None or after is None:
            yield f"{path}: only {'new' if before is None else 'old'}"
        elif before.kind != after.kind:
            yield f"{path}: {before.kind} was, {after.kind} is"
        else:
            yield f"{path}: other content"
            yield from _lines(before.content, after.content)
    if len(paths) > 10:
        yield f"and {len(paths) - 10} more"


def _lines(old: bytes, new: bytes) -> Iterator[str]:
    """The lines that differ; where they are long, what stands around the first byte that does."""
    if max(map(len, (*old.splitlines(), *new.splitlines(), b""))) < 400:
        before, after = (each.decode(errors="backslashreplace").splitlines() for each in (old, new))
        yield from (f"    {line}" for line in [*difflib.unified_diff(before, after, n=0, lineterm="")][2:16])
        return
    pairs = zip(old, new, strict=False)
    place = next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(old), len(new)))
    for sign, content in (("-", old), ("+", new)):
        yield f"    {sign} byte {place}: {content[max(place - 60, 0) : place + 60]!r}"


def compare_all(inputs: Iterator[Input], lanes: Sequence[Lane]) -> tuple[dict[str, Tally], int]:
    """The counts by kind of command, and how many inputs came out differently."""
    tallies: list[dict[str, Tally]] = [{} for _ in lanes]
    lock = threading.Lock()
    different: list[str] = []
    faults: list[BaseException] = []

    def work(lane: Lane, tally: dict[str, Tally]) -> None:
        while True:
            try:
                with lock:
                    given = None if faults else next(inputs, None)
                if given is None:
                    return
                told = killed(lane, given, tally) if given.kind == "killed" else lane.compare(given, tally)
            except BaseException as fault:
                faults.append(fault)
                raise
            if told:
                different.append(given.name)
                print("\n".join(told), flush=True)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(lanes, tallies, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        sys.exit(2)
    return _sum(tallies), len(different)


def _sum(parts: Sequence[dict[str, Tally]]) -> dict[str, Tally]:
    total: dict[str, Tally] = {}
    for part in parts:
        for label, tally in part.items():
            sum_ = total.setdefault(label, Tally())
            sum_.codes += tally.codes
            sum_.files += tally.files
            sum_.different += tally.different
    return dict(sorted(total.items()))


def table(tallies: dict[str, Tally]) -> None:
    print(f"{'command':22} {'runs':>6} {'files':>8} {'different':>9}  by exit code")
    for label, tally in tallies.items():
        codes = ", ".join(f"{code}: {count}" for code, count in sorted(tally.codes.items()))
        print(f"{label:22} {tally.codes.total():6} {tally.files:8} {tally.different:9}  {codes}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--seeds", type=int, default=2, help="damaged data sets of each format (default: 2)")
    parser.add_argument("--only", default="", help="only inputs whose name has this in it, a regular expression")
    parser.add_argument("--keep", type=Path, help="copy what both wrote to this folder")
    parser.add_argument("--cases", type=Path, default=ROOT.parent / "shared/cases")
    parser.add_argument("--lanes", type=int, default=2, help="inputs at a time (default: 2)")
    said = parser.parse_args()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="same-outputs-", dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        lanes = []
        for number in range(said.lanes):
            (folder / f"lane{number}").mkdir()
            old, new = (Programs(each.absolute()) for each in (said.old, said.new))
            lanes.append(Lane(folder / f"lane{number}", old, new, said.keep))
        inputs = same_inputs.make(folder / "inputs", Programs(said.old.absolute()), said.cases, seeds=said.seeds)
        chosen = (each for each in inputs if re.search(said.only, each.name))
        tallies, different = compare_all(chosen, lanes)
        for lane in lanes:
            lane.old.end()
            lane.new.end()
    table(tallies)
    print(f"{different} inputs came out differently" if different else "all the same")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
