"""Images out of the body of a request, which is read no further than the limits go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import NamedTuple

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from runtime.serving.fetching import Fetcher
from runtime.serving.limits import Limits
from tltpipe.answers import ImageUrl
from tltpipe.web.problems import RequestProblem

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it warns of what the client is told

FIELD = "image"
"""Of a form."""
JSON, FORM = "application/json", "multipart/form-data"
PLAIN = ("", "application/octet-stream", "application/x-www-form-urlencoded")
"""Types of what a program sends that was told none: it may be an image all the same."""
LINGER = 5.0
"""Seconds, at most half of those that a body may take, in which the rest of one that is too large may come: a client
that is still sending reads no answer."""
HINT = "send the bytes of an image, or a form with one or more files called image"


class Picture(NamedTuple):
    """The ``data`` of an image file, and what it is called."""

    name: str
    data: bytes


class Bodies:
    """Reads bodies within ``limits``; ``fetcher`` None: URLs are not answered for."""

    def __init__(self, limits: Limits, fetcher: Fetcher | None = None) -> None:
        self.limits, self.fetcher = limits, fetcher
        self.received = 0
        """Bytes of bodies that are being received now."""

    async def pictures(self, request: Request) -> tuple[list[Picture], bool]:
        """The images of a request, and whether it is a form: 400 for a body that is not what it says, 408 for one that
        is slow, 413 for one that is too large, 415 for one that is no image."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not (kind.startswith("image/") or kind in (*PLAIN, JSON, FORM)):
            raise RequestProblem(415, f"the body is {kind}, not an image", hint=HINT)
        try:
            async with asyncio.timeout(self.limits.timeout):
                data = await self._body(request)
        except TimeoutError:
            raise RequestProblem(408, "the body took too long to arrive", headers={"Connection": "close"}) from None
        if kind == FORM:
            return await self._form(request, data), True
        if kind == JSON:
            return [await self._fetched(data)], False
        return [Picture("", data)], False

    async def _body(self, request: Request) -> bytes:
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > self.limits.bytes:
            await self._linger(request)
            raise self._too_large(int(length))
        parts, size = list[bytes](), 0
        try:
            async for part in request.stream():
                size += len(part)
                self.received += len(part)
                parts.append(part)
                if size > self.limits.bytes:
                    parts.clear()
                    await self._linger(request)
                    raise self._too_large(size)
                if self.received > self.limits.bodies:
                    what = "too many images are being received at once"
                    raise RequestProblem(503, what, hint="try again in a second", headers={"Retry-After": "1"})
        except ClientDisconnect:
            raise RequestProblem(400, "the body was cut short") from None
        finally:
            self.received -= size
        return b"".join(parts)

    def _too_large(self, size: int) -> RequestProblem:
        what = f"the body has {size:,} bytes or more, at most {self.limits.bytes:,} are read"
        hint = "send a smaller image, or start the server with a larger --max-bytes"
        return RequestProblem(413, what, hint=hint, headers={"Connection": "close"})

    async def _linger(self, request: Request) -> None:
        """Let the rest of the body come, and forget it."""
        with suppress(TimeoutError, ClientDisconnect, RuntimeError):
            async with asyncio.timeout(min(LINGER, self.limits.timeout / 2)):
                async for _ in request.stream():
                    pass

    async def _form(self, request: Request, data: bytes) -> list[Picture]:
        async def stream() -> AsyncGenerator[bytes]:
            yield data

        parser = MultiPartParser(request.headers, stream(), max_files=self.limits.images, max_fields=self.limits.images)
        parser.spool_max_size = self.limits.bytes + 1  # nothing goes to a disk
        try:
            # In a thread: of 16 MB it takes a second, in which nobody else would be answered.
            form = await asyncio.to_thread(lambda: asyncio.run(parser.parse()))
        except MultiPartException as error:
            if "Too many files" in error.message:
                what = f"this form has more than {self.limits.images} images"
                raise RequestProblem(413, what, hint="send fewer at once") from None
            raise RequestProblem(400, f"this is no form: {error.message}", hint=HINT) from None
        except Exception as error:  # its reader raises what it came upon
            raise RequestProblem(400, "this is no form", hint=HINT) from error
        files = [each for each in form.getlist(FIELD) if isinstance(each, UploadFile)]
        if not files or len(files) != len(form.multi_items()):
            others = ", ".join(sorted({name for name, _ in form.multi_items()})) or "nothing"
            raise RequestProblem(400, f'the form must have files called "{FIELD}" alone, it has: {others}', hint=HINT)
        return [Picture(each.filename or "", await each.read()) for each in files]

    async def _fetched(self, data: bytes) -> Picture:
        if self.fetcher is None:
            raise RequestProblem(
                415, "images behind URLs are not fetched here", hint="start the server with --allow-urls"
            )
        try:
            url = ImageUrl.model_validate_json(data).url
        except ValidationError:
            raise RequestProblem(
                400, "the body is JSON, but not an image's URL", hint='send {"url": "https://..."}'
            ) from None
        return Picture(url.partition("?")[0].rpartition("/")[2], await self.fetcher(url))
