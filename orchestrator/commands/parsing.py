"""The program as Typer makes it of ``app``, with no more than a command line needs of it.

Typer makes all commands, and converts every value with pydantic, which takes longer than most commands do.
"""

from __future__ import annotations

import copy
import os
import stat
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import typer

_UNSURE = object()


def program(app: typer.Typer, words: Sequence[str]) -> Any:
    """The click command for ``app``. Where the first of ``words`` names one of its commands, that is the only one."""
    first = words[0] if words else ""
    chosen = [each for each in app.registered_commands if first == (each.name or _name(each.callback))]
    if chosen:
        app = copy.copy(app)
        app.registered_commands, app.registered_groups = chosen, []
    made = typer.main.get_command(app)
    _convert_cheaply(made)
    return made


def _name(callback: Any) -> str:
    return str(callback.__name__).replace("_", "-")


def _convert_cheaply(command: Any) -> None:
    for each in getattr(command, "commands", {}).values():
        _convert_cheaply(each)
    command.get_params = partial(_parameters, command.get_params)


def _parameters(known: Callable[[Any], list[Any]], context: Any) -> list[Any]:
    """The parameters of a command, --help among them, each with a conversion of ours."""
    parameters = known(context)
    for each in parameters:
        exact = getattr(each, "get_runtime_param", None)  # None: other versions of Typer convert without pydantic
        if exact is not None and not isinstance(exact, partial):
            each.get_runtime_param = partial(_Conversion, exact)
    return parameters


@dataclass(frozen=True)
class _Conversion:
    """Words and paths as they are; ``exact`` gives Typer's own conversion, for all else and for what is wrong."""

    exact: Callable[[], Any]

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        several = param.multiple or param.nargs == -1
        kind, info = param.type_descriptor.annotation, param.type_descriptor.parameter_info
        converted: Any = _UNSURE
        if value is None:
            converted = () if several else None
        elif not several:
            converted = _one(value, kind, info)
        elif isinstance(value, list | tuple) and typing.get_origin(kind) is list:
            (inner,) = typing.get_args(kind)
            entries = [_one(entry, inner, info) for entry in value]
            converted = _UNSURE if _UNSURE in entries else entries
        return self.exact().coerce(value, param=param, ctx=ctx) if converted is _UNSURE else converted


def _one(value: Any, kind: Any, info: Any) -> Any:
    if info.parser is not None or (isinstance(value, str) and not value.isascii()):
        return _UNSURE
    if kind is str and isinstance(value, str):
        return value
    if kind is Path and isinstance(value, str | Path) and _fits(path := Path(value), info):
        return path
    return _UNSURE


def _fits(path: Path, info: Any) -> bool:
    """Whether Typer would take ``path`` as it is."""
    if info.resolve_path or info.writable or info.path_type is not None:
        return False
    try:
        state = path.stat()
    except OSError:
        return not info.exists
    return (info.dir_okay if stat.S_ISDIR(state.st_mode) else info.file_okay) and os.access(path, os.R_OK)
