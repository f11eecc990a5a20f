"""The contract both sides read: the text of a spec in, text out.

A folder here (``ssd``, ``faster_rcnn``, ``augment``, ``dataset_convert``) is one thing a spec is written for: its
tunables, its templates, what it checks. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specs import codes, kinds
from specs.arithmetic import numbers
from specs.kinds import Reader, class_fields, data_sources, folders, image_size, load
from specs.spec import Spec, Training
from tltpipe.errors import Location, SpecError

if TYPE_CHECKING:
    from specs.checks import Finding
    from specs.rulebook import Subject

__all__ = [
    "Reader",
    "Spec",
    "SpecError",
    "Training",
    "class_fields",
    "data_sources",
    "documentation",
    "dump",
    "examine",
    "folders",
    "image_size",
    "json_schema",
    "load",
    "making",
    "measuring",
    "more_epochs",
    "named_after",
    "names_data_sets",
    "numbers",
    "parse",
    "parse_text",
    "per_class",
    "pretrained",
    "recognise",
    "render",
    "results",
    "shorthands",
    "size_settings",
    "template",
    "training",
    "tunables",
    "tunables_from",
]

Place = Location | Path | str | None


def parse(path: Path, kind: str, *, strict: bool = False) -> Spec:
    """Read, parse and check a spec file; ``kind`` is the folder here that it is written for: "ssd", "augment".

    ``strict``, or a comment ``# tltpipe: strict-tlt`` in the file, asks for NVIDIA's behaviour to the letter: what its
    programs refuse is refused.

    Raises SpecError with path, line and column: a file that cannot be read, a text that does not parse (the first
    problem), values that make no sense (all of them). Doubts that do not stop anything are in ``Spec.warnings``.
    """
    from specs import prototext

    return parse_text(prototext.read(path), kind, source=path, strict=strict)


def parse_text(text: str, kind: str, *, source: Path | str, strict: bool = False) -> Spec:
    """``parse`` for a text at hand; ``source`` is what errors call it."""
    from specs import rules

    spec, findings = examine(text, kind, source=source, strict=strict)
    return rules.settle(spec or Spec(None, source), findings)


def examine(
    text: str,
    kind: str,
    *,
    source: Path | str,
    strict: bool = False,
    about: Callable[[Spec], Subject] | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> tuple[Spec | None, list[Finding]]:
    """The spec in ``text``, None where it cannot be read, and all that rules report about it, in the order of the file.

    ``about`` adds what is known of where the spec will be used; ``select`` and ``ignore`` are those of
    ``rules.examine``.
    """
    from specs import checks, rules

    try:
        spec, errors = _walk(text, kind, source, strict)
    except SpecError as error:
        spec, errors = None, list(error.parts or (error,))
    misfits = [checks.as_finding(error, text) for error in errors]
    if errors and (other := _other(text, kind)) is not None:
        what = f"this is a spec for {other}, one for {kind} is needed"
        return None, [checks.Finding("", what, f"pass the spec of {kind}", code=codes.OTHER_KIND)]
    if spec is None:
        return None, misfits
    found = rules.examine((about or rules.Subject)(spec), select=select, ignore=ignore)
    if misfits:  # what is missing may be what is misspelt
        found = [finding for finding in found if finding.place or spec.is_set(finding.path)]
    return spec, rules.in_order(spec, [*misfits, *found])


def recognise(text: str, *, source: Path | str) -> str:
    """The kind that the fields in ``text`` belong to; ``source`` is what errors call it.

    Raises SpecError where that cannot be told.
    """
    from specs import dialects, foreign, yaml_text

    own = _narrowest(_best(text))
    if len(own) == 1:
        return own[0]
    if not own:
        if foreign.is_yaml(text):
            yaml_text.walk(text, (), source=source)  # which says what is wrong with its syntax
        foreign.refuse(text, source)
    messages = kinds.of_messages()
    found = own or [name for name, module in messages.items() if module in dialects.likely([*messages.values()], text)]
    if not found and foreign.is_yaml(text):
        what = "no telling what this is a spec for: more of its keys are unknown than are those of any kind"
        raise SpecError(what, where=source, code=codes.UNPLACED)
    if len(found) != 1:
        raise dialects.unplaced([*messages.values()], found, text, source)
    return found[0]


def render(folder: str, template: str, tunables: object, **variables: object) -> str:
    """Fill in ``specs/<folder>/<template>`` with the fields of ``tunables`` and with ``variables``, which win.

    Text is quoted, bools are lower case, lists become quoted text. Raises SpecError for a name the template needs
    and nobody gave. The caller parses the result: that is where values are checked.
    """
    from specs import templating

    return templating.render(folder, template, tunables, variables)


def template(folder: str) -> str | None:
    """The one template that there is for this kind of spec; None where there are several."""
    from specs import templating

    first, *others = sorted(path.name for path in templating.templates(folder).glob("*.j2"))
    return None if others else first


def size_settings(folder: str) -> tuple[str, str] | None:
    """The names of the tunables that hold the width and the height of the images, None where there are none."""
    names: tuple[str, str] | None = getattr(load(folder), "SIZE", None)
    return names


def shorthands(folder: str) -> Mapping[str, str]:
    """What options of commands call the settings of a network, and their names."""
    names: Mapping[str, str] = getattr(load(folder), "SHORTHANDS", {})
    return names


def names_data_sets(folder: str) -> bool:
    """Whether a spec of this kind can name a data set of any format in place of COCO's files (``sources.yaml.j2``)."""
    from specs import templating

    one = template(folder)
    return one is not None and "val_path" in templating.settings_of(folder, one)


def named_after(folder: str, name: str) -> Mapping[str, object]:
    """The settings that the name of a file of weights says something of: "yolox_x.pth"; none where it says nothing."""
    rule: Callable[[str], Mapping[str, object]] | None = getattr(load(folder), "named_after", None)
    return rule(name) if rule else {}


def pretrained(folder: str, tunables: object) -> str | None:
    """Where there are weights for a network with these settings to start from, in a line; None where nobody knows."""
    advice: Callable[[object], str] | None = getattr(load(folder), "pretrained", None)
    return advice(tunables) if advice else None


def results(folder: str) -> Mapping[str, str]:
    """The formats that the results of a network come in (``writers`` of its task), with the suffix of the file of each
    image, "" for one of all images. Lines of ".txt" begin with a class, by which the pipeline counts them."""
    formats: Mapping[str, str] = getattr(load(folder), "RESULTS", {"labels": ".txt", "coco": ""})
    return formats


def per_class(folder: str) -> bool:
    """Whether a model of each class can be trained from one of all of them: the results of all of these together are
    evaluated as those of one model are."""
    return getattr(load(folder), "PER_CLASS", False)


def measuring(spec: Spec) -> tuple[str, ...]:
    """The messages at the top of a training spec that only say how the model is measured."""
    found: tuple[str, ...] = getattr(load(spec.kind), "measuring", lambda _: ())(spec)
    return found


def making(spec: Spec) -> tuple[str, ...]:
    """The fields at the top of a training spec that only say how weights come about, not what a model with them is."""
    found: tuple[str, ...] = getattr(load(spec.kind), "MAKING", ())
    return found


def training(spec: Spec) -> Training:
    """The length of the training that ``spec``, one for a network, asks for."""
    asked: Training = load(spec.kind).training(spec)
    return asked


def more_epochs(before: Spec, now: Spec) -> int | None:
    """The number of epochs of the training spec ``before`` if more of them are all that ``now`` asks for; else None."""
    rule = getattr(load(now.kind), "more_epochs", None)
    epochs: int | None = rule(before, now) if rule and before.kind == now.kind else None
    return epochs


def dump(spec: Spec) -> str:
    """The spec as text that ``parse_text`` reads back to an equal message."""
    return kinds.reader(spec.kind).dump(spec)


def tunables(folder: str) -> type[Any]:
    """The frozen dataclass of a folder's tunables; its defaults are ours. Raises UsageError for an unknown name."""
    kind: type[Any] = load(folder).TUNABLES
    return kind


def tunables_from(folder: str, given: Mapping[str, object], *, where: Place | Callable[[str], Place] = None) -> Any:
    """The folder's tunables with ``given`` over the defaults; ``where`` is their place, or a function of the key.

    Raises ConfigError that names every key that does not exist (and the nearest that does) or does not fit.
    """
    from specs import tuning

    return tuning.build(folder, tunables(folder), given, where)


def documentation(folder: str) -> dict[str, str]:
    """What each tunable of a folder is for, by name."""
    from specs import tuning

    return tuning.documentation(tunables(folder))


def json_schema(folder: str) -> dict[str, Any]:
    """The JSON schema of a folder's tunables, for editors."""
    from specs import tuning

    return tuning.json_schema(tunables(folder))


def _walk(text: str, kind: str, source: Path | str, strict: bool) -> tuple[Spec | None, list[SpecError]]:
    """What of ``text`` fits, and what does not. Raises SpecError where there is no telling."""
    if not text.strip():
        raise SpecError("the spec is empty", where=source, code=codes.EMPTY)
    reader = kinds.reader(kind)
    walk = getattr(reader, "walk", None)
    spec, errors = walk(text, source=source, strict=strict) if walk else (None, [])
    if walk is None:
        spec = reader.parse_text(text, source=source, strict=strict)
    return spec and dataclasses.replace(spec, kind=kind, text=text), errors


def _best(text: str) -> list[str]:
    """The kinds that know the YAML ``text`` best; none where it is of none of them."""
    if _PROTO_TEXT.search(text):
        return []
    fits = {name: kinds.reader(name).recognises(text) for name in folders()}
    return [name for name, fit in fits.items() if fit == max(fits.values()) > 0]


_PROTO_TEXT = re.compile(r"^\w+[ \t]*\{[ \t]*(?:#.*)?\r?$", re.MULTILINE)
"""A line that opens a message: nothing that YAML has outside of texts, and it need not be asked."""


def _narrowest(kinds: list[str]) -> list[str]:
    """``kinds`` without those that have all keys of another one and more of their own, which a text would have."""
    from specs import yaml_types

    experiments = {name: getattr(load(name), "EXPERIMENT", None) for name in kinds}
    keys = {name: frozenset(yaml_types.known(kind)) for name, kind in experiments.items() if kind is not None}
    return [name for name in kinds if name not in keys or not any(other < keys[name] for other in keys.values())]


def _other(text: str, kind: str) -> str | None:
    """The kind of ``text`` where it clearly is of another one than ``kind``."""
    if kind in _best(text):
        return None
    try:
        found = recognise(text, source="")
    except SpecError:
        return None
    return None if found == kind else found
