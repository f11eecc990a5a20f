"""The command lines that the figures at full scale time, as a user would type them."""

from __future__ import annotations

from pathlib import Path

from measure import BIN

Argv = list[str | Path]


def prepare(workspace: Path) -> Argv:
    return [BIN / "tltpipe", "prepare", "-w", workspace, "--set", "data.splits=[train]"]


def convert(source: Path, target: Path, *, of: str, to: str) -> Argv:
    return [BIN / "tltpipe", "convert", source, target, "--from", of, "--to", to, "--images", "none"]


def check(dataset: Path) -> Argv:
    return [BIN / "tltpipe", "check", dataset]
