"""A real S3-speaking server on loopback, over plain files: ``rclone serve s3``."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KEY, SECRET = "ATESTKEYOFTLTPIPE0001", "atestsecretoftltpipe0001"
RCLONE = Path(sys.executable).parent / "rclone"
SECONDS = 10.0


@dataclass(frozen=True)
class Server:
    """Objects are files below ``folder / BUCKET``, to be read only: the server remembers what it has seen there.
    ``environment`` is where drivers find server and credentials."""

    folder: Path
    environment: Mapping[str, str]

    def files(self, url: str) -> Path:
        return self.folder / url.removeprefix("s3://")


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A server with the bucket "data"."""
    (folder / "data").mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--vfs-cache-mode", "off", "--config", "/dev/null", "--log-level", "CRITICAL"]
    command = [RCLONE, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}", *options, folder]
    process = subprocess.Popen(command)
    try:
        end = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None
                assert time.monotonic() < end, "rclone has not started"
                time.sleep(0.05)
        yield Server(
            folder,
            {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID": KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_DEFAULT_REGION": "us-east-1",
            },
        )
    finally:
        process.terminate()
        process.wait(SECONDS)
