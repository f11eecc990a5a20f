"""tltpipe.yaml, then the environment, then the command line: one frozen Config that knows where each value is from."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.settings import SECRETS, Data, Exporting, Inference, Pruning, Settings, Training
from tltpipe import registry
from tltpipe.errors import ConfigError, Location

FILE = "tltpipe.yaml"
PREFIX = "TLTPIPE_"

Place = Location | Path | str


@dataclass(frozen=True)
class Given:
    """A value somebody gave, and where."""

    value: object
    where: Place


@dataclass(frozen=True)
class Config:
    """``tunables`` holds a section's dataclass by its name: each stage with a spec of its own, and the network.

    ``sources`` says where a value that is not the default came from, by dotted name ("ssd.num_epochs").
    """

    settings: Settings
    data: Data
    training: Training
    pruning: Pruning
    inference: Inference
    exporting: Exporting
    tunables: Mapping[str, Any]
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def network(self) -> str:
        return self.settings.network

    @property
    def toolkit(self) -> str:
        return self.settings.toolkit

    @property
    def runner(self) -> str:
        return self.settings.runner

    @property
    def image(self) -> str | None:
        return self.settings.image

    @property
    def gpus(self) -> int:
        return self.settings.gpus

    @property
    def secrets(self) -> Mapping[str, str]:
        """The secrets that were given, by name."""
        found = {name: getattr(self.settings, name) for name in SECRETS}
        return {name: value for name, value in found.items() if value}


def load(
    root: Path, *, flags: Mapping[str, Given] | None = None, environment: Mapping[str, str] | None = None
) -> Config:
    """The configuration of the workspace ``root``. ``flags`` are the command line's values by dotted name.

    Raises ConfigError that names the place of the value and, for an unknown key, the nearest known one.
    """
    environment = os.environ if environment is None else environment
    given: dict[str, Given] = {}
    for layer in (_from_file(root / FILE), _from_environment(environment), flags or {}):
        given.update(layer)
    top = _section(given, "")
    network = top["network"].value if "network" in top else Settings.network
    _refuse_unknown(given, ["data", "train", "prune", "infer", "export", *sections(str(network))])
    settings = _build("tltpipe", Settings, top)
    folders = sections(settings.network)
    return Config(
        settings=settings,
        data=_build("data", Data, _section(given, "data")),
        training=_build("train", Training, _section(given, "train")),
        pruning=_build("prune", Pruning, _section(given, "prune")),
        inference=_build("infer", Inference, _section(given, "infer")),
        exporting=_build("export", Exporting, _section(given, "export")),
        tunables={name: _tunables(name, folder, _section(given, name)) for name, folder in folders.items()},
        sources={dotted: str(told.where) for dotted, told in given.items()},
    )


def sections(network: str) -> dict[str, str]:
    """The sections that hold a spec's tunables, and the folder of ``specs/`` of each: stages with one, the network."""
    stages = {name: registry.load("orchestrator.stages", name).SPEC for name in registry.names("orchestrator.stages")}
    return {**{name: folder for name, folder in stages.items() if folder}, network: network}


def settings_known() -> list[str]:
    """The keys at the top."""
    return [field.name for field in dataclasses.fields(Settings)]


def flag(text: str) -> tuple[str, Given]:
    """``section.key=value`` as ``--set`` takes it. Raises ConfigError."""
    dotted, equals, value = text.partition("=")
    if not equals or not dotted.strip():
        hint = "write it as --set section.key=value, for example --set ssd.num_epochs=20"
        raise ConfigError(f'--set cannot read "{text}"', hint=hint)
    return dotted.strip(), Given(value.strip(), f"--set {dotted.strip()}")


def _section(given: Mapping[str, Given], name: str) -> dict[str, Given]:
    """The values of one section by their own key; ``name`` "" for the top."""
    if not name:
        return {dotted: told for dotted, told in given.items() if "." not in dotted}
    return {dotted.removeprefix(f"{name}."): t for dotted, t in given.items() if dotted.startswith(f"{name}.")}


def _build(title: str, kind: type[Any], given: Mapping[str, Given]) -> Any:
    from specs import tuning

    return tuning.build(title, kind, {key: _as_list(told.value) for key, told in given.items()}, _where(given))


def _tunables(name: str, folder: str, given: Mapping[str, Given]) -> Any:
    import specs

    return specs.tunables_from(folder, {key: told.value for key, told in given.items()}, where=_where(given, name))


def _where(given: Mapping[str, Given], section: str = "") -> Callable[[str], Place]:
    return lambda key: given[key].where if key in given else section or FILE


def _as_list(value: object) -> object:
    """Lists come as text from the environment and the command line: ``a,b`` or ``[a, b]``."""
    if isinstance(value, str) and ("," in value or value.startswith("[")):
        return [part.strip().strip("\"'") for part in value.strip("[] ").split(",") if part.strip()]
    return value


def _refuse_unknown(given: Mapping[str, Given], known: list[str]) -> None:
    """Raises ConfigError for a section that there is not, or a name at the top that is neither key nor section."""
    for dotted, told in given.items():
        name, dot, _ = dotted.partition(".")
        candidates = known if dot else [*known, *settings_known()]
        if name not in candidates:
            near = difflib.get_close_matches(name, candidates, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(candidates)}"
            raise ConfigError(f'there is no setting or section "{name}"', where=told.where, hint=hint)


def _from_environment(environment: Mapping[str, str]) -> dict[str, Given]:
    """TLTPIPE_RUNNER, TLTPIPE_SSD__NUM_EPOCHS; other variables with our prefix mean something else to somebody else."""
    found: dict[str, Given] = {}
    for variable, value in environment.items():
        if not variable.startswith(PREFIX):
            continue
        section, two, key = variable.removeprefix(PREFIX).lower().partition("__")
        if two and key:
            found[f"{section}.{key}"] = Given(value, variable)
        elif section in settings_known():
            found[section] = Given(value, variable)
    return found


def _from_file(path: Path) -> dict[str, Given]:
    """The values of tltpipe.yaml with their lines; nothing where there is no such file."""
    import yaml

    from specs.yaml_nodes import bounded

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=path) from error
    try:
        node = bounded(text)
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError("must hold keys and values", where=path, hint="`tltpipe init` writes an example")
        return _walk(node, path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = Location(path, mark.line + 1, mark.column + 1) if mark else Location(path)
        raise ConfigError(f"is not YAML: {error.problem or error.context}", where=where) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"is not YAML: {error}", where=path) from error


def _walk(top: Any, path: Path) -> dict[str, Given]:
    import yaml

    loader = yaml.SafeLoader("")
    found: dict[str, Given] = {}

    def put(dotted: str, key: Any, value: Any) -> None:
        where = Location(path, key.start_mark.line + 1, key.start_mark.column + 1)
        if dotted in found:
            raise ConfigError(f"{dotted} stands here twice", where=where)
        found[dotted] = Given(loader.construct_object(value, deep=True), where)

    for key, value in top.value:
        if isinstance(value, yaml.MappingNode):
            for inner, leaf in value.value:
                put(f"{key.value}.{inner.value}", inner, leaf)
        elif not _is_empty_section(key, value):
            put(str(key.value), key, value)
    return found


def _is_empty_section(key: Any, value: Any) -> bool:
    """``augment:`` with nothing below, as ``tltpipe init`` leaves it; of a setting, null is a value."""
    return str(value.tag) == "tag:yaml.org,2002:null" and key.value not in settings_known()
