"""A websocket on which images come as a stream, such as a camera's: the newest frame counts."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from fastapi import WebSocket, WebSocketDisconnect

from runtime.serving.bodies import Picture
from runtime.serving.service import Choice, Service
from tltpipe.errors import TltpipeError
from tltpipe.web.problems import problem

AT_ONCE = 32
"""Streams that one server has."""
UNSUPPORTED, TRY_LATER = 1003, 1013
"""Codes of websockets."""


class Frames:
    """The newest frame of a stream and its number; one that nobody took is replaced."""

    def __init__(self) -> None:
        self.number = 0
        self._data: bytes | None = None
        self._there = asyncio.Event()

    def put(self, data: bytes) -> None:
        self.number, self._data = self.number + 1, data
        self._there.set()

    async def take(self) -> tuple[int, bytes]:
        await self._there.wait()
        self._there.clear()
        data, self._data = self._data, None
        assert data is not None
        return self.number, data


class Streams:
    """The streams of ``service``."""

    def __init__(self, service: Service) -> None:
        self.service, self.open = service, 0

    async def __call__(self, socket: WebSocket, choice: Choice) -> None:
        """Answer frames on ``socket`` until it closes; a frame without an answer has a problem in its place."""
        if self.open >= AT_ONCE:
            await socket.close(TRY_LATER, "too many streams")
            return
        self.open += 1  # before anything is waited for: many may come at once
        frames = Frames()
        answering = asyncio.create_task(self._answer(socket, frames, choice))
        try:
            await socket.accept()
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                if message.get("bytes") is None:
                    await socket.close(UNSUPPORTED, "send images as binary messages")
                    return
                frames.put(message["bytes"])
        finally:
            self.open -= 1
            answering.cancel()
            with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await answering

    async def _answer(self, socket: WebSocket, frames: Frames, choice: Choice) -> None:
        while True:
            number, data = await frames.take()
            try:
                (text,) = await self.service.predict([Picture("", data)], choice)
            except TltpipeError as error:
                await socket.send_json({"frame": number, "problem": problem(error).body()})
            else:
                await socket.send_text(f'{{"frame":{number},{text[1:].decode()}')
