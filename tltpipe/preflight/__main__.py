"""``python -P -m tltpipe.preflight``: the report of this node; with --judge, what the reports amount to."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import time
from dataclasses import asdict
from pathlib import Path

from tltpipe import files, preflight
from tltpipe.errors import HostError, TltpipeError
from tltpipe.preflight import Expected, Report, node, reach


def parser() -> argparse.ArgumentParser:
    own = argparse.ArgumentParser(prog=f"python -m {preflight.MODULE}", description=__doc__)
    own.add_argument("--folder", type=Path, required=True, help="folder in the workspace for reports")
    own.add_argument("--nonce", default="", help="what the submitting machine wrote there")
    own.add_argument("--expect", type=Path, help="file it wrote that to")
    own.add_argument("--reach", metavar="HOST:PORT", help="address at which the first node will be reached")
    own.add_argument("--gpus", type=int, default=0, metavar="N", help="GPUs that each node needs")
    own.add_argument("--rank", type=int, default=_number("NODE_RANK", "SLURM_NODEID"), help="of this node, from 0")
    own.add_argument("--nodes", type=int, default=_number("NNODES", "SLURM_NNODES"), help="number of nodes")
    own.add_argument(
        "--judge", nargs="+", metavar="NODE", help="say what these nodes reported; exit code 6 for a fault"
    )
    return own


def main() -> int:
    given = parser().parse_args()
    try:
        return judge(given) if given.judge else check(given)
    except TltpipeError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code


def judge(given: argparse.Namespace) -> int:
    verdict = preflight.judge(given.folder, given.judge)
    for sentence in [*verdict.sound, *(f"error: {fault}" for fault in verdict.faults)]:
        sys.stdout.write(f"{sentence}\n")
    return HostError.exit_code if verdict.faults else 0


def check(given: argparse.Namespace) -> int:
    """Write this node's report. Raises HostError where that cannot be done."""
    start, name = time.monotonic(), node.name()
    problem, ahead = _reach(given)  # first: others would wait for a node that sees nothing
    sees = _sees(given)
    processor, simd = node.cpu()
    try:
        clock = ahead if given.reach else node.clock(given.folder)
        report = Report(name, socket.gethostname(), sees, node.versions(), processor, simd, node.gpus(), given.gpus)
        measured = {"clock": clock, "reach": problem, "seconds": round(time.monotonic() - start, 3)}
        text = json.dumps({**asdict(report), **measured}, indent=2)
        files.write_text(preflight.report_path(given.folder, name), f"{text}\n")
    except (OSError, HostError) as refusal:
        words = getattr(refusal, "strerror", None) or str(refusal)
        raise HostError(f"{name} cannot write to {given.folder}: {words}") from refusal
    return 0


def _sees(given: argparse.Namespace) -> bool:
    """Whether the folder here is the one that the submitting machine wrote to."""
    until = time.monotonic() + preflight.PATIENCE
    while (expected := preflight.read(given.expect or given.folder / preflight.EXPECTED, Expected)) is None:
        if time.monotonic() >= until:
            if not given.folder.is_dir():
                raise HostError(f"{node.name()} does not see {given.folder}")
            return False
        time.sleep(0.1)
    return bool(expected.nonce == given.nonce)


def _reach(given: argparse.Namespace) -> tuple[str, float]:
    if not given.reach or given.nodes < 2:
        return "", 0.0
    host, _, port = given.reach.rpartition(":")
    if given.rank == 0:
        return reach.listen(int(port), given.nodes - 1, given.nonce), 0.0
    return reach.connect(host.strip("[]"), int(port), given.nonce)


def _number(*variables: str) -> int:
    """The number that the first of these environment variables holds; 0 where none is set."""
    return next((int(text) for name in variables if (text := os.environ.get(name, "")).isdigit()), 0)


if __name__ == "__main__":
    sys.exit(main())
