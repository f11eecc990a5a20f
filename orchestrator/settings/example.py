"""The tltpipe.yaml that ``tltpipe init`` writes: every setting with what it does; commented out but for what is given
or detected."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from converters.model import Dataset
from orchestrator.settings import Settings, config
from orchestrator.settings.config import Config, Given
from tltpipe.errors import TltpipeError

HEAD = """\
# Settings of tltpipe. Every key is optional: what is commented out shows the default.
# The environment (TLTPIPE_RUNNER, TLTPIPE_SSD__NUM_EPOCHS) goes over this file, and the command line
# (--runner, --set ssd.num_epochs=20) over both.
"""
WIDTH = 110


def of_workspace(root: Path, flags: Mapping[str, Given]) -> tuple[str, Detected]:
    """The text for the folder ``root``, with the settings ``flags`` written out, and what its data set is.

    Raises ConfigError for settings that there are not.
    """
    chosen = config.load(root, flags=flags, environment={}, file=False)
    detected = detect(root, chosen)
    given = {dotted: _value(chosen, dotted) for dotted in chosen.sources}
    return text(chosen.network, values={**detected.values, **given}, notes=detected.notes), detected


def text(
    network: str = Settings.network,
    *,
    values: Mapping[str, object] | None = None,
    notes: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The file's text, made from the settings themselves.

    ``values`` stand uncommented, ``notes`` above what they are about, both by the dotted name.
    """
    import specs
    from specs import tuning

    advice = specs.pretrained(network, specs.tunables_from(network, {}))
    weights = {"train.weights": [f"Pretrained weights: {advice}"]} if advice else {}
    values, notes = values or {}, {**weights, **(notes or {})}
    lines = [HEAD, *_entries(Settings, tuning.documentation(Settings), "", values, notes)]
    for name, section in config.own_sections().items():
        documentation = tuning.documentation(section)
        lines += ["", f"# {_about(section)}", f"{name}:", *_entries(section, documentation, name, values, notes)]
    for name, folder in config.sections(network).items():
        kind = specs.tunables(folder)
        documentation = specs.documentation(folder)
        lines += ["", f"# {_about(kind)}", f"{name}:", *_entries(kind, documentation, name, values, notes)]
    return "\n".join(lines) + "\n"


def _value(chosen: Config, dotted: str) -> object:
    """A setting of the configuration, as JSON has it."""
    section, dot, key = dotted.rpartition(".")
    holders: dict[str, Any] = {
        "": chosen.settings,
        "data": chosen.data,
        **chosen.sections,
        **chosen.tunables,
    }
    return getattr(holders[section if dot else ""], key)


def _about(kind: type[Any]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _entries(
    kind: type[Any],
    documentation: Mapping[str, str],
    section: str,
    values: Mapping[str, object],
    notes: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    indent = "  " if section else ""
    for field in dataclasses.fields(kind):
        dotted = f"{section}.{field.name}" if section else field.name
        for line in [documentation.get(field.name) or "", *notes.get(dotted, ())]:
            yield from (f"{indent}# {part}" for part in textwrap.wrap(line, WIDTH - len(indent)))
        given = dotted in values
        value = values[dotted] if given else _default(field)
        yield f"{indent}{'' if given else '#'}{field.name}: {json.dumps(value, ensure_ascii=False)}"


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else None


INSPECTED = 200
"""Images of each split that are opened for their size."""
SIZES = 4
"""So many sizes are named."""


@dataclass(frozen=True)
class Detected:
    """Settings that the data decide, by dotted name, and lines about others."""

    values: Mapping[str, object] = dataclasses.field(default_factory=dict)
    notes: Mapping[str, list[str]] = dataclasses.field(default_factory=dict)


def detect(root: Path, chosen: Config) -> Detected:
    """Look at the data set that the settings name; what is wrong with it becomes a note."""
    folder = root / chosen.data.root
    if not folder.exists():
        return Detected(notes={"data.root": [f"Not there yet: {chosen.data.root}"]})
    try:
        return _inspect(folder, chosen)
    except TltpipeError as problem:
        return Detected(notes={"data.format": [f"Not detected: {problem}".replace("\n", " ")]})


def _inspect(folder: Path, chosen: Config) -> Detected:
    from converters.transfer import opening

    named = chosen.data.format
    format, places = opening.find(folder, None if named == "auto" else named)
    datasets = opening.read_all(folder, places, format)
    counts = {name: len(dataset.pictures.keys()) for name, dataset in datasets.items()}
    sizes = sum((_sizes(dataset) for dataset in datasets.values()), Counter[tuple[int, int]]())
    classes = list(dict.fromkeys(name for dataset in datasets.values() for name in dataset.categories))
    train = next((name for name in ("train", *datasets) if name in datasets), "train")
    splits = [train, *(["validation"] if "validation" in datasets and train != "validation" else [])]
    listed = ", ".join(f"{name} ({count:,} images)" for name, count in counts.items())
    notes = {
        "data.splits": [f"Detected: {listed}."],
        "data.classes": [f"Detected: {', '.join(classes)}."],
        "image_size": [f"Detected: {_listed(sizes)}."] if sizes else [],
    }
    return Detected({"data.root": chosen.data.root, "data.format": format, "data.splits": splits}, notes)


def _sizes(dataset: Dataset) -> Counter[tuple[int, int]]:
    """The sizes of the first images; those that cannot be read are for prepare to tell."""
    sizes: Counter[tuple[int, int]] = Counter()
    try:
        for sample in islice(dataset, INSPECTED):
            sizes[(sample.width, sample.height)] += 1
    except TltpipeError:
        return sizes
    return sizes


def _listed(sizes: Counter[tuple[int, int]]) -> str:
    named = ", ".join(f"{width}x{height}" for (width, height), _ in sizes.most_common(SIZES))
    return f"images of {named}" + (f" and {len(sizes) - SIZES} other sizes" if len(sizes) > SIZES else "")
