"""An application of ours: FastAPI with guards, without pages that need somebody else's server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus
from typing import TYPE_CHECKING

from tltpipe import __version__
from tltpipe.errors import TltpipeError
from tltpipe.web import require
from tltpipe.web.guard import HEADERS, LOOPBACK, Asgi, Guard
from tltpipe.web.problems import MEDIA_TYPE, Problem, RequestProblem, problem

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from fastapi.responses import Response


def create(
    title: str,
    *,
    hosts: Collection[str] = LOOPBACK,
    origins: Collection[str] = (),
    token: str | None = None,
    description: str = "",
) -> FastAPI:
    """An application called ``title``, guarded (``Guard``), with the shared files at ``/theme`` and ``/openapi.json``.

    Its errors are problem+json: raise a ``TltpipeError`` (``RequestProblem`` for a status of one's own).
    Raises HostError where the extra ``serve`` is missing.
    """
    require()
    from fastapi import FastAPI
    from fastapi.exceptions import RequestValidationError
    from fastapi.middleware.cors import CORSMiddleware
    from starlette.exceptions import HTTPException

    from tltpipe.web import static

    app = FastAPI(title=title, version=__version__, description=description, docs_url=None, redoc_url=None)
    kinds = {TltpipeError: _of_ours, HTTPException: _of_http, RequestValidationError: _of_validation}
    for kind, read in (*kinds.items(), (Exception, _of_fault)):
        app.add_exception_handler(kind, _answering(read))
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(origins), allow_methods=["GET", "POST"], allow_headers=["*"]
        )
    app.add_middleware(Guard, hosts=hosts, origins=origins, token=token, refuse=_refusal)
    static.mount_shared(app)
    return app


UNEXPECTED = Problem(HTTPStatus(500), "this is a fault of the program", "its log says more", HEADERS)
"""Answered outside of the guard, by what catches all: so it has the guard's headers itself."""


def answer(told: Problem) -> Response:
    """``told`` as a response."""
    from fastapi.responses import JSONResponse

    return JSONResponse(told.body(), status_code=told.status, headers=dict(told.headers), media_type=MEDIA_TYPE)


def _refusal(error: RequestProblem) -> Asgi:
    return answer(problem(error))


def _answering(read: Callable[[Exception], Problem]) -> Callable[[Request, Exception], Awaitable[Response]]:
    """A handler that answers with what ``read`` makes of an error; on the event loop: a flood of refusals needs no
    threads."""

    async def handle(_request: Request, error: Exception) -> Response:
        return answer(read(error))

    return handle


def _of_fault(_error: Exception) -> Problem:
    return UNEXPECTED


def _of_ours(error: Exception) -> Problem:
    assert isinstance(error, TltpipeError)
    return problem(error)


def _of_http(error: Exception) -> Problem:
    from starlette.exceptions import HTTPException

    assert isinstance(error, HTTPException)
    return Problem(HTTPStatus(error.status_code), str(error.detail), headers=error.headers or {})


def _of_validation(error: Exception) -> Problem:
    """The first thing that is wrong with a request, by the name of its part."""
    from fastapi.exceptions import RequestValidationError

    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return Problem(HTTPStatus(422), f"{place}: {first['msg']}", "see /openapi.json")
