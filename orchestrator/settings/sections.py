"""The sections of tltpipe.yaml: the data, stages, runners and networks, each with the dataclass of its settings."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any

from orchestrator.settings import Data
from tltpipe import registry

STAGES = "orchestrator.stages"
RUNNERS = "orchestrator.runners"
RENDERED = {"kubernetes": "orchestrator.engine"}
"""Engines that jobs are only rendered for, and where their modules are."""
DATA = "data"
"""The section that belongs to no stage alone."""


def sections(network: str) -> dict[str, str]:
    """The sections that hold a spec's tunables, and the folder of ``specs/`` of each: stages with one, the network."""
    return {**specs_of_stages(), network: network}


def own_sections(*, runners: Iterable[str] | None = None) -> dict[str, type[Any]]:
    """The sections that are no spec's, and the dataclass of each: the data; stages, runners and engines with settings
    of their own. ``runners``: only of these; all by default."""
    stages = sorted(_stages().items(), key=lambda item: item[1].ON_REQUEST)
    of_stages = {name: stage.SETTINGS for name, stage in stages if stage.SETTINGS is not None}
    rendered = {name: registry.load(folder, name).SETTINGS for name, folder in RENDERED.items()}
    return {DATA: Data, **of_stages, **of_runners(registry.names(RUNNERS) if runners is None else runners), **rendered}


def of_runners(names: Iterable[str]) -> dict[str, type[Any]]:
    """The sections of these runners, as far as they have settings."""
    modules = {name: registry.load(RUNNERS, name) for name in names}
    return {name: module.SETTINGS for name, module in modules.items() if hasattr(module, "SETTINGS")}


def _stages() -> dict[str, ModuleType]:
    return {name: registry.load(STAGES, name) for name in registry.names(STAGES)}


def specs_of_stages() -> dict[str, str]:
    return {name: stage.SPEC for name, stage in _stages().items() if stage.SPEC}


def networks() -> list[str]:
    """What can be trained: the specs that are no stage's."""
    import specs

    return [folder for folder in specs.folders() if folder not in specs_of_stages().values()]
