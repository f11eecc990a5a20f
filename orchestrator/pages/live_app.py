"""The live page's server: files of the page, an API that only reads, and events for as long as a page is open.

To be imported where ``tltpipe.web.require`` has found what it needs.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import anyio
import msgspec
from fastapi import FastAPI, Query, Request
from fastapi.responses import Response, StreamingResponse

from orchestrator.pages import WATCH
from orchestrator.pages.live import POINTS, Live, Seen
from tltpipe.web import app as web
from tltpipe.web import guard, static
from tltpipe.web.problems import RequestProblem

TICK, ALIVE = 1.0, 15.0
"""Seconds between two looks at a training that is listened to, and between comments that keep a connection open."""
MOST_POINTS = 2000
MOST_RUNS = 20
"""Trainings that one page listens to."""


def create(
    paths: Sequence[Path],
    stopping: threading.Event,
    *,
    hosts: Collection[str] = guard.LOOPBACK,
    token: str | None = None,
) -> FastAPI:
    """The application for the trainings in ``paths``; when ``stopping`` is set, answers that never end do."""
    made = web.create("tltpipe watch", hosts=hosts, token=token, description="Trainings, as their files tell of them.")

    live = Live(paths)
    _reads(made, live)
    _files(made, live)
    _events(made, live, stopping)
    static.mount(made, WATCH)
    return made


def _reads(made: FastAPI, live: Live) -> None:

    def answer(told: Any) -> Response:
        return Response(msgspec.json.encode(told), media_type="application/json", headers={"Cache-Control": "no-store"})

    @made.get("/api/runs", summary="All trainings")
    def runs() -> Response:
        return answer(live.list())

    @made.get("/api/runs/{identity}", summary="One training, without the curves of its steps")
    def run(identity: str) -> Response:
        return answer(live.details(identity))

    @made.get("/api/runs/{identity}/steps", summary="Curves over the steps: step, least, greatest, mean")
    def steps(
        identity: str,
        points: Annotated[int, Query(ge=1, le=MOST_POINTS)] = POINTS,
        after: Annotated[int, Query(ge=-1, lt=2**53)] = -1,
    ) -> Response:
        return answer(live.steps(identity, points=points, after=after))

    @made.get("/api/runs/{identity}/log", summary="Lines of the log behind the first so many")
    def log(identity: str, after: Annotated[int, Query(ge=0, lt=2**53)] = 0) -> Response:
        return answer(live.log(identity, after=after))


def _files(made: FastAPI, live: Live) -> None:

    def image(path: Path | None, name: str, request: Request) -> Response:
        try:
            if path is not None:
                return static.file(path, request)
        except OSError:  # it was there a moment ago
            pass
        raise RequestProblem(404, f'this run has no image "{name}"')

    @made.get("/api/runs/{identity}/samples/{name}", summary="Predictions beside what is true, as an image")
    def sample(identity: str, name: str, request: Request) -> Response:
        return image(live.one(identity).sample(name), name, request)

    @made.get("/api/runs/{identity}/pictures/{name}", summary="An image that a training leaves")
    def picture(identity: str, name: str, request: Request) -> Response:
        return image(live.one(identity).picture(name), name, request)


def _events(made: FastAPI, live: Live, stopping: threading.Event) -> None:

    @made.get("/api/events", summary="Server-sent events: what changes of trainings, by their ids")
    def events(runs: Annotated[str, Query(description="ids, with commas between (default: all)")] = "") -> Any:
        named = list(dict.fromkeys(filter(None, runs.split(",")))) or [each.identity for each in live.all()]
        if len(named) > MOST_RUNS:
            raise RequestProblem(422, f"{len(named)} runs are too many to listen to at once", hint=f"name {MOST_RUNS}")
        seen = [Seen(live.one(identity).identity) for identity in named]
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_stream(live, seen, stopping), media_type="text/event-stream", headers=headers)


async def _stream(live: Live, seen: Sequence[Seen], stopping: threading.Event) -> AsyncIterator[bytes]:
    """Events until the page is closed, which cancels this, or the server stops."""

    yield b"retry: 2000\n\n"
    quiet = 0.0
    while not stopping.is_set():
        for each in seen:
            try:
                changed = await anyio.to_thread.run_sync(partial(live.changes, each))
            except RequestProblem:  # its folder is gone, for now perhaps
                continue
            if changed is not None:
                quiet = 0.0
                yield b"event: run\ndata: " + msgspec.json.encode(changed) + b"\n\n"
        quiet += TICK
        if quiet >= ALIVE:
            quiet = 0.0
            yield b": still here\n\n"
        await anyio.sleep(TICK)
