"""What is asked of Slurm by its commands, and its refusals in words."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tltpipe.errors import HostError

SECONDS = 60.0
"""How long a command may take; busy controllers answer late."""
SUBMITTED_WITH = re.compile(r"(HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|SLURM_CONF|SLURM_CLUSTERS|SBATCH_\w+)")
"""What of the environment goes along with a job: it would lie in the controller's folder, and keys with it."""
FOLDERS = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
FIELDS = ("%i", "%T", "%r", "%N", "%P", "%l", "%k")
"""Of squeue; the comment last, which may hold anything."""
ID = re.compile(r"[1-9]\d{0,8}(_\d{1,8})?")
"""What Slurm calls jobs; one that is none would spoil a question for all."""
LOST = re.compile(r"timed out|zero bytes|connection|unable to contact|communication", re.IGNORECASE)
"""What Slurm says where its answer was lost: the job may have been accepted."""
REFUSALS = {
    "invalid partition": "slurm.partition names one of those that `sinfo` lists",
    "account": "slurm.account names one that you may use: sacctmgr show associations user=$USER",
    "qos": "slurm.qos names one that you may use",
    "gres": "this partition has no such GPUs: gpus: 0 asks for none, slurm.partition and slurm.gpu_type choose others",
    "--time": "slurm.time is minutes, hours:minutes:seconds or days-hours",
    "--mem": "slurm.memory is a number with M, G or T: 32G",
    "feature": "slurm.options names features that `sinfo -o '%N %f'` lists",
    "time limit": "slurm.time must be no longer than the partition's limit (sinfo -o '%P %l')",
    "node configuration": "no node has that much: less of slurm.cpus, slurm.memory, --nodes or --gpus (0: none)",
    "node count": "the partition has fewer nodes: less of --nodes",
    "memory": "no node has so much: less of slurm.memory",
    "invalid option": "slurm.options holds options of sbatch, each as one entry: --constraint=a100",
    "unrecognized option": "slurm.options holds options of sbatch, each as one entry: --constraint=a100",
    "configuration source": "run tltpipe on a login node of the cluster; or SLURM_CONF names the configuration",
    "munge": "is munged running here?",
}
"""What to do about a refusal, by a part of it."""


class Record(NamedTuple):
    """What squeue says of a job: ``id`` is 12, or 12_3 for a task of an array."""

    id: str
    state: str
    reason: str
    nodes: str
    partition: str
    limit: str
    comment: str


def submit(script: Path) -> str:
    """Hand ``script`` to Slurm; returns the id of the job. Raises AnswerLost, HostError where it was refused."""
    words = ["--parsable", "--export=ALL", str(script)]
    return _ask("sbatch", *words, environment=submission_environment()).strip().partition(";")[0]


class AnswerLost(HostError):
    """Whether Slurm has done what it was asked is not known."""


def submission_environment() -> dict[str, str]:
    """The environment of jobs: nothing that could be secret."""
    found = {name: value for name, value in os.environ.items() if SUBMITTED_WITH.fullmatch(name)}
    for name in ("SBATCH_EXPORT", "SBATCH_GET_USER_ENV"):
        found.pop(name, None)
    return {**found, "PATH": f"{Path(_program('sbatch')).parent}:{FOLDERS}"}


def records(ids: Sequence[str] | None = None, *, seconds: float = SECONDS) -> list[Record]:
    """The jobs of these ids that Slurm still knows, tasks of arrays one by one; without ids all of this user. Raises
    AnswerLost where that takes longer than ``seconds``."""
    which = ["--me"] if ids is None else [f"--jobs={','.join(ids)}"]
    words = ["--noheader", "--array", "--states=all", *which, f"--format={'|'.join(FIELDS)}"]
    text = _ask("squeue", *words, missing="", seconds=seconds)
    rows = (line.split("|", len(FIELDS) - 1) for line in text.splitlines())
    return [Record(*(word.strip() for word in row)) for row in rows if len(row) == len(FIELDS)]


def details(id: str) -> Mapping[str, str]:
    """What the controller knows of a job, by the names of scontrol; empty where it knows it no more."""
    text = _ask("scontrol", "--oneliner", "show", "job", id, missing="")
    return dict(re.findall(r"(?:^|\s)(\w+(?:/\w+)?(?::\w+)?)=(.*?)(?=\s[\w/:]+=|\s*$)", text.partition("\n")[0]))


def accounted(id: str) -> Mapping[str, str]:
    """What the accounting has of a job; empty where there is none. ``State`` and ``ExitCode``."""
    if shutil.which("sacct") is None:
        return {}
    words = ["sacct", "--allocations", "--parsable2", "--noheader", f"--jobs={id}", "--format=State,ExitCode,NodeList"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS)
    row = done.stdout.partition("\n")[0].split("|") if done.returncode == 0 else []
    return dict(zip(("JobState", "ExitCode", "NodeList"), row, strict=True)) if len(row) == 3 else {}


def signal(id: str, name: str) -> None:
    """Send a signal to the script of a job alone."""
    _ask("scancel", "--batch", f"--signal={name}", id)


def cancel(id: str) -> None:
    _ask("scancel", id)


def partitions() -> list[str]:
    """The partitions, each with its state and number of nodes, as sinfo has them."""
    return _ask("sinfo", "--noheader", "--format=%P %a %D").splitlines()


def on_each_node(words: Sequence[str], options: Sequence[str]) -> str:
    """What ``words`` write that are run once on each node of an allocation of their own, whether they fail or not.
    Raises HostError where there is no such allocation."""
    return _ask(
        "srun", "--export=ALL", "--mpi=none", *options, *words, environment=submission_environment(), partly=True
    )


def _ask(
    program: str,
    *words: str,
    environment: Mapping[str, str] | None = None,
    missing: str | None = None,
    partly: bool = False,
    seconds: float = SECONDS,
) -> str:
    """What a command writes; ``partly``: also one that fails, if it has written anything. ``missing`` is returned
    instead for a job that Slurm does not know. Raises AnswerLost, HostError."""
    try:
        done = subprocess.run(
            [_program(program), *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise AnswerLost(f"{program} did not answer in {seconds:.0f} s", hint="is the controller well? sinfo") from None
    if done.returncode == 0:
        return done.stdout
    said = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
    if missing is not None and "invalid job id" in said.lower():
        return missing
    if partly and done.stdout:
        return done.stdout
    raise _refused(program, re.sub(rf"\b(?:{program}|slurm_load_jobs): ?(?:error|fatal)?:? ?", "", said))


def _refused(program: str, said: str) -> HostError:
    if LOST.search(said):
        return AnswerLost(f"{program} got no answer from Slurm: {said}", hint="is the controller well? scontrol ping")
    hints: Iterator[str] = (hint for part, hint in REFUSALS.items() if part in said.lower())
    return HostError(f"Slurm refused it: {said}", where=program, hint=next(hints, None))


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise HostError(
            f"there is no {name} here", hint="run tltpipe on a login node of the cluster, with Slurm on PATH"
        )
    return found
