"""Tunables from tltpipe.yaml and --set."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from refusals import error_of

import specs
from tltpipe.errors import ConfigError, Location, UsageError


def test_values_over_defaults() -> None:
    ssd = specs.tunables_from(
        "ssd",
        {
            "num_epochs": "12",
            "freeze_bn": "true",
            "max_learning_rate": "1e-3",
            "scales": "[.1, .2, .3, .4, .5, .6, 2/3]",
            "aspect_ratios_global": [1, "1/3"],
            "freeze_blocks": [0, 1],
        },
    )
    assert (ssd.num_epochs, ssd.freeze_bn, ssd.max_learning_rate) == (12, True, 1e-3)
    assert ssd.scales[-1] == 2 / 3
    assert ssd.aspect_ratios_global == (1.0, 1 / 3)
    assert ssd.freeze_blocks == (0, 1)
    assert ssd.batch_size_per_gpu == specs.tunables("ssd")().batch_size_per_gpu


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("num_epoch", 1, 'ssd has no setting "num_epoch"; did you mean "num_epochs"?'),
        ("num_epochs", 0, "num_epochs must be above 0, not 0"),
        ("num_epochs", "ten", "num_epochs must be a whole number, not ten"),
        ("num_epochs", 1.5, "num_epochs must be a whole number, not 1.5"),
        ("num_epochs", None, "num_epochs must be a whole number, not null"),
        ("arch", "resnt", 'did you mean "resnet"?'),
        ("scales", [0.1], "scales needs 7 or more entries, not 1"),
        ("scales", [0.1] * 8, "scales needs at most 7 entries, not 8"),
        ("scales", [-1] + [1] * 6, "scales[0] must be above 0, not -1"),
        ("scales", "[1, 2", "scales: this is not a list of numbers: [1, 2"),
        ("scales", ["a"], "scales: numbers and + - * / are expected, not a"),
        ("zoom_max", float("inf"), "zoom_max must be a finite number, not inf"),
        ("hflip_probability", 1.5, "hflip_probability must be at most 1, not 1.5"),
    ],
)
def test_refusals(key: str, value: object, complaint: str) -> None:
    error = error_of(ConfigError, lambda: specs.tunables_from("ssd", {key: value}, where=Location("tltpipe.yaml", 3)))
    assert str(error).startswith("tltpipe.yaml:3: ")
    assert complaint in error.what


def test_all_refusals_with_their_places() -> None:
    places = {"foo": "--set foo=1", "top_k": Location("tltpipe.yaml", 7)}
    error = error_of(ConfigError, specs.tunables_from, "ssd", {"foo": 1, "top_k": 0}, where=places.get)
    assert str(error).splitlines() == [
        '--set foo=1: ssd has no setting "foo"',
        "tltpipe.yaml:7: top_k must be above 0, not 0",
    ]
    assert str(error.hint).startswith("settings of ssd: random_seed, arch, ")


def test_unknown_folder() -> None:
    assert error_of(UsageError, specs.tunables, "sdd", match='no specs for "sdd"').hint == 'did you mean "ssd"?'


def test_only_folders_hold_specs() -> None:
    assert {"augment", "dataset_convert", "faster_rcnn", "ssd"} <= {*specs.folders()}
    assert not {"values", "schema"} & {*specs.folders()}
    for name in ("values", "schema", ""):
        with pytest.raises(UsageError):
            specs.load(name)


def test_importing_specs_is_light() -> None:
    heavy = {"google.protobuf", "jinja2", "pydantic", "annotated_types"}
    code = f"import specs, sys; print(sorted({heavy} & set(sys.modules)))"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_one_entry_is_a_list_of_it() -> None:
    assert specs.tunables_from("ssd", {"aspect_ratios_global": "1/2"}).aspect_ratios_global == (0.5,)
    assert specs.tunables_from("ssd", {"freeze_blocks": 1}).freeze_blocks == (1,)
