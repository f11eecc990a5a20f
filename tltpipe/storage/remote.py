"""What lies at a URL, by fsspec and the driver of its protocol; imported only when a URL is used."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

from tltpipe.errors import DataError, HostError, TltpipeError, UsageError
from tltpipe.storage.urls import masked

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = 16
"""Objects under way at once."""
_AHEAD = 4
_ANSWER = 5.0
"""Seconds within which a server must answer."""
_PART = 8 << 20
"""Bytes of an object that a thread has in memory at once."""
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "file": {"auto_mkdir": True},
    "s3": {"default_block_size": _PART, "max_concurrency": 2},
}
"""What a driver is opened with, by its protocol; object stores have no folders to make."""
_UPLOAD: Mapping[str, Mapping[str, Any]] = {"s3": {"chunksize": _PART, "max_concurrency": 2}}
"""What it uploads with."""
_EXTRAS = {"s3": "'tltpipe[s3]'"}
_VERSIONS = (
    *("ETag", "etag", "md5Hash", "content_md5", "Content-MD5"),
    *("LastModified", "Last-Modified", "last_modified", "mtime", "updated", "created"),
)
"""What drivers call that which changes with the content of an object, the surest first."""
_CUT_OFF = ("ClientPayloadError", "ResponseStreamingError", "IncompleteReadError", "ContentLengthError")
"""The errors of drivers for an answer that ends before its time."""


TORN = "upload the data set again, or run the command again if somebody was just writing it"
"""What to do about an object that is not what was listed."""


class Object(NamedTuple):
    """An object below a folder; ``version`` changes with its content, ``sha256`` is None where nobody noted it."""

    name: str
    size: int
    version: str
    sha256: str | None = None


@dataclass(frozen=True)
class Remote:
    """The folder or the object at ``url``; ``path`` is how its driver spells that."""

    url: str
    filesystem: Any
    path: str

    def below(self, name: str) -> Remote:
        return Remote(f"{self.url}/{name}", self.filesystem, f"{self.path}/{name}") if name else self

    def is_file(self) -> bool:
        """Raises DataError where nothing is."""
        with explained(self.url):
            about = self.filesystem.info(self.path)
        return bool(about["type"] == "file" and about.get("mimetype") != "text/html")  # of http: a page of links

    def as_object(self) -> Object:
        with explained(self.url):
            return self._object(self.path.rpartition("/")[2], self.filesystem.info(self.path))

    def _object(self, name: str, about: Mapping[str, Any]) -> Object:
        if about["size"] is None:  # of http, whose pages of links say none
            about = self.filesystem.info(about["name"])
        version = next((f"{about[key]}" for key in _VERSIONS if about.get(key)), "")
        return Object(name, int(about["size"] or 0), version.strip('"'))

    def folders(self) -> Iterator[tuple[str, list[Object]]]:
        """Every folder from here down, by its name below this one, and the objects directly in it, in order.

        Raises DataError where nothing is, and for names that files below a folder cannot have.
        """
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            listed = self.below(folder)._listed()
            for name in listed:
                refuse_unfit(f"{folder}/{name}".lstrip("/"), self.url)
            inner = sorted(name for name, about in listed.items() if about["type"] == "directory")
            waiting += [f"{folder}/{name}".lstrip("/") for name in reversed(inner)]
            with explained(self.url):
                yield folder, [self._object(name, listed[name]) for name in sorted(listed.keys() - set(inner))]

    def _listed(self) -> dict[str, Mapping[str, Any]]:
        """What is directly in this folder, by name; ``walk`` of fsspec would leave out what it fails to list.

        An empty object that stands for the folder itself is no part of it; an object whose name ends in two slashes has
        no name here.
        """
        found: dict[str, Mapping[str, Any]] = {}
        with explained(self.url):
            for about in self.filesystem.ls(self.path, detail=True):
                name = str(about["name"])[len(self.path) :].strip("/")
                if not name and about["type"] == "file" and not about["size"]:
                    continue
                if name in found:
                    raise DataError("is an object and a folder", where=f"{self.url}/{name}")
                found[name] = about
        return found

    def objects(self) -> dict[str, Object]:
        """What is directly in this folder; none where it is not there. Raises DataError for no bucket."""
        try:
            listed = self._listed()
        except DataError as nothing:
            if isinstance(nothing.__cause__, FileNotFoundError) and not _no_bucket(nothing.__cause__):
                return {}
            raise
        return {name: self._object(name, about) for name, about in listed.items()}

    def download(self, target: Path) -> bool:
        """Write the object to ``target``; False where it is not there."""
        with explained(self.url):
            try:
                self.filesystem.get_file(self.path, str(target))
            except (FileNotFoundError, IsADirectoryError):
                return False
        return target.exists()

    def upload(self, source: Path, *, create: bool = False) -> None:
        """Make the file ``source`` the object here; with ``create`` only where there is none, if the server can tell.

        Raises FileExistsError where it could, and there was one.
        """
        with explained(self.url):
            mode = "create" if create else "overwrite"
            self.filesystem.put_file(str(source), self.path, mode=mode, **_UPLOAD.get(_protocol(self.url), {}))


def opened(url: str) -> Remote:
    """What lies at ``url``; asks nobody yet. Raises HostError without the driver, UsageError for no such protocol."""
    protocol = _protocol(url)
    try:
        import fsspec
        from fsspec.core import url_to_fs
    except ModuleNotFoundError as missing:
        raise _no_driver(url, protocol, "fsspec") from missing
    if protocol not in {*fsspec.available_protocols()}:
        hint = "the protocols are those of fsspec: s3, gs, az, https, file, ..."
        raise UsageError(f'there is no protocol "{protocol}"', where=url, hint=hint)
    _require_endpoint(url, protocol)
    try:
        filesystem, path = url_to_fs(url, use_listings_cache=False, **_OPTIONS.get(protocol, {}))
    except ImportError as missing:
        from fsspec.registry import known_implementations

        cause = missing.__cause__ or missing
        module = getattr(cause, "name", None) or known_implementations[protocol]["class"].partition(".")[0]
        raise _no_driver(url, protocol, str(module).partition(".")[0]) from missing
    except Exception as fault:
        raise HostError(f"cannot be opened: {_brief(fault)}", where=url) from fault
    return Remote(url, filesystem, str(path).rstrip("/"))


def _require_endpoint(url: str, protocol: str) -> None:
    """Raise HostError where nobody answers at the endpoint of S3 that the environment names: the driver would try for
    a quarter of a minute."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if protocol == "s3" and endpoint and not getproxies():
        refusal = _refusal(endpoint)
        if refusal:
            hint = "check the network and the endpoint (AWS_ENDPOINT_URL)"
            raise HostError(f"no server answers at {masked(endpoint)}: {refusal}", where=url, hint=hint)


@cache
def _refusal(endpoint: str) -> str:
    """Why there is no connection to ``endpoint``, "" where there is one; asked once."""
    try:
        parts = urlsplit(endpoint)
        port = parts.port or (80 if parts.scheme == "http" else 443)
        with socket.create_connection((parts.hostname or "", port), timeout=_ANSWER):
            return ""
    except (OSError, ValueError) as fault:
        return getattr(fault, "strerror", None) or str(fault)


def _protocol(url: str) -> str:
    name = url.partition("://")[0].lower()
    return {"s3a": "s3", "local": "file"}.get(name, name)


def refuse_unfit(name: str, url: str) -> None:
    """Raises DataError for the name of an object that no file below a folder can have."""
    if any(part in ("", ".", "..") or "\0" in part for part in name.split("/")):
        raise DataError(f"this holds an object that no file can be called as: {name!r}", where=url)


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn whatever the driver raises into one sentence about ``url``: DataError where nothing is, else HostError."""
    try:
        yield
    except (TltpipeError, FileExistsError):
        raise
    except FileNotFoundError as fault:
        told = f" ({_brief(fault)})" if _no_bucket(fault) else ""
        hint = "check the names of bucket and prefix, and the endpoint"
        raise DataError(f"there is nothing here{told}", where=url, hint=hint) from fault
    except PermissionError as fault:
        hint = "the driver finds credentials in its environment variables and files (docs/scale.md)"
        raise HostError(f"access was refused: {_brief(fault)}", where=url, hint=hint) from fault
    except Exception as fault:
        raise _explanation(url, fault) from fault


def _no_bucket(fault: FileNotFoundError) -> bool:
    """Whether not even the bucket is there; drivers have only words for that."""
    return re.search(r"bucket\b.*\b(?:not exist|not found)", str(fault)) is not None


def _explanation(url: str, fault: Exception) -> TltpipeError:
    cut_off = type(fault).__name__ in _CUT_OFF or (isinstance(fault, OSError) and fault.errno == errno.EINVAL)
    if cut_off:
        return DataError("this object is torn: it is shorter than its server says", where=url, hint=TORN)
    if isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return HostError("no room is left in the cache", where=url, hint="TLTPIPE_CACHE names another folder")
    if "Credentials" in type(fault).__name__:
        hint = "the driver looks in its environment variables and files (docs/scale.md)"
        return HostError("no credentials were found", where=url, hint=hint)
    hint = "check the network and the endpoint (of s3: AWS_ENDPOINT_URL)"
    return HostError(f"cannot be reached: {_brief(fault)}", where=url, hint=hint)


def _no_driver(url: str, protocol: str, module: str) -> HostError:
    package = _EXTRAS.get(protocol, module)
    return HostError(f"{protocol}:// needs {module}, which is not installed", where=url, hint=f"pip install {package}")


def _brief(fault: BaseException) -> str:
    """The first line of what a driver said, without what follows a question mark in URLs."""
    line = next(iter(str(fault).splitlines()), "") or type(fault).__name__
    return re.sub(r"\?[^\s\"']+", "", line)[:200].rstrip(".")


def may_differ(there: Object, source: Path) -> bool:
    """Whether the object ``there`` is not surely what the file ``source`` would be made: most servers name the MD5 of
    an object, or that of those of its parts."""
    parts = []
    with source.open("rb") as stream:
        while part := stream.read(_PART):
            parts.append(hashlib.md5(part, usedforsecurity=False).digest())
    with source.open("rb") as stream:
        whole = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    joined = hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()
    return there.size != source.stat().st_size or there.version not in (whole, f"{joined}-{len(parts)}")


def in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """``map(function, items)`` in threads that wait for the network: in order, few under way, the rest cancelled."""
    with ThreadPoolExecutor(THREADS) as pool:
        pending: deque[Future[Result]] = deque()
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) >= THREADS * _AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
