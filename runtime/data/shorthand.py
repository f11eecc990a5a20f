"""A training spec that a few words of the command line stand for: a data set, a size, a number of epochs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import specs
from converters.transfer import opening
from runtime.shell import program
from specs import recipes
from tltpipe import __version__, files
from tltpipe.errors import DataError, UsageError

NAME = "spec.yaml"
"""The spec in the folder of results."""


@dataclass(frozen=True)
class Shorthand:
    """The options by their names; None where they are not given."""

    data: str
    img: str | None = None
    batch: str | None = None
    epochs: str | None = None
    size: str | None = None
    weights: str | None = None
    recipe: str | None = None

    @property
    def words(self) -> list[str]:
        """As a command line has them."""
        given = [(field.name, getattr(self, field.name)) for field in fields(self)]
        return [word for name, value in given if value is not None for word in (f"--{name}", value)]


def text(network: str, asked: Shorthand) -> str:
    """The spec. Raises UsageError for what ``network`` has no setting for and for options that contradict each other,
    ConfigError for values that do not fit, DataError for a data set that cannot be read."""
    template = specs.template(network)
    if template is None or not specs.names_data_sets(network):
        hint = f"tltpipe spec new {network} --from {shlex.quote(asked.data)} writes a spec for -e"
        raise UsageError(f"--data: a spec of {network} cannot name a data set of any format", hint=hint)
    given, options = _settings(network, asked)
    tunables = specs.tunables_from(network, given, where=lambda key: options.get(key, f"--recipe {asked.recipe}"))
    weights = {"pretrained_model_path": os.path.abspath(asked.weights)} if asked.weights else {}
    body = specs.render(network, template, tunables, **_data(asked.data), **weights)
    command = shlex.join(["tlt-train", network, *asked.words])
    return f"# Written by tlt-train {__version__}, for: {command}\n{body}"


def write(text: str, results: Path) -> Path:
    """Put the spec into the folder ``results``, where another one is moved aside; says what it does."""
    path = results / NAME
    if path.is_file() and (before := path.read_text(encoding="utf-8", errors="replace")) != text:
        aside = path.with_name(f"spec-{datetime.now():%Y%m%d-%H%M%S}.yaml")  # noqa: DTZ005 - the user's clock
        files.write_text(aside, before)
        program.say(f"{path} was another spec, which is {aside.name} now")
    with files.writable(results):
        results.mkdir(parents=True, exist_ok=True)
    files.write_text(path, text)
    program.say(f"wrote {path}, the spec that these options stand for; -e trains by it, too")
    return path


def _settings(network: str, asked: Shorthand) -> tuple[dict[str, object], dict[str, str]]:
    """The settings of ``network`` that are given, over those of the recipe, and the option that gave each."""
    names, sides = specs.shorthands(network), specs.size_settings(network)
    given: dict[str, object] = dict(recipes.read(network, asked.recipe).settings) if asked.recipe else {}
    options: dict[str, str] = {}

    def put(option: str, settings: Mapping[str, object]) -> None:
        given.update(settings)
        options.update(dict.fromkeys(settings, option))

    if asked.weights:
        put("--weights", _of_weights(network, asked, given))
    for option in ("batch", "epochs", "size"):
        if (value := getattr(asked, option)) is not None:
            put(f"--{option}", {_setting(network, option, names): value})
    if asked.img is not None and sides is not None:
        width, _, height = asked.img.lower().partition("x")
        put("--img", {sides[0]: width, sides[1]: height or width})
    elif asked.img is not None:
        put("--img", {_setting(network, "img", names): asked.img})
    return given, options


def _setting(network: str, option: str, names: Mapping[str, str]) -> str:
    """The setting behind an option. Raises UsageError where there is none."""
    if option not in names:
        raise UsageError(f"--{option} has no effect: {network} has no such setting", hint="leave it out")
    return names[option]


def _of_weights(network: str, asked: Shorthand, given: Mapping[str, object]) -> Mapping[str, Any]:
    """What the name of the weights says of the network.

    Raises UsageError where --size says otherwise, and where nothing says the size.
    """
    assert asked.weights is not None
    key, name = specs.shorthands(network).get("size"), Path(asked.weights).name
    told = specs.named_after(network, name)
    if key is None:
        return told
    if asked.size is not None and told.get(key, asked.size) != asked.size:
        what = f"--size {asked.size}, but by their name the weights {name} are of size {told[key]}"
        raise UsageError(what, hint=f"leave --size out, or give weights of size {asked.size}")
    if asked.size is None and key not in told and key not in given:
        raise UsageError(f"--weights {name}: of which size, the name does not say", hint="add --size")
    return told


def _data(text: str) -> dict[str, object]:
    """The variables of a template: the data set, what validates, and the classes in their order."""
    path = program.host(os.path.abspath(text))
    try:
        format, places = opening.find(path, None)
        split = opening.known("train", places, path) if len(places) > 1 else next(iter(places))
        dataset = opening.read_all(path, {split: places[split]}, format)[split]
    except UsageError as problem:
        hint = "write a spec that says the format of its sources, for -e" if "--from" in (problem.hint or "") else None
        raise DataError(problem.what, where=problem.where or text, hint=hint or problem.hint) from None
    if not dataset.categories:
        raise DataError("this data set names no classes", where=text, hint="tltpipe check tells what is there")
    held_out = path if len(places) > 1 and "validation" in places else None
    return {"path": path, "val_path": held_out, "classes": list(dict.fromkeys(dataset.categories))}
