"""An application of ours: FastAPI with guards, without pages that need somebody else's server."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from typing import TYPE_CHECKING

from tltpipe import __version__
from tltpipe.errors import TltpipeError
from tltpipe.web import require
from tltpipe.web.guard import LOOPBACK, Asgi, Guard
from tltpipe.web.problems import MEDIA_TYPE, Problem, RequestProblem, problem

if TYPE_CHECKING:
    from fastapi import FastAPI
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
    app.add_exception_handler(TltpipeError, lambda _request, error: answer(problem(_ours(error))))
    app.add_exception_handler(HTTPException, lambda _request, error: answer(_of_http(error)))
    app.add_exception_handler(RequestValidationError, lambda _request, error: answer(_of_validation(error)))
    app.add_exception_handler(Exception, lambda _request, _error: answer(UNEXPECTED))
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(origins), allow_methods=["GET", "POST"], allow_headers=["*"]
        )
    app.add_middleware(Guard, hosts=hosts, origins=origins, token=token, refuse=_refusal)
    static.mount_shared(app)
    return app


UNEXPECTED = Problem(HTTPStatus(500), "this is a fault of the program", "its log says more")


def answer(told: Problem) -> Response:
    """``told`` as a response."""
    from fastapi.responses import JSONResponse

    return JSONResponse(told.body(), status_code=told.status, headers=dict(told.headers), media_type=MEDIA_TYPE)


def _refusal(error: RequestProblem) -> Asgi:
    return answer(problem(error))


def _ours(error: Exception) -> TltpipeError:
    assert isinstance(error, TltpipeError)
    return error


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
