"""What changed between two versions of a spec or of settings, in the words of tltpipe.yaml."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from orchestrator import origins

if TYPE_CHECKING:
    from orchestrator.drafts import Draft
    from orchestrator.toolkits import Dialect

SHOWN = 3
"""So many changes are named, the others counted."""
CLASSES = "target_class_mapping"
CROPS = ("crop_right", "crop_bottom")
"""Fields that say the size of the images a second time."""


def of_spec(
    draft: Draft, dialect: Dialect, section: str, before: str, after: str, unread: Collection[str]
) -> str | None:
    """How the spec ``after`` differs from the one ``before``, None where it does only in layout, comments, or in the
    messages ``unread`` at its top."""
    import specs
    from specs import templating

    old, new = (
        {
            path: value
            for path, value in origins.flat(_message(text, dialect)).items()
            if path.split(".")[0] not in unread
        }
        for text in (before, after)
    )
    names = templating.setting_of_field(draft.folder, dialect.template)
    size = specs.size_settings(draft.folder) or ()
    found: dict[str, tuple[Any, Any]] = {}
    classes: list[str] = []
    for path in dict.fromkeys([*old, *new]):
        was, now, leaf = old.get(path), new.get(path), path.rpartition(".")[2]
        if was == now or leaf in CROPS:
            continue
        key = names.get(leaf, leaf)
        if leaf == CLASSES:
            classes.append(f"classes changed: {_listed(was)} -> {_listed(now)}")
        elif key in size:
            found["image_size"] = (_size(old, names, size), _size(new, names, size))
        else:
            name = f"{section}.{key}" if _is_setting(draft, key) else leaf
            pair = (_or_default(draft, key, was), _or_default(draft, key, now))
            if pair[0] != pair[1]:  # written or not, it means the same
                found[name] = pair
    return "; ".join([*classes, *_told(found)]) or None


def of_settings(section: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    """How settings differ, None where they do not."""
    found = {name: (before.get(name), now) for name, now in after.items() if before.get(name) != now}
    classes = found.pop("classes", None)
    told = [f"classes changed: {_listed(classes[0])} -> {_listed(classes[1])}"] if classes else []
    return "; ".join([*told, *_told({f"{section}.{name}": pair for name, pair in found.items()})]) or None


def of_words(before: Collection[Collection[str]], after: Collection[Collection[str]]) -> str:
    """How command lines differ: their options, by name and value."""
    old, new = ({flag: value for words in lines for flag, value in _options(list(words))} for lines in (before, after))
    changed = {flag: (old.get(flag), new.get(flag)) for flag in [*old, *new] if old.get(flag) != new.get(flag)}
    return "; ".join(_told(changed)) or "command line changed"


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    for place, word in enumerate(words):
        if word.startswith("-"):
            value = words[place + 1] if place + 1 < len(words) and not words[place + 1].startswith("-") else "given"
            yield word, value


def _message(text: str, dialect: Dialect) -> Any:
    """What the spec says; None where it cannot be read (any more)."""
    import specs
    from tltpipe.errors import SpecError

    try:
        return specs.parse_text(text, dialect.message, source="spec").message
    except SpecError:
        return None


def _told(found: Mapping[str, tuple[Any, Any]]) -> list[str]:
    told = [f"{name} {_shown(was)} -> {_shown(now)}" for name, (was, now) in found.items()]
    more = f" (and {len(told) - SHOWN} more)" if len(told) > SHOWN else ""
    return [f"settings changed: {', '.join(told[:SHOWN])}{more}"] if told else []


def _shown(value: Any) -> str:
    if value is None or value == [] or value == ():
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _listed(names: Any) -> str:
    return ", ".join(map(str, names)) if names else "all"


def _is_setting(draft: Draft, key: str) -> bool:
    return any(field.name == key for field in fields(draft.tunables))  # type: ignore[arg-type]


def _or_default(draft: Draft, key: str, value: Any) -> Any:
    """``value``; where the spec does not have it, that of the settings by default."""
    if value is not None:
        return value
    return next((field.default for field in fields(draft.tunables) if field.name == key), None)  # type: ignore[arg-type]


def _size(flat: Mapping[str, Any], names: Mapping[str, str], keys: Collection[str]) -> str:
    sides = [
        next((flat[path] for path in flat if names.get(path.rpartition(".")[2]) == key and not path.endswith(CROPS)), 0)
        for key in keys
    ]
    return "x".join(map(str, sides))
