"""URLs as the user writes them: told from paths, and free of credentials before anything of them is written down."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from tltpipe.errors import Location, UsageError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_SIGNED = re.compile(r"(?i)[?&;][^=&]*(?:sig|token|secret|credential|passw|key)[^=&]*=.*")


def is_url(text: object) -> bool:
    """Whether ``text`` is a URL (``s3://bucket/prefix``), not a path."""
    return isinstance(text, str) and _URL.match(text) is not None


def checked(text: str, *, where: Location | Path | str | None = None) -> str:
    """The URL ``text`` without slashes at its end. ``where`` says who gave it.

    Raises UsageError for credentials in it (URLs get into logs, receipts and manifests), and where it names nothing.
    """
    url = text.rstrip("/")
    if masked(text) != text:
        hint = "leave them out: the driver finds them in its environment variables and files (docs/scale.md)"
        raise UsageError(f"{masked(text)}: credentials do not belong into a URL", where=where, hint=hint)
    if not is_url(url):
        raise UsageError(f"{text} names no bucket and no folder", where=where, hint="s3://BUCKET/PREFIX")
    return url


def masked(text: str) -> str:
    """``text`` without user, password and signature."""
    scheme, mark, rest = text.partition("://")
    netloc = urlsplit(text).netloc
    if "@" in netloc:
        rest = rest.replace(netloc, f"****@{netloc.rpartition('@')[2]}", 1)
    return f"{scheme}{mark}{_SIGNED.sub('?****', rest)}"


def name(url: str) -> str:
    """The last part of ``url``: what a folder with its content is called."""
    return url.rpartition("/")[2]
