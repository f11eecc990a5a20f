"""Class numbers for DALI: from the mapping in the spec, or from a file with a class in each line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from runtime.conversion.layouts import Dali, Targets
from specs import Spec
from tltpipe import inputs
from tltpipe.errors import DataError, UsageError


def dali(spec: Spec, names_file: Path | None, *, strict: bool) -> Dali:
    """The layout whose classes ``target_class_mapping`` gives or, without one, the lines of ``names_file``.

    Numbers are 1 to n over the sorted names of the targets, in lower case. Raises UsageError where there is neither,
    DataError for a file that names no class.
    """
    mapping: Mapping[str, str] = spec.message.target_class_mapping
    if mapping:
        targets = {given.lower(): target.lower() for given, target in mapping.items()}
        return Dali(Targets(targets), _numbered(mapping[given].lower() for given in mapping), strict)
    if names_file is None:
        what = "records for DALI hold class numbers, and nothing says which class has which"
        hint = "write target_class_mapping in the spec, or give a file with a class in each line: -c FILE"
        raise UsageError(what, where=str(spec.source), hint=hint)
    names = read(names_file)
    return Dali(Targets({name: name for name in names}), _numbered(names), strict)


def read(path: Path) -> list[str]:
    """The classes in the file ``path``, in lower case; raises DataError with file and line.

    A blank line, for NVIDIA the class "", counts for nothing.
    """
    try:
        lines = inputs.content(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DataError("this file of class names is not UTF-8 text", where=path) from None
    except OSError as problem:
        raise DataError(f"this file of class names cannot be read: {problem.strerror}", where=path) from None
    names = [line.strip().lower() for line in lines]
    if not any(names):
        raise DataError("this file names no class", where=path, hint="it needs a class in each line")
    return [name for name in names if name]


def _numbered(names: Iterable[str]) -> dict[str, float]:
    return {name: float(number) for number, name in enumerate(sorted(set(names)), start=1)}
