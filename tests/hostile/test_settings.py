"""A tltpipe.yaml that would fill the memory, or the stack, is an error with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.settings import config
from tltpipe.errors import ConfigError

LAUGHS = "".join(f"  - &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
HOSTILE = {
    "deep": "data: " + "[" * 20_000,
    "deep and closed": "data: {classes: " + "[" * 3_000 + "]" * 3_000 + "}",
    "aliases of aliases": f"data:\n  splits:\n  - &a0 [x, x, x]\n{LAUGHS}",
    "an alias of itself": "data:\n  splits: &a [*a]\n",
    "month 99": "train: {epochs: 2026-99-99}\n",
    "no date": "data: {format: !!timestamp foo}\n",
    "no number": "data: {classes: !!int foo}\n",
    "no truth": "networks: !!bool x\n",
    "5,000 digits": f"train: {{epochs: 1{'0' * 5_000}}}\n",
    "an object": "data: {splits: !!python/object/apply:os.system [ls]}\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_with_its_place(tmp_path: Path, name: str) -> None:
    (tmp_path / "tltpipe.yaml").write_text(HOSTILE[name])
    with pytest.raises(ConfigError, match=r"tltpipe.yaml:\d+"):
        config.load(tmp_path, environment={})


def test_an_alias_as_people_use_it_is_taken(tmp_path: Path) -> None:
    (tmp_path / "tltpipe.yaml").write_text("data:\n  splits: &both [train, validation]\n  classes: *both\n")
    assert list(config.load(tmp_path, environment={}).data.splits) == ["train", "validation"]
