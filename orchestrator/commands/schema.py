"""tltpipe schema: what editors need to complete and check tltpipe.yaml and specs in YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.commands import spec_files
from orchestrator.commands.options import Plain
from tltpipe import __version__, inputs
from tltpipe.errors import UsageError

MODELINE = "# yaml-language-server: $schema="
"""How a file in YAML names its schema to editors with the YAML language server, such as that of VS Code."""
COMMENT = "Written by tltpipe"

KIND = typer.Argument(
    metavar="[KIND]", help="Kind of spec: yolox, faster_rcnn, ... (default: tltpipe.yaml).", show_default=False
)
FORCE = typer.Option("--force", help="Replace FILE.")


def schema(
    options: Plain,
    kind: Annotated[str | None, KIND] = None,
    output: Annotated[Path | None, spec_files.OUT] = None,
    force: Annotated[bool, FORCE] = False,
) -> None:
    """Print the JSON schema of tltpipe.yaml or of a kind of spec in YAML, for editors to complete and check by."""
    from tltpipe import files

    spec_files.require_free(output, force=force)
    text = _text(kind)
    if output is None:
        typer.echo(text, nl=False)
        return
    files.write_text(output, text)
    if options.json:
        options.console.json({"written": str(output)})
        return
    options.console.put(f"wrote {output}")
    options.console.put(f"first line of a file for editors: {MODELINE}{output}")


def beside(path: Path, kind: str | None = None) -> Path:
    """Where the schema of the file ``path`` lies, so that editors find it at once. Raises UsageError where a file by
    that name is not ours."""
    place = path.with_name(f"{kind or 'tltpipe'}.schema.json")
    if place.exists() and COMMENT not in inputs.head(place).decode("utf-8", "replace"):
        raise UsageError(
            "is no schema that tltpipe has written", where=place, hint="move it away, or choose another folder"
        )
    return place


def modeline(path: Path, kind: str | None = None) -> str:
    """The line by which editors find the schema beside the file ``path``."""
    return f"{MODELINE}{beside(path, kind).name}\n"


def write_beside(path: Path, kind: str | None = None) -> Path:
    """Write the schema of the file ``path`` beside it. Raises as ``beside`` does."""
    from tltpipe import files

    place = beside(path, kind)
    files.write_text(place, _text(kind))
    return place


def _text(kind: str | None) -> str:
    """The schema of tltpipe.yaml, or of specs of a ``kind``. Raises UsageError for a kind without one."""
    from orchestrator.settings import schema as settings
    from specs import yaml_schema

    found = settings.of_settings() if kind is None else yaml_schema.of_spec(kind)
    return json.dumps({"$comment": f"{COMMENT} {__version__}", **found}, indent=2, ensure_ascii=False) + "\n"
