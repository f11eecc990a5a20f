"""tltpipe.yaml, then the environment, then the command line: one frozen Config that knows where each value is from."""

from __future__ import annotations

import dataclasses
import difflib
import os
import types
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.settings import SECRETS, Data, Settings, config_file, environment_variables, image_size
from orchestrator.settings.config_file import Given, Place
from orchestrator.settings.sections import DATA, RUNNERS, networks, of_runners, own_sections, sections, specs_of_stages
from tltpipe import registry
from tltpipe.errors import ConfigError

__all__ = ["Config", "Given", "flag", "load", "networks", "own_sections", "sections"]

FILE = "tltpipe.yaml"
RECIPE = "recipe"
NETWORK = "network"
"""As a section it means that of the network, whichever it is: what options of commands are called."""


Section = TypeVar("Section")


@dataclass(frozen=True)
class Config:
    """``tunables`` holds a section's dataclass by its name: each stage with a spec of its own, and the network;
    ``sections`` those of stages whose settings are in no spec, and of runners, as far as they are chosen or given.

    ``given`` holds what is not the default, by dotted name ("ssd.num_epochs"), with the place that it came from.
    """

    settings: Settings
    data: Data
    sections: Mapping[str, Any]
    tunables: Mapping[str, Any]
    given: Mapping[str, Given] = field(default_factory=dict, repr=False, compare=False)

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
    def sources(self) -> dict[str, str]:
        """Where a value that is not the default came from, by dotted name."""
        return {dotted: str(value.where) for dotted, value in self.given.items() if not value.derived}

    def section(self, kind: type[Section]) -> Section:
        """The settings of the stage whose SETTINGS are of this ``kind``."""
        return next(settings for settings in self.sections.values() if isinstance(settings, kind))

    def section_of(self, folder: str) -> str:
        """The section whose settings are for specs of this folder of ``specs/``."""
        return next(name for name, own in sections(self.network).items() if own == folder)

    def given_in(self, section: str) -> dict[str, Given]:
        """What is not the default in a section, by its key."""
        return _section(self.given, section)

    @property
    def secrets(self) -> Mapping[str, str]:
        """The secrets that were given, by name."""
        found = {name: getattr(self.settings, name) for name in SECRETS}
        return {name: value for name, value in found.items() if value}


def load(
    root: Path,
    *,
    flags: Mapping[str, Given] | None = None,
    environment: Mapping[str, str] | None = None,
    file: bool = True,
) -> Config:
    """The configuration of the workspace ``root``. ``flags`` are the command line's values by dotted name.

    ``file`` False leaves the file there out of it.

    Raises ConfigError that names the place of the value and, for an unknown key, the nearest known one.
    """
    import specs

    environment = os.environ if environment is None else environment
    own = own_sections(runners=())
    named = [*own, *specs_of_stages(), *networks(), *registry.names(RUNNERS)]
    layers = [
        config_file.read(root / FILE, settings_known(), named) if file else {},
        environment_variables.read(environment, settings_known()),
        dict(flags or {}),
    ]
    network = _network(layers)
    given: dict[str, Given] = {}
    for layer in layers:
        given.update(_in_full(layer, network))
    given = {**_of_recipe(given, network), **given}
    folders = sections(network)
    given = _without_other_networks(given, network)
    own |= of_runners(_runners(given))
    _refuse_unknown(given, [*own, *folders])
    _refuse_unlisted(given)
    environment_variables.refuse_misspelt(
        environment, {**own, **{name: specs.tunables(folder) for name, folder in folders.items()}}
    )
    top, sized = image_size.settle(given, {name: _size_keys(folder) for name, folder in folders.items()})
    build = {name: _build(name, kind, _section(given, name)) for name, kind in own.items()}
    return Config(
        settings=_build("tltpipe", Settings, _section(top, "")),
        data=build.pop(DATA),
        sections=build,
        tunables={name: _tunables(name, folder, _section(sized, name)) for name, folder in folders.items()},
        given=sized,
    )


def _network(layers: list[dict[str, Given]]) -> str:
    """The network that is chosen. Raises ConfigError for one that there is not."""
    given = {name: value for layer in layers for name, value in layer.items() if name == NETWORK}
    if not given:
        return Settings.network
    _choose(given, NETWORK, networks())
    return str(given[NETWORK].value)


def _runners(given: Mapping[str, Given]) -> list[str]:
    """The runners that matter: the chosen one, and those that something is given for."""
    chosen = str(given["runner"].value) if "runner" in given else Settings.runner
    named = {chosen, *(dotted.partition(".")[0] for dotted in given)}
    return [name for name in registry.names(RUNNERS) if name in named]


def _of_recipe(given: Mapping[str, Given], network: str) -> dict[str, Given]:
    """The settings of the recipe that is chosen. Raises ConfigError for one that there is not."""
    if RECIPE not in given or given[RECIPE].value is None:
        return {}
    from specs import recipes

    _choose(given, RECIPE, recipes.names(network))
    recipe = recipes.read(network, str(given[RECIPE].value))
    sides = _size_keys(network) or () if image_size.KEY in given else ()
    return {
        f"{network}.{key}": Given(value, recipe.places[key], derived=True)
        for key, value in recipe.settings.items()
        if key not in sides
    }


def _in_full(layer: Mapping[str, Given], network: str) -> dict[str, Given]:
    """``layer`` with what is said of "network" said of the network by its name, and short names written out.

    Raises ConfigError where a setting is given by two names with two values.
    """
    import specs

    short = specs.shorthands(network)
    found = {dotted: value for dotted, value in layer.items() if not dotted.startswith(f"{NETWORK}.")}
    for dotted, value in layer.items():
        if dotted.startswith(f"{NETWORK}."):
            key = dotted.removeprefix(f"{NETWORK}.")
            full = f"{network}.{short.get(key, key)}"
            if full in found and str(found[full].value) != str(value.value):
                what = f"{full} is given twice: {value.value} here, {found[full].value} by {found[full].where}"
                raise ConfigError(what, where=value.where)
            found[full] = value
    return found


def _without_other_networks(given: Mapping[str, Given], network: str) -> dict[str, Given]:
    """``given`` without the sections that the file has for other networks than this one, which must make sense, too.

    Raises ConfigError for settings of another that are given for this call.
    """
    others = {name for name in networks() if name != network}
    for dotted, value in given.items():
        other = dotted.partition(".")[0]
        if other in others and not value.in_file:
            what = f"{dotted} would be ignored: the network is {network}"
            raise ConfigError(what, where=value.where, hint=f"--set network={other} trains that one")
    for other in others & {dotted.partition(".")[0] for dotted in given}:
        _tunables(other, other, _section(given, other))
    return {dotted: value for dotted, value in given.items() if dotted.partition(".")[0] not in others}


def _size_keys(folder: str) -> tuple[str, str] | None:
    import specs

    return specs.size_settings(folder)


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

    hints = typing.get_type_hints(kind)
    values = {key: _spelt(told.value, hints.get(key)) for key, told in given.items()}
    return tuning.build(title, kind, values, _where(given))


def _tunables(name: str, folder: str, given: Mapping[str, Given]) -> Any:
    import specs

    return specs.tunables_from(folder, {key: told.value for key, told in given.items()}, where=_where(given, name))


def _where(given: Mapping[str, Given], section: str = "") -> Callable[[str], Place]:
    return lambda key: given[key].where if key in given else section or FILE


def _spelt(value: object, hint: Any) -> object:
    """Text as what a setting of the type ``hint`` takes: a list may be "a,b", "[a, b]" or one entry; null is None."""
    union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    kinds = typing.get_args(hint) if union else (hint,)
    lists = any(typing.get_origin(kind) is not None and typing.get_origin(kind) is not typing.Literal for kind in kinds)
    if not isinstance(value, str):
        return value
    if types.NoneType in kinds and value in ("null", "~"):
        return None
    if not lists:
        return value
    return [part.strip().strip("\"'") for part in value.strip("[] ").split(",") if part.strip()]


def _refuse_unlisted(given: Mapping[str, Given]) -> None:
    """Raises ConfigError for a toolkit, runner or format that there is not."""
    _choose(given, "toolkit", registry.names("orchestrator.toolkits"))
    _choose(given, "runner", registry.names(RUNNERS))
    _choose(given, "data.format", ["auto", *registry.names("converters.formats")])


def _choose(given: Mapping[str, Given], dotted: str, known: Collection[str]) -> None:
    if dotted not in given or given[dotted].value in known:
        return
    name, value = dotted.rpartition(".")[2], given[dotted].value
    near = difflib.get_close_matches(str(value), known, n=1)
    hint = f"{name}s: {', '.join(known)}" + (f'; did you mean "{near[0]}"?' if near else "")
    raise ConfigError(f'there is no {name} "{value}"', where=given[dotted].where, hint=hint)


def _refuse_unknown(given: Mapping[str, Given], known: list[str]) -> None:
    """Raises ConfigError for a section that there is not, or a name at the top that is neither key nor section."""
    for dotted, told in given.items():
        name, dot, _ = dotted.partition(".")
        candidates = known if dot else [*known, *settings_known()]
        if name not in candidates:
            near = difflib.get_close_matches(name, candidates, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(candidates)}"
            raise ConfigError(f'there is no setting or section "{name}"', where=told.where, hint=hint)
