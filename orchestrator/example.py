"""The tltpipe.yaml that ``tltpipe init`` writes: every setting, its default and what it does, all commented out."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Iterator
from typing import Any

from orchestrator import config
from orchestrator.settings import Data, Exporting, Inference, Pruning, Settings, Training

HEAD = """\
# Settings of tltpipe. Every key is optional: what is commented out shows the default.
# The environment (TLTPIPE_RUNNER, TLTPIPE_SSD__NUM_EPOCHS) goes over this file, and the command line
# (--runner, --set ssd.num_epochs=20) over both.
"""


def text(network: str = "ssd") -> str:
    """The file's text, made from the settings themselves."""
    import specs
    from specs import tuning
    from specs.ssd import weights

    lines = [HEAD, *_entries(Settings, tuning.documentation(Settings), indent="")]
    lines += ["", "data:", *_entries(Data, tuning.documentation(Data), indent="  ")]
    advice = {"train": [f"  # Pretrained weights: {weights.advice(*_backbone(network))}"]}
    for name, section in (("train", Training), ("prune", Pruning), ("infer", Inference), ("export", Exporting)):
        lines += [
            "",
            f"# {_about(section)}",
            f"{name}:",
            *_entries(section, tuning.documentation(section), indent="  "),
            *advice.get(name, ()),
        ]
    for name, folder in config.sections(network).items():
        kind = specs.tunables(folder)
        lines += ["", f"# {_about(kind)}", f"{name}:", *_entries(kind, specs.documentation(folder), indent="  ")]
    return "\n".join(lines) + "\n"


def _backbone(network: str) -> tuple[str, int]:
    import specs

    chosen: Any = specs.tunables_from(network, {})
    return chosen.arch, chosen.nlayers


def _about(kind: type[Any]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _entries(kind: type[Any], documentation: dict[str, str], *, indent: str) -> Iterator[str]:
    for field in dataclasses.fields(kind):
        told = documentation.get(field.name) or ""
        for line in textwrap.wrap(told, 110 - len(indent)):
            yield f"{indent}# {line}"
        yield f"{indent}#{field.name}: {json.dumps(_default(field))}"


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else None
