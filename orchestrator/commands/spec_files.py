"""Spec files as commands are given them: from standard input, too, to be written, and written over by ``--fix``."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from pathlib import Path

import typer

from tltpipe.errors import HostError, UsageError

OUT = typer.Option(
    "--output", "-o", metavar="FILE", help="File to write (default: standard output).", show_default=False
)
STANDARD_INPUT = Path("-")


def named(path: Path) -> Path:
    """What messages call the file."""
    return Path("<stdin>") if path == STANDARD_INPUT else path


def read(path: Path) -> str:
    """Its text; ``-`` is standard input. Raises SpecError."""
    from specs import prototext

    if path == STANDARD_INPUT:
        return prototext.decoded(sys.stdin.buffer.read(), named(path))
    return prototext.read(path)


def as_far_as_it_goes(path: Path) -> str:
    """The text of a file that is not UTF-8, to show a line of it."""
    try:
        return path.read_bytes().decode(errors="replace") if path.is_file() else ""
    except OSError:
        return ""


def require_free(output: Path | None, *, force: bool) -> None:
    """Raises UsageError where ``output`` is a folder or, without ``force``, a file that is there."""
    if output is not None and output.is_dir():
        raise UsageError("this is a folder", where=output, hint="name a file in it")
    if output is not None and output.exists() and not force:
        raise UsageError("is there already", where=output, hint="--force replaces it")


def require_rewritable(path: Path) -> None:
    """Raises UsageError for what is no file, such as standard input, HostError for one that must not be written."""
    try:
        mode = path.stat().st_mode if path != STANDARD_INPUT else 0
    except (OSError, ValueError):
        return  # which whoever reads it says
    if not stat.S_ISREG(mode):
        raise UsageError(f"{named(path)}: --fix needs a file that it can write", hint="leave --fix out, or name a file")
    if not mode & 0o222 or not os.access(path, os.W_OK):
        hint = f"leave --fix out, or: chmod u+w {shlex.quote(str(path))}"
        raise HostError("the file is read-only", where=path, hint=hint)


def rewrite(path: Path, text: str) -> None:
    """Put ``text`` in the place of the file that ``path`` leads to, with its permissions."""
    from tltpipe import files

    target = path.resolve()
    mode = stat.S_IMODE(target.stat().st_mode)
    files.write_text(target, text)
    target.chmod(mode)
