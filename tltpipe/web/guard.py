"""Who may ask: requests for another host, from another page or without the token are refused before anything is read.

A loopback address alone protects from no browser: any page on the web can send requests to it, and by DNS rebinding
read the answers. So the Host header must name this server, and an Origin header, where one is sent, a page of it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from http import HTTPStatus
from http.cookies import SimpleCookie
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tltpipe.web.problems import RequestProblem

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]
Refuse = Callable[[RequestProblem], Asgi]

COOKIE = "tltpipe_"
"""How the name of the cookie begins, which a part of the token's checksum follows: browsers send a cookie to all ports
of a machine, and signing in to one server must not sign out of another."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
OPEN = frozenset({"/healthz", "/readyz", "/favicon.ico"})
"""Paths that need no token: what an orchestrator of containers asks for, and what tells nothing."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on ``host``."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def names_of(host: str) -> tuple[str, ...]:
    """The names by which what listens on ``host`` is reached: any, where other machines reach it."""
    return (*LOOPBACK, host.lower()) if is_loopback(host) else ("*",)


class Guard:
    """ASGI middleware around ``app``.

    ``hosts`` are the names that this server is reached by ("*" for any), ``origins`` other sites whose pages may ask
    it, ``token`` what a request carries: as ``Authorization: Bearer``, or as a cookie, which ``GET /?token=...`` sets.
    ``refuse`` makes the answer to a refused request.
    """

    def __init__(
        self,
        app: Asgi,
        *,
        hosts: Collection[str],
        origins: Collection[str] = (),
        token: str | None = None,
        refuse: Refuse,
    ) -> None:
        self.app, self.refuse = app, refuse
        self.hosts, self.origins, self.token = frozenset(hosts), frozenset(origins), token
        self.cookie = None if token is None else _cookie(token)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["type"] == "http":
            send = _with_headers(send, shared="origin" in headers and headers["origin"] in self.origins)
        try:
            self._admit(scope, headers)
        except RequestProblem as error:
            await (_close if scope["type"] == "websocket" else self.refuse(error))(scope, receive, send)
            return
        if self._signs_in(scope):
            await self._set_cookie(scope, send)
            return
        await self.app(scope, receive, send)

    def _admit(self, scope: Message, headers: Mapping[str, str]) -> None:
        host = headers.get("host", "")
        if "*" not in self.hosts and _name(host) not in self.hosts:
            raise RequestProblem(HTTPStatus.MISDIRECTED_REQUEST, f'this server is not called "{host}"')
        origin = headers.get("origin")
        if origin is not None and origin not in self.origins and _place(origin) != host:
            raise RequestProblem(403, f"pages of {origin} may not ask this server")
        preflight = origin in self.origins and scope.get("method") == "OPTIONS"  # which browsers send without a token
        open_to_all = self.token is None or scope["path"] in OPEN or preflight
        if open_to_all or self._knows(headers) or self._signs_in(scope):
            return
        hint = "send the header Authorization: Bearer TOKEN, or open the page as /?token=TOKEN"
        raise RequestProblem(401, "a token is required", hint=hint, headers={"WWW-Authenticate": "Bearer"})

    def _knows(self, headers: Mapping[str, str]) -> bool:
        kind, _, value = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._right(value.strip())
        if self.cookie is None:
            return False
        name, value = self.cookie
        return any(hmac.compare_digest(each.encode(), value.encode()) for each in _cookies(headers, name))

    def _signs_in(self, scope: Message) -> bool:
        """Whether this is ``GET /?token=...`` with the right token."""
        if self.token is None or scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            return False
        return self._right(next(iter(parse_qs(scope["query_string"].decode("latin-1")).get("token", [])), ""))

    async def _set_cookie(self, scope: Message, send: Send) -> None:
        """Lead to the page without the token in its address."""
        assert self.cookie is not None
        name, value = self.cookie
        cookie = SimpleCookie({name: value})
        cookie[name]["path"] = "/"
        cookie[name]["samesite"] = "Strict"
        cookie[name]["httponly"] = True
        cookie[name]["secure"] = scope["scheme"] == "https"
        headers = [
            (b"location", b"/"),
            (b"set-cookie", cookie[name].OutputString().encode()),
            (b"content-length", b"0"),
        ]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _right(self, value: str) -> bool:
        return self.token is not None and hmac.compare_digest(value.encode(), self.token.encode())


def _cookie(token: str) -> tuple[str, str]:
    """Name and value of the cookie that stands for ``token``, whatever characters are in that."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    return f"{COOKIE}{digest[:8]}", digest[8:]


def _cookies(headers: Mapping[str, str], name: str) -> list[str]:
    """The values of the cookie ``name`` that were sent. Other servers on this machine set cookies of their own for
    this one, too, with names that Python's reader refuses together with all others."""
    pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
    return [value for each, _, value in pairs if each == name]


def _place(origin: str) -> str | None:
    """Host and port of an Origin header; None for one that is no URL."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _name(host: str) -> str:
    """The name in a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _with_headers(send: Send, *, shared: bool) -> Send:
    """``send`` that adds the HEADERS that the answer lacks; ``shared``: a page of another site may read it."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            policy = {"Cross-Origin-Resource-Policy": "cross-origin"} if shared else {}
            added = [(name.lower().encode(), value.encode()) for name, value in (HEADERS | policy).items()]
            message["headers"] = [*message["headers"], *(each for each in added if each[0] not in there)]
        await send(message)

    return sending


async def _close(_scope: Message, receive: Receive, send: Send) -> None:
    """Refuse a websocket before it opens: the browser sees 403."""
    await receive()
    await send({"type": "websocket.close", "code": 1008})
