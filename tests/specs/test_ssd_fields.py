"""Every field of all dialects is told of, and of none that there is not."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import specs
from runtime.imaging.views.flat import Flat
from specs import dialects, fields
from specs.ssd import drafting, field_facts, ranges

OPAQUE = {"wandb_config", "clearml_config", "cost_scaling", "dssd_config"}
"""Messages of which nothing is read."""
PAGE = Path(__file__).parents[2] / "docs" / "ssd-spec.md"


def leaves(descriptor: Any, path: str = "") -> set[str]:
    found = set()
    for field in descriptor.fields:
        here = f"{path}{field.name}"
        kind = field.message_type
        if kind is None or kind.GetOptions().map_entry or field.name in OPAQUE:
            found.add(here)
        else:
            found |= leaves(kind, f"{here}.")
    return found


@pytest.mark.parametrize(
    ("kind", "dialect"), [("ssd", "tlt2"), ("ssd", "tlt3"), ("augment", "tlt2"), ("dataset_convert", "tlt2")]
)
def test_every_field_is_told_of(kind: str, dialect: str) -> None:
    folder = specs.load(kind)
    message = dialects.message(dialects.named(folder, dialect), folder.MESSAGE)
    assert set(fields.by_path(kind, dialect)) == leaves(message.DESCRIPTOR)


def test_facts_are_of_fields_that_there_are() -> None:
    known = {field.path for field in fields.table("ssd")}
    told = {*field_facts.RANGES, *field_facts.UNITS, *field_facts.NVIDIA, *field_facts.LISTS, *field_facts.ZERO_COUNTS}
    assert told - known == set()


def test_the_training_crops_by_what_fields_mean_that_are_not_written() -> None:
    assert {each.name: each.default for each in dataclasses.fields(Flat) if each.name in ranges.UNSET} == ranges.UNSET


def test_what_is_not_honoured_is_warned_of() -> None:
    for dialect, text in (("tlt2", "seed-specs/training.conf"), ("tlt3", "training.tlt3.conf")):
        told = (Path(__file__).parents[1] / "data" / text).read_text()
        for path, value in (("training_config", "use_multiprocessing: true"), ("nms_config", "force_on_cpu: true")):
            name = value.partition(":")[0]
            assert fields.by_path("ssd", dialect)[f"{path}.{name}"].honoured == fields.NO
            spec = specs.parse_text(told.replace(f"{path} {{", f"{path} {{ {value}", 1), "ssd", source="spec")
            assert any(f"{name} is read but has no effect" in warning for warning in spec.warnings)


def test_the_page_is_of_these_fields(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text()
    fresh = drafting.put_into(text)
    if request.config.getoption("--update-golden"):
        PAGE.write_text(fresh)
    assert text == fresh, "pytest --update-golden writes it anew"
