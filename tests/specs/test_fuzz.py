"""Damaged specs: refused in words, never with another exception."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import specs
from specs import dialects, layout, values
from tltpipe.errors import SpecError

DATA = Path(__file__).parents[1] / "data"
KINDS = {
    "seed-specs/KITTI-augmentation.conf": "augment",
    "seed-specs/KITTI_dataset_conversion.conf": "dataset_convert",
    "seed-specs/training.conf": "ssd",
    "training.tlt3.conf": "ssd",
}
TEXTS = {name: (DATA / name).read_bytes().decode() for name in KINDS}
TOLD_APART = [("seed-specs/training.conf", "tlt2"), ("training.tlt3.conf", "tlt3")]
PIECES = st.sampled_from(
    [
        *("{", "}", "<", ">", "[", "]", '"', "'", ":", "#", "/", "\\", "-", "0", "9" * 400, "1e99", "nan", "\0"),
        *("\n", "\x85", "é"),
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, str]:
    name = draw(st.sampled_from(sorted(TEXTS)))
    text = TEXTS[name]
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(PIECES | st.text(max_size=3)) + text[end:]
    return text, KINDS[name]


@settings(max_examples=300, deadline=None)
@given(damaged(), st.booleans())
def test_only_spec_errors(case: tuple[str, str], strict: bool) -> None:
    text, kind = case
    with contextlib.suppress(SpecError):
        specs.recognise(text, source="spec")
    with contextlib.suppress(SpecError):
        specs.parse_text(text, kind, source="spec", strict=strict)


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(TOLD_APART))
def test_damage_changes_no_dialect(data: st.DataObject, which: tuple[str, str]) -> None:
    name, dialect = which
    lines = TEXTS[name].splitlines()
    for _ in range(data.draw(st.integers(0, 6))):
        del lines[data.draw(st.integers(0, len(lines) - 1))]
    text = "\n".join(lines) + data.draw(st.text(max_size=3))
    chosen, _ = dialects.choose(specs.load("ssd"), text)
    assert chosen.SCHEMA.split(".")[-2] == dialect


@st.composite
def filled(draw: st.DrawFn) -> specs.Spec:
    """An Experiment of TLT 3.0 and later with any numbers at all in the sample's fields."""
    spec = specs.parse_text(TEXTS["training.tlt3.conf"], "ssd", source="spec")
    message = spec.message
    sections = [message.ssd_config, message.training_config, message.augmentation_config, message.nms_config]
    sections += [message.eval_config, message.training_config.learning_rate.soft_start_annealing_schedule]
    for section in draw(st.lists(st.sampled_from(sections), max_size=6)):
        field = draw(st.sampled_from([each for each in section.DESCRIPTOR.fields if not values.repeated(each)]))
        kinds = {
            field.CPPTYPE_FLOAT: st.floats(width=32),
            field.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
            field.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
            field.CPPTYPE_BOOL: st.booleans(),
            field.CPPTYPE_STRING: st.sampled_from(["", "[", "[1]", "[1, 2, 3, 4, 5, 6, 7]", "[[1], 1, 1, 1, 1, 1]"]),
        }
        if field.cpp_type in kinds:
            setattr(section, field.name, draw(kinds[field.cpp_type]))
    return spec


@settings(max_examples=200, deadline=None)
@given(filled(), st.booleans())
def test_any_values_are_judged(drawn: specs.Spec, strict: bool) -> None:
    text = specs.dump(drawn)
    try:
        spec = specs.parse_text(text, "ssd", source="spec", strict=strict)
    except SpecError:
        return
    assert 0 < spec.message.eval_config.matching_iou_threshold < 1
    assert spec.message.augmentation_config.output_width > 32
    assert all(
        math.isfinite(value) for _, value in spec.message.augmentation_config.ListFields() if isinstance(value, float)
    )


@settings(max_examples=200, deadline=None)
@given(damaged())
def test_what_protobuf_takes_has_places(case: tuple[str, str]) -> None:
    text, kind = case
    try:
        spec = specs.parse_text(text, kind, source="spec")
    except SpecError:
        return
    walk = layout.Walk(text, spec.message.DESCRIPTOR, {})
    walk.run()  # a misfit here would mean that we read the text otherwise than protobuf
    assert walk.misfits == []
    lines = text.split("\n")
    for path, (line, column) in walk.positions.items():
        name = path.partition("[")[0] if path.endswith("]") else path
        assert lines[line - 1][column - 1 :].startswith(name.rpartition(".")[2])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | damaged().map(lambda case: case[0].encode(errors="replace")), st.integers(0, 60))
def test_files_of_any_bytes(tmp_path_factory: object, content: bytes, place: int) -> None:
    path = Path(getattr(tmp_path_factory, "getbasetemp")()) / "spec.conf"  # noqa: B009
    path.write_bytes(content[:place] + b"\xff" * (place % 2) + content[place:])
    with contextlib.suppress(SpecError):
        specs.parse(path, "ssd")
