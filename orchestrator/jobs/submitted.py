"""Jobs that were handed to an engine (Slurm, ...) and live without this process.

Each has a folder below ``.tltpipe/jobs`` of its workspace, by which any tltpipe on any machine that sees the workspace
knows it. Folders are mode 0700, files in them 0600:

    job.json      what was submitted, without secrets
    script.sh     what the engine runs
    log           its output, appended to by every attempt
    status.json   how it ended, written by the job itself at its end; removed by the next attempt as it starts
    verdict.json  how the engine says that it ended, for a job that could not write ``status.json``
    collected     empty: its outputs were taken over by the stage that submitted it
    key, seal.key, *.secret   what it needs to know in secret; removed by the job as it ends
    preflight/    what its nodes said before it started (tltpipe.preflight)
    tasks/        of the first of an array: links to the folders of all, by their numbers

A folder may have come with a workspace that somebody else packed: what is in it is checked before use, and an engine
acts on a job only where its own record has the job's ``comment``.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.jobs import Job, receipts, shown
from tltpipe import files, inputs, plain, seal
from tltpipe.errors import HostError

JOB, SCRIPT, LOG, STATUS, VERDICT = "job.json", "script.sh", "log", "status.json", "verdict.json"
COLLECTED, PREFLIGHT, TASKS = "collected", "preflight", "tasks"
SECRETS = ("key", seal.NAME)
"""Files with what a job needs to know in secret."""
SECRET = ".secret"
"""What files end in that hold the value of a variable."""
MARK = "tltpipe:"
"""What a job's comment in its engine starts with; the name of its folder follows."""
PENDING, RUNNING, DONE, FAILED, STOPPED, LOST = "pending", "running", "done", "failed", "stopped", "lost"
KNOWN = frozenset({DONE, FAILED, STOPPED})
"""How a job ends; of one that is lost that is not known."""
INTERRUPTED = frozenset({130, 128 + signal.SIGTERM})
"""Exit codes of a program that ended because it was asked to."""
_FOLDER = re.compile(r"\d{8}-\d{6}-[A-Za-z0-9_.-]{1,100}-[0-9a-f]{6}")
_ID = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.:-]{0,99})?")
LARGEST = 1 << 20
"""Bytes of a file that is read here; a larger one was not written by us."""

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Submitted:
    """``id`` is the engine's, "" as long as its answer is not known; ``digest`` says what work it is (``digest``);
    ``submitted`` is local time with its offset, ISO 8601."""

    runner: str
    id: str
    name: str
    digest: str
    comment: str
    submitted: str
    folder: Path

    @property
    def stage(self) -> str:
        """The stage that submitted it: "finetune" of "finetune-trousers"."""
        return self.name.partition("-")[0]

    @property
    def log(self) -> Path:
        return self.folder / LOG

    @property
    def collected(self) -> bool:
        return os.path.lexists(self.folder / COLLECTED)


@dataclass(frozen=True)
class State:
    """``word`` is "pending", "running", "done", "failed", "stopped" or "lost" (no engine knows it any more, and it left
    no status); ``reason`` a sentence, "" where there is nothing to say; ``attempt`` counts from 0."""

    word: str
    reason: str = ""
    nodes: tuple[str, ...] = ()
    exit_code: int | None = None
    attempt: int = 0

    @property
    def ended(self) -> bool:
        return self.word in KNOWN or self.word == LOST

    @property
    def sentence(self) -> str:
        """The word, and the reason where there is one."""
        return f"{self.word}: {self.reason}" if self.reason else self.word


@dataclass(frozen=True)
class Status:
    """What a job writes into ``status.json``: its exit code, 128 + n after signal n; ``ended`` is ISO 8601."""

    exit_code: int
    signal: int | None = None
    attempt: int = 0
    host: str = ""
    ended: str = ""


@dataclass(frozen=True)
class _Command:
    argv: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Record:
    """``job.json``, as far as it is read again."""

    runner: str
    id: str
    name: str
    digest: str
    submitted: str
    job: _Command = _Command()


def digest(job: Job, settings: Mapping[str, Any]) -> str:
    """The same for the same work: command (secrets masked), data, files, container, and ``settings``, all that the
    engine is asked for. Whether it starts over or resumes makes no difference: it is the same work that goes on. One
    that starts over (``job.argv`` is not ``job.again``) must not take over what another has done, though."""
    command, texts = shown(job.again or job.argv), sorted(job.files.items())
    needs = [list(job.mounts), job.gpus, job.nodes]
    return plain.identity(job.name, command, job.inputs, texts, job.image, needs, dict(settings))


def create(jobs: Path, runner: str, job: Job, settings: Mapping[str, Any]) -> Submitted:
    """A new folder in ``jobs`` for ``job``, which has no id yet. Raises HostError where it cannot be written."""
    now = datetime.now().astimezone()
    files.refuse_links(jobs.parents[1], [jobs / "folder"])
    folder = jobs / f"{now:%Y%m%d-%H%M%S}-{short_name(job)}-{secrets.token_hex(3)}"
    with files.writable(jobs):
        jobs.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    submitted = Submitted(runner, "", job.name, digest(job, settings), MARK + folder.name, receipts.now(), folder)
    about = {"argv": shown(job.argv), "image": job.image, "gpus": job.gpus, "settings": dict(settings)}
    _write(submitted, JOB, {**_known(submitted), "job": about})
    return submitted


def short_name(job: Job) -> str:
    """The name of ``job``, of which a category of the data may be a part, for folders and engines."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", job.name)[:100] or "job"


def accepted(submitted: Submitted, id: str) -> Submitted:
    """``submitted`` with the ``id`` that the engine gave it, which is written down."""
    known = replace(submitted, id=id)
    _write(known, JOB, {**files.read_json(submitted.folder / JOB), **_known(known)})
    return known


def every(jobs: Path) -> list[Submitted]:
    """All jobs in ``jobs``, the oldest first; a folder that holds no job is left out."""
    try:
        names = sorted(filter(is_name, os.listdir(jobs)))  # noqa: PTH208 - 1,000 of them
    except OSError:
        return []
    return [job for name in names if (job := load(jobs / name)) is not None]


def is_name(text: str) -> bool:
    """Whether folders of jobs are called so."""
    return _FOLDER.fullmatch(text) is not None


def load(folder: Path) -> Submitted | None:
    """The job in ``folder``; None where there is none, or a file that is no record of one."""
    record = None if folder.is_symlink() else _read(folder / JOB, _Record)
    if record is None or not _ID.fullmatch(record.id) or not re.fullmatch(r"[a-z0-9_]+", record.runner):
        return None
    return Submitted(record.runner, record.id, record.name, record.digest, MARK + folder.name, record.submitted, folder)


def argv(job: Submitted) -> tuple[str, ...]:
    """The command line of ``job``, secrets masked; its name where that is not written down."""
    written = _read(job.folder / JOB, _Record)
    return (written.job.argv if written else ()) or (job.name,)


def status(job: Submitted) -> Status | None:
    """What ``job`` wrote at its end; None as long as it did not, or where that is not whole."""
    return _read(job.folder / STATUS, Status)


def ended(job: Submitted) -> State | None:
    """How ``job`` ended, by its own word or else by the engine's as it was written down; None as long as that is not
    known. After a signal that is not its last word: the engine may start it again (``final``)."""
    own = status(job)
    return _verdict(job) if own is None else _state(own)


def final(job: Submitted) -> State | None:
    """How ``job`` ended for good, as ``ended``; None where only its engine can know that."""
    own = status(job)
    return _state(own) if own is not None and own.signal is None else _verdict(job)


def _verdict(job: Submitted) -> State | None:
    verdict = _read(job.folder / VERDICT, State)
    return verdict if verdict is not None and verdict.word in KNOWN else None


def settle(job: Submitted, state: State) -> None:
    """Write down that ``job`` ended so, by the engine's word, which an engine forgets after a while. Of one that is
    lost nothing is written: another login node, or a controller that is back, may know it."""
    if state.word not in KNOWN:
        return
    with suppress(HostError, OSError):  # somebody else's job: seen, not written to
        _write(job, VERDICT, asdict(state))


def collect(job: Submitted) -> None:
    """Note that the outputs of ``job`` were taken over."""
    with files.writable(job.folder), files.new_file(job.folder / COLLECTED, mode=0o600):
        pass


def write_secret(job: Submitted, name: str, value: str) -> Path:
    """The file ``name`` in which ``job`` finds the secret ``value``."""
    with files.writable(job.folder), files.new_file(job.folder / name, mode=0o600) as stream:
        stream.write(value.encode())
    return job.folder / name


def forget_secrets(job: Submitted) -> None:
    """Remove the keys of a job that has ended and could not do so itself."""
    for path in (*(job.folder / name for name in SECRETS), *job.folder.glob(f"*{SECRET}")):
        with suppress(OSError):
            path.unlink()


def write_file(job: Submitted, name: str, text: str, *, executable: bool = False) -> Path:
    """A file of the folder of ``job``, whole or absent."""
    partial = job.folder / f".{name}.{secrets.token_hex(3)}.partial"
    with files.writable(job.folder), files.new_file(partial, mode=0o700 if executable else 0o600) as stream:
        stream.write(text.encode())
    partial.replace(job.folder / name)
    return job.folder / name


def _state(own: Status) -> State:
    where = f" on {own.host}" if own.host else ""
    nodes = (own.host,) if own.host else ()
    if own.exit_code == 0:
        return State(DONE, "", nodes, 0, own.attempt)
    if own.exit_code in INTERRUPTED:
        return State(STOPPED, f"exit status {own.exit_code}{where}", nodes, own.exit_code, own.attempt)
    return State(FAILED, f"ended with exit status {own.exit_code}{where}", nodes, own.exit_code, own.attempt)


def _known(job: Submitted) -> dict[str, str]:
    return {name: getattr(job, name) for name in ("runner", "id", "name", "digest", "submitted")}


def _write(job: Submitted, name: str, value: Mapping[str, Any]) -> None:
    write_file(job, name, json.dumps(value, indent=2, default=str) + "\n")


def _read(path: Path, kind: type[Kind]) -> Kind | None:
    try:
        with inputs.opened(path, 0) as stream:
            return plain.from_json(stream.read(LARGEST), kind)
    except (OSError, plain.NotPlain):
        return None
