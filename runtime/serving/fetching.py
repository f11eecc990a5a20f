"""Images behind URLs, for a server that many may ask: only from public addresses, and bounded in bytes and time.

A name is resolved once, all of its addresses are judged, and the connection goes to one of those: a name that means
another address a moment later leads nowhere else. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

from tltpipe import __version__
from tltpipe.web.problems import RequestProblem

AT_ONCE = 4
PART = 1 << 16
PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
"""All that is given out. Python calls the rest public, too, where no rule speaks of it: IPv4 addresses in old
disguises, site-local ones and translators of a network's own among it."""
CLOUDS = {ipaddress.ip_address("168.63.129.16")}
"""Addresses that look public and lead to the host of a virtual machine: Azure's."""
PORTS = {"http": 80, "https": 443}

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host, for a port. Raises OSError."""


def addresses(host: str, port: int) -> list[str]:
    return [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_public(address: str) -> bool:
    """Whether anybody on the Internet could reach the address: no loopback, no private network, no cloud's own."""
    number = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(number, ipaddress.IPv6Address):
        inner = number.ipv4_mapped or number.sixtofour or (number.teredo and number.teredo[1])
        if inner:
            return is_public(str(inner))
        if number in ipaddress.ip_network("64:ff9b::/96"):  # an IPv4 address behind a translator
            return is_public(str(ipaddress.IPv4Address(number.packed[-4:])))
        if number not in PUBLIC_IPV6:
            return False
    return number.is_global and not number.is_multicast and number not in CLOUDS


class Fetcher:
    """Fetches images of at most ``most`` bytes within ``seconds``, from addresses that are ``allowed``."""

    def __init__(
        self,
        *,
        most: int,
        seconds: float,
        allowed: Callable[[str], bool] = is_public,
        resolve: Resolve = addresses,
    ) -> None:
        self.most, self.seconds, self.allowed, self.resolve = most, seconds, allowed, resolve
        self._pool = ThreadPoolExecutor(AT_ONCE, "fetch")

    async def __call__(self, url: str) -> bytes:
        """The bytes behind ``url``. Raises RequestProblem: 413, 422, or 504 where they take too long."""
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.wait_for(loop.run_in_executor(self._pool, self.fetch, url), self.seconds)
        except TimeoutError:
            raise RequestProblem(504, "the image behind this URL took too long") from None

    def fetch(self, url: str) -> bytes:
        """The same, in the thread of the caller."""
        place, until = _parsed(url), time.monotonic() + self.seconds
        connection = self._connected(place, until)
        watch = threading.Timer(
            self.seconds, connection.abort
        )  # a server that sends a byte now and then is cut off, too
        watch.start()
        try:
            path = (place.path or "/") + (f"?{place.query}" if place.query else "")
            connection.request("GET", path, headers={"User-Agent": f"tltpipe/{__version__}", "Accept": "image/*"})
            return self._content(connection.getresponse(), until)
        except TimeoutError:
            raise RequestProblem(504, "the image behind this URL took too long") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise RequestProblem(422, f"this URL cannot be fetched: {type(error).__name__}") from error
        finally:
            watch.cancel()
            connection.close()

    def _connected(self, place: SplitResult, until: float) -> Pinned:
        host, port = str(place.hostname), place.port or PORTS[place.scheme]
        try:
            found = list(dict.fromkeys(self.resolve(host, port)))
        except (OSError, UnicodeError):
            raise RequestProblem(422, f'there is no host "{host}"') from None
        if not found or not all(map(self.allowed, found)):
            what = "this URL leads into a private network, from which nothing is fetched"
            raise RequestProblem(422, what, hint="send the image itself")
        connection = Pinned(host, port, found[0], until)
        return connection if place.scheme == "http" else PinnedTls(host, port, found[0], until)

    def _content(self, answer: http.client.HTTPResponse, until: float) -> bytes:
        if answer.status in range(300, 400):
            raise RequestProblem(422, "this URL leads on to another one, which is not followed", hint="send that one")
        if answer.status != 200:
            raise RequestProblem(422, f"the server behind this URL answers {answer.status}")
        content = bytearray()
        while part := answer.read1(PART):
            content += part
            if len(content) > self.most:
                raise RequestProblem(413, f"the image behind this URL has more than {self.most:,} bytes")
            if time.monotonic() > until:
                raise TimeoutError
        return bytes(content)


class Pinned(http.client.HTTPConnection):
    """A connection to ``address``, whatever ``host`` may mean by now."""

    def __init__(self, host: str, port: int, address: str, until: float) -> None:
        super().__init__(host, port)
        self.address, self.until = address, until

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), timeout=max(0.1, self.until - time.monotonic()))

    def abort(self) -> None:
        """End whatever waits for the other side."""
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)


class PinnedTls(Pinned):
    """The same with TLS; the certificate must be that of ``host``."""

    default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        super().connect()
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


def _parsed(url: str) -> SplitResult:
    try:
        place = urlsplit(url)
        port = place.port
    except ValueError:
        place, port = urlsplit(""), None
    if place.scheme not in PORTS or not place.hostname or port == 0:
        raise RequestProblem(422, "this is no http or https URL of an image")
    if place.username is not None or place.password is not None:
        raise RequestProblem(422, "this URL has a user name in it", hint="send the image itself")
    return place
