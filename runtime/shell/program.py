"""What the open tlt-* programs share: usage, paths, lines on the console, status.json, exit codes.

Below the programs nothing prints or exits; they speak through this module. It imports nothing heavy, so that
``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NoReturn

from runtime.shell.mounts import host_text
from tltpipe import registry, storage
from tltpipe.errors import HostError, Interrupted, TltpipeError
from tltpipe.executors import Part
from tltpipe.files import writable
from tltpipe.interpreters import import_installed_only
from tltpipe.losses import Losses
from tltpipe.machine import require_current_folder
from tltpipe.terminal import harmless

Status = Literal["STARTED", "RUNNING", "SUCCESS", "FAILURE", "SKIPPED"]

BROKEN_PIPE = 128 + signal.SIGPIPE

THRESHOLD = "a score is a probability: every anchor has one above 0, and none reaches 1; 0.01 shows nearly all"
"""Why a threshold is neither 0 nor 1."""

# What the machine refuses, as opposed to what we did wrong.
REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENOMEM}


EXECUTION_STATUS = "TLTPIPE_EXECUTION_STATUS"
"""Variable by which the last line says how it ended, as that of NVIDIA's entry points does."""


def run(body: Callable[[], None], arguments: argparse.Namespace | None = None, *, lead: bool = True) -> int:
    """As ``_run``; where the environment asks for it, the last line is ``Execution status: PASS`` or ``FAIL``, but for
    output that is JSON. ``lead``: this process speaks for those that work together."""
    status = _run(body, arguments, lead=lead)
    if os.environ.get(EXECUTION_STATUS) and lead and not getattr(arguments, "json", False):
        print(f"Execution status: {'FAIL' if status else 'PASS'}", flush=True)
    return status


def _run(body: Callable[[], None], arguments: argparse.Namespace | None = None, *, lead: bool = True) -> int:
    """Call ``body`` and return the exit code of the program: every failure becomes lines on standard error.

    ``arguments`` are those of the command line: options without effect are told first, by the ``lead``; with
    ``log_file`` all that is printed is appended to that file, and nothing shows elsewhere.

    0 success; the error's own code for a TltpipeError (errors.py); 130 after Ctrl-C or SIGTERM; 6 where the machine
    refuses (no room, no permission); 141 when the reader of our output has gone; 1 for a fault of ours, whose
    traceback goes to a file that the message names.
    """
    import_installed_only()
    if arguments is not None:
        try:
            with _printing_to(getattr(arguments, "log_file", None)):
                for line in getattr(arguments, "no_effect", ()) if lead else ():
                    warn(line)
                return _run(body)
        except TltpipeError as error:
            return report(error)
    try:
        with _terminable():
            require_current_folder()
            storage.fill_mirrors()
            body()
            sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes standard output once more at exit; it must not meet the closed pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return report(Interrupted("interrupted"))
    except TltpipeError as error:
        return report(error)
    except OSError as error:
        return report(_refusal(error) if error.errno in REFUSALS else fault(error))
    except Exception as error:
        return report(fault(error))
    return 0


def report(error: TltpipeError) -> int:
    """Write ``error: <where>: <what>`` and ``  hint: <what to do next>`` to standard error; return the exit code.

    What ends a run early and well (exit code 0) is a ``note``.
    """
    storage.name_remote(error)
    told = f"{'error' if error.exit_code else 'note'}: {error}\n" + (f"  hint: {error.hint}\n" if error.hint else "")
    sys.stderr.write(harmless(told))
    sys.stderr.flush()
    return error.exit_code


def say(line: str) -> None:
    """One line on standard output, at once: whoever follows a log sees it when it happens."""
    print(harmless(line), flush=True)


def warn(line: str) -> None:
    """One ``warning:`` line on standard error."""
    print(harmless(f"warning: {line}"), file=sys.stderr, flush=True)


def balance(losses: Losses) -> dict[str, Any]:
    """Say what was read, written and lost, in the words of every command; the same for status.json."""
    losses.require_balance()
    for line in losses.lines():
        say(line)
    return {"losses": losses.as_json()}


class Parser(argparse.ArgumentParser):
    """argparse with our form of message; leaves with exit code 2."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(2, harmless(f"error: {message}\n  hint: {self.prog} --help explains the options\n"))

    def accept(self, *words: str, why: str, values: int | str | None = None) -> None:
        """Accept an option of NVIDIA's that has no effect here; whoever gives it is told ``why``.

        ``values`` are how many it takes, as argparse's ``nargs``; None one, 0 none.
        """
        self.add_argument(*words, action=Accepted, why=why, nargs=values)

    def add_network(self, help: str, *, optional: bool = False) -> None:
        """The network that a program is for, its first word; of TAO's names, those that are others here are told so."""
        nargs = "?" if optional else None
        self.add_argument("network", nargs=nargs, type=network, choices=registry.names("runtime.networks"), help=help)

    def accept_wrapper(self) -> None:
        """Accept what NVIDIA's entry points take before every task, where this program has no use of its own for it."""
        for words, why, values in _WRAPPER:
            if not self._option_string_actions.keys() & set(words):
                self.accept(*words, why=why, values=values)
        self.add_argument("--log_file", metavar="FILE", help="append all that is printed to FILE instead of showing it")


class Accepted(argparse.Action):
    """An option that has no effect: leaves a line to be shown in ``no_effect`` of the namespace."""

    def __init__(self, option_strings: Sequence[str], dest: str, *, why: str, nargs: int | str | None) -> None:
        hidden = argparse.SUPPRESS
        super().__init__(option_strings, dest, nargs=nargs, default=hidden, help=hidden)
        self.why = why

    def __call__(
        self, _parser: object, namespace: argparse.Namespace, _values: object, option: str | None = None
    ) -> None:
        namespace.no_effect = [*getattr(namespace, "no_effect", ()), f"{option} has no effect: {self.why}"]


_WRAPPER: tuple[tuple[tuple[str, ...], str, int | str | None], ...] = (
    (("--gpus",), "this program computes on the CPU", None),
    (("--gpu_index",), "this program computes on the CPU", "+"),
    (("--num_processes", "-np"), "only a training is shared by processes", None),
    (("--use_amp",), "only a training chooses its precision", 0),
)
"""Option, why it has no effect, how many values it takes."""


def network(text: str) -> str:
    """The name of a network on the command line; one of TAO's that has another name here is told so."""
    from specs.migration import networks

    module = networks.names().get(text)
    target = networks.load(module).TARGET if module else text
    if target != text:
        advice = "`tltpipe spec migrate SPEC --to tltpipe -o train.yaml` makes a spec of it"
        raise argparse.ArgumentTypeError(f"{text} of TAO is {target} here; {advice}")
    return text


def host(text: str) -> Path:
    """The path ``text`` of a spec or command line as this machine knows it (``runtime.shell.mounts``)."""
    return Path(host_text(text))


class StatusLog:
    """NVIDIA-like status.json: one JSON object a line, each written out at once.

    ``date`` is M/D/YYYY and ``time`` H:M:S, without zero padding. ``kpi``, ``categorical`` and ``graphical``, once
    given, repeat on all later lines. ``folder`` None writes nothing, so callers need not ask.
    """

    def __init__(self, folder: Path | None, *, append: bool = False) -> None:
        self.path = folder / "status.json" if folder is not None else None
        self.lasting: dict[str, Mapping[str, Any]] = {}
        if self.path is not None:
            with writable(self.path.parent):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                if self.path.is_symlink():  # nothing is emptied, or added to, where it leads
                    self.path.unlink()
                self.path.open("a" if append else "w").close()
                _drop_torn_line(self.path)

    def write(
        self,
        status: Status,
        message: str,
        *,
        kpi: Mapping[str, Any] | None = None,
        categorical: Mapping[str, Any] | None = None,
        graphical: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        """Append one line; ``fields`` (epoch, eta, ...) stand on this line alone."""
        if self.path is None:
            return
        given = {"kpi": kpi, "categorical": categorical, "graphical": graphical}
        self.lasting |= {key: value for key, value in given.items() if value is not None}
        now = datetime.now()  # noqa: DTZ005 - the local wall clock, as NVIDIA writes it
        record = {
            "date": f"{now.month}/{now.day}/{now.year}",
            "time": f"{now.hour}:{now.minute}:{now.second}",
            "status": status,
            "verbosity": "INFO",
            "message": message,
            **fields,
            **self.lasting,
        }
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")

    @contextmanager
    def failures(self, what: str) -> Iterator[None]:
        """Write a FAILURE line for whatever ends the block badly (``what`` names the work), then let it go on."""
        try:
            yield
        except Part as part:
            self.write("RUNNING", str(part))
            raise
        except (KeyboardInterrupt, Interrupted):
            self._tell_failure(f"{what} was interrupted")
            raise
        except Exception as error:
            self._tell_failure(str(error))
            raise

    def _tell_failure(self, message: str) -> None:
        with suppress(OSError):  # a full disk, a folder that is gone: perhaps just what the message is about
            self.write("FAILURE", message)


def _drop_torn_line(path: Path) -> None:
    """A full disk, or a kill, may have cut the last line: what comes next must not be glued to it."""
    held = path.read_bytes()
    whole = held.rfind(b"\n") + 1
    if whole < len(held):
        os.truncate(path, whole)


@contextmanager
def _printing_to(name: str | None) -> Iterator[None]:
    """Append what this process and those that it starts print to the file ``name``. Raises HostError, UsageError."""
    if name is None:
        yield
        return
    path = host(name)
    with writable(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    with file:
        streams = (sys.stdout, sys.stderr)
        before = [os.dup(stream.fileno()) for stream in streams]
        try:
            for stream in streams:
                stream.flush()
                os.dup2(file.fileno(), stream.fileno())
            yield
        finally:
            for stream, own in zip(streams, before, strict=True):
                stream.flush()
                os.dup2(own, stream.fileno())
                os.close(own)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, so that staged output is cleared away either way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signum: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _refusal(error: OSError) -> HostError:
    hints = {
        errno.ENOSPC: "make room on this disk, or choose another output folder",
        errno.EDQUOT: "make room within your quota, or choose another output folder",
    }
    hint = hints.get(error.errno or 0, "check owner, permissions and limits")
    return HostError(error.strerror or str(error), where=error.filename, hint=hint)


def fault(error: BaseException) -> TltpipeError:
    """``error`` as a fault of ours; its traceback goes to a file that the hint names."""
    handle, name = tempfile.mkstemp(prefix="tltpipe-", suffix=".traceback")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        traceback.print_exception(error, file=stream)
    what = f"internal error, {type(error).__name__}: {error}"
    return TltpipeError(what, hint=f"a fault of the program, not of your data; please report it with {name}")
