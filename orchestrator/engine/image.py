"""The image of our own programs, built by the local engine from this very installation."""

from __future__ import annotations

import io
import re
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from orchestrator.engine import engine
from orchestrator.screen.report import Report
from tltpipe import __version__
from tltpipe.errors import HostError
from tltpipe.progress import Tick

TAG = f"tltpipe:{__version__}"
DOCKERFILE = "docker/Dockerfile"
DATA = (DOCKERFILE, "docker/serve.Dockerfile", "pyproject.toml", "constraints.txt", "README.md", "LICENSE")
ROOMS = ("tltpipe", "converters", "specs", "orchestrator", "runtime")
EXTRAS = "runtime,export"
WIDTH = 60
"""Characters of a Dockerfile's step that an error shows."""
_STEP = re.compile(r"^Step (\d+)/(\d+) : (.*)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def build(
    report: Report,
    *,
    tag: str = TAG,
    base_image: str | None = None,
    extras: str = EXTRAS,
    dockerfile: str = DOCKERFILE,
    added: Mapping[str, bytes] | None = None,
) -> str:
    """Build ``tag`` and return its id. ``extras`` "" leaves PyTorch out; ``base_image`` None is the Dockerfile's own.
    ``added`` are files of the context beside our sources, or in place of one.

    Raises HostError without an engine, and with the failing step and its last words when the build fails.
    """
    from docker.errors import APIError

    client = engine.connect()
    start = time.monotonic()
    report.begin("image", f"{tag}, on {base_image or 'the base image of the Dockerfile'}")
    arguments = {"EXTRAS": extras, "VERSION": __version__}
    if base_image is not None:
        arguments["BASE_IMAGE"] = base_image
    try:
        events = client.api.build(
            fileobj=io.BytesIO(context(added)),
            custom_context=True,
            dockerfile=dockerfile,
            tag=tag,
            buildargs=arguments,
            rm=True,
            forcerm=True,
            decode=True,
        )
        _follow(events, report)
    except APIError as refusal:
        raise HostError(f"the engine refused to build: {engine.explanation(refusal)}") from refusal
    report.end("image", time.monotonic() - start)
    return str(client.images.get(tag).id)


def context(added: Mapping[str, bytes] | None = None) -> bytes:
    """A tar of what the Dockerfile needs: its sources as they are installed here, no trace of who built it."""
    buffer = io.BytesIO()
    contents = {name: path.read_bytes() for name, path in sources().items()} | dict(added or {})
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in sorted(contents.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def sources() -> Mapping[str, Path]:
    """The files of the build context by their name in it. An installed wheel has the data in ``orchestrator/context``.

    Raises HostError when the installation lacks them.
    """
    here = Path(__file__).parents[2]
    data = here if (here / DOCKERFILE).is_file() else here / "orchestrator" / "context"
    found = {name: data / name for name in DATA}
    missing = [name for name, path in found.items() if not path.is_file()]
    if missing:
        raise HostError(f"this installation has no {', '.join(missing)}", where=data, hint="install tltpipe again")
    for room in ROOMS:
        found |= {path.relative_to(here).as_posix(): path for path in _files(here / room)}
    return found


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir() and path.name not in ("__pycache__", "context"):
            yield from _files(path)
        elif path.is_file():
            yield path


def _follow(events: Iterable[Mapping[str, Any]], report: Report) -> None:
    """Show the build's steps as progress and its output as lines; raises HostError for the step that fails."""
    step, words = "", list[str]()
    for event in events:
        if "error" in event:
            raise _failure(step, words, str(event["error"]))
        for line in str(event.get("stream", "")).splitlines():
            if match := _STEP.match(line):
                step, words = match[3], []
                report.tick(Tick("image", int(match[1]) - 1, int(match[2]), "steps", step), line)
            elif line.strip() and not line.startswith(" --->"):
                words.append(_COLOUR.sub("", line))
                report.line(line)


def _failure(step: str, words: list[str], error: str) -> HostError:
    told = "".join(f"\n  {line}" for line in words[-8:])
    lacking = any(part in error for part in ("pull access denied", "no such host", "manifest unknown", "not found"))
    if step.startswith(("ARG", "FROM")) or (lacking and not words):
        hint = "check the name and the network; --base-image builds on an image that is here"
        return HostError(f"the base image cannot be had: {error}", hint=hint)
    hint = "the lines above say what pip lacked; a base image may bring its own settings (/etc/pip.conf)"
    short = f"{step[:WIDTH]}..." if len(step) > WIDTH else step
    status = error.rpartition("' ")[2]  # the engine repeats the whole step before it
    return HostError(f"building the image failed at `{short}`: {status}{told}", hint=hint if "pip" in step else None)
