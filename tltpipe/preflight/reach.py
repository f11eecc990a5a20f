"""Connections between nodes: the first one listens where its trainings will, the others connect and compare clocks."""

from __future__ import annotations

import hashlib
import selectors
import socket
import time

SECONDS = 10.0
"""How long nodes may start one after the other."""
PAUSE = 0.1


def answer(nonce: str) -> bytes:
    """What proves that it is the first node of this job who answers, and no other program on its port."""
    return hashlib.sha256(f"tltpipe preflight {nonce}".encode()).hexdigest()[:16].encode()


def listen(port: int, others: int, nonce: str, *, seconds: float = SECONDS) -> str:
    """Answer ``others`` nodes with this machine's time; returns what is wrong, "" if nothing is. A node that does not
    come says so itself."""
    try:
        server = socket.create_server(("", port), backlog=max(1, others))
    except OSError as refusal:
        return f"cannot listen on port {port}: {refusal.strerror}"
    until = time.monotonic() + seconds
    with server, selectors.DefaultSelector() as ready:
        ready.register(server, selectors.EVENT_READ)
        while others and ready.select(max(0.0, until - time.monotonic())):
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"%s %.6f\n" % (answer(nonce), time.time()))
            others -= 1
    return ""


def connect(host: str, port: int, nonce: str, *, seconds: float = SECONDS) -> tuple[str, float]:
    """What keeps this node from the first one at ``host``, "" if nothing does, and by how many seconds its clock is
    ahead of that one's."""
    until = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection((host, port), timeout=max(PAUSE, until - time.monotonic())) as connection:
                before = time.time()
                mark, _, told = connection.makefile("rb").readline(200).partition(b" ")
                if mark == answer(nonce):
                    return "", (before + time.time()) / 2 - float(told)
                return f"cannot reach {host}:{port}: another program answers there", 0.0
        except (OSError, ValueError) as refusal:
            problem = getattr(refusal, "strerror", None) or str(refusal)
        if time.monotonic() + PAUSE >= until:
            return f"cannot reach {host}:{port}: {problem}", 0.0
        time.sleep(PAUSE)
