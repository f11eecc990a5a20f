"""tltpipe serve: our server of models in the foreground, in place of this process, so that signals are its own."""

from __future__ import annotations

import typer

from orchestrator.commands.options import Plain, guarded


def serve(context: typer.Context) -> None:
    """Serve models: a page and a JSON API for images, on http://127.0.0.1:8000."""
    with guarded(Plain()):
        from orchestrator.runners import local

        local.become("tlt-serve", context.args)
