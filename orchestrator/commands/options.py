"""The options that commands share, declared once, and what surrounds every command.

A command takes ``options`` first and its own parameters after it; ``command`` shows Typer one flat signature.
"""

from __future__ import annotations

import copy
import inspect
import os
import re
import signal
import sys
import tempfile
import traceback
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tltpipe import executors, machine, storage
from tltpipe.errors import Interrupted, TltpipeError, UsageError

if TYPE_CHECKING:
    from orchestrator.screen.console import Console
    from orchestrator.settings.config import Given

FOLDER = typer.Option("--workspace", "-w", help="Folder of the run.", file_okay=False)
RUNNER = typer.Option(
    "--runner", help="Where programs run: local, docker, slurm, ray or dry (default: local).", show_default=False
)
TOOLKIT = typer.Option(
    "--toolkit",
    help="Whose programs run: embedded, or NVIDIA's tlt2, tlt3, tao5 (default: embedded).",
    show_default=False,
)
IMAGE = typer.Option("--image", help="Container image (default: the toolkit's).", show_default=False)
SET = typer.Option("--set", help="Setting of tltpipe.yaml: section.key=value. Repeatable.", show_default=False)
DRY = typer.Option("--dry-run", help="Show commands, mounts and specs without running anything.")
FORCE = typer.Option("--force", help="Run even if nothing changed.")
RENDER = typer.Option("--render", help="Overwrite specs that were edited by hand.")
EXECUTOR = typer.Option(
    "--executor",
    metavar="NAME",
    help="Where images are read and written: processes, or ray:HOST:PORT (default: $TLTPIPE_EXECUTOR, else processes).",
    show_default=False,
)
JSON = typer.Option("--json", help="Print one JSON object to standard output.")
VERBOSE = typer.Option("--verbose", help="Show the traceback of an internal error.")

JOB = typer.Argument(
    metavar="[JOB]",
    help="Id of a submitted job, its folder in .tltpipe/jobs, or its stage, of which the latest is meant (default: the "
    "job that is running).",
    show_default=False,
)


@dataclass(frozen=True)
class Plain:
    """What every command takes."""

    json: Annotated[bool, JSON] = False
    verbose: Annotated[bool, VERBOSE] = False

    @cached_property
    def console(self) -> Console:
        from orchestrator.screen.console import Console

        return Console(answer=self.json)

    @property
    def crashes(self) -> Path:
        """Folder for the details of a fault of ours."""
        return Path(tempfile.gettempdir())

    def around(self) -> AbstractContextManager[None]:
        """What the options change for as long as the command runs."""
        return nullcontext()


@dataclass(frozen=True)
class Parallel(Plain):
    """What a command takes that goes through the images of a data set."""

    executor: Annotated[str | None, EXECUTOR] = None

    def around(self) -> AbstractContextManager[None]:
        return executors.using(self.executor)


@dataclass(frozen=True)
class InFolder(Plain):
    """What every command on a folder takes."""

    workspace: Annotated[Path, FOLDER] = Path()

    @property
    def crashes(self) -> Path:
        return Path(os.path.abspath(self.workspace)) / ".tltpipe" / "logs"


@dataclass(frozen=True)
class Changing(InFolder):
    """What a command takes that changes files, and needs no settings for it."""

    dry_run: Annotated[bool, DRY] = False
    force: Annotated[bool, FORCE] = False


@dataclass(frozen=True)
class Chosen(InFolder):
    """What a command takes that goes by the settings, and only looks."""

    runner: Annotated[str | None, RUNNER] = None
    toolkit: Annotated[str | None, TOOLKIT] = None
    image: Annotated[str | None, IMAGE] = None
    settings: Annotated[list[str] | None, SET] = None

    def flags(self, **more: object) -> dict[str, Given]:
        """The settings given on the command line; ``more`` are those of the command itself, None where not given."""
        from orchestrator.settings.config import Given, flag

        given = dict(flag(text) for text in self.settings or [])
        named = {"runner": self.runner, "toolkit": self.toolkit, "image": self.image, **more}
        return given | {name: Given(value, _spelt(name)) for name, value in named.items() if value is not None}


@dataclass(frozen=True)
class Trying(Chosen):
    """What a command takes that goes by the settings, and can show what it would do."""

    dry_run: Annotated[bool, DRY] = False


@dataclass(frozen=True)
class Writing(Trying):
    """What a command takes that goes by the settings, and writes something that may be there already."""

    force: Annotated[bool, FORCE] = False


@dataclass(frozen=True)
class Options(Writing):
    """What a command takes that runs stages."""

    render: Annotated[bool, RENDER] = False

    def refuse_unused(self, mode: str) -> None:
        """Raises UsageError for an option that means nothing in ``mode``, which needs no workspace."""
        for field in fields(self):
            if field.name not in PLAIN and getattr(self, field.name) != field.default:
                raise UsageError(f"{_flag(field.name)} has no effect with {mode}", hint="leave it out")


_URL_AS_PATH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
PLAIN = tuple(field.name for field in fields(Plain))


def _spelt(name: str) -> str:
    """The option that gives the setting ``name``: --max-zoom for data.max_zoom."""
    return "--img" if name == "image_size" else "--" + name.rpartition(".")[2].replace("_", "-")


def command(function: Callable[..., None]) -> Callable[..., None]:
    """``function(options, ...)`` as a Typer command: options spread out, errors turned into messages and exit codes.

    The type of its first parameter, ``Plain`` or ``Options``, says which options those are.
    """
    first, *own = inspect.signature(function, eval_str=True).parameters.values()
    kind: type[Plain] = first.annotation
    names = [field.name for field in fields(kind)]

    def call(context: typer.Context, **given: Any) -> None:
        earlier: dict[str, Any] = context.find_root().obj or {}
        known = {name: value for name, value in earlier.items() if name in names}
        common = {name: value for name, value in given.items() if name in names}
        for name, value in known.items():
            if name == "settings":
                common[name] = [*value, *(common[name] or [])]
            elif not _on_command_line(context, name):
                common[name] = value
        options = kind(**common)
        with guarded(options):
            _refuse_urls(given)
            if earlier.keys() - known.keys():
                what = f"`tltpipe {context.info_name}` has no {', '.join(map(_flag, earlier.keys() - known.keys()))}"
                raise UsageError(what, hint=f"tltpipe {context.info_name} --help")
            with options.around():
                function(options, **{name: value for name, value in given.items() if name not in names})

    call.__name__, call.__doc__ = function.__name__, function.__doc__
    return _with_parameters(call, [*own, *_common(kind)])


def _refuse_urls(given: Mapping[str, Any]) -> None:
    """Raises UsageError for a URL where a path is expected: it would be one to a folder called ``s3:``."""
    for name, value in given.items():
        if isinstance(value, Path) and _URL_AS_PATH.match(str(value)):
            url = storage.masked(str(value).replace(":/", "://", 1))
            raise UsageError(f"{url}: {_flag(name)} takes a path, not a URL", hint="name a folder or a file here")


def before_commands(function: Callable[..., None]) -> Callable[..., None]:
    """The callback of the whole program: it takes the options of commands, too, and hands them on to the command."""
    names = [field.name for field in fields(Options)]

    def call(context: typer.Context, **given: Any) -> None:
        context.obj = {name: given[name] for name in names if _on_command_line(context, name)}
        function(**{name: value for name, value in given.items() if name not in names})

    call.__doc__ = function.__doc__
    own = inspect.signature(function, eval_str=True).parameters.values()
    return _with_parameters(call, [*own, *_common(Options, panel="Options of commands, before or behind them")])


def _on_command_line(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _common(kind: type[Plain], *, panel: str | None = None) -> list[inspect.Parameter]:
    """The options of ``kind`` as parameters, those of every command last."""
    hints = typing.get_type_hints(kind, include_extras=True)
    defaults = {field.name: None if field.default is MISSING else field.default for field in fields(kind)}
    found = []
    for name in sorted(defaults, key=PLAIN.__contains__):
        annotation = hints[name]
        if panel is not None:
            option = copy.copy(annotation.__metadata__[0])
            option.rich_help_panel = panel
            annotation = Annotated[annotation.__origin__, option]
        found.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=annotation)
        )
    return found


def _with_parameters(call: Callable[..., None], parameters: list[inspect.Parameter]) -> Callable[..., None]:
    """``call``, shown to Typer with its context and ``parameters``, whatever it takes itself."""
    kind = inspect.Parameter.KEYWORD_ONLY
    context = inspect.Parameter("context", kind, annotation=typer.Context)
    shown = [context, *(parameter.replace(kind=kind) for parameter in parameters)]
    call.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return call


def _flag(name: str) -> str:
    """The option that fills a field."""
    return "--set" if name == "settings" else f"--{name.replace('_', '-')}"


@contextmanager
def guarded(options: Plain) -> Iterator[None]:
    """Every way a command can end badly becomes a message and an exit code; SIGTERM and SIGHUP act like Ctrl-C."""
    with terminable():
        try:
            machine.require_current_folder()
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
    from orchestrator.screen import console

    if "console" in vars(options):
        options.console.close_bars()
    storage.name_remote(problem)
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
def terminable() -> Iterator[None]:
    """SIGTERM and SIGHUP become a KeyboardInterrupt, which names the signal."""

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise KeyboardInterrupt(signal.Signals(number))

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
