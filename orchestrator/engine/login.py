"""Log-ins at registries: what Docker's own stores have of them, and what a registry's refusal of an image means."""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

from orchestrator.jobs.checks import Check
from tltpipe.errors import HostError

NGC = "nvcr.io"
"""NVIDIA's registry: its user is called $oauthtoken, and its images have licences to accept."""
_DENIED = re.compile(r"denied|forbidden|(?<![\d:])403\b")
_UNAUTHORIZED = re.compile(r"unauthorized|no basic auth|authentication|authorization|(?<![\d:])401\b")
_ABSENT = ("not found", "manifest unknown", "invalid reference", "name unknown")


@dataclass(frozen=True)
class Login:
    """A log-in that is stored for ``host``, under a ``user`` where the store has a name."""

    host: str
    user: str | None


def host_of(image: str) -> str:
    """The registry that ``image`` comes from."""
    first, slash, _ = image.partition("/")
    known = slash and ("." in first or ":" in first or first == "localhost")
    return first if known else "docker.io"


def stored(host: str) -> Login | None:
    """The log-in for ``host`` in Docker's config.json or the credential helper that it names; None if there is none.

    Raises HostError where these cannot be read.
    """
    from docker.auth import load_config
    from docker.errors import DockerException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the SDK's, of a helper that is not installed: it becomes an error here
            found = load_config().resolve_authconfig(host)
    except (DockerException, ValueError, TypeError, AttributeError, RecursionError) as problem:
        raise unreadable(problem) from problem
    if not found:
        return None
    return Login(host, found.get("username") or found.get("Username"))


def check(host: str) -> Check:
    """Whether a log-in for ``host`` is stored; whether it is accepted shows when an image is asked for."""
    try:
        login = stored(host)
    except HostError as problem:
        return Check("log-in", ok=False, found=str(problem), hint=problem.hint)
    if login is None:
        return Check("log-in", ok=False, found=f"no log-in at {host} is stored", hint=_how(host), needed=False)
    return Check("log-in", ok=True, found=host if login.user is None else f"{host}, as {login.user}")


def unreadable(problem: Exception) -> HostError:
    """Why Docker's stores cannot be read."""
    helper = re.search(r"docker-credential-[\w.-]+", str(problem))
    if helper is None:
        what, hint = "the log-ins in this file cannot be read", "move it away and log in again: docker login"
    elif "not installed" in str(problem):
        what = f"this file names {helper[0]} as the store of log-ins, which is not installed"
        hint = f"install {helper[0]}, or remove credsStore and credHelpers there and log in again: docker login"
    else:
        what = f"the store of log-ins, {helper[0]}, failed: {str(problem)[:200]}"
        hint = f"does `{helper[0]} list` work? without it: remove credsStore there and log in again"
    return HostError(what, where=_config(), hint=hint)


def refused(image: str, trouble: str) -> HostError:
    """What it means that the registry of ``image`` answered ``trouble``, and what to do."""
    words, host = trouble.lower(), host_of(image)
    what, hint = f"the image {image} is not here and cannot be pulled", None
    if any(part in words for part in _ABSENT):
        return HostError(f"{what}: {host} has no such image", hint="check the name and the tag")
    denied = _DENIED.search(words) is not None
    if denied or _UNAUTHORIZED.search(words):
        reason, hint = _without_right(image, stored(host), denied=denied)
        return HostError(f"{what}: {reason}", hint=hint)
    lines = [line for line in trouble.splitlines() if line.strip()]
    hint = f"check the network, or load it from a file: docker load; --toolkit embedded runs without {image}"
    return HostError(f"{what}: {lines[0][:300] if lines else 'no reason given'}", hint=hint)


def _without_right(image: str, login: Login | None, *, denied: bool) -> tuple[str, str]:
    """Why this user may not have ``image``, and what to do. ``denied``: the registry knows who asks."""
    host = host_of(image)
    how = _how(host)
    if login is None and host == NGC:
        return f"no log-in at {host} is stored", f"{how}; --toolkit embedded needs no image"
    if login is None:
        return f"no log-in at {host} is stored, and to others it gives no such image", f"check the name, or {how}"
    user = f" of {login.user}" if login.user else ""
    if not denied:
        return f"{host} does not accept the stored log-in{user}", f"log in again: {how}"
    page = f": sign in at {catalogue(image)}" if host == NGC else ""
    hint = f"accept the licence of the image with that account{page}, and check the name; --toolkit embedded needs none"
    return f"the log-in{user} at {host} has no right to it: its licence is not accepted, or it is private", hint


def _how(host: str) -> str:
    """How to log in at ``host``."""
    ngc = ", as user $oauthtoken with an NGC API key (https://org.ngc.nvidia.com/setup/api-keys)"
    return f"docker login {host}{ngc if host == NGC else ''}"


def catalogue(image: str) -> str:
    """The page of an image of NVIDIA's registry, where its licence is accepted."""
    path = image.partition("@")[0].partition("/")[2].partition(":")[0]
    organisation, *teams, name = path.split("/") if "/" in path else ("nvidia", path)
    team = "".join(f"/teams/{part}" for part in teams)
    return f"https://catalog.ngc.nvidia.com/orgs/{organisation}{team}/containers/{name}"


def _config() -> Path:
    return Path(os.environ.get("DOCKER_CONFIG") or Path(os.environ.get("HOME", "~"), ".docker"), "config.json")
