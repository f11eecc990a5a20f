"""The files a page is made of, with the types that browsers insist on, never older than those on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from tltpipe.web import SHARED

if TYPE_CHECKING:
    from fastapi import FastAPI

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
}
"""By suffix: the machine's own table may call JavaScript text/plain, and a browser refuses such a module."""


def mount(app: FastAPI, folder: Path, *, at: str = "/static", index: str | None = "index.html") -> None:
    """Serve the files of ``folder`` (not of folders in it) below ``at``, and its ``index``, if any, as ``/``."""

    @app.api_route(f"{at}/{{name}}", methods=["GET", "HEAD"], include_in_schema=False)
    def one(name: str, request: Request) -> Response:
        path = folder / name
        if path.suffix not in TYPES or not path.is_file():
            raise HTTPException(404, f"no file {name}")
        return file(path, request)

    if index is not None:

        @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
        def home(request: Request) -> Response:
            return file(folder / index, request)


def mount_shared(app: FastAPI) -> None:
    """Serve what all pages share below ``/theme``, and the icon where browsers look for one."""
    mount(app, SHARED, at="/theme", index=None)

    @app.get("/favicon.ico", include_in_schema=False)
    def icon(request: Request) -> Response:
        return file(SHARED / "favicon.svg", request)


def file(path: Path, request: Request) -> Response:
    """The file ``path``, or 304 where the browser has it as it is."""
    content = path.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"Cache-Control": "no-cache", "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=TYPES[path.suffix], headers=headers)
