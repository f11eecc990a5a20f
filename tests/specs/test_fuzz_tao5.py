"""Damaged YAML specs and overrides: refused in words that have a place, or read to values that make sense.

TLTPIPE_FUZZ sets how many (5000 take about a minute).
"""

from __future__ import annotations

import math
import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzzing import bounded

from specs.augment import tao5
from specs.augment.tao5_keys import KEYS
from tltpipe.errors import SpecError

COUNT = int(os.environ.get("TLTPIPE_FUZZ", "300"))
FOUND = ["data.image_dir=/in/images", "data.ann_path=/in/labels"]
TEXTS = [
    tao5.write_default(),
    "data: {image_dir: /a, ann_path: '/b', output_image_width: 288, output_image_height: 288}\nresults_dir: /r\n",
    """\
%YAML 1.1
---
results_dir: "/r/\\u00e9"   # a comment
random_seed: 0x2A
data: {image_dir: "${results_dir}/in", ann_path: '${data.image_dir}/x', batch_size: 2}
spatial_aug:
  rotation:
    angle: &some [-10, 1.5e1]
    units: |-
      degrees
  shear: {shear_ratio_x: *some, shear_ratio_y: [0.1,
    .2, 3.]}
""",
    """\
spatial_aug:
  shear:
    shear_ratio_x:
    - -0.5
    - 0.5
blur_aug:
  std: 1
  size:
  - 3
  - 5
  - 7
""",
]
OVERRIDES = [
    *("spatial_aug.rotation.angle=[-10,10]", "results_dir=/x/y", "data.output_image_width=null", "random_seed=7"),
    *("++blur_aug.size=[3,5,7]", "data.ann_path=${data.image_dir}/a", "spatial_aug.flip.flip_vertical=true"),
]
PIECES = [
    *("\0", "\ufeff", "\r\n", "\r", "\u2028", "\x85", "\ud800", "\udcff", "\U0001f457", "\t", " ", "\n", "\n  "),
    "\n- ",
    *("null", "~", "true", "[]", "{}", "[", "]", "{", "}", '""', '"', "'", "\\", "\\x", "\\U00110000", "\\ud800"),
    "\\0",
    *("&a ", "*a", "&some ", "*some", "<<: *some", "!!python/object:os.system x", "!!float ", "!", "!<", "!!set "),
    "!!null ",
    *(":", ": ", ",", "-", "- ", "? ", "#", " # ", "|", ">", "|9", "%", "@", "`", "=", "---\n", "...\n", "%YAML 1.1\n"),
    *("${", "}", "${results_dir}", "${data.image_dir}", "${oc.env:HOME}", "${random_seed}", "${.x}", "${}", "??"),
    "???",
    *(".nan", "-.inf", "1e999", "-1e308", "1e-400", "0x10", "1_000", "010", "1:30", "9" * 400, "٣", "１", "2001-01-01"),
    *("[" * 300, "{a: " * 100, "- " * 100, "? " * 100, "a" * 70_000, "," * 300, " " * 5000, "\n" * 300, "1, " * 5000),
    *(name.rpartition(".")[2] for name in KEYS),
    *KEYS,
]


def flip(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    return text[:place] + chr(ord(text[place]) ^ (1 << chance.randrange(7))) + text[place + 1 :]


def truncate(text: str, chance: random.Random) -> str:
    return text[: chance.randrange(len(text))]


def cut_out(text: str, chance: random.Random) -> str:
    start = chance.randrange(len(text))
    return text[:start] + text[start + chance.randint(1, 60) :]


def double(text: str, chance: random.Random) -> str:
    start = chance.randrange(len(text))
    return text[:start] + text[start : start + chance.randint(1, 200)] + text[start:]


def insert(text: str, chance: random.Random) -> str:
    place = chance.choice([0, len(text), chance.randrange(len(text))])
    return text[:place] + chance.choice(PIECES) + text[place:]


def other_value(text: str, chance: random.Random) -> str:
    """Something else behind a colon or an equals sign, up to the end of what stands there."""
    places = [place for place, character in enumerate(text) if character in ":=[,"]
    if not places:
        return insert(text, chance)
    start = chance.choice(places) + 1
    end = next((place for place in range(start, len(text)) if text[place] in ",]}\n#"), len(text))
    return f"{text[:start]} {chance.choice(PIECES)}{text[end:]}"


def swap_lines(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    return "\n".join(lines)


MUTATIONS: list[Callable[[str, random.Random], str]] = [
    *(flip, truncate, cut_out, double, insert, insert, other_value, other_value, other_value, swap_lines),
]


def mutated(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 3)):
        text = chance.choice(MUTATIONS)(text, chance) or " "
    return text


def judged(path: Path, overrides: list[str]) -> bool:
    """Whether the spec was read; whatever comes of it must be fit to be shown and used."""
    try:
        with bounded():
            spec = tao5.read(path, overrides)
    except SpecError as error:
        told = str(error)
        assert all(line.startswith((str(path), 'override "', "and more")) for line in told.splitlines()), told
        assert len(told) < 30_000
        (told + (error.hint or "")).encode()
        return False
    for name, value in spec.message.items():
        if isinstance(value, tuple):
            assert all(isinstance(each, float) and math.isfinite(each) for each in value), name
            assert len(value) != 2 or value[0] <= value[1] or name == "gpu_ids", name
    assert all(size == 0 or size % 2 == 1 for size in spec.message["blur_aug.size"])
    assert spec.message["data.image_dir"]
    assert spec.message["data.ann_path"]
    assert min(tao5.image_size(spec) or (1, 1)) > 0
    "".join(
        [
            spec.message["data.image_dir"],
            spec.message["data.ann_path"],
            tao5.output(spec),
            spec.message["spatial_aug.rotation.units"],
            *spec.warnings,
        ]
    ).encode()
    assert pickle.loads(pickle.dumps(spec)) == spec
    return True


def test_untouched_they_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    for text in TEXTS:
        path.write_text(text)
        assert judged(path, FOUND)
        assert judged(path, [*FOUND, *OVERRIDES[:2], *OVERRIDES[3:]])


@pytest.mark.parametrize("kind", ["files", "bytes", "overrides"])
def test_mutated(kind: str, tmp_path: Path) -> None:
    path, read = tmp_path / "a.yaml", 0
    for seed in range(COUNT):
        chance = random.Random(f"{kind} {seed}")
        content, overrides = chance.choice(TEXTS).encode(), list(FOUND)
        if kind == "files":
            content = mutated(content.decode(), chance).encode(errors="surrogatepass")
        elif kind == "bytes":
            data = bytearray(content)
            for _ in range(chance.randint(1, 4)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            content = bytes(data)
        else:
            overrides += [mutated(chance.choice(OVERRIDES), chance) for _ in range(chance.randint(1, 3))]
        path.write_bytes(content)
        try:
            read += judged(path, overrides)
        except Exception as fault:
            raise AssertionError(
                f"{kind}, seed {seed}, {overrides}: {fault!r}; the file: {content[:3000]!r}"
            ) from fault
    assert 0 < read < COUNT  # neither all nothing nor all something
