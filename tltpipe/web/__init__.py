"""Our pages and servers in a browser: what ``tltpipe serve`` and ``tltpipe watch`` stand on, and the report's looks.

    app      an application with its guards: hosts, origins, token, security headers, errors as problem+json
    problems an error of ours, or of HTTP, as RFC 9457 has it
    server   one application on one port, from the socket to a graceful end
    static   files that a page is made of; ``static/`` holds the theme and the charts that all pages share

FastAPI and uvicorn (the extra ``serve``) are imported when a command that serves runs, never before: ``require`` says
what is missing. A page of ours asks nobody but its own server, and has no inline script.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tltpipe.errors import HostError

NEEDED = ("fastapi", "uvicorn")
SHARED = Path(__file__).with_name("static")
"""theme.css, charts.js and the icon: for the pages below /theme, for the report to inline."""


def require(*more: str) -> None:
    """Raise HostError where a module that a server needs (and those in ``more``) is not installed."""
    missing = [name for name in (*NEEDED, *more) if find_spec(name) is None]
    if missing:
        hint = "install the extra: pip install 'tltpipe[serve]'"
        raise HostError(f"{', '.join(missing)} not installed, needed to serve pages", hint=hint)
