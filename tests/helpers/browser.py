"""A real browser in tests: Debian's Chromium, driven by playwright. Fixture: ``pages``.

A page that asks a server other than its own, logs an error or throws one fails its test, whatever else it shows.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

EXECUTABLE = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",  # which root cannot have
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
PHONE = 412
"""Width of a phone's page, in CSS pixels."""


@contextmanager
def launched() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=EXECUTABLE, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Pages:
    """Opens pages, watches over them, and keeps their screenshots in ``shots``, named after ``test``."""

    browser: Browser
    shots: Path
    test: str
    faults: list[str] = field(default_factory=list)
    contexts: list[Any] = field(default_factory=list)

    def open(self, url: str, *, width: int = 1280, height: int = 860, dark: bool = False) -> Page:
        """The page at ``url``: of a server on this machine, or of a file."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            is_mobile=width <= PHONE,
            has_touch=width <= PHONE,
            accept_downloads=True,
            permissions=["camera"] if url.startswith("http") else [],
        )
        self.contexts.append(context)
        page = context.new_page()
        own = urlsplit(url).netloc
        page.on("request", lambda request: self._request(request.url, own))
        page.on("pageerror", lambda error: self.faults.append(f"error on the page: {error}"))
        page.on("console", lambda line: line.type == "error" and self.faults.append(f"console: {line.text}"))
        page.goto(url)
        return page

    def shot(self, page: Page, name: str, *, whole: bool = True) -> Path:
        """A screenshot of ``page`` for people to look at; fails where the page is wider than its window."""
        path = self.shots / f"{self.test}-{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=path, full_page=whole)
        wide, room = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= room, f"{path.name}: {wide} px wide, in a window of {room}"
        return path

    def close(self) -> None:
        for context in self.contexts:
            context.close()
        assert not self.faults, "\n".join(dict.fromkeys(self.faults))

    def _request(self, url: str, own: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != own:
            self.faults.append(f"foreign request: {url}")


@contextmanager
def server(argv: Sequence[str], *, cwd: Path | None = None) -> Iterator[str]:
    """The address of the server that ``argv`` (a console script of ours and its arguments) starts; it must end well."""
    program = Path(sys.executable).with_name(argv[0])
    with subprocess.Popen(
        [program, *argv[1:]], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as own:
        assert own.stdout is not None
        lines: list[str] = []
        try:
            for line in own.stdout:
                lines.append(line)
                if found := re.search(r"http://[^\s]+:\d+/", line):
                    yield found[0]
                    break
            else:
                raise AssertionError("".join(lines))
        finally:
            own.terminate()
            rest = own.communicate(timeout=60)[0]
        assert own.returncode == 0, "".join(lines) + rest
