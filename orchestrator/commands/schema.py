"""tltpipe schema: what editors need to complete and check tltpipe.yaml and specs in YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.commands.options import Plain
from tltpipe.errors import UsageError

KIND = typer.Argument(
    metavar="[KIND]", help="Kind of spec: yolox, faster_rcnn, ... (default: tltpipe.yaml).", show_default=False
)
OUT = typer.Option(
    "--output", "-o", metavar="FILE", help="File to write (default: standard output).", show_default=False
)
FORCE = typer.Option("--force", help="Replace FILE.")


def schema(
    options: Plain,
    kind: Annotated[str | None, KIND] = None,
    output: Annotated[Path | None, OUT] = None,
    force: Annotated[bool, FORCE] = False,
) -> None:
    """Print the JSON schema of tltpipe.yaml or of a kind of spec in YAML, for editors to complete and check by."""
    from orchestrator.settings import schema as settings
    from specs import yaml_schema
    from tltpipe import files

    if output is not None and output.exists() and not force:
        raise UsageError("is there already", where=output, hint="--force replaces it")
    found = settings.of_settings() if kind is None else yaml_schema.of_spec(kind)
    if output is None:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    files.write_text(output, json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    if options.json:
        options.console.json({"written": str(output)})
        return
    options.console.put(f"wrote {output}")
    options.console.put(f"first line of a file for editors: # yaml-language-server: $schema={output}")
