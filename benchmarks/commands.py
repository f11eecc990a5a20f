"""The command lines that the figures at full scale time, as a user would type them."""

from __future__ import annotations

from pathlib import Path

from measure import BIN

Argv = list[str | Path]


def prepare(workspace: Path) -> Argv:
    return [BIN / "tltpipe", "prepare", "-w", workspace, "--set", "data.splits=[train]"]


def convert(source: Path, target: Path, *, of: str, to: str, images: str = "none") -> Argv:
    return [BIN / "tltpipe", "convert", source, target, "--from", of, "--to", to, "--images", images]


def check(dataset: Path) -> Argv:
    return [BIN / "tltpipe", "check", dataset]


def stats(dataset: Path) -> Argv:
    return [BIN / "tltpipe", "stats", dataset]


def split(source: Path, target: Path) -> Argv:
    return [BIN / "tltpipe", "split", source, target]


def augment(dataset: Path, spec: Path, output: Path, *more: str, workers: int = 2) -> Argv:
    return [BIN / "tlt-augment", "-d", dataset, "-a", spec, "-o", output, "--workers", str(workers), *more]


def dataset_convert(spec: Path, prefix: Path, *, workers: int = 2) -> Argv:
    return [BIN / "tlt-dataset-convert", "-d", spec, "-o", prefix, "--workers", str(workers)]
