"""The server's API and page as an application."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response, WebSocket
from PIL import Image
from starlette.requests import HTTPConnection

from runtime.serving import uploads
from runtime.serving.bodies import Bodies
from runtime.serving.fetching import Fetcher
from runtime.serving.meters import MEDIA_TYPE as METRICS
from runtime.serving.meters import Meters
from runtime.serving.service import Choice, Service
from runtime.serving.stream import Streams
from tltpipe import web
from tltpipe.answers import Answer, Answers, Problem, ServedModel
from tltpipe.errors import TltpipeError
from tltpipe.web import app as web_app
from tltpipe.web import static
from tltpipe.web.guard import LOOPBACK, Asgi, Message, Receive, Send
from tltpipe.web.problems import MEDIA_TYPE, RequestProblem

PAGE = Path(__file__).with_name("static")
"""The page of this server."""
JPEG = "image/jpeg"
PARAMETERS = frozenset({"model", "threshold", "classes"})
"""What the address of a request for predictions may say."""
REFUSALS = (400, 401, 403, 408, 413, 415, 421, 422, 429, 500, 503, 504)
BINARY = {"schema": {"type": "string", "format": "binary"}}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "image/*": BINARY,
            "application/octet-stream": BINARY,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {"image": {"type": "array", "items": BINARY["schema"], "minItems": 1}},
                }
            },
            "application/json": {
                "schema": {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}}
            },
        },
    }
}

ModelName = Annotated[str | None, Query(description="Name of the model (default: the first one).")]
Threshold = Annotated[
    float | None,
    Query(ge=0, le=1, allow_inf_nan=False, description="Lowest score (default: a low one, for pages that filter)."),
]
Classes = Annotated[str | None, Query(description="Names of classes, with commas (default: all).")]


def create(
    service: Service,
    *,
    hosts: Collection[str] = LOOPBACK,
    origins: Collection[str] = (),
    token: str | None = None,
    fetcher: Fetcher | None = None,
) -> FastAPI:
    """The application of ``service``, which must be running while it is used. ``hosts``, ``origins`` and ``token`` are
    those of ``tltpipe.web.app``. Raises HostError where an extra is missing."""
    web.require("multipart", "prometheus_client")
    about = "Predictions of trained models for images. " + (Answer.__doc__ or "")
    app = web_app.create("tltpipe serve", hosts=hosts, origins=origins, token=token, description=about)
    app.add_middleware(Timed, meters=service.meters)
    _add_models(app, service)
    _add_predict(app, service, Bodies(service.limits, fetcher))
    _add_stream(app, service)
    _add_health(app, service)
    if fetcher is not None:
        _add_picture(app, service, fetcher)
    if (PAGE / "index.html").is_file():
        static.mount(app, PAGE)
    return app


def _refused(*statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def _add_models(app: FastAPI, service: Service) -> None:
    @app.get("/v1/models", responses=_refused(401, 403, 421))
    async def models() -> list[ServedModel]:
        """The models that are served; the first is the default."""
        return [engine.served.facts for engine in service.engines.values()]

    @app.get("/v1/models/{name}", responses=_refused(401, 403, 404, 421, 422))
    async def model(name: str) -> ServedModel:
        """One of them."""
        engine = service.engines.get(name)
        if engine is None:
            raise RequestProblem(404, f'no model is called "{name}"', hint=f"served: {', '.join(service.engines)}")
        return engine.served.facts


def _add_predict(app: FastAPI, service: Service, bodies: Bodies) -> None:
    described: dict[int | str, dict[str, Any]] = {200: {"content": {JPEG: BINARY}, "description": "Predictions."}}

    @app.post(
        "/v1/predict", response_model=Answer | Answers, responses=described | _refused(*REFUSALS), openapi_extra=BODY
    )
    async def predict(
        request: Request, model: ModelName = None, threshold: Threshold = None, classes: Classes = None
    ) -> Response:
        """Predict on an image, or on each of a form: ``Answer``, or ``Answers``; with ``Accept: image/jpeg`` drawn."""
        if not service.ready:
            raise RequestProblem(503, "the server is stopping", headers={"Retry-After": "5"})
        _require_known(request)
        choice = service.choice(model, threshold, classes, drawn=_wants_jpeg(request))
        pictures, several = await bodies.pictures(request)
        if choice.drawn and len(pictures) > 1:
            raise RequestProblem(422, "several images cannot be answered by one picture", hint="send one at a time")
        content = await service.predict(pictures, choice)
        return _response(content, choice, several=several)


def _require_known(request: HTTPConnection) -> None:
    """Raise RequestProblem for a parameter that there is not: with a letter missing it would have no effect."""
    if strangers := sorted({*request.query_params} - PARAMETERS):
        hint = f"known: {', '.join(sorted(PARAMETERS))}"
        raise RequestProblem(422, f'no parameter is called "{strangers[0]}"', hint=hint)


def _wants_jpeg(request: Request) -> bool:
    """Whether the first type that is accepted is JPEG."""
    return request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip().lower() == JPEG


def _response(content: list[bytes], choice: Choice, *, several: bool) -> Response:
    if choice.drawn:
        return Response(content[0], media_type=JPEG, headers={"Cache-Control": "no-store"})
    text = b'{"images":[' + b",".join(content) + b"]}" if several else content[0]
    return Response(text, media_type="application/json", headers={"Cache-Control": "no-store"})


def _add_stream(app: FastAPI, service: Service) -> None:
    streams = Streams(service)

    @app.websocket("/v1/stream")
    async def stream(
        socket: WebSocket, model: ModelName = None, threshold: Threshold = None, classes: Classes = None
    ) -> None:
        try:
            _require_known(socket)
            choice = service.choice(model, threshold, classes)
        except TltpipeError as error:
            await socket.close(1008, error.what[:100])
            return
        await streams(socket, choice)


def _add_picture(app: FastAPI, service: Service, fetcher: Fetcher) -> None:
    described: dict[int | str, dict[str, Any]] = {200: {"content": {"image/*": BINARY}, "description": "The image."}}

    @app.get("/v1/picture", response_class=Response, responses=described | _refused(401, 403, 413, 415, 421, 422, 504))
    async def picture(url: Annotated[str, Query(max_length=4096)]) -> Response:
        """The image behind a URL, for a page that shows what it sends."""
        data = await fetcher(url)
        reading = partial(uploads.read, "", data, pixels=service.limits.pixels)
        found = await asyncio.get_running_loop().run_in_executor(service.pool, reading)
        return Response(data, media_type=Image.MIME[found.format], headers={"Cache-Control": "no-store"})


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Whether the server is alive."""
        return {"status": "alive"}

    @app.get("/readyz", responses=_refused(503))
    async def readyz() -> dict[str, str]:
        """Whether it answers: its models are warm, and it is not stopping."""
        if not service.ready:
            raise RequestProblem(503, "not ready", headers={"Retry-After": "5"})
        return {"status": "ready"}

    @app.get(
        "/metrics", response_class=Response, responses={**_refused(401, 403, 421), 200: {"content": {METRICS: {}}}}
    )
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(service.meters.text(), media_type=METRICS)


class Timed:
    """ASGI middleware that counts and times requests by their routes."""

    def __init__(self, app: Asgi, *, meters: Meters) -> None:
        self.app, self.meters = app, meters

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.meters.request(route, status, time.perf_counter() - begun)
