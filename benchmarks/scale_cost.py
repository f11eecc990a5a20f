"""What a data stage costs for each picture, on one core: CPU time, bytes and requests to the file system; and what that
becomes at a million, ten million and a hundred million pictures.

Marginal costs: each stage runs on ``--pictures`` and on twice as many, and the difference counts, so that the start of
a program is none of it. CPU time is the least of ``--rounds``, of stages that read no pixels on more pictures. Requests
and bytes are those of strace, below the folders of the data alone. A stat of a file that is open already is no request:
what the server said when it was opened still stands. A folder below /dev/shm has no disk that others keep busy.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import augment_specs
import commands
import corpus
import kitti
from measure import BIN, options, run

SET_CHILD_SUBREAPER = 36
CORES = 64
"""Of the cluster in the tables."""
MORE = 6
"""Times as many pictures for the CPU time of stages that read no pixels."""
SCALES = (1_000_000, 10_000_000, 100_000_000)
SPEC = 'kitti_config {{\n  root_directory_path: "{root}"\n  image_dir_name: "image"\n  label_dir_name: "label"\n'
SPEC += '  image_extension: ".jpg"\n  partition_mode: "random"\n  num_partitions: 2\n  num_shards: 10\n}}\n'
CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
ENTRY = re.compile(r"/(\d{6,})\.[^/\">]*\.partial[\">]")
"""An entry of a journal while it is written (tltpipe.journal)."""
READS = {"read", "pread64", "readv", "preadv", "preadv2"}
WRITES = {"write", "pwrite64", "writev", "pwritev", "copy_file_range", "sendfile"}
REQUESTS = {
    "open": "open", "openat": "open", "stat": "stat", "lstat": "stat", "newfstatat": "stat", "statx": "stat",
    "access": "stat", "faccessat2": "stat", "readlink": "stat", "rename": "rename", "renameat2": "rename",
    "unlink": "unlink", "unlinkat": "unlink", "mkdir": "mkdir", "rmdir": "mkdir", "link": "link", "symlink": "link",
    "linkat": "link", "getdents64": "list", "fsync": "fsync", "fdatasync": "fsync", "chmod": "chmod",
}  # fmt: skip
"""What a file server is asked, by system call; reads, writes and what the kernel answers alone are none of these."""


@dataclass
class Cost:
    """Of some pictures: seconds of CPU, bytes, requests by kind; ``journal`` the bytes and files of the journal."""

    seconds: float = 0.0
    read: int = 0
    written: int = 0
    journal: int = 0
    entries: int = 0
    requests: Counter[str] = field(default_factory=Counter)

    def __sub__(self, other: Cost) -> Cost:
        requests = Counter({name: count - other.requests[name] for name, count in self.requests.items()})
        return Cost(
            self.seconds - other.seconds, self.read - other.read, self.written - other.written,
            self.journal - other.journal, self.entries - other.entries, requests,
        )  # fmt: skip


def cpu(argv: commands.Argv) -> float:
    """Seconds of CPU of a command and all processes that it starts: worker processes are nobody's children in the end,
    unless somebody says that they are to be his."""
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1)
    process, used = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), 0.0
    with suppress(ChildProcessError):
        while True:
            number, status, usage = os.wait3(0)
            assert number != process.pid or status == 0, argv
            used += usage.ru_utime + usage.ru_stime
    return used


def traced(argv: commands.Argv, folder: Path, log: Path) -> Cost:
    """Bytes and requests below ``folder``."""
    calls = f"{','.join([*READS, *WRITES])},%file,getdents64,fsync,fdatasync"
    run(["taskset", "-c", "0", "strace", "-f", "-y", "-s", "0", "-e", f"trace={calls}", "-o", log, *argv])
    cost = Cost()
    with log.open(errors="replace") as lines:
        for line in lines:
            found = CALL.match(line)
            if found is None or str(folder) not in line:
                continue
            call, words, result = found[1], found[2], int(found[3])
            if call in READS:
                cost.read += max(0, result)
            elif call in WRITES:
                cost.written += max(0, result)
                if ENTRY.search(words):
                    cost.journal += max(0, result)
            elif call in REQUESTS:
                if "AT_EMPTY_PATH" not in words:
                    cost.requests["create" if "O_CREAT" in words else REQUESTS[call]] += 1
                cost.entries += call.startswith("rename") and ENTRY.search(words) is not None
    return cost


Stage = Callable[[Path, str], commands.Argv]
Roots = tuple[Path, Path]


def requests(name: str, make: Stage, roots: Roots, bench: corpus.Bench) -> Cost:
    """Of as many pictures as the second of ``roots`` has more than the first."""
    few, many = (traced(make(root, f"{name}-{root.name}"), bench.scratch, bench.scratch / "trace") for root in roots)
    return many - few


def seconds(name: str, make: Stage, roots: Roots, rounds: int) -> float:
    """Of CPU, as ``requests``."""
    times = [
        [cpu(["taskset", "-c", "0", *make(root, f"{name}-{root.name}-{turn}")]) for root in roots]
        for turn in range(rounds)
    ]
    return min(many for _, many in times) - min(few for few, _ in times)


def folders(bench: corpus.Bench, pictures: int) -> Roots:
    """So many pictures, and twice as many, with what each of the stages reads."""
    whole = kitti.prepared(bench)
    few, many = (kitti.frames(bench, whole, count=count) for count in (pictures, 2 * pictures))
    for root in (few, many):
        (root / "annos").mkdir()
        for path in (root / "image").iterdir():
            os.link(bench.split / "annos" / f"{path.stem}.json", root / "annos" / f"{path.stem}.json")
    return few, many


def stages(bench: corpus.Bench) -> dict[str, Stage]:
    """The command of each stage on a folder with ``image`` and ``label``, into a new folder of a name."""
    spec = augment_specs.written(augment_specs.FULL, bench.scratch / "augment.conf")

    def prepare(root: Path, name: str) -> commands.Argv:
        split = bench.folder(name) / "Original-Data" / "train"
        split.mkdir(parents=True)
        (split / "image").symlink_to(root / "image")
        (split / "annos").symlink_to(root / "annos")
        return commands.prepare(bench.scratch / name)

    def convert(root: Path, name: str) -> commands.Argv:
        path = bench.folder(name) / "convert.conf"
        path.write_text(SPEC.format(root=root))
        return commands.dataset_convert(path, bench.scratch / name / "tfrecords", workers=1)

    return {
        "prepare": prepare,
        "check": lambda root, _: [*commands.check(root), "--from", "kitti"],
        "stats": lambda root, _: [BIN / "tltpipe", "stats", root, "--from", "kitti"],
        "augment": lambda root, name: commands.augment(root, spec, bench.scratch / name, workers=1),
        "tfrecords": convert,
    }


def scaling(root: Path, bench: corpus.Bench) -> None:
    """Augment by one, two and four processes: what they take together says what they get in one another's way."""
    spec = bench.scratch / "augment.conf"
    count = kitti.count(root)
    print(f"\ntlt-augment of {count:,} pictures on {os.cpu_count()} cores")
    head("processes", "seconds", "pictures/s", "CPU seconds of all")
    for workers in (1, 2, 4):
        argv, start = commands.augment(root, spec, bench.scratch / f"by{workers}", workers=workers), time.monotonic()
        used = cpu(argv)
        seconds = time.monotonic() - start
        print(f"| {workers} | {seconds:.1f} | {count / seconds:.0f} | {used:.1f} |", flush=True)


def head(*names: str) -> None:
    print(f"| {' | '.join(names)} |\n|{' --- |' * len(names)}")


def show(costs: dict[str, Cost], pictures: int) -> None:
    print("\nfor each million pictures")
    head("stage", "CPU hours", "GB read", "GB written", "requests, million", "of these, for each picture")
    for name, cost in costs.items():
        scale = 1e6 / pictures
        kinds = ", ".join(f"{count / pictures:.1f} {kind}" for kind, count in cost.requests.most_common(4) if count)
        print(
            f"| {name} | {cost.seconds * scale / 3600:.2f} | {cost.read * scale / 1e9:.1f} | "
            f"{cost.written * scale / 1e9:.1f} | {cost.requests.total() / pictures:.2f} | {kinds} |"
        )
    print(f"\nwhat that becomes, on {CORES} cores")
    head("stage", "pictures", "hours", "requests/s", "MB/s read + written", "journal")
    for name, cost in costs.items():
        for count in SCALES:
            times = count / pictures
            seconds = cost.seconds * times / CORES
            journal = f"{cost.entries * times:,.0f} files, {cost.journal * times / 1e9:.1f} GB"
            print(
                f"| {name} | {count:,} | {seconds / 3600:.2f} | {cost.requests.total() * times / seconds:,.0f} | "
                f"{(cost.read + cost.written) * times / seconds / 1e6:,.0f} | {journal} |"
            )


if __name__ == "__main__":
    said = options(__doc__, pictures=2000, rounds=3)
    costs: dict[str, Cost] = {}
    with corpus.bench(said.folder, pictures=3 * said.pictures) as bench:
        roots = folders(bench, said.pictures)
        print(kitti.described(roots[1]), flush=True)
        for name, make in stages(bench).items():
            costs[name] = requests(name, make, roots, bench)
        costs["augment"].seconds = seconds("augment", stages(bench)["augment"], roots, said.rounds)
        scaling(roots[0], bench)
    with corpus.bench(said.folder and said.folder / "light", pictures=3 * MORE * said.pictures, light=True) as bench:
        roots = folders(bench, MORE * said.pictures)
        for name, make in stages(bench).items():
            if name != "augment":
                costs[name].seconds = seconds(name, make, roots, said.rounds) / MORE
    show(costs, said.pictures)
