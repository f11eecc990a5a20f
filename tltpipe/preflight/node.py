"""What a node says of itself. Nothing heavy is imported: versions are read from the installed packages' records."""

from __future__ import annotations

import os
import platform
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from tltpipe import __version__

LIBRARIES = {
    "numpy": ("numpy",),
    "OpenCV": ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python"),
    "Pillow": ("pillow",),
    "simplejpeg": ("simplejpeg",),
    "torch": ("torch",),
    "torchvision": ("torchvision",),
}
"""Libraries that decide pixels and weights, by the packages that may bring them."""
SIMD = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve")
"""Flags of a processor by which OpenCV and PyTorch choose their arithmetic."""
QUERY_SECONDS = 2.0


def name() -> str:
    """The name that whoever started this process knows its node by."""
    named = (os.environ.get(variable) for variable in ("TLTPIPE_NODE", "SLURMD_NODENAME"))
    return next(filter(None, named), socket.gethostname())


def versions() -> dict[str, str]:
    """Python, tltpipe and ``LIBRARIES``, without those that are not installed."""
    found = {"tltpipe": __version__, "Python": platform.python_version()}
    for library, packages in LIBRARIES.items():
        for package in packages:
            with suppress(metadata.PackageNotFoundError):
                found.setdefault(library, metadata.version(package))
    return found


def cpu() -> tuple[str, tuple[str, ...]]:
    """The processor's name, and those of its ``SIMD`` flags."""
    text = ""
    with suppress(OSError):
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace").partition("\n\n")[0]
    fields: dict[str, str] = dict(re.findall(r"^([^\t:]+?)\s*:[ ]?(.*)$", text, re.MULTILINE))
    flags = fields.get("flags", fields.get("Features", "")).split()
    return fields.get("model name", platform.machine()), tuple(flag for flag in SIMD if flag in flags)


def gpus(environment: Mapping[str, str] = os.environ) -> int:
    """GPUs that this process may use: those of the driver, no more than ``CUDA_VISIBLE_DEVICES`` names."""
    there = _listed()
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return len(list(Path("/dev").glob("nvidia[0-9]*"))) if there is None else there
    named = [word for word in visible.split(",") if word.strip() not in ("", "-1", "NoDevFiles")]
    return len(named) if there is None else min(there, len(named))


def _listed() -> int | None:
    """The GPUs that ``nvidia-smi`` lists; None where it is not there, or does not answer."""
    try:
        answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=QUERY_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return sum(line.startswith("GPU ") for line in answer.stdout.splitlines())


def clock(folder: Path) -> float:
    """By how many seconds this machine's clock is ahead of the one that dates the files in ``folder``; 0 where those
    are dated by this machine. Raises OSError where nothing can be written there."""
    with tempfile.NamedTemporaryFile(dir=folder) as probe:
        before = time.time()
        probe.write(b"\n")
        probe.flush()
        os.fsync(probe.fileno())
        return (before + time.time()) / 2 - os.stat(probe.name).st_mtime  # noqa: PTH116
