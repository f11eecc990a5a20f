"""tltpipe toolkit: whose programs there are, and what each needs of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import typer

from orchestrator.commands.options import Plain, command

if TYPE_CHECKING:
    from orchestrator.jobs.images import Needs
    from orchestrator.toolkits import Toolkit

app = typer.Typer(help="Whose programs there are, and what they need.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps ``list`` a word of its own."""


@app.command("list")
@command
def list_toolkits(options: Plain) -> None:
    """List the toolkits: image, driver, GPU generations, disk and log-in that each needs. `tltpipe doctor` checks them
    here."""
    from tltpipe import registry

    rows = [_row(name) for name in registry.names("orchestrator.toolkits")]
    if options.json:
        options.console.json({"toolkits": rows})
        return
    for row in rows:
        for line in _lines(row):
            options.console.put(line)


def _row(name: str) -> dict[str, Any]:
    from tltpipe import registry

    toolkit = cast("Toolkit", registry.load("orchestrator.toolkits", name))
    about = (toolkit.__doc__ or "").partition("\n")[0].rstrip(".").replace("``", "")
    images = [_image(image, toolkit.NEEDS.get(image)) for image in toolkit.IMAGES]
    return {"name": name, "about": about, "contained": toolkit.CONTAINED, "images": images}


def _image(image: str, needs: Needs | None) -> dict[str, Any]:
    from orchestrator.engine import login

    if needs is None:
        return {"image": image, "needs": None}
    told = {
        "driver": needs.driver,
        "data_centre_driver": needs.data_centre_driver,
        "capabilities": list(needs.capabilities),
        "generations": needs.generations,
        "disk_gb": needs.room,
        "login": login.host_of(image) if needs.login else None,
    }
    return {"image": image, "needs": told}


def _lines(row: dict[str, Any]) -> Iterator[str]:
    yield f"{row['name']:9} {row['about']}"
    if not row["contained"]:
        yield f"{'':9} runs on this machine (--runner local), with or without a GPU"
    for image in row["images"]:
        yield f"{'':9} image   {image['image']}{'' if row['contained'] else '  (--runner docker: tltpipe image build)'}"
        if (needs := image["needs"]) is not None:
            low, high = needs["capabilities"]
            yield f"{'':9} driver  {needs['driver']} or newer (GPUs for data centres: {needs['data_centre_driver']})"
            yield f"{'':9} GPUs    {needs['generations']} (compute capability {low} to {high})"
            yield f"{'':9} disk    {needs['disk_gb']} GB"
            if needs["login"]:
                yield f"{'':9} log-in  docker login {needs['login']}"
