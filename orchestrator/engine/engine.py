"""The Docker engine of this machine: reaching it, and what its refusals mean."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from orchestrator.engine import login
from tltpipe.errors import HostError

TIMEOUT_SECONDS = 60
"""How long one answer of the engine may take; following a job's output is not bound by it."""
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def connect() -> Any:
    """A ``docker.DockerClient`` on the engine that the ``docker`` command would use (DOCKER_HOST, else the context).

    Raises HostError when there is none, when it may not be used, or when it is on another machine.
    """
    try:
        from docker.client import DockerClient
        from docker.errors import DockerException, InvalidConfigFile
    except ImportError as missing:
        raise HostError("the Docker SDK is not installed", hint="pip install docker") from missing
    where = address()
    remote = elsewhere(where)
    if remote is not None:
        what = f"the engine at {where} is on another machine ({remote}), where this workspace cannot be mounted"
        raise HostError(what, hint="unset DOCKER_HOST, or run tltpipe over there")
    try:
        if os.environ.get("DOCKER_HOST"):
            return DockerClient.from_env(timeout=TIMEOUT_SECONDS)
        return DockerClient(base_url=where, timeout=TIMEOUT_SECONDS)
    except (
        InvalidConfigFile,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as problem:  # it reads all log-ins
        raise login.unreadable(problem) from problem
    except DockerException as refusal:
        raise HostError(f"no Docker engine answers at {where}: {_reason(refusal)}", hint=_remedy(refusal)) from refusal


def address() -> str:
    """Where the engine listens: what DOCKER_HOST or the ``docker`` context says, else the usual socket."""
    from docker.constants import DEFAULT_UNIX_SOCKET
    from docker.context import ContextAPI

    given = os.environ.get("DOCKER_HOST")
    if given:
        return given
    context = ContextAPI.get_current_context()
    host = getattr(context, "Host", None) or DEFAULT_UNIX_SOCKET
    return str(host).replace("http+unix://", "unix://")


def elsewhere(where: str) -> str | None:
    """The name of the machine that ``where`` points to, None if it is this one."""
    parts = urlsplit(where if "://" in where else f"tcp://{where}")
    if parts.scheme in ("unix", "http+unix", "npipe", "fd") or parts.hostname in LOCAL_HOSTS:
        return None
    return parts.hostname or where


@contextmanager
def answering() -> Iterator[None]:
    """Turn what the SDK raises when the engine fails, or goes away in the middle, into a HostError."""
    from docker.errors import DockerException
    from requests import RequestException

    try:
        yield
    except (DockerException, RequestException) as broken:
        hint = "is it still running? `docker info` may tell; run the same command again"
        raise HostError(f"the Docker engine failed: {explanation(broken)}", hint=hint) from broken


def explanation(refusal: Exception) -> str:
    """What the engine said, without the wrapping of the SDK."""
    return str(getattr(refusal, "explanation", None) or refusal).strip()


def _reason(refusal: Exception) -> str:
    text = str(refusal)
    known = {
        "FileNotFoundError": "there is no such socket",
        "PermissionError": "permission denied",
        "ConnectionRefusedError": "nothing listens there",
    }
    return next((words for name, words in known.items() if name in text), text)


def _remedy(refusal: Exception) -> str:
    if "PermissionError" in str(refusal):
        return "let this user use it: sudo usermod -aG docker $USER, then log in again"
    return "start it (sudo systemctl start docker), or install Docker; --runner local needs none"
