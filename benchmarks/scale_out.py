"""Ray beside one machine: ``tlt-augment`` on two nodes of one core against two processes; what starting costs; memory.

The nodes are real, both on this machine. Memory is that of the process which hands out a million simulated pictures;
starting is counted from the command line to the first result, on a cluster that runs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import augment_specs
import commands
import corpus
import kitti
from measure import Duel, best_of, command, judge_speed, options, round_robin, run, told
from memory import peak

sys.path.append(str(Path(__file__).parents[1] / "tests" / "helpers"))
import ray_cluster

from tltpipe.executors import VARIABLE

SPEED, STARTING, MEMORY, GROWTH = 0.85, 4.0, 300, 30
"""Times the speed of processes; seconds; megabytes in all, and more for ten times as many pictures."""
FEW, MANY = 100_000, 1_000_000
FIRST = "from tltpipe.workers import parallel_map; print(next(parallel_map(abs, [-1, -2])))"
SIMULATED = """
from converters.transfer.passes import cut
from tltpipe.workers import parallel_map

names = (f"{number:012d}" for number in range(%d))
assert sum(parallel_map(len, cut(names))) == %d
"""


def on(cluster: ray_cluster.Cluster, argv: commands.Argv) -> commands.Argv:
    return ["env", f"{VARIABLE}=ray:{cluster.address}", *argv]


def starting(cluster: ray_cluster.Cluster, rounds: int) -> None:
    seconds = best_of(rounds, command(on(cluster, [sys.executable, "-c", FIRST])))
    told(f"first result after {seconds:.1f} s", f"{STARTING:.0f} s", met=seconds <= STARTING)


def memory(cluster: ray_cluster.Cluster) -> None:
    few, many = (peak(on(cluster, [sys.executable, "-c", SIMULATED % (count, count)])) for count in (FEW, MANY))
    print(f"handing out {FEW:,} simulated pictures: {few}; {MANY:,}: {many}", flush=True)
    told(f"{many.together:.0f} MB", f"{MEMORY} MB", met=many.together <= MEMORY)
    growth = many.together - few.together
    told(f"{growth:.0f} MB more", f"{GROWTH} MB", met=growth <= GROWTH)


def speed(cluster: ray_cluster.Cluster, bench: corpus.Bench, rounds: int) -> None:
    root = kitti.large(bench)
    count, spec = kitti.count(root), augment_specs.written(augment_specs.FULL, bench.scratch / "augment.conf")
    print(kitti.described(root))
    here, there = round_robin(
        lambda number: commands.augment(root, spec, bench.scratch / f"here{number}"),
        lambda number: on(cluster, commands.augment(root, spec, bench.scratch / f"there{number}")),
        rounds=rounds,
    )
    judge_speed("tlt-augment, two nodes", Duel(there, here), other="two processes", target=SPEED, per=count)
    run(["diff", "-r", bench.scratch / "here1", bench.scratch / "there1"])


if __name__ == "__main__":
    said = options(__doc__, pictures=12_000, rounds=3)
    with tempfile.TemporaryDirectory(prefix="ray-") as folder, ray_cluster.up(Path(folder)) as running:
        starting(running, said.rounds)
        with corpus.bench(said.folder, pictures=said.pictures) as bench:
            speed(running, bench, said.rounds)
        memory(running)
