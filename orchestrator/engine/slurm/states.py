"""Slurm's record of a job as a state and a sentence: what happened, on which node, what to do."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from pathlib import Path

from orchestrator.engine.slurm.commands import Record
from orchestrator.jobs.submitted import FAILED, PENDING, RUNNING, STOPPED, State

WAITING = {
    "Priority": "for its turn: others come first",
    "Resources": "for nodes to become free",
    "BeginTime": "for the time at which it may start again",
    "Dependency": "for the jobs before it to succeed",
    "ReqNodeNotAvail": "for nodes that are down, drained or reserved",
    "Nodes_required_for_job_are_DOWN": "for nodes that are down, drained or reserved",
    "PartitionDown": "for its partition, which is down",
    "PartitionInactive": "for its partition, which is inactive",
    "PartitionTimeLimit": "in vain: its time limit is longer than the partition's (slurm.time)",
    "PartitionNodeLimit": "in vain: it needs more nodes than the partition allows (--nodes)",
    "PartitionConfig": "in vain: the partition {partition} never has what it asks for: so many nodes (--nodes), CPUs "
    "(slurm.cpus), so much memory (slurm.memory) or time ({limit}, slurm.time)",
    "DependencyNeverSatisfied": "in vain: a job before it failed",
    "JobHeldUser": "to be released: scontrol release {id}",
    "JobHeldAdmin": "to be released by an administrator",
    "AccountNotAllowed": "in vain: its account may not use this partition (slurm.account)",
    "QOSNotAllowed": "in vain: its QOS may not use this partition (slurm.qos)",
    "InvalidAccount": "in vain: there is no such account (slurm.account)",
    "InvalidQOS": "in vain: there is no such QOS (slurm.qos)",
    "Licenses": "for licenses",
    "Reservation": "for its reservation to begin",
    "JobArrayTaskLimit": "for other jobs of its array (slurm.array_limit)",
    "Cleaning": "for its last attempt to be cleaned up",
}
"""What a pending job waits for, by Slurm's reason."""
LIVE = {"RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT"}
WAITS = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
MEMORY = re.compile(r"exceeded memory limit|oom.?kill|out of memory", re.IGNORECASE)
"""What is in the log of a job that was killed for its memory, where Slurm has no word for that."""


def live(record: Record) -> State | None:
    """The state of a job that waits or runs; None for one that has ended."""
    nodes = (record.nodes,) if record.nodes else ()
    if record.state in WAITS:
        return State(PENDING, waits(record))
    return State(RUNNING, "", nodes) if record.state in LIVE else None


def waits(record: Record) -> str:
    """Why a job is pending, as a sentence; "" as long as Slurm does not say."""
    reason = record.reason.strip("()").partition(",")[0]
    if reason in ("", "None"):  # it was not looked at yet
        return ""
    limited = re.match(r"(Assoc|QOS|Account|User)\w*(Limit|Max|Grp)", reason)
    why = WAITING.get(reason, f"for a limit of your account or QOS ({reason})" if limited else f"({reason})")
    return f"waits {why.format(**record._asdict())}"


def is_vain(state: State) -> bool:
    """Whether a pending job will never start."""
    return state.reason.startswith("waits in vain")


def ended(about: Mapping[str, str], log: Path) -> State:
    """How a job ended by Slurm's word alone; ``about`` as scontrol or sacct have it."""
    word = about.get("JobState", "").partition(" ")[0].rstrip("+")
    code, number = _status(about.get("ExitCode", ""))
    nodes = tuple(filter(None, [about.get("NodeList", "").replace("(null)", "")]))
    attempt = int(about.get("Restarts", "0") or 0)
    on = f" on {nodes[0]}" if nodes else ""
    if word == "COMPLETED":
        return State("done", "", nodes, 0, attempt)
    if word == "CANCELLED":
        return State(STOPPED, f"was cancelled{on}, by its owner or the cluster (scancel)", nodes, None, attempt)
    return State(FAILED, _failure(word, about, on, log), nodes, code or (128 + number if number else None), attempt)


def _failure(word: str, about: Mapping[str, str], on: str, log: Path) -> str:
    launch = about.get("Reason", "") == "JobLaunchFailure" or about.get("ExitCode") == "0:53"
    if word == "TIMEOUT":
        return f"reached its time limit of {about.get('TimeLimit', '?')}{on} (slurm.time gives it more)"
    if word in ("NODE_FAIL", "BOOT_FAIL"):
        return f"lost its node{on} (the same command again resumes, or starts anew)"
    if word == "OUT_OF_MEMORY" or (word == "FAILED" and MEMORY.search(_last(log))):
        return f"ran out of memory{on} (slurm.memory gives it more)"
    if word == "PREEMPTED":
        return f"was preempted{on} by a job of higher priority (the same command again resumes, or starts anew)"
    if word == "DEADLINE":
        return "missed its deadline"
    if launch and not _last(log):
        return f"could not write {log}{on}: the workspace is not mounted there, or may not be written to"
    code, number = _status(about.get("ExitCode", ""))
    if code and not number and not launch:
        return f"ended with exit status {code}{on} before its program did (a line of slurm.setup?)"
    return f"was killed{on} (its process or Slurm's; the node's log may tell more)"


def _status(text: str) -> tuple[int, int]:
    """Exit code and signal of "CODE:SIGNAL"."""
    code, _, number = text.partition(":")
    return (int(code) if code.isdigit() else 0, int(number) if number.isdigit() and int(number) < signal.NSIG else 0)


def _last(log: Path) -> str:
    """The end of the log; "" where there is none."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - 4096))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
