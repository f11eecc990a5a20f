"""watch: trainings in a browser, while they go on or when they are over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.commands.options import Plain

PORT = 8097


def watch(
    options: Plain,
    runs: Annotated[
        list[Path] | None,
        typer.Argument(help="Results folders, workspaces, or folders that hold some (default: the current folder)."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; others than loopback need a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one.")] = PORT,
) -> None:
    """Show trainings live in a browser: curves, samples, figures of classes, and how to resume one that ended early.

    It reads what a training writes, so it works for one in a container, on a shared folder, or long over.
    """
    import secrets
    import threading

    from orchestrator.trainings import finding
    from tltpipe import web
    from tltpipe.web import guard

    paths = [path.absolute() for path in runs or [Path()]]
    finding.require(paths)
    web.require()
    from orchestrator.pages import live_app
    from tltpipe.web import server

    token = None if guard.is_loopback(host) else secrets.token_urlsafe(24)
    stopping = threading.Event()

    def say(address: str) -> None:
        url = address if token is None else f"{address}?token={token}"
        if options.json:
            options.console.json({"url": url})
        else:
            options.console.put(f"{url}  (Ctrl-C ends it)")

    app = live_app.create(paths, stopping, hosts=guard.names_of(host), token=token)
    server.serve(app, host=host, port=port, say=say, on_stop=stopping.set)
