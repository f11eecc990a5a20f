"""Where the values in a spec came from: the setting behind a line, and what becomes of settings in an edited spec."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.settings.config_file import Given
from specs.spec import Spec
from tltpipe.errors import ConfigError, SpecError

ELSEWHERE = {
    "image_extension": "tfrecords.image_extension",
    "target_class_mapping": "data.classes",
}
"""The settings behind fields that are of other sections than the spec."""


@dataclass(frozen=True)
class Origins:
    """The settings that fill a template.

    ``given`` are those of the section that are not the default, by their key. ``fill`` renders the template with
    other tunables, ``parse`` reads such a text; ``template`` is its folder in ``specs/`` and its name.
    """

    section: str
    given: Mapping[str, Given]
    tunables: Any
    template: tuple[str, str]
    fill: Callable[[Any], str]
    parse: Callable[[str], Spec]

    def spec(self) -> tuple[str, Spec]:
        """The text with all settings, and what it says.

        Raises ConfigError for a value that makes no sense, or that this kind of spec has no place for, at the place
        where it was given.
        """
        self._refuse_unknown_here()
        text = self.fill(self.tunables)
        try:
            return text, self.parse(text)
        except SpecError as error:
            raise self._at_settings(error, text) from error

    def keys(self) -> dict[str, str]:
        """The setting that each field of the spec is, by the name of the field."""
        import specs

        size = specs.size_settings(self.template[0]) or ()
        own = {field.name for field in dataclasses.fields(self.tunables)}
        leaves = _templating().setting_of_field(*self.template)
        return ELSEWHERE | {
            field: "image_size" if key in size else f"{self.section}.{key}"
            for field, key in leaves.items()
            if key in own
        }

    def without_effect(self, text: str) -> list[str]:
        """The settings that were given and change nothing in ``text``, because of others."""
        changed = [key for key in self.given if not self._is_default(key)]
        names = _templating().settings_of(*self.template) if changed else ()
        return [f"{self.section}.{key}" for key in changed if key in names and self._without(key) == text]

    def overruled(self, text: str, edited: Spec) -> Iterator[tuple[str, Given, str]]:
        """The settings that say something else than ``edited``, which was changed by hand: the name, what was given,
        what the spec says and where. ``text`` is what the settings amount to."""
        rendered, there = flat(self.parse(text).message), flat(edited.message)
        leaves = _templating().setting_of_field(*self.template)
        for key, value in self.given.items():
            paths = [path for path in rendered if _templating().setting_at(path, leaves) == key]
            other = {} if self._is_default(key) else flat(self._parsed(self._without(key)))
            paths += [path for path in rendered if other and other.get(path) != rendered[path]]
            path = next((path for path in paths if there.get(path) != rendered[path]), None)
            if path is not None:
                field = path.rpartition(".")[2]
                says = f"says {field}: {_spelled(there[path])}" if path in there else f"has no {field}"
                yield f"{self.section}.{key}", value, f"{edited.where(path)}, edited by hand, {says}"

    def _refuse_unknown_here(self) -> None:
        changed = {key: value for key, value in self.given.items() if not self._is_default(key)}
        if not changed:
            return
        folder, name = self.template
        here = _templating().settings_of(folder, name)
        own = _templating().templates(folder)
        elsewhere = {key for path in own.glob("*.j2") for key in _templating().settings_of(folder, path.name)}
        for key, value in changed.items():
            if key in elsewhere - here:
                what = f"{self.section}.{key} would be ignored: the specs of this toolkit have no such setting"
                raise ConfigError(what, where=value.where, hint="leave it out; it is for specs of another toolkit")

    def _at_settings(self, error: SpecError, text: str) -> ConfigError:
        """``error``, which speaks of lines of ``text``, as one about the settings behind these lines."""
        lines = text.splitlines()

        def place(number: int) -> str | None:
            return next((str(given.where) for given in self._behind(lines[number - 1])), None)

        where = str(error.where)
        pattern = re.compile(re.escape(where.split(":", 1)[0]) + r":(\d+)(?::\d+)?")
        what = pattern.sub(lambda match: place(int(match[1])) or match[0], error.what)
        match = pattern.fullmatch(where)
        values = place(int(match[1])) if match else None
        return ConfigError(what, where=values or self._mending() or where, hint=error.hint)

    def _behind(self, line: str) -> Iterator[Given]:
        """What was given that makes ``line`` what it is."""
        for key, given in self.given.items():
            if not self._is_default(key) and line not in self._without(key).splitlines():
                yield given

    def _mending(self) -> str | None:
        """The place of a setting without which there would be no error."""
        for key, given in self.given.items():
            if not self._is_default(key) and self._parsed(self._without(key)) is not None:
                return str(given.where)
        return None

    def _parsed(self, text: str) -> Any:
        try:
            return self.parse(text).message
        except SpecError:
            return None

    def _without(self, key: str) -> str:
        """The text with the default of one setting."""
        return self.fill(dataclasses.replace(self.tunables, **{key: _default(self.tunables, key)}))

    def _is_default(self, key: str) -> bool:
        return bool(getattr(self.tunables, key) == _default(self.tunables, key))


def flat(message: Any) -> dict[str, Any]:
    """The values of a message by their path: ``ssd_config.arch``, ``dataset_config.data_sources[0].tfrecords_path``."""
    values: dict[str, Any] = {}
    if dataclasses.is_dataclass(message):
        return _flat_sections(message)
    if isinstance(message, Mapping):
        return {path: list(value) if isinstance(value, tuple) else value for path, value in message.items()}

    def walk(part: Any, prefix: str) -> None:
        for field, value in part.ListFields():
            path = f"{prefix}{field.name}"
            if field.enum_type is not None and not _repeated(value):
                known = field.enum_type.values_by_number
                values[path] = known[value].name if value in known else value
            elif field.message_type is None:
                values[path] = list(value) if _repeated(value) else value
            elif field.message_type.GetOptions().map_entry:
                values[path] = dict(sorted(value.items()))
            elif _repeated(value):
                for number, entry in enumerate(value):
                    walk(entry, f"{path}[{number}].")
            else:
                walk(value, f"{path}.")

    if message is not None:
        walk(message, "")
    return values


def _flat_sections(message: Any, prefix: str = "") -> dict[str, Any]:
    """The same of a dataclass of sections; what is None is not written."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(message):
        path, value = f"{prefix}{field.name}", getattr(message, field.name)
        entries = value if isinstance(value, tuple) else ()
        if dataclasses.is_dataclass(value):
            values |= _flat_sections(value, f"{path}.")
        elif entries and all(map(dataclasses.is_dataclass, entries)):
            for number, entry in enumerate(entries):
                values |= _flat_sections(entry, f"{path}[{number}].")
        elif value is not None:
            values[path] = list(value) if isinstance(value, tuple) else value
    return values


def _spelled(value: Any) -> str:
    """As a user wrote it: the message holds single precision."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _repeated(value: Any) -> bool:
    return hasattr(value, "append")


def _default(tunables: Any, key: str) -> Any:
    (field,) = (field for field in dataclasses.fields(tunables) if field.name == key)
    return field.default


def _templating() -> Any:
    from specs import templating

    return templating
