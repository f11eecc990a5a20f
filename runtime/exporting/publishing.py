"""A model and what lies beside it appear together, and nothing that was there is lost unasked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tltpipe.errors import ExportError
from tltpipe.files import beside as hidden
from tltpipe.files import remove, writable


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """A hidden folder beside ``target``, to make files in that will move there; gone at the end.

    What a killed export has left of it goes before; so do, where nothing came of it, the folders made for ``target``.
    """
    folder = hidden(target)
    made = [each for each in (target.parent, *target.parent.parents) if not each.exists()]
    with writable(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        remove(folder)
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # there is something in it
            for each in made:
                each.rmdir()


def require_free(target: Path, *, force: bool) -> None:
    """Raise ExportError where ``target`` is there already; ``force``: as long as it is a file."""
    if target.is_dir():
        raise ExportError("this is a folder; the model needs a file name", where=target)
    if target.exists() and not force:
        raise ExportError("this file is there already", where=target, hint="--force replaces it; or choose another -o")


def publish(folder: Path, target: Path, texts: Mapping[str, str], *, force: bool) -> list[Path]:
    """Move ``folder / target.name`` to ``target``, after ``texts`` by their names have been put beside it.

    A text that is there already, word for word, is left alone; raises ExportError, before anything appears, where
    it has other words; so, whatever ``force`` says, where another model lies in the same folder that it belongs to.
    Returns the paths, the model first.
    """
    wanted = {target.parent / name: text for name, text in texts.items()}
    changed = {path: text for path, text in wanted.items() if not _says(path, text)}
    others = [path for path in target.parent.glob("*.json") if path.name.removesuffix(".json") != target.name]
    shared = [path for path in changed if path.exists() and not path.name.startswith(target.name)]
    if shared and any(path.with_suffix("").is_file() for path in others):
        what = "this belongs to another model in this folder, too, and would change"
        raise ExportError(what, where=shared[0], hint="export into a folder of its own: -o FOLDER/NAME")
    if not force and (taken := [path for path in changed if path.exists()]):
        hint = "--force replaces it; or export into a folder of its own"
        raise ExportError("this file is there already, and belongs to another model", where=taken[0], hint=hint)
    for path, text in changed.items():
        part = folder / f"beside-{path.name}"
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    os.replace(folder / target.name, target)
    return [target, *wanted]


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text
