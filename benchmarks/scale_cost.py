"""What a data stage costs for each picture, on one core: CPU time, bytes and requests to the file system; and what that
becomes at a million, ten million and a hundred million pictures.

Marginal costs: each stage runs on ``--pictures`` and on twice as many, and the difference counts, so that the start of
a program is none of it; CPU time is the least of ``--rounds``. Requests and bytes are those of strace, below the
folders of the data alone. A stat of a file that is open already is no request: what the server said when it was opened
still stands. A folder below /dev/shm has no disk that others keep busy.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import augment_specs
import commands
import corpus
import kitti
from measure import BIN, options, run

CORES = 64
"""Of the cluster in the tables."""
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
    """Seconds of CPU of a command on one core, its processes with it."""
    process = subprocess.Popen(["taskset", "-c", "0", *argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, argv
    return usage.ru_utime + usage.ru_stime


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


def measured(
    name: str, make: Callable[[Path, str], commands.Argv], roots: tuple[Path, Path], bench: corpus.Bench, rounds: int
) -> Cost:
    """The cost of as many pictures as the second of ``roots`` has more than the first."""
    few, many = (traced(make(root, f"{name}-{root.name}"), bench.scratch, bench.scratch / "trace") for root in roots)
    times = [[cpu(make(root, f"{name}-{root.name}-{turn}")) for root in roots] for turn in range(rounds)]
    few.seconds, many.seconds = map(min, zip(*times, strict=True))
    return many - few


def stages(bench: corpus.Bench) -> dict[str, Callable[[Path, str], commands.Argv]]:
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
    with corpus.bench(said.folder, pictures=3 * said.pictures) as bench:
        whole = kitti.prepared(bench)
        few, many = (kitti.frames(bench, whole, count=count) for count in (said.pictures, 2 * said.pictures))
        for root in (few, many):  # what prepare reads, too
            (root / "annos").mkdir()
            for path in (root / "image").iterdir():
                os.link(bench.split / "annos" / f"{path.stem}.json", root / "annos" / f"{path.stem}.json")
        print(kitti.described(many))
        costs = {name: measured(name, make, (few, many), bench, said.rounds) for name, make in stages(bench).items()}
        show(costs, said.pictures)
