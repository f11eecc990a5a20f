"""Damaged specs: refused in words, never with another exception."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import specs
from specs import layout
from tltpipe.errors import SpecError

SEEDS = Path(__file__).parents[1] / "data" / "seed-specs"
MESSAGES = {
    "KITTI-augmentation.conf": "AugmentorConfig",
    "KITTI_dataset_conversion.conf": "DatasetExportConfig",
    "training.conf": "Experiment",
}
TEXTS = {name: (SEEDS / name).read_bytes().decode() for name in MESSAGES}
PIECES = st.sampled_from(
    [
        "{",
        "}",
        "<",
        ">",
        "[",
        "]",
        '"',
        "'",
        ":",
        "#",
        "/",
        "\\",
        "-",
        "0",
        "9" * 400,
        "1e99",
        "nan",
        "\0",
        "\n",
        "\x85",
        "é",
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
    return text, MESSAGES[name]


@settings(max_examples=300, deadline=None)
@given(damaged())
def test_only_spec_errors(case: tuple[str, str]) -> None:
    text, message = case
    with contextlib.suppress(SpecError):
        specs.parse_text(text, message, source="spec")


@settings(max_examples=200, deadline=None)
@given(damaged())
def test_what_protobuf_takes_has_places(case: tuple[str, str]) -> None:
    text, message = case
    try:
        spec = specs.parse_text(text, message, source="spec")
    except SpecError:
        return
    walk = layout.Walk(text, spec.message.DESCRIPTOR, {})
    walk.run()  # a Misfit here would mean that we read the text otherwise than protobuf
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
        specs.parse(path, "Experiment")
