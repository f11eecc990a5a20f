"""Whether the nodes of a job can do it, before it starts: one program a node, and one sentence a node for people.

    words = preflight.begin(folder, workspace)          # where the job is submitted
    python -P -m <words> --reach n1:20017 --gpus 2      # once on each node: writes <folder>/<NODE>.json
    preflight.judge(folder, ["n1", "n2"]).faults        # () or ("n2 has 1 GPU, 2 are needed (...)",)

``folder`` lies in the workspace: a node that does not see it leaves no report.

    node    what a node says of itself
    reach   connections between nodes
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tltpipe import __version__, files, inputs, plain

MODULE = "tltpipe.preflight"
EXPECTED = "expected.json"
PATIENCE = 3.0
"""Seconds for which a file of another machine may be missing on a shared folder."""
APART = 60.0
"""Seconds that a clock may be off; below that it is only said."""
NOTABLE = 1.0

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Expected:
    """What the machine that submits wrote: ``nonce`` proves that a node sees this very folder; ``versions`` that each
    node must have."""

    nonce: str
    workspace: str
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What a node wrote. ``sees`` tells whether it saw the nonce; ``clock`` by how many seconds its clock is ahead of
    the first node's, or else of the file system's; ``reach`` what kept it from reaching the first node."""

    node: str
    host: str
    sees: bool
    versions: Mapping[str, str]
    cpu: str = ""
    simd: tuple[str, ...] = ()
    gpus: int = 0
    gpus_needed: int = 0
    clock: float = 0.0
    reach: str = ""
    seconds: float = 0.0


def begin(folder: Path, workspace: Path, versions: Mapping[str, str] | None = None) -> list[str]:
    """Write what is expected into ``folder`` (made for this user alone); returns the words that follow ``python -P -m``
    on each node. ``versions`` are by default those that must be one everywhere: tltpipe's."""
    nonce = secrets.token_hex(8)
    with files.writable(folder.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    expected = {"nonce": nonce, "workspace": str(workspace), "versions": {"tltpipe": __version__, **(versions or {})}}
    files.write_text(folder / EXPECTED, json.dumps(expected) + "\n")
    return [MODULE, "--folder", str(folder), "--nonce", nonce, "--expect", str(folder / EXPECTED)]


@dataclass(frozen=True)
class Verdict:
    """A sentence for each node without a fault, and one for each fault."""

    sound: tuple[str, ...]
    faults: tuple[str, ...]


def judge(folder: Path, nodes: Sequence[str]) -> Verdict:
    """What the reports of these nodes in ``folder`` amount to; the first node's is what others are compared with."""
    expected = read(folder / EXPECTED, Expected) or Expected("", str(folder))
    known = reports(folder, nodes)
    base = next(iter(known.values()), None)
    sound, faults = list[str](), list[str]()
    for node in nodes:
        found = _faults(known[node], base, expected) if base and node in known else [_silent(node, expected)]
        faults += found
        sound += [] if found else [_ready(known[node], base)]
    return Verdict(tuple(sound), tuple(faults))


def reports(folder: Path, nodes: Sequence[str]) -> dict[str, Report]:
    """What these nodes wrote, those that wrote nothing left out. What is late on a shared folder is waited for."""
    until = time.monotonic() + PATIENCE
    known: dict[str, Report] = {}
    while True:
        for node in nodes:
            if node not in known and (report := read(report_path(folder, node), Report)) is not None:
                known[node] = report
        if len(known) == len(nodes) or time.monotonic() >= until:
            return {node: known[node] for node in nodes if node in known}
        time.sleep(0.1)


def report_path(folder: Path, node: str) -> Path:
    return folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '-', node)}.json"


def read(path: Path, kind: type[Kind]) -> Kind | None:
    """The value in a file of ours; None as long as it is not there, or not whole."""
    try:
        return plain.from_json(inputs.content(path), kind)
    except (OSError, plain.NotPlain):
        return None


def _silent(node: str, expected: Expected) -> str:
    what = f"{node} does not see the workspace {expected.workspace}, cannot write there, or has no Python at this path"
    return f"{what} (mount the workspace and the environment on {node} under the same paths)"


def _faults(report: Report, base: Report, expected: Expected) -> list[str]:
    node = report.node
    if not report.sees:
        return [f"{node} sees another folder as {expected.workspace} (mount the same one on all nodes)"]
    found = _other_versions(report, base, expected)
    if report.gpus < report.gpus_needed:
        there = f"{report.gpus or 'no'} GPU{'' if report.gpus == 1 else 's'}"
        are = "is" if report.gpus_needed == 1 else "are"
        found.append(f"{node} has {there}, {report.gpus_needed} {are} needed (choose other nodes, or a lower --gpus)")
    if report.reach:
        found.append(f"{node} {report.reach} (let nodes connect to each other on this port; or another interface)")
    if abs(report.clock - base.clock) > APART:
        found.append(f"{node}'s clock is {_apart(report, base)} (set the clocks by NTP)")
    return found


def _other_versions(report: Report, base: Report, expected: Expected) -> list[str]:
    """One sentence for all libraries that ``report`` has in another version than was expected, or than ``base``."""
    wanted = {name: (version, "this job needs") for name, version in expected.versions.items()}
    if report is not base:
        wanted = {name: (version, f"{base.node} has") for name, version in base.versions.items()} | wanted
    differ = [(name, *wanted[name]) for name in wanted if report.versions.get(name, "") != wanted[name][0]]
    if not differ:
        return []
    parts = [f"{_version(name, report.versions.get(name))}, {who} {version or 'none'}" for name, version, who in differ]
    return [f"{report.node} has {'; '.join(parts)} (install the same versions on all nodes)"]


def _version(name: str, version: str | None) -> str:
    return f"{name} {version}" if version else f"no {name}"


def _ready(report: Report, base: Report | None) -> str:
    gpus = f", {report.gpus} GPU{'' if report.gpus == 1 else 's'}" if report.gpus else ""
    late = base is not None and abs(report.clock - base.clock) > NOTABLE
    clock = f", its clock {_apart(report, base)}" if base and late else ""
    versions = ", ".join(f"{name} {report.versions[name]}" for name in ("tltpipe", "Python") if name in report.versions)
    return f"{report.node} is ready: it sees the workspace, {versions}{gpus}{clock}"


def _apart(report: Report, base: Report) -> str:
    seconds = report.clock - base.clock
    return f"{abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} {base.node}'s"
