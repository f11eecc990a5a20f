"""From a folder and some flags to a Run that is ready to go."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from orchestrator.jobs import mounts_file, receipts
from orchestrator.jobs.workspace import Workspace
from orchestrator.run import Run
from orchestrator.runners import Place, Runner
from orchestrator.screen.report import Report
from orchestrator.settings import config
from orchestrator.toolkits import Toolkit
from tltpipe import inputs, registry, storage
from tltpipe.errors import ConfigError, UsageError

PREPARED = "KITTI"
"""Folder for what prepare makes where it cannot be beside the pictures."""


def start(
    root: Path,
    report: Report,
    *,
    flags: Mapping[str, config.Given] | None = None,
    force: bool = False,
    render: bool = False,
    dry: bool = False,
    subject: Path | None = None,
    subjects: tuple[Path, ...] = (),
) -> Run:
    """Read the configuration of the workspace ``root``, load its toolkit and open its runner.

    ``dry`` shows the jobs that the configured runner would get, and runs none.

    Raises UsageError for a folder that does not exist and for unknown names, ConfigError for unfit settings.
    """

    root = Path(os.path.abspath(root))
    if not root.is_dir():
        raise UsageError("there is no such folder", where=root, hint="--workspace names the folder of the run")
    settings = config.load(root, flags=flags)
    workspace = Workspace(root, raw_data(root, settings), settings.data.prepared or _prepared(root, settings))
    toolkit = cast("Toolkit", registry.load("orchestrator.toolkits", settings.toolkit))
    return Run(
        config=settings,
        workspace=workspace,
        toolkit=toolkit,
        runner=_shown(settings, workspace, toolkit)
        if dry
        else open_runner(settings.runner, settings, workspace, toolkit),
        report=report,
        render=render,
        force=force,
        subject=None if subject is None else Path(os.path.abspath(subject)),
        subjects=tuple(Path(os.path.abspath(path)) for path in subjects),
    )


def raw_data(root: Path, settings: config.Config) -> str:
    """The folder of the data set: that of the setting, or where the copy of a URL is, or will be.

    Raises ConfigError for a URL with credentials in it.
    """
    data = settings.data
    if data.publish is not None and not storage.is_url(data.publish):
        where = settings.given["data.publish"].where
        raise ConfigError("data.publish is not a URL", where=where, hint="s3://BUCKET/PREFIX; a folder: file:///PATH")
    for name in ("root", "publish"):
        if storage.is_url(text := getattr(data, name)):
            storage.checked(text, where=settings.given[f"data.{name}"].where)
    if not storage.is_url(data.root):
        return data.root
    return str(storage.place(data.root, storage.cache_folder(data.cache, root)))


def misfit(settings: config.Config, toolkit: Toolkit, runner: Runner) -> str | None:
    """Why this runner cannot serve this toolkit, in words; None if it can."""
    if toolkit.CONTAINED and not runner.contained:
        return f"the toolkit {settings.toolkit} needs --runner docker: its programs are in NVIDIA's image only"
    return None


def _shown(settings: config.Config, workspace: Workspace, toolkit: Toolkit) -> Runner:
    """The runner that shows jobs as the configured one would get them."""
    real = open_runner(settings.runner, settings, workspace, toolkit)
    return open_runner("dry", settings, workspace, toolkit, contained=toolkit.CONTAINED or real.contained, real=real)


def open_runner(
    name: str,
    settings: config.Config,
    workspace: Workspace,
    toolkit: Toolkit,
    *,
    contained: bool = True,
    real: Runner | None = None,
) -> Runner:
    """The runner called ``name`` for this workspace. Raises UsageError for an unknown one."""
    place = Place(
        workspace=workspace.root,
        logs=workspace.logs,
        images=(settings.image,) if settings.image else toolkit.IMAGES,
        gpu_request=settings.settings.gpu_request,
        nodes=settings.settings.nodes,
        gpus=settings.gpus,
        contained=contained,
        needs=toolkit.NEEDS,
        launcher=mounts_file.load(toolkit.MOUNTS_FILES),
        settings=settings.sections.get(name),
        real=real,
    )
    return cast("Runner", registry.load("orchestrator.runners", name).open(place))


def _prepared(root: Path, settings: config.Config) -> str:
    """Beside the pictures where they lie as tlt-augment wants them and can be written, else a folder of our own.

    Labels that somebody else has put there are never written over.
    """
    from converters.model.splits import split_name

    if storage.is_url(settings.data.root):
        return PREPARED
    raw = root / settings.data.root
    receipt = receipts.load(root / ".tltpipe" / "receipts", "prepare")
    ours = receipt.outputs if receipt is not None else {}
    if not raw.is_dir():  # what was prepared stays where it is
        return PREPARED if any(path.startswith(f"{PREPARED}/") for path in ours) else settings.data.root
    names = {split_name(name): name for name in settings.data.splits}
    with os.scandir(raw) as entries:
        splits = [entry.name for entry in entries if inputs.is_folder(entry) and split_name(entry.name) in names]
    beside = all(
        names[split_name(name)] == name
        and (raw / name / "image").is_dir()
        and ((raw / name / "annos").is_dir() or f"{settings.data.root}/{name}/label" in ours)
        and os.access(raw / name, os.W_OK)
        and not (raw / name).is_symlink()  # nothing is written through links (docs/security.md)
        for name in splits
    )
    return settings.data.root if beside and splits else PREPARED
