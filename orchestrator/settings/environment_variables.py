"""Settings in the environment: TLTPIPE_RUNNER, TLTPIPE_SSD__NUM_EPOCHS."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from orchestrator.settings.config_file import Given
from tltpipe.errors import ConfigError

PREFIX = "TLTPIPE_"


def read(environment: Mapping[str, str], settings: Collection[str]) -> dict[str, Given]:
    """TLTPIPE_RUNNER, TLTPIPE_SSD__NUM_EPOCHS; other variables with our prefix mean something else to somebody else."""
    found: dict[str, Given] = {}
    for variable, value in environment.items():
        if not variable.startswith(PREFIX):
            continue
        section, two, key = variable.removeprefix(PREFIX).lower().partition("__")
        if two and key:
            found[f"{section}.{key}"] = Given(value, variable)
        elif section in settings:
            found[section] = Given(value, variable)
    return found


def refuse_misspelt(environment: Mapping[str, str], kinds: Mapping[str, type[Any]]) -> None:
    """Raises ConfigError for a variable with one underscore between section and key: it would be ignored."""
    names = {
        f"{PREFIX}{name}_{field.name}".upper(): (name, field.name)
        for name in kinds
        for field in dataclasses.fields(kinds[name])
    }
    for variable in names.keys() & environment.keys():
        section, key = names[variable]
        hint = f"with two underscores: {PREFIX}{section.upper()}__{key.upper()}"
        raise ConfigError(f"{section}.{key} would be ignored", where=variable, hint=hint)
