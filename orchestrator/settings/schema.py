"""The JSON schema of tltpipe.yaml."""

from __future__ import annotations

from typing import Any

import specs
from orchestrator.settings import Settings, config
from specs import recipes, tuning, yaml_schema
from tltpipe import registry


def of_settings() -> dict[str, Any]:
    """The keys at the top, and every section: the data, the stages, the networks."""
    networks = config.networks()
    sections = {name: tuning.json_schema(kind) for name, kind in config.own_sections().items()}
    for network in networks:
        sections |= {name: specs.json_schema(folder) for name, folder in config.sections(network).items()}
    top = yaml_schema.lenient(tuning.json_schema(Settings))
    properties = top["properties"] | {name: _section(schema) for name, schema in sections.items()}
    properties["network"] |= {"enum": networks}
    for name, rooms in (("toolkit", "orchestrator.toolkits"), ("runner", "orchestrator.runners")):
        properties[name] |= {"enum": registry.names(rooms)}
    size = [{"type": "integer"}, {"type": "string", "pattern": r"^\s*\[?\s*\d+(\s*[x,]\s*\d+)?\s*\]?\s*$"}]
    properties["image_size"]["anyOf"] += size
    return {
        "$schema": yaml_schema.DIALECT,
        "title": "tltpipe.yaml",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": properties,
        "allOf": [_recipes_of(network) for network in networks],
    }


def _section(schema: dict[str, Any]) -> dict[str, Any]:
    """A section may be left empty."""
    assert "$defs" not in schema, "settings are flat"
    return yaml_schema.lenient(schema) | {"type": ["object", "null"]}


def _recipes_of(network: str) -> dict[str, Any]:
    """The recipes that there are where this network is trained."""
    chosen: dict[str, Any] = {"properties": {"network": {"const": network}}}
    if network != Settings.network:
        chosen["required"] = ["network"]
    return {"if": chosen, "then": {"properties": {"recipe": {"enum": [None, *recipes.names(network)]}}}}
