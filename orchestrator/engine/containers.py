"""What a container is given, as a function of the job and the place: data in, data out, no engine needed."""

from __future__ import annotations

import codecs
import io
import os
import re
import shlex
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.jobs import Job, Mount, Secret
from orchestrator.jobs.mounts import SECRETS, WORKSPACE
from orchestrator.jobs.mounts_file import ContainerOptions
from tltpipe import seal

SHARED_MEMORY = "8g"
"""Upper bound of /dev/shm, where data loaders hand over batches; Docker's own 64 MB is too little."""
LIMITS: Mapping[str, int] = {"memlock": -1, "stack": 64 << 20}
"""What NVIDIA asks for in the documentation of its framework containers."""
HOME = {"HOME": "/tmp", "USER": "tltpipe", "LOGNAME": "tltpipe", "MPLCONFIGDIR": "/tmp"}
"""The caller's uid has no account in the image, so the programs would find neither a home nor a name."""

Options = dict[str, Any]
"""Keyword arguments of ``DockerClient.containers.create``, as plain data."""


@dataclass(frozen=True)
class Caller:
    """Whose files the outputs will be. Under a rootless engine, root in the container *is* the caller."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    @classmethod
    def current(cls, *, rootless: bool = False, chosen: tuple[int, int] | None = None) -> Caller:
        """``chosen``: the (uid, gid) that the launcher's file gives instead."""
        if chosen is not None:
            return cls(*chosen)
        return cls(0, 0) if rootless else cls(os.getuid(), os.getgid(), tuple(sorted(os.getgroups())))


def options(
    job: Job,
    *,
    caller: Caller,
    gpus: Options,
    mounts: Iterable[Mount],
    labels: Mapping[str, str],
    folder: str = WORKSPACE,
    launcher: ContainerOptions | None = None,
) -> Options:
    """Everything about the job's container. ``gpus`` is what ``gpu_options`` answered; ``folder`` where it begins."""
    gpu_environment = gpus.get("environment", {})
    chosen: Options = {
        "image": job.image,
        "command": command(job.argv),
        "working_dir": folder,
        "environment": {**HOME, **gpu_environment, **job.environment},
        "mounts": [
            {"Type": "bind", "Source": str(mount.source), "Target": mount.target, "ReadOnly": mount.read_only}
            for mount in mounts
        ],
        "user": f"{caller.uid}:{caller.gid}",
        "labels": dict(labels),
        "init": True,  # reaps what the programs leave, and passes signals on to them
        "tty": False,
        "stdin_open": False,
        "shm_size": SHARED_MEMORY,
        "ulimits": _limits(LIMITS),
        "ipc_mode": "private",
        **({} if launcher is None else _of_launcher(launcher)),
        **{name: value for name, value in gpus.items() if name != "environment"},
    }
    others = [str(group) for group in caller.groups if group != caller.gid]
    if others:
        chosen["group_add"] = others
    return chosen


def _of_launcher(given: ContainerOptions) -> Options:
    """What the launcher's file asks for, in place of our own; its user is the caller already."""
    named = {"shm_size": given.shm_size, "privileged": given.privileged, "network_mode": given.network}
    limits = {"ulimits": _limits({**LIMITS, **given.ulimits})} if given.ulimits else {}
    return {name: value for name, value in named.items() if value is not None} | limits


def _limits(given: Mapping[str, int]) -> list[Options]:
    return [{"Name": name, "Soft": value, "Hard": value} for name, value in given.items()]


def gpu_options(request: str, *, runtimes: Collection[str], gpus: int) -> Options:
    """How the container asks for GPUs, given the setting, the engine's runtimes and what the job wants.

    "auto" takes the ``nvidia`` runtime where the engine has it, else a device request (``docker run --gpus all``).
    """
    if gpus == 0 or request == "none":
        return {}
    if request == "runtime" or (request == "auto" and "nvidia" in runtimes):
        # Images that are not NVIDIA's do not say which GPUs and libraries they want.
        visible = {"NVIDIA_VISIBLE_DEVICES": "all", "NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}
        return {"runtime": "nvidia", "environment": visible}
    return {"device_requests": [{"Count": -1, "Capabilities": [["gpu"]]}]}


def fallback_options(chosen: Options, refusal: str, *, gpu_request: str) -> tuple[Options, str] | None:
    """What to ask instead of ``chosen`` after the engine's ``refusal``, and a word on it; None if nothing would help.

    An engine without the right to raise limits refuses them (a container in a container, rootless); an engine
    without GPUs refuses those, which only "auto" puts up with.
    """
    if "rlimit" in refusal and chosen.get("ulimits"):
        refused, *rest = chosen["ulimits"]
        return {**chosen, "ulimits": rest}, f"note: this engine may not raise the limit on {refused['Name']}"
    no_gpu = any(words in refusal for words in ("select device driver", "nvidia-container", "libnvidia", "nvidia: "))
    if gpu_request == "auto" and no_gpu and ("device_requests" in chosen or "runtime" in chosen):
        rest = {name: value for name, value in chosen.items() if name not in ("device_requests", "runtime")}
        return rest, "note: this engine offers no GPU; going on without"
    return None


def command(argv: tuple[str | Secret, ...]) -> list[str]:
    """The words for the container. A secret is read from its file by a shell, so the configuration shows its name."""
    if not any(isinstance(word, Secret) for word in argv):
        return [str(word) for word in argv]
    words = [f'"$(cat {SECRETS}/{word.name})"' if isinstance(word, Secret) else shlex.quote(word) for word in argv]
    return ["/bin/sh", "-c", "exec " + " ".join(words)]


def secrets_of(job: Job) -> Mapping[str, str]:
    """The job's secrets, and for programs of ours the key with which they know what they wrote earlier."""
    ours = job.environment.get(seal.PLACE) == f"{SECRETS}/{seal.NAME}"
    return {**job.secrets, **({seal.NAME: seal.user_key().hex()} if ours else {})}


def secret_archive(secrets: Mapping[str, str], caller: Caller) -> bytes:
    """A tar to unpack at the container's root: one file a secret, readable by the caller's uid alone."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folder = tarfile.TarInfo(SECRETS[1:])
        folder.type, folder.mode, folder.uid, folder.gid = tarfile.DIRTYPE, 0o500, caller.uid, caller.gid
        archive.addfile(folder)
        for name, value in secrets.items():
            content = value.encode()
            file = tarfile.TarInfo(f"{SECRETS[1:]}/{name}")
            file.size, file.mode, file.uid, file.gid = len(content), 0o400, caller.uid, caller.gid
            archive.addfile(file, io.BytesIO(content))
    return buffer.getvalue()


_BREAK = re.compile(r"\r\n|\n|\r|\x08+")


class Splitter:
    """Cuts a stream of bytes into lines as it comes. Progress bars rewrite a line by ``\\r`` or backspaces; each
    state of such a line is *passing*: shown perhaps, worth keeping never."""

    def __init__(self) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.rest = ""

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bool]]:
        """The lines that ``chunk`` completes, each with whether it is passing."""
        self.rest += self.decoder.decode(chunk)
        start = 0
        for end in _BREAK.finditer(self.rest):
            if end[0] == "\r" and end.end() == len(self.rest):
                break  # the first half of \r\n, perhaps
            yield from _line(self.rest[start : end.start()], passing=not end[0].endswith("\n"))
            start = end.end()
        self.rest = self.rest[start:]

    def close(self) -> Iterator[tuple[str, bool]]:
        """What remains without a line end."""
        rest, self.rest = (self.rest + self.decoder.decode(b"", final=True)).rstrip("\r"), ""
        if rest:
            yield rest, False


def _line(text: str, *, passing: bool) -> Iterator[tuple[str, bool]]:
    if text.strip() or not passing:
        yield text, passing
