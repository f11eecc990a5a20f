"""Decoding a JPEG at a part of its size before it is resized to 288x288: what that changes, and what it saves.

Pictures as ``tltpipe sample`` draws them (garments, fabrics, shops and streets), quality 90, 1,920 pixels on the longer
side, which are decoded at a half. PSNR of resizing from the half against resizing from the whole: with the bilinear
resize, for which tlt-augment therefore always decodes the whole, and with ``--antialias --reduced-decode``. Then
``tlt-augment --antialias`` with and without ``--reduced-decode``, in turn.
"""

from __future__ import annotations

import tempfile
from math import inf, log10
from pathlib import Path
from statistics import mean, median

import augment_specs
import commands
import numpy as np
from measure import best_of, in_turn, judge_speed, options, run, told

from converters.pictures import headers
from converters.sample import draw
from runtime.augmenting import pixels
from runtime.augmenting.pictures import enough
from runtime.imaging import transforms
from tltpipe.progress import Silent

LONGER_SIDE = 1920
OUTPUT = (288, 288)
INVISIBLE = 40.0
"""dB from which on a difference is hard to see even in turn."""


def resized(image: transforms.Image, *, antialias: bool) -> transforms.Image:
    size = (image.shape[1], image.shape[0])
    matrix = transforms.matrix(transforms.Spatial(), size=size, output=OUTPUT)
    return transforms.warp(image, matrix, OUTPUT, antialias=antialias)


def psnr(one: transforms.Image, other: transforms.Image) -> float:
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return 10 * log10(255**2 / error) if error else inf


def compare(paths: list[Path], *, antialias: bool) -> list[float]:
    """dB between resizing from the reduced and from the whole picture, for those that are decoded at a part."""
    found = []
    for path in paths:
        whole, size = pixels.decode(str(path))
        whole = whole.copy()
        part, _ = pixels.decode(str(path), least=enough(OUTPUT))
        if (part.shape[1], part.shape[0]) != size:
            found.append(psnr(resized(whole, antialias=antialias), resized(part, antialias=antialias)))
    return found


def microseconds(paths: list[Path], *, reduced: bool, antialias: bool) -> float:
    """Of decoding and resizing a picture, in this process."""

    def all_of_them() -> None:
        for path in paths:
            resized(pixels.decode(str(path), least=enough(OUTPUT) if reduced else None)[0], antialias=antialias)

    return 1e6 * best_of(3, all_of_them) / len(paths)


def labelled(folder: Path, pictures: int) -> Path:
    """Drawn pictures in ``folder``, with the labels that ``tltpipe prepare`` writes."""
    split = folder / "Original-Data" / "train"
    if not split.is_dir():
        draw(split.parent, train=pictures, validation=0, seed=1, size=LONGER_SIDE, progress=Silent())
    if not (split / "label").is_dir():
        run(commands.prepare(folder))
    return split


def judge(paths: list[Path]) -> None:
    """Print what reduced decoding does to the pictures at ``paths``."""
    for name, antialias in (("bilinear", False), ("--antialias", True)):
        found = compare(paths, antialias=antialias)
        if not found:
            print(f"{name}: none of the pictures is decoded at a part of its size")
            continue
        print(f"{name}, {len(found)} of {len(paths)} pictures decoded at a part of their size:")
        print(f"  PSNR mean {mean(found):.1f} dB, median {median(found):.1f}, min {min(found):.1f}")
        whole, part = (microseconds(paths, reduced=each, antialias=antialias) for each in (False, True))
        print(f"  decode and resize: {whole:.0f} us from the whole, {part:.0f} us from the part")
    told(f"{min(found):.1f} dB with --antialias", f"{INVISIBLE:.0f} dB", met=min(found) >= INVISIBLE, bound="least")


if __name__ == "__main__":
    said = options(__doc__, pictures=300)
    with tempfile.TemporaryDirectory() as name:
        root = labelled(said.folder or Path(name) / "drawn", said.pictures)
        paths, scratch = sorted((root / "image").iterdir()), Path(name)
        print(f"{len(paths)} drawn pictures, the first {headers.size(paths[0])}")
        judge(paths)
        spec = augment_specs.written(augment_specs.RESIZE, scratch / "resize.conf")
        duel = in_turn(
            lambda number: commands.augment(root, spec, scratch / f"part{number}", "--antialias", "--reduced-decode"),
            lambda number: commands.augment(root, spec, scratch / f"whole{number}", "--antialias"),
            rounds=said.rounds,
        )
        judge_speed("tlt-augment --antialias --reduced-decode", duel, other="without --reduced-decode", per=len(paths))
