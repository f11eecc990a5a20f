"""How a training spec of SSD is written: in two dialects, with anchors that fit the boxes (``specs.drafting``)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from specs import fields
from specs.drafting import laid_out
from specs.fields import Field
from specs.ssd import anchor_search
from specs.ssd.anchor_search import Anchors
from specs.ssd.backbones import BACKBONES
from specs.ssd.settings import Ssd

FORMATS: Mapping[str, str] = {"tlt3": "kitti", "tlt2": "tfrecord"}

fit = anchor_search.figures


def template(dialect: str) -> str:
    return f"train.{dialect}.conf.j2"


def backbone(text: str) -> Mapping[str, object]:
    """resnet18: arch and nlayers; vgg: its first depth; mobilenet_v2, where the number is part of the name: arch."""
    name = text.rstrip("0123456789")
    if text in BACKBONES:
        depths, _ = BACKBONES[text]
        return {"arch": text} | ({"nlayers": depths[0]} if depths and Ssd.nlayers not in depths else {})
    return {"arch": name, "nlayers": text[len(name) :]} if name in BACKBONES else {"arch": text}


def classes(names: Sequence[str]) -> list[str]:
    """In lower case, as labels are read."""
    return sorted({name.lower() for name in names})


def fitted(anchors: Anchors) -> Mapping[str, object]:
    return {"scales": anchors.scales, "aspect_ratios_global": anchors.ratios}


START, END = "<!-- fields -->", "<!-- end of fields -->"
GENERATIONS = {"tlt2": "2.0", "tlt3": "3.0 on"}
_LINE = re.compile(r"^(?P<indent> *)(?P<name>\w+)(?P<rest>:? .*)$")


def put_into(page: str) -> str:
    """``page`` with the tables between its two markers written anew."""
    before, _, rest = page.partition(START)
    return f"{before}{START}\n{tables()}{END}{rest.partition(END)[2]}"


def tables() -> str:
    """A Markdown table for each section, both dialects in one."""
    lines: list[str] = []
    known = fields.table("ssd")
    head = ("field", "in", "takes", "unset", "what it is for", "honoured", "NVIDIA's own programs")
    for section in dict.fromkeys(field.section for field in known):
        lines += [f"\n### {section or 'At the top'}\n", f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
        lines += [_row(field, section) for field in known if field.section == section]
    return "\n".join(lines) + "\n\n"


def commented(text: str, dialect: str, kind: str = "ssd") -> str:
    """``text``, a rendered spec, with what each field is for behind it, or above it where that is too long."""
    known = fields.by_path(kind, dialect)
    lines: list[tuple[str, str]] = []
    path: list[str] = []
    told: set[str] = set()
    for line in text.removesuffix("\n").split("\n"):
        match = _LINE.match(line)
        if line.strip() == "}":
            path.pop()
        if match is None:
            lines.append((line, ""))
            continue
        here = ".".join([*path, match["name"]])
        if line.endswith("{"):
            path.append(match["name"])
        meaning = known[here].meaning if here in known and here not in told else ""
        told.add(here)
        lines.append((line, meaning))
    return "\n".join(laid_out(lines)) + "\n"


def _row(field: Field, section: str) -> str:
    name = field.path.removeprefix(f"{section}.")
    generations = "both" if len(field.dialects) > 1 else GENERATIONS[field.dialects[0]]
    told = (generations, _takes(field), field.unset, field.meaning, field.honoured, field.nvidia)
    return f"| `{name}` | {' | '.join(told)} |"


def _takes(field: Field) -> str:
    """The range and the unit of the values, or their type where they have no range."""
    return "; ".join(filter(None, (field.range or field.takes, field.unit)))
