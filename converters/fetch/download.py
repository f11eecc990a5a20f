"""Downloads from Google Drive with gdown: resumed, tried again, and told apart from the pages Google sends instead."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from converters.fetch import zip_directory
from tltpipe import files
from tltpipe.errors import DataError, HostError
from tltpipe.progress import Bar, Progress, amount

DRIVE = "https://drive.google.com"
MEGABYTE = 10**6
_SECONDS = 60.0
"""How long a server may say nothing."""
_QUOTA = ("too many users", "quota", "have had many accesses", "at this time")

Free = Callable[[Path], int]
"""Bytes free where a folder lies."""


def free_bytes(folder: Path) -> int:
    """Bytes free on the file system of ``folder``, or of the nearest parent that exists."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def download(
    drive_id: str, target: Path, *, progress: Progress, base: str = DRIVE, retries: int = 5, free: Free = free_bytes
) -> None:
    """Download the file ``drive_id`` to ``target``, which appears when it is there whole and is a zip archive.

    What is there of it already, ``<target>.part`` with some letters of gdown's, is gone on with. Raises HostError: no
    network, no room, no gdown, or Google's refusal.
    """
    by_browser = (
        f"download it by browser from {base}/file/d/{drive_id}/view as {target.name}, then: "
        "tltpipe fetch ... --from FOLDER_WITH_IT"
    )
    with files.writable(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    arriving = target.with_name(f"{target.name}.download")
    _adopt_whole(arriving)
    url = f"{base}/uc?id={drive_id}&export=download"
    try:
        if not arriving.exists():
            _run(url, arriving, _Shown(progress, target, free), retries=retries)
        zip_directory.read(arriving)
    except DataError as unfit:
        page = zip_directory.is_web_page(arriving)
        arriving.unlink()
        what = "Google sent a page in its place: too many downloads today, or no access" if page else unfit.what
        raise HostError(what, where=target, hint=by_browser) from unfit
    except HostError as refusal:
        raise HostError(refusal.what, where=target, hint=refusal.hint or by_browser) from refusal
    arriving.rename(target)


class _Shown:
    """A bar that opens when the size is known; refuses then what has no room."""

    def __init__(self, progress: Progress, target: Path, free: Free) -> None:
        self.progress, self.target, self.free = progress, target, free
        self.bar: Bar | None = None
        self.shown = 0
        self.open: ExitStack = ExitStack()

    def __call__(self, done: int, total: int | None) -> None:
        if self.bar is None:
            left = (total or done) - done
            if left > (room := self.free(self.target.parent)):
                hint = f"make room for {amount(left - room)} more, or choose a folder on another disk"
                raise HostError(f"needs {amount(left)}, and {amount(room)} are free", hint=hint)
            megabytes = total // MEGABYTE if total else None
            bar: AbstractContextManager[Bar] = self.progress.bar(self.target.name, total=megabytes, unit="MB")
            self.bar = self.open.enter_context(bar)
        if done // MEGABYTE > self.shown:
            self.bar.advance(done // MEGABYTE - self.shown)
            self.shown = done // MEGABYTE


def _run(url: str, arriving: Path, shown: _Shown, *, retries: int) -> None:
    """gdown's download of ``url``; every way it can fail is a HostError."""
    try:
        import gdown
        import requests
        import urllib3
        from gdown.exceptions import DownloadError, FileURLRetrievalError
    except ModuleNotFoundError as missing:
        raise HostError("gdown is not installed", hint="pip install 'tltpipe[fetch]'") from missing
    try:
        with shown.open:
            gdown.download(
                url,
                str(arriving),
                quiet=True,
                use_cookies=False,
                resume=True,
                progress=shown,
                timeout=_SECONDS,
                retries=retries,
            )
    except FileURLRetrievalError as refusal:
        if any(word in str(refusal).lower() for word in _QUOTA):
            what = "Google refuses: too many people downloaded this file today (its quota), or it is not shared"
        else:
            what = "Google Drive answered with a page that leads to no file"
        raise HostError(what) from refusal
    except DownloadError as fault:
        raise _broken_off(fault, arriving) from fault
    except requests.exceptions.HTTPError as refusal:
        status = refusal.response.status_code if refusal.response is not None else "with an error"
        raise HostError(f"the server answered {status}") from refusal
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as fault:
        hint = "look at the network and its proxy, then run the same command again: it goes on where it was"
        raise HostError(f"the server was not reached, or fell silent: {_brief(fault)}", hint=hint) from fault
    except (KeyError, AttributeError, AssertionError, ValueError) as fault:  # gdown met a page it does not know
        raise HostError(f"Google Drive answered in a form unknown to gdown: {_brief(fault)}") from fault
    except OSError as fault:
        raise HostError(f"cannot be written: {fault.strerror or fault}") from fault


def _broken_off(fault: Exception, arriving: Path) -> HostError:
    if "byte range" in str(fault):  # the file changed, or a page came: better kept than 10 GB thrown away
        kept = ", ".join(str(part) for part in _parts(arriving))
        hint = f"try again later; if it stays so, the file has changed: remove {kept} and start over"
        return HostError("the server does not go on where the download broke off", hint=hint)
    cause = f": {_brief(fault.__cause__)}" if fault.__cause__ else ""
    what = f"the download broke off, or the server was not reached{cause}"
    return HostError(what, hint="what came is kept: run the same command again, it goes on there")


def _adopt_whole(arriving: Path) -> None:
    """A partial file that is whole, left by an end between the last byte and the rename, needs no download."""
    for part in _parts(arriving):
        try:
            zip_directory.read(part)
        except DataError:
            continue
        part.rename(arriving)
        break
    keep = 0 if arriving.exists() else 1  # gdown wants to see but one
    parts = sorted(_parts(arriving), key=lambda path: path.stat().st_size)
    for smaller in parts[: len(parts) - keep]:
        smaller.unlink()


def _parts(arriving: Path) -> list[Path]:
    """What earlier downloads left; a symbolic link under such a name goes, and is not written through."""
    found = list(arriving.parent.glob(f"{arriving.name}*.part"))
    for link in filter(Path.is_symlink, found):
        link.unlink()
    return [part for part in found if part.exists()]


def _brief(fault: BaseException) -> str:
    """One line on ``fault``, from what lies at its bottom: the libraries wrap and write much."""
    inner = fault.args[0] if fault.args and isinstance(fault.args[0], BaseException) else fault
    inner = getattr(inner, "reason", None) or inner
    return (str(inner).splitlines() or [type(fault).__name__])[0][:200]
