"""The options that commands share, declared once, and what surrounds every command.

A command takes ``options`` first and its own parameters after it; ``command`` shows Typer one flat signature.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
import tempfile
import traceback
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tltpipe.errors import Interrupted, TltpipeError

if TYPE_CHECKING:
    from orchestrator.config import Given
    from orchestrator.console import Console

FOLDER = typer.Option("--workspace", "-w", help="Folder of the run.", file_okay=False)
RUNNER = typer.Option("--runner", help="Where programs run: local, docker or dry.", show_default=False)
TOOLKIT = typer.Option("--toolkit", help="Whose programs run: embedded or tlt2.", show_default=False)
IMAGE = typer.Option("--image", help="Container image instead of the toolkit's.", show_default=False)
SET = typer.Option("--set", help="A setting of tltpipe.yaml: section.key=value. Repeatable.", show_default=False)
DRY = typer.Option("--dry-run", help="Show commands, mounts and specs; run nothing.")
FORCE = typer.Option("--force", help="Run even if nothing changed.")
RENDER = typer.Option("--render", help="Write specs anew, over edits made by hand.")
JSON = typer.Option("--json", help="Answer with one JSON object on standard output.")
VERBOSE = typer.Option("--verbose", help="Show the traceback of an internal error.")


@dataclass(frozen=True)
class Plain:
    """What every command takes."""

    json: Annotated[bool, JSON] = False
    verbose: Annotated[bool, VERBOSE] = False

    @cached_property
    def console(self) -> Console:
        from orchestrator.console import Console

        return Console(answer=self.json)

    @property
    def crashes(self) -> Path:
        """Folder for the details of a fault of ours."""
        return Path(tempfile.gettempdir())


@dataclass(frozen=True)
class Options(Plain):
    """What every command on a workspace takes."""

    workspace: Annotated[Path, FOLDER] = Path()
    runner: Annotated[str | None, RUNNER] = None
    toolkit: Annotated[str | None, TOOLKIT] = None
    image: Annotated[str | None, IMAGE] = None
    settings: Annotated[list[str] | None, SET] = None
    dry_run: Annotated[bool, DRY] = False
    force: Annotated[bool, FORCE] = False
    render: Annotated[bool, RENDER] = False

    @property
    def crashes(self) -> Path:
        return Path(os.path.abspath(self.workspace)) / ".tltpipe" / "logs"

    def flags(self, **more: object) -> dict[str, Given]:
        """The settings given on the command line; ``more`` are those of the command itself, None where not given."""
        from orchestrator.config import Given, flag

        given = dict(flag(text) for text in self.settings or [])
        named = {"runner": "dry" if self.dry_run else self.runner, "toolkit": self.toolkit, "image": self.image, **more}
        return given | {name: Given(value, _spelt(name)) for name, value in named.items() if value is not None}


def _spelt(name: str) -> str:
    """The option that gives the setting ``name``: --max-zoom for data.max_zoom."""
    return "--" + name.rpartition(".")[2].replace("_", "-")


def command(function: Callable[..., None]) -> Callable[..., None]:
    """``function(options, ...)`` as a Typer command: options spread out, errors turned into messages and exit codes.

    The type of its first parameter, ``Plain`` or ``Options``, says which options those are.
    """
    first, *own = inspect.signature(function, eval_str=True).parameters.values()
    kind: type[Plain] = first.annotation
    hints = typing.get_type_hints(kind, include_extras=True)
    names = [field.name for field in fields(kind)]
    plain = [field.name for field in fields(Plain)]
    defaults = {field.name: None if field.default is MISSING else field.default for field in fields(kind)}
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=hints[name])
        for name in sorted(names, key=plain.__contains__)  # those of every command last
    ]

    def call(**given: Any) -> None:
        options = kind(**{name: value for name, value in given.items() if name in names})
        with guarded(options):
            function(options, **{name: value for name, value in given.items() if name not in names})

    call.__name__, call.__doc__ = function.__name__, function.__doc__
    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + common
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


@contextmanager
def guarded(options: Plain) -> Iterator[None]:
    """Every way a command can end badly becomes a message and an exit code; SIGTERM and SIGHUP act like Ctrl-C."""
    with _terminable():
        try:
            yield
            return
        except typer.Exit:
            raise
        except TltpipeError as known:
            problem = known
        except KeyboardInterrupt:
            problem = Interrupted("interrupted")
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(128 + signal.SIGPIPE) from None
        except Exception as unexpected:
            problem = _crash(options, unexpected)
    from orchestrator import console

    if "console" in vars(options):
        options.console.close_bars()
    console.error(problem)
    if options.json:
        options.console.json(console.as_json(problem))
    raise typer.Exit(problem.exit_code)


def _crash(options: Plain, fault: Exception) -> TltpipeError:
    """A fault of ours: one line, the traceback in a file."""
    from tltpipe import files

    text = "".join(traceback.format_exception(fault))
    if options.verbose:
        sys.stderr.write(text)
    stamp = f"{os.getpid()}"
    path = options.crashes / f"tltpipe-crash-{stamp}.txt"
    try:
        files.write_text(path, text)
        hint = f"this is a fault of tltpipe, not yours; the details are in {path}"
    except Exception:
        hint = "this is a fault of tltpipe, not yours; --verbose shows the details"
    return TltpipeError(f"internal error: {type(fault).__name__}: {fault}", hint=hint)


@contextmanager
def _terminable() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    try:
        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    except ValueError:  # not the main thread: a library user's business
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
