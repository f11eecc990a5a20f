"""The folder is the list: modules found by name, imported when asked for.

A format, stage, toolkit, runner or network is one module in one folder. Nothing registers itself and nothing
keeps a second list, so a new one is one new file.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable
from functools import cache
from types import ModuleType

from tltpipe.errors import UsageError


def names(folder: str) -> list[str]:
    """Names of the modules in the package ``folder`` (``"converters.formats"``), sorted; imports none of them."""
    spec = importlib.util.find_spec(folder)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"{folder} is not a package")
    return list(_listed(tuple(spec.submodule_search_locations)))


@cache
def _listed(places: tuple[str, ...]) -> list[str]:
    """Each folder is read once in a process."""
    return sorted(module.name for module in pkgutil.iter_modules(places) if not module.name.startswith("_"))


def family(name: str, known: Iterable[str]) -> str | None:
    """The longest of the ``known`` names that ``name`` begins with, word for word: "ssd" of "ssd_resnet18"."""
    return max((each for each in known if f"{name}_".startswith(f"{each}_")), key=len, default=None)


def load(folder: str, name: str) -> ModuleType:
    """Import and return the module ``name`` of the package ``folder``.

    Raises UsageError when there is no such module, with the nearest names.
    """
    known = names(folder)
    if name not in known:
        kind = folder.rpartition(".")[2].removesuffix("s").replace("_", " ")
        near = difflib.get_close_matches(name, known, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(known)}"
        raise UsageError(f'there is no {kind} called "{name}"', hint=hint)
    return importlib.import_module(f"{folder}.{name}")
