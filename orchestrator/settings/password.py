"""A data set's password: from a file descriptor, the environment or the terminal; never from the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from tltpipe.errors import UsageError

VARIABLE = "TLTPIPE_DATASET_PASSWORD"
_LONGEST = 4096
_WAYS = f"give it with --password-fd N or in {VARIABLE}, or run this on a terminal"


def asker(descriptor: int | None) -> Callable[[], str]:
    """A function that gives the password when it is called, and reads or asks for it only then.

    The variable leaves the environment at once, so that no process started later inherits it. A descriptor comes
    first, then the variable, then the terminal. The function raises UsageError when none of them has it.
    """
    given = os.environ.pop(VARIABLE, None)

    def ask() -> str:
        if descriptor is not None:
            return _checked(_read(descriptor), f"file descriptor {descriptor}")
        if given is not None:
            return _checked(given, VARIABLE)
        if not sys.stdin.isatty():
            raise UsageError("the archive is encrypted, and nobody is here to ask for its password", hint=_WAYS)
        import getpass

        return _checked(getpass.getpass("Password of the archives (not shown): "), "what was typed")

    return ask


def _read(descriptor: int) -> str:
    """The first line that ``descriptor`` gives, without its end."""
    try:
        data = b""
        while b"\n" not in data and len(data) <= _LONGEST and (more := os.read(descriptor, _LONGEST)):
            data += more
    except OSError as refusal:
        raise UsageError(f"--password-fd {descriptor}: {refusal.strerror}", hint="... --password-fd 3 3<FILE") from None
    try:
        return data.partition(b"\n")[0].removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        raise UsageError(f"--password-fd {descriptor}: what it gives is no text in UTF-8") from None


def _checked(password: str, source: str) -> str:
    if not password:
        raise UsageError(f"the password is empty: {source}", hint=_WAYS)
    return password
