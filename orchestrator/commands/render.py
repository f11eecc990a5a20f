"""tltpipe render: stages as manifests for engines that somebody else talks to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.commands import stages
from orchestrator.commands.options import Chosen, command
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.engine.kubernetes.settings import Kubernetes
    from orchestrator.run import Run

app = typer.Typer(help="Stages as manifests for a cluster; nothing is applied.", no_args_is_help=True)

STAGE = typer.Argument(metavar="[STAGE]...", help="Stages (default: train).", show_default=False)
OUT = typer.Option("-o", "--output", metavar="FOLDER", help="Folder for the manifests (default: standard output).")


@app.callback()
def _top() -> None:
    pass


@app.command()
@command
def kubernetes(
    options: Chosen,
    names: Annotated[list[str] | None, STAGE] = None,
    output: Annotated[Path | None, OUT] = None,
    gpus: Annotated[int | None, stages.GPUS] = None,
    nodes: Annotated[int | None, stages.NODES] = None,
    key: Annotated[str | None, stages.KEY] = None,
) -> None:
    """Write Kubernetes manifests: an Indexed Job for each program of a stage; for data stages of ours a RayJob.

    More can be set in the kubernetes section of tltpipe.yaml.
    """
    from orchestrator import pipeline, session
    from orchestrator.engine.kubernetes.settings import Kubernetes
    from tltpipe import files

    run = session.start(
        options.workspace, options.console, flags=options.flags(gpus=gpus, nodes=nodes, key=key), dry=True
    )
    run.runner = session.open_runner("dry", run.config, run.workspace, run.toolkit, contained=True)
    ordered = pipeline.order(run, names or ["train"])
    pipeline.settle(run, ordered)
    made = {name: _manifests(run, name, run.config.section(Kubernetes)) for name in ordered}
    for name, text in made.items():
        if output is not None:
            files.write_text(output / f"{name}.yaml", text)
    written = {name: str(output / f"{name}.yaml") for name in made} if output else {}
    if options.json:
        options.console.json({"manifests": made, "written": written})
    elif output is None:
        typer.echo("".join(made.values()), nl=False)
    for path in written.values():
        options.console.put(f"wrote {path}: read it, then: kubectl apply -f {path}")


def _manifests(run: Run, stage: str, chosen: Kubernetes) -> str:
    """The manifests of a stage. Raises UsageError where it has none."""
    from orchestrator import pipeline
    from orchestrator.engine.kubernetes import jobs, pods, rays
    from orchestrator.jobs.mounts_file import is_secret

    module, name = pipeline.load(stage), pods.name(run.workspace.root.name, stage)
    requests = module.requests(run)
    if hasattr(module, "published") and (not requests or all(run.toolkit.fans_out(each) for each in requests)):
        jobs.refuse_far(run.workspace.root, run.config.data.root)
        image = run.config.image or run.toolkit.IMAGES[0]
        words = ["tltpipe", "run", stage, "--workspace", run.root_seen, "--runner", "local", *_settings(run)]
        environment: dict[str, Any] = dict(run.toolkit.ENVIRONMENT)
        made = rays.manifest(words, name, chosen, image=image, nodes=run.config.settings.nodes, environment=environment)
        return pods.as_yaml([made], rays.remarks(chosen))
    if not requests:
        raise UsageError(f"{stage} has no program that could be rendered")
    wanted = [run.job(request) for request in requests]
    names = [name] if len(wanted) == 1 else [f"{name}-{number}" for number in range(len(wanted))]
    hidden = [variable for variable in run.runner.environment() if is_secret(variable)]
    every = [
        manifest
        for job, own in zip(wanted, names, strict=True)
        for manifest in jobs.manifests(job, own, chosen, hidden=hidden)
    ]
    secrets = dict.fromkeys([*(secret for job in wanted for secret in jobs.secrets(job)), *hidden])
    return pods.as_yaml(every, pods.remarks(chosen, secrets))


def _settings(run: Run) -> list[str]:
    """The settings of this call, which the tltpipe.yaml of the workspace has not, as options."""
    from orchestrator.settings import SECRETS

    here = {*SECRETS, "runner", "image", "nodes", "gpus"}
    given = {name: each for name, each in run.config.given.items() if not each.in_file and not each.derived}
    return [
        word for name, each in given.items() if name not in here for word in ("--set", f"{name}={_text(each.value)}")
    ]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
