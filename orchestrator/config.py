"""tltpipe.yaml, then the environment, then the command line: one frozen Config that knows where each value is from."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.settings import SECRETS, Data, Settings
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
    names = _Names()
    given: dict[str, Given] = {}
    for layer in (_from_file(root / FILE), _from_environment(environment, names), flags or {}):
        given.update(layer)
    settings = _build("the top level", Settings, _section(given, ""), names)
    folders = names.folders(settings.network)
    for dotted, told in given.items():
        section = dotted.partition(".")[0]
        if "." in dotted and section not in {"data", *folders}:
            raise _unknown_section(section, told.where, ["data", *folders])
    return Config(
        settings=settings,
        data=_build("data", Data, _section(given, "data"), names),
        tunables={name: _tunables(name, folder, _section(given, name)) for name, folder in folders.items()},
        sources={dotted: str(told.where) for dotted, told in given.items()},
    )


def sections(network: str) -> dict[str, str]:
    """The sections that hold a spec's tunables: name to folder of ``specs/``."""
    return _Names().folders(network)


def flag(text: str) -> tuple[str, Given]:
    """``section.key=value`` as ``--set`` takes it. Raises ConfigError."""
    dotted, equals, value = text.partition("=")
    if not equals or not dotted.strip():
        hint = "write it as --set section.key=value, for example --set ssd.num_epochs=20"
        raise ConfigError(f'--set cannot read "{text}"', hint=hint)
    return dotted.strip(), Given(value.strip(), f"--set {dotted.strip()}")


class _Names:
    """The sections there are, found when first asked for."""

    def folders(self, network: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in registry.names("orchestrator.stages"):
            folder = registry.load("orchestrator.stages", name).SPEC
            if folder is not None:
                found[name] = folder
        return {**found, network: network}

    def known(self) -> set[str]:
        return {f.name for f in dataclasses.fields(Settings)}


def _section(given: Mapping[str, Given], name: str) -> dict[str, Given]:
    """The values of one section by their own key; ``name`` "" for the top."""
    if not name:
        return {dotted: told for dotted, told in given.items() if "." not in dotted}
    return {dotted.removeprefix(f"{name}."): t for dotted, t in given.items() if dotted.startswith(f"{name}.")}


def _build(title: str, kind: type[Any], given: Mapping[str, Given], names: _Names) -> Any:
    from specs import tuning

    near = _near_section(given, names) if kind is Settings else None
    if near is not None:
        raise near
    values = {key: _as_list(told.value) for key, told in given.items()}
    return tuning.build(title, kind, values, _where(given))


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


def _near_section(given: Mapping[str, Given], names: _Names) -> ConfigError | None:
    """A top-level name that is none of the settings but nearly a section's is answered with the section."""
    everything = [*names.known(), "data", *names.folders("ssd")]
    for key, told in given.items():
        if key not in names.known():
            return _unknown_section(key, told.where, everything)
    return None


def _unknown_section(name: str, where: Place, known: list[str]) -> ConfigError:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(sorted(known))}"
    return ConfigError(f'there is no setting or section "{name}"', where=where, hint=hint)


def _from_environment(environment: Mapping[str, str], names: _Names) -> dict[str, Given]:
    """TLTPIPE_RUNNER, TLTPIPE_SSD__NUM_EPOCHS; other variables with our prefix mean something else to somebody else."""
    found: dict[str, Given] = {}
    for variable, value in environment.items():
        if not variable.startswith(PREFIX):
            continue
        section, two, key = variable.removeprefix(PREFIX).lower().partition("__")
        if two and key:
            found[f"{section}.{key}"] = Given(value, variable)
        elif section in names.known():
            found[section] = Given(value, variable)
    return found


def _from_file(path: Path) -> dict[str, Given]:
    """The values of tltpipe.yaml with their lines; nothing where there is no such file."""
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=path) from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
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
    return str(value.tag) == "tag:yaml.org,2002:null" and key.value not in _Names().known()
