"""What a report says that a spec has otherwise than the default."""

from __future__ import annotations

import pytest

import specs
from orchestrator.commands import report, spec_drafting
from orchestrator.pages.report import spec_difference
from orchestrator.pages.report.spec_difference import Field
from orchestrator.settings import config


def default(network: str) -> str:
    """The default spec of two classes."""
    kind = spec_drafting.kind_of(network)
    contents = spec_drafting.placeholder(kind, None, ["shorts", "skirt"])
    values = {**contents.paths, "classes": contents.classes}
    return specs.render(network, kind.template(contents.dialect), specs.tunables(network)(), **values)


def fields(text: str, network: str) -> list[Field] | None:
    return spec_difference.fields(text, network, report._default_spec, str(spec_drafting.NOWHERE))


@pytest.mark.parametrize("network", config.networks())
def test_the_default_differs_from_itself_in_paths_alone(network: str) -> None:
    nowhere = str(spec_drafting.NOWHERE)
    assert [each for each in fields(default(network), network) or () if nowhere not in each.value] == []


@pytest.mark.parametrize(
    ("line", "other", "differs"),
    [
        ("0.3333333333333333", "1.0/3.0", []),
        ("  clip_boxes: false\n", "", []),
        ("  num_epochs: 80", "  num_epochs: 60", [Field("training_config.num_epochs", "60", "80")]),
        ("  pos_iou_thresh: 0.5", "  pos_iou_thresh: 0.4", [Field("ssd_config.pos_iou_thresh", "0.4", "0.5")]),
        (
            'value: "shorts"',
            'value: "skirt"',
            [Field('dataset_config.target_class_mapping["shorts"]', "skirt", "shorts")],
        ),
    ],
)
def test_only_what_means_something_else_differs(line: str, other: str, differs: list[Field]) -> None:
    text = default("ssd")
    assert line in text
    found = fields(text.replace(line, other), "ssd") or []
    assert [each for each in found if "_path" not in each.path] == differs
