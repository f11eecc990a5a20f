"""One application on one port, from the socket to a graceful end."""

from __future__ import annotations

import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from tltpipe.errors import HostError

if TYPE_CHECKING:
    from fastapi import FastAPI

GRACE = 10
"""Seconds that requests under way have to end in."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(
    app: FastAPI,
    *,
    host: str,
    port: int,
    say: Callable[[str], None],
    grace: int = GRACE,
    largest_message: int = 16 * 2**20,
    on_stop: Callable[[], None] | None = None,
) -> None:
    """Serve ``app`` until SIGINT or SIGTERM; requests under way then end within ``grace`` seconds.

    The port is bound before the application starts; 0 is any free one. ``say`` is given the address as soon as it
    answers, ``on_stop`` is called when a signal came, so that answers that never end (events) can end themselves.
    ``largest_message`` bounds a websocket's message, in bytes. Raises HostError where the port cannot be had.
    """
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                say(address(host, bound.getsockname()[1]))

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            super().handle_exit(sig, frame)
            if on_stop is not None:
                on_stop()

    with bind(host, port) as bound:
        settings = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=grace,
            ws_max_size=largest_message,
            ws_per_message_deflate=False,
            server_header=False,
        )
        server = Server(settings)
        with _signals_end(server.handle_exit):
            server.run(sockets=[bound])


def bind(host: str, port: int) -> socket.socket:
    """A socket on ``port`` of ``host``; raises HostError, with the next free port, where it is taken."""
    try:
        return _bound(host, port)
    except socket.gaierror as error:
        raise HostError(f'no address for the host "{host}": {error.strerror}', hint="--host 127.0.0.1") from error
    except PermissionError as error:
        raise HostError(f"port {port} is reserved for the system", hint="choose one above 1023 with --port") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            other = next_free(host, port)
            hint = f"--port {other} is free" if other else "--port 0 takes any free one"
            raise HostError(f"port {port} of {host} is in use", hint=hint) from error
        raise HostError(f"cannot listen on {host}, port {port}: {error.strerror}", hint="--host 127.0.0.1") from error


def next_free(host: str, port: int) -> int | None:
    """The first free port after ``port``, of the next hundred."""
    for other in range(port + 1, min(port + 101, 2**16)):
        try:
            _bound(host, other).close()
        except OSError:
            continue
        return other
    return None


def address(host: str, port: int) -> str:
    """What to open in a browser; of a server on all addresses, the loopback one."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}/"


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(place)
    except OSError:
        made.close()
        raise
    return made


@contextmanager
def _signals_end(stop: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """uvicorn raises the signal that ended it once more: here nobody dies of it, to stop a server is no failure. One
    that comes before uvicorn listens to signals is given to ``stop``, too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
