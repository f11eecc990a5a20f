"""What changed between two versions of a spec or of settings, in the words of tltpipe.yaml."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from orchestrator.settings import origins

if TYPE_CHECKING:
    from orchestrator.drafts import Draft
    from specs import Spec

SETTINGS = "settings changed"
SHOWN = 3
"""So many changes are named, the others counted."""
CLASSES = ("target_class_mapping", "classes")
"""The fields with the classes."""
WORDS = {"-m": "model"}
"""What flags are called in tltpipe.yaml."""
CROPS = ("crop_right", "crop_bottom")
"""Fields that say the size of the images a second time."""


def spec_changes(
    draft: Draft, template: str, section: str, before: str, after: str, *, unread: Collection[str], edited: bool
) -> str | None:
    """How the spec ``after`` differs from the one ``before``, None where it does only in layout, comments, or in the
    messages ``unread`` at its top. Of one that was ``edited`` by hand fields are named, not settings."""
    import specs
    from specs import templating

    old, new = (
        {
            path: value
            for path, value in origins.flat(_message(text, draft.folder)).items()
            if path.split(".")[0] not in unread
        }
        for text in (before, after)
    )
    names = templating.setting_of_field(draft.folder, template)
    size = specs.size_settings(draft.folder) or ()
    changed: dict[str, tuple[Any, Any]] = {}
    classes: list[str] = []
    for path in dict.fromkeys([*old, *new]):
        was, now, leaf = old.get(path), new.get(path), path.rpartition(".")[2]
        if was == now or leaf in CROPS:
            continue
        key = templating.setting_at(path, names) or leaf
        if leaf in CLASSES:
            classes.append(f"classes changed: {_listed(was)} -> {_listed(now)}")
        elif key in size and not edited:
            changed["image_size"] = (_size(old, names, size), _size(new, names, size))
        else:
            name = f"{section}.{key}" if _is_setting(draft, key) and not edited else leaf
            pair = (_or_default(draft, key, was), _or_default(draft, key, now))
            if pair[0] != pair[1]:  # written or not, it means the same
                changed[name] = pair
    title = f"specs/{draft.name} edited" if edited else SETTINGS
    return "; ".join([*classes, *_phrases(changed, title)]) or None


def settings_changes(section: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    """How settings differ, None where they do not."""
    changed = {name: (before.get(name), now) for name, now in after.items() if before.get(name) != now}
    classes = changed.pop("classes", None)
    was, now = map(_listed, classes or (None, None))
    phrases = [f"classes changed: {was} -> {now}"] if was != now else []
    return "; ".join([*phrases, *_phrases({f"{section}.{name}": pair for name, pair in changed.items()})]) or None


def option_changes(before: Collection[Collection[str]], after: Collection[Collection[str]]) -> str:
    """How command lines differ: their options, by name and value."""
    old, new = ({flag: value for words in lines for flag, value in _options(list(words))} for lines in (before, after))
    changed = {flag: (old.get(flag), new.get(flag)) for flag in [*old, *new] if old.get(flag) != new.get(flag)}
    return (
        "; ".join(_phrases({WORDS.get(flag, flag): pair for flag, pair in changed.items()})) or "command line changed"
    )


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    for place, word in enumerate(words):
        if word.startswith("-"):
            value = words[place + 1] if place + 1 < len(words) and not words[place + 1].startswith("-") else "given"
            yield word, value


def read(text: str, kind: str) -> Spec | None:
    """The spec; None where it cannot be read (any more)."""
    import specs
    from tltpipe.errors import SpecError

    try:
        return specs.parse_text(text, kind, source="spec")
    except SpecError:
        return None


def _message(text: str, kind: str) -> Any:
    spec = read(text, kind)
    return None if spec is None else spec.message


def _phrases(changed: Mapping[str, tuple[Any, Any]], title: str = SETTINGS) -> list[str]:
    phrases = [f"{name} {_shown(was)} -> {_shown(now)}" for name, (was, now) in changed.items()]
    more = f" (and {len(phrases) - SHOWN} more)" if len(phrases) > SHOWN else ""
    return [f"{title}: {', '.join(phrases[:SHOWN])}{more}"] if phrases else []


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
    from specs import templating

    sides = [
        next((flat[path] for path in flat if templating.setting_at(path, names) == key and not path.endswith(CROPS)), 0)
        for key in keys
    ]
    return "x".join(map(str, sides))
